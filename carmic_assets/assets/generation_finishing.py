"""Stores the outputs of a generation job under their final names and completes it, with the metadata of its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import msgspec

from carmic_assets.assets.clip_generation import SHOTS, Shots
from carmic_assets.assets.generation_step import GenerationStep
from carmic_assets.assets.hosted_generation import RESULT, HostedResult
from carmic_assets.assets.voice_building import SPEECH, describe_voice
from carmic_assets.generation.endpoints import ENDPOINT_BY_KIND
from resources import generation_jobs
from resources.database.engine import now


class Result(msgspec.Struct, frozen=True):
    """What a job made: (store key, final name, content type) of each file, and the metadata.

    `failed_ratio` is the fraction of the files that could not be made; that fraction of the price is given back.
    """

    files: tuple[tuple[str, str, str], ...]
    facts: dict[str, Any]
    failed_ratio: float = 0.0


def finish_job(step: GenerationStep) -> int:
    """Complete the job, and return the number of its outputs. A finished job is left as it is."""
    result = _COLLECTORS[step.job.engine](step)
    outputs = []
    for source_key, name, content_type in result.files:
        key = step.store_key(f"outputs/{name}")
        with step.platform.store.local_file(source_key) as path:
            step.platform.store.put_file(key, path, content_type)
        outputs.append({"object_key": key, "type": content_type})
    duration_ms = round((now() - step.job.created_at).total_seconds() * 1000)
    facts = {**result.facts, "durationMs": duration_ms}
    refunded = round(step.job.price * result.failed_ratio)
    with step.platform.database.write() as connection:
        generation_jobs.finish(connection, step.job.id, outputs, facts, refunded)
    return len(outputs)


def _collect_speech(step: GenerationStep) -> Result:
    return Result(((step.store_key(SPEECH), "speech.wav", "audio/wav"),), describe_voice(step))


def _collect_clips(step: GenerationStep) -> Result:
    """Return the rendered clips. A job without any clip above its threshold costs nothing."""
    clips = step.load_artifact(SHOTS, Shots)
    files = tuple((shot.object_key, f"clip-{n}.mp4", "video/mp4") for n, shot in enumerate(clips.shots, 1))
    facts: dict[str, Any] = {
        "clipCount": len(clips.shots),
        "viralScores": [shot.score for shot in clips.shots],
        "projectId": clips.project_id,
        "clips": [
            {"title": shot.title, "start": round(shot.start_s, 3), "end": round(shot.end_s, 3), "score": shot.score}
            for shot in clips.shots
        ],
    }
    total = len(clips.shots) + clips.failed
    return Result(files, facts, clips.failed / total if total else 1.0)


def _collect_hosted_media(step: GenerationStep) -> Result:
    result = step.load_artifact(RESULT, HostedResult)
    name = f"output{PurePath(result.object_key).suffix}"
    content_type = ENDPOINT_BY_KIND[step.job.kind].output_type
    return Result(((result.object_key, name, content_type),), result.facts)


_COLLECTORS: dict[str, Callable[[GenerationStep], Result]] = {
    "kokoro": _collect_speech,
    "pipeline": _collect_clips,
    "fal": _collect_hosted_media,
}
