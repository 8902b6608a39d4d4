"""The worker process: `python -m carmic_assets.sandbox.worker SOCKET LIMITS`. It runs jobs until the socket closes.

The limits are set before the first parser is imported. They apply to the worker and to every program that it starts.
"""

from __future__ import annotations

import io
import math
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, BinaryIO, cast

import msgspec

from carmic_assets.model.errors import CarmicError
from carmic_assets.sandbox.message_frames import receive_frame, send_frame
from carmic_assets.sandbox.worker_jobs import Exhausted, Finished, Message, ReadRange, Refused, Task, WorkerLimits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BLOCK_BYTES = 1 << 20  # size of one read of a source in a bucket; a round trip takes as long as reading 0.5 MB


def serve(connection: socket.socket, limits: WorkerLimits) -> None:
    """Run jobs until the pool closes the connection.

    An alarm ends a job that the pool cannot end, because its process was killed.
    """
    from carmic_assets.sandbox.execution import execute  # noqa: PLC0415 - the limits are set before the parsers are imported

    while True:
        try:
            task = msgspec.msgpack.decode(receive_frame(connection), type=Task)
        except (EOFError, OSError):
            return
        _limit_cpu_time(limits.cpu_s)
        signal.alarm(math.ceil(limits.wall_s) + 1)
        source = cast(BinaryIO, io.BufferedReader(_PoolFile(connection, task.source_size), READ_BLOCK_BYTES))
        message: Message
        try:
            message = Finished(msgspec.Raw(msgspec.msgpack.encode(execute(task.job, source))))
        except CarmicError as error:
            message = Refused(error.sentence)
        except ValueError as error:
            message = Refused(str(error))
        except (MemoryError, RecursionError):
            message = Exhausted()
        send_frame(connection, msgspec.msgpack.encode(message))
        signal.alarm(0)


class _PoolFile(io.RawIOBase):
    """The source that the pool has open, of `size` bytes. Each read asks the pool for a range."""

    def __init__(self, connection: socket.socket, size: int) -> None:
        self._connection = connection
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        requested_bytes = min(len(view), self._size - self._position)
        if requested_bytes <= 0:
            return 0
        send_frame(self._connection, msgspec.msgpack.encode(ReadRange(self._position, requested_bytes)))
        data = receive_frame(self._connection)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _set_limits(limits: WorkerLimits) -> None:
    """Limit this process and its children. CPU time is limited for each job, by `_limit_cpu_time`."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _limit_cpu_time(seconds: int) -> None:
    """Let the kernel end this process once it has used `seconds` more of CPU time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = math.ceil(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + seconds, resource.RLIM_INFINITY))


if __name__ == "__main__":
    own_limits = msgspec.json.decode(sys.argv[2], type=WorkerLimits)
    _set_limits(own_limits)
    serve(socket.socket(fileno=int(sys.argv[1])), own_limits)
