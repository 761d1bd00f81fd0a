"""The measured weight changes: tables in one schema, checked row by row, and the protocols they stand for.

A table is a CSV with the columns of :data:`COLUMNS`. ``pre_ms`` and ``post_ms`` hold the spikes of a pattern, separated
by blanks, which is repeated ``repetitions`` times at ``rate_hz``. Rows with the same point and group are readings of
one measurement and share its weight.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from repro.errors import Mistake
from repro.provenance import ROOT
from repro.spike_triplets.protocols import Protocol, check_train, in_bursts, quadruplet

TABLES = ROOT / "data" / "tables" / "spike_triplets"
NAMES = ("sjostrom2001", "wang2005", "sjostrom2001_held_out", "cortical_pairs")
LARGEST_CHANGE = 10.0  # a larger fraction is a percentage that says it is none


def _times(text: object) -> tuple[float, ...]:
    """Spike times from text, in order. Raises ValueError naming the first that is not."""
    return tuple(check_train([float(word) for word in str(text).split()], "train").tolist())


class Row(BaseModel):
    """One measured point."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    point: Annotated[str, Field(min_length=1)]  # name of the measurement
    group: Annotated[str, Field(min_length=1)]  # kind of protocol, by which errors are split
    pre_ms: Annotated[tuple[float, ...], BeforeValidator(_times)]
    post_ms: Annotated[tuple[float, ...], BeforeValidator(_times)]
    rate_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # of the pattern
    repetitions: Annotated[int, Field(ge=1)]
    change: Annotated[float, Field(ge=-1, le=LARGEST_CHANGE)]  # of the weight, as a fraction of the initial one
    sem: Annotated[float, Field(gt=0, le=LARGEST_CHANGE)]  # standard error of the mean
    unit: Literal["fraction"]
    n: str = ""  # cells, where the source gives them
    source: Annotated[str, Field(min_length=1)]  # BibTeX key, or where it comes from


COLUMNS = tuple(Row.model_fields)


@dataclass(frozen=True)
class Dataset:
    """Measured weight changes with their errors and protocols."""

    name: str
    points: tuple[str, ...]
    groups: tuple[str, ...]
    protocols: tuple[Protocol, ...]
    change: Float[np.ndarray, "points"]  # fraction of the initial weight
    sem: Float[np.ndarray, "points"]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def weight(self) -> Float[np.ndarray, "points"]:
        """Weight of each row: 1, shared by the readings of one measurement."""
        keys = list(zip(self.groups, self.points, strict=True))
        return np.array([1.0 / keys.count(key) for key in keys])

    @property
    def n_independent(self) -> int:
        """Number of independent measurements."""
        return len(set(zip(self.groups, self.points, strict=True)))

    def subset(self, keep: Sequence[int] | np.ndarray) -> Dataset:
        """The rows ``keep``, given as indices or as a mask."""
        rows = np.arange(len(self))[np.asarray(keep)]
        pick: Callable[[tuple], tuple] = lambda column: tuple(column[row] for row in rows)  # noqa: E731
        return Dataset(
            self.name, pick(self.points), pick(self.groups), pick(self.protocols), self.change[rows], self.sem[rows],
            pick(self.sources),
        )  # fmt: skip

    def in_group(self, group: str) -> np.ndarray:
        """Mask of the rows of a group."""
        return np.array([name == group for name in self.groups])

    def under_bursts(self, in_burst: int = 5, repetitions: int = 12, burst_rate: float = 0.1) -> Dataset:
        """The same points with contiguous pairs rearranged into bursts."""
        changed = tuple(in_bursts(p, in_burst, repetitions, burst_rate) for p in self.protocols)
        return replace(self, protocols=changed)

    def with_midpoint_gaps(self) -> Dataset:
        """The other reading of T in quadruplets: from midpoint to midpoint of the pairs, 5 ms apart."""
        changed = []
        for group, protocol in zip(self.groups, self.protocols, strict=True):
            if group == "quadruplet":
                apart = abs(protocol.post[0] - protocol.pre[0])
                middle = sorted(protocol.pre + protocol.post)
                gap = middle[2] - middle[1] - apart
                sign = 1 if protocol.post[0] < protocol.pre[0] else -1
                protocol = quadruplet(sign * gap, apart, protocol.rate, protocol.repetitions)
            changed.append(protocol)
        return replace(self, protocols=tuple(changed))


def read_table(path: str | os.PathLike[str]) -> Dataset:
    """A table in the schema.

    Raises
    ------
    Mistake
        In one line: the file, the row (counted from 1 below the header), the column, its value and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise Mistake(f"there is no table {path}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    odd = [c for c in table.columns if c not in COLUMNS] + [c for c in COLUMNS if c not in table.columns and c != "n"]
    if odd:
        raise Mistake(f"{path.name}: column {odd[0]!r} is unknown or missing; the columns are {', '.join(COLUMNS)}")
    if table.empty:
        raise Mistake(f"{path.name}: the table has no row")
    return _dataset(path.stem, [_row(path.name, i + 1, dict(r)) for i, r in enumerate(table.to_dict("records"))])


def _row(table: str, number: int, record: dict) -> tuple[Row, Protocol]:
    try:
        row = Row.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0])
        what = first["msg"].removeprefix("Value error, ")
        raise Mistake(f"{table}: row {number}: {column} is {record.get(column)!r}: {what}") from None
    try:
        return row, Protocol(row.pre_ms, row.post_ms, row.rate_hz, row.repetitions)
    except ValueError as error:
        raise Mistake(f"{table}: row {number}: {error}") from None


def _dataset(name: str, rows: list[tuple[Row, Protocol]]) -> Dataset:
    return Dataset(
        name=name,
        points=tuple(row.point for row, _ in rows),
        groups=tuple(row.group for row, _ in rows),
        protocols=tuple(protocol for _, protocol in rows),
        change=np.array([row.change for row, _ in rows]),
        sem=np.array([row.sem for row, _ in rows]),
        sources=tuple(row.source for row, _ in rows),
    )


def load(name: str) -> Dataset:
    """A table of this book: ``sjostrom2001`` (10 points), ``wang2005`` (13), held-out and further points.

    Deviates: the values were not read in the articles but in public codes that type them from their figures.
    """
    if name not in NAMES:
        raise Mistake(f"data set {name!r} is not known; there are {', '.join(NAMES)}")
    return read_table(TABLES / f"{name}.csv")
