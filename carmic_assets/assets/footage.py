"""The files that a clip's configuration names: the workspace's own media, or fetched from the web; local when needed.

A reference is the id, the object key or the store address of the workspace's own media (which needs no way out), or an
http(s) URL. The assembled edit sees only local files.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import or_, select

from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.template import TemplateConfig
from resources.database.tables import media
from resources.outbound import Outbound, Refused
from resources.platform import Platform

FETCH_LIMIT_BYTES = 1 << 30
FETCH_LIMIT_S = 300.0


def references(config: TemplateConfig) -> list[str]:
    """Every reference of the configuration that is in use, in order, each once."""
    found = [cut.video_url for cut in config.b_roll]
    if config.audio.active_track is not None:
        found.append(config.audio.active_track.url)
    elif config.audio.music_track not in ("none", ""):
        found.append(config.audio.music_track)
    if config.elements.watermark.enabled:
        found.append(config.elements.watermark.image_url)
    return list(dict.fromkeys(reference for reference in found if reference))


def gather(
    platform: Platform, workspace_id: str, config: TemplateConfig, scratch: Path, held: ExitStack
) -> dict[str, MediaFile]:
    """The local file for each reference; `held` keeps them until it closes.

    Raises RenderFailed, naming the reference, for what is not there or cannot be read.
    """
    return {reference: _local(platform, workspace_id, reference, scratch, held) for reference in references(config)}


def fonts(platform: Platform, workspace_id: str, held: ExitStack) -> tuple[MediaFile, ...]:
    """The workspace's own fonts."""
    query = select(media.c.object_key, media.c.filename).where(
        media.c.workspace_id == workspace_id, media.c.media_type == "font"
    )
    with platform.database.read() as connection:
        rows = connection.execute(query.order_by(media.c.created_at)).all()
    found = []
    for row in rows:
        if platform.store.stat(row.object_key) is not None:
            found.append(MediaFile(str(held.enter_context(platform.store.local(row.object_key))), row.filename))
    return tuple(found)


def _local(platform: Platform, workspace_id: str, reference: str, scratch: Path, held: ExitStack) -> MediaFile:
    key, name = _own(platform, workspace_id, reference)
    if key is not None:
        try:
            path = held.enter_context(platform.store.local(key))
        except KeyError:
            raise RenderFailed(f"{name} is no longer in the media library. Choose another file.") from None
    else:
        path = _fetch(platform, reference, scratch)
        name = Path(unquote(urlsplit(reference).path)).name or "video"
    from carmic_assets.media.library import describe

    return describe(path, name)


def _own(platform: Platform, workspace_id: str, reference: str) -> tuple[str | None, str]:
    """Object key and name, where the reference is of the workspace's own media."""
    path = unquote(urlsplit(reference).path)
    marker = f"workspaces/{workspace_id}/"
    keys = [reference]
    if marker in path:
        keys.append(path[path.index(marker) :])
    query = select(media.c.object_key, media.c.filename).where(
        media.c.workspace_id == workspace_id, or_(media.c.id == reference, media.c.object_key.in_(keys))
    )
    with platform.database.read() as connection:
        row = connection.execute(query).first()
    if row is not None:
        return row.object_key, row.filename
    if reference.startswith(marker) or (marker in path and platform.store.stat(keys[-1]) is not None):
        return keys[-1], Path(keys[-1]).name
    if not reference.startswith(("http://", "https://")):
        raise RenderFailed(f"There is no media {reference[:80]} in this workspace. Choose one from the library.")
    return None, ""


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
                if answer.is_redirect:
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
