"""The platform (settings, database, store) as a Dagster resource: opened once per process, at first use."""

from __future__ import annotations

import functools

import dagster as dg

from resources.platform import Platform, open_platform


class PlatformResource(dg.ConfigurableResource):
    """Takes everything from the environment, as every process of Carmic does."""

    def open(self) -> Platform:
        return _opened()


@functools.cache
def _opened() -> Platform:
    return open_platform()
