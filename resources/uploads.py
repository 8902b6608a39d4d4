"""Uploads that take more than one request: bytes are kept as they come, and the next request goes on from there.

In a folder store the unfinished file itself says how far it is; in a bucket the parts of a multipart upload do (so an
interrupted upload may go back to its last whole part). Nothing is kept in the database.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path
from typing import IO, Any, Protocol

from sqlalchemy import Connection, select

from resources.database.tables import media, projects
from resources.store import Store, StoreError
from resources.store.bucket import BucketStore
from resources.store.folder import FolderStore

PART = 8 * 1024 * 1024  # S3 takes parts of 5 MiB and more, at most 10,000 of them
ABANDONED_S = 2 * 24 * 3600


class Busy(Exception):
    """Another request is writing to this upload."""


class Upload(Protocol):
    """One object on its way into the store. `offset` bytes are safe; `write` adds to them."""

    offset: int

    def write(self, block: bytes) -> None: ...

    def pause(self) -> None:
        """Keep what has come; called however the request ended."""

    def finish(self) -> None:
        """All bytes are here: the object appears under its key."""


def resume(store: Store, key: str, length: int) -> Upload:
    """Go on with the upload of `key`, or begin it. Raises Busy."""
    if isinstance(store, FolderStore):
        return FolderUpload(store, key)
    if isinstance(store, BucketStore):
        return BucketUpload(store, key, length)
    raise StoreError("this store takes no resumable uploads")


def received(store: Store, key: str, length: int) -> int:
    """How many bytes have come; `length` when the object is complete."""
    found = store.stat(key)
    if found is not None and found.size == length:
        return length
    if isinstance(store, FolderStore):
        path = _unfinished(store, key)
        return path.stat().st_size if path.exists() else 0
    if isinstance(store, BucketStore):
        return sum(part["Size"] for part in BucketUpload.parts_of(store, key)[1])
    return 0


def being_written(store: Store, key: str) -> bool:
    """Whether a request is adding to it now. Of a bucket nobody can tell: what counts there is whole parts."""
    if not isinstance(store, FolderStore):
        return False
    try:
        with _unfinished(store, key).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def open_for_upload(connection: Connection, key: str) -> bool:
    """Whether the object may still be written: no run reads the source yet, no media record vouches for it."""
    claimed = select(projects.c.id).where(
        projects.c.object_key == key, projects.c.run_id.is_not(None) | projects.c.deleted_at.is_not(None)
    )
    confirmed = select(media.c.id).where(media.c.object_key == key)
    return connection.scalar(claimed) is None and connection.scalar(confirmed) is None


def sweep(store: Store) -> int:
    """Remove what dead processes were writing or had fetched, and unfinished uploads that nobody has touched for two
    days; returns how many files. A bucket has rules for its uploads."""
    dead = store.asides.sweep()
    if not isinstance(store, FolderStore):
        return dead
    old = [p for p in store.incoming.iterdir() if p.is_file() and p.stat().st_mtime < time.time() - ABANDONED_S]
    for path in old:
        path.unlink(missing_ok=True)
    return dead + len(old)


class FolderUpload:
    def __init__(self, store: FolderStore, key: str):
        self.store = store
        self.key = key
        self.path = _unfinished(store, key)
        self.file: IO[bytes] = self.path.open("ab")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.file.close()
            raise Busy(key) from error
        self.offset = self.file.tell()

    def write(self, block: bytes) -> None:
        self.file.write(block)
        self.offset += len(block)

    def pause(self) -> None:
        self.file.close()

    def finish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.store.adopt(self.path, self.store.path(self.key))


class BucketUpload:
    def __init__(self, store: BucketStore, key: str, length: int):
        self.store = store
        self.name: dict[str, str] = store._name(key)
        self.length = length
        self.upload_id, self.parts = self.parts_of(store, key)
        if self.upload_id is None:
            self.upload_id = store.client.create_multipart_upload(**self.name)["UploadId"]
        self.safe = sum(part["Size"] for part in self.parts)
        self.offset = self.safe
        self.buffer = bytearray()

    @staticmethod
    def parts_of(store: BucketStore, key: str) -> tuple[str | None, list[dict[str, Any]]]:
        """The upload under way for `key`, and its parts in order."""
        name = store._name(key)
        listed = store.client.list_multipart_uploads(Bucket=name["Bucket"], Prefix=name["Key"]).get("Uploads", ())
        ids = [upload["UploadId"] for upload in listed if upload["Key"] == name["Key"]]
        if not ids:
            return None, []
        pages = store.client.get_paginator("list_parts").paginate(**name, UploadId=ids[0])
        return ids[0], [part for page in pages for part in page.get("Parts", ())]

    def write(self, block: bytes) -> None:
        self.buffer += block
        self.offset += len(block)
        size = max(PART, -(-self.length // 9000))
        while len(self.buffer) >= size:
            self._send(bytes(self.buffer[:size]))
            del self.buffer[:size]

    def _send(self, part: bytes) -> None:
        number = len(self.parts) + 1
        made = self.store.client.upload_part(**self.name, UploadId=self.upload_id, PartNumber=number, Body=part)
        self.parts.append({"PartNumber": number, "ETag": made["ETag"], "Size": len(part)})
        self.safe += len(part)

    def pause(self) -> None:
        if self.offset == self.length and self.buffer:
            self._send(bytes(self.buffer))
        self.buffer.clear()
        self.offset = self.safe

    def finish(self) -> None:
        if self.buffer or not self.parts:
            self._send(bytes(self.buffer))
            self.buffer.clear()
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self.parts]
        self.store.client.complete_multipart_upload(
            **self.name, UploadId=self.upload_id, MultipartUpload={"Parts": parts}
        )


def _unfinished(store: FolderStore, key: str) -> Path:
    return store.incoming / f"resumable-{hashlib.sha256(key.encode()).hexdigest()[:40]}"
