"""What holds of every page of the book: a browser opens it once in light, and once in the dark."""

import pytest

from repro.build.layout import chapters

from .accessibility import serious
from .conftest import DESKTOP, PAGES, new_page

pytestmark = pytest.mark.browser

SOURCES = [f"_code/{name}" for name in chapters()]


@pytest.fixture(scope="module")
def name(request):
    """The name of a page; with this scope, tests of one page follow each other."""
    return request.param


@pytest.fixture(scope="module")
def opened(browser, address, name):
    """A page at the width of a desktop, opened once for all that is asked of it here."""
    with new_page(browser, address) as page:
        page.goto(f"{address}/{name}.html", wait_until="load")
        yield page


every_page = pytest.mark.parametrize("name", PAGES, indirect=True, scope="module")


@every_page
def test_a_page_opens_without_complaint(opened):
    assert opened.locator("h1").first.inner_text().strip()
    assert opened.complaints == []


@every_page
def test_links_within_the_book_lead_somewhere(opened, address, site, name):
    links = opened.eval_on_selector_all("main a[href]", "all => all.map(a => a.href)")
    for link in {url for url in links if url.startswith(address)}:
        path, _, anchor = link.removeprefix(f"{address}/").partition("#")
        file = site / (path or f"{name}.html")
        assert file.is_file(), link
        if anchor and file.suffix == ".html":
            assert f'id="{anchor}"' in file.read_text(), link


@every_page
def test_a_phone_does_not_scroll_sideways(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    width = opened.evaluate("document.documentElement.scrollWidth")
    opened.set_viewport_size(DESKTOP)
    assert width <= 390


# after the others: it leaves few coloured words in the page
@pytest.mark.parametrize("name", PAGES + SOURCES, indirect=True, scope="module")
def test_axe_finds_no_serious_problem(opened):
    assert serious(opened) == []


@pytest.mark.parametrize("name", PAGES + SOURCES[:1])
def test_every_text_can_be_read_in_the_dark(page, address, name):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.add_style_tag(content="* { transition: none !important; }")  # no colour is judged half way to another
    page.wait_for_timeout(200)
    folded = "document.querySelectorAll('.repro-head details, div.cell:nth-of-type(-n+3) details')"
    page.evaluate(f"{folded}.forEach(each => {{ each.open = true; }})")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(background[:3]) < 60  # it is dark
    assert serious(page, runOnly=["color-contrast"]) == []
