"""Equations are numbered and referred to, and every letter in them stands in the page of notation."""

import re
import unicodedata
from collections import Counter

import jupytext
import pytest

from repro.build import notation_page
from repro.build.layout import chapters
from repro.provenance import ROOT

NOTATION = notation_page.read()
SYMBOLS = NOTATION["differ"] | NOTATION["alike"]
EQUATION = re.compile(r"^\$\$\n(.*?)\n\$\$(?: \((eq-[a-z-]+)\))?$", re.DOTALL | re.MULTILINE)


def greek(letter):
    """The LaTeX name of a Greek letter."""
    _, size, _, name, *_ = unicodedata.name(letter).split()
    return name.capitalize() if size == "CAPITAL" else name.lower()


GREEK = {greek(letter) for letter in "αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ"} - {"pi"} | {"ell"}


def prose(chapter):
    """The Markdown cells of a chapter, one text."""
    cells = jupytext.read(ROOT / "notebooks" / f"{chapter}.py").cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def letters(formula):
    """The letters that a formula uses, Greek ones by name; words, operators and numbers are not letters."""
    plain = re.sub(r"\\(?:text|mathrm|begin|end)\{[^}]*\}", " ", formula).replace("\\var", "\\").replace("ℓ", r"\ell ")
    plain = re.sub(r"[Α-ω]", lambda found: f"\\{greek(found[0])} ", plain)
    latin = set(re.findall(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", " ", plain)))
    return latin | (GREEK & set(re.findall(r"\\([a-zA-Z]+)", plain)))


def defined(chapter):
    """The letters that the notation explains for a chapter, in its symbols and beside them."""
    found = set()
    for symbol, rows in SYMBOLS.items():
        for name, means, *_ in rows:
            if name == chapter:
                found |= letters(symbol).union(*map(letters, re.findall(r"\$(.*?)\$", means)))
    return found


@pytest.fixture(scope="module")
def equations():
    """Formula by label, by chapter."""
    return {name: {label: formula for formula, label in EQUATION.findall(prose(name))} for name in chapters()}


def test_letters_are_told_from_words_and_operators():
    assert letters(r"\dot w = \mathrm{amp}\,Δw_{ab} \tanh\frac{V-\theta_\pm}{2} \text{[K]}") == {
        *"wabV",
        "Delta",
        "theta",
    }


@pytest.mark.parametrize("chapter", chapters())
def test_every_displayed_equation_is_labelled_and_referred_to(chapter, equations):
    text = prose(chapter)
    assert equations[chapter]
    assert text.count("$$") == 2 * len(equations[chapter]), "a displayed equation without a label of its own"
    assert set(re.findall(r"\{eq\}`(.*?)`", text)) == set(equations[chapter])


def test_a_label_stands_for_one_equation(equations):
    labels = Counter(label for found in equations.values() for label in found)
    assert [label for label, count in labels.items() if count > 1] == []


@pytest.mark.parametrize("chapter", chapters())
def test_every_letter_of_an_equation_is_in_the_notation(chapter, equations):
    for label, formula in equations[chapter].items():
        assert letters(formula) <= defined(chapter), label


def test_the_equation_that_brings_a_symbol_in_shows_it(equations):
    for symbol, rows in SYMBOLS.items():
        for chapter, means, *label in rows:
            if label:
                shown = letters(equations[chapter][label[0]])
                assert shown & letters(symbol), f"{symbol} in {chapter}: {means}"


def test_a_symbol_stands_once():
    assert not set(NOTATION["differ"]) & set(NOTATION["alike"])
    assert all(len(rows) > 1 for rows in NOTATION["differ"].values())


def test_what_was_not_built_is_not_linked_to():
    page = notation_page.page(["multifactor"], NOTATION)
    assert set(re.findall(r"\(chapters/(.*?)\.ipynb\)", page)) == {"multifactor"}
    known = {row[2] for rows in SYMBOLS.values() for row in rows if row[0] == "multifactor" and len(row) > 2}
    assert set(re.findall(r"\{eq\}`(.*?)`", page)) == known
