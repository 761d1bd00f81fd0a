"""Tables, the error E, and fits, against the measured numbers' own arithmetic and scipy's general solver."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import lsq_linear

from repro.errors import Mistake
from repro.spike_triplets.comparison import fitted, parameter_table
from repro.spike_triplets.datasets import NAMES, load, read_table
from repro.spike_triplets.events import Events, trace_sums
from repro.spike_triplets.fitting import error, fit
from repro.spike_triplets.rules import PairSTDP

MIRROR = Path(os.environ.get("REPRO_DATA_DIR", "nowhere")) / "plasticity"
HEADER = "point,group,pre_ms,post_ms,rate_hz,repetitions,change,sem,unit,n,source\n"


@pytest.mark.parametrize(("name", "points"), [("sjostrom2001", 10), ("wang2005", 13)])
def test_a_rule_that_changes_nothing_has_the_error_of_the_data_alone(name, points):
    data = load(name)
    assert len(data) == data.n_independent == points
    assert error(PairSTDP(0.0, 0.0), name) == pytest.approx(np.mean((data.change / data.sem) ** 2), rel=1e-12)


def test_amplitudes_are_the_best_that_are_not_negative():
    for name in ("sjostrom2001", "wang2005"):
        data = load(name)
        sums = trace_sums(Events.of(data.protocols), np.array([[16.8, 33.7, 100.0, 100.0]]), False)[0][:, [0, 2]]
        best = lsq_linear(sums / data.sem[:, None], data.change / data.sem, bounds=(0, np.inf), tol=1e-14)
        found = fit("pair-all", name, seed=0)
        assert found.error == pytest.approx(2 * best.cost / len(data), rel=1e-8)
        assert error(found.rule, name) == pytest.approx(found.error, rel=1e-9)


def test_pair_stdp_with_the_measured_windows_misses_by_more_than_two_standard_errors():
    for name in ("sjostrom2001", "wang2005"):
        for family in ("pair-all", "pair-nearest"):
            assert fit(family, name, seed=0).error > 4


def test_a_fit_is_the_same_again_and_never_worse_with_more_starts():
    few, again, more = (fit("triplet3-all", "sjostrom2001", seed=1, pool=32, starts=n) for n in (1, 1, 4))
    assert few.parameters == again.parameters
    assert more.error <= few.error + 1e-12


def test_polishing_leaves_the_grid_of_starts_behind():
    rough, polished = (fit("triplet3-all", "sjostrom2001", seed=1, pool=16, starts=n) for n in (0, 2))
    assert polished.error < rough.error
    assert polished.shares[0] != rough.shares[0]


def test_the_other_reading_of_a_quadruplet_takes_one_pair_from_the_gap():
    data = load("wang2005")
    for before, after, group in zip(data.protocols, data.with_midpoint_gaps().protocols, data.groups, strict=True):
        if group != "quadruplet":
            assert after == before
            continue
        gaps = [np.diff(sorted(p.pre + p.post))[1] for p in (before, after)]
        assert gaps[1] == pytest.approx(gaps[0] - 5.0)
        assert np.diff(sorted(after.pre + after.post))[[0, 2]] == pytest.approx([5.0, 5.0])


@pytest.mark.parametrize("name", NAMES)
def test_every_table_of_the_book_is_in_the_schema(name):
    data = load(name)
    assert (data.sem > 0).all()
    assert np.abs(data.change).max() < 2  # fractions, not percent


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a,g,0,10,1,60,25,0.05,fraction,,x", "row 1: change is '25'"),
        ("a,g,0,10,1,60,0.25,0.05,percent,,x", "row 1: unit is 'percent'"),
        ("a,g,5 0,10,1,60,0.25,0.05,fraction,,x", "row 1: pre_ms is '5 0'"),
        ("a,g,0,10,-1,60,0.25,0.05,fraction,,x", "row 1: rate_hz is '-1'"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_column(tmp_path, row, told):
    path = tmp_path / "own.csv"
    path.write_text(HEADER + row + "\n")
    with pytest.raises(Mistake, match=re.escape(told)):
        read_table(path)


def test_a_wrong_column_is_refused_by_name(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(HEADER.replace("change", "percent") + "a,g,0,10,1,60,0.25,0.05,fraction,,x\n")
    with pytest.raises(Mistake, match=r"own\.csv: column 'percent'"):
        read_table(path)


@pytest.mark.skipif(not MIRROR.is_dir(), reason="REPRO_DATA_DIR has no plasticity tables")
def test_the_typed_values_are_those_of_a_public_table():
    text = (MIRROR / "sjostrom_freq_stdp.m").read_text()
    rows = [[float(v) for v in re.findall(r"-?\d+\.?\d*", line)] for line in text.splitlines() if "%" not in line]
    table = np.array([row for row in rows if len(row) == 5])
    ours = pd.DataFrame({"change": load("sjostrom2001").change, "sem": load("sjostrom2001").sem})
    theirs = np.concatenate([table[:, 1:3], table[:, 3:5]])
    assert ours.to_numpy() == pytest.approx(theirs, abs=1e-9)


def test_intervals_of_amplitudes_are_those_of_linear_least_squares():
    data = load("wang2005")
    found = fit("pair-all", "wang2005", seed=0, redraws=4000)
    design = trace_sums(Events.of(data.protocols), np.array([[16.8, 33.7, 100.0, 100.0]]), False)[0][:, [0, 2]]
    spread = np.sqrt(np.diag(np.linalg.inv((design / data.sem[:, None]).T @ (design / data.sem[:, None]))))
    for name, sigma in zip(("a2_plus", "a2_minus"), spread, strict=True):
        low, high = found.intervals[name]
        assert low < found.parameters[name] < high
        assert high - low == pytest.approx(2 * 1.96 * sigma, rel=0.08)  # quantiles of 4,000 draws: 2 % each


def test_parameters_come_with_units_and_intervals():
    table = parameter_table([fitted("triplet3-all", "sjostrom2001", 0, pool=16, starts=1, refit_starts=1)], 8, seed=0)
    assert table.parameter.tolist() == ["a3_plus", "a2_minus", "tau_y"]
    assert table.unit.tolist() == ["", "", "ms"]
    assert (table.low <= table.high).all()
