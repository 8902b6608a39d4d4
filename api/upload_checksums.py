"""Checksums that a client sends with an upload: `Content-MD5` (RFC 1864) and S3's `x-amz-checksum-*`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from api.errors import ApiError

AMZ_PREFIX = "x-amz-checksum-"


class Digest(Protocol):
    """A running checksum."""

    def update(self, block: bytes, /) -> None:
        """Add a block."""

    def digest(self) -> bytes:
        """Return the checksum of all blocks."""


class Crc32:
    """CRC-32 as a running checksum, big-endian as S3 sends it."""

    def __init__(self) -> None:
        self.value = 0

    def update(self, block: bytes, /) -> None:
        """Add a block."""
        self.value = zlib.crc32(block, self.value)

    def digest(self) -> bytes:
        """Return the checksum of all blocks."""
        return self.value.to_bytes(4, "big")


ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "content-md5": lambda: hashlib.md5(usedforsecurity=False),
    f"{AMZ_PREFIX}crc32": Crc32,
    f"{AMZ_PREFIX}sha1": lambda: hashlib.sha1(usedforsecurity=False),
    f"{AMZ_PREFIX}sha256": hashlib.sha256,
}
NOT_CHECKSUMS = (f"{AMZ_PREFIX}algorithm", f"{AMZ_PREFIX}type", f"{AMZ_PREFIX}mode")


class UploadChecksums:
    """The checksums of one upload. If the client sends none, none is computed."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Read the headers.

        Raises:
            ApiError: 400 if a checksum is not base64, or its algorithm is not supported.
        """
        self._expected: dict[str, tuple[bytes, Digest]] = {}
        for header, value in headers.items():
            name = header.lower()
            if name in ALGORITHMS:
                self._expected[name] = (_decode(name, value), ALGORITHMS[name]())
            elif name.startswith(AMZ_PREFIX) and name not in NOT_CHECKSUMS:
                raise ApiError(400, f"`{name[:60]}` is not supported. Send one of {', '.join(ALGORITHMS)}.")

    def update(self, block: bytes) -> None:
        """Add a block of the upload."""
        for _, digest in self._expected.values():
            digest.update(block)

    def check(self) -> None:
        """Raise ApiError 400 unless every checksum matches the received blocks."""
        for name, (expected, digest) in self._expected.items():
            if not hmac.compare_digest(expected, digest.digest()):
                actual = base64.b64encode(digest.digest()).decode()
                raise ApiError(
                    400, f"`{name}` does not match the received bytes, whose checksum is {actual}. Upload them again."
                )


def _decode(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(400, f"`{name}` must be a checksum in base64.") from None
