"""Converting is complete or refused by name, and can be undone; what users do to networks goes on working."""

import copy
import doctest
import importlib
import io
import math
import pickle

import pytest
import torch
from torch import nn

from repro.weight_alignment import (
    RULES,
    AlignmentInput,
    Rule,
    alignment_angles,
    convert,
    feedback_layers,
    feedback_parameters,
    revert,
    set_rule,
    weights_of,
)
from repro.weight_alignment.convert import angle
from repro.weight_alignment.models import mlp, resnet20


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return resnet20(width=4).eval()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_round_trip_gives_the_same_network_back(plain, rule):
    x = torch.randn(2, 3, 16, 16)
    state = {key: value.clone() for key, value in plain.state_dict().items()}
    converted = convert(plain, rule)
    assert len(feedback_layers(converted)) == 22
    # alignment adds the bias in a step of its own, so the last bits may differ
    torch.testing.assert_close(converted(x), plain(x), rtol=1e-5, atol=1e-6)
    back = revert(converted)
    assert torch.equal(back(x), plain(x))
    assert repr(back) == repr(plain)
    for network in (plain, back):
        assert network.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert vars(back[0]).keys() == vars(plain[0]).keys()


def test_a_copy_is_converted_unless_asked(plain):
    assert feedback_layers(convert(plain, RULES["SA"]))
    assert not feedback_layers(plain)
    assert convert(plain, RULES["SA"], inplace=True) is plain
    assert len(feedback_layers(plain)) == 22
    assert revert(plain, inplace=True) is plain
    assert not feedback_layers(plain)


def test_feedback_has_the_weights_shape_and_size_but_not_its_direction(plain):
    for name, layer in feedback_layers(convert(plain, RULES["FA"])).items():
        assert layer.feedback.shape == layer.weight.shape
        count = layer.weight.numel()
        # the root mean square of n Gaussians spreads by 1/√(2n), the cosine of two directions by 1/√n; five of those
        sizes = [w.detach().square().mean().sqrt() for w in (layer.feedback, layer.weight)]
        assert abs(sizes[0] / sizes[1] - 1) < 5 / math.sqrt(2 * count), name
        assert abs(math.cos(math.radians(angle(layer.feedback, layer.weight)))) < 5 / math.sqrt(count), name


def test_a_layer_of_zeros_gets_feedback_all_the_same():
    layer = nn.Linear(300, 40)
    nn.init.zeros_(layer.weight)
    feedback = convert(layer, RULES["FA"]).feedback
    assert abs(feedback.std() * math.sqrt(3 * 300) - 1) < 5 / math.sqrt(2 * 12000)


def test_a_generator_fixes_the_feedback(plain):
    first, second, third = (
        convert(plain, RULES["FA"], generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["0.feedback"], third["0.feedback"])


class Linear2(nn.Linear):
    pass


@pytest.mark.parametrize(
    "odd",
    [
        nn.Conv1d(2, 2, 1),
        nn.ConvTranspose2d(2, 2, 1),
        nn.LazyLinear(2),
        nn.MultiheadAttention(2, 1),
        nn.LSTM(2, 2),
        nn.Bilinear(2, 2, 2),
        Linear2(2, 2),
        nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
        nn.Linear(2, 2, dtype=torch.complex64),
    ],
    ids=lambda m: type(m).__name__,
)
def test_what_cannot_be_converted_is_refused_by_layer_name_and_nothing_is_changed(odd):
    network = nn.Sequential(nn.Linear(2, 2), nn.ModuleDict({"odd one": odd}))
    with pytest.raises(ValueError, match=r"layer '1\.odd one"):
        convert(network, RULES["SA"], inplace=True)
    assert type(network[0]) is nn.Linear


def test_other_refusals_say_what_to_do():
    with pytest.raises(ValueError, match="no Linear or Conv2d"):
        convert(nn.Sequential(nn.ReLU()), RULES["SA"])
    with pytest.raises(ValueError, match="the model itself has feedback weights already"):
        convert(convert(nn.Linear(2, 2), RULES["SA"]), RULES["FA"])
    with pytest.raises(ValueError, match="use convert"):
        set_rule(nn.Linear(2, 2), RULES["SA"])


def test_copies_and_pickles_keep_feedback_rule_and_gradients():
    network = convert(mlp([4, 3, 2]), RULES["IA"], alignment_input=AlignmentInput(center="batch"))
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    copies = [copy.deepcopy(network), pickle.loads(pickle.dumps(network)), torch.load(file, weights_only=False)]
    x = torch.randn(5, 4)
    network(x).sum().backward()
    for other in copies:
        other(x).sum().backward()
        assert other[3].rule == RULES["IA"]
        assert other[3].alignment_input.center == "batch"
        assert torch.equal(other[3].feedback.grad, network[3].feedback.grad)
        assert other[3].feedback.data_ptr() != network[3].feedback.data_ptr()


def test_state_dict_goes_there_and_back():
    first, second = (convert(mlp([4, 3, 2]), RULES["WM"]) for _ in range(2))
    assert [key for key in first.state_dict() if "feedback" in key] == ["1.feedback", "3.feedback"]
    second.load_state_dict(first.state_dict())
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), second.parameters(), strict=True))


def test_a_plain_checkpoint_misses_only_the_feedback():
    missing = convert(mlp([4, 3, 2]), RULES["WM"]).load_state_dict(mlp([4, 3, 2]).state_dict(), strict=False)
    assert missing.missing_keys == ["1.feedback", "3.feedback"]
    assert not missing.unexpected_keys


def test_the_dtype_follows_the_network():
    network = convert(mlp([4, 3, 2]), RULES["AA"]).double()
    network(torch.randn(5, 4, dtype=torch.float64)).sum().backward()
    assert network[3].feedback.grad.dtype == torch.float64


def test_a_layer_used_twice_stays_one_layer_and_hooks_stay_on():
    shared = nn.Linear(3, 3)
    calls = []
    shared.register_forward_hook(lambda *_: calls.append(1))
    network = convert(nn.Sequential(shared, nn.ReLU(), shared), RULES["SA"])
    assert network[0] is network[2]
    assert len(feedback_parameters(network)) == 1
    network(torch.randn(2, 3)).sum().backward()
    assert sum(calls) == 2
    # the second use alone has an input that wants a gradient
    expected = RULES["SA"].decay * (network[0].feedback - network[0].weight)
    torch.testing.assert_close(network[0].feedback.grad, expected.detach())


def test_parameters_are_split_into_weights_and_feedback(plain):
    network = convert(plain, RULES["SA"])
    weights, feedback = weights_of(network), feedback_parameters(network)
    assert len(feedback) == 22
    assert {id(p) for p in weights} | {id(p) for p in feedback} == {id(p) for p in network.parameters()}
    assert len(weights) == len(list(plain.parameters()))
    assert not feedback_parameters(convert(plain, RULES["BP"]))
    assert not any(p.requires_grad for p in feedback_parameters(convert(plain, RULES["FA"])))


def test_a_rule_can_rest_and_go_on():
    network = convert(mlp([4, 3, 2]), RULES["SA"])
    before = network[3].feedback
    for rule, learns in ((Rule(), False), (RULES["AA"], True)):
        set_rule(network, rule)
        network.zero_grad()
        network(torch.randn(5, 4)).sum().backward()
        assert (network[3].feedback.grad is not None) == learns
    assert network[3].feedback is before


def test_the_example_in_the_documentation_runs():
    failed, tried = doctest.testmod(importlib.import_module("repro.weight_alignment.convert"))
    assert (failed, tried > 5) == (0, True)


def test_angles():
    layer = convert(nn.Linear(2, 1, bias=False).double(), RULES["FA"])
    for direction, degrees in (
        ((1.0, 0.0), 0.0),
        ((0.0, 2.0), 90.0),
        ((-3.0, 0.0), 180.0),
        ((1.0, 1e-9), 1e-9 * 180 / math.pi),
    ):
        layer.weight.data = torch.tensor([[5.0, 0.0]]).double()
        layer.feedback.data = torch.tensor([direction]).double()
        assert alignment_angles(layer)[""] == pytest.approx(degrees, rel=1e-6, abs=1e-12)
    layer.feedback.data.zero_()
    assert math.isnan(alignment_angles(layer)[""])
    assert alignment_angles(convert(mlp([4, 3, 2]), RULES["BP"])) == {"1": 0.0, "3": 0.0}
