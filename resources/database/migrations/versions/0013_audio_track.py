"""Add `projects.audio_track`: which of several audio tracks is used."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; existing projects choose by speech."""
    op.add_column("projects", sa.Column("audio_track", sa.String(8), nullable=False, server_default="auto"))


def downgrade() -> None:
    """Drop the column in place: a batch recreates `projects`, and SQLite would delete the clips with it."""
    op.drop_column("projects", "audio_track")
