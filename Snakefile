"""The arrows of the book: chapter -> executed notebook -> site. `make book` calls it; `--executor slurm` takes it to a cluster."""

import os
import sys
from pathlib import Path

from repro.build.layout import Layout, choose, inputs
from repro.errors import Mistake

SCALE = config.get("scale", "book")
LAYOUT = Layout(SCALE)
MADE = r"chapters/|_build/|api/|notation\.md|howto/costs\.md"  # by a build, and no reason for another
# worked out before the graph: snakemake takes an error in there for a missing rule, and an old page for up to date
try:
    CHAPTERS = choose(str(config.get("chapters") or ""))
    INPUTS = {name: inputs(name) for name in CHAPTERS}
except Mistake as mistake:
    sys.exit(f"error: {mistake}")
PAGES = [path for path in glob_wildcards("book/{page,(?!" + MADE + ").*}").page]


envvars: "PATH"


rule all:
    input:
        LAYOUT.site / "index.html",


# only_build_toc_files keeps to the contents; a page that is taken out must go from the site too, hence the config and contents
rule site:
    input:
        [LAYOUT.executed(name) for name in CHAPTERS],
        [f"book/{page}" for page in PAGES],
        "_config.yml",
        "_toc.yml",
        "CITATION.cff",
        sorted(str(path) for path in Path("repro").rglob("*.py")),  # the reference shows them
    output:
        update(LAYOUT.site / "index.html"),
    shell:
        "python -m repro.build site --scale {SCALE} && touch {output}"


rule chapter:
    input:
        lambda wildcards: INPUTS[wildcards.name],
    output:
        update(LAYOUT.source / "chapters" / "{name}.ipynb"),
    params:
        data=os.environ.get("REPRO_DATA_DIR", ""),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "OMP_NUM_THREADS=1 python -m repro.build execute {wildcards.name} --scale {SCALE} && touch {output}"
