"""/v1/projects/{id}: rename a project, and read what its analysis has found in the whole video."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from api.access import Caller
from api.dependencies import CallerDep, HydratorDep, PathId, PlatformDep, WorkersDep
from api.editor_hydration import TranscriptOut, WordOut
from api.envelope import Data
from api.errors import ApiError
from api.rate_limits import PREVIEWS
from api.request_fields import Title
from api.routes.projects import PROJECTS, ProjectOut, build_project, require_project
from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError
from carmic_assets.sandbox.worker_jobs import MeasurePeaks, Waveform
from resources import artifacts, projects
from resources.platform import Platform
from resources.projects import Project

PeaksPerSecond = Annotated[
    int, QueryParameter(name="peaks_per_s", ge=1, le=100, description="Peaks for each second, 1 to 100.")
]
NOT_ANALYSED: dict[str, Any] = {**PROJECTS, "error_statuses": (409,)}


class ProjectRename(msgspec.Struct):
    """The fields of a project that can be changed."""

    title: Annotated[Title, Meta(description="New title of the project.", examples=["Episode 12"])]


class ScorePoint(msgspec.Struct):
    """One point of the score curve."""

    t: Annotated[float, Meta(description="Time in seconds of the source.", examples=[615.0])]
    score: Annotated[float, Meta(description="How well a clip around this time would do, 0 to 100.", examples=[74.2])]


class Candidate(msgspec.Struct):
    """A range that the scorer considered."""

    start_time: Annotated[float, Meta(description="Where it starts, in seconds of the source.", examples=[612.4])]
    end_time: Annotated[float, Meta(description="Where it ends, in seconds of the source.", examples=[655.0])]
    title: Annotated[str, Meta(description="Proposed title.", examples=["Why small teams ship faster"])]
    score: Annotated[int, Meta(description="Its score, 0 to 100.", examples=[79])]
    breakdown: Annotated[
        dict[str, int], Meta(description="The parts of the score, 0 to 100 each.", examples=[{"hook": 91}])
    ]
    reasoning: Annotated[str, Meta(description="What speaks for it.", examples=["Opens with a question."])]
    rejection_reason: Annotated[
        str | None,
        Meta(
            description="Why it did not become a clip; null if it did.",
            examples=["It overlaps a clip with a higher score."],
        ),
    ]


class ScoreCurve(msgspec.Struct):
    """How promising each moment of the video is, and the ranges that were considered."""

    scorer_version: Annotated[str, Meta(description="Version of the scorer.", examples=["7"])]
    curve: Annotated[list[ScorePoint], Meta(description="The score over time.")]
    selected: Annotated[list[Candidate], Meta(description="The ranges that became clips, best first.")]
    runners_up: Annotated[list[Candidate], Meta(description="The best ranges that did not become clips, best first.")]


class WaveformOut(msgspec.Struct):
    """The waveform of the audio that was analysed."""

    peaks_per_s: Annotated[int, Meta(description="How many peaks there are for each second.", examples=[10])]
    peaks: Annotated[
        list[int],
        Meta(description="The largest amplitude of each interval, 0 to 255 (full scale).", examples=[[0, 41, 187, 96]]),
    ]


@patch("/v1/projects/{project_id:uuid}", **PROJECTS)
def rename_project(
    platform: PlatformDep, caller: CallerDep, project_id: PathId, data: JSONBody[ProjectRename]
) -> Data[ProjectOut]:
    """Rename a project."""
    with platform.database.write() as connection:
        project = require_project(connection, caller, project_id)
        renamed = projects.rename(connection, project, data.title)
        clip_count = projects.count_clips(connection, [project.id]).get(project.id, 0)
    return Data(build_project(platform, renamed, clip_count))


@get("/v1/projects/{project_id:uuid}/transcript", **NOT_ANALYSED)
def get_project_transcript(
    platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, project_id: PathId
) -> Data[TranscriptOut]:
    """Return the transcript of the whole video. Times are seconds of the source; 409 until it is transcribed."""
    project = _read_project(platform, caller, project_id)
    video = hydrator.load_video(project.workspace_id, project.id)
    if video.transcript is None:
        raise ApiError(409, f"The video has not been transcribed yet; the project is {project.status}.")
    words = [WordOut(w.text, round(w.start_s, 3), round(w.end_s, 3), w.confidence, w.speaker) for w in video.words]
    return Data(TranscriptOut(video.transcript.language, words))


@get("/v1/projects/{project_id:uuid}/score-curve", **NOT_ANALYSED)
def get_score_curve(platform: PlatformDep, caller: CallerDep, project_id: PathId) -> Data[ScoreCurve]:
    """Return the score over time, the selected ranges, and the runners-up with the reason. 409 until scored."""
    project = _read_project(platform, caller, project_id)
    scored = load_scored_clips(platform, project)
    if scored is None:
        raise ApiError(409, f"The video has not been scored yet; the project is {project.status}.")
    curve = [ScorePoint(moment_s, score) for moment_s, score in scored.curve]
    selected = [_build_candidate(clip) for clip in scored.clips]
    runners_up = [_build_candidate(clip) for clip in scored.runners_up]
    return Data(ScoreCurve(scored.scorer_version, curve, selected, runners_up))


@get("/v1/projects/{project_id:uuid}/waveform", rate_limit=PREVIEWS, **{**NOT_ANALYSED, "error_statuses": (409, 422)})
def get_waveform(
    platform: PlatformDep,
    workers: WorkersDep,
    caller: CallerDep,
    project_id: PathId,
    peaks_per_s: PeaksPerSecond = 10,
) -> Data[WaveformOut]:
    """Return the peaks of the audio, to draw its waveform. 409 until the audio is extracted."""
    project = _read_project(platform, caller, project_id)
    key = artifacts.artifact_key(project.workspace_id, project.id, artifacts.ANALYSIS_AUDIO)
    if platform.store.stat(key) is None:
        raise ApiError(409, f"The audio has not been extracted yet; the project is {project.status}.")
    try:
        with platform.store.local_file(key) as path:
            job = MeasurePeaks(str(path), peaks_per_s)
            waveform = workers.run(job, Waveform, owner=caller.workspace)
    except (JobRefusedError, JobLimitError) as error:
        raise ApiError(
            422, "The waveform cannot be measured within the limits. Ask for fewer `peaks_per_s`."
        ) from error
    return Data(WaveformOut(peaks_per_s, waveform.peaks))


def load_scored_clips(platform: Platform, project: Project) -> ScoredClips | None:
    """Return what the scorer found in the project's video, None until it is scored."""
    key = artifacts.artifact_key(project.workspace_id, project.id, artifacts.SCORED_CLIPS)
    try:
        return msgspec.json.decode(platform.store.get_bytes(key), type=ScoredClips)
    except KeyError:
        return None


def _read_project(platform: Platform, caller: Caller, project_id: UUID) -> Project:
    with platform.database.read() as connection:
        return require_project(connection, caller, project_id)


def _build_candidate(clip: ScoredClip) -> Candidate:
    return Candidate(
        clip.start_s, clip.end_s, clip.title, clip.score, clip.breakdown, clip.reasoning, clip.rejection_reason
    )


ROUTES: list[HTTPRouteHandler] = [rename_project, get_project_transcript, get_score_curve, get_waveform]
