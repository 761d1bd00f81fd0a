"""Chapters executed cell by cell: to their end, or until they show something that another run did not."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import matplotlib
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_output
from papermill import execute_notebook

from repro import figures
from repro.provenance import MIME, ROOT

PRELOADED = ["brian2", "torch", "papermill", "jupytext", "IPython.core.interactiveshell", "repro.runs"]


def seen(run):
    """What a reader sees of a run, by name: the data of its figures, and its claims."""
    figures = {name: figure["digest"] for name, figure in run["figures"].items()}
    claims = {claim["id"]: (claim["verdict"], claim["value"], claim["n"]) for claim in run["claims"]}
    return figures | claims


def shown(cells):
    """All that the cells of an executed notebook show, a dictionary an output."""
    return [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]


def pages(cells):
    """The HTML among what the cells show."""
    return [data.get("text/html", "") for data in shown(cells)]


def record(cells):
    """The record that ``run.close`` shows."""
    (found,) = (data[MIME] for data in shown(cells) if MIME in data)
    return found


def _cells_shown(chapter, values, until_unlike, drawn):
    """Run a chapter's cells in this process: its run's record, and the notebook with what its cells show.

    Without a kernel of its own, whose start would cost more than most of these runs; the book's build has kernels.
    """
    matplotlib.use("agg")
    if not drawn:
        figures._image = lambda fig: ("image/svg+xml", b"")  # the digest is of the data, not of the drawing
    notebook = execute_notebook(f"notebooks/{chapter}.py", None, values, cwd=str(ROOT), prepare_only=True)
    shell = InteractiveShell.instance()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        with capture_output() as caught:
            shell.run_cell(cell.source).raise_error()
        cell.outputs = [new_output("display_data", each._repr_mimebundle_()[0]) for each in caught.outputs]
        if until_unlike and any("figure" in html or "claim" in html for html in pages([cell])):
            run = shell.user_ns["run"].record()
            if not seen(run).items() <= until_unlike.items():
                return run, notebook
    return record(notebook.cells), notebook


def executed(chapter, values, until_unlike=None, drawn=False):
    """The record and the notebook of a chapter run with these parameters, in a process that ends with it.

    With ``until_unlike``, what is ``seen`` of another run, it ends at the first figure or claim that is unlike there.
    Figures are drawn only if ``drawn``: drawing takes longer than much of what is drawn.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_cells_shown, chapter, values, until_unlike, drawn).result()
