"""Pictures for materializations, as markdown that carries its own bytes: the UI needs no other server to show them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path


def png(data: bytes, title: str) -> str:
    return f"![{title}](data:image/png;base64,{b64encode(data).decode()})"


def strip(paths: Sequence[Path], most: int = 6) -> str:
    """JPEG files side by side."""
    shown = paths[:: max(1, len(paths) // most)][:most]
    return " ".join(f"![{p.stem}](data:image/jpeg;base64,{b64encode(p.read_bytes()).decode()})" for p in shown)
