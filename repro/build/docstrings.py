"""Docstrings in NumPy's style as Markdown, with their sources turned into citations."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import groupby
from typing import Any

import griffe

from repro.provenance import ROOT

KEYS = re.compile(r"\[([a-z][a-z0-9_]+(?:[,;] ?[a-z][a-z0-9_]+)*)\]")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>$#|~^]|(?<=\w)\.(?=\w))")  # a dot inside a word would make it a link
ITEMS = re.compile(r"\s|\*{0,2}\w+(, \*{0,2}\w+)*( : .*)?$")


def bibliography() -> set[str]:
    """The keys of the book's sources."""
    return set(re.findall(r"^@\w+\{(.*?),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))


def sources(docstring: griffe.Docstring | None, known: Collection[str]) -> list[str]:
    """The keys that a docstring cites, in order, each once; words in brackets that are no keys are none."""
    text = docstring.value if docstring else ""
    keys = [key for found in KEYS.findall(text) for key in re.split(r"[,;] ?", found)]
    return [key for key in dict.fromkeys(keys) if key in known]


def inline(text: str, known: Collection[str]) -> str:
    """Running text as Markdown: code as code, known keys as citations, everything else to the letter."""
    parts = re.split(r"(``.+?``|:\w+:`.+?`|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(_code(part) if place % 2 else _words(part, known) for place, part in enumerate(parts))


def _code(part: str) -> str:
    """A literal or a role, as code on one line."""
    return f"`{' '.join(re.sub(r'^:[a-z]+:', '', part).strip('`').split())}`"


def _words(part: str, known: Collection[str]) -> str:
    """Words between pieces of code, escaped, with citations."""
    pieces, end = [], 0
    for found in KEYS.finditer(part):
        keys = re.split(r"[,;] ?", found[1])
        if all(key in known for key in keys):
            pieces += [SPECIAL.sub(r"\\\1", part[end : found.start()]), f"{{cite:p}}`{','.join(keys)}`"]
            end = found.end()
    return "".join([*pieces, SPECIAL.sub(r"\\\1", part[end:])])


def paragraphs(text: str, known: Collection[str]) -> str:
    """Text of several paragraphs as Markdown: examples and indented blocks stay as they are typed, lists are lists."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        if lines[0].lstrip().startswith(">>>"):
            blocks.append("```python\n" + "\n".join(line.strip() for line in lines) + "\n```")
        elif all(line.startswith("    ") for line in lines):
            blocks.append("```text\n" + "\n".join(line[4:] for line in lines) + "\n```")
        else:
            blocks.append("\n".join(_line(line, known) for line in _joined(lines)))
    return "\n\n".join(blocks)


def _joined(lines: list[str]) -> list[str]:
    """Lines of a paragraph with code that runs over a line break put together."""
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].count("``") % 2:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    return joined


def _line(line: str, known: Collection[str]) -> str:
    """A line of a paragraph; a bullet at its beginning stays one."""
    bullet = re.match(r"\s*(?:[-*]|\d+\.)\s+", line)
    start = bullet[0] if bullet else ""
    return start + inline(line[len(start) :].strip(), known)


def in_order(docstring: str) -> str:
    """A docstring with its sections at the end: paragraphs that stand between them are put before the first."""
    text: list[str] = []
    sections: list[str] = []
    for block in re.split(r"\n\s*\n", docstring.strip("\n")):
        lines = block.split("\n")
        begins = len(lines) > 1 and re.fullmatch("-{3,}", lines[1].strip()) is not None
        (sections if begins or (sections and ITEMS.match(lines[0])) else text).append(block)
    return "\n\n".join([*text, *sections])


def markdown(item: griffe.Object, known: Collection[str]) -> str:
    """The docstring of an object as Markdown, section by section."""
    if item.docstring is None:
        return ""
    parts = []
    for section in griffe.Docstring(in_order(item.docstring.value), parent=item).parse("numpy"):
        if section.kind is griffe.DocstringSectionKind.text:
            parts.append(paragraphs(section.value, known))
        elif section.kind is griffe.DocstringSectionKind.parameters:
            parts.append(_parameters(section.value, item, known))
        elif section.kind in (griffe.DocstringSectionKind.returns, griffe.DocstringSectionKind.yields):
            parts.append(_returned(section.value, known))
        elif section.kind is griffe.DocstringSectionKind.raises:
            parts.append(_raised(section.value, known))
        elif section.kind is griffe.DocstringSectionKind.examples:
            parts.append("\n\n".join(paragraphs(text, known) for _, text in section.value))
        elif section.kind is griffe.DocstringSectionKind.admonition:
            parts.append(f"**{section.title}**\n\n{paragraphs(section.value.description, known)}")
        else:
            raise ValueError(f"{item.path}: a docstring's section {section.kind.value!r} has no form on the page")
    return "\n\n".join(part for part in parts if part)


def _parameters(found: list[Any], item: griffe.Object, known: Collection[str]) -> str:
    """Parameters as a list; those that share a description share a line. Types stand in the signature."""
    own = {p.name: str(p.annotation) for p in item.parameters} if isinstance(item, griffe.Function) else {}

    def says(parameter: Any) -> str:
        typed = str(parameter.annotation or "")
        words = "" if typed in own.values() or typed == "None" else f"{typed} "  # "name : what it is" on one line
        return " ".join(f"{words}{parameter.description}".split())

    lines = []
    for description, group in groupby(found, key=says):
        names = ", ".join(f"`{parameter.name}`" for parameter in group)
        lines.append(f"- {names}: {inline(description, known)}" if description else f"- {names}")
    return "\n".join(["**Parameters**", "", *lines])


def _returned(found: list[Any], known: Collection[str]) -> str:
    """What a function returns: sentences, whose lines griffe takes for types."""
    lines = " ".join(f"{each.annotation or ''} {each.description or ''}" for each in found)
    return f"**Returns**\n\n{inline(' '.join(lines.split()), known)}"


def _raised(found: list[Any], known: Collection[str]) -> str:
    """What a function raises and when, as a list."""
    lines = (f"- `{each.annotation}`: {inline(' '.join(each.description.split()), known)}" for each in found)
    return "\n".join(["**Raises**", "", *lines])
