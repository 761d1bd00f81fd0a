"""The two ways in which data can fail a reader."""

from __future__ import annotations

from repro.errors import Mistake


class DataUnavailable(Mistake):
    """A data set is not here and could not be fetched; the message says where was looked and how to get it."""


class DataCorrupt(Mistake):
    """A file is not what the registry says; the message names it, what was expected and what was found."""
