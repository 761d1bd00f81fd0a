"""The chapter on the note in the built site: grades on all that is said there, and the sheet with sliders beside it."""

import pytest

from repro.multifactor.grades import GRADE

pytestmark = pytest.mark.browser


def test_every_figure_and_listed_statement_shows_its_grade(page, address):
    page.goto(f"{address}/chapters/multifactor.html", wait_until="load")
    shown = page.locator("figure.repro-figure figcaption, article section > ul > li, article section > ol > li")
    texts = shown.evaluate_all(
        "all => all.filter(e => !e.closest('.cell_output .claim')).map(e => e.textContent.trim())"
    )
    assert texts
    assert [text[:80] for text in texts if not GRADE.search(text)] == []


def test_the_sheet_answers_inside_the_site(page, address):
    page.goto(f"{address}/map.html", wait_until="load")
    page.wait_for_selector("#sheet-map[data-ready]")
    before = page.locator("#sheet-says").inner_text()
    page.get_by_role("slider", name="b, in units of pi").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#sheet-says").inner_text() != before
    assert page.complaints == []
