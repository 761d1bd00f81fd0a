"""From the public source to the cache: checked before a file gets its name, nothing half-written left."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import pooch
import requests

from repro.data.catalogue import DataFile, Entry
from repro.data.errors import DataCorrupt, DataUnavailable
from repro.data.places import cache

TIMEOUT_S = 30.0  # for the connection, and between two packets
ABANDONED_AFTER_S = 24 * 3600.0  # a partial file this old belongs to a process that was killed


def fetch(name: str, entry: Entry, progress: bool = False) -> None:
    """Download a data set's preferred variant to the cache; files that are there and whole are kept.

    Raises DataUnavailable if it has no public source or that can't be reached, DataCorrupt naming the file
    if what came is not what was expected; in both cases the cache is as it was.
    """
    variant = next((variant for variant in entry.variants if variant.downloadable), None)
    if variant is None:
        raise DataUnavailable(f"{name} has no public source to download from; see {entry.homepage}")
    for file in variant.files:
        target = cache() / file.path
        if not _whole(file, target):
            _download(file, target, progress)


def _whole(file: DataFile, target: Path) -> bool:
    try:
        file.check(target)
    except (FileNotFoundError, DataCorrupt):
        return False  # either way it is fetched anew
    return True


def _download(file: DataFile, target: Path, progress: bool) -> None:
    """Fetch one file beside its place, check it, and only then give it its name; two processes may do so at once."""
    assert file.url is not None, f"{file.path} has no source"
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_S)(file.url, str(partial), None)
        file.check(partial, called=f"{file.path}, as it came from {file.url},")
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, target)
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()  # pooch leaves it open
        raise DataUnavailable(f"the download of {file.path} from {file.url} failed ({_reason(error)})") from error
    finally:
        partial.unlink(missing_ok=True)


def _remove_abandoned(target: Path) -> None:
    for old in target.parent.glob(f".{target.name}.*.partial"):
        if time.time() - old.stat().st_mtime > ABANDONED_AFTER_S:
            old.unlink(missing_ok=True)


def _reason(error: requests.RequestException) -> str:
    match error:
        case requests.HTTPError(response=response) if response is not None:
            return f"HTTP status {response.status_code}"
        case requests.Timeout():
            return f"no answer within {TIMEOUT_S:.0f} s"
        case requests.ConnectionError():
            return "no connection"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke off"
        case _:
            return type(error).__name__
