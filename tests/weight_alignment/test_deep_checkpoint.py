"""Checkpoints: whole or refused; the log is taken back to where a run goes on."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.weight_alignment import deep_checkpoint
from repro.weight_alignment.deep_log import Log, lines_up_to

STATE = {"step": 3, "network": {"w": torch.arange(300.0)}, "history": [{"loss": 0.25, "angle": None}]}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return folder, deep_checkpoint.save(folder, 3, STATE, keep=2).read_bytes()


def same(state):
    return {**state, "network": None} == {**STATE, "network": None} and torch.equal(
        state["network"]["w"], STATE["network"]["w"]
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_checkpoint_is_never_read_as_another_state(content, data):
    """One bit is turned, or the end is cut off: the state is refused, or untouched where the bit had no meaning."""
    folder, whole = content
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(whole) - 1))
        damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    else:
        damaged = damaged[: data.draw(st.integers(0, len(whole) - 1))]
    path = folder / "damaged.pt"
    path.write_bytes(damaged)
    refused = ""
    try:
        state = deep_checkpoint.read(path)
    except deep_checkpoint.Corrupt as error:
        refused = str(error)
    assert str(path) in refused or same(state)


def test_the_one_before_a_damaged_checkpoint_is_used(tmp_path, capsys):
    for step in (9, 10, 11):
        deep_checkpoint.save(tmp_path, step, STATE | {"step": step}, keep=2)
    newest, older = deep_checkpoint.paths(tmp_path)
    assert (newest.name, older.name) == ("step-11.pt", "step-10.pt")
    content = bytearray(newest.read_bytes())
    content[content.index(STATE["network"]["w"].numpy().tobytes()) + 17] ^= 4  # inside a weight
    newest.write_bytes(content)
    assert deep_checkpoint.newest(tmp_path)["step"] == 10
    assert "step-11.pt is damaged" in capsys.readouterr().err
    assert deep_checkpoint.newest(tmp_path / "nowhere") is None


def test_a_log_is_taken_back_to_the_checkpoint(tmp_path):
    with Log(tmp_path, 0, 10) as log:
        for step in (1, 2, 3, 4):
            log.write("step", {"step": step, "loss": 1.0 / step})
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text() + '{"kind": "step", "st')  # killed while writing
    with Log(tmp_path, 2, 10) as log:
        log.write("step", {"step": 3, "loss": 7.0})
    assert [(e["step"], e["loss"]) for e in map(json.loads, path.read_text().splitlines())] == [
        (1, 1),
        (2, 0.5),
        (3, 7),
    ]
    assert lines_up_to(tmp_path / "none", 5) == []
