"""Writes the cuts of a `Timeline` as an edit decision list (CMX 3600), with the grades as ASC CDL comments.

An EDL has one video track. Each event names a reel and two pairs of timecodes: in the source and in the recording. The
recording starts at one hour, as is usual on tape and in the programs that read EDLs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from carmic_assets.editing.asc_cdl import RGB, ColorDecision
from carmic_assets.exports.nle_timeline import ClipItem, Timeline
from carmic_assets.exports.timecode import compute_nominal_rate, format_timecode

RECORD_START_S = 3600
MAX_NAME_LENGTH = 60  # characters of a title or of a file name in a comment


def serialize(timeline: Timeline, decisions: Mapping[int, ColorDecision]) -> str:
    """Return the text of the `.edl`. `decisions` maps the start frame of an item to its grade."""
    lines = [f"TITLE: {_clean(timeline.name)}", "FCM: NON-DROP FRAME", ""]
    reels = {file.name: f"R{number:03d}" for number, file in enumerate(timeline.videos, 1)}
    position, number = 0, 0
    for item in timeline.main:
        if item.start > position:
            number += 1
            lines.append(_format_event(timeline, number, "BL", "V", (0, position, item.start)))
        number += 1
        lines += _format_item(timeline, number, reels[item.media], item, decisions.get(item.start))
        position = item.end
    if timeline.frames > position:
        lines.append(_format_event(timeline, number + 1, "BL", "V", (0, position, timeline.frames)))
    return "\n".join(lines) + "\n"


def _format_item(
    timeline: Timeline, number: int, reel: str, item: ClipItem, decision: ColorDecision | None
) -> list[str]:
    file = timeline.find_video(item.media)
    timecode_s = Fraction(file.timecode, compute_nominal_rate(file.rate.fraction))
    # Source timecode counts frames of the sequence's rate: an EDL has one rate.
    first = round(timecode_s * compute_nominal_rate(timeline.fps) + item.source_start * timeline.fps)
    channels = "B" if file.channels else "V"  # both sound and picture
    lines = [
        _format_event(timeline, number, reel, channels, (first, item.start, item.end)),
        f"* FROM CLIP NAME: {_clean(item.media)}",
        f"* SOURCE FILE: {_clean(item.media)}",
    ]
    if decision is not None:
        sop = "".join(_format_triple(values) for values in (decision.slope, decision.offset, decision.power))
        lines += [f"* ASC_SOP: {sop}", f"* ASC_SAT: {decision.saturation:.6f}"]
    return lines


def _format_event(timeline: Timeline, number: int, reel: str, channels: str, frames: tuple[int, int, int]) -> str:
    """Return one event; `frames` are the source start, and the start and end in the recording."""
    source, start, end = frames
    record = RECORD_START_S * compute_nominal_rate(timeline.fps)
    times = (source, source + end - start, record + start, record + end)
    codes = " ".join(format_timecode(time, timeline.fps) for time in times)
    return f"{number:03d}  {reel:<8} {channels:<5} C        {codes}"


def _format_triple(values: RGB) -> str:
    return "(" + " ".join(f"{value:.6f}" for value in values) + ")"


def _clean(text: str) -> str:
    return " ".join(text.split())[:MAX_NAME_LENGTH]
