"""Formats SRT and WebVTT files, with times of the rendered clip.

Cues do not depend on the caption style. They have at most two lines of 42 columns, the usual limits of broadcasters and
streaming services. A wide (East Asian) character counts as two columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec

from carmic_assets.captions.line_breaking import LineItem, LineLimits, break_screens
from carmic_assets.captions.phrases import split_phrases
from carmic_assets.captions.unicode_text import needs_space, split_graphemes
from carmic_assets.captions.word_timing import OutputClock, Token, join_tokens, tokenize_words
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.speech import Word

LIMITS = LineLimits(max_width=42.0, max_lines=2, max_words_per_line=99, max_words=99, max_duration_s=6.5)


class Cue(msgspec.Struct, frozen=True):
    """One subtitle: a screen of the caption pipeline as text, with times on the output clock."""

    start_s: float
    end_s: float
    lines: list[str]


def build_cues(edit: Edit) -> list[Cue]:
    """Return the cues of a clip, in order and without overlap."""
    return build_word_cues(edit.words, edit.kept_spans, edit.duration_s)


def build_word_cues(words: Sequence[Word], kept_spans: Sequence[Span], duration_s: float) -> list[Cue]:
    """Return the cues of words; the arguments are those of `tokenize_words`."""
    output_s = OutputClock(kept_spans or (Span(0.0, duration_s),)).duration_s
    tokens = tokenize_words(words, kept_spans, duration_s)
    phrases = [_measure_columns(phrase) for phrase in split_phrases(tokens)]
    return [
        Cue(
            screen.start_s,
            screen.end_s,
            [join_tokens([(token, token.text) for item in line for token in item.tokens]) for line in screen.lines],
        )
        for screen in break_screens(phrases, LIMITS, output_s)
        if round(screen.end_s * 1000) > round(screen.start_s * 1000)
    ]


def format_srt(edit: Edit) -> str:
    """Return the clip's subtitles as SubRip text, to be encoded as UTF-8 without a byte order mark."""
    return format_srt_cues(build_cues(edit))


def format_srt_cues(cues: Sequence[Cue]) -> str:
    """Return cues as SubRip text."""
    blocks = [
        f"{number}\n{_format_time(cue.start_s, ',')} --> {_format_time(cue.end_s, ',')}\n"
        + "\n".join(_escape_srt(line) for line in cue.lines)
        + "\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def format_vtt(edit: Edit) -> str:
    """Return the clip's subtitles as WebVTT (W3C). `&`, `<` and `>` are escaped, so no cue can contain `-->`."""
    blocks = ["WEBVTT\n"]
    for number, cue in enumerate(build_cues(edit), 1):
        text = "\n".join(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in cue.lines)
        blocks.append(f"{number}\n{_format_time(cue.start_s, '.')} --> {_format_time(cue.end_s, '.')}\n{text}\n")
    return "\n".join(blocks)


def _escape_srt(line: str) -> str:
    # SRT has no escape sequences, and players interpret tags such as <i> and {\an8}. Look-alike characters replace the
    # characters that start a tag or an arrow.
    return line.replace("-->", "→").replace("<", "‹").replace(">", "›").replace("{\\", "{\u2060\\")


def _measure_columns(phrase: Sequence[Token]) -> list[LineItem]:
    """Return the line items of a phrase, with widths in columns."""
    items: list[LineItem] = []
    previous_text = ""
    for token in phrase:
        width = float(_count_columns(token.text))
        if token.joins_previous and items:
            items[-1].tokens.append(token)
            items[-1].texts.append(token.text)
            items[-1].width += width
        else:
            has_gap = bool(previous_text) and token.starts_word and needs_space(previous_text, token.text)
            item = LineItem([token], [token.text], [None], width, space_before=1.0 if has_gap else 0.0)
            items += _split_item(item)
        previous_text = token.text
    return items


def _split_item(item: LineItem) -> list[LineItem]:
    """Return the item itself, or its parts if it is wider than a line."""
    if item.width <= LIMITS.max_width:
        return [item]
    token, clusters = item.tokens[0], split_graphemes(item.texts[0])
    # Wide characters have two columns; the text counts as wide if most of its characters are.
    columns_per_character = 2 if item.width > len(clusters) * 1.5 else 1
    size = int(LIMITS.max_width) // columns_per_character
    parts = ["".join(clusters[i : i + size]) for i in range(0, len(clusters), size)]
    part_duration_s = (token.end_s - token.start_s) / len(parts)
    return [
        LineItem(
            [
                Token(
                    part,
                    token.start_s + index * part_duration_s,
                    token.start_s + (index + 1) * part_duration_s,
                    token.word_index,
                    starts_word=token.starts_word and index == 0,
                    speaker=token.speaker,
                )
            ],
            [part],
            [None],
            float(_count_columns(part)),
            space_before=item.space_before if index == 0 else 0.0,
        )
        for index, part in enumerate(parts)
    ]


def _count_columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _format_time(seconds: float, decimal_mark: str) -> str:
    """Return `HH:MM:SS`, the decimal mark and milliseconds."""
    total_ms = round(seconds * 1000)
    minutes, rest_ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest_ms // 1000:02d}{decimal_mark}{rest_ms % 1000:03d}"
