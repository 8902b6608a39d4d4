"""Colours as CSS writes them: `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, `rgb()`, `rgba()` and the CSS names.

Parses and formats; never guesses: what is no colour is refused with the forms that are.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from carmic_assets.captions.css_colour_names import CSS_NAMES


class Colour(msgspec.Struct, frozen=True):
    """Red, green, blue 0..255; alpha 0 (invisible) .. 1 (solid)."""

    r: int
    g: int
    b: int
    a: float = 1.0

    def ass(self) -> str:
        """As override tags want it, without alpha: `&HBBGGRR&`."""
        return f"&H{self.b:02X}{self.g:02X}{self.r:02X}&"

    def ass_alpha(self) -> str:
        """ASS counts transparency: `&H00&` is solid, `&HFF&` invisible."""
        return f"&H{round(255 * (1 - self.a)):02X}&"

    def luminance(self) -> float:
        """Relative luminance 0..1 (WCAG 2.2, section 1.4.3)."""

        def linear(v: int) -> float:
            c = v / 255
            return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

        return 0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)


_FUNCTION = re.compile(r"rgba?\(\s*([^()]*?)\s*\)")


@lru_cache(maxsize=1024)
def parse_colour(text: str) -> Colour:
    """The colour that `text` names. ValueError with the accepted forms where it names none."""
    value = text.strip().lower()
    if value in CSS_NAMES:
        value = CSS_NAMES[value]
    if value == "transparent":
        return Colour(0, 0, 0, 0.0)
    colour = _from_hex(value[1:]) if value.startswith("#") else _from_function(value)
    if colour is None:
        raise ValueError(
            f'"{text[:60]}" is no colour. Write it as #rrggbb, #rrggbbaa, rgb(255, 214, 0), rgba(0, 0, 0, 0.5) '
            "or a CSS name such as gold."
        )
    return colour


def _from_hex(digits: str) -> Colour | None:
    if len(digits) not in (3, 4, 6, 8) or not re.fullmatch(r"[0-9a-f]+", digits):
        return None
    if len(digits) < 6:
        digits = "".join(d + d for d in digits)
    r, g, b, a = (int((digits + "ff")[i : i + 2], 16) for i in (0, 2, 4, 6))
    return Colour(r, g, b, a / 255)


def _from_function(value: str) -> Colour | None:
    match = _FUNCTION.fullmatch(value)
    parts = re.split(r"\s*[,/]\s*|\s+", match[1]) if match else []
    if len(parts) not in (3, 4):
        return None
    try:
        channels = [_number(p, 255) for p in parts[:3]]
        alpha = _number(parts[3], 1) if len(parts) == 4 else 1.0
    except ValueError:
        return None
    r, g, b = (min(255, max(0, round(c))) for c in channels)
    return Colour(r, g, b, min(1.0, max(0.0, alpha)))


def _number(text: str, full: float) -> float:
    number = float(text[:-1]) / 100 * full if text.endswith("%") else float(text)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number
