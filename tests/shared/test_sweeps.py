"""Sweeps: a table is checked before it runs, a run is done once, and a killed sweep goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from repro.errors import Mistake
from repro.provenance import ROOT
from repro.sweeps import Row, read_table, run, state

COUNTING = "tests.shared.counting"
NOTEBOOK = """# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% tags=["parameters"]
of = 1
# %%
print(10 / of)
"""


def written(folder, *lines):
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def log(folder):
    return (folder / "log").read_text().splitlines()


def program(*words, **more):
    command = [sys.executable, "-m", "repro.sweeps", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["name,program"], "there must be name, program, options"),
        (["name,program,options"], "has no rows"),
        (["name,program,options", "a/b,train,"], r"line 2: name 'a/b'"),
        (["name,program,options", "a,train,", "a,train,--seed 1"], r"line 3: name 'a' is there twice"),
        (["name,program,options", "a,rm,"], r"line 2: program 'rm'; allowed are train, papermill"),
        (["name,program,options", "a,papermill,"], "needs a notebook"),
        (["name,program,options", "a,train,--out x"], "--out is set by the sweep"),
        (["name,program,options", "a,train,'--rule"], "No closing quotation"),
        (["name,program,options,gpus", "a,train,,one"], r"gpus 'one'; allowed is a whole number"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_line(tmp_path, lines, told):
    with pytest.raises(Mistake, match=told):
        read_table(written(tmp_path, *lines))


def test_the_program_ends_a_mistake_in_one_line(tmp_path):
    table = written(tmp_path, "name,program,options", "a,train,")
    for words, told in (
        (("run", table, "b"), f"error: {table} has no row 'b'; it has a\n"),
        (("state", tmp_path / "x"), f"error: there is no table {tmp_path / 'x'}\n"),
    ):
        done = program(*words)
        assert (done.returncode, done.stderr) == (1, told)


def test_a_run_that_is_done_is_not_started_again(tmp_path):
    row = Row("a", COUNTING, ("--steps", "2"))
    assert [state(row, tmp_path), run(row, tmp_path), run(row, tmp_path), state(row, tmp_path)] == [
        "waiting",
        0,
        0,
        "done",
    ]
    assert log(tmp_path / "a") == ["start", "step 0", "step 1"]
    assert json.loads((tmp_path / "a" / "run.json").read_text())["options"] == ["--steps", "2"]


def test_a_folder_with_other_options_is_refused(tmp_path):
    run(Row("a", COUNTING, ("--steps", "2")), tmp_path)
    other = Row("a", COUNTING, ("--steps", "3"))
    assert state(other, tmp_path) == "other options"
    with pytest.raises(Mistake, match=r"begun as .*--steps 2', the table now says .*--steps 3'"):
        run(other, tmp_path)


def test_a_run_that_fails_says_so_and_is_tried_again(tmp_path):
    row = Row("a", COUNTING, ("--steps", "1", "--code", "7"))
    for starts in (1, 2):
        assert run(row, tmp_path) == 7
        assert state(row, tmp_path) == "failed"
        assert log(tmp_path / "a").count("start") == starts


def test_a_program_without_a_result_is_no_success(tmp_path):
    with pytest.raises(Mistake, match=r"a: platform ended well but left no"):
        run(Row("a", "platform", ()), tmp_path)
    assert state(Row("a", "platform", ()), tmp_path) == "stopped"


def test_a_notebook_is_kept_executed_or_failed(tmp_path):
    notebook = tmp_path / "n.ipynb"
    subprocess.run(["jupytext", "--to", "ipynb", "--output", notebook, "-"], input=NOTEBOOK, text=True, check=True)
    good, bad = (Row(n, "papermill", (str(notebook), "-p", "of", n[1:], "--no-progress-bar")) for n in ("n4", "n0"))
    assert run(good, tmp_path) == 0
    assert "2.5" in (tmp_path / "n4" / "executed.ipynb").read_text()
    assert run(bad, tmp_path) != 0
    assert "ZeroDivisionError" in (tmp_path / "n0" / "failed.executed.ipynb").read_text()
    assert [state(each, tmp_path) for each in (good, bad)] == ["done", "failed"]


def sweep(table, runs):
    command = ["snakemake", "--snakefile", "sweeps/Snakefile", "--cores", "1"]
    command += ["--config", f"table={table}", f"runs={runs}"]
    with open(runs / "said", "w") as said:
        return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, start_new_session=True)


def wait_for_step(folder, process):
    while not ((folder / "log").exists() and "step 0" in (folder / "log").read_text()):
        assert process.poll() is None
        time.sleep(0.05)


def test_a_killed_sweep_goes_on_where_it_was_and_does_nothing_twice(tmp_path):
    """Killed with all its processes in the middle of the second of three runs."""
    table = written(tmp_path, "name,program,options", *(f"{n},{COUNTING},--steps 4 --wait 0.5" for n in "abc"))
    first = sweep(table, tmp_path)
    wait_for_step(tmp_path / "b", first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert "c" not in os.listdir(tmp_path)
    assert sweep(table, tmp_path).wait(timeout=120) == 0, (tmp_path / "said").read_text()
    for name in "abc":
        assert [line for line in log(tmp_path / name) if line != "start"] == [f"step {n}" for n in range(4)]
    assert [log(tmp_path / name).count("start") for name in "abc"] == [1, 2, 1]
    assert program("state", table, "--runs", tmp_path).stdout.endswith("3 runs: 3 done\n")


def test_a_program_that_outlives_what_started_it_is_waited_for(tmp_path):
    table = written(tmp_path, "name,program,options", f"a,{COUNTING},--steps 4 --wait 1")
    row = read_table(table)["a"]
    command = [sys.executable, "-m", "repro.sweeps", "run", str(table), "a", "--runs", str(tmp_path)]
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    wait_for_step(tmp_path / "a", first)
    first.kill()
    first.wait()
    assert state(row, tmp_path) == "running"
    assert run(row, tmp_path) == 0
    assert log(tmp_path / "a") == ["start", *(f"step {n}" for n in range(4)), "start"]  # once more, to find it done
