"""Renders emoji to colour PNG files, once each, in a cache.

libass does not draw colour fonts, so each emoji is an overlay of its own. The drawings are OpenMoji's (CC BY-SA 4.0).
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import resvg_py
from PIL import Image

from carmic_assets.captions.emoji_catalogue import find_drawing

SIZE_STEP_PX = 160  # sizes are rounded up to a multiple of this, so that captions of similar sizes share files
MIN_CONTENT_RATIO = 0.5  # the crop keeps at least this part of the drawing, so that small symbols stay small
_CACHE_FORMAT = 2  # part of the file name; raise it whenever the images change


def render_emoji(emoji: str, side_px: float, cache: Path) -> Path | None:
    """Return a square PNG of the emoji with transparency, at least `side_px` wide; None if it has no drawing."""
    svg = find_drawing(emoji)
    if svg is None:
        return None
    side = -(-int(side_px) // SIZE_STEP_PX) * SIZE_STEP_PX or SIZE_STEP_PX
    target = cache / f"emoji-{_CACHE_FORMAT}-{svg.stem}-{side}.png"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        descriptor, staging_path = tempfile.mkstemp(dir=cache, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as staging_file:
                staging_file.write(_rasterise(svg, side))
            Path(staging_path).replace(target)
        finally:
            Path(staging_path).unlink(missing_ok=True)
    return target


def _rasterise(svg: Path, side: int) -> bytes:
    """Render a drawing without OpenMoji's wide margin, so that it is as large as the letters beside it."""
    large = side * 2
    data = bytes(resvg_py.svg_to_bytes(svg_path=str(svg), width=large, height=large, skip_system_fonts=True))
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    left, top, right, bottom = image.getchannel("A").getbbox() or (0, 0, large, large)
    half = max(right - left, bottom - top, large * MIN_CONTENT_RATIO) / 2 + large / 144
    x, y = (left + right) / 2, (top + bottom) / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    png = io.BytesIO()
    image.crop(box).resize((side, side), Image.Resampling.LANCZOS).save(png, "PNG")
    return png.getvalue()
