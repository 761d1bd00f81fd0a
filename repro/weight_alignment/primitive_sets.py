"""All 2^5 sets of primitives: their names, what theory says of each, and the search space of each.

A set is named by its primitives in the order amp, decay, null, sparse, self, joined by "+"; the empty one is "none".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from types import MappingProxyType

from repro.weight_alignment.fixed_points import Kind, classify
from repro.weight_alignment.rules import Rule
from repro.weight_alignment.search_space import FAMILIES, Family

FACTORS = ("amp", "decay", "null", "sparse", "self")
"""The primitives by the names that readers see; "self" is ``self_weight`` in code."""

NAMED = MappingProxyType(
    {
        "none": "FA",
        "amp+decay": "WM",
        "amp+decay+null": "IA",
        "decay+self": "SA",
        "amp+sparse": "AA",
    }
)
"""The sets that [kunin2020two] names, and their names there."""

REFERENCES = ("BP", "frozen")
"""Backpropagation, and frozen features as the floor: searched beside the sets, members of none."""


def set_name(primitives: Sequence[str]) -> str:
    """The name of a set of primitives.

    Raises
    ------
    ValueError
        If one of them is not a primitive, or stands there twice.
    """
    unknown = [name for name in primitives if name not in FACTORS]
    if unknown or len(set(primitives)) != len(primitives):
        raise ValueError(f"set_name: {tuple(primitives)} is not a set of primitives; there are {', '.join(FACTORS)}")
    return "+".join(name for name in FACTORS if name in primitives) or "none"


def members(name: str) -> tuple[str, ...]:
    """The primitives of a named set: the inverse of :func:`set_name`."""
    found = () if name == "none" else tuple(name.split("+"))
    if set_name(found) != name:
        raise ValueError(f"members: {name!r} is not the name of a set; write it {set_name(found)!r}")
    return found


def all_sets(factors: Sequence[str] = FACTORS) -> tuple[str, ...]:
    """Names of all sets that the factors make, small ones first."""
    return tuple(
        set_name(chosen)
        for size in range(len(factors) + 1)
        for chosen in combinations([name for name in FACTORS if name in factors], size)
    )


def family(name: str) -> Family:
    """The search space of a set, or of a reference."""
    if name in REFERENCES:
        return FAMILIES[name]
    return Family(name, tuple("self_weight" if part == "self" else part for part in members(name)))


def kind(name: str) -> Kind:
    """What the set does to the feedback of resting weights, from its signs alone (see ``fixed_points.classify``)."""
    parts = family(name).primitives
    return classify(Rule(**dict.fromkeys(parts, 1.0)))  # type: ignore[arg-type]


def is_local(name: str) -> bool:
    """Whether a synapse needs to know only what passes through it: no sparse, no self."""
    return not {"sparse", "self"} & set(members(name))


def sets_where(*, kind_is: Kind | None = None, local: bool | None = None, has: Sequence[str] = ()) -> tuple[str, ...]:
    """The sets of a class, local or not, that contain all of some primitives."""
    return tuple(
        name
        for name in all_sets()
        if (kind_is is None or kind(name) == kind_is)
        and (local is None or is_local(name) == local)
        and set(has) <= set(members(name))
    )
