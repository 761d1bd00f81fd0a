"""The chapter's experiments on small networks: accuracy by rule and depth, transfer, search, noise; tidy tables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from repro.weight_alignment.learners import Learner, Schedule, Shape
from repro.weight_alignment.lockstep import Outcome, train
from repro.weight_alignment.search_space import FAMILIES
from repro.weight_alignment.tasks import Task
from repro.weight_alignment.tuning import Budget, Search, tune


@dataclass(frozen=True)
class Setup:
    """What all networks of the experiments share."""

    task: Task
    width: int = 48  # units of each hidden layer
    epochs: int = 10
    batch: int = 32
    momentum: float = 0.9
    batch_norm: bool = True
    device: torch.device | str = "cpu"
    chunk: int = 32  # networks computed together: as many as a core's cache holds; a GPU holds thousands

    def shape(self, depth: int) -> Shape:
        """Networks with ``depth`` hidden layers."""
        return Shape(self.task.inputs, (self.width,) * depth, int(self.task.train.labels.max()) + 1)

    def schedule(self, measured: tuple[int, ...] = ()) -> Schedule:
        """The setup's epochs and batches."""
        return Schedule(self.epochs, self.batch, measured, self.chunk)


def tune_at(setup: Setup, depth: int, rules: Sequence[str], budget: Budget) -> Search:
    """Tune rules at one depth, by ``budget``, on the validation examples."""
    return tune(
        [FAMILIES[name] for name in rules],
        setup.shape(depth),
        setup.task.train,
        setup.task.validation,
        setup.schedule(),
        budget,
        device=setup.device,
        momentum=setup.momentum,
        batch_norm=setup.batch_norm,
    )


Learners = Mapping[tuple[str, int], Learner]
"""Learners by rule and search: searches with other sampler seeds end at other settings of the same rule."""


def tuned(setup: Setup, search: Search) -> dict[tuple[str, int], Learner]:
    """The best learner of each rule and sampler seed of a search."""
    options = {"momentum": setup.momentum, "batch_norm": setup.batch_norm}
    pairs = [(name, seed) for name in search.families for seed in search.budget.sampler_seeds]
    return {(name, seed): search.best(name, seed, **options) for name, seed in pairs}


def run_rules(
    learners: Learners, setup: Setup, depth: int, seeds: Sequence[int], measured: tuple[int, ...] = ()
) -> tuple[Outcome, dict[str, list]]:
    """Train each learner on fresh networks, all together, and measure them on the test examples.

    Parameters
    ----------
    learners : by rule and search
    seeds : of the networks, dealt out evenly to the searches: rules are paired within a search, searches independent

    Returns
    -------
    The outcome, and the ``rule``, ``search`` and ``seed`` of each of its networks.

    Raises
    ------
    ValueError
        If there are fewer seeds than searches.
    """
    searches = sorted({search for _, search in learners})
    if len(seeds) < len(searches):
        raise ValueError(f"run_rules: {len(seeds)} seeds for {len(searches)} searches; each needs one or more")
    shares = np.array_split(np.asarray(seeds, dtype=object), len(searches))
    own = dict(zip(searches, shares, strict=True))
    keys = [(rule, search, seed) for rule, search in learners for seed in own[search]]
    networks = [replace(learners[rule, search], seed=seed) for rule, search, seed in keys]
    plan = setup.schedule(measured)
    outcome = train(networks, setup.shape(depth), setup.task.train, setup.task.test, plan, device=setup.device)
    return outcome, {name: [key[number] for key in keys] for number, name in enumerate(("rule", "search", "seed"))}


def accuracy_by_depth(
    searches: Mapping[int, Search], setup: Setup, depths: Sequence[int], seeds: Sequence[int]
) -> pd.DataFrame:
    """Test accuracy of each rule at each depth, with the settings found at each tuning depth.

    Parameters
    ----------
    searches : by tuning depth
    depths : at which the settings are used
    seeds : of fresh networks, which no search has seen

    Returns
    -------
    One row a tuning depth, depth and network: ``tuned_at``, ``depth``, ``rule``, ``search``, ``seed``, ``accuracy``
    (percent), ``angle`` (degrees, mean over layers), ``diverged``.
    """
    tables = []
    for tuned_at, search in searches.items():
        for depth in depths:
            outcome, columns = run_rules(tuned(setup, search), setup, depth, seeds)
            tables.append(_percent(outcome, columns).assign(tuned_at=tuned_at, depth=depth))
    return pd.concat(tables, ignore_index=True)


def _percent(outcome: Outcome, columns: dict[str, list]) -> pd.DataFrame:
    table = outcome.table(**columns).drop(columns=["epoch", "loss"])
    return table.assign(accuracy=100 * table.accuracy)


def angles_over_training(
    learners: Learners, setup: Setup, depth: int, seeds: Sequence[int], measured: tuple[int, ...]
) -> pd.DataFrame:
    """Angle between feedback and weight by layer over training.

    Returns one row a network, epoch and layer (2 is the second weight): ``angle`` (degrees) and ``gain`` (norm of B
    over that of W).
    """
    outcome, columns = run_rules(learners, setup, depth, seeds, measured)
    places = np.indices(outcome.angle.shape).reshape(3, -1)
    return pd.DataFrame(
        {name: np.array(values)[places[0]] for name, values in columns.items()}
        | {
            "epoch": np.array(outcome.checkpoints)[places[1]],
            "layer": places[2] + 2,
            "angle": outcome.angle.ravel(),
            "gain": outcome.gain.ravel(),
        }
    )


def at_rate(chosen: Learner, rate: float, match_norm: bool = False) -> Learner:
    """The same learner with another learning rate of the weights; what weight decay takes in a step stays the same.

    With ``match_norm`` its feedback is rescaled to the weight's norm as well. A gain other than 1 multiplies the
    errors of lower layers and so acts as a learning rate of its own; only without it is a rate common to all rules.
    """
    decay = chosen.weight_decay * chosen.rate / rate
    return replace(chosen, rate=rate, weight_decay=decay, match_norm=match_norm)


def update_noise(
    learners: Learners,
    setup: Setup,
    depth: int,
    seeds: Sequence[int],
    levels: Sequence[float],
    feedback_only: bool = False,
) -> pd.DataFrame:
    """Test accuracy of each rule under Gaussian noise on every update.

    Deviates: the authors scale the noise by the learning rate; here every rule gets the same noise, since tuned rates
    differ between rules and a rule must not win by a smaller disturbance.

    Parameters
    ----------
    levels : sd of what is added to each weight and feedback entry in each step
    feedback_only : leave the weights without noise

    Returns
    -------
    One row a level and network: ``level``, ``rule``, ``search``, ``seed``, ``accuracy`` (percent), ``angle``,
    ``diverged``.
    """
    tables = []
    for level in levels:
        noisy = {
            key: replace(
                chosen,
                weight_noise=0.0 if feedback_only else level / chosen.rate,
                feedback_noise=level / chosen.rate,
            )
            for key, chosen in learners.items()
        }
        tables.append(_percent(*run_rules(noisy, setup, depth, seeds)).assign(level=level))
    return pd.concat(tables, ignore_index=True)


def difference(table: pd.DataFrame, plus: Sequence[str], minus: Sequence[str]) -> np.ndarray:
    """Mean accuracy of some rules minus that of others, one value a search, its networks averaged."""
    by_search = table.pivot_table(index="search", columns="rule", values="accuracy", sort=True)
    return (by_search[list(plus)].mean(axis=1) - by_search[list(minus)].mean(axis=1)).to_numpy()


def adam_advantage(search: Search, rules: Sequence[str]) -> np.ndarray:
    """Best score among trials with Adam minus best with plain descent, percentage points, a value a sampler seed."""
    own = search.trials[search.trials.rule.isin(rules)]
    best = 100 * own.groupby(["sampler_seed", "rule", "optimiser"]).score.max().unstack("optimiser")
    return (best["adam"] - best["descent"]).groupby("sampler_seed").mean().dropna().to_numpy()


def accuracy_after_search(
    searching: Setup, final: Setup, depth: int, rules: Sequence[str], budget: Budget, seeds: Sequence[int]
) -> pd.DataFrame:
    """Tune rules in one setup and run them, with fresh seeds, in another (more examples, more epochs) of the same task.

    Returns one row a network: ``rule``, ``search``, ``seed``, ``accuracy`` (percent, test examples), ``angle``,
    ``diverged``.
    """
    search = tune_at(searching, depth, rules, budget)
    return _percent(*run_rules(tuned(searching, search), final, depth, seeds))
