"""Digest and HTML of figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

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
