"""What the README shows works as it stands there."""

import re
import shlex
import subprocess
import sys

import pytest

from repro.provenance import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"python -m (repro [a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text())))


def test_the_python_example_runs():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scope = {}
    exec(example, scope)
    angles = scope["alignment_angles"](scope["model"])
    assert list(angles) == ["0", "2"]
    assert scope["model"][2].feedback.grad is not None


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_exists(command):
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command), "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_make_target_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^ +make ([a-z]+)", README, re.MULTILINE)) <= targets


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["compare", "nowhere.ipynb"], "nowhere.ipynb: no such notebook"),
        (["verdicts", "--scale", "huge"], "'huge' is not one of 'smoke', 'book', 'full'"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
def test_a_mistake_on_the_command_line_ends_in_one_line(words, told):
    done = subprocess.run([sys.executable, "-m", "repro", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
