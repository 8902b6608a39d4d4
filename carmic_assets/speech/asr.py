"""Speech recognition of windows with Whisper: the language, and the words with their times.

Windows are decoded greedily in batches. A window that fails Whisper's thresholds is decoded again with beam search,
then with repeated n-grams forbidden. There is no sampling, so the same audio gives the same words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.transcribe import Segment

from carmic_assets.model.speech import Word
from carmic_assets.speech.asr_windows import AsrWindow
from carmic_assets.speech.audio_reader import SAMPLE_RATE, AudioReader

UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})  # written without spaces
_HOP = 160  # samples from one feature frame to the next: 10 ms
_RETRY_OPTIONS: tuple[dict[str, int], ...] = ({"beam_size": 5}, {"beam_size": 5, "no_repeat_ngram_size": 3})

# Whisper's thresholds for a failed window (Radford et al. 2022, section 4.5). Speakers do repeat themselves, so the
# compression ratio only counts together with an implausible word rate.
_MAX_COMPRESSION_RATIO = 2.4
_MIN_LOGPROB = -1.0
_MAX_NO_SPEECH_PROB = 0.6
_MAX_WORDS_PER_S = 5.0  # mean over a window; sustained speech is slower


def detect_language(whisper: WhisperModel, reader: AudioReader, windows: Sequence[AsrWindow]) -> tuple[str, float]:
    """Return the language (ISO 639-1) with the highest mean probability over the windows, and that probability."""
    total: defaultdict[str, float] = defaultdict(float)
    for window in windows:
        features = whisper.feature_extractor(_read_window(reader, window))
        for name, probability in whisper.detect_language(features=features)[2]:
            total[name] += probability
    best = max(total, key=lambda name: (total[name], name))
    return best, total[best] / len(windows)


def transcribe_windows(
    whisper: WhisperModel,
    reader: AudioReader,
    windows: Sequence[AsrWindow],
    language: str,
    *,
    with_timestamps: bool = True,
) -> list[Word]:
    """Return the words of the windows in order, on the source clock; a window that Whisper rates silent has none.

    With `with_timestamps`, Whisper emits timestamp tokens between phrases. It then keeps repeated phrases, but may stop
    before the end of a window. Without timestamp tokens it reaches the end, but may skip a repetition.
    """
    decoded = _decode(whisper, reader, windows, language, beam_size=1, without_timestamps=not with_timestamps)
    words: list[Word] = []
    for window, first_segments in zip(windows, decoded, strict=True):
        segments = first_segments
        for options in _RETRY_OPTIONS:
            if not _is_failed(segments, window.duration_s):
                break
            retried = _decode(whisper, reader, [window], language, **options)[0]
            segments = max(segments, retried, key=_rate_segments)
        if not (_is_failed(segments, window.duration_s) and _is_silent(segments)):
            for word in (word for segment in segments for word in _merge_words(segment, language)):
                start_s, end_s = window.to_source_clock(word.start_s, word.end_s)
                words.append(Word(word.text, start_s, end_s, word.confidence))
    return words


def _decode(
    whisper: WhisperModel, reader: AudioReader, windows: Sequence[AsrWindow], language: str, **options: int
) -> list[list[Segment]]:
    """Return Whisper's segments for each window, with word times on the window's clock."""
    samples = [_read_window(reader, window) for window in windows]
    offsets = np.cumsum([0, *(len(part) for part in samples)]) / SAMPLE_RATE
    segments, _ = BatchedInferencePipeline(whisper).transcribe(
        np.concatenate(samples),
        language=language,
        clip_timestamps=[{"start": a, "end": b} for a, b in pairwise(offsets.tolist())],
        batch_size=len(windows),
        word_timestamps=True,
        **options,
    )
    decoded: list[list[Segment]] = [[] for _ in windows]
    for segment in segments:
        # The pipeline counts from the start of the joined samples; `offset` is the start of the segment's window there.
        offset = segment.seek * _HOP / SAMPLE_RATE
        for word in segment.words or ():
            word.start -= offset
            word.end -= offset
        decoded[int(np.searchsorted(offsets, offset + 0.05, side="right")) - 1].append(segment)
    return decoded


def _read_window(reader: AudioReader, window: AsrWindow) -> np.ndarray:
    """Return the samples of the window's intervals: float32, shape (n,), n a multiple of Whisper's hop."""
    samples = np.concatenate([reader.read(interval.start_s, interval.end_s) for interval in window.intervals])
    return np.pad(samples, (0, -len(samples) % _HOP))


def _is_failed(segments: Sequence[Segment], duration_s: float) -> bool:
    """Return whether any segment is improbable, or the window repeats itself faster than people speak."""
    if any(segment.avg_logprob < _MIN_LOGPROB for segment in segments):
        return True
    is_fast = sum(len(segment.words or ()) for segment in segments) > _MAX_WORDS_PER_S * duration_s
    return is_fast and any(segment.compression_ratio > _MAX_COMPRESSION_RATIO for segment in segments)


def _is_silent(segments: Sequence[Segment]) -> bool:
    return all(segment.no_speech_prob > _MAX_NO_SPEECH_PROB for segment in segments)


def _rate_segments(segments: Sequence[Segment]) -> float:
    """Return the lowest mean log probability of the segments, less a penalty for repetition; higher is better."""
    return min(
        (s.avg_logprob - max(s.compression_ratio - _MAX_COMPRESSION_RATIO, 0.0) for s in segments), default=-10.0
    )


def _merge_words(segment: Segment, language: str) -> list[Word]:
    """Return the words of a segment without surrounding spaces.

    In languages with spaces, consecutive tokens without a space between them ("co", "-founder"; "40", "%") are one
    word. Words without a letter or digit are dropped.
    """
    words: list[Word] = []
    for token in segment.words or ():
        word = Word(token.word.strip(), float(token.start), float(token.end), round(float(token.probability), 3))
        if words and language not in UNSPACED_LANGUAGES and not token.word.startswith(" "):
            last = words.pop()
            confidence = min(last.confidence, word.confidence)
            word = Word(last.text + word.text, last.start_s, max(word.end_s, last.end_s), confidence)
        words.append(word)
    return [word for word in words if any(character.isalnum() for character in word.text)]
