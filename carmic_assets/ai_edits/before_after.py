"""Pictures of a variant: a strip of its frames, and the same frames of its source above them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from carmic_assets.ai_edits.region_masks import Patch
from carmic_assets.ai_edits.region_tracking import to_rgb
from carmic_assets.ai_edits.working_clip import WorkingClip, read_frames

PICTURES = 5
WIDTH_PX = 256
JPEG_QUALITY = 82


def draw_strip(clip: WorkingClip, out_path: Path) -> None:
    """Write up to `PICTURES` evenly spaced frames side by side as one JPEG."""
    _write_jpeg(_build_strip(clip), out_path)


def draw_comparison(source: WorkingClip, variant: WorkingClip, out_path: Path) -> None:
    """Write the strip of the source above that of the variant as one JPEG."""
    before, after = _build_strip(source), _build_strip(variant)
    width = max(before.shape[1], after.shape[1])
    rows = [cv2.copyMakeBorder(row, 0, 4, 0, width - row.shape[1], cv2.BORDER_CONSTANT) for row in (before, after)]
    _write_jpeg(np.vstack(rows), out_path)


def _build_strip(clip: WorkingClip) -> Patch:
    wanted = set(np.linspace(0, clip.count - 1, min(PICTURES, clip.count)).round().astype(int).tolist())
    height = max(2, round(WIDTH_PX * clip.height / clip.width))
    pictures = [
        cv2.resize(to_rgb(planes), (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        for number, planes in enumerate(read_frames(clip.path))
        if number in wanted
    ]
    return np.asarray(np.hstack(pictures), dtype=np.uint8)


def _write_jpeg(rgb: Patch, out_path: Path) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    out_path.write_bytes(cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), quality)[1].tobytes())
