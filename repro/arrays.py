"""What a function may be given where numpy would make an array of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = Sequence[Any] | np.ndarray | float | int
"""Numbers in any usual form; numpy's own ``ArrayLike`` is not understood by the run-time checks in tests."""
