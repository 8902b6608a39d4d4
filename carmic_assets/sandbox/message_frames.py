"""Length-prefixed messages over a socket: eight bytes of length, then the bytes."""

from __future__ import annotations

import socket
import struct

LENGTH = struct.Struct(">Q")
MAX_MESSAGE_BYTES = 256 << 20


def send_frame(connection: socket.socket, payload: bytes) -> None:
    """Send one message."""
    connection.sendall(LENGTH.pack(len(payload)) + payload)


def receive_frame(connection: socket.socket) -> bytes:
    """Receive one message.

    Raises:
        EOFError: the other side has closed the connection, or sends a message that is too long.
    """
    length = LENGTH.unpack(_receive(connection, LENGTH.size))[0]
    if length > MAX_MESSAGE_BYTES:
        raise EOFError
    return _receive(connection, length)


def _receive(connection: socket.socket, length: int) -> bytes:
    data = bytearray(length)
    view, received_bytes = memoryview(data), 0
    while received_bytes < length:
        count = connection.recv_into(view[received_bytes:])
        if count == 0:
            raise EOFError
        received_bytes += count
    return bytes(data)
