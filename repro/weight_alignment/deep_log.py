"""The log of a run: lines of JSON that survive an interruption, a progress bar, and TensorBoard if asked."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from repro.errors import Mistake
from repro.results import write_atomically


def lines_up_to(path: Path, step: int) -> list[dict[str, Any]]:
    """The whole lines of a log that tell of no more than ``step`` steps; a line that was cut off is left out."""
    kept = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if entry["step"] <= step:
            kept.append(entry)
    return kept


class Log:
    """Writes what happens in a run, from ``step`` on: what an earlier start logged beyond it is taken back."""

    def __init__(self, folder: Path, step: int, steps: int, tensorboard: bool = False) -> None:
        path = folder / "log.jsonl"
        kept = "".join(json.dumps(entry) + "\n" for entry in lines_up_to(path, step))
        write_atomically(path, kept.encode())
        self._board = _board(folder / "tensorboard", step) if tensorboard else None
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115  (closed by __exit__)
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=None, dynamic_ncols=True)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()
        self._file.close()
        if self._board is not None:
            self._board.close()

    def advance(self) -> None:
        """One step more."""
        self._bar.update()

    def write(self, kind: str, entry: dict[str, Any]) -> None:
        """A line of a kind, "step" or "epoch"; ``entry`` has the number of steps done as "step"."""
        self._file.write(json.dumps({"kind": kind} | entry) + "\n")
        self._file.flush()
        shown = {name: f"{entry[name]:.3g}" for name in ("loss", "accuracy", "angle") if entry.get(name) is not None}
        if kind == "step":
            self._bar.set_postfix(shown, refresh=False)
        if self._board is not None:
            for name, value in entry.items():
                if isinstance(value, int | float) and name != "step":
                    self._board.add_scalar(f"{kind}/{name}", value, entry["step"])

    def say(self, text: str) -> None:
        """A line for the reader, above the bar."""
        tqdm.write(text)


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise Mistake("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter(str(folder), purge_step=step)
