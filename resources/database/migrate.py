"""Brings a database to the newest schema, at boot and from the command line. Several processes may try at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from resources.database.engine import Database


def alembic_config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database"] = database
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    command.upgrade(alembic_config(database), revision)


def downgrade(database: Database, revision: str) -> None:
    command.downgrade(alembic_config(database), revision)
