"""The long spiking run that the chapter shows: ``python -m repro.nonlinear_hebbian.spiking_stored``.

On varied photographs (``bsds``, which must be there), and with ``--images photographs`` on those that always are.
You should see ``data/results/nonlinear_hebbian/spiking.csv`` and ``spiking_fields.csv``, each with its ``.json``, after
about five minutes on one core. A run that is cut off goes on from its last block with the same command, bit by bit.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32

from repro import programs, provenance, results
from repro.nonlinear_hebbian import on_off
from repro.nonlinear_hebbian.gabor import gabor_fit
from repro.nonlinear_hebbian.images import load_images
from repro.nonlinear_hebbian.measures import meets_all_three, orientation_anisotropy, participation_ratio
from repro.nonlinear_hebbian.patches import Image, Whitening, sample_patches, whiten
from repro.nonlinear_hebbian.preprocessing import prepare
from repro.nonlinear_hebbian.spiking import SpikingModel, State, show, start

ROOM = "nonlinear_hebbian"
PATCH, KEEP, CONTRAST, SAMPLES = 16, 100, 0.3, 50_000
BLOCK = 5000  # patches between two checkpoints


def whitened(prepared: Sequence[Image], seed: int, samples: int = SAMPLES) -> Whitening:
    """White patches for ON and OFF inputs, from images that are prepared."""
    return whiten(sample_patches(prepared, PATCH, samples, seed), KEEP, contrast=CONTRAST)


def meets(made: Float[np.ndarray, "neurons pixels"]) -> Bool[np.ndarray, "neurons"]:
    """Which fields are localized and oriented."""
    return meets_all_three(gabor_fit(made).r2, participation_ratio(made), orientation_anisotropy(made))


def meets_measured(table: pd.DataFrame) -> Bool[np.ndarray, "rows"]:
    """The same for the rows of a stored table."""
    return meets_all_three(*(table[name].to_numpy() for name in ("r2", "participation", "anisotropy")))


def run(
    patches: Float32[np.ndarray, "samples pixels"],
    neurons: int,
    seed: int,
    shown: int,
    model: SpikingModel,
    checkpoint: Path,
    block: int = BLOCK,
    watch: Callable[[State], None] = lambda state: None,
) -> State:
    """Neurons that see ``shown`` of the patches in random order, from the checkpoint if there is one.

    Parameters
    ----------
    checkpoint : file that is written after every ``block`` patches, together with the state of chance
    watch : is given the state after every block of this call
    """
    rng = np.random.default_rng(seed)
    state = start(2 * patches.shape[1], neurons, model, rng)
    if checkpoint.exists():
        state = _load(checkpoint, rng)
    while state.patches < shown:
        chosen = rng.integers(len(patches), size=min(block, shown - state.patches))
        show(state, patches[chosen].astype(np.float64), model, rng)
        _save(checkpoint, state, rng)
        watch(state)
    return state


def _save(checkpoint: Path, state: State, rng: np.random.Generator) -> None:
    content = io.BytesIO()
    arrays: dict[str, Any] = {each.name: np.asarray(getattr(state, each.name)) for each in fields(state)}
    np.savez(content, chance=np.array(json.dumps(rng.bit_generator.state)), **arrays)
    results.write_atomically(checkpoint, content.getvalue())


def _load(checkpoint: Path, rng: np.random.Generator) -> State:
    """The state as it was, and the generator ``rng`` set to where it was."""
    with np.load(checkpoint, allow_pickle=False) as stored:
        rng.bit_generator.state = json.loads(str(stored["chance"]))
        arrays = {each.name: stored[each.name] for each in fields(State) if each.name != "patches"}
        return State(**arrays, patches=int(stored["patches"]))


def described(
    state: State, model: SpikingModel, seed: int, spikes_before: Float[np.ndarray, "neurons"]
) -> pd.DataFrame:
    """One row a neuron: measures of its field, and its mean rate (Hz) over the last block."""
    made = on_off.fields(state.weights)
    return pd.DataFrame(
        {
            "seed": seed,
            "neuron": np.arange(len(made)),
            "patches": state.patches,
            "r2": gabor_fit(made).r2,
            "participation": participation_ratio(made),
            "anisotropy": orientation_anisotropy(made),
            "rate": (state.spikes - spikes_before) / (BLOCK * model.patch_ms / 1000),
        }
    )


def _one_seed(images: str, neurons: int, seed: int, shown: int, model: SpikingModel) -> tuple[pd.DataFrame, np.ndarray]:
    """Measures over time and the last fields; blocks that are done are taken from their checkpoints."""
    folder = provenance.ROOT / ".build" / f"spiking-{images}-{neurons}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(load_images(images, PATCH), patch=PATCH)
    patches = on_off.white_pixels(whitened(prepared, seed))
    rows, spikes = [], np.zeros(neurons)
    for done in range(BLOCK, shown + 1, BLOCK):
        at = folder / f"{done}.npz"
        if not at.exists():
            before = folder / f"{done - BLOCK}.npz"
            if before.exists():
                results.write_atomically(at.with_suffix(".begun"), before.read_bytes())
            run(patches, neurons, seed, done, model, at.with_suffix(".begun"))
            at.with_suffix(".begun").rename(at)
        state = _load(at, np.random.default_rng())
        rows.append(described(state, model, seed, spikes))
        spikes = state.spikes
    return pd.concat(rows), on_off.fields(state.weights)


@click.command()
@click.option(
    "--images",
    default="bsds",
    show_default=True,
    help="image set, by its name; its name is added to the tables' unless bsds",
)
@programs.count("--neurons", 16, "of each seed, all with the same inputs")
@programs.count("--shown", 120_000, "patches, 200 ms each")
@programs.count("--seeds", 4)
@click.option("--seed", default=0, show_default=True, help="from which the others follow")
def spiking(images: str, neurons: int, shown: int, seeds: int, seed: int) -> None:
    """Spiking neurons on photographs, until their fields hardly change, and store what they learned."""
    began, model = time.perf_counter(), SpikingModel()
    chosen = [1000 * seed + k for k in range(seeds)]
    made = [_one_seed(images, neurons, each, shown, model) for each in chosen]
    record = provenance.record(
        command=provenance.command("repro.nonlinear_hebbian.spiking_stored"),
        parameters=asdict(model)
        | {"images": images, "neurons": neurons, "shown": shown, "patch": PATCH, "keep": KEEP, "contrast": CONTRAST},
        seeds=chosen,
        device="cpu",
        data={images: dict(load_images(images, PATCH).facts)},
        wall_s=round(time.perf_counter() - began, 1),
    )
    name = "spiking" if images == "bsds" else f"spiking_{images}"
    print(results.save(ROOM, name, pd.concat([table for table, _ in made]), record))
    last = [
        pd.DataFrame(
            {
                "seed": each,
                "neuron": np.repeat(np.arange(neurons), PATCH**2),
                "pixel": np.tile(np.arange(PATCH**2), neurons),
                "weight": np.round(weights.ravel(), 4),
            }
        )
        for each, (_, weights) in zip(chosen, made, strict=True)
    ]
    print(results.save(ROOM, f"{name}_fields", pd.concat(last), record))


if __name__ == "__main__":
    programs.run(spiking)
