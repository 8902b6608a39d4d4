"""Caps: how many of each thing one workspace may have at the same time.

They are far above what people use, and keep one workspace from filling tables and threads that all share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, Table, func, select

from resources import accounts

CAPS = {
    "webhooks": 50,
    "API keys": 100,
    "templates": 500,
    "pending invitations": 200,
    "open streams": 2000,
}
PASSING = ("open streams",)  # they end by themselves, so that waiting helps


class CapReachedError(Exception):
    """The workspace has as many as it may have."""

    def __init__(self, name: str) -> None:
        advice = "Wait until one has ended." if name in PASSING else "Delete one first."
        super().__init__(f"This workspace has {CAPS[name]} {name}, the most that it may have. {advice}")
        self.is_passing = name in PASSING


def check_cap(
    connection: Connection, name: str, table: Table, workspace_id: str, *conditions: ColumnElement[bool]
) -> None:
    """Check, before a row is inserted, that the workspace has fewer rows than the cap. Locks the workspace.

    Raises:
        CapReachedError: it has as many as it may have.
    """
    accounts.lock_workspace(connection, workspace_id)
    query = select(func.count()).select_from(table).where(table.c.workspace_id == workspace_id, *conditions)
    if (connection.scalar(query) or 0) >= CAPS[name]:
        raise CapReachedError(name)


class OpenCounts:
    """Counts what is open at the moment in this process, by name and workspace."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def hold(self, name: str, workspace_id: str) -> Iterator[None]:
        """Count one more while the block runs.

        Raises:
            CapReachedError: as many are open as may be.
        """
        key = (name, workspace_id)
        if self._counts[key] >= CAPS[name]:
            raise CapReachedError(name)
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
