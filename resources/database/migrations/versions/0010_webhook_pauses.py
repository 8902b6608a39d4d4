"""Add `webhooks.timeouts` and `webhooks.paused_until`: a receiver that times out repeatedly is paused."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("webhooks", sa.Column("timeouts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("webhooks", sa.Column("paused_until", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("webhooks", "paused_until")
    op.drop_column("webhooks", "timeouts")
