"""API keys: `sk_live_...`, bound to one workspace, kept as a hash, found by it. A key never reaches a log."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from resources.database.engine import now
from resources.database.tables import api_keys
from resources.sessions import token_hash

PREFIX = "sk_live_"
SCOPES = ("read", "write", "admin")
TOUCH_EVERY = timedelta(minutes=1)  # last_used_at need not cost a write per request


class ApiKey(msgspec.Struct, frozen=True):
    id: str
    name: str
    prefix: str
    scopes: list[str]
    last_used_at: datetime | None
    expires_at: datetime | None
    created_at: datetime


class KeyHolder(msgspec.Struct, frozen=True):
    """Whom a presented key stands for."""

    id: str
    workspace_id: str
    created_by: str | None
    scopes: list[str]
    stale: bool  # last_used_at is due to be written


_KEY = [api_keys.c[name] for name in ApiKey.__struct_fields__]


def create(
    connection: Connection,
    workspace_id: str,
    user_id: str | None,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The key's record, and the key itself: shown once."""
    key_id, secret = str(uuid.uuid4()), _new_secret()
    values = {"name": name, "scopes": scopes, "expires_at": expires_at, **_secret_columns(secret)}
    row = {"id": key_id, "workspace_id": workspace_id, "created_by": user_id, "created_at": now(), **values}
    connection.execute(insert(api_keys).values(**row))
    made = get(connection, workspace_id, key_id)
    assert made is not None
    return made, secret


def get(connection: Connection, workspace_id: str, key_id: str) -> ApiKey | None:
    row = connection.execute(select(*_KEY).where(*_of(workspace_id, key_id))).one_or_none()
    return None if row is None else ApiKey(**row._mapping)


def listing(connection: Connection, workspace_id: str) -> list[ApiKey]:
    """Newest first, without the revoked."""
    query = select(*_KEY).where(api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None))
    return [ApiKey(**row._mapping) for row in connection.execute(query.order_by(api_keys.c.created_at.desc()))]


def rotate(connection: Connection, workspace_id: str, key_id: str) -> tuple[ApiKey, str] | None:
    """A new secret under the same id; the old one is dead at once. None when there is no such key."""
    secret = _new_secret()
    query = update(api_keys).where(*_of(workspace_id, key_id)).values(**_secret_columns(secret))
    if connection.execute(query).rowcount == 0:
        return None
    key = get(connection, workspace_id, key_id)
    assert key is not None
    return key, secret


def revoke(connection: Connection, workspace_id: str, key_id: str) -> bool:
    query = update(api_keys).where(*_of(workspace_id, key_id)).values(revoked_at=now())
    return connection.execute(query).rowcount == 1


def find(connection: Connection, secret: str) -> KeyHolder | None:
    """Whose key it is. None when it is unknown, revoked or expired.

    The look-up is by hash: what it compares is unknown to the sender, so its timing tells nothing of the key.
    """
    query = select(api_keys).where(
        api_keys.c.key_hash == token_hash(secret),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now()),
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    stale = row.last_used_at is None or row.last_used_at < now() - TOUCH_EVERY
    return KeyHolder(row.id, row.workspace_id, row.created_by, row.scopes, stale)


def touch(connection: Connection, key_id: str) -> None:
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now()))


def _of(workspace_id: str, key_id: str) -> tuple[Any, ...]:
    return api_keys.c.id == key_id, api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None)


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _secret_columns(secret: str) -> dict[str, str]:
    return {"key_hash": token_hash(secret), "prefix": secret[: len(PREFIX) + 6]}
