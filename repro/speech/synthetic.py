"""Makes the synthetic speech that comes with the book: ``python -m repro.speech.synthetic``.

Needs the program espeak-ng (1.51 made the files). You should see ``data/samples/synthetic_speech.flac`` after about ten
seconds: the ten digits by six voices that differ in timbre, pitch and speed, twice each, 8 kHz, 16 bits, end to end;
and beside it ``synthetic_speech.csv``, one row a clip: its digit, voice, take and number of samples.
"""

from __future__ import annotations

import io
import subprocess
import wave

import numpy as np
import pandas as pd
import soundfile
from jaxtyping import Float, Int16, UInt8
from scipy.signal import resample_poly

from repro.provenance import ROOT, sha256
from repro.results import write_atomically

FILE = ROOT / "data" / "samples" / "synthetic_speech.flac"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# voice variant, pitch (0 to 99), words a minute
VOICES = (
    ("en-us+m1", 35, 150),
    ("en-gb+m3", 50, 170),
    ("en-us+m7", 25, 160),
    ("en-gb+f2", 60, 165),
    ("en-us+f4", 70, 150),
    ("en-gb-scotland+f1", 55, 180),
)
TAKES = ((0, 0), (8, 25))  # change of pitch and of speed
RATE, MU = 8000, 255  # Hz; of μ-law


def speak(word: str, voice: str, pitch: int, speed: int) -> Float[np.ndarray, "samples"]:
    """A word by espeak-ng at 8 kHz, the silence around it cut off, largest sample 0.9."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", word]
    with wave.open(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (22050, 2, 1)
        loud = np.frombuffer(file.readframes(10**7), "<i2") / 32768
    samples = resample_poly(loud, 160, 441)
    heard = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    samples = samples[heard[0] : heard[-1] + 1]
    return 0.9 * samples / np.abs(samples).max()


def encode(samples: Float[np.ndarray, "samples"]) -> UInt8[np.ndarray, "samples"]:
    """μ-law bytes (G.711) of samples from -1 to 1."""
    compressed = np.sign(samples) * np.log1p(MU * np.abs(samples)) / np.log1p(MU)
    return np.round(127.5 * (compressed + 1)).astype(np.uint8)


def decode(content: UInt8[np.ndarray, "samples"]) -> Float[np.ndarray, "samples"]:
    """Samples from -1 to 1; what ``encode`` rounded stays rounded."""
    compressed = content / 127.5 - 1
    return np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(MU)) / MU


def sixteen_bits(samples: Float[np.ndarray, "samples"]) -> Int16[np.ndarray, "samples"]:
    """Samples from -1 to 1 as 16-bit integers, by way of μ-law: the clips were kept so once, and stay the same."""
    return np.round(32768 * decode(encode(samples))).astype(np.int16)


def make() -> tuple[Int16[np.ndarray, "samples"], pd.DataFrame]:
    """All clips end to end, and the table of what they are: digit, speaker, take, samples."""
    rows, clips = [], []
    for number, (voice, pitch, speed) in enumerate(VOICES):
        for digit, word in enumerate(WORDS):
            for take, (higher, faster) in enumerate(TAKES):
                clips.append(sixteen_bits(speak(word, voice, pitch + higher, speed + faster)))
                rows.append((digit, f"voice{number}", take, len(clips[-1])))
    return np.concatenate(clips), pd.DataFrame(rows, columns=["digit", "speaker", "take", "samples"])


if __name__ == "__main__":
    sound, table = make()
    flac = io.BytesIO()
    soundfile.write(flac, sound, RATE, format="FLAC", subtype="PCM_16")
    write_atomically(FILE, flac.getvalue())
    write_atomically(FILE.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n").encode())
    for path in (FILE, FILE.with_suffix(".csv")):
        print(f"{path}: {path.stat().st_size} bytes, sha256 {sha256(path)}")
