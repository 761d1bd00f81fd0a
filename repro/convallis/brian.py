"""The same cells, networks and valley rule in Brian2: the reference to read, and to check the fast simulators against.

One trial of one population from rest, every synapse with its own clock-driven sum of f(V) x, as one would write it
first. The step and the order of events are those of ``cell``: Brian2's default schedule, f and x read after the state
update. Recording grows with the trial: keep it short. ``target`` is Brian2's code generation target, or
``cpp_standalone``, which needs a compiler and half a minute.
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

CELLS = """
dv/dt = (g_l*(e_l - v) + g_e*(e_e - v) + g_i*(e_i - v))/c : volt (unless refractory)
dg_e/dt = -g_e/tau_e : siemens
dg_i/dt = -g_i/tau_i : siemens
dafter/dt = -after/tau_after : volt
dslow/dt = -slow/tau_membrane : 1
dfast/dt = -fast/tau_synapse : 1
x = peak*(slow - fast) : 1
seen = clip(v + after, -1*volt, v_th) : volt
upper = 0.5*(1 + tanh((seen - theta_plus)/k_plus)) : 1
lower = 0.5*(1 + tanh((seen - theta_minus)/k_minus)) : 1
f = a*upper - b*lower*(1 - upper) : 1
"""
INPUTS = """
dslow/dt = -slow/tau_membrane : 1
dfast/dt = -fast/tau_synapse : 1
x = peak*(slow - fast) : 1
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


def feedforward(
    raster: Bool[np.ndarray, "steps inputs"],
    weights: Float[np.ndarray, "inputs neurons"],
    valley: Valley,
    cell: Cell,
    target: str = "numpy",
    *,
    rate: float | None = None,
    largest: float = 2.0,
    record: bool = True,
) -> Twin:
    """A population without lateral synapses; with ``rate`` (nS) weights change at every step, else they are held."""
    sources, targets = (index.ravel() for index in np.indices(weights.shape))
    connections = [("inputs", "g_e", sources, targets, weights.ravel(), True)]
    return _run(raster, connections, weights.shape[1], weights.shape[1], valley, cell, target, rate, largest, record)


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
    record: bool = True,
) -> Twin:
    """Network number ``of`` of a batch."""
    first, second, excitatory = network.inputs, network.recurrent, network.excitatory
    connections = []
    for name, synapses, rows in (("inputs", first, slice(None)), ("cells", second, slice(0, excitatory))):
        for plastic, columns in ((True, slice(0, synapses.plastic)), (False, slice(synapses.plastic, None))):
            connections.append((name, "g_e", *_listed(synapses, of, rows, columns), plastic))
    connections.append(("cells", "g_i", *_listed(second, of, slice(excitatory, None), slice(None)), False))
    return _run(raster, connections, network.neurons, excitatory, valley, cell, target, rate, largest, record)


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


def _run(
    raster: np.ndarray,
    connections: list[Any],
    neurons: int,
    excitatory: int,
    valley: Valley,
    cell: Cell,
    target: str,
    rate: float | None,
    largest: float,
    record: bool,
) -> Twin:
    step, steps, inputs = cell.dt * b2.ms, *raster.shape
    standalone = target == "cpp_standalone"
    if standalone:
        b2.set_device("cpp_standalone", directory=tempfile.mkdtemp(), build_on_run=False)
    else:
        b2.prefs.codegen.target = target
    b2.defaultclock.dt = step
    names = _namespace(valley, cell, rate, largest)
    names["spikes"] = b2.TimedArray(raster.astype(float), dt=step)
    common = {"method": "exponential_euler", "namespace": names}
    groups = {
        "inputs": b2.NeuronGroup(inputs, INPUTS, threshold="spikes(t, i) > 0.5", reset=TRACES, **common),
        "cells": b2.NeuronGroup(
            neurons, CELLS, threshold="v > v_th", refractory=cell.refractory * b2.ms,
            reset=f"v = v_reset; after += jump; {TRACES}", **common,
        ),
    }  # fmt: skip
    groups["cells"].v = cell.rest * b2.mV
    parts, network = [], b2.Network(*groups.values())
    for source, conductance, from_, to, weights, plastic in connections:
        if len(from_) == 0:
            continue
        model = "w : siemens\ntotal : 1" if plastic else "w : siemens"
        synapses = b2.Synapses(groups[source], groups["cells"], model, on_pre=f"{conductance}_post += w")
        synapses.connect(i=from_, j=to)
        synapses.w = weights * b2.nS
        if plastic:
            synapses.namespace.update(names)
            synapses.run_regularly(SUM if rate is None else ONLINE, dt=step, when="after_groups")
            parts.append((source, synapses, from_, to))
        network.add(synapses)
    spikes = b2.SpikeMonitor(groups["cells"])
    network.add(spikes)
    seen = b2.StateMonitor(groups["cells"], "seen", record=record, when="after_groups")
    if record:
        network.add(seen)
    network.run(steps * step)
    if standalone:
        b2.device.build(directory=None, compile=True, run=True)
    fired = np.zeros((steps, neurons), bool)
    fired[np.rint(np.asarray(spikes.t / step)).astype(int), np.asarray(spikes.i)] = True
    found = {"inputs": np.zeros((inputs, excitatory)), "cells": np.zeros((neurons, excitatory))}
    for source, synapses, from_, to in parts:
        found[source][from_, to] = np.asarray(synapses.total if rate is None else synapses.w / b2.nS)
    potentials = np.asarray(seen.seen / b2.mV).T if record else np.zeros((0, 0))
    if standalone:
        b2.device.reinit()
        b2.set_device("runtime")
    return Twin(fired, potentials, found["inputs"], found["cells"][:excitatory])
