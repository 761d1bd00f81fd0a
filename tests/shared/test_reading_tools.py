"""Serving, printing and checking links: the parts that need neither a built book nor a network."""

import io
import json
import subprocess
import threading
import time
import urllib.request

import pytest
from pypdf import PdfReader, PdfWriter

from repro.build import links, pdf, serve, serving, site
from repro.build.layout import Layout
from repro.build.serving import served
from repro.errors import Mistake
from repro.provenance import ROOT


def test_a_folder_is_served_to_this_machine_while_the_context_lasts(tmp_path):
    (tmp_path / "a.html").write_text("words")
    with served(tmp_path) as address:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/a.html") as answer:
            assert answer.read() == b"words"
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/a.html")


def test_no_other_machine_is_served(monkeypatch, tmp_path):
    places = []

    class Listening(serving.http.server.ThreadingHTTPServer):
        def server_bind(self):
            super().server_bind()
            places.append(self.socket.getsockname()[0])

    monkeypatch.setattr(serving.http.server, "ThreadingHTTPServer", Listening)
    with served(tmp_path):
        assert places == ["127.0.0.1"]


def test_the_book_is_built_and_then_served_to_this_machine_alone(monkeypatch, tmp_path):
    done = []

    class Server:
        def serve(self, **how):
            done.append(how)

    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.setattr(serve.Builder, "rebuild", lambda self: done.append((self.where.scale, self.jobs)))
    monkeypatch.setattr(serve, "watching", lambda changed: Server())
    where = Layout("smoke")
    with pytest.raises(Mistake, match="there is no site to serve"):
        serve.serve(where, 2, 5500)
    shown = tmp_path / where.toc.parent / "shown"
    shown.mkdir(parents=True)
    (shown / "index.html").write_text("words")
    done.clear()
    serve.serve(where, 2, 5500)
    assert done == [("smoke", 2), {"root": str(shown), "host": "127.0.0.1", "port": 5500}]


def test_what_a_build_makes_is_not_watched_and_what_it_reads_is():
    for made in ("book/chapters/x.ipynb", "book/_build/html/index.html", "repro/__pycache__/x.pyc", ".build/smoke/x"):
        assert serve.ignored(str(ROOT / made))
    for source in ("notebooks/weight_alignment.py", "repro/claims.py", "book/index.md", "_toc.yml"):
        assert not serve.ignored(str(ROOT / source))


def test_a_changed_file_of_the_book_is_noticed_and_a_made_one_is_not(monkeypatch, tmp_path):
    (tmp_path / "book").mkdir()
    page = tmp_path / "book" / "index.md"
    page.write_text("old")
    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.setattr(serve, "WATCHED", ("book",))
    monkeypatch.setattr(serve, "ignored", lambda path: path.endswith(".ipynb"))
    changed = threading.Event()
    watcher = serve.watching(changed).watcher
    watcher.examine()  # livereload's first look notes the files
    (tmp_path / "book" / "made.ipynb").write_text("{}")
    watcher.examine()
    assert not changed.is_set()
    page.write_text("new")
    watcher.examine()
    assert changed.is_set()


@pytest.fixture
def builder(monkeypatch, tmp_path):
    monkeypatch.setattr(serve, "ROOT", tmp_path)
    site = tmp_path / Layout("smoke").site
    site.mkdir(parents=True)
    (site / "index.html").write_text("old")
    return serve.Builder(Layout("smoke"), 1, lambda: None)


def says(monkeypatch, script):
    monkeypatch.setattr(serve, "command", lambda scale, jobs: ["sh", "-c", script])


def test_a_build_that_fails_is_told_in_its_own_words_and_the_shown_pages_stay(builder, monkeypatch, capsys):
    page = serve.ROOT / Layout("smoke").site / "index.html"
    says(monkeypatch, "echo RuleException; echo multifactor: executed")
    assert builder.rebuild()
    assert capsys.readouterr().out == "building\nmultifactor: executed\nbuilt\n"
    page.write_text("half finished")
    says(monkeypatch, "echo RuleException; echo error: a.md:3: no such thing >&2; exit 1")
    assert not builder.rebuild()
    assert capsys.readouterr().out.splitlines()[1:-1] == ["error: a.md:3: no such thing"]
    assert (builder.shown / "index.html").read_text() == "old"
    says(monkeypatch, "echo killed; exit 1")  # nothing of ours was said: all is told
    assert not builder.rebuild()
    assert "killed" in capsys.readouterr().out


def test_stopping_ends_the_build_that_is_under_way(builder, monkeypatch):
    says(monkeypatch, "exec sleep 600")
    builder.changed.set()
    worker = threading.Thread(target=builder.work, daemon=True)
    worker.start()
    while builder._build is None:
        time.sleep(0.05)
    builder.stop()
    worker.join(timeout=20)
    assert not worker.is_alive()


def test_serving_builds_as_make_book_does():
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = [line for line in makefile.splitlines() if line.startswith("snakemake ")]
    words = set(recipe.replace("$(JOBS)", "3").replace("$(1)", "smoke").split())
    assert set(serve.command("smoke", 3)[1:]) == words - {"snakemake", 'chapters="$(2)"'}


INDEX = """<article><h1>The book<a>#</a></h1></article><nav class="bd-links"><p class="caption">One</p>
<ul><li><a class="reference internal" href="a.html">A</a>
<ul><li><a class="reference internal" href="b.html">B</a></li></ul></li></ul><p class="caption">Two</p>
<ul><li><a class="reference internal" href="c/d.html">D</a></li>
<li><a class="reference external" href="https://example.org">X</a></li></ul></nav>"""


def blank(number):
    writer = PdfWriter()
    for _ in range(number):
        writer.add_blank_page(100, 100)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_the_pdf_has_the_pages_in_order_with_a_bookmark_each():
    pages = pdf.contents(INDEX)
    assert [(page.part, page.title, page.file) for page in pages] == [
        ("", "The book", "index.html"),
        ("One", "A", "a.html"),
        ("One", "B", "b.html"),
        ("Two", "D", "c/d.html"),
    ]
    joined = PdfReader(io.BytesIO(pdf.join(pages, [blank(n) for n in (1, 2, 1, 3)], "The book")))
    assert len(joined.pages) == 7
    assert joined.metadata.title == "The book"

    def bookmarks(outline, depth=0):
        for each in outline:
            if isinstance(each, list):
                yield from bookmarks(each, depth + 1)
            else:
                yield depth, each.title, joined.get_destination_page_number(each)

    assert list(bookmarks(joined.outline)) == [
        (0, "The book", 0),
        (0, "One", 1),
        (1, "A", 1),
        (1, "B", 3),
        (0, "Two", 4),
        (1, "D", 4),
    ]


def test_without_a_site_there_is_nothing_to_print(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    with pytest.raises(Mistake, match=r"no site to print; 'make book SCALE=smoke' builds it"):
        pdf.build(Layout("smoke"))


def record(status, info, uri="https://example.org"):
    return {"filename": "a.md", "lineno": 3, "status": status, "uri": uri, "info": info}


def test_a_publisher_that_refuses_programs_is_not_a_broken_link():
    gone = record("broken", "404 Client Error: Not Found for url")
    refused = record("broken", "403 Client Error: Forbidden for url")
    hurried = record("broken", "429 Client Error: Too Many Requests", "https://busy.example.org")
    late = record("timeout", "read timed out", "https://slow.example.org")
    broken, unsure = links.report([record("working", ""), gone, gone, refused, hurried, late])
    assert broken == ["a.md:3: https://example.org: 404 Client Error: Not Found for url"]
    assert [line.split(": ")[1] for line in unsure] == [
        "https://busy.example.org", "https://example.org", "https://slow.example.org",
    ]  # fmt: skip


@pytest.fixture
def check_links(monkeypatch, tmp_path):
    """The check of links with another answer of Sphinx's than the network's; None: it wrote no answer."""
    monkeypatch.setattr(links, "ROOT", tmp_path)
    monkeypatch.setattr(site, "known_chapters", lambda where: [])
    monkeypatch.setattr(site, "stage", lambda where, known: None)

    def check(records):
        def answer(where, *more):
            assert more[:3] == ("--builder", "linkcheck", "--path-output")
            output = tmp_path / more[3] / "_build" / "html" / "output.json"
            output.parent.mkdir(parents=True, exist_ok=True)
            if records is not None:
                output.write_text("\n".join(json.dumps(each) for each in records))
            return subprocess.CompletedProcess([], 1, "", "no such builder")

        monkeypatch.setattr(site, "jupyter_book", answer)
        return links.check(Layout("smoke"))

    return check


def test_a_broken_link_fails_and_one_that_could_not_be_checked_is_told(check_links):
    late = record("timeout", "read timed out", "https://slow.example.org")
    assert check_links([record("working", ""), late]) == (
        "2 links, none broken, 1 that could not be checked\na.md:3: https://slow.example.org: read timed out"
    )
    with pytest.raises(Mistake, match=r"lead nowhere:\na\.md:3: https://example\.org: 404 Not Found$"):
        check_links([late, record("broken", "404 Not Found")])


def test_a_check_of_links_that_did_not_run_is_not_taken_for_the_one_before(check_links):
    check_links([record("working", "")])
    with pytest.raises(Mistake, match="jupyter-book: no such builder"):
        check_links(None)


@pytest.mark.parametrize("target", ["serve", "pdf", "links"])
def test_the_commands_are_targets_of_make(target):
    done = subprocess.run(["make", "-n", target, "READY="], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"python -m repro.build {target} --scale book" in done.stdout
