"""Cochleograms on tones whose channel is known; matching in length and count; the cache against a fresh run."""

from dataclasses import replace

import numpy as np
import pytest
from gammatone.filters import centre_freqs, erb_filterbank, make_erb_filters
from gammatone.gtgram import gtgram
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from repro.data.sounds import Recording
from repro.errors import Mistake
from repro.speech import Clips, Ear, cochleogram, cochleograms, load_clips, load_cochleograms
from repro.speech.cochleogram import matched, warp


@pytest.fixture(scope="module")
def clips():
    return load_clips("synthetic").where(digits=(4, 5), speakers=("voice0", "voice3"))


def tone(hertz, samples=2400):
    return np.sin(2 * np.pi * hertz * np.arange(samples) / 8000)


def test_channels_rise_from_80_hz_to_just_below_nyquist():
    hertz = Ear().hertz
    assert len(hertz) == 100
    assert hertz[0] == pytest.approx(80)
    assert 3800 < hertz[-1] < 4000
    # evenly spaced on the ERB-rate scale of Glasberg and Moore, with the constants that the filters have
    assert np.ptp(np.diff(np.log(hertz + 9.26449 * 24.7))) < 1e-12


@pytest.mark.parametrize("hertz", [200.0, 500.0, 1000.0, 2000.0, 3000.0])
def test_a_pure_tone_excites_its_own_channel_most(hertz):
    ear = Ear()
    steady = cochleogram(tone(hertz), ear)[20:].mean(axis=0)  # after 0.1 s, when filters have settled
    # a gammatone's peak lies at its middle; neighbours differ by 3 to 4 % of their middle, so half a step either way
    assert abs(int(steady.argmax()) - int(np.argmin(abs(ear.hertz - hertz)))) <= 1
    far = abs(np.log2(ear.hertz / hertz)) > 1
    assert steady[far].max() < 0.5 * steady.max()


def test_energy_is_that_of_the_filters_and_compressed_by_a_cube_root():
    ear = Ear()
    sound = np.random.default_rng(0).standard_normal(800)
    sound /= np.sqrt(np.mean(sound**2))
    filtered = erb_filterbank(sound, make_erb_filters(8000, ear.hertz))  # by the library itself
    windows = np.lib.stride_tricks.sliding_window_view(filtered, 80, axis=1)[:, ::40]  # 10 ms every 5 ms
    energy = np.square(windows).mean(axis=2).T
    assert cochleogram(sound, Ear(exponent=1.0)) == pytest.approx(energy, rel=1e-9)
    assert cochleogram(sound, ear) == pytest.approx(np.cbrt(energy), rel=1e-9)
    by_the_library = gtgram(sound, 8000, 0.01, 0.005, 100, 80.0, 4000.0)
    assert cochleogram(sound, Ear(exponent=0.5)) == pytest.approx(by_the_library.T, rel=1e-9)


def test_loudness_of_a_clip_does_not_matter(clips):
    sound = clips.samples[0]
    assert cochleogram(0.01 * sound) == pytest.approx(cochleogram(sound), rel=1e-6)


@pytest.mark.parametrize("clip", [np.zeros(4000), np.full(4000, np.nan), np.ones(50), np.empty(0)])
def test_a_clip_without_sound_is_refused(clip):
    with pytest.raises(Mistake, match="power"):
        cochleogram(clip)


def test_the_clip_without_sound_is_named():
    silent = Clips("own", "own clips", (Recording(np.zeros(900, np.int16), 3, "me", 0),))
    with pytest.raises(Mistake, match="clip 3_me_0: cochleogram"):
        cochleograms(silent)


@given(
    npst.arrays(float, npst.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(0, 10)),
    st.integers(1, 90),
)
def test_warping_keeps_the_mean_of_each_channel_and_the_range(frames, bins):
    warped = warp(frames, bins)
    assert warped.shape == (bins, frames.shape[1])
    assert warped.mean(axis=0) == pytest.approx(frames.mean(axis=0), abs=1e-9)
    assert (warped >= frames.min(axis=0) - 1e-9).all()
    assert (warped <= frames.max(axis=0) + 1e-9).all()


def test_warping_to_the_same_length_changes_nothing_and_by_two_takes_pairs():
    frames = np.random.default_rng(0).random((10, 3))
    assert warp(frames, 10) == pytest.approx(frames, abs=1e-12)
    assert warp(frames, 5) == pytest.approx(frames.reshape(5, 2, 3).mean(axis=1), abs=1e-12)
    assert warp(frames, 20) == pytest.approx(np.repeat(frames, 2, axis=0), abs=1e-12)


def test_all_clips_have_one_length_and_one_mean_rate(clips):
    assert len({len(sound) for sound in clips.samples}) > 1
    heard = cochleograms(clips)
    rates = heard.rates(mean_hz=12.5)
    assert rates.shape == (8, 80, 100)
    assert heard.duration_ms == 400
    assert (rates >= 0).all()
    # sums of float32: 8,000 terms of relative error 2^-24 each
    assert rates.mean(axis=(1, 2), dtype=float) == pytest.approx(12.5, rel=1e-6)


def test_only_what_is_above_the_channels_mean_remains(clips):
    warped = warp(cochleogram(clips.samples[0]), 80)
    levels = matched(clips.samples[0])
    below = warped < warped.mean(axis=0)
    assert below.any()
    assert not levels[below].any()
    # the rest is the excess itself, to half a step
    excess = np.maximum(warped - warped.mean(axis=0), 0)
    assert abs(levels / 255 * excess.max() - excess).max() <= 0.5001 * excess.max() / 255


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"channels": 0}, "channels 0"),
        ({"high_hz": 5000.0}, "to 5000 Hz"),
        ({"low_hz": 0.0}, "from 0 to"),
        ({"window_ms": 2.0}, "windows of 2 ms"),
        ({"window_ms": 12.0}, "windows of 12 ms must be a whole number of bins of 5 ms"),
        ({"bin_ms": 0.0}, "bins of 0 ms"),
        ({"exponent": 0.0}, "exponent 0"),
    ],
)
def test_an_ear_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(Mistake, match=says):
        Ear(**wrong)


def test_a_mean_rate_of_nothing_is_refused(clips):
    with pytest.raises(Mistake, match="mean_hz is 0"):
        cochleograms(clips.at([0])).rates(0.0)


# --- the cache ----------------------------------------------------------------------------------------------------


def test_what_the_cache_gives_equals_a_fresh_run(clips, tmp_path, monkeypatch):
    fresh = cochleograms(clips)
    first = load_cochleograms(clips, folder=tmp_path)
    monkeypatch.setattr("repro.speech.cached.cochleograms", None)  # now it cannot be computed
    second = load_cochleograms(clips, folder=tmp_path)
    for each in (first, second):
        assert np.array_equal(each.levels, fresh.levels)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_other_clips_and_another_ear_have_files_of_their_own(clips, tmp_path):
    load_cochleograms(clips, folder=tmp_path)
    load_cochleograms(clips.at([0]), folder=tmp_path)
    load_cochleograms(clips, Ear(channels=20), folder=tmp_path)
    one = clips.recordings[0]
    backwards = replace(one, samples=one.samples[::-1].copy())  # the same length, the same name
    load_cochleograms(replace(clips, recordings=(backwards,)), folder=tmp_path)
    high_bit = replace(one, samples=one.samples ^ 256)  # the lower byte of each sample is as before
    load_cochleograms(replace(clips, recordings=(high_bit,)), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 5


def test_another_version_of_the_filters_and_another_cut_of_the_same_sound_have_files_of_their_own(
    clips, tmp_path, monkeypatch
):
    first, second = clips.recordings[:2]
    ear, whole = Ear(channels=4), np.concatenate([first.samples, second.samples])
    for at in (len(first.samples), len(first.samples) - 40):
        parts = replace(first, samples=whole[:at]), replace(second, samples=whole[at:])
        load_cochleograms(replace(clips, recordings=parts), ear, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr("repro.speech.cached.version", lambda name: "0.0")
    load_cochleograms(replace(clips, recordings=parts), ear, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "altered", "nonsense", "other shape"])
def test_a_damaged_file_is_made_anew_and_said(clips, tmp_path, capsys, damage):
    fresh = load_cochleograms(clips, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    elif damage == "nonsense":
        path.write_bytes(b"nothing of the kind")
    else:
        np.savez_compressed(path, levels=np.zeros((1, 2, 3), np.uint8))
    again = load_cochleograms(clips, folder=tmp_path)
    assert np.array_equal(again.levels, fresh.levels)
    assert "damaged: the cochleograms are made anew" in capsys.readouterr().out
    load_cochleograms(clips, folder=tmp_path)
    assert capsys.readouterr().out == ""  # it was mended


def test_where_nothing_can_be_written_a_line_says_so(clips, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    heard = load_cochleograms(clips.at([0]), folder=blocked)
    assert len(heard) == 1
    assert "can't be kept" in capsys.readouterr().out


def test_centres_are_those_of_the_library():
    assert np.array_equal(Ear().hertz[::-1], centre_freqs(8000, 100, 80.0, 4000.0))
