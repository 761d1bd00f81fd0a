"""Spoken digits for any chapter: clips, what a model of the ear makes of them, and the spikes of input cells.

>>> import numpy as np
>>> from repro.speech import cochleograms, load_clips, poisson_trains
>>> clips = load_clips("synthetic").where(digits=(4, 5), speakers=("voice0", "voice3"))
>>> heard = cochleograms(clips)
>>> heard.levels.shape, heard.duration_ms
((8, 80, 100), 400.0)
>>> spikes = poisson_trains(heard.rates(mean_hz=20.0), np.random.default_rng(1), dt_ms=0.5)
>>> spikes.shape
(8, 800, 100)
"""

from repro.speech.cached import load_cochleograms
from repro.speech.clips import Clips, Fold, load_clips, speaker_folds
from repro.speech.cochleogram import Cochleograms, Ear, cochleogram, cochleograms
from repro.speech.player import listen, players_html
from repro.speech.trains import poisson_trains, repetitions

__all__ = [
    "Clips",
    "Cochleograms",
    "Ear",
    "Fold",
    "cochleogram",
    "cochleograms",
    "listen",
    "load_clips",
    "load_cochleograms",
    "players_html",
    "poisson_trains",
    "repetitions",
    "speaker_folds",
]
