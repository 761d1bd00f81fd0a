"""One process or several under torchrun: who is who, and numbers added up over all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from repro.errors import Mistake
from repro.parameters import find_device


@dataclass(frozen=True)
class Processes:
    """This process among those that train together."""

    rank: int
    number: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Sum over all processes."""
        if self.number > 1:
            distributed.all_reduce(values)
        return values

    def from_first(self, value: object) -> object:
        """What the first process has."""
        if self.number == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def same_buffers(self, network: nn.Module) -> None:
        """Give all processes the first's batch-norm statistics, as the checkpoint has them."""
        if self.number > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, src=0)


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone. Raises Mistake for a device that isn't there."""
    number = int(os.environ.get("WORLD_SIZE", "1"))
    if number == 1:
        yield Processes(0, 1, find_device(device))
        return
    local = int(os.environ["LOCAL_RANK"])
    where = find_device(device)
    if where.type == "cuda":
        if local >= torch.cuda.device_count():
            raise Mistake(f"process {local} has no GPU of its own; here are {torch.cuda.device_count()}")
        where = torch.device("cuda", local)
        torch.cuda.set_device(where)
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), number, where)
    finally:
        distributed.destroy_process_group()
