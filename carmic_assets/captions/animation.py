"""Builds the ASS override tags by which captions appear and words move (sixth step of the caption pipeline).

Each `animationStyle` stays within its `AnimationExtent`, for which placement reserves space, so no text leaves the safe
zone. Movements are short, because libass rasterises a shape again for every frame in which it changes.
"""

from __future__ import annotations

import msgspec

from carmic_assets.captions.animation_extent import (
    HOP_OVERSHOOT,
    MAX_SWELL_EM,
    SWELL_OVERSHOOT,
    compute_bounce_em,
    compute_slide_em,
    normalise_intensity,
    swell_ratio,
)
from carmic_assets.captions.ass_syntax import format_number, to_ms
from carmic_assets.captions.caption_styles import CaptionStyle
from carmic_assets.captions.placement import Caption, PlacedToken

POP_S = 0.09  # duration of a pop
MAX_BRIDGED_GAP_S = 0.08  # a word stays highlighted over a shorter gap to the next word
MIN_HIGHLIGHT_S = 0.01  # shortest highlight of a word, one unit of ASS event times
# Times of a swell, in which a spoken word grows.
PEAK_S = 0.06  # from its start to its peak
SETTLED_S = 0.14  # from its start to the size that the word keeps while it is spoken
SHRINK_S = 0.08  # from that size back to normal


class Motion(msgspec.Struct, frozen=True):
    """The movement of a part of a caption in a time range (output clock). Times in its tags count from `start_s`."""

    start_s: float
    end_s: float
    position_tag: str
    tags: str = ""


def find_highlight_interval(caption: Caption, placed: PlacedToken) -> tuple[float, float]:
    """Return start and end (output clock) of a word's highlight: while it is spoken, and over a short gap after it."""
    tokens = sorted((p.token for line in caption.lines for p in line), key=lambda t: t.start_s)
    token = placed.token
    next_start_s = next((t.start_s for t in tokens if t.start_s > token.start_s), caption.end_s)
    end_s = next_start_s if next_start_s - token.end_s < MAX_BRIDGED_GAP_S else token.end_s
    return token.start_s, max(end_s, token.start_s + MIN_HIGHLIGHT_S)


def build_caption_motions(style: CaptionStyle, caption: Caption, x: float, y: float) -> list[Motion]:
    """Return the motions, usually one, of a part of the caption that is anchored at `x`, `y`."""
    k = normalise_intensity(style)
    duration_s = caption.end_s - caption.start_s
    position_tag = f"\\pos({format_number(x)},{format_number(y)})"
    match style.fields.animation_style:
        case "fade":
            # Fades and slides get longer with the intensity `k`, 0..1.
            fade_s = min(0.06 + 0.30 * k, duration_s / 4)
            tags = f"\\fad({to_ms(fade_s)},{to_ms(fade_s * 0.8)})"
            return [Motion(caption.start_s, caption.end_s, position_tag, tags)]
        case "slide":
            slide_s = min(0.10 + 0.16 * k, duration_s / 2)
            position_tag = _format_move(x, y + compute_slide_em(style) * caption.font_px, x, y, slide_s)
            # The first frame is half opaque already, so that captions in succession do not blink.
            return [Motion(caption.start_s, caption.end_s, position_tag, "\\fade(128,0,0,0,30,0,0)")]
        case "bounce" if k > 0:
            return _build_bounce(style, caption, x, y)
        case "pop" if k > 0:
            # All parts grow about the caption's centre, so each moves while it grows.
            pop_s, scale = min(POP_S, duration_s / 4), 1 - 0.4 * k
            centre_x, centre_y = (caption.box[0] + caption.box[2]) / 2, (caption.box[1] + caption.box[3]) / 2
            position_tag = _format_move(
                centre_x + (x - centre_x) * scale, centre_y + (y - centre_y) * scale, x, y, pop_s
            )
            percent = format_number(100 * scale)
            tags = f"\\fscx{percent}\\fscy{percent}\\t(0,{to_ms(pop_s)},\\fscx100\\fscy100)"
            return [Motion(caption.start_s, caption.end_s, position_tag, tags)]
    return [Motion(caption.start_s, caption.end_s, position_tag)]


def swell_tags(style: CaptionStyle, caption: Caption, placed: PlacedToken, motion: Motion) -> str:
    """Return the tags that make a word swell while it is spoken (pop and bounce), counted from the motion's start."""
    ratio = swell_ratio(style)
    is_bounce = style.fields.animation_style == "bounce"
    if style.fields.animation_style not in ("pop", "bounce") or ratio == 0:
        return ""
    ratio *= 0.5 if is_bounce else 1.0
    ratio = min(ratio, MAX_SWELL_EM / SWELL_OVERSHOOT * caption.font_px / max(placed.width, 1.0))
    on_s, off_s = find_highlight_interval(caption, placed)
    appeared_s = caption.start_s + (0.0 if is_bounce else POP_S)
    on_s, off_s = max(on_s, appeared_s) - motion.start_s, off_s - motion.start_s
    duration_s = motion.end_s - motion.start_s
    if off_s <= 0 or on_s >= duration_s:
        return ""
    held, peak = format_number(100 * (1 + ratio)), format_number(100 * (1 + ratio * SWELL_OVERSHOOT))
    settled_s = on_s + SETTLED_S
    if on_s < 0:
        tags = f"\\fscx{held}\\fscy{held}"
    else:
        peak_s = on_s + PEAK_S
        tags = (
            f"\\t({to_ms(on_s)},{to_ms(peak_s)},\\fscx{peak}\\fscy{peak})"
            f"\\t({to_ms(peak_s)},{to_ms(settled_s)},\\fscx{held}\\fscy{held})"
        )
    if off_s < duration_s - 0.02:
        shrink_s = max(off_s, settled_s)
        tags += f"\\t({to_ms(shrink_s)},{to_ms(shrink_s + SHRINK_S)},\\fscx100\\fscy100)"
    return tags


def _build_bounce(style: CaptionStyle, caption: Caption, x: float, y: float) -> list[Motion]:
    r"""Return the motions of a bounce: up from below, past the final position, and back.

    They are separate motions because `\move` is one straight line. They meet at whole hundredths of a second, the
    resolution of event times.
    """
    duration_s = caption.end_s - caption.start_s
    rise_s, settle_s = min(0.12, duration_s / 4), min(0.09, duration_s / 4)
    risen_s = round(caption.start_s + rise_s, 2)
    settled_s = round(risen_s + settle_s, 2)
    hop = compute_bounce_em(style)
    low, high = y + hop * caption.font_px, y - hop * HOP_OVERSHOOT * caption.font_px
    return [
        Motion(caption.start_s, risen_s, _format_move(x, low, x, high, risen_s - caption.start_s)),
        Motion(risen_s, settled_s, _format_move(x, high, x, y, settled_s - risen_s)),
        Motion(settled_s, caption.end_s, f"\\pos({format_number(x)},{format_number(y)})"),
    ]


def _format_move(x0: float, y0: float, x1: float, y1: float, duration_s: float) -> str:
    points = ",".join(format_number(v) for v in (x0, y0, x1, y1))
    return f"\\move({points},0,{to_ms(duration_s)})"
