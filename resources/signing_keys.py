"""Signing keys: tokens and sealed (encrypted) values under CARMIC_SECRET_KEY and the keys that it replaced.

The current key signs and seals. The keys of CARMIC_PREVIOUS_SECRET_KEYS only verify and unseal, so that the key can be
replaced while tokens, signed URLs and sealed rows of the old one are in use.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import jwt
import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from resources.settings import Settings

ALGORITHM = "HS256"


def key_id(secret_key: str) -> str:
    """Return the public id of a key: the `kid` of its tokens, and the prefix of its sealed values."""
    return hashlib.sha256(b"kid" + secret_key.encode()).hexdigest()[:8]


def list_keys(settings: Settings) -> dict[str, str]:
    """Return all keys by their id, the current one first."""
    return {key_id(key): key for key in (settings.secret_key, *settings.previous_secret_keys)}


def sign_token(settings: Settings, claims: dict[str, Any]) -> str:
    """Return a JWT of the claims, signed by the current key and naming it."""
    return jwt.encode(claims, settings.secret_key, ALGORITHM, headers={"kid": key_id(settings.secret_key)})


def read_token(settings: Settings, token: str, required: Iterable[str] = ("exp",)) -> dict[str, Any]:
    """Return the claims of a token. A token that names no key was signed before keys had ids: all keys are tried.

    Raises:
        jwt.InvalidTokenError: if the token is forged, has expired, or its key is no longer accepted.
    """
    keys = list_keys(settings)
    token_key_id = jwt.get_unverified_header(token).get("kid")
    candidates = list(keys.values()) if token_key_id is None else [keys[token_key_id]] if token_key_id in keys else []
    for candidate in candidates:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, candidate, algorithms=[ALGORITHM], options={"require": list(required)}
            )
        except jwt.InvalidSignatureError:
            continue
        return claims
    raise jwt.InvalidSignatureError("the key of the token is not accepted")


def open_fernet(settings: Settings, purpose: str) -> MultiFernet:
    """Return a cipher that encrypts with the current key and decrypts with all keys.

    Each purpose derives its own keys.
    """
    return MultiFernet([_derive_fernet(key, purpose) for key in list_keys(settings).values()])


class Cipher:
    """Seals JSON values for the database or for clients, as `<key id>.<Fernet token>`."""

    def __init__(self, settings: Settings, purpose: str) -> None:
        self._keys = {kid: _derive_fernet(key, purpose) for kid, key in list_keys(settings).items()}
        self.current = key_id(settings.secret_key)

    def seal(self, value: object) -> str:
        """Return the value, encrypted and signed by the current key."""
        return f"{self.current}.{self._keys[self.current].encrypt(msgspec.json.encode(value)).decode()}"

    def unseal(self, sealed: str, max_age_s: int | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value that `seal` encrypted. A text without a key id was sealed before keys had ids.

        Raises:
            cryptography.fernet.InvalidToken: if it is forged, older than `max_age_s`, or its key is not accepted.
        """
        kid, separator, token = sealed.partition(".")
        if not separator:
            fernet: Fernet | MultiFernet = MultiFernet(list(self._keys.values()))
            token = sealed
        elif kid in self._keys:
            fernet = self._keys[kid]
        else:
            raise InvalidToken
        return msgspec.json.decode(fernet.decrypt(token.encode(), ttl=max_age_s))


def _derive_fernet(secret_key: str, purpose: str) -> Fernet:
    digest = hashlib.sha256(purpose.encode() + secret_key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
