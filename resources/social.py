"""Connected platform accounts. Their tokens are encrypted here, and leave this module only to be used."""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime
from typing import Any

import msgspec
from cryptography.fernet import Fernet
from sqlalchemy import Connection, delete, insert, select, update

from resources import accounts
from resources.database.engine import now
from resources.database.tables import social_accounts


class Account(msgspec.Struct, frozen=True):
    """A row of `social_accounts` without its tokens."""

    id: str
    platform: str
    external_id: str
    name: str
    enabled: bool
    expires_at: datetime | None
    created_at: datetime


_FIELDS = [social_accounts.c[name] for name in Account.__struct_fields__]


class Vault:
    """Seals tokens with a key derived from the installation's secret."""

    def __init__(self, secret: str, purpose: str = "social"):
        digest = hashlib.sha256(purpose.encode() + secret.encode()).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, value: Any) -> str:
        return self._cipher.encrypt(msgspec.json.encode(value)).decode()

    def open(self, sealed: str, max_age_s: int | None = None) -> Any:
        """Raises cryptography.fernet.InvalidToken for what is forged or too old."""
        return msgspec.json.decode(self._cipher.decrypt(sealed.encode(), ttl=max_age_s))


def listing(connection: Connection, workspace_id: str) -> list[Account]:
    query = select(*_FIELDS).where(social_accounts.c.workspace_id == workspace_id)
    return [Account(**row._mapping) for row in connection.execute(query.order_by(social_accounts.c.created_at))]


def get(connection: Connection, workspace_id: str, account_id: str) -> Account | None:
    row = connection.execute(select(*_FIELDS).where(*_of(workspace_id, account_id))).one_or_none()
    return None if row is None else Account(**row._mapping)


def connect(
    connection: Connection,
    workspace_id: str,
    platform: str,
    external_id: str,
    name: str,
    sealed: str,
    expires_at: datetime | None,
) -> Account:
    """Add the account, or renew it where it was connected before."""
    accounts.lock(connection, workspace_id)
    known = connection.scalar(
        select(social_accounts.c.id).where(
            social_accounts.c.workspace_id == workspace_id,
            social_accounts.c.platform == platform,
            social_accounts.c.external_id == external_id,
        )
    )
    values = {"name": name, "tokens": sealed, "expires_at": expires_at, "enabled": True, "updated_at": now()}
    if known is None:
        known = str(uuid.uuid4())
        of = {"id": known, "workspace_id": workspace_id, "platform": platform, "external_id": external_id}
        connection.execute(insert(social_accounts).values(**of, **values, created_at=now()))
    else:
        connection.execute(update(social_accounts).where(social_accounts.c.id == known).values(**values))
    made = get(connection, workspace_id, known)
    assert made is not None
    return made


def tokens(connection: Connection, workspace_id: str, account_id: str) -> str | None:
    """The sealed tokens."""
    return connection.scalar(select(social_accounts.c.tokens).where(*_of(workspace_id, account_id)))


def renew(connection: Connection, workspace_id: str, account_id: str, sealed: str, expires_at: datetime | None) -> None:
    values = {"tokens": sealed, "expires_at": expires_at, "updated_at": now()}
    connection.execute(update(social_accounts).where(*_of(workspace_id, account_id)).values(**values))


def set_enabled(connection: Connection, workspace_id: str, account_id: str, enabled: bool) -> None:
    values = {"enabled": enabled, "updated_at": now()}
    connection.execute(update(social_accounts).where(*_of(workspace_id, account_id)).values(**values))


def remove(connection: Connection, workspace_id: str, account_id: str) -> bool:
    return connection.execute(delete(social_accounts).where(*_of(workspace_id, account_id))).rowcount == 1


def _of(workspace_id: str, account_id: str) -> tuple[Any, ...]:
    return social_accounts.c.id == account_id, social_accounts.c.workspace_id == workspace_id
