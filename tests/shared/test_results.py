"""Stored runs."""

import json

import pandas as pd
import pytest

from repro import provenance, results
from repro.errors import Mistake

TABLE = pd.DataFrame({"rule": ["SA", "FA"], "accuracy": [0.9, 0.5]})


def test_a_stored_table_comes_back_with_its_provenance(tmp_path):
    results.save("room", "name", TABLE, {"command": "python -m x"}, folder=tmp_path)
    table, provenance = results.load("room", "name", folder=tmp_path)
    pd.testing.assert_frame_equal(table, TABLE)
    assert provenance["command"] == "python -m x"
    assert results.stored("room", tmp_path) == ["name"]
    assert not list(tmp_path.rglob("*.partial"))


def test_a_table_changed_by_hand_is_refused(tmp_path):
    path = results.save("room", "name", TABLE, {}, folder=tmp_path)
    path.write_text(path.read_text().replace("0.9", "0.99"))
    with pytest.raises(Mistake, match=r"room/name\.csv is not the table"):
        results.load("room", "name", folder=tmp_path)


def test_a_missing_table_is_named_with_those_that_are_there(tmp_path):
    results.save("room", "name", TABLE, {}, folder=tmp_path)
    with pytest.raises(Mistake, match=r"no stored result room/other\.csv; there are: name"):
        results.load("room", "other", folder=tmp_path)


def test_a_table_too_large_for_git_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(Mistake, match="summarise it"):
        results.save("room", "name", pd.concat([TABLE] * 100_000), {}, folder=tmp_path)
    assert not list(tmp_path.rglob("*.csv"))


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    results.write_atomically(path, b"old")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(results.os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        results.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_provenance_beside_every_stored_table_describes_it():
    for room in sorted(p for p in results.RESULTS.glob("*") if p.is_dir()):
        for name in results.stored(room.name):
            _, provenance = results.load(room.name, name)
            assert {"command", "commit", "date", "machine", "versions", "sha256"} <= set(provenance), name
            json.dumps(provenance)


def test_words_that_often_mean_missing_come_back_as_words_and_missing_as_missing(tmp_path):
    words = pd.DataFrame({"set": ["null", "None", "NA", None], "value": [1.0, None, 2.0, 3.0]})
    results.save("room", "name", words, {}, folder=tmp_path)
    table, _ = results.load("room", "name", folder=tmp_path)
    assert table["set"].tolist()[:3] == ["null", "None", "NA"]
    assert table["set"].isna().tolist() == [False, False, False, True]
    assert table.value.isna().tolist() == [False, True, False, False]


def test_without_a_history_the_commit_is_what_one_says(monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.delenv("REPRO_COMMIT", raising=False)
    for said, known in ((None, "unknown"), ("abc123", "abc123")):
        provenance.commit.cache_clear()
        if said:
            monkeypatch.setenv("REPRO_COMMIT", said)
        assert provenance.commit() == known
    monkeypatch.delenv("GIT_DIR")
    provenance.commit.cache_clear()
    assert provenance.commit() != "abc123"  # a history that is there comes first
