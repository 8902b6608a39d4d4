"""Represents a file of footage as a grid of frames at a constant rate that begins at time 0 of the file.

A file with a variable rate, a late start or more than 60 frames per second is read on the grid of its render, so frame
`n` is the same image in a preview, a strip and an export. The module writes filter text and runs no process.
"""

from __future__ import annotations

import math
from fractions import Fraction

import msgspec

from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.segment_edits import MAX_FOOTAGE_S
from carmic_assets.media.ffmpeg import Input
from carmic_assets.media.video_filters import (
    build_orientation_filters,
    build_output_filters,
    build_scale_filter,
    build_source_filters,
    build_working_format_filters,
    choose_output_rate,
    round_to_even,
)
from carmic_assets.model.media import FrameRate, SourceFacts, VideoFacts
from carmic_assets.model.timeline import Canvas, Segment
from carmic_assets.rendering.video_graph import compute_last_frame_s, compute_seek_margin_s


class Footage(msgspec.Struct, frozen=True):
    """A local file and its probe facts; `clock_offset` is the number of the file's first frame on the footage's clock.

    Footage that an AI edit produced from the frames 75..175 of another file has the offset 75, so its frames keep the
    numbers of the original ones.
    """

    path: str
    facts: SourceFacts
    clock_offset: int = 0

    @property
    def video(self) -> VideoFacts:
        """Facts of the video stream. Footage without one is refused at upload."""
        if self.facts.video is None:
            raise ValueError(f"{self.path} has no video stream")
        return self.facts.video

    @property
    def rate(self) -> FrameRate:
        """Rate of the frame grid."""
        return choose_output_rate(self.video)

    @property
    def frames(self) -> int:
        """Number of frames on the grid, at least one."""
        end_s = self.video.start_s + self.video.duration_s
        return max(1, math.floor(end_s * float(self.rate.fraction) + 0.5))

    def seconds(self, frame: int) -> Fraction:
        """Time of a frame (numbered on the footage's clock) in the file."""
        return (frame - self.clock_offset) / self.rate.fraction


def whole_segment(facts: SourceFacts, asset_id: str, segment_id: str) -> Segment:
    """Return the segment that covers the complete file.

    Raises:
        ImpossibleEditError: the file has no video stream or is too long.
    """
    if facts.video is None:
        raise ImpossibleEditError("The file has no video stream. Upload a video.")
    if facts.duration_s > MAX_FOOTAGE_S:
        raise ImpossibleEditError(
            f"A video must be at most {MAX_FOOTAGE_S / 3600:.0f} hours long. Upload a part of it."
        )
    footage = Footage("", facts)
    end = footage.frames
    return Segment(segment_id, asset_id, footage.rate, 0, end, 0, end, 0)


def natural_canvas(facts: SourceFacts) -> Canvas:
    """Return the canvas with the size and rate of a file."""
    video = Footage("", facts).video
    return Canvas(round_to_even(video.width), round_to_even(video.height), choose_output_rate(video))


def picture_input(footage: Footage, start_s: Fraction) -> Input:
    """Return the file as an ffmpeg input that seeks to before `start_s`, so that the frame at `start_s` is decoded."""
    begin_s = min(float(start_s), compute_last_frame_s(footage.video)) - compute_seek_margin_s(footage.facts)
    seek = ("-ss", f"{begin_s:.6f}", "-noaccurate_seek") if begin_s > 0 else ()
    return Input(footage.path, ("-noautorotate", "-copyts", *seek))


def frames_from(footage: Footage, start_s: Fraction, rate: FrameRate, count: int) -> tuple[str, ...]:
    """Return filters that convert the decoded stream to `count` upright frames at `rate` from `start_s`, SDR or HDR.

    If the file ends early, its last frame is repeated, so the number of frames is exact.
    """
    video = footage.video
    origin_s = footage.facts.container_start_s + min(float(start_s), compute_last_frame_s(video))
    return (
        *build_source_filters(video),
        f"setpts=round(PTS-{origin_s:.6f}/TB)",  # in a time base of one frame, truncation would be a frame off
        f"fps={rate.num}/{rate.den}:start_time=0:round=near",
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={count}",
        *build_working_format_filters(video),
        *build_orientation_filters(video),
    )


def on_canvas(footage: Footage, canvas: Canvas) -> tuple[str, ...]:
    """Return filters that fit an upright frame into the canvas with black bars: BT.709 SDR, 8 bits, square pixels."""
    video = footage.video
    width, height = fit_size(video, canvas)
    fitted = () if _has_size(video, width, height) else (build_scale_filter(width, height),)
    bars = () if (width, height) == (canvas.width, canvas.height) else (_pad(canvas),)
    return (*fitted, *build_output_filters(video), *bars)


def fit_size(video: VideoFacts, canvas: Canvas) -> tuple[int, int]:
    """Return the even width and height of an upright frame that is scaled to fit into the canvas."""
    ratio = min(Fraction(canvas.width, video.width), Fraction(canvas.height, video.height))
    width, height = (max(2, 2 * round(size * ratio / 2)) for size in (video.width, video.height))
    return min(width, canvas.width), min(height, canvas.height)


def _has_size(video: VideoFacts, width: int, height: int) -> bool:
    coded = (video.coded_width, video.coded_height)
    upright = coded[::-1] if video.rotation in (90, 270) else coded
    return upright == (width, height) and video.sar_num == video.sar_den


def _pad(canvas: Canvas) -> str:
    return f"pad={canvas.width}:{canvas.height}:(ow-iw)/2:(oh-ih)/2:black"
