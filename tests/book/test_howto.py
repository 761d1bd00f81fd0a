"""What the how-to pages show works as it stands there: Python runs and prints what is said, commands exist."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from papermill import inspect_notebook

from repro.build.layout import choose
from repro.provenance import ROOT

PAGES = sorted((ROOT / "book" / "howto").glob("*.md"))
WITH_CODE = [page for page in PAGES if "```python" in page.read_text()]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def blocks(page):
    """The Python blocks of a page, each with the output that is said to follow, if any."""
    return BLOCK.findall(page.read_text())


def printed(code, scope):
    """What a block prints."""
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(compile(code, "<how-to>", "exec"), scope)
    return shown.getvalue()


@pytest.mark.notebook
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_python_of_a_page_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    scope = {"__name__": "howto"}
    for code, says in blocks(page):
        shown = printed(code, scope)
        assert NUMBER.sub("#", shown) == NUMBER.sub("#", says)
        for ours, told in zip(NUMBER.findall(shown), NUMBER.findall(says), strict=True):
            # other processors sum in another order: the last digit shown, or a few images more, may differ
            last_digit = 10.0 ** -len(told.partition(".")[2])
            assert float(ours) == pytest.approx(float(told), rel=0.02, abs=1.01 * last_digit)


def commands():
    """Every command line that a page shows, without the values of variables before it."""
    for page in [*PAGES, ROOT / "book" / "rerun.md"]:
        text = page.read_text()
        shell = "\n".join(re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
        indented = "\n".join(re.findall(r"^    ((?:make|papermill|python|REPRO_DATA_DIR).*)$", text, re.MULTILINE))
        for line in f"{shell}\n{indented}".splitlines():
            words = shlex.split(line)
            while words and ("=" in words[0]):
                words = words[1:]
            if words and words[0] in KNOWN:
                yield pytest.param(words, id=f"{page.stem}: {line.strip()[:60]}")


@lru_cache
def options(program):
    """The help of a program."""
    done = subprocess.run([*program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_papermill(words):
    notebook = next(word for word in words if word.endswith(".py"))
    assert (ROOT / notebook).is_file()
    declared = inspect_notebook(str(Path(notebook)))
    for place, word in enumerate(words):
        if word == "-p":
            assert words[place + 1] in declared


def check_make(words):
    makefile = (ROOT / "Makefile").read_text()
    for word in words[1:]:
        name, equals, value = word.partition("=")
        known = rf"^{name} \?=" if equals else rf"^{name}:"
        assert re.search(known, makefile, re.MULTILINE), word
        if name == "CHAPTERS":
            choose(value)


def check_python(words):
    if words[1:3] == ["-m", "venv"]:
        return
    known = options((sys.executable, "-m", words[2]))
    if re.search(r"COMMAND\s+\[ARGS\]", known) and len(words) > 3:
        known = options((sys.executable, "-m", *words[2:4]))
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", known), word


def check_snakemake(words):
    known = options(("snakemake",))
    for word in words:
        if word.startswith("--"):
            assert word in known, word


KNOWN = {"papermill": check_papermill, "make": check_make, "python": check_python, "snakemake": check_snakemake}


@pytest.mark.parametrize("words", list(commands()))
def test_a_command_names_what_there_is(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    KNOWN[words[0]](words)
