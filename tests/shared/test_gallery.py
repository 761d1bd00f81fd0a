"""The gallery page: what it takes from executed notebooks."""

import nbformat
from bs4 import BeautifulSoup

from repro.build.gather import gallery


def notebook(path, labels):
    cells = []
    for label in labels:
        html = f'<figure class="repro-figure" id="{label}"><img src="data:," alt="fields"></figure>'
        output = nbformat.v4.new_output("display_data", {"text/html": html})
        cells.append(nbformat.v4.new_code_cell("", outputs=[output]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_each_gallery_figure_gets_a_tab_and_others_do_not(tmp_path):
    one = notebook(tmp_path / "one.ipynb", ["curve", "gallery-l0", "gallery-cubic_root"])
    two = notebook(tmp_path / "two.ipynb", ["gallery-l0"])
    page = BeautifulSoup(gallery([one, two]), "html.parser")
    assert [label.text for label in page.select("label")] == ["l0", "cubic root", "l0"]
    assert [bool(radio.has_attr("checked")) for radio in page.select("input")] == [True, False, True]
    # a label belongs to the input before it, and no two tabs to the same
    targets = [label["for"] for label in page.select("label")]
    assert targets == [radio["id"] for radio in page.select("input")]
    assert len(set(targets)) == 3
    assert len(page.select("figure img[alt]")) == 3
    assert [link["href"] for link in page.select("a")] == ["chapters/one.html", "chapters/two.html"]


def test_without_a_gallery_the_page_says_so(tmp_path):
    assert "No chapter with a gallery" in gallery([notebook(tmp_path / "n.ipynb", ["curve"])])
