"""The 32 sets: their names, their classes, their search spaces."""

from collections import Counter

import numpy as np
import pytest

from repro.weight_alignment.fixed_points import fixed_point
from repro.weight_alignment.matrix_checks import class_mismatches, deviation_from_frozen, iterate
from repro.weight_alignment.primitive_sets import (
    NAMED,
    REFERENCES,
    all_sets,
    family,
    is_local,
    kind,
    members,
    set_name,
    sets_where,
)
from repro.weight_alignment.rules import Rule
from repro.weight_alignment.search_space import FAMILIES


def test_there_are_32_sets_and_their_names_can_be_read_back():
    sets = all_sets()
    assert len(set(sets)) == 32
    assert all(set_name(members(name)) == name for name in sets)


def test_order_does_not_matter_to_a_set():
    assert set_name(("self", "amp")) == set_name(("amp", "self")) == "amp+self"


@pytest.mark.parametrize("wrong", [("gain",), ("amp", "amp")])
def test_what_is_not_a_set_is_refused(wrong):
    with pytest.raises(ValueError, match="not a set of primitives"):
        set_name(wrong)
    with pytest.raises(ValueError, match=r"self\+amp.*amp\+self"):
        members("self+amp")


def test_signs_sort_the_sets_into_1_3_7_21():
    assert Counter(kind(name) for name in all_sets()) == {"frozen": 1, "unbounded": 3, "collapse": 7, "fixed": 21}
    assert set(sets_where(kind_is="unbounded")) == {"amp", "self", "amp+self"}


@pytest.mark.parametrize("seed", range(5))
def test_iterated_feedback_does_what_the_signs_say(seed):
    assert class_mismatches(seed) == 0


def test_iterated_feedback_of_bounded_sets_ends_at_the_solution_of_the_sylvester_equation():
    course = iterate(0)
    for place, name in enumerate(all_sets()):
        if kind(name) == "fixed":
            rule = Rule(**dict.fromkeys(family(name).primitives, 1.0))
            # the slowest mode has shrunk by exp(-0.05 * 4000 * 0.2), what is left is rounding
            np.testing.assert_allclose(
                course.end[place], fixed_point(rule, course.weight, course.covariance), atol=1e-9
            )


def test_growth_without_bound_goes_along_what_drives_it():
    course, sets = iterate(1), all_sets()
    grown = course.end[sets.index("amp")] - course.start
    np.testing.assert_allclose(grown, 0.05 * 4000 * course.weight @ course.covariance, rtol=1e-9)


def test_decay_of_rescaled_feedback_is_feedback_alignment_and_other_rules_are_not():
    assert deviation_from_frozen(Rule(decay=0.1), 3) < 1e-12  # rounding of a few dozen steps in float64
    assert deviation_from_frozen(Rule(null=0.1), 3) > 1e-3
    assert deviation_from_frozen(Rule(self_weight=0.1), 3) > 1e-3


def test_local_sets_know_neither_the_weight_nor_the_feedback_product():
    assert {name for name in all_sets() if is_local(name)} == set(all_sets(("amp", "decay", "null")))
    assert set(sets_where(local=True, has=["amp"])) == {"amp", "amp+decay", "amp+null", "amp+decay+null"}


def test_named_sets_are_the_rules_of_the_paper():
    for name, rule in NAMED.items():
        assert set(family(name).primitives) == set(FAMILIES[rule].primitives)
    assert all(family(name) is FAMILIES[name] for name in REFERENCES)
