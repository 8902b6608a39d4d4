"""Fetches the files that a generation request names by URL, and checks what they are by their content."""

from __future__ import annotations

import base64
import mimetypes
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from carmic_assets.assets.generation_step import GenerationStep
from carmic_assets.assets.referenced_media import (
    DOWNLOAD_TIMEOUT_S,
    DownloadBudget,
    download_reference,
    inspect_file,
)
from carmic_assets.generation.endpoints import ENDPOINT_BY_KIND
from carmic_assets.generation.errors import ErrorCode, GenerationError
from carmic_assets.model.errors import RenderError
from carmic_assets.sandbox.pool import WorkerPool

INPUTS = "artifacts/inputs.json"
MAX_INPUT_BYTES = 64 << 20  # of all files of one request
MAX_AUDIO_S = 600.0
SUFFIXES = {"image": ".png", "audio": ".wav"}


class InputFile(msgspec.Struct, frozen=True):
    """A file of a request, in the store."""

    field: str
    object_key: str


def load_inputs(step: GenerationStep) -> list[InputFile]:
    """Bring the job's inputs into the store, and list them in an artifact.

    The video of a `clip` job is left out, because its project fetches it.

    Raises:
        GenerationError: a file cannot be fetched or read, is of another kind, or is too large or too long.
    """
    sources = ENDPOINT_BY_KIND[step.job.kind].sources
    budget = DownloadBudget(MAX_INPUT_BYTES, DOWNLOAD_TIMEOUT_S)
    files = [
        _load(step, budget, field, sources[field], source)
        for field, listed in step.job.inputs.items()
        for source in listed
        if step.job.engine != "pipeline"
    ]
    step.save_artifact(INPUTS, files)
    return files


def build_data_urls(step: GenerationStep) -> dict[str, str]:
    """Return {field: data URL} of the inputs, for a provider that cannot reach this server's store."""
    urls = {}
    for file in step.load_artifact(INPUTS, list[InputFile]):
        content_type = mimetypes.guess_type(file.object_key)[0] or "application/octet-stream"
        encoded = base64.b64encode(step.platform.store.get_bytes(file.object_key)).decode()
        urls[file.field] = f"data:{content_type};base64,{encoded}"
    return urls


def _load(step: GenerationStep, budget: DownloadBudget, field: str, kind: str, source: dict[str, str]) -> InputFile:
    key, url = source.get("object_key"), source.get("url")
    try:
        if key is not None:
            with step.platform.store.local_file(key) as path:
                if path.stat().st_size > MAX_INPUT_BYTES:
                    raise GenerationError("TOO_LONG", f"{field} has more than {MAX_INPUT_BYTES} bytes")
                _check(path, field, kind)
            return InputFile(field, key)
        path = download_reference(step.platform, str(url), step.scratch_dir, budget)
        _check(path, field, kind)
    except RenderError as error:
        code: ErrorCode = "TOO_LONG" if budget.remaining_bytes < 0 else "INPUT_UNREADABLE"
        raise GenerationError(code, f"{field}: {error.sentence}") from error
    except KeyError as error:
        raise GenerationError("INPUT_UNREADABLE", f"{field}: the file was deleted") from error
    suffix = Path(unquote(urlsplit(str(url)).path)).suffix.lower()
    is_known = (mimetypes.guess_type(f"a{suffix}")[0] or "").startswith(f"{kind}/")
    stored = step.store_key(f"inputs/{field}{suffix if is_known else SUFFIXES.get(kind, '.bin')}")
    step.platform.store.put_file(stored, path)
    return InputFile(field, stored)


def _check(path: Path, field: str, kind: str) -> None:
    with closing(WorkerPool(size=1)) as workers:
        facts = inspect_file(workers, path, field)
    if facts.kind != kind:
        raise GenerationError("INPUT_UNREADABLE", f"{field} is of the kind {facts.kind}, not {kind}")
    if kind == "audio" and (facts.duration_s or 0) > MAX_AUDIO_S:
        raise GenerationError("TOO_LONG", f"{field} is longer than {MAX_AUDIO_S:.0f} s")
