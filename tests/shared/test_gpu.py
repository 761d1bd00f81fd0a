"""What runs on a GPU does what it does on the processor; skipped where there is no GPU."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from repro.convallis import Learning, Valley, feedforward, torch_simulator
from repro.spike_discontinuity.network import Neurons, simulate
from repro.spike_discontinuity.torch_network import simulate_tensors
from repro.weight_alignment import lockstep, train
from repro.weight_alignment.deep_loop import Trainer
from repro.weight_alignment.deep_network import descend, make
from repro.weight_alignment.deep_options import Data, Feedback, Keeping, Machine, Options
from repro.weight_alignment.deep_options import Learning as WeightLearning
from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape
from repro.weight_alignment.rules import RULES

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

SMALL = Data(data="digits", n_images=200, n_test=50)
PLAN = WeightLearning(epochs=2, batch=20, rate=0.05, schedule="cosine")


@pytest.fixture
def exact():
    """Full float32, not the shortened numbers that convolutions take by default on a GPU."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def options(out, rule="SA", model="resnet8", **machine):
    machine = Machine(**({"device": "cuda"} | machine))
    keeping = Keeping(angles=True, log_every=1)
    return Options(out=out, model=model, data=SMALL, learning=PLAN, feedback=Feedback(rule=rule), machine=machine,
                   keeping=keeping)  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_first_steps_are_those_of_the_processor(rule, tmp_path, exact):
    """Ten steps from the same start; float32 rounding (1e-7) grows by the sums over some thousand positions."""
    found = {}
    for device in ("cpu", "cuda"):
        given = options(tmp_path, rule, device=device)
        learning = make(given, 3, 16, 10, torch.device(device))
        generator = torch.Generator().manual_seed(1)
        for step in range(10):
            x, y = torch.randn(16, 3, 16, 16, generator=generator), torch.randint(10, (16,), generator=generator)
            for optimiser in filter(None, (learning.weights, learning.feedback)):
                optimiser.zero_grad()
            F.cross_entropy(learning.network(x.to(device)), y.to(device)).backward()
            descend(learning, given, step, 100)
        found[device] = {name: value.detach().cpu() for name, value in learning.network.named_parameters()}
    for name, there in found["cuda"].items():
        here = found["cpu"][name]
        assert (there - here).norm() <= 2e-2 * here.norm() + 1e-6, name
        assert torch.isfinite(there).all()


def test_bf16_learns_what_float32_learns(tmp_path):
    """bfloat16 has 8 bits: losses of a short run differ by a few percent."""
    losses = {}
    for precision in ("float32", "bf16"):
        given = options(tmp_path / precision, precision=precision)
        assert train.run(given) == "done"
        losses[precision] = json.loads((given.out / "result.json").read_text())["history"][-1]["train_loss"]
    assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.1)


def test_deterministic_is_the_same_bits_twice_and_after_a_stop(tmp_path, monkeypatch):
    ends = []
    for name, stop_after in (("once", None), ("again", None), ("stopped", 7)):
        given = options(tmp_path / name, "AA", deterministic=True)
        if stop_after is not None:
            real, count = Trainer.step, iter(range(10**6))

            def step(self, *words, real=real, count=count, last=stop_after):
                if next(count) == last:
                    raise KeyboardInterrupt
                return real(self, *words)

            given = dataclasses.replace(given, keeping=dataclasses.replace(given.keeping, checkpoint_every=5))
            monkeypatch.setattr(Trainer, "step", step)
            with pytest.raises(KeyboardInterrupt):
                train.run(given)
            monkeypatch.setattr(Trainer, "step", real)
        assert train.run(given) == "done"
        history = json.loads((given.out / "result.json").read_text())["history"]
        ends.append([(each["train_loss"], each["angle"]) for each in history])
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("rule", ["FA", "AA", "KP"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_recorded_graph_trains_as_single_launches_do(rule, precision, tmp_path):
    """The same kernels in the same order, with deterministic algorithms: the same bits, batch norm included."""
    ends = []
    for graph in (False, True):
        given = options(tmp_path / str(graph), rule, deterministic=True, graph=graph, precision=precision)
        assert train.run(given) == "done"
        history = json.loads((given.out / "result.json").read_text())["history"]
        ends.append([(each["train_loss"], each["test_loss"], each["angle"]) for each in history])
    assert ends[0] == ends[1]


def test_networks_in_lockstep_are_those_of_the_processor():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 7, generator=generator), torch.randint(3, (64,), generator=generator)
    learners = [Learner(rule, 0.1, seed=3, momentum=0.9) for rule in RULES.values()]
    part = Examples(x.numpy(), y.numpy())
    schedule = Schedule(epochs=2, batch=8)
    losses = [
        lockstep.train(learners, Shape(7, (6, 5), 3), part, part, schedule, dtype=torch.float64, device=device).loss
        for device in ("cpu", "cuda")
    ]
    assert np.asarray(losses[1]) == pytest.approx(np.asarray(losses[0]), rel=1e-6)


def test_spiking_populations_spike_as_on_the_processor():
    random = np.random.default_rng(0)
    trials = [random.random((2, length, 30)) < 0.02 for length in (160, 110)]
    weights = feedforward.random_weights(2, 30, 6, 0.9, np.random.default_rng(1))
    learning = Learning(Valley(), rate=1e-4)
    ours, theirs = (
        feedforward.train(trials, weights, learning),
        torch_simulator.train(trials, weights, learning, device="cuda"),
    )
    assert np.array_equal(ours.counts, theirs.counts)
    assert theirs.weights == pytest.approx(ours.weights, rel=1e-9, abs=1e-12)


def test_correlated_neurons_spike_as_on_the_processor():
    neurons = Neurons(window_ms=25)
    noise = np.random.default_rng(0).normal(0.0, 10.0, (1000, 2, 2))
    weights = np.array([[14.0, 9.0], [20.0, 6.0]])
    here, there = (
        simulate_tensors(weights, 0.6, 1.0, 0, neurons, noise=noise, device=device) for device in ("cpu", "cuda")
    )
    assert (here.first == there.first).all()
    assert there.z == pytest.approx(here.z, abs=1e-9)
    assert simulate(weights, 0.6, 1.0, 0, neurons).z.shape == there.z.shape
