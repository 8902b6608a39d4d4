"""Resumable uploads: an upload in more than one request, each continuing where the previous one ended.

In a folder store, the unfinished file holds the bytes received so far. In a bucket, the parts of an S3 multipart upload
do, so an interrupted upload continues after its last whole part. The database holds nothing about unfinished uploads.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path
from typing import IO, Any, Protocol

from sqlalchemy import Connection, select

from resources.database.tables import media, projects, timeline_assets, timelines
from resources.store import Store, StoreError
from resources.store.bucket import BucketStore
from resources.store.folder import FolderStore

MIN_PART_BYTES = 8 * 1024 * 1024  # S3 requires parts of at least 5 MiB
MAX_PARTS = 9000  # S3 accepts at most 10,000
ABANDONED_AFTER_S = 2 * 24 * 3600  # since the last write


class UploadBusyError(Exception):
    """Another request is writing to this upload."""


class Upload(Protocol):
    """An unfinished object. `offset` is the number of bytes received."""

    offset: int

    def write(self, block: bytes) -> None:
        """Append a block."""

    def pause(self) -> None:
        """Keep the bytes received. Call it at the end of each request, whether it succeeded or not."""

    def finish(self) -> None:
        """Publish the object under its key, after all bytes have been written."""


def resume_upload(store: Store, key: str, length: int) -> Upload:
    """Start the upload of `key` or continue it. `length` is the size of the whole object in bytes.

    Raises:
        UploadBusyError: if another request is writing to it.
        StoreError: if this kind of store has no resumable uploads.
    """
    if isinstance(store, FolderStore):
        return FolderUpload(store, key)
    if isinstance(store, BucketStore):
        return BucketUpload(store, key, length)
    raise StoreError("this store does not accept resumable uploads")


def get_received_bytes(store: Store, key: str, length: int) -> int:
    """Return the number of bytes received; `length` if the object is complete."""
    info = store.stat(key)
    if info is not None and info.size == length:
        return length
    if isinstance(store, FolderStore):
        path = _get_unfinished_path(store, key)
        return path.stat().st_size if path.exists() else 0
    if isinstance(store, BucketStore):
        return sum(part["Size"] for part in BucketUpload.find_parts(store, key)[1])
    return 0


def is_being_written(store: Store, key: str) -> bool:
    """Return whether a request is writing to the upload.

    Always False for a bucket, in which only complete parts count.
    """
    if not isinstance(store, FolderStore):
        return False
    try:
        with _get_unfinished_path(store, key).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def is_open_for_upload(connection: Connection, key: str) -> bool:
    """Return whether the object may be written: no run, timeline or media file uses it."""
    used_as_source = select(projects.c.id).where(
        projects.c.object_key == key, projects.c.run_id.is_not(None) | projects.c.deleted_at.is_not(None)
    )
    used_as_media = select(media.c.id).where(media.c.object_key == key)
    used_as_footage = (
        select(timeline_assets.c.id)
        .join(timelines, timelines.c.id == timeline_assets.c.timeline_id)
        .where(
            timeline_assets.c.object_key == key,
            timeline_assets.c.status.not_in(("awaiting_upload", "failed")) | timelines.c.deleted_at.is_not(None),
        )
    )
    return all(connection.scalar(used) is None for used in (used_as_source, used_as_media, used_as_footage))


def sweep(store: Store) -> int:
    """Delete staging files of processes that have ended, and uploads without a write for ABANDONED_AFTER_S.

    Returns the number of files. Unfinished uploads of a bucket are left to its lifecycle rules.
    """
    count = store.staging.sweep()
    if not isinstance(store, FolderStore):
        return count
    oldest = time.time() - ABANDONED_AFTER_S
    abandoned = [path for path in store.incoming.iterdir() if path.is_file() and path.stat().st_mtime < oldest]
    for path in abandoned:
        path.unlink(missing_ok=True)
    return count + len(abandoned)


class FolderUpload:
    """An upload to a folder store. A lock on the file allows one writer at a time."""

    def __init__(self, store: FolderStore, key: str) -> None:
        self.store = store
        self.key = key
        self.path = _get_unfinished_path(store, key)
        self.file: IO[bytes] = self.path.open("ab")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.file.close()
            raise UploadBusyError(key) from error
        self.offset = self.file.tell()

    def write(self, block: bytes) -> None:
        """Append a block."""
        self.file.write(block)
        self.offset += len(block)

    def pause(self) -> None:
        """Keep the bytes received."""
        self.file.close()

    def finish(self) -> None:
        """Publish the object under its key."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.store.commit_file(self.path, self.store.object_path(self.key))


class BucketUpload:
    """An upload to a bucket as an S3 multipart upload. Bytes are buffered until they fill a part."""

    def __init__(self, store: BucketStore, key: str, length: int) -> None:
        self.store = store
        self.location = store.object_location(key)
        self.length = length
        self.upload_id, self.parts = self.find_parts(store, key)
        if self.upload_id is None:
            self.upload_id = store.client.create_multipart_upload(**self.location)["UploadId"]
        self.stored_bytes = sum(part["Size"] for part in self.parts)
        self.offset = self.stored_bytes
        self.buffer = bytearray()

    @staticmethod
    def find_parts(store: BucketStore, key: str) -> tuple[str | None, list[dict[str, Any]]]:
        """Return the ID of the multipart upload of `key`, if there is one, and its parts in order."""
        location = store.object_location(key)
        response = store.client.list_multipart_uploads(Bucket=location["Bucket"], Prefix=location["Key"])
        ids = [upload["UploadId"] for upload in response.get("Uploads", ()) if upload["Key"] == location["Key"]]
        if not ids:
            return None, []
        pages = store.client.get_paginator("list_parts").paginate(**location, UploadId=ids[0])
        return ids[0], [part for page in pages for part in page.get("Parts", ())]

    def write(self, block: bytes) -> None:
        """Append a block."""
        self.buffer += block
        self.offset += len(block)
        part_bytes = max(MIN_PART_BYTES, -(-self.length // MAX_PARTS))
        while len(self.buffer) >= part_bytes:
            self._upload_part(bytes(self.buffer[:part_bytes]))
            del self.buffer[:part_bytes]

    def _upload_part(self, data: bytes) -> None:
        number = len(self.parts) + 1
        response = self.store.client.upload_part(**self.location, UploadId=self.upload_id, PartNumber=number, Body=data)
        self.parts.append({"PartNumber": number, "ETag": response["ETag"], "Size": len(data)})
        self.stored_bytes += len(data)

    def pause(self) -> None:
        """Upload the last part if the object is complete.

        Otherwise buffered bytes are discarded; complete parts are kept.
        """
        if self.offset == self.length and self.buffer:
            self._upload_part(bytes(self.buffer))
        self.buffer.clear()
        self.offset = self.stored_bytes

    def finish(self) -> None:
        """Publish the object under its key."""
        if self.buffer or not self.parts:
            self._upload_part(bytes(self.buffer))
            self.buffer.clear()
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self.parts]
        self.store.client.complete_multipart_upload(
            **self.location, UploadId=self.upload_id, MultipartUpload={"Parts": parts}
        )


def _get_unfinished_path(store: FolderStore, key: str) -> Path:
    return store.incoming / f"resumable-{hashlib.sha256(key.encode()).hexdigest()[:40]}"
