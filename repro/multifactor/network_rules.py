"""How a rule changes the hidden layers of a network: which pre, post and third factor each layer is given.

The readout learns by the delta rule under every rule: its error is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from repro.multifactor.networks import Networks, forward, losses, with_one
from repro.multifactor.third_factor import (
    backpropagation,
    delta_rule,
    direct_feedback_alignment,
    feedback_alignment,
    node_perturbation,
    sign_symmetry,
    signs,
)
from repro.multifactor.two_factor import Rule, hebb, oja, sanger

LEARNERS = MappingProxyType(
    {
        "frozen": "none: random hidden layers",
        "Hebb": "none",
        "Oja": "none",
        "Sanger": "none",
        "NP": "scalar × own noise",
        "DFA": "vector, random, of the outputs",
        "FA": "vector, random",
        "sign": "vector, aligned",
        "BP": "vector, exact",
    }
)
"""Rules that can train hidden layers here, with their third factor; NP is node perturbation."""
TWO_FACTOR = ("Hebb", "Oja", "Sanger")
THROUGH = MappingProxyType({"BP": backpropagation, "FA": feedback_alignment, "sign": sign_symmetry})

Activities = Sequence[Float[Tensor, "networks samples _units"]]
Changes = list[Float[Tensor, "networks _post _pre_and_bias"]]


def check_rule(rule: str) -> None:
    """Raise ValueError, in one line, for a rule that is not there."""
    if rule not in LEARNERS:
        raise ValueError(f"there is no rule {rule!r}; there are {', '.join(LEARNERS)}")


def changes(
    rule: str,
    networks: Networks,
    activities: Activities,
    targets: Float[Tensor, "networks samples outputs"],
    noise: Activities = (),
    sigma: float = 1e-2,
) -> Changes:
    """The change of every layer for a batch, for a rate of 1; masks applied.

    Parameters
    ----------
    rule : one of ``LEARNERS``
    activities : what ``forward`` gives, without noise
    noise : for NP, standard normal draws ξ of each hidden layer; the loss is taken at +σξ and -σξ, which removes what
        is even in ξ
    sigma : standard deviation of the perturbation, in units of the summed input
    """
    check_rule(rule)
    error = activities[-1] - targets
    hidden = len(networks.weights) - 1
    if rule == "frozen":
        found = [torch.zeros_like(w) for w in networks.weights[:-1]]
    elif rule in TWO_FACTOR:  # neither the error nor the target is handed on
        found = [_two_factor(rule, networks.weights[layer], activities[layer]) for layer in range(hidden)]
    elif rule == "NP":
        found = _perturbed(networks, activities, targets, noise, sigma)
    elif rule == "DFA":
        found = [
            direct_feedback_alignment(feedback)(with_one(pre), post, error)
            for feedback, pre, post in zip(networks.direct, activities, activities[1:], strict=False)
        ]
    else:
        found = _through_layers(rule, networks, activities, error)
    readout: Rule = delta_rule
    found.append(readout(with_one(activities[-2]), activities[-1], error))
    return [_masked(change, mask) for change, mask in zip(found, networks.masks, strict=True)]


def _masked(change: Tensor, mask: Tensor | None) -> Tensor:
    return change if mask is None else change * pad(mask, (0, 1), value=1.0)


def _two_factor(rule: str, weight: Tensor, pre: Tensor) -> Tensor:
    """A two-factor change from the layer's input and its linear output; the bias stays."""
    own = weight[:, :, :-1]
    post = pre @ own.mT
    made: Rule = {"Hebb": lambda: hebb, "Oja": lambda: oja(own), "Sanger": lambda: sanger(own)}[rule]()
    return pad(made(pre, post), (0, 1))


def _perturbed(networks: Networks, activities: Activities, targets: Tensor, noise: Activities, sigma: float) -> Changes:
    """Node perturbation of all hidden layers at once, one antithetic pair a sample."""
    hidden = len(networks.weights) - 1
    if len(noise) != hidden:
        raise ValueError(f"changes: NP needs noise for {hidden} hidden layers, given are {len(noise)}")
    own = [sigma * n for n in noise]
    up, down = (losses(forward(networks, activities[0], [s * n for n in own])[-1], targets) for s in (1, -1))
    rule = node_perturbation(sigma)
    return [rule(with_one(activities[layer]), own[layer], (up - down) / 2) for layer in range(hidden)]


def _through_layers(rule: str, networks: Networks, activities: Activities, error: Tensor) -> Changes:
    """Errors carried back layer by layer, through the weights above or through fixed feedback in their place."""
    found: Changes = []
    for layer in reversed(range(len(networks.weights) - 1)):
        above = networks.feedback[layer] if rule == "FA" else networks.weights[layer + 1][:, :, :-1]
        post = activities[layer + 1]
        found.insert(0, THROUGH[rule](above)(with_one(activities[layer]), post, error))
        carried = torch.as_tensor(signs(above)) if rule == "sign" else above
        error = (error @ carried) * (1 - post * post)
    return found
