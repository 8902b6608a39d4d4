"""Moves captions up or down if they would cover a face or burnt-in text.

All captions of a shot move together, so that none jumps.

The faces are those of the edit; this module detects none.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.caption_geometry import CaptionGeometry
from carmic_assets.captions.line_breaking import Screen
from carmic_assets.captions.placement import Caption, place_screens
from carmic_assets.captions.safe_zone import Rect
from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.model.edit import Edit, FaceBox

# The part of a face box between eyes and mouth: left, top, right, bottom, as fractions of it.
EXPRESSIVE_PART: Rect = (0.1, 0.2, 0.9, 0.95)
POSITIONS_PCT = tuple(range(6, 97, 3))  # candidate heights of the caption's middle, percent of the canvas height


class _ShotFaces(msgspec.Struct, frozen=True):
    """The faces of a shot, and its range on the output clock."""

    start_s: float
    end_s: float
    parts: tuple[tuple[float, float, Rect], ...]  # start and end (output clock) and rectangle (canvas)


def place_clear_of_faces(
    screens: Sequence[Screen], geometry: CaptionGeometry, title: Caption | None, edit: Edit, clock: OutputClock
) -> list[Caption]:
    """Place the screens like `place_screens`. If the screens of a shot would cover a face in it, move them up or down.

    They move to the nearest height at which no face is covered; if there is none, to the height that covers least. A
    position that the client sets (`custom`) is not changed.
    """
    captions = place_screens(screens, geometry, title)
    if geometry.style.fields.caption_position == "custom" or not (edit.faces or edit.burnt_in):
        return captions
    placed: list[Caption] = []
    for shot in _group_faces_by_shot(edit, clock):
        own = [s for s in screens if shot.start_s <= (s.start_s + s.end_s) / 2 < shot.end_s]
        placed += _place_in_shot(own, geometry, title, shot)
    return placed


def _place_in_shot(
    screens: Sequence[Screen], geometry: CaptionGeometry, title: Caption | None, shot: _ShotFaces
) -> list[Caption]:
    preferred = place_screens(screens, geometry, title)
    covered = _compute_covered_area(preferred, shot)
    if not preferred or covered == 0:
        return preferred
    preferred_y = _compute_middle(preferred)
    choices = [(covered, 0.0, preferred)]
    for percent in POSITIONS_PCT:
        fields = msgspec.structs.replace(
            geometry.style.fields, caption_position="custom", y_axis_custom_pct=float(percent)
        )
        style = msgspec.structs.replace(geometry.style, fields=fields)
        moved = place_screens(screens, msgspec.structs.replace(geometry, style=style), title)
        choices.append((_compute_covered_area(moved, shot), abs(_compute_middle(moved) - preferred_y), moved))
    return min(choices, key=lambda choice: choice[:2])[2]


def _group_faces_by_shot(edit: Edit, clock: OutputClock) -> list[_ShotFaces]:
    """Return the shots in order; they cover the output clock without gaps."""
    shots = []
    ranges = [(shot.start_time, shot.end_time) for shot in edit.shots] or [(0.0, edit.duration_s)]
    for number, (shot_start_s, shot_end_s) in enumerate(ranges):
        start_s = clock.to_output(shot_start_s) if number else float("-inf")
        end_s = clock.to_output(shot_end_s) if number < len(ranges) - 1 else float("inf")
        faces = [face for face in edit.faces if face.end_s > shot_start_s and face.start_s < shot_end_s]
        parts = tuple(
            (clock.to_output(f.start_s), clock.to_output(f.end_s), _compute_expressive_part(f)) for f in faces
        )
        parts += tuple(
            (clock.to_output(b.start_s), clock.to_output(b.end_s), (b.x, b.y, b.x + b.w, b.y + b.h))
            for b in edit.burnt_in
            if b.end_s > shot_start_s and b.start_s < shot_end_s
        )
        shots.append(_ShotFaces(start_s, end_s, parts))
    return shots


def _compute_expressive_part(face: FaceBox) -> Rect:
    left, top, right, bottom = EXPRESSIVE_PART
    return (face.x + left * face.w, face.y + top * face.h, face.x + right * face.w, face.y + bottom * face.h)


def _compute_covered_area(captions: Sequence[Caption], shot: _ShotFaces) -> float:
    """Return the sum of the face area that each caption covers, in pixels times detections."""
    total = 0.0
    for caption in captions:
        for start_s, end_s, part in shot.parts:
            if start_s < caption.end_s and end_s > caption.start_s:
                total += _compute_overlap(caption.box, part)
    return total


def _compute_overlap(a: Rect, b: Rect) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def _compute_middle(captions: Sequence[Caption]) -> float:
    return sum(caption.box[1] + caption.box[3] for caption in captions) / (2 * len(captions))
