"""Feedback layers: the way forward is torch's own, the way back is the feedback's, and only the feedback aligns."""

import pytest
import torch
from torch import nn

from repro.weight_alignment import RULES, Convolution, Rule, convert, feedback_layers, feedback_parameters, weights_of
from repro.weight_alignment.functional import feedback_conv2d
from repro.weight_alignment.models import mlp, resnet20
from repro.weight_alignment.options import AlignmentInput
from repro.weight_alignment.primitives import gradient

ALL_FIVE = Rule(0.7, 1.3, 0.4, 0.9, 1.1)
COPY = Rule(amp=1.3, follows_weight_gradient=True)  # what is added to the copy must not reach the weight's gradient
LEARNING = {name: rule for name, rule in RULES.items() if rule.learns} | {"all five": ALL_FIVE, "copy": COPY}
LAYERS = {
    "dense": lambda: (nn.Linear(7, 5), (6, 7)),
    "dense without bias": lambda: (nn.Linear(7, 5, bias=False), (6, 7)),
    "dense with leading dimensions": lambda: (nn.Linear(7, 5), (2, 3, 7)),
    "dense, one sample": lambda: (nn.Linear(7, 5), (7,)),
    "convolution": lambda: (nn.Conv2d(3, 4, 3), (2, 3, 6, 5)),
    "convolution, one image": lambda: (nn.Conv2d(3, 4, 3, padding=1), (3, 6, 5)),
    "strided, dilated, grouped": lambda: (nn.Conv2d(4, 6, 3, 2, 2, 2, 2, bias=False), (2, 4, 9, 8)),
    "padded by name": lambda: (nn.Conv2d(3, 4, (2, 3), padding="same", dilation=(1, 2)), (2, 3, 6, 5)),
    "not padded, by name": lambda: (nn.Conv2d(3, 4, 3, stride=2, padding="valid"), (2, 3, 6, 5)),
    "reflected": lambda: (nn.Conv2d(3, 4, 3, padding=(1, 2), padding_mode="reflect"), (2, 3, 6, 5)),
    "circular and even": lambda: (nn.Conv2d(3, 4, 2, padding="same", padding_mode="circular"), (2, 3, 6, 5)),
}


def layer_and_input(kind, rule, seed=0):
    torch.manual_seed(seed)
    plain, shape = LAYERS[kind]()
    plain = plain.double()
    return plain, convert(plain, rule), torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's own layer, about its speed
@pytest.mark.parametrize("rule", LEARNING.values(), ids=LEARNING)
@pytest.mark.parametrize("kind", LAYERS)
def test_errors_return_by_the_feedback_and_weights_get_their_exact_gradient(kind, rule):
    plain, layer, x = layer_and_input(kind, rule)
    y = layer(x)
    error = torch.randn_like(y)
    y.backward(error)
    expected = plain(x.detach().requires_grad_())
    torch.testing.assert_close(y, expected, rtol=1e-13, atol=1e-13)
    expected.backward(error)
    torch.testing.assert_close(layer.weight.grad, plain.weight.grad, rtol=1e-12, atol=1e-13)
    if plain.bias is not None:
        torch.testing.assert_close(layer.bias.grad, plain.bias.grad, rtol=1e-12, atol=1e-13)
    way_back = plain.requires_grad_(False)
    way_back.weight.copy_(layer.feedback.detach())
    x_again = x.detach().requires_grad_()
    way_back(x_again).backward(error)
    torch.testing.assert_close(x.grad, x_again.grad, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("rule", LEARNING.values(), ids=LEARNING)
@pytest.mark.parametrize("kind", [kind for kind in LAYERS if "padded" not in kind and "circular" not in kind])
def test_feedback_gets_the_gradient_of_the_primitives_whatever_the_loss(kind, rule):
    plain, layer, x = layer_and_input(kind, rule)
    convolution, seen = None, x.detach()
    if isinstance(plain, nn.Conv2d):
        padding = plain.padding
        if plain.padding_mode == "reflect":
            seen, padding = nn.functional.pad(seen, (2, 2, 1, 1), mode="reflect"), (0, 0)
        convolution = Convolution(plain.stride, padding, plain.dilation, plain.groups)
    for size in (1.0, 1e3):
        layer.zero_grad()
        (layer(x).square().sum() * size).backward()
        expected = gradient(rule, layer.weight, layer.feedback, seen, convolution, layer.weight.grad)
        torch.testing.assert_close(layer.feedback.grad, expected, rtol=1e-12, atol=1e-13)
        assert layer.feedback.grad.data_ptr() != layer.weight.grad.data_ptr()


def test_only_the_feedback_is_moved_by_alignment():
    """Everything but the feedback gets the gradient that frozen feedback gives, in a network with every trap."""
    torch.manual_seed(0)
    plain = resnet20(width=4).double()
    x, labels = torch.randn(3, 3, 16, 16, dtype=torch.float64), torch.randint(10, (3,))
    gradients = {}
    for name, rule in {"frozen": Rule(), "all five": ALL_FIVE}.items():
        network = convert(plain, rule, generator=torch.Generator().manual_seed(1))
        nn.functional.cross_entropy(network(x), labels).backward()
        gradients[name] = {key: p.grad for key, p in network.named_parameters() if not key.endswith("feedback")}
        moved = [layer.feedback.grad is not None for layer in feedback_layers(network).values()]
        assert moved == [False] + [name == "all five"] * (len(moved) - 1)  # the first layer's is never read
    for key, value in gradients["frozen"].items():
        torch.testing.assert_close(gradients["all five"][key], value, rtol=1e-10, atol=1e-14, msg=key)


def test_random_feedback_is_not_backpropagation():
    plain, layer, x = layer_and_input("convolution", RULES["FA"])
    plain(x).sum().backward()
    backpropagated, x.grad = x.grad, None
    layer(x).sum().backward()
    cosine = nn.functional.cosine_similarity(x.grad.flatten(), backpropagated.flatten(), dim=0)
    assert cosine.abs() < 0.9


def test_tied_feedback_is_backpropagation_bit_by_bit():
    torch.manual_seed(0)
    plain = resnet20(width=4)
    tied = convert(plain, RULES["BP"])
    x = torch.randn(3, 3, 16, 16)
    for network in (plain, tied):
        network(x).square().sum().backward()
    for (name, p), q in zip(plain.named_parameters(), tied.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad), name
    assert all(layer.feedback is layer.weight for layer in feedback_layers(tied).values())


def test_symmetric_alignment_at_full_rate_is_backpropagation_with_the_weights_of_one_step_ago():
    torch.manual_seed(0)
    network = convert(mlp([6, 5, 4, 3], batch_norm=True).double(), Rule(self_weight=1.0, decay=1.0))
    weights = torch.optim.SGD(weights_of(network), lr=0.1)
    feedback = torch.optim.SGD(feedback_parameters(network), lr=1.0)
    for _ in range(4):
        before = [layer.weight.detach().clone() for layer in feedback_layers(network).values()]
        network.zero_grad()
        network(torch.randn(8, 6, dtype=torch.float64)).square().mean().backward()
        weights.step()
        feedback.step()
        for old, layer in list(zip(before, feedback_layers(network).values(), strict=True))[1:]:
            torch.testing.assert_close(layer.feedback.detach(), old, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", LAYERS)
def test_gradcheck_passes_where_the_feedback_equals_the_weight(kind):
    _, layer, x = layer_and_input(kind, Rule())
    layer.feedback.copy_(layer.weight.detach())
    parameters = [layer.weight] + ([] if layer.bias is None else [layer.bias])
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *parameters))
    layer.feedback.add_(0.1)
    assert not torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *parameters), raise_exception=False)


def test_there_is_no_second_derivative():
    _, layer, x = layer_and_input("dense", Rule())
    (first,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_in_place_activations_after_a_bias_leave_the_alignment_alone():
    gradients = []
    for inplace in (False, True):
        torch.manual_seed(0)
        network = convert(
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(inplace), nn.Conv2d(3, 3, 3), nn.ReLU(inplace)), ALL_FIVE
        )
        network(torch.randn(2, 2, 7, 7)).sum().backward()
        gradients.append(network[2].feedback.grad)
    assert torch.equal(*gradients)


def test_in_place_activations_without_a_bias_are_refused_by_torch_not_computed_wrongly():
    network = convert(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False), nn.ReLU(inplace=True)), RULES["WM"])
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation|modified inplace"):
        network(torch.randn(2, 3)).sum().backward()


@pytest.mark.parametrize("rule", LEARNING.values(), ids=LEARNING)
def test_mixed_precision_leaves_parameters_and_alignment_in_full(rule):
    torch.manual_seed(0)
    network = convert(
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(75, 4), nn.Linear(4, 3)), rule
    )
    x = torch.randn(4, 2, 7, 7)
    network(x).sum().backward()
    full = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        y = network(x)
        loss = y.sum()
    assert y.dtype == torch.bfloat16
    loss.backward()
    for name, expected in full.items():
        actual = network.get_parameter(name).grad
        assert actual.dtype == torch.float32
        # bfloat16 keeps 8 bits: 0.4 % a value, a few per cent after three layers of rounded errors
        assert (actual - expected).norm() < 0.05 * expected.norm(), name


def test_small_decay_survives_mixed_precision():
    layer = convert(nn.Linear(4, 4), Rule(decay=1e-6))
    with torch.autocast("cpu", torch.bfloat16):
        loss = layer(torch.randn(2, 4, requires_grad=True)).sum()
    loss.backward()
    torch.testing.assert_close(layer.feedback.grad, 1e-6 * layer.feedback.detach())


def test_a_batch_of_none_moves_nothing_but_the_decay():
    layer = convert(nn.Linear(4, 3), ALL_FIVE)
    layer(torch.empty(0, 4, requires_grad=True)).sum().backward()
    expected = ALL_FIVE.decay * layer.feedback - ALL_FIVE.self_weight * layer.weight
    torch.testing.assert_close(layer.feedback.grad, expected.detach())


def test_the_weight_slot_of_one_backward_call_gives_the_same_as_two(monkeypatch):
    """The single call is what makes feedback alignment as cheap as backpropagation."""
    calls = []
    original = torch.ops.aten.convolution_backward
    monkeypatch.setattr(torch.ops.aten, "convolution_backward", lambda *a: calls.append(a[-1]) or original(*a))
    x, weight, feedback = torch.randn(2, 3, 5, 5, requires_grad=True), torch.randn(4, 3, 3, 3), torch.randn(4, 3, 3, 3)
    feedback_conv2d(
        x, weight.requires_grad_(), feedback, None, Rule(), Convolution(), AlignmentInput()
    ).sum().backward()
    assert calls == [(True, True, False)]
