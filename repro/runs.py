"""Open and close the run of a chapter: parameters checked first, claims judged, everything on record at the end.

A chapter's second cell calls :func:`open_run`, its last one :meth:`Run.close`; the record of the run is then an
output of the notebook itself, so that a notebook found anywhere can be judged.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure
from tqdm import tqdm

from repro import figures, provenance, tables
from repro.arrays import Numbers
from repro.claims import CLAIMS, SCALES, Claim, Outcome, Scale, judge, read_claims
from repro.errors import Mistake
from repro.parameters import Seed, check, find_device, one_of
from repro.provenance import MIME


class Run:
    """A chapter's run: its parameters, seeds, figures and claims. Made by :func:`open_run`."""

    def __init__(self, chapter: str, parameters: dict[str, Any], claims: Mapping[str, Claim]) -> None:
        self.chapter = chapter
        self.p = SimpleNamespace(**parameters)
        self.scale: Scale = parameters["scale"]
        self.device = find_device(parameters["device"])
        self._parameters = parameters
        self._claims = claims
        self._outcomes: dict[str, Outcome] = {}
        self._figures: dict[str, dict[str, Any]] = {}
        self._data: dict[str, Any] = {}
        self._seeds: dict[str, list[int]] = {}
        self._started = self._last_figure = time.perf_counter()

    def seeds(self, n: int, stream: str = "") -> tuple[int, ...]:
        """``n`` seeds that follow from the parameter ``seed``; each ``stream`` has its own."""
        sequence = np.random.SeedSequence([self._parameters["seed"], zlib.crc32(stream.encode())])
        found = [int(s) for s in sequence.generate_state(n)]
        self._seeds[stream] = found
        return tuple(found)

    def at(self, **by_scale: Any) -> Any:
        """The value for this run's scale: ``run.at(smoke=2, book=8, full=20)``."""
        if set(by_scale) != set(SCALES):
            raise Mistake(f"run.at needs a value for each of {', '.join(SCALES)}; given: {', '.join(by_scale)}")
        return by_scale[self.scale]

    def progress(self, steps: Iterable[Any], label: str, total: int | None = None) -> Iterable[Any]:
        """``steps`` with a progress bar that shows the time left and goes when it is done."""
        return tqdm(steps, desc=label, total=total, leave=False)

    def uses(self, name: str, **facts: Any) -> None:
        """Put a data set on record: its source, hashes, licence, and what the reader must know of it."""
        self._data[name] = facts

    def table(self, frame: pd.DataFrame, caption: str) -> None:
        """Show a table of results: one row a case, columns named for the reader, numbers to three digits."""
        display(HTML(tables.frame_html(frame, caption)))

    def say(self, text: str) -> None:
        """Show a paragraph of Markdown; its numbers are those of this run, put in by an f-string."""
        display(Markdown(text))

    def figure(
        self, fig: Figure, label: str, *, alt: str, caption: str, n: str = "", data: str = "", stored: str = ""
    ) -> None:
        """Show a figure with its caption and where it comes from.

        Parameters
        ----------
        label : the name by which claims refer to it
        alt : what it shows, for those who cannot see it
        caption : what was varied and what is drawn
        n : how many seeds, networks, points
        data : the data set used
        stored : name of the stored run drawn beside the live one, if any
        """
        now = time.perf_counter()
        facts = {
            "n": n,
            "data": data,
            "stored run": stored,
            "scale": self.scale,
            "seed": self._parameters["seed"],
            "seconds": f"{now - self._last_figure:.1f}",
            "commit": provenance.commit(),
        }
        self._figures[label] = {"digest": figures.digest(fig), "alt": alt, "caption": caption}
        display(HTML(figures.to_html(fig, label, alt, caption, {k: v for k, v in facts.items() if v != ""})))
        self._last_figure = time.perf_counter()

    def claim(
        self, name: str, samples: Numbers | Callable[[], Numbers], note: str = "", without: Iterable[str] = ()
    ) -> None:
        """Judge a claim and show the verdict; one that this scale does not reach is left alone.

        Parameters
        ----------
        samples : one a seed or, of an exact claim, its deviation; or a function that computes them
        note : what the reader must know
        without : what the claim needs and this run leaves out; if there is any, the claim is skipped with that reason
        """
        self._expect_new(name)
        missing = ", ".join(without)
        if self.scale not in self._claims[name].scales:
            return  # close() says which scale it needs
        if missing:
            self.skip(name, f"needs {missing}, which this run leaves out")
            return
        values = samples() if callable(samples) else samples
        self._show(judge(name, self._claims[name], values).model_copy(update={"note": note}))

    def skip(self, name: str, why: str) -> None:
        """Leave a claim untested in this run, and say why."""
        self._expect_new(name)
        self._show(Outcome(id=name, verdict="not tested here", note=why))

    def outcome(self, name: str) -> Outcome:
        """The outcome of a claim that was judged or skipped, for prose that depends on it."""
        if name not in self._outcomes:
            raise Mistake(f"{self.chapter}: claim {name!r} was not judged yet; judged are {', '.join(self._outcomes)}")
        return self._outcomes[name]

    def _expect_new(self, name: str) -> None:
        if name not in self._claims:
            raise Mistake(f"{self.chapter}: the ledger has no claim {name!r}; it has {', '.join(self._claims)}")
        if name in self._outcomes:
            raise Mistake(f"{self.chapter}: claim {name} was judged already")

    def _show(self, outcome: Outcome) -> None:
        self._outcomes[outcome.id] = outcome
        display(HTML(tables.claim_html(self._claims[outcome.id], outcome)))

    def record(self) -> dict[str, Any]:
        """The run as it is put on record: claims, figures, parameters, provenance."""
        return {
            "chapter": self.chapter,
            "scale": self.scale,
            "claims": [
                {
                    **self._claims[name].model_dump(mode="json", exclude_none=True),
                    **outcome.model_dump(mode="json"),
                    "expected": self._claims[name].expected,
                }
                for name, outcome in self._outcomes.items()
            ],
            "figures": self._figures,
            "parameters": self._parameters,
            "provenance": provenance.record(
                device=str(self.device),
                data=self._data,
                seeds=self._seeds,
                wall_s=round(time.perf_counter() - self._started, 1),
                peak_mb=round(provenance.peak_memory_mb()),
            ),
        }

    def close(self) -> None:
        """Show every claim with its verdict and where the run came from, and put the run on record.

        Raises Mistake if a claim that this scale reaches was neither judged nor skipped.
        """
        for name, claim in self._claims.items():
            if name in self._outcomes:
                continue
            if self.scale in claim.scales:
                raise Mistake(
                    f"{self.chapter}: claim {name} is due at scale {self.scale}: judge it, or skip it with a reason"
                )
            reached = " and ".join(claim.scales)
            self._outcomes[name] = Outcome(id=name, verdict="not tested here", note=f"needs scale {reached}")
        self._outcomes = {name: self._outcomes[name] for name in self._claims}
        record = self.record()
        shown = {"text/html": tables.run_html(record), "text/plain": tables.run_text(record), MIME: record}
        display(shown, raw=True)


def open_run(chapter: str, variables: dict[str, Any], ledger: Path = CLAIMS, **kinds: Any) -> Run:
    """Open a chapter's run: check every parameter before anything is computed, and say what will be used.

    Parameters
    ----------
    chapter : name of the chapter and of its ledger
    variables : the notebook's ``globals()``
    ledger : the folder in which ``chapter.yml`` lists the claims
    kinds : type of each of the chapter's own parameters, by name

    Raises
    ------
    Mistake
        In one line: the parameter, its value, what is allowed.
    """
    everything = {"scale": one_of(SCALES), "seed": Seed, "device": str, **kinds}
    checked = check(chapter, variables, variables.get("In", ()), everything)
    run = Run(chapter, checked, read_claims(chapter, ledger))
    figures.use_style()
    torch.set_num_threads(1 if run.scale != "full" else torch.get_num_threads())
    print(f"{chapter}: scale {run.scale}, seed {checked['seed']}, device {run.device}, commit {provenance.commit()}")
    return run
