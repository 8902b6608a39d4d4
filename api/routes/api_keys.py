"""API keys: /v1/keys, and the generation surface's /api/keys. Owners alone; the key itself is shown once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access, Caller
from api.dependencies import Id, TheCaller, ThePlatform
from api.envelope import Data, Ok, Page, whole
from api.errors import ApiError, not_found
from api.rate_limits import DELETIONS, READS
from api.request_fields import NO_NUL
from resources import api_keys
from resources.database.engine import now
from resources.platform import Platform

KeyName = Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=200)]
Scope = Literal["read", "write", "admin"]


class KeyIn(msgspec.Struct):
    """Scopes: `read` may look, `write` may also change and start, `admin` may what an OWNER may."""

    name: KeyName
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["read", "write"]
    )
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class GenerationKeyIn(KeyIn):
    """`scopes` left out means all: this surface has no other login."""

    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["read", "write", "admin"]
    )


class NewKey(api_keys.ApiKey, frozen=True, kw_only=True):
    """`key` is the key itself, shown this once."""

    key: str


@get("/v1/keys", access=Access.OWNER, sync_to_thread=True, tags=["API keys"])
def list_keys(platform: ThePlatform, caller: TheCaller) -> Page[api_keys.ApiKey]:
    """The workspace's keys, newest first, without the revoked."""
    return whole(_list(platform, caller))


@post("/v1/keys", access=Access.OWNER, idempotent=True, sync_to_thread=True, tags=["API keys"])
def create_key(platform: ThePlatform, caller: TheCaller, data: JSONBody[KeyIn]) -> Data[NewKey]:
    """Make a key. `key` is shown this once."""
    return _create(platform, caller, data)


@post(
    "/v1/keys/{key_id:uuid}/rotate",
    access=Access.OWNER,
    idempotent=True,
    status_code=200,
    sync_to_thread=True,
    tags=["API keys"],
)
def rotate_key(platform: ThePlatform, caller: TheCaller, key_id: Id) -> Data[NewKey]:
    """A new secret under the same id; the old one is dead at once."""
    with platform.database.write() as connection:
        made = api_keys.rotate(connection, caller.workspace, str(key_id))
    if made is None:
        raise not_found("key")
    return Data(_shown(*made))


@delete("/v1/keys/{key_id:uuid}", access=Access.OWNER, status_code=200, sync_to_thread=True, tags=["API keys"])
def revoke_key(platform: ThePlatform, caller: TheCaller, key_id: Id) -> Data[Ok]:
    """Revoke a key, at once and for good."""
    return _revoke(platform, caller, key_id)


@get("/keys", access=Access.OWNER, limit=READS, sync_to_thread=True, tags=["Generation: management"])
def list_generation_keys(platform: ThePlatform, caller: TheCaller) -> Data[list[api_keys.ApiKey]]:
    """The workspace's keys, newest first, without the revoked."""
    return Data(_list(platform, caller))


@post("/keys", access=Access.OWNER, limit=READS, idempotent=True, sync_to_thread=True, tags=["Generation: management"])
def create_generation_key(platform: ThePlatform, caller: TheCaller, data: JSONBody[GenerationKeyIn]) -> Data[NewKey]:
    """Make a key, of all scopes where none are named. `key` is shown this once."""
    return _create(platform, caller, data)


@delete(
    "/keys/{key_id:uuid}",
    access=Access.OWNER,
    limit=DELETIONS,
    status_code=200,
    sync_to_thread=True,
    tags=["Generation: management"],
)
def revoke_generation_key(platform: ThePlatform, caller: TheCaller, key_id: Id) -> Data[Ok]:
    """Revoke a key, at once and for good."""
    return _revoke(platform, caller, key_id)


def _list(platform: Platform, caller: Caller) -> list[api_keys.ApiKey]:
    with platform.database.read() as connection:
        return api_keys.listing(connection, caller.workspace)


def _create(platform: Platform, caller: Caller, data: KeyIn) -> Data[NewKey]:
    if data.expires_at is not None and data.expires_at <= now():
        raise ApiError(422, "`expires_at` has passed already.")
    scopes: list[str] = sorted(set(data.scopes), key=api_keys.SCOPES.index)
    with platform.database.write() as connection:
        made = api_keys.create(connection, caller.workspace, caller.user_id, data.name, scopes, data.expires_at)
    return Data(_shown(*made))


def _revoke(platform: Platform, caller: Caller, key_id: UUID) -> Data[Ok]:
    with platform.database.write() as connection:
        if not api_keys.revoke(connection, caller.workspace, str(key_id)):
            raise not_found("key")
    return Data(Ok())


def _shown(key: api_keys.ApiKey, secret: str) -> NewKey:
    return NewKey(**msgspec.structs.asdict(key), key=secret)


ROUTES = [
    list_keys,
    create_key,
    rotate_key,
    revoke_key,
    list_generation_keys,
    create_generation_key,
    revoke_generation_key,
]
