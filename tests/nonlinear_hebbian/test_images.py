"""Image sets and preprocessing: what is read, what is refused, what filters do."""

import os

import numpy as np
import pytest
from PIL import Image
from skimage import data as skimage_data

from repro.data import available
from repro.errors import Mistake
from repro.nonlinear_hebbian import preprocessing
from repro.nonlinear_hebbian.images import ImageSet, load_images

MIRROR = bool(os.environ.get("REPRO_DATA_DIR"))


def picture(size=(40, 50), seed=0):
    return np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)


def test_the_bundled_photographs_are_those_of_the_packages():
    found = load_images("photographs")
    assert len(found.images) == 8
    camera = found.images[found.names.index("camera.png")]
    assert np.array_equal(camera, skimage_data.camera())
    astronaut = found.images[found.names.index("astronaut.png")]
    assert np.allclose(astronaut, skimage_data.astronaut() @ [0.299, 0.587, 0.114], atol=1e-3)
    assert "CC0" in found.facts["licence"]


@pytest.mark.skipif(not MIRROR, reason="REPRO_DATA_DIR is not set")
@pytest.mark.parametrize(
    ("name", "n", "shape"), [("bsds", 30, (321, 481)), ("olshausen", 10, (496, 496)), ("vanhateren", 1, (1024, 1536))]
)
def test_the_mirrors_sets_have_their_images(name, n, shape):
    found = load_images(name)
    assert len(found.images) == n
    assert all(sorted(image.shape) == sorted(shape) for image in found.images)
    assert found.whitened == (name == "olshausen")


@pytest.mark.skipif(not MIRROR, reason="REPRO_DATA_DIR is not set")
def test_the_whitened_images_have_the_variance_that_their_source_states():
    found = load_images("olshausen")
    # 0.0791 over whole images; 8 pixels at each border are cut off here, 6 % of the area
    assert np.mean([image.var() for image in found.images]) == pytest.approx(0.0791, rel=0.05)


def test_a_folder_is_read_in_order_and_in_grey(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "b.png")
    colour = np.stack([picture(seed=seed) for seed in (1, 2, 3)], axis=2)
    Image.fromarray(colour).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    found = load_images(str(tmp_path))
    assert found.names == ("a.png", "b.png")
    assert np.allclose(found.images[0], colour @ [0.299, 0.587, 0.114], atol=1e-3)
    assert np.array_equal(found.images[1], picture())


def test_sixteen_bits_are_kept(tmp_path):
    deep = (picture().astype(np.uint16) * 200) + 7
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.array_equal(load_images(str(tmp_path)).images[0], deep)


def fill(folder, kind):
    if kind == "small":
        Image.fromarray(picture((10, 50))).save(folder / "s.png")
    if kind == "constant":
        Image.fromarray(np.full((40, 40), 9, np.uint8)).save(folder / "c.png")
    if kind == "broken":
        (folder / "x.jpg").write_bytes(b"no picture at all")
    if kind == "cut off":
        Image.fromarray(picture((300, 300))).save(folder / "y.png")
        whole = (folder / "y.png").read_bytes()
        (folder / "y.png").write_bytes(whole[: len(whole) // 2])
    if kind == "not finite":
        Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(folder / "n.tiff")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("empty", "holds no image"),
        ("small", "s.png has 10 × 50 pixels, less than a patch of 16 × 16"),
        ("constant", "c.png is constant"),
        ("broken", "x.jpg can't be read as an image"),
        ("cut off", "y.png can't be read as an image"),
        ("not finite", "n.tiff holds NaN"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(tmp_path, kind, says):
    fill(tmp_path, kind)
    with pytest.raises(Mistake) as caught:
        load_images(str(tmp_path))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_named_with_what_else_there_is():
    with pytest.raises(Mistake, match=r"images is 'holiday'.*photographs, bsds"):
        load_images("holiday")


def test_the_bundled_set_is_always_available():
    assert available("photographs")


def test_the_filter_multiplies_a_wave_by_its_gain():
    x = np.arange(64)
    wave = np.cos(2 * np.pi * 0.125 * (x + 0.5))  # even at both mirrored borders, so that it is one frequency
    image = np.tile(wave, (48, 1))
    filtered = preprocessing.frequency_filter(image, 1.0, 0.4)
    assert np.allclose(filtered, 0.125 * np.exp(-((0.125 / 0.4) ** 4)) * image, atol=1e-9)


def test_the_filter_whitens_a_spectrum_that_falls_as_one_over_the_frequency():
    rng = np.random.default_rng(0)
    radius = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None, :])
    radius[0, 0] = 1
    image = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((256, 256))) / radius)
    power = abs(np.fft.rfft2(preprocessing.frequency_filter(image, 1.0, 0.4))) ** 2
    low, high = (power[(radius > a) & (radius < b)].mean() for a, b in ((0.03, 0.08), (0.1, 0.2)))
    assert low / high == pytest.approx(1, abs=0.3)  # before it, 13; mirrored borders leave some


def test_blocks_are_averaged_and_the_rest_cut_off():
    image = np.arange(35.0).reshape(5, 7)
    assert np.array_equal(preprocessing.block_average(image, 2)[0, :2], [(0 + 1 + 7 + 8) / 4, (2 + 3 + 9 + 10) / 4])
    assert preprocessing.block_average(image, 2).shape == (2, 3)


def test_regions_share_no_pixel_and_leave_none_out():
    images = [np.arange(200.0).reshape(10, 20) + 1000 * k for k in range(3)]
    learning, rest = preprocessing.split_regions(images)
    for image, one, other in zip(images, learning, rest, strict=True):
        assert sorted([*one.ravel(), *other.ravel()]) == image.ravel().tolist()
        assert other.shape[1] == 5


def test_every_prepared_image_has_the_same_contrast():
    found = preprocessing.prepare(load_images("photographs"))
    assert np.allclose([image.std() for image in found], 1, atol=1e-4)
    assert found[0].shape == (256, 256)


def test_whitened_images_are_left_as_they_are():
    image = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    (found,) = preprocessing.prepare(ImageSet("x", "x", (image,), ("x",), whitened=True))
    assert np.allclose(found, image / image.std(), atol=1e-5)


def test_an_image_that_the_recipe_makes_too_small_is_named():
    with pytest.raises(Mistake, match="tiny has 20 × 40 pixels; reduced by 2"):
        preprocessing.prepare(ImageSet("x", "x", (np.eye(20, 40, dtype=np.float32),), ("tiny",)))


def test_a_turned_image_shows_no_border():
    image = np.tile(np.arange(60.0, dtype=np.float32), (60, 1))
    turned = preprocessing.rotated(image, 45.0)
    inner = turned[5:-5, 5:-5]
    down, right = np.gradient(inner)
    # a ramp stays a ramp, of the same steepness
    assert np.allclose(np.hypot(down, right), 1, atol=0.02)


def test_a_held_out_region_too_narrow_is_refused_before_anything_is_learned():
    image = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    learning, rest = preprocessing.split_regions([image, image], least=20)
    assert [part.shape for part in (*learning, *rest)] == [(60, 60)] * 2 + [(60, 20)] * 2
    with pytest.raises(Mistake, match=r"held out of image 0 has 60 × 20 pixels .* 21 × 21 are needed"):
        preprocessing.split_regions([image, image], least=21)
