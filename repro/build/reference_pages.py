"""The reference of the package, a page a room, read from the code's docstrings without importing it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import griffe

from repro.build import docstrings, layout
from repro.provenance import ROOT

LEFT_OUT = {"build"}  # the book's own machinery, which no chapter uses
SHARED = "shared"
LINE = 76  # a signature that is longer is shown a parameter a line


@dataclass(frozen=True)
class Context:
    """What the pages need to know besides the code."""

    chapters: Mapping[str, list[str]]  # by module: the chapters that import it, directly or not
    built: Collection[str]  # chapters that have a page to link to
    known: Collection[str]  # keys of the bibliography


@lru_cache
def package() -> griffe.Module:
    """The package, read and not run."""
    logging.getLogger("griffe").setLevel(logging.CRITICAL)  # it asks for annotations that closures need not have
    loaded = griffe.load("repro", search_paths=[str(ROOT)], try_relative_path=False, allow_inspection=False)
    assert isinstance(loaded, griffe.Module)
    return loaded


def rooms() -> dict[str, list[griffe.Module]]:
    """The modules of each room, its own first; what all rooms share comes last, as a room of its own."""
    found: dict[str, list[griffe.Module]] = {}
    shared = []
    for name, module in sorted(package().modules.items()):
        if name in LEFT_OUT or name.startswith("_"):
            continue
        if module.is_init_module:
            inside = sorted(module.modules.items())
            found[name] = [module, *(inner for key, inner in inside if not key.startswith("_"))]
        else:
            shared.append(module)
    return found | {SHARED: shared}


@lru_cache
def users() -> dict[str, list[str]]:
    """By module, the chapters that import it, directly or through others, in the order of the book."""
    found: dict[str, list[str]] = {}
    for chapter in layout.chapters():
        for module in layout.closure(ROOT / "notebooks" / f"{chapter}.py"):
            found.setdefault(module, []).append(chapter)
    return found


def pages(built: Collection[str]) -> dict[str, str]:
    """The reference as pages in Markdown, by path under the book's source."""
    context = Context(users(), built, docstrings.bibliography())
    found = {f"api/{room}.md": page(room, modules, context) for room, modules in rooms().items()}
    return {"api/index.md": index(context)} | found


def index(context: Context) -> str:
    """The first page: what there is, a row a room."""
    rows = []
    for room, modules in rooms().items():
        says = "errors, parameters, claims, runs, figures, results: what all rooms use"
        if room != SHARED:
            says = docstrings.inline(_first_line(modules[0]), context.known)
        rows.append(f"| [{_title(room)}]({room}.md) | {says} |")
    return "\n".join(
        [
            "# Reference",
            "",
            "Every public function and class of the package, taken from the code: its signature with the shapes",
            "of arrays (`Float[np.ndarray, 'neurons steps']` is a matrix of fractions, neurons by steps), what it",
            "computes, its units, what it refuses, where its equation comes from, and which chapters use its module,",
            "directly or through others. What cites nothing of its own follows the source named at its module.",
            "Letters are explained in [Notation](../notation.md); [How to](../howto/index.md) shows some of this",
            "at work.",
            "",
            "| room | what it is for |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def page(room: str, modules: list[griffe.Module], context: Context) -> str:
    """A room's page: what it exports, then module by module."""
    parts = [f"# {_title(room)}"]
    if room != SHARED:
        parts += [docstrings.markdown(modules[0], context.known), _exports(modules[0])]
    parts += [_module(module, room, context) for module in (modules if room == SHARED else modules[1:])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(room: str) -> str:
    return "What all rooms share" if room == SHARED else f"repro.{room}"


def _first_line(module: griffe.Module) -> str:
    return module.docstring.value.split("\n\n")[0].replace("\n", " ") if module.docstring else ""


def _exports(room: griffe.Module) -> str:
    """What ``from repro.ROOM import`` gives, each name a link to where it is told."""
    links = []
    for name in room.exports or []:
        target = package()[room.imports[str(name)].removeprefix("repro.")]  # not .members: a module may have its name
        links.append(f"[`{name}`](#{_anchor(target)})" if documented(target) else f"`{name}`")
    return f"`from {room.path} import …` gives {', '.join(links)}." if links else ""


def _anchor(item: griffe.Object) -> str:
    kind = "class-" if isinstance(item, griffe.Class) else ""  # Fit and fit are one to Sphinx
    return f"api-{kind}" + item.path.removeprefix("repro.").replace(".", "-").replace("_", "-").lower()


def documented(item: griffe.Object) -> bool:
    """Whether an object has an entry: public, with a docstring, and no command of a program."""
    commands = [str(decorator.value) for decorator in getattr(item, "decorators", [])]
    named = not item.name.startswith("_") and item.docstring is not None
    return named and not any(command.split("(")[0].endswith("command") for command in commands)


def _module(module: griffe.Module, room: str, context: Context) -> str:
    """A module's part of the page, or nothing if it has nothing public."""
    own = [item for item in module.members.values() if isinstance(item, griffe.Object) and not item.is_module]
    items = [item for item in own if documented(item)]
    if not items:
        return ""
    head = [f"({_anchor(module)})=", f"## {docstrings.inline(module.name, ())}", ""]
    head += [docstrings.markdown(module, context.known), "", _facts(module, room, context)]
    return "\n".join(head) + "\n\n" + "\n\n".join(_entry(item, context) for item in items)


def _facts(module: griffe.Module, room: str, context: Context) -> str:
    """A module's path, its sources or else its room's, and the chapters that run on it."""
    keys = docstrings.sources(module.docstring, context.known)
    if not keys and room != SHARED:
        keys = docstrings.sources(package()[room].docstring, context.known)
    source = f"source {{cite:t}}`{','.join(keys)}`; " if keys else ""
    chapters = context.chapters.get(module.path, [])
    links = [f"[{name}](../chapters/{name}.ipynb)" if name in context.built else name for name in chapters]
    return f"`{module.path}`; {source}used by {', '.join(links) or 'no chapter'}."


def _entry(item: griffe.Object, context: Context) -> str:
    """A function, class or constant: signature and docstring; a class with its fields and methods."""
    parts = [f"({_anchor(item)})=\n### {docstrings.inline(item.name, ())}", _signature(item)]
    parts.append(docstrings.markdown(item, context.known))
    if isinstance(item, griffe.Class):
        parts += [_properties(item, context), *(_method(method, context) for method in _methods(item))]
    return "\n\n".join(part for part in parts if part)


def _signature(item: griffe.Object, name: str = "") -> str:
    """The signature as code."""
    if isinstance(item, griffe.Function):
        name, returns = name or item.name, f" -> {item.returns}" if item.returns else ""
        shown = [text for text in map(_parameter, _with_marks(item)) if text]
        text = f"{name}({', '.join(shown)}){returns}"
        if len(text) > LINE:
            text = f"{name}(\n" + "".join(f"    {one},\n" for one in shown) + f"){returns}"
    elif isinstance(item, griffe.Class):
        text = _class(item)
    else:
        typed = getattr(item, "annotation", None)
        text = f"{item.name}: {typed}" if typed else item.name
    return f"```python\n{text}\n```"


def _with_marks(function: griffe.Function) -> list[griffe.Parameter | str]:
    """The parameters without ``self``, with the bare star before those that go by name alone."""
    found: list[griffe.Parameter | str] = []
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        by_name = parameter.kind is griffe.ParameterKind.keyword_only
        if by_name and not any(one == "*" or str(getattr(one, "kind", "")).endswith("var_positional") for one in found):
            found.append("*")
        found.append(parameter)
    return found


def _parameter(parameter: griffe.Parameter | str) -> str:
    """One parameter as it stands in a signature."""
    if isinstance(parameter, str):
        return parameter
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    name = stars.get(parameter.kind, "") + parameter.name  # type: ignore[arg-type]
    typed = f": {parameter.annotation}" if parameter.annotation is not None else ""
    shown = parameter.default is not None and not stars.get(parameter.kind)  # type: ignore[arg-type]
    default = (" = " if typed else "=") + str(parameter.default) if shown else ""
    return f"{name}{typed}{default}"


def _methods(item: griffe.Class) -> list[griffe.Function]:
    return [member for member in item.members.values() if isinstance(member, griffe.Function) and documented(member)]


def _method(method: griffe.Function, context: Context) -> str:
    """A method below its class."""
    return f"{_signature(method, f'.{method.name}')}\n\n{docstrings.markdown(method, context.known)}"


def _class(item: griffe.Class) -> str:
    """The head of a class with its fields, their units and defaults, as the code has them."""
    bases = f"({', '.join(map(str, item.bases))})" if item.bases else ""
    lines = [f"class {item.name}{bases}:"]
    for name, field in item.members.items():
        if isinstance(field, griffe.Attribute) and not name.startswith("_") and "property" not in field.labels:
            default = f" = {field.value}" if field.value is not None else ""
            comment = _comment(field)
            typed = f": {field.annotation}" if field.annotation is not None else ""
            lines.append(f"    {name}{typed}{default}" + (f"  # {comment}" if comment else ""))
    return "\n".join(lines) if len(lines) > 1 else lines[0].rstrip(":")


def _properties(item: griffe.Class, context: Context) -> str:
    """What a class derives from its fields, as a list."""
    lines = []
    for name, field in item.members.items():
        if isinstance(field, griffe.Attribute) and "property" in field.labels and documented(field):
            says = docstrings.markdown(field, context.known).replace("\n", " ")
            lines.append(f"- `{name}`: {says}")
    return "\n".join(["**Properties**", "", *lines]) if lines else ""


def _comment(field: griffe.Attribute) -> str:
    """The comment behind a field, or its docstring."""
    if field.docstring is not None:
        return " ".join(field.docstring.value.split())
    lines = field.source.splitlines()
    return lines[-1].partition("  # ")[2].strip() if lines else ""
