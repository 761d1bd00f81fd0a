"""Loading: where is looked and in which order, what is refused, how it is scaled and split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from repro.data import DataCorrupt, Dataset, DataUnavailable, available, files, load
from repro.errors import Mistake
from tests.data.conftest import Source, left_in, put
from tests.data.samples import tar

# classes 0 to 9 of the UCI test set, of which scikit-learn's digits are a copy (archive.ics.uci.edu, data set 80)
DIGITS_PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]

TRAIN_IMAGES = "mnist/train-images-idx3-ubyte.gz"


def _rows(x: np.ndarray) -> list[bytes]:
    return sorted(row.tobytes() for row in x)


def test_digits_are_scikit_learns_with_pixels_from_0_to_1() -> None:
    digits = load("digits", validation=300)
    x = np.concatenate([digits.x_train, digits.x_validation, digits.x_test])
    y = np.concatenate([digits.y_train, digits.y_validation, digits.y_test])
    assert x.shape == (1797, 1, 8, 8)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert _rows(16 * x) == _rows(load_digits().images[:, None].astype(np.float32))
    assert np.bincount(y).tolist() == DIGITS_PER_CLASS
    assert digits.source == "package sklearn"
    assert "same writers" in digits.note


def test_the_test_set_of_digits_is_the_one_that_stored_runs_were_judged_on() -> None:
    everything = load_digits()
    _, x_test, _, y_test = train_test_split(
        everything.data, everything.target, test_size=360, stratify=everything.target, random_state=0
    )
    digits = load("digits")
    assert (16 * digits.x_test).reshape(360, -1).tolist() == x_test.tolist()
    assert digits.y_test.tolist() == y_test.tolist()


def test_labels_stay_with_their_images() -> None:
    known = {
        image.tobytes(): label
        for image, label in zip(load_digits().data.astype(np.float32), load_digits().target, strict=True)
    }
    digits = load("digits", validation=300)
    for x, y in (
        (digits.x_train, digits.y_train),
        (digits.x_validation, digits.y_validation),
        (digits.x_test, digits.y_test),
    ):
        assert [known[image.tobytes()] for image in 16 * x] == y.tolist()


def test_parts_of_digits_have_the_shares_of_the_classes() -> None:
    digits = load("digits", validation=360)
    for labels in (digits.y_train, digits.y_validation, digits.y_test):
        shares = np.array(DIGITS_PER_CLASS) * len(labels) / 1797
        assert np.abs(np.bincount(labels) - shares).max() <= 1.5  # rounding, twice where a validation set was taken


@settings(max_examples=15, deadline=None)
@given(validation=st.integers(10, 1427), seed=st.integers(0, 2**32 - 1))
def test_validation_samples_come_from_training_and_the_test_set_stays(validation: int, seed: int) -> None:
    plain, split = load("digits"), load("digits", validation=validation, seed=seed)
    again = load("digits", validation=validation, seed=seed)
    assert len(split.x_validation) == validation
    assert np.array_equal(split.x_test, plain.x_test)
    assert _rows(np.concatenate([split.x_train, split.x_validation])) == _rows(plain.x_train)
    assert np.array_equal(split.x_validation, again.x_validation)
    assert np.array_equal(split.y_train, again.y_train)


def test_another_seed_sets_others_aside() -> None:
    first, second = (load("digits", validation=300, seed=seed).x_validation for seed in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "minst"}, "no data set is called 'minst'; there are cifar10, digits, fsdd, mnist"),
        ({"name": "digits", "validation": -1}, "validation is -1"),
        ({"name": "digits", "validation": 5}, "validation is 5; allowed are 0, or 10 to 1427"),
        ({"name": "digits", "validation": 1437}, "validation is 1437; allowed"),
        ({"name": "digits", "seed": -1}, "seed is -1"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(wrong: dict, says: str) -> None:
    with pytest.raises(Mistake) as mistake:
        load(**wrong)
    assert says in str(mistake.value)
    assert "\n" not in str(mistake.value)


def _is_small_mnist(data: Dataset) -> bool:
    return (
        data.x_train.shape == (40, 1, 28, 28)
        and data.x_test.shape == (20, 1, 28, 28)
        and np.array_equal(np.rint(255 * data.x_train[:, 0, 0, 0]), data.y_train)
        and np.array_equal(np.rint(255 * data.x_test[:, 0, 0, 0]), data.y_test)
        and data.x_train.max() == 1.0
    )


@pytest.mark.parametrize("flat", [False, True], ids=["laid out", "side by side"])
def test_a_path_given_comes_first(
    mnist: dict[str, bytes], source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat: bool
) -> None:
    given = put({Path(p).name if flat else p: content for p, content in mnist.items()}, tmp_path / "given")
    monkeypatch.setenv("REPRO_DATA_DIR", str(put(dict.fromkeys(mnist, b"other"), tmp_path / "folder")))
    data = load("mnist", path=given)
    assert data.source == "path given"
    assert _is_small_mnist(data)
    assert available("mnist", path=str(given))
    assert source.asked == []


def test_a_path_may_be_the_file_itself(register, tmp_path: Path) -> None:
    batch = bytes([7]) + bytes(3072)
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    content = tar([(f"cifar-10-batches-bin/{name}", batch) for name in names])
    register("cifar10", "original", {"cifar-10-binary.tar.gz": content}, None)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    assert load("cifar10", path=tmp_path / "cifar-10-binary.tar.gz").y_train.tolist() == [7] * 5
    with pytest.raises(DataUnavailable, match=r"not at the path given, .*registry\.json; it needs cifar-10-binary"):
        load("cifar10", path=tmp_path / "registry.json")


def test_a_path_without_the_data_is_named_and_nothing_else_is_tried(
    mnist: dict[str, bytes], source: Source, tmp_path: Path, cache: Path
) -> None:
    put(mnist, cache)
    with pytest.raises(
        DataUnavailable, match=r"mnist is not at the path given, .*nowhere; it needs mnist/train-images"
    ):
        load("mnist", path=tmp_path / "nowhere")
    assert not available("mnist", path=tmp_path / "nowhere")
    assert source.asked == []


def test_the_data_folder_comes_before_the_cache(
    mnist: dict[str, bytes], source: Source, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", str(put(mnist, tmp_path / "folder")))
    put(dict.fromkeys(mnist, b"other"), cache)
    assert load("mnist").source == "REPRO_DATA_DIR"
    assert source.asked == []


def test_the_cache_is_used_where_the_data_folder_lacks_a_file(
    mnist: dict[str, bytes], source: Source, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(mnist, tmp_path / "folder")
    (folder / TRAIN_IMAGES).unlink()
    monkeypatch.setenv("REPRO_DATA_DIR", str(folder))
    put(mnist, cache)
    assert load("mnist").source == "cache"
    assert source.asked == []


def test_a_data_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", "/not/here")
    with pytest.raises(Mistake, match="REPRO_DATA_DIR is '/not/here', which is not a folder"):
        load("mnist")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(lambda c: c[:-1], "bytes, expected"), (lambda c: c[:-1] + bytes([c[-1] ^ 1]), "is altered: its sha256 is")],
    ids=["cut", "one bit"],
)
def test_a_bad_file_is_refused_by_name_before_it_is_read(
    mnist: dict[str, bytes], cache: Path, spoil, says: str
) -> None:
    put(mnist | {TRAIN_IMAGES: spoil(mnist[TRAIN_IMAGES])}, cache)
    assert available("mnist")  # it is there, and loading says that it is bad
    with pytest.raises(DataCorrupt) as refused:
        load("mnist")
    assert TRAIN_IMAGES in str(refused.value)
    assert says in str(refused.value)


def test_a_file_that_changes_after_it_was_loaded_is_noticed(mnist: dict[str, bytes], cache: Path) -> None:
    put(mnist, cache)
    load("mnist")
    content = mnist[TRAIN_IMAGES]
    (cache / TRAIN_IMAGES).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataCorrupt, match="train-images"):
        load("mnist")


def test_a_file_that_stands_is_hashed_once(
    mnist: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(mnist, cache)
    load("mnist")
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
    load("mnist")


def test_data_that_is_nowhere_says_where_was_looked_and_how_to_get_it(
    mnist: dict[str, bytes], source: Source, cache: Path
) -> None:
    source.status = 503
    assert not available("mnist")
    assert source.asked == []
    with pytest.raises(DataUnavailable) as missing:
        load("mnist")
    for part in (
        "REPRO_DATA_DIR: not set",
        str(cache),
        "HTTP status 503",
        "python -m repro data fetch mnist",
        TRAIN_IMAGES,
    ):
        assert part in str(missing.value)
    assert "\n" not in str(missing.value)
    assert left_in(cache) == []


def test_data_without_a_public_source_says_so(register, cache: Path) -> None:
    register("mnist", "original", {"mnist/a.gz": b"a"}, None)
    with pytest.raises(DataUnavailable, match="mnist has no public source to download from"):
        load("mnist")


def test_the_facts_name_what_a_run_must_put_on_record(mnist: dict[str, bytes], cache: Path) -> None:
    put(mnist, cache)
    facts = load("mnist", validation=10).facts()
    assert facts["title"] == "small mnist"
    assert (facts["train"], facts["validation"], facts["test"], facts["shape"]) == (30, 10, 20, [1, 28, 28])
    assert set(facts["sha256"]) == set(mnist)
    assert (facts["licence"], facts["citation"]) == ("free", "nobody2000")


def test_files_come_checked_with_what_must_be_said_of_them(mnist: dict[str, bytes], tmp_path: Path) -> None:
    put(mnist, tmp_path)
    found = files("mnist", path=tmp_path)
    assert {name: path.read_bytes() for name, path in found.paths.items()} == {
        Path(path).name: content for path, content in mnist.items()
    }
    assert found.source == "path given"
    assert found.facts["licence"] == "free"
    assert set(found.facts["sha256"]) == set(mnist)
    (tmp_path / TRAIN_IMAGES).write_bytes(b"other")
    with pytest.raises(DataCorrupt, match="train-images"):
        files("mnist", path=tmp_path)


def test_files_without_a_public_source_say_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable, match=r"needs plasticity/bi_poo_stdp_points\.csv"):
        files("stdp_window", path=tmp_path)
    with pytest.raises(
        DataUnavailable, match=r"has no public source .*; set REPRO_DATA_DIR to a folder with plasticity"
    ):
        files("stdp_window")
    with pytest.raises(Mistake, match="no data set is called 'digit'"):
        files("digit")


def test_a_table_has_no_samples_to_load() -> None:
    with pytest.raises(Mistake, match="no data set is called 'stdp_window'; there are cifar10, digits, fsdd, mnist"):
        load("stdp_window")
