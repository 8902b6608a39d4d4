"""Effects on the content of a box: blur, pixelate, recolour. Computed on Y, U and V, so that recolouring keeps luma."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.region_masks import Patch, PixelBox, Window, cut_patch
from carmic_assets.ai_edits.working_clip import Planes

# Named colours in R'G'B', 0..255.
COLOURS = {
    "red": (255, 30, 30), "crimson": (220, 20, 60), "maroon": (128, 0, 30), "orange": (255, 140, 0),
    "brown": (140, 80, 30), "golden": (230, 180, 30), "gold": (230, 180, 30), "yellow": (250, 230, 30),
    "lime": (150, 240, 40), "green": (30, 170, 50), "teal": (0, 140, 140), "turquoise": (50, 210, 200),
    "cyan": (30, 220, 240), "blue": (40, 70, 240), "navy": (20, 30, 120), "violet": (140, 60, 240),
    "purple": (140, 40, 200), "lilac": (190, 140, 230), "magenta": (240, 40, 200), "pink": (250, 110, 180),
}  # fmt: skip
KEY_RADIANS = 0.55  # a pixel whose hue angle differs more than this from the key colour keeps its hue
MIN_CHROMA = 10.0  # code values; a pixel with less chroma counts as grey and has no hue


def blur_patch(patch: Patch, box: PixelBox, strength: float) -> Patch:
    """Blur a patch with a Gaussian. Its size grows with the box, so that text and faces become unrecognisable."""
    sigma = max(6.0, 0.16 * min(box.w, box.h, 600) * strength)
    scale = max(1.0, sigma / 4)  # a strong blur is computed on a downscaled image, which is faster
    size = max(2, round(patch.shape[1] / scale)), max(2, round(patch.shape[0] / scale))
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / scale, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)


def pixelate_patch(patch: Patch, box: PixelBox, strength: float) -> Patch:
    """Pixelate a patch into flat cells, about eight along the shorter side of the box."""
    cell = max(6, round(min(box.w, box.h, 800) / 8 * strength))
    height, width = patch.shape[:2]
    size = max(1, width // cell), max(1, height // cell)
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def colour_vector(name: str) -> complex:
    """Return the BT.709 chroma of a named colour: Cb as the real part, Cr as the imaginary part, in code values."""
    red, green, blue = (channel / 255 for channel in COLOURS[name])
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return complex((blue - luma) / 1.8556, (red - luma) / 1.5748) * 224


def dominant_hue(planes: Planes, window: Window) -> float | None:
    """Return the most frequent hue in the window as an angle, weighted by chroma; None if the window is grey."""
    chroma = _chroma(cut_patch(planes, window))
    strength = np.abs(chroma)
    coloured = strength > MIN_CHROMA
    if coloured.mean() < 0.03:
        return None
    angles = np.angle(chroma[coloured])
    counts, edges = np.histogram(angles, bins=72, range=(-math.pi, math.pi), weights=strength[coloured])
    smooth = np.convolve(np.concatenate([counts[-2:], counts, counts[:2]]), np.ones(5), mode="valid")
    best = int(smooth.argmax())
    return float((edges[best] + edges[best + 1]) / 2)


def recolour_patch(patch: Patch, key: float, name: str) -> Patch:
    """Change the hue of pixels near the angle `key` to that of the named colour. Luma is kept."""
    chroma = _chroma(patch)
    target = colour_vector(name)
    weight = key_weight(chroma, key)
    strength = np.maximum(np.abs(chroma), 0.6 * abs(target) * (np.abs(chroma) > MIN_CHROMA))
    turned = strength * np.exp(1j * np.angle(target))
    mixed = chroma + (turned - chroma) * weight
    result = patch.copy()
    result[..., 1] = np.clip(np.rint(mixed.real + 128), 16, 240).astype(np.uint8)
    result[..., 2] = np.clip(np.rint(mixed.imag + 128), 16, 240).astype(np.uint8)
    return result


def key_weight(chroma: NDArray[np.complex128], key: float) -> NDArray[np.float64]:
    """Return for each pixel how well its colour matches the key colour, 0..1."""
    away = np.abs(np.angle(chroma * np.exp(-1j * key)))
    near = np.clip((KEY_RADIANS - away) / (KEY_RADIANS / 3), 0, 1)
    return np.asarray(near * np.clip((np.abs(chroma) - MIN_CHROMA / 2) / (MIN_CHROMA / 2), 0, 1), dtype=np.float64)


def patch_chroma(patch: Patch) -> NDArray[np.complex128]:
    """Return the chroma of a patch: Cb - 128 as the real part, Cr - 128 as the imaginary part."""
    return _chroma(patch)


def _chroma(patch: Patch) -> NDArray[np.complex128]:
    return np.asarray((patch[..., 1].astype(np.float64) - 128) + 1j * (patch[..., 2].astype(np.float64) - 128))
