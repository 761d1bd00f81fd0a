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
# # Nonlinear Hebbian learning of receptive fields
#
# Sparse coding, independent component analysis, BCM theory and spike-timing-dependent plasticity all turn patches of natural images
# into the localized, oriented fields of simple cells. {cite:t}`brito2016nonlinear` see one reason behind them all: a Hebbian
# rule that is nonlinear in the neuron's total input. Whatever the nonlinearity, almost, the input decides what is learned. This
# chapter takes that apart: which nonlinearities, which images, which preprocessing, and where it fails.
#
# ## The rule
#
# A neuron with weights $w$ sums its input, $u = w^\top x$, fires $y = g(u)$, and its synapses change by $\Delta w \propto x\,h(y)$. What
# counts is the product of both, the **effective nonlinearity** $f = h \circ g$:
#
# $$
# \Delta w \propto x\, f(w^\top x), \qquad \lVert w\rVert = 1 .
# $$ (eq-nonlinear-hebbian)
#
# On average {eq}`eq-nonlinear-hebbian` climbs $\langle F(w^\top x)\rangle$ with $F' = f$, the *optimisation value* of the pattern $w$. If the input is white,
# $\langle xx^\top\rangle = 1$, every pattern gives $u$ the same variance, and only higher-order statistics can make one pattern better
# than another. So a field can be predicted before anything is learned: it is the pattern of largest value.

# %% tags=["parameters"]
scale: str = "book"  # smoke, book or full
seed: int = 0  # from which all other seeds follow
device: str = "auto"  # auto, cpu or cuda
nonlinearity: str = "quadratic_rectifier"  # of networks, spectra, and the pattern all are compared with
images: str = "photographs"  # photographs (bundled), bsds, olshausen, vanhateren, or a folder of your own
patch: int = 16  # side of a patch, pixels
n_units: int = 0  # units of each nonlinearity; 0 leaves it to the scale (10, 100, 200)
whitening: int = 100  # principal components that are kept and made white


# %%
from dataclasses import replace
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from pydantic import Field
from scipy.stats import spearmanr

from repro import data, figures, parameters, results, runs
from repro.nonlinear_hebbian import FIVE, NONLINEARITIES
from repro.nonlinear_hebbian.experiments import Sampling, describe, learn_all
from repro.nonlinear_hebbian.images import load_images

Side = Annotated[int, Field(ge=8, le=32)]
kinds = {"nonlinearity": parameters.one_of(NONLINEARITIES), "images": str, "patch": Side, "n_units": parameters.Whole}
run = runs.open_run("nonlinear_hebbian", globals(), whitening=parameters.Count, **kinds)
image_set = load_images(run.p.images, run.p.patch)
sampling = Sampling(run.p.patch, run.at(smoke=20_000, book=100_000, full=400_000), run.p.whitening)
sampling.check()
run.uses(image_set.name, **image_set.facts)

# %%
from repro.figures import COLOURS, mosaic
from repro.nonlinear_hebbian import (
    binocular,
    complex_cells,
    cortex,
    experiments,
    learners,
    measures,
    on_off,
    patterns,
    preprocessing,
    senses,
    speech,
    spiking_stored,
    sweeps,
)
from repro.nonlinear_hebbian.gabor import gabor_fit
from repro.nonlinear_hebbian.network import Options
from repro.nonlinear_hebbian.selectivity import FAMILIES, gaussian_value, negated, selectivity_index
from repro.spike_triplets import published

# %%
prepared = preprocessing.prepare(image_set, patch=run.p.patch)
learning, rest = preprocessing.split_regions(prepared, least=max(run.p.patch, complex_cells.NEEDED))
patch_seed, weight_seed, held_seed, *_ = run.seeds(3, "data")
white = experiments.view(learning, sampling, patch_seed)
draws = run.seeds(run.at(smoke=3, book=5, full=20), "held-out patches")
n_held = run.at(smoke=5_000, book=30_000, full=100_000)
held = [experiments.held_out(white, rest, run.p.patch, n_held, draw) for draw in draws]
units, groups = run.p.n_units or run.at(smoke=10, book=100, full=200), run.at(smoke=2, book=5, full=10)
iterations = run.at(smoke=25, book=40, full=100)
run.say(
    f"Images: **{image_set.title}**. {image_set.facts.get('note', '')} Of each, a quarter is held out. {len(white.components):,} overlapping "
    f"patches of {run.p.patch} × {run.p.patch} pixels; the {run.p.whitening} components kept hold {100 * white.kept:.0f} % of their variance."
)


# %%
def show(axes, fields, columns, label=None):
    """Draw fields in rows; grey is zero, each field is scaled by itself."""
    axes.imshow(mosaic(fields, columns), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if label:
        axes.set_ylabel(label, rotation=0, ha="right", va="center")


def spoken(name):
    """A nonlinearity's name for people."""
    return {"l0": "L0", "cauchy": "Cauchy", "negative_sigmoid": "−sigmoid (−tanh)", "sigmoid": "+sigmoid (+tanh)"}.get(
        name, name.replace("_", " ")
    )


SHADES = dict(zip(FIVE, COLOURS, strict=False))

# %% [markdown]
# ## Where a nonlinearity comes from: the neuron times its plasticity
#
# A cortical neuron turns its current into spikes by $g(I) \approx a\,(I - \theta_1)_+$. The triplet rule of spike-timing-dependent
# plasticity, averaged over Poisson spikes, changes weights by
#
# $$
# h(y) \propto y^2 - b\,y, \qquad b = \frac{A_2^-\,\tau_-}{A_3^+\,\tau_+\,\tau_y},
# $$ (eq-rate-triplet)
#
# with the published amplitudes and time constants for visual cortex. One after the other they make the **quadratic rectifier**
#
# $$
# f(I) \propto (I - \theta_1)_+\,(I - \theta_2), \qquad \theta_2 = \theta_1 + b/a .
# $$ (eq-quadratic-rectifier)
#
# Each step from {eq}`eq-rate-triplet` on is measured here: the f-I curve of a generalised leaky integrate-and-fire neuron with adaptation, a moving threshold and
# noise (its constants are this book's own) in 500 ms steps of current, simulated by Brian2; the weight change of Poisson trains; and the weight
# change that the neuron's own spikes cause at constant current, both by exact sums over spikes.

# %%
triplets, neuron = published("visual", "all-to-all", "minimal"), cortex.Glif()
b_poisson, b_regular = cortex.rate_threshold(triplets), cortex.regular_threshold(triplets)
cell_seeds = run.seeds(run.at(smoke=4, book=10, full=20), "cortical cell")
currents, output = np.linspace(0, 0.5, 20), np.linspace(2, 50, 13)
trials, long = run.at(smoke=20, book=50, full=200), run.at(smoke=100, book=400, full=1000)
rates = np.array([cortex.f_i_curve(neuron, currents, trials, s) for s in run.progress(cell_seeds, "f-I curve")])
by_brian = cortex.f_i_curve(neuron, currents, trials, cell_seeds[0], brian=True)
f_i_fits = [cortex.fit_threshold_linear(currents, each) for each in rates]
drifts = np.array([cortex.poisson_drift(triplets, output, long, s) for s in run.progress(cell_seeds, "Poisson trains")])
effective = [
    cortex.measure_effective(triplets, neuron, curve, np.linspace(0.06, 0.4, 18), long / 4, s)
    for curve, s in zip(f_i_fits, run.progress(cell_seeds, "the neuron's spikes"), strict=True)
]


# %%
def middle_of(name):
    """Mean over the seeds of what the effective nonlinearities have by that name."""
    return float(np.mean([getattr(each, name) for each in effective]))


slope, theta1 = np.mean([[each.slope, each.threshold] for each in f_i_fits], axis=0)
strength = np.mean([cortex.fit_parabola(output, each)[0] for each in drifts])
changes, held_currents = 1e3 * np.array([each.changes for each in effective]), effective[0].currents
many_currents = np.linspace(0, 0.5, 200)

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.3))
left.plot(currents, by_brian, "o", ms=4, mfc="none", color=COLOURS[0], label="Brian2")
left.plot(many_currents, slope * np.maximum(many_currents - theta1, 0), color=COLOURS[1], label="$a(I - \\theta_1)_+$")
left.set(xlabel="current $I$ (nA)", ylabel="rate $y$ (Hz)", title="neuron")
figures.bars(middle, output, 1e3 * drifts.T, COLOURS[0], "Poisson trains")
middle.plot(output, 1e3 * strength * output * (output - b_poisson), color=COLOURS[1], label="$y^2 - b\\,y$")
middle.set(xlabel="rate $y$ (Hz)", ylabel="weight change (10⁻³/s Hz)", title="plasticity")
figures.bars(right, held_currents, changes.T, COLOURS[0], "its spikes")
shape = cortex.quadratic_rectifier(many_currents, theta1, theta1 + b_poisson / slope, 1e3 * strength * slope**2)
right.plot(
    many_currents[many_currents < 0.41],
    shape[many_currents < 0.41],
    color=COLOURS[1],
    label="$(I - \\theta_1)_+(I - \\theta_2)$",
)
steady = np.mean([each.rates for each in effective], axis=0)
right.plot(held_currents, 1e3 * strength * steady * (steady - b_regular), ":", color="0.4", label="regular train")
right.set(xlabel="current $I$ (nA)", ylabel="weight change (10⁻³/s Hz)", title="both")
for axes in (left, middle, right):
    axes.axhline(0, color="0.4", lw=0.8)
    axes.legend(loc="upper left", fontsize=8)

# %%
run.figure(
    fig,
    "effective-nonlinearity",
    n=f"{len(cell_seeds)} seeds; {trials} trials a current; {long} s a rate, {long // 4} s a current; Brian2: one seed",
    data="none",
    caption="Left: rate of the neuron in steps of 500 ms, and the threshold-linear fit. Middle: weight change by Poisson output, and the parabola whose b is "
    "derived. Right: weight change by the neuron's own spikes at constant current; what the first two predict; and what a perfectly regular train "
    "of the neuron's steady rate would do. Bars: 95 % interval of the mean.",
    alt="A rate that rises in a straight line above a threshold; a parabola that crosses zero near 19 Hz; a weight change that falls and then rises with "
    "current, crossing zero somewhat later than predicted, as a regular train does.",
)

# %%
run.claim("B-F1a", [curve.r2 for curve in f_i_fits])
run.claim("B-F1b", [cortex.fit_parabola(output, each)[1] / b_poisson - 1 for each in drifts])
run.claim("B-F1c", [each.deviation for each in effective])

# %%
from_b = 100 * (middle_of("rate_at_theta2") / b_poisson - 1)
predicted = slope * (middle_of("theta2") - theta1)
run.say(
    f"For this neuron $a$ = {slope:.0f} Hz/nA and $\\theta_1$ = {theta1:.3f} nA; the rule's $b$ is {b_poisson:.1f} Hz for Poisson trains and {b_regular:.1f} Hz for "
    f"a perfectly regular one. So $\\theta_2$ should lie at {theta1 + b_poisson / slope:.3f} nA; measured are {middle_of('theta2'):.3f} nA. There the neuron fires "
    f"at {middle_of('rate_at_theta2'):.1f} Hz, {from_b:.0f} % above $b$: its intervals vary little (coefficient of variation "
    f"{middle_of('irregularity'):.2f}, a Poisson train's is 1), and a regular train has fewer short intervals for triplets to profit from. The "
    f"rest is the f-I curve: the straight line gives {predicted:.1f} Hz at that current. Brian2 and the compiled twin that made the long "
    f"runs differ in rate by at most {abs(by_brian - rates[0]).max():.1g} Hz: they spike in the same steps."
)

# %% [markdown]
# ## Simple cells, whatever the nonlinearity
#
# Five nonlinearities that stand for five theories: the quadratic rectifier {eq}`eq-quadratic-rectifier` (BCM, triplet plasticity), the linear rectifier (L1 sparse coding),
# the Cauchy and L0 functions (sparse coding with other priors) and the negative sigmoid (independent component analysis). Four
# patterns are put before each: random, a grating, a difference of Gaussians, and a localized oriented field, which is the best field that
# the neuron with the chapter's default nonlinearity learned. Grating and difference of Gaussians get their frequency, orientation and
# size from it. Patterns are judged on regions that nothing was learned from.
#
# Then each nonlinearity learns for itself, from the same random weights, by the fixed-point iteration
#
# $$
# w \leftarrow \mathrm{normalise}\left(\langle x\, f(w^\top x)\rangle + c\,w\right),
# $$ (eq-iteration)
#
# which climbs $\langle F\rangle$ without a learning rate. Units do not see each other.
# The controls should fail: a linear $f$ has nothing to climb on white input, and $+\tanh$ climbs the other way.

# %%
controls = ("linear", "sigmoid", "cubic", "sine", "absolute", "cosine")
names = tuple(dict.fromkeys((*FIVE, run.p.nonlinearity)))
fields = learn_all(white, names, units, weight_seed, iterations, run.device.type)
few = max(units // 10, 8)
fields |= learn_all(white, [each for each in controls if each not in fields], few, weight_seed, iterations)
tables = {name: describe(each) for name, each in fields.items()}
model = run.p.nonlinearity
chosen = experiments.best_localized(white, fields[model], tables[model], model)
fit = gabor_fit(fields[model])
four = patterns.four_patterns(fields[model][chosen], experiments.fit_of(fit, chosen), patch_seed)
value = np.array(
    [patterns.values(each, white.from_pixels(four), FIVE) for each in held]
)  # draws, nonlinearities, patterns

# %%
fig = plt.figure(figsize=(9, 7.6))
left, right = fig.subfigures(1, 2, width_ratios=(4, 6))
grid = left.subplots(6, 1, height_ratios=(1.3, 1, 1, 1, 1, 1))
show(grid[0], four, 4)
grid[0].set_title("patterns and their value", loc="left")
for axes, name, of_one in zip(grid[1:], FIVE, value.swapaxes(0, 1), strict=True):
    low, high = of_one.mean(0).min(), of_one.mean(0).max()
    scaled = (of_one - low) / (high - low)
    axes.bar(range(4), scaled.mean(0), color=SHADES[name], alpha=0.65)
    axes.plot(np.tile(range(4), (len(scaled), 1)), scaled, "k.", ms=3)
    axes.set(xticks=[], yticks=[0, 1], ylim=(-0.05, 1.15), xlim=(-0.5, 3.5))
    axes.set_title(spoken(name), loc="left", weight="normal", fontsize=9)
axes.set_xticks(range(4), ["random", "grating", "DoG", "oriented"])
rows = right.subplots(len(fields), 1)
for axes, (name, each) in zip(rows, fields.items(), strict=True):
    show(axes, each[:8], 8, spoken(name))

# %%
rows[0].set_title("fields learned", loc="left")
run.figure(
    fig,
    "patterns-and-fields",
    n=f"{len(draws)} draws of {n_held:,} held-out patches; fields of 8 of {units} units ({few} of the controls)",
    data=image_set.title,
    caption="Left: optimisation value of four patterns on held-out patches, scaled from the smallest to the largest of each nonlinearity; bars: mean, "
    "dots: draws. Right: fields learned by single units, eight of each nonlinearity from the same initial weights; the last six are controls.",
    alt="Left: four patterns and bars of their value for five nonlinearities. Right: rows of fields by nonlinearity; localized edges for the five, "
    "noise for the linear control.",
)

# %%
wins = (value[:, :, 3:] > value[:, :, :3]).all(axis=2).sum(axis=1)
ordered = ((value[:, :, 3] > value[:, :, 2]) & (value[:, :, 2] > value[:, :, 0])).sum(axis=1)
run.claim("B-F2a", wins)
run.claim("B-F2b", experiments.nonlinearities_that_learn({name: tables[name] for name in FIVE}, groups))
run.claim(
    "B-F2c", tables["linear"].participation, note="on exactly white input a linear f leaves every weight where it was"
)
run.claim("B-F2d1", tables["negative_sigmoid"].participation)
run.claim("B-F2d2", tables["sigmoid"].participation)
run.claim("B-F2e", ordered)
fresh = run.seeds(run.at(smoke=2, book=4, full=10), "fresh patches")
run.claim(
    "B-F6b",
    experiments.alone_on_fresh_patches(learning, sampling, run.at(smoke=5, book=10, full=20), fresh, iterations),
)

# %%
overview = (
    pd.DataFrame(
        {
            spoken(name): {
                "Gabor R²": f"{table.r2.median():.2f}",
                "participation": f"{table.participation.median():.3f}",
                "anisotropy": f"{table.anisotropy.median():.2f}",
                "meet all three": f"{100 * table['all three'].mean():.0f} %",
                "width": f"{table.width.median():.1f} px",
                "length": f"{table.length.median():.1f} px",
                "with a twin": f"{100 * table.twin.mean():.0f} %",
            }
            for name, table in tables.items()
        }
    )
    .T.rename_axis("nonlinearity")
    .reset_index()
)
run.table(overview, "Fields learned by each nonlinearity, medians over units")
run.say(
    "A field counts as localized and oriented if its Gabor fit explains more than 0.8 of it, its participation ratio is "
    "below 0.2 *and* its spectral anisotropy above 0.8: a single pixel passes the first, a blob the second, a grating the third."
)

# %% [markdown]
# On these photographs it is close. Their longest edges run through whole patches, and a field as long as that passes the limit of the participation ratio
# or does not. How many components are kept moves the fields across, and in both directions: with more of them finer fields are possible, and so
# are finer gratings. The recipe keeps the number it had before any claim was judged; here is what others do.

# %%
kept_counts = {}
for keep in sorted({run.p.whitening, *run.at(smoke=(150,), book=(150, 200), full=(64, 150, 200))} - {run.p.whitening}):
    if keep < run.p.patch**2:
        other = experiments.view(learning, replace(sampling, keep=keep), patch_seed)
        learned = learn_all(other, FIVE, run.at(smoke=5, book=20, full=100), weight_seed, iterations)
        kept_counts[keep] = {name: describe(each).participation.median() for name, each in learned.items()}
run.say(
    "Median participation ratios with other numbers of components: "
    + "; ".join(
        f"**{keep}**: " + ", ".join(f"{spoken(name)} {ratio:.3f}" for name, ratio in ratios.items())
        for keep, ratios in kept_counts.items()
    )
    + "."
)

# %% [markdown]
# ### One patch at a time
#
# The fixed point is a shortcut. The plasticity rule itself sees one patch, changes the weights a little, and normalises them. It climbs the same
# value and ends at fields of the same kind, though not always at the same one from the same start.

# %%
steps = run.at(smoke=5_000, book=60_000, full=500_000)
stages = (steps // 100, steps // 10, steps)
start = learners.initial_weights(8, run.p.whitening, weight_seed)
rule = [NONLINEARITIES[model]]
grown = [start] + [learners.online(white.components, rule, start, n, seed=patch_seed)[0] for n in stages]
settled = learners.fixed_point(white.components, rule, start, iterations)[0]
fig, rows = plt.subplots(5, 1, figsize=(7, 4.4))
for axes, weights, stage in zip(
    rows, [*grown, settled], ["start", *(f"{n:,} patches" for n in stages), "fixed point"], strict=True
):
    show(axes, white.to_pixels(weights), 8, stage)
run.figure(
    fig,
    "online",
    n="8 units",
    data=image_set.title,
    caption=f"Fields of eight units that learn online with the {spoken(model)}, one patch at a time; below, the fixed point from the same start.",
    alt="Rows of fields: noise at the start, oriented fields after many patches, and the fields of the fixed point.",
)
reached = [patterns.value(white.components, weights, model).mean() for weights in (start, grown[-1], settled)]
run.say(
    f"Mean value at the start {reached[0]:.3f}, after {steps:,} single patches {reached[1]:.3f}, at the fixed point {reached[2]:.3f}."
)

# %% [markdown]
# ## Other images, same measures
#
# Eight photographs are few, and the recipe was chosen on them: halve the size, take the logarithm, filter, divide by
# local contrast, whiten. So it is put to sets that had no part in the choice: photographs of the Berkeley segmentation data, through the
# same recipe, and the ten images that {cite:t}`olshausen1996emergence` whitened themselves, which only get the last step. The claim counts both.

# %%
others = [name for name in ("bsds", "olshausen", "photographs") if name != run.p.images and data.available(name)][:2]
second, second_sets, half = {}, {}, max(2 * units // 5, 9)
for name in others:
    second_sets[name] = load_images(name, run.p.patch)
    run.uses(name, **second_sets[name].facts)
    pictures = preprocessing.split_regions(preprocessing.prepare(second_sets[name], patch=run.p.patch))[0]
    own_view = experiments.view(pictures, sampling, patch_seed)
    second[name] = learn_all(own_view, FIVE, half, weight_seed, iterations, run.device.type)
measured = {name: {which: describe(each) for which, each in learned.items()} for name, learned in second.items()}

# %%
shown = {image_set.title: (fields, tables)} | {second_sets[n].title: (second[n], measured[n]) for n in second}
fig = plt.figure(figsize=(9, 2.35 * len(shown)))
rows = fig.subfigures(len(shown), 1, squeeze=False)[:, 0]
for row, (title, (learned, table)) in zip(rows, shown.items(), strict=True):
    row.suptitle(title, x=0.01, ha="left", fontsize=9, weight="bold")
    for axes, name in zip(row.subplots(1, 5), FIVE, strict=True):
        show(axes, learned[name][:9], 3)
        axes.set_xlabel(f"{spoken(name)}: {100 * table[name]['all three'].mean():.0f} %", fontsize=8)
run.figure(
    fig,
    "second-image-set",
    n=f"9 of {half} units of each nonlinearity, {units} of the first set",
    data="; ".join(shown),
    caption="Fields learned from each image set, a row each; below, the share of units whose field is localized and oriented by all three measures.",
    alt="A row of fields for each image set, a block for each of the five nonlinearities.",
)
if second:
    counts = {name: experiments.nonlinearities_that_learn(table, groups) for name, table in measured.items()}
    said = "; ".join(f"{second_sets[name].title}: {np.mean(each):.1f} of 5" for name, each in counts.items())
    run.claim("B-F2b2", np.concatenate(list(counts.values())), note=said)
else:
    run.skip("B-F2b2", "no second image set is on this machine")

# %% [markdown]
# ## Selectivity index
#
# Would a neuron rather see a long-tailed projection or a Gaussian one? The selectivity index compares the value of a Laplacian variable $l$ and a Gaussian one $z$,
# both of variance 1:
#
# $$
# \mathrm{SI} = \frac{\langle F(l)\rangle - \langle F(z)\rangle}{\sigma_{F(l)}\,\sigma_{F(z)}} .
# $$ (eq-selectivity)
#
# Localized features have long tails, so the sign of {eq}`eq-selectivity` should tell which nonlinearities learn them. It needs no image; four families of
# nonlinearities put it to the test.

# %%
sweep_axis = {
    "depression": ("LTD factor $b$, $f = u_+(u - b)$", (0.0, 2.0)),
    "threshold": ("threshold $\\theta$, $f = (u - \\theta)_+$", (0.0, 3.0)),
    "centre": ("centre of a logistic $f$, slope 4", (0.0, 2.0)),
    "exponent": ("exponent $p$, $f = \\mathrm{sign}(u)|u|^p$", (0.4, 3.0)),
}
values = {family: np.linspace(*ends, run.at(smoke=5, book=9, full=21)) for family, (_, ends) in sweep_axis.items()}
few_patches, sweep_units = run.at(smoke=10_000, book=50_000, full=200_000), run.at(smoke=5, book=9, full=20)
swept, swept_fields = experiments.family_sweep(white, values, sweep_units, weight_seed, few_patches, iterations)

# %%
fig, grid = plt.subplots(3, 4, figsize=(9.4, 5.2), height_ratios=(2, 1.4, 1.2))
for column, (family, (label, ends)) in zip(grid.T, sweep_axis.items(), strict=True):
    fine = np.linspace(*ends, 41)
    column[0].plot(fine, [selectivity_index(FAMILIES[family](at)) for at in fine], color="#0072B2")
    column[0].axhline(0, color="black", lw=0.8)
    of_one = swept[swept.family == family]
    good = of_one.participation < measures.PARTICIPATION
    column[1].plot(of_one.parameter[good], of_one.participation[good], "o", color="#0072B2")
    column[1].plot(of_one.parameter[~good], of_one.participation[~good], "x", color="#D55E00")
    column[1].axhline(measures.PARTICIPATION, color="black", lw=0.8, ls=":")
    column[1].set_ylim(0, 0.62)
    picked = of_one.parameter.iloc[:: max(len(of_one) // 4, 1)]
    show(column[2], np.concatenate([[swept_fields[family, at][unit] for at in picked] for unit in (0, 1)]), len(picked))
    column[1].set_xlabel(label, fontsize=8)

# %%
grid[0, 0].set_ylabel("selectivity index")
grid[1, 0].set_ylabel("participation ratio")
run.figure(
    fig,
    "selectivity-index",
    n=f"{sweep_units} units a value",
    data=f"none (index); {image_set.title} (fields)",
    caption="Top: selectivity index by quadrature. Middle: median participation ratio of the fields learned; below the dotted line (dots) they are "
    "localized, above it (crosses) not. Bottom: two of the fields at evenly spaced values, from left to right.",
    alt="Four columns of curves: the index is positive for the depression and the threshold family, changes its sign for the logistic "
    "centre and the exponent; dots below show where learned fields are localized.",
)

# %%
index = {name: selectivity_index(name) for name in NONLINEARITIES}
flipped = max(abs(index[name] + selectivity_index(negated(name))) for name in index)
zeros = [abs(index["linear"]), abs(selectivity_index(FAMILIES["threshold"](0.0)))]
run.claim("B-F3a1", max(*zeros, flipped))
run.claim("B-F3a2", swept.groupby("family").agrees.mean())
at = np.linspace(0, 2, 41)
run.claim("B-F3b", sum(selectivity_index(FAMILIES["depression"](b)) <= 0 for b in at))
signs = np.sign([selectivity_index(FAMILIES["centre"](c)) for c in at])
run.claim("B-F3c", int((np.diff(signs) != 0).sum()) - 1)
run.say(
    "Index of the five: "
    + ", ".join(f"{spoken(name)} {index[name]:.2f}" for name in FIVE)
    + ". Share of values at which its sign agrees: "
    + ", ".join(f"{family} {100 * agrees:.0f} %" for family, agrees in swept.groupby("family").agrees.mean().items())
    + "."
)

# %% [markdown]
# ## The best shape
#
# If the value predicts the field, then its maximum over the shapes of Gabor patterns should lie inside, and learned fields should lie near it. Width and
# length are standard deviations of the envelope, across and along the bars; the frequency keeps the number of bars that learned fields have.

# %%
three = ("quadratic_rectifier", "linear_rectifier", "l0")
typical = patterns.typical_shape(gabor_fit(np.concatenate([fields[name] for name in FIVE])))
n_grid, n_angles = run.at(smoke=8, book=14, full=24), run.at(smoke=2, book=4, full=8)
widths, lengths = np.geomspace(0.7, 5.5, n_grid), np.geomspace(0.7, 11, n_grid)
few_draws = [each[: run.at(smoke=3_000, book=15_000, full=100_000)] for each in held]
probes = [sweeps.Probe(each, white, three) for each in few_draws]
surfaces = np.array([sweeps.over_width_and_length(probe, typical, widths, lengths, n_angles) for probe in probes])

# %%
fig, row = plt.subplots(1, 3, figsize=(9.2, 3.3), sharey=True)
for axes, name, surface in zip(row, three, surfaces.mean(0), strict=True):
    axes.contourf(lengths, widths, surface, 14, cmap="viridis")
    best = np.unravel_index(np.argmax(surface), surface.shape)
    axes.plot(tables[name].length, tables[name].width, ".", color="white", ms=4, mec="black", mew=0.4)
    axes.plot(lengths[best[1]], widths[best[0]], "*", color="#E69F00", ms=14, mec="black")
    axes.set(
        title=spoken(name),
        xlabel="length (px)",
        xscale="log",
        yscale="log",
        xlim=lengths[[0, -1]],
        ylim=widths[[0, -1]],
    )
    axes.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"], minor=False)
    axes.set_yticks([1, 2, 4], ["1", "2", "4"], minor=False)
    axes.minorticks_off()
    axes.grid(False)

# %%
row[0].set_ylabel("width (px)")
run.figure(
    fig,
    "width-and-length",
    n=f"{len(probes)} draws of {len(few_draws[0]):,} held-out patches, {n_angles} orientations, 2 phases",
    data=image_set.title,
    caption="Value of Gabor patterns over width and length, from small (dark) to large (bright). Star: maximum; dots: fields that were learned.",
    alt="Three maps of value over width and length, with the maximum marked and learned fields as dots.",
)


# %%
def inside(surface):
    """Whether the maximum is not on the edge."""
    place = np.unravel_index(np.argmax(surface), surface.shape)
    return all(0 < at < size - 1 for at, size in zip(place, surface.shape, strict=True))


run.claim("B-F4a", [sum(inside(surface) for surface in draw) for draw in surfaces])

# %% [markdown]
# ## Units that inhibit each other
#
# Alone, many neurons end at the same few fields. With lateral inhibition,
#
# $$
# \dot u = -u + Wx - V\,(u)_+ ,
# $$ (eq-lateral)
#
# where $V$ grows with the correlation of two outputs, they are pushed apart. For each patch the activity settles by {eq}`eq-lateral` before the
# weights follow {eq}`eq-nonlinear-hebbian`.

# %%
options = Options(batches=run.at(smoke=300, book=1500, full=5000))
network_seeds = run.seeds(run.at(smoke=2, book=8, full=8), "networks")
together, examples = experiments.networks(white, model, 50, network_seeds, options)
with_it, without = (together[together.inhibition == inhibited] for inhibited in (True, False))
spreads = together.groupby(["seed", "inhibition"]).apply(experiments.spread, include_groups=False).unstack()
twins = together.groupby(["seed", "inhibition"]).twin.sum().unstack()

# %%
fig = plt.figure(figsize=(9.2, 4.6))
pair, beside = fig.subfigures(1, 2, width_ratios=(5, 4))
for axes, (inhibited, title) in zip(pair.subplots(2, 1), ((False, "alone"), (True, "with inhibition")), strict=True):
    show(axes, examples[inhibited], 13)
    axes.set_title(title, loc="left")
axes = beside.subplots()
for table, colour, marker, label in ((without, "#D55E00", "x", "alone"), (with_it, "#0072B2", "o", "with inhibition")):
    good = table[table.r2 > measures.GABOR_R2]
    axes.plot(good.length, good.width, marker, ms=3.5, mfc="none", color=colour, label=label, alpha=0.7)
axes.set(xscale="log", yscale="log", xlabel="length (px)", ylabel="width (px)", xlim=(0.8, 40), ylim=(0.6, 8))
axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
axes.set_yticks([1, 2, 4], ["1", "2", "4"])
axes.minorticks_off()
axes.legend(loc="upper left")
run.figure(
    fig,
    "diversity",
    n=f"50 units, {len(network_seeds)} seeds (fields of the first)",
    data=image_set.title,
    caption=f"Fields of 50 units that learn with the {spoken(model)} from the same patches, alone and with lateral inhibition. Right: their shapes, all seeds.",
    alt="Left: fields of 50 units without and with inhibition; right: width against length for both.",
)

# %%
shares = twins / 50
run.say(
    f"With a twin (overlap above 0.9): alone {100 * shares[False].mean():.0f} %, with inhibition {100 * shares[True].mean():.1f} %. Mean absolute correlation of two outputs: "
    f"alone {without.correlation.mean():.3f}, with inhibition {with_it.correlation.mean():.3f}."
)
wider = spreads[True] / spreads[False]
if np.isfinite(wider).all():
    run.claim("B-F4b1", wider)
else:
    run.skip("B-F4b1", "a network had fewer than two fields that a Gabor function describes, and so no spread")
run.claim("B-F4c1", shares[True])
run.claim("B-F4c2", twins[False] / twins[True].clip(lower=1))

# %%
if run.scale == "full":
    many, _ = experiments.networks(white, model, 1000, network_seeds[:3], options)
    large = many[many.inhibition].groupby("seed").apply(experiments.spread, include_groups=False)
    run.claim("B-F4b2", large / spreads[True].loc[large.index])

# %% [markdown]
# ## Size, position, orientation
#
# The same prediction in one dimension at a time: the value of the typical pattern when its width, its place or its orientation is changed.

# %%
all_five = [sweeps.Probe(probe.components, white, FIVE) for probe in probes]
fine_widths = np.geomspace(0.6, 6, run.at(smoke=10, book=20, full=40))
by_width = np.array(
    [sweeps.over_width_and_length(p, typical, fine_widths, [typical.length], n_angles)[:, :, 0] for p in all_five]
)
places = np.linspace(0, run.p.patch - 1, run.at(smoke=6, book=11, full=16))
by_place = np.array([sweeps.over_place(probe, typical, places, n_angles) for probe in all_five])
n_turns = run.at(smoke=8, book=24, full=36)
per_image = run.at(smoke=2_000, book=10_000, full=50_000)


def turned_curves(pictures):
    """Value over orientation, picture by picture, each white in its own right."""
    found = [experiments.held_out(white, [picture], run.p.patch, per_image, held_seed) for picture in pictures]
    return np.array([sweeps.over_orientation(sweeps.Probe(each, white, FIVE), typical, n_turns) for each in found])


by_angle = turned_curves(prepared)
tilted = turned_curves([preprocessing.rotated(picture, 45.0) for picture in prepared])


# %%
def relative(curve, name):
    """Value above that of a Gaussian projection, relative to its largest."""
    above = curve - gaussian_value(name)
    return above / above.max()


# %%
fig, row = plt.subplots(1, 3, figsize=(9.4, 3.3), width_ratios=(4, 3.2, 4))
for index_of, name in enumerate(FIVE):
    row[0].plot(fine_widths, relative(by_width.mean(0)[index_of], name), color=SHADES[name], label=spoken(name))
row[0].set(xlabel="width (px)", ylabel="value above Gaussian, relative", ylim=(-0.1, 1.3))
row[0].legend(fontsize=7, loc="upper right")
edges = (-0.5, run.p.patch - 0.5)
over_places = np.mean([relative(each, name) for each, name in zip(by_place.mean(0), FIVE, strict=True)], axis=0)
row[1].imshow(over_places, extent=(*edges, *edges[::-1]), vmin=0, vmax=1, cmap="viridis")
row[1].grid(False)
row[1].set(xlabel="column of the centre (px)", ylabel="row (px)", title="dark 0, bright 1")
degrees = np.linspace(0, 180, n_turns + 1)
for curves, style, label in ((by_angle, "-", "as taken"), (tilted, "--", "turned by 45°")):
    advantage = np.mean([[relative(c, name) for c, name in zip(each, FIVE, strict=True)] for each in curves], axis=1)
    advantage = np.concatenate([advantage, advantage[:, :1]], axis=1)  # half a turn on, the bars are the same
    row[2].plot(degrees, advantage.mean(0), style, color="black", label=label)
    spread = advantage.std(0) / np.sqrt(len(advantage))
    row[2].fill_between(
        degrees, advantage.mean(0) - spread, advantage.mean(0) + spread, color="black", alpha=0.12, lw=0
    )

# %%
row[2].set(
    xlabel="orientation of the bars (degrees)", ylabel="value above Gaussian, relative", xticks=[0, 45, 90, 135, 180]
)
row[2].legend()
run.figure(
    fig,
    "size-position-orientation",
    n=f"{len(all_five)} draws of {len(few_draws[0]):,} held-out patches (size, position); {len(prepared)} images (orientation)",
    data=image_set.title,
    caption="Value of a Gabor pattern of typical shape over its width, over the place of its centre, and over its orientation; 0° is horizontal. Right: mean over "
    "five nonlinearities and over images, band: standard error over images; dashed: the same images turned by 45°.",
    alt="Left: value over width, five curves with a peak. Middle: map of value over position. Right: value over orientation for images as taken and turned.",
)

# %%
best_widths = fine_widths[by_width.argmax(axis=2)]
run.claim("B-F5a", np.ptp(best_widths, axis=1))
inner = (places >= 4) & (places <= run.p.patch - 5)
middle = by_place[:, :, inner][:, :, :, inner].reshape(*by_place.shape[:2], -1)
run.claim("B-F5b", (middle.std(axis=2) / abs(middle.mean(axis=2))).mean(axis=1))
run.claim("B-F5c", [sweeps.cardinal_advantage(curve) for curve in by_angle])
run.say(
    "Best widths: "
    + ", ".join(f"{spoken(name)} {best_widths[:, k].mean():.1f} px" for k, name in enumerate(FIVE))
    + f". Images turned by 45°: the advantage of horizontal and vertical goes from {100 * np.mean([sweeps.cardinal_advantage(c) for c in by_angle]):.1f} % "
    f"to {100 * np.mean([sweeps.cardinal_advantage(c) for c in tilted]):.1f} %."
)

# %% [markdown]
# ## Preprocessing
#
# White input is an assumption. Left as they are, photographs have strong second-order correlations: their amplitude spectrum falls about as one
# over the frequency. To see what that does, white components are made weaker again, each by a power of its mean frequency $R$, so that the amplitude
# spectrum falls as $R^{-\alpha}$; total variance stays. At $\alpha = 0$ the input is white. (In a first form the exponent of the image filter was
# varied, with no whitening behind it; the input then was not white at any exponent, which is not what the claim is about. **The verdict on B-F6a2 turned
# with that change**, from not reproduced to reproduced, so take it as exploratory.)

# %%
falls = np.array(run.at(smoke=(0.0, 0.5, 1.0), book=(0.0, 0.25, 0.5, 0.75, 1.0), full=tuple(np.linspace(0, 1, 9))))
many, spectra, of_fall = run.at(smoke=6, book=20, full=50), {}, []
part = replace(sampling, n=few_patches)
for fall in falls:
    seen = experiments.view(learning, replace(part, fall=fall), patch_seed)
    spectra[fall] = learn_all(seen, [model], many, weight_seed, iterations)[model]
    of_fall.append(describe(spectra[fall]).assign(fall=fall))
of_fall = pd.concat(of_fall, ignore_index=True)
unfiltered = preprocessing.prepare(image_set, preprocessing.Recipe(exponent=None, local_contrast=0.0), run.p.patch)
raw = experiments.view(unfiltered, replace(part, equalise=False, contrast=0.0), patch_seed)
raw_fields = learn_all(raw, [model], many, weight_seed, iterations)[model]
leading = experiments.share_in_leading(raw, raw_fields, 10)

# %%
fig = plt.figure(figsize=(9.2, 3.9))
left, right = fig.subfigures(1, 2, width_ratios=(5, 4))
labels = [*(f"α = {fall:.2g}" for fall in falls), "raw"]
for axes, label, each in zip(left.subplots(len(labels), 1), labels, [*spectra.values(), raw_fields], strict=True):
    show(axes, each[:8], 8, label)
axes = right.subplots()
axes.plot(of_fall.fall, of_fall.participation, "o", ms=3, alpha=0.4)
axes.plot(of_fall.groupby("fall").participation.median(), color="#0072B2", label="median")
axes.axhline(measures.PARTICIPATION, color="black", lw=0.8, ls=":")
axes.set(xlabel="exponent α of the fall of the amplitude spectrum", ylabel="participation ratio", ylim=(0, None))
run.figure(
    fig,
    "preprocessing",
    n=f"{many} units a spectrum",
    data=image_set.title,
    caption=f"Fields learned with the {spoken(model)} from patches whose amplitude spectrum falls with the frequency to the power α, and from the logarithm of the "
    "photographs with nothing done to it (raw). Dots: units. Below the dotted line fields are localized.",
    alt="Left: fields by spectrum, larger and smoother as the spectrum falls more steeply. Right: their participation ratio over the exponent.",
)

# %%
run.claim("B-F6a1", leading)
in_groups = of_fall.assign(group=of_fall.groupby("fall").cumcount() % groups)
medians = in_groups.groupby(["group", "fall"]).participation.median().unstack()
run.claim("B-F6a2", [spearmanr(medians.columns, row_of_group).statistic for row_of_group in medians.to_numpy()])

# %% [markdown]
# ## Other senses
#
# Nothing in the rule knows about pictures. It is put before three other inputs: pieces of the spectrogram of **speech** (25
# bands × 20 frames of 10 ms), modelled **complex cells** of V1 (8 orientations on a grid of 5 × 5 places; what learns from them would sit in V2),
# and patches for **two eyes** that look at unrelated places, as in strabismus. Three features are compared on held-out data (two
# speakers, regions of the photographs): one learned by the quadratic rectifier, a random one, and one made by hand: a tone, a single complex
# cell, a field that is the same in both eyes. Every response is first brought to mean 0 and variance 1 there, so that
# no feature wins by its variance. Each draw of held-out data gets the feature of its own initial weights; none is chosen.

# %%
sounds = speech.load_speech()
run.uses("speech", **sounds.facts)
sense_seeds = run.seeds(3, "senses")
sizes = run.at(smoke=(400, 8_000, 10_000), book=(2_000, 40_000, 40_000), full=(3_000, 200_000, 200_000))
of_sense = {
    "speech": senses.speech_sense(sounds, sizes[0], sense_seeds[0] % 2**31),
    "complex cells": senses.complex_sense(learning, rest, sizes[1], sense_seeds[0] % 2**31),
    "strabismus": senses.strabismus_sense(learning, rest, sizes[2], sense_seeds[0] % 2**31),
}
n_features = run.at(smoke=10, book=20, full=50)
features = {name: sense.learned(n_features, sense_seeds[1]) for name, sense in of_sense.items()}
tail = {name: senses.tail_ratio(sense, features[name], sense_seeds[2]) for name, sense in of_sense.items()}
compared = {name: senses.comparisons(sense, features[name], sense_seeds[2] % 2**31) for name, sense in of_sense.items()}
run.say(f"Speech: **{sounds.title}**. {sounds.note} Complex cells and eyes: {image_set.title}.")

# %%
eyes = {"unrelated": binocular.unrelated, "1 pixel apart": binocular.shifted}
pairs = binocular.load_stereo()
groups_of_eyes, in_group = run.at(smoke=3, book=5, full=10), run.at(smoke=6, book=10, full=20)
dominance, eye_fields = {}, {}
seen_by = {name: pairing(learning, 12, sizes[2], sense_seeds[0]) for name, pairing in eyes.items()}
if pairs is not None:
    seen_by["stereo"] = binocular.fixated(pairs, 12, sizes[2], sense_seeds[0])
for name, raw in run.progress(seen_by.items(), "two eyes"):
    eye_fields[name], dominance[name] = senses.eyes_learned(raw, groups_of_eyes * in_group, sense_seeds[1])


# %%
def draw_feature(axes, name, weights):
    """A learned feature: a piece of spectrogram, bars on the grid of complex cells, or both eyes' fields."""
    feature = of_sense[name].white.to_pixels(weights[None])[0]
    if name == "complex cells":
        for x, y, angle, weight in complex_cells.bars(feature / abs(feature).max()):
            ends = 0.45 * np.array([-1, 1])
            line = {"lw": 2.2 * abs(weight), "alpha": min(1, 2 * abs(weight)), "color": COLOURS[int(weight > 0)]}
            axes.plot(x + ends * np.cos(angle), y + ends * np.sin(angle), **line)
        axes.set(xlim=(-0.7, 4.7), ylim=(4.7, -0.7), aspect="equal")
    elif name == "speech":
        most = abs(feature).max()
        picture = feature.reshape(speech.BANDS, speech.FRAMES)
        axes.imshow(picture, cmap="RdBu_r", vmin=-most, vmax=most, origin="lower", aspect="auto")
    else:
        axes.imshow(both_eyes(feature), cmap="gray", vmin=-1, vmax=1)


def both_eyes(field):
    """Left and right eye side by side, on one scale."""
    left_eye, right_eye = np.split(field / abs(field).max(), 2)
    side = round(len(left_eye) ** 0.5)
    return np.hstack([left_eye.reshape(side, side), np.full((side, 1), np.nan), right_eye.reshape(side, side)])


# %%
def draw_tails(axes, name):
    """How often the three features respond how strongly, on held-out data."""
    sense = of_sense[name]
    u = senses.responses(sense.held_out, senses.three_features(sense, features[name][0], sense_seeds[2]))
    edges = np.linspace(-8, 12, 41)
    for column, label, colour in zip(u.T, ("learned", "random", "by hand"), COLOURS, strict=False):
        density, _ = np.histogram(column, edges, density=True)
        axes.semilogy(
            (edges[1:] + edges[:-1]) / 2, np.where(density > 0, density, np.nan), color=colour, label=label, lw=1.4
        )
    axes.set(ylim=(1e-4, 1.5), xlim=(-8, 12))


def draw_values(axes, name):
    """The five comparisons of a sense, each scaled from the smallest to the largest of the three values."""
    mean = compared[name].mean(axis=0)
    low, high = mean.min(axis=1, keepdims=True), mean.max(axis=1, keepdims=True)
    for index, colour in enumerate(COLOURS[:3]):
        axes.bar(np.arange(5) + 0.27 * (index - 1), 0.02 + ((mean - low) / (high - low))[:, index], 0.25, color=colour)
    axes.set(xticks=range(5), xticklabels=[], yticks=[0, 1], ylim=(0, 1.1))


# %%
def bare(axes, title=""):
    """A picture without frame or ticks."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(title, weight="normal", fontsize=9)


def draw_sense(fig, grid, row, name):
    """A row of the figure: three learned features, tails, values; the last two axes."""
    for column in range(3):
        axes = fig.add_subplot(grid[row, column])
        draw_feature(axes, name, features[name][column])
        bare(axes, f"{name}: learned" if column == 1 else "")
    tails_axes, values_axes = (fig.add_subplot(grid[row, column]) for column in (3, 4))
    draw_tails(tails_axes, name)
    draw_values(values_axes, name)
    return tails_axes, values_axes


# %%
def draw_eyes(fig, grid):
    """The last row: fields for two kinds of eyes, and the ocular dominance of all."""
    for column, name in enumerate(eyes):
        axes = fig.add_subplot(grid[3, column])
        axes.imshow(np.vstack([both_eyes(each) for each in eye_fields[name][:3]]), cmap="gray", vmin=-1, vmax=1)
        bare(axes, name)
    axes = fig.add_subplot(grid[3, 3:])
    for index, each in enumerate(dominance.values()):
        axes.plot(abs(each), index + np.linspace(-0.25, 0.25, len(each)), ".", color=COLOURS[index], ms=5)
        axes.plot([np.median(abs(each))] * 2, [index - 0.4, index + 0.4], color=COLOURS[index])
    axes.set(
        yticks=range(len(dominance)), yticklabels=list(dominance), xlim=(-0.02, 1.02), xlabel="|ocular dominance index|"
    )


# %%
fig = plt.figure(figsize=(9, 8.2))
grid = fig.add_gridspec(4, 5, width_ratios=(1, 1, 1, 2.2, 2.2))
panels = [draw_sense(fig, grid, row, name) for row, name in enumerate(of_sense)]
draw_eyes(fig, grid)
panels[0][0].set_title("tails on held-out data")
panels[0][0].legend(fontsize=7, loc="upper right")
panels[0][1].set_title("value, scaled")
panels[-1][0].set_xlabel("response (standard deviations)", fontsize=9)
ticks = [spoken(each).split(" (")[0].replace(" rectifier", "\nrectifier") for each in FIVE]
panels[-1][1].set_xticks(range(5), ticks, fontsize=7)
run.figure(
    fig,
    "other-senses",
    n=f"{n_features} initial weights a sense, {len(dominance['unrelated'])} a pair of eyes",
    data=f"{sounds.title}; {image_set.title}" + ("; Middlebury stereo 2003" if pairs is not None else ""),
    caption="From the top: speech, complex cells, two eyes with unrelated patches. Left: three learned features (speech: frequency upwards, time to the "
    "right; complex cells: bars in the colours of positive and negative weights; left and right eye). Middle: density of the responses of the first. Right: "
    "value of the three features for five nonlinearities, same colours. Bottom: fields of both eyes for unrelated patches and for patches one pixel apart; "
    "ocular dominance of each field, lines: medians.",
    alt="Learned features, curves of their response with longer tails than those of random and hand-made features, and bars of value; at the bottom fields of "
    "one eye for unrelated patches, of both eyes for corresponding ones.",
)

# %%
run.claim("B-F7a", tail["speech"], note=sounds.title)
run.claim("B-F7b", tail["complex cells"])
by_group = {name: np.median(abs(each).reshape(groups_of_eyes, in_group), axis=1) for name, each in dominance.items()}
run.claim("B-F7c1", by_group["unrelated"])
run.claim("B-F7c2", by_group["1 pixel apart"])
wins_of_15 = np.sum([senses.won(each) for each in compared.values()], axis=0)
run.claim("B-F7d", wins_of_15)

# %%
best_features = {name: senses.best_of(sense, features[name]) for name, sense in of_sense.items()}
again = {
    name: senses.comparisons(sense, np.tile(best_features[name], (n_features, 1)), sense_seeds[2] % 2**31)
    for name, sense in of_sense.items()
}
wins_of_best = np.sum([senses.won(each) for each in again.values()], axis=0)
share_won = {name: 100 * (senses.won(each) == 5).mean() for name, each in compared.items()}
stereo = (
    f" On stereo photographs, which no claim speaks of, it is {np.median(abs(dominance['stereo'])):.2f}."
    if pairs is not None
    else ""
)
run.say(
    f"All five comparisons of a sense are won by {share_won['speech']:.0f} % of the learned features of speech, {share_won['complex cells']:.0f} % of those of complex "
    f"cells and {share_won['strabismus']:.0f} % of those of two eyes. If instead of "
    f"all only the feature of largest value *on the training data* is taken, it wins {wins_of_best.mean():.1f} of 15 on average. The "
    f"median ocular dominance of fields is {np.median(abs(dominance['unrelated'])):.2f} for unrelated eyes and "
    f"{np.median(abs(dominance['1 pixel apart'])):.2f} for eyes one pixel apart.{stereo}"
)

# %% [markdown]
# ## The failing case, and its cure
#
# Take the two photographs that come with scikit-learn, full size, patches whitened and nothing else: what anyone would try first. One of them shows a
# tiled roof.

# %%
pair = experiments.subset(load_images("photographs"), ("china.jpg", "flower.jpg"))
attempts = {
    "two photographs, plain": (pair, preprocessing.PLAIN, 0.0),
    "plain, contrast of patches normalised": (pair, preprocessing.PLAIN, 0.3),
    "two photographs, recipe": (pair, preprocessing.Recipe(), 0.3),
    "eight photographs, recipe": (load_images("photographs"), preprocessing.Recipe(), 0.3),
}
tries, small = {}, Sampling(16, few_patches, 100)
for label, (pictures, recipe, contrast) in attempts.items():
    pixels = preprocessing.prepare(pictures, recipe)
    seen = experiments.view(pixels, replace(small, contrast=contrast), patch_seed)
    tries[label] = learn_all(seen, FIVE, run.at(smoke=5, book=12, full=20), weight_seed, iterations)

# %%
fig = plt.figure(figsize=(9.2, 1.6 * len(tries)))
for row, (label, learned) in zip(fig.subfigures(len(tries), 1), tries.items(), strict=True):
    row.suptitle(label, x=0.01, ha="left", fontsize=9, weight="bold")
    for axes, name in zip(row.subplots(1, 5), FIVE, strict=True):
        show(axes, learned[name][:4], 4)
        table = describe(learned[name])
        axes.set_xlabel(
            f"R² {table.r2.median():.2f}  A {table.anisotropy.median():.2f}\nPR {table.participation.median():.2f}  twins {100 * table.twin.mean():.0f} %",
            fontsize=7,
        )
        axes.set_title(spoken(name), fontsize=8, weight="normal")

# %%
run.figure(
    fig,
    "failing-case",
    n=f"4 of {run.at(smoke=5, book=12, full=20)} units",
    data="china.jpg and flower.jpg; eight bundled photographs",
    caption="Fields by preprocessing, with medians of Gabor R², anisotropy (A) and participation ratio (PR), and the share of units with a twin.",
    alt="Rows of fields: with two plain photographs every nonlinearity finds the same grating; with the recipe and more photographs, localized edges.",
)
twin_share = {
    label: np.mean([describe(each).twin.mean() for each in learned.values()]) for label, learned in tries.items()
}
run.say(
    "Fit and anisotropy look excellent where learning has failed; what betrays it is the participation ratio, and how many units end at the same field: "
    + "; ".join(f"{label} {100 * share:.0f} % with a twin" for label, share in twin_share.items())
    + "."
)

# %% [markdown]
# ## With spikes
#
# Does any of this survive in a neuron that has only spikes? Each white pixel drives two Poisson inputs, ON and OFF. The neuron's potential sums
# their spikes, it fires with the escape rate $y = \text{gain}\,(u - 1)_+$, and weights of one sign follow the all-to-all triplet rule: output
# spikes potentiate, input spikes depress. One thing is added: the depression is *homeostatic*, so strong that at the mean input rate it
# balances potentiation. Then the weights follow the covariance of the input with $y^2 - b\,y$, $b = \langle y^2\rangle/\langle y\rangle$: the sliding threshold of BCM
# theory. Without it either sign wins everywhere, and a field shrinks to a pixel or grows to total contrast.
#
# First its **rate reduction**, live, with rectified inputs $r$:
#
# $$
# w \leftarrow \mathrm{normalise}\,\langle (r - \langle r\rangle)\, y\,(y - b)\rangle_+ .
# $$ (eq-rate-reduction)
#
# Then the **spiking neurons** themselves, of which {eq}`eq-rate-reduction` is the reduction, from a stored run (`python -m repro.nonlinear_hebbian.spiking_stored`, a few minutes).

# %%
rate_seeds = run.seeds(run.at(smoke=4, book=6, full=12), "rate reduction")
per_seed, passes = run.at(smoke=6, book=12, full=20), run.at(smoke=20, book=40, full=60)
inputs = on_off.white_pixels(
    spiking_stored.whitened(learning, rate_seeds[0], run.at(smoke=8_000, book=40_000, full=100_000))
)
starts = [on_off.one_sign(2 * inputs.shape[1], per_seed, np.random.default_rng(s)) for s in rate_seeds]
rate_fields = on_off.fields(on_off.learn_rates(inputs, np.concatenate(starts, axis=1), iterations=passes))
rate_meets = spiking_stored.meets(rate_fields).reshape(len(rate_seeds), per_seed)
stored, origin = results.load("nonlinear_hebbian", "spiking")
stored_weights, _ = results.load("nonlinear_hebbian", "spiking_fields")
bundled, _ = results.load("nonlinear_hebbian", "spiking_photographs")
spike_fields = stored_weights.weight.to_numpy().reshape(-1, spiking_stored.PATCH**2)


# %%
def share_over_time(table):
    """Share of neurons that meet all three measures, by patches shown (rows) and seed."""
    met = spiking_stored.meets_measured(table)
    return table.assign(met=met).groupby(["patches", "seed"]).met.mean().unstack()


over_time, over_time_bundled = share_over_time(stored), share_over_time(bundled)

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.4), width_ratios=(1, 1, 1.1))
show(left, rate_fields[:24], 4)
left.set_title("rates, live")
show(middle, spike_fields[:24], 4)
middle.set_title("spikes, stored")
for table, colour, label in (
    (over_time, COLOURS[0], "varied photographs"),
    (over_time_bundled, COLOURS[4], "bundled photographs"),
):
    right.plot(table.index / 1000, table, color=colour, lw=0.7, alpha=0.6, ls="--")
    right.plot(table.index / 1000, table.mean(axis=1), color=colour, ls="--", label=label)

# %%
right.axhline(rate_meets.mean(), color=COLOURS[1], label="rates, live")
right.set(xlabel="patches shown (thousands)", ylabel="share localized and oriented", ylim=(0, 1.02))
right.legend(fontsize=8, loc="lower right")
run.figure(
    fig,
    "spiking",
    n=f"rates: {per_seed} neurons of {len(rate_seeds)} seeds; spikes: {origin['parameters']['neurons']} neurons of {len(origin['seeds'])} seeds",
    data=f"live: {image_set.title}; stored: {origin['data']['bsds']['title']}, and the bundled photographs",
    stored="spiking, spiking_photographs",
    caption="Fields (ON minus OFF weights) of 24 neurons, learned by the rate reduction and by spiking neurons with triplet plasticity. Right: share of the spiking "
    "neurons whose field meets all three measures; thin: seeds, thick: mean; solid: the rate reduction after its last pass.",
    alt="Two arrays of localized edges, and curves that rise with the patches shown.",
)

# %%
run.claim("B-S1a", rate_meets.mean(axis=1))
last = over_time.iloc[-1]
run.claim("B-S1b", last, note="from a stored run")

# %%
end = stored[stored.patches == stored.patches.max()]
met, strongest = (
    spiking_stored.meets_measured(end),
    np.unravel_index(abs(spike_fields).argmax(axis=1), (spiking_stored.PATCH,) * 2),
)
at_border = np.min([*strongest, *(spiking_stored.PATCH - 1 - np.array(strongest))], axis=0) < 2
run.say(
    f"The spiking neurons saw {stored.patches.max():,} patches for {origin['parameters']['patch_ms']} ms each and fired at {end.rate.mean():.0f} Hz on average; their "
    f"rate of learning was chosen on other seeds. Of those on varied photographs {100 * last.mean():.0f} % end localized and oriented, on the bundled ones "
    f"{100 * over_time_bundled.iloc[-1].mean():.0f} %. Of the fields that fail, {100 * at_border[~met].mean():.0f} % have their strongest pixel within two pixels of the "
    f"border of the patch; of those that don't, {100 * at_border[met].mean():.0f} %. The fields of a neuron that goes on learning from spikes never come to rest; here "
    f"the rate of learning falls to {1 / (1 + stored.patches.max() / origin['parameters']['half_after']):.2f} of what it was."
)

# %% [markdown]
# ## Gallery
#
# The fields at full size have [a page of their own](../gallery.md), a tab for each nonlinearity. They can be saved with
# `experiments.save_fields("fields", fields)` and are read back with `numpy.load`.

# %% tags=["hide-output"]
for name, each in fields.items():
    fig, axes = plt.subplots(figsize=(8, 0.8 * -(-len(each[:60]) // 10) + 0.1))
    show(axes, each[:60], 10)
    run.figure(
        fig,
        f"gallery-{name}",
        n=f"{len(each[:60])} units",
        data=image_set.title,
        caption=f"{spoken(name)}: {NONLINEARITIES[name].says}.",
        alt=f"Fields learned with the nonlinearity {spoken(name)}.",
    )

# %% [markdown]
# ## Implementation details that matter
#
# 1. **The sign of $f$ matters, and plain normalisation loses it.** For $-\tanh$ the iteration {eq}`eq-iteration` without $c\,w$ *descends*. Adding
#    $c\,w$ with $c \ge -\min f'$ makes it climb; on white input that changes the value by a constant only.
# 2. **FastICA's Newton step is blind to that sign**: $f$ and $-f$ take the same steps. It must not be used to show that $+\tanh$ fails.
# 3. **Three measures, never one.** A single pixel fits a Gabor function, a grating is perfectly oriented, a blob is localized.
# 4. **On exactly white input a linear neuron rests anywhere.** If it learns something that looks like a field, the whitening is not exact.
# 5. **Contrast first, then whitening.** Normalising the contrast of patches after whitening makes them unwhite again.
# 6. **A periodic texture takes all.** The most kurtotic direction of a tiled roof is a grating, and every seed finds it.
# 7. **Held-out regions, not held-out patches**: patches overlap, and a random split leaks. What is held out is made white again, or a pattern
#    wins by its variance.
# 8. **Fields are shown as $E w$**, between the pattern $E\sqrt{d}\,w$ and the filter $E w/\sqrt d$, which look different.
# 9. **Cubic growth needs many patches.** With a few thousand, the quadratic rectifier learns single patches.
# 10. **Rectifiers see skewness.** A threshold at 0 has an index of 0 and learns spots: the index compares symmetric densities, and projections of
#     photographs are not symmetric.
# 11. **Gabor fits dominate the cost** if done one by one; here all fields and starts descend together, amplitudes solved for exactly.
#
# ## What this chapter does not say
#
# Some choices came after first runs, with thresholds as they were: more units, draws and networks where a claim sat on its edge (B-F2b became *not
# reproduced*, B-F5a *reproduced*), and the preselected oriented pattern has to lie 3 pixels inside, since the first was cut by the border (B-F2e
# became *inconclusive*). The recipe for the bundled photographs was picked on them before any claim was judged, and kept.
#
# None of the paper's numbers was read, so none is compared: constants of the nonlinearities other than the quadratic rectifier, the shapes of the
# lateral rule and the sets of images are this book's choice. Eight photographs are no natural scene statistics, and most of them show things that
# people made: what is said of sizes, lengths and orientations is said of them. Networks here are undercomplete; a thousand units were not run.

# %%
run.close()
