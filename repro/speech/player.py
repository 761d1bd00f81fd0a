"""Players for clips on a page: the sound stands in the page itself, with who speaks and under which licence.

In a notebook: ``listen(clips.where(digits=(4, 5), takes=(0,)).at([0, 1]))``.
"""

from __future__ import annotations

import base64
import html
import io

import soundfile
from IPython.display import HTML, display

from repro.data.sounds import RATE_HZ, Recording
from repro.errors import Mistake
from repro.speech.clips import Clips

MOST = 20  # clips at once: each takes about 7 kB of the page
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_ORIGIN = {
    "fsdd": "Free Spoken Digit Dataset (Z. Jackson and others), {name}.wav as FLAC, spoken by {speaker}, CC BY-SA 4.0",
    "synthetic": "synthetic speech, not a person: {speaker} of espeak-ng, take {take}",
}


_LINKS = {  # what the licence asks for beside a recording that is passed on
    "Free Spoken Digit Dataset": "https://github.com/Jakobovski/free-spoken-digit-dataset",
    "CC BY-SA 4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}


def origin(clips: Clips, recording: Recording) -> str:
    """Who speaks, and what must be said wherever the clip is played."""
    form = _ORIGIN.get(clips.corpus, "{name}, " + clips.title)
    return form.format(name=recording.name, speaker=recording.speaker, take=recording.take)


def players_html(clips: Clips) -> str:
    """One player a clip as HTML that stands alone, the sound as FLAC, sample by sample what the clip is.

    Raises Mistake if there is no clip, or more than belong on a page.
    """
    if not 1 <= len(clips) <= MOST:
        raise Mistake(f"players: {len(clips)} clips; allowed are 1 to {MOST} at once")
    return f'<div class="repro-sounds">{"".join(_player(clips, recording) for recording in clips)}</div>'


def listen(clips: Clips) -> None:
    """Show one player a clip in the notebook. Raises Mistake as :func:`players_html` does."""
    display(HTML(players_html(clips)))


def _player(clips: Clips, recording: Recording) -> str:
    file = io.BytesIO()
    soundfile.write(file, recording.samples, RATE_HZ, format="FLAC", subtype="PCM_16")
    source = f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode()}"
    word = WORDS[recording.digit]
    says = html.escape(f"“{word}”: {origin(clips, recording)}")
    for words, address in _LINKS.items():
        says = says.replace(words, f'<a href="{address}">{words}</a>')
    return (
        f'<figure><audio controls preload="metadata" src="{source}" aria-label="the word {word}"></audio>'
        f"<figcaption>{says}</figcaption></figure>"
    )
