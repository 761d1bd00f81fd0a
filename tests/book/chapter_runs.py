"""Chapters executed cell by cell: to their end, or until they show something that another run did not."""

import json

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from papermill import execute_notebook

from repro.provenance import MIME, ROOT

ASK = "import json; print(json.dumps(run.record()))"


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


def _asked(client, place):
    """The record of a run that is not closed yet; the question leaves no trace in the notebook."""
    cells = client.nb.cells
    kept = cells[place]
    try:
        answer = client.execute_cell(new_code_cell(ASK), place, store_history=False)
    finally:
        cells[place] = kept
    return json.loads("".join(output.text for output in answer.outputs))


def executed(chapter, values, until_unlike=None):
    """The record and the notebook of a chapter run with these parameters.

    With ``until_unlike``, what is ``seen`` of another run, it ends at the first figure or claim that is unlike there.
    """
    notebook = execute_notebook(f"notebooks/{chapter}.py", None, values, cwd=str(ROOT), prepare_only=True)
    client = NotebookClient(notebook, kernel_name="python3", timeout=None, resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        for place, cell in enumerate(notebook.cells):
            client.execute_cell(cell, place)
            if until_unlike and any("figure" in html or "claim" in html for html in pages([cell])):
                run = _asked(client, place)
                if not seen(run).items() <= until_unlike.items():
                    return run, notebook
    return record(notebook.cells), notebook
