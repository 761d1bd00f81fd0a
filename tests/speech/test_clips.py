"""Clips: facts of the corpora that are known from elsewhere, choosing among clips, speakers left out."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from repro import data
from repro.data import DataUnavailable
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.speech import load_clips, speaker_folds, synthetic

WORDS = dict(enumerate(synthetic.WORDS))


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """A machine without recordings."""
    monkeypatch.delenv("REPRO_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def recordings():
    try:
        return load_clips("fsdd")
    except DataUnavailable:
        pytest.skip("fsdd is not on this machine")


def test_without_recordings_the_clips_are_synthetic_and_say_so(nothing_here):
    clips = load_clips()
    assert clips.corpus == "synthetic"
    assert clips.synthetic
    assert "synthetic" in clips.title
    assert "not recorded from people" in clips.note
    assert clips.facts["clips"] == len(clips) == 120
    # six voices, ten digits, two takes: each once
    assert len({recording.name for recording in clips}) == 120
    assert (np.bincount(clips.digits) == 12).all()


def test_recordings_that_are_asked_for_by_name_are_never_replaced(nothing_here):
    with pytest.raises(DataUnavailable, match=r"fsdd\.tar\.xz"):
        load_clips("fsdd")


def test_synthetic_clips_can_be_asked_for_where_recordings_are():
    assert load_clips("synthetic").synthetic


def test_a_corpus_that_is_not_known_is_refused():
    with pytest.raises(Mistake, match="corpus is 'tidigits'; allowed are auto, fsdd, synthetic"):
        load_clips("tidigits")


def test_recordings_are_what_their_registry_says():
    clips = recordings()
    assert (clips.corpus, clips.synthetic) == ("fsdd", False)
    assert sorted(set(clips.speakers)) == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    cells = np.unique(
        [f"{digit}_{who}" for digit, who in zip(clips.digits, clips.speakers, strict=True)], return_counts=True
    )
    assert (cells[1] == 50).all()
    assert len(cells[0]) == 60
    assert (clips.seconds.min(), clips.seconds.max()) == pytest.approx((0.14, 2.28), abs=0.01)


def test_samples_and_labels_of_recordings_split_as_their_source_does():
    clips = recordings()
    sounds = data.load("fsdd")
    assert (len(sounds.x_train), len(sounds.x_test)) == (2700, 300)
    assert (np.bincount(sounds.y_test) == 30).all()
    early = [recording for recording in clips if recording.take < 5]  # indices 0 to 4, says its README
    assert np.array_equal(sounds.y_test, [recording.digit for recording in early])
    for row, recording in zip(sounds.x_test[::37], early[::37], strict=True):
        assert np.array_equal(row[: len(recording.samples)] * 32768, recording.samples)
        assert not row[len(recording.samples) :].any()


def test_samples_and_labels_of_synthetic_clips_can_be_loaded():
    sounds = data.load("fsdd", variant="synthetic")
    assert (len(sounds.x_train), len(sounds.x_test)) == (60, 60)
    assert abs(sounds.x_train).max() == pytest.approx(0.9, abs=0.02)  # as made; half a step of μ-law there
    assert "Synthetic" in sounds.note


def test_a_variant_that_is_not_known_is_refused():
    with pytest.raises(Mistake, match="fsdd has no variant 'tidigits'; it has recordings, synthetic"):
        data.load("fsdd", variant="tidigits")


def test_choosing_keeps_order_and_nothing_else():
    clips = load_clips("synthetic")
    chosen = clips.where(digits=(5, 4), speakers=("voice2",))
    assert [recording.name for recording in chosen] == ["4_voice2_0", "4_voice2_1", "5_voice2_0", "5_voice2_1"]
    assert len(clips.where()) == 120
    assert set(clips.where(takes=[1]).takes) == {1}
    assert [recording.name for recording in clips.at([3, 0])] == [clips.recordings[k].name for k in (3, 0)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"digits": (4, 11)}, "no clip of digit 11; there are 0, 1"),
        ({"speakers": ("nobody",)}, "no clip of speaker 'nobody'; there are voice0"),
        ({"takes": (7,)}, "no clip of take 7; there are 0, 1"),
    ],
)
def test_choosing_what_is_not_there_is_refused(wrong, says):
    with pytest.raises(Mistake, match=says):
        load_clips("synthetic").where(**wrong)


def test_nobody_is_heard_in_training_and_in_the_test():
    clips = load_clips("synthetic")
    folds = speaker_folds(clips.speakers)
    assert [fold.speaker for fold in folds] == sorted(set(clips.speakers))
    for fold in folds:
        assert set(clips.at(fold.test).speakers) == {fold.speaker}
        assert fold.speaker not in clips.at(fold.train).speakers
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.test])), np.arange(len(clips)))


def test_one_speaker_cannot_be_left_out():
    with pytest.raises(Mistake, match="speakers are theo"):
        speaker_folds(["theo", "theo"])


def test_samples_cannot_be_changed_for_all_by_one():
    first = load_clips("synthetic").recordings[0]
    with pytest.raises(ValueError, match="read-only"):
        first.samples[0] = 1


def test_samples_are_from_minus_one_to_one_in_steps_of_sixteen_bits():
    clips = load_clips("synthetic").at([5, 17])
    for samples, recording in zip(clips.samples, clips, strict=True):
        assert np.array_equal(samples * 2**15, recording.samples)
    assert np.concatenate(clips.samples).max() == pytest.approx(0.9, abs=0.02)  # as made; half a step of μ-law there
    assert clips.seconds == pytest.approx([len(recording.samples) / 8000 for recording in clips])


def test_mu_law_loses_less_than_its_step():
    samples = np.linspace(-1, 1, 2001)
    back = synthetic.decode(synthetic.encode(samples))
    step = (1 / 255 + abs(samples)) * np.log(256) / 127.5  # from one byte to the next at this loudness
    assert (abs(back - samples) <= 0.51 * step).all()


def test_espeak_makes_the_synthetic_speech_again():
    program = shutil.which("espeak-ng")
    if program is None or " 1.51 " not in subprocess.run([program, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("needs espeak-ng 1.51")
    voice, pitch, speed = synthetic.VOICES[0]
    first = load_clips("synthetic").recordings[0]
    assert first.name == "0_voice0_0"
    assert np.array_equal(synthetic.sixteen_bits(synthetic.speak(WORDS[0], voice, pitch, speed)), first.samples)


def test_the_synthetic_speech_is_small_and_lossless():
    path = ROOT / "data" / "samples" / "synthetic_speech.flac"
    about = soundfile.info(path)
    assert (about.samplerate, about.channels, about.subtype) == (8000, 1, "PCM_16")
    assert path.stat().st_size < 1.5e6
