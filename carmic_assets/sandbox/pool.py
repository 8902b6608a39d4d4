"""A small pool of warm worker processes. Jobs wait in a bounded queue, which one owner cannot fill.

A worker that exceeds a limit or crashes is replaced at once, so that the next job finds a warm one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

import msgspec

from carmic_assets.sandbox.message_frames import receive_frame, send_frame
from carmic_assets.sandbox.worker_jobs import Exhausted, Job, Message, ReadRange, Refused, Task, WorkerLimits

T = TypeVar("T")

DEFAULT_LIMITS = WorkerLimits()
_MESSAGES: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
JOBS_PER_WORKER = 200  # then the worker is replaced, because parsers leak memory
MAX_READ_BYTES = 8 << 20  # of one read that a worker requests
# The environment variables of a worker. It receives no settings: neither the secret key nor the database URL.
KEPT_VARIABLES = ("HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


class PoolBusyError(Exception):
    """The queue is full, or the owner has too many jobs in it."""


class JobRefusedError(ValueError):
    """The input of the job is invalid. The message is for the user."""


class JobLimitError(Exception):
    """The job exceeded a limit of its worker, or crashed it."""


class WorkerPool:
    """Runs jobs on at most `size` workers. `queue_size` jobs may wait, and `per_owner` of one owner wait or run.

    Workers start when they are first needed. Methods may be called from any thread.
    """

    def __init__(
        self, size: int = 2, queue_size: int = 8, per_owner: int = 4, limits: WorkerLimits = DEFAULT_LIMITS
    ) -> None:
        self.limits = limits
        self.capacity = size + queue_size
        self.per_owner = per_owner
        self._admission = threading.Lock()
        self._jobs_by_owner: Counter[str] = Counter()
        # Last in, first out: the worker that was used last is reused first
        self._workers: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all_workers = [_Worker(limits) for _ in range(size)]
        for worker in reversed(self._all_workers):
            self._workers.put(worker)

    def run(self, job: Job, result_type: type[T], *, owner: str = "", source: BinaryIO | None = None) -> T:
        """Run a job and return its result.

        Args:
            job: the job.
            result_type: the type of its result.
            owner: the workspace that the job is for.
            source: the open file of a PreviewClip without `source_path`.

        Raises:
            PoolBusyError: too many jobs are waiting.
            JobRefusedError: the input is invalid.
            JobLimitError: the job exceeded a limit.
        """
        with self._admit(owner):
            try:
                worker = self._workers.get(timeout=self.limits.wall_s)
            except queue.Empty:
                raise PoolBusyError from None
            try:
                return msgspec.msgpack.decode(worker.run(job, source), type=result_type)
            finally:
                self._workers.put(worker)

    def close(self) -> None:
        """End all workers."""
        for worker in self._all_workers:
            worker.stop()

    @contextlib.contextmanager
    def _admit(self, owner: str) -> Iterator[None]:
        with self._admission:
            if self._jobs_by_owner.total() >= self.capacity or self._jobs_by_owner[owner] >= self.per_owner:
                raise PoolBusyError
            self._jobs_by_owner[owner] += 1
        try:
            yield
        finally:
            with self._admission:
                self._jobs_by_owner[owner] -= 1
                if not self._jobs_by_owner[owner]:
                    del self._jobs_by_owner[owner]


class _Worker:
    """One worker process, used by one thread at a time."""

    def __init__(self, limits: WorkerLimits) -> None:
        self.limits = limits
        self.jobs = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def run(self, job: Job, source: BinaryIO | None) -> msgspec.Raw:
        """Run a job and return its result as MessagePack. See `WorkerPool.run` for the errors."""
        connection = self._connection or self._start()
        self.jobs += 1
        deadline_s = time.monotonic() + self.limits.wall_s
        try:
            connection.settimeout(self.limits.wall_s)
            size = source.seek(0, os.SEEK_END) if source is not None else 0
            send_frame(connection, msgspec.msgpack.encode(Task(job, size)))
            while True:
                connection.settimeout(max(0.001, deadline_s - time.monotonic()))
                message: Message = _MESSAGES.decode(receive_frame(connection))
                if not isinstance(message, ReadRange):
                    break
                if source is None:
                    raise EOFError
                source.seek(message.offset)
                send_frame(connection, source.read(min(message.size, MAX_READ_BYTES)))
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self.restart()
            raise JobLimitError from error
        if isinstance(message, Exhausted):
            self.restart()
            raise JobLimitError
        if self.jobs >= JOBS_PER_WORKER:
            self.restart()
        if isinstance(message, Refused):
            raise JobRefusedError(message.sentence)
        return message.result

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-m", "carmic_assets.sandbox.worker", number, _encode(self.limits)],
                env={
                    "PATH": "/usr/bin:/bin",
                    "LC_ALL": "C.UTF-8",
                    "OPENBLAS_NUM_THREADS": "1",  # each of its threads reserves address space
                    **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
                },
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._connection, self.jobs = ours, 0
        return ours

    def restart(self) -> None:
        """Replace the process. The new one loads its modules while it waits for a job."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Kill the process, which ends the programs that it has started."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self._child = None


def _encode(limits: WorkerLimits) -> str:
    return msgspec.json.encode(limits).decode()
