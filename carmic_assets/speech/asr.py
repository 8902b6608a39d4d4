"""Whisper on windows of sound: which language, and which words at which time.

Greedy decoding in a batch; a window that failed by Whisper's own signs is decoded again with a beam, then with repeats
forbidden. Never by sampling: the same sound gives the same words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from carmic_assets.model.speech import Word
from carmic_assets.speech.asr_windows import Window
from carmic_assets.speech.audio_reader import RATE, Sound

if TYPE_CHECKING:
    import numpy as np
    from faster_whisper import WhisperModel

UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})  # languages that Whisper writes without spaces
_HOP = 160  # samples of one feature frame: 10 ms
_AGAIN: tuple[dict[str, Any], ...] = ({"beam_size": 5}, {"beam_size": 5, "no_repeat_ngram_size": 3})

# Whisper's own signs of a failed window (Radford et al. 2022, section 4.5). Some people do repeat themselves, not fast
_MOST_COMPRESSION = 2.4
_LEAST_LOGPROB = -1.0
_MOST_NO_SPEECH = 0.6
_FASTEST = 5.0  # words a second, over a window


def language(whisper: WhisperModel, sound: Sound, windows: Sequence[Window]) -> tuple[str, float]:
    """The language (ISO 639-1) with the highest mean probability over the windows, and that probability."""
    total: defaultdict[str, float] = defaultdict(float)
    for window in windows:
        features = whisper.feature_extractor(_samples(sound, window))
        for name, probability in whisper.detect_language(features=features)[2]:
            total[name] += probability
    best = max(total, key=lambda name: (total[name], name))
    return best, total[best] / len(windows)


def words(
    whisper: WhisperModel, sound: Sound, batch: Sequence[Window], spoken: str, *, timed: bool = True
) -> list[Word]:
    """The words of the windows, in order, on the source clock; none of a window where the model itself hears nobody.

    `timed`: Whisper writes times between its phrases. It then loses nothing that is said again and again, but may stop
    before the end of a window; without, it hears the end but may skip a repetition. What one misses the other hears.
    """
    heard = _decode(whisper, sound, batch, spoken, beam_size=1, without_timestamps=not timed)
    found: list[Word] = []
    for window, segments in zip(batch, heard, strict=True):
        for how in _AGAIN:
            if not _failed(segments, window.length_s):
                break
            again = _decode(whisper, sound, [window], spoken, **how)[0]
            segments = max(segments, again, key=_worth)
        if not (_failed(segments, window.length_s) and _nobody(segments)):
            said = (word for segment in segments for word in _words(segment, spoken))
            found += (Word(w.text, *window.source(w.start_s, w.end_s), w.confidence) for w in said)
    return found


def _decode(whisper: WhisperModel, sound: Sound, batch: Sequence[Window], spoken: str, **how: Any) -> list[list]:
    """Whisper's segments for each window of the batch, times on the window's clock."""
    import numpy as np
    from faster_whisper import BatchedInferencePipeline

    parts = [_samples(sound, window) for window in batch]
    offsets = np.cumsum([0, *(len(part) for part in parts)]) / RATE
    segments, _ = BatchedInferencePipeline(whisper).transcribe(
        np.concatenate(parts),
        language=spoken,
        clip_timestamps=[{"start": a, "end": b} for a, b in pairwise(offsets.tolist())],
        batch_size=len(batch),
        word_timestamps=True,
        **how,
    )
    found: list[list] = [[] for _ in batch]
    for segment in segments:
        offset = segment.seek * _HOP / RATE  # of the window, as the pipeline added it to every time
        for word in segment.words or ():
            word.start -= offset
            word.end -= offset
        found[int(np.searchsorted(offsets, offset + 0.05, side="right")) - 1].append(segment)
    return found


def _samples(sound: Sound, window: Window) -> np.ndarray:
    """The sound of a window's pieces one after the other: float32, shape (n,), n a multiple of Whisper's hop."""
    import numpy as np

    joined = np.concatenate([sound.read(piece.start_s, piece.end_s) for piece in window.pieces])
    return np.pad(joined, (0, -len(joined) % _HOP))


def _failed(segments: Sequence, length_s: float) -> bool:
    """Whether a window's segments are a guess, or repeat themselves faster than anybody speaks."""
    if any(s.avg_logprob < _LEAST_LOGPROB for s in segments):
        return True
    fast = sum(len(s.words or ()) for s in segments) > _FASTEST * length_s
    return fast and any(s.compression_ratio > _MOST_COMPRESSION for s in segments)


def _nobody(segments: Sequence) -> bool:
    return all(s.no_speech_prob > _MOST_NO_SPEECH for s in segments)


def _worth(segments: Sequence) -> float:
    """Higher is better: mean log probability, less a fine for repetition."""
    return min((s.avg_logprob - max(s.compression_ratio - _MOST_COMPRESSION, 0.0) for s in segments), default=-10.0)


def _words(segment: Any, spoken: str) -> list[Word]:
    """Stripped; what Whisper wrote without a space between ("co", "-founder"; "40", "%") is one word, in languages that
    have spaces. What has neither letter nor digit is left out."""
    found: list[Word] = []
    for part in segment.words or ():
        word = Word(part.word.strip(), float(part.start), float(part.end), round(float(part.probability), 3))
        if found and spoken not in UNSPACED and not part.word.startswith(" "):
            last = found.pop()
            sure = min(last.confidence, word.confidence)
            word = Word(last.text + word.text, last.start_s, max(word.end_s, last.end_s), sure)
        found.append(word)
    return [word for word in found if any(letter.isalnum() for letter in word.text)]
