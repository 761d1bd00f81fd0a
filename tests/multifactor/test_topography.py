"""Filters on the sheet, pooling and local wiring against loops, finite differences and permutations."""

import math

import numpy as np
import pytest
import torch

from repro.errors import Mistake
from repro.multifactor import filters, pooling, topography
from repro.multifactor.networks import forward, losses
from repro.multifactor.sheet import index_map, n_columns

N, SIDE = 27, 8
RANDOM = np.random.default_rng(0)
PLAN = topography.Plan(epochs=3, batch=5, a_class=5, hidden_rates=(0.1,), readout_rates=(0.1, 0.3))


@pytest.fixture(scope="module")
def sheet():
    return filters.gabor_sheet(N, SIDE, b=0.8)


@pytest.fixture(scope="module")
def images():
    """Three classes of noisy gratings."""
    labels = np.repeat(np.arange(3), 12)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    waves = [np.cos(0.22 * 2 * np.pi * (columns * math.cos(t) + rows * math.sin(t))).ravel() for t in (0, 1, 2)]
    drawn = np.stack([waves[label] for label in labels]) + 0.3 * RANDOM.standard_normal((36, SIDE**2))
    return pooling.Images(drawn, labels, drawn[::2] + 0.3 * RANDOM.standard_normal((18, SIDE**2)), labels[::2])


@pytest.mark.parametrize(("i", "j"), [(0, 0), (5, 20), (26, 13), (19, 19)])
def test_a_filter_is_the_gabor_function_of_its_unit(sheet, i, j):
    x, y, theta, phase = index_map(i, j, b=0.8)
    pitch = SIDE / n_columns(N)
    drawn = np.zeros((SIDE, SIDE))
    for row in range(SIDE):
        for column in range(SIDE):
            dx, dy = column - ((x + 0.5) * pitch - 0.5), row - ((y + 0.5) * pitch - 0.5)
            u = dx * math.cos(theta) + dy * math.sin(theta)
            drawn[row, column] = math.exp(-(dx**2 + dy**2) / (2 * 1.5**2)) * math.cos(2 * math.pi * 0.22 * u + phase)
    drawn -= drawn.mean()
    np.testing.assert_allclose(sheet[i, j], (drawn / np.linalg.norm(drawn)).ravel(), atol=1e-12)


def test_filters_have_zero_mean_and_unit_norm_and_span_63_dimensions_at_most(sheet):
    for kind in (sheet, filters.random_sheet(N, SIDE, 0)):
        np.testing.assert_allclose(kind.mean(-1), 0, atol=1e-14)
        np.testing.assert_allclose(np.linalg.norm(kind, axis=-1), 1, atol=1e-12)
        assert np.linalg.matrix_rank(kind.reshape(N * N, -1)) <= SIDE**2 - 1


def test_neighbours_are_alike_on_the_map_and_not_on_the_shuffled_sheet(sheet):
    mixed = filters.shuffled(sheet, 3)
    assert min(filters.neighbour_cosines(sheet)) > 0.7
    # over 702 pairs of unrelated filters the mean strays by about 0.02
    assert max(map(abs, filters.neighbour_cosines(mixed))) < 0.1
    same = [np.sort(each.reshape(N * N, -1), axis=0) for each in (sheet, mixed)]
    assert np.array_equal(*same)


def test_pooling_takes_the_largest_answer_of_each_block():
    answers = RANDOM.standard_normal((2, 12, 12))
    found = filters.max_pooled(answers, 5)
    loops = [[one[r : r + 5, c : c + 5].max() for r in (0, 5, 10) for c in (0, 5, 10)] for one in answers]
    assert np.array_equal(found, loops)


def test_local_fields_are_squares_on_the_sheet():
    masks = filters.local_fields(N).reshape(-1, N, N)
    assert len(masks) == 16
    for number, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        assert mask.sum() == 81
        assert (rows.min(), columns.min()) == (5 * (number // 4), 5 * (number % 4))
        assert (np.ptp(rows), np.ptp(columns)) == (8, 8)


def test_a_sheet_too_small_or_a_wrong_k_is_refused_in_one_line():
    with pytest.raises(Mistake, match=r"^n is 8; local fields"):
        filters.local_fields(8)
    with pytest.raises(Mistake, match=r"^n is 0"):
        filters.gabor_sheet(0, 8)
    with pytest.raises(Mistake, match=r"^k is nan"):
        filters.gabor_sheet(5, 8, k=math.nan)


def test_without_pooling_the_order_of_units_is_nothing_to_the_classifier(sheet, images):
    order = RANDOM.permutation(N * N)
    features, held_out = (filters.responses(sheet, part).reshape(len(part), -1) for part in (images.train, images.test))
    scores = [
        pooling.ridge_accuracy(a, images.train_labels, b, images.test_labels)
        for a, b in ((features, held_out), (features[:, order], held_out[:, order]))
    ]
    assert scores[0] == scores[1] > 0.5


def test_each_class_gives_as_many_samples_and_none_twice(images):
    chosen = images.few(5, 1)
    assert len(set(chosen)) == 15
    assert np.bincount(images.train_labels[chosen]).tolist() == [5, 5, 5]


def test_pooled_accuracies_have_a_row_for_each_seed_sheet_and_wiring(images):
    table = pooling.accuracies(images, N, 4, [0, 1])
    assert len(table) == 2 * (3 + 2 + 2)
    assert not ((table.sheet == "shuffled") & (table.wiring == "full")).any()
    assert len(pooling.gain(table)) == 2


def inputs_of(images, seed=0):
    return topography.Inputs.of(images, filters.gabor_sheet(N, SIDE), images.few(5, seed))


def test_inputs_have_a_largest_principal_component_of_variance_1(images):
    train = inputs_of(images).train.double().numpy()
    variances = np.linalg.eigvalsh(np.cov(train.T, bias=True))
    assert variances[-1] == pytest.approx(1, rel=1e-5)  # float32 inputs


@pytest.mark.parametrize("rule", topography.RULES)
def test_synapses_that_are_not_there_stay_away(images, rule):
    inputs = inputs_of(images)
    wiring = torch.as_tensor(filters.local_fields(N), dtype=torch.float32)[None]
    networks = topography.train(rule, inputs, wiring, [(0.1, 0.1)], [0], PLAN, 0)
    fresh = topography.masked_networks([N * N, 16, 3], wiring, [0])
    assert torch.all(networks.weights[0][0, :, :-1][wiring[0] == 0] == 0)
    assert torch.any(networks.weights[0] != fresh.weights[0])


def test_backpropagation_under_a_mask_is_the_slope_of_the_loss(images):
    inputs = inputs_of(images)
    x, targets = inputs.train.double(), inputs.targets.double()
    wiring = torch.as_tensor(filters.local_fields(N))[None]
    networks = topography.masked_networks([N * N, 16, 3], wiring, [0])
    noise = torch.zeros(len(x), 16, dtype=torch.float64)
    moved = topography.masked_changes("BP", networks, wiring, x, targets, noise, 1e-2)[0]
    for unit, synapse in ((0, 0), (5, 300), (15, 26 * 27 - 10)):
        step, ends = 1e-5, []
        for sign in (1, -1):
            networks.weights[0][0, unit, synapse] += sign * step * wiring[0, unit, synapse]
            ends.append(float(losses(forward(networks, x[None])[-1], targets[None]).mean()))
            networks.weights[0][0, unit, synapse] -= sign * step * wiring[0, unit, synapse]
        # the third derivative leaves about step²
        assert float(moved[0, unit, synapse]) == pytest.approx(-(ends[0] - ends[1]) / (2 * step), abs=1e-9)


@pytest.mark.parametrize("rule", topography.RULES)
def test_a_shuffled_mask_on_the_map_is_a_mask_on_the_shuffled_sheet(images, rule):
    seed, inputs = 4, inputs_of(images)
    order = torch.as_tensor(filters.shuffle_order(N, seed))
    moved = topography.Inputs(inputs.train[:, order], inputs.targets, inputs.test[:, order], inputs.labels)
    there = topography.masks(N, seed)
    on_map, on_sheet = (torch.as_tensor(there[kind, "local"])[None].double() for kind in ("shuffled", "map"))
    outputs = []
    for part, wiring, columns in ((inputs, on_map, None), (moved, on_sheet, order)):
        networks = topography.train(rule, part, wiring, [(0.1, 0.1)], [2], PLAN, 0, torch.float64, columns)
        outputs.append(forward(networks, part.test.double()[None])[-1])
    # sums run in another order; float64 keeps that below 1e-9 through the steps of training
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-9)


def test_under_full_wiring_a_permutation_changes_nothing_unless_the_weights_stay(images, monkeypatch):
    # sums run in another order: the fact sheet accepts 1e-9
    assert topography.permutation_difference(images, N, topography.RULES, 1, PLAN) < 1e-9
    whole = topography.train
    monkeypatch.setattr(topography, "train", lambda *given: whole(*given[:-1], None))
    assert topography.permutation_difference(images, N, ["BP"], 1, PLAN) > 1e-3


def test_a_network_does_not_depend_on_those_beside_it(images):
    inputs, wiring = inputs_of(images), torch.ones(3, 16, N * N)
    rates = [(0.1, 0.1), (0.3, 0.1), (1e4, 1e4)]
    together = topography.train("FA", inputs, wiring, rates, [1, 2, 3], PLAN, 0)
    alone = topography.train("FA", inputs, wiring[:1], rates[1:2], [2], PLAN, 0)
    torch.testing.assert_close(together.weights[0][1], alone.weights[0][0], rtol=0, atol=1e-5)  # float32
    right = topography.accuracy(together, inputs)
    assert right[2] == pytest.approx(1 / 3)
    assert right[1] > 0.5


def test_backpropagation_has_no_angle_and_tuning_chooses_among_the_rates(images):
    rates = topography.tuned_rates(images, N, ["BP", "NP"], [5], PLAN, {})
    assert len(rates) == 12
    assert set(rates.values()) <= set(PLAN.rates)
    table = topography.compare(images, N, rates, [6, 7], PLAN, {})
    assert len(table) == 24
    assert table[table.rule == "BP"].angle.max() < 1e-3  # degrees; arccos near 1 loses half of the digits
    assert table[table.rule == "NP"].angle.min() > 10
    assert list(topography.effect(table, "local").columns) == ["BP", "NP"]
