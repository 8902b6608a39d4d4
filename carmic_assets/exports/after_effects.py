"""After Effects' way in: an ExtendScript that builds the comp. Here the plan is worked out; the script only follows it.

What After Effects makes of it: positions in pixels of the comp from its top left, anchor and masks in pixels of the
file, scale in percent, times in seconds of the comp, and straight lines between keyframes, as the script sets them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from carmic_assets.exports.fcpxml_parts import decibels
from carmic_assets.exports.motion_keyframes import Key
from carmic_assets.exports.nle_timeline import Bed, Level, Piece, Still, Timeline, Title

SCRIPT = Path(__file__).with_name("after_effects.jsx")
LABELS = (9, 8, 13, 14, 10, 12, 11)  # label colours by speaker; 0 is none


def write(timeline: Timeline, media: str = "media") -> str:
    """The text of the `.jsx`: ASCII only, because ExtendScript guesses encodings by the system's language."""
    plan = json.dumps(plan_of(timeline, media), ensure_ascii=True, indent=1)
    # JSON is JavaScript except for these two, which ASCII escapes already; `</` is harmless outside HTML.
    return SCRIPT.read_text(encoding="ascii").replace("/*PLAN*/", plan)


def plan_of(line: Timeline, media: str) -> dict[str, Any]:
    """What the script builds, bottom layer first."""
    pictures = [_picture(line, piece, False) for piece in line.background]
    pictures += [_picture(line, piece, True) for piece in line.main]
    pictures += [_picture(line, piece, False) for piece in (*line.second, *line.broll)]
    pictures += [_still(line, still) for track in line.stills for still in track]
    files = [
        {
            "file": file.name,
            "width": file.width,
            "height": file.height,
            "fps": float(file.rate.fraction),
            "seconds": float(file.frames / file.rate.fraction),
        }
        for file in line.footage
    ]
    files += [
        {"file": name, "width": still.width, "height": still.height, "fps": float(line.fps), "seconds": 1.0}
        for name, still in {still.name: still for track in line.stills for still in track}.items()
    ]
    return {
        "name": line.name,
        "media": media,
        "width": line.width,
        "height": line.height,
        "fps": float(line.fps),
        "frames": line.frames,
        "files": files + [{"file": sound.name, "sound": True} for sound in line.sounds],
        "sounds": [_sound(bed) for bed in line.beds],
        "pictures": pictures,
        "titles": [_title(line, title) for title in (*line.captions, *line.hook)],
        "markers": [
            {"frame": note.frame, "text": f"{note.name}: {note.comment}" if note.comment else note.name}
            for note in line.notes
        ],
    }


def _picture(line: Timeline, piece: Piece, audible: bool) -> dict[str, Any]:
    file = line.file(piece.footage)
    levels = [Level(0, line.voice_gain)] if audible and line.voice_gain != 1 else []
    return {
        "file": file.name,
        "name": f"Speaker {piece.speaker}" if piece.speaker else file.name,
        "note": piece.note,
        "label": _label(line, piece.speaker),
        "start": piece.start,
        "end": piece.end,
        "source": _seconds(piece.source),
        "blur": piece.blur,
        "opacity": 100,
        "audible": audible,
        "levels": _levels(levels),
        **_transform(line, piece.keys, file.width, file.height),
    }


def _transform(line: Timeline, keys: Sequence[Key], width: int, height: int) -> dict[str, Any]:
    scales = [(key.frame, key.width / width * 100) for key in keys]
    trimmed = any(key.left or key.top or key.right or key.bottom for key in keys)
    return {
        "anchor": [width / 2, height / 2],
        "position": [[key.frame, [_px(line.width / 2 + key.x), _px(line.height / 2 + key.y)]] for key in keys],
        "scale": [[frame, [_px(scale), _px(scale)]] for frame, scale in scales],
        "crop": [[key.frame, _mask(key, width, height)] for key in keys] if trimmed else None,
    }


def _mask(key: Key, width: int, height: int) -> list[float]:
    """Left, top, right and bottom of what is shown, in pixels of the file."""
    sides = (key.left * width, key.top * height, width * (1 - key.right), height * (1 - key.bottom))
    return [_px(side) for side in sides]


def _still(line: Timeline, still: Still) -> dict[str, Any]:
    key = Key(0, still.x, still.y, still.shown_width, still.shown_width * still.height / still.width)
    return {
        "file": still.name,
        "name": still.name,
        "note": "",
        "label": 0,
        "start": still.start,
        "end": still.end,
        "source": 0,
        "blur": 0,
        "opacity": _px(still.opacity * 100),
        "audible": False,
        "levels": None,
        **_transform(line, (key,), still.width, still.height),
    }


def _sound(bed: Bed) -> dict[str, Any]:
    return {
        "file": bed.sound,
        "name": bed.sound,
        "note": "",
        "label": 0,
        "start": bed.start,
        "end": bed.end,
        "source": _seconds(bed.source),
        "levels": _levels(bed.levels),
    }


def _levels(levels: Sequence[Level]) -> list[Any] | None:
    return [[level.frame, [float(decibels(level.gain))] * 2] for level in levels] or None


def _title(line: Timeline, title: Title) -> dict[str, Any]:
    style = title.style
    return {
        "text": title.text.replace("\r\n", "\r").replace("\n", "\r"),
        "name": " ".join(title.text.split())[:80],
        "role": title.role,
        "label": _label(line, title.speaker),
        "start": title.start,
        "end": title.end,
        "font": style.font.postscript,
        "size": _px(style.size),
        "color": [_px(part) for part in style.color[:3]],
        "stroke": _px(style.stroke),
        "strokeColor": [_px(part) for part in style.stroke_color[:3]],
        "middle": _px(style.middle),
    }


def _label(line: Timeline, speaker: str | None) -> int:
    return LABELS[line.speakers.index(speaker) % len(LABELS)] if speaker in line.speakers else 0


def _px(value: float) -> float:
    return round(value, 6)


def _seconds(value: Fraction) -> float:
    return float(value)
