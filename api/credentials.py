"""Password checks: hashing in a bounded pool, and the limit on failures that guards every password field."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread

from api.access import Caller
from api.errors import ApiError
from api.rate_limits import LOGIN_FAILURES, consume
from resources import accounts, passwords, rate_counters
from resources.email_addresses import normalize_email
from resources.platform import Platform

HASH_POOL = asyncio.Semaphore(2)  # a password hash takes a core and 64 MiB while it is computed


def require_acceptable_password(password: str, field: str) -> None:
    """Raise ApiError 400 for a new password that is too weak."""
    if not passwords.is_acceptable(password):
        raise ApiError(400, f"`{field}` is too weak. {passwords.RULE}")


async def hash_password(password: str) -> str:
    """Return the hash of a new password."""
    async with HASH_POOL:
        return await sync_to_thread(passwords.hash_password, password)


async def find_user_by_password(
    request: Request[Any, Any, Any], platform: Platform, email: str, password: str
) -> accounts.User | None:
    """Return the user with this address and password, or None.

    Failures are counted by email address and network together, so that an attacker cannot lock the owner out. Each
    attempt is counted before the hash is computed, and not counted if it succeeds.

    Raises:
        RateLimitedError: too many failures.
    """
    subject = f"{request.scope['state']['client_network']} {normalize_email(email)}"

    def count_attempt() -> tuple[accounts.User, str] | None:
        with platform.database.write() as connection:
            consume(connection, request, LOGIN_FAILURES, subject)
            return accounts.find_user_by_email(connection, email)

    account = await sync_to_thread(count_attempt)
    user, stored_hash = account or (None, None)
    new_hash = None
    async with HASH_POOL:
        is_correct = await sync_to_thread(passwords.verify_password, stored_hash, password)
        if is_correct and stored_hash is not None and passwords.needs_rehash(stored_hash):
            new_hash = await sync_to_thread(passwords.hash_password, password)
    if not is_correct or user is None or stored_hash is None:
        return None

    def record_success() -> None:
        with platform.database.write() as connection:
            rate_counters.give_back(connection, LOGIN_FAILURES, subject)
            if new_hash is not None:
                accounts.replace_password_hash(connection, user.id, stored_hash, new_hash)

    await sync_to_thread(record_success)
    return user


async def require_password(
    request: Request[Any, Any, Any], platform: Platform, caller: Caller, password: str
) -> accounts.User:
    """Verify the caller's password and return the caller's user.

    A session alone is not enough: a browser may be left open.

    Raises:
        ApiError: 403 if the password is wrong.
    """

    def get_user() -> accounts.User | None:
        with platform.database.read() as connection:
            return accounts.get_user(connection, caller.user)

    user = await sync_to_thread(get_user)
    if user is None or await find_user_by_password(request, platform, user.email, password) is None:
        raise ApiError(403, "The password is wrong. Send your current password.")
    return user
