"""Wiring of a recurrent network: who reaches whom, with what weight."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from repro.errors import Mistake


@dataclass(frozen=True)
class Synapses:
    """Lists of targets: every source has the same number of them, the plastic ones first."""

    targets: Int[np.ndarray, "batch sources each"]
    weights: Float[np.ndarray, "batch sources each"]  # nS
    plastic: int  # the first targets of each source, all excitatory

    def dense(self, neurons: int) -> Float[np.ndarray, "batch sources neurons"]:
        """The same as matrices, 0 where there is no synapse."""
        out = np.zeros((*self.weights.shape[:2], neurons), self.weights.dtype)
        np.put_along_axis(out, self.targets, self.weights, axis=2)
        return out


@dataclass(frozen=True)
class Network:
    """A batch of networks; neurons are numbered excitatory first. Each has its own wiring."""

    inputs: Synapses
    recurrent: Synapses  # of excitatory and inhibitory sources; only those of excitatory ones learn
    excitatory: int
    inhibitory: int

    @property
    def neurons(self) -> int:
        """All of them."""
        return self.excitatory + self.inhibitory

    @property
    def batch(self) -> int:
        """How many networks."""
        return len(self.inputs.weights)

    def astype(self, dtype: type) -> Network:
        """The same in another precision."""
        parts = {
            name: replace(getattr(self, name), weights=getattr(self, name).weights.astype(dtype))
            for name in ("inputs", "recurrent")
        }
        return replace(self, **parts)


def balanced(
    batch: int,
    rng: np.random.Generator,
    *,
    inputs: int = 100,
    excitatory: int = 400,
    inhibitory: int = 100,
    p_inputs: float = 0.3,
    p_inside: float = 0.1,
    input_weight: float = 0.8,
    exc_weight: float = 0.15,
    inh_weight: float = 1.5,
    onto_inhibitory: float = 1.5,
) -> Network:
    """Random networks in which every source reaches the same number of random neurons, none itself.

    Parameters
    ----------
    batch : number of networks, each with its own wiring
    p_inputs, p_inside : share of the neurons of each kind that a source reaches
    input_weight, exc_weight, inh_weight : means, nS; weights are uniform between half and three halves of them
    onto_inhibitory : by which excitatory weights onto inhibitory cells are larger, so that these fire more

    Raises
    ------
    Mistake
        Where a share is outside (0, 1] or a size is below 1.
    """
    for name, size in (("batch", batch), ("inputs", inputs), ("excitatory", excitatory), ("inhibitory", inhibitory)):
        if size < 1:
            raise Mistake(f"{name} is {size}; it must be at least 1")
    for name, share in (("p_inputs", p_inputs), ("p_inside", p_inside)):
        if not 0 < share <= 1:
            raise Mistake(f"{name} is {share}; it must lie above 0 and be at most 1")
    kinds = (range(excitatory), range(excitatory, excitatory + inhibitory))
    wired, plastic = _targets(batch, inputs, kinds, p_inputs, None, rng)
    from_inputs = Synapses(wired, input_weight * rng.uniform(0.5, 1.5, wired.shape), plastic)
    wired, plastic = _targets(batch, excitatory + inhibitory, kinds, p_inside, np.arange(excitatory + inhibitory), rng)
    from_inputs.weights[:, :, from_inputs.plastic :] *= onto_inhibitory
    weights = rng.uniform(0.5, 1.5, wired.shape)
    weights[:, :excitatory, plastic:] *= onto_inhibitory
    weights[:, :excitatory] *= exc_weight
    weights[:, excitatory:] *= inh_weight
    return Network(from_inputs, Synapses(wired, weights, plastic), excitatory, inhibitory)


def _targets(
    batch: int,
    sources: int,
    kinds: tuple[range, range],
    share: float,
    themselves: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """Targets (batch, sources, each), each kind's in order, and how many are of the first kind."""
    parts = []
    for kind in kinds:
        keys = rng.random((batch, sources, len(kind)))
        if themselves is not None:
            inside = (themselves >= kind.start) & (themselves < kind.stop)
            keys[:, inside, themselves[inside] - kind.start] = 2.0  # never among the smallest
        most = len(kind) - (themselves is not None)
        number = min(max(round(share * len(kind)), 0), most)
        parts.append(np.sort(np.argpartition(keys, max(number - 1, 0), axis=2)[:, :, :number], axis=2) + kind.start)
    return np.concatenate(parts, axis=2).astype(np.int64), parts[0].shape[2]
