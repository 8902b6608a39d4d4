"""Builds the filter chain of a segment: footage frames, canvas, effects. Previews, strips and exports all use it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from carmic_assets.editing import colour_grade
from carmic_assets.editing.footage import Footage, frames_from, on_canvas, picture_input
from carmic_assets.media.ffmpeg import Input
from carmic_assets.model.timeline import Canvas, Effects


class Shot(msgspec.Struct, frozen=True):
    """`count` canvas frames of one segment from `start_s` (time in the file). If `footage` is None, they are black."""

    footage: Footage | None
    start_s: Fraction
    count: int
    effects: Effects
    canvas: Canvas


def shot_input(shot: Shot) -> Input:
    """Return the input that `shot_filters` reads as its stream 0."""
    if shot.footage is None:
        size, rate = f"{shot.canvas.width}x{shot.canvas.height}", shot.canvas.rate
        seconds = float(shot.count / rate.fraction) + 1
        return Input(f"color=black:s={size}:r={rate.num}/{rate.den}:d={seconds:.6f}", format="lavfi")
    return picture_input(shot.footage, shot.start_s)


def shot_filters(shot: Shot, folder: Path, frames: Sequence[int] = ()) -> tuple[str, ...]:
    """Return filters from the input's video stream to finished canvas frames; writes curve files to `folder`.

    With `frames`, only these are finished, counted from the start of the shot.
    """
    chosen = (f"select='{'+'.join(f'eq(n,{n})' for n in frames)}'",) if frames else ()
    if shot.footage is None:
        return (f"trim=end_frame={shot.count}", *chosen, "format=yuv420p", "setsar=1")
    return (
        *frames_from(shot.footage, shot.start_s, shot.canvas.rate, shot.count),
        *chosen,
        *on_canvas(shot.footage, shot.canvas),
        *colour_grade.filters(shot.effects.grade, folder),
    )


def shot_graph(shot: Shot, folder: Path, output: str, after: tuple[str, ...] = (), frames: Sequence[int] = ()) -> str:
    """Return the chain as filter text from input 0 to the label `output`; `after` follows the effects."""
    stream = 0 if shot.footage is None else shot.footage.video.index
    return f"[0:{stream}]{','.join([*shot_filters(shot, folder, frames), *after])}[{output}]"
