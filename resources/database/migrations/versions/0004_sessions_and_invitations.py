"""Add sessions, invitation tokens and verified email addresses.

A family of refresh tokens becomes a row of `sessions`. A pending invitation of before has no link: an OWNER resends it.
Keys of users who are no longer members are revoked.
"""

import contextlib
import unicodedata

import idna
import sqlalchemy as sa
from alembic import op

from resources.database import engine

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns, and move the refresh tokens under their sessions."""
    op.add_column("users", sa.Column("email_verified_at", engine.UtcDateTime(), nullable=True))
    op.add_column("workspaces", sa.Column("deleted_at", engine.UtcDateTime(), nullable=True))
    op.add_column("invitations", sa.Column("token_hash", sa.String(length=64), nullable=True))
    op.add_column("invitations", sa.Column("expires_at", engine.UtcDateTime(), nullable=True))
    op.create_index("ix_invitations_token_hash", "invitations", ["token_hash"], unique=True)
    op.create_table(
        "email_verifications",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("expires_at", engine.UtcDateTime(), nullable=False),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_email_verifications_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_email_verifications")),
    )
    op.create_index("ix_email_verifications_user_id", "email_verifications", ["user_id"])
    _create_sessions()
    _create_refresh_tokens()
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "INSERT INTO sessions"
            " (id, user_id, user_agent, ip_address, created_at, last_used_at, expires_at, revoked_at)"
            " SELECT family_id, user_id, '', '', min(created_at), max(created_at), max(expires_at), max(revoked_at)"
            " FROM old_refresh_tokens GROUP BY family_id, user_id"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO refresh_tokens (token_hash, session_id, expires_at, spent_at, created_at)"
            " SELECT token_hash, family_id, expires_at, spent_at, created_at FROM old_refresh_tokens"
        )
    )
    op.drop_table("old_refresh_tokens")
    _normalize_emails()
    connection.execute(
        sa.text(
            "UPDATE api_keys SET revoked_at = created_at WHERE revoked_at IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM members WHERE members.workspace_id = api_keys.workspace_id"
            " AND members.user_id = api_keys.created_by)"
        )
    )


def downgrade() -> None:
    """Move the refresh tokens back into families, and drop the tables and columns."""
    _rename_refresh_tokens()
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("family_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", engine.UtcDateTime(), nullable=False),
        sa.Column("spent_at", engine.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_refresh_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"])
    op.get_bind().execute(
        sa.text(
            "INSERT INTO refresh_tokens"
            " (token_hash, family_id, user_id, expires_at, spent_at, revoked_at, created_at)"
            " SELECT t.token_hash, s.id, s.user_id, t.expires_at, t.spent_at, s.revoked_at, t.created_at"
            " FROM old_refresh_tokens t JOIN sessions s ON s.id = t.session_id"
        )
    )
    op.drop_table("old_refresh_tokens")
    op.drop_table("sessions")
    op.drop_table("email_verifications")
    op.drop_index("ix_invitations_token_hash", "invitations")
    for table, column in (
        ("invitations", "expires_at"),
        ("invitations", "token_hash"),
        ("workspaces", "deleted_at"),
        ("users", "email_verified_at"),
    ):
        op.drop_column(table, column)


def _normalize_emails() -> None:
    """Normalise addresses outside ASCII, unless the normalised address is already in use."""
    table = sa.table("users", sa.column("id", sa.String()), sa.column("email", sa.String()))
    connection = op.get_bind()
    stored = dict(connection.execute(sa.select(table.c.id, table.c.email)).all())
    taken = set(stored.values())
    for row_id, email in stored.items():
        normalized = email if email.isascii() else _normalize(email)
        if normalized not in taken:
            taken.add(normalized)
            connection.execute(sa.update(table).where(table.c.id == row_id).values(email=normalized))


def _normalize(email: str) -> str:
    local, _, domain = unicodedata.normalize("NFKC", email).rpartition("@")
    with contextlib.suppress(idna.IDNAError):
        domain = idna.encode(domain, uts46=True).decode()
    return f"{unicodedata.normalize('NFKC', local.lower())}@{domain.lower()}"


def _rename_refresh_tokens() -> None:
    """Rename the table, and free the names of its indexes and constraints, which PostgreSQL keeps."""
    for index in sa.inspect(op.get_bind()).get_indexes("refresh_tokens"):
        op.drop_index(str(index["name"]), "refresh_tokens")
    if op.get_bind().dialect.name == "postgresql":
        for constraint in sa.inspect(op.get_bind()).get_foreign_keys("refresh_tokens"):
            op.drop_constraint(str(constraint["name"]), "refresh_tokens", type_="foreignkey")
        op.drop_constraint("pk_refresh_tokens", "refresh_tokens", type_="primary")
    op.rename_table("refresh_tokens", "old_refresh_tokens")


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.String(length=64), nullable=False),
        sa.Column("last_used_at", engine.UtcDateTime(), nullable=False),
        sa.Column("expires_at", engine.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _create_refresh_tokens() -> None:
    _rename_refresh_tokens()
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", engine.UtcDateTime(), nullable=False),
        sa.Column("spent_at", engine.UtcDateTime(), nullable=True),
        sa.Column("reissued_at", engine.UtcDateTime(), nullable=True),
        sa.Column("created_at", engine.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])
