"""The book as a browser shows it."""

import pytest
from bs4 import BeautifulSoup

from repro.build import gather
from repro.build.layout import chapters
from repro.provenance import ROOT
from repro.results import RESULTS

from .conftest import SMOKE

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", chapters())
def test_every_figure_of_a_chapter_is_drawn_and_described(page, address, name):
    page.goto(f"{address}/chapters/{name}.html", wait_until="load")
    labels = gather.read_run(ROOT / SMOKE.executed(name))["figures"]
    assert labels
    for label in labels:
        image = page.locator(f"figure#{label} img")
        assert image.count() == 1
        assert image.get_attribute("alt")
        # an image is loaded when it comes near, and one that is folded away only when it is folded out
        loaded = "img => { img.loading = 'eager'; return img.decode().then(() => img.naturalWidth > 100); }"
        assert image.evaluate(loaded), label
        # not inner_text: what a reader folds out is described as well
        assert "scale smoke" in page.locator(f"figure#{label} figcaption").text_content()


def test_the_scorecard_lists_every_claim_and_links_to_its_figure(page, address):
    page.goto(f"{address}/scorecard.html", wait_until="load")
    for name in chapters():
        for claim in gather.read_run(ROOT / SMOKE.executed(name))["claims"]:
            link = page.locator(f"table.claims a[href='chapters/{name}.html#{claim['figure']}']", has_text=claim["id"])
            assert link.count() >= 1, claim["id"]
            row = link.first.locator("xpath=ancestor::tr")
            assert claim["verdict"] in row.inner_text()


@pytest.mark.parametrize("name", chapters())
def test_the_figure_of_every_claim_is_on_the_page(site, name):
    text = (site / "chapters" / f"{name}.html").read_text()
    for claim in gather.read_run(ROOT / SMOKE.executed(name))["claims"]:
        assert f'id="{claim["figure"]}"' in text, claim["id"]


def test_the_tables_that_a_page_offers_are_those_that_are_stored(site):
    page = site / "chapters" / "primitive_matrix.html"
    offered = [link["href"] for link in BeautifulSoup(page.read_text(), "html.parser").select("a.download")]
    stored = RESULTS / "weight_alignment"
    assert {href.rsplit("/", 1)[1] for href in offered} == {path.name for path in stored.glob("matrix_*.csv")}
    for href in offered:
        file = (page.parent / href).resolve()
        assert file.read_bytes() == (stored / file.name).read_bytes()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_verdicts_of_the_scorecard_are_seen_without_scrolling(page, address, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/scorecard.html", wait_until="load")
    edge = page.locator(".table-scroll").first.bounding_box()
    for box in (badge.bounding_box() for badge in page.locator("table.claims .verdict").all()):
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]
