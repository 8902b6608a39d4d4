"""what a search for projects looks into"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COVERED = ["workspace_id", "deleted_at", "created_at", "id", "status", "search_text"]


def upgrade() -> None:
    op.add_column("projects", sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    names = ("id", "title", "filename", "search_text")
    projects = sa.table("projects", *(sa.column(name, sa.Text()) for name in names))
    connection = op.get_bind()
    rows = connection.execute(sa.select(projects.c.id, projects.c.title, projects.c.filename)).all()
    folded = [{"of": row.id, "text": f"{row.title}\n{row.filename}".casefold()} for row in rows]
    if folded:
        fill = sa.update(projects).where(projects.c.id == sa.bindparam("of"))
        connection.execute(fill.values(search_text=sa.bindparam("text")), folded)
    if connection.dialect.name == "sqlite":
        op.create_index("ix_projects_search", "projects", COVERED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_projects_search", "projects")
    op.drop_column("projects", "search_text")
