"""Passwords: the rule, and argon2. A hash costs 64 MiB and tens of milliseconds: callers bound how many run at once."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

RULE = "A password needs at least 8 characters, one of them upper case, one lower case and one digit."
MAX_LENGTH = 1024  # characters; longer ones only serve to keep the hasher busy

_hasher = PasswordHasher()


def acceptable(password: str) -> bool:
    """Whether the password keeps to RULE."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return 8 <= len(password) <= MAX_LENGTH and all(any(map(kind, password)) for kind in kinds)


def hashed(password: str) -> str:
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password. With no stored hash (unknown address) it takes as long and says no."""
    try:
        return _hasher.verify(stored or _of_nobody(), password[: MAX_LENGTH + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _of_nobody() -> str:
    return _hasher.hash("the password of an address that nobody has")
