"""How captions come in and how words move, as ASS override tags: one function per `animationStyle`.

Every movement is bounded by `reach`, which the line setter keeps free, so nothing that moves leaves the safe zone.
Nothing is animated longer than it must be: while a shape changes, libass draws it anew for every frame.
"""

from __future__ import annotations

import msgspec

from carmic_assets.captions.caption_styles import Style
from carmic_assets.captions.placement import MOST_SWELL_EM, Caption, Placed, Reach

POP_S = 0.09
BRIDGE_S = 0.08  # a word stays lit until the next one where the gap is shorter than this


class Motion(msgspec.Struct, frozen=True):
    """A stretch of time of one piece of a caption, with its own position tag and the tags of its movement. Times in
    output seconds; tags count from `start_s`."""

    start_s: float
    end_s: float
    position: str
    tags: str = ""


def ms(seconds: float) -> int:
    """Milliseconds, the unit of ASS's tags."""
    return max(0, round(seconds * 1000))


def number(value: float) -> str:
    """As short as ASS can have it: two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def reach(style: Style) -> Reach:
    """How far this style's animation carries a word beyond its place."""
    k = style.fields.animation_intensity / 100
    match style.fields.animation_style:
        case "pop":
            return Reach(scale=1 + _swell(k) * 1.5)
        case "slide":
            return Reach(down=_slide_ems(k))
        case "bounce":
            return Reach(scale=1 + _swell(k) * 0.5, up=_hop_ems(k) * 0.35, down=_hop_ems(k))
    return Reach()


def lit(caption: Caption, placed: Placed) -> tuple[float, float]:
    """When a word is highlighted: while it is spoken, and over a gap too short to see. Output seconds."""
    tokens = sorted((p.token for line in caption.lines for p in line), key=lambda t: t.start_s)
    token = placed.token
    following = next((t.start_s for t in tokens if t.start_s > token.start_s), caption.end_s)
    end = following if following - token.end_s < BRIDGE_S else token.end_s
    return token.start_s, max(end, token.start_s + 0.01)


def motions(style: Style, caption: Caption, x: float, y: float) -> list[Motion]:
    """How the whole caption comes and goes, for a piece whose anchor is at `x`, `y`: usually one stretch."""
    k = style.fields.animation_intensity / 100
    shown = caption.end_s - caption.start_s
    still = f"\\pos({number(x)},{number(y)})"
    match style.fields.animation_style:
        case "fade":
            length = min(0.06 + 0.30 * k, shown / 4)
            return [Motion(caption.start_s, caption.end_s, still, f"\\fad({ms(length)},{ms(length * 0.8)})")]
        case "slide":
            length = min(0.10 + 0.16 * k, shown / 2)
            away = _slide_ems(k) * caption.em
            moved = f"\\move({number(x)},{number(y + away)},{number(x)},{number(y)},0,{ms(length)})"
            # Half there in its first frame: captions follow one another without a blink, and colours are right at once.
            return [Motion(caption.start_s, caption.end_s, moved, "\\fade(128,0,0,0,30,0,0)")]
        case "bounce" if k > 0:
            return _bounce(caption, x, y, k)
        case "pop" if k > 0:
            # All pieces grow about the caption's middle: each moves as it grows.
            length, small = min(POP_S, shown / 4), 1 - 0.4 * k
            cx, cy = (caption.box[0] + caption.box[2]) / 2, (caption.box[1] + caption.box[3]) / 2
            x0, y0 = cx + (x - cx) * small, cy + (y - cy) * small
            grown = f"\\move({number(x0)},{number(y0)},{number(x)},{number(y)},0,{ms(length)})"
            size = number(100 * small)
            tags = f"\\fscx{size}\\fscy{size}\\t(0,{ms(length)},\\fscx100\\fscy100)"
            return [Motion(caption.start_s, caption.end_s, grown, tags)]
    return [Motion(caption.start_s, caption.end_s, still)]


def word_tags(style: Style, caption: Caption, placed: Placed, motion: Motion) -> str:
    """How a word moves while it is spoken (pop and bounce: it swells), tags counted from the motion's start."""
    k = style.fields.animation_intensity / 100
    swell = _swell(k)
    bounces = style.fields.animation_style == "bounce"
    if style.fields.animation_style not in ("pop", "bounce") or swell == 0:
        return ""
    swell *= 0.5 if bounces else 1.0
    swell = min(swell, MOST_SWELL_EM / 1.5 * caption.em / max(placed.width, 1.0))
    on, off = lit(caption, placed)
    entered = caption.start_s + (POP_S if not bounces else 0.0)
    on, off = max(on, entered) - motion.start_s, off - motion.start_s
    length = motion.end_s - motion.start_s
    if off <= 0 or on >= length:
        return ""
    full, peak = number(100 * (1 + swell)), number(100 * (1 + swell * 1.5))
    tags = (
        f"\\fscx{full}\\fscy{full}"
        if on < 0
        else f"\\t({ms(on)},{ms(on + 0.06)},\\fscx{peak}\\fscy{peak})"
        f"\\t({ms(on + 0.06)},{ms(on + 0.14)},\\fscx{full}\\fscy{full})"
    )
    if off < length - 0.02:
        later = max(off, on + 0.14)
        tags += f"\\t({ms(later)},{ms(later + 0.08)},\\fscx100\\fscy100)"
    return tags


def _bounce(caption: Caption, x: float, y: float, k: float) -> list[Motion]:
    """Up from below, a little too far, back: three stretches, because `\\move` knows one straight line. Cut at whole
    hundredths, the resolution of event times."""
    shown = caption.end_s - caption.start_s
    rise, settle = min(0.12, shown / 4), min(0.09, shown / 4)
    first = round(caption.start_s + rise, 2)
    second = round(first + settle, 2)
    low, high = y + _hop_ems(k) * caption.em, y - _hop_ems(k) * 0.35 * caption.em
    sx = number(x)

    def move(start: float, end: float, y0: float, y1: float) -> str:
        return f"\\move({sx},{number(y0)},{sx},{number(y1)},0,{ms(end - start)})"

    return [
        Motion(caption.start_s, first, move(caption.start_s, first, low, high)),
        Motion(first, second, move(first, second, high, y)),
        Motion(second, caption.end_s, f"\\pos({sx},{number(y)})"),
    ]


def _swell(k: float) -> float:
    return 0.11 * k


def _slide_ems(k: float) -> float:
    return (0.15 + 0.75 * k) if k > 0 else 0.0


def _hop_ems(k: float) -> float:
    return 0.55 * k
