"""Inputs to populations of cells without lateral synapses: a batch of them at once, learning or with weights frozen."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from repro.convallis import feedforward_kernels as kernels
from repro.convallis.cell import AtRest, Cell
from repro.convallis.control import ControlState, fixed, with_mean
from repro.convallis.course import Course
from repro.convallis.learning import Learning
from repro.convallis.outcome import Outcome, Potentials, Recording
from repro.convallis.rasters import Events, Trials, checked, events
from repro.convallis.rule import Credit, Rule, eligibility
from repro.errors import Mistake

Weights = Float[np.ndarray, "batch inputs neurons"]


def random_weights(batch: int, inputs: int, neurons: int, mean: float, rng: np.random.Generator) -> Weights:
    """Uniform between half and three halves of ``mean`` (nS)."""
    return mean * rng.uniform(0.5, 1.5, (batch, inputs, neurons))


def train(
    inputs: Trials,
    weights: Weights,
    learning: Learning | None = None,
    cell: Cell | None = None,
    *,
    raster_of: np.ndarray | None = None,
    start: ControlState | None = None,
    measure_from: int | None = None,
    measure_after: float = 100.0,
    watch: Callable[[int], None] = lambda trial: None,
) -> Outcome:
    """Show trials one after another to a batch of populations; cells are at rest when a trial begins.

    Parameters
    ----------
    inputs : trials of input spikes, each (steps, inputs) for all populations or (rasters, steps, inputs)
    weights : at first, nS, at least 0; their precision is that of the simulation
    learning : rule, rate and constraints; numbers in it may be one for each population
    cell : constants
    raster_of : which raster each population hears; with as many rasters as populations, its own
    start : gains to go on from
    measure_from : trial from which potentials are measured; None for never
    measure_after : ms from a trial's beginning that are left out of it, in which potentials come up from rest
    watch : called with the number of each trial that is done

    Raises
    ------
    Mistake
        For inputs of another shape, and for weights that are negative or above the largest.

    >>> from repro.convallis import Learning, Valley, feedforward
    >>> rng = np.random.default_rng(0)
    >>> trials = rng.random((20, 1000, 100)) < 0.01  # 20 trials of half a second, 100 inputs at 20 Hz
    >>> weights = feedforward.random_weights(2, 100, 8, 0.3, rng)
    >>> done = feedforward.train(trials, weights, Learning(Valley(b=[0.2, 0.5]), rate=1e-3))
    >>> done.weights.shape, done.counts.shape
    ((2, 100, 8), (2, 20, 8))
    """
    learning, cell = learning or Learning(), cell or Cell()
    batch, n_inputs, neurons = weights.shape
    trials, raster_of = checked(inputs, n_inputs, batch, raster_of)
    check_weights(weights, learning.largest_weight)
    weights = np.array(weights, order="C")
    mean = weights.mean(axis=1)
    course = Course(learning, trials, cell.dt, batch, neurons, start=start)
    state = learning.rule.start(batch, neurons, weights.dtype.type)
    potentials = Potentials.empty(batch, neurons)
    earlier = np.zeros_like(weights)
    for at, raster in enumerate(trials):
        course.begin(at)
        heard, cells = events(raster), cell.at_rest(batch, neurons, weights.dtype)
        begin = course.measured_from(at, measure_from, round(measure_after / cell.dt))
        traces = [np.zeros((len(raster), n_inputs)) for _ in learning.rule.kernel(cell.dt)]
        state = learning.rule.at_rest(state)
        for block in learning.blocks(heard.steps, cell.dt):
            driven = weights * course.control.gains[:, None].astype(weights.dtype)
            seen, fired = _run(cells, heard, raster_of, block, driven, potentials, begin)
            course.counts[:, at] += fired.sum(axis=1)
            found, state = learning.credit(seen, fired, state, cell.dt)
            if found is None:
                continue
            earlier *= learning.kept(seen.shape[1], cell.dt)
            earlier += _sums(found, heard, raster_of, block, traces, cell.dt)
            weights = learning.added(weights, earlier)
            if learning.keep_mean:
                weights = with_mean(weights, mean, learning.largest_weight)
        course.end(at)
        watch(at)
    measured = None if measure_from is None else potentials
    return Outcome(
        weights, course.control, course.counts, course.log_gains, course.seconds, learning.at_bounds(weights), measured
    )


def respond(
    inputs: Trials,
    weights: Weights,
    gains: Float[np.ndarray, "batch neurons"],
    cell: Cell | None = None,
    *,
    raster_of: np.ndarray | None = None,
    measure: bool = False,
    measure_after: float = 100.0,
) -> Outcome:
    """The same with weights and gains frozen: what a population says to trials, in any order."""
    learning = Learning(control=None, largest_weight=max(float(weights.max(initial=0)), 1e-12))
    measure_from = 0 if measure else None
    return train(
        inputs, weights, learning, cell,
        raster_of=raster_of, start=fixed(gains), measure_from=measure_from, measure_after=measure_after,
    )  # fmt: skip


def record(
    trial: np.ndarray, weights: Weights, gains: Float[np.ndarray, "batch neurons"], cell: Cell | None = None
) -> Recording:
    """Every step of one trial (steps, inputs) or (batch, steps, inputs), weights and gains frozen: for plots."""
    batch, n_inputs, neurons = weights.shape
    (shaped,), raster_of = checked([trial], n_inputs, batch, None)
    heard, driven = events(shaped), np.ascontiguousarray(weights * gains[:, None], weights.dtype)
    cells, potentials = (cell or Cell()).at_rest(batch, neurons, weights.dtype), Potentials.empty(batch, neurons)
    return Recording(*_run(cells, heard, raster_of, slice(0, heard.steps), driven, potentials, heard.steps))


def check_weights(weights: np.ndarray, largest: float) -> None:
    """Raises Mistake for a weight outside [0, largest]."""
    if weights.size and not (weights.min() >= 0 and weights.max() <= largest):
        worst = weights.min() if not weights.min() >= 0 else weights.max()
        raise Mistake(f"a weight is {worst:g} nS; all must lie between 0 and the largest, {largest:g} nS")


def _run(
    cells: AtRest,
    heard: Events,
    raster_of: np.ndarray,
    block: slice,
    driven: np.ndarray,
    potentials: Potentials,
    begin: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A block, in which ``cells`` go on: what the rule sees, and spikes, each (batch, steps, neurons)."""
    shape = (len(driven), block.stop - block.start, driven.shape[2])
    seen, fired = np.empty(shape, driven.dtype), np.empty(shape, np.bool_)
    kernels.simulate(
        heard.channels, heard.starts, raster_of, block.start, driven, *cells, seen, fired,
        begin, potentials.histogram, potentials.moments,
    )  # fmt: skip
    return seen, fired


def _sums(
    found: Credit,
    heard: Events,
    raster_of: np.ndarray,
    block: slice,
    traces: list[np.ndarray],
    dt: float,
) -> Weights:
    """The rule's sum over a block, and the presynaptic traces brought to its end."""
    spikes_credit, carried = found
    sums = np.zeros((len(raster_of), heard.raster.shape[2], spikes_credit.shape[2]), spikes_credit.dtype)
    kernels.gather(heard.channels, heard.starts, raster_of, block.start, spikes_credit, sums)
    for trace, (tau, part) in zip(traces, carried, strict=True):
        if block.start > 0:
            sums += (trace[raster_of][:, :, None] * part[:, None]).astype(sums.dtype)
        kernels.traces(heard.channels, heard.starts, block.start, spikes_credit.shape[1], math.exp(-dt / tau), trace)
    return sums


def plain_sums(rule: Rule, raster: np.ndarray, f: np.ndarray, d: np.ndarray, dt: float) -> np.ndarray:
    """XᵀF + SᵀD of one trial (steps, inputs), (steps, neurons): the rule as it is written, to check the fast sums."""
    return eligibility(raster, rule, dt).T @ f + raster.T.astype(float) @ d
