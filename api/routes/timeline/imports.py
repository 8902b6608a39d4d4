"""/api/project/{id}/otio: the cuts of an editing program, brought back into a project."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PathId, PlatformDep, WorkersDep
from api.errors import ApiError
from api.timeline_edits import TimelineState, edit_timeline, load_timeline, new_id
from api.timeline_views import TimelineResponse, build_state, get_canvas, get_facts
from carmic_assets.editing.sequence_import import import_sequence
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError
from carmic_assets.sandbox.worker_jobs import NamedFootage, ReadOtio, ReadSequence


class OtioRequest(msgspec.Struct):
    """`otio` is the document of an `.otio` file, a JSON object."""

    otio: Annotated[
        dict[str, Any],
        Meta(
            description="The document of an `.otio` file, as a JSON object.",
            examples=[
                {"OTIO_SCHEMA": "Timeline.1", "name": "Trailer", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": []}}
            ],
        ),
    ]


class ImportedResponse(msgspec.Struct):
    """The project with the imported segments. `notes` are sentences on what was not taken over."""

    project: Annotated[TimelineResponse, Meta(description="The project with the imported segments.")]
    notes: Annotated[
        list[str], Meta(description="What was not taken over, as sentences.", examples=[["Transitions became cuts."]])
    ]


@post(
    "/project/{project_id:uuid}/otio",
    access=Access.EDITOR,
    default_workspace=True,
    sync_to_thread=True,
    status_code=200,
    idempotent=True,
    tags=["Timeline: projects"],
    error_statuses=(404, 409, 412, 422),
    sends_headers=("ETag",),
)
def import_otio(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    workers: WorkersDep,
    caller: CallerDep,
    project_id: PathId,
    data: JSONBody[OtioRequest],
) -> Response[ImportedResponse]:
    """Replace the segments by the clips of an OpenTimelineIO timeline, as one revision that can be undone.

    Clips find their footage by the file's name. 422 if a file is not in the project.
    """
    footage = _list_footage(load_timeline(platform, caller, project_id))
    try:
        job = ReadOtio(msgspec.json.encode(data.otio).decode(), footage)
        read = workers.run(job, ReadSequence, owner=caller.workspace)
    except JobRefusedError as error:
        raise ApiError(422, str(error)) from error
    except JobLimitError as error:
        raise ApiError(422, "`otio` cannot be read within the limits of an import. Split the timeline.") from error
    with edit_timeline(request, platform, caller, project_id, "import_otio") as edit:
        canvas = get_canvas(edit.timeline)
        if canvas is None:
            raise ApiError(422, "The project has no footage yet. Upload the files of the timeline first.")
        edit.save(import_sequence(edit.segments, read.sequence, read.targets, canvas.rate, new_id))
    return edit.respond(ImportedResponse(build_state(platform, edit), list(read.sequence.notes)))


def _list_footage(state: TimelineState) -> tuple[NamedFootage, ...]:
    named = [(asset, get_facts(asset)) for asset in state.assets.values() if asset.status == "ready"]
    return tuple(NamedFootage(asset.id, asset.file_name, facts) for asset, facts in named if facts is not None)


ROUTES: list[HTTPRouteHandler] = [import_otio]
