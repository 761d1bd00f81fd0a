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
# # Spike-timing rules meet triplets
#
# Pre before post strengthens a synapse, post before pre weakens it: so says the window of spike-timing-dependent plasticity (STDP), measured with
# pairs of spikes far apart {cite:p}`bi1998synaptic`. Cells fire more than one pair. {cite:t}`yger2013convallis` start from how poorly pair rules
# fare once there is a third spike, and from the observation that post before pre need not depress. This chapter puts that to the test on the
# measured numbers themselves: ten points from visual cortex {cite:p}`sjostrom2001rate` and thirteen from hippocampal culture {cite:p}`wang2005coactivation`,
# and five kinds of rules, each fitted with the same care. Everything here is one synapse; no network, no download.
#
# None of the articles' bodies was read for this chapter. Data and published parameters come from public tables and codes that type them; where a
# claim's source was not read, its verdict says so.

# %% tags=["parameters"]
scale: str = "book"  # smoke, book or full
seed: int = 0  # from which all other seeds follow
device: str = "auto"  # auto, cpu or cuda; this chapter computes on the CPU
rules: str = "all"  # families of rules to fit and compare, or all
dataset: str = "sjostrom2001,wang2005"  # measured points to fit: sjostrom2001 (visual), wang2005 (hippocampal)
own_rule: str = ""  # a rule of yours beside them: module.name of a callable (pre_ms, post_ms) -> change, or of a Family
own_table: str = ""  # measured points of yours: path of a CSV in the schema of data/tables/spike_triplets
n_bootstrap: int = 0  # redrawn data sets for differences of E; 0 leaves it to the scale (200, 2000, 10000)
n_searches: int = 0  # searches of the valley rule, each a sample of its claims; 0 leaves it to the scale (2, 5, 10)


# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from repro import data, parameters, runs
from repro.figures import KIND_COLOURS as COLOURS
from repro.spike_triplets import after_depolarisation, brian, comparison, context, own, recordings, traps, windows
from repro.spike_triplets import voltage_choices as choices
from repro.spike_triplets.datasets import load, read_table
from repro.spike_triplets.families import FAMILIES, Family
from repro.spike_triplets.fitting import error, fit
from repro.spike_triplets.parameter_sets import published_sets
from repro.spike_triplets.protocols import pairs, quadruplet
from repro.spike_triplets.rules import BCM, TAU_MINUS, TAU_PLUS, weight_changes

kinds = {"rules": parameters.names([*FAMILIES, "all"]), "dataset": parameters.names(["sjostrom2001", "wang2005"])}
kinds |= {"own_rule": str, "own_table": str, "n_bootstrap": parameters.Whole, "n_searches": parameters.Whole}
run = runs.open_run("spike_triplets", globals(), **kinds)

# %%
reader = own.own_rule(run.p.own_rule) if run.p.own_rule else None
names = tuple(FAMILIES) if "all" in run.p.rules else run.p.rules
visual, hippocampal, held_out = load("sjostrom2001"), load("wang2005"), load("sjostrom2001_held_out")
tables = {"sjostrom2001": visual, "wang2005": hippocampal}
chosen = {name: tables[name] for name in run.p.dataset}
if run.p.own_table:
    chosen["own table"] = read_table(run.p.own_table)
for name, table in chosen.items():
    run.uses(name, points=len(table), groups=len(set(table.groups)), cite=", ".join(dict.fromkeys(table.sources)))
further = {name for name in (recordings.TRIPLETS, recordings.WINDOW, recordings.CLAMP) if data.available(name)}
for name in further:
    run.uses(name, **data.files(name).facts)
search = {"pool": run.at(smoke=64, book=256, full=1024), "starts": run.at(smoke=2, book=8, full=16)}
search_seed = run.seeds(1, "search")[0]

# %% [markdown]
# Helpers for what follows: what a claim needs and this run leaves out, measured points with their standard errors, and a line at no change.


# %%
def missing(*needed):
    """Those of the needed rules and data sets that this run leaves out."""
    return [thing for thing in needed if thing not in names and thing not in chosen]


def measured(axes, table, mask, x, colour="black", **how):
    """Measured changes with their standard errors of the mean."""
    how = {"fmt": "o", "ms": 5, "capsize": 2, "lw": 1.2, "zorder": 5} | how
    axes.errorbar(x, table.change[mask], table.sem[mask], color=colour, **how)


def zero(*all_axes):
    """A line where nothing changes."""
    for axes in all_axes:
        axes.axhline(0, color="#777777", lw=0.8, zorder=0)


# %%
def predicted(axes, x, changes, shift, kind, label):
    """Predicted changes as dashes a little right of the measured points."""
    axes.plot(np.asarray(x) + 0.1 * (shift + 1.5), changes, "_", ms=9, mew=2.5, color=COLOURS[kind], label=label)


def lines_of(axes, table, column, mark, colour, edge=np.inf):
    """A column of a table, one mark a row, values beyond the edge drawn on it."""
    shown = table[column].clip(-edge, edge)
    axes.plot(shown, range(len(table)), mark, ms=5, mfc="none", mew=1.5, color=colour, label=column)


# %%
def by_rate(axes):
    """A logarithmic axis of rates on which 0.1 Hz stands at the left end, as 3."""
    axes.set(xscale="log", xticks=[3, 10, 20, 50], xlabel="rate of pairs (Hz)")
    axes.set_xticklabels(["0.1", "10", "20", "50"])
    axes.minorticks_off()


# %%
SHADES = plt.cm.viridis
TIMINGS = {"+10 ms": "#0072B2", "-10 ms": "#D55E00"}
places = np.arange(len(hippocampal))
visual_rates = np.maximum([protocol.rate for protocol in visual.protocols], 3.0)

# %% [markdown]
# ## What was measured
#
# *Visual cortex*: pairs of spikes 10 ms apart, pre first (+10 ms) or post first (−10 ms), at rates from 0.1 to 50 Hz. *Hippocampal culture*: 60
# repetitions at 1 Hz of pairs, of triplets with two presynaptic spikes (pre-post-pre) or two postsynaptic ones (post-pre-post), and of quadruplets, two pairs of
# opposite order whose middle spikes are $|T|$ apart. A triplet is named by the timings, post minus pre, of its two neighbouring pairs. Changes are fractions
# of the initial weight with their standard errors (SEM); some of these rest on three cells.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), width_ratios=(2, 3))
for group, colour in TIMINGS.items():
    mask = visual.in_group(group)
    measured(left, visual, mask, visual_rates[mask], colour, label=group, fmt="o-")
by_rate(left)
left.set(ylabel="weight change (fraction)", title="visual cortex")
left.legend(title="post minus pre")
measured(right, hippocampal, places, places)
if recordings.TRIPLETS in further:
    single = recordings.single_recordings()
    rows, changes = recordings.beside(single, hippocampal)
    right.plot(rows + 0.25, changes, ".", ms=5, color="#56B4E9", zorder=1)
right.set(xticks=places, title="hippocampal culture")
right.set_xticklabels(hippocampal.points, rotation=70)
zero(left, right)
run.figure(
    fig,
    "measured",
    n=f"{len(visual)} and {len(hippocampal)} points",
    data="Sjöström et al. 2001, Wang et al. 2005",
    caption="Measured weight changes, mean and SEM. Right: pairs, pre-post-pre, post-pre-post, quadruplets. Small dots: single recordings, or a second "
    "reading of the mean, where the data folder has them.",
    alt="Left: at +10 ms the change grows with the rate; at -10 ms it is negative up to 20 Hz and positive from 40 Hz. Right: post-pre-post lies near "
    "0.3; pre-post-pre near 0, but for post 5 ms after the first and 15 ms before the second pre.",
)

# %% [markdown]
# Two things can be read off before any model. At −10 ms, **post before pre**, the synapse is *strengthened* from 40 Hz on. And the two kinds of triplets with the same
# intervals end far apart:

# %%
lines = []
for timing in (5, 10):
    difference, deviation = recordings.table_asymmetry(hippocampal, timing)
    line = f"post-pre-post minus pre-post-pre at {timing} ms is {difference:.2f}, {difference / deviation:.1f} standard errors"
    if recordings.TRIPLETS in further:
        difference, deviation = recordings.asymmetry(single, timing)
        line += f"; in the single recordings {difference:.2f}, {difference / deviation:.1f} standard errors"
    lines.append(f"\n- {line}.")
run.say("".join(lines))

# %% [markdown]
# ## The rules
#
# **Pair STDP**: a presynaptic spike leaves a trace $r_1$ (decay $\tau_+$), a postsynaptic one $o_1$ ($\tau_-$). The weight $w$ moves at spikes only,
#
# $$
# \begin{aligned}
# \Delta w &= A_2^+\, r_1 && \text{(post spike)}, \\
# \Delta w &= -A_2^-\, o_1 && \text{(pre spike)} .
# \end{aligned}
# $$ (eq-pair)
#
# The measured windows are $\tau_+ = 16.8$ and $\tau_- = 33.7$ ms. Traces add up (*all-to-all*) or restart at 1 (*nearest*).
#
# **Triplet rule** {cite:p}`pfister2006triplets`: slower traces $r_2$ and $o_2$ ($\tau_x$, $\tau_y$), read before their own update, modulate both sides of {eq}`eq-pair`:
#
# $$
# \begin{aligned}
# \Delta w &= r_1\,(A_2^+ + A_3^+\, o_2) && \text{(post spike)}, \\
# \Delta w &= -o_1\,(A_2^- + A_3^-\, r_2) && \text{(pre spike)} .
# \end{aligned}
# $$ (eq-triplet)
#
# **Voltage rule** {cite:p}`clopath2010connectivity`, as in a replication that was read {cite:p}`larisch2019connectivity`:
#
# $$
# \begin{aligned}
# \dot w = &-A_\mathrm{LTD}\,\frac{\bar{\bar u}}{u_\mathrm{ref}^2}\,X\,(\bar u_- - \theta_-)_+ \\
# &+ A_\mathrm{LTP}\,\bar x\,(u - \theta_+)_+\,(\bar u_+ - \theta_-)_+
# \end{aligned}
# $$ (eq-voltage)
#
# with a presynaptic spike $X$, its trace $\bar x$, and filtered membrane potentials $\bar u_\pm$ of an adaptive exponential neuron.
#
# **Valley rule**, the form of {cite:t}`yger2013convallis` at one synapse: *one* function of the membrane potential times *one* presynaptic trace,
#
# $$
# \dot w = f(V)\,x, \qquad f(V) = a\,\sigma_+(V) - b\,\sigma_-(V)\,(1-\sigma_+(V)), \qquad \sigma_\pm(V) = \tfrac12\left[1 + \tanh\frac{V-\theta_\pm}{k_\pm}\right].
# $$ (eq-valley)
#
# $V$ is rest, EPSP, a brief spike, and behind each spike an after-depolarisation of amplitude $A$ and decay $\tau_A$. The constants here are not the paper's.
#
# **BCM** {cite:p}`bienenstock1982theory`: rates alone. **Null**: nothing changes.
#
# The error is the mean over points
#
# $$
# E = \left\langle\frac{(\mathrm{model} - \mathrm{data})^2}{\mathrm{SEM}^2}\right\rangle :
# $$ (eq-error)
#
# 1 is a miss by one SEM (rms), 4 by two. Pairs are contiguous at their rate, 60 of them,
# the protocol that goes with the published parameters; what the experiment did differently is told below. Given time constants and thresholds every rule here
# is linear in its amplitudes, which are solved exactly (not negative). The rest is searched in a bounded box, with the same pool of space-filling points and the same number of
# polished starts for each rule.

# %%
contenders = {}
for name, table in chosen.items():
    found = [comparison.null(table)]
    for which in run.progress(names, f"fitting {name}"):
        found.append(
            comparison.fitted(which, table, search_seed, refit_starts=run.at(smoke=1, book=6, full=16), **search)
        )
    if isinstance(reader, Family):
        found.append(comparison.fitted(reader, table, search_seed, **search))
    elif reader is not None:
        found.append(comparison.fixed(run.p.own_rule, reader, table, kind="own"))
    contenders[name] = found
best = {name: comparison.best_of_each_kind(found) for name, found in contenders.items()}
by_name = {name: {c.name: c for c in found} for name, found in contenders.items()}
searched = run.seeds(run.p.n_searches or run.at(smoke=2, book=5, full=10), "valley searches")
valley = {
    name: [fit("valley", tables[name], s, **search) for s in searched] for name in run.p.dataset if "valley" in names
}
run.say(
    f"{len(names)} families on {len(chosen)} data sets, {sum(c.fit.evaluations for found in contenders.values() for c in found if c.fit):,} parameter sets "
    "tried for the fits. Figures draw the best of each kind by AICc; the tables at the end have all."
)

# %% [markdown]
# ## Triplets
#
# An isolated pre-post-pre $(T, -T)$ holds one pair at $+T$ and one at $-T$. So does post-pre-post $(-T, T)$. A rule that adds up pairs gives both the same change
# *whatever its parameters*: an identity, not a fit.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.3), width_ratios=(3, 2))
gaps = np.arange(10.0, 121.0, run.at(smoke=10, book=2, full=1))
measured(left, hippocampal, places, places)
for shift, c in enumerate(best.get("wang2005", [])):
    predicted(left, places, c.predicted, shift, c.kind, c.says)
    for side in (-1, 1):
        curve = weight_changes(c.rule, [quadruplet(side * gap) for gap in gaps])
        right.plot(side * gaps, curve, color=COLOURS[c.kind])
measured(right, hippocampal, hippocampal.in_group("quadruplet"), [-88.5, 20, 83.7])
zero(left, right)
left.set(xticks=places, ylabel="weight change (fraction)", ylim=(-0.4, 0.75))
left.set_xticklabels(hippocampal.points, rotation=70)
left.legend(fontsize=7.5, ncols=2, loc="upper left")
right.set(xlabel="T of the quadruplet (ms)", ylim=(-0.4, 0.75))
run.figure(
    fig,
    "triplets",
    n="13 points",
    data="Wang et al. 2005",
    caption="The best fit of each kind of rule (marks) beside the measured points (black, mean and SEM), and over the gap T of quadruplets.",
    alt="Measured points with the predictions of each kind of rule as dashes; pair rules put pre-post-pre and post-pre-post of the same intervals at one height.",
)

# %%
run.claim("ST-2", windows.largest_triplet_difference(run.at(smoke=20, book=100, full=1000), search_seed))
twins = [hippocampal.points.index(point) for point in ("(5, -5)", "(-5, 5)")]
run.claim("Y-F4c1", lambda: [f.error for f in valley["wang2005"]], without=missing("valley", "wang2005"))
run.claim(
    "Y-F4c3",
    lambda: [np.diff(f.predicted[twins])[0] for f in valley["wang2005"]],
    without=missing("valley", "wang2005"),
)

# %% [markdown]
# ## Frequency

# %%
fig, all_axes = plt.subplots(1, 2, figsize=(9.5, 3.7), sharey=True)
rates = np.geomspace(5, 60, run.at(smoke=12, book=40, full=100))
for axes, group, timing in zip(all_axes, TIMINGS, (10, -10), strict=True):
    mask = visual.in_group(group)
    measured(axes, visual, mask, visual_rates[mask])
    for shift, c in enumerate(best.get("sjostrom2001", [])):
        curve = weight_changes(c.rule, [pairs(timing, rate) for rate in rates])
        axes.plot(rates, curve, color=COLOURS[c.kind], label=c.says)
        predicted(axes, [3.0], weight_changes(c.rule, [pairs(timing, 0.1)]), 0.3 * shift, c.kind, None)
    by_rate(axes)
    axes.set(title=f"post minus pre {group}", ylim=(-0.8, 1.3))
zero(*all_axes)
all_axes[0].set(ylabel="weight change (fraction)")
all_axes[1].legend(fontsize=7.5, loc="upper left")
run.figure(
    fig,
    "frequency",
    n="10 points",
    data="Sjöström et al. 2001",
    caption="60 contiguous pairs over their rate, best fit of each kind of rule; points: mean and SEM; at the left end 0.1 Hz, measured and predicted (dashes).",
    alt="Measured points and a curve for each kind of rule over the rate, at +10 ms and at -10 ms; at -10 ms the points turn from depression to potentiation.",
)
run.claim("Y-F4b1", lambda: [f.error for f in valley["sjostrom2001"]], without=missing("valley", "sjostrom2001"))

# %% [markdown]
# ## Where each rule fails
#
# A mean hides where a rule fails. Split by kind of protocol, and with amplitudes of any size and sign allowed, pair STDP with its measured windows stays beyond two SEM on both
# data sets; E of the null model says how much there is to explain.

# %%
fig, all_axes = plt.subplots(1, len(chosen), figsize=(9.5, 1.4 + 0.27 * (len(names) + 2)), squeeze=False)
for axes, (name, found) in zip(all_axes[0], contenders.items(), strict=True):
    split = pd.DataFrame({c.says: {"all": c.error, **c.by_group()} for c in found}).T
    axes.imshow(np.log10(split.clip(0.05, 200)), cmap="RdYlBu_r", vmin=-1, vmax=2, aspect="auto")
    for (row, column), value in np.ndenumerate(split.to_numpy()):
        text = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
        axes.text(
            column, row, text, ha="center", va="center", fontsize=8, color="black" if 0.2 < value < 40 else "white"
        )
    axes.set(xticks=range(split.shape[1]), yticks=range(len(split)), title=name)
    axes.set_xticklabels(split.columns, rotation=35, ha="right", fontsize=8)
    axes.set_yticklabels(split.index if axes is all_axes[0, 0] else [], fontsize=8)
    axes.grid(False)
run.figure(
    fig,
    "error-by-group",
    n=" and ".join(f"{len(table)}" for table in chosen.values()) + " points",
    data=", ".join(chosen),
    caption="E of each fitted rule, over all points and by kind of protocol. 1 is a miss by one SEM (rms), 4 by two.",
    alt="A table of E in colours: a row for each rule, a column for all points and for each kind of protocol.",
)
for claim, table in (("Y-X1a", visual), ("Y-X1b", hippocampal)):
    least = windows.least_error_with_measured_windows(table)
    run.claim(claim, max(0.0, 4 - least), note=f"Smallest E = {least:.2f}")

# %% [markdown]
# ## The window that pair STDP would need
#
# Freeing the time constants does lower the error of pair rules. The price is a window that nobody has measured. The claim is about pair STDP *with measured windows*,
# never about any pair STDP.

# %%
taus = np.geomspace(1, 1e4, run.at(smoke=17, book=49, full=121))
grid = np.stack(np.meshgrid(taus, taus, indexing="ij"), axis=-1).reshape(-1, 2)
fig, all_axes = plt.subplots(1, 2, figsize=(9.5, 3.9), sharey=True)
for axes, (name, table) in zip(all_axes, tables.items(), strict=True):
    errors = windows.pair_errors(table, grid, "all-to-all")[0].reshape(len(taus), -1)
    shown = axes.contourf(taus, taus, errors.T, levels=[0, 1, 2, 4, 6, 8, 10, 15, 20], cmap="viridis_r", extend="max")
    found, least = windows.freed_pair_rule(table, taus, "all-to-all")
    axes.plot(TAU_PLUS, TAU_MINUS, "o", ms=8, mfc="none", mec="black", mew=2, label="measured windows")
    axes.plot(found.tau_plus, found.tau_minus, "*", ms=13, color="#D55E00", mec="white", label=f"best, E = {least:.1f}")
    axes.set(xscale="log", yscale="log", xlabel="τ+ (ms)", title=name)
    axes.legend(loc="upper right", frameon=True, fontsize=8)
all_axes[0].set_ylabel("τ− (ms)")
fig.colorbar(shown, ax=all_axes, label="smallest E over amplitudes")
run.figure(
    fig,
    "freed-windows",
    n=f"{len(taus)}² windows",
    data=", ".join(tables),
    caption="Pair STDP, all-to-all: E over both time constants, amplitudes solved exactly at each.",
    alt="Two maps of the smallest error over both time constants, with the measured windows and the best point marked.",
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
delays = np.concatenate([-np.linspace(80, 2, 40), np.linspace(2, 80, 40)])
protocols = [pairs(delay, 1.0) for delay in delays]
for c in best.get("wang2005", []):
    left.plot(delays, weight_changes(c.rule, protocols), color=COLOURS[c.kind], label=c.says)
    if c.kind in ("pair", "pair-free"):
        right.plot(delays, weight_changes(c.rule, protocols), color=COLOURS[c.kind], label=f"{c.says}, hippocampal")
for c in best.get("sjostrom2001", []):
    if c.kind in ("pair", "pair-free"):
        change = weight_changes(c.rule, protocols)
        right.plot(
            delays, change / np.abs(change).max(), "--", color=COLOURS[c.kind], label=f"{c.says}, visual, scaled to 1"
        )
if recordings.WINDOW in further:
    points = recordings.window_points()
    for axes in (left, right):
        axes.plot(points.timing, points.change, ".", color="#777777", label="Bi & Poo 1998")
left.set(ylim=(-0.6, 1.1), ylabel="weight change (fraction)")
right.set(ylim=(-1.1, 1.1))
zero(left, right)

# %%
for axes in (left, right):
    axes.set(xlim=(-80, 80), xlabel="post minus pre (ms)")
    axes.legend(fontsize=7)
run.figure(
    fig,
    "windows",
    n="60 pairs at 1 Hz",
    data="Bi & Poo 1998 (points, where available)",
    caption="Left: the window of each kind of rule as fitted to the hippocampal points. Right: the windows that pair rules take where their time constants are freed.",
    alt="Curves of weight change over timing for each kind of rule, and for pair rules with measured and with freed windows.",
)
run.claim(
    "Y-F4a",
    lambda: [context.wrong_window_signs(f.rule) for f in valley["wang2005"]],
    without=missing("valley", "wang2005"),
)

# %%
lines = []
for name, table in tables.items():
    for scheme in ("all-to-all", "nearest"):
        found, least = windows.freed_pair_rule(table, taus, scheme)
        lines.append(
            f"\n- {name}, {scheme}: E = {least:.1f} at τ+ = {found.tau_plus:.3g} ms and τ− = {found.tau_minus:.3g} ms."
        )
run.say("The best that pair STDP does on the grid, whatever its amplitudes:" + "".join(lines))

# %% [markdown]
# ## Published parameters, recomputed
#
# Eight parameter sets of the triplet rule {eq}`eq-triplet` circulate in public codes as those of {cite:t}`pfister2006triplets`: two preparations, two schemes, full and minimal. Here is what
# they give on the numbers above, with the difference to the best pair rule on the same redrawn data.

# %%
redraws = run.p.n_bootstrap or run.at(smoke=200, book=2000, full=10000)
bootstrap_seed = run.seeds(1, "bootstrap")[0]
ready = {"visual": visual, "hippocampal": hippocampal}
famous = {kind: traps.published_contenders(kind, table) for kind, table in ready.items()}
best_pair = {name: comparison.best_pair(table) for name, table in {**tables, **chosen}.items()}
gains = {
    kind: comparison.bootstrap_differences(famous[kind], best_pair[table.name], redraws, bootstrap_seed)
    for kind, table in ready.items()
}

# %%
fig, all_axes = plt.subplots(1, 2, figsize=(9.5, 3.4), sharey=True)
for axes, (kind, found) in zip(all_axes, famous.items(), strict=True):
    rows = [*found, best_pair[ready[kind].name], comparison.null(ready[kind])]
    axes.barh(range(len(rows)), [c.error for c in rows], color=[COLOURS[c.kind] for c in rows], alpha=0.7)
    gain = gains[kind][gains[kind].prediction == "fitted"]
    for place, line in enumerate(gain.itertuples()):
        text = f"ΔE {line.difference:.1f} [{line.low:.1f}, {line.high:.1f}]"
        axes.text(rows[place].error + 0.3, place, text, va="center", fontsize=8)
    labels = [*(c.name for c in found), "best pair, measured windows", "no change"]
    axes.set(yticks=range(len(rows)), yticklabels=labels, xlabel="E", title=f"{kind}: {ready[kind].name}")
    axes.axvline(1, color="#777777", lw=1, ls=":")
    axes.axvline(4, color="#777777", lw=1, ls=":")
all_axes[0].invert_yaxis()

# %%
run.figure(
    fig,
    "published-sets",
    n=f"10 and 13 points, {redraws} redraws",
    data=", ".join(tables),
    caption="E of the published triplet sets under contiguous pairs, beside the best pair rule with measured windows and no change. "
    "ΔE: difference to that pair rule, 95 % over redrawn data. Dotted: one and two SEM.",
    alt="Bars of E: "
    + "; ".join(f"{kind} " + ", ".join(f"{c.name} {c.error:.2f}" for c in found) for kind, found in famous.items())
    + ".",
)

# %%
errors = {kind: [c.error for c in found] for kind, found in famous.items()}
said = {kind: "E = " + ", ".join(f"{value:.2f}" for value in found) for kind, found in errors.items()}
run.claim("ST-3", max(0.0, max(errors["visual"]) - 1), note=said["visual"])
triplet_misses = np.mean([c.misses**2 for c in famous["hippocampal"]], axis=0)
run.claim("ST-4a", triplet_misses - best_pair["wang2005"].misses ** 2)
run.claim("ST-4b", max(0.0, max(errors["hippocampal"]) - 4), note=said["hippocampal"])
midpoints = hippocampal.with_midpoint_gaps()
other = {name: error(rule, midpoints) for name, rule in published_sets("hippocampal").items()}
run.say(
    "If T of a quadruplet meant from midpoint to midpoint of its pairs instead of from spike to spike, E of the hippocampal sets would be "
    + ", ".join(f"{value:.1f} ({c.error:.1f})" for value, c in zip(other.values(), famous["hippocampal"], strict=True))
    + " (in brackets as drawn)."
)

# %% [markdown]
# ## A trap in the protocol
#
# The published visual sets go with 60 contiguous pairs. The experiment gave **bursts of five pairs**, ten seconds apart, and each burst begins with its slow traces empty.
# Rules whose slow trace adds up over many pairs feel the difference.

# %%
sets = published_sets("visual")
under = traps.errors_by_protocol(sets, visual)
by_size = traps.errors_by_burst(sets, visual, (2, 3, 5, 10, 15, 20, 30, 60))
refit = traps.refitted_by_protocol([n for n in names if FAMILIES[n].kind != "bcm"], visual, search_seed, **search)

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 4), width_ratios=(3, 3, 4))
bars = np.arange(len(under))
for place, how in enumerate(under):
    left.bar(bars + 0.27 * place, under[how], width=0.25, label=how, color=SHADES(0.15 + 0.3 * place))
left.set(xticks=bars + 0.27, ylabel="E", title="as published", ylim=(0, 8))
left.set_xticklabels(under.index, rotation=60, ha="right")
for name, style in zip(by_size, ("-", "--", "-", "--"), strict=True):
    colour = "#0072B2" if "all" in name else "#D55E00"
    middle.plot(by_size.index, by_size[name], style, marker="o", ms=3, color=colour, label=name)
middle.set(xscale="log", xlabel="pairs in a burst", title="60 pairs in all", xticks=[2, 5, 10, 20, 60])
middle.set_xticklabels(["2", "5", "10", "20", "60"])
middle.minorticks_off()
rows = np.arange(len(refit))
for shift, (how, mark) in enumerate(zip(refit, "os", strict=True)):
    right.plot(refit[how], rows, mark, ms=5, color=SHADES(0.15 + 0.3 * shift), label=how)
right.set(yticks=rows, yticklabels=refit.index, xscale="log", xlabel="E", title="fitted anew", xticks=[0.3, 1, 3, 10])
right.set_xticklabels(["0.3", "1", "3", "10"])
right.minorticks_off()

# %%
right.invert_yaxis()
for axes in (left, middle, right):
    axes.legend(fontsize=7)
run.figure(
    fig,
    "protocol-trap",
    n="10 points",
    data="Sjöström et al. 2001",
    caption="Left: E of the published visual sets under three protocols. Middle: the same 60 pairs in bursts of different size, 10 s apart. Right: families fitted anew under contiguous pairs and under 12 bursts of five.",
    alt="Bars of E by set and protocol; curves of E over the pairs in a burst, all-to-all above nearest-spike sets for small bursts; E of each family fitted anew under two protocols.",
)
changed = under[traps.MATCHED] - under[traps.CONTIGUOUS]
for claim, scheme in (("ST-5a", "all-to-all"), ("ST-5b", "nearest")):
    rises = changed[[name for name in changed.index if scheme in name]]
    missed = 1 - rises.min() if claim == "ST-5a" else rises.max() - 1
    run.claim(claim, max(0.0, missed), note="E rises by " + ", ".join(f"{value:.2f}" for value in rises))
run.say(
    "The trap is in the parameters, not in the rule: fitted anew under bursts, "
    + ", ".join(f"{name} has E = {value:.2f}" for name, value in refit[traps.MATCHED].items())
    + "."
)

# %% [markdown]
# ## The voltage rule and its open choices
#
# Text and code of the replication of {eq}`eq-voltage`, and the literature on its neuron, differ in places. Each is varied once around the choices stated here: adaptation jump $b$ = 0.805 pA, trace
# $\bar x$ jumping by $1/\tau_x$, $\bar{\bar u} = 120$ over $u_\mathrm{ref}^2 = 60$ mV², steps of 1 ms, upswing to 29.4 mV, the weight moved first in a step. $u_\mathrm{ref}$ is not in the text: 60 mV² is this
# book's choice. Postsynaptic spikes come at given times.

# %%
open_choices = choices.by_choice()
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.7))
rates = np.arange(1.0, 61.0, run.at(smoke=3, book=1, full=1))
for (group, colour), timing in zip(TIMINGS.items(), (10, -10), strict=True):
    mask = visual.in_group(group)
    measured(left, visual, mask, [p.rate for p in np.array(visual.protocols)[mask]], colour)
    left.plot(rates, choices.change_by_frequency(choices.STATED, timing, rates), color=colour, label=group)
zero(left)
left.set(
    xlabel="rate of pairs (Hz)", ylabel="weight change (fraction)", ylim=(-0.8, 1.2), title="as stated, not fitted"
)
left.legend(title="post minus pre")
right.axvspan(20, 40, color="#e6e6e6")
right.plot(open_choices.crossing, range(len(open_choices)), "o", color=COLOURS["voltage"])
right.set(
    yticks=range(len(open_choices)), yticklabels=open_choices.choice, xlim=(0, 60), xlabel="crossing at −10 ms (Hz)"
)
right.invert_yaxis()

# %%
run.figure(
    fig,
    "voltage-rule",
    n=f"{len(open_choices)} variants",
    data="Sjöström et al. 2001 (points)",
    caption="Left: the voltage rule under the stated choices. Right: the rate at which −10 ms turns from depression to potentiation when one choice is changed. Grey: 20 to 40 Hz.",
    alt=f"Left: curves at +10 and -10 ms over the rate. Right: crossings between {open_choices.crossing.min():.0f} and {open_choices.crossing.max():.0f} Hz, by choice.",
)
crossing = choices.crossing_frequency(choices.STATED)
run.claim("ST-6", choices.distance_from(crossing, 20.0, 40.0), note=f"It crosses at {crossing:.1f} Hz")

# %%
inside = open_choices[open_choices.crossing.between(20, 40)].choice
run.say(
    f"Under the stated choices the crossing lies at {open_choices.crossing[0]:.1f} Hz; over all variants between {open_choices.crossing.min():.0f} and "
    f"{open_choices.crossing.max():.0f} Hz, inside 20 to 40 Hz for: {', '.join(inside) or 'none'}. A rule that reads the membrane potential inherits every choice of how "
    "that potential is made."
)

# %% [markdown]
# ## The valley rule: STDP does not come by itself
#
# One function of the membrane potential times one trace gives a window only because of what the spike leaves behind. Pre before post: the trace is alive when the spike passes $\theta_+$. Post before pre: the trace
# begins on what is left of the **after-depolarisation**, which must lie in the band of depression. Without it, depression has no timing.

# %%
sample = after_depolarisation.sample_of_the_box(run.at(smoke=256, book=2048, full=16384), search_seed)
shares = after_depolarisation.share_by_amplitude(sample, np.linspace(0, 60, 13))
amplitudes = np.linspace(0, 60, run.at(smoke=2, book=9, full=25))
profiles = {name: after_depolarisation.profile(tables[name], amplitudes, search_seed, **search) for name in valley}

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.5))
if "wang2005" in valley:
    rule, factors = valley["wang2005"][0].rule, np.array([0, 0.5, 1, 2])
    window = after_depolarisation.windows_by_amplitude(rule, delays, factors * rule.after_depolarisation)
    for factor, line, shade in zip(factors, window, plt.cm.viridis(np.linspace(0, 0.85, len(factors))), strict=True):
        left.plot(delays, line, color=shade, label=f"{factor * rule.after_depolarisation:.0f} mV")
    left.legend(title="A", fontsize=8)
middle.plot(shares.middle, 100 * shares.share, "o-", color=COLOURS["valley"])
for (name, fits), style in zip(profiles.items(), ("o-", "s--"), strict=False):
    right.plot(amplitudes, [f.error for f in fits], style, color=COLOURS["valley"], label=name)
    best_fit = valley[name][0]
    right.plot(best_fit.parameters["after_depolarisation"], best_fit.error, "*", ms=12, color="black", zorder=5)
left.set(
    xlabel="post minus pre (ms)",
    ylabel="weight change (fraction)",
    ylim=(-0.6, 1.0),
    title="hippocampal fit, A changed",
)
middle.set(xlabel="A (mV)", ylabel="sets that can give STDP (%)", ylim=(0, 105), title="the search box")
right.set(xlabel="A (mV), all else fitted", ylabel="E", ylim=(0, None), title="profile")
right.legend(fontsize=8)
zero(left)

# %%
run.figure(
    fig,
    "after-depolarisation",
    n=f"{len(sample)} parameter sets",
    data=", ".join(profiles),
    caption="Left: window of the fitted rule when its after-depolarisation A alone is changed. Middle: parameter sets of the box for which some amplitudes a, b give potentiation at +10 ms, "
    "depression at −10 ms, and the latter at least twice that by presynaptic spikes alone. Right: E with A held and all else fitted; stars: A fitted too.",
    alt="Left: windows for several after-depolarisations, that of depression growing out of none. Middle: the share of sets over A. Right: E over A for each data set.",
)
possible = sample[sample.possible]
ends = {name: fits[0].parameters for name, fits in valley.items()}
run.say(
    f"{100 * sample.possible.mean():.0f} % of the box can give STDP, {100 * shares.share.iloc[0]:.0f} % where A is below 5 mV. Potentiation at +10 ms asks for a larger than b, by a factor with a median of "
    f"{possible.ratio.median():.0f} over the sets that can; the fits end at "
    + ", ".join(f"{end['a'] / max(end['b'], 1e-9):.3g} ({name})" for name, end in ends.items())
    + ". How sharp is the optimum? "
    + "; ".join(
        f"{name}: E = {valley[name][0].error:.2f} at A = {ends[name]['after_depolarisation']:.1f} mV, {after_depolarisation.neighbours(profiles[name], valley[name][0])}"
        for name in valley
    )
    + "."
)

# %% [markdown]
# ### Clamped, and over timing and rate
#
# With the membrane potential clamped the rule {eq}`eq-valley` *is* $f(V)$. Beside it measured changes under voltage clamp, if your data folder has them. Their source is not settled; fits to spikes put the band of
# depression below the spike threshold, the clamp near −30 mV, so only shapes can be compared, after one shift of the voltage and one factor.

# %%
potentials = np.linspace(-90, 10, 201)
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.6), width_ratios=(3, 3, 3))
for (name, fits), style in zip(valley.items(), ("-", "--"), strict=False):
    change = fits[0].rule.clamped(potentials, 60)
    left.plot(potentials, change / np.abs(change).max(), style, color=COLOURS["valley"], label=f"f(V), fit to {name}")
if recordings.CLAMP in further and "sjostrom2001" in valley:
    clamp = recordings.clamp_points()
    shift, factor, rest = context.shift_of_the_clamp(valley["sjostrom2001"][0].rule, clamp)
    left.errorbar(
        clamp.potential + shift,
        clamp.change / factor,
        (clamp.upper - clamp.change) / factor,
        fmt="o",
        ms=4,
        color="black",
        label=f"clamp, shifted {shift:.0f} mV",
    )
zero(left)
left.set(xlabel="membrane potential (mV)", ylabel="change, largest = 1", ylim=(-1.05, 1.05))
left.legend(fontsize=7, loc="upper left")
steps = np.linspace(-40, 40, run.at(smoke=9, book=41, full=81))
steps = steps[steps != 0]
rates = np.geomspace(1, 50, run.at(smoke=6, book=25, full=50))

# %%
LIMIT = 0.8  # fraction; the colours end there
for axes, (name, fits) in zip((middle, right), valley.items(), strict=False):
    plane = np.array([weight_changes(fits[0].rule, [pairs(step, rate) for step in steps]) for rate in rates])
    shown = axes.pcolormesh(steps, rates, plane, cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT, rasterized=True)
    axes.contour(steps, rates, plane, levels=[0], colors="black", linewidths=1)
    axes.set(yscale="log", xlabel="post minus pre (ms)", title=f"fit to {name}")
middle.set_ylabel("rate of pairs (Hz)")
if valley:
    fig.colorbar(shown, ax=[middle, right], label="weight change (fraction)", extend="both")

# %%
run.figure(
    fig,
    "clamp",
    n="60 spikes",
    data=", ".join(valley),
    caption="Left: change by presynaptic spikes at a clamped potential. Middle, right: 60 pairs over timing and rate; black line: no change; colours end at ±0.8.",
    alt="No change at rest, depression in between, potentiation above. Over timing and rate, depression at negative timings gives way to potentiation as the rate grows.",
)
run.claim(
    "Y-F4d",
    lambda: [context.wrong_clamp_signs(f.rule) for fits in valley.values() for f in fits],
    without=missing("valley"),
)

# %%
fast = {name: weight_changes(fits[0].rule, [pairs(10, 40), pairs(-10, 40)]) for name, fits in valley.items()}
run.say(
    "60 pairs at 40 Hz change the weight by "
    + "; by ".join(
        f"{plus:.3g} (+10 ms) and {minus:.3g} (−10 ms) in the fit to {name}" for name, (plus, minus) in fast.items()
    )
    + ". Points at 1 Hz do not say what happens at 40: after-depolarisations add up, and nothing bounds the weight."
    if fast
    else "The valley rule is not among the rules of this run."
)

# %% [markdown]
# ## Depolarisation as context
#
# What the summary that started this book took from {cite:t}`yger2013convallis`: a postsynaptic cell that is held up turns the very same post-before-pre pairs from depression to potentiation; no postsynaptic
# spike is needed at all; and a synapse whose presynaptic cell is silent is left alone, however active the cell. Rules that see spike times only are flat here by construction.

# %%
holdings = np.linspace(0, 40, run.at(smoke=9, book=41, full=81))
pre_rates = np.geomspace(1, 100, run.at(smoke=5, book=25, full=50))
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.6))
for axes, (name, fits) in zip((left, middle), valley.items(), strict=False):
    for timing, colour in ((10, "#0072B2"), (-10, "#D55E00")):
        axes.plot(
            holdings,
            context.change_when_held(fits[0].rule, timing, holdings),
            color=colour,
            label=f"{timing:+d} ms, 1 Hz",
        )
    flat = next((c for c in best[name] if c.kind == "triplet"), None)
    if flat is not None:
        axes.axhline(
            weight_changes(flat.rule, [pairs(-10, 1.0)])[0],
            color=COLOURS["triplet"],
            ls=":",
            label="triplet rule, −10 ms",
        )
    axes.set(xlabel="held above rest by (mV)", ylim=(-0.6, 1.2), title=f"fit to {name}")
    axes.legend(fontsize=7)
left.set_ylabel("weight change (fraction)")
zero(left, middle)

# %%
for name, fits in list(valley.items())[:1]:
    high = np.linspace(0, 60, len(holdings))
    plane = context.change_without_spikes(fits[0].rule, high, pre_rates)
    shown = right.pcolormesh(pre_rates, high, plane, cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT, rasterized=True)
    right.set(
        xscale="log", xlabel="presynaptic rate (Hz)", ylabel="held above rest by (mV)", title=f"no post spike, {name}"
    )
    fig.colorbar(shown, ax=right, label="weight change (fraction)", extend="both")

# %%
run.figure(
    fig,
    "context",
    n="60 pairs; 60 presynaptic spikes",
    data=", ".join(valley),
    caption="Left, middle: 60 pairs at 1 Hz while the cell is held up. Right: 60 presynaptic spikes without any postsynaptic one, over holding and rate; colours end at ±0.8.",
    alt="At -10 ms the change goes from depression to potentiation as the cell is held up; without any postsynaptic spike a held cell is depressed, then potentiated.",
)
everywhere = [f.rule for fits in valley.values() for f in fits]
run.claim(
    "Y-F4g", lambda: [context.wrong_signs_when_held(rule, holdings) for rule in everywhere], without=missing("valley")
)
run.claim("Y-F4e", lambda: [context.violations_without_spikes(rule) for rule in everywhere], without=missing("valley"))
run.claim(
    "Y-F4h",
    lambda: [context.change_of_silent_synapse(rule, (0, 20, 40), (10, 50)) for rule in everywhere],
    without=missing("valley"),
)

# %%
lines = []
for name, fits in valley.items():
    curve = context.change_when_held(fits[0].rule, -10, holdings)
    up = holdings[curve > 0]
    lines.append(
        f"\n- {name}: {curve[0]:.2f} at rest, "
        + (f"potentiation from {up[0]:.0f} mV on" if len(up) else "no potentiation up to 40 mV")
    )
run.say(
    "Post 10 ms before pre, held up:" + "".join(lines)
    if lines
    else "The valley rule is not among the rules of this run."
)

# %% [markdown]
# ### Few pairings, many pairings
#
# With a threshold on the accumulated change (shrinkage) few pairings leave a synapse alone and many change it. Without one the change is proportional to their number.

# %%
counts = [1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200]
thresholds = (0.0, 0.02, 0.05, 0.1)
fig, axes = plt.subplots(figsize=(5.5, 3.4))
pairings = {}
if "wang2005" in valley:
    rule = valley["wang2005"][0].rule
    pairings = context.change_by_pairings(rule, counts, thresholds)
    for (threshold, group), shade in zip(
        pairings.groupby("threshold"), plt.cm.viridis(np.linspace(0, 0.85, 4)), strict=True
    ):
        axes.plot(group.pairs, group.change, "o-", ms=3, color=shade, label=f"{threshold:g}")
    axes.legend(title="threshold λ")
zero(axes)
axes.set(xscale="log", xlabel="pairs at +10 ms, 1 Hz", ylabel="weight change (fraction)")
run.figure(
    fig,
    "pairings",
    n=f"{len(counts)} counts",
    data="wang2005",
    caption="The valley rule fitted to the hippocampal points, over the number of pairs, with a threshold on the change of a protocol.",
    alt="Without a threshold the change grows in proportion; with one it is zero up to some number of pairs.",
)
run.claim("Y-F4f", lambda: context.wrong_pairings(rule, pairings), without=missing("valley", "wang2005"))

# %% [markdown]
# ## A fair comparison
#
# More parameters fit better. What is left of an advantage when parameters are paid for (AICc, BIC), when each point is predicted by a fit that never saw it, and when a whole kind of protocol is?
# The correction in AICc is steep at this size: six parameters cost 40 on ten points.

# %%
summary = pd.concat([comparison.table(found) for found in contenders.values()], ignore_index=True)
MOST = 300.0  # values beyond are drawn at the edge
SEEN = {"E": ("o", "#000000"), "E, point left out": ("D", "#009E73"), "E, group left out": ("x", "#CC79A7")}
fig, all_axes = plt.subplots(1, 2 * len(chosen), figsize=(9.5, 1.2 + 0.27 * (len(names) + 2)), sharey=True)
for (left, right), (name, found) in zip(all_axes.reshape(-1, 2), contenders.items(), strict=True):
    part = summary[summary["data set"] == found[0].dataset.name]
    for column, mark, colour in (("AICc", "o", "#0072B2"), ("BIC", "s", "#D55E00")):
        lines_of(left, part.assign(**{column: part[column] - part[column].min()}), column, mark, colour, MOST)
    for column, (mark, colour) in SEEN.items():
        lines_of(right, part, column, mark, colour, MOST)
    left.set(yticks=range(len(part)), xscale="symlog", xlim=(-1, MOST), title=name, xlabel="above the best")
    left.set_yticklabels(part.says, fontsize=8)
    right.set(xscale="log", xlim=(0.15, MOST * 1.3), xlabel="E")
marks = [line for axes in all_axes[:2] for line in axes.get_lines()]
fig.legend(handles=marks, loc="outside lower center", ncols=5, fontsize=8)
all_axes[0].invert_yaxis()

# %%
run.figure(
    fig,
    "information-criteria",
    n=" and ".join(str(len(table)) for table in chosen.values()) + " points",
    data=", ".join(chosen),
    caption="For each data set, left: AICc and BIC above the smallest. Right: E as fitted, E of points predicted by fits without them, and (with three or more groups) E of groups predicted by fits without them; values beyond 300 at the edge.",
    alt="For each data set a row of marks a rule: criteria above the smallest, and E as fitted, with points left out and with groups left out.",
)


# %%
def aicc_over_pair(name):
    """AICc of each fit of the valley rule minus that of the best pair rule."""
    n, k = len(tables[name]), FAMILIES["valley"].n_parameters
    return [comparison.aicc(n * f.error, k, n) - best_pair[name].aicc for f in valley[name]]


run.claim("Y-F4b2", lambda: aicc_over_pair("sjostrom2001"), without=missing("valley", "sjostrom2001"))
run.claim("Y-F4c2", lambda: aicc_over_pair("wang2005"), without=missing("valley", "wang2005"))

# %%
lines = []
for name, found in contenders.items():
    fitted_best, unseen_best = (min(found, key=key) for key in (lambda c: c.error, lambda c: c.error_of(c.left_out)))
    least = min(found, key=lambda c: c.aicc)
    lines.append(
        f"\n- **{name}**: smallest E {fitted_best.says} ({fitted_best.error:.2f}); smallest AICc {least.says}; points left out are predicted best by "
        f"{unseen_best.says} (E = {unseen_best.error_of(unseen_best.left_out):.2f})."
    )
    if "valley" in by_name[name]:
        c = by_name[name]["valley"]
        lines.append(
            f" The valley rule goes from {c.error:.2f} to {c.error_of(c.left_out):.0f} when points are left out."
        )
run.say("".join(lines))

# %% [markdown]
# ### How sure are the differences?
#
# Redrawing the data as mean + SEM · noise adds 1 to E of every fixed prediction. Differences on the same draws are free of that. Against the best pair rule with measured windows:

# %%
fig, all_axes = plt.subplots(1, len(chosen), figsize=(9.5, 1.2 + 0.27 * len(names)), sharey=True, squeeze=False)
HOW = {"fitted": (-0.15, "#000000"), "left out": (0.15, "#009E73")}
for axes, (name, found) in zip(all_axes[0], contenders.items(), strict=True):
    differences = comparison.bootstrap_differences(found, best_pair[name], redraws, bootstrap_seed)
    for prediction, (shift, colour) in HOW.items():
        group = differences[differences.prediction == prediction]
        bars = np.abs([group.difference - group.low, group.high - group.difference])
        rows = np.arange(len(group)) + shift
        axes.errorbar(group.difference, rows, xerr=bars, fmt="o", ms=4, color=colour, label=prediction, lw=1.2)
    axes.axvline(0, color="#777777", lw=0.8)
    axes.set(xlabel=f"E minus that of {best_pair[name].says}", title=name, xscale="symlog", yticks=range(len(found)))
    axes.set_yticklabels([c.says for c in found], fontsize=8)
all_axes[0, 0].legend(fontsize=7)
all_axes[0, 0].invert_yaxis()

# %%
run.figure(
    fig,
    "differences",
    n=f"{redraws} redraws",
    data=", ".join(chosen),
    caption="Difference of E to the best pair rule with measured windows, on the same redrawn data; as fitted, and for points predicted by fits without them. Bars: 95 %.",
    alt="For each data set and rule the difference of E with its interval, as fitted and for points left out.",
)

# %% [markdown]
# ## Points that no rule has seen
#
# Seven more points of the same study (six independent ones; two are readings of one value) were not used so far: coincident spikes at four rates, and ±25 ms at 20 Hz. All rules are frozen as fitted to the ten points.
# Traces are read first and updated afterwards where spikes coincide.

# %%
frozen = [comparison.fixed(c.says, c.rule, held_out, kind=c.kind) for c in contenders.get("sjostrom2001", [])]
published = traps.published_contenders("visual", held_out)
everyone = [*frozen, *published]
bursts, nothing = held_out.under_bursts(), comparison.null(held_out)
unseen = pd.DataFrame(
    {
        "says": [*(c.says for c in frozen), *(f"published, {c.says}" for c in published)],
        "contiguous": [c.error for c in everyone],
    }
    | {"bursts of five": [error(c.rule, bursts) for c in everyone]}
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.4), width_ratios=(3, 2))
spots = np.arange(len(held_out))
measured(left, held_out, spots, spots)
for shift, c in enumerate(comparison.best_of_each_kind(frozen)):
    predicted(left, spots, np.clip(c.predicted, -1.4, 1.9), shift, c.kind, c.says)
left.set(xticks=spots, ylim=(-1.5, 2), ylabel="weight change (fraction)")
left.set_xticklabels(held_out.points, rotation=50, ha="right")
fig.legend(loc="outside lower left", ncols=4, fontsize=7)
lines_of(right, unseen, "contiguous", "o", "#0072B2", 1e4)
lines_of(right, unseen, "bursts of five", "s", "#D55E00", 1e4)
right.axvline(nothing.error, color="#777777", ls=":", label="no change")
right.set(xscale="log", xlabel="E on points not seen", yticks=range(len(everyone)))
zero(left)

# %%
right.set_yticklabels(unseen.says, fontsize=8)
right.invert_yaxis()
right.legend(fontsize=7)
run.figure(
    fig,
    "held-out",
    n="7 readings of 6 measurements",
    data="Sjöström et al. 2001, points not used in any fit",
    caption="Left: predictions of the frozen rules (clipped at −1.4 and 1.9) and the measured points, mean and SEM. Right: E of every rule, pairs contiguous and in bursts of five (above 10,000 at the edge).",
    alt="Left: measured points with the predictions of each kind of rule as dashes. Right: E of every rule under two protocols, beside that of no change.",
)
same = [
    [held_out.points.index(point) == i or point == other for i, other in enumerate(held_out.points)]
    for point in dict.fromkeys(held_out.points)
]
worse = np.mean([c.misses**2 for c in published], axis=0) - nothing.misses**2
run.claim("ST-7", [worse[mask].mean() for mask in same])

# %%
by_error = sorted(frozen, key=lambda c: c.error)
run.say(
    (
        f"Of the rules fitted to the ten points, {sum(c.error < nothing.error for c in frozen)} of {len(frozen)} predict these points better than no change (E = {nothing.error:.1f}); "
        f"the best is {by_error[0].says} (E = {by_error[0].error:.1f})."
        if frozen
        else "No rule was fitted to the ten points in this run."
    )
    + " The published sets have E of "
    + ", ".join(
        f"{row.contiguous:.0f} ({row['bursts of five']:.1f}; {row.says.removeprefix('published, ')})"
        for _, row in unseen[-4:].iterrows()
    )
    + ", in brackets for bursts of five as in the experiment. A rule that fits ten points within their errors need not know the eleventh, and which protocol it is asked under matters more than which rule it is."
)

# %% [markdown]
# ## Other cells
#
# The points above come from one kind of cell each. Pair recordings from other cortical cells, gathered by {cite:t}`chindemi2022calcium` from published studies, differ in *sign*. Here they stand beside the
# rules fitted to the visual points under bursts; no rule was fitted to them.

# %%
others = load("cortical_pairs")
fig, axes = plt.subplots(figsize=(9.5, 5))
spots = np.arange(len(others))
measured(axes, others, spots, spots)
in_bursts = visual.under_bursts()
for shift, which in enumerate(n for n in ("pair-all", "triplet3-nearest", "voltage6", "valley") if n in names):
    c = fit(which, in_bursts, search_seed, **search)
    changes = np.clip(weight_changes(c.rule, others.protocols), -0.9, 1.4)
    predicted(axes, spots, changes, shift, c.family.kind, c.family.says)
axes.set(xticks=spots, ylabel="weight change (fraction)", ylim=(-1, 1.5))
axes.set_xticklabels([f"{group}: {point}" for group, point in zip(others.groups, others.points, strict=True)])
axes.tick_params(axis="x", rotation=90, labelsize=8)
axes.legend(fontsize=7, ncols=2, loc="upper left")
zero(axes)

# %%
run.figure(
    fig,
    "other-cells",
    n=f"{len(others)} points",
    data="Markram 1997, Egger 1999, Zilberter 2009, Sjöström & Häusser 2006",
    caption="Measured changes (black, mean and SEM) at other cortical synapses, and rules fitted to the visual points under bursts (clipped at −0.9 and 1.4).",
    alt="Layer 5 potentiates at positive timings; layer 4 and layer 2/3 synapses depress under the same protocols.",
)

# %% [markdown]
# ## Two simulators agree
#
# Every rule is also written for Brian2, in `repro/spike_triplets/brian.py`, equations to take away. On all 23 protocols and on random trains, with equal steps and equal order of events, both give the same weight changes.

# %%
every = slice(None) if run.scale != "smoke" else slice(2)
pool = [*visual.protocols[every], *hippocampal.protocols[every]]
trains = [brian.short(protocol, seconds=run.at(smoke=1.0, book=1.5, full=3.0)) for protocol in pool]
trains += [brian.random_trains(s) for s in run.seeds(run.at(smoke=1, book=4, full=16), "random trains")]
simulated = {c.says: c.rule for found in best.values() for c in found if c.kind != "null" and c.kind != "own"}
full = {
    f"published {kind}, {name}": rule for kind in ready for name, rule in published_sets(kind).items() if "full" in name
}
simulated |= full
if "bcm" not in names:
    simulated |= {"BCM": BCM(1e-3, 1e-2)}
if run.scale == "smoke":  # one of each class and scheme
    simulated = {f"{type(rule).__name__} {getattr(rule, 'scheme', '')}": rule for rule in simulated.values()}
agreement = {name: brian.largest_difference(rule, trains, getattr(rule, "dt", 0.1)) for name, rule in simulated.items()}

# %%
fig, axes = plt.subplots(figsize=(7, 1 + 0.25 * len(agreement)))
axes.plot(np.maximum(list(agreement.values()), 1e-17), range(len(agreement)), "o", color="#0072B2")
axes.axvline(1e-12, color="#D55E00", ls="--", label="tolerance")
axes.set(
    xscale="log", xlim=(5e-18, 1e-10), xlabel="largest difference over the largest change", yticks=range(len(agreement))
)
axes.set_yticklabels(agreement, fontsize=8)
axes.invert_yaxis()
axes.legend()
run.figure(
    fig,
    "brian-agreement",
    n=f"{len(trains)} pairs of trains",
    data="protocols of both data sets (at most five repetitions) and random trains",
    caption="Largest difference between this book's weight changes and Brian2's, over the largest weight change of the rule (0 drawn at 1e-17).",
    alt=f"A dot a rule; the largest difference is {max(agreement.values()):.1g}, the tolerance 1e-12.",
)
run.claim("ST-1", max(agreement.values()))

# %% [markdown]
# ## A rule of yours, points of yours
#
# `-p own_rule my_rules.additive` puts a callable of (presynaptic, postsynaptic spike times in ms) beside the others; a `Family` is fitted like them. `-p own_table my_points.csv` adds measured points in the schema
# of `data/tables/spike_triplets`: one row a point, spikes of a pattern in ms, its rate in Hz and repetitions, change and SEM as fractions. A wrong column, unit or unsorted spike train is refused with its row.
#
#     papermill notebooks/spike_triplets.py out.ipynb -p own_rule my_rules.additive -p rules pair-all,triplet3-all
#
# In Python:
#
# ```python
# from repro.spike_triplets import published, error, fit, PairSTDP
# error(published("visual", "all-to-all", "full"), "sjostrom2001")
# fit(PairSTDP, "wang2005", seed=0).error
# ```
#
# ## All rules, all data
#
# *Reading*: an E {eq}`eq-error` of at most 1 is *within error*, up to 4 *partly*, beyond that it *misses*. A correct model with k fitted parameters is expected at (N − k)/N; a much smaller E means that it has more freedom than the data can check.

# %%
shown = summary.assign(expected=1 - summary.k / summary.N).rename(
    columns={"expected": "(N − k)/N", "says": "fitted rule"}
)
run.table(
    shown[
        [
            "data set",
            "fitted rule",
            "k",
            "E",
            "(N − k)/N",
            "E, point left out",
            "E, group left out",
            "AICc",
            "BIC",
            "reading",
            "on a bound",
        ]
    ],
    "Every rule on every data set",
)

# %% [markdown]
# ### Fitted parameters
#
# Of the best of each kind, with 95 % intervals from refits to redrawn data (mean + SEM · noise). Amplitudes are per spike for pair and triplet rules, per ms for the valley rule. An interval as wide as its search box says that the data do not fix the parameter.

# %%
for name, found in best.items():
    constants = comparison.parameter_table(found, run.at(smoke=4, book=40, full=400), bootstrap_seed)
    run.table(constants.drop(columns="data set"), f"Parameters fitted to {name}")

# %% [markdown]
# ## Implementation details that matter
#
# 1. **Slow traces are read before their own update**, and where spikes coincide all traces are read before any is updated. At 0 ms everything hangs on it.
# 2. **Contiguous or bursts** decides whether the published all-to-all sets fit. Say which.
# 3. **Trains of opposite timing can be one train.** At 50 Hz the +10 and −10 ms trains are the same interleaved train but for its ends, as are ±25 ms at 20 Hz: a rule of spike times alone must give nearly the same value.
# 4. **Amplitudes are linear.** Solving them exactly leaves a search of few dimensions, and for pair STDP with free windows a bound instead of a lucky start.
# 5. **Repetitions are periodic.** After the slowest trace has faded in, each repetition adds the same, so one stands for all that follow.
# 6. **The valley rule is integrated between spikes**, with exact traces and Gauss-Legendre panels, so that no step size enters. Euler steps come closer only in proportion to the step.
# 7. **Bootstrap differences, not errors**: noise of one SEM adds 1 to each E.
# 8. **Parameters that end on a bound** are said so in the table. $A_3^-$ with a $\tau_x$ of 1 ms is one: an amplitude without meaning.
# 9. **Two readings of one figure** share the weight of one point.
# 10. **Signs in public tables**: one file counts pre minus post in its triplet rows and post minus pre in others; the asymmetric triplets settle which.
#
# ## What this chapter does not say
#
# One synapse, additive weights, no bounds; the postsynaptic spikes are given. The valley rule's constants are fitted here and are not those of {cite:t}`yger2013convallis`, whose figure was not seen.
# Ten and thirteen points cannot choose between rules of six parameters: that is what the points left out say.

# %%
run.close()
