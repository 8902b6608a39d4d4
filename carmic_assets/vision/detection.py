"""Defines the types of all detectors: the detected box, the interface of a detector, and the overlap of two boxes."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
import numpy as np

from carmic_assets.model.scene import TrackKind


class Detection(msgspec.Struct, frozen=True):
    """One box in one frame, in fractions (0..1) of the frame; it may extend beyond the frame.

    `landmarks` are x, y of both eyes, the nose and both mouth corners, of each pair the left one first. They are None
    if the detector finds none.
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    kind: TrackKind
    landmarks: tuple[float, ...] | None = None


class Detector(Protocol):
    """Finds faces, heads or persons in single frames.

    `facts` holds `detector` (name and weights), `kind` and `runtime`. CenterFace adds `input_pixels`, and `reason` if
    it is a fallback.
    """

    facts: dict[str, Any]

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """Return the boxes in `picture` (RGB, uint8, height x width x 3), highest score first, without overlaps."""
        ...


class UnusableWeightsError(Exception):
    """Weights are missing, cannot be loaded, or have no class for persons, faces or heads."""


def intersection_over_union(a: Detection, b: Detection) -> float:
    """Return the intersection over union of two boxes, 0..1."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    intersection = max(w, 0.0) * max(h, 0.0)
    return intersection / max(a.w * a.h + b.w * b.h - intersection, 1e-12)
