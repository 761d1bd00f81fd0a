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
# # A chapter in small
#
# The mean of a few numbers, for the tests of what all chapters share.

# %% tags=["parameters"]
scale: str = "book"  # smoke, book or full
seed: int = 0  # of all randomness
device: str = "auto"  # auto, cpu or cuda
n_seeds: int = 8  # samples
rules: str = "SA,FA"  # names, separated by commas

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from repro import parameters, runs
from repro.weight_alignment.rules import RULES

run = runs.open_run("mini", globals(), ledger=Path("claims"), n_seeds=parameters.Count, rules=parameters.names(RULES))

# %%
samples = [np.random.default_rng(s).normal(5.0, 0.1) for s in run.seeds(n_seeds)]
fig, axes = plt.subplots()
axes.plot(samples, "o")
axes.set(xlabel="sample", ylabel="value")
run.figure(fig, "samples", alt="Eight points near five.", caption="Samples.", n=f"{n_seeds} seeds")

# %%
run.claim("MINI-1", samples)

# %%
run.say(f"The mean is {np.mean(samples):.2f}.")

# %%
run.close()
