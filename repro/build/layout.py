"""Where a build reads and writes, and what a chapter depends on."""

from __future__ import annotations

import ast
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import grimp
import jupytext
import yaml

from repro.errors import Mistake
from repro.provenance import ROOT


@dataclass(frozen=True)
class Layout:
    """The folders of a build at one scale, relative to the checkout."""

    scale: str

    @property
    def source(self) -> Path:
        """What jupyter-book reads: ``book/`` itself for the book, a copy elsewhere for other scales."""
        return Path("book") if self.scale == "book" else Path(".build") / self.scale / "book"

    @property
    def site(self) -> Path:
        """The built HTML."""
        return self.source / "_build" / "html"

    @property
    def toc(self) -> Path:
        """The table of contents of what was built, which is all of ``_toc.yml`` or the chapters asked for."""
        return Path(".build") / self.scale / "_toc.yml"

    def executed(self, chapter: str) -> Path:
        """The executed notebook of a chapter."""
        return self.source / "chapters" / f"{chapter}.ipynb"

    def failed(self, chapter: str) -> Path:
        """Where a notebook that failed is kept."""
        return self.source / "chapters" / f"{chapter}.failed.ipynb"


def chapters() -> list[str]:
    """The chapters in the order of the table of contents. Raises Mistake if one has no notebook or no entry."""
    listed = [name.removeprefix("chapters/") for name in _files(yaml.safe_load((ROOT / "_toc.yml").read_text()))]
    found = {path.stem for path in (ROOT / "notebooks").glob("*.py")}
    if set(listed) != found:
        odd = ", ".join(sorted(set(listed) ^ found))
        raise Mistake(f"_toc.yml and notebooks/ disagree on: {odd}")
    return listed


def choose(wanted: str) -> list[str]:
    """The chapters named in ``wanted`` (separated by blanks or commas), or all. Raises Mistake for an unknown one."""
    known = chapters()
    names = wanted.replace(",", " ").split() or known
    for name in names:
        if name not in known:
            raise Mistake(f"CHAPTERS: there is no chapter {name!r}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def _files(node: object) -> list[str]:
    """The chapter files in a table of contents, in order."""
    if isinstance(node, list):
        return [name for item in node for name in _files(item)]
    if isinstance(node, dict):
        own = [node["file"]] if str(node.get("file", "")).startswith("chapters/") else []
        return own + [name for value in node.values() for name in _files(value)]
    return []


def imports(notebook: Path) -> set[str]:
    """The modules that a notebook names in its imports, ``from a import b`` counting as both a and a.b.

    Raises Mistake if it is not Python.
    """
    found = set()
    try:
        tree = ast.parse(notebook.read_text())
    except SyntaxError as error:
        said = f"{os.path.relpath(notebook, ROOT)}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
        raise Mistake(said) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def closure(notebook: Path, package: str = "repro") -> list[str]:
    """The modules of the package that a notebook really imports, transitively, packages on the way included.

    Raises Mistake if the notebook or a module is not Python.
    """
    try:
        graph = grimp.build_graph(package, cache_dir=None)
    except grimp.exceptions.SourceSyntaxError as error:
        raise Mistake(str(error)) from None
    waiting = {name for name in imports(notebook) if name in graph.modules}
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        parents = {name.rsplit(".", 1)[0]} if "." in name else set()
        waiting |= (graph.find_modules_directly_imported_by(name) | parents) - reached
    return sorted(reached)


def module_file(name: str) -> Path:
    """The file of a module, relative to the checkout."""
    base = Path(*name.split("."))
    return base / "__init__.py" if (ROOT / base).is_dir() else base.with_suffix(".py")


def inputs(chapter: str) -> list[str]:
    """The files on which an executed chapter depends: notebook, code it imports, ledger, stored runs, environment."""
    notebook = ROOT / "notebooks" / f"{chapter}.py"
    modules = closure(notebook)
    rooms = sorted({name.split(".")[1] for name in modules if name.count(".") >= 1})
    data = [ROOT / "data" / "claims" / f"{chapter}.yml"]
    if "data" in rooms:
        data.append(ROOT / "data" / "registry.json")
    for room in rooms:
        for folder in ("results", "tables", "samples"):
            data += sorted(path for path in (ROOT / "data" / folder / room).rglob("*") if path.is_file())
    files = [notebook, *(ROOT / module_file(name) for name in modules), *data, ROOT / "requirements.lock"]
    return [str(path.relative_to(ROOT)) for path in files]


def key(chapter: str, scale: str) -> str:
    """Sha256 of all that decides what a run computes; prose does not enter."""
    total = hashlib.sha256(f"{scale} {os.environ.get('REPRO_DATA_DIR', '')}".encode())
    for name in inputs(chapter)[1:]:
        total.update(name.encode() + (ROOT / name).read_bytes())
    for cell in jupytext.read(ROOT / "notebooks" / f"{chapter}.py").cells:
        if cell.cell_type == "code":
            total.update(cell.source.encode())
    return total.hexdigest()
