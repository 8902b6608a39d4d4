"""A folder for each process, for what it is writing or has fetched: swept once the process has died, and not before.

The lock that a process holds on its folder goes with it, however it ends.
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


class Asides:
    """The folders of all processes below `root`, which is made when the first of them is needed."""

    def __init__(self, root: Path):
        self.root = root
        self._own: tuple[Path, IO[bytes]] | None = None  # this process's folder, and the lock that says it lives
        self._opening = threading.Lock()

    def path(self) -> Path:
        """A new path in this process's folder; nothing is there yet."""
        with self._opening:
            if self._own is None:
                self.root.mkdir(parents=True, exist_ok=True)
                self._own = self._open()
        return self._own[0] / uuid.uuid4().hex

    def _open(self) -> tuple[Path, IO[bytes]]:
        while True:
            folder = self.root / uuid.uuid4().hex
            lock = folder.with_suffix(".lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock.fileno()).st_nlink:  # else a sweep came between the two lines above
                folder.mkdir()
                return folder, lock
            lock.close()

    def sweep(self) -> int:
        """Remove what dead processes left; returns how many files. Their locks went with them."""
        gone = 0
        for path in self.root.glob("*.lock"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = path.with_suffix("")
                gone += sum(1 for left in folder.rglob("*") if left.is_file())
                shutil.rmtree(folder, ignore_errors=True)
                path.unlink()
        return gone
