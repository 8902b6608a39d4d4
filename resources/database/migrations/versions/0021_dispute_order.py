"""Add the time of a payment's newest dispute report, so that an older report that arrives late changes nothing."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("payments") as table:
        table.add_column(sa.Column("dispute_reported_at", engine.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("payments") as table:
        table.drop_column("dispute_reported_at")
