"""What a process of Carmic works with: settings, database, store. Opened once and passed on; only this opens them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from resources.database.engine import Database
from resources.settings import Settings, load
from resources.store import Store, open_store


class Platform(msgspec.Struct, frozen=True):
    settings: Settings
    database: Database
    store: Store


def open_platform(environ: Mapping[str, str] | None = None) -> Platform:
    """Read the settings, bring the database to the newest schema, open the store. Raises settings.SettingsError."""
    from resources.database.migrate import upgrade  # alembic costs 0.2 s, which loading definitions does not need

    settings = load(environ)
    database = Database(settings.database_url)
    upgrade(database)
    return Platform(settings, database, open_store(settings))
