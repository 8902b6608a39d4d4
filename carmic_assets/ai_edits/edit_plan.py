"""The result of parsing a prompt: a plan of operations, or a refusal that names the nearest operations."""

from __future__ import annotations

from typing import Literal

import msgspec

HOSTED = "hosted_edit"  # the only operation of a plan that a hosted model carries out; `text` is its prompt
RefusalKind = Literal["impossible", "unclear", "needs_box", "not_in_box"]


class EditStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation with its parameters; None means the operation's default.

    `strength` is 0.5 (slightly), 1 or 1.5 (strongly), or 0.1..2 if the prompt has a percentage. `target` is the object
    as the prompt names it; it is used in messages only, because objects are not recognised. `at_s` counts from the
    start of the range; a negative value counts from its end.
    """

    operation: str
    strength: float = 1.0
    factor: float | None = None
    colour: str | None = None
    place: str | None = None
    text: str | None = None
    at_s: float | None = None
    duration_s: float | None = None
    target: str | None = None
    style: str | None = None
    aspect: str | None = None
    gradual: bool = False


class EditPlan(msgspec.Struct, frozen=True):
    """A chain of operations, applied in order."""

    steps: tuple[EditStep, ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the operations, in order."""
        return tuple(step.operation for step in self.steps)


class Refusal(msgspec.Struct, frozen=True):
    """The reason why a prompt has no plan. `nearest` names the three most similar operations."""

    kind: RefusalKind
    sentence: str
    nearest: tuple[str, ...]
