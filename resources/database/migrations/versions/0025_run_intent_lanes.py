"""Add `run_intents.lane`: the lane of a run that is not in its job's own."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; existing runs stay in the lanes of their jobs."""
    op.add_column("run_intents", sa.Column("lane", sa.String(16)))


def downgrade() -> None:
    """Drop the column in place."""
    op.drop_column("run_intents", "lane")
