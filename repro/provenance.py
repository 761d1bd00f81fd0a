"""Where a run came from: commit, versions, machine, date. Kept with every chapter and every stored result."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import resource
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The checkout that this package is run from."""

MIME = "application/vnd.repro.run+json"
"""The type of output under which an executed notebook carries the record of its run."""

PACKAGES = ("numpy", "scipy", "torch", "brian2", "numba", "scikit-learn", "scikit-image", "optuna", "pandas")


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel, or git is missing: the commit is then not known, and said so
    return done.stdout.strip()


@lru_cache
def commit() -> str:
    """The commit that runs, with ``+changes`` if what computes (code, chapters, data) differs from it.

    Where there is no history, as in an unpacked archive, it is what REPRO_COMMIT says, or "unknown".
    """
    head = _git("rev-parse", "--short=10", "HEAD")
    if head is None:
        return os.environ.get("REPRO_COMMIT", "unknown")
    changed = _git("status", "--porcelain", "--", "repro", "notebooks", "data", "requirements.lock")
    return f"{head}+changes" if changed else head


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that compute."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The processor and how much of it there is."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {"cpu": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def peak_memory_mb() -> float:
    """The most memory that this process has held at once, in MB (10^6 bytes), without processes that it started."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's getrusage also counts what the parent held when it started this process
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6  # macOS counts bytes


def command(module: str) -> str:
    """The command line that runs now, for a program started as ``python -m module``."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def record(**more: Any) -> dict[str, Any]:
    """What is known of the run that is now under way, with ``more`` beside it (command, parameters, seeds, …)."""
    return {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
        **more,
    }
