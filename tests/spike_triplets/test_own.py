"""A reader's own rule and table, and the further recordings where the data folder has them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro.data import files
from repro.errors import Mistake
from repro.spike_triplets import recordings
from repro.spike_triplets.datasets import load
from repro.spike_triplets.families import FAMILIES
from repro.spike_triplets.own import own_rule
from repro.spike_triplets.rules import NoChange

FOLDER = Path(os.environ.get("REPRO_DATA_DIR", "nowhere"))  # read before any fixture hides it
needs_mirror = pytest.mark.skipif(
    not (FOLDER / "plasticity").is_dir(), reason="REPRO_DATA_DIR has no plasticity tables"
)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a reader."""
    (tmp_path / "my_rules.py").write_text(
        "import numpy as np\n"
        "def additive(pre, post): return 0.5 * len(pre) * len(post)\n"
        "def broken(pre, post): raise KeyError('no such spike')\n"
        "def endless(pre, post): return np.inf\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "my_rules"


@pytest.mark.parametrize("separator", [".", ":"])
def test_a_function_becomes_a_rule(module, separator):
    assert own_rule(f"{module}{separator}additive").weight_change([0.0, 1.0], [2.0]) == 1.0


def test_a_class_and_a_family_are_taken_as_they_are():
    assert own_rule("repro.spike_triplets.rules.NoChange") == NoChange()
    family = FAMILIES["pair-all"]
    import repro.spike_triplets.families as module

    module.MINE = family
    try:
        assert own_rule("repro.spike_triplets.families:MINE") is family
    finally:
        del module.MINE


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("additive", "must name a callable as module.name"),
        ("no_such_module.rule", "module 'no_such_module' can't be imported"),
        ("my_rules.missing", "has no 'missing'"),
        ("my_rules.broken", "fails on a pair at .10 ms: KeyError"),
        ("my_rules.endless", "gives inf for a pair"),
        ("my_rules.number", "an? int; it must be a callable"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_in_one_line(module, name, told):
    with pytest.raises(Mistake, match=told) as error:
        own_rule(name)
    assert "\n" not in str(error.value)


def table(name):
    return pd.read_csv(FOLDER / "plasticity" / name)


@needs_mirror
def test_single_recordings_have_the_means_of_the_published_summary():
    single = recordings.single_recordings(files(recordings.TRIPLETS, path=FOLDER))
    alone = single[~single.is_mean]
    means = alone.groupby(["kind", "first"]).change.agg(["mean", "sem", "size"])
    # computed once from the file by other means, to the digits given
    for key, mean, sem, n in (
        (("pre-post-pre", 5.0), -0.002, 0.044, 6),
        (("pre-post-pre", 10.0), 0.026, 0.037, 12),
        (("post-pre-post", -5.0), 0.273, 0.046, 8),
        (("post-pre-post", -10.0), 0.254, 0.056, 8),
    ):
        assert means.loc[key, "mean"] == pytest.approx(mean, abs=6e-4)
        assert means.loc[key, "sem"] == pytest.approx(sem, abs=6e-4)
        assert means.loc[key, "size"] == n
    ratios = [np.divide(*recordings.asymmetry(single, timing)) for timing in (5.0, 10.0)]
    assert ratios == pytest.approx([4.3, 3.4], abs=0.05)
    gaps = single[single.kind == "quadruplet"]
    assert gaps[(gaps["first"] > 14) & (gaps["first"] < 30)].change.mean() == pytest.approx(0.188, abs=6e-4)


def test_the_asymmetry_of_the_table_is_that_of_its_four_points():
    data = load("wang2005")
    ratios = [np.divide(*recordings.table_asymmetry(data, timing)) for timing in (5, 10)]
    assert ratios == pytest.approx([(0.33 + 0.01) / np.hypot(0.04, 0.04), (0.34 - 0.03) / np.hypot(0.04, 0.04)])


@needs_mirror
def test_the_second_reading_of_the_asymmetric_triplets_falls_on_the_typed_table():
    data = load("wang2005")
    single = recordings.single_recordings(files(recordings.TRIPLETS, path=FOLDER))
    rows, changes = recordings.beside(single[single.is_mean], data)
    assert len(rows) == 4
    assert changes == pytest.approx(data.change[rows], abs=0.02)  # two people reading one figure


@needs_mirror
@pytest.mark.parametrize("name", ["sjostrom2001_held_out", "cortical_pairs"])
def test_typed_points_are_those_of_the_public_table_of_pair_recordings(name):
    public = table("paired_recordings.csv")
    ratios, errors = public.mean_epsp_ratio.to_numpy(), public.sem_epsp_ratio.to_numpy()
    data = load(name)
    for change, sem in zip(data.change, data.sem, strict=True):
        close = (np.abs(ratios - 1 - change) < 6e-4) & (np.abs(errors - sem) < 6e-4)
        assert close.any(), change


@needs_mirror
def test_window_and_clamp_points_are_fractions_in_order():
    points = recordings.window_points(files(recordings.WINDOW, path=FOLDER))
    assert len(points) == 45
    assert (points.timing < 0).sum() == 22
    assert (points.change.min(), points.change.max()) == (pytest.approx(-0.40, abs=0.01), pytest.approx(0.99, abs=0.01))
    clamp = recordings.clamp_points(files(recordings.CLAMP, path=FOLDER))
    assert np.round(clamp.potential).tolist() == [-40.0, -30.0, -20.0, -10.0, 0.0]
    assert clamp.change.tolist() == pytest.approx([-0.02, -0.37, 0.01, 0.71, 1.50], abs=0.006)
    assert (clamp.upper > clamp.change).all()
