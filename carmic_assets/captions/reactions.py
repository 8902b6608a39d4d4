"""Emoji reactions: which words call for one, and where on the canvas it may stand.

Beside the speaker's face, never over a face, a caption or the title, and inside the safe zone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.reaction_words import REACTIONS
from carmic_assets.captions.safe_zone import SafeZone, safe_zone
from carmic_assets.captions.tokens import clean
from carmic_assets.model.edit import FaceBox
from carmic_assets.model.speech import Word
from carmic_assets.model.template import Emoji

SIDE = 0.15  # of the canvas's shorter side
APART_S = 3.5  # between two reactions
AGAIN_S = 20.0  # before the same one is shown again
SHOWN_S = 1.5

Rect = tuple[float, float, float, float]  # left, top, right, bottom


class Blocked(msgspec.Struct, frozen=True):
    """A rectangle of the canvas that is taken for a stretch of the clip clock."""

    start_s: float
    end_s: float
    rect: Rect


def emoji_fill(words: Sequence[Word], duration_s: float | None = None) -> list[Emoji]:
    """Reactions that the words call for (clip clock), at most one in 3.5 s and the same not twice in 20 s.

    They have no position: `place` finds one where faces and captions are known, when the clip is rendered.
    """
    found: list[Emoji] = []
    shown: dict[str, float] = {}
    for word in words:
        emoji = _reaction(word.text)
        start = word.start_s
        if emoji is None or (found and start - found[-1].start_time < APART_S):
            continue
        if start - shown.get(emoji, -AGAIN_S) < AGAIN_S:
            continue
        length = SHOWN_S if duration_s is None else min(SHOWN_S, duration_s - start)
        if length < 0.3 or start < 0:
            continue
        found.append(Emoji(emoji=emoji, start_time=round(start, 3), duration=round(length, 3), speaker=word.speaker))
        shown[emoji] = start
    return found


def _reaction(word: str) -> str | None:
    bare = clean(word).casefold().strip(".,;:!?¡¿…\"'“”‘’«»()[]、。！？،؟۔")
    if bare in REACTIONS:
        return REACTIONS[bare]
    # Possessives, plurals and the commonest endings of the languages in the table.
    for ending in ("'s", "’s", "s", "es", "ed", "ing", "n", "en", "er", "e"):
        stem = bare.removesuffix(ending)
        if len(stem) >= 4 and stem != bare and stem in REACTIONS:
            return REACTIONS[stem]
    return None


def place(
    emojis: Sequence[Emoji], canvas: tuple[int, int], faces: Sequence[FaceBox] = (), taken: Sequence[Blocked] = ()
) -> list[tuple[Emoji, Rect]]:
    """Each reaction and the square it is shown in, canvas pixels.

    One that comes with `x` and `y` (its middle, 0..1 of the canvas) stays there, moved only as far as the edge of the
    canvas asks. For the others the free place nearest to the speaker's face is taken, smaller where there is little
    room; a reaction for which there is none at all is left out.
    """
    zone = safe_zone(*canvas)
    side = SIDE * min(canvas)
    placed: list[tuple[Emoji, Rect]] = []
    for emoji in emojis:
        start, end = emoji.start_time, emoji.start_time + emoji.duration
        others = [Blocked(e.start_time, e.start_time + e.duration, _wider(r)) for e, r in placed]
        rect: Rect | None
        if emoji.x is not None and emoji.y is not None:
            rect = _inside(emoji.x * canvas[0], emoji.y * canvas[1], side, canvas)
        else:
            seen = [f for f in faces if f.start_s < end and f.end_s > start]
            blocked = [b.rect for b in (*taken, *others) if b.start_s < end and b.end_s > start]
            wanted = _beside(seen, emoji.speaker, zone, side)
            rect = _nearest_free(side, zone, wanted, [*blocked, *(_with_hair(f) for f in seen)])
            rect = rect or _nearest_free(side, zone, wanted, [*blocked, *(_bare(f) for f in seen)])
        if rect is not None:
            placed.append((emoji, rect))
    return placed


def _inside(x: float, y: float, side: float, canvas: tuple[int, int]) -> Rect:
    left = min(max(x - side / 2, 0.0), canvas[0] - side)
    top = min(max(y - side / 2, 0.0), canvas[1] - side)
    return left, top, left + side, top + side


def _wider(rect: Rect) -> Rect:
    edge = 0.1 * (rect[2] - rect[0])
    return rect[0] - edge, rect[1] - edge, rect[2] + edge, rect[3] + edge


def _bare(face: FaceBox) -> Rect:
    return face.x, face.y, face.x + face.w, face.y + face.h


def _with_hair(face: FaceBox) -> Rect:
    """A face box ends at brows and chin: hair and ears are better left free too, where there is room."""
    return (
        face.x - 0.15 * face.w,
        face.y - 0.30 * face.h,
        face.x + 1.15 * face.w,
        face.y + 1.08 * face.h,
    )


def _beside(seen: Sequence[FaceBox], speaker: str | None, zone: SafeZone, side: float) -> tuple[float, float]:
    """Where the middle of the picture would best be: at the speaker's temple, on the side with more room."""
    own = [f for f in seen if f.speaker == speaker] or list(seen)
    if not own:
        return zone.right - side, zone.y + zone.h * 0.22
    face = max(own, key=lambda f: (f.w * f.h, -f.x))
    middle = face.x + face.w / 2
    right = zone.right - middle >= middle - zone.x
    return (face.x + 1.15 * face.w + side / 2 if right else face.x - 0.15 * face.w - side / 2), face.y


def _nearest_free(side: float, zone: SafeZone, wanted: tuple[float, float], blocked: Sequence[Rect]) -> Rect | None:
    for size in (side, side * 0.75, side * 0.55, side * 0.4):
        step = size / 3
        best: tuple[float, Rect] | None = None
        for row in range(int((zone.h - size) / step) + 1):
            for column in range(int((zone.w - size) / step) + 1):
                left, top = zone.x + column * step, zone.y + row * step
                rect = (left, top, left + size, top + size)
                if any(_overlap(rect, b) for b in blocked):
                    continue
                away = (left + size / 2 - wanted[0]) ** 2 + (top + size / 2 - wanted[1]) ** 2
                if best is None or away < best[0] - 1e-9:
                    best = (away, rect)
        if best is not None:
            return best[1]
    return None


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
