"""API keys: /v1/keys, and /api/keys of the generation API. Both are for OWNERs; a key is shown once.

A key may list keys, but not create, rotate or revoke them: a stolen key could otherwise create another one and keep
access after it is revoked.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access, Caller
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok, Page, unpaginated
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.rate_limits import MANAGEMENT_DELETIONS, MANAGEMENT_READS
from api.request_fields import NO_NUL_PATTERN
from resources import api_keys
from resources.caps import check_cap
from resources.database.engine import now
from resources.database.tables import api_keys as api_keys_table
from resources.field_types import Timestamp
from resources.hidden_repr import hidden_repr
from resources.platform import Platform

KeyName = Annotated[str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=200)]
Scope = Literal["read", "write", "admin"]
Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=3)]
KEY_LIST: dict[str, Any] = {"access": Access.OWNER, "sync_to_thread": True, "tags": ["API keys"]}
KEYS: dict[str, Any] = {**KEY_LIST, "api_keys": False}
GENERATION_TAGS: dict[str, Any] = {"tags": ["Generation: management"]}
GENERATION_KEY_LIST: dict[str, Any] = {**KEY_LIST, **GENERATION_TAGS}
GENERATION_KEYS: dict[str, Any] = {**KEYS, **GENERATION_TAGS}


class KeyRequest(msgspec.Struct):
    """`read` allows reading, `write` also changing data and starting runs, `admin` everything that an OWNER may do.

    The key's permissions never exceed those of the member who created it. It stops working when their membership ends.
    """

    name: Annotated[KeyName, Meta(description="A name by which to recognise the key.", examples=["ci"])]
    scopes: Annotated[
        Scopes, Meta(description="What the key may do. `read` and `write` if omitted.", examples=[["read", "write"]])
    ] = msgspec.field(default_factory=lambda: ["read", "write"])
    expires_at: Annotated[
        Annotated[Timestamp, Meta(tz=True)] | None, Meta(description="When the key stops working; never if omitted.")
    ] = None


class GenerationKeyRequest(KeyRequest):
    """Without `scopes`, the key has all scopes, so that it can set the webhook of the generation API."""

    scopes: Annotated[
        Scopes,
        Meta(description="What the key may do. All three scopes if omitted.", examples=[["read", "write", "admin"]]),
    ] = msgspec.field(default_factory=lambda: ["read", "write", "admin"])


class NewKey(api_keys.ApiKey, frozen=True, kw_only=True):
    """A new key. `key` is its secret, which is not shown again."""

    __repr__ = hidden_repr

    key: Annotated[
        str,
        Meta(
            description="The secret of the key. It is not shown again.",
            examples=["sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0"],
        ),
    ]


@get("/v1/keys", **KEY_LIST)
def list_api_keys(platform: PlatformDep, caller: CallerDep) -> Page[api_keys.ApiKey]:
    """List the workspace's keys that are not revoked, newest first."""
    return unpaginated(_list(platform, caller))


@post("/v1/keys", idempotent=True, error_statuses=(409,), **KEYS)
def create_api_key(platform: PlatformDep, caller: CallerDep, data: JSONBody[KeyRequest]) -> Data[NewKey]:
    """Create a key. `key` is not shown again."""
    return _create(platform, caller, data)


@post("/v1/keys/{key_id:uuid}/rotate", idempotent=True, status_code=200, **KEYS)
def rotate_api_key(platform: PlatformDep, caller: CallerDep, key_id: PathId) -> Data[NewKey]:
    """Replace the secret of a key. The id stays; the old secret stops working at once."""
    with platform.database.write() as connection:
        rotated = api_keys.rotate(connection, caller.workspace, str(key_id))
        if rotated is None:
            raise not_found("API key")
        return record_response(connection, Data(_build_new_key(*rotated)))


@delete("/v1/keys/{key_id:uuid}", status_code=200, **KEYS)
def revoke_api_key(platform: PlatformDep, caller: CallerDep, key_id: PathId) -> Data[Ok]:
    """Revoke a key, immediately and permanently."""
    return _revoke(platform, caller, key_id)


@get("/keys", rate_limit=MANAGEMENT_READS, **GENERATION_KEY_LIST)
def list_generation_keys(platform: PlatformDep, caller: CallerDep) -> Data[list[api_keys.ApiKey]]:
    """List the workspace's keys that are not revoked, newest first."""
    return Data(_list(platform, caller))


@post("/keys", rate_limit=MANAGEMENT_READS, idempotent=True, error_statuses=(409,), **GENERATION_KEYS)
def create_generation_key(
    platform: PlatformDep, caller: CallerDep, data: JSONBody[GenerationKeyRequest]
) -> Data[NewKey]:
    """Create a key with the scopes in `scopes`, by default all. `key` is not shown again."""
    return _create(platform, caller, data)


@delete("/keys/{key_id:uuid}", rate_limit=MANAGEMENT_DELETIONS, status_code=200, **GENERATION_KEYS)
def revoke_generation_key(platform: PlatformDep, caller: CallerDep, key_id: PathId) -> Data[Ok]:
    """Revoke a key, immediately and permanently."""
    return _revoke(platform, caller, key_id)


def _list(platform: Platform, caller: Caller) -> list[api_keys.ApiKey]:
    with platform.database.read() as connection:
        return api_keys.list_active(connection, caller.workspace)


def _create(platform: Platform, caller: Caller, data: KeyRequest) -> Data[NewKey]:
    if data.expires_at is not None and data.expires_at <= now():
        raise ApiError(422, "`expires_at` must lie in the future.")
    scopes: list[str] = sorted(set(data.scopes), key=api_keys.SCOPES.index)
    with platform.database.write() as connection:
        check_cap(connection, "API keys", api_keys_table, caller.workspace, api_keys_table.c.revoked_at.is_(None))
        created = api_keys.create(connection, caller.workspace, caller.user, data.name, scopes, data.expires_at)
        return record_response(connection, Data(_build_new_key(*created)))


def _revoke(platform: Platform, caller: Caller, key_id: UUID) -> Data[Ok]:
    with platform.database.write() as connection:
        if not api_keys.revoke(connection, caller.workspace, str(key_id)):
            raise not_found("API key")
    return Data(Ok())


def _build_new_key(key: api_keys.ApiKey, secret: str) -> NewKey:
    return NewKey(**msgspec.structs.asdict(key), key=secret)


ROUTES: list[HTTPRouteHandler] = [
    list_api_keys,
    create_api_key,
    rotate_api_key,
    revoke_api_key,
    list_generation_keys,
    create_generation_key,
    revoke_generation_key,
]
