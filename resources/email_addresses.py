"""Normalises email addresses for storage and comparison, and checks new ones."""

from __future__ import annotations

import unicodedata

import idna

MAX_LENGTH = 320  # characters of the stored form: 64 + "@" + 255 (RFC 5321, section 4.5.3.1)


class InvalidEmailError(ValueError):
    """The address is rejected. The message completes the sentence "`email` ..."."""


def normalize_email(email: str) -> str:
    """Return the normalised address, which is stored and compared.

    The form is NFKC (full-width letters become ordinary letters), lower case, with the domain in its IDNA form (UTS
    46). A domain without an IDNA form is only lowercased; `check_email` rejects it.
    """
    local, _, domain = unicodedata.normalize("NFKC", email).strip().rpartition("@")
    local = unicodedata.normalize("NFKC", local.lower())
    try:
        return f"{local}@{_encode_domain(domain)}"
    except idna.IDNAError:
        return f"{local}@{domain.lower()}"


def check_email(email: str) -> None:
    """Check an address before it is stored.

    Raises:
        InvalidEmailError: the address is too long, its domain is not a host name, or the part before the `@` has
            invisible characters or letters that are confusable with ASCII letters.
    """
    local, _, domain = unicodedata.normalize("NFKC", email).strip().rpartition("@")
    try:
        _encode_domain(domain)
    except idna.IDNAError:
        raise InvalidEmailError("must end with a domain, such as example.com.") from None
    if len(normalize_email(email)) > MAX_LENGTH:
        raise InvalidEmailError(f"must have at most {MAX_LENGTH} characters.")
    if not local.isprintable() or " " in local:
        raise InvalidEmailError("must not contain invisible characters.")
    if _looks_like_ascii(local):
        raise InvalidEmailError("has letters that resemble the letters a to z. Use the letters a to z.")


def _encode_domain(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode().lower()


def _looks_like_ascii(local: str) -> bool:
    """Tell whether every letter outside ASCII is confusable with one in it (Unicode TR 39), as in `аdmin`."""
    foreign = {letter for letter in local.lower() if not letter.isascii()}
    if not foreign:
        return False
    from confusable_homoglyphs import confusables  # noqa: PLC0415 - takes 70 ms to load its tables

    matches = [confusables.is_confusable(letter, greedy=True) or [] for letter in foreign]
    return all(
        any(item["c"].isascii() for match in candidates for item in match["homoglyphs"]) for candidates in matches
    )
