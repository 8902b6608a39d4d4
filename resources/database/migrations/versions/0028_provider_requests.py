"""Add the requests to providers: written before they are sent, so that a resumed job never sends one twice."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "provider_requests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("provider", sa.String(length=24), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("ticket", sa.JSON(), nullable=True),
        sa.Column("updated_at", engine.UtcDateTime(), nullable=False),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["generation_jobs.id"], name=op.f("fk_provider_requests_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_requests")),
        sa.UniqueConstraint("job_id", name=op.f("uq_provider_requests_job_id")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("provider_requests")
