"""Provides the platform (settings, database, object store) as a Dagster resource, opened once per process."""

from __future__ import annotations

import functools
import threading

import dagster as dg

from resources.platform import Platform, open_platform

_OPENING = threading.Lock()


class PlatformResource(dg.ConfigurableResource[Platform]):
    """Resource without configuration, because every Carmic process reads its settings from the environment."""

    def open(self) -> Platform:
        """Return this process's platform."""
        with _OPENING:  # functools.cache alone lets threads that arrive together open one each
            return _open_platform_once()


@functools.cache
def _open_platform_once() -> Platform:
    return open_platform()
