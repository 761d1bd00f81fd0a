"""Files of named entries in YAML, each checked against a schema as it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from repro.errors import Mistake

Entry = TypeVar("Entry", bound=BaseModel)


def read_entries(path: Path, schema: type[Entry], called: str = "") -> dict[str, Entry]:
    """The entries of a file by name.

    Raises Mistake naming the first that breaks the schema; ``called`` is what stands before its name.
    """
    found = {}
    for name, entry in yaml.safe_load(path.read_text()).items():
        try:
            found[name] = schema.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Mistake(f"{path.name}: {called}{name}: {where} {first['msg']}") from None
    return found
