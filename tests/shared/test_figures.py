"""Digest and HTML of figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from repro import figures


def drawn(values, kind="plot", size=(4, 3), colour="k"):
    fig, axes = plt.subplots(figsize=size)
    if kind == "plot":
        axes.plot(values, color=colour)
    elif kind == "bar":
        axes.bar(range(len(values)), values, color=colour)
    elif kind == "band":
        axes.fill_between(range(len(values)), values, color=colour)
    elif kind == "scatter":
        axes.scatter(range(len(values)), values, color=colour)
    else:
        axes.imshow(np.array([values]))
    digest = figures.digest(fig)
    plt.close(fig)
    return digest


@pytest.mark.parametrize("kind", ["plot", "bar", "band", "scatter", "image"])
def test_digest_sees_the_numbers_and_not_the_looks(kind):
    values = [1.0, 2.0, 3.5]
    assert drawn(values, kind) == drawn(values, kind, size=(8, 8), colour="r")
    assert drawn(values, kind) != drawn([1.0, 2.0, 3.6], kind)


def test_digest_forgives_rounding():
    values = np.array([1.23, 2.0, 3.5])
    assert drawn(values) == drawn(values * (1 + 1e-9))
    assert drawn([0.0, 1.0]) == drawn([-0.0, 1.0])


def test_a_large_drawing_becomes_png_and_a_small_one_stays_svg():
    fig, axes = plt.subplots()
    axes.plot([1, 2])
    assert "data:image/svg+xml" in figures.to_html(fig, "a", "alt", "caption", {"n": 3})
    fig, axes = plt.subplots()
    axes.scatter(*np.random.default_rng(0).random((2, 20_000)))
    assert "data:image/png" in figures.to_html(fig, "a", "alt", "caption", {})


def test_a_figure_without_alt_text_is_refused():
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="figure a: alt text"):
        figures.to_html(fig, "a", " ", "caption", {})
    plt.close(fig)


def test_text_of_readers_is_escaped():
    fig, _ = plt.subplots()
    shown = figures.to_html(fig, "a", 'x < "y"', "<script>", {"data": "<b>"})
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;" in shown


GROUPS = [np.array([1.0, 2.0, 3.5]), np.array([4.0, 4.5]), np.array([7.0])]


def t_interval(samples):
    """Half the 95 % interval by scipy; 0 for a single sample."""
    if len(samples) < 2:
        return 0.0
    return stats.sem(samples) * stats.t.ppf(0.975, len(samples) - 1)


def test_a_band_is_drawn_at_means_and_intervals():
    fig, axes = plt.subplots()
    figures.band(axes, [1, 2, 3], GROUPS, "k", "three")
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [np.mean(g) for g in GROUPS])
    drawn_edges = axes.collections[0].get_paths()[0].vertices
    for x, group in zip([1, 2, 3], GROUPS, strict=True):
        at_x = drawn_edges[drawn_edges[:, 0] == x, 1]
        assert at_x.max() - at_x.min() == pytest.approx(2 * t_interval(group))
    plt.close(fig)


@pytest.mark.parametrize("across", [False, True])
def test_bars_are_drawn_at_means_and_intervals_upright_or_across(across):
    fig, axes = plt.subplots()
    figures.bars(axes, [1, 2, 3], GROUPS, "k", across=across)
    points, values = axes.lines[0].get_xydata().T[:: -1 if across else 1]
    np.testing.assert_allclose(points, [1, 2, 3])
    np.testing.assert_allclose(values, [np.mean(g) for g in GROUPS])
    lengths = [np.ptp(np.asarray(segment)[:, 0 if across else 1]) for segment in axes.collections[0].get_segments()]
    np.testing.assert_allclose(lengths, [2 * t_interval(g) for g in GROUPS])
    plt.close(fig)
