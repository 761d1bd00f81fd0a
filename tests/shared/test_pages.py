"""What is put on pages beside the chapters: marks, citations, source lines, figures in files, the scorecard's files."""

import base64
import csv
import io
import json
import re

import jsonschema
import nbformat
import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_string

from repro.build import chapter_facts, chapter_head, finish, layout, page_parts, scorecard, source_page
from repro.build.chapter_facts import Chapter, Facts
from repro.errors import Mistake
from repro.provenance import MIME

ENTRY = Chapter(question="Does it learn?", papers=("kunin2020two",), figure="curve")


def claim(name, verdict, **more):
    return {
        "id": name,
        "says": f"{name} <holds>",
        "figure": "curve",
        "source": {"where": "abstract", "read": True},
        "measure": "accuracy, %",
        "expected": "at least 1",
        "verdict": verdict,
        "value": 2.0,
        "interval": [1.5, 2.5],
        "n": 3,
        "note": "",
    } | more


def facts(*verdicts, entry=ENTRY, stale=False, claims=None):
    claims = claims or [claim(f"C{number}", verdict) for number, verdict in enumerate(verdicts)]
    provenance = {
        "commit": "0123456789",
        "date": "2026-05-04T00:00:00+00:00",
        "wall_s": 42.0,
        "machine": {"cpu": "c", "cores": 2},
        "device": "cpu",
        "data": {},
    }
    run = {
        "chapter": "c",
        "scale": "smoke",
        "claims": claims,
        "parameters": {"scale": "smoke", "seed": 7},
        "provenance": provenance,
        "figures": {"curve": {"alt": "a curve"}},
    }
    return Facts("c", "A chapter", entry, run, {"curve": 1.5}, 900, stale)


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A checkout with one executed chapter whose key is "then"; gives what reads its facts when the key is another."""
    run = facts("reproduced").run
    shown = (
        '<figure class="repro-figure" id="curve"><img alt="a curve" src="data:,"><figcaption>one two'
        '<span class="repro-facts">scale smoke · seconds 2.5 · commit 0</span></figcaption></figure>'
    )
    cells = [
        nbformat.v4.new_markdown_cell("# A title\n\nThree more words"),
        nbformat.v4.new_code_cell("scale: str = 'book'", metadata={"tags": ["parameters", "hide-input"]}),
        nbformat.v4.new_code_cell("scale = 'smoke'", metadata={"tags": ["injected-parameters", "remove-cell"]}),
        nbformat.v4.new_code_cell(
            "run.figure(fig, 'curve')",
            metadata={"papermill": {"duration": 1.0}},
            outputs=[nbformat.v4.new_output("display_data", {"text/html": shown})],
        ),
        nbformat.v4.new_code_cell("run.close()", outputs=[nbformat.v4.new_output("display_data", {MIME: run})]),
    ]
    path = tmp_path / layout.Layout("smoke").executed("c")
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"repro": {"key": "then"}}), path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "c.py").write_text("# the file as it is now\n")
    monkeypatch.setattr(chapter_facts, "ROOT", tmp_path)
    monkeypatch.setattr(chapter_facts, "entry", lambda name: ENTRY)

    def read(key):
        monkeypatch.setattr(layout, "key", lambda name, scale: key)
        return chapter_facts.facts(layout.Layout("smoke"), "c")

    return read


def test_a_chapter_is_stale_once_what_it_depends_on_is_not_what_it_ran_with(executed):
    assert not executed("then").stale
    assert executed("now").stale


def test_the_facts_are_those_of_the_executed_notebook(executed):
    found = executed("then")
    assert (found.title, found.figure_seconds, found.counts) == ("A title", {"curve": 2.5}, {"reproduced": 1})
    assert found.words == 6 + 9  # the Markdown, and the caption with its facts


def test_the_source_of_a_stale_chapter_is_what_ran_and_not_what_stands_there_now(executed):
    where = layout.Layout("smoke")
    assert chapter_facts.source_text(where, executed("then")) == "# the file as it is now\n"
    text = chapter_facts.source_text(where, executed("now"))
    assert "run.figure(fig, 'curve')" in text
    assert '# %% tags=["parameters"]' in text
    assert not re.search("papermill|injected|hide-input|scale = 'smoke'|as it is now", text)


@pytest.mark.parametrize(
    ("verdicts", "mark"),
    [
        (["reproduced", "inconclusive", "not tested here"], "[Re]"),
        (["not reproduced", "inconclusive"], "[¬Re]"),
        (["reproduced", "not reproduced"], "[Re, ¬Re]"),
        (["inconclusive", "not tested here"], "[?]"),
    ],
)
def test_the_mark_follows_from_the_verdicts(verdicts, mark):
    assert facts(*verdicts).mark == mark
    assert facts(*verdicts, entry=ENTRY.model_copy(update={"study": True})).mark == "[Study]"


def test_the_head_counts_its_claims_and_says_how_to_run_it_again():
    head = BeautifulSoup(
        chapter_head.head_html(facts("reproduced", "reproduced", "not reproduced"), None), "html.parser"
    )
    assert [badge.text for badge in head.select(".verdict")] == ["✔ 2 reproduced", "✘ 1 not reproduced"]
    assert "papermill notebooks/c.py out.ipynb -p scale smoke -p seed 7" in [block.text for block in head.select("pre")]
    assert "4 min to read, 42 s to run" in head.text  # 900 words, 200 a minute, rounded to even
    assert not head.select(".repro-stale")
    assert "Binder" not in head.text


def test_a_stale_chapter_says_so():
    head = BeautifulSoup(chapter_head.head_html(facts("reproduced", stale=True), None), "html.parser")
    assert "Stale" in head.select_one(".repro-stale").text
    assert head.select_one(".repro-stale code").text == "make book SCALE=smoke CHAPTERS=c"


def test_binder_colab_and_the_line_at_the_commit_are_offered_once_the_code_has_a_public_address(tmp_path):
    config = tmp_path / "_config.yml"
    config.write_text("repository:\n  url: https://github.com/owner/book.git\n  branch: main\n")
    assert "colab" not in chapter_head.head_html(facts("reproduced"), page_parts.repository(config))
    config.write_text(config.read_text() + "  site_branch: gh-pages\n")
    repository = page_parts.repository(config)
    head = chapter_head.head_html(facts("reproduced"), repository)
    assert "https://mybinder.org/v2/gh/owner/book/main?urlpath=lab/tree/notebooks/c.py" in head
    assert "https://colab.research.google.com/github/owner/book/blob/gh-pages/_downloads/c.ipynb" in head
    assert repository.file("notebooks/c.py", "0123456789").endswith("/blob/0123456789/notebooks/c.py")
    assert repository.file("notebooks/c.py", "0123456789+changes").endswith("/blob/main/notebooks/c.py")
    config.write_text("title: none\n")
    assert page_parts.repository(config) is None
    config.write_text("repository: {url: 'https://example.org/x'}\n")
    with pytest.raises(Mistake, match=r"https://example.org/x.*https://github.com/OWNER/NAME"):
        page_parts.repository(config)


def test_both_citations_are_bibtex_that_a_library_reads():
    ours = parse_string(chapter_head.own_bibtex(facts("reproduced"), None), "bibtex").entries["synaptic_book_c"]
    assert ours.fields["title"] == "{A chapter}"
    assert ours.fields["year"] == "2026"
    assert "0123456789" in ours.fields["note"]
    for key in chapter_facts.BIBLIOGRAPHY.read_text().split("@")[1:]:
        name = key.partition("{")[2].partition(",")[0]
        (found,) = parse_string(chapter_facts.bibtex(name), "bibtex").entries
        assert found == name
        assert chapter_facts.reference(name).count(").") == 1


def test_every_chapter_has_an_entry_and_a_missing_or_wrong_one_is_named(tmp_path):
    for name in layout.chapters():
        assert chapter_facts.entry(name).question.endswith("?")
    path = tmp_path / "chapters.yml"
    path.write_text("c: {question: 'Why?', papers: [nobody1900], figure: f}\n")
    with pytest.raises(Mistake, match=r"no entry for chapter 'd'; there are c"):
        chapter_facts.entry("d", path)
    with pytest.raises(Mistake, match=r"c: references\.bib has no 'nobody1900'"):
        chapter_facts.entry("c", path)
    other = tmp_path / "other.yml"
    other.write_text("c: {question: 'Why?', papers: [], figur: f}\n")
    with pytest.raises(Mistake, match=r"other\.yml: c: figur"):
        chapter_facts.entries(other)


SOURCE = """run.figure(fig, "curve", alt="")
run.table(frame, "words"); run.claim("last", samples)
for name in names:
    run.figure(
        fig, f"gallery-{name}", alt="")
run.figure(fig, label="last", alt="")
"""


@pytest.mark.parametrize(("label", "line"), [("curve", 1), ("gallery-l0", 4), ("last", 6), ("words", None)])
def test_the_line_that_shows_a_figure_is_found_also_in_a_loop(label, line):
    assert source_page.figure_line(source_page.figure_calls(SOURCE), label) == line


def test_a_label_computed_elsewhere_is_the_last_resort():
    calls = source_page.figure_calls('run.figure(fig, label)\nrun.figure(fig, "curve")\n')
    assert source_page.figure_line(calls, "curve") == 2
    assert source_page.figure_line(calls, "other") == 1


def test_a_figure_that_a_function_of_the_chapter_draws_stands_where_it_is_called():
    source = 'def draw(x, name):\n    run.figure(fig, name)\ndraw(1, "small")\ndraw(2, "large")\nload("small", "x")\n'
    calls = source_page.figure_calls(source)
    assert [source_page.figure_line(calls, label) for label in ("small", "large", "other")] == [3, 4, 2]
    calls = source_page.figure_calls('if available("digits"):\n    run.figure(fig, "digits")\n')
    assert source_page.figure_line(calls, "digits") == 2


def test_the_source_page_has_an_anchor_a_line_and_all_of_the_text():
    page = BeautifulSoup(source_page.source_html("c", SOURCE), "html.parser")
    assert all(page.find(id=f"line-{number}") or page.find(attrs={"name": f"line-{number}"}) for number in range(1, 7))
    for number in page.select(".linenos"):
        number.decompose()
    assert page.select_one("pre").text.strip() == SOURCE.strip()


DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="30pt" height="15pt"></svg>'
PAGE = """<html><body><article><h1>A chapter</h1><p>Words.</p>
<figure class="repro-figure" id="curve"><img alt="a curve" src="data:image/svg+xml;base64,{content}"/>
<figcaption>Caption</figcaption></figure></article></body></html>"""


def finished(page, path, site):
    soup = BeautifulSoup(page, "html.parser")
    finish.clear(soup)
    finish.put_head(soup, chapter_head.head_html(facts("reproduced"), None))
    finish.link_sources(soup, facts("reproduced"), SOURCE, None)
    return str(soup), finish.move_figures(soup, path, site), str(soup)


def test_finishing_twice_is_finishing_once(tmp_path):
    page = tmp_path / "chapters" / "c.html"
    page.parent.mkdir()
    _, used, once = finished(PAGE.format(content=base64.b64encode(DRAWING).decode()), page, tmp_path)
    _, again, twice = finished(once, page, tmp_path)
    assert twice == once
    assert used == again == {tmp_path / "_figures" / "c" / "curve.svg"}
    assert (tmp_path / "_figures" / "c" / "curve.svg").read_bytes() == DRAWING
    soup = BeautifulSoup(once, "html.parser")
    image = soup.select_one("a.repro-zoom > img")
    assert (image["src"], image["width"], image["height"]) == ("../_figures/c/curve.svg", "40", "20")
    assert soup.h1.find_next_sibling()["class"] == ["repro-added", "repro-head"]
    assert soup.select_one("figcaption a")["href"] == "../_code/c.html#line-1"
    assert len(soup.select("figcaption a")) == 1


def test_the_claims_files_agree_with_each_other_and_with_their_schema():
    known = facts(
        claims=[
            claim("A", "reproduced"),
            claim("B", "not tested here", value=None, interval=None, n=0, note="needs scale full"),
            claim("C", "not reproduced", interval=None, n=1, paper_value=3.5),
        ]
    )
    files = scorecard.files([known])
    rows, schema = json.loads(files["claims.json"]), json.loads(files["claims.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(rows, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([rows[0] | {"verdict": "maybe"}], schema)
    assert [(row["id"], row["low"], row["paper_value"]) for row in rows] == [
        ("A", 1.5, None),
        ("B", None, None),
        ("C", None, 3.5),
    ]
    table = list(csv.DictReader(io.StringIO(files["claims.csv"])))
    assert [row["id"] for row in table] == ["A", "B", "C"]
    assert list(table[0]) == list(rows[0])
    assert all(str(row["n"]) == line["n"] for row, line in zip(rows, table, strict=True))


def test_a_row_of_the_scorecard_says_all_of_a_claim():
    known = facts(claims=[claim("A", "not reproduced", paper_value=3.5)])
    page = BeautifulSoup(scorecard.scorecard_html([known]), "html.parser")
    cells = [cell.get_text(" ") for cell in page.select("tbody td")]
    assert [cell.text for cell in page.select("thead th")] == list(scorecard.COLUMNS)
    assert cells[0].split() == ["A", "c"]
    assert cells[1] == "✘ not reproduced"
    assert cells[2].startswith("A <holds>")
    assert cells[3:] == ["2 [1.5, 2.5], n = 3", "at least 1", "3.5", "abstract (read)", "smoke", "1.5 s of 42 s"]


def test_the_scorecard_sorts_and_is_searched_by_what_its_cells_mean():
    known = facts(
        stale=True,
        claims=[
            claim("A", "reproduced", value=12.0),
            claim("B", "not reproduced", value=3.0, paper_value=0.5, source={"where": "Fig. 2", "read": False}),
            claim("C", "not tested here", value=None, interval=None, n=0, note="needs scale full", figure="other"),
        ],
    )
    page = BeautifulSoup(scorecard.scorecard_html([known]), "html.parser")
    lines = [dict(zip(scorecard.COLUMNS, row.select("td"), strict=True)) for row in page.select("tbody tr")]

    def order(column):
        return [float(line[column]["data-order"]) for line in lines]

    assert order("verdict")[0] < order("verdict")[1] < order("verdict")[2]  # as a legend has them, good ones first
    assert order("ours [95 %]")[2] < order("ours [95 %]")[1] < order("ours [95 %]")[0]  # numbers, without one last
    assert order("paper's value")[0] == order("paper's value")[2] < order("paper's value")[1] == 0.5
    assert order("cost") == [1.5, 1.5, 42.0]  # of the figure, of the chapter where no figure is timed
    assert [line["source"]["data-search"] for line in lines][:2] == ["read; abstract", "not read; Fig. 2"]
    assert [line["claim"]["data-search"] for line in lines] == ["c; A", "c; B", "c; C"]
    assert [[link["href"] for link in line["claim"].select("a")] for line in lines] == [
        ["chapters/c.html#curve", "chapters/c.html#claim-A"],
        ["chapters/c.html#curve", "chapters/c.html#claim-B"],
        ["chapters/c.html#other", "chapters/c.html#other"],
    ]
    assert [select["data-column"] for select in page.select("select")] == ["claim", "verdict", "source"]
    assert "stale" in page.li.text
    fresh = BeautifulSoup(scorecard.scorecard_html([facts("reproduced")]), "html.parser")
    assert "stale" not in fresh.li.text


def test_authors_are_families_with_given_names_or_groups_in_braces(tmp_path):
    citation = tmp_path / "CITATION.cff"
    citation.write_text(
        "title: A book\nversion: 1.2\n"
        "authors:\n  - {family-names: Curie, given-names: Marie}\n  - name: The Group and Co\n"
    )
    text = chapter_head.own_bibtex(facts("reproduced"), None, citation)
    entry = parse_string(text, "bibtex").entries["synaptic_book_c"]
    first, second = entry.persons["author"]
    assert (first.first_names, first.last_names) == (["Marie"], ["Curie"])
    assert second.last_names == ["{The Group and Co}"]
    assert "Version 1.2, chapter c, scale smoke" in entry.fields["note"]


def test_the_head_says_what_its_mark_means_and_where_it_ran():
    for verdicts, says in (
        (["reproduced"], "none failed"),
        (["not reproduced"], "none held"),
        (["reproduced", "not reproduced"], "some held and some failed"),
        (["inconclusive"], "No tested claim was decided"),
    ):
        head = BeautifulSoup(chapter_head.head_html(facts(*verdicts), None), "html.parser")
        assert says in head.select_one(".repro-small").text
        assert says in head.select_one(".repro-mark")["title"]
    terms = dict(zip((t.text for t in head.select("dt")), (d.text for d in head.select("dd")), strict=True))
    assert terms["machine"] == "c, 2 cores; device cpu"
    assert (terms["seed"], terms["scale"], terms["commit"], terms["data"]) == ("7", "smoke", "0123456789", "none")


@pytest.mark.parametrize(("seconds", "says"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (3600, "60 min")])
def test_durations_are_seconds_and_from_two_minutes_on_minutes(seconds, says):
    assert page_parts.minutes(seconds) == says


def test_the_squares_name_each_claim_and_lead_to_where_it_is_judged():
    late = claim("B", "not tested here", value=None, interval=None, n=0, note="needs scale full")
    page = BeautifulSoup(page_parts.squares([claim("A", "reproduced"), late], "p.html"), "html.parser")
    assert [link["href"] for link in page.select("a")] == ["p.html#claim-A", "p.html#curve"]
    assert page.a["aria-label"] == "A, reproduced: A <holds>"
    assert [link.text for link in page.select("a")] == ["✔", "–"]
