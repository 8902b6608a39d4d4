"""Limits what the metadata of a materialization quotes, so that its event stays below `MAX_METADATA_BYTES`.

Dagster's UI loads the metadata of many materializations at once, and the event log keeps it for as long as the asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

MAX_METADATA_BYTES = 20_000  # of one materialization; tests check it over a complete video
MAX_ITEMS = 15  # of one list
MAX_TABLE_BYTES = 8_000

T = TypeVar("T")


def first_items(items: Sequence[T]) -> list[T | str]:
    """Return the first `MAX_ITEMS` items, and a last one that says how many follow."""
    if len(items) <= MAX_ITEMS:
        return list(items)
    return [*items[:MAX_ITEMS], f"and {len(items) - MAX_ITEMS} more"]


def first_lines(text: str, max_bytes: int = MAX_TABLE_BYTES) -> str:
    """Return the leading lines that fit into `max_bytes` of UTF-8, and a last one that says how many follow."""
    lines = text.splitlines()
    size_bytes = 0
    for number, line in enumerate(lines):
        size_bytes += len(line.encode()) + 1
        if size_bytes > max_bytes:
            return "\n".join([*lines[:number], "", f"and {len(lines) - number} more"])
    return text
