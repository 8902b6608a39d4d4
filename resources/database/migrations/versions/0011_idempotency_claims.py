"""Add `idempotency.claim_id` and `idempotency.claimed_until`: a running request renews its hold on a key."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. A request that runs during the migration has no claim, so its key is free."""
    op.add_column("idempotency", sa.Column("claim_id", sa.String(length=36), nullable=True))
    op.add_column("idempotency", sa.Column("claimed_until", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("idempotency", "claimed_until")
    op.drop_column("idempotency", "claim_id")
