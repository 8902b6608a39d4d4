"""Packs speech into the half-minute windows that Whisper hears, and maps times in a window back to the source clock.

Silences longer than a breath are left out: Whisper invents words over them, and each window costs the same however
much of it is silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from carmic_assets.model.speech import Word
from carmic_assets.speech.voice_activity import Spans

LONGEST_S = 29.0  # Whisper's window is 30 s
_PAD_S = 0.25  # kept around speech: the detector starts late on soft consonants
_BREATH_S = 0.8  # a gap up to this stays as it is
_MISSED_S = 0.8
_NEAR_S = 0.3
_BREAK_S = 3.0  # a window ends at a pause of this length once it is half full


class Piece(msgspec.Struct, frozen=True):
    """A stretch of the source that is in a window whole."""

    start_s: float
    end_s: float


class Window(msgspec.Struct, frozen=True):
    """Pieces in order, to be heard one right after the other; at most `LONGEST_S` together."""

    pieces: tuple[Piece, ...]

    @property
    def length_s(self) -> float:
        return sum(piece.end_s - piece.start_s for piece in self.pieces)

    def source(self, start_s: float, end_s: float) -> tuple[float, float]:
        """A span on the window's clock on the source clock, kept inside the piece that holds its middle."""
        middle = (start_s + end_s) / 2
        for index, piece in enumerate(self.pieces):
            length = piece.end_s - piece.start_s
            if middle < length or index == len(self.pieces) - 1:
                first, last = (min(max(piece.start_s + t, piece.start_s), piece.end_s) for t in (start_s, end_s))
                return first, last
            start_s, end_s, middle = start_s - length, end_s - length, middle - length
        raise ValueError("a window has at least one piece")


def pack(speech: Spans, start_s: float, end_s: float, *, longest_s: float = LONGEST_S) -> tuple[Window, ...]:
    """Windows that hold all of `speech` (inside `start_s`..`end_s`) once, cut at pauses wherever there is one."""
    pieces = [piece for joined in _padded(speech, start_s, end_s) for piece in _cut(joined, speech, longest_s)]
    windows: list[list[Piece]] = []
    length = 0.0
    for piece in pieces:
        size = piece.end_s - piece.start_s
        pause = piece.start_s - windows[-1][-1].end_s if windows else 0.0
        if not windows or length + size > longest_s or (length > longest_s / 2 and pause > _BREAK_S):
            windows.append([])
            length = 0.0
        windows[-1].append(piece)
        length += size
    return tuple(Window(tuple(pieces)) for pieces in windows)


def missed(speech: Spans, windows: Sequence[Window], said: Sequence[Word]) -> Spans:
    """Stretches of speech in the windows, of `_MISSED_S` at least, with no word near (`said` in order)."""
    found: list[tuple[float, float]] = []
    for piece in (piece for window in windows for piece in window.pieces):
        words = [word for word in said if word.start_s < piece.end_s and word.end_s > piece.start_s]
        for a, b in speech:
            at, end = max(a, piece.start_s), min(b, piece.end_s)
            for word in words:
                if word.start_s - _NEAR_S - at >= _MISSED_S and word.start_s - _NEAR_S <= end:
                    found.append((at, word.start_s - _NEAR_S))
                at = max(at, word.end_s + _NEAR_S)
            if end - at >= _MISSED_S:
                found.append((at, end))
    return tuple(found)


def _padded(speech: Spans, start_s: float, end_s: float) -> list[Piece]:
    pieces: list[Piece] = []
    for a, b in speech:
        first, last = max(a - _PAD_S, start_s), min(b + _PAD_S, end_s)
        if pieces and first - pieces[-1].end_s < _BREATH_S - 2 * _PAD_S:
            pieces[-1] = Piece(pieces[-1].start_s, last)
        elif last > first:
            pieces.append(Piece(first, last))
    return pieces


def _cut(piece: Piece, speech: Spans, longest_s: float) -> list[Piece]:
    """A piece longer than a window, cut at its longest pauses, else (nobody breathes) every `longest_s`."""
    if piece.end_s - piece.start_s <= longest_s:
        return [piece]
    earliest = piece.start_s + longest_s / 3
    gaps = [
        (after - before, (before + after) / 2)
        for (_, before), (after, _) in pairwise(speech)
        if earliest <= (before + after) / 2 <= piece.start_s + longest_s
    ]
    at = max(gaps)[1] if gaps else piece.start_s + longest_s
    return [Piece(piece.start_s, at), *_cut(Piece(at, piece.end_s), speech, longest_s)]
