"""The training loop in this process, against plain torch, the rules' own equations, and what it promises to refuse."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from repro.errors import Mistake
from repro.weight_alignment import convert, deep_checkpoint, deep_data, feedback_layers, revert
from repro.weight_alignment.deep_network import check_compiled, make
from repro.weight_alignment.deep_options import Data, Feedback, Keeping, Learning, Machine, Options
from repro.weight_alignment.deep_schedule import rate_share
from repro.weight_alignment.rules import RULES
from repro.weight_alignment.train import load_images, main, run

SMALL = Data(data="digits", n_images=200, n_test=50)
PLAN = Learning(epochs=2, batch=40, rate=0.05)
STEPS = 10


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    monkeypatch.setattr(deep_data, "cache", lambda: tmp_path / "cache")
    yield
    torch.use_deterministic_algorithms(False)


def options(tmp_path, rule="SA", model="convnet", learning=PLAN, data=SMALL, name="run", keeping=None, **feedback):
    return Options(
        out=tmp_path / name,
        model=model,
        data=data,
        learning=learning,
        feedback=Feedback(rule=rule, **feedback),
        machine=Machine(device="cpu"),
        keeping=keeping or Keeping(log_every=1, angles=True),
    )


def end(folder):
    result = json.loads((folder / "result.json").read_text())
    return result, deep_checkpoint.newest(folder / "checkpoints")


def by_hand(given):
    """The same run with plain torch: its own loop, rates, scaling, L2 groups and accuracy."""
    images = load_images(given)
    network = revert(make(given, 1, 8, 10, torch.device("cpu")).network)
    mean, deviation = images.x_train.mean(), images.x_train.std()
    decaying = [p for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d) for p in m.parameters()]
    others = [p for p in network.parameters() if not any(p is q for q in decaying)]
    groups = [{"params": decaying, "weight_decay": given.learning.weight_decay}, {"params": others}]
    optimiser = torch.optim.SGD([g for g in groups if g["params"]], lr=0.05, momentum=0.9, nesterov=True)
    losses = []
    for step in range(STEPS):
        if step % 5 == 0:
            batches = list(images.epoch(step // 5, 40, 0, 0, 1))
        x, y = batches[step % 5]
        optimiser.zero_grad()
        loss = F.cross_entropy(network((x - mean) / deviation), y)
        loss.backward()
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * rate_share("official", step, STEPS)
        optimiser.step()
        losses.append(loss.item())
    network.eval()
    x, y = images.judged["test"]
    scores = network((torch.from_numpy(x).float() - mean) / deviation)
    return network, losses, (scores.argmax(1).numpy() == y).mean()


@pytest.mark.parametrize("model", ["convnet", "resnet8"])
def test_backpropagation_is_plain_training(tmp_path, model):
    given = options(tmp_path, "BP", model, dataclasses.replace(PLAN, weight_decay=0.05))  # enough to be seen
    assert run(given) == "done"
    result, state = end(given.out)
    network, losses, accuracy = by_hand(given)
    lines = [json.loads(line) for line in (given.out / "log.jsonl").read_text().splitlines()]
    # float32 rounding (6e-8) grows over ten steps of a small network; the losses fall by more than 0.1
    np.testing.assert_allclose([e["loss"] for e in lines if e["kind"] == "step"], losses, rtol=1e-4)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(state["network"][name], value, rtol=1e-3, atol=1e-4)
    assert result["test_accuracy"] == pytest.approx(accuracy, abs=0.021)  # one of 50 images may fall on an edge
    assert all(value == 0.0 for value in result["history"][-1]["angles"].values())


def one_step(tmp_path, rule, name, learning, **feedback):
    """State before and after one step."""
    given = options(tmp_path, rule, "mlp", learning, dataclasses.replace(SMALL, n_images=40), name, **feedback)
    before = {k: v.clone() for k, v in make(given, 1, 8, 10, torch.device("cpu")).network.state_dict().items()}
    assert run(given) == "done"
    return before, end(given.out)[1]["network"]


ONE = Learning(epochs=1, batch=40, rate=0.05, schedule="constant")


def test_symmetric_alignment_moves_by_its_equation(tmp_path):
    """B - rate (decay B - self W), W as it was before the step; the first layer's feedback rests."""
    before, after = one_step(tmp_path, "SA", "a", ONE, decay=0.3, self_weight=0.2, feedback_rate=0.5)
    for layer in ("3", "5"):
        b, w = before[f"{layer}.feedback"], before[f"{layer}.weight"]
        torch.testing.assert_close(after[f"{layer}.feedback"], b - 0.5 * (0.3 * b - 0.2 * w))
        assert not torch.equal(after[f"{layer}.weight"], w)
    assert torch.equal(after["1.feedback"], before["1.feedback"])


def test_kolen_pollack_shrinks_the_difference_by_the_decay_alone(tmp_path):
    """With equal steps W - B is multiplied by 1 - rate · L2; the Nesterov step multiplies the rate by 1 + momentum."""
    learning = dataclasses.replace(ONE, weight_decay=0.1)
    before, after = one_step(tmp_path, "KP", "a", learning)
    for layer in ("3", "5"):
        was = before[f"{layer}.weight"] - before[f"{layer}.feedback"]
        now = after[f"{layer}.weight"] - after[f"{layer}.feedback"]
        # subtracting nearly equal numbers of size 0.1 leaves 1e-8
        torch.testing.assert_close(now, was * (1 - 0.05 * 0.1 * 1.9), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("of", "rate"), [("weight", 0.05), ("feedback", 0.5)])
def test_noise_is_the_rate_times_its_standard_deviation(tmp_path, of, rate):
    noisy = dataclasses.replace(ONE, noise=0.2) if of == "weight" else ONE
    extra = {} if of == "weight" else {"feedback_noise": 0.2}
    quiet = one_step(tmp_path, "SA", "a", ONE, feedback_rate=0.5)[1]
    loud = one_step(tmp_path, "SA", "b", noisy, feedback_rate=0.5, **extra)[1]
    other = "feedback" if of == "weight" else "weight"
    difference = loud[f"3.{of}"] - quiet[f"3.{of}"]
    n = difference.numel()
    assert difference.std().item() == pytest.approx(0.2 * rate, rel=5 * (2 * n) ** -0.5)  # 5 standard errors
    assert abs(difference.mean().item()) < 5 * 0.2 * rate * n**-0.5
    assert torch.equal(loud[f"3.{other}"], quiet[f"3.{other}"])


def test_defaults_that_the_rule_decides_are_on_record(tmp_path):
    """Kolen-Pollack must learn as the weights do, or it doesn't align."""
    resolved = options(tmp_path, "KP", learning=dataclasses.replace(PLAN, weight_decay=0.003)).resolved()
    expected = {
        "decay": 0.003,
        "feedback_optimiser": "nesterov",
        "feedback_rate": 0.05,
        "feedback_schedule": "official",
    }
    assert {name: resolved[name] for name in expected} == expected
    given = options(tmp_path, "IA", null=0.25)
    run(given)
    assert end(given.out)[0]["resolved"] == given.resolved()
    assert (given.resolved()["null"], given.resolved()["amp"]) == (0.25, RULES["IA"].amp)


def test_matched_norms_match(tmp_path):
    _, after = one_step(tmp_path, "WM", "a", ONE, match_norm=True)
    for layer in ("3", "5"):
        torch.testing.assert_close(after[f"{layer}.feedback"].norm(), after[f"{layer}.weight"].norm())


def test_bfloat16_leaves_feedback_and_weights_in_float32(tmp_path):
    """SA's step reads weights alone, so it is the same to the bit when the passes run in bfloat16."""
    given = options(tmp_path, "SA", "mlp", ONE, dataclasses.replace(SMALL, n_images=40))
    low = dataclasses.replace(given, out=tmp_path / "low", machine=Machine(device="cpu", precision="bf16"))
    for each in (given, low):
        assert run(each) == "done"
    exact, rounded = (end(each.out)[1]["network"] for each in (given, low))
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    assert torch.equal(rounded["3.feedback"], exact["3.feedback"])
    assert not torch.equal(rounded["3.weight"], exact["3.weight"])
    torch.testing.assert_close(rounded["3.weight"], exact["3.weight"], rtol=0, atol=5e-3)


def test_a_diverged_run_is_a_record_not_a_crash(tmp_path, capsys):
    given = options(tmp_path, "WM", "mlp", feedback_optimiser="sgd", feedback_rate=1e9)
    assert run(given) == "nan"
    assert "the loss is not finite at step" in capsys.readouterr().out
    result = json.loads((given.out / "result.json").read_text())
    assert (result["status"], result["test_accuracy"]) == ("nan", None)
    assert run(given) == "nan", "a record is a record: it is not tried again"


def test_a_run_that_diverges_in_its_last_step_has_diverged(tmp_path):
    """The loss of the step was finite, the network that it left is not."""
    learning = dataclasses.replace(ONE, rate=1e38)
    given = options(tmp_path, "BP", "mlp", learning, dataclasses.replace(SMALL, n_images=40))
    assert run(given) == "nan"
    assert end(given.out)[0]["history"] == []


def test_a_finished_run_is_left_as_it_is_and_another_is_refused(tmp_path, monkeypatch):
    given = options(tmp_path)
    run(given)
    before = (given.out / "result.json").read_bytes()
    monkeypatch.setattr("repro.weight_alignment.train.load_images", None)  # would fail if anything were read
    assert run(given) == "done"
    assert run(dataclasses.replace(given, keeping=Keeping(log_every=7, angles=True))) == "done"
    with pytest.raises(Mistake, match=r"holds a run with --seed 0, not 1"):
        run(dataclasses.replace(given, seed=1))
    (given.out / "result.json").unlink()
    with pytest.raises(Mistake, match=r"holds a run with --rule SA, not FA"):
        run(dataclasses.replace(given, feedback=Feedback(rule="FA")))
    assert not (given.out / "result.json").exists()
    (given.out / "result.json").write_bytes(before)


def test_the_test_images_are_judged_once_where_there_are_validation_images(tmp_path):
    given = options(tmp_path, data=dataclasses.replace(SMALL, validation=30))
    run(given)
    history = end(given.out)[0]["history"]
    assert ["test_accuracy" in entry for entry in history] == [False, True]
    assert all("validation_accuracy" in entry for entry in history)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning": Learning(epochs=0)}, "--epochs is 0"),
        ({"learning": Learning(rate=float("nan"))}, "--rate is nan"),
        ({"learning": Learning(batch=500)}, "--batch is 500; allowed is up to the 200"),
        ({"data": Data(data="imagenet")}, "--path is None"),
        ({"feedback": Feedback(rule="BP", amp=1.0)}, "--amp is 1.0; allowed is nothing"),
        ({"feedback": Feedback(batch_fraction=0.0)}, "--batch-fraction is 0.0"),
        ({"machine": Machine(device="cuda:7")}, "device is 'cuda:7'"),
        ({"machine": Machine(device="cpu", graph=True)}, "--graph needs one process on a GPU; here are 1 on cpu"),
        (
            {"machine": Machine(device="cpu", graph=True, compile=True)},
            "--graph is True; allowed is off with --compile",
        ),
        ({"machine": Machine(device="cpu", sync_batch_norm=True)}, "--sync-batch-norm needs GPUs"),
    ],
)
def test_what_is_not_allowed_is_named_before_work_begins(tmp_path, changes, message):
    given = dataclasses.replace(options(tmp_path), **changes)
    with pytest.raises(Mistake, match=message):
        run(given)
    assert not (given.out / "log.jsonl").exists()


def test_a_mistake_on_the_command_line_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train", "--out", str(tmp_path / "run"), "--epochs", "0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == "error: --epochs is 0; allowed is 1 or more"  # printed on standard error, exit code 1
    assert not (tmp_path / "run").exists()


def test_the_canary_sees_a_lost_rule():
    """A forward that sends errors back by the weights, as a faulty compiler's, is refused; the network itself isn't."""
    torch.manual_seed(0)
    network = convert(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 5), nn.Linear(5, 3)), RULES["FA"])
    x = torch.randn(8, 6)

    def backpropagating(x):
        for layer in network:
            x = F.linear(x, layer.weight, layer.bias) if isinstance(layer, nn.Linear) else layer(x)
        return x

    network[1].weight.data.zero_()  # as in a block: without care nothing below would get an error
    statistics = network[1].running_mean.clone()
    check_compiled(network, network, x, lambda scores: scores.square().sum())
    with pytest.raises(RuntimeError, match=r"the gradient of .* is another one"):
        check_compiled(network, backpropagating, x, lambda scores: scores.square().sum())
    assert torch.equal(network[1].running_mean, statistics)
    assert not network[1].weight.any()
    assert all(layer.weight.grad is None for layer in feedback_layers(network).values())


def test_checkpoints_are_written_after_so_many_epochs(tmp_path):
    """Five epochs of 5 steps: after the second and the fourth, not at the end, where result.json is written."""
    given = options(tmp_path, learning=Learning(epochs=5, batch=40), keeping=Keeping(checkpoint_epochs=2, keep=9))
    assert run(given) == "done"
    kept = [deep_checkpoint.newest(given.out / "checkpoints")["step"]]
    assert len(list((given.out / "checkpoints").iterdir())) == 2
    assert kept == [20]
    assert len(json.loads((given.out / "result.json").read_text())["history"]) == 5
