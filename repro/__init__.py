"""The computing behind the book on synaptic learning rules: one room a chapter, and the few rooms that all share."""

__version__ = "0.1.0"
