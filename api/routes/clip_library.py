"""/v1/clips as a library: list clips over all projects, create, duplicate and delete them, several at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from api.access import Caller
from api.dependencies import CallerDep, DispatcherDep, HydratorDep, PathId, PlatformDep
from api.edit_validation import check_bounds
from api.editor_hydration import snap_bounds
from api.envelope import Data, Ok, Page
from api.errors import DOMAIN_ERRORS, ApiError, describe_domain_error
from api.idempotency import record_response
from api.pagination import Paging, build_cursor, respond_with_page
from api.request_fields import Search, Seconds, Title
from api.routes.clips import CLIP, ClipBrief, ClipStatus, build_clip_brief, require_clip, start_render
from api.routes.exports import ExportRequest, TargetFormat, start_export
from api.routes.project_analysis import load_scored_clips
from api.routes.projects import require_project
from api.run_dispatch import RunDispatcher
from resources import clip_deletion, clips, projects, workspace_lists
from resources.field_types import Uuid
from resources.platform import Platform
from resources.workspace_lists import ClipFilter

ClipSort = Literal[
    "-created_at", "created_at", "-updated_at", "updated_at", "-virality_score", "virality_score"
]  # a minus sign sorts in descending order
SortParameter = Annotated[ClipSort, QueryParameter(name="sort", description="Order; a minus sign: descending.")]
MinScore = Annotated[
    int | None, QueryParameter(name="min_score", ge=0, le=100, description="Only clips with at least this score.")
]
CreatedAfter = Annotated[
    datetime | None, QueryParameter(name="created_after", description="Only clips created at this time or later.")
]
CreatedBefore = Annotated[
    datetime | None, QueryParameter(name="created_before", description="Only clips created before this time.")
]
ProjectFilter = Annotated[UUID | None, QueryParameter(name="project_id", description="Only clips of this project.")]
StatusFilter = Annotated[ClipStatus | None, QueryParameter(name="status", description="Only clips in this status.")]
LISTS_CLIPS: dict[str, Any] = {**CLIP, "sends_headers": ("Link",)}
CREATES_CLIP: dict[str, Any] = {**CLIP, "idempotent": True, "status_code": 201}
REFUSALS: tuple[type[Exception], ...] = (ApiError, *DOMAIN_ERRORS)
MAX_BATCH = 100  # clips of one request


class RangeRequest(msgspec.Struct):
    """A clip from any range of the video, such as a runner-up of the score curve."""

    start_time: Annotated[
        Seconds, Meta(description="Where the clip starts, in seconds of the source.", examples=[612.4])
    ]
    end_time: Annotated[
        Seconds,
        Meta(description="Where it ends, in seconds of the source; 0.5 s to 30 min after the start.", examples=[655.0]),
    ]
    title: Annotated[Title | None, Meta(description="Title of the clip.", examples=["The question"])] = None


class BatchRequest(msgspec.Struct):
    """One action for several clips. Each clip succeeds or fails by itself."""

    action: Annotated[Literal["render", "export", "delete"], Meta(description="What to do with each clip.")]
    clip_ids: Annotated[
        list[UUID],
        Meta(
            min_length=1,
            max_length=MAX_BATCH,
            description="Ids of clips of the workspace.",
            examples=[["8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61"]],
        ),
    ]
    target_format: Annotated[
        TargetFormat | None, Meta(description="The editing program; needed for the action export.")
    ] = None
    include_proxy: Annotated[bool, Meta(description="Whether packages hold the proxy in place of the source.")] = False


class BatchResult(msgspec.Struct):
    """What came of the action for one clip."""

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    ok: Annotated[bool, Meta(description="Whether the action was accepted for this clip.")]
    job_id: Annotated[Uuid | None, Meta(description="Id of the render or export; null for a deletion or a failure.")]
    code: Annotated[int, Meta(description="The HTTP status that the single request would have had.", examples=[202])]
    error: Annotated[
        str | None,
        Meta(description="Why it was not accepted; null if it was.", examples=["This workspace has no such clip."]),
    ]


def provide_clip_filter(
    project_id: ProjectFilter = None,
    status: StatusFilter = None,
    min_score: MinScore = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    search: Search = "",
) -> ClipFilter:
    """Provide the filter of a list of clips."""
    project = None if project_id is None else str(project_id)
    return ClipFilter(project, status, min_score, created_after, created_before, search.strip())


@get("/v1/clips", dependencies={"filters": Provide(provide_clip_filter, sync_to_thread=False)}, **LISTS_CLIPS)
def list_clips(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    filters: NamedDependency[ClipFilter],
    paging: NamedDependency[Paging],
    sort: SortParameter = "-created_at",
) -> Response[Page[ClipBrief]]:
    """List the clips of all projects of the workspace, newest first. `Link` leads to the next page."""
    name = sort.removeprefix("-")
    page = paging.parse(sort)
    with platform.database.read() as connection:
        order = workspace_lists.order_clips(name, sort.startswith("-"))
        rows, total, has_more = workspace_lists.list_clips(connection, caller.workspace, filters, order, page)
        projects_by_id = {clip.project_id: projects.get(connection, clip.project_id) for clip in rows}
    listed = [
        build_clip_brief(platform, project, clip) for clip in rows if (project := projects_by_id[clip.project_id])
    ]
    next_cursor = build_cursor(sort, getattr(rows[-1], name), rows[-1].id) if has_more else None
    return respond_with_page(request, listed, page, total, next_cursor)


@post("/v1/projects/{project_id:uuid}/clips", error_statuses=(409,), **CREATES_CLIP)
def create_clip(
    platform: PlatformDep,
    hydrator: HydratorDep,
    caller: CallerDep,
    project_id: PathId,
    data: JSONBody[RangeRequest],
) -> Data[ClipBrief]:
    """Create a clip from a range of the video. Its score is the mean of the score curve over the range."""
    with platform.database.read() as connection:
        project = require_project(connection, caller, project_id)
    if not project.visual_pipeline_ready:
        raise ApiError(409, f"The project must be analysed before it can have clips; it is {project.status}.")
    video = hydrator.load_video(project.workspace_id, project.id)
    check_bounds(data.start_time, data.end_time, video.facts.duration_s if video.facts else project.duration_s)
    start_s, end_s = snap_bounds(video, data.start_time, data.end_time)
    new = clips.NewClip(
        title=data.title or project.title,
        start_s=start_s,
        end_s=end_s,
        virality_score=_measure_score(platform, project, start_s, end_s),
        score_breakdown={},
        reasoning="This range was chosen by a person.",
        hashtags=[],
        broll_suggestions=[],
        thumbnail_key=project.thumbnail_key,
    )
    with platform.database.write() as connection:
        clip = clips.add_chosen(connection, project.id, project.workspace_id, new)
        return record_response(connection, Data(build_clip_brief(platform, project, clip)))


@post("/v1/clips/{clip_id:uuid}/duplicate", **CREATES_CLIP)
def duplicate_clip(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Data[ClipBrief]:
    """Create a copy of the clip with its bounds and config, not yet rendered."""
    with platform.database.write() as connection:
        project, clip = require_clip(connection, caller, clip_id)
        content = {name: getattr(clip, name) for name in clips.NewClip.__struct_fields__}
        new = clips.NewClip(**{**content, "title": f"{clip.title[:490]} (copy)"})
        copy = clips.add_chosen(connection, project.id, project.workspace_id, new, clip.template_config)
        return record_response(connection, Data(build_clip_brief(platform, project, copy)))


@delete("/v1/clips/{clip_id:uuid}", status_code=200, **CLIP)
def delete_clip(platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, clip_id: PathId) -> Data[Ok]:
    """Delete a clip with its renders and packages. What runs is cancelled and refunded; re-scoring keeps it deleted."""
    _delete(platform, dispatcher, caller, clip_id)
    return Data(Ok())


@post("/v1/clips/batch", idempotent=True, status_code=200, error_statuses=(402,), **CLIP)
def apply_to_clips(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    caller: CallerDep,
    data: JSONBody[BatchRequest],
) -> Data[list[BatchResult]]:
    """Render, export or delete up to 100 clips. Each clip succeeds or fails by itself; the response says which."""
    if data.action == "export" and data.target_format is None:
        raise ApiError(400, "`target_format` is missing: the action export needs it.")
    actions: dict[str, Callable[[UUID], str | None]] = {
        "render": lambda clip_id: _render(platform, dispatcher, caller, clip_id),
        "export": lambda clip_id: _export(request, platform, dispatcher, caller, (clip_id, data)),
        "delete": lambda clip_id: _delete(platform, dispatcher, caller, clip_id),
    }
    accepted_status = 200 if data.action == "delete" else 202
    results = []
    for clip_id in dict.fromkeys(data.clip_ids):
        try:
            job_id = actions[data.action](clip_id)
        except REFUSALS as error:
            status, sentence = describe_domain_error(error)
            results.append(BatchResult(str(clip_id), False, None, status, sentence))
        else:
            results.append(BatchResult(str(clip_id), True, job_id, accepted_status, None))
    return Data(results)


def _render(platform: Platform, dispatcher: RunDispatcher, caller: Caller, clip_id: UUID) -> str:
    with platform.database.write() as connection:
        render = start_render(connection, caller, clip_id)
    dispatcher.submit(render.run_id)
    return render.id


def _export(
    request: Request[Any, Any, Any],
    platform: Platform,
    dispatcher: RunDispatcher,
    caller: Caller,
    work: tuple[UUID, BatchRequest],
) -> str:
    clip_id, data = work
    if data.target_format is None:
        raise ApiError(400, "`target_format` is missing: the action export needs it.")
    with platform.database.write() as connection:
        wanted = ExportRequest(data.target_format, data.include_proxy)
        export, is_new = start_export(request, connection, caller, clip_id, wanted)
    if is_new:
        dispatcher.submit(export.run_id)
    return export.id


def _delete(platform: Platform, dispatcher: RunDispatcher, caller: Caller, clip_id: UUID) -> None:
    with platform.database.write() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        deleted = clip_deletion.delete_clip(connection, clip)
    dispatcher.terminate(deleted.run_ids)
    for prefix in deleted.prefixes:
        platform.store.delete_prefix(prefix)


def _measure_score(platform: Platform, project: projects.Project, start_s: float, end_s: float) -> int:
    """Return the mean of the project's score curve over the range, 0 where there is no curve."""
    scored = load_scored_clips(platform, project)
    scores = [score for moment_s, score in scored.curve if start_s <= moment_s <= end_s] if scored else []
    return round(sum(scores) / len(scores)) if scores else 0


ROUTES: list[HTTPRouteHandler] = [list_clips, create_clip, duplicate_clip, delete_clip, apply_to_clips]
