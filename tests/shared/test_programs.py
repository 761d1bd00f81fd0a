"""How programs end when the user got something wrong."""

import subprocess
import sys

import click
import pytest

from repro import programs
from repro.errors import Mistake
from repro.provenance import ROOT


def command_that(raises):
    @click.command()
    def program():
        raise raises

    return program


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Mistake("trials is 0; allowed are 1 or more"), "error: trials is 0; allowed are 1 or more"),
        (click.UsageError("no such thing"), "error: no such thing"),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_what_the_user_did_ends_in_one_line(monkeypatch, raised, told):
    monkeypatch.setattr(sys, "argv", ["program"])
    with pytest.raises(SystemExit) as ended:
        programs.run(command_that(raised))
    assert ended.value.code == told


def test_our_own_errors_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    with pytest.raises(ZeroDivisionError):
        programs.run(command_that(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("module", "wrong", "named"),
    [
        ("repro.weight_alignment.matrix_stored", ["--trials", "0"], "'--trials': 0"),
        ("repro.weight_alignment.matrix_stored", ["--device", "abacus"], "device is 'abacus'"),
        ("repro.weight_alignment.stored", ["--seeds", "0"], "'--seeds': 0"),
        ("repro.nonlinear_hebbian.spiking_stored", ["--neurons", "0"], "'--neurons': 0"),
    ],
)
def test_a_long_run_refuses_what_makes_no_sense_before_it_begins(module, wrong, named):
    done = subprocess.run([sys.executable, "-m", module, *wrong], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
