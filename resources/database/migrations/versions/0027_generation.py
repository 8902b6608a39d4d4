"""Add the generation service: its jobs and its credits. A project may belong to a job, which pays for it."""

import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the column."""
    op.create_table(
        "credits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("entry_key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_credits_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint("entry_key", name=op.f("uq_credits_entry_key")),
    )
    op.create_index(op.f("ix_credits_workspace_id"), "credits", ["workspace_id"], unique=False)
    op.create_table(
        "generation_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(length=24), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("provider_started_at", engine.UtcDateTime(), nullable=True),
        sa.Column("outputs", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("error_code", sa.String(length=24), nullable=True),
        sa.Column("started_at", engine.UtcDateTime(), nullable=True),
        sa.Column("finished_at", engine.UtcDateTime(), nullable=True),
        sa.Column("expired_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_generation_jobs_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_jobs")),
    )
    op.create_index(op.f("ix_generation_jobs_run_id"), "generation_jobs", ["run_id"], unique=False)
    op.create_index("ix_generation_jobs_listing", "generation_jobs", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("ix_generation_jobs_expiry", "generation_jobs", ["status", "finished_at"], unique=False)
    op.add_column("projects", sa.Column("generation_id", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_projects_generation_id"), "projects", ["generation_id"], unique=False)


def downgrade() -> None:
    """Drop the tables and the column."""
    op.drop_index(op.f("ix_projects_generation_id"), table_name="projects")
    op.drop_column("projects", "generation_id")  # not in batch mode, which would delete what refers to a project
    op.drop_index("ix_generation_jobs_expiry", table_name="generation_jobs")
    op.drop_index("ix_generation_jobs_listing", table_name="generation_jobs")
    op.drop_index(op.f("ix_generation_jobs_run_id"), table_name="generation_jobs")
    op.drop_table("generation_jobs")
    op.drop_index(op.f("ix_credits_workspace_id"), table_name="credits")
    op.drop_table("credits")
