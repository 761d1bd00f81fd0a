"""Sampling and whitening against their definitions, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import Mistake
from repro.nonlinear_hebbian.patches import coloured, rewhiten, sample_patches, whiten


def smooth_images(n=3, size=60, seed=0):
    rng = np.random.default_rng(seed)
    return [np.cumsum(np.cumsum(rng.standard_normal((size, size + k)), 0), 1) for k in range(n)]


@settings(max_examples=10, deadline=None)
@given(keep=st.integers(2, 40), contrast=st.sampled_from([0.0, 0.3]), seed=st.integers(0, 99))
def test_components_are_exactly_white(keep, contrast, seed):
    white = whiten(sample_patches(smooth_images(seed=seed), 8, 2000, seed), keep, contrast=contrast)
    second = white.components.T.astype(float) @ white.components / 2000
    assert abs(white.components.mean(0)).max() < 1e-3  # sums of 2,000 float32
    assert abs(second - np.eye(keep)).max() < 2e-3


def test_fields_keep_norms_and_overlaps_of_the_weights_and_come_back():
    white = whiten(sample_patches(smooth_images(), 8, 2000, 0), 20)
    weights = np.random.default_rng(1).standard_normal((5, 20)).astype(np.float32)
    fields = white.to_pixels(weights)
    assert np.allclose(fields @ fields.T, weights @ weights.T, atol=1e-4)
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    assert np.allclose(white.from_pixels(3 * fields), unit, atol=1e-5)


@pytest.mark.parametrize("contrast", [0.0, 0.3])
def test_held_out_patches_get_the_coordinates_of_those_that_were_whitened(contrast):
    patches = sample_patches(smooth_images(), 8, 2000, 0)
    white = whiten(patches, 20, contrast=contrast)
    assert np.allclose(white.apply(patches[:100]), white.components[:100], atol=1e-3)


def test_the_mean_of_a_patch_does_not_matter():
    patches = sample_patches(smooth_images(), 8, 500, 0)
    lifted = patches + np.random.default_rng(0).normal(0, 100, (500, 1)).astype(np.float32)
    first, second = (whiten(each, 10).components for each in (patches, lifted))
    assert np.allclose(abs(first), abs(second), atol=5e-3)  # a mean of 100 costs float32 two digits


def test_contrast_normalisation_makes_strong_and_weak_patches_alike():
    rng = np.random.default_rng(0)
    patches = rng.standard_normal((4000, 16)) * np.exp(rng.normal(0, 1.5, (4000, 1)))
    plain, normal = (whiten(patches, 10, contrast=c).components for c in (0.0, 0.01))
    tails = [(each**4).mean() / (each**2).mean() ** 2 for each in (plain, normal)]
    assert tails[0] > 20  # e^{1.5 N} gives kurtosis in the hundreds
    assert tails[1] == pytest.approx(3 * 16 / 18, rel=0.1)  # of a direction on a sphere of 15 or 16 dimensions


def test_components_that_are_not_equalised_keep_their_proportions():
    patches = sample_patches(smooth_images(), 8, 2000, 0)
    plain = whiten(patches, 10, equalise=False).components.astype(float)
    centred = patches - patches.mean(1, keepdims=True)
    values = np.linalg.eigvalsh(np.cov(centred.T.astype(float), bias=True))[::-1][:10]
    assert np.allclose(plain.var(0), values / values.mean(), rtol=1e-3)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_a_coloured_spectrum_falls_with_its_exponent(exponent):
    rng = np.random.default_rng(0)
    white = whiten(rng.standard_normal((20_000, 64)), 60)
    tinted = coloured(white, exponent)
    assert (tinted.components**2).sum() == pytest.approx((white.components**2).sum(), rel=1e-3)
    power = abs(np.fft.fft2(white.vectors.T.reshape(-1, 8, 8))) ** 2
    radius = np.hypot(np.fft.fftfreq(8)[:, None], np.fft.fftfreq(8)[None, :])
    frequency = (power * radius).sum((1, 2)) / power.sum((1, 2))
    slope = np.polyfit(np.log(frequency), np.log(tinted.components.std(0)), 1)[0]
    assert slope == pytest.approx(-exponent, abs=1e-3)


def test_rewhitening_is_exact_and_moves_white_data_hardly():
    x = np.random.default_rng(0).standard_normal((5000, 12)).astype(np.float32)
    again = rewhiten(x)
    assert abs(again.T @ again / 5000 - np.eye(12)).max() < 1e-4
    assert abs(again - x).mean() < 0.05  # covariances of 5,000 samples err by 1/√5000 = 0.014 an entry


def test_every_place_of_every_image_is_drawn_from():
    images = [np.arange(30.0).reshape(5, 6), 100 + np.arange(20.0).reshape(4, 5)]
    patches = sample_patches(images, 3, 4000, 0)
    firsts, counts = np.unique(patches[:, 0], return_counts=True)
    places = {
        float(image[r, c]) for image in images for r in range(image.shape[0] - 2) for c in range(image.shape[1] - 2)
    }
    assert set(firsts.tolist()) == places
    # 18 places, 222 draws each, binomial: 5 sigma are 73
    assert abs(counts - 4000 / len(places)).max() < 73
    assert np.array_equal(
        patches[0].reshape(3, 3) - patches[0, 0],
        images[int(patches[0, 0] >= 100)][:3, :3] - images[int(patches[0, 0] >= 100)][0, 0],
    )


def test_a_margin_is_never_seen():
    image = np.ones((20, 20))
    image[4:-4, 4:-4] = np.random.default_rng(0).random((12, 12))
    assert (sample_patches([image], 5, 1000, 0, margin=4) != 1).all()


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([np.zeros((4, 40))], "image 0 has 4 × 40 pixels; a patch of 5 × 5 does not fit"),
        ([np.eye(9), np.full((9, 9), 2.0)], "image 1 is constant: all its pixels are 2"),
        ([np.full((9, 9), np.nan)], "image 0 holds NaN"),
        ([], "there are none"),
    ],
)
def test_images_without_patches_are_refused_by_number(images, says):
    with pytest.raises(Mistake, match="image") as caught:
        sample_patches(images, 5, 10, 0)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("patches", "keep", "says"),
    [
        (np.ones((50, 9)), 3, "all 50 are alike"),
        (np.full((50, 9), np.inf), 3, "50 of 50 hold NaN or infinity"),
        (np.random.default_rng(0).random((50, 9)), 9, "these patches have 1 to 8"),
        (np.random.default_rng(0).random((50, 9)), 0, "0 components asked for"),
    ],
)
def test_patches_that_cannot_be_whitened_are_refused(patches, keep, says):
    with pytest.raises(Mistake) as caught:
        whiten(patches, keep)
    assert says in str(caught.value)
