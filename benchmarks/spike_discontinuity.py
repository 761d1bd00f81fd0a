"""Neuron-steps per second: ``python -m benchmarks.spike_discontinuity [--rounds N] [--json FILE]``.

The two-neuron experiment, contestants taking turns in one process on one thread, agreement checked first: the same
noise must give the same windows. Estimates for ten half-widths as well, from one pass of sums and from masks. Takes
about half a minute; set NUMBA_NUM_THREADS to see more cores.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmarks.rounds import take_turns
from repro.spike_discontinuity import Neurons, Record, brian, simulate, sweep
from repro.spike_discontinuity.network import seeds_of

AIM = 2e7  # neuron-steps a second and core, set before measuring
NEURONS, WEIGHTS, CORRELATION = Neurons(), (12.0, 9.0), 0.5
WIDTHS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0)


def ours(replicas: int, seconds: float) -> Record:
    """The kernel."""
    return simulate(np.tile(WEIGHTS, (replicas, 1)), CORRELATION, seconds, 0, NEURONS, idle_seconds=0.0)


def by_steps(replicas: int, seconds: float, noise: np.ndarray | None = None) -> np.ndarray:
    """Z minus threshold, by a loop over steps in which numpy does all replicas at once; noise (steps, replicas, 2)."""
    n, steps = NEURONS, round(1000 * seconds)
    rng = np.random.default_rng(0)
    weights, scale = np.array(WEIGHTS), n.sigma * 0.001
    v, u, held = np.zeros((replicas, 2)), np.zeros((replicas, 2)), np.zeros((replicas, 2), dtype=int)
    s, top, found = np.zeros((replicas, 2)), np.zeros((replicas, 2)), []
    for k in range(steps):
        if noise is None:
            shared, own = rng.standard_normal((replicas, 1)), rng.standard_normal((replicas, 2))
            now = scale * (np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own)
        else:
            now = 0.001 * noise[k]
        if k % n.window_ms == 0:
            u, top = v, np.full((replicas, 2), -np.inf)
        change = weights * now - 0.001 * v
        v, u = v + change, u + change
        spike = v > n.threshold
        top = np.maximum(top, u - n.threshold)
        s = s * n.decay + spike * (1 - n.decay)
        held[spike] = n.refractory_ms
        v = np.where(held > 0, n.reset, np.maximum(v, n.reset))
        u, held = np.maximum(u, n.reset), np.maximum(held - 1, 0)
        if (k + 1) % n.window_ms == 0:
            found.append(top)
    return np.moveaxis(np.array(found), 0, 1)


def plain_python(seconds: float) -> float:
    """One pair, step by step, as most codes have it; its mean drive."""
    n, rng, total = NEURONS, np.random.default_rng(0), 0.0
    v, u, held = [0.0, 0.0], [0.0, 0.0], [0, 0]
    for k in range(round(1000 * seconds)):
        shared = rng.standard_normal()
        for i in range(2):
            xi = n.sigma * (CORRELATION**0.5 * shared + (1 - CORRELATION) ** 0.5 * rng.standard_normal())
            if k % n.window_ms == 0:
                u[i] = v[i]
            change = 0.001 * (WEIGHTS[i] * xi - v[i])
            v[i], u[i] = v[i] + change, max(u[i] + change, 0.0)
            held[i] = n.refractory_ms if v[i] > n.threshold else held[i]
            v[i] = 0.0 if held[i] else max(v[i], 0.0)
            held[i], total = max(held[i] - 1, 0), total + u[i]
    return total


def check_agreement() -> None:
    """The same noise gives the same windows in all three."""
    record = ours(3, 2.0)
    noise = np.stack([brian.noise_of(CORRELATION, NEURONS.sigma, 2000, int(s)) for s in seeds_of(0, 3)], axis=1)
    assert np.allclose(by_steps(3, 2.0, noise), record.z, atol=1e-12)
    assert np.allclose(brian.run_pair(record, 0)[0], record.z[0], atol=1e-12)


def simulations(rounds: int) -> pd.DataFrame:
    """Simulated at sizes that take each a second or so; per neuron-step, so that sizes don't matter."""
    sizes = {"ours": (20, 100.0), "numpy, 100 replicas": (100, 10.0), "Brian2": (1, 4.0), "plain Python": (1, 10.0)}
    short = ours(1, 4.0)
    contestants = {
        "ours": lambda: ours(20, 100.0),
        "numpy, 100 replicas": lambda: by_steps(100, 10.0),
        "Brian2": lambda: brian.run_pair(short, 0),
        "plain Python": lambda: plain_python(10.0),
    }
    table = take_turns(contestants, rounds, "plain Python")
    steps = np.array([2 * 1000 * np.prod(sizes[name]) for name in table.contestant])
    rate = steps / table.seconds
    plain = rate[table.contestant == "plain Python"].item()
    return pd.DataFrame(
        {
            "contestant": table.contestant,
            "seconds": table.seconds.round(3),
            "neuron-steps a second": [f"{r:.2g}" for r in rate],
            "times plain Python": [f"{r:.2g}" for r in rate / plain],
            "times the aim": [f"{r:.2g}" for r in rate / AIM],
            "rounds": rounds,
        }
    )


def by_masks(record: Record) -> np.ndarray:
    """Constant estimates for every half-width, replica and neuron, by a mask for each."""
    cost = record.cost[..., None]
    found = []
    for width in WIDTHS:
        above, below = (record.z > 0) & (record.z < width), (record.z < 0) & (record.z > -width)
        found.append((cost * above).sum(1) / above.sum(1) - (cost * below).sum(1) / below.sum(1))
    return np.array(found)


def estimates(rounds: int) -> pd.DataFrame:
    """Ten half-widths, twenty replicas, from one record."""
    record = ours(20, 100.0)
    assert np.allclose(sweep(record, WIDTHS), by_masks(record), rtol=1e-9)
    contestants = {
        "ours, one pass, also for lines": lambda: sweep(record, WIDTHS),
        "a mask for each half-width": lambda: by_masks(record),
    }
    return take_turns(contestants, rounds, "a mask for each half-width")


@click.command()
@click.option("--rounds", type=click.IntRange(min=3), default=5, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here too.")
def main(rounds: int, target: Path | None) -> None:
    """Print the tables."""
    check_agreement()
    tables = {"simulations": simulations(rounds), "estimates": estimates(rounds)}
    for name, table in tables.items():
        click.echo(f"\n{name}\n{table.round(4).to_string(index=False)}")
    if target:
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
