"""The registry: facts known from elsewhere, and a data folder's own registry beside it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from repro.data import DataCorrupt, registry
from repro.data.catalogue import DataFile
from repro.provenance import ROOT


def test_every_data_set_has_its_citation_in_the_bibliography() -> None:
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert {entry.citation for entry in registry().values()} <= set(keys)


def test_the_page_on_data_names_every_data_set_with_its_citation() -> None:
    page = (ROOT / "book" / "data.md").read_text()
    for name, entry in registry().items():
        assert f"`{name}`" in page
        assert f"{{cite}}`{entry.citation}`" in page


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "a//b", "", ".a", "a/", "c:\\a"])
def test_a_path_that_leaves_the_folder_is_not_registered(path: str) -> None:
    with pytest.raises(ValidationError):
        DataFile(path=path, sha256="0" * 64, bytes=1)


def _folder(tmp_path: Path, path: str, content: bytes) -> Path:
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "license": "MIT"}
    facts |= {"citation": "one2001", "upstream": "there", "status": "whole", "content": "noise"}
    (tmp_path / "registry.json").write_text(json.dumps({path: facts}))
    return tmp_path


def test_a_data_folders_further_files_are_listed_with_its_facts(tmp_path: Path) -> None:
    both = registry(_folder(tmp_path, "sounds/a.wav", b"noise"))
    assert set(both) == {*registry(), "sounds/a.wav"}
    entry = both["sounds/a.wav"]
    assert (entry.licence, entry.citation, entry.variants[0].bytes) == ("MIT", "one2001", 5)


def test_a_data_folder_that_gives_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataCorrupt, match=r"another mnist/train-images-idx3-ubyte\.gz than this book"):
        registry(_folder(tmp_path, "mnist/train-images-idx3-ubyte.gz", b"noise"))
