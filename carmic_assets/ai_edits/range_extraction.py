"""Extracts a range of the timeline as one working clip: its segments with their effects, joined, and their sound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.working_clip import (
    SAMPLE_RATE,
    WorkingClip,
    extract_picture,
    extract_sound,
    read_samples,
    write_samples,
)
from carmic_assets.editing.export_chunks import join_chunks
from carmic_assets.editing.footage import Footage, natural_canvas
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.editing.timeline_clock import canvas_frames
from carmic_assets.model.direction import Box
from carmic_assets.model.timeline import Canvas, Segments


def choose_canvas(spans: Segments, footage: Mapping[str, Footage], canvas: Canvas) -> Canvas:
    """Return the canvas of the working clip: the size of the footage if the range has one file, else `canvas`.

    The rate is that of the segments if it is the same for all, so the variant has exactly their number of frames.
    """
    rates, assets = {span.rate for span in spans}, {span.asset_id for span in spans if span.asset_id}
    rate = rates.pop() if len(rates) == 1 else canvas.rate
    size = natural_canvas(footage[assets.pop()].facts) if len(assets) == 1 else canvas
    return Canvas(size.width, size.height, rate)


def box_on_clip(box: Box, clip: Canvas, canvas: Canvas) -> Box:
    """Convert a box from fractions of the timeline's canvas to fractions of the clip, which is fitted into the canvas.

    Raises:
        AiEditError: the box is inside the black bars around the footage.
    """
    ratio = min(canvas.width / clip.width, canvas.height / clip.height)
    share_x, share_y = clip.width * ratio / canvas.width, clip.height * ratio / canvas.height
    left, right = (_clamp((x - (1 - share_x) / 2) / share_x) for x in (box.x, box.x + box.w))
    top, bottom = (_clamp((y - (1 - share_y) / 2) / share_y) for y in (box.y, box.y + box.h))
    if right - left < 2 / clip.width or bottom - top < 2 / clip.height:
        raise AiEditError("`bounding_box` is inside the black bars around the footage. Draw it on the picture.")
    return Box(left, top, right - left, bottom - top)


def extract_range(spans: Segments, footage: Mapping[str, Footage], canvas: Canvas, folder: Path) -> WorkingClip:
    """Write the frames and the sound of `spans` as a working clip of `canvas` in `folder`.

    The sound is None if no footage of the range has any. Gaps are black and silent.
    """
    clips: list[WorkingClip] = []
    for number, (span, count) in enumerate(canvas_frames(spans, canvas.rate)):
        if count == 0:
            continue
        part = folder / f"part-{number}"
        part.mkdir()
        file = None if span.asset_id is None else footage[span.asset_id]
        start_s = span.start_s if file is None else file.seconds(span.in_frame)
        clip = extract_picture(Shot(file, start_s, count, span.effects, canvas), part)
        if file is not None and file.facts.audio is not None:
            clip = msgspec.structs.replace(clip, sound=extract_sound(file, start_s, clip.samples, part))
        clips.append(clip)
    if len(clips) == 1:
        return clips[0]
    return _join(clips, folder)


def _join(clips: list[WorkingClip], folder: Path) -> WorkingClip:
    path, first = folder / "source.mp4", clips[0]
    count = join_chunks([clip.path for clip in clips], None, first.rate, path)
    joined = WorkingClip(path, None, first.width, first.height, first.rate, sum(clip.count for clip in clips))
    if count != joined.count:
        raise AiEditError(f"The range has {count} frames instead of {joined.count}. Try again.")
    if all(clip.sound is None for clip in clips):
        return joined
    samples = np.zeros((joined.samples, 2), np.int16)
    frames = 0
    for clip in clips:
        begin = round(frames * SAMPLE_RATE / joined.rate.fraction)
        if clip.sound is not None:
            part = read_samples(clip.sound)[: joined.samples - begin]
            samples[begin : begin + len(part)] = part
        frames += clip.count
    return msgspec.structs.replace(joined, sound=write_samples(folder / "source.wav", samples))


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))
