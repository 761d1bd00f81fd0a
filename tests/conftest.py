"""What all tests share."""

import os

import tests.checker  # noqa: F401  (named in pyproject.toml, must be there before the package is imported)

# one thread a test process: the suite runs side by side, and small matrices gain nothing from more
os.environ.setdefault("OMP_NUM_THREADS", "1")
