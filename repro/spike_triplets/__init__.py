"""Spike-timing rules on pairs, triplets and quadruplets: protocols, rules, measured points, fits, Brian2 versions."""
