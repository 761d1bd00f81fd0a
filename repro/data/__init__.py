"""The data that chapters use: what there is, where it lies, whether it is whole, and its arrays.

>>> from repro.data import load
>>> digits = load("digits", validation=360)
>>> digits.x_train.shape, digits.x_validation.shape, digits.x_test.shape
((1077, 1, 8, 8), (360, 1, 8, 8), (360, 1, 8, 8))
"""

from repro.data.catalogue import registry
from repro.data.dataset import Dataset, Files, available, files, load
from repro.data.errors import DataCorrupt, DataUnavailable

__all__ = ["DataCorrupt", "DataUnavailable", "Dataset", "Files", "available", "files", "load", "registry"]
