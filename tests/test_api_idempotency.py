"""Idempotency keys across crashes and slow requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, func, select, update

from api import idempotency
from api.app import create_app
from api.errors import ApiError
from api_server import Server
from resources import accounts, idempotency_keys
from resources.database.engine import Database, now
from resources.database.tables import idempotency as idempotency_table
from resources.database.tables import webhooks
from resources.idempotency_keys import ClaimLostError, KeyClaim, StoredResponse
from resources.platform import Platform, open_platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = open_platform({"CARMIC_HOME": str(tmp_path), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"})
    yield platform
    platform.database.close()


class Crash(BaseException):
    """A crash of the process, after which no error handler runs."""


def test_a_crash_after_the_effect_does_not_repeat_it(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response is stored in the transaction of the effect."""
    member = Server(platform.settings.home, 0, None, platform).create_member()  # type: ignore[arg-type]
    app = create_app(platform)
    request: dict[str, Any] = {
        "json": {"url": "http://127.0.0.1:9/"},
        "headers": {**member.headers, "Idempotency-Key": "crash"},
    }

    @contextlib.contextmanager
    def write_then_die(database: Database) -> Iterator[Connection]:
        with original_write(database) as connection:
            yield connection
        if count_webhooks(platform):
            raise Crash

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test/api") as client:
            return await client.post("/v1/webhooks", **request)

    original_write = Database.write
    with monkeypatch.context() as dying:
        # A crashed process does not release its claim
        dying.setattr(idempotency.IdempotencyMiddleware, "_release", lambda *_: None)
        dying.setattr(Database, "write", write_then_die)
        with pytest.raises(Crash):
            asyncio.run(send())
    assert count_webhooks(platform) == 1
    with platform.database.write() as connection:  # and its claim expires
        connection.execute(update(idempotency_table).values(claimed_until=now() - timedelta(seconds=1)))
    replayed = asyncio.run(send())
    assert replayed.status_code == 201 and replayed.headers["idempotency-replayed"] == "true"
    assert replayed.json()["data"]["secret"].startswith("whsec_")
    assert count_webhooks(platform) == 1


def test_a_claim_is_renewed_while_its_request_runs(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a long request would lose its claim, and its repetition would run at the same time."""
    monkeypatch.setattr(idempotency, "RENEWAL_INTERVAL_S", 0.05)
    middleware = idempotency.IdempotencyMiddleware(None, platform)  # type: ignore[arg-type]
    claim = claim_key(platform)
    assert isinstance(claim, KeyClaim)
    with platform.database.write() as connection:
        connection.execute(update(idempotency_table).values(claimed_until=now() + timedelta(seconds=0.2)))

    async def keep_until_renewed() -> None:
        async with middleware._keep_claim(claim):
            while read_expiry(platform) < now() + timedelta(seconds=30):
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(keep_until_renewed(), 10))
    assert claim_key(platform) == "running"


def test_a_request_that_lost_its_claim_stores_neither_effect_nor_response(platform: Platform) -> None:
    slow = claim_key(platform)
    assert isinstance(slow, KeyClaim)
    with platform.database.write() as connection:
        connection.execute(update(idempotency_table).values(claimed_until=now() - timedelta(seconds=1)))
    other = claim_key(platform)
    assert isinstance(other, KeyClaim)
    with pytest.raises(ClaimLostError), platform.database.write() as connection:
        accounts.register(connection, "twice@example.com", "hash")
        idempotency_keys.finish(connection, slow, StoredResponse(201, {}, "late"))
    with platform.database.write() as connection:
        idempotency_keys.release(connection, slow)  # does not release the other request's claim
        accounts.register(connection, "twice@example.com", "hash")
        idempotency_keys.finish(connection, other, StoredResponse(201, {}, "first"))
    assert claim_key(platform) == StoredResponse(201, {}, "first")


def test_a_waiting_request_polls_by_reads(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll must not take the write lock of the database."""
    monkeypatch.setattr(idempotency, "WAIT_S", 0.4)
    middleware = idempotency.IdempotencyMiddleware(None, platform)  # type: ignore[arg-type]
    claim_key(platform)
    writes, reads = [], []
    write, look_up = middleware._try_claim, middleware._look_up
    monkeypatch.setattr(middleware, "_try_claim", lambda *args: [writes.append(1), write(*args)][1])
    monkeypatch.setattr(middleware, "_look_up", lambda *args: [reads.append(1), look_up(*args)][1])
    with pytest.raises(ApiError, match="still running"):
        asyncio.run(middleware._claim("scope", "key", "hash"))
    assert len(writes) == 1 and len(reads) > 2


def claim_key(platform: Platform) -> object:
    with platform.database.write() as connection:
        return idempotency_keys.claim(connection, "scope", "key", "hash")


def read_expiry(platform: Platform) -> datetime:
    with platform.database.read() as connection:
        return connection.scalars(select(idempotency_table.c.claimed_until)).one()


def count_webhooks(platform: Platform) -> int:
    with platform.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(webhooks)) or 0
