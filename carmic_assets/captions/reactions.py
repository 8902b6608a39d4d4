"""Suggests emoji reactions for the words of a clip, and places them on the canvas.

A reaction is placed beside the speaker's face, inside the safe zone, where it covers no face, caption or title.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.reaction_words import EMOJI_BY_WORD
from carmic_assets.captions.safe_zone import Rect, SafeZone, compute_safe_zone
from carmic_assets.captions.unicode_text import clean_text
from carmic_assets.model.edit import FaceBox
from carmic_assets.model.speech import Word
from carmic_assets.model.template import Emoji

SIDE_RATIO = 0.15  # side of a reaction, as a fraction of the canvas' shorter side
_SIZE_STEPS = (1.0, 0.75, 0.55, 0.4)  # fractions of that side, tried in order if there is no free place
MIN_INTERVAL_S = 3.5  # minimum, between the starts of two reactions
REPEAT_INTERVAL_S = 20.0  # minimum time between the starts of two reactions with the same emoji
DURATION_S = 1.5  # of a reaction
MIN_DURATION_S = 0.3  # a reaction that would be shorter, at the end of the clip, is not suggested

_PUNCTUATION = ".,;:!?¡¿…\"'“”‘’«»()[]、。！？،؟۔"
# Possessives, plurals and the most frequent endings of the languages in `reaction_words`.
_ENDINGS = ("'s", "’s", "s", "es", "ed", "ing", "n", "en", "er", "e")
_MIN_STEM_LETTERS = 4  # letters that remain after an ending is removed


class OccupiedArea(msgspec.Struct, frozen=True):
    """A rectangle of the canvas that is in use during a range of the clip clock."""

    start_s: float
    end_s: float
    rect: Rect


def suggest_reactions(words: Sequence[Word], duration_s: float | None = None) -> list[Emoji]:
    """Return reactions for the words of a clip: at most one in 3.5 s, and each emoji at most once in 20 s.

    Times count from the clip's start. The reactions have no position yet. `place_reactions` chooses it on rendering,
    when the positions of faces and captions are known.
    """
    reactions: list[Emoji] = []
    last_shown_s: dict[str, float] = {}
    for word in words:
        emoji = _find_emoji(word.text)
        start_s = word.start_s
        if emoji is None or (reactions and start_s - reactions[-1].start_time < MIN_INTERVAL_S):
            continue
        if start_s - last_shown_s.get(emoji, -REPEAT_INTERVAL_S) < REPEAT_INTERVAL_S:
            continue
        length_s = DURATION_S if duration_s is None else min(DURATION_S, duration_s - start_s)
        if length_s < MIN_DURATION_S or start_s < 0:
            continue
        reactions.append(
            Emoji(emoji=emoji, start_time=round(start_s, 3), duration=round(length_s, 3), speaker=word.speaker)
        )
        last_shown_s[emoji] = start_s
    return reactions


def _find_emoji(word: str) -> str | None:
    """Return the emoji of a word or of its stem."""
    bare_word = clean_text(word).casefold().strip(_PUNCTUATION)
    if bare_word in EMOJI_BY_WORD:
        return EMOJI_BY_WORD[bare_word]
    for ending in _ENDINGS:
        stem = bare_word.removesuffix(ending)
        if len(stem) >= _MIN_STEM_LETTERS and stem != bare_word and stem in EMOJI_BY_WORD:
            return EMOJI_BY_WORD[stem]
    return None


def place_reactions(
    emojis: Sequence[Emoji],
    canvas: tuple[int, int],
    faces: Sequence[FaceBox] = (),
    occupied: Sequence[OccupiedArea] = (),
) -> list[tuple[Emoji, Rect]]:
    """Return each reaction with the square in which it is shown.

    A reaction with `x` and `y` is centred there, but moved into the canvas if necessary. The others take the free place
    nearest to the speaker's face, at a smaller size if space is limited. Reactions without a free place are
    omitted.
    """
    zone = compute_safe_zone(*canvas)
    side = SIDE_RATIO * min(canvas)
    placed: list[tuple[Emoji, Rect]] = []
    for emoji in emojis:
        start_s, end_s = emoji.start_time, emoji.start_time + emoji.duration
        rect: Rect | None
        if emoji.x is not None and emoji.y is not None:
            rect = _clamp_to_canvas(emoji.x * canvas[0], emoji.y * canvas[1], side, canvas)
        else:
            others = [OccupiedArea(e.start_time, e.start_time + e.duration, _add_margin(r)) for e, r in placed]
            obstacles = [a.rect for a in (*occupied, *others) if a.start_s < end_s and a.end_s > start_s]
            visible_faces = [f for f in faces if f.start_s < end_s and f.end_s > start_s]
            target = _choose_preferred_centre(visible_faces, emoji.speaker, zone, side)
            heads = [_compute_head_rect(f) for f in visible_faces]
            rect = _find_free_square(side, zone, target, [*obstacles, *heads])
            if rect is None:
                rect = _find_free_square(
                    side, zone, target, [*obstacles, *(_compute_face_rect(f) for f in visible_faces)]
                )
        if rect is not None:
            placed.append((emoji, rect))
    return placed


def _clamp_to_canvas(x: float, y: float, side: float, canvas: tuple[int, int]) -> Rect:
    """Return the square centred on `x`, `y`, moved into the canvas."""
    left = min(max(x - side / 2, 0.0), canvas[0] - side)
    top = min(max(y - side / 2, 0.0), canvas[1] - side)
    return left, top, left + side, top + side


def _add_margin(rect: Rect) -> Rect:
    margin = 0.1 * (rect[2] - rect[0])
    return rect[0] - margin, rect[1] - margin, rect[2] + margin, rect[3] + margin


def _compute_face_rect(face: FaceBox) -> Rect:
    return face.x, face.y, face.x + face.w, face.y + face.h


def _compute_head_rect(face: FaceBox) -> Rect:
    """Return the rectangle of the head with hair and ears, because a face box extends from brow to chin only."""
    return (
        face.x - 0.15 * face.w,
        face.y - 0.30 * face.h,
        face.x + 1.15 * face.w,
        face.y + 1.08 * face.h,
    )


def _choose_preferred_centre(
    faces: Sequence[FaceBox], speaker: str | None, zone: SafeZone, side: float
) -> tuple[float, float]:
    """Return the best centre for a reaction: at the speaker's temple, on the side with more room."""
    candidates = [f for f in faces if f.speaker == speaker] or list(faces)
    if not candidates:
        # Without a face: at the right edge, 22 % below the top of the safe zone.
        return zone.right - side, zone.y + zone.h * 0.22
    face = max(candidates, key=lambda f: (f.w * f.h, -f.x))
    face_centre = face.x + face.w / 2
    more_room_on_the_right = zone.right - face_centre >= face_centre - zone.x
    x = face.x + 1.15 * face.w + side / 2 if more_room_on_the_right else face.x - 0.15 * face.w - side / 2
    return x, face.y


def _find_free_square(
    side: float, zone: SafeZone, target: tuple[float, float], obstacles: Sequence[Rect]
) -> Rect | None:
    """Return the free square on a grid whose centre is nearest to `target`, at the largest size with a free square."""
    for size in (side * step for step in _SIZE_STEPS):
        stride = size / 3
        best: tuple[float, Rect] | None = None
        for row in range(int((zone.h - size) / stride) + 1):
            for column in range(int((zone.w - size) / stride) + 1):
                left, top = zone.x + column * stride, zone.y + row * stride
                rect = (left, top, left + size, top + size)
                if any(_overlaps(rect, obstacle) for obstacle in obstacles):
                    continue
                distance = (left + size / 2 - target[0]) ** 2 + (top + size / 2 - target[1]) ** 2
                if best is None or distance < best[0] - 1e-9:
                    best = (distance, rect)
        if best is not None:
            return best[1]
    return None


def _overlaps(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
