"""Staging files: local files that a process is writing or has downloaded, in a folder of its own.

Each process holds a lock on its folder. The operating system releases the lock when the process ends, even by a crash;
then `sweep` removes the folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO


class StagingFiles:
    """The staging folders of all processes under `root`. The first `new_path` of a process creates its folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._own: tuple[Path, IO[bytes]] | None = None  # this process's folder and its locked file
        self._opening = threading.Lock()

    def new_path(self) -> Path:
        """Return an unused path in this process's folder."""
        with self._opening:
            if self._own is None:
                self.root.mkdir(parents=True, exist_ok=True)
                self._own = self._create_folder()
        return self._own[0] / uuid.uuid4().hex

    def _create_folder(self) -> tuple[Path, IO[bytes]]:
        while True:
            folder = self.root / uuid.uuid4().hex
            lock = folder.with_suffix(".lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock.fileno()).st_nlink:  # otherwise a sweep removed the file before it was locked
                folder.mkdir()
                return folder, lock
            lock.close()

    def sweep(self) -> int:
        """Remove the folders of processes that have ended and return the number of files in them."""
        count = 0
        for path in self.root.glob("*.lock"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = path.with_suffix("")
                count += sum(1 for file in folder.rglob("*") if file.is_file())
                shutil.rmtree(folder, ignore_errors=True)
                path.unlink()
        return count
