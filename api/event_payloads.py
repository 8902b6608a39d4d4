"""The payloads of webhooks and stream messages, as the API's reference shows them. `resources` records the events."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from carmic_assets.generation.errors import ErrorCode
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.outbox import WebhookEvent
from resources.projects import Status

T = TypeVar("T")


class ClipSummary(msgspec.Struct):
    """A clip in the message that its project's clips are ready."""

    id: Annotated[Uuid, Meta(description="Id of the clip.")]
    title: Annotated[str, Meta(description="Title of the clip.", examples=["Why small teams ship faster"])]
    start_time: Annotated[float, Meta(description="Where it starts, in seconds of the source.", examples=[612.4])]
    end_time: Annotated[float, Meta(description="Where it ends, in seconds of the source.", examples=[655.0])]
    virality_score: Annotated[int, Meta(description="The score of the clip, 0 to 100.", examples=[87])]


class ProjectEvent(msgspec.Struct):
    """The state of a project, as `/status` returns it."""

    id: Annotated[Uuid, Meta(description="Id of the project.")]
    project_id: Annotated[Uuid, Meta(description="Id of the project.")]
    status: Annotated[Status, Meta(description="Where the project stands.")]
    title: Annotated[str, Meta(description="Title of the project.", examples=["Episode 12"])]
    progress: Annotated[Percentage, Meta(description="How much of the analysis is done, in percent.")]
    current_step: Annotated[str, Meta(description="What happens at the moment.", examples=["Following faces"])]
    clip_count: Annotated[int, Meta(description="How many clips were found so far.", examples=[8])]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the project failed; null if it did not.")]
    visual_pipeline_ready: Annotated[bool, Meta(description="Whether clips are listed.")]
    eta_s: Annotated[
        float | UnsetType | None,
        Meta(description="Estimated seconds until the clips are ready; null while unknown.", examples=[140.0]),
    ] = UNSET
    clips: Annotated[
        list[ClipSummary] | UnsetType, Meta(description="The clips, best first; sent when they become ready.")
    ] = UNSET


class RenderEvent(msgspec.Struct):
    """A render that has ended."""

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    project_id: Annotated[Uuid, Meta(description="Id of the clip's project.")]
    render_job_id: Annotated[Uuid, Meta(description="Id of the render.")]
    status: Annotated[Literal["RENDERED", "FAILED_RENDER"], Meta(description="How the render ended.")]
    progress: Annotated[Percentage, Meta(description="How much of the render is done, in percent.")]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the render failed; null if it did not.")]
    video_url: Annotated[
        SignedUrl | UnsetType, Meta(description="Signed URL of the MP4, valid for a day; absent after a failure.")
    ] = UNSET


class RescoreEvent(msgspec.Struct):
    """A clip whose score a re-scoring has changed."""

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    project_id: Annotated[Uuid, Meta(description="Id of the clip's project.")]
    title: Annotated[str, Meta(description="Title of the clip.", examples=["Why small teams ship faster"])]
    old_score: Annotated[int, Meta(description="The score before, 0 to 100.", examples=[71])]
    virality_score: Annotated[int, Meta(description="The score now, 0 to 100.", examples=[87])]
    scorer_version: Annotated[str, Meta(description="Version of the scorer.", examples=["7"])]


class ExportEvent(msgspec.Struct):
    """An export of a clip."""

    id: Annotated[Uuid, Meta(description="Id of the export.")]
    export_id: Annotated[Uuid, Meta(description="Id of the export.")]
    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    project_id: Annotated[Uuid, Meta(description="Id of the clip's project.")]
    target_format: Annotated[str, Meta(description="The editing program.", examples=["premiere"])]
    status: Annotated[Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED"], Meta(description="State of the export.")]
    progress: Annotated[Percentage, Meta(description="How much of the package is done, in percent.")]
    file_size: Annotated[int | None, Meta(description="Size of the package in bytes.", examples=[73400320])]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the export failed; null if it did not.")]
    download_url: Annotated[
        SignedUrl | UnsetType, Meta(description="Signed URL of the package; absent until it is completed.")
    ] = UNSET


class JobProgressEvent(msgspec.Struct, rename="camel"):
    """A job of the generation API that has not ended."""

    job_id: Annotated[Uuid, Meta(description="Id of the job.")]
    type: Annotated[str, Meta(description="What the job makes.", examples=["voice"])]
    status: Annotated[Literal["queued", "processing"], Meta(description="State of the job.")]
    progress: Annotated[Percentage, Meta(description="How much of the job is done, in percent.")]
    created_at: Annotated[Timestamp, Meta(description="When the job was requested.")]


class JobFile(msgspec.Struct):
    """A file of a job."""

    url: Annotated[SignedUrl, Meta(description="Signed URL of the file, valid for a day.")]
    type: Annotated[str, Meta(description="Media type of the file.", examples=["audio/wav"])]


class JobEvent(msgspec.Struct, rename="camel"):
    """A job of the generation API, or a render in its shape."""

    job_id: Annotated[Uuid, Meta(description="Id of the job or render.")]
    type: Annotated[str, Meta(description="Kind of the job; a render is `clip`.", examples=["clip"])]
    status: Annotated[Literal["completed", "failed"], Meta(description="How the job ended.")]
    created_at: Annotated[Timestamp, Meta(description="When the job was requested.")]
    output_url: Annotated[SignedUrl | UnsetType, Meta(description="Signed URL of the result, valid for a day.")] = UNSET
    output_type: Annotated[str | UnsetType, Meta(description="Media type.", examples=["video/mp4"])] = UNSET
    outputs: Annotated[list[JobFile] | UnsetType, Meta(description="All files of a job of the generation API.")] = UNSET
    metadata: Annotated[
        dict[str, Any] | UnsetType,
        Meta(description="Facts about the result.", examples=[{"clipCount": 1, "viralScores": [8.7]}]),
    ] = UNSET
    completed_at: Annotated[Timestamp | UnsetType, Meta(description="When the job was completed.")] = UNSET
    error: Annotated[ErrorSentence | UnsetType | None, Meta(description="Why the job failed.")] = UNSET
    error_code: Annotated[
        ErrorCode | UnsetType, Meta(description="Kind of the failure of a job of the generation API, for programs.")
    ] = UNSET
    credits_refunded: Annotated[
        float | UnsetType, Meta(description="What was given back; minutes for a render.", examples=[0.71])
    ] = UNSET
    failed_at: Annotated[Timestamp | UnsetType, Meta(description="When the job failed.")] = UNSET


class TimelineEvent(msgspec.Struct):
    """A new revision of a timeline."""

    event: Annotated[Literal["timeline.changed"], Meta(description="Name of the event.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    revision: Annotated[int, Meta(description="Number of the revision.", examples=[17])]
    op: Annotated[str, Meta(description="The operation that made it.", examples=["trim"])]
    segments: Annotated[int, Meta(description="How many segments are active.", examples=[5])]


class TimelineJobEvent(msgspec.Struct):
    """A job of a timeline: its end, or in a stream its progress."""

    event: Annotated[str, Meta(description="Name of the event.", examples=["timeline_export.completed"])]
    id: Annotated[Uuid, Meta(description="Id of the job.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    kind: Annotated[
        Literal["ingest", "grade", "export", "generate"],
        Meta(description="What the job does; `generate` is an AI edit."),
    ]
    status: Annotated[Literal["pending", "running", "completed", "failed"], Meta(description="State of the job.")]
    progress: Annotated[Percentage, Meta(description="How much of the job is done, in percent.")]
    revision: Annotated[int | None, Meta(description="Revision that it worked on; null if none.", examples=[17])]
    error: Annotated[ErrorSentence | None, Meta(description="Why the job failed; null if it did not.")]
    download_url: Annotated[SignedUrl | UnsetType, Meta(description="Signed URL that saves an export.")] = UNSET
    video_url: Annotated[SignedUrl | UnsetType, Meta(description="Signed URL that plays a rendition.")] = UNSET


class TimelineVariantEvent(msgspec.Struct):
    """A variant of an AI edit that was made, or could not be made."""

    event: Annotated[
        Literal["timeline_variant.ready", "timeline_variant.failed"], Meta(description="Name of the event.")
    ]
    id: Annotated[Uuid | None, Meta(description="Id of the variant; null if it could not be made.")]
    job_id: Annotated[Uuid, Meta(description="Id of the AI edit.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    label: Annotated[str, Meta(description="Method or strength of the variant.", examples=["as asked"])]
    overall_score: Annotated[
        float | None, Meta(description="Its overall score, 0 to 100; null if it could not be made.", examples=[87.2])
    ]
    error: Annotated[ErrorSentence | None, Meta(description="Why it could not be made; null if it was.")]
    video_url: Annotated[
        SignedUrl | UnsetType, Meta(description="Signed URL that plays it, valid for a day; absent after a failure.")
    ] = UNSET


class WebhookMessage(msgspec.Struct, Generic[T]):
    """The body of a webhook request."""

    event: Annotated[WebhookEvent, Meta(description="Name of the event.")]
    timestamp: Annotated[Timestamp, Meta(description="When the event happened.")]
    data: Annotated[T, Meta(description="What has changed.")]


# For each event: the type of its data, and when it is sent
PAYLOADS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "project.status": (ProjectEvent, "A project has reached a new status."),
    "project.clips_ready": (ProjectEvent, "The clips of a project can be listed, or their list has changed."),
    "project.failed": (ProjectEvent, "A project has ended in FAILED or FAILED_*."),
    "clip.rendered": (RenderEvent, "The MP4 of a clip is ready."),
    "clip.render_failed": (RenderEvent, "A render has failed, and its minutes are refunded."),
    "clip.rescored": (RescoreEvent, "A re-scoring has changed the score of a clip."),
    "export.completed": (ExportEvent, "An export package is ready."),
    "export.failed": (ExportEvent, "An export has failed."),
    "job.completed": (JobEvent, "A job of the generation API, or a render, is completed."),
    "job.failed": (JobEvent, "A job of the generation API, or a render, has failed."),
    "timeline.changed": (TimelineEvent, "A timeline has a new revision."),
    "timeline_export.completed": (TimelineJobEvent, "An export of a timeline is ready."),
    "timeline_export.failed": (TimelineJobEvent, "An export of a timeline has failed."),
    "timeline_job.completed": (TimelineJobEvent, "An import of footage, a grade or an AI edit is completed."),
    "timeline_job.failed": (TimelineJobEvent, "An import of footage, a grade or an AI edit has failed."),
    "timeline_variant.ready": (TimelineVariantEvent, "A variant of an AI edit is made."),
    "timeline_variant.failed": (TimelineVariantEvent, "A variant of an AI edit could not be made."),
}
