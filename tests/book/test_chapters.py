"""The chapters as papermill executed them at scale smoke."""

import nbformat
import pytest

from repro.build import gather
from repro.build.layout import Layout, chapters
from repro.provenance import ROOT


@pytest.fixture(scope="module")
def runs():
    paths = [ROOT / Layout("smoke").executed(name) for name in chapters()]
    if not all(path.exists() for path in paths):
        pytest.skip("the chapters are not executed: 'make test' executes them")
    return [gather.read_run(path) for path in paths]


def test_no_verdict_differs_from_the_one_that_was_committed(runs):
    changed = gather.changed_verdicts(runs)
    assert not changed, "results changed; see why, then: python -m repro verdicts --scale smoke --accept"


@pytest.mark.parametrize("name", chapters())
def test_no_figure_is_shown_beside_its_caption(runs, name):
    cells = nbformat.read(ROOT / Layout("smoke").executed(name), as_version=4).cells
    assert not [
        cell.source for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]


def test_every_chapter_ran_at_scale_smoke(runs):
    assert [run["scale"] for run in runs] == ["smoke"] * len(chapters())
