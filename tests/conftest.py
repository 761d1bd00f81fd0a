"""What all tests share."""

import os

# one thread a test process: the suite runs side by side, and small matrices gain nothing from more
os.environ.setdefault("OMP_NUM_THREADS", "1")
