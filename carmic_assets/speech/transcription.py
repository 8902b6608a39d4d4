"""Sound to transcript: where somebody speaks, the words, cleaned against the speech that was heard, and the voices.

Says nothing of faces. The same sound, model and thread count give the same transcript.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from carmic_assets.model.errors import CarmicError, NoSpeech
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.speech import (
    asr,
    diarisation,
    speaker_embeddings,
    voice_activity,
    whisper_models,
    word_alignment,
    word_cleanup,
)
from carmic_assets.speech.asr_windows import Window, missed, pack
from carmic_assets.speech.audio_reader import Sound, opened

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

LEAST_SPEECH_S = 0.5  # less than this in a whole video is a cough, not a talk
_BATCH = 4  # windows decoded together: two minutes of talk
_LANGUAGE_WINDOWS = 3  # listened to, spread over the talk, to tell its language


class Cancelled(Exception):
    """The caller's `cancelled()` said so; nothing was written."""


def transcribe(
    audio_path: str | Path,
    *,
    model: str = "auto",
    device: str = "cpu",
    language: str | None = None,
    language_mode: Literal["single", "multi"] = "single",
    span: tuple[float, float] | None = None,
    threads: int = 2,
    cache: Path | None = None,
    progress: Progress = ignore,
    cancelled: Callable[[], bool] = lambda: False,
) -> Transcript:
    """The words and voices of a sound file on its own clock (the source clock), inside `span` (seconds) where given.

    `language` is ISO 639-1, or None to hear it from the sound; "multi" hears it anew for each half minute, whatever
    `language` says. `cache` is where fetched weights are kept. Raises NoSpeech when nobody speaks, CarmicError for a
    language or model that cannot be had, Cancelled when `cancelled()` says so (asked between batches).
    """
    weights = whisper_models.find(model, cache)
    whisper = whisper_models.load(weights, device, threads)
    _check_language(language, whisper)
    with opened(audio_path) as sound:
        start_s, end_s = (max(span[0], 0.0), min(span[1], sound.length_s)) if span else (0.0, sound.length_s)
        heard = voice_activity.probabilities(sound, start_s, end_s)
        speech = voice_activity.spans(heard, start_s=start_s)
        if voice_activity.total_s(speech) < LEAST_SPEECH_S:
            raise NoSpeech("Nobody speaks in this video, so there is nothing to make clips of. Upload one with speech.")
        progress(0.05)

        windows = pack(speech, start_s, end_s)
        tongues = _languages(sound, whisper, windows, language, language_mode)
        said: list[Word] = []
        for batch, tongue in _batches(windows, tongues):
            if cancelled():
                raise Cancelled
            said += _heard(whisper, sound, batch, tongue, speech)
            progress(0.05 + 0.9 * (batch[-1].pieces[-1].end_s - start_s) / (end_s - start_s))
        kept = word_cleanup.clean(word_alignment.aligned(said, sound, start_s, end_s), speech)
        if not kept:
            raise NoSpeech("No words could be made out in this video. Upload one where people are heard clearly.")
        turns = diarisation.turns(sound, speech, voice_activity.phrases(heard, start_s=start_s))
        spoken, sure = _most_spoken(windows, tongues)
        progress(1.0)
        return Transcript(
            language=spoken,
            language_probability=round(sure, 3),
            model=f"{weights.name}, {whisper.model.device} {whisper.model.compute_type}",
            duration_s=round(sound.length_s, 3),
            speech_s=round(voice_activity.total_s(speech), 3),
            words=kept,
            voices=turns,
            speech=speech,
            voice_model=speaker_embeddings.name(),
        )


def _heard(
    whisper: WhisperModel, sound: Sound, batch: Sequence[Window], language: str, speech: voice_activity.Spans
) -> list[Word]:
    """The words of a batch of windows; speech for which none were found is heard again alone, then the other way."""
    said = asr.words(whisper, sound, batch, language)
    for timed in (True, False):
        left = missed(speech, batch, said)
        if not left:
            break
        again = asr.words(whisper, sound, pack(left, 0.0, sound.length_s), language, timed=timed)
        inside = (word for word in again if any(a <= (word.start_s + word.end_s) / 2 <= b for a, b in left))
        said = sorted([*said, *inside], key=lambda word: word.start_s)
    return said


def _check_language(language: str | None, whisper: WhisperModel) -> None:
    if language is None or language in whisper.supported_languages:
        return
    if whisper.model.is_multilingual:
        raise CarmicError(
            f"{language!r} is no language that can be transcribed. Use an ISO 639-1 code such as en or de."
        )
    raise CarmicError(
        f"The speech model in use only knows English, not {language!r}. Set a multilingual one, like base."
    )


def _languages(
    sound: Sound, whisper: WhisperModel, windows: Sequence[Window], language: str | None, mode: str
) -> list[tuple[str, float]]:
    """Language and its probability for each window. Single: that of the whole talk, from windows spread over it."""
    if not whisper.model.is_multilingual:
        return [("en", 1.0)] * len(windows)
    if mode == "multi":
        return [asr.language(whisper, sound, [window]) for window in windows]
    if language is not None:
        return [(language, 1.0)] * len(windows)
    some = [windows[round(i * (len(windows) - 1) / _LANGUAGE_WINDOWS)] for i in range(_LANGUAGE_WINDOWS)]
    return [asr.language(whisper, sound, list(dict.fromkeys(some)))] * len(windows)


def _most_spoken(windows: Sequence[Window], tongues: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The language of most seconds, and how sure it is over them."""
    seconds: defaultdict[str, float] = defaultdict(float)
    sure: defaultdict[str, float] = defaultdict(float)
    for window, (name, probability) in zip(windows, tongues, strict=True):
        seconds[name] += window.length_s
        sure[name] += window.length_s * probability
    most = max(seconds, key=lambda name: (seconds[name], name))
    return most, sure[most] / seconds[most]


def _batches(windows: Sequence[Window], tongues: Sequence[tuple[str, float]]) -> Iterator[tuple[list[Window], str]]:
    """Up to `_BATCH` windows in a row of one language."""
    batch: list[Window] = []
    current = ""
    for window, (name, _) in zip(windows, tongues, strict=True):
        if batch and (name != current or len(batch) == _BATCH):
            yield batch, current
            batch = []
        batch.append(window)
        current = name
    if batch:
        yield batch, current
