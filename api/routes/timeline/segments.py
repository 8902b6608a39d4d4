"""/api/segment: edits of one segment, and its colour grade."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get, post, route
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.errors import ApiError, not_found
from api.file_responses import FileResponse
from api.request_fields import Seconds
from api.routes.timeline.projects import Deleted
from api.signed_urls import is_valid_rendition_token, sign_rendition_url, sign_url
from api.timeline_edits import TimelineState, edit_segment, load_by_segment, new_id
from api.timeline_renditions import enqueue_rendition, find_rendition
from api.timeline_views import GradeNumbers, SegmentResponse, build_segment
from carmic_assets.editing import segment_edits
from resources import timelines
from resources.field_types import Uuid
from resources.platform import Platform
from resources.store.folder import FolderStore

RENDITION_WAIT_S = 55.0  # below the 60 s after which proxies usually close a request
RENDITION_POLL_S = 0.25  # between two checks whether the rendition exists
SEGMENT: dict[str, Any] = {
    "access": Access.EDITOR,
    "default_workspace": True,
    "sync_to_thread": True,
    "tags": ["Timeline: segments"],
    "error_statuses": (404, 409, 412, 422),
}
EDIT: dict[str, Any] = {**SEGMENT, "status_code": 200, "idempotent": True, "sends_headers": ("ETag",)}
TokenParameter = Annotated[str, QueryParameter(description="The URL's signature.", max_length=4096)]


class SplitRequest(msgspec.Struct):
    """The time of the split, in seconds of the segment's footage; rounded to the nearest frame."""

    split_ts: Annotated[
        Seconds,
        Meta(
            description="Where to cut, in seconds of the segment's footage; rounded to the nearest frame.",
            examples=[12.4],
        ),
    ]


class SplitResponse(msgspec.Struct):
    """The two segments that replaced the original."""

    left: Annotated[SegmentResponse, Meta(description="The segment before the cut.")]
    right: Annotated[SegmentResponse, Meta(description="The segment after the cut.")]


class TrimRequest(msgspec.Struct):
    """The new start and end, in seconds of the segment's footage, within its `bounds`."""

    new_start_ts: Annotated[
        Seconds, Meta(description="New start, in seconds of the segment's footage, within its bounds.", examples=[2.0])
    ]
    new_end_ts: Annotated[
        Seconds, Meta(description="New end, in seconds of the segment's footage, within its bounds.", examples=[9.5])
    ]


class ReorderRequest(msgspec.Struct):
    """The new position of the segment in the sequence, from 0."""

    order_index: Annotated[int, Meta(ge=0, le=100_000, description="New place in the sequence, from 0.", examples=[2])]


class Graded(msgspec.Struct):
    """The graded segment. A GET of `graded_url` waits until the rendition is ready."""

    segment_id: Annotated[Uuid, Meta(description="Id of the segment.")]
    graded_url: Annotated[
        str,
        Meta(
            description="URL of the graded segment. A GET waits until the rendition is ready.",
            examples=["https://carmic.example/api/segment/8f14/rendition?token=eyJ0"],
        ),
    ]
    job_id: Annotated[Uuid | None, Meta(description="Id of the job that renders it; null if nothing must be rendered.")]
    status: Annotated[Literal["pending", "running", "completed", "failed"], Meta(description="State of the rendition.")]


@get("/segment/{segment_id:uuid}", **SEGMENT)
def get_segment(platform: PlatformDep, caller: CallerDep, segment_id: PathId) -> Response[SegmentResponse]:
    """Return a segment, active or not."""
    state = load_by_segment(platform, caller, segment_id)
    return state.respond(build_segment(platform, state, str(segment_id)))


@post("/segment/{segment_id:uuid}/split", **EDIT)
def split_segment(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    segment_id: PathId,
    data: JSONBody[SplitRequest],
) -> Response[SplitResponse]:
    """Split a segment in two. The original becomes inactive and lists its successors in `replaced_by`."""
    with edit_segment(request, platform, caller, segment_id, "split") as edit:
        after, left, right = segment_edits.split(edit.segments, str(segment_id), data.split_ts, new_id)
        edit.save(after)
    return edit.respond(SplitResponse(build_segment(platform, edit, left.id), build_segment(platform, edit, right.id)))


@post("/segment/{segment_id:uuid}/trim", **EDIT)
def trim_segment(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    segment_id: PathId,
    data: JSONBody[TrimRequest],
) -> Response[SegmentResponse]:
    """Move the ends of a segment within its bounds.

    The id is unchanged, so a later trim can restore the removed part.
    """
    with edit_segment(request, platform, caller, segment_id, "trim") as edit:
        after, segment = segment_edits.trim(edit.segments, str(segment_id), data.new_start_ts, data.new_end_ts)
        edit.save(after)
    return edit.respond(build_segment(platform, edit, segment.id))


@post("/segment/{segment_id:uuid}/reorder", **EDIT)
def reorder_segment(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    segment_id: PathId,
    data: JSONBody[ReorderRequest],
) -> Response[SegmentResponse]:
    """Move a segment to another position in the sequence."""
    with edit_segment(request, platform, caller, segment_id, "reorder") as edit:
        edit.save(segment_edits.move(edit.segments, str(segment_id), data.order_index))
    return edit.respond(build_segment(platform, edit, str(segment_id)))


@delete("/segment/{segment_id:uuid}", status_code=200, **SEGMENT)
def delete_segment(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    segment_id: PathId,
    ripple: Annotated[bool, QueryParameter(description="false leaves a black, silent gap of the same length.")] = True,
) -> Response[Deleted]:
    """Make a segment inactive; later segments move up. Deleting it again changes nothing."""
    with edit_segment(request, platform, caller, segment_id, "delete") as edit:
        edit.save(segment_edits.delete(edit.segments, str(segment_id), gap_id=None if ripple else new_id()))
    return edit.respond(Deleted())


@post("/segment/{segment_id:uuid}/color-grade", **EDIT)
def grade_segment(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    caller: CallerDep,
    segment_id: PathId,
    data: JSONBody[GradeNumbers],
) -> Response[Graded]:
    """Grade a segment: a new segment replaces it.

    A new grade replaces the previous one; all zeros restore the original.
    """
    with edit_segment(request, platform, caller, segment_id, "color_grade") as edit:
        after, graded = segment_edits.grade(edit.segments, str(segment_id), data.to_grade(), new_id)
        edit.save(after)
        job = enqueue_rendition(edit.connection, edit, graded)
    dispatcher.submit(job.run_id)
    return edit.respond(Graded(graded.id, sign_rendition_url(platform, graded.id), job.id, "pending"))


@route("/segment/{segment_id:uuid}/rendition", http_method=["GET", "HEAD"], media_type="video/mp4",
       access=Access.SIGNED, tags=["Timeline: segments"], error_statuses=(404, 503))  # fmt: skip
async def get_rendition(
    platform: PlatformDep, dispatcher: DispatcherDep, segment_id: PathId, token: TokenParameter = ""
) -> ASGIApp:
    """Play a segment with its effects. Waits up to 55 s for the rendition; then 503 with `Retry-After`."""
    if not is_valid_rendition_token(platform, str(segment_id), token):
        raise ApiError(403, "This URL is not valid or has expired. Read the segment again.")
    key, run_id = await sync_to_thread(_request_rendition, platform, str(segment_id))
    if run_id is not None:
        dispatcher.submit(run_id)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RENDITION_WAIT_S
    while await sync_to_thread(platform.store.stat, key) is None:
        if loop.time() > deadline:
            raise ApiError(
                503, "The rendition is still being encoded. Try again in a few seconds.", {"Retry-After": "5"}
            )
        await asyncio.sleep(RENDITION_POLL_S)
    if isinstance(platform.store, FolderStore):
        return FileResponse(platform.store.object_path(key), "video/mp4", "")
    return ASGIResponse(status_code=307, headers={"location": sign_url(platform, key, "video/mp4")})


def _request_rendition(platform: Platform, segment_id: str) -> tuple[str, str | None]:
    """Return the store key of the segment's rendition, and the run to submit, None if a job encodes it already."""
    with platform.database.write() as connection:
        timeline_id = timelines.find_by_segment(connection, segment_id)
        timeline = timelines.get(connection, timeline_id) if timeline_id else None
        if timeline is None:
            raise not_found("segment")
        state = TimelineState(connection, timeline)
        segment = next(s for s in state.segments if s.id == segment_id)
        key, job = find_rendition(connection, state, segment)
        if platform.store.stat(key) is not None or (job is not None and job.status != "failed"):
            return key, None
        return key, enqueue_rendition(connection, state, segment).run_id


ROUTES: list[HTTPRouteHandler] = [
    get_segment,
    split_segment,
    trim_segment,
    reorder_segment,
    delete_segment,
    grade_segment,
    get_rendition,
]
