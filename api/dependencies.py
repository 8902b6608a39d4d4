"""Annotations of the handler parameters that Litestar injects. `api.app` provides the values."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import FromPath

from api.access import Caller
from api.editor_hydration import Hydrator
from api.run_dispatch import RunDispatcher
from carmic_assets.sandbox.pool import WorkerPool
from resources.platform import Platform

PlatformDep: TypeAlias = NamedDependency[Platform]
CallerDep: TypeAlias = NamedDependency[Caller]
DispatcherDep: TypeAlias = NamedDependency[RunDispatcher]
HydratorDep: TypeAlias = NamedDependency[Hydrator]
WorkersDep: TypeAlias = NamedDependency[WorkerPool]
PathId: TypeAlias = FromPath[UUID]
