"""What the chapter's figures are made of: views of an image set, fields by nonlinearity, measures as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from repro.errors import Mistake
from repro.nonlinear_hebbian import measures, patterns
from repro.nonlinear_hebbian.gabor import GaborFit, gabor_fit
from repro.nonlinear_hebbian.images import ImageSet
from repro.nonlinear_hebbian.learners import fixed_point, initial_weights
from repro.nonlinear_hebbian.network import Options, learn_network
from repro.nonlinear_hebbian.nonlinearities import FIVE, Nonlinearity, Which, nonlinearity
from repro.nonlinear_hebbian.patches import Image, Whitening, coloured, rewhiten, sample_patches, whiten
from repro.nonlinear_hebbian.selectivity import FAMILIES, selectivity_index

Components = Float32[np.ndarray, "patches k"]
Fields = Float32[np.ndarray, "units pixels"]


@dataclass(frozen=True)
class Sampling:
    """How patches are taken from prepared images."""

    patch: int = 16  # side, pixels
    n: int = 100_000  # patches to learn from
    keep: int = 100  # components
    contrast: float = 0.3
    equalise: bool = True
    fall: float = 0.0  # exponent with which the amplitude of the white components is made to fall with their frequency

    def check(self) -> None:
        """Raises Mistake if patches of this size cannot have so many components."""
        most = self.patch**2 - 1  # each patch's mean is taken out
        if not 2 <= self.keep <= most:
            raise Mistake(f"whitening is {self.keep}; patches of {self.patch} × {self.patch} pixels allow 2 to {most}")


def subset(image_set: ImageSet, names: Sequence[str]) -> ImageSet:
    """Some images of a set."""
    chosen = {name: image for name, image in zip(image_set.names, image_set.images, strict=True) if name in names}
    return replace(image_set, images=tuple(chosen.values()), names=tuple(chosen), title=", ".join(chosen))


def view(images: Sequence[Image], sampling: Sampling, seed: int) -> Whitening:
    """White patches from images."""
    patches = sample_patches(images, sampling.patch, sampling.n, seed)
    white = whiten(patches, sampling.keep, contrast=sampling.contrast, equalise=sampling.equalise)
    return coloured(white, sampling.fall) if sampling.fall else white


def held_out(white: Whitening, images: Sequence[Image], patch: int, n: int, seed: int) -> Components:
    """Patches from other images or regions, in the coordinates of ``white`` and exactly white themselves."""
    return rewhiten(white.apply(sample_patches(images, patch, n, seed)))


def learn_all(
    white: Whitening, which: Sequence[Which], n_units: int, seed: int, iterations: int = 40, device: str = "cpu"
) -> dict[str, Fields]:
    """Fields by name of the nonlinearity, all from the same initial weights and in the same products."""
    chosen = [nonlinearity(each) for each in which]
    start = initial_weights(n_units, white.components.shape[1], seed)
    learned = fixed_point(white.components, chosen, start, iterations, device=device)
    return {each.name: white.to_pixels(weights) for each, weights in zip(chosen, learned, strict=True)}


def describe(fields: Fields) -> pd.DataFrame:
    """The measures of each field, one row a field."""
    fit = gabor_fit(fields)
    participation, anisotropy = measures.participation_ratio(fields), measures.orientation_anisotropy(fields)
    columns = {name: getattr(fit, name) for name in ("r2", "x", "y", "orientation", "frequency", "width", "length")}
    return pd.DataFrame(
        columns
        | {
            "participation": participation,
            "anisotropy": anisotropy,
            "all three": measures.meets_all_three(fit.r2, participation, anisotropy),
            "twin": measures.duplicates(fields),
        }
    )


def median_meets(table: pd.DataFrame) -> bool:
    """Whether the median of each measure meets its limit."""
    middle = table[["r2", "participation", "anisotropy"]].median()
    one = [np.array([middle[name]]) for name in ("r2", "participation", "anisotropy")]
    return bool(measures.meets_all_three(*one)[0])


def nonlinearities_that_learn(tables: Mapping[str, pd.DataFrame], groups: int) -> list[int]:
    """For each group of initial weights: how many of the nonlinearities have a median field that meets all three."""
    counts = [0] * groups
    for table in tables.values():
        for group, rows in enumerate(np.array_split(np.arange(len(table)), groups)):
            counts[group] += median_meets(table.take(rows.tolist()))
    return counts


def best_localized(white: Whitening, fields: Fields, table: pd.DataFrame, which: Which, border: float = 3.0) -> int:
    """The localized and oriented field of largest value, on the patches it was learned from.

    Its centre lies ``border`` pixels or more inside. Where no field qualifies, all are allowed.
    """
    value = patterns.value(white.components, white.from_pixels(fields), which)
    side = round(fields.shape[1] ** 0.5)
    inside = table.x.between(border, side - 1 - border) & table.y.between(border, side - 1 - border)
    allowed = (table["all three"] & inside).to_numpy()
    return int(np.argmax(np.where(allowed, value, -np.inf) if allowed.any() else value))


def alone_on_fresh_patches(
    images: Sequence[Image], sampling: Sampling, n_units: int, seeds: Sequence[int], iterations: int
) -> list[int]:
    """For each draw of patches: how many of the five have a median field that meets all three; units see no other."""
    counts = []
    for seed in seeds:
        fields = learn_all(view(images, sampling, seed), FIVE, n_units, seed, iterations)
        counts.append(sum(median_meets(describe(each)) for each in fields.values()))
    return counts


def family_sweep(
    white: Whitening, values: Mapping[str, Sequence[float]], n_units: int, seed: int, patches: int, iterations: int
) -> tuple[pd.DataFrame, dict[tuple[str, float], Fields]]:
    """Selectivity index and median participation ratio over the parameter of each family, with the fields learned."""
    start = initial_weights(n_units, white.components.shape[1], seed)
    keys = [(family, float(parameter)) for family in values for parameter in values[family]]
    members = [_climbable(FAMILIES[family](parameter)) for family, parameter in keys]
    learned = fixed_point(white.components[:patches], members, start, iterations)
    fields = {key: white.to_pixels(weights) for key, weights in zip(keys, learned, strict=True)}
    rows = []
    for (family, parameter), member in zip(keys, members, strict=True):
        participation = float(np.median(measures.participation_ratio(fields[family, parameter])))
        rows.append((family, parameter, selectivity_index(member), participation))
    table = pd.DataFrame(rows, columns=["family", "parameter", "index", "participation"])
    table["agrees"] = (table["index"] > 0) == (table.participation < measures.PARTICIPATION)
    return table, fields


def _climbable(member: Nonlinearity) -> Nonlinearity:
    """A nonlinearity with the shift that its slopes on a grid ask for."""
    grid = np.linspace(-6, 6, 4801)
    steepest = float(-(np.diff(member.f(grid)) / np.diff(grid)).min())
    return replace(member, curvature_shift=max(member.curvature_shift, steepest, 0.0))


def networks(
    white: Whitening, which: Which, n_units: int, seeds: Sequence[int], options: Options
) -> tuple[pd.DataFrame, dict[bool, Fields]]:
    """Measures of fields learned with and without inhibition, one row a unit; and the fields of the first seed."""
    tables = []
    examples: dict[bool, Fields] = {}
    for seed in seeds:
        for inhibition in (True, False):
            chosen = replace(options, inhibition=inhibition)
            learned = learn_network(white.components, which, n_units, seed, chosen)
            fields = white.to_pixels(learned.weights)
            examples.setdefault(inhibition, fields)
            tables.append(describe(fields).assign(seed=seed, inhibition=inhibition, correlation=learned.correlation))
    return pd.concat(tables, ignore_index=True), examples


def spread(table: pd.DataFrame) -> float:
    """Spread of log width and log length of fields that are Gabor functions: root of the summed variances."""
    good = table[table.r2 > measures.GABOR_R2]
    return float(np.sqrt(np.log(good.width).var() + np.log(good.length).var()))


def share_in_leading(white: Whitening, fields: Fields, leading: int) -> Float[np.ndarray, "units"]:
    """Share of each field's squared norm in the first principal components."""
    weights = fields @ white.vectors
    return (weights[:, :leading] ** 2).sum(axis=1) / (weights**2).sum(axis=1)


def save_fields(path: Path, fields: Mapping[str, Fields]) -> Path:
    """Save fields by nonlinearity as a compressed ``.npz``; ``numpy.load`` reads it without unpickling."""
    path = path.with_suffix(".npz")
    arrays: dict[str, Any] = {name: np.asarray(each, dtype=np.float32) for name, each in fields.items()}
    np.savez_compressed(path, **arrays)
    return path


def fit_of(fit: GaborFit, index: int) -> GaborFit:
    """The Gabor function of one field."""
    return GaborFit(**{name: getattr(fit, name)[index : index + 1] for name in fit.__dataclass_fields__})
