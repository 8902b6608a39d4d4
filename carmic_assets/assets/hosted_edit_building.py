"""Carries out an AI edit by a hosted model: sends the range once, polls, and downloads the result.

A run that resumes polls the request that an earlier run has sent. Imports the computing packages at its top.
"""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.hosted_result import build_hosted_variant, track_region, write_mask, write_model_input
from carmic_assets.ai_edits.region_masks import PixelBox
from carmic_assets.ai_edits.variants import Variant
from carmic_assets.ai_edits.working_clip import WorkingClip
from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.model.direction import Box
from carmic_assets.model.progress import ProgressCallback
from resources import hosted_edits
from resources.hosted_edits import HostedEdit
from resources.hosted_models import EditInput, HostedModel, HostedModelError, Submission, open_model
from resources.timeline_jobs import TimelineJob

POLL_INTERVAL_S = 2.0
TIME_LIMIT_S = 30 * 60.0
INPUT_URL_LIFETIME_S = 2 * 3600
_POLL_RATIO = 0.8  # of the progress


def build_hosted_edit(
    step: TimelineStep, job: TimelineJob, source: WorkingClip, box: Box | None, report: ProgressCallback
) -> Variant:
    """Return the variant of a hosted model.

    Raises:
        AiEditError: the model did not do the edit, or an earlier run may have sent the request without its answer.
    """
    with step.platform.database.read() as connection:
        edit = hosted_edits.get_for_job(connection, job.id)
    if edit is None:
        raise RuntimeError(f"job {job.id} has no request to a hosted model")
    model = open_model(step.platform.settings, edit.service)  # type: ignore[arg-type]  # the API allows no other
    if model is None:
        raise AiEditError(f"{edit.service} is no longer configured. Ask the operator, or edit on this machine.")
    folder = step.scratch_dir / job.id
    boxes = None if box is None else track_region(source, box)
    try:
        submission = _submit_once(step, job, edit, model, _store_inputs(step, job, source, boxes, edit))
        result = folder / "result.mp4"
        url = _await_result(model, submission, report)
        model.download(url, result, step.platform.settings.max_upload_bytes)
    except HostedModelError as error:
        raise AiEditError(str(error)) from error
    return build_hosted_variant(_get_prompt(job), source, boxes, result, folder / "variant-1.mp4")


def _store_inputs(
    step: TimelineStep, job: TimelineJob, source: WorkingClip, boxes: list[PixelBox] | None, edit: HostedEdit
) -> EditInput | None:
    """Store the range and its mask for the model to fetch; None if the request was sent already."""
    if edit.state != "QUEUED":
        return None
    folder, store = step.scratch_dir / job.id, step.platform.store

    def publish(path: Path) -> str:
        key = step.store_key(f"variants/{job.id}/{path.name}")
        store.put_file(key, path, "video/mp4")
        path.unlink()
        return store.presign_get(key, INPUT_URL_LIFETIME_S, content_type="video/mp4")

    video, mask = folder / "model-input.mp4", folder / "model-mask.mp4"
    write_model_input(source, video)
    if boxes is not None:
        write_mask(source, boxes, folder, mask)
    return EditInput(_get_prompt(job), publish(video), publish(mask) if boxes else None)


def _submit_once(
    step: TimelineStep, job: TimelineJob, edit: HostedEdit, model: HostedModel, inputs: EditInput | None
) -> Submission:
    """Send the request if no run has, and record the answer; return the recorded one otherwise."""
    database = step.platform.database
    if inputs is not None:
        with database.write() as connection:
            claimed = hosted_edits.advance(connection, edit.id, "QUEUED", "SENDING")
        if claimed is not None:
            submission = model.submit(inputs)
            with database.write() as connection:
                columns = {
                    "request_id": submission.request_id,
                    "status_url": submission.status_url,
                    "response_url": submission.response_url,
                }
                hosted_edits.advance(connection, edit.id, "SENDING", "RUNNING", **columns)
            return submission
    with database.read() as connection:
        sent = hosted_edits.get_for_job(connection, job.id)
    if sent is None or not (sent.request_id and sent.status_url and sent.response_url):
        raise AiEditError(
            f"The connection to {edit.service} was lost while the request was sent, and it is not sent twice. "
            "Its minutes are refunded. Generate the edit again."
        )
    return Submission(sent.request_id, sent.status_url, sent.response_url)


def _await_result(model: HostedModel, submission: Submission, report: ProgressCallback) -> str:
    """Poll until the service has the result, and return its URL."""
    started_s = time.monotonic()
    while (elapsed_s := time.monotonic() - started_s) < TIME_LIMIT_S:
        try:
            url = model.poll(submission)
        except httpx.TransportError:
            url = None  # unreachable at present; the request is still being worked on
        if url is not None:
            return url
        report(_POLL_RATIO * elapsed_s / TIME_LIMIT_S)
        time.sleep(POLL_INTERVAL_S)
    raise HostedModelError(f"{model.service} did not finish within {TIME_LIMIT_S / 60:.0f} minutes. Try again later.")


def _get_prompt(job: TimelineJob) -> str:
    prompt: str = job.request["plan"]["steps"][0]["text"]
    return prompt
