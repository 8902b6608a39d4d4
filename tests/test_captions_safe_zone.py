"""Captions of any text and style stay inside the safe zone, complete, and their lines do not overlap."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captions_support import TALK, ink_mask, make_edit, mask_bounds, render_frames
from carmic_assets.captions.caption_styles import STYLE_PRESETS
from carmic_assets.captions.caption_track import CaptionTrack, list_caption_events, write_ass
from carmic_assets.captions.safe_zone import compute_safe_zone
from carmic_assets.model.direction import CANVAS_SIZES
from carmic_assets.model.edit import FaceBox
from carmic_assets.model.speech import Word

TEXT = (
    "I we to go this that money because everybody Straßenbahn İstanbul naïve ÅNGSTRÖM jjjgggyyy "
    "Donaudampfschifffahrtsgesellschaft antidisestablishmentarianism supercalifragilisticexpialidocious "
    "مرحبا بكم الذكاء الاصطناعي؟ שלום לכולם עִבְרִית नमस्ते दोस्तों प्रौद्योगिकी สวัสดีครับ น้ำแข็ง ສະບາຍດີ "
    "我们今天来谈谈人工智能的未来发展，以及它如何改变世界。 今日は いい天気ですね！ 안녕하세요 여러분 "
    "ភាសាខ្មែរ தமிழ் తెలుగు বাংলা Привет Ελληνικά გამარჯობა Հայերեն Z̶̧̛̗͑a̴͓̐l̵̰̈́g̸̟͌o̶̬͐ "
    "e\u0301\u0302\u0303\u0304 🔥 👩\u200d💻 great🚀 ❤️ 1,000,000 {curly} \\N a\\b"
)
WORDS = [*TEXT.split(), "x" * 200, "WM" * 60, "字" * 90]
FONTS = ["Inter", "Anton", "Montserrat", "Poppins", "Bebas Neue", "Oswald", "Roboto", "Noto Sans"]
ANIMATIONS = ["none", "pop", "fade", "slide", "bounce", "karaoke", "typewriter"]
CSS_COLOURS = ["#ffffff", "#FFD700", "rgb(255, 40, 40)", "rgba(0,0,0,0.6)", "hotpink", "#0f0", "rgba(255,255,255,0.9)"]
STYLES = {
    "captionFont": st.sampled_from(FONTS),
    "fontSize": st.one_of(st.floats(8, 400), st.floats(40, 140)),
    "lineHeight": st.floats(0.5, 4),
    "strokeThickness": st.floats(0, 40),
    "captionColor": st.sampled_from(CSS_COLOURS),
    "highlightColor": st.sampled_from(CSS_COLOURS),
    "dropShadow": st.booleans(),
    "shadowIntensity": st.floats(0, 100),
    "uppercase": st.booleans(),
    "captionPosition": st.sampled_from(["top", "middle", "bottom", "custom"]),
    "yAxisCustomPct": st.floats(0, 100),
    "linesPerScreen": st.one_of(st.integers(1, 6), st.just("auto")),
    "animationStyle": st.sampled_from(ANIMATIONS),
    "animationIntensity": st.floats(0, 100),
    "captionBg": st.sampled_from(["rgba(0,0,0,0)", "rgba(255,255,255,0.9)", "#123456"]),
}
CASES = st.fixed_dictionaries(
    {
        "words": st.lists(st.sampled_from(WORDS), min_size=1, max_size=7),
        "style": st.fixed_dictionaries(STYLES),
        "preset": st.sampled_from(list(STYLE_PRESETS)),
        "aspect": st.sampled_from(list(CANVAS_SIZES)),
    }
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def write_case(case: dict[str, Any], folder: Path, cache: Path) -> CaptionTrack:
    edit = make_edit(" ".join(case["words"]), case["style"], case["preset"], CANVAS_SIZES[case["aspect"]])
    return write_ass(edit, folder, cache)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(case=CASES)
def test_layout_stays_in_the_safe_zone_and_lines_do_not_overlap(case: dict[str, Any], cache: Path) -> None:
    track = write_case(case, cache / "one", cache)
    zone = compute_safe_zone(*CANVAS_SIZES[case["aspect"]])
    assert track.captions, "every text gives at least one caption"
    for before, after in pairwise(track.captions):
        assert before.end_s <= after.start_s + 1e-9
    for caption in track.captions:
        assert caption.font_px > 0
        assert zone.x - 0.5 <= caption.box[0] and caption.box[2] <= zone.right + 0.5
        assert zone.y - 0.5 <= caption.box[1] and caption.box[3] <= zone.bottom + 0.5
        ink_ranges = []
        for line in caption.lines:
            drawn = [p for p in line if p.metrics]
            for placed in drawn:
                metrics = placed.metrics
                assert zone.x - 0.5 <= placed.x + metrics.left * caption.font_px
                assert placed.x + metrics.right * caption.font_px <= zone.right + 0.5
            top = min(
                (p.y - p.metrics.top * caption.font_px for p in drawn), default=line[0].y - 0.92 * caption.font_px
            )
            bottom = max(
                (p.y + p.metrics.bottom * caption.font_px for p in drawn), default=line[0].y + 0.2 * caption.font_px
            )
            ink_ranges.append((top, bottom))
        assert all(bottom <= top + 0.01 for (_, bottom), (top, _) in pairwise(ink_ranges))
        assert zone.y - 0.5 <= ink_ranges[0][0] and ink_ranges[-1][1] <= zone.bottom + 0.5
    for overlay in track.overlays:
        assert zone.x - 0.5 <= overlay.x and overlay.x + overlay.size <= zone.right + 0.5
        assert zone.y - 0.5 <= overlay.y and overlay.y + overlay.size <= zone.bottom + 0.5


def random_case(source: random.Random) -> dict[str, Any]:
    style = {
        "captionFont": source.choice(FONTS),
        "fontSize": source.choice([9, 30, 54, 72, 96, 150, 400]) * source.uniform(0.9, 1.0),
        "lineHeight": source.uniform(0.5, 4),
        "strokeThickness": source.choice([0, 2, 6, 12, 40]),
        "captionColor": source.choice(CSS_COLOURS),
        "highlightColor": source.choice(CSS_COLOURS),
        "dropShadow": source.random() < 0.7,
        "shadowIntensity": source.uniform(0, 100),
        "uppercase": source.random() < 0.5,
        "captionPosition": source.choice(["top", "middle", "bottom", "custom"]),
        "yAxisCustomPct": source.uniform(0, 100),
        "linesPerScreen": source.choice([1, 2, 3, 6, "auto"]),
        "animationStyle": source.choice(ANIMATIONS),
        "animationIntensity": source.uniform(0, 100),
        "captionBg": source.choice(["rgba(0,0,0,0)", "rgba(0,0,0,0)", "rgba(255,255,255,0.9)"]),
    }
    words = [source.choice(WORDS) for _ in range(source.randint(1, 6))]
    return {"words": words, "style": style, "preset": source.choice(list(STYLE_PRESETS)), "aspect": ""}


@pytest.mark.rare
@pytest.mark.parametrize("aspect", list(CANVAS_SIZES))
def test_rendered_pixels_stay_in_the_safe_zone(aspect: str, tmp_path: Path, cache: Path) -> None:
    """Fifty random captions per canvas, one every four seconds of one script, each rendered at five times."""
    source, size, shrink, slot_s, count = random.Random(f"captions {aspect}"), CANVAS_SIZES[aspect], 2, 4.0, 50
    times_s = (0.02, 0.1, 0.24, 0.5, 1.0)
    styles, events, cases, fonts = "", [], [], tmp_path / "fonts"
    fonts.mkdir()
    for number in range(count):
        case = random_case(source) | {"aspect": aspect}
        track = write_case(case, tmp_path / "one", cache)
        for file in Path(track.fonts_dir).iterdir():
            if not (fonts / file.name).exists():
                (fonts / file.name).hardlink_to(file)
        caption = source.choice(track.captions)
        cases.append((case, caption.text))
        for line in Path(track.ass_path).read_text().splitlines():
            if line.startswith("Style: "):
                styles += line.replace("Style: Caption", f"Style: N{number}") + "\n"
            if line.startswith("Dialogue: "):
                layer, start, end, style, rest = line.removeprefix("Dialogue: ").split(",", 4)
                begin_s = parse_timestamp(start) - caption.start_s
                if -0.011 <= begin_s < caption.end_s - caption.start_s - 0.011:
                    end_s = min(parse_timestamp(end) - caption.start_s, slot_s) + number * slot_s
                    name = style.replace("Caption", f"N{number}")
                    shifted = f"{format_timestamp(max(0.0, begin_s) + number * slot_s)},{format_timestamp(end_s)}"
                    events.append(f"Dialogue: {layer},{shifted},{name},{rest}")
    script = tmp_path / "all.ass"
    header, _, tail = Path(track.ass_path).read_text().partition("Style: Caption")
    events_header = "[Events]" + tail.partition("[Events]")[2].partition("Dialogue:")[0]
    script.write_text(f"{header}{styles}\n{events_header}" + "\n".join(events) + "\n")
    frames, log = render_frames(script, fonts, times_s, size, shrink, fps=50, repeat=(slot_s, count))
    assert len(frames) == count * len(times_s)
    zone, frames_with_ink = compute_safe_zone(*size), 0
    for number, frame in enumerate(frames):
        box = mask_bounds(ink_mask(frame))
        if box is not None:
            frames_with_ink += 1
            left, top, right, bottom = (v * shrink for v in box)
            case = cases[number // len(times_s)]
            assert left >= zone.x - shrink and right <= zone.right + shrink, (box, case)
            assert top >= zone.y - shrink and bottom <= zone.bottom + shrink, (box, case)
    assert frames_with_ink >= 0.6 * len(frames)
    assert "fontselect: failed" not in log and "Glyph 0x" not in log


def test_rendered_ink_is_where_it_was_measured(tmp_path: Path, cache: Path) -> None:
    """The metrics agree with libass to a pixel, in every script."""
    plain = {"animationStyle": "none", "dropShadow": False, "strokeThickness": 0, "uppercase": False}
    for word in ("Wave", "fjord", "عن", "שלום,", "नमस्ते", "น้ำ", "中文", "한국어", "ÅŹ", "A\u0301\u0302"):
        track = write_ass(
            make_edit([Word(word, 0.1, 0.9, 1.0)], plain | {"highlightColor": "#ffffff"}), tmp_path, cache
        )
        frames, _ = render_frames(track.ass_path, track.fonts_dir, [0.5], (1080, 1920), background="black")
        box = mask_bounds(ink_mask(frames[0], (0, 0, 0), 60))
        placed = [p for line in track.captions[0].lines for p in line]
        em = track.captions[0].font_px
        assert box is not None
        assert abs(box[1] - min(p.y - p.metrics.top * em for p in placed)) < 1.6, word
        assert abs(box[3] - max(p.y + p.metrics.bottom * em for p in placed)) < 1.6, word
        middle = (placed[0].x + placed[-1].x + placed[-1].width) / 2
        assert abs((box[0] + box[2]) / 2 - middle) < 0.12 * em, word


def test_ten_thousand_words_are_laid_out_without_overlap(tmp_path: Path, cache: Path) -> None:
    track = write_ass(make_edit([Word("word " * 10_000, 0.0, 60.0, 1.0)], duration_s=60.0), tmp_path, cache)
    assert len(track.captions) > 1000
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(track.captions))


def test_font_size_is_the_same_for_the_whole_clip(tmp_path: Path, cache: Path) -> None:
    """One very long word does not make the other words smaller."""
    text = " ".join(["plain words of a talk"] * 10) + " Donaudampfschifffahrtsgesellschaftskapitän"
    sizes = [c.font_px for c in write_ass(make_edit(text), tmp_path, cache).captions]
    assert sizes.count(72.0) >= len(sizes) - 1


def test_line_height_is_the_distance_of_the_baselines(tmp_path: Path, cache: Path) -> None:
    for height in (1.1, 1.5, 2.5):
        captions = write_ass(make_edit(style={"lineHeight": height}), tmp_path, cache).captions
        pitches = {round((b[0].y - a[0].y) / c.font_px, 3) for c in captions for a, b in pairwise(c.lines)}
        assert pitches == {height}


def test_custom_position_is_the_centre_of_the_caption(tmp_path: Path, cache: Path) -> None:
    plain = {"animationStyle": "none", "dropShadow": False, "captionPosition": "custom"}
    for percent in (30, 50, 62.5):
        track = write_ass(make_edit("HELLO HELLO", plain | {"yAxisCustomPct": percent}), tmp_path, cache)
        frames, _ = render_frames(track.ass_path, track.fonts_dir, [0.5], (1080, 1920))
        box = mask_bounds(ink_mask(frames[0]))
        assert box is not None
        assert abs((box[1] + box[3]) / 2 - 19.2 * percent) <= 3


def parse_timestamp(text: str) -> float:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def format_timestamp(t: float) -> str:
    hundredths = round(t * 100)
    return f"{hundredths // 360000}:{hundredths // 6000 % 60:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


@pytest.mark.parametrize("position", ["bottom", "top", "middle"])
@pytest.mark.parametrize(
    "face",
    [(140, 300, 800, 1100), (340, 1150, 420, 420), (300, 160, 480, 560), (340, 700, 400, 500)],
    ids=["close-up", "low", "high", "middle"],
)
def test_captions_never_lie_on_the_eyes_or_the_mouth(
    cache: Path, position: str, face: tuple[int, int, int, int]
) -> None:
    x, y, w, h = face
    faces = [FaceBox(t / 5, (t + 1) / 5, x, y + t % 5, w, h, "A") for t in range(60)]
    edit = make_edit(TALK, style={"captionPosition": position}, faces=faces)
    zone = compute_safe_zone(edit.width, edit.height)
    events = [event for event in list_caption_events(edit, cache) if event.kind == "caption"]
    assert events
    for event in events:
        _, top, _, bottom = event.box
        assert bottom <= y + 0.2 * h + 6 or top >= y + 0.95 * h - 1
        assert zone.y - 1 <= top and bottom <= zone.bottom + 1
    assert max(event.middle for event in events) - min(event.middle for event in events) < 1.5 * events[0].size


def test_a_caption_position_that_the_client_set_itself_stays(cache: Path) -> None:
    style = {"captionPosition": "custom", "yAxisCustomPct": 50}
    faces = [FaceBox(0.0, 20.0, 240, 660, 600, 600, "A")]
    events = list_caption_events(make_edit(TALK, style=style, faces=faces), cache)
    assert [event.middle for event in events] == pytest.approx([960] * len(events), abs=60)
