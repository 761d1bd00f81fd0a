"""Whether the links that leave the book still lead somewhere; needs the network, so it is no part of a build."""

from __future__ import annotations

import json
from typing import Any

from repro.build import site
from repro.build.layout import Layout
from repro.errors import Mistake
from repro.provenance import ROOT

REFUSED = ("403", "418", "429", "503")  # answers by which publishers turn programs away


def report(lines: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What is broken, and what could not be checked, from the records of Sphinx's link check; a line a link."""
    broken: list[str] = []
    unsure: list[str] = []
    for each in lines:
        if each["status"] not in ("broken", "timeout"):
            continue
        said = f"{each['filename']}:{each['lineno']}: {each['uri']}: {each['info']}"
        refused = each["status"] == "timeout" or each["info"].startswith(REFUSED)
        (unsure if refused else broken).append(said)
    return sorted(set(broken)), sorted(set(unsure))


def check(where: Layout) -> str:
    """Check every external link of the pages, and say how many there are. Raises Mistake with those that are broken."""
    site.stage(where, site.known_chapters(where))
    folder = (
        ROOT / where.toc.parent / "links"
    )  # beside the site: jupyter-book would write what it found among the pages
    output = folder / "_build" / "html" / "output.json"
    output.unlink(missing_ok=True)
    done = site.jupyter_book(where, "--builder", "linkcheck", "--path-output", str(folder))
    if not output.exists():
        raise Mistake(f"jupyter-book: {done.stderr.strip()[-2000:]}")
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    broken, unsure = report(lines)
    if broken:
        raise Mistake("links that lead nowhere:\n" + "\n".join(broken))
    told = "".join(f"\n{line}" for line in unsure)
    return f"{len(lines)} links, none broken, {len(unsure)} that could not be checked{told}"
