"""The sheet with sliders in a headless Chromium without a network, against the package's own map."""

import math
import re
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from repro.build.sheet_page import COUNTED, DRAWINGS, first_data, page
from repro.multifactor.sheet import SPACING, index_map, n_columns

pytestmark = pytest.mark.browser
READ = "name => Bokeh.documents.map(d => d.get_model_by_name(name)).filter(m => m)[0]"
COLUMN = f"([name, column]) => Array.from(({READ})(name).data[column].flatMap(v => v.length ? Array.from(v) : [v]))"


@pytest.fixture(scope="module")
def html():
    return page()


@pytest.fixture(scope="module")
def opened(html, tmp_path_factory):
    """The page in a browser that may open this file and nothing else."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine: the sheet was not opened in a browser")
    file = tmp_path_factory.mktemp("sheet") / "sheet.html"
    head = "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    file.write_text(f"{head}<title>sheet</title><body>{html}</body></html>")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        shown.complaints = []
        shown.on(
            "request", lambda r: shown.complaints.append(r.url) if not r.url.startswith(("file:", "data:")) else None
        )
        shown.on("console", lambda m: shown.complaints.append(m.text) if m.type in ("error", "warning") else None)
        shown.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.goto(file.as_uri())
        shown.wait_for_selector("#sheet-map[data-ready]")
        yield shown
        browser.close()


@pytest.fixture
def sheet(opened):
    """The page with its sliders where they were at first."""
    opened.get_by_role("button", name="back to k").click()
    return opened


def set_to(sheet, **values):
    for name, value in values.items():
        title = {"k": "k (indices", "a": "a (units", "b": "b (units"}[name]
        sheet.evaluate(
            "([title, value]) => { for (const d of Bokeh.documents) for (const m of d._all_models.values())"
            " if (m.title && m.title.startsWith && m.title.startsWith(title)) m.value = value; }",
            [title, value],
        )


def test_the_formula_in_the_page_is_the_packages(opened):
    random = np.random.default_rng(0)
    table = [(0, 0, SPACING, math.pi, 0.0), (79, 6, SPACING, math.pi, 1.0), (2633, 7, SPACING, 1.0, 0.5)]
    table += [(13, 26, 26.0, 1.0, 1.0)]  # a tie, rounded up by both
    for _ in range(200):
        i, j = random.integers(0, 10_000, 2)
        table.append((int(i), int(j), *random.uniform([2, -7, -7], [30, 7, 7]).tolist()))
    found = opened.evaluate("rows => rows.map(row => indexMap(...row))", table)
    for row, (x, y, theta, phase) in zip(table, found, strict=True):
        wanted = index_map(*row)
        # both sides round in the same order, so that not a digit differs
        assert (x, y, theta, phase) == tuple(float(value) for value in wanted), row


@pytest.mark.parametrize("values", [{}, {"k": 13.5, "a": 2.0, "b": -0.5}, {"k": 7.25, "a": 0.5, "b": 1.5}])
def test_what_is_drawn_is_what_the_package_computes(sheet, values):
    set_to(sheet, **values)
    k, a, b = values.get("k", SPACING), math.pi * values.get("a", 1), math.pi * values.get("b", 0)
    for name, columns in first_data(k, a, b).items():
        for column, wanted in columns.items():
            found = np.array(sheet.evaluate(COLUMN, [name, column]))
            # float32 on both sides for the sheets; an angle at 0 may be drawn as a whole turn
            np.testing.assert_allclose(found, np.ravel(wanted), atol=1e-6, err_msg=f"{name} {column}")


def test_the_sentence_says_what_is_true(sheet):
    set_to(sheet, k=20.0, a=2.0, b=3.0)
    says = sheet.locator("#sheet-says").inner_text()
    columns = n_columns(79, 20.0)
    assert f"{columns} × {columns} columns" in says
    assert "not one to one" in says
    assert "jump at a border 0.000 rad modulo π (theta), 0.000 rad modulo 2π" in says
    lowest, highest = map(int, re.search(rf"(\d+) to (\d+) of {COUNTED}", says).groups())
    assert lowest < COUNTED / 18 < highest


def test_sliders_have_names_and_move_by_the_keyboard(sheet):
    for name, mark in (("k, indices a column", "k = "), ("a, in units of pi", "a = "), ("b, in units of pi", "b = ")):
        before = sheet.locator("#sheet-says").inner_text()
        sheet.get_by_role("slider", name=name).focus()
        sheet.keyboard.press("ArrowRight")
        after = sheet.locator("#sheet-says").inner_text()
        first, second = (float(text.partition(mark)[2].split()[0].rstrip(",")) for text in (before, after))
        assert second > first
    back = sheet.get_by_role("button", name="back to k")
    back.focus()
    sheet.keyboard.press("Enter")
    assert f"k = {SPACING}, a = 1.00 π, b = 0.00 π" in sheet.locator("#sheet-says").inner_text()


def test_each_drawing_is_described_with_its_grade(opened):
    images = opened.locator("#sheet-drawings [role=img]")
    assert images.count() == len(DRAWINGS)
    for image in images.all():
        assert re.match(r"\[[NEISKP]\] ", image.get_attribute("aria-label"))
        assert image.locator("canvas").first.evaluate("c => c.width > 100 && c.height > 100")


def test_the_page_asks_for_nothing_and_complains_of_nothing(opened):
    assert opened.complaints == []


def test_a_phone_does_not_scroll_sideways(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    opened.wait_for_timeout(300)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.set_viewport_size({"width": 1280, "height": 900})


def test_in_the_dark_it_keeps_its_own_paper(opened):
    opened.evaluate("document.documentElement.dataset.theme = 'dark'")
    opened.add_style_tag(content="html[data-theme=dark] body { background: #121212; color: #eee }")
    colours = "e => [getComputedStyle(e).color, getComputedStyle(document.getElementById('sheet-map')).backgroundColor]"
    assert opened.locator("#sheet-says").evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_the_same_code_makes_the_same_page(html):
    assert page() == html
    assert "http-equiv" not in html
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", html[-60_000:])
