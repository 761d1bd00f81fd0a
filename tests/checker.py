"""The run-time check of annotations in tests; an int passes for a float, as it does for Python's type checkers."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
