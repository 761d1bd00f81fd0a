"""The five primitives against autograd, and against the linear map written out as a matrix."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.weight_alignment.operators import Convolution
from repro.weight_alignment.primitives import gradient, potential
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule

EXACT = {"rtol": 1e-10, "atol": 1e-12}  # double precision, sums of at most some thousand terms
SUBSETS = list(itertools.product([0.0, 1.0], repeat=5))

GEOMETRIES = {  # convolution, weight shape, input shape
    "dense": (None, (5, 7), (6, 7)),
    "dense with leading dimensions": (None, (5, 7), (2, 3, 7)),
    "plain": (None, (4, 3, 3, 3), (2, 3, 6, 5)),
    "padded": (Convolution(padding=(1, 2)), (4, 3, 3, 3), (2, 3, 5, 5)),
    "strided, with rows left over": (Convolution(stride=(2, 3), padding=(1, 0)), (4, 3, 3, 2), (2, 3, 8, 9)),
    "dilated": (Convolution(dilation=(2, 1), padding=(2, 1)), (4, 3, 3, 3), (2, 3, 7, 6)),
    "grouped": (Convolution(groups=2, padding=(1, 1)), (6, 2, 3, 3), (2, 4, 5, 5)),
    "depthwise, all at once": (Convolution((2, 2), (2, 2), (2, 2), 4), (8, 1, 3, 3), (3, 4, 9, 8)),
}


def draw(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weight_feedback_input(geometry, seed=0):
    convolution, weight_shape, input_shape = GEOMETRIES[geometry]
    return draw(weight_shape, seed), draw(weight_shape, seed + 1), draw(input_shape, seed + 2), convolution


def as_matrix(weight, x, convolution):
    """The layer as one matrix acting on a flattened sample, found by applying torch's own layer to unit vectors."""
    if weight.dim() == 2:
        return weight
    c = convolution or Convolution()
    units = torch.eye(x[0].numel(), dtype=x.dtype).view(-1, *x.shape[1:])
    columns = torch.nn.functional.conv2d(units, weight, None, c.stride, c.padding, c.dilation, c.groups)
    return columns.flatten(1).t()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_potentials_are_those_of_the_layer_written_as_a_matrix(geometry):
    weight, feedback, x, convolution = weight_feedback_input(geometry)
    rows = x.reshape(-1, x.shape[-1]) if weight.dim() == 2 else x
    W, B = as_matrix(weight, rows, convolution), as_matrix(feedback, rows, convolution).t()
    x_flat = rows.flatten(1)
    y, z = x_flat @ W.t(), x_flat @ B
    r = y @ B.t()
    expected = {
        "decay": (feedback**2).sum() / 2,
        "amp": -(z * y).sum(1).mean(),
        "null": (r**2).sum(1).mean() / 2,
        "sparse": (z**2).sum(1).mean() / 2,
        "self_weight": -(feedback * weight).sum(),
    }
    for name in PRIMITIVES:
        torch.testing.assert_close(potential(name, weight, feedback, x, convolution), expected[name], **EXACT)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("subset", SUBSETS, ids=lambda s: "".join(str(int(c)) for c in s))
def test_updates_are_gradients_of_the_potentials(geometry, subset):
    weight, feedback, x, convolution = weight_feedback_input(geometry)
    coefficients = [c * size for c, size in zip(subset, (0.7, 1.3, 0.4, 0.9, 1.1), strict=True)]
    feedback.requires_grad_()
    total = feedback.sum() * 0 + sum(
        c * potential(name, weight, feedback, x, convolution) for c, name in zip(coefficients, PRIMITIVES, strict=True)
    )
    (expected,) = torch.autograd.grad(total, feedback)
    rule = Rule(**dict(zip(PRIMITIVES, coefficients, strict=True)))
    torch.testing.assert_close(gradient(rule, weight, feedback, x, convolution), expected, **EXACT)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_symmetric_and_activation_alignment_descend_squared_distances(geometry):
    weight, feedback, x, convolution = weight_feedback_input(geometry)
    feedback.requires_grad_()
    n = x.numel() / (x.shape[-1] if weight.dim() == 2 else x[0].numel())
    W, B = (as_matrix(w, x, convolution) for w in (weight, feedback))
    x_flat = x.reshape(-1, x.shape[-1]) if weight.dim() == 2 else x.flatten(1)
    distances = {
        Rule(self_weight=0.8, decay=0.8): 0.8 * (weight - feedback).square().sum() / 2,
        Rule(amp=0.8, sparse=0.8): 0.8 * (x_flat @ (W - B).t()).square().sum() / (2 * n),
    }
    for rule, distance in distances.items():
        (expected,) = torch.autograd.grad(distance, feedback)
        torch.testing.assert_close(gradient(rule, weight, feedback, x, convolution), expected, **EXACT)


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 3),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_updates_are_gradients_for_convolutions_of_any_shape(
    n, groups, channels, size, kernel, stride, padding, dilation
):
    convolution = Convolution(stride, padding, dilation, groups)
    shape = (groups * channels[0], channels[1], *kernel)
    weight, feedback, x = draw(shape, 0), draw(shape, 1).requires_grad_(), draw((n, groups * channels[1], *size), 2)
    rule = Rule(0.7, 1.3, 0.4, 0.9, 1.1)
    total = sum(
        c * potential(p, weight, feedback, x, convolution) for c, p in zip(rule.coefficients, PRIMITIVES, strict=True)
    )
    (expected,) = torch.autograd.grad(total, feedback)
    torch.testing.assert_close(gradient(rule, weight, feedback, x, convolution), expected, **EXACT)


def test_kolen_pollack_adds_the_weight_gradient():
    weight, feedback, x, _ = weight_feedback_input("dense")
    rule = Rule(decay=0.5, follows_weight_gradient=True)
    torch.testing.assert_close(gradient(rule, weight, feedback, x, None, weight), 0.5 * feedback + weight, **EXACT)
    with pytest.raises(ValueError, match="weight_gradient"):
        gradient(rule, weight, feedback, x)


def test_what_has_no_gradient_says_so():
    weight, feedback, x, _ = weight_feedback_input("dense")
    with pytest.raises(ValueError, match="tied"):
        gradient(RULES["BP"], weight, feedback, x)
    with pytest.raises(ValueError, match="no primitive is called 'gamma'"):
        potential("gamma", weight, feedback, x)
    with pytest.raises(ValueError, match="takes no convolution"):
        potential("amp", weight, feedback, x, Convolution())
    with pytest.raises(ValueError, match="two dimensions"):
        potential("amp", weight[0], feedback[0], x)
