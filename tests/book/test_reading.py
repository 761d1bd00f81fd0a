"""What a reader does with the pages: filter, search, enlarge, copy, read in the dark or by ear."""

import itertools
import json
import re
from collections import Counter

import jsonschema
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from repro.build import chapter_facts, gather
from repro.build.layout import chapters
from repro.provenance import ROOT

from .accessibility import serious
from .conftest import PAGES, SMOKE

pytestmark = pytest.mark.browser

LIMIT_BYTES = 3_000_000  # of a page with all its drawings; the libraries that all pages share are loaded once
CHAPTERS = chapters()


def run_of(name):
    return gather.read_run(ROOT / SMOKE.executed(name))


def draws(lines, function):
    """Whether a chapter has a function of that name that ends in a figure: its calls are what shows one."""
    starts = [number for number, line in enumerate(lines) if line.startswith(f"def {function}(")]
    body = [itertools.takewhile(lambda line: not line or line[0] in " )", lines[start + 1 :]) for start in starts]
    return any("run.figure(" in line for one in body for line in one)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_all_its_drawings_stays_small(site, name):
    path = site / f"{name}.html"
    drawings = {image["src"] for image in BeautifulSoup(path.read_text(), "html.parser").select("img[src]")}
    assert not [source for source in drawings if source.startswith("data:") and len(source) > 10_000]
    files = [(path.parent / source).resolve() for source in drawings if not source.startswith("data:")]
    assert path.stat().st_size + sum(file.stat().st_size for file in files) < LIMIT_BYTES


@pytest.mark.parametrize("name", CHAPTERS)
def test_search_finds_a_chapter_by_its_title(page, address, site, name):
    title = BeautifulSoup((site / "chapters" / f"{name}.html").read_text(), "html.parser").h1.text.rstrip("#")
    page.goto(f"{address}/search.html?q={title.replace(' ', '+')}", wait_until="load")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function("!document.querySelector('#search-results h2').textContent.includes('Searching')")
    found = page.eval_on_selector_all("#search-results li a", "all => all.map(each => each.href)")
    assert any(f"chapters/{name}.html" in link for link in found)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_head_of_a_chapter_is_that_of_its_run(page, address, name):
    page.goto(f"{address}/chapters/{name}.html", wait_until="load")
    head, run = page.locator(".repro-head"), run_of(name)
    assert head.count() == 1
    counts = Counter(claim["verdict"] for claim in run["claims"])
    shown = [badge.split(" ", 2) for badge in head.locator(".repro-verdict .verdict").all_inner_texts()]
    assert {verdict: int(number) for _, number, verdict in shown} == counts
    for fold in head.locator("summary").all():
        fold.click()
    text = head.inner_text()
    assert run["provenance"]["commit"] in text
    assert f"papermill notebooks/{name}.py" in text
    for key in chapter_facts.entry(name).papers:
        assert f"{{{key}," in text
    assert head.locator("pre").count() == head.locator("button.copybtn").count()
    assert (head.locator(".repro-stale").count() == 1) == chapter_facts.facts(SMOKE, name).stale


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_the_head_offers_to_download_is_the_executed_notebook_and_its_source(page, address, site, name):
    page.goto(f"{address}/chapters/{name}.html", wait_until="load")
    links = page.eval_on_selector_all(".repro-head a[download]", "all => all.map(each => each.href)")
    notebook, source = (page.request.get(link).body() for link in links)
    assert notebook == (ROOT / SMOKE.executed(name)).read_bytes()
    assert b"run.close()" in source


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_figure_leads_to_the_line_that_shows_it(site, name):
    page = BeautifulSoup((site / "chapters" / f"{name}.html").read_text(), "html.parser")
    lines = (site / "_downloads" / f"{name}.py").read_text().splitlines()
    numbered = (site / "_code" / f"{name}.html").read_text()
    figures = {figure["id"]: figure for figure in page.select("figure.repro-figure")}
    for label in run_of(name)["figures"]:
        (link,) = figures[label].select(".repro-source a")
        anchor = link["href"].partition("#")[2]
        assert re.search(rf'(id|name)="{anchor}"', numbered)
        call = "\n".join(lines[int(anchor.removeprefix("line-")) - 1 :][:4])
        assert ".figure(" in call.splitlines()[0] or draws(lines, called := call.partition("(")[0].split()[-1]), called
        assert f'"{label}"' in call or 'f"' in call, label


def test_a_figure_opens_large_by_keyboard_and_gives_the_focus_back(page, address):
    page.goto(f"{address}/chapters/{CHAPTERS[0]}.html", wait_until="load")
    zoom = page.locator("a.repro-zoom").first
    zoom.focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog.repro-large")
    assert large.is_visible()
    assert large.locator("img").evaluate("img => img.decode().then(() => img.src)") == zoom.evaluate("a => a.href")
    assert serious(page, runOnly=["color-contrast", "image-alt", "button-name"]) == []
    page.keyboard.press("Escape")
    assert not large.is_visible()
    assert zoom.evaluate("each => each === document.activeElement")
    assert page.complaints == []


def test_code_is_folded_and_one_click_away(page, address):
    page.goto(f"{address}/chapters/{CHAPTERS[0]}.html", wait_until="load")
    code = page.locator("div.cell details.hide")
    opened = "all => all.filter(each => each.open).length"
    assert code.count() > 5
    assert code.evaluate_all(opened) == 0
    page.get_by_role("button", name="Show all code").click()
    assert code.evaluate_all(opened) == code.count()
    page.get_by_role("button", name="Hide all code").click()
    assert code.evaluate_all(opened) == 0


def shown_rows(page):
    return page.locator("#scorecard-table tbody tr").all()


def test_the_scorecard_filters_by_verdict_source_chapter_and_words(page, address):
    page.goto(f"{address}/scorecard.html", wait_until="load")
    claims = [(name, claim) for name in CHAPTERS for claim in run_of(name)["claims"]]
    assert len(shown_rows(page)) == len(claims)
    page.get_by_role("combobox", name="verdict").select_option("not reproduced")
    failed = [claim for _, claim in claims if claim["verdict"] == "not reproduced"]
    assert len(shown_rows(page)) == max(1, len(failed))  # a table without rows says so in one
    page.get_by_role("combobox", name="verdict").select_option("reproduced")
    held = [(name, claim) for name, claim in claims if claim["verdict"] == "reproduced"]
    assert len(shown_rows(page)) == len(held)
    page.get_by_role("combobox", name="source").select_option("read")
    read = [(name, claim) for name, claim in held if claim["source"]["read"]]
    assert len(shown_rows(page)) == max(1, len(read))
    page.get_by_role("combobox", name="source").select_option("")
    name, claim = held[0]
    page.get_by_role("combobox", name="chapter").select_option(name)
    assert len(shown_rows(page)) == sum(where == name for where, _ in held)
    page.get_by_role("searchbox", name="words").fill(claim["says"])
    assert [claim["id"] in row.inner_text() for row in shown_rows(page)] == [True]
    assert page.locator(".scorecard-filters output").inner_text() == f"1 of {len(claims)} claims"
    assert page.complaints == []


def test_the_scorecard_sorts_by_keyboard(page, address):
    page.goto(f"{address}/scorecard.html", wait_until="load")
    head = page.locator("#scorecard-table thead th").nth(1)
    head.locator("[tabindex='0'], button").first.focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")  # a busy machine sorts after the key is up
    order = ["reproduced", "not reproduced", "inconclusive", "not tested here"]
    verdicts = [text.split(" ", 1)[1] for text in page.locator("#scorecard-table .verdict").all_inner_texts()]
    assert verdicts == sorted(verdicts, key=order.index)
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    verdicts = [text.split(" ", 1)[1] for text in page.locator("#scorecard-table .verdict").all_inner_texts()]
    assert verdicts == sorted(verdicts, key=order.index, reverse=True)


def test_the_scorecard_works_opened_from_a_disk(page, site):
    page.goto((site / "scorecard.html").as_uri(), wait_until="load")
    page.get_by_role("combobox", name="chapter").select_option(CHAPTERS[0])
    assert len(shown_rows(page)) == len(run_of(CHAPTERS[0])["claims"])


def test_the_files_of_claims_are_those_of_the_runs(site):
    rows = json.loads((site / "claims.json").read_text())
    jsonschema.validate(rows, json.loads((site / "claims.schema.json").read_text()))
    claims = [(name, claim) for name in CHAPTERS for claim in run_of(name)["claims"]]
    assert [(row["chapter"], row["id"], row["verdict"], row["n"]) for row in rows] == [
        (name, claim["id"], claim["verdict"], claim["n"]) for name, claim in claims
    ]
    table = pd.read_csv(site / "claims.csv")
    assert list(table.columns) == list(rows[0])
    assert list(table.verdict) == [row["verdict"] for row in rows]


def test_the_start_page_has_a_square_a_claim_and_a_figure_a_chapter(page, address):
    page.goto(f"{address}/index.html", wait_until="load")
    verdicts = Counter(claim["verdict"] for name in CHAPTERS for claim in run_of(name)["claims"])
    for verdict, number in verdicts.items():
        assert page.locator(f"a.square.verdict-{verdict.replace(' ', '-')}").count() == number
    cards = page.locator(".repro-card")
    assert cards.count() == len(CHAPTERS)
    for image in cards.locator("img").all():
        assert image.get_attribute("alt")
        loaded = "img => { img.loading = 'eager'; return img.decode().then(() => img.naturalWidth > 100); }"
        assert image.evaluate(loaded)
