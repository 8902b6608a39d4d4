"""Compares a variant with its source: VMAF and SSIM of the picture, and SSIM and PSNR inside and outside the region."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.picture_measures import ssim_map
from carmic_assets.ai_edits.region_masks import FEATHER_PX, PixelBox, window_around
from carmic_assets.ai_edits.score_sampling import Sampled, ScoreInputs, sample
from carmic_assets.ai_edits.working_clip import WorkingClip
from carmic_assets.media import ffmpeg
from carmic_assets.model.errors import RenderError

MIN_OUTSIDE_PSNR_DB = 45.0
_MAX_VMAF_FRAMES = 120
_MAX_PSNR_DB = 100.0  # of identical pixels


class Comparison(msgspec.Struct, frozen=True):
    """How similar a variant is to its source, and a sentence about it.

    The measures are None if they do not apply: `outside` measures without a region, all if the length has changed.
    """

    details: str
    ssim: float | None = None
    vmaf_neg: float | None = None
    ssim_inside: float | None = None
    ssim_outside: float | None = None
    psnr_outside_db: float | None = None

    @property
    def is_outside_untouched(self) -> bool:
        """Whether the pixels outside the region are those of the source, within the loss of the encoder."""
        return self.psnr_outside_db is None or self.psnr_outside_db >= MIN_OUTSIDE_PSNR_DB


def compare(inputs: ScoreInputs) -> Comparison:
    """Compare the variant with its source frame by frame.

    The region is where the last step worked: its tracked boxes, or the box of the request.

    Raises:
        RenderError: a file cannot be decoded.
    """
    source, variant = inputs.source, inputs.variant
    if source.count != variant.count:
        return Comparison(f"The variant has {variant.count} frames and the original {source.count}: no comparison.")
    if (source.width, source.height) != (variant.width, variant.height):
        return Comparison(
            f"The variant is {variant.width} x {variant.height} pixels, the original is not: no comparison."
        )
    vmaf_neg, ssim_all = _measure_files(source, variant)
    has_region = bool(inputs.covered) or inputs.box is not None
    inside, outside, psnr_db = _measure_region(sample(inputs)) if has_region else (None, None, None)
    details = f"VMAF {vmaf_neg:.1f} of 100 against the original, SSIM {ssim_all:.3f}"
    if inside is not None and outside is not None:
        details += f"; SSIM {inside:.3f} inside the region and {outside:.3f} outside"
    return Comparison(f"{details}.", ssim_all, vmaf_neg, inside, outside, psnr_db)


def _measure_files(source: WorkingClip, variant: WorkingClip) -> tuple[float, float]:
    """Return VMAF (the model without enhancement gain, scaled to 1080 lines) and SSIM of all frames.

    VMAF is measured on at most about `_MAX_VMAF_FRAMES` evenly spaced frames.
    """
    scale = f"scale={2 * round(source.width * 1080 / source.height / 2)}:1080:flags=bicubic"
    step = max(1, source.count // _MAX_VMAF_FRAMES)
    graph = (
        f"[0:v]split[a][b];[1:v]split[c][d];[a][c]ssim[s];[b]{scale}[x];[d]{scale}[y];"
        f"[x][y]libvmaf=model=version=vmaf_v0.6.1neg:n_threads=2:n_subsample={step}[v]"
    )
    inputs = [ffmpeg.Input(str(variant.path)), ffmpeg.Input(str(source.path))]
    outputs = ["-map", "[s]", "-f", "null", "-", "-map", "[v]", "-f", "null", "-"]
    log = ffmpeg.run(ffmpeg.build_command(inputs, outputs, graph=graph), error=RenderError).log
    text = "\n".join(log)
    vmaf = float(text.rsplit("VMAF score:", 1)[1].split()[0])
    return round(vmaf, 3), round(float(text.rsplit("All:", 1)[1].split()[0]), 6)


def _measure_region(sampled: Sampled) -> tuple[float | None, float | None, float | None]:
    """Return SSIM inside the region, and SSIM and the lowest PSNR of a frame outside the region and its feather."""
    inside, outside, psnr_db = [], [], []
    for pair in sampled.pairs:
        height, width = pair.source.y.shape
        region, margin = np.zeros((height, width), bool), np.zeros((height, width), bool)
        for window in sampled.windows(pair):
            region[window.top : window.bottom, window.left : window.right] = True
            box = PixelBox(window.left, window.top, window.right - window.left, window.bottom - window.top)
            wide = window_around(box, width, height, FEATHER_PX + 2)
            margin[wide.top : wide.bottom, wide.left : wide.right] = True
        similarity = ssim_map(pair.source.y, pair.variant.y)
        if region.any():
            inside.append(float(similarity[region].mean()))
        if not margin.all():
            outside.append(float(similarity[~margin].mean()))
            psnr_db.append(_psnr_db(pair.source.y[~margin], pair.variant.y[~margin]))
    mean_inside = round(float(np.mean(inside)), 4) if inside else None
    return mean_inside, round(float(np.mean(outside)), 4) if outside else None, min(psnr_db, default=None)


def _psnr_db(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    error = float(np.square(before.astype(np.float64) - after).mean())
    return _MAX_PSNR_DB if error == 0 else round(min(_MAX_PSNR_DB, 10 * math.log10(255**2 / error)), 2)
