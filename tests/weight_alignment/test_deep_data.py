"""Images for deep networks: chosen, shifted, cut into batches, decoded once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from repro.data import load
from repro.errors import Mistake
from repro.weight_alignment import deep_data
from repro.weight_alignment.deep_data import in_turns, limited, load_arrays, shifted_and_mirrored

ALL = {"n_images": 0, "per_class": 0, "n_test": 0, "validation": 0, "crops": False, "seed": 0}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(deep_data, "cache", lambda: tmp_path)
    return tmp_path / "decoded"


def test_bytes_are_those_of_the_data_set(own_cache):
    ours, theirs = load_arrays("digits", None, **ALL), load("digits")
    order = in_turns(theirs.y_train)
    np.testing.assert_array_equal(ours.x_train, np.rint(16 * theirs.x_train[order]))
    np.testing.assert_array_equal(ours.y_train, theirs.y_train[order])
    assert ours.facts["sha256"] == theirs.facts()["sha256"]
    assert ours.facts["note"] == theirs.note


def test_a_cached_file_is_read_and_a_damaged_one_is_not(own_cache):
    first, _ = deep_data.decoded("digits")
    (kept,) = own_cache.iterdir()
    forged = dict(first, y_test=first["y_test"] * 0)
    np.savez(kept, **forged)
    assert not deep_data.decoded("digits")[0]["y_test"].any(), "the cache is read"
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    again, _ = deep_data.decoded("digits")
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(deep_data, "cache", lambda: tmp_path / "file")
    with pytest.warns(UserWarning, match="not kept"):
        arrays, _ = deep_data.decoded("digits")
    assert len(arrays["y_test"]) == 360


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_any_beginning_of_the_order_is_balanced(labels, data):
    labels = np.array(labels)
    order = in_turns(labels)
    assert sorted(order.tolist()) == list(range(len(labels)))
    total = data.draw(st.integers(1, len(labels)))
    counts = np.bincount(labels[order[:total]], minlength=5)
    there = np.bincount(labels, minlength=5)
    for a in range(5):
        for b in range(5):
            assert counts[a] >= min(counts[b] - 1, there[a]), "a class is behind only if it has no more images"
    per_class = data.draw(st.integers(1, 5))
    kept = limited(order, labels, 0, per_class)
    np.testing.assert_array_equal(np.bincount(labels[kept], minlength=5), np.minimum(there, per_class))


@settings(max_examples=25)
@given(st.integers(0, 8), st.integers(0, 8), st.booleans(), st.integers(0, 2**31))
def test_a_crop_is_the_image_shifted_and_mirrored(down, right, mirror, seed):
    image = np.random.default_rng(seed).integers(1, 256, (3, 9, 11), dtype=np.uint8)
    moved = shifted_and_mirrored(image[None], np.array([[down, right]]), np.array([mirror]))[0]
    expected = ndimage.shift(image, (0, down - 4, right - 4), order=0, cval=0)
    np.testing.assert_array_equal(moved[..., ::-1] if mirror else moved, expected)


@pytest.mark.parametrize("crops", [False, True])
def test_batches_depend_on_nothing_but_seed_epoch_and_number(crops, own_cache):
    images = load_arrays("digits", None, **ALL | {"crops": crops, "n_images": 100})
    alone = list(images.epoch(3, 24, 0, 0, 1))
    assert len(alone) == 4
    later = list(images.epoch(3, 24, 2, 0, 1))
    shares = [list(images.epoch(3, 24, 0, rank, 2)) for rank in (0, 1)]
    for i, (x, y) in enumerate(alone):
        if i >= 2:
            assert torch.equal(later[i - 2][0], x)
        assert torch.equal(torch.cat([shares[0][i][0], shares[1][i][0]]), x)
        assert torch.equal(torch.cat([shares[0][i][1], shares[1][i][1]]), y)
    other_epoch = next(images.epoch(4, 24, 0, 0, 1))
    assert not torch.equal(other_epoch[1], alone[0][1])
    labels = torch.cat([y for _, y in alone])
    assert len(labels) == 96
    if not crops:
        seen = {x.numpy().astype(np.uint8).tobytes() for batch, _ in alone for x in batch}
        assert len(seen) == len({x.tobytes() for x in images.x_train}) - 4, "no image comes twice in an epoch"


def test_processes_judge_every_image_once(own_cache):
    images = load_arrays("digits", None, **ALL)
    parts = [torch.cat([y for _, y in images.judge("test", 50, rank, 3)]) for rank in range(3)]
    assert sorted(torch.cat(parts).tolist()) == sorted(images.judged["test"][1].tolist())


def test_the_scale_is_that_of_the_training_pixels(own_cache):
    images = load_arrays("digits", None, **ALL | {"n_images": 70})
    mean, deviation = images.scale()
    assert mean.item() == pytest.approx(images.x_train.mean())
    assert deviation.item() == pytest.approx(images.x_train.std())


def test_validation_images_come_from_neither_training_nor_test(own_cache):
    images = load_arrays("digits", None, **ALL | {"validation": 200})
    whole = load_arrays("digits", None, **ALL)
    assert images.parts == ("test", "validation")
    assert (images.n_train, len(images.judged["validation"][1])) == (whole.n_train - 200, 200)
    np.testing.assert_array_equal(images.judged["test"][0], whole.judged["test"][0])
    together = np.concatenate([images.x_train, images.judged["validation"][0]]).reshape(whole.n_train, -1)
    expected = whole.x_train.reshape(whole.n_train, -1)
    np.testing.assert_array_equal(together[np.lexsort(together.T)], expected[np.lexsort(expected.T)])
    with pytest.raises(Mistake, match=r"--validation is 1437"):
        load_arrays("digits", None, **ALL | {"validation": 1437})
