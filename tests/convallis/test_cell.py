"""One step of the membrane against its closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.convallis.cell import Cell
from repro.convallis.cell_kernels import EXC, INH, V, advance

CELL = Cell(threshold=1.0)  # above the excitatory reversal potential: nothing spikes


@settings(deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-80, 0))
def test_a_step_relaxes_to_the_driven_potential_at_any_conductance(exc, inh, before):
    cells = np.zeros((4, 3))
    cells[V], cells[EXC], cells[INH] = before, exc, inh
    advance(cells, np.zeros(3, np.int64), 1, CELL.constants(), np.empty(3), np.empty(3, np.bool_))
    total = CELL.leak + exc + inh
    towards = (CELL.leak * CELL.rest + exc * CELL.reversal_exc + inh * CELL.reversal_inh) / total
    expected = towards + (before - towards) * np.exp(-total * CELL.dt / CELL.capacitance)
    # 80 mV at most, times the 1e-10 that the kernel's exponential may be off
    np.testing.assert_allclose(cells[V], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("neurons", [1, 7, 16, 33])
def test_every_cell_waits_out_its_own_refractory_time(neurons):
    """Counts that are no multiple of what a vector unit holds, too."""
    cell = Cell(threshold=-65.0, reset=-70.0)
    cells = np.zeros((4, neurons))
    cells[V], cells[EXC] = -60.0, 1e3
    held = np.arange(neurons) % 4
    fired = np.empty(neurons, np.bool_)
    first = np.full(neurons, -1)
    for step in range(5):
        advance(cells, held, cell.refractory_steps, cell.constants(), np.empty(neurons), fired)
        first[(first < 0) & fired] = step
        cells[EXC] = 1e3
    np.testing.assert_array_equal(first, np.maximum(np.arange(neurons) % 4 - 1, 0))
