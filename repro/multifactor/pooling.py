"""What a sheet is worth to a linear classifier: with all units side by side, and after pooling neighbours.

All units at once is the control in which topography cannot matter; pooling is the smallest use of neighbourhood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.linear_model import RidgeClassifierCV

from repro.multifactor.filters import gabor_sheet, max_pooled, random_sheet, responses, shuffled

PENALTIES = np.logspace(-3, 4, 15)  # of ridge regression on standardised features, chosen by leaving one sample out


@dataclass(frozen=True, eq=False)
class Images:
    """Flat square images in a training and a test part, labels from 0."""

    train: Float[np.ndarray, "train pixels"]
    train_labels: Int[np.ndarray, "train"]
    test: Float[np.ndarray, "test pixels"]
    test_labels: Int[np.ndarray, "test"]

    @property
    def side(self) -> int:
        """Pixels a side."""
        return round(self.train.shape[1] ** 0.5)

    def few(self, a_class: int, seed: int) -> Int[np.ndarray, "chosen"]:
        """Training samples drawn without repetition, ``a_class`` of each class."""
        random = np.random.default_rng([seed, 5])
        classes = np.unique(self.train_labels)
        drawn = [random.permutation(np.flatnonzero(self.train_labels == each))[:a_class] for each in classes]
        return np.concatenate(drawn)


def ridge_accuracy(
    features: Float[np.ndarray, "train features"],
    labels: Int[np.ndarray, "train"],
    test_features: Float[np.ndarray, "test features"],
    test_labels: Int[np.ndarray, "test"],
) -> float:
    """Test accuracy of ridge regression on the classes; features standardised by the training samples."""
    centre, spread = features.mean(0), features.std(0) + 1e-12
    model = RidgeClassifierCV(alphas=PENALTIES).fit((features - centre) / spread, labels)
    return float(model.score((test_features - centre) / spread, test_labels))


def accuracies(
    images: Images,
    n: int,
    a_class: int,
    seeds: Sequence[int],
    map_options: dict[str, float] | None = None,
    full: bool = True,
    pooled: bool = True,
) -> pd.DataFrame:
    """Accuracy by kind of sheet and wiring, one row a seed; samples, shuffle and random filters are the seed's.

    Parameters
    ----------
    n : indices a side of the sheet
    a_class : training samples of each class
    map_options : k, a and b of the map
    full : all units to the classifier, besides raw pixels and the map on images with permuted pixels
    pooled : the largest answer in each 5 x 5 block to the classifier
    """
    gabors = gabor_sheet(n, images.side, **(map_options or {}))
    rows = []
    for seed in seeds:
        chosen = images.few(a_class, seed)
        sheets = {
            "map": gabors,
            "shuffled": shuffled(gabors, seed),
            "random filters": random_sheet(n, images.side, seed),
        }
        for kind, sheet in sheets.items():
            answers = [responses(sheet, part) for part in (images.train[chosen], images.test)]
            if full and kind != "shuffled":  # the order of features is nothing to ridge regression
                rows.append((seed, kind, "full", _score(images, chosen, *(a.reshape(len(a), -1) for a in answers))))
            if pooled:
                rows.append((seed, kind, "pooled", _score(images, chosen, *(max_pooled(a) for a in answers))))
        if full:
            rows.append((seed, "raw pixels", "full", _score(images, chosen, images.train[chosen], images.test)))
            order = np.random.default_rng([seed, 6]).permutation(images.side**2)
            both = [responses(gabors, part[:, order]) for part in (images.train[chosen], images.test)]
            rows.append(
                (seed, "map, pixels permuted", "full", _score(images, chosen, *(a.reshape(len(a), -1) for a in both)))
            )
    return pd.DataFrame(rows, columns=["seed", "sheet", "wiring", "accuracy"])


def _score(images: Images, chosen: Int[np.ndarray, "chosen"], features: np.ndarray, test_features: np.ndarray) -> float:
    return ridge_accuracy(features, images.train_labels[chosen], test_features, images.test_labels)


def gain(table: pd.DataFrame, wiring: str = "pooled", over: str = "shuffled") -> Float[np.ndarray, "seeds"]:
    """Accuracy of the map minus that of another sheet, seed by seed."""
    wide = table[table.wiring == wiring].pivot(index="seed", columns="sheet", values="accuracy")
    return (wide["map"] - wide[over]).to_numpy()
