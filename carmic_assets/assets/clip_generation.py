"""Makes the clips of a generation job: a project of the video pipeline whose costs the job's credits cover.

The job's run only waits: the analysis and the renders are runs of their own. Every step finds what an earlier attempt
did, so a resumed run neither creates a second project nor renders a clip twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from sqlalchemy import Connection

from carmic_assets.assets.generation_step import GenerationStep
from carmic_assets.generation.errors import ErrorCode, GenerationError
from carmic_assets.model.template import LayoutConfig, TemplateConfig, TranscriptEdit
from resources import clips, projects, renders, run_intents
from resources.clips import Clip
from resources.file_names import clean_file_name
from resources.projects import NewProject, Project
from resources.renders import Render

SHOTS = "artifacts/shots.json"
POLL_INTERVAL_S = 2.0
ANALYSED_PERCENT, RENDERED_PERCENT = 70, 98  # of the job's progress
SHORTEST_S, LONGEST_S = 15.0, 60.0  # of clips where the request says nothing
FAILURE_CODES: dict[str, ErrorCode] = {
    "FAILED_NO_SPEECH": "NO_SPEECH",
    "FAILED_DOWNLOAD": "INPUT_UNREADABLE",
    "FAILED_CORRUPT_VIDEO": "INPUT_UNREADABLE",
    "CANCELLED": "CANCELLED",
}


class Shot(msgspec.Struct, frozen=True):
    """A rendered clip of the job's video; times are on the clock of the source, the score ranges from 0 to 10."""

    clip_id: str
    object_key: str
    title: str
    start_s: float
    end_s: float
    score: float


class Shots(msgspec.Struct, frozen=True):
    """The clips of a job, best first, and how many could not be rendered."""

    project_id: str
    shots: tuple[Shot, ...]
    failed: int


def make_clips(step: GenerationStep) -> Shots:
    """Analyse the video, render its best clips, and list them in an artifact.

    Raises:
        GenerationError: the video has no speech or cannot be read, or no clip could be rendered.
    """
    project = _find_or_start_project(step)
    _wait(step, lambda connection: _follow_analysis(connection, project.id), 1, ANALYSED_PERCENT)
    with step.platform.database.write() as connection:
        queued = [_find_or_queue_render(connection, clip) for clip in _choose_clips(connection, step, project.id)]
    _wait(step, lambda connection: _follow_renders(connection, queued), ANALYSED_PERCENT, RENDERED_PERCENT)
    with step.platform.database.read() as connection:
        finished = [(render, clips.get(connection, render.clip_id)) for render in _reload(connection, queued)]
    rendered = tuple(
        Shot(clip.id, render.object_key, render.title, render.start_s, render.end_s, clip.virality_score / 10)
        for render, clip in finished
        if render.object_key is not None and clip is not None
    )
    if queued and not rendered:
        raise GenerationError("INTERNAL", "no clip could be rendered")
    shots = Shots(project.id, rendered, len(queued) - len(rendered))
    step.save_artifact(SHOTS, shots)
    return shots


def _find_or_start_project(step: GenerationStep) -> Project:
    """Return the job's project, which has its source and its run. An earlier attempt may have created it."""
    job, store = step.job, step.platform.store
    (source,) = job.inputs["sourceVideoUrl"]
    url = source.get("url")
    with step.platform.database.write() as connection:
        project = projects.find_for_generation(connection, job.id)
        if project is None:
            name = clean_file_name(PurePath(unquote(urlsplit(url or source["object_key"]).path)).name, "video")
            new = NewProject(
                title=PurePath(name).stem or name,
                filename=name,
                content_type="video/mp4",
                source_url=url,
                clip_bounds=_build_bounds(job.request),
                generation_id=job.id,
            )
            project = projects.create(connection, job.workspace_id, job.created_by, new, ".mp4")
    if url is None and store.stat(project.object_key) is None:
        with store.local_file(source["object_key"]) as path:
            store.put_file(project.object_key, path, "video/mp4")
    with step.platform.database.write() as connection:
        run_id = run_intents.new_run_id()
        if projects.assign_run(connection, project.id, run_id) is not None:
            run_intents.enqueue(connection, run_id, "ingest_video", job.workspace_id, project.id, project.id)
    return project


def _build_bounds(request: dict[str, Any]) -> dict[str, Any]:
    """Return the limits of the clips for the scorer."""
    shortest, longest = request["minDuration"], request["maxDuration"]
    min_s = shortest or min(SHORTEST_S, longest or SHORTEST_S)
    return {"max_clips": request["maxClips"], "min_s": min_s, "max_s": longest or max(LONGEST_S, min_s)}


def _wait(step: GenerationStep, follow: Callable[[Connection], float], start: float, end: float) -> None:
    """Poll until the work is done, and map its progress to a range of the job's.

    `follow` returns the completed fraction. The wait ends with the job: its heartbeats stop a cancelled run.
    """
    report = step.report_progress(start, end)
    while True:
        with step.platform.database.read() as connection:
            fraction = follow(connection)
        if fraction >= 1:
            step.advance(int(end))
            return
        report(fraction)
        time.sleep(POLL_INTERVAL_S)


def _follow_analysis(connection: Connection, project_id: str) -> float:
    project = projects.get(connection, project_id)
    if project is None:
        raise GenerationError("CANCELLED", "the project of the job was deleted")
    if project.status in (*projects.FAILED_STATUSES, "CANCELLED"):
        code = FAILURE_CODES.get(project.status, "INTERNAL")
        raise GenerationError(code, project.error_message or project.status)
    if project.status in ("CLIPS_READY", "COMPLETED"):
        return 1.0
    return min(project.progress, 99) / 100


def _choose_clips(connection: Connection, step: GenerationStep, project_id: str) -> list[Clip]:
    """Return the clips to render, best first, with the look that the request asks for."""
    request = step.job.request
    threshold = (request["viralScoreThreshold"] or 0) * 10
    candidates = [clip for clip in clips.list_for_project(connection, project_id) if clip.virality_score >= threshold]
    return [_apply_look(connection, clip, request) for clip in candidates[: request["maxClips"]]]


def _apply_look(connection: Connection, clip: Clip, request: dict[str, Any]) -> Clip:
    if clip.template_config is not None:  # by an earlier attempt
        return clip
    config = TemplateConfig(
        layout=LayoutConfig(aspect_ratio=request["aspectRatio"]),
        transcript=None if request["addCaptions"] else TranscriptEdit(words=()),  # no words, no captions
    )
    return clips.edit(connection, clip.id, msgspec.to_builtins(config)) or clip


def _find_or_queue_render(connection: Connection, clip: Clip) -> Render:
    render = renders.get_newest(connection, clip.id)
    if render is not None:
        return render
    run_id = run_intents.new_run_id()
    render = renders.queue_uncharged(connection, clip, run_id)
    run_intents.enqueue(connection, run_id, "render_clips", clip.workspace_id, clip.project_id, render.id)
    return render


def _follow_renders(connection: Connection, queued: list[Render]) -> float:
    current = _reload(connection, queued)
    if all(render.status not in renders.ACTIVE_STATUSES for render in current):
        return 1.0
    done = sum(100 if render.status not in renders.ACTIVE_STATUSES else render.progress for render in current)
    return min(done / (100 * len(current)), 0.99)


def _reload(connection: Connection, queued: list[Render]) -> list[Render]:
    """Return the renders as they are now. One whose project was deleted is left out."""
    rows = (renders.get(connection, render.id) for render in queued)
    return [row for row in rows if row is not None]
