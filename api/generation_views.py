"""The response for a generation job. Its URLs are signed anew at each read and valid for 24 hours."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from carmic_assets.generation.endpoints import Kind
from carmic_assets.generation.errors import ErrorCode
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.generation_jobs import ERROR_SENTENCES, GenerationJob
from resources.platform import Platform

LINK_LIFETIME_S = 24 * 3600
JobStatus = Literal["queued", "processing", "completed", "failed"]


class JobOutput(msgspec.Struct):
    """A file of a job; `type` is its content type. `url` is null once the file has expired."""

    url: Annotated[
        SignedUrl | None,
        Meta(description="Signed URL of the file, valid for 24 hours; null once the file has expired."),
    ]
    type: Annotated[str, Meta(description="Media type of the file.", examples=["audio/wav"])]


class GenerationJobOut(msgspec.Struct, rename="camel"):
    """A job. `progress` is a percentage; the first of `outputs` is `outputUrl`. `expired`: the files are deleted."""

    job_id: Annotated[Uuid, Meta(description="Id of the job.")]
    id: Annotated[Uuid, Meta(description="Id of the job, the same as `jobId`.")]
    type: Annotated[Kind, Meta(description="What the job makes.")]
    status: Annotated[JobStatus, Meta(description="State of the job.")]
    progress: Annotated[Percentage, Meta(description="How much of the job is done, in percent.")]
    output_url: Annotated[
        SignedUrl | None,
        Meta(
            description="Signed URL of the first file, valid for 24 hours; null without one, and once it has expired."
        ),
    ]
    output_type: Annotated[
        str | None,
        Meta(description="Media type of the first file; null until the job is completed.", examples=["audio/wav"]),
    ]
    outputs: Annotated[list[JobOutput], Meta(description="The files of the job; empty until it is completed.")]
    metadata: Annotated[
        dict[str, Any],
        Meta(
            description="Facts about the result, such as the model and the length.",
            examples=[{"model": "kokoro", "durationSeconds": 4.2, "phonemeErrorRate": 0.02}],
        ),
    ]
    error: Annotated[ErrorSentence | None, Meta(description="Why the job failed; null if it did not.")]
    error_code: Annotated[
        ErrorCode | None, Meta(description="The kind of failure, for programs; null if the job did not fail.")
    ]
    credits_charged: Annotated[
        int, Meta(description="Credits that the job was charged when it was queued.", examples=[80])
    ]
    credits_refunded: Annotated[int, Meta(description="Credits that were given back.", examples=[0])]
    created_at: Annotated[Timestamp, Meta(description="When the job was requested.")]
    started_at: Annotated[Timestamp | None, Meta(description="When the job began; null until then.")]
    completed_at: Annotated[Timestamp | None, Meta(description="When the job was completed; null if it is not.")]
    failed_at: Annotated[Timestamp | None, Meta(description="When the job failed; null if it did not.")]
    expired: Annotated[
        bool, Meta(description="Whether the files were deleted, `CARMIC_KEEP_OUTPUTS_DAYS` after the job.")
    ]


def sign_event_data(platform: Platform, data: dict[str, Any]) -> dict[str, Any]:
    """Replace the store keys in the data of `job.completed` by signed URLs."""
    if "object_key" not in data:
        return data
    outputs = [{"url": _sign(platform, output), "type": output["type"]} for output in data["outputs"]]
    urls = {"object_key": ("outputUrl", outputs[0]["url"] if outputs else None), "outputs": ("outputs", outputs)}
    return dict(urls.get(name, (name, value)) for name, value in data.items())


def _sign(platform: Platform, output: dict[str, str]) -> str:
    return platform.store.presign_get(output["object_key"], LINK_LIFETIME_S, content_type=output["type"])


def build_job(platform: Platform, job: GenerationJob) -> GenerationJobOut:
    """Build the response for a job."""
    outputs = [JobOutput(None if job.expired_at else _sign(platform, output), output["type"]) for output in job.outputs]
    return GenerationJobOut(
        job.id,
        job.id,
        cast(Kind, job.kind),
        cast(JobStatus, job.status),
        job.progress,
        outputs[0].url if outputs else None,
        outputs[0].type if outputs else None,
        outputs,
        job.facts,
        ERROR_SENTENCES[job.error_code] if job.error_code else None,
        cast(ErrorCode | None, job.error_code),
        job.price,
        job.refunded,
        job.created_at,
        job.started_at,
        job.finished_at if job.status == "completed" else None,
        job.finished_at if job.status == "failed" else None,
        job.expired_at is not None,
    )
