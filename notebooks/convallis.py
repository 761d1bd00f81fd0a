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
# # The Convallis rule: a re-derivation from its published principle
#
# **A re-derivation of the rule from its published principle.** {cite:t}`yger2013convallis` ask what a cortical neuron would do if its synapses
# followed a principle of unsupervised learning: make the membrane potential linger near rest or near threshold, and avoid what lies between. The function
# of the potential that is climbed looks like a valley (Latin *convallis*); its slope is two coincidence detectors, one that weakens and one
# that strengthens a synapse. They report that a network with this rule learns representations of spoken digits which a linear decoder can read, and
# that learning from spike timing alone does worse.
#
# **What nobody here has read: the body of the paper.** Known are its abstract, the caption of one figure, and the opening of a conference
# abstract on the same work. Thresholds, time constants, sizes, the neuron model, the decoder, the accuracies: all unknown, none is quoted. Every constant below is this
# book's. What can be tested is the *direction* of each effect, and where it fails, it fails for this re-derivation.

# %% tags=["parameters"]
scale: str = "book"  # smoke, book or full
seed: int = 0  # from which all other seeds follow
device: str = "auto"  # auto, cpu or cuda; this chapter computes on the CPU
corpus: str = "auto"  # spoken digits: fsdd (recorded), synthetic (embedded); auto: recorded if here, at smoke embedded
rule: str = "all"  # rules to compare: convallis, pair, triplet, bcm, rate, or all
digits: str = "4,5"  # the two digits between which a neuron may come to choose
n_neurons: int = 0  # neurons of a population; 0 leaves it to the scale (6, 32, 100)
epochs: int = 1  # how often each utterance is heard in learning


# %%
from dataclasses import replace
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from pydantic import Field

from repro import figures, parameters, results, runs
from repro.claims import intervals, mean_and_interval
from repro.convallis import EDGES, Cell, Valley, confluence
from repro.convallis import experiments_cell as inside
from repro.convallis import experiments_digits as spoken
from repro.convallis import experiments_groups as toy
from repro.convallis import experiments_recurrent as recurrent
from repro.convallis.contestants import BALANCES, NAMES, RATES, Population, Setting
from repro.convallis.hearing import settle, splits
from repro.convallis.measures import paired_differences
from repro.speech import listen, load_clips, load_cochleograms, poisson_trains

kinds = {"corpus": parameters.one_of(["auto", "fsdd", "synthetic"]), "rule": parameters.names([*NAMES, "all"])}
kinds |= {"digits": parameters.numbers(Annotated[int, Field(ge=0, le=9)]), "n_neurons": parameters.Whole}
run = runs.open_run("convallis", globals(), epochs=parameters.Count, **kinds)

# %%
rules = tuple(NAMES) if "all" in run.p.rule else run.p.rule
pair = spoken.two_of(run.p.digits)
# the smallest scale is the tests': its verdicts must not depend on what data a machine has
clips = load_clips("synthetic" if run.scale == "smoke" and run.p.corpus == "auto" else run.p.corpus)
run.uses(clips.corpus, **clips.facts)
takes = sorted(set(clips.takes.tolist()))[: run.at(smoke=4, book=20, full=50)]
heard = load_cochleograms(clips.where(digits=pair, takes=takes))
population = Population(run.p.n_neurons or run.at(smoke=6, book=32, full=100))
split = splits(heard)[run.p.seed % len(set(heard.speakers))]
LABEL = f"{clips.title}, speaker {split.tested} left out"
plan = spoken.Plan(
    population,
    seeds=run.seeds(run.at(smoke=4, book=5, full=10), "digits"),
    epochs=run.p.epochs,
    most=run.at(smoke=60, book=200, full=None),
    digits=pair,
    repeats=-(-40 // len(split.test)),
    tuning_neurons=population.neurons,
    tuning_most=run.at(smoke=40, book=100, full=100),
)
words = "**Synthetic speech: a program spoke these clips. What follows on them is never a speech result.**"
run.say(f"Clips of this run: **{clips.title}**. {clips.note} {words if clips.synthetic else ''}")


# %% [markdown]
# Helpers: a rule's colour, points with intervals for each rule, samples of a table, and stored tables, which a claim may need.

# %%
COLOUR = {"convallis": "#CC79A7", "pair": "#E69F00", "triplet": "#0072B2", "bcm": "#000000", "rate": "#777777"}
COLOUR |= {"before": "#56B4E9", "inputs": "#009E73"}
TITLE = dict(NAMES) | {"before": "before learning", "inputs": "the 100 inputs themselves"}


def by_seed(table, value):
    """Samples of each rule, one a seed: means over whoever was left out."""
    means = table.groupby(["rule", "seed"], sort=False)[value].mean()
    return {name: means[name].to_numpy() for name in dict.fromkeys(table.rule) if means[name].notna().all()}


def by_rule(axes, table, value, **how):
    """A row for each rule: mean and 95 % interval over seeds, dots for single seeds."""
    samples = by_seed(table, value)
    for row, (name, values) in enumerate(samples.items()):
        axes.plot(values, np.full(len(values), row - 0.22), "|", ms=5, color=COLOUR[name], alpha=0.7)
        figures.bars(axes, [row], [values], COLOUR[name], across=True, **how)
    axes.set(yticks=range(len(samples)), ylim=(len(samples) - 0.5, -0.6))
    axes.set_yticklabels([TITLE[name] for name in samples])


# %%
def legend(axes, size=8):
    """A legend; a cell may end in it, since nothing comes back."""
    axes.legend(fontsize=size)


def dress(axes, **how):
    """What ``axes.set`` does; a cell may end in it, since nothing comes back."""
    axes.set(**how)


# %%
def kept(name):
    """A stored table and its provenance, or nothing if it is not there."""
    return results.load("convallis", name) if name in results.stored("convallis") else (None, None)


def difference(table, value, one, other):
    """One rule minus another, paired, one sample a seed."""
    pairs = ("seed", "speaker") if "speaker" in table else ("seed",)
    return paired_differences(table, value, "rule", one, other, pairs, over=pairs[1:]).to_numpy()


def lacking(*names):
    """Rules that a claim needs and this run leaves out."""
    return [f"rule {name}" for name in names if name not in rules]


def no_store(table, name):
    """What a claim on a stored run lacks."""
    return [] if table is not None else [f"the stored run {name}"]


# %%
def listed(samples, form):
    """Means with intervals, rule by rule, in words."""
    return "; ".join(f"{TITLE[name]} {mean_and_interval(values, form)}" for name, values in samples.items())


def judge(claims, table, note, without=None):
    """Claims on one rule minus another, or minus the start: {claim: (measure, one, other)}."""
    for name, (value, one_rule, other) in claims.items():
        needed = lacking(*{one_rule, other} - {"before"}) if without is None else without
        run.claim(name, lambda v=value, a=one_rule, b=other: difference(table, v, a, b), note=note, without=needed)


def draw_weights(axes, weights, name):
    """Weights of neurons (inputs, neurons), each scaled to its largest."""
    axes.imshow(weights / weights.max(axis=0), origin="lower", aspect="auto", cmap="magma", vmin=0, vmax=1)
    axes.set_title(TITLE[name].split(" (")[0], fontsize=8)
    axes.set(xlabel="neuron", xticks=[], yticks=channels)
    axes.set_yticklabels([f"{heard.ear.hertz[k]:.0f}" for k in channels])
    axes.grid(False)


# %% [markdown]
# ## What is heard
#
# A clip goes through 100 gammatone filters; the energy of each channel, compressed and above its own mean, is the rate of one input cell, which
# fires as an inhomogeneous Poisson process. Utterances differ in length and loudness, and a neuron that counts spikes would tell many of them apart without learning
# anything. So each is **warped to one length and scaled to one number of input spikes**: counts alone tell nothing of the digit.

# %%
examples = [int(np.flatnonzero(split.test.digits == digit)[0]) for digit in pair]
listen(split.test.clips.at(examples))
rates = split.test.at(examples).rates(population.mean_hz)
trains = poisson_trains(rates, np.random.default_rng(run.seeds(1, "examples")[0]))
fig, grid = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True, sharey=True)
for column, (top, bottom) in enumerate(grid.T):
    top.imshow(
        rates[column].T, origin="lower", aspect="auto", extent=(0, split.test.duration_ms, 0, 100), cmap="viridis"
    )
    when, which = np.nonzero(trains[column])
    bottom.plot(when * 0.5, which + 0.5, "k.", ms=1.5)
    top.set_title(f"“{spoken.WORDS[pair[column]]}”")
    bottom.set(xlabel="time, after warping (ms)")
    top.grid(False)

# %%
channels = [0, 25, 50, 75, 99]
for axes in grid[:, 0]:
    axes.set(yticks=np.array(channels) + 0.5, ylabel="channel (Hz)")
    axes.set_yticklabels([f"{heard.ear.hertz[k]:.0f}" for k in channels])
run.figure(
    fig,
    "heard",
    n="one utterance of each digit",
    data=clips.title,
    caption="Above: cochleograms of the two clips, bright where an input cell fires much. Below: one draw of the spikes of the 100 input cells.",
    alt="Two cochleograms with bright bands that differ between the digits, and two spike rasters that follow them.",
)

# %% [markdown]
# ## The rule
#
# Of a neuron with potential $V$ the rule climbs $L$, the mean over time of $F(V)$, which is high at rest and at threshold and low between. The potential is taken as linear in the
# weights, with $x_j$ the spikes of input $j$ through the shape of a PSP:
#
# $$
# L = \frac1T\int_0^T F(V)\,\mathrm{d}t, \qquad V = V_\mathrm{rest} + \sum_j w_j x_j.
# $$ (eq-principle)
#
# Then climbing {eq}`eq-principle` moment by moment is the rule:
#
# $$
# \dot w_j = \eta\, f(V)\, x_j, \qquad f = F' = a\,\sigma_+(V) - b\,\sigma_-(V)\,(1-\sigma_+(V)),
# $$ (eq-convallis)
#
# with two coincidence detectors of the potential, the upper of which takes over from the lower:
#
# $$
# \sigma_\pm(V) = \tfrac12\left[1+\tanh\frac{V-\theta_\pm}{k_\pm}\right].
# $$ (eq-detectors)
#
# In {eq}`eq-convallis` one factor belongs to the presynaptic cell and one to the postsynaptic cell; {eq}`eq-detectors` is the form that the valley rule has at one synapse in
# [the chapter on spike triplets](spike_triplets.ipynb) as well.
#
# Two constraints go with it. **Rate**: a proportional-integral controller scales all weights of a neuron by a gain $g$ until its rate, a running mean $\hat\nu$, is at the
# target $\nu^*$ (the authors say that a controller does so; its form is ours):
#
# $$
# \log g = k_\mathrm{P}\, e + k_\mathrm{I}\int e\,\mathrm{d}t, \qquad e = 1 - \frac{\hat\nu}{\nu^*}.
# $$ (eq-rate-control)
#
# In {eq}`eq-rate-control` a very negative $e$ is cut off, and the integral is held between limits. **Weights**: after each utterance a neuron's mean weight is brought back to what
# it was (ours). The membrane of the simulated cell is not linear: synapses are conductances, and a spike resets it. What $f$ sees of a spike is cut at the threshold and followed by an
# after-depolarisation. The figure takes one cell through one trial; the claim is about the linear membrane, where the rule should be an exact gradient.

# %%
valley, cell = Valley(), Cell()
rng = np.random.default_rng(run.seeds(1, "one cell")[0])
raster = rng.random((600, 20)) < 0.5 * 0.03
strengths = rng.uniform(0.6, 1.6, 20)
one = inside.one_cell(raster, strengths, valley, cell)
errors = [inside.gradient_error(valley, 10, s) for s in run.seeds(run.at(smoke=2, book=5, full=20), "gradient")]
trials = [rng.random((600, 20)) < 0.5 * 0.03 for _ in range(run.at(smoke=3, book=20, full=200))]
cosine = inside.reset_cosine(valley, cell, strengths, trials)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 4.4), width_ratios=(2, 3))
v = np.linspace(-72, -48, 300)
left.plot(v, valley.objective(v), color="black", label="$F$ (mV/ms)")
left.plot(v, valley.derivative(v), color=COLOUR["convallis"], label="$f = F'$ (1/ms)")
for sigma, name in zip(valley.detectors(v), ("$\\sigma_+$", "$\\sigma_-$"), strict=True):
    left.plot(v, sigma, ":", lw=1.4, label=name)
left.set(xlabel="membrane potential $V$ (mV)", title="valley, slope, detectors")
legend(left)

# %%
right.remove()
stack = fig.subfigures(1, 2, width_ratios=(2, 3))[1].subplots(3, 1, sharex=True)
stack[0].plot(one.time, one.seen, color="black", lw=1)
stack[0].plot(one.time[one.fired], np.full(one.fired.sum(), -48.0), "|", color="black", ms=8)
for level in (valley.theta_minus, valley.theta_plus):
    stack[0].axhline(level, color="#777777", lw=0.8, ls=":")
stack[1].plot(one.time, one.drive, color=COLOUR["convallis"], lw=1)
for synapse in np.argsort(one.change[-1])[[0, 10, -1]]:
    stack[2].plot(one.time, one.change[:, synapse], lw=1.2)
stack[2].set_xlabel("time (ms)")
for axes, label in zip(stack, ("$V$ as seen (mV)", "$f(V)$ (1/ms)", r"$\int f\, x_j\, \mathrm{d}t$"), strict=True):
    axes.set_ylabel(label, fontsize=9)

# %%
run.figure(
    fig,
    "one-cell",
    n="one cell, 20 inputs at 30 Hz; gradient: 10 synapses",
    data="none",
    caption="Left: the valley F, its slope f, and the two detectors. Right: one cell in one trial: the potential as the rule sees it, with thresholds (dotted) and "
    "spikes (ticks); the drive f(V); and what the weights of three synapses would gain, in units of η: the most, the middle and the least.",
    alt="Left: a valley-shaped curve and its slope, negative and then positive. Right: a fluctuating potential, a drive that dips and jumps, and three running sums.",
)
run.claim("Y-C1", errors)
run.say(
    f"For the linear membrane the rule and central differences agree to {max(errors):.0e}. For the spiking cell with conductances and reset, where the rule is an "
    f"approximation, the two directions have a cosine of {cosine:.2f} over {len(trials)} trials (no expectation: a spike more or less makes the objective jump)."
)

# %% [markdown]
# ## Two digits, one neuron
#
# Neurons hear two digits in random order, from all speakers but one; then weights and gains are frozen and the speaker who was left out is heard. How far a neuron's count tells the
# digits apart is
#
# $$
# d' = \frac{m_1 - m_2}{\sqrt{(s_1^2 + s_2^2)/2}}
# $$ (eq-separation)
#
# with $m$ the mean and $s$ the standard deviation of its spike count over the utterances of a digit. Which digit is preferred does not matter, so that $|d'|$ of {eq}`eq-separation` is
# compared. Convallis competes with **pair STDP** and **triplet STDP** {cite:p}`pfister2006triplets`, **BCM**
# {cite:p}`bienenstock1982theory`, and the **rate constraint alone**, which leaves the pattern of weights as it was. All have both constraints, begin with the same weights where
# the controller has settled, and hear the same spikes. Each chooses its learning rate and its balance of depression and potentiation from a grid of
# equal size, in units that mean the same for every rule, by $|d'|$ on yet another speaker: the one who is tested has no part in it.

# %%
found = {name: spoken.two_digits(name, split, plan) for name in run.progress(("before", *rules), "two digits")}
two = pd.concat([rows for rows, _, _ in found.values()], ignore_index=True)
fig = plt.figure(figsize=(9.4, 3.8))
parts = fig.subfigures(1, 2, width_ratios=(5, 4))
shown = [name for name in ("before", "convallis", "pair", "triplet") if name in found]
panels = parts[0].subplots(1, len(shown), sharey=True, squeeze=False)[0]
for axes, name in zip(panels, shown, strict=True):
    draw_weights(axes, found[name][2].outcome.weights[0][:, :12], name)
panels[0].set_ylabel("channel (Hz)")
points = parts[1].subplots()
by_rule(points, two, "d_prime")
dress(points, xlabel="|d′|, speaker never heard", xlim=(0, None))

# %%
run.figure(
    fig,
    "two-digits",
    n=f"{population.neurons} neurons, {len(plan.seeds)} seeds",
    data=LABEL,
    caption=f"Left: weights of the first neurons, each scaled to its largest (bright). Right: |d′| between “{spoken.WORDS[pair[0]]}” and “{spoken.WORDS[pair[1]]}”, mean over "
    "neurons; ticks: seeds, bar: 95 % interval of the mean over seeds.",
    alt="Weight images by rule: noise before learning, bands of channels after it. Beside them |d′| by rule.",
)
note = "synthetic speech, never a speech result" if clips.synthetic else ""
of_live = {"Y-F1b-live": ("d_prime", "convallis", "before"), "Y-F1c2-live": ("d_prime", "convallis", "rate")}
judge(of_live | {"Y-F1d1-live": ("d_prime", "convallis", "pair")}, two, note)
run.say(
    f"|d′| with 95 % intervals over seeds: {listed(by_seed(two, 'd_prime'), '.2f')}. One speaker is one speaker: the stored run below leaves out each of six."
    f"{' ' + words if clips.synthetic else ''}"
)

# %% [markdown]
# ### The potential leaves the valley
#
# The principle says what should happen to the potential itself: its distribution becomes skewed, with little time between the thresholds. Spikes and refractory
# time are cut out, and all rules are compared while the controller holds them at the same rate.

# %%
measured = {name: each[2].outcome.potentials for name, each in found.items() if each[2].outcome.potentials is not None}
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.4, 3.4), width_ratios=(4, 3, 3))
centres = (EDGES[1:] + EDGES[:-1]) / 2
for name, potentials in measured.items():
    density = potentials.histogram.sum(axis=0) / potentials.histogram.sum() / np.diff(EDGES)
    left.semilogy(centres, np.where(density > 0, density, np.nan), color=COLOUR[name], label=TITLE[name], lw=1.4)
left.axvspan(valley.theta_minus, valley.theta_plus, color="#CC79A7", alpha=0.12, lw=0)
left.set(xlabel="membrane potential (mV)", ylabel="density (1/mV)", xlim=(-72, -49), ylim=(1e-3, 1))
legend(left, 7)

# %%
by_rule(middle, two[two.rule != "before"], "skewness")
by_rule(right, two[two.rule != "before"], "in_valley")
middle.set(xlabel="skewness")
right.set(xlabel="share of time in the valley", yticklabels=[])
run.figure(
    fig,
    "voltage-distribution",
    n=f"{population.neurons} neurons, {len(plan.seeds)} seeds, last half of learning",
    data=LABEL,
    caption="Distribution of the membrane potential while learning, without spikes and refractory time; shaded: the valley between the thresholds. Skewness and share of "
    "time in the valley by rule, all at the target rate.",
    alt="Densities of the potential on a logarithmic axis; skewness and share of time in the valley for each rule.",
)
run.claim("Y-C2a", lambda: difference(two, "skewness", "convallis", "rate"), without=lacking("convallis", "rate"))
run.claim("Y-C2b", lambda: difference(two, "in_valley", "convallis", "rate"), without=lacking("convallis", "rate"))

# %%
learners = two[two.rule != "before"]
run.say(
    f"Skewness: {listed(by_seed(learners, 'skewness'), '.2f')}. A cell that is mostly at rest and sometimes driven has a skewed potential whatever its rule: what counts is the difference between rules."
)

# %% [markdown]
# ### Does the controller hold the rate?
#
# While it works, it should; frozen, on a speaker with other rhythms, it can't know. Held-out rates that drift apart would be a poor comparison of rules, so $|d'|$ is also
# given with each neuron's gain first settled on the test utterances (columns *at target*).

# %%
gains = run.at(
    smoke=((0.05, 0.1),),
    book=((0.05, 0.03), (0.05, 0.1), (0.05, 0.3)),
    full=((0.05, 0.03), (0.05, 0.1), (0.05, 0.3), (0.5, 1.0)),
)
n_controlled = run.at(smoke=30, book=150, full=400)
traces = inside.controlled(gains, split.train, population, plan.seeds[:3], n_controlled)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.4))
for place, (k_i, each) in enumerate(traces.groupby("integral")):
    smooth = each.groupby("utterance").rate.mean().rolling(10, min_periods=1).mean()
    left.plot(smooth.index, smooth, color=figures.COLOURS[place], label=f"integral gain {k_i:g} per s", lw=1.4)
left.axhline(population.target, color="#777777", lw=0.8, ls=":")
left.set(xlabel="utterance", ylabel="rate (Hz), mean of ten", ylim=(0, None))
legend(left)

# %%
by_rule(right, two, "test_rate", mfc="white")
by_rule(right, two, "train_rate")
right.axvline(population.target, color="#777777", lw=0.8, ls=":")
right.set(xlabel="rate (Hz): learning (full), test (open)", xlim=(0, None))
run.figure(
    fig,
    "control",
    n=f"left: 3 seeds; right: {len(plan.seeds)} seeds",
    data=LABEL,
    caption="Left: the controller alone, from initial weights, for each integral gain tried; mean over neurons and seeds. Right: mean rate in the last half of learning and, with gains "
    "frozen, on the speaker who was left out. Dotted: the target.",
    alt="Left: rates that settle at the target. Right: learning rates at the target for each rule, test rates beside it.",
)

# %%
of_convallis = two[two.rule == "convallis"]
run.claim("Y-C4a", lambda: of_convallis.train_rate / population.target, without=lacking("convallis"))
run.claim("Y-C4b", lambda: of_convallis.test_rate / population.target, without=lacking("convallis"))
heads = {"rate": "learning rate", "balance": "balance", "d_prime": "|d′|", "d_prime_at_target": "|d′| at target"}
heads |= {"filter": "filter", "shared": "shared filter", "train_rate": "rate, learning (Hz)"}
heads |= {"test_rate": "rate, test (Hz)", "at_bounds": "on a bound", "silent": "silent"}
summary = two.groupby("rule", sort=False)[list(heads)].mean().rename(columns=heads, index=TITLE)
run.table(
    summary.rename_axis("rule").reset_index(),
    f"Two digits, {LABEL}: means over seeds. Filter: |correlation| of weights with the difference of the digits' spectra. Shared filter: correlation of "
    "the weights of two neurons.",
)

# %% [markdown]
# ### The stored run: recordings, six speakers left out one by one
#
# Recorded digits of six people (the Free Spoken Digit Dataset, {cite:t}`jackson2018fsdd`), each left out in turn; every rule, five seeds. Made by
# `python -m repro.convallis.stored two_digits`. The claims on speech are judged here.

# %%
stored_two, origin_two = kept("two_digits")
missing_two = no_store(stored_two, "two_digits")
if stored_two is not None:
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.4, 3.6), sharey=True)
    for axes, value, label in (
        (left, "d_prime", "|d′|"),
        (middle, "d_prime_at_target", "|d′| at the target rate"),
        (right, "filter", "filter for the difference"),
    ):
        by_rule(axes, stored_two, value, mfc="white")
        axes.set(xlabel=label, xlim=(0, None))
    run.figure(
        fig,
        "two-digits-stored",
        n=f"{origin_two['parameters']['population']['neurons']} neurons, {len(origin_two['seeds'])} seeds, 6 speakers left out one by one",
        data="Free Spoken Digit Dataset",
        stored="two_digits",
        caption="Stored run on recordings: |d′| between “four” and “five” on speakers never heard; the same with gains settled on the test utterances; and the correlation of weights with the "
        "difference of the digits' spectra. Means over neurons and speakers; ticks: seeds; bars: 95 % intervals over seeds.",
        alt="Three columns of points by rule: separation of digits, the same at equal rate, and likeness of the weights to a spectral filter.",
    )

# %%
others = {"Y-F1b": "before", "Y-F1c2": "rate", "Y-F1d1": "pair", "Y-F1d2": "triplet"}
claims_two = {name: ("d_prime", "convallis", other) for name, other in others.items()}
claims_two |= {"Y-F1c1": ("d_prime", "rate", "before"), "Y-F1e": ("filter", "convallis", "before")}
judge(claims_two, stored_two, "from a stored run", missing_two)

# %%
if stored_two is not None:
    table, _ = kept("two_digits_weights")
    fig, panels = plt.subplots(1, 5, figsize=(9.4, 3.2), sharey=True)
    for axes, name in zip(panels, ("before", "rate", "convallis", "pair", "triplet"), strict=True):
        each = table[table.rule == name].pivot(index="channel", columns="neuron", values="weight")
        draw_weights(axes, each.to_numpy(), name)
    panels[0].set_ylabel("channel (Hz)")
    run.figure(
        fig,
        "weights-stored",
        n="12 neurons of one seed, one speaker left out",
        data="Free Spoken Digit Dataset",
        stored="two_digits_weights",
        caption="Stored run on recordings: weights of twelve neurons, each scaled to its largest (bright), before and after learning with four rules.",
        alt="Weights before learning and after the rate constraint alone are noise; three rules make bands of channels.",
    )

# %%
if stored_two is not None:
    tuned = kept("two_digits_tuning")[0]
    best = tuned.loc[tuned.groupby(["rule", "speaker"]).score.idxmax()]
    edge = best[
        (best.rate.isin([RATES[0], RATES[-1]]))
        | ((best.rule != "bcm") & best.balance.isin([BALANCES[0], BALANCES[-1]]))
    ]
    run.say(
        "|d′| in the stored run, with gains settled on the test utterances: "
        + listed(by_seed(stored_two, "d_prime_at_target"), ".2f")
        + ". That the rate constraint alone brings nothing is nearly so by construction: it scales a neuron's weights and leaves their pattern alone. Settings "
        f"chosen on the edge of their grid: {len(edge)} of {len(best)} ("
        + ", ".join(f"{TITLE[name]} {count}" for name, count in edge.rule.value_counts().items())
        + "); there a wider grid might do better."
    )

# %% [markdown]
# ## Does the rule find a group?
#
# No speech: 100 inputs in four groups of 25, whose rates rise and fall together within a group, all groups alike, all inputs at the same mean rate. A neuron that gathers its weights on one
# group has found structure and broken a symmetry. No source on the rule has this experiment; it is this book's own.

# %%
small = replace(population, neurons=run.at(smoke=4, book=16, full=32))
strengths_of = run.at(smoke=(0.0, 0.1, 0.3), book=(0.0, 0.05, 0.1, 0.2, 0.4), full=(0.0, 0.02, 0.05, 0.1, 0.2, 0.4))
group_seeds, group_trials = run.seeds(run.at(smoke=3, book=5, full=10), "groups"), run.at(smoke=30, book=100, full=400)
of_groups = {
    name: toy.find_a_group(name, strengths_of, group_seeds, small, group_trials)
    for name in run.progress(rules, "groups")
}
grouped = pd.concat([table for table, _ in of_groups.values()], ignore_index=True)
fig, axes = plt.subplots(figsize=(7, 3.8))
for name, (table, _) in of_groups.items():
    samples = [rows.selectivity for _, rows in table.groupby("correlation")]
    figures.band(axes, strengths_of, samples, COLOUR[name], TITLE[name])
axes.set(xlabel="correlation of counts within a group", ylabel="largest minus mean share", ylim=(0, 0.8))
axes.axhline(0.75, color="#777777", lw=0.8, ls=":")
axes.legend()
run.figure(
    fig,
    "groups",
    n=f"{small.neurons} neurons, {len(group_seeds)} seeds, {group_trials} trials of half a second",
    data="none (Poisson inputs)",
    caption="How far weights gather on one of four groups, over the strength of correlation, after learning with each rule's best setting. Dotted: all weight on one group. Bands: "
    "95 % intervals over seeds.",
    alt="Selectivity over correlation, a curve for each rule.",
)


# %%
def selectivity_at(name, correlation):
    """Samples of a rule, one a seed."""
    return grouped[(grouped.rule == name) & (grouped.correlation == correlation)].selectivity.to_numpy()


strongest = strengths_of[-1]
run.claim(
    "Y-G1",
    lambda: selectivity_at("convallis", strongest) - selectivity_at("rate", strongest),
    without=lacking("convallis", "rate"),
)
run.say(
    f"At a correlation of {strongest:g}: "
    + "; ".join(f"{TITLE[name]} {mean_and_interval(selectivity_at(name, strongest), '.2f')}" for name in rules)
    + ". Without any correlation: "
    + "; ".join(f"{TITLE[name]} {mean_and_interval(selectivity_at(name, 0.0), '.2f')}" for name in rules)
    + ". What a rule reaches without correlation is no discovery: weights gather somewhere, by chance."
)

# %% [markdown]
# ## Taking parts away
#
# The rule with its best setting from above, with a part left out. The claim, that without a constraint it ends in silence or saturation, is judged on the rule with
# *neither* constraint, since holding the mean weight is this book's own addition and would keep the cell alive.

# %%
chosen = Setting(*found["convallis"][0][["rate", "balance"]].iloc[0]) if "convallis" in found else Setting(0.3)
unit = spoken.measured_units("convallis", split.others, plan)
before = settle(split.train, population, plan.seeds, cell)
n_failing = run.at(smoke=40, book=200, full=800)
outcomes = {
    variant: inside.without(variant, chosen, unit, split.train, before, population, n_failing)
    for variant in run.progress(inside.VARIANTS, "parts left out")
}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.5))
for place, outcome in enumerate(outcomes.values()):
    smooth = pd.Series(outcome.rates.mean(axis=(0, 2))).rolling(10, min_periods=1).mean()
    left.plot(smooth, color=figures.COLOURS[place], lw=1.4)
    figures.bars(right, [place], [outcome.at_bounds], figures.COLOURS[place], across=True)
left.axhline(population.target, color="#777777", lw=0.8, ls=":")
left.set(xlabel="utterance", ylabel="rate (Hz), mean of ten")
left.set_yscale("symlog", linthresh=1)
left.set_yticks([0, 1, 5, 20, 80], ["0", "1", "5", "20", "80"])
rows = {"yticks": range(len(outcomes)), "yticklabels": list(outcomes), "ylim": (len(outcomes) - 0.5, -0.5)}
dress(right, xlabel="share of weights on a bound", xlim=(-0.02, 1.02), **rows)

# %%
run.figure(
    fig,
    "failures",
    n=f"{population.neurons} neurons, {len(plan.seeds)} seeds",
    data=LABEL,
    caption="The valley rule with parts left out. Left: mean rate while learning (linear below 1 Hz, logarithmic above); dotted: the target. Right, in the same colours: share of weights "
    "at zero or at the largest at the end; bars: 95 % intervals over seeds.",
    alt="Rates over utterances: near the target with the controller, away from it without. Shares of weights on a bound for five variants.",
)
run.claim("Y-C3", inside.failed(outcomes["neither constraint"], population).astype(float))

# %%
alone = outcomes["neither constraint"]
quiet = 100 * (alone.mean_rates(n_failing // 4) == 0).mean()
run.say(
    f"With neither constraint {quiet:.0f} % of the neurons end silent and the others pull the mean rate to {alone.mean_rates(n_failing // 4).mean():.0f} Hz: a mean over neurons, by which the "
    "claim is judged, can hide a population that has come apart. Without the after-depolarisation "
    f"{100 * outcomes['no after-depolarisation'].at_bounds.mean():.0f} % of the weights end on a bound, with it and both constraints {100 * outcomes['both constraints'].at_bounds.mean():.0f} %."
)

# %%
rows = [
    (
        variant,
        outcome.mean_rates(n_failing // 4).mean(),
        100 * outcome.at_bounds.mean(),
        100 * (outcome.mean_rates(n_failing // 4) == 0).mean(),
        100 * inside.failed(outcome, population).mean(),
    )
    for variant, outcome in outcomes.items()
]
run.table(
    pd.DataFrame(
        rows,
        columns=[
            "variant",
            "rate at the end (Hz)",
            "weights on a bound (%)",
            "silent neurons (%)",
            "seeds that count as failed (%)",
        ],
    ),
    "With parts left out: what is left after learning.",
)

# %% [markdown]
# ## Ten digits, a population, a linear read-out
#
# Now all digits, and a ridge classifier that reads the counts of the whole population; its penalty is chosen among the training speakers. Settings of each rule are chosen as before, by the
# accuracy on a validation speaker. The bar to beat is the same read-out of the **100 input counts themselves**: a population that only sums its inputs through random weights loses
# information, and accuracy above the bar needs more than not losing it.
#
# Of a single cell, the share of its count's variance that the digit explains is
#
# $$
# \eta^2 = \frac{\sum_d n_d\,(m_d - m)^2}{\sum_k (c_k - m)^2}
# $$ (eq-explained)
#
# with $c_k$ the count at utterance $k$, $m$ the mean over all utterances, and $m_d$ that over the $n_d$ utterances of digit $d$. By {eq}`eq-explained` a few utterances give
# more than 0 even to a cell that hears no digit: rules are compared, and no value is read alone.

# %%
all_takes = takes[: run.at(smoke=2, book=5, full=20)]
ten_heard = load_cochleograms(clips.where(takes=all_takes))
ten_split = next(each for each in splits(ten_heard) if each.tested == split.tested)
ten_plan = replace(
    plan,
    seeds=plan.seeds[:3],
    repeats=1,
    most=run.at(smoke=40, book=200, full=400),
    read_out_most=run.at(smoke=60, book=120, full=200),
    tuning_most=run.at(smoke=20, book=60, full=100),
)
tens = [spoken.ten_digits(name, ten_split, ten_plan)[0] for name in run.progress(("before", *rules), "ten digits")]
ten = pd.concat([*tens, spoken.raw_inputs(ten_split, ten_plan)], ignore_index=True)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.5), sharey=True)
by_rule(left, ten, "accuracy")
by_rule(right, ten, "eta_squared")
left.axvline(10, color="#777777", lw=0.8, ls=":")
left.set(xlabel="test accuracy (%)", xlim=(0, None))
dress(right, xlabel="η², mean over cells", xlim=(0, None))

# %%
run.figure(
    fig,
    "ten-digits",
    n=f"{population.neurons} neurons, {len(ten_plan.seeds)} seeds, {len(ten_split.test)} test utterances",
    data=f"{clips.title}, speaker {ten_split.tested} left out",
    caption="Ten digits, live: accuracy of the linear read-out on the speaker who was left out (dotted: chance), and the share of count variance that the digit explains.",
    alt="Accuracy and explained variance by rule, with the read-out of the inputs themselves beside them.",
)
judge({"Y-F2a1-live": ("accuracy", "convallis", "rate")}, ten, note)

# %% [markdown]
# ### The stored run: recordings, six speakers, every rule
#
# Made by `python -m repro.convallis.stored ten_digits`.

# %%
stored_ten, origin_ten = kept("ten_digits")
missing_ten = no_store(stored_ten, "ten_digits")
if stored_ten is not None:
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6), sharey=True)
    by_rule(left, stored_ten, "accuracy", mfc="white")
    by_rule(right, stored_ten, "eta_squared", mfc="white")
    left.set(xlabel="test accuracy (%)", xlim=(0, None))
    left.axvline(10, color="#777777", lw=0.8, ls=":")
    right.set(xlabel="η², mean over cells", xlim=(0, None))
    run.figure(
        fig,
        "ten-digits-stored",
        n=f"{origin_ten['parameters']['population']['neurons']} neurons, {len(origin_ten['seeds'])} seeds, 6 speakers left out one by one",
        data="Free Spoken Digit Dataset",
        stored="ten_digits",
        caption="Stored run on recordings, ten digits: accuracy of the linear read-out on speakers never heard (dotted: chance), and share of count variance explained by the digit. Means over "
        "speakers; ticks: seeds; bars: 95 % intervals over seeds.",
        alt="Accuracy and explained variance by rule and for the inputs themselves, on recordings.",
    )

# %%
claims_ten = {"Y-F2a1": ("accuracy", "convallis", "rate"), "Y-F2a2": ("accuracy", "convallis", "pair")}
claims_ten |= {"Y-F2b1": ("eta_squared", "convallis", "rate"), "Y-F2b2": ("eta_squared", "convallis", "pair")}
judge(claims_ten, stored_ten, "from a stored run", missing_ten)
if stored_ten is not None:
    accuracy = by_seed(stored_ten, "accuracy")
    folds = stored_ten.groupby(["rule", "speaker"]).accuracy.mean().unstack()
    wins = int((folds.loc["convallis"] > folds.loc["inputs"]).sum())
    best = max((name for name in accuracy if name != "inputs"), key=lambda name: accuracy[name].mean())
    run.say(
        "Accuracy on recordings, %: "
        + listed(accuracy, ".1f")
        + f". The best population is that of **{TITLE[best]}**. Against the bar: Convallis minus the inputs themselves is "
        f"{mean_and_interval(difference(stored_ten, 'accuracy', 'convallis', 'inputs'), '.1f')} points, and Convallis is ahead for {wins} of {folds.shape[1]} speakers. "
        "These intervals are over seeds; over six speakers they would be wide. Nothing keeps neurons from learning the same: the counts of two of them correlate by "
        f"{listed(by_seed(stored_ten[stored_ten.rule != 'inputs'], 'pair_correlation'), '.2f')}, and a hundred neurons with one filter are one neuron."
    )

# %% [markdown]
# ## A balanced recurrent network
#
# 400 excitatory and 100 inhibitory cells, one in ten connected, three in ten inputs to each; what ends on excitatory cells learns, inhibition is fixed. Live: does it
# stay alive while it learns? The stored run below asks whether learning helps.

# %%
size = {"excitatory": run.at(smoke=100, book=400, full=1600), "inhibitory": run.at(smoke=25, book=100, full=400)}
moments = run.at(smoke=(0, 20), book=(0, 60, 120), full=(0, 500, 2000))
net_plan = recurrent.NetworkPlan(
    **size, seeds=plan.seeds[: run.at(smoke=2, book=3, full=3)], moments=moments, settle=run.at(smoke=20, book=40, full=60),
    read_out=run.at(smoke=30, book=60, full=200),
)  # fmt: skip
ears = recurrent.leave_out(ten_heard, [split.tested])
settled = recurrent.settle(ears.train, net_plan.seeds, net_plan)
shorter = {
    f"settings chosen over {n} utterances": kept(name)[0]
    for n, name in ((60, "recurrent"), (450, "recurrent_tuned_450"))
}
stored_net, origin_net = kept("recurrent_tuned_450_heard_2000")
recurrent_rules = [name for name in ("convallis", "pair", "rate") if name in rules] or ["rate"]
nets = []
for name in run.progress(recurrent_rules, "recurrent network"):
    used = Setting(0.3, 1.0)
    if stored_net is not None:
        used = Setting(*stored_net[stored_net.rule == name][["rate", "balance"]].iloc[0])
    unit_of_rule = recurrent.units(name, settled, ears.train, net_plan, n=run.at(smoke=5, book=20, full=30))
    nets.append(recurrent.learn(name, (used,), unit_of_rule, settled, ears, net_plan))
net = pd.concat(nets, ignore_index=True)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.5))
for name in recurrent_rules:
    of_rule = net[net.rule == name].groupby("utterances", sort=True)
    figures.band(left, list(of_rule.groups), [rows.accuracy for _, rows in of_rule], COLOUR[name], TITLE[name])
    figures.band(right, list(of_rule.groups), [rows.train_rate for _, rows in of_rule], COLOUR[name], TITLE[name])
left.axhline(10, color="#777777", lw=0.8, ls=":")
right.axhline(population.target, color="#777777", lw=0.8, ls=":")
left.set(xlabel="utterances heard", ylabel="test accuracy (%)", ylim=(0, 100))
right.set(xlabel="utterances heard", ylabel="mean rate (Hz)", ylim=(0, None))
left.legend(fontsize=8)
run.figure(
    fig,
    "recurrent",
    n=f"{size['excitatory']} + {size['inhibitory']} cells, {len(net_plan.seeds)} seeds",
    data=f"{clips.title}, speaker {split.tested} left out",
    caption="The recurrent network, live and short: accuracy of a read-out of the excitatory counts (dotted: chance), and their mean rate while learning (dotted: target). Bands: 95 % "
    "intervals over seeds.",
    alt="Accuracy and mean rate over the utterances heard, a curve for each rule.",
)
late = net[(net.rule == "convallis") & (net.utterances == moments[-1])]
run.claim("Y-F3a1", lambda: late.train_rate / population.target, without=lacking("convallis"))
run.claim("Y-F3a2", lambda: late.out_of_range, without=lacking("convallis"))

# %% [markdown]
# ### The stored run: recordings, over training
#
# Made by `python -m repro.convallis.stored recurrent --seeds 3 --tuning 450 --most 2000 --takes 50 --read-out 400`: one pass through all recordings of four speakers, two speakers left out
# together. Two shorter runs came before it (450 utterances of the first ten takes, `recurrent --seeds 3`, and the same with `--tuning 450`). In the first of them settings were chosen over 60
# utterances, and with them Convallis left its range later on. That the whole pass is what claims are judged on was decided before it was run; the shorter ones are told beside it.

# %%
missing_net = no_store(stored_net, "recurrent_tuned_450_heard_2000")
if stored_net is not None:
    fig, row = plt.subplots(1, 3, figsize=(9.4, 3.6))
    look = {"ls": figures.STORED, "mfc": "white"}
    shown = {
        "accuracy": "test accuracy (%)",
        "eta_squared": "η², mean over cells",
        "out_of_range": "silent or bursting",
    }
    for axes, (value, label) in zip(row, shown.items(), strict=True):
        for name in dict.fromkeys(stored_net.rule):
            of_rule = stored_net[stored_net.rule == name].groupby("utterances", sort=True)
            figures.band(axes, list(of_rule.groups), [g[value] for _, g in of_rule], COLOUR[name], TITLE[name], **look)
        axes.set(xlabel="utterances heard", ylabel=label, ylim=(0, None))
    row[1].legend(fontsize=7)
    run.figure(
        fig,
        "recurrent-stored",
        n=f"{origin_net['parameters']['excitatory']} + {origin_net['parameters']['inhibitory']} cells, {len(origin_net['seeds'])} seeds, two speakers left out",
        data="Free Spoken Digit Dataset",
        stored="recurrent_tuned_450_heard_2000",
        caption="Stored run on recordings, over the utterances heard: accuracy of the read-out on two speakers never heard, share of count variance explained by the digit, and share of "
        "utterances with a mean rate below a tenth or above five times the target. Bands: 95 % intervals over seeds.",
        alt="Accuracy, explained variance, and share of utterances out of range over training, a dashed curve for each rule.",
    )


# %%
def network_after(name, moment=-1):
    """Accuracy of a rule in the stored run at a moment, one a seed."""
    when = sorted(set(stored_net.utterances))[moment]
    return stored_net[(stored_net.rule == name) & (stored_net.utterances == when)].set_index("seed").accuracy


def out_at_end(table):
    """Share of utterances out of range in the last stretch, by rule."""
    return table[table.utterances == table.utterances.max()].groupby("rule").out_of_range.mean()


ways = {"Y-F3b": ("convallis", 0), "Y-F3c1": ("pair", -1), "Y-F3c2": ("rate", -1)}
for name, (other, moment) in ways.items():
    run.claim(
        name,
        lambda o=other, m=moment: network_after("convallis") - network_after(o, m),
        note="from a stored run",
        without=missing_net,
    )

# %%
if stored_net is not None:
    ends = {name: network_after(name) for name in dict.fromkeys(stored_net.rule)}
    run.say(
        f"Accuracy after learning, %: {listed(ends, '.1f')}; before: {mean_and_interval(network_after('convallis', 0), '.1f')}. Utterances out of range in the last "
        "stretch: " + "; ".join(f"{TITLE[name]} {100 * out_at_end(stored_net)[name]:.0f} %" for name in ends) + "."
    )
for chosen, table in shorter.items():
    if table is None:
        continue
    last = table[table.utterances == table.utterances.max()]
    run.say(
        f"In a shorter run of {last.utterances.max()} utterances, {chosen}: accuracy after learning, %: "
        + listed(by_seed(last, "accuracy"), ".1f")
        + "; out of range "
        + "; ".join(f"{TITLE[name]} {100 * share:.0f} %" for name, share in out_at_end(table).items())
        + "."
    )
run.say("What looks well over a minute need not last, and the short live run above says nothing of it.")

# %% [markdown]
# ## One parameter set for both?
#
# The title promise of the abstract: one rule for what is seen *in vitro* and for learning. Here is the strictest test this book has. Sets of constants (both
# thresholds, the after-depolarisation and its decay) are drawn over a box; each gets the amplitudes that describe the ten points of {cite:t}`sjostrom2001rate` best, by the tools of
# [the chapter on spike triplets](spike_triplets.ipynb); E is the mean squared miss in standard errors. The same set then learns the two digits; only its learning rate is tuned.

# %%
n_sets, pool = run.at(smoke=3, book=10, full=40), run.at(smoke=32, book=256, full=1024)
sets = confluence.parameter_sets(n_sets, run.seeds(1, "sets")[0], pool=pool, starts=run.at(smoke=1, book=4, full=8))
set_plan = replace(plan, population=replace(population, neurons=min(population.neurons, 16)))
learned_with = [confluence.learned_preference(each, split, set_plan) for each in run.progress(sets, "sets")]
alone = spoken.two_digits("rate", split, set_plan)[0].d_prime.to_numpy()
set_errors, gained = confluence.errors_of(sets), np.array([each.mean() - alone.mean() for each in learned_with])
front = confluence.pareto_front(set_errors, gained)

# %%
fig, axes = plt.subplots(figsize=(7, 4))
figures.bars(axes, set_errors, [each - alone for each in learned_with], "#777777", "a parameter set")
order = np.argsort(set_errors[front])
axes.plot(
    set_errors[front][order],
    gained[front][order],
    "-o",
    ms=9,
    mfc="none",
    color=COLOUR["convallis"],
    label="Pareto front",
)
axes.plot(set_errors[0], gained[0], "*", ms=13, color="black", label="best fit in vitro")
axes.axhline(0, color="#777777", lw=0.8)
axes.axvline(1, color="#777777", lw=0.8, ls=":")
axes.set(
    xlabel="E in vitro (1: misses by one standard error)", ylabel="|d′| minus rate constraint alone", xlim=(0, None)
)
legend(axes, 9)

# %%
run.figure(
    fig,
    "confluence",
    n=f"{len(sets)} parameter sets, {set_plan.population.neurons} neurons, {len(plan.seeds)} seeds",
    data=f"{LABEL}; Sjöström et al. 2001",
    caption="Parameter sets of the valley rule: how badly they describe the frequency dependence in vitro (left is better) and what they gain in telling two digits apart (up is better). "
    "Bars: 95 % intervals over seeds.",
    alt="A scatter of parameter sets with their Pareto front; a star marks the best fit in vitro.",
)
run.claim("Y-X2a", learned_with[0] - alone, note=note)
smallest = [
    min((e for e, each in zip(set_errors, learned_with, strict=True) if each[k] > alone[k]), default=set_errors.max())
    for k in range(len(alone))
]
run.claim("Y-X2b", smallest, note=note)
run.say(
    f"The best fit has E = {set_errors[0]:.2f}, with thresholds at {sets[0].rule.theta_minus:.1f} and {sets[0].rule.theta_plus:.1f} mV and an after-depolarisation of "
    f"{sets[0].cell.after_depolarisation:.1f} mV that decays in {sets[0].cell.tau_after:.0f} ms; its |d′| is {mean_and_interval(learned_with[0], '.2f')}, that of the rate constraint alone "
    f"{mean_and_interval(alone, '.2f')}. The default constants of this chapter learn {mean_and_interval(two[two.rule == 'convallis'].d_prime, '.2f') if 'convallis' in rules else 'nothing here'}."
)

# %% [markdown]
# ## Everything that was compared

# %%
lines = []
tables = {
    f"two digits, |d′| ({clips.title}, live)": (two, "d_prime"),
    f"ten digits, % ({clips.title}, live)": (ten, "accuracy"),
}
tables |= {
    "two digits, |d′| (recordings, stored)": (stored_two, "d_prime"),
    "ten digits, % (recordings, stored)": (stored_ten, "accuracy"),
}
for title, (table, value) in tables.items():
    for name, values in by_seed(table, value).items() if table is not None else ():
        middle, low, high = (float(part[0]) for part in intervals([values]))
        lines.append((title, TITLE[name], middle, low, high, len(values)))
run.table(
    pd.DataFrame(lines, columns=["experiment", "rule", "mean", "95 % from", "to", "seeds"]),
    "All rules, one sample a seed.",
)

# %% [markdown]
# ## Implementation details that matter
#
# 1. **What f sees of a spike** (`cell`): cut at the threshold, then an after-depolarisation. With whole spikes in $V$ the upper detector answers to spike height, not to depolarisation.
# 2. **Zero weight is absorbing**: a gain multiplies. Once all weights of a neuron are gone no controller revives it, so the mean weight is held (`control.with_mean`).
# 3. **Gain and weights are kept apart**: what the controller does must not be undone by what holds the weights.
# 4. **Anti-windup**: a cell that can't reach its target integrates its error for ever, and bursts when it can.
# 5. **Order within a step**: potential, then spikes, then reset; a spike acts one step later; spikes of one step do not see each other in any rule (`rule`, `cell`).
# 6. **Weights are held during an utterance** and changed after it, by one sum over its spikes.
# 7. **Count matching** (`speech.cochleogram`): without one length and one input count untrained cells already tell digits apart.
# 8. **Units of the learning rate** (`contestants`): each rule's sum has its own size. Without a common unit a common grid favours the rule it was made for.
# 9. **Balance**: where depression and potentiation cancel before learning depends on the rule, so grids are centred there.
# 10. **Frozen gains** are the mean over the last half of learning: the controller's last word is that of the last utterance.
#
# ## What this chapter does not say
#
# That the paper's numbers hold, or do not: none was read. Neuron model, constants, front end, decoder and network are this book's; the paper's eleven digits include "oh", the recordings used here do
# not, and six men are not many speakers. "Not reproduced" means: not by this re-derivation.
#
# That Convallis needs its name: the comparators have the same constraints and the same budget of settings, and yet a grid of twenty is no optimum. Plastic inhibition, delays, the kernel of
# shrinkage (there in `Learning`, off here) and larger networks were not explored.

# %%
run.close()
