"""/api/ai/generate and /api/variant: edits of a range by a prompt, and their variants."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from api.access import Access
from api.ai_edit_planning import plan_edit
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Offset
from api.errors import ApiError, MachineErrorEnvelope, PromptRefusal
from api.rate_limits import AI_EDITS
from api.request_fields import NO_NUL_PATTERN, Seconds
from api.routes.timeline.jobs import JobStatus
from api.routes.timeline.projects import list_headers
from api.timeline_edits import TimelineState, edit_timeline, new_id, require_timeline
from api.timeline_views import ListLimit, SegmentResponse, build_segment
from api.variant_views import (
    CompareTo,
    VariantDetails,
    VariantScoreResponse,
    build_score,
    build_variant_details,
    require_variant,
)
from carmic_assets.editing import range_spans, stored_segments
from carmic_assets.editing.range_spans import GeneratedFootage
from carmic_assets.editing.timeline_clock import duration_s, nearest_frame
from carmic_assets.model.direction import Box
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Segments
from resources import hosted_edits, timeline_assets, timeline_jobs, timeline_variants
from resources.field_types import Uuid
from resources.timeline_assets import GeneratedFile
from resources.timeline_variants import Variant

AI: dict[str, Any] = {
    "access": Access.EDITOR,
    "default_workspace": True,
    "sync_to_thread": True,
    "tags": ["Timeline: AI edits"],
}
Prompt = Annotated[
    str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=2000, examples=["blur the licence plate"])
]
_EDGE_TOLERANCE = 1e-6  # of the frame: a client's floats may add up to just more than 1


class BoundingBox(msgspec.Struct):
    """A rectangle in fractions (0..1) of the upright frame; `x`, `y` is its top left corner. All zero is no box."""

    x: Annotated[float, Meta(description="Left edge, as a fraction of the frame's width.")] = 0.0
    y: Annotated[float, Meta(description="Top edge, as a fraction of the frame's height.")] = 0.0
    width: Annotated[float, Meta(description="Width, as a fraction of the frame's width.")] = 0.0
    height: Annotated[float, Meta(description="Height, as a fraction of the frame's height.")] = 0.0


class GenerateRequest(msgspec.Struct):
    """A prompt for the range from `start_ts` to `end_ts`, in seconds of the timeline.

    The box is in the range's first frame. Without one, the edit applies to the whole picture. `service` selects a
    hosted model: `fal` edits what is in the box, `runway` the whole picture.
    """

    project_id: Annotated[UUID, Meta(description="Id of the timeline project.")]
    prompt: Annotated[Prompt, Meta(description="What to change, up to 2,000 characters.")]
    start_ts: Annotated[Seconds, Meta(description="Start of the range, in seconds of the timeline.", examples=[3.0])]
    end_ts: Annotated[
        Seconds,
        Meta(description="End of the range, in seconds of the timeline; at most 60 s after its start.", examples=[7.0]),
    ]
    bounding_box: Annotated[
        BoundingBox | None, Meta(description="Region in the first frame of the range; the whole picture without it.")
    ] = None
    service: Annotated[
        Literal["local", "fal", "runway"],
        Meta(description="What carries the edit out: this server, or a hosted model."),
    ] = "local"


class PlanResponse(msgspec.Struct):
    """What the prompt became: operations in order, the box, and whether a step follows what is in it."""

    operations: Annotated[list[str], Meta(description="The operations, in their order.", examples=[["blur"]])]
    box: Annotated[BoundingBox | None, Meta(description="The region, as it was sent; null for the whole picture.")]
    track: Annotated[bool, Meta(description="Whether an operation follows what is in the region.")]


class GenerateResponse(msgspec.Struct):
    """A queued edit. `GET /job/{job_id}` has its variants once it is completed."""

    job_id: Annotated[Uuid, Meta(description="Id of the job, for `GET /job/{job_id}`.")]
    status: Annotated[JobStatus, Meta(description="State of the job.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    plan: Annotated[PlanResponse, Meta(description="What the prompt became.")]
    notes: Annotated[
        list[str], Meta(description="Limits of the edit, as sentences.", examples=[["The whole picture is edited."]])
    ]


class AcceptResponse(msgspec.Struct):
    """The segment that shows the variant, and the project's revision."""

    segment_id: Annotated[Uuid, Meta(description="Id of the segment that shows the variant.")]
    segment: Annotated[SegmentResponse, Meta(description="The segment that shows the variant.")]
    variant_id: Annotated[Uuid, Meta(description="Id of the variant.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    revision: Annotated[int, Meta(description="Revision of the timeline after the change.", examples=[18])]
    entity_job_id: Annotated[Uuid | None, Meta(description="Always null: the variant is ready to play.")]


@post(
    "/ai/generate",
    status_code=202,
    idempotent=True,
    rate_limit=AI_EDITS,
    error_statuses=(402, 404, 409, 422, 503),
    responses={422: ResponseSpec(PromptRefusal | MachineErrorEnvelope, generate_examples=False)},
    **AI,
)
def generate(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, data: JSONBody[GenerateRequest]
) -> GenerateResponse:
    """Edit a range by a prompt: one to three variants, best first. The timeline changes when one is accepted.

    A prompt that no operation can carry out answers 422 with `operations`, all that is possible, and `nearest`.
    """
    box = _read_box(data.bounding_box)
    with platform.database.read() as connection:
        require_timeline(connection, caller, data.project_id)
    order = plan_edit(platform.settings, data.prompt, data.service, box)
    with platform.database.write() as connection:
        state = TimelineState(connection, require_timeline(connection, caller, data.project_id))
        spans = range_spans.list_spans(state.segments, data.start_ts, data.end_ts)
        length_s = float(duration_s(spans))
        if length_s > order.max_length_s:
            raise ApiError(422, f"The range is {length_s:.6g} s long and may be at most {order.max_length_s:g} s.")
        request = {
            "prompt": data.prompt,
            "service": order.service,
            "plan": msgspec.to_builtins(order.plan),
            "box": msgspec.to_builtins(box),
            "canvas": state.timeline.canvas,
            "spans": stored_segments.to_rows(spans),
        }
        job = timeline_jobs.enqueue(connection, state.timeline, "generate", request)
        if order.model is not None:
            edit = hosted_edits.create(connection, job.id, order.service, order.model)
            hosted_edits.charge(connection, caller.workspace, edit, length_s)
    dispatcher.submit(job.run_id)
    plan = PlanResponse(list(order.plan.operations), data.bounding_box if box else None, order.tracks_box)
    return GenerateResponse(job.id, cast(JobStatus, job.status), job.timeline_id, plan, order.notes)


def _read_box(sent: BoundingBox | None) -> Box | None:
    if sent is None or sent == BoundingBox():
        return None
    sides = (sent.x, sent.y, sent.width, sent.height)
    if max(sides) > 1:
        raise ApiError(422, "`bounding_box` must be in fractions of the frame, from 0 to 1, not in pixels.")
    is_inside = min(sent.x, sent.y) >= 0 and max(sent.x + sent.width, sent.y + sent.height) <= 1 + _EDGE_TOLERANCE
    if not is_inside or min(sent.width, sent.height) <= 0:
        raise ApiError(422, "`bounding_box` must lie inside the frame, with a `width` and a `height` above 0.")
    return Box(sent.x, sent.y, min(sent.width, 1 - sent.x), min(sent.height, 1 - sent.y))


@get("/project/{project_id:uuid}/variants", sends_headers=("X-Total-Count", "Link"), **AI)
def list_variants(
    platform: PlatformDep, caller: CallerDep, project_id: PathId, limit: ListLimit = 100, offset: Offset = 0
) -> Response[list[VariantDetails]]:
    """List the variants of a project's completed AI edits, newest first."""
    with platform.database.read() as connection:
        timeline = require_timeline(connection, caller, project_id)
        rows, total = timeline_variants.list_page(connection, timeline.id, limit, offset)
    listed = [build_variant_details(platform, row) for row in rows]
    return Response(
        listed, headers=list_headers(platform, f"/api/project/{timeline.id}/variants", total, limit, offset)
    )


@get("/variant/{variant_id:uuid}", **AI)
def get_variant(platform: PlatformDep, caller: CallerDep, variant_id: PathId) -> VariantDetails:
    """Return a variant, with its files signed anew."""
    with platform.database.read() as connection:
        variant = require_variant(connection, caller, str(variant_id))
    return build_variant_details(platform, variant)


@get("/variant/{variant_id:uuid}/score", **AI)
def get_score(
    platform: PlatformDep,
    caller: CallerDep,
    variant_id: PathId,
    compare_to: Annotated[
        CompareTo, QueryParameter(description="`original` adds VMAF, and SSIM inside and outside the region.")
    ] = "prompt",
) -> VariantScoreResponse:
    """Return the measured score of a variant: how far it follows the prompt, and the quality of its picture."""
    with platform.database.read() as connection:
        variant = require_variant(connection, caller, str(variant_id))
    return build_score(variant, compare_to)


@post(
    "/variant/{variant_id:uuid}/accept",
    status_code=200,
    idempotent=True,
    error_statuses=(404, 409, 412, 422),
    sends_headers=("ETag",),
    **AI,
)
def accept_variant(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, variant_id: PathId
) -> Response[AcceptResponse]:
    """Replace the range that a variant was made of by the variant, in one revision that undo takes back.

    A range that other edits moved is followed. 409 if they changed it. Accepting a variant again changes nothing;
    another variant of the same job takes its place.
    """
    with platform.database.read() as connection:
        variant = require_variant(connection, caller, str(variant_id))
        job = timeline_jobs.get(connection, variant.job_id)
        siblings = {row.id for row in timeline_variants.list_for_job(connection, variant.job_id)}
    spans = stored_segments.from_rows(job.request["spans"] if job else ())
    with edit_timeline(request, platform, caller, UUID(variant.timeline_id), "accept") as edit:
        segment = range_spans.shown_as(edit.segments, variant.id)
        if segment is None:
            file = _describe_file(variant, spans)
            asset = timeline_assets.ensure_generated(edit.connection, edit.timeline, file)
            edit.assets[asset.id] = asset
            rate = msgspec.convert(variant.facts["video"]["rate"], FrameRate)
            footage = GeneratedFootage(asset.id, variant.id, rate, file.first_frame, variant.frames)
            swapped = range_spans.swap(edit.segments, siblings, footage, new_id)
            after, segment = swapped or range_spans.accept(edit.segments, spans, footage, new_id)
            edit.save(after)
            timeline_variants.mark_accepted(edit.connection, variant.id)
    return edit.respond(
        AcceptResponse(
            segment.id,
            build_segment(platform, edit, segment.id),
            variant.id,
            variant.timeline_id,
            edit.timeline.revision,
            None,
        )
    )


def _describe_file(variant: Variant, spans: Segments) -> GeneratedFile:
    rate = msgspec.convert(variant.facts["video"]["rate"], FrameRate)
    first_frame = nearest_frame(spans[0].start_s, rate)
    return GeneratedFile(variant.id, f"{variant.label}.mp4", variant.object_key, variant.facts, first_frame)


ROUTES: list[HTTPRouteHandler] = [generate, list_variants, get_variant, get_score, accept_variant]
