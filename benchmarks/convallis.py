"""CPU seconds a simulated second: ``python -m benchmarks.convallis [--neurons 500] [--rounds N] [--json FILE]``.

A recurrent network (four fifths excitatory) whose synapses from inputs and excitatory cells onto excitatory ones learn
by the valley rule, the same network, step (0.5 ms), input and rule for all. In Brian2 every plastic synapse adds f(V) x
at every step, the way one writes it first; f and x are worked out once for each cell by all contestants. They take
turns in one process on one thread; CPU time is compared, so that others on the machine don't count. Before: the same
spikes as in Brian2, and nearly the same weights, where ours are held for a block. Brian2's time is that of its loop
alone: a run less a run of one step, and cpp_standalone's own report without compilation. Takes about three minutes for
500 neurons on an idle core, compilation included.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import brian2 as b2
import click
import numba
import numpy as np
import pandas as pd

from repro.convallis import Cell, Learning, Network, Valley, balanced, brian, recurrent

AIMS = {"Brian2 cython": 20.0, "Brian2 cpp_standalone": 2.0}  # times faster, set before measuring
CELL, VALLEY, RATE, LARGEST = Cell(), Valley(b=0.5), 1e-6, 2.0
INPUTS, INPUT_HZ = 100, 20.0


def network(neurons: int) -> Network:
    """Weights shrink as neurons have more of them."""
    excitatory = neurons * 4 // 5
    less = 400 / excitatory
    sizes = {"inputs": INPUTS, "excitatory": excitatory, "inhibitory": neurons - excitatory}
    return balanced(
        1, np.random.default_rng(0), **sizes, exc_weight=0.15 * less, inh_weight=1.5 * less, input_weight=1.0
    )


def raster(seconds: float) -> np.ndarray:
    """Poisson input."""
    return np.random.default_rng(1).random((round(1000 * seconds / CELL.dt), INPUTS)) < INPUT_HZ * CELL.dt / 1000


def learning(block: float) -> Learning:
    """As plain as Brian2's."""
    return Learning(VALLEY, rate=RATE, block=block, control=None, keep_mean=False, largest_weight=LARGEST)


def check_agreement(net: Network) -> str:
    """Raises if a spike, a sum or a weight differs; what was compared."""
    heard, excitatory = raster(0.3), net.excitatory
    held = brian.recurrent(heard, net, VALLEY, CELL, "cython")
    ours = recurrent.record(heard, net, np.ones((1, excitatory)))
    assert np.array_equal(ours.fired[0], held.fired), "spikes differ"
    online = brian.recurrent(heard, net, VALLEY, CELL, "cython", rate=RATE)
    found = recurrent.train([heard], net, learning(100.0)).network.recurrent.dense(net.neurons)[0]
    change = online.of_cells - net.recurrent.dense(net.neurons)[0, :excitatory, :excitatory]
    off = np.abs(found[:excitatory, :excitatory] - online.of_cells).max() / np.abs(change).max()
    assert off < 0.05, f"weight changes differ by {off:.1%} of the largest"
    hz = held.fired.mean() * 1000 / CELL.dt
    return f"same {held.fired.sum()} spikes ({hz:.1f} Hz); weight changes within {off:.2%} of the largest"


def in_cython(net: Network, seconds: float) -> Callable[[], float]:
    """Seconds of Brian2's loop."""
    b2.prefs.codegen.target = "cython"
    sizes = (net.neurons, net.excitatory)
    built = brian.assemble(brian.connections_of(net), raster(seconds), sizes, VALLEY, CELL, RATE, LARGEST)
    built.network.store()

    def run() -> float:
        taken = []
        for duration in (CELL.dt, 1000 * seconds):
            built.network.restore()
            began = time.process_time()
            built.network.run(duration * b2.ms, namespace={})
            taken.append(time.process_time() - began)
        return taken[1] - taken[0]

    return run


def in_standalone(net: Network, seconds: float) -> Callable[[], float]:
    """Seconds that the compiled program reports."""
    folder = Path(tempfile.mkdtemp())
    b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
    b2.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-ffast-math", "-fno-finite-math-only", "-march=native"]
    sizes = (net.neurons, net.excitatory)
    built = brian.assemble(brian.connections_of(net), raster(seconds), sizes, VALLEY, CELL, RATE, LARGEST)
    built.network.run(1000 * seconds * b2.ms, namespace={})
    b2.device.build(directory=str(folder), compile=True, run=False)
    b2.device.reinit()
    b2.set_device("runtime")

    def run() -> float:
        subprocess.run(["./main"], cwd=folder, check=True, capture_output=True)
        return float((folder / "results" / "last_run_info.txt").read_text().split()[0])

    return run


def by_ours(net: Network, seconds: float, dtype: type) -> Callable[[], float]:
    """Seconds of a whole call, held weights for blocks of 500 ms."""
    heard, typed = raster(seconds), net.astype(dtype)

    def run() -> float:
        began = time.process_time()
        recurrent.train([heard], typed, learning(500.0), CELL)
        return time.process_time() - began

    return run


@click.command()
@click.option("--neurons", type=click.IntRange(min=50), default=500, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=1), default=5.0, show_default=True, help="simulated, in each run")
@click.option("--rounds", type=click.IntRange(min=3), default=5, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(neurons: int, seconds: float, rounds: int, target: Path | None) -> None:
    """Print the table."""
    numba.set_num_threads(1)  # a second one, waiting, would count as CPU time
    net = network(neurons)
    click.echo(check_agreement(net))
    contestants = {
        "ours, float32": by_ours(net, seconds, np.float32),
        "ours, float64": by_ours(net, seconds, np.float64),
        "Brian2 cython": in_cython(net, seconds),
        "Brian2 cpp_standalone": in_standalone(net, seconds),
    }
    for run in contestants.values():
        run()
    taken = pd.DataFrame([{name: run() for name, run in contestants.items()} for _ in range(rounds)]) / seconds
    table = pd.DataFrame({"CPU s a simulated s": taken.median()})
    for name, aim in AIMS.items():
        for ours in ("ours, float32", "ours, float64"):
            table.loc[ours, f"times {name} (aim {aim:g})"] = (taken[name] / taken[ours]).median()
    table = table.rename_axis("contestant").reset_index().assign(neurons=neurons, rounds=rounds)
    click.echo(table.round(4).to_string(index=False))
    if target:
        target.write_text(json.dumps(json.loads(table.to_json(orient="records")), indent=1) + "\n")


if __name__ == "__main__":
    main()
