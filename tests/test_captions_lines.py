"""Where captions and their lines break, word timing, subtitle files and suggested reactions."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from captions_support import TALK, make_edit, time_words
from carmic_assets.captions.caption_track import list_caption_events, write_ass
from carmic_assets.captions.reactions import MIN_INTERVAL_S, suggest_reactions
from carmic_assets.captions.subtitles import format_srt, format_vtt
from carmic_assets.captions.unicode_text import apply_case, split_word
from carmic_assets.model.edit import Span
from carmic_assets.model.speech import Word


@pytest.fixture(scope="module")
def font_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


def test_captions_break_at_sentences_pauses_and_speakers(font_cache: Path) -> None:
    words = [
        *time_words("That is it. Now we", 0.2, "A"),
        *time_words("start over", 4.0, "A"),
        *time_words("No way", 5.1, "B"),
    ]
    texts = [e.text.replace("\n", " ") for e in list_caption_events(make_edit(words), font_cache)]
    assert texts == ["THAT IS IT.", "NOW WE", "START OVER", "NO WAY"]


def test_no_line_ends_with_a_function_word_where_another_break_fits(font_cache: Path) -> None:
    for preset in ("MINIMAL", "KARAOKE", "BUBBLE", "DEFAULT"):
        lines = [
            line
            for e in list_caption_events(make_edit(TALK, preset=preset), font_cache)
            for line in e.text.lower().split("\n")
        ]
        assert not [line for line in lines if line.split()[-1] in ("a", "the", "of", "to", "and")], preset


def test_captions_do_not_overlap_and_last_as_long_as_their_words(font_cache: Path) -> None:
    for preset in ("HORMOZI", "IMPACT", "KARAOKE"):
        events = list_caption_events(make_edit(TALK, preset=preset), font_cache)
        assert all(a.end_s <= b.start_s for a, b in pairwise(events))
        for event in events:
            assert event.start_s == event.words[0].start_s
            assert event.words[-1].end_s <= event.end_s + 1e-3
            assert all(a.end_s <= b.start_s + 1e-3 for a, b in pairwise(event.words))
        assert " ".join(w.text for e in events for w in e.words) == apply_case(
            TALK, "upper" if preset != "KARAOKE" else "as spoken", "en"
        )


def test_lines_per_screen_limits_the_lines(font_cache: Path) -> None:
    for lines in (1, 2, 3):
        events = list_caption_events(make_edit(TALK, {"linesPerScreen": lines}, preset="KARAOKE"), font_cache)
        assert max(e.text.count("\n") + 1 for e in events) == lines
    assert list_caption_events(make_edit(TALK, {"linesPerScreen": "auto"}), font_cache)


def test_chinese_breaks_between_characters_but_not_before_a_full_stop() -> None:
    fragments = [f.text for f in split_word("我喜欢吃苹果，但是「你好」。")]
    assert "".join(fragments) == "我喜欢吃苹果，但是「你好」。"
    assert not [f for f in fragments if f[0] in "，。」" or f[-1] in "「"]
    assert [f.text for f in split_word("great🔥🔥wow")] == ["great", "🔥", "🔥", "wow"]
    assert [f.text for f in split_word("👩‍💻")] == ["👩‍💻"]


def test_words_in_any_order_and_with_overlapping_times_are_shown_in_order(font_cache: Path) -> None:
    words = [
        Word("later", 2.0, 2.4, 1.0),
        Word("now", 0.5, 3.0, 1.0),
        Word("  ", 0.6, 0.7, 1.0),
        Word("x y", 0.1, 0.1, 1.0),
    ]
    events = list_caption_events(make_edit(words, duration_s=4.0), font_cache)
    assert [w.text for e in events for w in e.words] == ["X", "Y", "NOW", "LATER"]
    assert all(a.end_s <= b.start_s for a, b in pairwise(events))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([("a", 0.5, 0.5), ("b", 0.5, 0.5), ("c", 0.6, 0.6)], "A B C"),
        ([("c", 1.2, 1.5), ("a", 0.1, 1.4), ("b", 0.4, 0.9)], "A B C"),
        ([("   ", 0.1, 0.5), ("\u200b", 0.6, 1.0), ("", 1.0, 1.2)], ""),
        ([("late", 5, 6)], ""),
        ([("before", -0.9, -0.2), ("half", -0.1, 0.3), ("in", 1.6, 1.9), ("after", 2.1, 2.4)], "HALF IN"),
        ([("🔥", 0.1, 0.5), ("💯", 0.6, 1.0)], "🔥 💯"),
        ([("a\x00b\x1bc", 0.1, 0.9)], "A B C"),
        ([("a\ud800b", 0.1, 0.9)], "A B"),
        ([("x" * 10_000, 0.1, 1.5)], "X" * 10_000),
        ([("word " * 10_000, 0.1, 1.5)], None),
        ([("w", 0.1, 0.1)] * 10_000, None),
        ([("a" + "\u0301" * 500, 0.1, 0.9)], None),
        ([], ""),
    ],
)
def test_words_of_any_kind_are_shown_or_left_out(
    words: list[tuple[str, float, float]], expected: str | None, tmp_path: Path, font_cache: Path
) -> None:
    edit = make_edit([Word(text, a, b, 1.0) for text, a, b in words], duration_s=2.0)
    track = write_ass(edit, tmp_path, font_cache)
    if expected is not None:
        # Spaces are ignored: where lines break is not tested here.
        assert "".join("".join(c.text for c in track.captions).split()) == "".join(expected.split())
    assert all(0 <= c.start_s < c.end_s <= 2.0 for c in track.captions)
    for text in (format_srt(edit), format_vtt(edit), Path(track.ass_path).read_text()):
        text.encode()  # fails on a lone surrogate


def test_subtitle_files_are_valid_and_escaped(font_cache: Path) -> None:
    text = "Tom & Jerry <i>said</i> a --> b {\\an8} ok. " + TALK
    edit = make_edit(text, kept_spans=[Span(0.0, 3.0), Span(4.0, 60.0)], duration_s=60.0)
    timestamp = r"\d\d:\d\d:\d\d,\d{3}"
    blocks = format_srt(edit).strip().split("\n\n")
    for number, block in enumerate(blocks, 1):
        cue_number, times, *lines = block.split("\n")
        assert cue_number == str(number) and re.fullmatch(f"{timestamp} --> {timestamp}", times)
        assert 1 <= len(lines) <= 2 and all(0 < len(line.replace("\u2060", "")) <= 42 for line in lines)
        assert not re.search(r"<|>|\{\\an", "".join(lines))
    webvtt = format_vtt(edit)
    assert webvtt.startswith("WEBVTT\n\n") and "&amp;" in webvtt and "&lt;i&gt;" in webvtt
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}$", webvtt, re.M)) == len(blocks)
    cues = re.findall(rf"({timestamp}) --> ({timestamp})", format_srt(edit))
    assert all(a[1] <= b[0] and a[0] < a[1] for a, b in pairwise(cues))
    assert format_srt(make_edit([])) == "" and format_vtt(make_edit([])) == "WEBVTT\n"


def test_reactions_follow_the_words_in_several_languages() -> None:
    reactions = suggest_reactions(
        time_words("We made a million dollars and we love it. Then the rocket launched, so funny, really.")
    )
    assert reactions[0].emoji == "💰" and reactions[0].speaker == "A"
    assert all(b.start_time - a.start_time >= MIN_INTERVAL_S for a, b in pairwise(reactions))
    for text, emoji in (("viel Geld", "💰"), ("mi corazón", "❤️"), ("приносит деньги", "💰"), ("la musique", "🎵")):
        assert [e.emoji for e in suggest_reactions(time_words(text))] == [emoji]
    assert suggest_reactions(time_words("nothing of the kind")) == []
