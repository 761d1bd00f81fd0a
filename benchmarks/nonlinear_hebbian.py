"""Receptive fields per second: ``python -m benchmarks.nonlinear_hebbian [--patches N] [--rounds N] [--json FILE]``.

A hundred fields from 100,000 whitened patches of 16 x 16 pixels (100 components), the contestants taking turns in one
process: ours, scikit-learn's FastICA and its MiniBatchDictionaryLearning. Takes about three minutes on one core; set
OMP_NUM_THREADS to fix the threads. Time means little without quality, so the measures of the fields stand beside it:
scikit-learn keeps its components apart, while units that do not see each other may share a field, hence *distinct*.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import FastICA, MiniBatchDictionaryLearning

from repro.nonlinear_hebbian import NONLINEARITIES, learn, sample_patches, whiten
from repro.nonlinear_hebbian.experiments import describe
from repro.nonlinear_hebbian.images import load_images
from repro.nonlinear_hebbian.learners import fixed_point, initial_weights, newton
from repro.nonlinear_hebbian.network import learn_network
from repro.nonlinear_hebbian.preprocessing import prepare

AIM = 10.0  # times FastICA at equal or better median Gabor R², set before measuring
UNITS = KEEP = 100
OURS, PEER = "fixed point, L0", "FastICA, log cosh"

Learner = Callable[[np.ndarray], np.ndarray]


def ours(name: str, iterations: int, warm_up: int) -> Learner:
    """Our fixed point, with its first passes on an eighth of the patches."""

    def run(components: np.ndarray) -> np.ndarray:
        start = initial_weights(UNITS, components.shape[1], 0)
        return fixed_point(components, [NONLINEARITIES[name]], start, iterations, warm_up=warm_up)[0]

    return run


def decorrelated(components: np.ndarray) -> np.ndarray:
    """Our Newton step with units kept orthogonal, as FastICA does."""
    start = initial_weights(UNITS, components.shape[1], 0)
    each = NONLINEARITIES["negative_sigmoid"]
    return newton(components, [each], start, 3, warm_up=20, decorrelate=True)[0]


def inhibited(components: np.ndarray) -> np.ndarray:
    """The network with lateral inhibition."""
    return learn_network(components, "l0", UNITS, 0).weights


def fast_ica(components: np.ndarray) -> np.ndarray:
    """scikit-learn's FastICA as it comes, told that the data is white."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged shows in its iterations
        return FastICA(UNITS, whiten=False, fun="logcosh", random_state=0).fit(components).components_


def dictionary(components: np.ndarray) -> np.ndarray:
    """scikit-learn's online dictionary learning, one pass over the patches."""
    model = MiniBatchDictionaryLearning(UNITS, alpha=1.0, batch_size=256, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of single steps of least-angle regression
        return model.fit(components).components_


CONTESTANTS: dict[str, Learner] = {
    OURS: ours("l0", 4, 20),
    "Newton, −tanh, decorrelated": decorrelated,
    "network with inhibition, L0": inhibited,
    "fixed point, −tanh": ours("negative_sigmoid", 6, 24),
    "fixed point, quadratic rectifier": ours("quadratic_rectifier", 30, 0),
    PEER: fast_ica,
    "MiniBatchDictionaryLearning": dictionary,
}


def distinct(fields: np.ndarray) -> int:
    """How many fields there are if those that overlap by more than 0.9 count as one."""
    unit = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    return len(set(np.argmax(abs(unit @ unit.T) > 0.9, axis=1).tolist()))


@click.command()
@click.option("--patches", default=100_000, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(patches: int, rounds: int, target: Path | None) -> None:
    """Print the table of times and measures."""
    torch.set_num_threads(max(torch.get_num_threads(), 1))
    images = prepare(load_images("photographs"))
    raw = sample_patches(images, 16, patches, 0)
    white = whiten(raw, KEEP, contrast=0.3)
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    fields = {}
    for _ in range(rounds):
        for name, run in CONTESTANTS.items():
            if times[name] and times[name][0] > 20:
                continue  # what takes so long is timed once
            began = time.perf_counter()
            weights = run(white.components)
            times[name].append(time.perf_counter() - began)
            fields[name] = white.to_pixels(np.asarray(weights))
    rows = []
    for name, found in fields.items():
        table = describe(found)
        seconds = float(np.median(times[name]))
        measured = {"seconds": seconds, "rounds": len(times[name]), "R²": table.r2.median()}
        measured |= {"participation": table.participation.median(), "anisotropy": table.anisotropy.median()}
        rows.append(
            {"learner": name} | measured | {"all three": table["all three"].mean(), "distinct": distinct(found)}
        )
    result = pd.DataFrame(rows)
    result["times faster than FastICA"] = result.set_index("learner").seconds[PEER] / result.seconds
    click.echo(
        f"{patches:,} patches, {KEEP} components, {UNITS} fields, {torch.get_num_threads()} threads; aim {AIM:g}x"
    )
    click.echo(result.round(3).to_string(index=False))
    whole = time.perf_counter()
    learn(raw, "l0", UNITS)
    click.echo(f"learn() from raw patches, whitening included: {time.perf_counter() - whole:.2f} s")
    if target:
        target.write_text(json.dumps(json.loads(result.to_json(orient="records")), indent=1) + "\n")


if __name__ == "__main__":
    main()
