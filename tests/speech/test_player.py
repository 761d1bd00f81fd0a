"""Players: the page holds the clip itself, and says whose it is."""

import base64
import io

import numpy as np
import pytest
import soundfile
from bs4 import BeautifulSoup

from repro.data.sounds import Recording
from repro.errors import Mistake
from repro.speech import Clips, load_clips, players_html


def parsed(clips):
    return BeautifulSoup(players_html(clips), "html.parser").select("figure")


def test_the_page_holds_every_sample_of_the_clip():
    clips = load_clips("synthetic").at([7, 60])
    for figure, recording in zip(parsed(clips), clips, strict=True):
        source = str(figure.audio["src"])
        assert source.startswith("data:audio/flac;base64,")
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source.split(",")[1])), dtype="int16")
        assert rate == 8000
        assert np.array_equal(samples, recording.samples)


def test_synthetic_clips_are_called_so():
    (figure,) = parsed(load_clips("synthetic").where(digits=[4], speakers=["voice2"], takes=[1]))
    assert figure.figcaption.text == "“four”: synthetic speech, not a person: voice2 of espeak-ng, take 1"
    assert figure.audio["aria-label"] == "the word four"


def test_recordings_carry_name_speaker_and_licence():
    one = Clips("fsdd", "Free Spoken Digit Dataset", (Recording(np.ones(900, np.int16), 9, "theo", 13),))
    (figure,) = parsed(one)
    for word in ("9_theo_13.wav", "theo", "Free Spoken Digit Dataset", "CC BY-SA 4.0"):
        assert word in figure.figcaption.text
    assert "synthetic" not in figure.figcaption.text
    assert [link.text for link in figure.select("a[href^=https]")] == ["Free Spoken Digit Dataset", "CC BY-SA 4.0"]


def test_a_page_is_not_filled_with_sound():
    with pytest.raises(Mistake, match="120 clips; allowed are 1 to 20"):
        players_html(load_clips("synthetic"))
    with pytest.raises(Mistake, match="0 clips"):
        players_html(load_clips("synthetic").at([]))
