"""Parameters of a chapter: their types, and the check of all of them before anything is computed."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model

from repro.errors import Mistake

Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]  # 0 often leaves a number to the scale
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def names(allowed: Iterable[str]) -> Any:
    """The type of a parameter that lists some of ``allowed``, given as ``"A,B"`` (papermill's -p) or as a list."""
    choices = tuple(allowed)

    def split(value: Any) -> Any:
        parts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
        for part in parts if isinstance(parts, list | tuple) else ():
            if part not in choices:
                raise ValueError(f"{part!r} is not one of {', '.join(choices)}")
        return tuple(parts) if isinstance(parts, list) else parts

    return Annotated[tuple[str, ...], BeforeValidator(split), Field(min_length=1)]


def numbers(kind: Any) -> Any:
    """The type of a parameter that lists numbers of ``kind`` (such as ``Count``), given as ``"1,2,4"`` or as a list."""

    def number(text: str) -> int | float:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)

    def split(value: Any) -> Any:
        parts = [value] if isinstance(value, int | float) else value
        if isinstance(parts, str):
            parts = [number(part) for part in re.split(r"[,\s]+", parts.strip())]
        return tuple(parts) if isinstance(parts, list) else parts

    return Annotated[tuple[kind, ...], BeforeValidator(split), Field(min_length=1)]


def one_of(allowed: Iterable[str]) -> Any:
    """The type of a parameter that is one of ``allowed``."""
    return Literal[tuple(allowed)]


def find_device(wanted: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Raises Mistake if it is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if wanted not in there and not (wanted == "cuda" and torch.cuda.is_available()):
        raise Mistake(f"parameter device is {wanted!r}; here it can be auto, {', '.join(there)}")
    return torch.device(wanted)


def _injected(cells: Sequence[str]) -> list[str]:
    """The names that papermill's injected cell assigns; it is the one that begins with its own comment."""
    found = [cell for cell in cells if cell.startswith("# Parameters\n")]
    targets = [node.targets for cell in found for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
    return [name.id for group in targets for name in group if isinstance(name, ast.Name)]


def check(chapter: str, given: Mapping[str, Any], cells: Sequence[str], kinds: Mapping[str, Any]) -> dict:
    """The checked parameters of a chapter, lists split.

    Parameters
    ----------
    chapter : name of the chapter, for the message
    given : the notebook's variables
    cells : sources of the cells executed so far, in which a misspelt parameter shows
    kinds : type of each parameter

    Raises
    ------
    Mistake
        In one line, with the parameter, its value and what is allowed.
    """
    own = {"PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"}
    for name in _injected(cells):
        if name not in kinds and name not in own:
            near = difflib.get_close_matches(name, kinds, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Mistake(f"{chapter}: there is no parameter {name!r}{hint} (there are {', '.join(kinds)})")
    missing = [name for name in kinds if name not in given]
    if missing:
        raise Mistake(f"{chapter}: parameter {missing[0]!r} has no value; the cell tagged 'parameters' must set it")
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in kinds.items()}
    model = create_model("Parameters", __config__=ConfigDict(strict=True, extra="forbid"), **fields)
    try:
        checked = model(**{name: given[name] for name in kinds})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        what = first["msg"].removeprefix("Value error, ")
        raise Mistake(f"{chapter}: parameter {name} is {given[name]!r}: {what[0].lower()}{what[1:]}") from None
    return {name: getattr(checked, name) for name in kinds}
