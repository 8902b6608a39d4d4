"""API keys: `sk_live_...`, bound to one workspace. Only the hash is stored, and a key is looked up by its hash.

A key never has more rights than its creator: it ends with the creator's membership, and has the scope `admin` only
while its creator is an OWNER. A key is never logged.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import api_keys, members
from resources.field_types import Timestamp, Uuid
from resources.sessions import hash_token

PREFIX = "sk_live_"
SHOWN_CHARACTERS = len(PREFIX) + 6  # stored in clear text so that users can distinguish keys
SCOPES = ("read", "write", "admin")
USE_INTERVAL = timedelta(minutes=1)  # `last_used_at` is written at most this often, not at every request


class ApiKey(msgspec.Struct, frozen=True):
    """An API key without its secret. `prefix` is its beginning in clear text."""

    id: Annotated[Uuid, Meta(description="Id of the key.")]
    name: Annotated[str, Meta(description="Name of the key.", examples=["ci"])]
    prefix: Annotated[str, Meta(description="Beginning of the key in clear text.", examples=["sk_live_9f8e"])]
    scopes: Annotated[list[str], Meta(description="What the key may do.", examples=[["read", "write"]])]
    created_by: Annotated[Uuid | None, Meta(description="Id of the user who created it; null if they were deleted.")]
    last_used_at: Annotated[
        Timestamp | None, Meta(description="When it was last used, to the minute; null if it never was.")
    ]
    expires_at: Annotated[Timestamp | None, Meta(description="When it stops working; null for never.")]
    created_at: Annotated[Timestamp, Meta(description="When it was created.")]


class ApiKeyPrincipal(msgspec.Struct, frozen=True):
    """The identity that a presented key authenticates. `is_use_due` states whether `last_used_at` has to be updated."""

    id: str
    workspace_id: str
    created_by: str
    scopes: list[str]
    is_use_due: bool


_COLUMNS = select_columns(api_keys, ApiKey)


def create(
    connection: Connection,
    workspace_id: str,
    user_id: str,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key. Return its record and the secret, which cannot be read again."""
    secret = _generate_secret()
    values = {
        "id": str(uuid.uuid4()),
        "workspace_id": workspace_id,
        "created_by": user_id,
        "created_at": now(),
        "name": name,
        "scopes": scopes,
        "expires_at": expires_at,
        **_build_secret_columns(secret),
    }
    return insert_row(connection, api_keys, ApiKey, values), secret


def get(connection: Connection, workspace_id: str, key_id: str) -> ApiKey | None:
    """Return the workspace's key unless it is revoked."""
    return fetch_one(connection, select(*_COLUMNS).where(*_filter(workspace_id, key_id)), ApiKey)


def list_active(connection: Connection, workspace_id: str) -> list[ApiKey]:
    """Return the workspace's keys that are not revoked, newest first."""
    query = select(*_COLUMNS).where(api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None))
    return fetch_all(connection, query.order_by(api_keys.c.created_at.desc()), ApiKey)


def rotate(connection: Connection, workspace_id: str, key_id: str) -> tuple[ApiKey, str] | None:
    """Give the key a new secret; the old one stops working at once. Return None if there is no such key."""
    secret = _generate_secret()
    query = update(api_keys).where(*_filter(workspace_id, key_id)).values(**_build_secret_columns(secret))
    key = fetch_one(connection, query.returning(*_COLUMNS), ApiKey)
    return None if key is None else (key, secret)


def revoke(connection: Connection, workspace_id: str, key_id: str) -> bool:
    """Revoke the key. Return False if there is no such key."""
    query = update(api_keys).where(*_filter(workspace_id, key_id)).values(revoked_at=now())
    return connection.execute(query).rowcount == 1


def revoke_of_member(connection: Connection, workspace_id: str, user_id: str) -> None:
    """Revoke the keys that the user created in the workspace. They stay revoked if the user becomes a member again."""
    query = update(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.created_by == user_id)
    connection.execute(query.where(api_keys.c.revoked_at.is_(None)).values(revoked_at=now()))


def drop_admin_of_member(connection: Connection, workspace_id: str, user_id: str) -> None:
    """Remove the scope `admin` from the keys that the user created in the workspace; they can still read and write."""
    mine = (api_keys.c.workspace_id == workspace_id, api_keys.c.created_by == user_id, api_keys.c.revoked_at.is_(None))
    for row in connection.execute(select(api_keys.c.id, api_keys.c.scopes).where(*mine)).all():
        if "admin" in row.scopes:
            connection.execute(update(api_keys).where(api_keys.c.id == row.id).values(scopes=["read", "write"]))


def authenticate(connection: Connection, secret: str) -> ApiKeyPrincipal | None:
    """Return the identity of a presented key, or None if it is unknown, revoked, expired or its creator has left.

    The look-up compares hashes, so its timing reveals nothing about the key.
    """
    is_maker = and_(members.c.workspace_id == api_keys.c.workspace_id, members.c.user_id == api_keys.c.created_by)
    query = (
        select(api_keys, members.c.role)
        .join(members, is_maker)
        .where(
            api_keys.c.key_hash == hash_token(secret),
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now()),
        )
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    is_use_due = row.last_used_at is None or row.last_used_at < now() - USE_INTERVAL
    scopes = [scope for scope in row.scopes if scope != "admin" or row.role == "OWNER"]
    return ApiKeyPrincipal(row.id, row.workspace_id, row.created_by, scopes, is_use_due)


def record_use(connection: Connection, key_id: str) -> None:
    """Set `last_used_at` to now."""
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now()))


def _filter(workspace_id: str, key_id: str) -> tuple[ColumnElement[bool], ...]:
    return api_keys.c.id == key_id, api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None)


def _generate_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _build_secret_columns(secret: str) -> dict[str, str]:
    return {"key_hash": hash_token(secret), "prefix": secret[:SHOWN_CHARACTERS]}
