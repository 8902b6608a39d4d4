"""The interface of the object store.

The server chooses the keys: segments separated by `/`, without `..`, never from a client's file name. Writes are
atomic: readers never see a part of an object, and a crash leaves the old object unchanged. Clients access objects only
through signed URLs or through a handler of the API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from resources.store.staging_files import StagingFiles

KEY = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
MAX_KEY_LENGTH = 900  # characters; S3 accepts 1024 bytes with the bucket's prefix


class StoreError(Exception):
    """The store failed or refused an operation; the message says why."""


class ObjectInfo(msgspec.Struct, frozen=True):
    """The metadata of an object. `size` is in bytes."""

    key: str
    size: int
    modified_at: datetime


class PresignedPost(msgspec.Struct, frozen=True):
    """The URL and fields of a browser form that uploads one object. The form's last field, `file`, is the content."""

    url: str
    fields: dict[str, str]


def validate_key(key: str) -> str:
    """Return the key.

    Raises:
        StoreError: if it is malformed or could lead outside the store.
    """
    if len(key) > MAX_KEY_LENGTH or not KEY.fullmatch(key):
        raise StoreError("that is not a key of this store")
    return key


class Store(Protocol):
    """An object store. `staging` holds the local files that this process is writing or has downloaded."""

    staging: StagingFiles

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        """Store a local file and return its size in bytes.

        The caller removes `path`, but must not write to it, because the store may hard-link it.
        """

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Store bytes."""

    def get_bytes(self, key: str) -> bytes:
        """Return the object's bytes.

        Raises:
            KeyError: if there is no such object.
        """

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """Provide the object as a local file, to read within the `with` block.

        Raises:
            KeyError: if there is no such object.
        """

    def open(self, key: str) -> BinaryIO:
        """Open the object for reading and seeking. Suited to small parts of large objects.

        Raises:
            KeyError: if there is no such object.
        """

    def stat(self, key: str) -> ObjectInfo | None:
        """Return the object's metadata, or None if there is no such object or the key is malformed."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects whose key starts with `prefix`, in key order."""

    def delete(self, key: str) -> None:
        """Delete the object if it exists."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete all objects and unfinished uploads under `prefix`, which ends in `/`. Return the number of objects."""

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        """Return a URL to read the object, which supports Range.

        `content_type` sets the response's content type; `filename` makes it a download under this name.
        """

    def presign_put(
        self, key: str, expires_s: int, *, content_type: str, max_bytes: int, exact_bytes: int | None = None
    ) -> str:
        """Return a URL for one PUT of at most `max_bytes`.

        A bucket cannot enforce a maximum. With `exact_bytes` it accepts only that size; otherwise readers must check
        the size.
        """

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost:
        """Return a form for one upload of at most `max_bytes`."""

    def check(self) -> None:
        """Check that the store is writable.

        Raises:
            StoreError: if it is not.
        """
