"""One learning rule, three senses: what it learns has the longest tail, and wins under every nonlinearity.

A sense is white data to learn from and held-out data to compare on. Three kinds of features are compared: learned by
the quadratic rectifier, random, and one made by hand. On held-out data each feature's response is brought to mean 0 and
variance 1 before its value ⟨F(u)⟩ is taken, so that none wins by its variance.

Deviates: which features the article compares with was not read; those made by hand are this book's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from repro.nonlinear_hebbian import binocular, complex_cells, speech
from repro.nonlinear_hebbian.learners import fixed_point, initial_weights
from repro.nonlinear_hebbian.measures import excess_kurtosis
from repro.nonlinear_hebbian.nonlinearities import FIVE, NONLINEARITIES
from repro.nonlinear_hebbian.patches import Image, Whitening, whiten

CONTRAST = 0.3  # of the whitening, for pictures
LEAST_KURTOSIS = 0.05  # random features of smaller kurtosis count as this much, so that a ratio can be taken


@dataclass(frozen=True, eq=False)
class Sense:
    """White data of one sense, held-out data in the same coordinates, and the feature made by hand."""

    name: str
    white: Whitening
    held_out: Float32[np.ndarray, "held k"]
    by_hand: Float32[np.ndarray, "k"]  # norm 1
    by_hand_says: str

    def learned(self, units: int, seed: int, which: str = "quadratic_rectifier", iterations: int = 100) -> np.ndarray:
        """Weights (units, k) learned from random initial ones."""
        start = initial_weights(units, self.white.components.shape[1], seed)
        return fixed_point(self.white.components, [NONLINEARITIES[which]], start, iterations)[0]

    def random(self, units: int, seed: int) -> np.ndarray:
        """Random features (units, k)."""
        return initial_weights(units, self.white.components.shape[1], seed)


def _from_pixels(white: Whitening, feature: Float[np.ndarray, "pixels"]) -> Float32[np.ndarray, "k"]:
    return white.from_pixels(feature[None])[0]


def speech_sense(sounds: speech.Speech, clips: int, seed: int, held_clips: int = 400) -> Sense:
    """Pieces of spectrogram, two speakers held out; by hand: a tone, one band through all frames.

    At least 100 pieces a component, and 25 to 100 components.
    """
    heard, held = speech.split_speakers(sounds)
    raw = speech.pieces(sounds, heard, clips, seed)
    white = whiten(raw, int(np.clip(len(raw) // 100, 25, 100)))
    tone = np.zeros((speech.BANDS, speech.FRAMES))
    tone[speech.BANDS // 2] = 1
    held_out = white.apply(speech.pieces(sounds, held, held_clips, seed + 1))
    return Sense("speech", white, held_out, _from_pixels(white, tone.ravel()), "a tone in the middle band")


def complex_sense(images: Sequence[Image], held_images: Sequence[Image], n: int, seed: int, keep: int = 100) -> Sense:
    """Complex cells over photographs, other photographs held out; by hand: one complex cell in the middle."""
    white = whiten(complex_cells.responses(images, n, seed), keep, remove_mean=False, contrast=CONTRAST)
    held_out = white.apply(complex_cells.responses(held_images, n // 2, seed + 1))
    one = np.zeros((complex_cells.ORIENTATIONS, complex_cells.GRID, complex_cells.GRID))
    one[0, complex_cells.GRID // 2, complex_cells.GRID // 2] = 1
    return Sense("complex cells", white, held_out, _from_pixels(white, one.ravel()), "one complex cell")


def strabismus_sense(
    images: Sequence[Image], held_images: Sequence[Image], n: int, seed: int, size: int = 12, keep: int = 100
) -> Sense:
    """Unrelated patches for two eyes; by hand: a learned field of one eye, given to both."""
    white = whiten(binocular.unrelated(images, size, n, seed), keep, remove_mean=False, contrast=CONTRAST)
    held_out = white.apply(binocular.unrelated(held_images, size, n // 2, seed + 1))
    start = initial_weights(1, keep, seed)
    field = white.to_pixels(fixed_point(white.components, [NONLINEARITIES["l0"]], start, 60)[0])[0]
    eye = max(np.split(field, 2), key=lambda half: float(np.square(half).sum()))
    return Sense(
        "strabismus", white, held_out, _from_pixels(white, np.tile(eye, 2)), "a field that is the same in both eyes"
    )


def responses(
    components: Float32[np.ndarray, "n k"], weights: Float[np.ndarray, "units k"]
) -> Float[np.ndarray, "n units"]:
    """Responses of features, each brought to mean 0 and variance 1 on this data."""
    u = components @ np.asarray(weights, dtype=np.float32).T
    return (u - u.mean(axis=0)) / u.std(axis=0)


def tail_ratio(sense: Sense, learned: Float[np.ndarray, "units k"], seed: int, randoms: int = 20) -> np.ndarray:
    """Held-out excess kurtosis of each learned feature over the largest of ``randoms`` random ones."""
    largest = excess_kurtosis(responses(sense.held_out, sense.random(randoms, seed))).max()
    return excess_kurtosis(responses(sense.held_out, learned)) / max(largest, LEAST_KURTOSIS)


def values(
    components: Float32[np.ndarray, "n k"], weights: Float[np.ndarray, "units k"]
) -> Float[np.ndarray, "nonlinearities units"]:
    """⟨F(u)⟩ of each feature under each of the five nonlinearities, u of mean 0 and variance 1."""
    u = responses(components, weights)
    return np.array([np.asarray(NONLINEARITIES[name].integral(u)).mean(axis=0) for name in FIVE])


def three_features(sense: Sense, learned: Float[np.ndarray, "k"], seed: int) -> Float32[np.ndarray, "3 k"]:
    """The learned feature, a random one, and that made by hand."""
    return np.stack([learned, sense.random(1, seed)[0], sense.by_hand]).astype(np.float32)


def comparisons(
    sense: Sense, learned: Float[np.ndarray, "draws k"], seed: int, size: int = 2000
) -> Float[np.ndarray, "draws nonlinearities 3"]:
    """Values of the three features on as many draws (with replacement) of held-out data as there are learned features.

    Parameters
    ----------
    learned : one feature a draw, each from its own initial weights, so that none is chosen for its result
    seed : of the draws and of the random features
    size : rows of a draw
    """
    rng = np.random.default_rng(seed)
    out = []
    for k, feature in enumerate(learned):
        rows = rng.integers(len(sense.held_out), size=size)
        out.append(values(sense.held_out[rows], three_features(sense, feature, seed + 1 + k)))
    return np.array(out)


def won(compared: Float[np.ndarray, "draws nonlinearities 3"]) -> Float[np.ndarray, "draws"]:
    """How many of the nonlinearities give the learned feature, the first, the largest value."""
    return (compared.argmax(axis=2) == 0).sum(axis=1).astype(float)


def best_of(sense: Sense, learned: Float[np.ndarray, "units k"]) -> Float[np.ndarray, "k"]:
    """The feature of largest value for the quadratic rectifier, on the data that it was learned from."""
    return learned[int(values(sense.white.components, learned)[FIVE.index("quadratic_rectifier")].argmax())]


def eyes_learned(
    raw: Float32[np.ndarray, "n two_eyes"], units: int, seed: int, keep: int = 100
) -> tuple[Float32[np.ndarray, "units two_eyes"], Float[np.ndarray, "units"]]:
    """Fields over both eyes that the quadratic rectifier learns from these patches, and their ocular dominance."""
    white = whiten(raw, keep, remove_mean=False, contrast=CONTRAST)
    start = initial_weights(units, keep, seed)
    fields = white.to_pixels(fixed_point(white.components, [NONLINEARITIES["quadratic_rectifier"]], start, 100)[0])
    return fields, binocular.ocular_dominance(fields)
