"""Connected accounts of social platforms, with their OAuth tokens encrypted at rest."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, Connection, delete, select, update

from resources import accounts
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import social_accounts
from resources.field_types import Timestamp, Uuid


class SocialAccount(msgspec.Struct, frozen=True):
    """A row of `social_accounts` without its tokens."""

    id: Annotated[Uuid, Meta(description="Id of the account.")]
    platform: Annotated[str, Meta(description="Name of the platform.", examples=["youtube"])]
    external_id: Annotated[
        str, Meta(description="Id of the account at the platform.", examples=["UC4QobU6STFB0P71PMvOGN5A"])
    ]
    name: Annotated[str, Meta(description="Name of the account at the platform.", examples=["Carmic"])]
    enabled: Annotated[bool, Meta(description="Whether the account is to be used.")]
    expires_at: Annotated[Timestamp | None, Meta(description="When the platform's access ends; null if it does not.")]
    created_at: Annotated[Timestamp, Meta(description="When the account was connected.")]


CIPHER_PURPOSE = "social"
_COLUMNS = select_columns(social_accounts, SocialAccount)


def list_accounts(connection: Connection, workspace_id: str) -> list[SocialAccount]:
    """Return the workspace's accounts, oldest first."""
    query = select(*_COLUMNS).where(social_accounts.c.workspace_id == workspace_id)
    return fetch_all(connection, query.order_by(social_accounts.c.created_at), SocialAccount)


def get(connection: Connection, workspace_id: str, account_id: str) -> SocialAccount | None:
    """Return the workspace's account."""
    return fetch_one(connection, select(*_COLUMNS).where(*_filter(workspace_id, account_id)), SocialAccount)


def connect(
    connection: Connection,
    workspace_id: str,
    platform: str,
    external_id: str,
    name: str,
    encrypted_tokens: str,
    expires_at: datetime | None,
) -> SocialAccount:
    """Add the account and enable it, or update the one with the same platform and `external_id`."""
    accounts.lock_workspace(connection, workspace_id)
    key = {"workspace_id": workspace_id, "platform": platform, "external_id": external_id}
    values = {"name": name, "tokens": encrypted_tokens, "expires_at": expires_at, "enabled": True, "updated_at": now()}
    renew = update(social_accounts).filter_by(**key).values(**values).returning(*_COLUMNS)
    account = fetch_one(connection, renew, SocialAccount)
    if account is not None:
        return account
    return insert_row(
        connection, social_accounts, SocialAccount, {"id": str(uuid.uuid4()), **key, **values, "created_at": now()}
    )


def get_encrypted_tokens(connection: Connection, workspace_id: str, account_id: str) -> str | None:
    """Return the account's tokens, sealed by `signing_keys.Cipher` for CIPHER_PURPOSE."""
    return connection.scalar(select(social_accounts.c.tokens).where(*_filter(workspace_id, account_id)))


def update_tokens(
    connection: Connection, workspace_id: str, account_id: str, encrypted_tokens: str, expires_at: datetime | None
) -> None:
    """Replace the account's tokens."""
    _update(connection, workspace_id, account_id, tokens=encrypted_tokens, expires_at=expires_at)


def set_enabled(connection: Connection, workspace_id: str, account_id: str, enabled: bool) -> None:
    """Enable or disable the account."""
    _update(connection, workspace_id, account_id, enabled=enabled)


def remove(connection: Connection, workspace_id: str, account_id: str) -> bool:
    """Delete the account. Return False if there is no such account."""
    return connection.execute(delete(social_accounts).where(*_filter(workspace_id, account_id))).rowcount == 1


def _update(connection: Connection, workspace_id: str, account_id: str, **values: object) -> None:
    query = update(social_accounts).where(*_filter(workspace_id, account_id))
    connection.execute(query.values(**values, updated_at=now()))


def _filter(workspace_id: str, account_id: str) -> tuple[ColumnElement[bool], ...]:
    return social_accounts.c.id == account_id, social_accounts.c.workspace_id == workspace_id
