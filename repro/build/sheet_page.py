"""The note's map to play with: sliders for k, a and b, redrawn by the browser alone, without server or network.

The formula stands once in JavaScript, below; the tests compare it with ``repro.multifactor.sheet.index_map``.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import matplotlib as mpl
import numpy as np
from bokeh.embed import components
from bokeh.models import Button, ColumnDataSource, CustomJS, LinearColorMapper, Slider
from bokeh.plotting import figure
from bokeh.resources import Resources
from matplotlib.colors import to_hex

from repro.figures import COLOURS
from repro.multifactor.sheet import SPACING, index_map

SIDE = 79  # indices a side: 6 columns but for 7.6e-4 of one
SHOWN, COUNTED, BINS = 53, 790, 18  # indices of the curve and of the density of theta; bins of 10 degrees
HEIGHT = 300  # pixels of a drawing at its natural size

FORMULA = """
/* the note's four lines; halves are rounded up, as in Python's index_map */
function indexMap(i, j, k, a, b) {
  const x = Math.floor(i / k + 0.5), y = Math.floor(j / k + 0.5);
  const r = i / k - x, s = j / k - y;
  return [x, y, a * r + b * (r * r), a * s + b * (s * s)];
}
function circle(angle, period) { return angle - period * Math.floor(angle / period); }
function distance(angle, period) { return Math.abs(angle - period * Math.round(angle / period)); }
"""

REDRAW = """
const k = k_slider.value, a = Math.PI * a_slider.value, b = Math.PI * b_slider.value;
const theta = sheets.data.theta[0], phase = sheets.data.phase[0];  // written over in place: they know their shape
const counts = Array(bins).fill(0), first = [], borders = [];
let columns = 0;
for (let i = 0; i < side; i++) {
  const [x, , t, p] = indexMap(i, i, k, a, b);
  if (x > columns) borders.push(i - 0.5);
  columns = Math.max(columns, x);
  first.push(t);
  for (let j = 0; j < side; j++) {
    theta[j * side + i] = circle(t, Math.PI);
    phase[i * side + j] = circle(p, 2 * Math.PI);
  }
}
for (let i = 0; i < counted; i++) {
  const angle = circle(indexMap(i, 0, k, a, b)[2], Math.PI);
  counts[Math.min(bins - 1, Math.floor(angle / Math.PI * bins))] += 1;
}
sheets.change.emit();
const index = first.slice(0, shown).map((_, i) => i);
curve.data = {i: index, theta: first.slice(0, shown)};
const left = counts.map((_, n) => n * 180 / bins);
bars.data = {left: left, right: left.map(v => v + 180 / bins), top: counts};
const low = borders.map(() => -0.5), high = borders.map(() => side - 0.5);
lines.data = {x0: [...borders, ...low], x1: [...borders, ...high], y0: [...low, ...borders], y1: [...high, ...borders]};
const jump = [Math.PI, 2 * Math.PI].map(period => distance(a, period).toFixed(3));
const one = Math.abs(b) <= Math.abs(a) && a != 0 ? "one to one inside a column" : "not one to one inside a column";
document.getElementById("sheet-says").textContent =
  `k = ${k.toFixed(3)}, a = ${a_slider.value.toFixed(2)} π, b = ${b_slider.value.toFixed(2)} π: ` +
  `${columns + 1} × ${columns + 1} columns on ${side} × ${side} indices; ${one}; ` +
  `jump at a border ${jump[0]} rad modulo π (theta), ${jump[1]} rad modulo 2π (phase); ` +
  `${Math.min(...counts)} to ${Math.max(...counts)} of ${counted} indices in a bin of theta.`;
"""

LABELS = """
/* names for the handles, which stand inside shadow roots, and the first drawing, once they are there */
(function name(tries) {
  const found = [], look = root => root.querySelectorAll("*").forEach(each => {
    if (each.matches("[role=slider]")) found.push(each);
    if (each.shadowRoot) look(each.shadowRoot);
  });
  look(document.getElementById("sheet-controls"));
  const names = ["k, indices a column", "a, in units of pi", "b, in units of pi"];
  if (found.length < names.length) { if (tries) setTimeout(() => name(tries - 1), 100); return; }
  found.forEach((handle, n) => handle.setAttribute("aria-label", names[n]));
  const models = Bokeh.documents.map(d => d.get_model_by_name("redraw")).filter(m => m);
  models[0].execute(models[0]);
  document.getElementById("sheet-map").dataset.ready = "yes";
})(200);
"""

STYLE = """
#sheet-map { background: #fff; color: #000; color-scheme: light; border-radius: 6px; padding: .8rem; margin: 1rem 0; }
#sheet-controls, #sheet-drawings { display: grid; gap: .8rem 1.2rem; }
#sheet-controls { grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); align-items: end; }
#sheet-drawings { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
#sheet-drawings figure { margin: 0; min-width: 0; }
#sheet-map figure figcaption, #sheet-says { color: #000 !important; font-size: .9rem; font-weight: 400; }
#sheet-map figure figcaption { text-align: left; }
#sheet-says { min-height: 4.5em; margin: .8rem 0; }
"""

DRAWINGS = {
    "theta": "[N] theta of each unit, modulo π, in the colours of a circle; [I] read as orientation. Lines: borders.",
    "phase": "[N] The fourth coordinate, modulo 2π, in the colours of a circle; [I] read as phase.",
    "curve": "[N] theta along i over the first columns, in radians; it starts again at each border.",
    "density": "[E] The first 790 indices by theta modulo π, in bins of 10 degrees; at b = 0 the bins fill evenly.",
}
"""What each drawing shows, with the grade of what it shows: N note, E exact, I interpretation."""


def _plot(title: str, x: str, y: str, **options: object) -> figure:
    drawing = figure(
        title=title, toolbar_location=None, tools="", height=HEIGHT, width=HEIGHT, sizing_mode="scale_width", **options
    )
    drawing.xaxis.axis_label, drawing.yaxis.axis_label = x, y
    drawing.grid.grid_line_color = "#e6e6e6"
    return drawing


def _sheet(title: str, field: str, high: float, sources: dict[str, ColumnDataSource]) -> figure:
    """A square of side × side units and the borders of its columns."""
    drawing = _plot(title, "i", "j", x_range=(-0.5, SIDE - 0.5), y_range=(-0.5, SIDE - 0.5))
    wheel = [to_hex(mpl.colormaps["twilight"](v)) for v in np.linspace(0, 1, 128)]
    mapper = LinearColorMapper(palette=wheel, low=0, high=high)
    drawing.image(field, x="x", y="y", dw="size", dh="size", source=sources["sheets"], color_mapper=mapper)
    drawing.segment("x0", "y0", "x1", "y1", source=sources["lines"], line_color="black", line_width=1)
    return drawing


def _drawings(sources: dict[str, ColumnDataSource]) -> dict[str, figure]:
    curve = _plot("theta along i", "i", "theta (rad)")
    curve.scatter("i", "theta", source=sources["curve"], size=5, color=COLOURS[0])
    density = _plot("density of theta", "theta modulo π (degrees)", "indices", x_range=(0, 180))
    density.quad(
        left="left", right="right", top="top", bottom=0, source=sources["bars"], color=COLOURS[2], line_color="white"
    )
    density.y_range.start = 0
    return {
        "theta": _sheet("theta modulo π", "theta", np.pi, sources),
        "phase": _sheet("phase modulo 2π", "phase", 2 * np.pi, sources),
        "curve": curve,
        "density": density,
    }


def first_data(k: float = SPACING, a: float = np.pi, b: float = 0.0) -> dict[str, dict[str, Any]]:
    """What is drawn before a slider moves, by source and column, from the package's own map."""
    index = np.arange(SIDE)
    x, _, theta, phase = index_map(index, index, k, a, b)
    many = index_map(np.arange(COUNTED), 0, k, a, b).theta
    counts = np.histogram(np.mod(many, np.pi), BINS, (0, np.pi))[0]
    edges = np.arange(BINS + 1) * 180.0 / BINS
    borders = np.flatnonzero(np.diff(x)) + 0.5
    low, high = np.full(len(borders), -0.5), np.full(len(borders), SIDE - 0.5)
    turned = [np.tile(np.mod(theta, np.pi), (SIDE, 1)), np.tile(np.mod(phase, 2 * np.pi)[:, None], SIDE)]
    images = dict(zip(("theta", "phase"), ([image.astype(np.float32)] for image in turned), strict=True))
    return {
        "sheets": {**images, "x": [-0.5], "y": [-0.5], "size": [SIDE]},
        "curve": {"i": index[:SHOWN], "theta": theta[:SHOWN]},
        "bars": {"left": edges[:-1], "right": edges[1:], "top": counts},
        "lines": {
            "x0": np.append(borders, low),
            "x1": np.append(borders, high),
            "y0": np.append(low, borders),
            "y1": np.append(high, borders),
        },
    }


def _models() -> tuple[dict[str, Slider | Button], dict[str, figure]]:
    """The controls and the drawings, tied together."""
    sources = {name: ColumnDataSource(columns, name=name) for name, columns in first_data().items()}
    sliders = {
        "k": Slider(start=2, end=30, step=0.005, value=SPACING, title="k (indices a column)", format="0.000"),
        "a": Slider(start=0.05, end=3, step=0.05, value=1, title="a (units of π)", format="0.00"),
        "b": Slider(start=-3, end=3, step=0.05, value=0, title="b (units of π)", format="0.00"),
    }
    named = {f"{name}_slider": slider for name, slider in sliders.items()}
    sizes = {"side": SIDE, "shown": SHOWN, "counted": COUNTED, "bins": BINS}
    redraw = CustomJS(args={**named, **sources, **sizes}, code=REDRAW, name="redraw")
    for slider in sliders.values():
        slider.sizing_mode = "stretch_width"
        slider.js_on_change("value", redraw)
    back = Button(label=f"back to k = {SPACING}, a = π, b = 0", sizing_mode="stretch_width")
    note = f"k_slider.value = {SPACING}; a_slider.value = 1; b_slider.value = 0;"
    back.js_on_event("button_click", CustomJS(args=named, code=note))
    return {**sliders, "back": back}, _drawings(sources)


def page() -> str:
    """The page's HTML: library, formula, controls and drawings in one piece. Nothing is loaded from elsewhere."""
    controls, drawings = _models()
    script, divs = components({**controls, **drawings})
    library = "\n".join(Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw)
    shown = "\n".join(
        f'<figure><div role="img" aria-label="{says}">{divs[name]}</div><figcaption>{says}</figcaption></figure>'
        for name, says in DRAWINGS.items()
    )
    handles = "\n".join(divs[name] for name in controls)
    body = _stable(
        f'<div id="sheet-map"><div id="sheet-controls">{handles}</div>\n'
        f'<p id="sheet-says" role="status" aria-live="polite"></p>\n<div id="sheet-drawings">{shown}</div></div>\n'
        f"{script}\n"
    )
    head = f"<style>{STYLE}</style>\n<script>{library}</script>\n<script>{FORMULA}</script>\n"
    return f"{head}{body}<script>{LABELS}</script>\n"


def _stable(html: str) -> str:
    """The same page for the same code: identifiers become numbers in the order in which they appear."""
    numbers: dict[str, str] = {}
    fresh = count(1)

    def number(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"sheet-{next(fresh)}")

    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\bp[0-9]{4,}\b", number, html)
