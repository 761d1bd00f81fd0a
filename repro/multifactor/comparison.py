"""Every rule asked at the same networks on the same samples: angle, signs, and what a step of one length gains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from repro.multifactor.measures import cosine, sign_agreement, unit_step_gain
from repro.multifactor.network_rules import changes
from repro.multifactor.networks import Networks, forward, losses


def at_the_same_networks(
    rules: Sequence[str],
    networks: Networks,
    x: Float[Tensor, "networks samples inputs"],
    targets: Float[Tensor, "samples outputs"],
    seed: int,
    length: float = 0.1,
) -> pd.DataFrame:
    """Measures of the first hidden layer's change, one row a rule and network; rules that change nothing are left out.

    Columns: rule, network, angle (degrees), signs (share of synapses that move downhill), gain (fall of the loss for a
    step of ``length``, over that of backpropagation).
    """
    wanted = targets.expand(len(networks), -1, -1)
    activities = forward(networks, x)
    random = torch.Generator().manual_seed(seed % 2**31)
    noise = [torch.randn(a.shape, generator=random, dtype=x.dtype) for a in activities[1:-1]]
    downhill = changes("BP", networks, activities, wanted)[0][:, :, :-1].numpy()
    rows = []
    for rule in rules:
        change = changes(rule, networks, activities, wanted, noise, 1e-4)[0][:, :, :-1].numpy()
        for number in range(len(networks)):
            if not change[number].any():
                continue
            gain, best = (_gain(networks, number, x, wanted, c[number], length) for c in (change, downhill))
            angle = np.rad2deg(np.arccos(np.clip(cosine(change[number], downhill[number]), -1, 1)))
            signs = sign_agreement(change[number], downhill[number])
            rows.append((rule, number, float(angle), float(signs), gain / best))
    return pd.DataFrame(rows, columns=["rule", "network", "angle", "signs", "gain"])


def _gain(networks: Networks, number: int, x: Tensor, targets: Tensor, change: np.ndarray, length: float) -> float:
    """Fall of one network's loss for a step of its first layer."""
    own = [weight[number : number + 1] for weight in networks.weights]

    def loss(weights: np.ndarray) -> float:
        first = torch.cat([torch.as_tensor(weights)[None], own[0][:, :, -1:]], 2)
        moved = Networks([first, *own[1:]], [], [], [None] * len(own))
        return float(losses(forward(moved, x[number : number + 1])[-1], targets[number : number + 1]).mean())

    return unit_step_gain(loss, own[0][0, :, :-1].numpy(), change, length)
