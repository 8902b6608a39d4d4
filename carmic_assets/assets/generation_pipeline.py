"""The assets of the generation service. A partition is one job; each Dagster job selects what its kind needs."""

import time
from functools import partial
from typing import Any

import dagster as dg

from carmic_assets.assets.generation_step import GenerationStep, generation_partitions, open_generation_step
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.video_step import OWNERS, StepResult, cost_metadata
from resources import provider_requests

generation_asset = partial(
    dg.asset, partitions_def=generation_partitions, group_name="generation", code_version="1", owners=OWNERS
)


@generation_asset(kinds={"file"})
def generation_inputs(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Fetch the files that the request names, and check what they are."""
    started_s = time.monotonic()
    with open_generation_step(context, platform.open()) as step:
        from carmic_assets.assets.generation_inputs_loading import load_inputs

        step.advance(1)
        files = load_inputs(step)
        return _describe(step, started_s, files=len(files))


@generation_asset(deps=[generation_inputs], kinds={"json"})
def generation_script(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Split the text into sentences, and turn them into phonemes."""
    started_s = time.monotonic()
    with open_generation_step(context, platform.open()) as step:
        from carmic_assets.assets.voice_building import write_script

        script = write_script(step)
        return _describe(step, started_s, sentences=len(script.sentences), voice=script.voice)


@generation_asset(deps=[generation_script], kinds={"audio"})
def generation_narration(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Speak the script, transcribe it back, and bring it to one loudness."""
    started_s = time.monotonic()
    with open_generation_step(context, platform.open()) as step:
        from carmic_assets.assets.voice_building import SPEECH, narrate

        narration = narrate(step)
        return _describe(
            step,
            started_s,
            media_s=narration.duration_s,
            loudness_lufs=narration.loudness_lufs,
            worst_sentence=max(sentence.error_rate for sentence in narration.sentences),
            sound=dg.MetadataValue.url(step.platform.store.presign_get(step.store_key(SPEECH))),
        )


@generation_asset(deps=[generation_inputs], kinds={"video"})
def generation_shots(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Make the pictures: clips by the pipeline for videos, or what a provider makes."""
    started_s = time.monotonic()
    with open_generation_step(context, platform.open()) as step:
        if step.job.engine == "fal":
            return _make_hosted_media(step, started_s)
        from carmic_assets.assets.clip_generation import make_clips

        clips = make_clips(step)
        return _describe(step, started_s, shots=len(clips.shots), failed=clips.failed, project=clips.project_id)


def _make_hosted_media(step: GenerationStep, started_s: float) -> StepResult:
    from carmic_assets.assets.hosted_generation import make_hosted_media

    result = make_hosted_media(step)
    with step.platform.database.read() as connection:
        request = provider_requests.find(connection, step.job.id)
    return _describe(
        step,
        started_s,
        provider_request=str(request.ticket if request else None),
        result=dg.MetadataValue.url(step.platform.store.presign_get(result.object_key)),
    )


@generation_asset(deps=[generation_narration, generation_shots], kinds={"file"})
def generation_output(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Store the results under their final names, and complete the job."""
    started_s = time.monotonic()
    with open_generation_step(context, platform.open()) as step:
        from carmic_assets.assets.generation_finishing import finish_job

        outputs = finish_job(step)
        return _describe(step, started_s, outputs=outputs)


def _describe(
    step: GenerationStep, started_s: float, media_s: float = 0.0, **metadata: dg.MetadataValue[Any] | float | str
) -> StepResult:
    return dg.MaterializeResult(
        metadata={
            **cost_metadata(started_s, media_s),
            "kind": step.job.kind,
            "engine": step.job.engine,
            "model": step.job.model or "none",
            "credits": step.job.price,
            **metadata,
        }
    )


GENERATION_ASSETS = (
    generation_inputs,
    generation_script,
    generation_narration,
    generation_shots,
    generation_output,
)
WAITING_TAGS = {"carmic/slot": "waiting"}
LOCAL_TAGS = {"carmic/slot": "local"}

generate_voice = dg.define_asset_job(
    "generate_voice",
    selection=[generation_inputs, generation_script, generation_narration, generation_output],
    tags=LOCAL_TAGS,
)
generate_clip = dg.define_asset_job(
    "generate_clip", selection=[generation_inputs, generation_shots, generation_output], tags=WAITING_TAGS
)
generate_hosted_media = dg.define_asset_job(
    "generate_hosted_media", selection=[generation_inputs, generation_shots, generation_output], tags=WAITING_TAGS
)
GENERATION_DAGSTER_JOBS = (generate_voice, generate_clip, generate_hosted_media)
