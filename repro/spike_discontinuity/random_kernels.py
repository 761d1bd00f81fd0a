"""Normal and uniform numbers inside numba kernels: one stream a replica, whatever the number of threads.

xoshiro256++ seeded by splitmix64 [blackman2021scrambled], and the ziggurat of 128 layers [marsaglia2000ziggurat]. A
stream is an array of four unsigned integers, changed in place.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

LAYERS, TAIL, AREA = 128, 3.442619855899, 9.91256303526217e-3  # of the ziggurat: tail begins here, area of a layer


def _layers() -> tuple[np.ndarray, np.ndarray]:
    """Right edges of the layers, the first that of the base, and the ratios within which no test is needed."""
    x = np.zeros(LAYERS + 1)
    density = math.exp(-0.5 * TAIL * TAIL)
    x[0], x[1] = AREA / density, TAIL
    for i in range(2, LAYERS):
        x[i] = math.sqrt(-2 * math.log(AREA / x[i - 1] + density))
        density = math.exp(-0.5 * x[i] * x[i])
    return x, x[1:] / x[:-1]


EDGES, RATIOS = _layers()


@numba.njit(cache=True)
@no_type_check
def stream(seed):
    """A stream from a seed (unsigned 64 bit), by splitmix64."""
    state = np.empty(4, np.uint64)
    z = np.uint64(seed)
    for i in range(4):
        z = z + np.uint64(0x9E3779B97F4A7C15)
        mixed = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state[i] = mixed ^ (mixed >> np.uint64(31))
    return state


@numba.njit(cache=True, inline="always")
@no_type_check
def bits(state):
    """The next 64 bits of a stream, by xoshiro256++."""
    total = state[0] + state[3]
    found = ((total << np.uint64(23)) | (total >> np.uint64(41))) + state[0]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << np.uint64(45)) | (state[3] >> np.uint64(19))
    return found


@numba.njit(cache=True)
@no_type_check
def uniform(state):
    """A number in [0, 1)."""
    return np.float64(bits(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True)
@no_type_check
def _tail(state, negative):
    """A number beyond the tail's beginning [marsaglia2000ziggurat]."""
    while True:
        x = math.log(1.0 - uniform(state)) / TAIL
        y = math.log(1.0 - uniform(state))
        if -2.0 * y >= x * x:
            return x - TAIL if negative else TAIL - x


@numba.njit(cache=True)
@no_type_check
def normal(state):
    """A standard normal number; about 99 of 100 need one draw and no exponential."""
    while True:
        drawn = bits(state)
        layer = np.int64(drawn & np.uint64(127))
        u = np.float64(drawn >> np.uint64(11)) * (2.0 / 9007199254740992.0) - 1.0
        if abs(u) < RATIOS[layer]:
            return u * EDGES[layer]
        if layer == 0:
            return _tail(state, u < 0)
        x = u * EDGES[layer]
        outer = math.exp(-0.5 * (EDGES[layer] * EDGES[layer] - x * x))
        inner = math.exp(-0.5 * (EDGES[layer + 1] * EDGES[layer + 1] - x * x))
        if inner + uniform(state) * (outer - inner) < 1.0:
            return x


@numba.njit(cache=True)
@no_type_check
def fill_normal(seed, out):
    """Fill an array with standard normal numbers of a new stream."""
    state = stream(seed)
    for i in range(len(out)):
        out[i] = normal(state)


@numba.njit(cache=True)
@no_type_check
def fill_bits(state, out):
    """Fill an array of unsigned integers with the next bits of a stream."""
    for i in range(len(out)):
        out[i] = bits(state)
