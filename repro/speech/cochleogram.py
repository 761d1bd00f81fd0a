"""What a model of the ear makes of a clip: 100 gammatone channels in bins of 5 ms, matched in length and in count.

A clip goes through gammatone filters evenly spaced on the ERB scale from 80 Hz to just below 4 kHz; the energy of each
channel in each bin is compressed by a cube root, as loudness roughly is, and only what is above the channel's
mean over the clip remains (so that a speaker's steady spectrum is taken away). Every clip is then stretched or
squeezed to one length and scaled to one mean: how many input spikes there are tells nothing of the digit.

Deviates: which model of the cochlea Yger & Harris used, and its constants, was not read; these are this book's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from gammatone.filters import centre_freqs, make_erb_filters
from jaxtyping import Float, Float32, Int64, UInt8
from tqdm import tqdm

from repro.arrays import Numbers
from repro.data.sounds import RATE_HZ
from repro.errors import Mistake
from repro.speech.clips import Clips
from repro.speech.cochlea_kernel import filtered_energy

LEVELS = 255  # steps from silence to a clip's strongest bin
BAR_FROM = 500  # clips, a second or more


@dataclass(frozen=True)
class Ear:
    """Constants of the front end."""

    channels: int = 100
    low_hz: float = 80.0  # middle of the lowest channel
    high_hz: float = 4000.0  # the highest channel lies one step below
    bin_ms: float = 5.0
    window_ms: float = 10.0  # over which energy is averaged, every bin
    exponent: float = 1 / 3  # of energy
    bins: int = 80  # to which each clip is warped; 80 of 5 ms are 0.4 s, about the mean length of a recording

    def __post_init__(self) -> None:
        """Raises Mistake naming the constant that is not allowed."""
        if self.channels < 1 or self.bins < 1:
            raise Mistake(f"ear: channels {self.channels}, bins {self.bins}; both must be 1 or more")
        if not 0 < self.low_hz < self.high_hz <= RATE_HZ / 2:
            raise Mistake(f"ear: from {self.low_hz:g} to {self.high_hz:g} Hz; needs 0 < low < high <= {RATE_HZ / 2:g}")
        if self.hop < 1 or self.overlap < 1 or abs(self.overlap * self.bin_ms - self.window_ms) > 1e-9:
            raise Mistake(f"ear: windows of {self.window_ms:g} ms must be a whole number of bins of {self.bin_ms:g} ms")
        if not 0 < self.exponent <= 1:
            raise Mistake(f"ear: exponent {self.exponent:g}; allowed are 0 < exponent <= 1")

    @property
    def hop(self) -> int:
        """Samples of a bin."""
        return round(self.bin_ms * RATE_HZ / 1000)

    @property
    def overlap(self) -> int:
        """Bins of a window."""
        return round(self.window_ms / self.bin_ms) if self.bin_ms > 0 else 0

    @property
    def hertz(self) -> Float[np.ndarray, "channels"]:
        """Middle of each channel, upwards."""
        return centre_freqs(RATE_HZ, self.channels, self.low_hz, self.high_hz)[::-1].copy()


EAR = Ear()


@dataclass(frozen=True, eq=False)
class Cochleograms:
    """Count-matched cochleograms of clips, in steps of 1/255 of each clip's strongest bin."""

    clips: Clips
    ear: Ear
    levels: UInt8[np.ndarray, "clips bins channels"]

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def digits(self) -> Int64[np.ndarray, "clips"]:
        """What is said in each clip."""
        return self.clips.digits

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks in each clip."""
        return self.clips.speakers

    @property
    def duration_ms(self) -> float:
        """Length of every clip."""
        return self.ear.bins * self.ear.bin_ms

    def at(self, which: Numbers) -> Cochleograms:
        """Those at these places, in this order."""
        chosen = np.atleast_1d(np.asarray(which, dtype=int))
        return replace(self, clips=self.clips.at(chosen), levels=self.levels[chosen])

    def rates(self, mean_hz: float = 10.0) -> Float32[np.ndarray, "clips bins channels"]:
        """Rates of the input cells in Hz; over each clip they have this mean, to rounding.

        Raises Mistake for a mean that is not positive.
        """
        if not mean_hz > 0:
            raise Mistake(f"rates: mean_hz is {mean_hz:g}; it must be larger than 0")
        total = self.levels.sum(axis=(1, 2), dtype=np.int64)
        scale = mean_hz * self.levels[0].size / total
        return self.levels * scale[:, None, None].astype(np.float32)


def cochleogram(clip: Float[np.ndarray, "samples"], ear: Ear = EAR) -> Float[np.ndarray, "frames channels"]:
    """Compressed energy in each channel and bin, the lowest channel first; the clip's loudness is taken out before.

    Raises Mistake for a clip that is silent, not finite, or shorter than a window.
    """
    power = float(np.mean(np.square(clip))) if len(clip) else 0.0
    needed = ear.overlap * ear.hop
    if len(clip) < needed or not power > 0 or not np.isfinite(power):
        raise Mistake(
            f"cochleogram: a clip has {len(clip)} samples and mean power {power:g}; it needs {needed} samples at "
            "least and a power that is positive and finite"
        )
    filters = np.ascontiguousarray(make_erb_filters(RATE_HZ, ear.hertz).T)
    energy = filtered_energy(clip / np.sqrt(power), filters, ear.hop, len(clip) // ear.hop)
    windows = np.lib.stride_tricks.sliding_window_view(energy, ear.overlap, axis=0).sum(axis=-1)
    return (windows / needed) ** ear.exponent


def warp(frames: Float[np.ndarray, "frames channels"], bins: int) -> Float[np.ndarray, "bins channels"]:
    """Frames stretched or squeezed to so many bins, each the mean over its share of time; the mean over time stays."""
    total = np.vstack([np.zeros(frames.shape[1]), np.cumsum(frames, axis=0)])
    edges = np.linspace(0, len(frames), bins + 1)
    before = np.minimum(edges.astype(int), len(frames) - 1)
    until = total[before] + (edges - before)[:, None] * frames[before]
    return np.diff(until, axis=0) * (bins / len(frames))


def matched(clip: Float[np.ndarray, "samples"], ear: Ear = EAR) -> UInt8[np.ndarray, "bins channels"]:
    """A clip's cochleogram above each channel's mean, at one length, in steps of 1/255 of its strongest bin.

    Raises Mistake as :func:`cochleogram` does, and for a clip that has one bin alone.
    """
    warped = warp(cochleogram(clip, ear), ear.bins)
    above = np.maximum(warped - warped.mean(axis=0), 0)
    if not above.max() > 0:
        raise Mistake(f"cochleogram: a clip of {len(clip)} samples does not vary in time; it must")
    return np.round(above * (LEVELS / above.max())).astype(np.uint8)


def cochleograms(clips: Clips, ear: Ear = EAR) -> Cochleograms:
    """Cochleograms of all clips, a few ms each, with a progress bar where it takes long.

    Raises Mistake if there is no clip, or naming the first that is silent or too short.
    """
    if not len(clips):
        raise Mistake("cochleograms: there are no clips")
    levels = np.empty((len(clips), ear.bins, ear.channels), dtype=np.uint8)
    steps = tqdm(clips, desc="cochleograms", leave=False, disable=len(clips) < BAR_FROM)
    for place, recording in enumerate(steps):
        try:
            levels[place] = matched(recording.samples / 32768, ear)
        except Mistake as mistake:
            raise Mistake(f"clip {recording.name}: {mistake}") from None
    return Cochleograms(clips, ear, levels)
