"""Add the timeline editor: timelines, their assets, segments, revisions and jobs."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0020"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "timelines",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("video_url", sa.Text(), nullable=True),
        sa.Column("canvas", sa.JSON(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", engine.UtcDateTime(), nullable=False),
        sa.Column("deleted_at", engine.UtcDateTime(), nullable=True),
        sa.Column("purged_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_timelines_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timelines")),
    )
    op.create_index("ix_timelines_listing", "timelines", ["workspace_id", "deleted_at", "created_at"], unique=False)
    op.create_table(
        "timeline_assets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("timeline_id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("proxy_key", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("proxy_facts", sa.JSON(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["timeline_id"], ["timelines.id"], name=op.f("fk_timeline_assets_timeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_assets")),
        sa.UniqueConstraint("object_key", name=op.f("uq_timeline_assets_object_key")),
    )
    op.create_index(op.f("ix_timeline_assets_timeline_id"), "timeline_assets", ["timeline_id"], unique=False)
    op.create_table(
        "timeline_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("timeline_id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("finished_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["timeline_id"], ["timelines.id"], name=op.f("fk_timeline_jobs_timeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_jobs")),
    )
    op.create_index("ix_timeline_jobs_listing", "timeline_jobs", ["workspace_id", "created_at"], unique=False)
    op.create_index(op.f("ix_timeline_jobs_run_id"), "timeline_jobs", ["run_id"], unique=False)
    op.create_index(op.f("ix_timeline_jobs_timeline_id"), "timeline_jobs", ["timeline_id"], unique=False)
    op.create_table(
        "timeline_revisions",
        sa.Column("timeline_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("undo_to", sa.Integer(), nullable=True),
        sa.Column("redo_to", sa.Integer(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["timeline_id"], ["timelines.id"], name=op.f("fk_timeline_revisions_timeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("timeline_id", "revision", name=op.f("pk_timeline_revisions")),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("timeline_id", sa.String(length=36), nullable=False),
        sa.Column("asset_id", sa.String(length=36), nullable=True),
        sa.Column("rate", sa.JSON(), nullable=False),
        sa.Column("in_frame", sa.BigInteger(), nullable=False),
        sa.Column("out_frame", sa.BigInteger(), nullable=False),
        sa.Column("bound_in", sa.BigInteger(), nullable=False),
        sa.Column("bound_out", sa.BigInteger(), nullable=False),
        sa.Column("order_index", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("effects", sa.JSON(), nullable=False),
        sa.Column("variant_id", sa.String(length=36), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("replaced_by", sa.JSON(), nullable=False),
        sa.CheckConstraint("out_frame > in_frame", name=op.f("ck_segments_positive_length")),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["timeline_assets.id"], name=op.f("fk_segments_asset_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["timeline_id"], ["timelines.id"], name=op.f("fk_segments_timeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_timeline_id"), "segments", ["timeline_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index(op.f("ix_segments_timeline_id"), table_name="segments")
    op.drop_table("segments")
    op.drop_table("timeline_revisions")
    op.drop_index(op.f("ix_timeline_jobs_timeline_id"), table_name="timeline_jobs")
    op.drop_index(op.f("ix_timeline_jobs_run_id"), table_name="timeline_jobs")
    op.drop_index("ix_timeline_jobs_listing", table_name="timeline_jobs")
    op.drop_table("timeline_jobs")
    op.drop_index(op.f("ix_timeline_assets_timeline_id"), table_name="timeline_assets")
    op.drop_table("timeline_assets")
    op.drop_index("ix_timelines_listing", table_name="timelines")
    op.drop_table("timelines")
