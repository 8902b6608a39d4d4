"""Caps: the maximum number of webhooks, API keys, templates, invitations and streams of one workspace.

They are far above normal use. They prevent one workspace from filling the tables and threads that all workspaces share.
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
PASSING = ("open streams",)  # these end without action, so a client can wait


class CapReachedError(Exception):
    """The workspace has reached a cap."""

    def __init__(self, name: str) -> None:
        advice = "Wait until one has ended." if name in PASSING else "Delete one first."
        super().__init__(f"This workspace has the maximum of {CAPS[name]} {name}. {advice}")
        self.is_passing = name in PASSING


def check_cap(
    connection: Connection, name: str, table: Table, workspace_id: str, *conditions: ColumnElement[bool]
) -> None:
    """Check, before a row is inserted, that the workspace has fewer rows than the cap. Locks the workspace.

    Raises:
        CapReachedError: the workspace has reached the cap.
    """
    accounts.lock_workspace(connection, workspace_id)
    query = select(func.count()).select_from(table).where(table.c.workspace_id == workspace_id, *conditions)
    if (connection.scalar(query) or 0) >= CAPS[name]:
        raise CapReachedError(name)


class OpenCounts:
    """Counts the open resources of this process, such as streams, by name and workspace."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def hold(self, name: str, workspace_id: str) -> Iterator[None]:
        """Count one more while the block runs.

        Raises:
            CapReachedError: the workspace has reached the cap.
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
