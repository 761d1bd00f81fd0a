"""What axe-core finds on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# a coloured word in a listing, and the number of its line, looks as its class inside the classes around it says:
# one of each kind is enough, and thousands take axe-core minutes
ONE_OF_EACH_KIND = """() => {
  const seen = new Set();
  for (const tag of ["span", "a"])
    for (const each of document.querySelectorAll(`div.highlight pre ${tag}:not(:has(*))`)) {
      let kind = "";
      for (let around = each; around; around = around.parentElement) kind += `${around.tagName}.${around.className} `;
      if (seen.has(kind)) each.replaceWith(each.textContent);
      seen.add(kind);
    }
}"""


def serious(page: Page, **options) -> list[str]:
    """The serious findings of axe-core, in a line each; of what a listing repeats one of each kind is left."""
    page.evaluate(ONE_OF_EACH_KIND)
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
        # docutils writes a list of citations as a list of roles that ARIA does not know in this place
        if "citation-list" not in node["html"]
    ]
