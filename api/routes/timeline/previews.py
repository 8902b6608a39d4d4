"""Preview frames of the timeline, and of a grade before it is applied."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PathId, PlatformDep, WorkersDep
from api.errors import ApiError
from api.rate_limits import GRADE_PREVIEWS
from api.request_fields import Seconds
from api.timeline_edits import load_by_segment, load_timeline
from api.timeline_previews import PictureOptions, PreviewScene, Quality, draw_picture, draw_pictures
from api.timeline_views import GradeNumbers, round_s
from carmic_assets.editing import segment_edits
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.timeline_clock import FramePosition, duration_s, frame_shown_at, placements
from carmic_assets.model.timeline import Effects, PictureFormat, Segment, Segments
from resources.field_types import SignedUrl

MAX_STRIP_PICTURES = 120  # frames in one strip
STRIP_WIDTH_PX = 320
PREVIEW: dict[str, Any] = {
    "access": Access.EDITOR,
    "scope": "read",
    "default_workspace": True,
    "sync_to_thread": True,
    "status_code": 200,
    "idempotent": True,
    "tags": ["Timeline: previews"],
    "error_statuses": (404, 409, 422),
}
Width = Annotated[int, Meta(ge=16, le=4096, multiple_of=2)]


class FrameRequest(msgspec.Struct):
    """The frame at `ts` of the timeline. `quality: source` reads the source file; as PNG the frame is lossless."""

    ts: Annotated[Seconds, Meta(description="Time on the timeline, in seconds.", examples=[3.2])]
    quality: Annotated[Quality, Meta(description="`source` reads the source file in place of the editing proxy.")] = (
        "preview"
    )
    format: Annotated[PictureFormat, Meta(description="Format of the image; a PNG of the source is lossless.")] = "jpeg"
    width: Annotated[
        Width | None,
        Meta(
            description="Width of the image in pixels, an even number; that of the canvas if omitted.", examples=[640]
        ),
    ] = None


class FrameResponse(msgspec.Struct):
    """A frame as an image; `timestamp` is the start of the frame on the timeline."""

    frame_url: Annotated[SignedUrl, Meta(description="Signed URL of the image.")]
    timestamp: Annotated[float, Meta(description="Start of the frame on the timeline, in seconds.", examples=[3.2])]


class StripRequest(msgspec.Struct):
    """The frames of a strip: from `start` to before `end` (times of the timeline), `fps` frames per second."""

    start: Annotated[Seconds, Meta(description="Time of the first frame on the timeline, in seconds.", examples=[0])]
    end: Annotated[Seconds, Meta(description="Time before which the last frame lies, in seconds.", examples=[30])]
    fps: Annotated[float, Meta(gt=0, le=60, description="How many frames to draw for each second.")] = 1.0
    width: Annotated[Width, Meta(description="Width of each image in pixels, an even number.")] = STRIP_WIDTH_PX


class StripResponse(msgspec.Struct):
    """The frames, in order."""

    frames: Annotated[list[FrameResponse], Meta(description="The frames in the order of their times.")]


class GradePreviewRequest(GradeNumbers):
    """The grade to preview. `ts` is a time of the timeline inside the segment; by default that of its middle frame."""

    ts: Annotated[
        Seconds | None,
        Meta(description="Time on the timeline, in seconds; the segment's middle frame if omitted.", examples=[3.2]),
    ] = None
    quality: Annotated[Quality, Meta(description="`source` reads the source file in place of the editing proxy.")] = (
        "preview"
    )
    format: Annotated[PictureFormat, Meta(description="Format of the image; a PNG of the source is lossless.")] = "jpeg"
    width: Annotated[
        Width | None,
        Meta(
            description="Width of the image in pixels, an even number; that of the canvas if omitted.", examples=[640]
        ),
    ] = None


class GradePreviewResponse(msgspec.Struct):
    """The graded frame as an image; `timestamp` is the start of the frame on the timeline."""

    preview_frame_url: Annotated[SignedUrl, Meta(description="Signed URL of the graded image.")]
    timestamp: Annotated[float, Meta(description="Start of the frame on the timeline, in seconds.", examples=[3.2])]


@post("/project/{project_id:uuid}/preview/frame", **PREVIEW)
def preview_frame(
    platform: PlatformDep, workers: WorkersDep, caller: CallerDep, project_id: PathId, data: JSONBody[FrameRequest]
) -> Response[FrameResponse]:
    """Render the frame at `ts` with the effects of its segment. It is identical to the frame of the export."""
    state = load_timeline(platform, caller, project_id)
    position = frame_shown_at(state.segments, data.ts)
    options = PictureOptions(data.quality, data.format, data.width)
    url = draw_picture(PreviewScene(platform, workers, state), position, position.segment.effects, options)
    return state.respond(FrameResponse(url, round_s(position.timeline_s)))


@post("/project/{project_id:uuid}/preview/strip", **PREVIEW)
def preview_strip(
    platform: PlatformDep, workers: WorkersDep, caller: CallerDep, project_id: PathId, data: JSONBody[StripRequest]
) -> Response[StripResponse]:
    """Render a strip of at most 120 frames: at `start`, then every 1/`fps` seconds, before `end`."""
    if data.start >= data.end:
        raise ApiError(422, "`end` must be after `start`.")
    state = load_timeline(platform, caller, project_id)
    length_s = duration_s(state.segments)
    if data.end > length_s + Fraction(1, 2):
        raise ApiError(422, f"`end` must be at most {float(length_s):.6g} seconds, the length of the timeline.")
    step = 1 / Fraction(data.fps).limit_denominator(1000)
    start, end = Fraction(data.start), min(Fraction(data.end), length_s)
    count = max(0, math.ceil((end - start) / step - Fraction(1, 1000)))
    if count > MAX_STRIP_PICTURES:
        raise ApiError(422, f"A strip has at most {MAX_STRIP_PICTURES} frames, not {count}. Lower `fps`.")
    positions = [frame_shown_at(state.segments, float(start + n * step)) for n in range(count)]
    urls = draw_pictures(PreviewScene(platform, workers, state), positions, None, PictureOptions(width=data.width))
    frames = [FrameResponse(url, round_s(p.timeline_s)) for url, p in zip(urls, positions, strict=True)]
    return state.respond(StripResponse(frames))


@post("/segment/{segment_id:uuid}/grade-preview", rate_limit=GRADE_PREVIEWS, **PREVIEW)
def preview_grade(
    platform: PlatformDep,
    workers: WorkersDep,
    caller: CallerDep,
    segment_id: PathId,
    data: JSONBody[GradePreviewRequest],
) -> Response[GradePreviewResponse]:
    """Render a frame of a segment with the grade in the body instead of its own. The segment is not changed."""
    state = load_by_segment(platform, caller, segment_id)
    segment = segment_edits.find(state.segments, str(segment_id))
    if segment.source == "gap":
        raise ImpossibleEditError("A gap cannot be graded. Choose a segment with footage.")
    position = _find_position(state.segments, segment, data.ts)
    effects = msgspec.structs.replace(segment.effects, grade=data.to_grade())
    options = PictureOptions(data.quality, data.format, data.width)
    url = draw_picture(PreviewScene(platform, workers, state), position, effects, options)
    return state.respond(GradePreviewResponse(url, round_s(position.timeline_s)))


def _find_position(segments: Segments, segment: Segment, time_s: float | None) -> FramePosition:
    place = next(p for p in placements(segments) if p.segment.id == segment.id)
    if time_s is None:
        middle = segment.frames // 2
        return FramePosition(segment, segment.in_frame + middle, place.start_s + middle / segment.rate.fraction)
    position = frame_shown_at(segments, time_s)
    if position.segment.id != segment.id:
        raise ImpossibleEditError(
            f"`ts` must lie inside the segment: at least {float(place.start_s):.6g} and less than "
            f"{float(place.end_s):.6g} seconds of the timeline."
        )
    return position


@get("/segment/{segment_id:uuid}/grade.cube", media_type="text/plain", **{**PREVIEW, "idempotent": False})
def get_grade_cube(
    platform: PlatformDep,
    caller: CallerDep,
    segment_id: PathId,
    size: Annotated[Literal[33, 65], QueryParameter(description="Nodes along each axis.")] = 33,
) -> Response[str]:
    """Return the grade of a segment as a 3D LUT for editing programs. Its header states the interpolation error."""
    from carmic_assets.editing.colour_grade import write_cube  # noqa: PLC0415 - loads NumPy

    state = load_by_segment(platform, caller, segment_id)
    effects: Effects = segment_edits.find(state.segments, str(segment_id)).effects
    headers = {"Content-Disposition": f'attachment; filename="grade-{segment_id}.cube"'}
    return Response(write_cube(effects.grade, size), media_type="text/plain", headers=headers)


ROUTES: list[HTTPRouteHandler] = [preview_frame, preview_strip, preview_grade, get_grade_cube]
