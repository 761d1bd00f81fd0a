"""Effects of factors against values made of known effects."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.weight_alignment.factorial import JOINT, effects, logit, main_effects_among
from repro.weight_alignment.primitive_sets import FACTORS, all_sets, members, sets_where

number = st.floats(-3, 3)
pairs = list(combinations(FACTORS, 2))


def made_of(mean, alone, together):
    """Values of all sets: half an effect up where the factor is on, down where it is off."""

    def sign(factor, name):
        return 1 if factor in members(name) else -1

    return {
        name: mean
        + sum(effect / 2 * sign(f, name) for f, effect in zip(FACTORS, alone, strict=True))
        + sum(e / 2 * sign(a, name) * sign(b, name) for (a, b), e in zip(pairs, together, strict=True))
        for name in all_sets()
    }


@given(number, st.lists(number, min_size=5, max_size=5), st.lists(number, min_size=10, max_size=10))
def test_effects_that_were_put_in_come_out(mean, alone, together):
    found = effects(pd.DataFrame([made_of(mean, alone, together)])).iloc[0]
    np.testing.assert_allclose(found[list(FACTORS)], alone, atol=1e-12)
    np.testing.assert_allclose(found[[JOINT.join(pair) for pair in pairs]], together, atol=1e-12)


def test_an_effect_is_mean_with_minus_mean_without_and_an_interaction_half_of_what_it_gains():
    random = np.random.default_rng(0)
    values = pd.DataFrame(random.standard_normal((3, 32)), columns=all_sets())

    def mean(on=(), off=()):
        return values[[s for s in all_sets() if set(on) <= set(members(s)) and not set(off) & set(members(s))]].mean(
            axis=1
        )

    found = effects(values)
    np.testing.assert_allclose(found["amp"], mean(["amp"]) - mean((), ["amp"]), atol=1e-12)
    where_self = mean(["amp", "self"]) - mean(["self"], ["amp"])
    where_not = mean(["amp"], ["self"]) - mean((), ["amp", "self"])
    np.testing.assert_allclose(found[f"amp{JOINT}self"], (where_self - where_not) / 2, atol=1e-12)


def test_a_design_of_fewer_factors_reads_only_its_own_sets():
    values = pd.DataFrame([made_of(0, (1, 2, 3, 4, 5), [0] * 10)])
    found = effects(values, ("amp", "null"))
    np.testing.assert_allclose(found[["amp", "null"]], [[1, 3]], atol=1e-12)


def test_main_effects_among_some_sets_are_those_that_were_put_in():
    values = pd.DataFrame([made_of(7, (1, -2, 3, -4, 5), [0] * 10)])
    np.testing.assert_allclose(main_effects_among(values, sets_where(kind_is="fixed")), [[1, -2, 3, -4, 5]], atol=1e-12)


def test_sets_that_do_not_tell_factors_apart_are_refused():
    values = pd.DataFrame([made_of(0, (1, 1, 1, 1, 1), [0] * 10)])
    with pytest.raises(ValueError, match="do not tell 5 factors apart"):
        main_effects_among(values, ("amp", "self"))


def test_a_missing_set_is_named():
    with pytest.raises(ValueError, match="1 of 32 sets are missing, among them 'amp\\+self'"):
        effects(pd.DataFrame([made_of(0, (0,) * 5, [0] * 10)]).drop(columns="amp+self"))


def test_log_odds_are_symmetric_finite_and_near_the_textbook_ones():
    assert logit(np.array([50.0]), 360) == 0
    np.testing.assert_allclose(logit(np.array([100.0]), 360), -logit(np.array([0.0]), 360))
    # half an example among ten thousand moves the log odds of 90 % by less than 1 / (0.1 * 10,000)
    np.testing.assert_allclose(logit(np.array([90.0]), 10_000), np.log(9), atol=1e-3)
