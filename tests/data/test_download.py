"""Downloads from a source that works, and from one that cuts, alters, breaks off or is not there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from repro.data import DataCorrupt, DataUnavailable, load, registry
from repro.data.download import fetch
from tests.data.conftest import Source, left_in, put

TRAIN_IMAGES = "mnist/train-images-idx3-ubyte.gz"


def test_data_that_is_nowhere_is_fetched_to_the_cache_once(
    mnist: dict[str, bytes], source: Source, cache: Path
) -> None:
    assert load("mnist").source == "cache"
    assert load("mnist").x_train.shape == (40, 1, 28, 28)
    assert source.asked == list(mnist)
    assert left_in(cache) == sorted(mnist)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda c: c[:100], "has 100 bytes, expected"),
        (lambda c: c + b"more", "bytes, expected"),
        (lambda c: c[:50] + b"?" + c[51:], "is altered: its sha256"),
        (lambda c: b"", "has 0 bytes, expected"),
    ],
    ids=["cut", "longer", "altered", "empty"],
)
def test_a_wrong_download_is_refused_by_name_and_not_kept(
    mnist: dict[str, bytes], source: Source, cache: Path, spoil, says: str
) -> None:
    source.content[TRAIN_IMAGES] = spoil(mnist[TRAIN_IMAGES])
    with pytest.raises(DataCorrupt) as refused:
        load("mnist")
    assert TRAIN_IMAGES in str(refused.value)
    assert source.url in str(refused.value)
    assert says in str(refused.value)
    assert left_in(cache) == []


def test_a_download_that_breaks_off_is_refused_by_name_and_goes_on_later(
    mnist: dict[str, bytes], source: Source, cache: Path
) -> None:
    third = list(mnist)[2]
    source.declared[third] = len(mnist[third]) + 1  # the connection closes one byte before the announced end
    with pytest.raises(DataUnavailable, match=rf"{third} from http.* failed \(the connection broke off\)"):
        load("mnist")
    assert left_in(cache) == sorted(list(mnist)[:2])  # what was whole stays
    source.declared.clear()
    load("mnist")
    assert source.asked == [*list(mnist)[:3], *list(mnist)[2:]]


def test_a_source_that_cannot_be_reached_is_said(register, cache: Path) -> None:
    register("mnist", "original", {"mnist/a.gz": b"a"}, "http://127.0.0.1:9")  # the discard port: nobody listens
    with pytest.raises(
        DataUnavailable, match=r"mnist/a.gz from http://127.0.0.1:9/mnist/a.gz failed \(no connection\)"
    ):
        load("mnist")
    assert left_in(cache) == []


def test_ctrl_c_leaves_nothing(mnist: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: object, url: str, partial: str, *_: object) -> None:
        Path(partial).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", stopped)
    with pytest.raises(KeyboardInterrupt):
        load("mnist")
    assert left_in(cache) == []


def test_fetch_replaces_a_bad_file_only_by_a_good_one(mnist: dict[str, bytes], source: Source, cache: Path) -> None:
    put(mnist | {TRAIN_IMAGES: b"bad"}, cache)
    source.content[TRAIN_IMAGES] = b"bad too"
    with pytest.raises(DataCorrupt):
        fetch("mnist", registry()["mnist"])
    assert (cache / TRAIN_IMAGES).read_bytes() == b"bad"
    source.content[TRAIN_IMAGES] = mnist[TRAIN_IMAGES]
    fetch("mnist", registry()["mnist"])
    assert (cache / TRAIN_IMAGES).read_bytes() == mnist[TRAIN_IMAGES]
    assert source.asked == [TRAIN_IMAGES, TRAIN_IMAGES]


def test_what_a_killed_process_left_goes_after_a_day_and_a_running_ones_stays(
    mnist: dict[str, bytes], source: Source, cache: Path
) -> None:
    old, young = (f"mnist/.{Path(TRAIN_IMAGES).name}.{name}.partial" for name in ("old", "young"))
    put({old: b"half", young: b"half"}, cache)
    two_days_ago = time.time() - 48 * 3600
    os.utime(cache / old, (two_days_ago, two_days_ago))
    load("mnist")
    assert left_in(cache) == sorted([*mnist, young])


def test_two_processes_may_load_at_the_same_time(
    mnist: dict[str, bytes], source: Source, cache: Path, tmp_path: Path
) -> None:
    source.meeting = threading.Barrier(2)
    script = (
        "import pathlib, repro.data.catalogue as r; "
        f"r.REGISTRY = pathlib.Path({str(tmp_path / 'registry.json')!r}); "
        "import repro.data; print(repro.data.load('mnist').x_train.shape)"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["(40, 1, 28, 28)"] * 2
    assert left_in(cache) == sorted(mnist)
