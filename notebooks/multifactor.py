# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why two factors are not enough, and where a synapse is
#
# A synapse sees what comes in and what goes out. Is that enough to learn a task? A short note on the site m8ta.com asks *Why multifactor?*
# {cite:p}`m8ta1495`, puts the two factors of spike-timing plasticity beside the error that backpropagation sends down, writes a map of two
# indices to four numbers, and stops. It has no figure, no data and no answer. So there is **no published result to reproduce**: this chapter
# says what the note says, derives what follows exactly, and answers the question by experiments of its own.
#
# Every statement, figure and claim carries one grade, in brackets:
#
# | grade | what it means |
# |---|---|
# | [N] | stands in the note |
# | [E] | exact: derived here, and checked as an identity |
# | [I] | interpretation, which the note does not decide |
# | [S] | read in an abstract or in public code |
# | [K] | the standard form of a rule, *not* its source's own text, which nobody here has read |
# | [P] | proposal of this book: an experiment of ours, its edge set before it was run |
#
# The short answer [E]: flip the target so that the error changes its sign, and nothing that a two-factor rule can see has changed. It makes the *same*
# change for two opposite gradients. A third factor is the smallest addition that breaks this.

# %% tags=["parameters"]
scale: str = "book"  # smoke, book or full
seed: int = 0  # from which all other seeds follow
device: str = "auto"  # auto, cpu or cuda; this chapter computes on the CPU
k: float = 13.165  # indices per column of the map; the note's value
a: float = 3.141592653589793  # linear coefficient of the map; the note gives none
b: float = 0.0  # quadratic coefficient of the map; the note gives none
n: int = 0  # side of the sheet of units; 0 leaves it to the scale (27, 27, 79)
rules: str = "all"  # rules on the ladder: frozen, Hebb, Oja, Sanger, NP (node perturbation), DFA, FA, sign, BP, or all (without Hebb and Oja)
distractor_std: float = 0.0  # strength of the distractors; 0 leaves it to the scale (1; 0, 1 and 3 at book and full)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from repro import data, parameters, runs
from repro.claims import intervals
from repro.figures import LEARNER_COLOURS as COLOURS
from repro.multifactor import (
    burst_xor,
    comparison,
    delayed_reward,
    delayed_xor,
    flip,
    ladder,
    perturbation,
    store_recall,
)
from repro.multifactor.network_rules import LEARNERS
from repro.multifactor.rules import RULES
from repro.multifactor.training import Schedule, Trainee, networks_after, train

kinds = {"k": parameters.Positive, "a": parameters.Finite, "b": parameters.Finite, "n": parameters.Whole}
kinds |= {"rules": parameters.names([*LEARNERS, "all"]), "distractor_std": parameters.NonNegative}
run = runs.open_run("multifactor", globals(), **kinds)

# %%
names = ("frozen", "Sanger", "NP", "DFA", "FA", "sign", "BP") if "all" in run.p.rules else run.p.rules
strengths = (
    (run.p.distractor_std,)
    if run.p.distractor_std
    else run.at(smoke=(1.0,), book=(0.0, 1.0, 3.0), full=(0.0, 1.0, 3.0))
)
digits = data.load("digits", validation=360, seed=run.seeds(1, "split")[0] % 1000)
run.uses(digits.name, **digits.facts())
run.say(
    f"Data: {digits.title}, from {digits.source}: {len(digits.x_train)} training, {len(digits.x_validation)} validation and {len(digits.x_test)} test samples."
)


# %%
def missing(*needed):
    """Those of the needed rules and distractor strengths that this run leaves out."""
    there = {*names, *(f"distractor_std {s:g}" for s in strengths)}
    return [thing for thing in needed if thing not in there]


def band(axes, x, groups, colour, label, **how):
    """Means with their 95 % intervals over seeds."""
    middle, low, high = intervals(groups)
    axes.errorbar(x, middle, yerr=[middle - low, high - middle], color=colour, label=label, capsize=2, **how)


# %% [markdown]
# ## What the note says
#
# All of this is [N], in this chapter's symbols; the note uses `a`, `φ`, `f`, `k` and `x` twice each.
#
# - A multilayer network, $x^{\ell+1}_j = φ(\sum_i w_{ji} x^\ell_i)$ [N].
# - Standard spike-timing plasticity is $Δw \propto f(x_\mathrm{pre}, x_\mathrm{post})$, two factors [N].
# - Backpropagation is $Δw_{ji} \propto -δ_j x_i$ with $δ_j = (\sum_k w_{kj} δ_k)\, φ'$: error from above times input activity [N].
# - Then, without a word, $F(i, j) = [x, y, θ, ψ]$ with $k = 13.165$, $x = \mathrm{round}(i/k)$, $θ = a r + b r^2$ with $r = i/k - x$, and $y$, $ψ$ alike from $j$ [N]. $a$ and $b$ have no values.
#
# What the map is for, the note does not say. Three readings [I]: a *cortical sheet*, $(x, y)$ the column of a unit, $θ$ its orientation and $ψ$ its phase; a *synapse index*, so that a rule may
# depend on where a synapse lies; a *toy target*, structure to be inferred from indices. This chapter works with the first, and in *A place as a factor* with the second.
#
# ## The flip [E]
#
# Let $E = \frac12\|o - t\|^2$ and $t' = 2o - t$. Then $o - t' = -(o - t)$: the gradient of *every* weight changes its sign, and no activity changes. A two-factor change
# $g(x_\mathrm{pre}, x_\mathrm{post})$ is therefore the same for both targets, its cosine to downhill takes opposite values, and the mean over both is 0 [E]. $E$ is the same for both as well, so multiplying by a
# function of the error changes nothing [E]. *The loophole* [E]: where the output is held at its target while it learns, post carries the error, and the premise fails. And nothing here speaks against two-factor rules where the useful
# signal *is* in the statistics of the input.

# %%
flipped = flip.cosines(run.seeds(run.at(smoke=2, book=10, full=100), "flip"))
kinds_of_rules = {
    "two-factor": "#CC79A7",
    "two-factor × f(E)": "#E69F00",
    "clamped": "#0072B2",
    "third factor": "#000000",
}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.6), width_ratios=(1, 1.1))
left.plot([-1, 1], [1, -1], color="#999999", lw=0.8)
for (kind, colour), mark in zip(kinds_of_rules.items(), "ox^s", strict=True):
    part = flipped[flipped.kind == kind]
    left.plot(part.t, part.flipped, mark, ms=4, color=colour, label=kind, mfc="none", mew=1)
left.set(xlabel="cosine to downhill, target t", ylabel="cosine to downhill, target t' = 2o − t", aspect="equal")
left.legend(fontsize=8)
worst = flip.broken_by(flipped)
shown = {rule: max(gap, 1e-17) for rule, gap in worst.items() if " × " not in rule}
colours = [kinds_of_rules[flipped[flipped.rule == rule].kind.iloc[0]] for rule in shown]
right.scatter(list(shown.values()), range(len(shown)), c=colours, s=22)
right.axvline(1e-12, color="#D55E00", ls="--", lw=1, label="tolerance")
right.set(xscale="log", xlim=(3e-18, 30), yticks=range(len(shown)), xlabel="largest |cos(t) + cos(t')|")
right.set_yticklabels(shown, fontsize=7.5)
right.invert_yaxis()

# %%
right.legend(fontsize=8, loc="upper center")
run.figure(
    fig,
    "flip",
    n=f"{flipped.seed.nunique()} networks of {'-'.join(map(str, flip.SIZES))}, {flip.SAMPLES} samples",
    data="random inputs and targets",
    caption="[E] Left: cosine of each rule's change to downhill for two targets with opposite gradients, one mark a rule, layer and network; on the grey line the change is the same for both. Right: the largest departure from that line (0 drawn at 1e-17).",
    alt=f"Two-factor rules lie on the antidiagonal, at most {max(v for r, v in worst.items() if r in ('Hebb', 'Oja', 'Sanger', 'covariance')):.0e} away; rules with a third factor and clamped outputs lie off it.",
)
run.claim(
    "M-8",
    flip.deviation(flipped),
    note=f"BP departs by {worst['BP']:.2g}, FA by {worst['FA']:.2g}, DFA by {worst['DFA']:.2g}, node perturbation by {worst['NP']:.2g}",
)

# %% [markdown]
# ## What a scalar buys: the law of node perturbation [E]
#
# The smallest third factor is one number for all. It helps only through its covariance with what a unit did by itself. In node perturbation {cite:p}`werfel2005learning` [S] that is noise: $Δ = -\frac1B \sum_b (L(ξ_b) - L(0))\, ξ_b/σ^2$ over $B$ trials. For small σ its mean is
# the gradient with its sign changed, and $E\|Δ\|^2 = \|g\|^2 (1 + (N+1)/B)$ for $N$ noisy nodes, so that $\cos ≈ 1/\sqrt{1 + (N+1)/B}$ [E]: a scalar pays for its simplicity with a number of trials that grows as the number of nodes.

# %%
pairs = run.at(
    smoke=[(10, 8), (10, 32), (100, 32)],
    book=[(m, t) for m in (10, 100, 1000) for t in (8, 32, 1000)],
    full=[(m, t) for m in (10, 100, 1000) for t in (8, 32, 1000)],
)
measured = perturbation.mean_cosines(pairs, run.at(smoke=200, book=400, full=4000), run.seeds(1, "perturbation")[0])
ones = {
    m: np.abs(
        perturbation.cosines(
            m, 1, run.at(smoke=200, book=1000, full=10000), np.random.default_rng(run.seeds(1, "one trial")[0])
        )
    )
    for m in sorted({m for m, _ in pairs})
}
fig, axes = plt.subplots(figsize=(7, 4))
trials = np.geomspace(1, 3000, 200)
for m, colour in zip(sorted(ones), ("#0072B2", "#D55E00", "#009E73"), strict=False):
    axes.plot(trials, perturbation.law(m, trials), color=colour, lw=1, label=f"N = {m}")
    own = [t for nodes, t in pairs if nodes == m]
    band(axes, own, [measured[m, t] for t in own], colour, None, fmt="o", ms=5, lw=1.5)
    axes.plot(1, ones[m].mean(), "s", color=colour, ms=5, mfc="none")
    axes.plot(1, perturbation.law_of_one_trial(m), "_", color=colour, ms=14, mew=2)
axes.plot([], [], "s", color="#555555", mfc="none", label="B = 1, |cos|: measured")
axes.plot([], [], "_", color="#555555", ms=12, mew=2, label="B = 1, |cos|: closed form")
axes.set(xscale="log", xlabel="trials B", ylabel="cosine to downhill", ylim=(0, 1.03))
axes.legend(fontsize=8)

# %%
worst_pair = max(pairs, key=lambda pair: abs(measured[pair].mean() / perturbation.law(*pair) - 1))
run.figure(
    fig,
    "perturbation-law",
    n=f"{min(map(len, measured.values()))} to {max(map(len, measured.values()))} layers and batches a point",
    data="random layers below 10 linear outputs",
    caption="[E] Mean cosine of node perturbation to downhill (dots, 95 % interval) and the law (lines), over the number of trials B, for N noisy nodes. At B = 1 the law does not hold; there the mean of |cos| has a closed form of its own.",
    alt=f"Dots on the law for every N and B; the largest relative deviation is {abs(measured[worst_pair].mean() / perturbation.law(*worst_pair) - 1):.1%}.",
)
run.claim(
    "M-9",
    max(abs(measured[pair].mean() / perturbation.law(*pair) - 1) for pair in pairs),
    note=f"largest at N = {worst_pair[0]}, B = {worst_pair[1]}",
)

# %% [markdown]
# ## The ladder [P]
#
# Digits of 8 × 8 pixels, and ten fixed directions of pixel space along which every sample has fresh noise of standard deviation $s$, which says nothing about the digit. At $s = 1$ each has more variance than any direction of
# the digits themselves. A tanh network 64-10-10-10 must decide what to keep. All rules share the readout, which learns by its own error; they differ in what teaches the two hidden layers.
#
# *Equal tuning*: the same pairs of learning rates (hidden, readout), evenly spread, tried for every rule on validation samples and at every $s$; then fresh seeds, scored on test samples that no search has seen. A seed draws weights,
# feedback and distractors, the same for all rules.

# %%
sizes, schedule = (64, 10, 10, 10), Schedule(run.at(smoke=6, book=30, full=60))
rates = ladder.candidates(run.at(smoke=6, book=16, full=32), run.seeds(1, "rates")[0])
seeds, tuning_seeds = (
    run.seeds(run.at(smoke=2, book=10, full=20), "ladder"),
    run.seeds(run.at(smoke=1, book=3, full=5), "tuning"),
)
early = (0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0)
watched = Schedule(
    schedule.epochs, measured=tuple(e for e in (*early, 8.0, 15.0, float(schedule.epochs)) if e <= schedule.epochs)
)
chosen, found, checked = {}, {}, {}
for s in run.progress(strengths, "ladder"):
    tuning, final = ladder.tasks(digits, s)
    chosen[s] = ladder.best_rates(ladder.tune(names, sizes, tuning, schedule, rates, tuning_seeds))
    found[s] = ladder.contest(chosen[s], sizes, final, watched, seeds)
    checked[s] = ladder.controls(final, seeds[: run.at(smoke=1, book=5, full=20)])
accuracy = {s: {rule: outcome.final for rule, outcome in outcomes.items()} for s, outcomes in found.items()}

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.4), sharey=True)
places = np.arange(len(strengths))
for number, rule in enumerate(names):
    shift = 0.05 * (number - len(names) / 2)
    band(left, places + shift, [accuracy[s][rule] for s in strengths], COLOURS[rule], rule, fmt="o-", ms=4, lw=1.4)
for number, (control, mark) in enumerate(zip(ladder.CONTROLS, "o^vs", strict=True)):
    band(
        right,
        places + 0.05 * (number - 2),
        [checked[s][control] for s in strengths],
        plt.cm.viridis(number / 3.5),
        control,
        fmt=f"{mark}--",
        ms=5,
        lw=1.4,
    )
for axes, title in ((left, "rules, 64-10-10-10"), (right, "controls")):
    axes.axhline(0.1, color="#777777", lw=0.8, ls=":")
    axes.set(xticks=places, xlabel="strength s of the distractors", title=title, ylim=(0, 1.02))
    axes.set_xticklabels([f"{s:g}" for s in strengths])
    axes.legend(fontsize=8, ncols=2, loc="lower left")
left.set(ylabel="test accuracy")

# %%
at = {s: {rule: values.mean() for rule, values in accuracy[s].items()} for s in strengths}
told = "; ".join(f"s = {s:g}: " + ", ".join(f"{rule} {value:.2f}" for rule, value in at[s].items()) for s in strengths)
run.figure(
    fig,
    "ladder",
    n=f"{len(seeds)} seeds a rule, {len(next(iter(checked.values()))['all pixels'])} a control",
    data=digits.title,
    caption="[P] Test accuracy over the strength of the distractors, mean and 95 % interval over seeds; dotted: chance. Left: by what teaches the hidden layers. Right: logistic regression on all pixels, on ten principal components (the fixed point of Sanger's rule), on a random projection to ten dimensions; and the covariance rule from pixels to outputs held at their targets, a two-factor rule that uses the loophole.",
    alt=f"Accuracy by rule. {told}.",
)


# %%
def at_one(rule):
    """Test accuracy of a rule at distractor strength 1, one value a seed."""
    return accuracy[1.0][rule]


run.claim("M-10a", lambda: at_one("Sanger"), without=missing("Sanger", "distractor_std 1"))
run.claim("M-10b", lambda: at_one("BP"), without=missing("BP", "distractor_std 1"))
run.claim("M-10c", lambda: at_one("FA"), without=missing("FA", "distractor_std 1"))
run.claim("M-12a", lambda: at_one("BP") - at_one("FA"), without=missing("BP", "FA", "distractor_std 1"))
run.claim("M-12b", lambda: at_one("FA") - at_one("frozen"), without=missing("FA", "frozen", "distractor_std 1"))

# %%
lines = [
    f"\n- s = {s:g}: all pixels {checked[s]['all pixels'].mean():.2f}, ten principal components {checked[s]['principal components'].mean():.2f}, random projection {checked[s]['random projection'].mean():.2f}, clamped covariance rule {checked[s]['output clamped'].mean():.2f}."
    for s in strengths
]
run.say(
    "The controls say where the information is [P]:"
    + "".join(lines)
    + "\n\nWhat follows variance keeps the distractors as soon as they have the larger variance; what follows the error does not. The loophole is real: a two-factor rule whose output is held at the target is taught by it."
)

# %% [markdown]
# ### Angles on the way

# %%
middle = 1.0 if 1.0 in strengths else strengths[0]
fig, all_axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True)
for layer, axes in enumerate(all_axes):
    for rule in names:
        outcome = found[middle][rule]
        angles = outcome.angle[:, :, layer]
        if np.isfinite(angles).all():
            band(axes, outcome.checkpoints, angles.T, COLOURS[rule], rule, fmt="o-", ms=3, lw=1.4)
    axes.axhline(90, color="#777777", lw=0.8, ls=":")
    axes.set(xscale="symlog", xlabel="epoch", title=f"hidden layer {layer + 1}", xlim=(-0.05, schedule.epochs * 1.2))
    axes.set_xscale("symlog", linthresh=1, linscale=1)
    axes.set(xticks=[0, 0.5, 1, 2, 5, 10, 30], yticks=range(0, 121, 30))
    axes.set_xticklabels(["0", "0.5", "1", "2", "5", "10", "30"])
all_axes[0].set(ylabel="angle to downhill (degrees)")
all_axes[1].legend(fontsize=8, ncols=2)
last = {rule: found[middle][rule].angle[:, -1, 0].mean() for rule in names}
run.figure(
    fig,
    "ladder-angle",
    n=f"{len(seeds)} seeds",
    data=f"{digits.title}, {ladder.tasks(digits, middle)[1].probes} training samples with distractors of s = {middle:g}",
    caption="[P] Angle between each rule's change and downhill over training, mean and 95 % interval over seeds; dotted: a right angle. Frozen layers change nothing and have no angle; nor has a rule of which some network diverged.",
    alt="Angle of layer 1 after training: "
    + ", ".join(f"{rule} {value:.0f} degrees" for rule, value in last.items() if np.isfinite(value))
    + ".",
)


# %%
def angle_of(rule, when):
    """Mean angle of layer 1 over the checkpoints for which ``when`` holds, one value a seed."""
    outcome = found[1.0][rule]
    return outcome.angle[:, [when(epoch) for epoch in outcome.checkpoints], 0].mean(1)


run.claim("M-11a", lambda: angle_of("FA", lambda e: e < 1), without=missing("FA", "distractor_std 1"))
run.claim("M-11b", lambda: angle_of("FA", lambda e: e == schedule.epochs), without=missing("FA", "distractor_std 1"))

# %% [markdown]
# ### Harder, and too easy
#
# Two variations with the rates found above, not tuned anew [P]: hidden layers of six units; and a warning. On digits *without* distractors, with hidden layers of 64 units, a trained readout on random layers is nearly as good as
# anything, and the network says nothing about rules.

# %%
variants = {
    "64-10-10-10": (sizes, middle),
    "64-6-6-10": ((64, 6, 6, 10), middle),
    "64-64-64-10, s = 0": ((64, 64, 64, 10), 0.0),
}
few = seeds[: run.at(smoke=1, book=5, full=20)]
rows = {}
for title, (shape, s) in run.progress(variants.items(), "variants"):
    own = chosen.get(s, chosen[middle])
    task = ladder.tasks(digits, s)[1]
    shorter = Schedule(run.at(smoke=2, book=20, full=60)) if "64-64" in title else schedule
    rows[title] = {
        rule: train([Trainee(rule, *own[rule], e) for e in few], shape, task, shorter).final.mean() for rule in names
    }
run.table(
    pd.DataFrame(rows).rename_axis("rule").reset_index(),
    f"[P] Test accuracy, mean of {len(few)} seeds, s = {middle:g} unless said",
)

# %% [markdown]
# ### All rules at the same networks
#
# The angle alone can rank rules wrongly: what counts is by how much the loss falls for a step of one length. All rules are asked here at the *same* networks (trained for five epochs by feedback alignment), on the same samples.

# %%
probe_task = ladder.tasks(digits, middle)[0]
fa_rates = chosen[middle].get("FA", (0.3, 0.1))
state, probe = networks_after(
    [Trainee("FA", *fa_rates, e) for e in few], sizes, probe_task, Schedule(run.at(smoke=2, book=5, full=5))
)
asked = [rule for rule in LEARNERS if rule != "frozen"]
measures = comparison.at_the_same_networks(
    asked, state, probe, torch.as_tensor(probe_task.one_hot[probe_task.probe]), few[0]
)
means = measures.groupby("rule", sort=False)[["angle", "signs", "gain"]].mean()

# %% [markdown]
# ## What traces add [P]
#
# Reward comes later than what earned it. Two things can then be missing: *which* event (the trace keeps it), and *whose* (the third factor tells it).
#
# ### Delayed reward
#
# Two cues, one Bernoulli unit, reward seconds later, other cues in between. The rule is reward-modulated {cite:p}`fremaux2016neuromodulated` [S, equation K]: $\dot e = -e/τ + (s - p)x$, $Δw = η(R - b)\,e$. A baseline $b$ that is
# not the mean reward adds an unsupervised term, exactly [E]: $\langle (R-b)H \rangle = \mathrm{cov}(R, H) + (\langle R \rangle - b)\langle H \rangle$; it vanishes where $H$ has mean 0, as in REINFORCE {cite:p}`williams1992simple` [K].

# %%
delays = run.at(smoke=(0.0, 1.0), book=(0.0, 0.2, 0.5, 1.0, 2.0), full=(0.0, 0.2, 0.5, 1.0, 1.5, 2.0))
reward_seeds = run.seeds(run.at(smoke=3, book=20, full=100), "reward")
rewarded = delayed_reward.sweep(
    delays,
    (0.0, 1.0),
    (0.1, 0.3, 1.0, 3.0),
    run.at(smoke=50, book=400, full=2000),
    run.seeds(3, "reward tuning"),
    reward_seeds,
)
baselines = np.linspace(-0.5, 1.5, 21)
nets = np.random.default_rng(run.seeds(1, "baseline")[0]).standard_normal((20, 2))
gaps = [
    np.abs(delayed_reward.mean_change(w, base, c) - sum(delayed_reward.covariance_and_bias(w, base, c))).max()
    for w in nets
    for base in baselines
    for c in (True, False)
]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
for tau, colour, label in ((1.0, "#0072B2", "trace of 1 s"), (0.0, "#D55E00", "no trace")):
    groups = [rewarded[(rewarded.tau == tau) & (rewarded.delay == d)].accuracy for d in delays]
    band(left, delays, groups, colour, label, fmt="o-", ms=4)
left.axhline(0.5, color="#777777", lw=0.8, ls=":")
left.set(xlabel="delay of the reward (s)", ylabel="share of right answers", ylim=(0.35, 1.02))
left.legend()
for centred, colour, label in ((False, "#D55E00", "H = s x"), (True, "#0072B2", "H = (s − p) x")):
    changes = np.array([delayed_reward.mean_change(np.array([-0.5, 0.5]), base, centred) for base in baselines])
    right.plot(baselines, changes[:, 0], color=colour, label=f"{label}, cue 1")
    right.plot(baselines, changes[:, 1], color=colour, ls="--", label=f"{label}, cue 2")
mean_reward = float(
    delayed_reward.outcomes(np.array([-0.5, 0.5]))[0] @ delayed_reward.outcomes(np.array([-0.5, 0.5]))[4]
)
right.axvline(mean_reward, color="#777777", lw=0.8, ls=":")
right.axhline(0, color="#777777", lw=0.8)
right.set(xlabel="baseline b", ylabel="mean change of a weight")
right.legend(fontsize=8)

# %%
late = rewarded.groupby(["tau", "delay"]).accuracy.mean()
run.figure(
    fig,
    "delayed-reward",
    n=f"{len(reward_seeds)} seeds; right: exact",
    data="two cues, right answer of cue 1 is 0 and of cue 2 is 1",
    caption=f"Left [P]: share of right answers in the last fifth of training over the delay of the reward, mean and 95 % interval; dotted: chance. Right [E]: mean change of both weights over the baseline b; the dotted line is the mean reward, {mean_reward:.2f}. Left of it, the plain Hebbian term drives both weights up.",
    alt="Right answers with a trace: "
    + ", ".join(f"{late[1.0, d]:.2f} at {d:g} s" for d in delays)
    + "; without: "
    + ", ".join(f"{late[0.0, d]:.2f} at {d:g} s" for d in delays)
    + ".",
)
run.claim("M-17a", rewarded[(rewarded.tau == 1.0) & (rewarded.delay == 1.0)].accuracy)
run.claim("M-17b", rewarded[(rewarded.tau == 0.0) & (rewarded.delay == 1.0)].accuracy)
run.claim("M-18", max(gaps))

# %% [markdown]
# ### Delayed XOR
#
# Two cues, one after the other; at the end of the trial the output should tell whether they differed, and one number says how far off it was. Miconi's rule {cite:p}`miconi2017biologically` [K] keeps $e_{ij} = \sum_t (r_j Δ_i)^3$, $Δ$ a unit's own fluctuation,
# and makes $Δw = η\,(R - \bar R)\,e$. The cube lets single kicks stand out. *Without trace* only the trial's last step counts.

# %%
setting, xor_seeds = delayed_xor.Setting(), run.seeds(run.at(smoke=2, book=10, full=20), "xor")
xor_rates, best_xor = delayed_xor.tuned(
    setting,
    (3e-4, 1e-3, 3e-3),
    run.at(smoke=30, book=6000, full=30000),
    run.seeds(run.at(smoke=1, book=3, full=5), "xor tuning"),
    xor_seeds,
)
fig, axes = plt.subplots(figsize=(7, 3.6))
for trace, colour, label in ((True, "#0072B2", "whole trace"), (False, "#D55E00", "last step only")):
    where, errors = delayed_xor.stretches(best_xor[trace].errors, min(30, best_xor[trace].errors.shape[1]))
    axes.plot(where, errors.T, color=colour, lw=0.6, alpha=0.5)
    axes.plot(where, errors.mean(0), color=colour, lw=2.5, label=f"{label}, η = {xor_rates[trace]:g}")
axes.axhline(1, color="#777777", lw=0.8, ls=":")
axes.set(xlabel="trial", ylabel="distance from the target", ylim=(0, 1.5))
axes.legend(loc="upper right")
right_kinds = {trace: best_xor[trace].correct for trace in (True, False)}
run.figure(
    fig,
    "delayed-xor",
    n=f"{len(xor_seeds)} networks of {setting.units} units each",
    data="two cues of 100 ms, gaps of 100 ms",
    caption="[P] Distance of the output from its target over training: every network (thin) and the mean (thick); dotted: an output of 0. Learning rates tuned alike on other seeds.",
    alt=f"With the whole trace {right_kinds[True].mean():.2f} of the kinds of trials end with the right sign, with the last step only {right_kinds[False].mean():.2f}.",
)
run.claim("M-19a", best_xor[True].correct)
run.claim("M-19b", best_xor[False].correct)

# %% [markdown]
# ### Store and recall
#
# With a vector as third factor the trace still has work to do. A cue, a gap of several membrane time constants $τ$, a recall signal, and only then an error. RFLO {cite:p}`murray2019local` [K]: $Δw_{ab} \propto -(Bε)_a p_{ab}$ with
# $τ \dot p = -p + φ'(u_a) h_b$. e-prop {cite:p}`bellec2020solution` [K] has the same form for spiking units; it is in the room, and not run here.

# %%
gaps_tau = run.at(smoke=(1.0, 4.0), book=(1.0, 2.0, 4.0, 8.0), full=(0.0, 1.0, 2.0, 4.0, 8.0, 16.0))
recall_seeds = run.seeds(run.at(smoke=2, book=10, full=20), "recall")
recalled = store_recall.sweep(
    gaps_tau,
    (1e-3, 3e-3, 1e-2),
    run.at(smoke=30, book=1500, full=6000),
    run.seeds(run.at(smoke=1, book=3, full=5), "recall tuning"),
    recall_seeds,
)
fig, axes = plt.subplots(figsize=(6.5, 3.6))
for trace, colour, label in ((True, "#0072B2", "RFLO"), (False, "#D55E00", "without its trace")):
    groups = [recalled[(recalled.trace == trace) & (recalled.delay == d)].accuracy for d in gaps_tau]
    band(axes, gaps_tau, groups, colour, label, fmt="o-", ms=4)
axes.axhline(0.5, color="#777777", lw=0.8, ls=":")
axes.set(xlabel="gap between cue and recall (τ)", ylabel="share of right recalls", ylim=(0.35, 1.03))
axes.legend(loc="lower left")
shares = recalled.groupby(["trace", "delay"]).accuracy.mean()
run.figure(
    fig,
    "store-recall",
    n=f"{len(recall_seeds)} networks of 32 units",
    data="two cues of one τ",
    caption="[P] Share of right recalls in the last fifth of training over the gap, mean and 95 % interval; dotted: chance. Learning rates tuned alike on other seeds.",
    alt="With the trace: "
    + ", ".join(f"{shares[True, d]:.2f} at {d:g} τ" for d in gaps_tau)
    + "; without: "
    + ", ".join(f"{shares[False, d]:.2f} at {d:g} τ" for d in gaps_tau)
    + ".",
)
run.claim("M-20a", recalled[recalled.trace & (recalled.delay == 4.0)].accuracy)
run.claim("M-20b", recalled[~recalled.trace & (recalled.delay == 4.0)].accuracy)

# %% [markdown]
# ### Bursts: two signals on one axon
#
# In the burst-dependent rule {cite:p}`payeur2021burst` [K] events carry the activity up and bursts carry the error down: $Δw \propto (B - \bar P E)\,\tilde E_\mathrm{pre}$, with $P = B/E$ set by the dendrite. If the feedback is cut, $P$ stays at its mean and nothing changes [E].

# %%
burst_seeds = run.seeds(run.at(smoke=3, book=20, full=100), "burst")
wired, cut = (
    burst_xor.learn(burst_seeds, run.at(smoke=200, book=4000, full=20000), connected=c) for c in (True, False)
)
fig, axes = plt.subplots(figsize=(6.5, 3.4))
for learned, colour, label in ((wired, "#0072B2", "feedback in place"), (cut, "#D55E00", "feedback cut")):
    steps = np.unique(np.geomspace(1, learned.losses.shape[1], 120).astype(int)) - 1
    axes.plot(steps + 1, learned.losses[:, steps].T, color=colour, lw=0.5, alpha=0.4)
    axes.plot(steps + 1, np.median(learned.losses[:, steps], 0), color=colour, lw=2.5, label=label)
axes.set(xscale="log", yscale="log", xlabel="step", ylabel="loss")
axes.legend()
run.figure(
    fig,
    "burst",
    n=f"{len(burst_seeds)} networks 2-3-1",
    data="XOR",
    caption="[P] Loss on XOR by the burst rule, every network (thin) and their median (thick), with the feedback to the hidden dendrites in place and cut.",
    alt=f"With feedback {wired.correct.mean():.2f} of the patterns end right, with the feedback cut {cut.correct.mean():.2f}.",
)
run.claim("M-21", float(cut.largest_hidden_change.max() / wired.largest_hidden_change.max()))
run.say(
    f"With feedback {np.mean(wired.correct == 1):.0%} of the networks solve XOR; with frozen hidden units below a readout that learns, {np.mean(cut.correct == 1):.0%} [P]."
)

# MAP

# %% [markdown]
# ## A place as a factor [E, reading I]
#
# Between one number for all and one number for each lies a modulator with compartments: all synapses of a column hear the same number. If that number tells what the noise *of the column* does to the loss, the law above holds with $N/m$ in place of $N$ [E].

# %%
nodes = run.at(smoke=128, book=512, full=1024)
counts = [
    m
    for m in run.at(smoke=(1, 8, 128), book=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512), full=(1, 4, 16, 64, 256, 1024))
    if nodes % m == 0
]
budgets, generator = (8, 32, 128), np.random.default_rng(run.seeds(1, "compartments")[0])
draws = run.at(smoke=60, book=100, full=1000)
placed = {
    (m, t): perturbation.cosines(nodes, t, draws, generator, perturbation.equal_compartments(nodes, m))
    for m in counts
    for t in budgets
}
best_shared = {
    m: [
        perturbation.shared_gradient(
            perturbation.random_layer(nodes, generator).gradient, perturbation.equal_compartments(nodes, m)
        )
        for _ in range(draws)
    ]
    for m in counts
}

# %%
fig, axes = plt.subplots(figsize=(7.5, 4.2))
fine = np.geomspace(1, nodes, 100)
for t, colour in zip(budgets, ("#56B4E9", "#0072B2", "#000000"), strict=True):
    axes.plot(fine, np.rad2deg(np.arccos(perturbation.law(nodes / fine, t))), color=colour, lw=1)
    band(axes, counts, [np.rad2deg(np.arccos(placed[m, t])) for m in counts], colour, f"noise, B = {t}", fmt="o", ms=5)
band(
    axes,
    counts,
    [np.rad2deg(np.arccos(np.clip(best_shared[m], -1, 1))) for m in counts],
    "#D55E00",
    "mean gradient of the compartment",
    fmt="s",
    ms=4,
)
axes.plot(fine, np.rad2deg(np.arccos(np.sqrt(fine / nodes))), color="#D55E00", lw=1)
axes.set(xscale="log", xlabel="compartments m of the modulator", ylabel="angle to downhill (degrees)", ylim=(0, 92))
axes.legend(fontsize=8)

# %%
deviations = {key: abs(values.mean() / perturbation.law(nodes / key[0], key[1]) - 1) for key, values in placed.items()}
run.figure(
    fig,
    "compartments",
    n=f"{draws} layers of {nodes} nodes a point",
    data="random layers below 10 linear outputs",
    caption="[E] Angle to downhill over the number of compartments, from a scalar (left) to a vector (right): node perturbation with a modulator for each compartment (dots, 95 % interval) and the law with N/m (lines); and the mean of the true gradient in each compartment, without noise (squares), beside arccos √(m/N).",
    alt=f"The angle falls with the number of compartments along the law; the largest relative deviation of the cosine is {max(deviations.values()):.1%}.",
)
run.claim("M-16", max(deviations.values()))

# %% [markdown]
# ## All rules
#
# The last three columns are measured at the same networks, layer 1. Gain is the fall of the loss for a step of length 0.1, over that of backpropagation.

# %%
SHORT = {"node perturbation": "NP", "sign symmetry": "sign"}
rows = []
for name, card in RULES.items():
    own = SHORT.get(name, name)
    row = {
        "rule": name,
        "hidden change": card.change,
        "third factor": card.third,
        "source": card.source,
        "grade": card.grade,
    }
    row |= {f"accuracy, s = {s:g}": at[s].get(own, np.nan) for s in strengths}
    row |= {
        "angle (°)": means.angle.get(own, np.nan),
        "signs": means.signs.get(own, np.nan),
        "gain": means.gain.get(own, np.nan),
    }
    rows.append(row)
run.table(
    pd.DataFrame(rows), "Every rule: its equation, its source, and what it did here [P] where it was run on the ladder"
)

# %% [markdown]
# ## Implementation details that matter
#
# | | sources | here |
# |---|---|---|
# | direction of $w$ | the note's $X^1 = W X^0$ and its δ need opposite orders of indices [N] | $W$[post, pre] throughout |
# | flip | [E] | both gradients from one forward pass, float64; no dropout, no normalisation |
# | node perturbation | one trial against $L(0)$ [K] | pairs $±ξ$ on the ladder, which removes what is even in $ξ$; one-sided, as in the law, in its figure |
# | noise of several layers | each layer alone in the law [E] | on the ladder both hidden layers are perturbed at once: each is noise to the other |
# | Sanger's rule | online, to convergence [K] | learns along with the readout; its fixed point, principal components, is a control |
# | Miconi's rule | a factor of the mean reward, 200 units, steps of 1 ms [K] | without that factor, 64 units, steps of 10 ms |
# | traces | updated at each step | weights stand still within a trial, so that a trial's trace is one product: same numbers, a hundredth of the time |
# | RFLO | changes at each step [K] | at the end of a trial |
# | distractors | [P] | fresh at every presentation in training, one draw for test samples; directions differ between seeds |
# | tuning | [P] | two rates, the same evenly spread pairs for every rule; close rankings are decided by them |
#
# ## What this chapter does not say
#
# - The note endorses none of these experiments; it has none [N].
# - Two-factor rules are not shown to be useless: where the variance *is* the signal they do well (s = 0), and where the output is clamped they are taught [E, P].
# - One small data set, small networks, few seeds. Rules marked [K] are standard forms; nobody here has compared them with their sources' text.
# - e-prop is in the room and tested, not trained here; spiking networks and deeper ones are left out.

# %%
run.close()
