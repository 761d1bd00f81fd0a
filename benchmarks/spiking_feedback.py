"""Network time per second of feedback phases: ``python -m benchmarks.spiking_feedback [--rounds N] [--json FILE]``.

192 units onto 10, the same counted time for all, contestants taking turns in one process. Agreement is checked first:
one thread and several give the same bits, sequence and replicas the same correlation with the weight within 0.1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import numpy as np

from benchmarks.rounds import take_turns
from repro.spike_discontinuity.feedback_estimates import constant, correlation
from repro.spike_discontinuity.feedback_phase import no_descent, run_phase
from repro.spike_discontinuity.phase_experiments import random_weights

UPPER, LOWER, SECONDS, REPLICAS = 10, 192, 25.6, 64
WEIGHT = random_weights(UPPER, LOWER, 0)[0]


def replicas(threads: int) -> np.ndarray:
    """The estimate from short replicas shared by threads."""
    phase = run_phase(WEIGHT, SECONDS / REPLICAS, 1, replicas=REPLICAS, threads=threads)
    return constant(phase.statistics[-1])


def sequence(descends: bool) -> np.ndarray:
    """The estimate from one long sequence, with or without the descent as coded beside the statistics."""
    start = no_descent(WEIGHT) if descends else None
    return constant(run_phase(WEIGHT, SECONDS, 1, descent=start).statistics[-1])


@click.command()
@click.option("--rounds", type=click.IntRange(min=3), default=7, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(rounds: int, target: Path | None) -> None:
    """Print the table."""
    cores = len(os.sched_getaffinity(0))
    np.testing.assert_array_equal(replicas(1), replicas(max(2, cores)))
    found = [correlation(estimate, WEIGHT) for estimate in (sequence(False), replicas(1))]
    assert abs(found[0] - found[1]) < 0.1, found
    contestants = {
        "one sequence, descent as coded": lambda: sequence(True),
        "one sequence, statistics": lambda: sequence(False),
        f"{REPLICAS} replicas, one thread": lambda: replicas(1),
        f"{REPLICAS} replicas, {cores} threads": lambda: replicas(cores),
    }
    table = take_turns(contestants, rounds, "one sequence, descent as coded")
    steps = 1000 * SECONDS * (UPPER + LOWER)
    table = table.assign(**{"1e6 neuron-steps per s": steps / table.seconds / 1e6})
    click.echo(table.round(3).to_string(index=False))
    if target:
        target.write_text(json.dumps(json.loads(table.to_json(orient="records")), indent=1) + "\n")


if __name__ == "__main__":
    main()
