"""Migrates a database with Alembic. Several processes may call `upgrade` at once; one of them migrates."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config

from resources.database.engine import Database

_MIGRATING = threading.Lock()  # Alembic keeps the running migration in a global of the process


def build_alembic_config(database: Database) -> Config:
    """Return the Alembic configuration for migrating `database`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database"] = database
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate the schema up to `revision`."""
    with _MIGRATING:
        command.upgrade(build_alembic_config(database), revision)


def downgrade(database: Database, revision: str) -> None:
    """Migrate the schema down to `revision`."""
    with _MIGRATING:
        command.downgrade(build_alembic_config(database), revision)
