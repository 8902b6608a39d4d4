"""How long work says how far it is: `progress(fraction)` with 0..1, monotonic, called a few times a second at most."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]


def ignore(fraction: float) -> None:
    """For callers that show nothing."""
