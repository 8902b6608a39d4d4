"""One clip as an editing program sees it: tracks of pieces on the frame grid, worked out once and written four times.

Everything is in whole frames of the sequence, or in fractions of seconds of a file; nothing is rounded twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import msgspec

from carmic_assets.captions.word_timing import first_frame
from carmic_assets.direction.canvas import Rect, region_rects
from carmic_assets.direction.crop_sampling import region_at
from carmic_assets.exports.font_names import Typeface
from carmic_assets.exports.motion_keyframes import Canvas, Key, place, thin
from carmic_assets.exports.package_media import Footage, Sound
from carmic_assets.exports.timecode import sequence_rate
from carmic_assets.model.direction import Box, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import Rate
from carmic_assets.rendering.crop_plan import EARLY_S, WHOLE, fitted
from carmic_assets.rendering.video_graph import on_output_clock


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a footage on the sequence, `start`..`end` (frames, end exclusive).

    `source` is where it begins, in seconds after the footage's first frame. `keys` are relative to `start`.
    """

    start: int
    end: int
    footage: str
    source: Fraction
    keys: tuple[Key, ...]
    speaker: str | None = None
    note: str = ""
    blur: float = 0.0  # radius in canvas pixels


class Level(msgspec.Struct, frozen=True):
    """Loudness at a frame: a factor, 1 as recorded."""

    frame: int
    gain: float


class Bed(msgspec.Struct, frozen=True):
    """A stretch of a sound file under the picture."""

    start: int
    end: int
    sound: str
    source: Fraction
    levels: tuple[Level, ...]


class Style(msgspec.Struct, frozen=True):
    """How a text looks: pixels of the canvas, colours as 0..1 red, green, blue, alpha; `middle` is its vertical middle
    in canvas pixels from the top."""

    font: Typeface
    size: float
    color: tuple[float, float, float, float]
    stroke: float
    stroke_color: tuple[float, float, float, float]
    middle: float


class Title(msgspec.Struct, frozen=True):
    """A text of its own, `start`..`end` in frames."""

    start: int
    end: int
    text: str
    role: Literal["Captions", "Hook"]
    speaker: str | None
    style: Style


class Note(msgspec.Struct, frozen=True):
    """A marker at a frame."""

    frame: int
    name: str
    comment: str


class Still(msgspec.Struct, frozen=True):
    """A picture that stays: middle and width in canvas pixels as in `Key`, opacity 0..1."""

    start: int
    end: int
    name: str
    path: str
    width: int  # of the file
    height: int
    x: float
    y: float
    shown_width: float
    opacity: float


class Timeline(msgspec.Struct, frozen=True):
    """The sequence. `tracks` are the picture's, bottom first; `main` is the one whose sound is heard, without a gap."""

    name: str
    rate: Rate
    width: int
    height: int
    frames: int
    footage: tuple[Footage, ...]
    sounds: tuple[Sound, ...]
    background: tuple[Piece, ...]
    main: tuple[Piece, ...]
    second: tuple[Piece, ...]
    broll: tuple[Piece, ...]
    voice_gain: float
    beds: tuple[Bed, ...]
    captions: tuple[Title, ...]
    hook: tuple[Title, ...]
    stills: tuple[tuple[Still, ...], ...]  # tracks above the b-roll, bottom first
    notes: tuple[Note, ...]
    speakers: tuple[str, ...]

    @property
    def fps(self) -> Fraction:
        return self.rate.fraction

    def file(self, name: str) -> Footage:
        """The footage of that name. Raises `KeyError`."""
        return {each.name: each for each in self.footage}[name]

    def sound(self, name: str) -> Sound:
        """The sound of that name. Raises `KeyError`."""
        return {each.name: each for each in self.sounds}[name]


class Stretch(msgspec.Struct, frozen=True):
    """One layout on screen: frames of the clip clock, where they come on the sequence, and which shot they are of."""

    first: int
    last: int  # exclusive
    start: int  # on the sequence
    end: int
    shot: LayoutShot


def stretches(edit: Edit) -> tuple[Stretch, ...]:
    """What is left of the clip, cut at every removed pause and every change of layout, in order and without a gap."""
    rate = edit.rate.fraction
    grow = sequence_rate(rate) / rate
    cuts = [_frame(shot.start_time, rate) for shot in edit.shots[1:]]
    found: list[Stretch] = []
    at = 0
    for keep in edit.keeps:
        first, end = round(Fraction(keep.start_s) * rate), max(1, round(Fraction(keep.end_s) * rate))
        edges = [first, *(cut for cut in cuts if first < cut < end), end]
        for a, b in pairwise(edges):
            shot = edit.shots[sum(cut <= a for cut in cuts)]
            found.append(Stretch(a, b, round(at * grow), round((at + b - a) * grow), shot))
            at += b - a
    return tuple(s for s in found if s.end > s.start)


def _frame(seconds: float, rate: Fraction) -> int:
    """The first frame at or after a time of the clip clock, as the renderer counts."""
    return math.ceil((seconds - EARLY_S) * rate)


def exact(seconds: float) -> Fraction:
    """A float that was a time, as the fraction it stood for."""
    return Fraction(seconds).limit_denominator(1_000_000)


def used(edit: Edit) -> tuple[Fraction, Fraction]:
    """What of the source the clip uses, in seconds of the source clock."""
    rate = edit.rate.fraction
    parts = stretches(edit)
    begin = exact(edit.start_s)
    return begin + Fraction(min(p.first for p in parts)) / rate, begin + Fraction(max(p.last for p in parts)) / rate


def output_frame(edit: Edit, t: float) -> int | None:
    """The frame of the sequence that shows time `t` of the clip clock; None where it was cut out."""
    rate = edit.rate.fraction
    frame = math.floor((t + EARLY_S) * rate)
    for part in stretches(edit):
        if part.first <= frame < part.last:
            return part.start + round((frame - part.first) * sequence_rate(rate) / rate)
    return None


def appears(edit: Edit, t: float) -> int:
    """The frame of the sequence in which a text or picture that begins at `t` of the output clock appears."""
    rate = edit.rate.fraction
    return round(first_frame(t, rate) * sequence_rate(rate) / rate)


def pictures(edit: Edit, main: Footage) -> tuple[tuple[Piece, ...], tuple[Piece, ...], tuple[Piece, ...]]:
    """`(background, main, second)`: the source under the layout timeline, region by region, where the renderer's
    `make_plan` puts them."""
    rate = edit.rate.fraction
    grow = sequence_rate(rate) / rate
    layout = edit.config.layout
    assert edit.source.video is not None
    canvas = Canvas(edit.width, edit.height, edit.source.video.width, edit.source.video.height)
    whole = Rect(0, 0, edit.width, edit.height)
    zero = round((exact(edit.start_s) - main.origin) * rate)
    background, front, second = [], [], []
    for part in stretches(edit):
        times = [float((part.first + n / grow) / rate) for n in range(part.end - part.start)]
        rects = region_rects(part.shot.layout, layout.aspect_ratio, layout.padding)
        boxes: list[tuple[Box, ...]]
        if part.shot.layout == "fit":
            boxes = [(WHOLE,)]
            rects = (fitted(edit, rects[0]),)
        else:
            boxes = [tuple(region_at(region, t) for region in part.shot.regions) for t in times]
        own = main.rate.fraction
        source = round(Fraction(zero + part.first) / rate * own) / own
        piece = Piece(part.start, part.end, main.name, source, (), part.shot.speaker, part.shot.reason)

        def moved(which: int, rect: Rect, boxes: list[tuple[Box, ...]] = boxes) -> tuple[Key, ...]:
            return thin([place(n, each[which], rect, canvas) for n, each in enumerate(boxes)], rect, canvas)

        front.append(msgspec.structs.replace(piece, keys=moved(0, rects[0])))
        if len(rects) > 1:
            second.append(msgspec.structs.replace(piece, keys=moved(1, rects[1])))
        covered = rects[0].x == rects[0].y == 0 and rects[0].w == whole.w and sum(r.h for r in rects) == whole.h
        if not covered:
            behind = [place(n, _backdrop(each[0], canvas), whole, canvas) for n, each in enumerate(boxes)]
            keys = thin(behind, whole, canvas)
            background.append(msgspec.structs.replace(piece, keys=keys, blur=layout.background_blur, note=""))
    return tuple(background), tuple(front), tuple(second)


def _backdrop(box: Box, canvas: Canvas) -> Box:
    """The largest part of the source with the canvas' proportion around the middle of `box`."""
    part = min(canvas.source_width / canvas.width, canvas.source_height / canvas.height)
    w, h = canvas.width * part / canvas.source_width, canvas.height * part / canvas.source_height
    return Box(min(max(box.x + box.w / 2 - w / 2, 0), 1 - w), min(max(box.y + box.h / 2 - h / 2, 0), 1 - h), w, h)


def cutaways(edit: Edit, footage: Mapping[int, Footage]) -> tuple[Piece, ...]:
    """Films among the b-roll, filling the canvas, on the renderer's clock: they play on where a pause is removed.
    `footage` is by the number of the cutaway."""
    rate = sequence_rate(edit.rate.fraction)
    pieces: list[Piece] = []
    for number, (first, spans) in enumerate(cutaway_spans(edit)):
        file = footage.get(number)
        if file is None:
            continue
        cutaway, own = edit.cutaways[number], file.rate.fraction
        source = Fraction(round((exact(cutaway.source_start_s) - file.origin) * own)) / own
        last = first + math.floor((file.frames / own - source) * rate)
        cover = max(edit.width / file.width, edit.height / file.height)
        key = Key(0, 0.0, 0.0, file.width * cover, file.height * cover)
        for start, end in spans:
            if start < min(end, last):
                at = source + Fraction(start - first) / rate
                pieces.append(Piece(start, min(end, last), file.name, at, (key,), None, cutaway.media.name))
    return tuple(sorted(pieces, key=lambda piece: piece.start))


def cutaway_spans(edit: Edit) -> list[tuple[int, list[tuple[int, int]]]]:
    """For each cutaway, film or image: the frame of the sequence at which it begins, and the stretches in which it is
    seen, for where two overlap the later one is."""
    rate = sequence_rate(edit.rate.fraction)
    found: list[tuple[int, list[tuple[int, int]]]] = []
    for cutaway in edit.cutaways:
        start, end = (round(exact(t) * rate) for t in on_output_clock(edit, cutaway))
        found = [(first, [part for span in spans for part in _outside(span, start, end)]) for first, spans in found]
        found.append((start, [(start, end)] if start < end else []))
    return found


def _outside(span: tuple[int, int], start: int, end: int) -> list[tuple[int, int]]:
    """What is left of a stretch outside `start`..`end`."""
    a, b = span
    return [part for part in ((a, min(b, start)), (max(a, end), b)) if part[0] < part[1]] if start < end else [span]


def layered(stills: Sequence[Still]) -> tuple[tuple[Still, ...], ...]:
    """Stills on as few tracks as keep them apart in time, the order of what lies over what unchanged."""
    tracks: list[list[Still]] = []
    for still in stills:
        over = max((at for at, track in enumerate(tracks) if any(_meet(still, each) for each in track)), default=-1)
        if over + 1 == len(tracks):
            tracks.append([])
        tracks[over + 1].append(still)
    return tuple(tuple(sorted(track, key=lambda still: still.start)) for track in tracks)


def _meet(a: Still, b: Still) -> bool:
    return a.start < b.end and b.start < a.end
