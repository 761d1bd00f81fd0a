"""The spiking model of ``spiking.py`` written for Brian2: small and slow, to check the fast kernel against.

Brian's own order of a step (groups, thresholds, synapses, resets) is the kernel's. An input spikes at most once a step.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np
from jaxtyping import Float

from repro.nonlinear_hebbian.spiking import Chance, SpikingModel, State, plasticity

NEURON = """
dpotential/dt = -potential/tau_membrane : 1
do1/dt = -o1/tau_minus : 1
do2/dt = -o2/tau_y : 1
level : 1
mean : 1
deviation : 1
rate = gain*clip((potential - mean)/deviation - threshold, 0, inf) : Hz
"""
RESET = "level += (o2 - level)/memory_spikes; o1 += 1; o2 += 1"
SYNAPSE = """
w : 1
dr1/dt = -r1/tau_plus : 1 (clock-driven)
"""
ON_INPUT = "potential_post += w; w -= depression*level_post*o1_post; r1 += 1"
ON_OUTPUT = "w += potentiation*o2_post*r1"


def present_brian(
    state: State, chance: Chance, model: SpikingModel
) -> tuple[Float[np.ndarray, "neurons"], Float[np.ndarray, "neurons"], Float[np.ndarray, "neurons"]]:
    """As ``spiking.present``, by Brian2. Raises ValueError if an input spikes twice in a step."""
    at, channels, draws = chance
    if len(np.unique(np.stack([at, channels]), axis=1).T) < len(at):
        raise ValueError("an input spikes twice in a step, which a Brian2 generator can't do")
    b2.prefs.codegen.target = "numpy"
    step, (inputs, neurons) = 1 * b2.ms, state.weights.shape
    potentiation, depression = plasticity(state, model)
    names = {name: value * b2.ms for name, value in vars(model).items() if name.startswith("tau")}
    names |= {"gain": model.gain * b2.Hz, "threshold": model.threshold, "memory_spikes": model.memory_spikes}
    names |= {"chance": b2.TimedArray(draws, dt=step), "potentiation": potentiation, "depression": depression}
    group = b2.NeuronGroup(
        neurons, NEURON, threshold="chance(t, i) < 1 - exp(-rate*dt)", reset=RESET, method="exact", dt=step,
        namespace=names,
    )  # fmt: skip
    for name in ("potential", "o1", "o2", "level", "mean"):
        setattr(group, name, getattr(state, name))
    group.deviation = np.sqrt(state.variance)
    source = b2.SpikeGeneratorGroup(inputs, channels, at * step, dt=step)
    synapses = b2.Synapses(
        source, group, SYNAPSE, on_pre=ON_INPUT, on_post=ON_OUTPUT, method="exact", dt=step, namespace=names
    )
    synapses.connect()
    synapses.post.order = 1  # inputs first
    synapses.w, synapses.r1 = state.weights.ravel(), np.repeat(state.r1, neurons)
    potentials = b2.StateMonitor(group, "potential", record=True, dt=step, when="after_groups")
    spikes = b2.SpikeMonitor(group, record=False)
    b2.Network(group, source, synapses, potentials, spikes).run(model.patch_ms * b2.ms, namespace={})
    for name in ("potential", "o1", "o2", "level"):
        getattr(state, name)[:] = getattr(group, name)[:]
    state.weights[:] = np.asarray(synapses.w).reshape(inputs, neurons)
    state.r1[:] = np.asarray(synapses.r1).reshape(inputs, neurons)[:, 0]
    seen = np.asarray(potentials.potential)
    return np.asarray(spikes.count, dtype=float), seen.sum(axis=1), np.square(seen).sum(axis=1)
