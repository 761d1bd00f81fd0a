"""Forward and backward passes recorded once as a CUDA graph: small networks wait for a GPU's launches, not for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

WARMUPS = 3  # steps before the recording, in which libraries choose their algorithms and allocate

Passes = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Recording:
    """Passes as a graph: a call runs them on other images of the same shape; gradients stay in the same tensors."""

    graph: torch.cuda.CUDAGraph
    x: Tensor
    y: Tensor
    result: Tensor

    def __call__(self, x: Float[Tensor, "n channels side side"], y: Int64[Tensor, "n"]) -> Tensor:
        """What the passes return; it is overwritten by the next call."""
        self.x.copy_(x, non_blocking=True)
        self.y.copy_(y, non_blocking=True)
        self.graph.replay()
        return self.result


def record(passes: Passes, network: nn.Module, x: Tensor, y: Tensor) -> Recording:
    """Record what ``passes`` does on the GPU; gradients stay in the tensors that the recording made.

    Nobody may set the gradients to None afterwards: each call overwrites them. Buffers of the network (running means
    of batch norm) are as before; random numbers follow torch's seed at each call.
    """
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    x, y = x.clone(), y.clone()
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARMUPS):
            network.zero_grad(set_to_none=True)
            passes(x, y)
    torch.cuda.current_stream().wait_stream(aside)
    network.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = passes(x, y)
    for name, buffer in network.named_buffers():
        buffer.copy_(before[name])
    return Recording(graph, x, y, result)
