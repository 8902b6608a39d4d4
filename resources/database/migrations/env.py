"""Runs the migrations in one transaction under the write lock, so that only one of several processes migrates."""

from alembic import context
from sqlalchemy import text

from resources.database.tables import metadata

database = context.config.attributes["database"]

with database.write() as connection:
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(727271)"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        user_module_prefix="engine.",
    )
    context.run_migrations()
