"""Transcribes audio: voice activity, recognition, word alignment, cleanup and audio-only diarisation.

The same audio, model and thread count give the same transcript. Faces are assigned later, by `speaker_turns`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from carmic_assets.model.errors import CarmicError, NoSpeechError
from carmic_assets.model.progress import ProgressCallback, ignore_progress
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
from carmic_assets.speech.asr_windows import AsrWindow, find_untranscribed_speech, pack_windows
from carmic_assets.speech.audio_reader import AudioReader, open_audio

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MIN_SPEECH_S = 0.5  # a file with less detected speech counts as having none, because it may be a cough
_BATCH_SIZE = 4  # windows decoded together: two minutes of speech
_LANGUAGE_WINDOWS = 3  # windows, spread over the file, from which its language is detected
_VAD_PROGRESS, _ASR_PROGRESS = 0.05, 0.9  # fractions of the total time


class TranscriptionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a transcription: model, device, language and part of the file."""

    model: str = "auto"  # "auto", a folder, a Whisper size or a hub id; see `whisper_models.find_weights`
    device: str = "cpu"
    language: str | None = None  # ISO 639-1 code; None detects it
    language_mode: Literal["single", "multi"] = "single"  # "multi" detects it per window and ignores `language`
    span: tuple[float, float] | None = None  # start and end in seconds of the part to transcribe
    threads: int = 2
    cache_dir: Path | None = None  # folder for downloaded weights; None uses the hub client's own folder


DEFAULT_OPTIONS = TranscriptionOptions()


def transcribe(
    audio_path: str | Path,
    options: TranscriptionOptions = DEFAULT_OPTIONS,
    *,
    progress: ProgressCallback = ignore_progress,
) -> Transcript:
    """Return the words and voices of an audio file, on the clock of the file (the source clock for analysis audio).

    Raises:
        NoSpeechError: the file holds no speech, or no word can be recognised.
        CarmicError: the language or the model is not available.
    """
    weights = whisper_models.find_weights(options.model, options.cache_dir)
    whisper = whisper_models.load_model(weights, options.device, options.threads)
    _check_language(options.language, whisper)
    with open_audio(audio_path) as reader:
        start_s, end_s = _clamp_span(options.span, reader.duration_s)
        probabilities = voice_activity.compute_speech_probabilities(reader, start_s, end_s)
        speech = voice_activity.find_speech(probabilities, start_s=start_s)
        if voice_activity.total_s(speech) < MIN_SPEECH_S:
            raise NoSpeechError("Nobody speaks in this video, so no clips can be made. Upload a video with speech.")
        progress(_VAD_PROGRESS)

        windows = pack_windows(speech, start_s, end_s)
        languages = _detect_languages(reader, whisper, windows, options)
        words: list[Word] = []
        for batch, language in _group_into_batches(windows, languages):
            words += _transcribe_batch(whisper, reader, batch, language, speech)
            position_s = batch[-1].intervals[-1].end_s - start_s
            progress(_VAD_PROGRESS + _ASR_PROGRESS * position_s / (end_s - start_s))
        words = word_alignment.align_words(words, reader, start_s, end_s)
        cleaned = word_cleanup.clean_words(words, speech)
        if not cleaned:
            raise NoSpeechError("No words were recognised in this video. Upload one with clearly audible speech.")
        phrases = voice_activity.find_phrases(probabilities, start_s=start_s)
        turns = diarisation.diarise(reader, speech, phrases)
        language, language_probability = _main_language(windows, languages)
        progress(1.0)
        return Transcript(
            language=language,
            language_probability=round(language_probability, 3),
            model=f"{weights.name}, {whisper.model.device} {whisper.model.compute_type}",
            duration_s=round(reader.duration_s, 3),
            speech_s=round(voice_activity.total_s(speech), 3),
            words=cleaned,
            voices=turns,
            speech=speech,
            voice_model=speaker_embeddings.describe_model(),
        )


def _clamp_span(span: tuple[float, float] | None, duration_s: float) -> tuple[float, float]:
    return (max(span[0], 0.0), min(span[1], duration_s)) if span else (0.0, duration_s)


def _transcribe_batch(
    whisper: WhisperModel,
    reader: AudioReader,
    windows: Sequence[AsrWindow],
    language: str,
    speech: voice_activity.Intervals,
) -> list[Word]:
    """Return the words of the windows.

    Speech without words is decoded again in windows of its own, first with timestamps and then without.
    """
    words = asr.transcribe_windows(whisper, reader, windows, language)
    for with_timestamps in (True, False):
        untranscribed = find_untranscribed_speech(speech, windows, words)
        if not untranscribed:
            break
        retry_windows = pack_windows(untranscribed, 0.0, reader.duration_s)
        retried = asr.transcribe_windows(whisper, reader, retry_windows, language, with_timestamps=with_timestamps)
        added = (word for word in retried if any(a <= (word.start_s + word.end_s) / 2 <= b for a, b in untranscribed))
        words = sorted([*words, *added], key=lambda word: word.start_s)
    return words


def _check_language(language: str | None, whisper: WhisperModel) -> None:
    if language is None or language in whisper.supported_languages:
        return
    if whisper.model.is_multilingual:
        raise CarmicError(f"The language {language!r} is not supported. Use an ISO 639-1 code such as en or de.")
    raise CarmicError(
        f"The speech model in use supports only English, not {language!r}. Set a multilingual model such as base."
    )


def _detect_languages(
    reader: AudioReader, whisper: WhisperModel, windows: Sequence[AsrWindow], options: TranscriptionOptions
) -> list[tuple[str, float]]:
    """Return the language of each window and its probability."""
    if not whisper.model.is_multilingual:
        return [("en", 1.0)] * len(windows)
    if options.language_mode == "multi":
        return [asr.detect_language(whisper, reader, [window]) for window in windows]
    if options.language is not None:
        return [(options.language, 1.0)] * len(windows)
    sampled = [windows[round(i * (len(windows) - 1) / _LANGUAGE_WINDOWS)] for i in range(_LANGUAGE_WINDOWS)]
    return [asr.detect_language(whisper, reader, list(dict.fromkeys(sampled)))] * len(windows)


def _main_language(windows: Sequence[AsrWindow], languages: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """Return the language with the most seconds, and its mean probability over them."""
    seconds: defaultdict[str, float] = defaultdict(float)
    weighted_probability: defaultdict[str, float] = defaultdict(float)
    for window, (name, probability) in zip(windows, languages, strict=True):
        seconds[name] += window.duration_s
        weighted_probability[name] += window.duration_s * probability
    main = max(seconds, key=lambda name: (seconds[name], name))
    return main, weighted_probability[main] / seconds[main]


def _group_into_batches(
    windows: Sequence[AsrWindow], languages: Sequence[tuple[str, float]]
) -> Iterator[tuple[list[AsrWindow], str]]:
    """Yield up to `_BATCH_SIZE` consecutive windows of one language, and the language."""
    batch: list[AsrWindow] = []
    batch_language = ""
    for window, (language, _) in zip(windows, languages, strict=True):
        if batch and (language != batch_language or len(batch) == _BATCH_SIZE):
            yield batch, batch_language
            batch = []
        batch.append(window)
        batch_language = language
    if batch:
        yield batch, batch_language
