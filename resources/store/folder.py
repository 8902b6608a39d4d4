"""An object store in a local folder. The API serves its signed URLs (`/api/store/...`); this module uses no HTTP.

Layout: `objects/<key>`, `incoming/` for resumable uploads, `aside/<process>/` for staging files. A finished staging
file is synced to disk and renamed to its object.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from resources.store.base import ObjectInfo, PresignedPost, StoreError, validate_key
from resources.store.staging_files import StagingFiles


class SignedUrlGrant(msgspec.Struct, frozen=True):
    """The access that a verified signed URL allows."""

    method: str
    key: str
    content_type: str
    max_bytes: int
    filename: str


class FolderStore:
    """A Store under the folder `root`. `secret` signs its URLs, which start with `public_url`.

    URLs that were signed with one of the `previous_secrets` stay valid until they expire.
    """

    def __init__(self, root: str | Path, public_url: str, secret: str, previous_secrets: tuple[str, ...] = ()) -> None:
        self.root = Path(root).absolute()
        self.objects = self.root / "objects"
        self.incoming = self.root / "incoming"
        self.staging = StagingFiles(self.root / "aside")
        for folder in (self.objects, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self.public_url = public_url.rstrip("/")
        secrets = (secret, *previous_secrets)
        self._signing_keys = [hashlib.sha256(b"store" + text.encode()).digest() for text in secrets]

    # --- objects

    def object_path(self, key: str) -> Path:
        """Return the path of the object, whether it exists or not."""
        return self.objects / validate_key(key)

    @contextmanager
    def staged_write(self, key: str) -> Iterator[Path]:
        """Provide a path to write to; the file becomes the object unless the block raises."""
        target = self.object_path(key)
        staged = self.new_staging_path()
        try:
            yield staged
            self.commit_file(staged, target)
        finally:
            with suppress(FileNotFoundError):
                staged.unlink()

    def new_staging_path(self) -> Path:
        """Return an unused path on the file system of the objects. Its file is removed after this process ends."""
        return self.staging.new_path()

    def commit_file(self, staged: Path, target: Path) -> None:
        """Sync the file `staged` to disk and rename it to `target`."""
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        while True:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.replace(target)
                break
            except FileNotFoundError:  # a concurrent delete removed the empty parent folder
                if not staged.exists():
                    raise
        _sync_folder(target.parent)

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        """See Store."""
        with self.staged_write(key) as staged:
            try:
                os.link(path, staged)  # a hard link needs no copy, and the caller may unlink its own name
            except OSError:
                shutil.copyfile(path, staged)
            return staged.stat().st_size

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """See Store."""
        with self.staged_write(key) as staged:
            staged.write_bytes(data)

    def get_bytes(self, key: str) -> bytes:
        """See Store."""
        try:
            return self.object_path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(key) from None

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """See Store. The path is that of the object itself."""
        path = self.object_path(key)
        if not path.is_file():
            raise KeyError(key)
        yield path

    def open(self, key: str) -> BinaryIO:
        """See Store."""
        try:
            return self.object_path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(key) from None

    def stat(self, key: str) -> ObjectInfo | None:
        """See Store."""
        try:
            path = self.object_path(key)
            stat = path.stat()
        except (StoreError, FileNotFoundError, NotADirectoryError):
            return None
        if not path.is_file():
            return None
        return ObjectInfo(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See Store."""
        folder = self.objects / prefix.rpartition("/")[0]
        for path in _list_files(folder):
            key = path.relative_to(self.objects).as_posix()
            if key.startswith(prefix) and (info := self.stat(key)):
                yield info

    def delete(self, key: str) -> None:
        """See Store."""
        path = self.object_path(key)
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        self._remove_empty_folders(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        """See Store."""
        if not prefix.endswith("/"):
            raise StoreError("a prefix to delete must end with a slash")
        folder = self.objects / validate_key(prefix[:-1])
        count = len(_list_files(folder))
        shutil.rmtree(folder, ignore_errors=True)
        self._remove_empty_folders(folder.parent)
        return count

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self.objects and folder.is_relative_to(self.objects):
            try:
                folder.rmdir()
            except OSError:  # it is not empty
                return
            folder = folder.parent

    def check(self) -> None:
        """See Store."""
        probe = self.new_staging_path()
        try:
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"the store folder is not writable: {error.strerror}") from error

    # --- signed URLs

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        """See Store."""
        return self._sign(SignedUrlGrant("GET", key, content_type or "", 0, filename or ""), expires_s)

    def presign_put(
        self, key: str, expires_s: int, *, content_type: str, max_bytes: int, exact_bytes: int | None = None
    ) -> str:
        """See Store."""
        return self._sign(SignedUrlGrant("PUT", key, content_type, max_bytes, ""), expires_s)

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost:
        """See Store."""
        url = self._sign(SignedUrlGrant("POST", key, content_type, max_bytes, ""), expires_s)
        base, _, query = url.partition("?")
        return PresignedPost(base, {"key": key, **dict(parse_qsl(query, keep_blank_values=True))})

    def _sign(self, grant: SignedUrlGrant, expires_s: int) -> str:
        query = {
            "expires": str(int(time.time()) + expires_s),
            "type": grant.content_type,
            "max": str(grant.max_bytes),
            "name": grant.filename,
        }
        query["signature"] = _compute_signature(self._signing_keys[0], grant.method, validate_key(grant.key), query)
        return f"{self.public_url}/api/store/{quote(grant.key)}?{urlencode(query, quote_via=quote)}"

    def verify(self, method: str, key: str, query: dict[str, str]) -> SignedUrlGrant | None:
        """Return the access that the URL allows, or None if it is forged or has expired.

        A URL for GET also allows HEAD.
        """
        signed_fields = {name: query.get(name, "") for name in ("expires", "type", "max", "name")}
        method = "GET" if method == "HEAD" else method
        signature = query.get("signature", "").encode()
        expected = [_compute_signature(secret, method, key, signed_fields) for secret in self._signing_keys]
        if not any(hmac.compare_digest(signature, candidate.encode()) for candidate in expected):
            return None
        if int(signed_fields["expires"]) < time.time():
            return None
        return SignedUrlGrant(method, key, signed_fields["type"], int(signed_fields["max"]), signed_fields["name"])


def _compute_signature(secret: bytes, method: str, key: str, query: dict[str, str]) -> str:
    text = "\n".join((method, key, query["expires"], query["type"], query["max"], query["name"]))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
