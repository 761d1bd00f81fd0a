"""The eight published parameter sets of the triplet rule, and what one protocol can do to their fame."""

from __future__ import annotations

from typing import Literal, get_args

from repro.spike_triplets.rules import Scheme, TripletSTDP

Preparation = Literal["visual", "hippocampal"]
Form = Literal["full", "minimal"]
PREPARATIONS: tuple[Preparation, ...] = get_args(Preparation)
FORMS: tuple[Form, ...] = get_args(Form)

# A2+, A3+, A2-, A3-, tau_x, tau_y; the minimal sets have no A3-, so their tau_x is of no effect (any positive value)
_NONE = 100.0
_SETS: dict[tuple[str, str, str], tuple[float, float, float, float, float, float]] = {
    ("visual", "all-to-all", "full"): (5e-10, 6.2e-3, 7e-3, 2.3e-4, 101.0, 125.0),
    ("visual", "all-to-all", "minimal"): (0.0, 6.5e-3, 7.1e-3, 0.0, _NONE, 114.0),
    ("visual", "nearest", "full"): (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714.0, 40.0),
    ("visual", "nearest", "minimal"): (0.0, 5e-2, 8e-3, 0.0, _NONE, 40.0),
    ("hippocampal", "all-to-all", "full"): (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946.0, 27.0),
    ("hippocampal", "all-to-all", "minimal"): (5.3e-3, 8e-3, 3.5e-3, 0.0, _NONE, 40.0),
    ("hippocampal", "nearest", "full"): (4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575.0, 47.0),
    ("hippocampal", "nearest", "minimal"): (4.6e-3, 9.1e-3, 3e-3, 0.0, _NONE, 48.0),
}


def published(preparation: str, scheme: Scheme = "all-to-all", form: str = "full") -> TripletSTDP:
    """A published parameter set of the triplet rule [pfister2006triplets].

    Parameters
    ----------
    preparation : "visual" or "hippocampal"
    scheme : "all-to-all" or "nearest"
    form : "full" or "minimal"

    Deviates: taken from public codes that give them as the article's; the article itself was not read.

    Examples
    --------
    >>> published("visual", "all-to-all", "minimal").tau_y
    114.0
    """
    key = (preparation, scheme, form)
    if key not in _SETS:
        raise ValueError(f"no published set {key}; there are {', '.join(map(str, _SETS))}")
    return TripletSTDP(*_SETS[key], scheme=scheme)


def published_sets(preparation: str) -> dict[str, TripletSTDP]:
    """The four published sets of a preparation, by "scheme, form"."""
    if preparation not in PREPARATIONS:
        raise ValueError(f"preparation is {preparation!r}; allowed are {', '.join(PREPARATIONS)}")
    return {f"{s}, {f}": published(preparation, s, f) for p, s, f in _SETS if p == preparation}  # type: ignore[arg-type]
