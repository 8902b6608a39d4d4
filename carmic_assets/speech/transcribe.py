"""Sound to words: voice detection, half-minute windows, Whisper in batches, words cleaned against the speech heard.

Says nothing of faces. The same sound, model and thread count give the same transcript.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from carmic_assets.model.errors import CarmicError, NoSpeech
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.speech import activity, models, sound, words
from carmic_assets.speech.windows import Window, pack

if TYPE_CHECKING:
    import numpy as np
    from faster_whisper import WhisperModel

LEAST_SPEECH_S = 0.5  # less than this in a whole video is a cough, not a talk
_BATCH = 4  # windows decoded together: two minutes of talk
_LANGUAGE_WINDOWS = 5  # listened to, spread over the talk, to tell its language


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
    """The words of a 16 kHz mono WAV on its own clock (the source clock), inside `span` (seconds) where given.

    `language` is ISO 639-1 or None (heard from the sound); "multi" hears it anew for each window. `cache` keeps fetched
    weights. Raises NoSpeech when nobody speaks, CarmicError for an unknown language or model, Cancelled on request.
    """
    weights = models.find(model, cache)
    whisper = models.load(weights, device, threads)
    _check_language(language, whisper)

    whole_s = sound.length_s(audio_path)
    start_s, end_s = (max(span[0], 0.0), min(span[1], whole_s)) if span else (0.0, whole_s)
    scores = activity.probabilities(audio_path, start_s, end_s)
    speech = activity.spans(scores, start_s=start_s)
    speech_s = sum(b - a for a, b in speech)
    if speech_s < LEAST_SPEECH_S:
        raise NoSpeech("Nobody speaks in this video, so there is nothing to make clips of. Upload one with speech.")
    progress(0.05)

    windows = pack(speech, start_s, end_s)
    tongues = _languages(audio_path, whisper, windows, language, language_mode)
    said: list[Word] = []
    done_s, all_s = 0.0, sum(window.length_s for window in windows)
    for batch, tongue in _batches(windows, tongues):
        if cancelled():
            raise Cancelled
        for window, heard in zip(batch, _hear(audio_path, whisper, batch, tongue), strict=True):
            said += (Word(word.text, *window.source(word.start_s, word.end_s), word.confidence) for word in heard)
        done_s += sum(window.length_s for window in batch)
        progress(0.05 + 0.94 * done_s / all_s)

    kept = words.clean(said, speech)
    if not kept:
        raise NoSpeech("No words could be made out in this video. Upload one where people are heard clearly.")
    spoken, sure = _most_spoken(windows, tongues)
    progress(1.0)
    return Transcript(
        language=spoken,
        language_probability=round(sure, 3),
        model=weights.name,
        duration_s=round(whole_s, 3),
        speech_s=round(speech_s, 3),
        words=kept,
        voices=(),
        speech=speech,
    )


def _check_language(language: str | None, whisper: WhisperModel) -> None:
    if language is None or language in whisper.supported_languages:
        return
    if whisper.model.is_multilingual:
        raise CarmicError(
            f"{language!r} is no language that can be transcribed. Use an ISO 639-1 code such as en or de."
        )
    raise CarmicError(
        f"The speech model on this machine only knows English, not {language!r}. Set a multilingual model, such as base."
    )


def _languages(
    path: str | Path, whisper: WhisperModel, windows: Sequence[Window], language: str | None, mode: str
) -> list[tuple[str, float]]:
    """Language and its probability for each window. Single: that of the whole talk, from windows spread over it."""
    if language is not None or not whisper.model.is_multilingual:
        return [(language or "en", 1.0)] * len(windows)
    if mode == "multi":
        return [_language(path, whisper, [window]) for window in windows]
    step = max(len(windows) / _LANGUAGE_WINDOWS, 1.0)
    some = [windows[int(i * step)] for i in range(min(len(windows), _LANGUAGE_WINDOWS))]
    return [_language(path, whisper, some)] * len(windows)


def _language(path: str | Path, whisper: WhisperModel, windows: Sequence[Window]) -> tuple[str, float]:
    """The language with the highest mean probability over the windows."""
    total: Counter[str] = Counter()
    for window in windows:
        features = whisper.feature_extractor(_samples(path, window))
        for name, probability in whisper.detect_language(features=features)[2]:
            total[name] += probability
    name, best = max(total.items(), key=lambda item: (item[1], item[0]))
    return name, best / len(windows)


def _most_spoken(windows: Sequence[Window], tongues: Sequence[tuple[str, float]]) -> tuple[str, float]:
    seconds: Counter[str] = Counter()
    sure: Counter[str] = Counter()
    for window, (name, probability) in zip(windows, tongues, strict=True):
        seconds[name] += window.length_s
        sure[name] += window.length_s * probability
    name = max(seconds.items(), key=lambda item: (item[1], item[0]))[0]
    return name, sure[name] / seconds[name]


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


def _hear(path: str | Path, whisper: WhisperModel, batch: Sequence[Window], language: str) -> list[list[Word]]:
    """The words of each window, on the window's own clock.

    Greedy decoding in a batch; a window that failed by Whisper's own signs is decoded again with a beam, then with
    repeats forbidden. Never by sampling: the same sound must give the same words.
    """
    heard = _decode(path, whisper, batch, language, beam_size=1)
    for index, segments in enumerate(heard):
        for attempt in ({"beam_size": 5}, {"beam_size": 5, "no_repeat_ngram_size": 3}):
            if not words.failed(segments):
                break
            again = _decode(path, whisper, [batch[index]], language, **attempt)[0]
            if words.worth(again) > words.worth(segments):
                segments = again
        heard[index] = [] if words.failed(segments) and words.nobody(segments) else segments
    return [[word for segment in segments for word in words.of(segment)] for segments in heard]


def _decode(path: str | Path, whisper: WhisperModel, batch: Sequence[Window], language: str, **how) -> list[list]:
    """Whisper's segments for each window of the batch, times on the window's clock."""
    import numpy as np
    from faster_whisper import BatchedInferencePipeline

    parts = [_samples(path, window) for window in batch]
    offsets = np.cumsum([0, *(len(part) for part in parts)]) / sound.RATE
    clips = [{"start": a, "end": b} for a, b in zip(offsets, offsets[1:], strict=False)]
    segments, _ = BatchedInferencePipeline(whisper).transcribe(
        np.concatenate(parts),
        language=language,
        clip_timestamps=clips,
        batch_size=len(batch),
        word_timestamps=True,
        **how,
    )
    found: list[list] = [[] for _ in batch]
    for segment in segments:
        index = int(np.searchsorted(offsets, segment.seek / 100 + 0.05, side="right")) - 1
        offset = segment.seek / 100  # the pipeline adds this, cut to 10 ms, to every time
        for word in segment.words or ():
            word.start -= offset
            word.end -= offset
        found[index].append(segment)
    return found


def _samples(path: str | Path, window: Window) -> np.ndarray:
    """The sound of a window's pieces one after the other: float32, shape (n,), n a multiple of 160 (Whisper's hop)."""
    import numpy as np

    joined = np.concatenate([sound.read(path, piece.start_s, piece.end_s) for piece in window.pieces])
    return np.pad(joined, (0, -len(joined) % 160))
