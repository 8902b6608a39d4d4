"""Makes the files that a clip's configuration refers to available as local files.

A reference is either the id, object key or store URL of the workspace's own media, or an http(s) URL that is
downloaded. The assembled edit holds local paths only. A worker of the sandbox parses the files, not this process.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.file_references import list_references
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import InspectFile
from resources import media_library
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.platform import Platform
from resources.store.base import StoreError

MAX_DOWNLOAD_BYTES = 1 << 30  # total size of the files that one clip downloads: 1 GiB
DOWNLOAD_TIMEOUT_S = 300.0  # total time of these downloads
MAX_REDIRECTS = 5


class DownloadBudget:
    """The remaining bytes and seconds for the downloads of one clip."""

    def __init__(self, max_bytes: int, timeout_s: float) -> None:
        self.remaining_bytes = max_bytes
        self._deadline_s = time.monotonic() + timeout_s

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            RenderError: the deadline has passed.
        """
        remaining_s = self._deadline_s - time.monotonic()
        if remaining_s <= 0:
            raise RenderError(
                f"Downloading the clip's files took more than {DOWNLOAD_TIMEOUT_S:.0f} s. Upload them to the library."
            )
        return remaining_s

    def spend(self, size_bytes: int) -> None:
        """Subtract bytes that were received.

        Raises:
            RenderError: more bytes were received than remained.
        """
        self.remaining_bytes -= size_bytes
        if self.remaining_bytes < 0:
            raise RenderError(
                f"The files that the clip names by URL have more than {MAX_DOWNLOAD_BYTES >> 30} GB in total. "
                "Use smaller ones."
            )


def open_referenced_media(
    platform: Platform, workspace_id: str, config: TemplateConfig, scratch_dir: Path, open_files: ExitStack
) -> dict[str, MediaFile]:
    """Return the local files by reference, for each reference that the render uses.

    The files stay available until `open_files` closes. Media that were deleted after the clip was saved are omitted,
    and `assemble_edit` reports them.

    Raises:
        RenderError: a URL cannot be downloaded, or a file cannot be read.
    """
    used_references = [reference for reference in list_references(config) if reference.is_used and reference.value]
    with platform.database.read() as connection:
        own_media = media_library.resolve_references(
            connection, workspace_id, {reference.value for reference in used_references}
        )
    files: dict[str, MediaFile] = {}
    budget = DownloadBudget(MAX_DOWNLOAD_BYTES, DOWNLOAD_TIMEOUT_S)
    with closing(WorkerPool(size=1)) as workers:
        for reference in used_references:
            value = reference.value
            if value in files:
                continue
            key = own_media[value].object_key if value in own_media else media_library.resolve_key(workspace_id, value)
            if key is not None:
                try:
                    path = open_files.enter_context(platform.store.local_file(key))
                except (KeyError, StoreError):
                    continue
                name = own_media[value].filename if value in own_media else Path(key).name
                files[value] = inspect_file(workers, path, name)
            elif "://" in value:
                name = Path(unquote(urlsplit(value).path)).name or "video"
                files[value] = inspect_file(workers, download_reference(platform, value, scratch_dir, budget), name)
    return files


def inspect_file(workers: WorkerPool, path: Path, name: str) -> MediaFile:
    """Return the facts of a file, which a worker of the sandbox parses.

    Raises:
        RenderError: it is not a readable picture, video, audio or font file.
    """
    try:
        return workers.run(InspectFile(str(path), name), MediaFile)
    except JobRefusedError as error:
        raise RenderError(str(error)) from error
    except JobLimitError as error:
        raise RenderError(f"{name} cannot be read within the limits of an inspection. Use another file.") from error


def open_workspace_fonts(platform: Platform, workspace_id: str, open_files: ExitStack) -> tuple[MediaFile, ...]:
    """Return the converted files of the workspace's own fonts, newest first, without deleted ones."""
    with platform.database.read() as connection:
        rows = media_library.list_fonts(connection, workspace_id)
    fonts = []
    for row in rows:
        with suppress(KeyError):
            path = open_files.enter_context(platform.store.local_file(media_library.get_converted_key(row.object_key)))
            facts = msgspec.convert(row.facts, MediaFile)
            fonts.append(msgspec.structs.replace(facts, path=str(path), name=row.filename))
    return tuple(fonts)


def download_reference(platform: Platform, url: str, scratch_dir: Path, budget: DownloadBudget) -> Path:
    """Download a file, unless an earlier call did, and return its path.

    Redirects are followed here, not by httpx, so that each address is checked by the outbound policy.

    Raises:
        RenderError: the address may not be used, or nothing can be fetched from it within the budget.
    """
    outbound = OutboundPolicy(platform.settings.outbound_allow)
    path = scratch_dir / f"fetched-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    if path.exists():
        return path
    address = url
    try:
        for _ in range(MAX_REDIRECTS):
            outbound.check_url(address)
            with outbound.open_client(budget.remaining_s) as client, client.stream("GET", address) as response:
                if response.has_redirect_location:
                    address = str(response.url.join(response.headers["location"]))
                    continue
                response.raise_for_status()
                _write_body(response, path, budget)
                return path
    except AddressRefusedError as error:
        raise RenderError(f"{url[:200]} cannot be used: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RenderError(f"{url[:200]} could not be downloaded ({type(error).__name__}). Check the URL.") from error
    raise RenderError(f"{url[:200]} redirects too often. Use the final URL of the file.")


def _write_body(response: httpx.Response, path: Path, budget: DownloadBudget) -> None:
    staging_path = path.with_suffix(".part")
    with staging_path.open("wb") as file:
        for block in response.iter_bytes(1 << 20):
            budget.spend(len(block))
            file.write(block)
    staging_path.replace(path)
