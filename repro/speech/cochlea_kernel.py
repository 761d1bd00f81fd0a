"""The gammatone filters of the library ``gammatone``, run over all channels at once; compiled with numba.

The library filters one channel after the other, stage by stage, with scipy, which takes most of the time of a
cochleogram; only this loop is ours, the filters' coefficients are its own.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True)
@no_type_check
def filtered_energy(sound, coefficients, hop, blocks):
    """Sum of squares of each channel's output in blocks of ``hop`` samples, (blocks, channels).

    ``coefficients`` (10, channels) are those of ``gammatone.filters.make_erb_filters``, transposed: four stages in a
    row, each y = (b0 + b1 z) / (1 + a1 z + a2 z²) x with z one sample back; they differ in b1.
    """
    channels = coefficients.shape[1]
    b0, a1, a2 = coefficients[0], coefficients[7], coefficients[8]
    held = np.zeros((4, channels))  # of each stage, what the next output gets from samples before
    further = np.zeros((4, channels))  # and the output after that
    energy = np.zeros((blocks, channels))
    value = np.empty(channels)
    for block in range(blocks):
        for n in range(block * hop, (block + 1) * hop):
            value[:] = sound[n]
            for stage in range(4):
                b1, first, second = coefficients[1 + stage], held[stage], further[stage]
                for c in range(channels):
                    y = b0[c] * value[c] + first[c]
                    first[c] = b1[c] * value[c] - a1[c] * y + second[c]
                    second[c] = -a2[c] * y
                    value[c] = y
            for c in range(channels):
                energy[block, c] += value[c] * value[c]
    return energy / np.square(coefficients[9])
