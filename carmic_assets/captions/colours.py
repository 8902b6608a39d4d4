"""Parses colours in CSS notation and formats them for ASS.

The parser accepts `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, `rgb()`, `rgba()`, `transparent` and CSS colour names.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import msgspec

from carmic_assets.captions.css_colour_names import CSS_COLOUR_NAMES


class Colour(msgspec.Struct, frozen=True):
    """A colour: red, green and blue are 0..255, alpha is 0 (transparent) to 1 (opaque)."""

    r: int
    g: int
    b: int
    a: float = 1.0

    def to_ass(self) -> str:
        """Return the colour without its alpha in the notation of ASS override tags: `&HBBGGRR&`."""
        return f"&H{self.b:02X}{self.g:02X}{self.r:02X}&"

    def to_ass_alpha(self) -> str:
        """Return the transparency in the notation of ASS override tags: `&H00&` is opaque, `&HFF&` is transparent."""
        return f"&H{round(255 * (1 - self.a)):02X}&"

    def relative_luminance(self) -> float:
        """Return the relative luminance, 0..1 (WCAG 2.2, section 1.4.3)."""

        def linearise(channel: int) -> float:
            value = channel / 255
            # The transfer function of sRGB (IEC 61966-2-1).
            return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

        return 0.2126 * linearise(self.r) + 0.7152 * linearise(self.g) + 0.0722 * linearise(self.b)


_RGB_FUNCTION = re.compile(r"rgba?\(\s*([^()]*?)\s*\)")


@lru_cache(maxsize=1024)
def parse_colour(text: str) -> Colour:
    """Return the colour that a CSS notation stands for.

    Raises:
        ValueError: `text` is not a colour; the message lists the accepted forms.
    """
    value = text.strip().lower()
    if value in CSS_COLOUR_NAMES:
        value = CSS_COLOUR_NAMES[value]
    if value == "transparent":
        return Colour(0, 0, 0, 0.0)
    colour = _parse_hex(value[1:]) if value.startswith("#") else _parse_rgb_function(value)
    if colour is None:
        raise ValueError(
            f'"{text[:60]}" is not a colour. Write it as #rrggbb, #rrggbbaa, rgb(255, 214, 0), rgba(0, 0, 0, 0.5) '
            "or a CSS name such as gold."
        )
    return colour


def _parse_hex(digits: str) -> Colour | None:
    if len(digits) not in (3, 4, 6, 8) or not re.fullmatch(r"[0-9a-f]+", digits):
        return None
    if len(digits) < 6:
        digits = "".join(d + d for d in digits)
    r, g, b, a = (int((digits + "ff")[i : i + 2], 16) for i in (0, 2, 4, 6))
    return Colour(r, g, b, a / 255)


def _parse_rgb_function(value: str) -> Colour | None:
    match = _RGB_FUNCTION.fullmatch(value)
    parts = re.split(r"\s*[,/]\s*|\s+", match[1]) if match else []
    if len(parts) not in (3, 4):
        return None
    try:
        channels = [_parse_number(p, 255) for p in parts[:3]]
        alpha = _parse_number(parts[3], 1) if len(parts) == 4 else 1.0
    except ValueError:
        return None
    r, g, b = (min(255, max(0, round(c))) for c in channels)
    return Colour(r, g, b, min(1.0, max(0.0, alpha)))


def _parse_number(text: str, value_at_100_percent: float) -> float:
    """Return the value of a finite number, or of a percentage of `value_at_100_percent`."""
    number = float(text[:-1]) / 100 * value_at_100_percent if text.endswith("%") else float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
