"""Detects that a client has closed its connection while a response is being sent."""

from __future__ import annotations

from litestar.types import Receive


async def wait_for_disconnect(receive: Receive) -> None:
    """Return once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
