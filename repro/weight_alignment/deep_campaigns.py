"""The two campaigns of deep runs: a small one for a processor, and one for a GPU. Each has its search and its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from repro.provenance import ROOT
from repro.weight_alignment import deep_table
from repro.weight_alignment.deep_search import DeepPlan
from repro.weight_alignment.deep_speed import CPU_WORKLOADS, GPU_WORKLOADS, Workload


@dataclass(frozen=True)
class Campaign:
    """One search and the runs made from it."""

    plan: DeepPlan
    runs: Callable[[Mapping[str, deep_table.Point]], list[deep_table.Run]]
    common: Mapping[str, Any]  # options that all runs share
    workloads: tuple[Workload, ...]
    stem: str  # of the names of its files
    steps: int  # of training that are timed at once
    gpus: int = 0  # that each run asks for

    @property
    def device(self) -> str:
        """What its steps are timed on."""
        return "cuda" if self.gpus else "cpu"

    @property
    def table(self) -> Path:
        """The table of its runs."""
        return ROOT / "sweeps" / f"{self.stem}.csv"

    @property
    def storage(self) -> str:
        """The journal of its search."""
        return str(ROOT / "runs" / f"{self.stem}_search.log")

    @property
    def trials(self) -> Path:
        """The folder in which the search's trials train."""
        return ROOT / "runs" / f"{self.stem}_search"


GPU_PLAN = DeepPlan(
    trials=12,
    startup=6,
    model="resnet20",
    n_images=0,
    epochs=2,
    batch=256,
    schedule="official",
    more={"precision": "bf16", "graph": True, "checkpoint_epochs": 2, "log_every": 100},
)
CAMPAIGNS: Mapping[str, Campaign] = MappingProxyType(
    {
        "cpu": Campaign(DeepPlan(), deep_table.runs, deep_table.COMMON, CPU_WORKLOADS, "deep", 1),
        "gpu": Campaign(GPU_PLAN, deep_table.gpu_runs, deep_table.GPU_COMMON, GPU_WORKLOADS, "deep_gpu", 5, gpus=1),
    }
)
