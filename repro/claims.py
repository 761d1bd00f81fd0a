"""The ledger of claims, written before the run, and the verdict that the samples give.

A verdict comes from the 95 % t-interval of the samples against what was expected: wholly inside is *reproduced*,
wholly outside *not reproduced*, across the edge *inconclusive*. An exact claim has a tolerance instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import stats

from repro.arrays import Numbers
from repro.entries import read_entries
from repro.errors import Mistake
from repro.provenance import ROOT

CLAIMS = ROOT / "data" / "claims"
CONFIDENCE = 0.95

Scale = Literal["smoke", "book", "full"]
SCALES: tuple[Scale, ...] = ("smoke", "book", "full")
Verdict = Literal["reproduced", "not reproduced", "inconclusive", "not tested here"]
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Source(BaseModel):
    """Where the claim stands, and whether somebody here has read it there."""

    model_config = _STRICT
    where: str
    read: bool


class Within(BaseModel):
    """A value and how far from it still counts as equal."""

    model_config = _STRICT
    value: float
    within: Annotated[float, Field(gt=0)]


class Expect(BaseModel):
    """The range in which the measured mean must lie; exactly one of the four forms."""

    model_config = _STRICT
    at_least: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None
    equal_within: Within | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Expect:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs exactly one of at_least, at_most, between, equal_within")
        return self

    @property
    def range(self) -> tuple[float, float]:
        """Lower and upper edge, infinite where open."""
        if self.at_least is not None:
            return self.at_least, math.inf
        if self.at_most is not None:
            return -math.inf, self.at_most
        if self.between is not None:
            return self.between
        assert self.equal_within is not None
        return self.equal_within.value - self.equal_within.within, self.equal_within.value + self.equal_within.within

    def __str__(self) -> str:
        low, high = self.range
        if high == math.inf:
            return f"at least {low:g}"
        return f"at most {high:g}" if low == -math.inf else f"between {low:g} and {high:g}"


class Claim(BaseModel):
    """One entry of ``data/claims/NAME.yml``."""

    model_config = _STRICT
    says: str
    figure: str  # label of the figure in the chapter
    source: Source
    paper_value: float | None  # only where it was read in the paper or its code
    measure: str  # what is measured, its unit, and what one sample is
    expect: Expect | None = None
    tolerance: Annotated[float, Field(ge=0)] | None = None  # of an exact claim: the largest deviation allowed
    scales: tuple[Scale, ...] = SCALES  # where it is tested

    @model_validator(mode="after")
    def _expect_or_tolerance(self) -> Claim:
        if (self.expect is None) == (self.tolerance is None):
            raise ValueError("needs either expect (from samples) or tolerance (an exact claim)")
        if self.paper_value is not None and not self.source.read:
            raise ValueError("has a paper_value but its source was not read")
        return self

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        return f"deviation at most {self.tolerance:g}" if self.expect is None else str(self.expect)


class Outcome(BaseModel):
    """A claim's verdict in one run, and what it rests on."""

    model_config = _STRICT
    id: str
    verdict: Verdict
    samples: tuple[float, ...] = ()
    value: float | None = None  # mean of the samples, or the deviation of an exact claim
    interval: tuple[float, float] | None = None  # 95 % interval of the mean; none for an exact claim or one sample
    n: int = 0
    note: str = ""  # why it was not tested, or what the reader must know


def read_claims(chapter: str, folder: Path = CLAIMS) -> dict[str, Claim]:
    """The ledger of a chapter. Raises Mistake naming the first entry that breaks the schema."""
    path = folder / f"{chapter}.yml"
    if not path.exists():
        raise Mistake(f"chapter {chapter!r} has no ledger of claims: {path} is missing")
    return read_entries(path, Claim, "claim ")


def interval(samples: Numbers) -> tuple[float, float] | None:
    """The 95 % t-interval of the mean of independent samples; None for fewer than two."""
    values = np.asarray(samples, dtype=float)
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def intervals(groups: Iterable[Numbers]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, lower and upper end of the 95 % interval of each group of samples; of one sample, three times itself."""
    found = []
    for samples in groups:
        mean = float(np.mean(np.asarray(samples, dtype=float)))
        found.append((mean, *(interval(samples) or (mean, mean))))
    middle, low, high = np.array(found).reshape(-1, 3).T
    return middle, low, high


def mean_and_interval(samples: Numbers, form: str = ".3g") -> str:
    """A mean with its 95 % interval in words, each number in the given form: "1.2 [1.1, 1.3]"."""
    middle, low, high = (float(part[0]) for part in intervals([samples]))
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def judge(name: str, claim: Claim, samples: Numbers) -> Outcome:
    """The verdict on a claim from its samples (one a seed), or from the deviation if the claim is exact.

    Raises Mistake if there is no sample or one is not finite: a run that failed is no evidence.
    """
    values = tuple(float(v) for v in np.atleast_1d(np.asarray(samples, dtype=float)))
    if not values:
        raise Mistake(f"claim {name}: no samples")
    if claim.tolerance is not None:
        worst = max(values, key=lambda v: math.inf if math.isnan(v) else abs(v))
        held = math.isfinite(worst) and abs(worst) <= claim.tolerance
        value = worst if math.isfinite(worst) else None
        return Outcome(id=name, verdict="reproduced" if held else "not reproduced", value=value, n=len(values))
    for index, number in enumerate(values):
        if not math.isfinite(number):
            raise Mistake(f"claim {name}: sample {index} is {number}; a sample must be a finite number")
    assert claim.expect is not None
    low, high = claim.expect.range
    found = interval(values)
    verdict: Verdict = "inconclusive"
    if found is not None:
        if low <= found[0] and found[1] <= high:
            verdict = "reproduced"
        elif found[1] < low or found[0] > high:
            verdict = "not reproduced"
    return Outcome(
        id=name, verdict=verdict, samples=values, value=float(np.mean(values)), interval=found, n=len(values)
    )
