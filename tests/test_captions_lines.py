"""Words are grouped as a reader would group them; subtitle files are valid and say what was said."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from captions_support import TALK, edit, spoken
from carmic_assets.captions.caption_track import caption_events, write_ass
from carmic_assets.captions.reactions import APART_S, emoji_fill
from carmic_assets.captions.subtitles import srt, vtt
from carmic_assets.captions.tokens import in_case, pieces
from carmic_assets.model.edit import Span
from carmic_assets.model.speech import Word


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


def test_captions_break_at_sentences_pauses_and_speakers(cache: Path) -> None:
    words = [*spoken("That is it. Now we", 0.2, "A"), *spoken("start over", 4.0, "A"), *spoken("No way", 5.1, "B")]
    texts = [e.text.replace("\n", " ") for e in caption_events(edit(words), cache)]
    assert texts == ["THAT IS IT.", "NOW WE", "START OVER", "NO WAY"]


def test_no_line_ends_on_a_little_word_where_another_break_fits(cache: Path) -> None:
    for preset in ("MINIMAL", "KARAOKE", "BUBBLE", "DEFAULT"):
        lines = [line for e in caption_events(edit(TALK, preset=preset), cache) for line in e.text.lower().split("\n")]
        assert not [line for line in lines if line.split()[-1] in ("a", "the", "of", "to", "and")], preset


def test_captions_never_overlap_and_cover_their_words(cache: Path) -> None:
    for preset in ("HORMOZI", "IMPACT", "KARAOKE"):
        events = caption_events(edit(TALK, preset=preset), cache)
        assert all(a.end_s <= b.start_s for a, b in pairwise(events))
        for event in events:
            assert event.start_s == event.words[0].start_s
            assert event.words[-1].end_s <= event.end_s + 1e-3
            assert all(a.end_s <= b.start_s + 1e-3 for a, b in pairwise(event.words))
        assert " ".join(w.text for e in events for w in e.words) == in_case(
            TALK, "upper" if preset != "KARAOKE" else "as spoken", "en"
        )


def test_lines_per_screen_is_obeyed(cache: Path) -> None:
    for lines in (1, 2, 3):
        events = caption_events(edit(TALK, {"linesPerScreen": lines}, preset="KARAOKE"), cache)
        assert max(e.text.count("\n") + 1 for e in events) == lines
    assert caption_events(edit(TALK, {"linesPerScreen": "auto"}), cache)


def test_scripts_without_spaces_break_by_letter_and_not_before_a_full_stop() -> None:
    cut = [p.text for p in pieces("我喜欢吃苹果，但是「你好」。")]
    assert "".join(cut) == "我喜欢吃苹果，但是「你好」。"
    assert not [p for p in cut if p[0] in "，。」" or p[-1] in "「"]
    assert [p.text for p in pieces("great🔥🔥wow")] == ["great", "🔥", "🔥", "wow"]
    assert [p.text for p in pieces("👩‍💻")] == ["👩‍💻"]


def test_edited_words_in_any_order_and_with_any_times_are_shown_in_order(cache: Path) -> None:
    words = [
        Word("later", 2.0, 2.4, 1.0),
        Word("now", 0.5, 3.0, 1.0),
        Word("  ", 0.6, 0.7, 1.0),
        Word("x y", 0.1, 0.1, 1.0),
    ]
    events = caption_events(edit(words, duration_s=4.0), cache)
    assert [w.text for e in events for w in e.words] == ["X", "Y", "NOW", "LATER"]
    assert all(a.end_s <= b.start_s for a, b in pairwise(events))


@pytest.mark.parametrize(
    ("words", "shown"),
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
def test_words_of_any_kind_are_set_or_left_out(words, shown, tmp_path: Path, cache: Path) -> None:
    made = edit([Word(text, a, b, 1.0) for text, a, b in words], duration_s=2.0)
    track = write_ass(made, tmp_path, cache)
    if shown is not None:
        assert "".join("".join(c.text for c in track.captions).split()) == "".join(shown.split())
    assert all(0 <= c.start_s < c.end_s <= 2.0 for c in track.captions)
    for text in (srt(made), vtt(made), Path(track.ass_path).read_text()):
        text.encode()  # no lone surrogate is left


def test_subtitle_files_are_valid_and_escaped(cache: Path) -> None:
    text = "Tom & Jerry <i>said</i> a --> b {\\an8} ok. " + TALK
    made = edit(text, keeps=[Span(0.0, 3.0), Span(4.0, 60.0)], duration_s=60.0)
    stamp = r"\d\d:\d\d:\d\d,\d{3}"
    blocks = srt(made).strip().split("\n\n")
    for number, block in enumerate(blocks, 1):
        head, times, *lines = block.split("\n")
        assert head == str(number) and re.fullmatch(f"{stamp} --> {stamp}", times)
        assert 1 <= len(lines) <= 2 and all(0 < len(line.replace("\u2060", "")) <= 42 for line in lines)
        assert not re.search(r"<|>|\{\\an", "".join(lines))
    web = vtt(made)
    assert web.startswith("WEBVTT\n\n") and "&amp;" in web and "&lt;i&gt;" in web
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}$", web, re.M)) == len(blocks)
    cues = re.findall(rf"({stamp}) --> ({stamp})", srt(made))
    assert all(a[1] <= b[0] and a[0] < a[1] for a, b in pairwise(cues))
    assert srt(edit([])) == "" and vtt(edit([])) == "WEBVTT\n"


def test_reactions_follow_the_words_in_several_languages() -> None:
    found = emoji_fill(spoken("We made a million dollars and we love it. Then the rocket launched, so funny, really."))
    assert found[0].emoji == "💰" and found[0].speaker == "A"
    assert all(b.start_time - a.start_time >= APART_S for a, b in pairwise(found))
    for text, emoji in (("viel Geld", "💰"), ("mi corazón", "❤️"), ("приносит деньги", "💰"), ("la musique", "🎵")):
        assert [e.emoji for e in emoji_fill(spoken(text))] == [emoji]
    assert emoji_fill(spoken("nothing of the kind")) == []
