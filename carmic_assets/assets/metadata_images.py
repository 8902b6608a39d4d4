"""Formats images for asset metadata as Markdown with data URLs, so that the Dagster UI needs no other server."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path


def png_markdown(png: bytes, title: str) -> str:
    """Return Markdown that embeds a PNG."""
    return f"![{title}](data:image/png;base64,{b64encode(png).decode()})"


def jpeg_strip_markdown(paths: Sequence[Path], limit: int = 6) -> str:
    """Return Markdown that embeds up to `limit` JPEG files side by side, evenly spread over `paths`."""
    selected_paths = paths[:: max(1, len(paths) // limit)][:limit]
    return " ".join(f"![{p.stem}](data:image/jpeg;base64,{b64encode(p.read_bytes()).decode()})" for p in selected_paths)
