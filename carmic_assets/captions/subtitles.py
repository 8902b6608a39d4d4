"""SRT and WebVTT beside the MP4, on the output clock: for reading, so grouped for reading, whatever the picture shows.

42 columns and two lines, as broadcasters and streaming services ask for; wide letters count two columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from carmic_assets.captions.line_breaking import Limits, Unit, break_lines, phrases, screens, shown
from carmic_assets.captions.placement import joined
from carmic_assets.captions.tokens import graphemes, spaced
from carmic_assets.captions.word_timing import OutputClock, Token, spoken
from carmic_assets.model.edit import Edit, Span

LIMITS = Limits(room=42.0, lines=2, words_per_line=99, words=99, span_s=6.5)

Cue = tuple[float, float, list[str]]


def cues(edit: Edit) -> list[Cue]:
    """Start, end (output clock) and lines of each subtitle, in order, none overlapping."""
    duration = OutputClock(edit.keeps or (Span(0.0, edit.duration_s),)).duration_s
    tokens = spoken(edit.words, edit.keeps, edit.duration_s)
    groups = [g for phrase in phrases(tokens) for g in screens(_units(phrase), LIMITS)]
    found: list[Cue] = []
    for group, (start, end) in zip(groups, shown(groups, duration), strict=True):
        if round(end * 1000) > round(start * 1000):
            lines = break_lines(group, LIMITS)
            found.append((start, end, [joined([(t, t.text) for u in line for t in u.tokens]) for line in lines]))
    return found


def srt(edit: Edit) -> str:
    """The clip's subtitles as SubRip text (UTF-8, no byte order mark)."""
    blocks = [
        f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n" + "\n".join(_srt_line(line) for line in lines) + "\n"
        for number, (start, end, lines) in enumerate(cues(edit), 1)
    ]
    return "\n".join(blocks)


def vtt(edit: Edit) -> str:
    """The clip's subtitles as WebVTT (W3C, with `&`, `<` and `>` escaped, which also keeps `-->` out of a cue)."""
    blocks = ["WEBVTT\n"]
    for number, (start, end, lines) in enumerate(cues(edit), 1):
        text = "\n".join(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines)
        blocks.append(f"{number}\n{_time(start, '.')} --> {_time(end, '.')}\n{text}\n")
    return "\n".join(blocks)


def _srt_line(line: str) -> str:
    # Players read tags like <i> and {\an8} in SRT and it has no escape: look-alikes stand for what would begin one.
    return line.replace("-->", "→").replace("<", "‹").replace(">", "›").replace("{\\", "{\u2060\\")


def _units(phrase: Sequence[Token]) -> list[Unit]:
    units: list[Unit] = []
    before = ""
    for token in phrase:
        width = float(_columns(token.text))
        if token.glued and units:
            units[-1].tokens.append(token)
            units[-1].texts.append(token.text)
            units[-1].width += width
        else:
            gap = 1.0 if before and token.first and spaced(before, token.text) else 0.0
            units += _split(Unit([token], [token.text], [None], width, space=gap))
        before = token.text
    return units


def _split(unit: Unit) -> list[Unit]:
    """A word longer than a line, cut into lines."""
    if unit.width <= LIMITS.room:
        return [unit]
    token, clusters = unit.tokens[0], graphemes(unit.texts[0])
    size = int(LIMITS.room) // (2 if unit.width > len(clusters) * 1.5 else 1)
    parts = ["".join(clusters[i : i + size]) for i in range(0, len(clusters), size)]
    step = (token.end_s - token.start_s) / len(parts)
    return [
        Unit(
            [
                Token(
                    part,
                    token.start_s + i * step,
                    token.start_s + (i + 1) * step,
                    token.word,
                    first=token.first and i == 0,
                    speaker=token.speaker,
                )
            ],
            [part],
            [None],
            float(_columns(part)),
            space=unit.space if i == 0 else 0.0,
        )
        for i, part in enumerate(parts)
    ]


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _time(seconds: float, mark: str) -> str:
    total = round(seconds * 1000)
    minutes, thousandths = divmod(total, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{thousandths // 1000:02d}{mark}{thousandths % 1000:03d}"
