"""what a search for projects looks into"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NARROW = ["workspace_id", "deleted_at", "created_at"]


def upgrade() -> None:
    op.add_column("projects", sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    projects = sa.table(
        "projects", *(sa.column(name, sa.Text()) for name in ("id", "title", "filename", "search_text"))
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(projects.c.id, projects.c.title, projects.c.filename)).all()
    folded = [{"of": row.id, "text": _folded(f"{row.title}\n{row.filename}")} for row in rows]
    if folded:
        fill = sa.update(projects).where(projects.c.id == sa.bindparam("of"))
        connection.execute(fill.values(search_text=sa.bindparam("text")), folded)
    op.drop_index("ix_projects_listing", "projects")
    op.create_index("ix_projects_listing", "projects", [*NARROW, "id", "status", "search_text"])


def downgrade() -> None:
    op.drop_index("ix_projects_listing", "projects")
    op.create_index("ix_projects_listing", "projects", NARROW)
    op.drop_column("projects", "search_text")


def _folded(text: str) -> str:
    return text.casefold().encode()[:2400].decode(errors="ignore")
