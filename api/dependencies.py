"""What handlers may ask for by name, as the framework wants it marked. `api.app` says where each comes from."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import FromPath

from api.access import Caller
from api.editor_hydration import Hydrator
from api.run_dispatch import Launcher
from resources.platform import Platform

ThePlatform: TypeAlias = NamedDependency[Platform]
TheCaller: TypeAlias = NamedDependency[Caller]
TheLauncher: TypeAlias = NamedDependency[Launcher]
TheHydrator: TypeAlias = NamedDependency[Hydrator]
Id: TypeAlias = FromPath[UUID]
