"""Local copies of the files that a clip's configuration refers to.

A reference is the id, object key or store URL of the workspace's own media, which needs no outbound connection, or an
http(s) URL. The assembled edit holds local paths only.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from carmic_assets.media.file_kinds import describe_file
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.file_references import list_references
from resources import media_library
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.platform import Platform
from resources.store.base import StoreError

MAX_DOWNLOAD_BYTES = 1 << 30
DOWNLOAD_TIMEOUT_S = 300.0
MAX_REDIRECTS = 5


def open_referenced_media(
    platform: Platform, workspace_id: str, config: TemplateConfig, scratch_dir: Path, open_files: ExitStack
) -> dict[str, MediaFile]:
    """Return the local file of each reference that the render uses, by reference.

    The files stay available until `open_files` closes. Media that were deleted after the clip was saved are left out,
    and `assemble_edit` reports them.

    Raises:
        RenderError: a URL cannot be downloaded, or a file cannot be read.
    """
    used = [reference for reference in list_references(config) if reference.is_used and reference.value]
    with platform.database.read() as connection:
        own = media_library.resolve_references(connection, workspace_id, {reference.value for reference in used})
    files: dict[str, MediaFile] = {}
    for reference in used:
        value = reference.value
        if value in files:
            continue
        key = own[value].object_key if value in own else media_library.resolve_key(workspace_id, value)
        if key is not None:
            try:
                path = open_files.enter_context(platform.store.local_file(key))
            except (KeyError, StoreError):
                continue
            files[value] = describe_file(path, own[value].filename if value in own else Path(key).name)
        elif "://" in value:
            name = Path(unquote(urlsplit(value).path)).name or "video"
            files[value] = describe_file(_download(platform, value, scratch_dir), name)
    return files


def open_workspace_fonts(platform: Platform, workspace_id: str, open_files: ExitStack) -> tuple[MediaFile, ...]:
    """Return the workspace's own fonts, newest first, without those whose file no longer exists."""
    with platform.database.read() as connection:
        rows = media_library.list_fonts(connection, workspace_id)
    fonts = []
    for row in rows:
        with suppress(KeyError):
            path = open_files.enter_context(platform.store.local_file(row.object_key))
            fonts.append(MediaFile(str(path), row.filename))
    return tuple(fonts)


def _download(platform: Platform, url: str, scratch_dir: Path) -> Path:
    """Download a file once per run. Redirects are followed here, so that each address passes the outbound policy."""
    outbound = OutboundPolicy(platform.settings.outbound_allow)
    path = scratch_dir / f"fetched-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    if path.exists():
        return path
    address = url
    try:
        for _ in range(MAX_REDIRECTS):
            outbound.check_url(address)
            with outbound.open_client(DOWNLOAD_TIMEOUT_S) as client, client.stream("GET", address) as response:
                if response.has_redirect_location:
                    address = str(response.url.join(response.headers["location"]))
                    continue
                response.raise_for_status()
                _write_body(response, path, url)
                return path
    except AddressRefusedError as error:
        raise RenderError(f"{url[:200]} cannot be used: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RenderError(f"{url[:200]} could not be fetched ({type(error).__name__}). Check the address.") from error
    raise RenderError(f"{url[:200]} redirects too often. Use the file's own address.")


def _write_body(response: httpx.Response, path: Path, url: str) -> None:
    staging_path = path.with_suffix(".part")
    size_bytes = 0
    with staging_path.open("wb") as file:
        for block in response.iter_bytes(1 << 20):
            size_bytes += len(block)
            if size_bytes > MAX_DOWNLOAD_BYTES:
                raise RenderError(f"The file at {url[:200]} is larger than 1 GB. Use a smaller one.")
            file.write(block)
    staging_path.replace(path)
