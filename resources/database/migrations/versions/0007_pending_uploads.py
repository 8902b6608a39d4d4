"""Add `pending_uploads`: each upload URL of the media library, with the size that it declares."""

import sqlalchemy as sa
from alembic import op

from resources.database.engine import UtcDateTime

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Uploads that are under way can still be confirmed without a row."""
    op.create_table(
        "pending_uploads",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("clip_id", sa.String(36)),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("declared_bytes", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pending_uploads"),
        sa.UniqueConstraint("object_key", name="uq_pending_uploads_object_key"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_pending_uploads_workspace_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_pending_uploads_clip_id", ondelete="CASCADE"),
    )
    op.create_index("ix_pending_uploads_workspace_id", "pending_uploads", ["workspace_id"])
    op.create_index("ix_pending_uploads_clip_id", "pending_uploads", ["clip_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("pending_uploads")
