"""Stores the pictures of a materialization as JPEGs, and links them in its metadata.

The metadata holds links only: a picture in it would stay in Dagster's event log for as long as the materialization.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.assets.video_step import VideoStep
from resources import artifacts
from resources.picture_links import sign_picture_url
from resources.settings import Settings

JPEG_QUALITY = 82


def store_picture(step: VideoStep, name: str, png: bytes, title: str) -> str:
    """Store a PNG as the JPEG `name` of the video. Returns Markdown that shows it."""
    key = step.artifact_key(artifacts.picture_name(name))
    step.platform.store.put_bytes(key, _encode_jpeg(png), "image/jpeg")
    return _format_image(step.platform.settings, key, title)


def store_timeline_jpegs(step: TimelineStep, name: str, paths: Sequence[Path]) -> str:
    """Store JPEG files as the pictures `name` of a timeline. Returns Markdown that shows them side by side."""
    keys = [step.store_key(artifacts.picture_name(f"{name}-{number}")) for number in range(len(paths))]
    for key, path in zip(keys, paths, strict=True):
        step.platform.store.put_file(key, path, "image/jpeg")
    return " ".join(_format_image(step.platform.settings, key, f"{number}") for number, key in enumerate(keys, 1))


def link_pictures(step: VideoStep, keys: Sequence[str], limit: int = 6) -> str:
    """Return Markdown that shows up to `limit` stored JPEGs side by side, evenly spread over `keys`."""
    chosen = keys[:: max(1, len(keys) // limit)][:limit]
    return " ".join(_format_image(step.platform.settings, key, f"{number}") for number, key in enumerate(chosen, 1))


def _format_image(settings: Settings, key: str, title: str) -> str:
    return f"![{title}]({sign_picture_url(settings, key)})"


def _encode_jpeg(png: bytes) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
