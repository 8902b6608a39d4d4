"""The files that a clip's configuration names: the workspace's own media, or fetched from the web; local when needed.

A reference is the id, the object key or the store address of the workspace's own media (which needs no way out), or an
http(s) URL. The assembled edit sees only local files.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.file_references import references
from resources import media_library
from resources.outbound import Outbound, Refused
from resources.platform import Platform
from resources.store.base import StoreError

FETCH_LIMIT_BYTES = 1 << 30
FETCH_LIMIT_S = 300.0


def gather(
    platform: Platform, workspace_id: str, config: TemplateConfig, scratch: Path, held: ExitStack
) -> dict[str, MediaFile]:
    """The local file for each reference that the render uses; `held` keeps them until it closes.

    Raises RenderFailed, naming the place, for what is not there or cannot be read.
    """
    from carmic_assets.media.file_kinds import describe

    used = [reference for reference in references(config) if reference.used and reference.value]
    with platform.database.read() as connection:
        own = media_library.named(connection, workspace_id, {reference.value for reference in used})
    found: dict[str, MediaFile] = {}
    for reference in used:
        value = reference.value
        if value in found:
            continue
        key = own[value].object_key if value in own else media_library.key_in(workspace_id, value)
        if key is not None:
            try:
                path = held.enter_context(platform.store.local(key))
            except (KeyError, StoreError):  # deleted since the clip was saved: `assemble` says so
                continue
            found[value] = describe(path, own[value].filename if value in own else Path(key).name)
        elif "://" in value:
            name = Path(unquote(urlsplit(value).path)).name or "video"
            found[value] = describe(_fetch(platform, value, scratch), name)
    return found


def fonts(platform: Platform, workspace_id: str, held: ExitStack) -> tuple[MediaFile, ...]:
    """The workspace's own fonts, newest first, without what has left the store."""
    with platform.database.read() as connection:
        rows = media_library.fonts(connection, workspace_id)
    found = []
    for row in rows:
        with suppress(KeyError):
            found.append(MediaFile(str(held.enter_context(platform.store.local(row.object_key))), row.filename))
    return tuple(found)


def _fetch(platform: Platform, url: str, scratch: Path) -> Path:
    """A file from the web. Redirects are followed by hand, each through the rule."""
    import httpx

    outbound = Outbound(platform.settings.outbound_allow)
    path = scratch / f"fetched-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    if path.exists():
        return path
    address = url
    try:
        for _ in range(5):
            outbound.check(address)
            with outbound.client(FETCH_LIMIT_S) as client, client.stream("GET", address) as answer:
                if answer.has_redirect_location:
                    address = str(answer.url.join(answer.headers["location"]))
                    continue
                answer.raise_for_status()
                aside = path.with_suffix(".part")
                size = 0
                with aside.open("wb") as file:
                    for block in answer.iter_bytes(1 << 20):
                        size += len(block)
                        if size > FETCH_LIMIT_BYTES:
                            raise RenderFailed(f"The file at {url[:200]} is larger than 1 GB. Use a smaller one.")
                        file.write(block)
                aside.replace(path)
                return path
    except Refused as error:
        raise RenderFailed(f"{url[:200]} cannot be used: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RenderFailed(f"{url[:200]} could not be fetched ({type(error).__name__}). Check the address.") from error
    raise RenderFailed(f"{url[:200]} redirects too often. Use the file's own address.")
