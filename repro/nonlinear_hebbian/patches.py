"""From images to white patches: sampling, contrast normalisation, whitening, and the way back to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32

from repro.errors import Mistake

Image = Float[np.ndarray, "_ _"]
"""A grey image, rows and columns; images of one set may differ in size."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """White patches, and the map that made them: x = (p - mean) E / √d, with leading eigenvectors E of the covariance.

    If white, d are the eigenvalues, in descending order.

    A weight vector w on x is shown as the field E w (its form in ZCA coordinates); the pattern E √d w and the filter
    E w / √d look different. All measures of this room are taken on E w.
    """

    components: Float32[np.ndarray, "patches k"]  # white: mean 0, covariance 1
    mean: Float32[np.ndarray, "pixels"] = field(repr=False)
    vectors: Float32[np.ndarray, "pixels k"] = field(repr=False)  # E, orthonormal columns
    variances: Float32[np.ndarray, "k"] = field(repr=False)  # d: by its root each component was divided
    kept: float  # share of the variance in the components that were kept
    remove_mean: bool
    contrast: float  # 0 for none
    contrast_scale: float  # median standard deviation of the patches, which the contrast refers to

    def to_pixels(self, weights: Float[np.ndarray, "units k"]) -> Float32[np.ndarray, "units pixels"]:
        """Weights as fields E w; norms and overlaps stay as they are."""
        return np.asarray(weights, dtype=np.float32) @ self.vectors.T

    def from_pixels(self, fields: Float[np.ndarray, "units pixels"]) -> Float32[np.ndarray, "units k"]:
        """Fields as weights of norm 1, the part in the components that were dropped left out."""
        weights = np.asarray(fields, dtype=np.float32) @ self.vectors
        return weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)

    def apply(self, patches: Float[np.ndarray, "patches pixels"]) -> Float32[np.ndarray, "patches k"]:
        """Other patches in the same coordinates; held-out data is white only as far as it is alike."""
        ready = _prepared(patches, self.remove_mean, self.contrast, self.contrast_scale)
        return (ready - self.mean) @ (self.vectors / np.sqrt(self.variances))


def _spread(patches: Float32[np.ndarray, "patches pixels"]) -> Float32[np.ndarray, "patches 1"]:
    return np.sqrt(np.mean(patches**2, axis=1, keepdims=True))


def _prepared(
    patches: Float[np.ndarray, "patches pixels"], remove_mean: bool, contrast: float, scale: float
) -> Float32[np.ndarray, "patches pixels"]:
    ready = np.asarray(patches, dtype=np.float32)
    if remove_mean:
        ready = ready - ready.mean(axis=1, keepdims=True)
    return ready / (_spread(ready) + contrast * scale) if contrast else ready


def whiten(
    patches: Float[np.ndarray, "patches pixels"],
    keep: int,
    *,
    remove_mean: bool = True,
    contrast: float = 0.0,
    equalise: bool = True,
) -> Whitening:
    """Whiten patches by their leading principal components, computed from these patches.

    Parameters
    ----------
    patches : raw patches, one a row
    keep : number of components; the rest, mostly noise and compression artefacts, is dropped
    remove_mean : subtract each patch's own mean first
    contrast : if above 0, each patch is first divided by its standard deviation plus this share of the median one, so
        that no few patches of high contrast own the optimum

    Raises Mistake for values that are not finite, patches that are constant, or more components than the data has.
    """
    if not np.isfinite(patches).all():
        raise Mistake(
            f"patches: {int((~np.isfinite(patches)).any(axis=1).sum())} of {len(patches)} hold NaN or infinity"
        )
    ready = _prepared(patches, remove_mean, 0.0, 1.0)
    scale = float(np.median(_spread(ready)))
    if contrast:
        if not scale > 0:
            raise Mistake("patches: more than half are constant, so that their contrast can't be normalised")
        ready = ready / (_spread(ready) + contrast * scale)
    mean = ready.mean(axis=0)
    ready = ready - mean
    values, vectors = np.linalg.eigh(ready.T.astype(np.float64) @ ready / len(ready))
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int((values > 1e-9 * max(values[0], 1e-30)).sum()) if values[0] > 0 else 0
    if rank == 0:
        raise Mistake(f"patches: all {len(patches)} are alike, there is nothing to learn from")
    if not 1 <= keep <= rank:
        raise Mistake(f"whitening: {keep} components asked for; these patches have 1 to {rank}")
    d, e = values[:keep], vectors[:, :keep] * np.sign(vectors[:, :keep].sum(axis=0) + 1e-12)
    kept = float(d.sum() / values.sum())
    if not equalise:
        d = np.full(keep, d.mean())
    components = ready @ (e / np.sqrt(d)).astype(np.float32)
    basis = (mean, e.astype(np.float32), d.astype(np.float32))
    return Whitening(components, *basis, kept, remove_mean, contrast, scale)


def coloured(white: Whitening, exponent: float) -> Whitening:
    """White components made to fall in amplitude as their mean spatial frequency to the power -exponent.

    The sum of variances stays as it was.
    """
    side = round(len(white.vectors) ** 0.5)
    power = abs(np.fft.fft2(white.vectors.T.reshape(-1, side, side))) ** 2
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    mean_frequency = (power * radius).sum(axis=(1, 2)) / power.sum(axis=(1, 2))
    gain = mean_frequency**-exponent
    gain = (gain / np.sqrt(np.mean(gain**2))).astype(np.float32)
    return replace(white, components=white.components * gain, variances=white.variances / gain**2)


def rewhiten(components: Float32[np.ndarray, "patches k"]) -> Float32[np.ndarray, "patches k"]:
    """Nearly white data made exactly white, each coordinate moved as little as possible.

    For held-out patches: no pattern then gains by a variance that differs from that of the patches it was learned on.
    """
    centred = components - components.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    if values[0] <= 1e-6 * values[-1]:
        raise Mistake(
            f"held-out patches: {len(components)} do not span all {components.shape[1]} components; take more"
        )
    return centred @ ((vectors / np.sqrt(values)) @ vectors.T).astype(np.float32)


def sample_patches(
    images: Sequence[Image], size: int, n: int, seed: int, margin: int = 0
) -> Float32[np.ndarray, "n pixels"]:
    """Square patches from random places, each image drawn from in proportion to its number of places.

    Parameters
    ----------
    images : grey images, in any unit
    size : side of a patch, pixels
    n : number of patches; they overlap
    seed : of the places
    margin : pixels at each border that are left out

    Raises Mistake naming the image that is smaller than a patch, constant, or not finite.
    """
    places = np.array([_places(image, index, size, margin) for index, image in enumerate(images)])
    if not len(places):
        raise Mistake("images: there are none")
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, places.prod(axis=1) / places.prod(axis=1).sum())
    patches = np.empty((n, size * size), dtype=np.float32)
    start = 0
    for image, (rows, columns), count in zip(images, places, counts, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(image, dtype=np.float32), (size, size))
        row, column = rng.integers(rows, size=count) + margin, rng.integers(columns, size=count) + margin
        patches[start : start + count] = windows[row, column].reshape(count, -1)
        start += count
    return patches[rng.permutation(n)]


def _places(image: Image, index: int, size: int, margin: int) -> tuple[int, int]:
    height, width = image.shape
    rows, columns = height - size + 1 - 2 * margin, width - size + 1 - 2 * margin
    if min(rows, columns) < 1:
        border = f" with a margin of {margin}" if margin else ""
        raise Mistake(f"image {index} has {height} × {width} pixels; a patch of {size} × {size} does not fit{border}")
    if not np.isfinite(image).all():
        raise Mistake(f"image {index} holds NaN or infinity")
    if np.ptp(image) == 0:
        raise Mistake(f"image {index} is constant: all its pixels are {float(image.flat[0]):g}")
    return rows, columns
