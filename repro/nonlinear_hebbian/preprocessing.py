"""What is done to whole images before patches are cut: the steps between a photograph and the input of a cell.

The default is a recipe for few photographs from cameras: halve the size, take the logarithm, filter by
R^exponent exp(-(R / cutoff)^4) as [olshausen1996emergence] did, and divide by local contrast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

from repro.errors import Mistake
from repro.nonlinear_hebbian.images import ImageSet
from repro.nonlinear_hebbian.patches import Image


@dataclass(frozen=True)
class Recipe:
    """Steps in the order in which they are applied."""

    block: int = 2  # average over blocks of so many pixels squared; also averages compression artefacts away
    logarithm: bool = True  # log(1 + grey)
    exponent: float | None = 1.0  # of the spatial frequency R in the filter; None for no filter
    cutoff: float = 0.4  # cycles per pixel, of the filter's low-pass
    local_contrast: float = 8.0  # pixels, standard deviation of the window; 0 for none


PLAIN = Recipe(block=1, logarithm=False, exponent=None, local_contrast=0.0)
"""Nothing at all."""


def prepare(image_set: ImageSet, recipe: Recipe = Recipe(), patch: int = 16) -> tuple[Image, ...]:
    """Images of a set as the recipe says, each with standard deviation 1; images that are whitened stay as they are.

    Raises Mistake naming the image that the recipe makes smaller than a patch.
    """
    chosen = PLAIN if image_set.whitened else recipe
    prepared = []
    for name, image in zip(image_set.names, image_set.images, strict=True):
        if min(image.shape) // chosen.block < patch:
            height, width = image.shape
            raise Mistake(
                f"images: {name} has {height} × {width} pixels; reduced by {chosen.block} it is smaller than "
                f"a patch of {patch} × {patch}"
            )
        prepared.append(_prepared(image, chosen))
    return tuple(prepared)


def _prepared(image: Image, recipe: Recipe) -> Float32[np.ndarray, "height width"]:
    ready = block_average(image, recipe.block)
    if recipe.logarithm:
        ready = np.log1p(ready - min(float(ready.min()), 0.0))
    if recipe.exponent is not None:
        ready = frequency_filter(ready, recipe.exponent, recipe.cutoff)
    if recipe.local_contrast:
        local = np.sqrt(ndimage.gaussian_filter(ready**2, recipe.local_contrast))
        ready = ready / (local + 0.3 * np.median(local))
    return (ready / ready.std()).astype(np.float32)


def block_average(image: Image, block: int) -> Image:
    """Means over blocks of block × block pixels; a rest at the border is cut off."""
    height, width = (size // block * block for size in image.shape)
    return image[:height, :width].reshape(height // block, block, width // block, block).mean(axis=(1, 3))


def frequency_filter(image: Image, exponent: float, cutoff: float) -> Image:
    """Multiply the spectrum by R^exponent exp(-(R / cutoff)^4), R in cycles per pixel, with mirrored borders.

    With an exponent of 1 photographs, whose amplitude spectrum falls about as 1/R, become nearly white.
    """
    height, width = image.shape
    mirrored = np.pad(image, ((0, height), (0, width)), mode="symmetric")
    radius = np.hypot(np.fft.fftfreq(2 * height)[:, None], np.fft.rfftfreq(2 * width)[None, :])
    safe = np.where(radius == 0, 1.0, radius)
    gain = np.where(radius == 0, 0.0, safe**exponent) * np.exp(-((radius / cutoff) ** 4))
    return np.fft.irfft2(np.fft.rfft2(mirrored) * gain, mirrored.shape)[:height, :width]


def rotated(image: Image, degrees: float) -> Image:
    """The image turned about its middle; of it, the upright square that fits inside at every angle."""
    turned = ndimage.rotate(image, degrees, reshape=False, order=3, mode="mirror")
    height, width = image.shape
    half = int(min(height, width) / 2 / np.sqrt(2))  # the square inside the circle inside the image
    rows, columns = slice(height // 2 - half, height // 2 + half), slice(width // 2 - half, width // 2 + half)
    return np.ascontiguousarray(turned[rows, columns], dtype=np.float32)


def split_regions(
    images: Sequence[Image], held_out: float = 0.25, least: int = 1
) -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """Each image in two regions that share no pixel, for learning and for what is held out; sides take turns.

    Raises Mistake naming the image of which a region is narrower than ``least`` pixels.
    """
    learning, rest = [], []
    for index, image in enumerate(images):
        cut = round(image.shape[1] * held_out)
        if index % 2:
            rest.append(image[:, :cut])
            learning.append(image[:, cut:])
        else:
            rest.append(image[:, -cut:])
            learning.append(image[:, :-cut])
    for index, region in enumerate(rest):
        if min(region.shape) < least:
            height, width = region.shape
            raise Mistake(
                f"images: what is held out of image {index} has {height} × {width} pixels after preprocessing; "
                f"{least} × {least} are needed, so take larger images"
            )
    return tuple(learning), tuple(rest)
