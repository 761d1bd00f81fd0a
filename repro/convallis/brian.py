"""The same cells, networks and valley rule in Brian2: the reference to read, and to check the fast simulators against.

One trial of one population from rest, every synapse with its own clock-driven sum of f(V) x, as one would write it; f
and x are worked out once for each cell. The step and the order of events are those of ``cell``: Brian2's default
schedule, f and x read after the state update. Recording grows with the trial: keep it short. ``target`` is Brian2's
code generation target, or ``cpp_standalone``, which needs a compiler and half a minute.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np
from jaxtyping import Bool, Float

from repro.convallis.cell import Cell
from repro.convallis.network import Network
from repro.convallis.rule import Valley
from repro.convallis.song_abbott import SongAbbott, Spikes

CELLS = """
dv/dt = (g_l*(e_l - v) + g_e*(e_e - v) + g_i*(e_i - v))/c : volt (unless refractory)
dg_e/dt = -g_e/tau_e : siemens
dg_i/dt = -g_i/tau_i : siemens
dafter/dt = -after/tau_after : volt
dslow/dt = -slow/tau_membrane : 1
dfast/dt = -fast/tau_synapse : 1
seen = clip(v + after, -1*volt, v_th) : volt
x : 1
f : 1
"""
INPUTS = """
dslow/dt = -slow/tau_membrane : 1
dfast/dt = -fast/tau_synapse : 1
x : 1
"""
TRACE = "x = peak*(slow - fast)"
DETECTORS = """
x = peak*(slow - fast)
upper = 0.5*(1 + tanh((seen - theta_plus)/k_plus))
lower = 0.5*(1 + tanh((seen - theta_minus)/k_minus))
f = a*upper - b*lower*(1 - upper)
"""
TRACES = "slow += 1; fast += 1"
SUM, ONLINE = "total += f_post*x_pre*dt/ms", "w = clip(w + rate*f_post*x_pre*dt/ms, 0*nS, largest)"


@dataclass(frozen=True)
class Twin:
    """One trial of one population; sums are those of f x dt (ms), or the weights (nS) where they changed every step."""

    fired: Bool[np.ndarray, "steps neurons"]
    seen: Float[np.ndarray, "steps recorded"]  # mV; empty if not asked for
    of_inputs: Float[np.ndarray, "inputs learning"]  # 0 where there is no plastic synapse
    of_cells: Float[np.ndarray, "learning learning"]


@dataclass(frozen=True)
class Assembled:
    """Brian2's objects, ready to run."""

    network: b2.Network
    spikes: b2.SpikeMonitor
    seen: b2.StateMonitor | None
    learning: list[tuple[str, Any, np.ndarray, np.ndarray]]  # plastic synapses: of whom, the object, sources, targets
    sizes: tuple[int, int, int, int]  # steps, inputs, neurons, those that learn


Connection = tuple[str, str, np.ndarray, np.ndarray, np.ndarray, bool]
"""From inputs or cells, to which conductance, sources, targets, weights (nS), plastic."""


def feedforward(
    raster: Bool[np.ndarray, "steps inputs"],
    weights: Float[np.ndarray, "inputs neurons"],
    valley: Valley,
    cell: Cell,
    target: str = "numpy",
    *,
    rate: float | None = None,
    largest: float = 2.0,
) -> Twin:
    """A population without lateral synapses; with ``rate`` (nS) weights change at every step, else they are held."""
    sources, targets = (index.ravel() for index in np.indices(weights.shape))
    connections: list[Connection] = [("inputs", "g_e", sources, targets, weights.ravel(), True)]
    neurons = weights.shape[1]
    return _run(connections, raster, (neurons, neurons), valley, cell, target, rate, largest)


def recurrent(
    raster: Bool[np.ndarray, "steps inputs"],
    network: Network,
    valley: Valley,
    cell: Cell,
    target: str = "numpy",
    *,
    of: int = 0,
    rate: float | None = None,
    largest: float = 2.0,
) -> Twin:
    """Network number ``of`` of a batch."""
    sizes = network.neurons, network.excitatory
    return _run(connections_of(network, of), raster, sizes, valley, cell, target, rate, largest)


def connections_of(network: Network, of: int = 0) -> list[Connection]:
    """All synapses of one network of a batch, plastic and fixed apart."""
    first, second, excitatory = network.inputs, network.recurrent, network.excitatory
    found: list[Connection] = []
    for name, synapses, rows in (("inputs", first, slice(None)), ("cells", second, slice(0, excitatory))):
        for plastic, columns in ((True, slice(0, synapses.plastic)), (False, slice(synapses.plastic, None))):
            found.append((name, "g_e", *_listed(synapses, of, rows, columns), plastic))
    found.append(("cells", "g_i", *_listed(second, of, slice(excitatory, None), slice(None)), False))
    return [connection for connection in found if len(connection[2])]


def _listed(synapses: Any, of: int, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and weight of each synapse."""
    targets, weights = synapses.targets[of, rows, columns], synapses.weights[of, rows, columns]
    sources = np.arange(synapses.targets.shape[1])[rows]
    return np.repeat(sources, targets.shape[1]), targets.ravel(), weights.ravel()


def _namespace(valley: Valley, cell: Cell, rate: float | None, largest: float) -> dict[str, Any]:
    """Constants with their units."""
    ms, mv, ns = b2.ms, b2.mV, b2.nS
    names = {"c": cell.capacitance * b2.pF, "g_l": cell.leak * ns, "e_l": cell.rest * mv, "v_th": cell.threshold * mv}
    names |= {"e_e": cell.reversal_exc * mv, "e_i": cell.reversal_inh * mv, "v_reset": cell.reset * mv}
    names |= {"tau_e": cell.tau_exc * ms, "tau_i": cell.tau_inh * ms, "tau_after": cell.tau_after * ms}
    names |= {"jump": cell.after_depolarisation * mv, "a": valley.a, "b": valley.b, "largest": largest * ns}
    names |= {name: getattr(valley, name) * mv for name in ("theta_plus", "theta_minus", "k_plus", "k_minus")}
    names |= {name: getattr(valley, name) * ms for name in ("tau_membrane", "tau_synapse")}
    return names | {"peak": valley.kernel(cell.dt)[0][0], "rate": (rate or 0.0) * ns}


def assemble(
    connections: list[Connection],
    raster: Bool[np.ndarray, "steps inputs"],
    sizes: tuple[int, int],
    valley: Valley,
    cell: Cell,
    rate: float | None = None,
    largest: float = 2.0,
    record: bool = False,
) -> Assembled:
    """Groups, synapses and monitors; ``sizes`` are all neurons and those that learn."""
    step = cell.dt * b2.ms
    b2.defaultclock.dt = step
    names = _namespace(valley, cell, rate, largest)
    names["spikes"] = b2.TimedArray(raster.astype(float), dt=step)
    common = {"method": "exponential_euler", "namespace": names}
    groups = {
        "inputs": b2.NeuronGroup(raster.shape[1], INPUTS, threshold="spikes(t, i) > 0.5", reset=TRACES, **common),
        "cells": b2.NeuronGroup(
            sizes[0], CELLS, threshold="v > v_th", refractory=cell.refractory * b2.ms,
            reset=f"v = v_reset; after += jump; {TRACES}", **common,
        ),
    }  # fmt: skip
    groups["cells"].v = cell.rest * b2.mV
    groups["inputs"].run_regularly(TRACE, dt=step, when="after_groups")
    groups["cells"].run_regularly(DETECTORS, dt=step, when="after_groups")
    learning, network = [], b2.Network(*groups.values())
    for source, conductance, from_, to, weights, plastic in connections:
        model = "w : siemens\ntotal : 1" if plastic else "w : siemens"
        post = f"{conductance}_post += w"
        synapses = b2.Synapses(groups[source], groups["cells"], model, on_pre=post, namespace=names)
        synapses.connect(i=from_, j=to)
        synapses.w = weights * b2.nS
        if plastic:
            synapses.run_regularly(SUM if rate is None else ONLINE, dt=step, when="after_groups", order=1)
            learning.append((source, synapses, from_, to))
        network.add(synapses)
    spikes = b2.SpikeMonitor(groups["cells"])
    seen = b2.StateMonitor(groups["cells"], "seen", record=True, when="after_groups") if record else None
    network.add(spikes, *([seen] if record else []))
    return Assembled(network, spikes, seen, learning, (*raster.shape, *sizes))


def results(assembled: Assembled, cell: Cell, rate: float | None) -> Twin:
    """What came out of a run of all steps."""
    steps, inputs, neurons, learns = assembled.sizes
    fired = np.zeros((steps, neurons), bool)
    at = np.rint(np.asarray(assembled.spikes.t / (cell.dt * b2.ms))).astype(int)
    fired[at, np.asarray(assembled.spikes.i)] = True
    found = {"inputs": np.zeros((inputs, learns)), "cells": np.zeros((neurons, learns))}
    for source, synapses, from_, to in assembled.learning:
        found[source][from_, to] = np.asarray(synapses.total if rate is None else synapses.w / b2.nS)
    seen = np.zeros((0, 0)) if assembled.seen is None else np.asarray(assembled.seen.seen / b2.mV).T
    return Twin(fired, seen, found["inputs"], found["cells"][:learns])


def _run(
    connections: list[Connection],
    raster: np.ndarray,
    sizes: tuple[int, int],
    valley: Valley,
    cell: Cell,
    target: str,
    rate: float | None,
    largest: float,
) -> Twin:
    standalone = target == "cpp_standalone"
    if standalone:
        b2.set_device("cpp_standalone", build_on_run=False)
    else:
        b2.prefs.codegen.target = target
    try:
        assembled = assemble(connections, raster, sizes, valley, cell, rate, largest, record=True)
        assembled.network.run(len(raster) * cell.dt * b2.ms, namespace={})
        if standalone:
            b2.device.build(directory=tempfile.mkdtemp(), compile=True, run=True)
        return results(assembled, cell, rate)
    finally:
        if standalone:
            b2.device.reinit()
            b2.set_device("runtime")


STDP = """
w : siemens
dapre/dt = -apre/tau_plus : siemens (event-driven)
dapost/dt = -apost/tau_minus : siemens (event-driven)
"""
STDP_PRE = "g_e_post += w; apre += plus; w = clip(w - apost, 0*nS, largest)"
STDP_POST = "apost += minus; w = clip(w + apre, 0*nS, largest)"


def song_abbott(
    spikes: Spikes, weights: Float[np.ndarray, "inputs"], model: SongAbbott
) -> tuple[b2.Network, b2.Synapses, b2.SpikeMonitor]:
    """One cell with additive pair STDP at its inputs, ready to run: network, synapses and the cell's spikes."""
    cell, ms = model.cell, b2.ms
    b2.defaultclock.dt = cell.dt * ms
    names = _namespace(Valley(), cell, None, model.largest)
    names |= {"tau_plus": model.tau_plus * ms, "tau_minus": model.tau_minus * ms}
    names |= {"plus": model.a_plus * model.largest * b2.nS, "minus": model.a_minus * model.largest * b2.nS}
    equations = CELLS.split("dafter")[0]
    post = b2.NeuronGroup(
        1, equations, threshold="v > v_th", reset="v = v_reset", refractory=cell.refractory * ms,
        method="exponential_euler", namespace=names,
    )  # fmt: skip
    post.v = cell.rest * b2.mV
    pre = b2.SpikeGeneratorGroup(len(weights), spikes[1], spikes[0] * cell.dt * ms)
    synapses = b2.Synapses(pre, post, STDP, on_pre=STDP_PRE, on_post=STDP_POST, namespace=names)
    synapses.connect()
    synapses.post.order = 1  # inputs first
    synapses.w = weights * b2.nS
    monitor = b2.SpikeMonitor(post)
    return b2.Network(pre, post, synapses, monitor), synapses, monitor
