"""Spoken digits: recordings of people or, without them, synthetic ones, with digit, speaker and take.

>>> clips = load_clips("synthetic").where(digits=(4, 5), takes=(0,))
>>> len(clips), clips.title
(12, 'synthetic speech (espeak-ng)')

The test set that comes with the recordings, the first five takes, has the same speakers as the rest: what is trained
beside it has heard the voices that it is tested on. Here one speaker is left out instead, :func:`speaker_folds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int64

from repro import data
from repro.arrays import Numbers
from repro.data.sounds import RATE_HZ, Recording, read_recordings
from repro.errors import Mistake

Corpus = Literal["auto", "fsdd", "synthetic"]
_VARIANTS: Mapping[str, str | None] = {"auto": None, "fsdd": "recordings", "synthetic": "synthetic"}


@dataclass(frozen=True, eq=False)
class Clips:
    """Spoken digits and what must be said of them."""

    corpus: str  # "fsdd" or "synthetic"
    title: str  # what figures and tables must call it
    recordings: tuple[Recording, ...]
    note: str = ""  # what must be said wherever they are shown
    facts: Mapping[str, Any] = field(default_factory=dict)  # for ``run.uses``

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[Recording]:
        return iter(self.recordings)

    @property
    def synthetic(self) -> bool:
        """Whether a program spoke: then nothing found on these clips is a result on speech."""
        return self.corpus == "synthetic"

    @property
    def samples(self) -> tuple[Float[np.ndarray, "_"], ...]:
        """The sound of each clip, from -1 to 1, 8,000 samples a second."""
        return tuple(recording.samples / 32768 for recording in self.recordings)

    @property
    def digits(self) -> Int64[np.ndarray, "clips"]:
        """What is said in each clip."""
        return np.array([recording.digit for recording in self.recordings], dtype=np.int64)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks in each clip."""
        return tuple(recording.speaker for recording in self.recordings)

    @property
    def takes(self) -> Int64[np.ndarray, "clips"]:
        """The number of each clip among its speaker's utterances of the digit, from 0."""
        return np.array([recording.take for recording in self.recordings], dtype=np.int64)

    @property
    def seconds(self) -> Float[np.ndarray, "clips"]:
        """Length of each clip."""
        return np.array([len(recording.samples) for recording in self.recordings]) / RATE_HZ

    def at(self, which: Numbers) -> Clips:
        """The clips at these places, in this order."""
        chosen = tuple(self.recordings[int(k)] for k in np.atleast_1d(np.asarray(which, dtype=int)))
        return Clips(self.corpus, self.title, chosen, self.note, self.facts)

    def where(
        self,
        *,
        digits: Iterable[int] | None = None,
        speakers: Iterable[str] | None = None,
        takes: Iterable[int] | None = None,
    ) -> Clips:
        """The clips of these digits, speakers and takes, all where none are given, in the order they stand in.

        Raises Mistake naming a digit, speaker or take that no clip has.
        """
        wanted = {"digit": digits, "speaker": speakers, "take": takes}
        keep = np.ones(len(self), dtype=bool)
        for label, asked in wanted.items():
            if asked is None:
                continue
            had = [getattr(recording, label) for recording in self.recordings]
            chosen = list(asked)
            for one in chosen:
                if one not in had:
                    there = ", ".join(map(str, sorted(set(had))))
                    raise Mistake(f"{self.title}: no clip of {label} {one!r}; there are {there or 'none'}")
            keep &= [one in chosen for one in had]
        return self.at(np.flatnonzero(keep))


def load_clips(corpus: str = "auto", path: Path | str | None = None) -> Clips:
    """Spoken digits: "fsdd" (the Free Spoken Digit Dataset), "synthetic", or "auto": the first of them that is here.

    Looked at are ``path``, else REPRO_DATA_DIR and the cache; the synthetic clips come with the book.
    Recordings stand in the order of their names, digit_speaker_take; synthetic clips by voice, digit, take.

    Raises Mistake for another corpus, DataUnavailable if it is not here (or not at ``path``), DataCorrupt naming the
    file that is not what it should be.
    """
    if corpus not in _VARIANTS:
        raise Mistake(f"corpus is {corpus!r}; allowed are {', '.join(_VARIANTS)}")
    found = data.files("fsdd", path=path, variant=_VARIANTS[corpus])
    recordings = _read(tuple(sorted(found.paths.items())))
    named = "fsdd" if "fsdd.tar.xz" in found.paths else "synthetic"
    facts = {**found.facts, "clips": len(recordings), "speakers": sorted({each.speaker for each in recordings})}
    return Clips(named, found.title, recordings, str(facts["note"]), facts)


@lru_cache(maxsize=2)
def _read(paths: tuple[tuple[str, Path], ...]) -> tuple[Recording, ...]:
    """Unpacking takes seconds, so that it is done once in a process."""
    recordings = tuple(read_recordings(dict(paths)))
    for recording in recordings:
        recording.samples.flags.writeable = False
    return recordings


@dataclass(frozen=True, eq=False)
class Fold:
    """One speaker left out: places of the clips to learn from, and of those by a speaker who is new."""

    speaker: str
    train: Int64[np.ndarray, "train"]
    test: Int64[np.ndarray, "test"]


def speaker_folds(speakers: Iterable[str]) -> tuple[Fold, ...]:
    """Leave each speaker out once, in the order of names.

    Raises Mistake if there are fewer than two speakers.
    """
    who = np.array(list(speakers))
    everyone = sorted(set(who.tolist()))
    if len(everyone) < 2:
        raise Mistake(f"speakers are {', '.join(everyone) or 'none'}; leaving one out needs two at least")
    return tuple(Fold(each, np.flatnonzero(who != each), np.flatnonzero(who == each)) for each in everyone)
