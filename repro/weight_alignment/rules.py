"""The five primitives of learned feedback as numbers, and the rules that the paper composes from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType

PRIMITIVES = ("decay", "amp", "null", "sparse", "self_weight")


@dataclass(frozen=True)
class Rule:
    """A rule for the feedback weights B of a layer y = W x: a sum of primitives [kunin2020two].

    Each coefficient multiplies the gradient of one potential P (batch mean, z = Bᵀx, C = E[x xᵀ]), and the
    feedback moves by ``B -= lr * sum_k coefficient_k dP_k/dB``.

    Deviates: decay, null and sparse carry a factor 1/2 in P, which the authors' code does not have;
    coefficients of these three are therefore twice the authors'.
    """

    decay: float = 0.0  # 1/2 ||B||²: local
    amp: float = 0.0  # -E[z · y]: local, Hebbian
    null: float = 0.0  # 1/2 E||B y||²: local
    sparse: float = 0.0  # 1/2 E||z||²: non-local
    self_weight: float = 0.0  # -tr(B W): non-local, needs the weight itself
    tied: bool = False  # backpropagation: the feedback is the weight
    follows_weight_gradient: bool = False  # Kolen-Pollack: the feedback receives the weight's gradient too

    def __post_init__(self) -> None:
        for name in PRIMITIVES:
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0.0 <= value < float("inf")):
                raise ValueError(f"Rule: {name} is {value!r}; a coefficient must be a finite number, 0 or larger")
        if self.tied and (self.follows_weight_gradient or any(self.coefficients)):
            raise ValueError("Rule: a tied feedback (backpropagation) takes no primitive and no weight gradient")

    @property
    def coefficients(self) -> tuple[float, float, float, float, float]:
        """The five coefficients in the order of ``PRIMITIVES``."""
        return (self.decay, self.amp, self.null, self.sparse, self.self_weight)

    @property
    def learns(self) -> bool:
        """Whether the feedback moves at all."""
        return self.follows_weight_gradient or any(self.coefficients)

    def scaled(self, factor: float) -> Rule:
        """The same rule with all coefficients multiplied: same fixed point, another speed."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Rule(**(values | {name: factor * values[name] for name in PRIMITIVES}))


RULES = MappingProxyType(
    {
        "BP": Rule(tied=True),  # backpropagation
        "FA": Rule(),  # feedback alignment: frozen random feedback
        "WM": Rule(amp=1e-3, decay=2e-3),  # weight mirror
        "IA": Rule(amp=2e-3, decay=2e-3, null=2e-3),  # information alignment
        "SA": Rule(self_weight=2e-3, decay=2e-3),  # symmetric alignment
        "AA": Rule(amp=2e-3, sparse=2e-3),  # activation alignment
        "KP": Rule(decay=1e-4, follows_weight_gradient=True),  # Kolen-Pollack: decay must match the weights' own
    }
)
"""Rules by name, with the authors' default coefficients in this book's convention (see ``Rule``).

KP is the exception: its decay matches an L2 penalty of 1e-4 on the weights, without which it does not align.
"""
