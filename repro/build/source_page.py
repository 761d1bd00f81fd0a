"""A chapter's source as a page with numbered lines, and the line that shows each figure."""

from __future__ import annotations

import ast
import re

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}.py</title><link rel="icon" href="data:,">
<style>
body {{ margin: 1rem; font-family: sans-serif; background: #fff; color: #111; }}
pre {{ overflow-x: auto; line-height: 1.4; }}
a:has(> .linenos) {{ color: inherit; text-decoration: none; user-select: none; }}
span:target, a:target {{ background: #ffe08a; color: #111; scroll-margin-top: 30vh; padding: .2em; }}
{light}
@media (prefers-color-scheme: dark) {{
body {{ background: #0d1117; color: #e6edf3; }}
a {{ color: #7ab8ff; }}
{dark}
}}
</style></head>
<body><main><h1>notebooks/{name}.py</h1><p><a href="../chapters/{name}.html">Back to the chapter</a></p>
<div class="code" tabindex="0" role="region" aria-label="Source of the chapter">{code}</div></main></body>
</html>
"""


def _format(style: str) -> HtmlFormatter:
    return HtmlFormatter(style=style, linenos="inline", lineanchors="line", anchorlinenos=True)


def source_html(name: str, text: str) -> str:
    """The page of a chapter's source; line n has the anchor ``line-n``."""
    light, dark = _format("a11y-light"), _format("a11y-dark")
    return PAGE.format(
        name=name,
        light=light.get_style_defs(".highlight"),
        dark=dark.get_style_defs(".highlight"),
        code=highlight(text, PythonLexer(), light),
    )


Given = tuple[ast.expr, bool, int]
"""What may be a label, whether ``run.figure`` itself is given it, and the line."""


def figure_calls(text: str) -> list[Given]:
    """What may be the label of a figure.

    That is what ``run.figure`` is given as label, and what is written out in a call of a function by its bare name,
    such as one of the chapter's own that draws the same figure of several things.
    """
    found: list[Given] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "figure":
            given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "label")]
            found += [(label, True, node.lineno) for label in given]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found += [(given, False, node.lineno) for given in node.args if isinstance(given, ast.Constant)]
    return found


def figure_line(calls: list[Given], label: str) -> int | None:
    """The line of the source that shows a figure; None if no call could.

    A label written out for ``run.figure`` goes before one written out for another function, that before a formatted one
    that matches, and that before one computed elsewhere.
    """
    ranked = [(rank, line) for given, own, line in calls if (rank := _rank(given, own, label)) is not None]
    return min(ranked)[1] if ranked else None


def _rank(given: ast.expr, own: bool, label: str) -> int | None:
    """How surely an expression gives a label, 0 for certain; None if it cannot."""
    if isinstance(given, ast.Constant):
        return (0 if own else 1) if given.value == label else None
    if isinstance(given, ast.JoinedStr):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in given.values]
        return 2 if re.fullmatch("".join(parts), label) else None
    return 3
