"""which lost run a run goes on from"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run_intents", sa.Column("resumes", sa.String(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column("run_intents", "resumes")
