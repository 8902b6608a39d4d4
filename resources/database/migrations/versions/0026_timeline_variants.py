"""Add the variants of AI edits, and the requests to hosted models."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "timeline_variants",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("timeline_id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("preview_key", sa.Text(), nullable=False),
        sa.Column("comparison_key", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("score", sa.JSON(), nullable=False),
        sa.Column("overall_score", sa.Float(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("accepted_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["timeline_jobs.id"], name=op.f("fk_timeline_variants_job_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["timeline_id"], ["timelines.id"], name=op.f("fk_timeline_variants_timeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_variants")),
        sa.UniqueConstraint("job_id", "number", name=op.f("uq_timeline_variants_job_id_number")),
    )
    op.create_index(op.f("ix_timeline_variants_timeline_id"), "timeline_variants", ["timeline_id"], unique=False)
    op.create_table(
        "hosted_edits",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("status_url", sa.Text(), nullable=True),
        sa.Column("response_url", sa.Text(), nullable=True),
        sa.Column("updated_at", engine.UtcDateTime(), nullable=False),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["timeline_jobs.id"], name=op.f("fk_hosted_edits_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosted_edits")),
        sa.UniqueConstraint("job_id", name=op.f("uq_hosted_edits_job_id")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("hosted_edits")
    op.drop_index(op.f("ix_timeline_variants_timeline_id"), table_name="timeline_variants")
    op.drop_table("timeline_variants")
