"""A parameter that is injected and ignored is a defect: each is set to a second value, and something must change.

Of another seed more is asked: every sentence with a number that the run says must change, or stand in
``same_at_another_seed.yml`` with the reason why it can't.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from filelock import FileLock
from papermill import execute_notebook, inspect_notebook

from repro.build.gather import read_run
from repro.build.layout import chapters
from repro.data import registry
from repro.data.places import find
from repro.provenance import ROOT

SECOND = yaml.safe_load((Path(__file__).parent / "second_values.yml").read_text())
SAME = yaml.safe_load((Path(__file__).parent / "same_at_another_seed.yml").read_text())


def papermill(chapter, out, parameters):
    words = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    command = [Path(sys.executable).parent / "papermill", f"notebooks/{chapter}.py", out, "--no-progress-bar", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr


def seen(run):
    """What a reader sees of a run: figures and claims."""
    claims = {claim["id"]: (claim["verdict"], claim["value"], claim["n"]) for claim in run["claims"]}
    return {name: figure["digest"] for name, figure in run["figures"].items()}, claims


def executed(chapter, out, parameters):
    """The record of a run and what it says, without the start of a command."""
    execute_notebook(f"notebooks/{chapter}.py", str(out), parameters, cwd=str(ROOT), progress_bar=False)
    return read_run(out), sentences(out)


def sentences(out):
    """The sentences with a number that an executed notebook says by ``run.say``; a bullet is one as well."""
    outputs = [output for cell in nbformat.read(out, as_version=4).cells for output in cell.get("outputs", [])]
    told = "\n\n".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    parts = re.split(r"(?<=\.)\s+(?=[A-Z*])|\n", re.sub(r"`.*?`", "", told))
    return {" ".join(part.split()) for part in parts if re.search(r"(?<![\w+−-])\d", part)}


def unexplained(chapter, before, after):
    """Sentences that are the same at both seeds and match no pattern that says why."""
    patterns = [each["says"] for each in SAME.get(chapter, [])]
    return {text for text in before & after if not any(re.search(pattern, text) for pattern in patterns)}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The run of a chapter at its smallest, computed once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def run(chapter):
        out = folder / f"{chapter}-smallest.ipynb"
        with FileLock(f"{out}.lock"):
            if not out.exists():
                partial = out.with_suffix(".partial.ipynb")
                executed(chapter, partial, {"scale": "smoke", **SECOND[chapter]["smallest"]})
                partial.rename(out)
        return read_run(out), sentences(out)

    return run


@pytest.mark.parametrize("chapter", chapters())
def test_every_parameter_has_a_second_value(chapter):
    declared = set(inspect_notebook(str(Path("notebooks") / f"{chapter}.py")))
    assert set(SECOND[chapter]["second"]) | {"scale", "device"} == declared


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("chapter", "name"), [(chapter, name) for chapter in chapters() for name in SECOND[chapter]["second"]]
)
def test_a_second_value_changes_what_is_seen(base, tmp_path, chapter, name):
    needed = SECOND[chapter].get("needs", {}).get(name)
    if needed:
        data, *variant = needed.split()  # a variant where another comes with the book
        there = find(registry()[data])
        if there is None or (variant and there.variant.label not in variant):
            pytest.skip(f"{name} needs {needed}, which is not on this machine")
    before, said_before = base(chapter)
    values = {"scale": "smoke", **SECOND[chapter]["smallest"], name: SECOND[chapter]["second"][name]}
    after, said = executed(chapter, tmp_path / "out.ipynb", values)
    assert seen(after) != seen(before)
    if name == "seed":
        assert unexplained(chapter, said_before, said) == set(), "is it typed? or say why in same_at_another_seed.yml"


def test_a_sentence_that_ignores_the_seed_is_found():
    before = {"It reached 97.1 %.", "It reached 90.0 %.", "All 22 protocols agree."}
    after = {"It reached 96.4 %.", "It reached 90.0 %.", "All 22 protocols agree."}
    assert unexplained("no chapter", before, after) == {"It reached 90.0 %.", "All 22 protocols agree."}


@pytest.mark.parametrize("chapter", SAME)
def test_every_exception_has_its_reason(chapter):
    assert chapter in chapters()
    assert all(set(each) == {"says", "why"} and each["why"] for each in SAME[chapter])


WRONG = [("sede", "1"), ("scale", "huge"), ("seed", "-1"), ("device", "abacus")]
# what is refused is decided in one place with its own tests: the first chapter shows every case, the others one each
CASES = [(chapters()[0], *wrong) for wrong in WRONG]
CASES += [(chapter, *WRONG[place % len(WRONG)]) for place, chapter in enumerate(chapters()[1:])]


@pytest.mark.notebook
@pytest.mark.parametrize(("chapter", "name", "value"), CASES)
def test_a_wrong_parameter_ends_a_chapter_in_one_line(tmp_path, chapter, name, value):
    code, told = papermill(chapter, tmp_path / "out.ipynb", {name: value})
    assert code != 0
    last = told.strip().splitlines()[-1]
    assert last.startswith("Mistake: ")
    assert name in last
    assert value in last or name == "sede"
