"""The network of Song, Miller and Abbott, 1000 inputs: ``python -m benchmarks.song_abbott [--rounds N] [--json FILE]``.

One cell, additive pair STDP at every spike, steps of 0.1 ms, contestants taking turns in one process on one thread.
Before: the same spikes and weights as Brian2. NEST (``iaf_cond_exp`` with ``stdp_synapse``), where it can be imported,
has another scheme: there rates are printed, not compared spike by spike. Times are of a whole run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import brian2 as b2
import click
import numpy as np

from benchmarks.rounds import take_turns
from repro.convallis import brian, song_abbott
from repro.convallis.song_abbott import SongAbbott

MODEL, INPUTS, HZ = SongAbbott(), 1000, 15.0


def drawn(seconds: float) -> tuple[song_abbott.Spikes, np.ndarray, int]:
    """Input spikes, first weights, and the number of steps."""
    rng = np.random.default_rng(0)
    spikes = song_abbott.poisson(seconds, INPUTS, HZ, MODEL.cell.dt, rng)
    return spikes, rng.uniform(0, MODEL.largest, INPUTS), round(1000 * seconds / MODEL.cell.dt)


def in_brian(seconds: float) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Brian2 in cython: weights and steps of spikes."""
    b2.prefs.codegen.target = "cython"
    spikes, weights, _ = drawn(seconds)
    network, synapses, monitor = brian.song_abbott(spikes, weights, MODEL)
    network.store()

    def run() -> tuple[np.ndarray, np.ndarray]:
        network.restore()
        network.run(1000 * seconds * b2.ms, namespace={})
        at = np.rint(np.asarray(monitor.t / (MODEL.cell.dt * b2.ms))).astype(int)
        return np.asarray(synapses.w / b2.nS), at

    return run


def in_nest(seconds: float) -> Callable[[], float] | None:
    """NEST, its spike rate; None, and one line, where it is not installed."""
    try:
        import nest
    except ImportError:
        click.echo("NEST can't be imported here and is left out")
        return None
    cell = MODEL.cell
    constants = {"C_m": cell.capacitance, "g_L": cell.leak, "E_L": cell.rest, "V_th": cell.threshold, "t_ref": cell.dt}
    constants |= {"V_reset": cell.reset, "E_ex": cell.reversal_exc, "tau_syn_ex": cell.tau_exc}

    def run() -> float:
        nest.ResetKernel()
        nest.SetKernelStatus({"resolution": cell.dt, "local_num_threads": 1})
        post = nest.Create("iaf_cond_exp", params=constants | {"tau_minus": MODEL.tau_minus, "V_m": cell.rest})
        noise = nest.Create("poisson_generator", params={"rate": HZ})
        pre, recorder = nest.Create("parrot_neuron", INPUTS), nest.Create("spike_recorder")
        nest.Connect(noise, pre)
        rule = {"synapse_model": "stdp_synapse", "weight": nest.random.uniform(0, MODEL.largest), "delay": cell.dt}
        rule |= {"Wmax": MODEL.largest, "lambda": MODEL.a_plus, "alpha": MODEL.a_minus / MODEL.a_plus}
        rule |= {"mu_plus": 0.0, "mu_minus": 0.0, "tau_plus": MODEL.tau_plus}
        nest.Connect(pre, post, syn_spec=rule)
        nest.Connect(post, recorder)
        nest.Simulate(1000 * seconds)
        return recorder.n_events / seconds

    return run


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=10.0, show_default=True, help="simulated, in each run")
@click.option("--rounds", type=click.IntRange(min=3), default=5, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(seconds: float, rounds: int, target: Path | None) -> None:
    """Print the table."""
    spikes, weights, steps = drawn(seconds)
    brians = in_brian(seconds)
    theirs, at = brians()
    ours, fired = song_abbott.learn(spikes, steps, weights, MODEL)
    # rounding may let a spike fall a step later once, after which both go their own ways within the rule's noise
    same = int(np.argmin(np.flatnonzero(fired)[: len(at)] == at[: fired.sum()])) or len(at)
    assert same > 20, f"only the first {same} spikes agree with Brian2"
    click.echo(
        f"first {same} of {len(at)} spikes as in Brian2 ({fired.sum() / seconds:.1f} and {len(at) / seconds:.1f} Hz), "
        f"weights within {np.abs(ours - theirs).max() / MODEL.largest:.1e} of the largest"
    )
    contestants: dict[str, Callable[[], object]] = {
        "ours": lambda: song_abbott.learn(spikes, steps, weights, MODEL),
        "Brian2 cython": brians,
    }
    nests = in_nest(seconds)
    if nests is not None:
        click.echo(f"NEST fires at {nests():.1f} Hz")
        contestants["NEST"] = nests
    table = take_turns(contestants, rounds, "Brian2 cython")
    table.insert(2, "wall s a simulated s", table.seconds / seconds)
    click.echo(table.to_string(index=False))
    if target:
        target.write_text(json.dumps(json.loads(table.to_json(orient="records")), indent=1) + "\n")


if __name__ == "__main__":
    main()
