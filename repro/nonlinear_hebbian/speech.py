"""Speech as pieces of spectrogram, from recordings of spoken digits or, without them, from synthetic ones.

A piece is 25 bands of frequency, evenly spaced on a logarithmic axis, by 20 frames of 10 ms: log power, each clip first
brought to the same level. Speakers that are heard in learning are never among those that features are compared on.

Deviates: data, channels and frames of the article were not read; these are this book's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from repro.data.sounds import RATE_HZ as RATE
from repro.errors import Mistake
from repro.speech import load_clips

BANDS, FRAMES = 25, 20
HOP, WINDOW, FFT = 80, 200, 512  # samples: 10 ms, 25 ms
LOW_HZ, HIGH_HZ = 100.0, 3800.0
FLOOR = 1e-3  # of a clip's mean power in a band and frame, added before the logarithm


@dataclass(frozen=True, eq=False)
class Speech:
    """Spoken digits and what must be said of them."""

    title: str
    clips: tuple[Float[np.ndarray, "_"], ...] = ()
    speakers: tuple[str, ...] = ()  # of each clip
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)  # for ``run.uses``


def load_speech(path: Path | str | None = None) -> Speech:
    """Spoken digits: from ``path``, else REPRO_DATA_DIR or the cache, else the synthetic ones that come with the book.

    Raises DataUnavailable if a path is given and has none, DataCorrupt naming the file that is not what it should be.
    """
    clips = load_clips(path=path)
    return Speech(clips.title, clips.samples, clips.speakers, clips.note, clips.facts)


def spectrogram(clip: Float[np.ndarray, "samples"]) -> Float32[np.ndarray, "frames bands"]:
    """Log power in logarithmic bands, every 10 ms, from windows that lie inside the clip.

    No silence is put around a clip: its edges would be steeper than anything in speech, and be what is learned.

    Raises Mistake for a clip that is silent or not finite.
    """
    power = float(np.mean(np.square(clip)))
    if len(clip) < WINDOW or not power > 0 or not np.isfinite(power):
        raise Mistake(
            f"speech: a clip has {len(clip)} samples and mean power {power:g}; it needs {WINDOW} samples at least "
            "and a power that is positive and finite"
        )
    windows = np.lib.stride_tricks.sliding_window_view(clip / np.sqrt(power), WINDOW)[::HOP] * np.hanning(WINDOW)
    energy = np.abs(np.fft.rfft(windows, FFT)) ** 2 @ _BANDS
    return np.log(energy + FLOOR * energy.mean()).astype(np.float32)


def _bands() -> Float[np.ndarray, "bins bands"]:
    """Triangles on the axis of log frequency, each from its lower to its upper neighbour's middle, of sum 1."""
    middles = np.linspace(np.log(LOW_HZ), np.log(HIGH_HZ), BANDS)
    frequency = np.log(np.maximum(np.fft.rfftfreq(FFT, 1 / RATE), 1e-9))
    # low bands are narrower than the distance of two bins: no triangle is thinner than that
    width = np.maximum(middles[1] - middles[0], 1.5 * RATE / FFT / np.exp(middles))
    weights = np.maximum(1 - np.abs(frequency[:, None] - middles) / width, 0)
    return weights / weights.sum(axis=0)


_BANDS = _bands()


def pieces(speech: Speech, speakers: tuple[str, ...], clips: int, seed: int) -> Float32[np.ndarray, "pieces pixels"]:
    """All pieces of ``clips`` randomly chosen clips of these speakers (all of them if there are no more).

    Clips shorter than a piece are passed over. A row is a piece, band by band, each of 20 frames.
    Raises Mistake for a speaker who is not there.
    """
    missing = sorted(set(speakers) - set(speech.speakers))
    if missing or clips < 1:
        allowed = ", ".join(sorted(set(speech.speakers)))
        raise Mistake(f"speech: speakers {', '.join(missing) or 'all there'}, {clips} clips; there are {allowed}")
    long_enough = np.array([len(clip) >= WINDOW + (FRAMES - 1) * HOP for clip in speech.clips])
    theirs = np.flatnonzero(np.isin(speech.speakers, speakers) & long_enough)
    chosen = np.random.default_rng(seed).permutation(theirs)[:clips]
    views = [np.lib.stride_tricks.sliding_window_view(spectrogram(speech.clips[k]), FRAMES, axis=0) for k in chosen]
    return np.concatenate([view.reshape(len(view), -1) for view in views])


def split_speakers(speech: Speech, held_out: int = 2) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Speakers to learn from, and those held out: the last in the order of names."""
    everyone = tuple(sorted(set(speech.speakers)))
    return everyone[:-held_out], everyone[-held_out:]
