"""Measures on fields whose values are known."""

import numpy as np
import pytest

from repro.nonlinear_hebbian import measures
from repro.nonlinear_hebbian.patterns import Shape, gabors

SIDE = 16


def dot(at=100):
    field = np.zeros((1, SIDE**2))
    field[0, at] = 2.0
    return field


NOISE = np.random.default_rng(0).standard_normal((200, SIDE**2))
EDGE = gabors([Shape(1.5, 3.0, 0.2, orientation=0.7)], SIDE)
GRATING = gabors([Shape(1e3, 1e3, 0.2, orientation=0.7)], SIDE)


def test_participation_ratios_of_a_pixel_an_even_field_and_noise():
    assert measures.participation_ratio(dot()) == pytest.approx(1 / SIDE**2)
    assert measures.participation_ratio(-np.ones((1, SIDE**2))) == pytest.approx(1)
    # 1/3 for Gaussian numbers; the mean over 200 fields errs by 0.03/√200
    assert measures.participation_ratio(NOISE).mean() == pytest.approx(1 / 3, abs=0.01)


def test_participation_does_not_depend_on_scale():
    assert np.allclose(measures.participation_ratio(NOISE), measures.participation_ratio(-7 * NOISE))


def test_anisotropy_of_a_dot_noise_and_a_grating():
    assert measures.orientation_anisotropy(dot())[0] < 0.01  # one of 256 frequencies has no partner
    assert measures.orientation_anisotropy(NOISE).mean() < 0.15
    assert measures.orientation_anisotropy(GRATING)[0] > measures.ANISOTROPY  # its waves do not end at the border


def test_anisotropy_stays_when_a_field_is_turned_by_90_degrees_or_moved():
    turned = np.rot90(EDGE.reshape(SIDE, SIDE)).reshape(1, -1)
    moved = np.roll(EDGE.reshape(SIDE, SIDE), (3, 5), (0, 1)).reshape(1, -1)
    for other in (turned, moved):
        assert measures.orientation_anisotropy(other) == pytest.approx(measures.orientation_anisotropy(EDGE))


def test_only_an_edge_meets_all_three():
    blob = gabors([Shape(2.0, 2.0, 0.0)], SIDE)
    fields = np.concatenate([EDGE, dot(), GRATING, blob, NOISE[:5]])
    assert measures.localized_and_oriented(fields).tolist() == [True] + 8 * [False]


def test_each_measure_alone_is_fooled():
    from repro.nonlinear_hebbian.gabor import gabor_fit

    assert gabor_fit(dot()).r2[0] > measures.GABOR_R2
    assert measures.participation_ratio(dot())[0] < measures.PARTICIPATION
    assert measures.orientation_anisotropy(GRATING)[0] > measures.ANISOTROPY


def test_excess_kurtosis_of_known_densities():
    rng = np.random.default_rng(0)
    x = np.stack([rng.standard_normal(400_000), rng.laplace(size=400_000), rng.uniform(size=400_000)], axis=1)
    # a Laplacian's fourth moment has a large variance: standard error about 0.06
    assert np.allclose(measures.excess_kurtosis(x), [0, 3, -1.2], atol=0.25)


def test_twins_are_found_whatever_their_sign():
    fields = np.concatenate([NOISE[:3], -2 * NOISE[:1] + 0.01 * NOISE[5:6]])
    assert measures.duplicates(fields).tolist() == [True, False, False, True]
    assert measures.largest_overlap(fields)[0] == pytest.approx(1, abs=1e-3)
