"""The feedforward populations on a device, in torch: the same scheme, the rule as it is written, dW = XᵀF + SᵀD.

State is (batch, neurons); inputs reach all cells of all populations by one matrix product a block, and traces are
products with a matrix of decays over the block's steps. What is left is a loop over steps of a dozen small operations:
worth it on a GPU for large batches; on a CPU ``feedforward`` is faster.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from repro.convallis.cell import Cell
from repro.convallis.control import ControlState, with_mean
from repro.convallis.course import Course
from repro.convallis.feedforward import check_weights
from repro.convallis.learning import Learning
from repro.convallis.outcome import Outcome
from repro.convallis.rasters import Trials, checked
from repro.convallis.rule import Amount, Backend, Rule, per_population


def backend(device: torch.device, dtype: torch.dtype) -> Backend:
    """A rule's arithmetic on tensors."""

    def number(amount: Amount, ndim: int) -> Any:
        value = per_population(amount, ndim)
        return value if isinstance(value, float) else torch.as_tensor(value, dtype=dtype, device=device)

    return Backend(torch.tanh, traced, number, lambda tensor, other: tensor.to(other.dtype))


def traced(spikes: Any, tau: float, dt: float, trace: Any) -> tuple[Any, Any]:
    """The trace before each step of (batch, steps, neurons), and what goes into the next block."""
    steps = spikes.shape[1]
    age = torch.arange(steps + 1, dtype=trace.dtype, device=trace.device)
    lag = age[:, None] - age[:steps]  # from a spike to a step, the step after the last included
    decay = torch.where(lag > 0, torch.exp(-lag.clamp(min=0) * dt / tau), torch.zeros_like(lag))
    found = decay @ spikes.to(trace.dtype) + torch.exp(-age * dt / tau)[:, None] * trace[:, None]
    return found[:, :steps], found[:, steps]


def train(
    inputs: Trials,
    weights: Float[np.ndarray, "batch inputs neurons"],
    learning: Learning | None = None,
    cell: Cell | None = None,
    *,
    raster_of: np.ndarray | None = None,
    start: ControlState | None = None,
    device: torch.device | str = "cpu",
) -> Outcome:
    """As ``feedforward.train`` on ``device``, in the precision of the weights; potentials are not measured."""
    learning, cell, place = learning or Learning(), cell or Cell(), torch.device(device)
    batch, n_inputs, neurons = weights.shape
    trials, raster_of = checked(inputs, n_inputs, batch, raster_of)
    check_weights(weights, learning.largest_weight)
    dtype = torch.float32 if weights.dtype == np.float32 else torch.float64
    on, rule = backend(place, dtype), learning.rule
    w, mean = weights.copy(), weights.mean(axis=1)
    course = Course(learning, trials, cell.dt, batch, neurons, start=start)
    state = tuple(torch.as_tensor(part, device=place) for part in rule.start(batch, neurons, weights.dtype.type))
    earlier = np.zeros_like(w)
    for at, raster in enumerate(trials):
        course.begin(at)
        heard = torch.as_tensor(raster, device=place).to(dtype)[torch.as_tensor(raster_of, device=place)]
        cells, state = _at_rest(cell, batch, neurons, dtype, place), rule.at_rest(state)
        traces = [torch.zeros((batch, n_inputs), dtype=dtype, device=place) for _ in rule.kernel(cell.dt)]
        for block in learning.blocks(raster.shape[1], cell.dt):
            driven = torch.as_tensor(w * course.control.gains[:, None].astype(w.dtype), device=place)
            spikes = heard[:, block]
            seen, fired = _run(spikes @ driven, cells, cell)
            course.counts[:, at] += fired.sum(dim=1).cpu().numpy()
            f, d, state = rule.factors(seen, fired, state, cell.dt, on)
            sums = _sums(rule, spikes, _aged(f, learning, cell.dt), _aged(d, learning, cell.dt), traces, cell.dt)
            if sums is None:
                continue
            earlier = earlier * learning.kept(seen.shape[1], cell.dt) + sums.cpu().numpy()
            w = learning.added(w, earlier.astype(w.dtype))
            if learning.keep_mean:
                w = with_mean(w, mean, learning.largest_weight)
        course.end(at)
    return Outcome(w, course.control, course.counts, course.log_gains, course.seconds, learning.at_bounds(w))


def _at_rest(cell: Cell, batch: int, neurons: int, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    zeros = torch.zeros((batch, neurons), dtype=dtype, device=device)
    return {"v": zeros + cell.rest, "exc": zeros, "after": zeros, "held": zeros.long()}


def _run(arriving: Any, cells: dict[str, Any], cell: Cell) -> tuple[Any, Any]:
    """A block, given what arrives at the end of each step (batch, steps, neurons), nS; ``cells`` go on."""
    fade_exc, fade_after = math.exp(-cell.dt / cell.tau_exc), math.exp(-cell.dt / cell.tau_after)
    seen, fired = torch.empty_like(arriving), torch.empty(arriving.shape, dtype=torch.bool, device=arriving.device)
    v, exc, after, held = cells["v"], cells["exc"], cells["after"], cells["held"]
    for t in range(arriving.shape[1]):
        after, held = after * fade_after, (held - 1).clamp(min=0)
        free, total = held == 0, cell.leak + exc
        towards = (cell.leak * cell.rest + exc * cell.reversal_exc) / total
        v = torch.where(free, towards + (v - towards) * torch.exp(-total * (cell.dt / cell.capacitance)), v)
        seen[:, t] = (v + after).clamp(max=cell.threshold)
        spike = free & (v > cell.threshold)
        fired[:, t] = spike
        v = torch.where(spike, cell.reset, v)
        after = after + cell.after_depolarisation * spike
        held = torch.where(spike, cell.refractory_steps, held)
        exc = exc * fade_exc + arriving[:, t]
    cells.update(v=v, exc=exc, after=after, held=held)
    return seen, fired


def _aged(factors: Any, learning: Learning, dt: float) -> Any:
    if factors is None or learning.memory is None:
        return factors
    age = torch.arange(factors.shape[1] - 1, -1, -1, dtype=factors.dtype, device=factors.device)[:, None]
    return factors * torch.exp(-age * dt / learning.memory)


def _sums(rule: Rule, spikes: Any, f: Any, d: Any, traces: list[Any], dt: float) -> Any:
    """XᵀF + SᵀD over a block, traces brought to its end; None if nothing learns."""
    total = None if f is None and d is None else 0.0
    for term, (amplitude, tau) in enumerate(rule.kernel(dt)):
        x, traces[term] = traced(spikes, tau, dt, traces[term])
        if f is not None:
            total = total + amplitude * (x.transpose(1, 2) @ f)
    return total if d is None else total + spikes.transpose(1, 2) @ d
