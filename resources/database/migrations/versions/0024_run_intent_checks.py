"""Add `run_intents.checked_at`: when the reconciliation last looked at a run that has not started."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0024"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; runs that were submitted earlier have not been checked."""
    op.add_column("run_intents", sa.Column("checked_at", engine.UtcDateTime()))


def downgrade() -> None:
    """Drop the column in place."""
    op.drop_column("run_intents", "checked_at")
