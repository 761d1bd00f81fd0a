"""Where a training run gets its images from, as the loop sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor

Batch = tuple[Float[Tensor, "n channels side side"], Int64[Tensor, "n"]]
"""Images with their bytes as floats, and their classes."""


@runtime_checkable
class Images(Protocol):
    """Training images by epoch and batch number, the same at each reading, and the images that are judged."""

    @property
    def channels(self) -> int: ...
    @property
    def side(self) -> int: ...
    @property
    def classes(self) -> int: ...
    @property
    def n_train(self) -> int: ...
    @property
    def parts(self) -> tuple[str, ...]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...

    def scale(self) -> tuple[Float[Tensor, "channels 1 1"], Float[Tensor, "channels 1 1"]]:
        """Mean and standard deviation by channel, in bytes."""
        ...

    def epoch(self, epoch: int, batch: int, first: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of the batches of an epoch from number ``first`` on."""
        ...

    def judge(self, part: str, batch: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of a part, in order."""
        ...
