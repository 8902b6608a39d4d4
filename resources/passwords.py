"""The rule for new passwords, and Argon2 hashes of passwords.

One hash takes 64 MiB and tens of milliseconds. Callers limit how many run at once.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

RULE = "A password needs at least 8 characters, one of them upper case, one lower case and one digit."
MIN_LENGTH = 8  # characters
MAX_LENGTH = 1024  # characters; limits the cost of hashing

_hasher = PasswordHasher()


def is_acceptable(password: str) -> bool:
    """Return whether the password follows RULE and is at most MAX_LENGTH characters long."""
    required_kinds = (str.isupper, str.islower, str.isdigit)
    return MIN_LENGTH <= len(password) <= MAX_LENGTH and all(any(map(kind, password)) for kind in required_kinds)


def hash_password(password: str) -> str:
    """Return the Argon2 hash, with its salt and parameters."""
    return _hasher.hash(password)


def verify_password(stored_hash: str | None, password: str) -> bool:
    """Return whether the password matches the hash.

    Without a hash (unknown email address) it takes the same time and returns False.
    """
    try:
        is_match = _hasher.verify(stored_hash or _get_dummy_hash(), password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return is_match and stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Return whether the hash was computed with outdated parameters."""
    return _hasher.check_needs_rehash(stored_hash)


@cache
def _get_dummy_hash() -> str:
    return _hasher.hash("the password of an unknown email address")
