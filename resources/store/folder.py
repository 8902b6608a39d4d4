"""A local folder as store. The API process serves its signed addresses (`/api/store/...`); nothing here speaks HTTP.

Layout: `objects/<key>`, `incoming/` for uploads that may be resumed, `aside/<process>/` for what a process is writing.
A finished write is fsynced and renamed; what a killed process was writing is swept.
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

from resources.store.base import ObjectInfo, PresignedPost, StoreError, checked
from resources.store.staging_files import Asides


class Grant(msgspec.Struct, frozen=True):
    """What a verified address allows."""

    method: str
    key: str
    content_type: str
    max_bytes: int
    filename: str


class FolderStore:
    def __init__(self, root: str | Path, public_url: str, secret: str):
        self.root = Path(root).absolute()
        self.objects = self.root / "objects"
        self.incoming = self.root / "incoming"
        self.asides = Asides(self.root / "aside")
        for folder in (self.objects, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self.public_url = public_url.rstrip("/")
        self._key = hashlib.sha256(b"store" + secret.encode()).digest()

    # --- objects

    def path(self, key: str) -> Path:
        """Where the object is, whether or not it exists."""
        return self.objects / checked(key)

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """A path to write the object to; it becomes the object when the block ends well, and vanishes otherwise."""
        target = self.path(key)
        aside = self.aside()
        try:
            yield aside
            self.adopt(aside, target)
        finally:
            with suppress(FileNotFoundError):
                aside.unlink()

    def aside(self) -> Path:
        """A new path to write to, in a folder that is swept once this process has died."""
        return self.asides.path()

    def adopt(self, aside: Path, target: Path) -> None:
        """Make the finished file `aside` durable under its final name."""
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        while True:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                aside.replace(target)
                break
            except FileNotFoundError:  # a concurrent delete removed the emptied folder
                if not aside.exists():
                    raise
        _sync_directory(target.parent)

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        with self.writing(key) as aside:
            try:
                os.link(path, aside)  # same file system: no copy, and the caller may unlink its name
            except OSError:
                shutil.copyfile(path, aside)
            return aside.stat().st_size

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        with self.writing(key) as aside:
            aside.write_bytes(data)

    def get_bytes(self, key: str) -> bytes:
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(key) from None

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self.path(key)
        if not path.is_file():
            raise KeyError(key)
        yield path

    def open(self, key: str) -> BinaryIO:
        try:
            return self.path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(key) from None

    def stat(self, key: str) -> ObjectInfo | None:
        try:
            path = self.path(key)
            facts = path.stat()
        except (StoreError, FileNotFoundError, NotADirectoryError):
            return None
        if not path.is_file():
            return None
        return ObjectInfo(key, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = self.objects / prefix.rpartition("/")[0]
        found = (p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else iter(())
        for path in sorted(found):
            key = path.relative_to(self.objects).as_posix()
            if key.startswith(prefix) and (info := self.stat(key)):
                yield info

    def delete(self, key: str) -> None:
        path = self.path(key)
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        self._prune(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise StoreError("a prefix to delete ends in a slash")
        folder = self.objects / checked(prefix[:-1])
        count = sum(1 for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0
        shutil.rmtree(folder, ignore_errors=True)
        self._prune(folder.parent)
        return count

    def _prune(self, folder: Path) -> None:
        while folder != self.objects and folder.is_relative_to(self.objects):
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def check(self) -> None:
        probe = self.aside()
        try:
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"the store folder cannot be written to: {error.strerror}") from error

    # --- signed addresses

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        return self._sign("GET", key, expires_s, content_type or "", 0, filename or "")

    def presign_put(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> str:
        return self._sign("PUT", key, expires_s, content_type, max_bytes, "")

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost:
        url = self._sign("POST", key, expires_s, content_type, max_bytes, "")
        base, _, query = url.partition("?")
        return PresignedPost(base, {"key": key, **dict(parse_qsl(query, keep_blank_values=True))})

    def _sign(self, method: str, key: str, expires_s: int, content_type: str, max_bytes: int, filename: str) -> str:
        expires = int(time.time()) + expires_s
        query = {"expires": str(expires), "type": content_type, "max": str(max_bytes), "name": filename}
        query["signature"] = self._signature(method, checked(key), query)
        return f"{self.public_url}/api/store/{quote(key)}?{urlencode(query, quote_via=quote)}"

    def verify(self, method: str, key: str, query: dict[str, str]) -> Grant | None:
        """What the address allows, or None when it is forged or has expired. HEAD is allowed where GET is."""
        signed = {name: query.get(name, "") for name in ("expires", "type", "max", "name")}
        method = "GET" if method == "HEAD" else method
        given = query.get("signature", "")
        if not hmac.compare_digest(given.encode(), self._signature(method, key, signed).encode()):
            return None
        if int(signed["expires"]) < time.time():
            return None
        return Grant(method, key, signed["type"], int(signed["max"]), signed["name"])

    def _signature(self, method: str, key: str, query: dict[str, str]) -> str:
        text = "\n".join((method, key, query["expires"], query["type"], query["max"], query["name"]))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
