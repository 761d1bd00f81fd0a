"""Folders of one's own images."""

import numpy as np
import pytest
import torch
from PIL import Image

from repro.errors import Mistake
from repro.weight_alignment.deep_folder import load_folder, middle, random_part, read_image

WHOLE = {"n_images": 0, "per_class": 0, "n_test": 0, "side": 16, "workers": 0, "seed": 0}


@pytest.fixture
def folder(tmp_path):
    """Two classes of single colours, six training images each, and two to be judged."""
    for part, number in (("train", 6), ("val", 2)):
        for name, colour in (("blue", (10, 20, 200)), ("red", (210, 30, 40))):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(number):
                size = 20 + i, 30 - i
                Image.new("RGB", size, colour).save(tmp_path / part / name / f"{i}.jpg", quality=95)
    return tmp_path


def test_colours_and_classes_arrive(folder):
    images = load_folder(folder, **WHOLE)
    assert (images.n_train, images.classes, images.facts["test"]) == (12, 2, 4)
    for x, y in [*images.epoch(0, 4, 0, 0, 1), *images.judge("test", 3, 0, 1)]:
        assert x.shape[1:] == (3, 16, 16)
        for image, label in zip(x, y, strict=True):
            expected = torch.tensor([[10.0, 20, 200], [210, 30, 40]][int(label)])
            # JPEG at quality 95 keeps a single colour to a few levels
            assert (image.mean((1, 2)) - expected).abs().max() < 4


def test_workers_change_nothing(folder):
    rng = np.random.default_rng(0)
    for path in folder.glob("*/*/*.jpg"):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(path)
    without, with_two = (list(load_folder(folder, **WHOLE | {"workers": n}).epoch(1, 4, 1, 0, 1)) for n in (0, 2))
    assert len(without) == 2
    for (x, y), (other_x, other_y) in zip(without, with_two, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_every_part_is_drawn_anew_whoever_reads_it(folder):
    """The same picture everywhere: what differs is the part of it. Later starts and other processes draw the same."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for path in folder.glob("train/*/*.jpg"):
        Image.fromarray(picture).save(path)
    images = load_folder(folder, **WHOLE)
    first, second = ([x for x, _ in images.epoch(epoch, 4, 0, 0, 1)] for epoch in (0, 1))
    assert len({image.numpy().tobytes() for image in torch.cat(first + second)}) == 24
    assert torch.equal(next(images.epoch(0, 4, 2, 0, 1))[0], first[2])
    shares = [next(images.epoch(0, 4, 1, rank, 2))[0] for rank in (0, 1)]
    assert torch.equal(torch.cat(shares), first[1])


def test_the_middle_is_the_middle(tmp_path):
    """A white square on black that fills just what is judged."""
    picture = np.zeros((80, 128, 3), np.uint8)
    picture[5:75, 29:99] = 255  # 70 = 80 · 224/256
    Image.fromarray(picture).save(tmp_path / "x.png")
    assert middle((128, 80)) == (29, 5, 99, 75)
    inside = read_image(tmp_path / "x.png", 70, None)
    assert inside.shape == (3, 70, 70)
    assert (inside == 255).all()


def test_random_parts_lie_inside_with_the_areas_and_shapes_said():
    rng = np.random.default_rng(0)
    for size in [(100, 60), (40, 90)]:
        for _ in range(200):
            left, top, right, bottom = random_part(size, rng)
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]
            wide, high = right - left, bottom - top
            if (wide, high) != size:
                assert 0.08 - 1e-9 <= wide * high / (size[0] * size[1]) <= 1
                assert 3 / 4 - 1e-9 <= wide / high <= 4 / 3 + 1e-9


def test_half_of_the_training_images_are_mirrored(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    Image.fromarray(ramp).save(tmp_path / "x.png")
    falls = 0
    for seed in range(200):
        crop = read_image(tmp_path / "x.png", 8, np.random.default_rng(seed)).astype(float)
        falls += crop[0, 0, 0] > crop[0, 0, -1]
    assert abs(falls - 100) < 5 * 50**0.5  # five standard deviations of 200 fair throws


def test_what_is_missing_is_named(folder):
    with pytest.raises(Mistake, match=r"needs train/CLASS"):
        load_folder(folder / "train", **WHOLE)
    (folder / "val" / "green").mkdir()
    with pytest.raises(Mistake, match="'green'"):
        load_folder(folder, **WHOLE)
    (folder / "val" / "green").rmdir()
    broken = folder / "train" / "red" / "0.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    for workers in (0, 1):
        images = load_folder(folder, **WHOLE | {"workers": workers})
        with pytest.raises(Mistake, match=r"^\S*red/0\.jpg can't be read as an image"):
            list(images.epoch(0, 12, 0, 0, 1))
