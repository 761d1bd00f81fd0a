"""The pages that no one writes: made from the code and from what is on record whenever the site is laid out."""

from __future__ import annotations

from repro.build import costs, layout, notation_page, reference_pages


def pages(built: list[str]) -> dict[str, str]:
    """The made pages by their path under the book's source, in Markdown, for a site of the chapters ``built``."""
    return {
        "notation.md": notation_page.page(built, notation_page.read()),
        "howto/costs.md": costs.page(layout.chapters()),
        **reference_pages.pages(built),
    }
