"""What every chapter's source must look like."""

import ast

import jupytext
import pytest

from repro.build.layout import chapters
from repro.provenance import ROOT

LONGEST_CELL = 25  # lines: a reader should never scroll past machinery to reach a figure


@pytest.fixture(params=chapters())
def code(request):
    """The code cells of a chapter."""
    cells = jupytext.read(ROOT / "notebooks" / f"{request.param}.py").cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_a_chapter_opens_with_its_parameters_and_ends_by_closing_its_run(code):
    assert "parameters" in code[0].metadata.get("tags", [])
    assert "open_run(" in code[1].source
    assert code[-1].source == "run.close()"


def test_a_parameter_has_a_type_a_plain_default_and_a_comment_on_one_line(code):
    for line in code[0].source.splitlines():
        name, _, rest = line.partition(":")
        assert name.isidentifier()
        assert "=" in rest
        assert "#" in rest
        assert not rest.partition("=")[2].strip().startswith("(")


def test_code_cells_are_short(code):
    long = {cell.source.splitlines()[0]: n for cell in code if (n := len(cell.source.splitlines())) > LONGEST_CELL}
    assert not long


# what matplotlib's calls give back is shown where a cell ends in them
SHOWN = {"legend", "plot", "set", "text", "axhline", "axvline", "scatter", "bar", "imshow", "errorbar", "annotate"}


def test_no_cell_ends_in_a_call_whose_value_would_be_shown(code):
    last = [tree[-1] for cell in code if (tree := ast.parse(cell.source).body)]
    calls = [node.value.func for node in last if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not {name for name in names if name in SHOWN or name.startswith(("set_x", "set_y"))}
