"""A recurrent network of excitatory and inhibitory cells: inputs reach both, and what ends on excitatory cells learns.

The same rules, constraints and order of events as ``feedforward``: synapses from inputs and from excitatory cells onto
excitatory cells are plastic, all others fixed. A cell's spike reaches its targets at the end of its own step. The gain
of the rate constraint scales the plastic weights of a neuron, and its mean weight is that of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from repro.convallis import recurrent_kernels as kernels
from repro.convallis.cell import AtRest, Cell
from repro.convallis.control import ControlState, fixed
from repro.convallis.course import Course
from repro.convallis.feedforward import check_weights
from repro.convallis.feedforward_kernels import traces as carry
from repro.convallis.learning import Learning
from repro.convallis.network import Network, Synapses
from repro.convallis.outcome import Outcome, Potentials, Recording
from repro.convallis.rasters import Events, Trials, checked, events
from repro.convallis.rule import Credit


@dataclass(frozen=True)
class NetworkOutcome(Outcome):
    """``counts`` are those of excitatory cells, ``weights`` the plastic ones of the inputs."""

    network: Network | None = None  # with its weights as learnt
    inhibitory_counts: np.ndarray | None = None  # (batch, trials, inhibitory)


def train(
    inputs: Trials,
    network: Network,
    learning: Learning | None = None,
    cell: Cell | None = None,
    *,
    raster_of: np.ndarray | None = None,
    start: ControlState | None = None,
    measure_from: int | None = None,
    measure_after: float = 100.0,
    watch: Callable[[int], None] = lambda trial: None,
) -> NetworkOutcome:
    """Show trials one after another to a batch of networks; arguments and errors as in ``feedforward.train``.

    >>> from repro.convallis import Learning, Valley, balanced, recurrent
    >>> rng = np.random.default_rng(0)
    >>> trials = rng.random((4, 1000, 20)) < 0.01
    >>> network = balanced(2, rng, inputs=20, excitatory=40, inhibitory=10)
    >>> done = recurrent.train(trials, network, Learning(Valley(), rate=1e-3))
    >>> done.counts.shape, done.network.recurrent.weights.shape
    ((2, 4, 40), (2, 50, 5))
    """
    learning, cell = learning or Learning(), cell or Cell()
    batch, n_inputs, _ = network.inputs.weights.shape
    trials, raster_of = checked(inputs, n_inputs, batch, raster_of)
    plastic = _Plastic(network, learning)
    excitatory, neurons, dtype = network.excitatory, network.neurons, network.inputs.weights.dtype
    course = Course(learning, trials, cell.dt, batch, neurons, held=excitatory, start=start)
    state = learning.rule.start(batch, excitatory, dtype.type)
    potentials = Potentials.empty(batch, excitatory)
    for at, raster in enumerate(trials):
        course.begin(at)
        heard, cells = events(raster), cell.at_rest(batch, neurons, dtype)
        begin = course.measured_from(at, measure_from, round(measure_after / cell.dt))
        plastic.rest(len(raster))
        state = learning.rule.at_rest(state)
        for block in learning.blocks(heard.steps, cell.dt):
            seen, fired = _run(
                cells, network, heard, raster_of, block, *plastic.driven(course.control.gains), potentials, begin
            )
            course.counts[:, at] += fired.sum(axis=1)
            own = np.ascontiguousarray(seen[:, :, :excitatory]), np.ascontiguousarray(fired[:, :, :excitatory])
            found, state = learning.credit(*own, state, cell.dt)
            if found is not None:
                plastic.learn(found, heard, raster_of, block, own[1], cell.dt)
        course.end(at)
        watch(at)
    measured = None if measure_from is None else potentials
    of_excitatory, of_inhibitory = np.split(course.counts, [excitatory], axis=2)
    return NetworkOutcome(
        plastic.of_inputs, course.control, of_excitatory, course.log_gains, course.seconds, plastic.at_bounds(),
        measured, plastic.network(), of_inhibitory,
    )  # fmt: skip


def respond(
    inputs: Trials,
    network: Network,
    gains: Float[np.ndarray, "batch excitatory"],
    cell: Cell | None = None,
    *,
    raster_of: np.ndarray | None = None,
    measure: bool = False,
    measure_after: float = 100.0,
) -> NetworkOutcome:
    """The same with weights and gains frozen."""
    learning = Learning(control=None, largest_weight=math.inf)
    measure_from = 0 if measure else None
    return train(
        inputs, network, learning, cell,
        raster_of=raster_of, start=fixed(gains), measure_from=measure_from, measure_after=measure_after,
    )  # fmt: skip


def record(
    trial: np.ndarray, network: Network, gains: Float[np.ndarray, "batch excitatory"], cell: Cell | None = None
) -> Recording:
    """Every step of one trial, weights and gains frozen; of all cells, excitatory first."""
    (shaped,), raster_of = checked([trial], network.inputs.weights.shape[1], network.batch, None)
    heard, potentials = events(shaped), Potentials.empty(network.batch, network.excitatory)
    driven = _Plastic(network, Learning(largest_weight=math.inf)).driven(gains)
    cells = (cell or Cell()).at_rest(network.batch, network.neurons, network.inputs.weights.dtype)
    block = slice(0, heard.steps)
    return Recording(*_run(cells, network, heard, raster_of, block, *driven, potentials, heard.steps))


def _run(
    cells: AtRest,
    wiring: Network,
    heard: Events,
    raster_of: np.ndarray,
    block: slice,
    from_inputs: np.ndarray,
    inside: np.ndarray,
    potentials: Potentials,
    begin: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A block, in which ``cells`` go on: what the rule sees, and spikes, each (batch, steps, neurons)."""
    shape = (wiring.batch, block.stop - block.start, wiring.neurons)
    seen, fired = np.empty(shape, inside.dtype), np.empty(shape, np.bool_)
    kernels.simulate(
        heard.channels, heard.starts, raster_of, block.start, wiring.inputs.targets, from_inputs,
        wiring.recurrent.targets, inside, wiring.excitatory, *cells, seen, fired,
        begin, potentials.histogram, potentials.moments,
    )  # fmt: skip
    return seen, fired


class _Plastic:
    """The plastic weights of a batch of networks, from inputs and from excitatory cells, and what they remember."""

    def __init__(self, network: Network, learning: Learning) -> None:
        self.start, self.learning, self.excitatory = network, learning, network.excitatory
        first, second = network.inputs, network.recurrent
        self.targets = [
            np.ascontiguousarray(first.targets[:, :, : first.plastic]),
            np.ascontiguousarray(second.targets[:, : self.excitatory, : second.plastic]),
        ]
        self.weights = [
            np.array(first.weights[:, :, : first.plastic], order="C"),
            np.array(second.weights[:, : self.excitatory, : second.plastic], order="C"),
        ]
        for weights in self.weights:
            check_weights(weights, learning.largest_weight)
        self.all = [np.array(first.weights, order="C"), np.array(second.weights, order="C")]
        self.earlier = [np.zeros_like(weights) for weights in self.weights]
        self.sum = self._incoming()
        self.traces: list[list[np.ndarray]] = [[], []]

    @property
    def of_inputs(self) -> np.ndarray:
        """(batch, inputs, excitatory), 0 where there is no synapse."""
        return Synapses(self.targets[0], self.weights[0], 0).dense(self.excitatory)

    def _incoming(self) -> np.ndarray:
        out = np.zeros((self.start.batch, self.excitatory))
        for targets, weights in zip(self.targets, self.weights, strict=True):
            kernels.incoming(targets, weights, out)
        return out

    def rest(self, rasters: int) -> None:
        """Presynaptic traces gone."""
        terms, batch, inputs = self.learning.rule.kernel(1.0), self.start.batch, self.weights[0].shape[1]
        self.traces = [
            [np.zeros((rasters, inputs)) for _ in terms],
            [np.zeros((batch, self.excitatory)) for _ in terms],
        ]

    def driven(self, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All weights of inputs and cells, the plastic ones with their gains."""
        for targets, weights, every in zip(self.targets, self.weights, self.all, strict=True):
            kernels.scaled(targets, weights, gains, every[:, : weights.shape[1], : weights.shape[2]])
        return self.all[0], self.all[1]

    def learn(
        self, found: Credit, heard: Events, raster_of: np.ndarray, block: slice, fired: np.ndarray, dt: float
    ) -> None:
        """The weights after a block in which excitatory cells fired (batch, steps, excitatory)."""
        gained, carried = found
        steps = gained.shape[1]
        for earlier in self.earlier:
            earlier *= self.learning.kept(steps, dt)
        kernels.gather_inputs(
            heard.channels, heard.starts, raster_of, block.start, gained, self.targets[0], self.earlier[0]
        )
        kernels.gather_recurrent(fired, gained, self.targets[1], self.earlier[1])
        for term, (tau, part) in enumerate(carried):
            of_inputs, of_cells = self.traces[0][term], self.traces[1][term]
            if block.start > 0:
                kernels.add_carried(of_inputs[raster_of], part, self.targets[0], self.earlier[0])
                kernels.add_carried(of_cells, part, self.targets[1], self.earlier[1])
            fade = math.exp(-dt / tau)
            carry(heard.channels, heard.starts, block.start, steps, fade, of_inputs)
            ages = fade ** np.arange(steps, 0, -1)
            of_cells[:] = fade**steps * of_cells + np.einsum("t,btn->bn", ages, fired)
        self.weights = [
            self.learning.added(weights, earlier) for weights, earlier in zip(self.weights, self.earlier, strict=True)
        ]
        if self.learning.keep_mean:
            self._restore()

    def _restore(self) -> None:
        now = self._incoming()
        factors = np.divide(self.sum, now, out=np.ones_like(now), where=now > 0)
        for targets, weights in zip(self.targets, self.weights, strict=True):
            kernels.scaled(targets, weights, factors, weights)
            np.minimum(weights, self.learning.largest_weight, out=weights)

    def at_bounds(self) -> np.ndarray:
        """Share of plastic weights at 0 or at the largest, of each network."""
        flat = np.concatenate([weights.reshape(self.start.batch, -1) for weights in self.weights], axis=1)
        return self.learning.at_bounds(flat)

    def network(self) -> Network:
        """The network with its weights as they are, without gains."""
        self.driven(np.ones((self.start.batch, self.excitatory)))
        first, second = (
            replace(old, weights=new.copy())
            for old, new in zip((self.start.inputs, self.start.recurrent), self.all, strict=True)
        )
        return replace(self.start, inputs=first, recurrent=second)
