"""Execute a chapter with papermill; a chapter of which only the prose changed keeps its outputs."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError

from repro.build import layout
from repro.errors import Mistake
from repro.provenance import ROOT


def fold(notebook: nbformat.NotebookNode) -> None:
    """Tag the code cells for the page: folded, one click away; what papermill injected stands in the last table."""
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        if cell.cell_type == "code":
            tags.append("remove-cell" if "injected-parameters" in tags else "hide-input")


def with_new_prose(executed: nbformat.NotebookNode, source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The executed notebook with the Markdown cells of ``source``; both must have the same code cells in order."""
    code = iter([cell for cell in executed.cells if cell.cell_type == "code"])
    cells = []
    for cell in source.cells:
        if cell.cell_type != "code":
            cells.append(cell)
            continue
        done = next(code)
        if done.source != cell.source:
            raise ValueError("the executed notebook has other code cells than its source")
        cells.append(done)
        if "parameters" in cell.metadata.get("tags", []):
            cells.append(next(code))  # papermill puts what it injects behind it
    renewed = nbformat.from_dict(executed)
    renewed.cells = cells
    return renewed


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write under a temporary name, then move."""
    partial = path.with_name(f".{path.stem}.partial.ipynb")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def execute(chapter: str, scale: str) -> str:
    """Bring the executed notebook of a chapter up to date, and say in a word what was done.

    Raises
    ------
    Mistake
        If a cell fails; the notebook is then kept as ``CHAPTER.failed.ipynb`` and the message names the cell.
    """
    where = layout.Layout(scale)
    output, failed = ROOT / where.executed(chapter), ROOT / where.failed(chapter)
    output.parent.mkdir(parents=True, exist_ok=True)
    failed.unlink(missing_ok=True)
    key = layout.key(chapter, scale)
    if output.exists():
        before = nbformat.read(output, as_version=4)
        if before.metadata.get("repro", {}).get("key") == key:
            _write(with_new_prose(before, jupytext.read(ROOT / "notebooks" / f"{chapter}.py")), output)
            return "prose only, outputs kept"
    partial = output.with_name(f".{chapter}.partial.ipynb")
    # progress bars are for people who wait at a screen, not for a page
    os.environ["TQDM_DISABLE"] = "1"
    try:
        papermill.execute_notebook(
            f"notebooks/{chapter}.py", str(partial), parameters={"scale": scale}, cwd=str(ROOT), progress_bar=False
        )
    except PapermillExecutionError as error:
        message = f"{chapter}: cell In[{error.exec_count}] failed: {error.ename}: {error.evalue}"
        notebook = nbformat.read(partial, as_version=4)
        notebook.metadata["repro"] = {"failed": message}
        partial.unlink()
        _write(notebook, failed)
        raise Mistake(f"{message} (kept: {failed.relative_to(ROOT)})") from None
    notebook = nbformat.read(partial, as_version=4)
    notebook.metadata["repro"] = {"key": key}
    fold(notebook)
    partial.unlink()
    _write(notebook, output)
    return "executed"
