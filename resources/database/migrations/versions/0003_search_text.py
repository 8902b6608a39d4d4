"""Add `projects.search_text`: the case-folded title and file name that a search matches."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NARROW_INDEX = ["workspace_id", "deleted_at", "created_at"]


def upgrade() -> None:
    """Add and fill the column, and add it to the index of listings."""
    op.add_column("projects", sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    projects = sa.table(
        "projects", *(sa.column(name, sa.Text()) for name in ("id", "title", "filename", "search_text"))
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(projects.c.id, projects.c.title, projects.c.filename)).all()
    parameters = [{"row_id": row.id, "text": _fold(f"{row.title}\n{row.filename}")} for row in rows]
    if parameters:
        fill = sa.update(projects).where(projects.c.id == sa.bindparam("row_id"))
        connection.execute(fill.values(search_text=sa.bindparam("text")), parameters)
    op.drop_index("ix_projects_listing", "projects")
    op.create_index("ix_projects_listing", "projects", [*NARROW_INDEX, "id", "status", "search_text"])


def downgrade() -> None:
    """Drop the column and restore the narrow index."""
    op.drop_index("ix_projects_listing", "projects")
    op.create_index("ix_projects_listing", "projects", NARROW_INDEX)
    op.drop_column("projects", "search_text")


def _fold(text: str) -> str:
    return text.casefold().encode()[:2400].decode(errors="ignore")
