"""Two-factor and multifactor rules, and the map of the note "multifactor synaptic learning rules" (m8ta.com)."""
