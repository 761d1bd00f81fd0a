"""The rules against direct sums over spike pairs, exact identities, averages over Poisson trains, and Brian2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.spike_triplets import brian
from repro.spike_triplets.datasets import load
from repro.spike_triplets.parameter_sets import published
from repro.spike_triplets.protocols import bursts, pairs, poisson, post_pre_post, pre_post_pre, quadruplet
from repro.spike_triplets.rules import BCM, SCHEMES, PairSTDP, TripletSTDP
from repro.spike_triplets.valley import ValleyRule
from repro.spike_triplets.voltage import VoltageRule

SETS = [(p, s, f) for p in ("visual", "hippocampal") for s in SCHEMES for f in ("full", "minimal")]
PROTOCOLS = [
    pairs(10, 20, 5),
    pairs(-10, 20, 5),
    pre_post_pre(5, -15),
    post_pre_post(-5, 15),
    quadruplet(20),
    bursts(10, 50),
]
GENERIC = {
    "tau_after": 30.0,
    "tau_trace": 15.0,
    "after_depolarisation": 15.0,
    "theta_minus": -60.0,
    "theta_plus": -20.0,
}


def trace(times, at, tau, nearest):
    """A trace just before ``at``, as the sum (or the last term) over earlier spikes."""
    terms = [np.exp(-(at - t) / tau) for t in times if t < at]
    return (terms[-1] if terms else 0.0) if nearest else sum(terms)


def direct(rule, pre, post):
    """The triplet rule spelled out as double sums, with no running trace."""
    near = rule.scheme == "nearest"
    up = sum(
        trace(pre, t, rule.tau_plus, near) * (rule.a2_plus + rule.a3_plus * trace(post, t, rule.tau_y, near))
        for t in post
    )
    down = sum(
        trace(post, t, rule.tau_minus, near) * (rule.a2_minus + rule.a3_minus * trace(pre, t, rule.tau_x, near))
        for t in pre
    )
    return up - down


@pytest.mark.parametrize("which", SETS)
def test_running_traces_are_the_sums_over_spikes(which):
    rule = published(*which)
    for seed in range(3):
        pre, post = poisson(30.0, 1000.0, seed), poisson(20.0, 1000.0, 100 + seed)
        assert rule.weight_change(pre, post) == pytest.approx(direct(rule, pre, post), rel=1e-12)


def test_coincident_spikes_read_all_traces_before_any_is_updated():
    rule = published("visual", "all-to-all", "full")
    assert rule.weight_change([0.0], [0.0]) == 0.0
    assert rule.weight_change([0.0, 50.0], [0.0, 50.0]) == pytest.approx(
        direct(rule, [0.0, 50.0], [0.0, 50.0]), rel=1e-12
    )


@given(
    st.floats(1, 100), st.floats(0, 1), st.floats(0, 1), st.floats(1, 200), st.floats(1, 200), st.sampled_from(SCHEMES)
)
def test_pairs_cannot_tell_the_two_triplets_apart(delta, plus, minus, tau_plus, tau_minus, scheme):
    rule = PairSTDP(plus, minus, tau_plus, tau_minus, scheme)
    first = rule.weight_change([0.0, 2 * delta], [delta])
    second = rule.weight_change([delta], [0.0, 2 * delta])
    assert first == pytest.approx(second, abs=1e-12)


def test_triplets_can_tell_them_apart():
    rule = published("hippocampal", "all-to-all", "full")
    assert rule.weight_change([5.0], [0.0, 10.0]) - rule.weight_change([0.0, 10.0], [5.0]) > 1e-3


def test_trains_of_opposite_timing_at_half_a_period_are_one_train_but_for_its_ends():
    rule = published("visual", "all-to-all", "full")
    many = 400
    plus, minus = (rule.weight_changes([pairs(t, 50, many)])[0] / many for t in (10, -10))
    # the ends differ by a few pairs' worth, which many repetitions dilute
    assert plus == pytest.approx(minus, rel=0.05)


def test_poisson_trains_drift_as_bcm():
    rule = published("visual", "all-to-all", "minimal")
    pre_rate, post_rate, seconds = 20.0, 30.0, 400.0
    drifts = [
        rule.weight_change(poisson(pre_rate, 1e3 * seconds, s), poisson(post_rate, 1e3 * seconds, 50 + s)) / seconds
        for s in range(12)
    ]
    error = np.std(drifts, ddof=1) / np.sqrt(len(drifts))
    assert abs(np.mean(drifts) - BCM.of_triplet(rule).drift(pre_rate, post_rate)) < 4 * error  # 4 standard errors
    threshold = rule.a2_minus * rule.tau_minus / (rule.a3_plus * rule.tau_plus * rule.tau_y) * 1000
    assert BCM.of_triplet(rule).threshold == pytest.approx(threshold, rel=1e-12)


SIMULATED = [
    *(published(*which) for which in SETS[:4]),
    *(PairSTDP(0.01, 0.005, scheme=scheme) for scheme in SCHEMES),
    BCM(1e-3, 1e-2),
    ValleyRule(1e-3, 5e-4, **GENERIC),
    VoltageRule(),
    VoltageRule(weight_first=False, adaptation_jump=80.5),
]


@pytest.mark.parametrize("rule", SIMULATED)
def test_brian2_gives_the_same_changes_on_protocols_and_on_random_trains(rule):
    everything = [protocol for name in ("sjostrom2001", "wang2005") for protocol in load(name).protocols]
    trains = [brian.short(p, seconds=0.5, most=2) for p in everything] + [brian.random_trains(s) for s in (0, 1)]
    # equal step and order of events: only rounding is left
    assert brian.largest_difference(rule, trains, getattr(rule, "dt", 0.1)) < 1e-12


def test_steps_of_the_valley_rule_come_closer_to_the_exact_integral_as_they_shrink():
    rule = ValleyRule(1e-3, 5e-4, **GENERIC)
    pre, post = [10.0, 40.0], [20.0, 35.0]
    exact = rule.weight_change(pre, post)
    misses = [abs(rule.stepped(pre, post, dt) - exact) for dt in (0.1, 0.05, 0.025)]
    assert misses[2] < 0.6 * misses[1] < 0.36 * misses[0]  # Euler: first order, half the error at half the step


@pytest.mark.parametrize("rule", [ValleyRule(1e-3, 5e-4, **GENERIC), VoltageRule()])
def test_the_repetitions_left_out_change_nothing(rule):
    protocol = pairs(10, 10, 60)
    whole = rule.weight_change(*protocol.trains())
    assert rule.weight_changes([protocol])[0] == pytest.approx(whole, rel=1e-5)  # exp(-18) of memory is cut off


def test_a_clamped_cell_is_depressed_between_the_thresholds_and_potentiated_above():
    rule = ValleyRule(2e-3, 5e-4, **GENERIC)
    assert rule.drive(-120.0) == pytest.approx(0.0, abs=1e-9)
    assert rule.drive(-40.0) < 0 < rule.drive(0.0)


@pytest.mark.parametrize(
    ("pre", "post", "told"),
    [
        ([0.0, 5.0, 3.0], [1.0], "pre: spike 2 at 3 ms is not after spike 1"),
        ([0.0], [np.nan], "post: spike 0 is at nan"),
    ],
)
def test_an_unsorted_train_is_refused_with_its_spike(pre, post, told):
    for rule in (PairSTDP(1, 1), ValleyRule(1, 1, **GENERIC), VoltageRule()):
        with pytest.raises(ValueError, match=told):
            rule.weight_change(pre, post)


def test_the_published_sets_are_those_of_the_table():
    """Typed a second time: A2+, A3+, A2-, A3-, tau_x (where it matters), tau_y."""
    table = {
        ("visual", "all-to-all", "full"): "5e-10 6.2e-3 7e-3 2.3e-4 101 125",
        ("visual", "all-to-all", "minimal"): "0 6.5e-3 7.1e-3 0 - 114",
        ("visual", "nearest", "full"): "8.8e-11 5.3e-2 6.6e-3 3.1e-3 714 40",
        ("visual", "nearest", "minimal"): "0 5e-2 8e-3 0 - 40",
        ("hippocampal", "all-to-all", "full"): "6.1e-3 6.7e-3 1.6e-3 1.4e-3 946 27",
        ("hippocampal", "all-to-all", "minimal"): "5.3e-3 8e-3 3.5e-3 0 - 40",
        ("hippocampal", "nearest", "full"): "4.6e-3 9.1e-3 3e-3 7.5e-9 575 47",
        ("hippocampal", "nearest", "minimal"): "4.6e-3 9.1e-3 3e-3 0 - 48",
    }
    for which, row in table.items():
        rule, words = published(*which), row.split()
        assert (*rule.amplitudes, rule.tau_y) == tuple(float(word) for word in words[:4] + words[5:])
        assert words[4] == "-" or rule.tau_x == float(words[4])


def test_the_minimal_visual_set_crosses_from_depression_to_potentiation_near_19_hz():
    assert BCM.of_triplet(published("visual", "all-to-all", "minimal")).threshold == pytest.approx(19.2, abs=0.05)


def test_shrinkage_takes_its_block_from_every_change_and_leaves_small_ones_out():
    plain, pre, post = ValleyRule(1e-3, 5e-4, **GENERIC), [10.0, 40.0], [20.0, 35.0]
    change = plain.weight_change(pre, post)
    block = abs(change) / 3
    shrunk = ValleyRule(1e-3, 5e-4, **GENERIC, shrinkage=block).weight_change(pre, post)
    assert shrunk == pytest.approx(change * 2 / 3, rel=1e-9)
    assert ValleyRule(1e-3, 5e-4, **GENERIC, shrinkage=2 * abs(change)).weight_change(pre, post) == 0.0


def test_trains_without_spikes_on_one_side_change_nothing_by_rates():
    assert BCM(1.0, 1.0).weight_change([], [1.0, 2.0]) == 0.0
    with pytest.raises(ValueError, match="spikes at two times"):
        BCM(1.0, 1.0).weight_change([1.0], [1.0])


def test_an_unknown_scheme_or_set_is_named():
    with pytest.raises(ValueError, match="scheme is 'all'"):
        TripletSTDP(1, 1, 1, 1, scheme="all")
    with pytest.raises(ValueError, match="no published set"):
        published("cerebellar")
