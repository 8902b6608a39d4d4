"""Add `run_intents.resumes`: the crashed run that a run resumes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("run_intents", sa.Column("resumes", sa.String(length=36), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("run_intents", "resumes")
