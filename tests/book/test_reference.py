"""The reference says what the code says: compared with what Python itself sees of the package."""

import importlib
import inspect
import re

import griffe
import pytest

from repro.build import docstrings, reference_pages
from repro.build.layout import chapters

ROOMS = [name for name in reference_pages.rooms() if name != reference_pages.SHARED]


@pytest.fixture(scope="module")
def pages():
    return reference_pages.pages(chapters())


def entry(pages, item):
    """The text of the entry of a function or class."""
    room = item.__module__.split(".")[1]
    page = pages.get(f"api/{room}.md", pages["api/shared.md"])
    name = item.__name__.replace("_", r"\_")
    inside = page.split(f"`{item.__module__}`;")[1]
    return inside.split(f"\n### {name}\n")[1].split("\n### ")[0]


def exported(room):
    module = importlib.import_module(f"repro.{room}")
    assert module.__all__, f"repro.{room} exports nothing"
    return [getattr(module, name) for name in module.__all__]


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_exports_has_its_entry_with_its_signature(pages, room):
    for function in filter(inspect.isfunction, exported(room)):
        signature = re.search(r"```python\n(.*?)\n```", entry(pages, function), re.DOTALL)[1]
        names = list(inspect.signature(function).parameters)
        assert re.findall(r"(?:\(|^ {4}|, )\*{0,2}(\w+)(?=[:=,)])", signature, re.MULTILINE)[: len(names)] == names


@pytest.mark.parametrize("room", ROOMS)
def test_the_fields_of_a_class_stand_there_with_their_types(pages, room):
    for item in exported(room):
        if inspect.isclass(item) and hasattr(item, "__dataclass_fields__"):
            text = entry(pages, item)
            for name in item.__dataclass_fields__:
                assert re.search(rf"^    {name}: \S", text, re.MULTILINE), (item, name)


def objects(item):
    """All functions and classes of the package."""
    for member in item.members.values():
        if isinstance(member, griffe.Module | griffe.Class):
            yield from objects(member)
        if isinstance(member, griffe.Function) and member.docstring:
            yield member


def test_a_docstring_explains_parameters_that_there_are():
    for function in objects(reference_pages.package()):
        parsed = griffe.Docstring(docstrings.in_order(function.docstring.value), parent=function).parse("numpy")
        for section in parsed:
            if section.kind is griffe.DocstringSectionKind.parameters:
                told = {parameter.name.lstrip("*") for parameter in section.value}
                assert told <= {parameter.name for parameter in function.parameters}, function.path


def test_links_lead_to_places_and_citations_to_sources(pages):
    for name, page in pages.items():
        places = set(re.findall(r"^\((api-[a-z0-9-]+)\)=$", page, re.MULTILINE))
        assert set(re.findall(r"\(#(api-[a-z0-9-]+)\)", page)) <= places, name
        keys = {key for found in re.findall(r"\{cite:.\}`(.*?)`", page) for key in found.split(",")}
        assert keys <= docstrings.bibliography(), name
    assert "{cite:p}`pfister2006triplets`" in pages["api/spike_triplets.md"]


def test_a_module_names_the_chapters_that_import_it(pages):
    text = pages["api/weight_alignment.md"]
    (line,) = re.findall(r"^`repro\.weight_alignment\.flows`;.*$", text, re.MULTILINE)
    assert "weight_alignment.ipynb" in line
    assert "spike_triplets" not in line
    alone = reference_pages.pages(["multifactor"])["api/weight_alignment.md"]
    assert set(re.findall(r"\.\./chapters/(\w+)\.ipynb", alone)) <= {"multifactor"}


def test_words_stay_words_and_code_stays_code():
    text = docstrings.inline("w_ij *x* in stored.py [kunin2020two], [none], ``a_b``", {"kunin2020two"})
    assert text == r"w\_ij \*x\* in stored\.py {cite:p}`kunin2020two`, \[none\], `a_b`"


def test_a_paragraph_between_sections_is_text():
    sections = (
        "Parameters\n----------\nx\n    A number.",
        "What follows is text.",
        "Raises\n------\nMistake\n    If not.",
    )
    docstring = "\n\n".join(["First.", *sections])
    ordered = docstrings.in_order(docstring)
    assert ordered.index("What follows") < ordered.index("Parameters") < ordered.index("Raises")
