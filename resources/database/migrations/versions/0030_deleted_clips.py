"""Add `clips.deleted_at` (deleted clips stay deleted), and a template and a webhook of one project."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("clips", sa.Column("deleted_at", engine.UtcDateTime(), nullable=True))
    op.add_column("webhooks", sa.Column("project_id", sa.String(36), nullable=True))
    op.create_index("ix_webhooks_project_id", "webhooks", ["project_id"])
    op.add_column("projects", sa.Column("template_id", sa.String(80), nullable=True))


def downgrade() -> None:
    """Drop the columns in place: a batch recreates the table, and SQLite would delete the rows that refer to it."""
    op.drop_column("projects", "template_id")
    op.drop_index("ix_webhooks_project_id", "webhooks")
    op.drop_column("webhooks", "project_id")
    op.drop_column("clips", "deleted_at")
