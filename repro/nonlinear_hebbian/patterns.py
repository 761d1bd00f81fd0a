"""The value ⟨F(wᵀx)⟩ of given patterns."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32

from repro.nonlinear_hebbian.learners import BLOCK
from repro.nonlinear_hebbian.nonlinearities import Which, nonlinearity


def value(
    components: Float32[np.ndarray, "patches k"], weights: Float[np.ndarray, "units k"], which: Which
) -> Float[np.ndarray, "units"]:
    """Optimisation value ⟨F(wᵀx)⟩ of each unit on white patches, its weights first brought to norm 1."""
    chosen = nonlinearity(which)
    directions = torch.from_numpy(np.asarray(weights, dtype=np.float32))
    directions = torch.nn.functional.normalize(directions, dim=1)
    total = torch.zeros(len(directions), dtype=torch.float64)
    for block in torch.from_numpy(np.asarray(components)).split(BLOCK):
        total += chosen.integral(directions @ block.T).double().sum(1)
    return total.numpy() / len(components)
