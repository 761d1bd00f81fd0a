"""How a rule is applied: its rate, shrinkage, kernel K, bounds and constraints, each of which can be exchanged."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from repro.convallis.control import RateControl
from repro.convallis.rule import Amount, Credit, NoLearning, Rule, State, credit, per_population, shrink
from repro.errors import Mistake


@dataclass(frozen=True)
class Learning:
    """After each block Δw = rate · S_λ(C); numbers called Amount may be one for each population.

    C is the rule's sum over the block or, with ``memory``, K * (rule's terms) read at the block's end, K exponential
    and exact: terms from earlier are weighted by exp(-age / memory), those of earlier blocks too.
    """

    rule: Rule = field(default_factory=NoLearning)
    rate: Amount = 0.0  # nS for each unit of the rule's sum
    shrinkage: Amount = 0.0  # λ, in units of the rule's sum
    memory: float | None = None  # ms, of K; None: flat over a block, nothing from earlier ones
    block: float | None = None  # ms with weights held; None: a whole trial
    largest_weight: float = 2.0  # nS; the least is 0
    keep_mean: bool = True  # each neuron's mean weight is brought back to what it was at first, after every block
    control: RateControl | None = field(default_factory=RateControl)

    def __post_init__(self) -> None:
        if not self.largest_weight > 0:
            raise Mistake(f"largest_weight is {self.largest_weight}; it must be above 0 nS")
        for name in ("memory", "block"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise Mistake(f"{name} is {value}; it must be above 0 ms, or None")

    def blocks(self, steps: int, dt: float) -> list[slice]:
        """The trial's steps, block by block."""
        length = steps if self.block is None else max(1, round(self.block / dt))
        return [slice(at, min(at + length, steps)) for at in range(0, steps, length)]

    def aged(self, factors: np.ndarray | None, dt: float) -> np.ndarray | None:
        """F or D (batch, steps, neurons) as K sees them from the block's end."""
        if factors is None or self.memory is None:
            return factors
        age = np.arange(factors.shape[1] - 1, -1, -1)[:, None]
        return factors * np.exp(-age * dt / self.memory).astype(factors.dtype)

    def credit(self, seen: np.ndarray, fired: np.ndarray, state: State, dt: float) -> tuple[Credit | None, State]:
        """The rule's ``credit`` over a block (batch, steps, neurons), aged, and its traces at the block's end."""
        factor, direct, state = self.rule.factors(seen, fired, state, dt)
        return credit(self.rule, self.aged(factor, dt), self.aged(direct, dt), dt), state

    def kept(self, steps: int, dt: float) -> float:
        """What K leaves of the sum of earlier blocks."""
        return 0.0 if self.memory is None else float(np.exp(-steps * dt / self.memory))

    def added(self, weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """New weights between 0 and the largest, from weights and sums (batch, …)."""
        change = per_population(self.rate, weights.ndim) * shrink(sums, self.shrinkage)
        return np.clip(weights + change, 0, self.largest_weight).astype(weights.dtype)

    def at_bounds(self, weights: np.ndarray) -> np.ndarray:
        """Share of weights (batch, …) that are 0 or the largest, of each population."""
        flat = weights.reshape(len(weights), -1)
        return ((flat <= 0) | (flat >= self.largest_weight)).mean(axis=1)
