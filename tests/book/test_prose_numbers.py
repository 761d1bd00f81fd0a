"""Numbers in prose come from the run: what is typed is constant by nature, and says why."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
import yaml

from repro.build.layout import chapters
from repro.provenance import ROOT

CONSTANT = yaml.safe_load((Path(__file__).parent / "constant_numbers.yml").read_text())
UNIT = r" ?(?:%|°|percent\b|percentage points)"
RESULT_LIKE = re.compile(rf"(?<![\w.])(?:\d+\.\d+(?:{UNIT})?|\d+{UNIT})(?![\w.]*\d)")
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)


def typed(text: str) -> set[str]:
    """Decimals, percentages and angles in a text, code and links left out."""
    return set(RESULT_LIKE.findall(NOT_PROSE.sub(" ", text)))


def said(code: str) -> Iterator[str]:
    """The fixed parts of what a cell says by ``run.say``: what stands outside the braces."""
    for call in ast.walk(ast.parse(code)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "say":
            formats = {
                id(part)
                for node in ast.walk(call)
                if isinstance(node, ast.FormattedValue) and node.format_spec
                for part in ast.walk(node.format_spec)
            }
            for node in ast.walk(call):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in formats:
                    yield node.value


def numbers(chapter: str) -> set[str]:
    """All numbers that are typed into the prose of a chapter and could be taken for results."""
    found: set[str] = set()
    for cell in jupytext.read(ROOT / "notebooks" / f"{chapter}.py").cells:
        if cell.cell_type == "markdown":
            found |= typed(cell.source)
        elif cell.cell_type == "code":
            found = found.union(*map(typed, said(cell.source)))
    return found


def test_results_are_told_from_other_numbers():
    text = (
        "It reached 97.3 % (or 12 %, 45° and 0.5) in 20 ms with `x = 1.5`, [a link](v1.2.html), eq. 3 and python3.11."
    )
    assert typed(text) == {"97.3 %", "12 %", "45°", "0.5"}
    assert list(said('run.say(f"It is {x:.1f} % of {y} and 90 % of {100 * z:.0f}.")')) == [
        "It is ",
        " % of ",
        " and 90 % of ",
        ".",
    ]


@pytest.mark.parametrize("chapter", chapters())
def test_every_number_typed_into_prose_is_constant_by_nature(chapter):
    known = CONSTANT.get(chapter, {})
    assert numbers(chapter) - set(known) == set(), (
        "take it from the run, or say in constant_numbers.yml why it can't change"
    )
    assert set(known) - numbers(chapter) == set(), "no longer in the prose"
    assert all(known.values())
