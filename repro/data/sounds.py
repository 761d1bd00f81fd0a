"""From checked files to recordings of spoken digits, and to samples and labels of one length."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Int16, Integer

from repro.data.archives import read_members
from repro.data.errors import DataCorrupt

RATE_HZ = 8000  # of all recordings


@dataclass(frozen=True, eq=False)
class Recording:
    """One utterance of a digit."""

    samples: Int16[np.ndarray, "samples"]  # 8,000 a second
    digit: int
    speaker: str
    take: int  # counts a speaker's utterances of this digit from 0

    @property
    def name(self) -> str:
        """digit_speaker_take, as files are called in the Free Spoken Digit Dataset."""
        return f"{self.digit}_{self.speaker}_{self.take}"


@dataclass(frozen=True, eq=False)
class Sounds:
    """Recordings as stored, silence after each up to the longest; ``full_scale`` is the loudest sample there can be."""

    x_train: Int16[np.ndarray, "train samples"]
    y_train: Integer[np.ndarray, "train"]
    x_test: Int16[np.ndarray, "test samples"]
    y_test: Integer[np.ndarray, "test"]
    full_scale: int = 32768


def read_fsdd(archive: Path) -> list[Recording]:
    """The recordings of the Free Spoken Digit Dataset, in order of their files' names.

    Raises DataCorrupt naming the archive and the member that is not 8,000 Hz, mono, 16 bits.
    """
    found = {}
    for name, content in read_members(archive):
        if not name.endswith(".wav"):
            continue
        with wave.open(io.BytesIO(content)) as file:
            form = file.getframerate(), file.getsampwidth(), file.getnchannels()
            if form != (RATE_HZ, 2, 1):
                raise DataCorrupt(f"{archive}: {name} has (Hz, bytes, channels) {form}, expected {(RATE_HZ, 2, 1)}")
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        stem = Path(name).stem
        digit, speaker, take = stem.split("_")
        found[stem] = Recording(samples, int(digit), speaker, int(take))
    return [found[stem] for stem in sorted(found)]


def read_synthetic(sound: Path, table: Path) -> list[Recording]:
    """The clips of one FLAC file, end to end, as its table of digit, speaker, take and number of samples tells them.

    Raises DataCorrupt if the sound is of another rate, or not as long as the table says.
    """
    samples, rate = soundfile.read(sound, dtype="int16")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    ends = np.cumsum([int(row["samples"]) for row in rows])
    if rate != RATE_HZ or samples.shape != (ends[-1],):
        raise DataCorrupt(
            f"{sound} has shape {samples.shape} at {rate} Hz, {table.name} expects {ends[-1]} at {RATE_HZ}"
        )
    clips = np.split(samples, ends[:-1])
    return [
        Recording(clip, int(row["digit"]), row["speaker"], int(row["take"]))
        for clip, row in zip(clips, rows, strict=True)
    ]


def read_recordings(files: Mapping[str, Path]) -> list[Recording]:
    """The recordings of either variant of ``fsdd``, from its checked files by name."""
    if "fsdd.tar.xz" in files:
        return read_fsdd(files["fsdd.tar.xz"])
    return read_synthetic(files["synthetic_speech.flac"], files["synthetic_speech.csv"])


def read_sounds(files: Mapping[str, Path]) -> Sounds:
    """Samples and labels of either variant, split as the source splits them: the first tenth of the takes is the test.

    Of two takes, the first. All speakers are in both parts, so a test here says little of speakers that are new.
    """
    recordings = read_recordings(files)
    held_out = max(1, (max(recording.take for recording in recordings) + 1) // 10)
    longest = max(len(recording.samples) for recording in recordings)
    train = [recording for recording in recordings if recording.take >= held_out]
    test = [recording for recording in recordings if recording.take < held_out]
    return Sounds(_padded(train, longest), _digits(train), _padded(test, longest), _digits(test))


def _padded(recordings: Sequence[Recording], longest: int) -> Int16[np.ndarray, "clips samples"]:
    padded = np.zeros((len(recordings), longest), dtype=np.int16)
    for row, recording in zip(padded, recordings, strict=True):
        row[: len(recording.samples)] = recording.samples
    return padded


def _digits(recordings: Sequence[Recording]) -> Integer[np.ndarray, "clips"]:
    return np.array([recording.digit for recording in recordings])
