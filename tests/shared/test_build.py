"""What a chapter depends on, how it is executed, and how verdicts are kept."""

import os
import shutil
import subprocess
import sys

import jupytext
import nbformat
import pytest

from repro.build import execute, gather, layout, site
from repro.errors import Mistake
from repro.provenance import ROOT


def notebook(tmp_path, text):
    path = tmp_path / "n.py"
    path.write_text(text)
    return path


def loaded_by(statement):
    """The modules of the package that Python itself loads: the independent check of the static closure."""
    code = f"import sys\n{statement}\nprint(*sorted(m for m in sys.modules if m.split('.')[0] == 'repro'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "from repro import claims",
        "import repro.tables",
        "from repro.claims import judge",
        "from repro import runs, results",
    ],
)
def test_the_closure_is_what_python_loads(tmp_path, statement):
    assert layout.closure(notebook(tmp_path, statement)) == loaded_by(statement)


def test_what_is_not_imported_is_not_in_the_closure(tmp_path):
    found = layout.closure(notebook(tmp_path, "import numpy\nfrom repro.errors import Mistake"))
    assert found == ["repro", "repro.errors"]


def test_a_notebook_that_is_not_python_is_named_with_its_line(tmp_path):
    with pytest.raises(Mistake, match=r"n\.py, line 2: .*: def broken\(:$"):
        layout.closure(notebook(tmp_path, "import repro\ndef broken(:\n"))


def test_a_module_that_is_not_python_is_named_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "halfwritten").mkdir()
    (tmp_path / "halfwritten" / "__init__.py").write_text("def broken(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Mistake, match=r"halfwritten/__init__\.py, line 1: def broken\(:$"):
        layout.closure(notebook(tmp_path, "import repro"), "halfwritten")


def test_a_build_of_what_is_not_python_fails_in_one_line(tmp_path):
    """Snakemake takes an error inside its graph for a missing rule, and would call the old pages up to date."""
    copy = tmp_path / "copy"
    keep = shutil.ignore_patterns("_build", "chapters", "__pycache__")
    for name in ("repro", "notebooks", "data", "book"):
        shutil.copytree(ROOT / name, copy / name, ignore=keep)
    for name in ("Snakefile", "_toc.yml", "_config.yml", "CITATION.cff", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    with (copy / "notebooks" / "multifactor.py").open("a") as file:
        file.write("\ndef broken(:\n")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "all"]
    where = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(command, cwd=copy, env=where, capture_output=True, text=True)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if "error" in line]
    assert line.startswith("error: notebooks/multifactor.py, line ")


def test_every_input_of_every_chapter_exists():
    for chapter in layout.chapters():
        for name in layout.inputs(chapter):
            assert (ROOT / name).is_file(), name


def test_an_unknown_chapter_is_named_with_those_that_exist():
    with pytest.raises(Mistake, match=r"no chapter 'nowhere'; there are .*weight_alignment"):
        layout.choose("weight_alignment nowhere")
    assert layout.choose("") == layout.chapters()


SOURCE = """# %% [markdown]
# {prose}

# %% tags=["parameters"]
scale: str = "book"

# %%
{code}
"""


def read(prose, code):
    return jupytext.reads(SOURCE.format(prose=prose, code=code), fmt="py:percent")


def as_executed(source):
    done = nbformat.from_dict(source)
    injected = nbformat.v4.new_code_cell('# Parameters\nscale = "smoke"\n', metadata={"tags": ["injected-parameters"]})
    done.cells.insert(2, injected)
    done.cells[3].outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    return done


def test_new_prose_keeps_the_outputs():
    done = as_executed(read("old words", "print(42)"))
    renewed = execute.with_new_prose(done, read("new words", "print(42)"))
    assert [cell.cell_type for cell in renewed.cells] == ["markdown", "code", "code", "code"]
    assert renewed.cells[0].source == "new words"
    assert renewed.cells[2].metadata["tags"] == ["injected-parameters"]
    assert renewed.cells[3].outputs[0]["text"] == "42\n"


def test_new_code_never_keeps_old_outputs():
    done = as_executed(read("words", "print(42)"))
    with pytest.raises(ValueError, match="other code cells"):
        execute.with_new_prose(done, read("words", "print(43)"))


def run_with(**verdicts):
    return {"chapter": "c", "scale": "smoke", "claims": [{"id": k, "verdict": v} for k, v in verdicts.items()]}


def test_a_changed_new_or_vanished_verdict_is_told(tmp_path):
    kept = tmp_path / "verdicts.csv"
    gather.accept_verdicts([run_with(A="reproduced", B="inconclusive", C="reproduced")], kept)
    assert gather.changed_verdicts([run_with(A="reproduced", B="inconclusive", C="reproduced")], kept) == []
    changed = gather.changed_verdicts([run_with(A="not reproduced", B="inconclusive", D="reproduced")], kept)
    assert changed == [
        "c A at scale smoke: reproduced -> not reproduced",
        "c C at scale smoke: reproduced -> absent",
        "c D at scale smoke: absent -> reproduced",
    ]


def test_accepting_one_scale_leaves_the_others(tmp_path):
    kept = tmp_path / "verdicts.csv"
    book = run_with(A="inconclusive") | {"scale": "book"}
    gather.accept_verdicts([run_with(A="reproduced"), book], kept)
    gather.accept_verdicts([run_with(A="not reproduced")], kept)
    assert gather.changed_verdicts([book], kept) == []
    assert gather.changed_verdicts([run_with(A="not reproduced")], kept) == []


def test_a_notebook_without_a_run_is_refused_by_name(tmp_path):
    path = tmp_path / "plain.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(Mistake, match=r"plain\.ipynb: holds no run"):
        gather.read_run(path)
    with pytest.raises(Mistake, match=r"absent\.ipynb: no such notebook"):
        gather.read_run(tmp_path / "absent.ipynb")


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A checkout with one chapter; its key is its code."""
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "c.py"
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    monkeypatch.setattr(layout, "key", lambda name, scale: path.read_text().partition("# %% tags")[2])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")

    def write(prose, code):
        kernel = (
            "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n\n"
        )
        path.write_text(kernel + SOURCE.format(prose=prose, code=code))
        return tmp_path / "book" / "chapters"

    return write


@pytest.mark.filterwarnings("ignore")  # of the libraries that start a kernel
def test_a_chapter_that_fails_is_kept_apart_with_its_cell_named_and_runs_again_when_mended(chapter):
    made = chapter("words", "print(scale)")
    assert execute.execute("c", "book") == "executed"
    before = (made / "c.ipynb").read_bytes()
    chapter("words", "raise RuntimeError('broken')")
    with pytest.raises(Mistake, match=r"c: cell In\[3\] failed: RuntimeError: broken \(kept: .*c\.failed\.ipynb\)"):
        execute.execute("c", "book")
    assert {path.name for path in made.iterdir()} == {"c.ipynb", "c.failed.ipynb"}
    assert (made / "c.ipynb").read_bytes() == before
    chapter("other words", "print(scale)")
    assert execute.execute("c", "book") == "prose only, outputs kept"
    assert {path.name for path in made.iterdir()} == {"c.ipynb"}
    assert "other words" in (made / "c.ipynb").read_text()


LINK = "/x/chapters/b.ipynb:10: WARNING: 'myst' cross-reference target not found: 'a.ipynb' [myst.xref_missing]"


def test_a_link_to_a_chapter_that_is_left_out_is_no_complaint_and_any_other_is():
    assert site.only_of_absent(LINK, {"a"})
    assert not site.only_of_absent(LINK, {"c"})
    assert not site.only_of_absent(f"{LINK}\n/x/index.md:1: WARNING: something else", {"a"})
    assert not site.only_of_absent("a crash that names no warning", {"a"})


def test_a_page_that_was_complained_of_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "ROOT", tmp_path)
    where = layout.Layout("smoke")
    made = tmp_path / where.site.parent / ".doctrees"
    (made / "howto").mkdir(parents=True)
    for name in ("index", "howto/vary"):
        (made / f"{name}.doctree").touch()
    source = tmp_path / where.source
    site.forget(where, [f"{source}/howto/vary.md:5: WARNING: Unknown directive type: 'x'"])
    assert [path.name for path in made.rglob("*.doctree")] == ["index.doctree"]
    site.forget(where, ["WARNING: a bibliography entry is missing"])
    assert not made.exists()


def test_references_are_written_anew_and_all_pages_where_the_bibliography_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "ROOT", tmp_path)
    where = layout.Layout("smoke")
    made, page = tmp_path / where.site.parent / ".doctrees", tmp_path / where.site / "references.html"
    bibliography = tmp_path / "book" / "references.bib"
    site.read_references_again(where)  # a first build has nothing to read again
    for path in (made / "index.doctree", made / "references.doctree", page, bibliography):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    os.utime(bibliography, (1, 1))
    site.read_references_again(where)
    assert [path.name for path in made.iterdir()] == ["index.doctree"]
    os.utime(page, (0, 0))
    site.read_references_again(where)
    assert not made.exists()


def test_a_build_has_the_references_read_again_before_sphinx_looks(tmp_path, monkeypatch):
    made = tmp_path / layout.Layout("smoke").site.parent / ".doctrees" / "references.doctree"
    made.parent.mkdir(parents=True)
    made.touch()
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "repository", lambda: None)
    monkeypatch.setattr(site, "known_chapters", lambda where: [])
    monkeypatch.setattr(site, "stage", lambda where, known: None)

    def sphinx(where):
        raise Mistake("too late" if made.exists() else "in time")

    monkeypatch.setattr(site, "jupyter_book", sphinx)
    with pytest.raises(Mistake, match="in time"):
        site.build(layout.Layout("smoke"))
