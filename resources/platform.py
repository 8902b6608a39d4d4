"""What a process of Carmic works with: settings, database, store. Opened once, passed on; the only place that opens them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from resources.database.engine import Database
from resources.database.migrate import upgrade
from resources.settings import Settings, load
from resources.store import Store, open_store


class Platform(msgspec.Struct, frozen=True):
    settings: Settings
    database: Database
    store: Store


def open_platform(environ: Mapping[str, str] | None = None) -> Platform:
    """Read the settings, bring the database to the newest schema, open the store. Raises settings.SettingsError."""
    settings = load(environ)
    database = Database(settings.database_url)
    upgrade(database)
    return Platform(settings, database, open_store(settings))
