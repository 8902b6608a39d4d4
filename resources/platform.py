"""The platform of a process: its settings, database and object store, opened once and passed as an argument."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from resources.database.engine import Database
from resources.settings import Settings, load_settings
from resources.store import Store, open_store


class Platform(msgspec.Struct, frozen=True):
    """The settings, database and object store of a process."""

    settings: Settings
    database: Database
    store: Store


def open_platform(environ: Mapping[str, str] | None = None) -> Platform:
    """Load the settings from `environ` (default: os.environ), migrate the database and open the store.

    Raises:
        SettingsError: if a setting is invalid.
    """
    from resources.database.migrate import upgrade  # noqa: PLC0415 - Alembic takes 0.2 s to import; loading definitions does not need it

    settings = load_settings(environ)
    database = Database(settings.database_url)
    upgrade(database)
    return Platform(settings, database, open_store(settings))
