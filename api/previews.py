"""Renders previews of clips and templates in a worker process; see carmic_assets/sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from api.errors import ApiError
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.template import TemplateConfig
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import ClipPreview, DrawTemplate, PreviewClip

TOO_EXPENSIVE = "This preview exceeds the limits of time and memory. Use another font or fewer words."


def draw_template(
    workers: WorkerPool, workspace_id: str, config: TemplateConfig, fonts: Sequence[MediaFile], path: Path, cache: Path
) -> None:
    """Write the preview of a template as PNG. `fonts` are the workspace's own.

    Raises:
        ApiError: 422 if the template cannot be rendered.
        PoolBusyError: too many previews are being rendered.
    """
    try:
        workers.run(DrawTemplate(config, tuple(fonts), str(path), str(cache)), type(None), owner=workspace_id)
    except JobRefusedError as error:
        raise ApiError(422, str(error)[:500]) from error
    except JobLimitError as error:
        raise ApiError(422, TOO_EXPENSIVE) from error


def preview_clip(workers: WorkerPool, workspace_id: str, job: PreviewClip, source: BinaryIO | None) -> ClipPreview:
    """Lay out the captions of a clip, and render the still that `job` requests.

    If the frame exceeds the worker's limits, the captions are returned without a still.

    Raises:
        ApiError: 400 if the captions cannot be laid out, 422 if the layout exceeds the worker's limits.
        PoolBusyError: too many previews are being rendered.
    """
    try:
        try:
            return workers.run(job, ClipPreview, owner=workspace_id, source=source)
        except JobLimitError:
            if not job.still_path:
                raise
            return workers.run(msgspec.structs.replace(job, still_path=""), ClipPreview, owner=workspace_id)
    except JobRefusedError as error:
        raise ApiError(400, str(error)) from error
    except JobLimitError as error:
        raise ApiError(422, TOO_EXPENSIVE) from error
