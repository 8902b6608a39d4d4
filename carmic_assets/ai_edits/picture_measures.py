"""Measures of frames and sound that scores are made of: energy, structural similarity, noise, colour, levels."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.region_effects import patch_chroma
from carmic_assets.ai_edits.region_masks import Patch

EPSILON = 1e-6


def clip_ratio(value: float) -> float:
    """Return the value limited to 0..1."""
    return float(min(1.0, max(0.0, value)))


def energy(luma: NDArray[np.uint8]) -> float:
    """Return the mean energy of the Laplacian, which falls when a picture is blurred."""
    return float(np.square(cv2.Laplacian(luma.astype(np.float32), cv2.CV_32F)).mean())


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return the mean structural similarity (Wang et al. 2004) with an 8-pixel box window."""
    return float(ssim_map(a, b).mean())


def ssim_map(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the structural similarity at each pixel."""
    x, y = a.astype(np.float32), b.astype(np.float32)
    mx, my = cv2.blur(x, (8, 8)), cv2.blur(y, (8, 8))
    vx, vy = cv2.blur(x * x, (8, 8)) - mx * mx, cv2.blur(y * y, (8, 8)) - my * my
    cov = cv2.blur(x * y, (8, 8)) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ratio = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return np.asarray(ratio, dtype=np.float32)


def noise_sigma(patch: Patch) -> float:
    """Standard deviation of the noise by Immerkaer's method (1996)."""
    luma = patch[..., 0].astype(np.float32)
    if min(luma.shape) < 5:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(luma, -1, kernel))[1:-1, 1:-1]
    return float(response.mean() * math.sqrt(math.pi / 2) / 6)


def chroma_of(patch: Patch) -> float:
    """Return the mean chroma of a patch in code values."""
    return float(np.abs(patch_chroma(patch)).mean())


def sound_levels(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root mean square of blocks of 50 ms; `samples` are 48 kHz stereo."""
    length = max(1, len(samples) // 2400) * 2400
    blocks = samples[:length].reshape(-1, min(2400, length), 2) if len(samples) >= 2400 else samples[None]
    return np.asarray(np.sqrt(np.square(blocks).mean(axis=(1, 2))), dtype=np.float64)
