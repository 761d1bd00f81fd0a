"""Spiking neurons that learn from ON and OFF spikes by the triplet rule, and the rate rule that they come down to.

Each pixel of a whitened patch drives two Poisson inputs, ON with its positive and OFF with its negative part. Neurons
share the inputs and don't see each other. A neuron's potential sums its inputs' spikes; potential ``v`` minus its slow
mean, over its slow standard deviation, is the drive ``u``, and the neuron fires with the escape rate

    y = gain (u - threshold)+                                                            (the f-I curve of figure 1)

Every input spike lowers its weight by ``rate D o1``, every output spike raises weights by ``rate r1 o2``: all-to-all
triplet plasticity without its other two terms [pfister2006triplets]. ``D`` is homeostatic: it is the neuron's slow mean
of ``o2`` at its own spikes times tau+ / tau-, so that the drift at the mean input rate vanishes, and the weight follows
the covariance of the input with ``y² - b y``, ``b = ⟨y²⟩/⟨y⟩`` being a sliding threshold [bienenstock1982theory].
Weights stay at 0 or above, and their squares sum to 1: both are seen to after each patch.

Order inside a step: decay; output spikes drawn from the potential so far; input spikes (depression, potential, r1);
output spikes (potentiation with the r1 that has this step's inputs, then o1 and o2).

Deviates: the article's own spiking simulation, if there is one, was not read; all constants here are this book's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from repro.nonlinear_hebbian.on_off import on_off, one_sign
from repro.spike_triplets import published

_TRIPLET = published("visual", "all-to-all", "minimal")


@dataclass(frozen=True)
class SpikingModel:
    """Constants of neurons, inputs and plasticity; times in ms, rates in Hz."""

    input_rate: float = 80.0  # of an input whose pixel is 1 standard deviation from 0
    gain: float = 100.0  # output rate for each standard deviation of the drive above threshold
    threshold: float = 1.0  # standard deviations of the drive
    tau_membrane: float = 20.0  # of the potential
    tau_plus: float = _TRIPLET.tau_plus  # presynaptic trace r1
    tau_minus: float = _TRIPLET.tau_minus  # fast postsynaptic trace o1
    tau_y: float = _TRIPLET.tau_y  # slow postsynaptic trace o2
    learning_rate: float = 2e-5  # weight change of a triplet whose traces are 1, at the first patch
    half_after: float = 50_000.0  # patches after which the rate of learning has halved: rate / (1 + n / half_after)
    patch_ms: int = 200  # how long each patch is shown; the step is 1 ms
    memory_patches: float = 200.0  # over which mean and variance of the potential are taken
    memory_spikes: float = 500.0  # output spikes over which the depression's level is taken

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0 or not np.isfinite(value):
                raise ValueError(f"SpikingModel: {name} is {value}; it must be a positive number")


@dataclass(eq=False)
class State:
    """Everything that a run changes; saved and loaded, it goes on bit by bit."""

    weights: Float[np.ndarray, "inputs neurons"]
    potential: Float[np.ndarray, "neurons"]
    r1: Float[np.ndarray, "inputs"]
    o1: Float[np.ndarray, "neurons"]
    o2: Float[np.ndarray, "neurons"]
    level: Float[np.ndarray, "neurons"]  # slow mean of o2 at the neuron's own spikes
    mean: Float[np.ndarray, "neurons"]  # slow mean of the potential
    variance: Float[np.ndarray, "neurons"]  # and its variance
    spikes: Float[np.ndarray, "neurons"]  # output spikes so far
    patches: int  # patches shown so far


def start(inputs: int, neurons: int, model: SpikingModel, rng: np.random.Generator) -> State:
    """Neurons at rest with random weights of one sign."""
    weights = one_sign(inputs, neurons, rng)
    potential, o1, o2, mean, spikes = (np.zeros(neurons) for _ in range(5))
    level = np.full(neurons, model.gain * model.tau_y / 1000)  # as if it fired at its gain
    return State(weights, potential, np.zeros(inputs), o1, o2, level, mean, np.ones(neurons), spikes, 0)


Chance = tuple[Int[np.ndarray, "spikes"], Int[np.ndarray, "spikes"], Float[np.ndarray, "steps neurons"]]
"""Step and input of each input spike, in order of steps, and what each neuron draws in each step, from 0 to 1."""


def draw(rates: Float[np.ndarray, "inputs"], neurons: int, model: SpikingModel, rng: np.random.Generator) -> Chance:
    """One patch's chance: its Poisson spikes and what the neurons draw.

    Parameters
    ----------
    rates : of the inputs, in units of ``input_rate``
    """
    cumulative = np.cumsum(rates)
    expected = cumulative[-1] * model.input_rate * model.patch_ms / 1000
    count = rng.poisson(expected)
    steps = np.sort(rng.integers(model.patch_ms, size=count))
    channels = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return steps, np.minimum(channels, len(rates) - 1), rng.random((model.patch_ms, neurons))


def show(state: State, patches: Float[np.ndarray, "n pixels"], model: SpikingModel, rng: np.random.Generator) -> None:
    """Show patches, as ``on_off.white_pixels`` makes them, one after another; changes ``state``."""
    for rates in on_off(patches):
        chance = draw(rates, len(state.level), model, rng)
        follow(state, *present(state, chance, model), model)


def present(
    state: State, chance: Chance, model: SpikingModel
) -> tuple[Float[np.ndarray, "neurons"], Float[np.ndarray, "neurons"], Float[np.ndarray, "neurons"]]:
    """One patch, given its chance: output spikes of each neuron, sums of its potential and of its square over steps."""
    decays = np.exp(-1 / np.array([model.tau_membrane, model.tau_plus, model.tau_minus, model.tau_y]))
    constants = np.array([model.gain, model.threshold, *plasticity(state, model), 1 / model.memory_spikes])
    return _present(
        *chance, state.weights, state.potential, state.r1, state.o1, state.o2, state.level, state.mean,
        np.sqrt(state.variance), decays, constants,
    )  # fmt: skip


def plasticity(state: State, model: SpikingModel) -> tuple[float, float]:
    """The rate of learning at this patch, and what level and o1 are multiplied by in depression."""
    rate = model.learning_rate / (1 + state.patches / model.half_after)
    return rate, rate * model.tau_plus / model.tau_minus


def follow(
    state: State,
    fired: Float[np.ndarray, "neurons"],
    total: Float[np.ndarray, "neurons"],
    square: Float[np.ndarray, "neurons"],
    model: SpikingModel,
) -> None:
    """What is seen to after each patch: slow mean and variance of the potential, sign and norm of the weights."""
    share = max(1 / (state.patches + 1), 1 / model.memory_patches)
    mean, spread = total / model.patch_ms, square / model.patch_ms
    away = spread - 2 * mean * state.mean + state.mean**2  # second moment about the slow mean so far
    shift = share * (mean - state.mean)
    state.variance[:] = (1 - share) * state.variance + share * away - shift**2
    state.mean += shift
    state.spikes += fired
    state.patches += 1
    np.maximum(state.weights, 0, out=state.weights)
    state.weights /= np.linalg.norm(state.weights, axis=0)


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _present(
    at, channels, uniforms, weights, potential, r1, o1, o2, level, mean, deviation, decays, constants
):  # fmt: skip
    steps, neurons = uniforms.shape
    inputs = len(r1)
    gain, threshold, rate, ltd, memory = constants
    fired, total, square = np.zeros(neurons), np.zeros(neurons), np.zeros(neurons)
    spiking = np.zeros(neurons, dtype=np.bool_)
    depression = np.zeros(neurons)
    e = 0
    for t in range(steps):
        for j in range(inputs):
            r1[j] *= decays[1]
        for i in range(neurons):
            potential[i] *= decays[0]
            o1[i] *= decays[2]
            o2[i] *= decays[3]
            total[i] += potential[i]
            square[i] += potential[i] * potential[i]
            u = (potential[i] - mean[i]) / deviation[i]
            y = gain * max(u - threshold, 0.0)
            spiking[i] = uniforms[t, i] < 1 - np.exp(-y / 1000)
            depression[i] = ltd * level[i] * o1[i]
        while e < len(at) and at[e] == t:
            j = channels[e]
            for i in range(neurons):
                potential[i] += weights[j, i]
                weights[j, i] -= depression[i]
            r1[j] += 1.0
            e += 1
        for i in range(neurons):
            if spiking[i]:
                step = rate * o2[i]
                for j in range(inputs):
                    weights[j, i] += step * r1[j]
                level[i] += memory * (o2[i] - level[i])
                o1[i] += 1.0
                o2[i] += 1.0
                fired[i] += 1.0
    return fired, total, square
