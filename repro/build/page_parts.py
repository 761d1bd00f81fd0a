"""Pieces of HTML that several pages share: squares of verdicts, text to copy, links to open a chapter elsewhere."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from repro.errors import Mistake
from repro.provenance import ROOT
from repro.tables import SYMBOLS

CONFIG = ROOT / "_config.yml"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Repository:
    """Where the book's code stands in public, on GitHub."""

    slug: str  # OWNER/NAME
    branch: str
    site_branch: str | None = None  # holds the built site, with the executed notebooks that Colab opens

    @property
    def url(self) -> str:
        """The address of the repository."""
        return f"https://github.com/{self.slug}"

    def file(self, path: str, commit: str) -> str:
        """The address of a file at a commit; at the branch, if what ran was not committed."""
        known = re.fullmatch(r"[0-9a-f]{7,40}", commit)
        return f"{self.url}/blob/{commit if known else self.branch}/{path}"

    def binder(self, notebook: str) -> str:
        """The address at which Binder opens a notebook."""
        return f"https://mybinder.org/v2/gh/{self.slug}/{self.branch}?urlpath=lab/tree/{notebook}"

    def colab(self, notebook: str) -> str | None:
        """The address at which Colab opens an executed notebook of the built site; None if no branch holds it."""
        if self.site_branch is None:
            return None
        return f"https://colab.research.google.com/github/{self.slug}/blob/{self.site_branch}/{notebook}"


def repository(config: Path = CONFIG) -> Repository | None:
    """The public repository named in ``_config.yml``; None if there is none. Raises Mistake if it is not on GitHub."""
    found = yaml.safe_load(config.read_text()).get("repository") or {}
    if "url" not in found:
        return None
    match = GITHUB.fullmatch(found["url"])
    if match is None:
        raise Mistake(f"{config.name}: repository url is {found['url']!r}; it can be https://github.com/OWNER/NAME")
    return Repository(match[1], found.get("branch", "main"), found.get("site_branch"))


def link(address: str, text: str, **attributes: str) -> str:
    """A link."""
    more = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f'<a href="{html.escape(address)}"{more}>{html.escape(text)}</a>'


def copyable(text: str) -> str:
    """A block of text; sphinx-copybutton puts its button on it."""
    return f'<div class="highlight"><pre tabindex="0">{html.escape(text)}</pre></div>'


def folded(summary: str, content: str) -> str:
    """What stands one click away."""
    return f'<details class="repro-folded"><summary>{html.escape(summary)}</summary>{content}</details>'


def counted(counts: dict[str, int]) -> str:
    """Counts of verdicts in words."""
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items()) or "no claims"


def badges(counts: dict[str, int]) -> str:
    """Counts of verdicts as badges, told by shape, colour and word."""
    return " ".join(
        f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{SYMBOLS[verdict]} {number} {verdict}</span>'
        for verdict, number in counts.items()
    )


def squares(claims: list[dict[str, Any]], page: str) -> str:
    """A square for each claim, its verdict by colour and shape, linked to where the claim is judged."""
    parts = []
    for claim in claims:
        says = html.escape(f"{claim['id']}, {claim['verdict']}: {claim['says']}")
        parts.append(
            f'<li><a class="square verdict-{claim["verdict"].replace(" ", "-")}" '
            f'href="{page}#{html.escape(claim_anchor(claim))}" '
            f'title="{says}" aria-label="{says}">{SYMBOLS[claim["verdict"]]}</a></li>'
        )
    return f'<ul class="squares">{"".join(parts)}</ul>'


def claim_anchor(claim: dict[str, Any]) -> str:
    """Where a claim is judged; one that no cell judged or skipped stands in the last table only, so its figure."""
    shown = claim["n"] or not claim["note"].startswith("needs scale")
    return f"claim-{claim['id']}" if shown else claim["figure"]


def minutes(seconds: float) -> str:
    """A duration as a reader wants it: seconds below two minutes, then minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
