"""What every store promises. Keys are minted by the server: `/`-separated, no `..`, never from a client's file name.

A write is whole or absent: a reader never sees half an object, and a crash leaves the old one. Presigned addresses are
the only way a client touches an object without passing through a handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from resources.store.staging_files import Asides

KEY = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


class StoreError(Exception):
    """The store could not do what was asked; the sentence says what."""


class ObjectInfo(msgspec.Struct, frozen=True):
    key: str
    size: int
    modified_at: datetime


class PresignedPost(msgspec.Struct, frozen=True):
    """Where and with which fields a browser form uploads; the file goes last, as `file`."""

    url: str
    fields: dict[str, str]


def checked(key: str) -> str:
    """The key itself. Raises StoreError for one that could leave the store's own tree."""
    if len(key) > 900 or not KEY.fullmatch(key):
        raise StoreError("that is not a key of this store")
    return key


class Store(Protocol):
    asides: Asides  # of the local files that this process is writing or has fetched

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        """Keep a finished local file; returns its size. The name stays the caller's to remove, but the store may keep
        the very file: nobody writes to it again."""

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None: ...

    def get_bytes(self, key: str) -> bytes:
        """Raises KeyError when there is no such object."""

    def local(self, key: str) -> AbstractContextManager[Path]:
        """The object as a local file to read while the block lasts. Raises KeyError when there is none."""

    def open(self, key: str) -> BinaryIO:
        """The object to read and seek in, for a small part of a large one. Raises KeyError when there is none."""

    def stat(self, key: str) -> ObjectInfo | None:
        """None where there is no such object, or could be none: what is no key names nothing."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix`, in key order."""

    def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete the objects under `prefix` (which ends in `/`), unfinished uploads too; returns how many."""

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        """An address that serves the object with Range, under `content_type` and as download `filename` if given."""

    def presign_put(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> str:
        """An address that takes one PUT of at most `max_bytes` (a bucket cannot bound a PUT: the reader checks)."""

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost: ...

    def check(self) -> None:
        """Raises StoreError when the store cannot be written to: for health."""
