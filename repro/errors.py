"""The one error that a reader's mistake ends in: a line that says what to do, without our traceback."""


class Mistake(ValueError):
    """Something the user gave is not allowed; the message names it, its value and what is allowed, in one line."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]
