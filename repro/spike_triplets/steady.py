"""Long repeated protocols at the cost of a few repetitions.

A system whose memory fades does the same in each repetition after the first few. A protocol is therefore laid out with
only as many repetitions as its memory lasts, and one repetition in the steady state is marked, which stands for all
that were left out.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from repro.spike_triplets.protocols import Protocol

FADED = 18.0  # time constants after which exp(-18) = 1.5e-8 of a trace is left
COARSE = 1.2  # ratio of the lengths of memory that are told apart
PRE, POST, MARK = 1, 2, 4


class Layout:
    """Events of several protocols, end to end, with the steady repetition of each marked."""

    def __init__(self, protocols: tuple[Protocol, ...], memory: float) -> None:
        parts = [_lay_out(protocol, memory) for protocol in protocols]
        self.times = np.concatenate([times for times, _, _ in parts])  # ms
        self.kinds = np.concatenate([kinds for _, kinds, _ in parts])  # bits PRE, POST, MARK
        self.left_out = np.array([left_out for _, _, left_out in parts], dtype=float)  # repetitions
        self.starts = np.cumsum([0] + [len(times) for times, _, _ in parts])


def _lay_out(protocol: Protocol, memory: float) -> tuple[np.ndarray, np.ndarray, int]:
    wanted = 3 + int(np.ceil(memory / protocol.period))
    kept = min(protocol.repetitions, wanted)
    pre, post = protocol.repeated(kept).trains()
    times, kinds = [pre, post], [np.full(len(pre), PRE), np.full(len(post), POST)]
    left_out = protocol.repetitions - kept
    if left_out:
        first = min([*protocol.pre, *protocol.post])
        times.append(first + protocol.period * np.array([kept - 2, kept - 1]))
        kinds.append(np.full(2, MARK))
    joined, bits = np.concatenate(times), np.concatenate(kinds)
    # a mark comes before the spikes at its time, so that each repetition holds its own first spike
    order = np.lexsort((bits != MARK, joined))
    return joined[order], bits[order], left_out


def layout(protocols: tuple[Protocol, ...], memory: float) -> Layout:
    """The events of ``protocols`` for a system that forgets within ``memory`` ms.

    The memory is rounded up to one of few lengths, so that a search over time constants lays protocols out once.
    """
    return _layout(protocols, float(COARSE ** np.ceil(np.log(memory) / np.log(COARSE))))


@lru_cache(maxsize=512)
def _layout(protocols: tuple[Protocol, ...], memory: float) -> Layout:
    return Layout(protocols, memory)
