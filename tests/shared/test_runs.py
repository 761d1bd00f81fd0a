"""A chapter in small, executed by stock papermill as a user would call it."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from repro.build.gather import read_run
from repro.claims import Claim
from repro.compare import compare
from repro.errors import Mistake
from repro.parameters import Count, Seed, check, names, numbers
from repro.runs import Run

HERE = Path(__file__).parent


def papermill(out, *words):
    command = [Path(sys.executable).parent / "papermill", "notebooks/mini.py", out, "--no-progress-bar", *words]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out.ipynb"
    done = papermill(out, "-p", "scale", "smoke", "-p", "seed", "3")
    assert done.returncode == 0, done.stderr
    assert "does not end in" not in done.stderr
    return out


def test_the_executed_notebook_holds_its_run(executed):
    run = read_run(executed)
    assert run["parameters"]["seed"] == 3
    assert run["scale"] == "smoke"
    assert [(c["id"], c["verdict"]) for c in run["claims"]] == [("MINI-1", "reproduced"), ("MINI-2", "not tested here")]
    mini = run["claims"][0]
    assert mini["n"] == 8
    assert mini["value"] == pytest.approx(np.mean(mini["samples"]))
    assert mini["interval"][0] > 4
    assert {"commit", "versions", "machine", "date", "device", "data", "wall_s", "peak_mb", "seeds"} <= set(
        run["provenance"]
    )
    assert "NaN" not in json.dumps(run)


def test_the_figure_says_where_it_comes_from(executed):
    text = "".join(
        output.data["text/html"]
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    )
    for part in ('id="samples"', 'alt="Eight points near five."', "scale smoke", "seed 3", "n 8 seeds", "commit "):
        assert part in text


def test_a_run_is_the_same_again_and_another_with_another_seed(executed, tmp_path):
    for name, seed in (("same", "3"), ("other", "4")):
        assert papermill(tmp_path / f"{name}.ipynb", "-p", "scale", "smoke", "-p", "seed", seed).returncode == 0
    first, same, other = (read_run(p) for p in (executed, tmp_path / "same.ipynb", tmp_path / "other.ipynb"))
    assert first["claims"] == same["claims"]
    assert first["figures"] == same["figures"]
    assert first["figures"]["samples"]["digest"] != other["figures"]["samples"]["digest"]
    text = compare(other, first)
    assert "parameter seed: 3 -> 4" in text
    assert "0 of 2 verdicts differ" in text
    assert "1 of 2 measured numbers differ" in text
    assert "plot something else: samples" in text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sede", "3", ["no parameter 'sede'", "did you mean 'seed'"]),
        ("scale", "huge", ["scale", "'huge'", "'smoke', 'book' or 'full'"]),
        ("seed", "-1", ["seed", "-1", "greater than or equal to 0"]),
        ("seed", "1.5", ["seed", "1.5", "integer"]),
        ("n_seeds", "0", ["n_seeds", "0", "greater than or equal to 1"]),
        ("rules", "SA,XX", ["rules", "'XX'", "BP, FA, WM"]),
        ("device", "tpu", ["device", "'tpu'", "auto, cpu"]),
    ],
)
def test_a_parameter_that_is_not_allowed_ends_the_run_in_one_line(tmp_path, name, value, told):
    out = tmp_path / "out.ipynb"
    done = papermill(out, "-p", name, value)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Mistake: ")
    assert all(part in last for part in told), last
    executed = [cell for cell in nbformat.read(out, as_version=4).cells if cell.get("execution_count")]
    assert "open_run" in executed[-1].source  # nothing was computed behind it


def test_papermill_lists_the_parameters():
    command = [Path(sys.executable).parent / "papermill", "--help-notebook", "notebooks/mini.py"]
    shown = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert shown.returncode == 0
    assert 'rules: str (default "SA,FA")' in shown.stdout
    assert "names, separated by commas" in shown.stdout


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (names(["A", "B"]), "A, B", ("A", "B")),
        (names(["A", "B"]), ["B"], ("B",)),
        (numbers(Count), "1,2,4", (1, 2, 4)),
        (numbers(Count), 3, (3,)),
        (numbers(float), "0.5 1", (0.5, 1.0)),
    ],
)
def test_lists_are_given_as_text_or_as_lists(kind, given, expected):
    assert check("x", {"p": given}, [], {"p": kind})["p"] == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [(numbers(Count), "1,x"), (numbers(Count), "0"), (numbers(Count), ""), (names("A"), []), (Seed, True), (Seed, "3")],
)
def test_a_wrong_list_or_type_is_refused_with_its_name(kind, given):
    with pytest.raises(Mistake, match="parameter p is"):
        check("x", {"p": given}, [], {"p": kind})


@pytest.fixture
def run():
    """A run with two claims that are due and one that its scale does not reach."""
    entry = {"says": "a", "figure": "f", "source": {"where": "b", "read": False}, "paper_value": None, "measure": "m"}
    ledger = {
        "A": Claim.model_validate({**entry, "tolerance": 1.0}),
        "B": Claim.model_validate({**entry, "tolerance": 1.0}),
        "C": Claim.model_validate({**entry, "tolerance": 1.0, "scales": ["full"]}),
    }
    return Run("mini", {"scale": "smoke", "seed": 0, "device": "cpu"}, ledger)


def test_a_claim_that_is_due_cannot_be_forgotten(run):
    run.claim("A", 0.0)
    with pytest.raises(Mistake, match="claim B is due at scale smoke"):
        run.close()
    run.skip("B", "no data here")
    run.close()
    outcomes = {claim["id"]: (claim["verdict"], claim["note"]) for claim in run.record()["claims"]}
    assert outcomes == {
        "A": ("reproduced", ""),
        "B": ("not tested here", "no data here"),
        "C": ("not tested here", "needs scale full"),
    }


def test_a_claim_is_judged_once_and_must_be_in_the_ledger(run):
    run.claim("A", 0.0)
    assert run.outcome("A").verdict == "reproduced"
    with pytest.raises(Mistake, match="claim A was judged already"):
        run.claim("A", 2.0)
    with pytest.raises(Mistake, match="the ledger has no claim 'Z'; it has A, B, C"):
        run.claim("Z", 0.0)
    with pytest.raises(Mistake, match="claim 'B' was not judged yet"):
        run.outcome("B")


def test_every_scale_needs_its_value(run):
    assert run.at(smoke=1, book=2, full=3) == 1
    with pytest.raises(Mistake, match="a value for each of smoke, book, full"):
        run.at(smoke=1, book=2)


def test_a_claim_that_needs_what_a_run_leaves_out_is_skipped_and_not_computed(run):
    run.claim("A", lambda: pytest.fail("computed all the same"), without=["SA", "mnist"])
    assert run.outcome("A").verdict == "not tested here"
    assert run.outcome("A").note == "needs SA, mnist, which this run leaves out"
    run.claim("B", lambda: 0.5, without=[])
    assert run.outcome("B").value == 0.5


def test_a_claim_that_a_scale_does_not_reach_is_left_alone(run):
    run.claim("C", lambda: pytest.fail("computed all the same"))
    run.claim("A", 0.0)
    run.claim("B", 0.0)
    run.close()
    assert run.record()["claims"][2]["note"] == "needs scale full"


def test_the_peak_of_memory_is_what_was_held_and_not_what_the_parent_held():
    code = (
        "import numpy; from repro.provenance import peak_memory_mb; before = peak_memory_mb(); "
        "held = numpy.ones(50_000_000); del held; after = peak_memory_mb(); print(before, after)"
    )
    big = np.ones(100_000_000)  # 800 MB in this process, none of which the other one holds
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parents[1])
    before, after = map(float, done.stdout.split())
    assert big.nbytes > 8e8 - 1
    assert before < 600
    # 8 bytes a number; 5 % for what else comes and goes
    assert after - before == pytest.approx(400, rel=0.05)
