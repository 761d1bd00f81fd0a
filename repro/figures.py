"""One style for the book's figures, their captions, and the digest of what they plot."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from repro.arrays import Numbers
from repro.claims import intervals

# Okabe and Ito's colours, told apart by colour-blind readers; yellow left out, too pale on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
RULE_COLOURS = {
    "BP": "#000000",
    "FA": "#E69F00",
    "WM": "#D55E00",
    "IA": "#CC79A7",
    "SA": "#0072B2",
    "AA": "#56B4E9",
    "KP": "#009E73",
    "frozen": "#777777",
}
KIND_COLOURS = {
    "null": "#777777",
    "bcm": "#000000",
    "pair": "#E69F00",
    "pair-free": "#D55E00",
    "triplet": "#0072B2",
    "voltage": "#009E73",
    "valley": "#CC79A7",
    "own": "#56B4E9",
}
"""Kinds of spike-timing rules."""
LEARNER_COLOURS = {
    "frozen": "#777777",
    "Hebb": "#8C564B",
    "Oja": "#B2DF8A",
    "Sanger": "#CC79A7",
    "NP": "#56B4E9",
    "DFA": "#D55E00",
    "FA": "#E69F00",
    "sign": "#009E73",
    "BP": "#000000",
}
"""What teaches hidden layers, from no third factor to the exact vector."""
PAPER, STORED, LIVE = "#777777", "--", "-"
"""How the three sources of a curve are told apart: the paper's in grey, a stored run dashed, the live run solid."""

SVG_LIMIT_BYTES = 250_000  # a larger drawing is shown as PNG

STYLE: dict[str, Any] = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "repro",
}


def use_style() -> None:
    """Draw in the book's style from here on, and leave showing figures to ``run.figure``."""
    plt.switch_backend("agg")  # the notebook's own backend would show a figure that goes on in the next cell
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]


def band(
    axes: Axes, x: Sequence[float] | np.ndarray, groups: Iterable[Numbers], colour: str, label: str | None, **how: Any
) -> None:
    """A line of means with the band of their 95 % intervals; one group of samples for each x.

    ``how`` are further arguments of ``axes.plot``.
    """
    middle, low, high = intervals(groups)
    looks: dict[str, Any] = {"marker": "o", "ms": 3.5} | how
    axes.plot(x, middle, color=colour, label=label, **looks)
    axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)


def bars(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    groups: Iterable[Numbers],
    colour: str,
    label: str | None = None,
    *,
    across: bool = False,
    **how: Any,
) -> None:
    """Means with their 95 % intervals as bars; one group of samples for each x.

    With ``across`` the bars lie, and ``x`` are the rows. ``how`` are further arguments of ``axes.errorbar``.
    """
    middle, low, high = intervals(groups)
    lengths = np.array([middle - low, high - middle])
    looks: dict[str, Any] = {"fmt": "o", "ms": 4, "lw": 1.2, "color": colour, "label": label} | how
    if across:
        axes.errorbar(middle, x, xerr=lengths, **looks)
    else:
        axes.errorbar(x, middle, yerr=lengths, **looks)


def mosaic(fields: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Square fields (n, pixels) side by side in rows, each scaled to its own largest strength; gaps are NaN.

    Show it with ``imshow(…, cmap="gray", vmin=-1, vmax=1)``, so that grey is zero.
    """
    side = round(fields.shape[1] ** 0.5)
    rows = -(-len(fields) // columns)
    canvas = np.full((rows * (side + gap) - gap, columns * (side + gap) - gap), np.nan)
    for index, each in enumerate(fields):
        top, left = (position * (side + gap) for position in divmod(index, columns))
        scaled = each.reshape(side, side) / max(float(abs(each).max()), 1e-30)
        canvas[top : top + side, left : left + side] = scaled
    return canvas


def plotted_arrays(fig: Figure) -> Iterator[np.ndarray]:
    """The arrays that a figure draws, axes by axes: lines, points, bars and areas, images."""
    for axes in fig.axes:
        for line in axes.get_lines():
            yield np.asarray(line.get_xydata(), dtype=float)
        for collection in axes.collections:
            yield np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
            for path in collection.get_paths():
                yield np.asarray(path.vertices, dtype=float)
            array = collection.get_array()
            if array is not None:
                yield np.ma.filled(np.ma.asarray(array, dtype=float), np.nan)
        for patch in axes.patches:
            yield np.asarray(patch.get_path().transformed(patch.get_patch_transform()).vertices, dtype=float)
        for image in axes.get_images():
            yield np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)


def digest(fig: Figure, digits: int = 4) -> str:
    """Sha256 over the plotted arrays, rounded to ``digits`` significant digits; pixels, fonts and sizes don't enter."""
    total = hashlib.sha256()
    for array in plotted_arrays(fig):
        text = " ".join(f"{value:.{digits - 1}e}" for value in (array + 0.0).ravel())
        total.update(f"{array.shape} {text};".encode())
    return total.hexdigest()


def _image(fig: Figure) -> tuple[str, bytes]:
    """Type and bytes of the drawing: SVG where it stays small."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    if len(buffer.getvalue()) <= SVG_LIMIT_BYTES:
        return "image/svg+xml", buffer.getvalue()
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    return "image/png", buffer.getvalue()


def to_html(fig: Figure, label: str, alt: str, caption: str, facts: Mapping[str, object]) -> str:
    """A figure as HTML that stands alone: drawing, alt text, caption, and where it comes from. Closes the figure."""
    if not alt.strip() or not caption.strip():
        raise ValueError(f"figure {label}: alt text and caption must not be empty")
    kind, content = _image(fig)
    plt.close(fig)
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    where = " · ".join(f"{name} {value}" for name, value in facts.items())
    return (
        f'<figure class="repro-figure" id="{html.escape(label)}">'
        f'<img src="{source}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(caption)}<br>"
        f'<span class="repro-facts">{html.escape(where)}</span></figcaption></figure>'
    )
