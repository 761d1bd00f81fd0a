"""What counts as graded, and what the claims about the map report when something is broken."""

import math

import numpy as np
import pytest

from repro.multifactor import filters, grades, sheet_checks
from repro.multifactor import sheet_properties as properties


def test_a_list_without_a_grade_is_found_and_one_with_a_grade_is_not(tmp_path):
    notebook = tmp_path / "page.py"
    notebook.write_text(
        "# %% [markdown]\n# - the note says so [N]\n# - nobody said so\n#   at all\n# 1. a form [S, equation K]\n"
        "# 2. see [Notes]\n#\n# plain text\n"
    )
    figures = {"one": {"caption": "[E] a line"}, "two": {"caption": "a line"}, "three": {"caption": "Left [P]: a line"}}
    record = {"figures": figures, "claims": [{"id": "M-1", "says": "[E] so"}, {"id": "M-2", "says": "so"}]}
    assert grades.ungraded(notebook, record) == [
        "statement: - nobody said so  at all",
        "statement: 2. see [Notes]",
        "figure: two",
        "claim: M-2",
    ]


def test_the_map_departs_from_none_of_its_claims():
    assert properties.period_departures() == 0
    assert sheet_checks.near_period_departure() < 1e-12
    assert (
        sheet_checks.wrong_column_sizes() == sheet_checks.product_departures(27) == sheet_checks.wrong_bin_counts() == 0
    )
    assert sheet_checks.width_departure() < 1e-12
    assert sheet_checks.border_departure() < 1e-9


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (sheet_checks.wrong_column_sizes, {"properties.column_sizes": lambda n: np.full(3, 12)}),
        (sheet_checks.width_departure, {"coordinate": lambda r, a, b: a * r + b * np.abs(r)}),
        (sheet_checks.width_departure, {"properties.is_injective": lambda a, b: abs(b) <= abs(a) / 2}),
        (sheet_checks.border_departure, {"properties.is_continuous": lambda a, period: a == period}),
        (sheet_checks.border_departure, {"properties.steps": lambda n, k, a, b, period: (np.zeros(3), np.zeros(3))}),
        (sheet_checks.wrong_bin_counts, {"properties.theta_counts": lambda n, ratio: np.full(18, 40)}),
    ],
)
def test_a_broken_map_departs(monkeypatch, check, broken):
    for name, function in broken.items():
        monkeypatch.setattr(f"repro.multifactor.sheet_checks.{name}", function)
    assert check() >= 0.01


def test_a_side_without_room_for_a_field_is_refused():
    assert (filters.checked_side(0), filters.checked_side(9)) == (0, 9)
    with pytest.raises(ValueError, match=r"0 .* or 9 or larger"):
        filters.checked_side(8)
    assert math.isqrt(len(filters.local_fields(9))) == 1
