"""The long runs on recorded digits that the chapter shows: ``python -m repro.convallis.stored two_digits``.

Three of them, each on one core: ``two_digits`` and ``ten_digits`` (every rule, each of six speakers left out, five
seeds; some ten minutes each) and ``recurrent --seeds 3`` (400 + 100 cells; some ten minutes), which with
``--tuning 450`` chooses settings over as many utterances as are learned from. You should see
``data/results/convallis/NAME.csv`` with its ``.json``. A run that is cut off goes on with the same command: what is
done of it lies in ``.build/convallis``.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd

from repro import programs, provenance, results
from repro.convallis.contestants import NAMES, Population
from repro.convallis.experiments_digits import BEFORE, INPUTS, Plan, raw_inputs, ten_digits, two_digits
from repro.convallis.experiments_recurrent import NetworkPlan, learn, leave_out, settle, tune
from repro.convallis.hearing import Learned, Split, splits
from repro.provenance import ROOT
from repro.results import read_table, write_atomically
from repro.speech import Cochleograms, load_clips, load_cochleograms

ROOM = "convallis"
TAKES = range(10)  # of each speaker and digit; two digits are heard in all their takes
KEPT = 12  # neurons of which weights are stored
RULES = (BEFORE, *NAMES)

Tables = dict[str, pd.DataFrame]
"""Tables by the ending of their names; "" is the main one."""
Todo = dict[str, Callable[[], Tables]]
"""Parts of a run by name."""


@click.group()
def stored() -> None:
    """Long runs on recorded digits, stored for the chapter."""


def _options(command: Callable) -> Callable:
    for option in (
        click.option("--folder", default=str(results.RESULTS), show_default=True, help="where tables are written"),
        click.option("--corpus", default="fsdd", show_default=True, help="fsdd or synthetic"),
        click.option("--seed", default=0, show_default=True, help="from which the others follow"),
        programs.count("--seeds", 5),
    ):
        command = option(command)
    return command


@stored.command("two_digits")
@_options
@programs.count("--neurons", 32)
@programs.count("--most", 300, "utterances to learn from")
def two(folder: str, corpus: str, seed: int, seeds: int, neurons: int, most: int) -> None:
    """Which of two digits a neuron prefers, speakers left out one by one."""
    plan = Plan(Population(neurons), seeds=_seeds(seed, seeds), most=most)
    heard = load_cochleograms(load_clips(corpus).where(digits=plan.digits))

    def part(which: str, split: Split) -> Tables:
        rows, trials, learned = two_digits(which, split, plan)
        first = split.tested == sorted(set(heard.speakers))[0]
        return {"": rows, "_tuning": trials, "_weights": _weights(which, learned) if first else pd.DataFrame()}

    _store("two_digits", _each(RULES, heard, part), heard, plan, Path(folder))


@stored.command("ten_digits")
@_options
@programs.count("--neurons", 100)
@programs.count("--most", 400, "utterances to learn from")
def ten(folder: str, corpus: str, seed: int, seeds: int, neurons: int, most: int) -> None:
    """A population and a linear read-out of ten digits, speakers left out one by one."""
    plan = Plan(Population(neurons), seeds=_seeds(seed, seeds), most=most)
    clips = load_clips(corpus)
    heard = load_cochleograms(clips.where(takes=[take for take in TAKES if take <= clips.takes.max()]))

    def part(which: str, split: Split) -> Tables:
        rows, trials, _ = ten_digits(which, split, plan)
        return {"": rows, "_tuning": trials}

    todo = _each(RULES, heard, part) | _each((INPUTS,), heard, lambda _, split: {"": raw_inputs(split, plan)})
    _store("ten_digits" if neurons == 100 else f"ten_digits_{neurons}", todo, heard, plan, Path(folder))


@stored.command("recurrent")
@_options
@programs.count("--excitatory", 400)
@programs.count("--inhibitory", 100)
@programs.count("--most", 450, "utterances to learn from")
@programs.count("--tuning", 60, "utterances over which settings are chosen")
@programs.count("--takes", len(TAKES), "of each speaker and digit; all 50 of four speakers are 2000 utterances")
@programs.count("--read-out", 100, "utterances that the read-out learns from, and is tried on")
def network(
    folder: str, corpus: str, seed: int, seeds: int, excitatory: int, inhibitory: int, most: int, tuning: int,
    takes: int, read_out: int,
) -> None:  # fmt: skip
    """A recurrent network and a linear read-out, before, during and after learning; two speakers left out."""
    moments = (0, -(-most // 3), most)
    plan = NetworkPlan(
        excitatory, inhibitory, _seeds(seed, seeds), moments, read_out=read_out, tuning_utterances=tuning
    )
    clips = load_clips(corpus)
    heard = load_cochleograms(clips.where(takes=[take for take in range(takes) if take <= clips.takes.max()]))
    everyone = sorted(set(heard.speakers))
    ears = leave_out(heard, everyone[-2:])

    def part(which: str) -> Tables:
        chosen, unit, trials = tune(which, ears.train, everyone[-3], plan)
        settled = settle(ears.train, plan.seeds, plan)
        return {"": learn(which, (chosen,), unit, settled, ears, plan), "_tuning": trials}

    name = "recurrent" if excitatory == 400 else f"recurrent_{excitatory}"
    name += "" if tuning == 60 else f"_tuned_{tuning}"
    name += "" if most == 450 else f"_heard_{most}"
    _store(name, {which: partial(part, which) for which in NAMES}, heard, plan, Path(folder))


def _seeds(seed: int, n: int) -> tuple[int, ...]:
    return tuple(1000 * seed + k for k in range(n))


def _weights(which: str, learned: Learned) -> pd.DataFrame:
    """Weights of some neurons of the first seed: a row a neuron and channel."""
    weights = learned.outcome.weights[0, :, :KEPT].T
    n, channels = weights.shape
    return pd.DataFrame(
        {
            "rule": which,
            "neuron": np.repeat(np.arange(n), channels),
            "channel": np.tile(np.arange(channels), n),
            "weight": weights.ravel().round(4),
        }
    )


def _each(rules: Sequence[str], heard: Cochleograms, part: Callable[[str, Split], Tables]) -> Todo:
    """Every rule for every speaker left out."""
    return {f"{split.tested}-{which}": partial(part, which, split) for split in splits(heard) for which in rules}


def _store(name: str, todo: Todo, heard: Cochleograms, plan: Plan | NetworkPlan, folder: Path) -> None:
    """Every part, kept as soon as it is there; then the tables."""
    provenance.commit()  # of the code as it is read now
    same = zlib.crc32(f"{asdict(plan)} {heard.clips.title} {len(heard)} {heard.ear}".encode())
    kept = ROOT / ".build" / "convallis" / f"{name}-{same:08x}"
    for done, (stem, part) in enumerate(todo.items()):
        at = kept / f"{stem}.done"
        if at.exists():
            continue
        began = time.perf_counter()
        for ending, table in part().items():
            write_atomically(at.with_name(f"{at.stem}{ending}.csv"), table.to_csv(index=False).encode())
        write_atomically(at, f"{time.perf_counter() - began:.1f}".encode())
        print(f"{name}: {done + 1} of {len(todo)}, {stem}: {at.read_text()} s", flush=True)
    _save(name, heard, plan, kept, list(todo), folder)


def _save(name: str, heard: Cochleograms, plan: Plan | NetworkPlan, kept: Path, stems: list[str], folder: Path) -> None:
    parameters = {key: value for key, value in asdict(plan).items() if key != "seeds"} | {"ear": asdict(heard.ear)}
    record = provenance.record(
        command=provenance.command("repro.convallis.stored"),
        parameters=parameters,
        seeds=list(plan.seeds),
        device="cpu",
        data={heard.clips.corpus: {**heard.clips.facts, "used": len(heard)}},
        wall_s=sum(float((kept / f"{stem}.done").read_text()) for stem in stems),
    )
    for ending in ("", "_tuning", "_weights"):
        paths = [kept / f"{stem}{ending}.csv" for stem in stems]
        tables = [read_table(path) for path in paths if path.exists() and path.read_text().strip()]
        if tables:
            print(results.save(ROOM, f"{name}{ending}", pd.concat(tables, ignore_index=True), record, folder, digits=5))


if __name__ == "__main__":
    programs.run(stored)
