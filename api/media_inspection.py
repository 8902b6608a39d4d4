"""Inspects uploaded files. A worker process parses them; see carmic_assets/sandbox."""

from __future__ import annotations

from pathlib import Path

from api.errors import ApiError
from carmic_assets.model.edit import MediaFile
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import InspectFile


def inspect_media(workers: WorkerPool, workspace_id: str, path: Path, name: str, converted_font: Path) -> MediaFile:
    """Return the properties of a file. A font is also converted and written to the path `converted_font`.

    Raises:
        ApiError: 415 if the file is not a readable image, video, audio file or font.
        PoolBusyError: too many files are being inspected.
    """
    job = InspectFile(str(path), name, str(converted_font))
    try:
        return workers.run(job, MediaFile, owner=workspace_id)
    except JobRefusedError as error:
        raise ApiError(415, str(error)) from error
    except JobLimitError as error:
        raise ApiError(
            415, f"{name} cannot be read within the limits of an inspection. Upload another file."
        ) from error
