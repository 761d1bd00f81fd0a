"""The same neurons as tensors over replicas, for a GPU: one step of all replicas at a time, records as from the kernel.

On a CPU the kernel is faster. Deviates from it only in where its noise comes from (torch's generator of the device).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_discontinuity.costs import Cost, cost_named, quadratic
from repro.spike_discontinuity.network import STEP_S, Neurons, Record, check_correlations


@torch.no_grad()
def simulate_tensors(
    weights: Float[np.ndarray, "replicas neurons"],
    correlation: Numbers,
    seconds: float,
    seed: int,
    neurons: Neurons | None = None,
    cost: Cost | str = quadratic,
    device: torch.device | str = "cpu",
    noise: Float[np.ndarray, "steps replicas neurons"] | None = None,
) -> Record:
    """Networks of neurons that share noise, a replica for each row of weights; see :func:`simulate`.

    Parameters
    ----------
    noise : given instead of drawn, σ included, for a check against another simulator

    Windows begin at once. Moments (rates and variations) are not kept: they are NaN in the record.
    """
    n = neurons or Neurons()
    correlations = np.broadcast_to(check_correlations(correlation), len(weights)).copy()
    windows = round(seconds / STEP_S) // n.window_ms
    kind: dict[str, Any] = {"device": device, "dtype": torch.float64}
    gain = torch.as_tensor(weights, **kind)
    shared = torch.as_tensor(correlations, **kind)[:, None]
    given = None if noise is None else torch.as_tensor(noise, **kind)
    generator = torch.Generator(device).manual_seed(seed)
    shape = (*weights.shape[:1], windows, weights.shape[1])
    z, first = torch.empty(shape, **kind), torch.empty(shape, device=device, dtype=torch.int32)
    outputs = torch.zeros((shape[0], windows + 1, shape[2]), **kind)
    v, s, held = torch.zeros_like(gain), torch.zeros_like(gain), torch.zeros_like(gain)
    for w in range(windows):
        u, top, when = v.clone(), torch.full_like(gain, -math.inf), torch.full_like(gain, -1)
        for k in range(n.window_ms):
            if given is None:
                drawn = torch.randn((shape[0], 1 + shape[2]), generator=generator, **kind)
                xi = n.sigma * (shared.sqrt() * drawn[:, :1] + (1 - shared).sqrt() * drawn[:, 1:])
            else:
                xi = given[w * n.window_ms + k]
            change = STEP_S * (gain * (n.input + xi / math.sqrt(n.tau)) - v / n.tau)
            u = u + change + (STEP_S / n.tau * (v - u) if n.own_leak else 0.0)
            v = v + change
            spike = v > n.threshold
            top = torch.maximum(top, u - n.threshold)
            s = s * n.decay + spike.to(s.dtype) * (1 - n.decay)
            when = torch.where(spike & (when < 0), float(k), when)
            held = torch.where(spike, float(n.refractory_ms), held)
            v = torch.where(held > 0, n.reset, v.clamp(min=n.reset))
            u, held = u.clamp(min=n.reset), (held - 1).clamp(min=0)
        z[:, w], first[:, w], outputs[:, w + 1] = top, when.int(), s
    found = outputs.cpu().numpy()
    function = cost_named(cost) if isinstance(cost, str) else cost
    moments = np.full((shape[0], shape[2], 6), np.nan)
    return Record(
        z.cpu().numpy(), first.cpu().numpy(), found, function(found[:, 1:]), moments, weights, correlations, n, function
    )
