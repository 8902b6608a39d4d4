"""Progress reports of long-running work."""

from __future__ import annotations

from collections.abc import Callable

# Called with the completed fraction, 0..1 and never decreasing, a few times per second at most.
ProgressCallback = Callable[[float], None]


def ignore_progress(fraction: float) -> None:
    """Do nothing: the default callback."""
