"""Has a provider make the media of a generation job, and copies the result into the store.

The request's row is written before the request is sent. A resumed job polls with the stored ticket; a row without a
ticket may have been sent, so it is never sent again: the job fails and the row counts as orphaned.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from carmic_assets.assets.generation_inputs_loading import build_data_urls
from carmic_assets.assets.generation_step import GenerationStep
from carmic_assets.assets.referenced_media import DownloadBudget, download_reference, inspect_file
from carmic_assets.generation.endpoints import ENDPOINT_BY_KIND
from carmic_assets.generation.errors import GenerationError
from carmic_assets.generation.fal_arguments import build_arguments
from carmic_assets.generation.fal_queue import ExhaustedBalanceError, FalQueue, NotSentError, Ticket
from carmic_assets.generation.model_catalogue import Model, load_models
from carmic_assets.media import ffmpeg
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.sandbox.pool import WorkerPool
from resources import cache, generation_jobs, provider_requests
from resources.generation_jobs import BREAKER_KEY
from resources.provider_requests import ProviderRequest

RESULT = "artifacts/hosted.json"
MAX_SUBMISSIONS = 4  # of which all but the last were certainly not accepted
TIME_LIMIT_S = 1800.0
FIRST_POLL_S, LONGEST_POLL_S = 0.5, 5.0
MAX_RESULT_BYTES = 1 << 30
DOWNLOAD_ATTEMPTS, DOWNLOAD_TIMEOUT_S = 3, 300.0
BREAKER_LIFETIME = timedelta(minutes=10)
QUEUED_PERCENT, WORKING_PERCENT, MADE_PERCENT = 5, 30, 90  # of the job's progress
SUFFIXES = {"image": ".png", "audio": ".wav", "video": ".mp4"}


class HostedResult(msgspec.Struct, frozen=True):
    """The stored result of a provider, and the metadata of the job."""

    object_key: str
    facts: dict[str, Any]


def make_hosted_media(step: GenerationStep) -> HostedResult:
    """Return the provider's result, stored and described in an artifact.

    Raises:
        GenerationError: the provider refused the request, failed, took too long, or sent something else.
    """
    settings = step.platform.settings
    if step.has_artifact(RESULT):
        _end_stored(step)
        return step.load_artifact(RESULT, HostedResult)
    model = next((m for m in load_models(settings.models) if m.name == step.job.model), None)
    if model is None:
        raise GenerationError("INTERNAL", f"the catalogue no longer holds {step.job.model}")
    arguments, notes = build_arguments(model, step.job.request, build_data_urls(step))
    queue = FalQueue(settings.fal_url, settings.fal_key)
    try:
        request, ticket = _send_once(step, queue, model, arguments)
        answer = _await_result(step, queue, request, ticket)
    except ExhaustedBalanceError:
        with step.platform.database.write() as connection:
            cache.put(connection, f"{BREAKER_KEY}{model.engine}", "exhausted balance", BREAKER_LIFETIME)
        raise
    result = _store_result(step, answer, notes)
    step.save_artifact(RESULT, result)
    _end_stored(step)
    return result


def _send_once(
    step: GenerationStep, queue: FalQueue, model: Model, arguments: dict[str, Any]
) -> tuple[ProviderRequest, Ticket]:
    """Return the request and its ticket: those of an earlier attempt, or those of a new submission."""
    with step.platform.database.write() as connection:
        request = provider_requests.find(connection, step.job.id)
        is_new = request is None
        if request is None:
            if not generation_jobs.mark_provider_started(connection, step.job.id):
                raise GenerationError("CANCELLED", "the job ended before its request was sent")
            request = provider_requests.prepare(connection, step.job.id, "fal", model.endpoint)
    if not is_new:
        if request.ticket is None:
            _end(step, request, "ORPHANED")
            raise GenerationError(
                "PROVIDER_UNAVAILABLE", f"request {request.id} was interrupted and may have been sent"
            )
        return request, msgspec.convert(request.ticket, Ticket)
    try:
        ticket = _submit(queue, model, arguments)
    except GenerationError:
        _end(step, request, "FAILED")
        raise
    with step.platform.database.write() as connection:
        provider_requests.mark_sent(connection, request.id, msgspec.to_builtins(ticket))
    step.advance(QUEUED_PERCENT)
    return request, ticket


def _submit(queue: FalQueue, model: Model, arguments: dict[str, Any]) -> Ticket:
    """Submit; only what was certainly not accepted is sent again."""
    for attempt in range(1, MAX_SUBMISSIONS + 1):
        try:
            return queue.submit(model.endpoint, arguments)
        except NotSentError as error:
            if attempt == MAX_SUBMISSIONS:
                raise GenerationError("PROVIDER_UNAVAILABLE", str(error)) from error
            time.sleep(error.retry_after_s)
    raise AssertionError("unreachable")


def _await_result(step: GenerationStep, queue: FalQueue, request: ProviderRequest, ticket: Ticket) -> dict[str, Any]:
    """Poll until the provider is done. A job that ends meanwhile cancels the request."""
    deadline_s, interval_s, is_done = time.monotonic() + TIME_LIMIT_S, FIRST_POLL_S, False
    try:
        while time.monotonic() < deadline_s:
            if not step.is_active():
                raise GenerationError("CANCELLED", "the job was cancelled")
            status = queue.get_status(ticket)
            answer = queue.get_result(ticket) if status == "COMPLETED" else None
            if answer is not None:
                is_done = True
                return answer
            if status == "IN_PROGRESS":
                step.advance(WORKING_PERCENT)
            time.sleep(interval_s)
            interval_s = min(interval_s * 1.5, LONGEST_POLL_S)
        raise GenerationError("TIMEOUT", f"no result within {TIME_LIMIT_S:.0f} s")
    except GenerationError:
        _end(step, request, "FAILED")
        raise
    finally:
        if not is_done and not step.is_active():
            queue.cancel(ticket)


def _end_stored(step: GenerationStep) -> None:
    """Set DONE: the result of the job's request is in the store."""
    with step.platform.database.write() as connection:
        request = provider_requests.find(connection, step.job.id)
        if request is not None:
            provider_requests.end(connection, request.id, "DONE")


def _end(step: GenerationStep, request: ProviderRequest, state: str) -> None:
    with step.platform.database.write() as connection:
        provider_requests.end(connection, request.id, state)


def _store_result(step: GenerationStep, answer: dict[str, Any], notes: list[str]) -> HostedResult:
    """Download the result, check its kind by its content, and store it in the format that the document names."""
    kind = ENDPOINT_BY_KIND[step.job.kind].output_type.partition("/")[0]
    path = _download(step, _find_url(answer))
    try:
        with closing(WorkerPool(size=1)) as workers:
            facts = inspect_file(workers, path, "the result")
    except RenderError as error:
        raise GenerationError("PROVIDER_UNAVAILABLE", f"the result cannot be read: {error.sentence}") from error
    if facts.kind != kind:
        raise GenerationError("PROVIDER_UNAVAILABLE", f"the result is of the kind {facts.kind}, not {kind}")
    step.advance(MADE_PERCENT)
    target = step.scratch_dir / f"result{SUFFIXES[kind]}"
    _convert(path, target, kind)
    key = step.store_key(f"artifacts/result{SUFFIXES[kind]}")
    step.platform.store.put_file(key, target, ENDPOINT_BY_KIND[step.job.kind].output_type)
    return HostedResult(key, _describe(step, kind, facts, notes))


def _find_url(answer: dict[str, Any]) -> str:
    """Return the address of the first file of a result: `images[0].url`, `video.url`, `audio.url` or `image.url`."""
    images = answer.get("images")
    files = [images[0] if isinstance(images, list) and images else None]
    files += [answer.get(name) for name in ("video", "audio", "image")]
    url = next((file["url"] for file in files if isinstance(file, dict) and isinstance(file.get("url"), str)), None)
    if url is None:
        raise GenerationError("PROVIDER_UNAVAILABLE", f"the result names no file: {str(answer)[:300]}")
    return str(url)


def _download(step: GenerationStep, url: str) -> Path:
    """Download a result. A connection that breaks is tried again: downloading costs nothing."""
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        try:
            budget = DownloadBudget(MAX_RESULT_BYTES, DOWNLOAD_TIMEOUT_S)
            return download_reference(step.platform, url, step.scratch_dir, budget)
        except RenderError as error:
            if attempt == DOWNLOAD_ATTEMPTS:
                raise GenerationError(
                    "PROVIDER_UNAVAILABLE", f"the result was not received: {error.sentence}"
                ) from error
            time.sleep(attempt)
    raise AssertionError("unreachable")


def _convert(path: Path, target: Path, kind: str) -> None:
    """Write a PNG, a WAV or an MP4, whatever the provider sent."""
    if kind == "image":
        with Image.open(path) as image:
            image.convert("RGBA" if "A" in image.getbands() else "RGB").save(target, "PNG")
        return
    formats = {
        "audio": ["-map", "0:a:0", "-ac", "1", "-c:a", "pcm_s16le"],
        "video": ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-movflags", "+faststart", "-f", "mp4"],
    }
    output = [*formats[kind], *ffmpeg.BITEXACT_OPTIONS, str(target)]
    ffmpeg.run(ffmpeg.build_command([ffmpeg.Input(str(path))], output))


def _describe(step: GenerationStep, kind: str, facts: MediaFile, notes: list[str]) -> dict[str, Any]:
    """Return the metadata of the document's table for this kind."""
    request = step.job.request
    described: dict[str, Any] = {"model": step.job.model}
    if kind == "image":
        described |= {"width": facts.width, "height": facts.height}
    else:
        described["durationSeconds"] = round(facts.duration_s or 0.0, 3)
    if kind == "video":
        described["resolution"] = f"{min(facts.width or 0, facts.height or 0)}p"
    if kind == "audio":
        described["language"] = request.get("language")
    return {**described, "notes": notes} if notes else described
