"""Writes a `Timeline` as an ExtendScript that builds a comp in After Effects.

The script is `after_effects.jsx` with a plan of the comp as embedded JSON. In the plan, positions are in pixels of the
comp from its top left, anchors and masks in pixels of the file, scales in percent, `source` and `seconds` in seconds,
and all other times in frames. The script sets every keyframe to linear interpolation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from carmic_assets.exports.fcpxml_parts import format_decibels
from carmic_assets.exports.motion_keyframes import TransformKeyframe, is_cropped
from carmic_assets.exports.nle_timeline import AudioItem, ClipItem, GainKeyframe, StillItem, Timeline, Title

Plan = dict[str, Any]  # a JSON object

SCRIPT_PATH = Path(__file__).with_name("after_effects.jsx")
SPEAKER_LABELS = (9, 8, 13, 14, 10, 12, 11)  # numbers of label colours; 0 is no label


def serialize(timeline: Timeline, media_folder: str = "media") -> str:
    """Return the text of the `.jsx`. It is ASCII, because ExtendScript guesses encodings by the system's language."""
    # JSON is JavaScript, except for U+2028 and U+2029 in strings; `ensure_ascii` escapes them.
    plan = json.dumps(build_plan(timeline, media_folder), ensure_ascii=True, indent=1)
    return SCRIPT_PATH.read_text(encoding="ascii").replace("/*PLAN*/", plan)


def build_plan(timeline: Timeline, media_folder: str) -> Plan:
    """Return the plan that the script builds, with the layers from the bottom up."""
    pictures = [_build_picture_layer(timeline, item, False) for item in timeline.background]
    pictures += [_build_picture_layer(timeline, item, True) for item in timeline.main]
    pictures += [_build_picture_layer(timeline, item, False) for item in chain(*timeline.panels, timeline.broll)]
    pictures += [_build_still_layer(timeline, still) for track in timeline.stills for still in track]
    files: list[Plan] = [
        {
            "file": file.name,
            "width": file.width,
            "height": file.height,
            "fps": float(file.rate.fraction),
            "seconds": float(file.frames / file.rate.fraction),
        }
        for file in timeline.videos
    ]
    images = {still.media: still for track in timeline.stills for still in track}
    files += [
        {"file": name, "width": still.width, "height": still.height, "fps": float(timeline.fps), "seconds": 1.0}
        for name, still in images.items()
    ]
    return {
        "name": timeline.name,
        "media": media_folder,
        "width": timeline.width,
        "height": timeline.height,
        "fps": float(timeline.fps),
        "frames": timeline.frames,
        "files": files + [{"file": file.name, "sound": True} for file in timeline.audio_files],
        "sounds": [_build_audio_layer(item) for item in timeline.audio_items],
        "pictures": pictures,
        "titles": [_build_title_layer(timeline, title) for title in (*timeline.captions, *timeline.hook)],
        "markers": [
            {
                "frame": marker.frame,
                "text": f"{marker.name}: {marker.comment}" if marker.comment else marker.name,
            }
            for marker in timeline.markers
        ],
    }


def _build_picture_layer(timeline: Timeline, item: ClipItem, is_audible: bool) -> Plan:
    file = timeline.find_video(item.media)
    return {
        "file": file.name,
        "name": f"Speaker {item.speaker}" if item.speaker else file.name,
        "note": item.note,
        "label": _choose_label(timeline, item.speaker),
        "start": item.start,
        "end": item.end,
        "source": float(item.source_start),
        "blur": item.blur_px,
        "opacity": 100,
        "audible": is_audible,
        "levels": _build_levels(timeline.voice_gains if is_audible else ()),
        **_build_transform(timeline, item.keyframes, file.width, file.height),
    }


def _build_transform(timeline: Timeline, keyframes: Sequence[TransformKeyframe], width: int, height: int) -> Plan:
    scales = [(key.frame, _round(key.width / width * 100)) for key in keyframes]
    centre_x, centre_y = timeline.width / 2, timeline.height / 2
    return {
        "anchor": [width / 2, height / 2],
        "position": [[key.frame, [_round(centre_x + key.x), _round(centre_y + key.y)]] for key in keyframes],
        "scale": [[frame, [scale, scale]] for frame, scale in scales],
        "crop": [[key.frame, _compute_mask_edges(key, width, height)] for key in keyframes]
        if is_cropped(keyframes)
        else None,
    }


def _compute_mask_edges(key: TransformKeyframe, width: int, height: int) -> list[float]:
    """Return the left, top, right and bottom edge of the visible part in pixels of the file."""
    edges = (key.left * width, key.top * height, width * (1 - key.right), height * (1 - key.bottom))
    return [_round(edge) for edge in edges]


def _build_still_layer(timeline: Timeline, still: StillItem) -> Plan:
    return {
        "file": still.media,
        "name": still.media,
        "note": "",
        "label": 0,
        "start": still.start,
        "end": still.end,
        "source": 0,
        "blur": 0,
        "opacity": _round(still.opacity * 100),
        "audible": False,
        "levels": None,
        **_build_transform(timeline, (still.keyframe,), still.width, still.height),
    }


def _build_audio_layer(item: AudioItem) -> Plan:
    return {
        "file": item.media,
        "name": item.media,
        "note": "",
        "label": 0,
        "start": item.start,
        "end": item.end,
        "source": float(item.source_start),
        "levels": _build_levels(item.gains),
    }


def _build_levels(gains: Sequence[GainKeyframe]) -> list[Any] | None:
    return [[key.frame, [float(format_decibels(key.gain))] * 2] for key in gains] or None


def _build_title_layer(timeline: Timeline, title: Title) -> Plan:
    style = title.style
    return {
        "text": title.text.replace("\r\n", "\r").replace("\n", "\r"),
        "name": title.name,
        "role": title.role,
        "label": _choose_label(timeline, title.speaker),
        "start": title.start,
        "end": title.end,
        "font": style.font.postscript,
        "size": _round(style.size_px),
        "color": [_round(part) for part in style.color[:3]],
        "stroke": _round(style.stroke_px),
        "strokeColor": [_round(part) for part in style.stroke_color[:3]],
        "middle": _round(style.middle_px),
    }


def _choose_label(timeline: Timeline, speaker: str | None) -> int:
    if speaker is None or speaker not in timeline.speakers:
        return 0
    return SPEAKER_LABELS[timeline.speakers.index(speaker) % len(SPEAKER_LABELS)]


def _round(value: float) -> float:
    return round(value, 6)
