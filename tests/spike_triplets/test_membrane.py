"""The valley rule in context, its after-depolarisation, and the choices of the voltage rule."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from repro.spike_triplets import after_depolarisation, brian, context, voltage_choices
from repro.spike_triplets.families import FAMILIES
from repro.spike_triplets.protocols import Protocol, pairs
from repro.spike_triplets.valley import ValleyRule
from repro.spike_triplets.voltage import VoltageRule

RULE = ValleyRule(2e-3, 5e-4, theta_minus=-60.0, theta_plus=-20.0, after_depolarisation=15.0, tau_after=30.0)
STILL = replace(RULE, epsp=0.0)  # the membrane potential is then set by the holding alone


def test_without_spikes_and_epsp_the_change_is_the_drive_times_the_area_of_the_trace():
    found = context.change_without_spikes(STILL, [0.0, 25.0, 60.0], [1.0, 40.0], n_spikes=30)
    drive = STILL.drive(STILL.resting_potential + np.array([0.0, 25.0, 60.0]))
    # the trace is followed until 1e-9 of it is left
    assert found == pytest.approx(np.repeat(30 * STILL.tau_trace * drive[:, None], 2, axis=1), rel=1e-6)


def test_a_silent_synapse_is_left_alone():
    assert context.change_of_silent_synapse(RULE, (0.0, 30.0, 60.0), (10.0, 100.0)) == 0.0


def test_signs_under_clamp_are_counted():
    assert context.wrong_clamp_signs(RULE) == 0
    assert context.wrong_clamp_signs(replace(RULE, b=0.0)) == 1  # no depression between the thresholds
    assert context.wrong_clamp_signs(replace(RULE, a=0.0)) == 1  # no potentiation above
    assert context.wrong_clamp_signs(replace(RULE, theta_minus=-82.0)) == 1  # depression at the lowest potential


def test_changes_without_spikes_are_counted():
    assert context.violations_without_spikes(RULE) == 0
    assert context.violations_without_spikes(replace(RULE, b=0.0)) == 1  # nothing happens when held
    assert context.violations_without_spikes(replace(RULE, theta_minus=-75.0)) == 1  # something happens at rest


def test_holding_the_cell_up_turns_depression_into_potentiation():
    held = context.change_when_held(RULE, -10.0, [0.0, 40.0])
    assert held[0] < 0 < held[1]
    assert context.wrong_signs_when_held(RULE, [0.0, 40.0]) == 0
    assert context.wrong_signs_when_held(RULE, [0.0]) == 1
    assert context.wrong_signs_when_held(replace(RULE, b=0.0), [40.0]) == 1
    assert context.wrong_window_signs(replace(RULE, a=0.0)) == 1


def test_few_pairings_change_nothing_and_many_do():
    counts = [1, 10, 100, 1000]
    one = abs(RULE.weight_changes([pairs(10.0, 1.0, 100)])[0]) / 100
    changes = context.change_by_pairings(RULE, counts, [0.0, 30 * one])
    assert changes[changes.threshold == 0].change.to_numpy() == pytest.approx(
        np.sign(RULE.weight_changes([pairs(10.0, 1.0)])[0]) * one * np.array(counts), rel=1e-3
    )  # the first pair meets an empty cell, the later ones what is left of it
    assert (changes[changes.threshold > 0].change != 0).tolist() == [False, False, True, True]
    assert context.wrong_pairings(RULE, changes) == 0
    assert context.wrong_pairings(RULE, changes.assign(change=1.0)) == 2
    assert context.wrong_pairings(RULE, changes.assign(change=0.0)) == 6  # four without threshold, two with


def test_the_shift_of_a_clamp_is_found_again():
    potentials = np.array([-60.0, -50.0, -40.0, -30.0, -20.0])
    change = 3.0 * np.asarray(RULE.clamped(potentials + 12.0))
    shift, factor, rest = context.shift_of_the_clamp(RULE, pd.DataFrame({"potential": potentials, "change": change}))
    largest = np.abs(RULE.clamped(np.linspace(-100, 20, 1201))).max()
    assert shift == 12.0
    assert factor == pytest.approx(3.0 * largest, rel=1e-6)
    assert rest < 1e-3  # linear interpolation of the curve in steps of 0.1 mV


def test_what_amplitudes_can_do_is_what_trying_them_shows():
    sample = after_depolarisation.sample_of_the_box(64, seed=1)
    assert 0 < sample.possible.sum() < 64
    family = FAMILIES["valley"]
    protocols = [pairs(10.0, 1.0), pairs(-10.0, 1.0), Protocol((0.0,), (), 1.0, 60)]
    sums = family.sums(protocols, sample[list(family.boxes)].to_numpy())
    ratios = np.geomspace(1e-4, 1e7, 40_001)  # of a to b, 0.06 % apart
    for row, possible in zip(sums, sample.possible, strict=True):
        plus, minus, alone = (ratios * up + down for up, down in row)
        assert ((plus > 0) & (minus < 0) & (minus <= 2 * alone)).any() == possible


def test_shares_are_counted_in_their_bins():
    sample = pd.DataFrame({"after_depolarisation": [1.0, 2.0, 11.0], "possible": [True, False, True]})
    shares = after_depolarisation.share_by_amplitude(sample, np.array([0.0, 10.0, 20.0]))
    assert shares.to_dict("list") == {"middle": [5.0, 15.0], "share": [0.5, 1.0], "n": [2, 1]}


def test_a_held_after_depolarisation_is_the_family_with_that_value():
    family, held = FAMILIES["valley"], after_depolarisation.held_at(17.0)
    protocols = [pairs(10.0, 1.0), pairs(-10.0, 20.0)]
    found = held.sums(protocols, np.array([[-55.0, 40.0, 20.0]]))
    assert found == pytest.approx(family.sums(protocols, np.array([[-55.0, 17.0, 40.0, 20.0]])))
    assert held.n_parameters == family.n_parameters - 1
    built = held.build({"a": 1.0, "b": 2.0, "theta_minus": -55.0, "tau_after": 40.0, "tau_trace": 20.0})
    assert (built.after_depolarisation, built.tau_after) == (17.0, 40.0)
    fits = after_depolarisation.profile("sjostrom2001", np.array([0.0, 30.0]), seed=0, pool=16, starts=1)
    assert [f.rule.after_depolarisation for f in fits] == [0.0, 30.0]


def test_at_the_crossing_frequency_the_change_is_small():
    crossing = voltage_choices.crossing_frequency(VoltageRule())
    near = voltage_choices.change_by_frequency(VoltageRule(), -10.0, np.floor(crossing) + np.array([0.0, 1.0]))
    assert near[0] < 0 < near[1]
    assert np.isnan(voltage_choices.crossing_frequency(VoltageRule(a_ltp=0.0), rates=np.array([1.0, 50.0])))
    assert voltage_choices.distance_from(41.0, 20.0, 40.0) == 1.0
    assert voltage_choices.distance_from(15.0, 20.0, 40.0) == 5.0
    assert voltage_choices.distance_from(30.0, 20.0, 40.0) == 0.0
    assert np.isnan(voltage_choices.distance_from(float("nan"), 20.0, 40.0))


def test_every_choice_changes_the_rule():
    table = voltage_choices.by_choice({name: voltage_choices.VARIANTS[name] for name in ("as stated", "weight last")})
    assert table.choice.tolist() == ["as stated", "weight last"]
    assert table.crossing[0] != table.crossing[1]
    assert len(set(voltage_choices.VARIANTS.values())) == len(voltage_choices.VARIANTS)


def test_a_long_silence_is_skipped_and_changes_nothing():
    trains = [(np.array([0.0, 6000.0]), np.array([10.0, 6010.0]))]
    rule = VoltageRule()
    ours = [rule.weight_change(*train) for train in trains]
    # behind 18 time constants of the slowest filter all is at rest, to exp(-18) = 1.5e-8
    assert brian.weight_changes(rule, trains, dt=1.0, tail=2600.0) == pytest.approx(np.array(ours), rel=1e-7)
