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
from papermill import inspect_notebook

from repro.build.gather import read_run
from repro.build.layout import chapters
from repro.data import registry
from repro.data.places import find
from repro.provenance import ROOT

from .chapter_runs import executed, seen, shown

SECOND = yaml.safe_load((Path(__file__).parent / "second_values.yml").read_text())
SAME = yaml.safe_load((Path(__file__).parent / "same_at_another_seed.yml").read_text())


def papermill(chapter, out, parameters):
    words = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    command = [Path(sys.executable).parent / "papermill", f"notebooks/{chapter}.py", out, "--no-progress-bar", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr


def sentences(cells):
    """The sentences with a number that an executed notebook says by ``run.say``; a bullet is one as well."""
    told = "\n\n".join(data.get("text/markdown", "") for data in shown(cells))
    parts = re.split(r"(?<=\.)\s+(?=[A-Z*])|\n", re.sub(r"`.*?`", "", told))
    return {" ".join(part.split()) for part in parts if re.search(r"(?<![\w+−-])\d", part)}


def unexplained(chapter, before, after):
    """Sentences that are the same at both seeds and match no pattern that says why."""
    patterns = [each["says"] for each in SAME.get(chapter, [])]
    return {text for text in before & after if not any(re.search(pattern, text) for pattern in patterns)}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """What is seen of a chapter at its smallest, and its sentences: run once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def run(chapter):
        out = folder / f"{chapter}-smallest.ipynb"
        with FileLock(f"{out}.lock"):
            if not out.exists():
                _, notebook = executed(chapter, smallest(chapter))
                partial = out.with_suffix(".partial.ipynb")
                nbformat.write(notebook, partial)
                partial.rename(out)
        return seen(read_run(out)), sentences(nbformat.read(out, as_version=4).cells)

    return run


def smallest(chapter):
    return {"scale": "smoke", **SECOND[chapter]["smallest"]}


def missing(chapter, name):
    """The data that the second value of a parameter needs and this machine lacks."""
    needed = SECOND[chapter].get("needs", {}).get(name)
    if not needed:
        return None
    data, *variant = needed.split()  # a variant where another comes with the book
    there = find(registry()[data])
    return needed if there is None or (variant and there.variant.label not in variant) else None


def together(chapter):
    """The parameters whose second values are run to the end, all in one run."""
    return [
        name for name in SECOND[chapter]["second"] if name not in SECOND[chapter].get("apart", []) and name != "seed"
    ]


@pytest.mark.parametrize("chapter", chapters())
def test_every_parameter_has_a_second_value(chapter):
    declared = set(inspect_notebook(str(Path("notebooks") / f"{chapter}.py")))
    assert set(SECOND[chapter]["second"]) | {"scale", "device"} == declared


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("chapter", "name"), [(chapter, name) for chapter in chapters() for name in SECOND[chapter]["second"]]
)
def test_a_second_value_changes_what_is_seen(base, chapter, name):
    needed = missing(chapter, name)
    if needed:
        pytest.skip(f"{name} needs {needed}, which is not on this machine")
    before, said_before = base(chapter)
    values = smallest(chapter) | {name: SECOND[chapter]["second"][name]}
    # one difference is enough; that nothing breaks further down is seen with all values together
    run, notebook = executed(chapter, values, until_unlike=None if name == "seed" else before)
    assert seen(run) != before
    if name == "seed":
        said = sentences(notebook.cells)
        assert unexplained(chapter, said_before, said) == set(), "is it typed? or say why in same_at_another_seed.yml"


@pytest.mark.notebook
@pytest.mark.parametrize("chapter", chapters())
def test_a_chapter_ends_at_all_second_values_together(base, chapter):
    values = {name: SECOND[chapter]["second"][name] for name in together(chapter) if not missing(chapter, name)}
    run, _ = executed(chapter, smallest(chapter) | values, drawn=True)
    assert seen(run) != base(chapter)[0]


def test_a_sentence_that_ignores_the_seed_is_found():
    before = {"It reached 97.1 %.", "It reached 90.0 %.", "All 22 protocols agree."}
    after = {"It reached 96.4 %.", "It reached 90.0 %.", "All 22 protocols agree."}
    assert unexplained("no chapter", before, after) == {"It reached 90.0 %.", "All 22 protocols agree."}


@pytest.mark.parametrize("chapter", SAME)
def test_every_exception_has_its_reason(chapter):
    assert chapter in chapters()
    assert all(set(each) == {"says", "why"} and each["why"] for each in SAME[chapter])


WRONG = [("sede", "1"), ("scale", "huge"), ("seed", "-1"), ("device", "abacus")]
# what is refused is decided in one place with its own tests: each chapter shows one case
CASES = [(chapter, *WRONG[place % len(WRONG)]) for place, chapter in enumerate(chapters())]


@pytest.mark.notebook
@pytest.mark.parametrize(("chapter", "name", "value"), CASES)
def test_a_wrong_parameter_ends_a_chapter_in_one_line(tmp_path, chapter, name, value):
    code, told = papermill(chapter, tmp_path / "out.ipynb", {name: value})
    assert code != 0
    last = told.strip().splitlines()[-1]
    assert last.startswith("Mistake: ")
    assert name in last
    assert value in last or name == "sede"
