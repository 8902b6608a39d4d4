"""Computes the revision that an undo or a redo leads to. Revisions are only added, never changed or removed.

A revision holds the active segments as they were after its change. Undo and redo add a new revision with the content
of an earlier one, so the history stays complete.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from carmic_assets.editing.errors import EditConflictError


class Step(msgspec.Struct, frozen=True):
    """One revision in the history: the revisions that undo and redo lead to, or None if there is none."""

    revision: int
    undo_to: int | None = None
    redo_to: int | None = None


class Jump(msgspec.Struct, frozen=True):
    """The revision whose content is restored, and the step of the new revision."""

    content_of: int
    step: Step


def first() -> Step:
    """Return the step of a new timeline."""
    return Step(0)


def change(current: Step) -> Step:
    """Return the step of an ordinary edit of `current`: it can be undone, and there is nothing to redo."""
    return Step(current.revision + 1, undo_to=current.revision)


def undo(steps: Mapping[int, Step], current: Step) -> Jump:
    """Go back by one edit.

    Raises:
        EditConflictError: there is nothing to undo.
    """
    if current.undo_to is None:
        raise EditConflictError("There is nothing to undo.")
    earlier = steps[current.undo_to]
    return Jump(earlier.revision, Step(current.revision + 1, undo_to=earlier.undo_to, redo_to=current.revision))


def redo(steps: Mapping[int, Step], current: Step) -> Jump:
    """Redo the edit that the last undo reverted.

    Raises:
        EditConflictError: the last change was not an undo.
    """
    if current.redo_to is None:
        raise EditConflictError("There is nothing to redo.")
    undone = steps[current.redo_to]
    return Jump(undone.revision, Step(current.revision + 1, undo_to=current.revision, redo_to=undone.redo_to))


def revert(steps: Mapping[int, Step], current: Step, revision: int) -> Jump:
    """Restore the content of any revision, as an edit that can be undone.

    Raises:
        EditConflictError: there is no such revision.
    """
    if revision not in steps:
        raise EditConflictError(f"There is no revision {revision}; the newest is {current.revision}.")
    return Jump(revision, change(current))
