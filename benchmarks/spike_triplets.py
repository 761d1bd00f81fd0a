"""Weight changes and fits per second: ``python -m benchmarks.spike_triplets [--rounds N] [--json FILE]``.

All 23 measured protocols, the contestants taking turns in one process, agreement checked first. Brian2 runs its
``numpy`` target, repetitions as long as one second and a half allows; ours runs every repetition. Takes two minutes.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pandas as pd
from scipy.optimize import differential_evolution

from benchmarks.rounds import take_turns
from repro.spike_triplets import TripletSTDP, ValleyRule, brian, error, fit, load, published
from repro.spike_triplets.events import Events, trace_sums

PROTOCOLS = [protocol for name in ("sjostrom2001", "wang2005") for protocol in load(name).protocols]
SHORT = [brian.short(protocol) for protocol in PROTOCOLS]
TRIPLET, VALLEY = published("visual"), ValleyRule(1e-3, 5e-4)
BOUNDS = ((0, 0.1), (0, 0.1), (0.0, 6.9))  # A3+, A2-, ln tau_y


def plain_python(rule: TripletSTDP) -> list[float]:
    """The triplet rule as most codes have it: a loop over events with a trace for each."""
    changes = []
    for pre, post in (protocol.trains() for protocol in PROTOCOLS):
        events = sorted([(t, 0) for t in pre] + [(t, 1) for t in post])
        r1 = r2 = o1 = o2 = w = last = 0.0
        for t, is_post in events:
            fall = [np.exp(-(t - last) / tau) for tau in (rule.tau_plus, rule.tau_x, rule.tau_minus, rule.tau_y)]
            r1, r2, o1, o2, last = r1 * fall[0], r2 * fall[1], o1 * fall[2], o2 * fall[3], t
            if is_post:
                w += r1 * (rule.a2_plus + rule.a3_plus * o2)
                o1, o2 = o1 + 1, o2 + 1
            else:
                w -= o1 * (rule.a2_minus + rule.a3_minus * r2)
                r1, r2 = r1 + 1, r2 + 1
        changes.append(w)
    return changes


def batch(sets: int = 1000) -> np.ndarray:
    """Sums of the triplet rule for many sets of time constants at once."""
    taus = np.random.default_rng(0).uniform(5, 200, (sets, 4))
    return trace_sums(Events.of(PROTOCOLS), taus, False)


def general_search() -> float:
    """The three parameters of the minimal triplet rule by a general optimiser; its E."""

    def cost(x: np.ndarray) -> float:
        return error(TripletSTDP(0.0, x[0], x[1], 0.0, tau_y=float(np.exp(x[2]))), "sjostrom2001")

    return float(differential_evolution(cost, BOUNDS, rng=0, maxiter=60, tol=1e-6).fun)


def weight_changes(rounds: int) -> pd.DataFrame:
    """One evaluation of 23 protocols."""
    assert np.allclose(plain_python(TRIPLET), TRIPLET.weight_changes(PROTOCOLS), rtol=1e-12)
    for rule in (TRIPLET, VALLEY):
        assert brian.largest_difference(rule, SHORT) < 1e-12
    contestants = {
        "triplet, ours": lambda: TRIPLET.weight_changes(PROTOCOLS),
        "triplet, ours, 1,000 sets": batch,
        "triplet, plain Python": lambda: plain_python(TRIPLET),
        "triplet, Brian2, short": lambda: brian.weight_changes(TRIPLET, SHORT),
        "valley, ours, exact": lambda: VALLEY.weight_changes(PROTOCOLS),
        "valley, Brian2, short, 0.1 ms": lambda: brian.weight_changes(VALLEY, SHORT, tail=360.0),
    }
    return take_turns(contestants, rounds, "triplet, Brian2, short")


def fits(rounds: int) -> pd.DataFrame:
    """One fit of the minimal triplet rule."""
    found, general = fit("triplet3-all", "sjostrom2001", seed=0).error, general_search()
    click.echo(f"E of the fit: ours {found:.6f}, general optimiser {general:.6f}")
    contestants = {
        "ours": lambda: fit("triplet3-all", "sjostrom2001", seed=0),
        "differential evolution": general_search,
    }
    return take_turns(contestants, rounds, "differential evolution")


@click.command()
@click.option("--rounds", type=click.IntRange(min=3), default=7, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here too.")
def main(rounds: int, target: Path | None) -> None:
    """Print the tables."""
    tables = {"weight changes": weight_changes(rounds), "fits": fits(rounds)}
    for name, table in tables.items():
        click.echo(f"\n{name}\n{table.round(4).to_string(index=False)}")
    if target:
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
