"""Node perturbation on the wide network: the classical way to estimate a gradient by trying.

    dv_i/dt has ζ_i = 20 (√c' η_0 + √(1-c') η_i)/√τ added, e_i = Σ_t ξ_i ζ_i over the window, and w_i follows -G e_i

with G the mean cost of the window, or that minus the cost of an unperturbed twin: as in an older notebook of the
authors' repository [lansdell2023neural]. Deviates: input noise is new in every window, and the estimate is the
covariance of G and e, which spares the plain form its constant part.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from repro.spike_discontinuity import perturbation_kernels as kernels
from repro.spike_discontinuity.costs import Readout
from repro.spike_discontinuity.network import STEP_S, check_correlations, seeds_of
from repro.spike_discontinuity.width import WEIGHT, WIDE_NEURONS

SIZE = 20.0


def node_perturbation(
    readout: Float[np.ndarray, "runs neurons"],
    correlation: float,
    seconds: float,
    seed: int,
    shared: float = 0.0,
) -> Float[np.ndarray, "2 runs neurons"]:
    """The direction in which the cost rises with each neuron's weight, by perturbation.

    Parameters
    ----------
    correlation : share in common of the input noise
    shared : share in common of the perturbations

    Returns
    -------
    From the cost alone, and from that minus the cost of a twin with the same input noise and no perturbation.
    """
    check_correlations([correlation, shared])
    neurons = WIDE_NEURONS
    runs, n = readout.shape
    windows = round(seconds / STEP_S) // neurons.window_ms
    eligibility, costs = np.empty((runs, windows, n)), np.empty((runs, windows, 2))
    kernels.shake(
        WEIGHT,
        readout,
        Readout(readout[0]).target,
        float(correlation),
        float(shared),
        SIZE / math.sqrt(neurons.tau) * STEP_S,
        seeds_of(seed, runs),
        neurons.window_ms,
        neurons.refractory_ms,
        neurons.constants(),
        eligibility,
        costs,
    )
    signals = np.stack([costs[..., 0], costs[..., 0] - costs[..., 1]])
    signals -= signals.mean(-1, keepdims=True)
    return np.einsum("srw,rwn->srn", signals, eligibility) / windows
