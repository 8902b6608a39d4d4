"""The effect of each style field on rendered frames: fonts, highlighting, animation, position, emoji, hook title."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from captions_support import TALK, Frame, ink_mask, make_edit, mask_bounds, render_frames
from carmic_assets.captions.caption_styles import STYLE_PRESETS, describe_presets, resolve_style
from carmic_assets.captions.caption_track import CaptionTrack, write_ass
from carmic_assets.captions.colours import Colour, parse_colour
from carmic_assets.captions.font_families import find_family, list_shipped_families
from carmic_assets.captions.fonts import build_face
from carmic_assets.captions.safe_zone import compute_safe_zone
from carmic_assets.captions.style_validation import validate_captions
from carmic_assets.media.file_kinds import describe_file
from carmic_assets.model.edit import FaceBox, MediaFile, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    ElementsConfig,
    Emoji,
    HookTitle,
    StyleConfig,
    TemplateConfig,
)

CANVAS = (1080, 1920)
# In libass's log: the requested family and weight, and the selected font.
FONT_SELECTION = r"fontselect: \((.+?), (\d+), \d+\) -> (\S+),"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def render_frame(track: CaptionTrack, t: float) -> Frame:
    frame: Frame = render_frames(track.ass_path, track.fonts_dir, [t], CANVAS)[0][0]
    return frame


def count_pixels(frame: Frame, colour: str) -> int:
    """The number of pixels of a colour, within 6 levels of each channel."""
    c = parse_colour(colour)
    return int((np.abs(frame.astype(int) - [c.r, c.g, c.b]).max(axis=2) <= 6).sum())


def test_the_seven_styles_differ_and_each_is_drawn_in_its_own_font(tmp_path: Path, cache: Path) -> None:
    looks = set()
    for name, preset in STYLE_PRESETS.items():
        track = write_ass(make_edit(preset=name), tmp_path, cache)
        frames, log = render_frames(track.ass_path, track.fonts_dir, [1.32], CANVAS)
        assert mask_bounds(ink_mask(frames[0])) is not None
        selections = re.findall(FONT_SELECTION, log)
        assert selections, "libass logs the fonts that it selects"
        font = preset.style.caption_font
        for family, weight, selected in selections:
            prefix, _, face_weight = family.partition(f"{font} ")
            assert (prefix or font) == font and weight == "400"
            assert selected == f"{font.replace(' ', '')}-{face_weight or 400}"
        looks.add((selections[-1][2], preset.style.highlight_color, preset.style.animation_style))
    assert len(looks) == 7
    assert [t["name"] for t in describe_presets()] == list(STYLE_PRESETS)


def test_libass_substitutes_no_font(tmp_path: Path, cache: Path) -> None:
    text = "Hello мир مرحبا שלום नमस्ते สวัสดี 中文 こんにちは 한국어 გამარჯობა → ∑"
    track = write_ass(make_edit(text, {"captionFont": "Anton"}), tmp_path, cache)
    times_s = [(c.start_s + c.end_s) / 2 for c in track.captions]
    _, log = render_frames(track.ass_path, track.fonts_dir, times_s, CANVAS)
    font_files = {Path(p).name for p in Path(track.fonts_dir).iterdir()}
    selections = re.findall(FONT_SELECTION, log)
    assert len(selections) > 6
    for family, weight, selected in selections:
        name, _, face_weight = family.rpartition(" ") if family[-1].isdigit() else (family, "", "400")
        assert (selected, weight) == (f"{name.replace(' ', '')}-{face_weight}", "400")
        assert any(file.startswith(f"{selected}-") for file in font_files)
    assert not track.notes


def test_letters_that_no_font_has_are_noted(tmp_path: Path, cache: Path) -> None:
    track = write_ass(make_edit("hieroglyph 𓀀 here"), tmp_path, cache)
    assert len(track.notes) == 1 and "𓀀" in track.notes[0]
    assert "HERE" in track.captions[0].text


def test_a_word_is_highlighted_from_its_first_frame_to_its_last(tmp_path: Path, cache: Path) -> None:
    words = [Word("one", 0.40, 0.80, 1.0), Word("two", 0.80, 1.36, 1.0), Word("three", 1.60, 2.00, 1.0)]
    for animation in ("none", "pop", "bounce", "slide", "typewriter"):
        style = {"animationStyle": animation, "highlightColor": "#00ff00", "animationIntensity": 40}
        track = write_ass(make_edit(words, style), tmp_path, cache)
        placed = {p.token.text: p for line in track.captions[0].lines for p in line}
        assert set(placed) == {"one", "two", "three"}
        fps = 25
        times_s = [n / fps for n in range(8, 56)]
        frames, _ = render_frames(track.ass_path, track.fonts_dir, times_s, CANVAS, fps=fps)
        for word in words:
            p = placed[word.text]
            crops = frames[:, int(p.y - 1.1 * 72) : int(p.y + 30), int(p.x) : int(p.x + p.width)]
            highlighted_s = [t for t, crop in zip(times_s, crops, strict=True) if count_pixels(crop, "#00ff00") > 150]
            tolerance_s = 0.13 if animation == "typewriter" else 1 / fps + 0.001  # the first letter alone is small
            assert abs(highlighted_s[0] - word.start_s) <= tolerance_s, (animation, word)
            assert abs(highlighted_s[-1] + 1 / fps - word.end_s) <= 1 / fps + 0.001, (animation, word)


def test_karaoke_fills_words_in_their_reading_direction(tmp_path: Path, cache: Path) -> None:
    for text, sign in (("WWWWWW", 1), ("ששששששש", -1)):
        style = {"animationStyle": "karaoke", "highlightColor": "#00ff00"}
        track = write_ass(make_edit([Word(text, 0.4, 1.4, 1.0)], style), tmp_path, cache)
        frames, _ = render_frames(track.ass_path, track.fonts_dir, [0.64, 1.16, 1.5], CANVAS)
        green_masks = [np.abs(f.astype(int) - [0, 255, 0]).max(axis=2) <= 6 for f in frames]
        areas = [int(mask.sum()) for mask in green_masks]
        assert 0 < areas[0] < areas[1] < areas[2]
        centres = [float(np.flatnonzero(mask.any(axis=0)).mean()) for mask in green_masks]
        assert (centres[1] - centres[0]) * sign > 10


def test_ass_markup_in_words_is_shown_literally(tmp_path: Path, cache: Path) -> None:
    """Backslashes, braces and override blocks are shown as letters."""
    plain = {"animationStyle": "none", "uppercase": False, "captionFont": "Roboto"}
    for text in ("{\\pos(0,0)}a", "a\\Nb", "{b}", "\\h", "50%{x", "}{"):
        track = write_ass(make_edit([Word(text, 0.1, 0.9, 1.0)], plain), tmp_path, cache)
        placed = track.captions[0].lines[0][0]
        box = mask_bounds(ink_mask(render_frame(track, 0.5), threshold=60))
        assert box is not None and len(track.captions[0].lines) == 1
        # As wide as HarfBuzz measures exactly these letters.
        assert abs((box[2] - box[0]) - placed.width) < 0.22 * track.captions[0].font_px, text


def test_client_fields_override_the_preset() -> None:
    style = resolve_style(
        TemplateConfig(style=StyleConfig(caption_font="Oswald", font_size=50), caption_style="IMPACT")
    )
    assert (style.fields.caption_font, style.fields.font_size) == ("Oswald", 50)
    assert style.fields.highlight_color == STYLE_PRESETS["IMPACT"].style.highlight_color
    custom_styles = {"Ours": TemplateConfig(style=StyleConfig(highlight_color="#123456"), caption_style="BUBBLE")}
    ours = resolve_style(TemplateConfig(caption_style="Ours"), custom_styles)
    assert (
        ours.fields.highlight_color == "#123456" and ours.fields.caption_bg == STYLE_PRESETS["BUBBLE"].style.caption_bg
    )


def test_an_exact_style_takes_nothing_from_its_caption_style() -> None:
    exact = StyleConfig(exact=True, animation_intensity=60)
    style = resolve_style(TemplateConfig(style=exact, caption_style="HORMOZI"))
    assert style.fields == exact and style.fields.font_size == 72
    assert style.preset.name == "HORMOZI"  # weight and words per line still come from it
    custom_styles = {"Ours": TemplateConfig(style=exact, caption_style="BUBBLE")}
    ours = resolve_style(TemplateConfig(style=StyleConfig(font_size=50), caption_style="Ours"), custom_styles)
    assert (ours.fields.font_size, ours.fields.caption_bg) == (50, StyleConfig().caption_bg)


def test_stroke_shadow_colours_and_box_are_drawn(tmp_path: Path, cache: Path) -> None:
    plain = {"animationStyle": "none", "captionColor": "#ff0000", "highlightColor": "#ff0000"}
    text_only = plain | {"strokeThickness": 0, "dropShadow": False}
    styles = [text_only, text_only | {"strokeThickness": 8}, plain | {"strokeThickness": 8, "shadowIntensity": 100}]
    styles += [text_only | {"dropShadow": True, "shadowIntensity": 100}, text_only | {"captionBg": "rgba(0,0,255,1)"}]
    frames = [render_frame(write_ass(make_edit("HELLO", style), tmp_path, cache), 0.4) for style in styles]
    assert count_pixels(frames[0], "#ff0000") > 3000 and count_pixels(frames[0], "#000000") == 0
    black = [count_pixels(frame, "#000000") for frame in frames]
    assert 2000 < black[1] < black[2]
    assert ink_mask(frames[3]).sum() > 1.5 * ink_mask(frames[0]).sum()
    blue = mask_bounds(np.abs(frames[4].astype(int) - [0, 0, 255]).max(axis=2) <= 6)
    text = mask_bounds(ink_mask(frames[0]))
    assert blue and text and blue[0] < text[0] - 20 and blue[2] > text[2] + 20 and blue[1] < text[1] - 12


def test_font_size_position_and_line_count_follow_the_style(tmp_path: Path, cache: Path) -> None:
    plain = {"animationStyle": "none", "strokeThickness": 0, "dropShadow": False, "captionFont": "Roboto"}

    def box(text: str, **style: object) -> tuple[int, int, int, int]:
        ink_bounds = mask_bounds(
            ink_mask(render_frame(write_ass(make_edit(text, plain | style), tmp_path, cache), 0.4), threshold=60)
        )
        assert ink_bounds is not None
        return ink_bounds

    heights = {size: (b := box("HH", fontSize=size))[3] - b[1] for size in (36, 72, 144)}
    for size, height in heights.items():
        assert height == pytest.approx(0.711 * size, abs=2)  # Roboto's capitals
    zone = compute_safe_zone(*CANVAS)
    top, middle, bottom = (box("HELLO", captionPosition=position) for position in ("top", "middle", "bottom"))
    assert zone.y <= top[1] < zone.y + 72 and zone.bottom - 72 < bottom[3] <= zone.bottom
    assert (middle[1] + middle[3]) / 2 == pytest.approx(960, abs=20)
    for lines in (1, 2, 3):
        track = write_ass(make_edit(TALK, plain | {"linesPerScreen": lines}, preset="KARAOKE"), tmp_path, cache)
        fullest = max(track.captions, key=lambda c: len(c.lines))
        ink = ink_mask(render_frame(track, fullest.end_s - 0.1), threshold=60).any(axis=1)
        rows = np.count_nonzero(np.diff(np.concatenate([[0], ink.astype(int), [0]])) == 1)
        assert rows == len(fullest.lines) == lines


def test_typewriter_shows_letter_after_letter_and_zero_intensity_does_not_move(tmp_path: Path, cache: Path) -> None:
    typewriter = {"animationStyle": "typewriter", "highlightColor": "#00ff00", "captionColor": "#00ff00"}
    track = write_ass(make_edit([Word("MMMMMMMM", 0.4, 1.2, 1.0)], typewriter), tmp_path, cache)
    frames, _ = render_frames(track.ass_path, track.fonts_dir, [0.44, 0.72, 1.0, 1.3], CANVAS)
    areas = [count_pixels(frame, "#00ff00") for frame in frames]
    assert areas == sorted(areas) and 0 < areas[1] < 0.7 * areas[3]
    still = {"animationStyle": "none"}
    for animation in ("pop", "slide", "bounce"):
        zero = {"animationStyle": animation, "animationIntensity": 0}
        tracks = [write_ass(make_edit("hold", style), tmp_path / n, cache) for n, style in (("a", zero), ("b", still))]
        early = [render_frames(t.ass_path, t.fonts_dir, [0.28], CANVAS)[0][0] for t in tracks]
        assert np.abs(early[0].astype(int) - early[1]).max() < 24, animation


def test_animations_move_at_first_and_then_stop(tmp_path: Path, cache: Path) -> None:
    for animation in ("pop", "fade", "slide", "bounce"):
        still = write_ass(make_edit("hold", {"animationStyle": "none"}), tmp_path / "still", cache)
        track = write_ass(make_edit("hold", {"animationStyle": animation, "animationIntensity": 100}), tmp_path, cache)
        still_frames = render_frames(still.ass_path, still.fonts_dir, [0.24, 0.6], CANVAS)[0]
        frames = render_frames(track.ass_path, track.fonts_dir, [0.24, 0.6], CANVAS)[0]
        early = [mask_bounds(ink_mask(f, threshold=60)) for f in (still_frames[0], frames[0])]
        later = [int(ink_mask(f, threshold=60).sum()) for f in (still_frames[1], frames[1])]
        assert early[0] != early[1], animation
        assert abs(later[0] - later[1]) < 0.25 * later[0], animation


def test_upper_case_follows_the_language(tmp_path: Path, cache: Path) -> None:
    for text, language, expected in (
        ("straße", "de", "STRASSE"),
        ("istanbul ılık", "tr", "İSTANBUL ILIK"),
        ("Άνθρωπος", "el", "ΑΝΘΡΩΠΟΣ"),
        ("გამარჯობა", "ka", "გამარჯობა"),
        ("ﬁne", "en", "FINE"),
    ):
        track = write_ass(make_edit(text, language=language), tmp_path, cache)
        assert track.captions[0].text.replace("\n", " ") == expected


def test_emoji_of_the_text_are_overlays_in_gaps_of_the_text(tmp_path: Path, cache: Path) -> None:
    track = write_ass(make_edit("so hot 🔥 right now"), tmp_path, cache)
    (emoji,) = track.overlays
    extents = [(p.x, p.x + p.width, p.metrics) for line in track.captions[0].lines for p in line]
    gap = next((left, right) for left, right, metrics in extents if metrics is None)
    assert gap[0] <= emoji.x and emoji.x + emoji.size <= gap[1]
    assert Path(emoji.path).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (emoji.start_s, emoji.end_s) == (track.captions[0].start_s, track.captions[0].end_s)
    left, top = int(emoji.x) + 6, int(emoji.y)
    crop = render_frame(track, 0.5)[top : top + int(emoji.size), left : left + int(emoji.size) - 12]
    assert not ink_mask(crop).any()


def test_the_hook_title_is_at_the_top_for_its_duration_and_captions_stay_below_it(tmp_path: Path, cache: Path) -> None:
    hook = HookTitle(enabled=True, text="Nobody tells you this about money 💰 and it costs you", duration_sec=2.0)
    for position in ("top", "bottom", "middle"):
        edit = make_edit(TALK, {"captionPosition": position}, elements=ElementsConfig(hook_title=hook))
        track = write_ass(edit, tmp_path, cache)
        assert track.hook is not None and (track.hook.start_s, track.hook.end_s) == (0.0, 2.0)
        zone = compute_safe_zone(*CANVAS)
        assert zone.y - 1 <= track.hook.box[1] < zone.y + 60 and track.hook.box[3] < CANVAS[1] * 0.45
        for caption in track.captions:
            if caption.start_s < track.hook.end_s:
                assert caption.box[1] >= track.hook.box[3]
        card = parse_colour(STYLE_PRESETS["DEFAULT"].style.highlight_color)
        frames = render_frames(track.ass_path, track.fonts_dir, [1.0, 2.2], CANVAS)[0]
        card_areas = [f[int(track.hook.box[1]) : int(track.hook.box[3])] for f in frames]
        gold = f"rgb({card.r},{card.g},{card.b})"
        assert count_pixels(card_areas[0], gold) > 20_000
        assert count_pixels(card_areas[1], gold) < 8_000


def test_reactions_keep_clear_of_faces_captions_and_the_title(tmp_path: Path, cache: Path) -> None:
    faces = (FaceBox(0.0, 9.0, 340, 380, 420, 560, "A"), FaceBox(0.0, 9.0, 60, 1000, 240, 300, "B"))
    emojis = tuple(Emoji(emoji=e, start_time=t, speaker="A") for e, t in (("🔥", 0.3), ("💰", 0.9), ("😂", 1.2)))
    hook = HookTitle(enabled=True, text="Listen to this", duration_sec=3.0)
    edit = make_edit(TALK, elements=ElementsConfig(emojis=emojis, hook_title=hook), faces=faces)
    track = write_ass(edit, tmp_path, cache)
    reactions = [p for p in track.overlays if p.reaction]
    assert len(reactions) == 3
    for p in reactions:
        box = (p.x, p.y, p.x + p.size, p.y + p.size)
        obstacles = [(f.x, f.y, f.x + f.w, f.y + f.h) for f in faces]
        obstacles += [c.box for c in [*track.captions, track.hook] if c and c.start_s < p.end_s and c.end_s > p.start_s]
        obstacles += [
            (q.x, q.y, q.x + q.size, q.y + q.size)
            for q in reactions
            if q is not p and q.start_s < p.end_s and q.end_s > p.start_s
        ]
        for other in obstacles:
            assert not (box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3])
        assert abs((box[0] + box[2]) / 2 - 550) < 560, "near the speaker"


def test_captions_follow_removed_pauses(tmp_path: Path, cache: Path) -> None:
    words = [Word("first", 0.2, 0.6, 1.0), Word("um", 1.5, 1.8, 1.0), Word("second", 3.0, 3.5, 1.0)]
    track = write_ass(make_edit(words, kept_spans=[Span(0.0, 1.0), Span(2.8, 4.0)], duration_s=4.0), tmp_path, cache)
    tokens = {p.token.text: p.token for c in track.captions for line in c.lines for p in line}
    assert set(tokens) == {"first", "second"}
    assert tokens["second"].start_s == pytest.approx(1.2)
    assert track.captions[-1].end_s <= 2.2


def test_a_workspace_font_takes_precedence_over_a_shipped_one(tmp_path: Path, cache: Path) -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(build_face("Oswald", 400, cache).path)
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = "House Grotesk"
    for flavor, suffix in ((None, "ttf"), ("woff", "woff"), ("woff2", "woff2")):
        font.flavor = flavor
        path = tmp_path / f"house.{suffix}"
        font.save(path)
        custom_fonts = (describe_file(path, f"House Grotesk Regular.{suffix}", tmp_path / f"{suffix}.converted.ttf"),)
        track = write_ass(make_edit(style={"captionFont": "house grotesk"}, fonts=custom_fonts), tmp_path, cache)
        _, log = render_frames(track.ass_path, track.fonts_dir, [0.5], CANVAS)
        selections = set(re.findall(r"fontselect: \((.+?), 400, 0\) -> (\S+),", log))
        assert selections == {("House Grotesk", "HouseGrotesk-400")}
        assert find_family("House Grotesk Regular", custom_fonts) == "House Grotesk"
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    with pytest.raises(ValueError, match="no font"):
        find_family("broken", (*custom_fonts, MediaFile(str(broken), "broken.ttf")))
    assert find_family("Inter", (MediaFile(str(broken), "broken.ttf"),)) == "Inter"


@pytest.mark.parametrize("family", ["Grotesk, Wide", "@Grotesk", " {Grotesk}\\fn "])
def test_fonts_with_ass_syntax_in_their_names_are_drawn(family: str, tmp_path: Path, cache: Path) -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(build_face("Oswald", 400, cache).path)
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = family
    font.save(tmp_path / "own.ttf")
    custom_fonts = (describe_file(tmp_path / "own.ttf", "own.ttf", tmp_path / "converted.ttf"),)
    track = write_ass(make_edit("Is 東 it?", style={"captionFont": family}, fonts=custom_fonts), tmp_path, cache)
    _, log = render_frames(track.ass_path, track.fonts_dir, [0.5], CANVAS)
    selections = set(re.findall(r"fontselect: \((?:.+?), 400, 0\) -> (\S+),", log))
    assert selections == {f"{''.join(c for c in family if c.isalnum())}-400", "NotoSansSC-800"}


def test_invalid_configurations_are_rejected_with_the_field() -> None:
    cases = [
        ({"caption_style": "SHOUT"}, "no caption style"),
        ({"style": {"captionFont": "Comic Papyrus"}}, "no font .*Inter"),
        ({"style": {"captionColor": "reddish"}}, "`style.captionColor`: .*not a colour"),
        ({"style": {"captionBg": "rgba(1,2)"}}, "`style.captionBg`"),
        ({"elements": {"progressBar": {"color": "#12"}}}, "`elements.progressBar.color`"),
        ({"elements": {"emojis": [{"emoji": "zz", "startTime": 1}]}}, "no image"),
        ({"transcript": {"words": [{"word": "a", "start": 2, "end": 1}]}}, r"`transcript.words\[0\].end`"),
    ]
    for raw, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            validate_captions(msgspec.convert(raw, TemplateConfig))
    validate_captions(TemplateConfig())


def test_colours_are_parsed_as_in_css() -> None:
    equal_colours = [
        "#f80",
        "#ff8800",
        "#ff8800ff",
        "rgb(255,136,0)",
        "rgba(255, 136, 0, 1)",
        "rgb(100% 53.3% 0%)",
        " #FF8800 ",
    ]
    assert {parse_colour(c) for c in equal_colours} == {Colour(255, 136, 0, 1.0)}
    assert parse_colour("rebeccapurple") == Colour(102, 51, 153)
    assert parse_colour("rgba(0,0,0,.5)").a == 0.5 and parse_colour("transparent").a == 0
    for text in ("", "#ggg", "#12345", "rgb(1,2)", "hsl(1,2%,3%)", "rgb(nan,0,0)", "url(x)", "goldish"):
        with pytest.raises(ValueError, match="not a colour"):
            parse_colour(text)


def test_a_face_can_be_built_of_every_shipped_family(cache: Path) -> None:
    assert {"Inter", "Anton", "Montserrat", "Poppins", "Bebas Neue", "Oswald", "Roboto", "Noto Sans"} <= set(
        list_shipped_families()
    )
    for family in list_shipped_families()[:8]:
        assert Path(build_face(family, 700, cache).path).stat().st_size > 10_000


def test_the_same_edit_gives_the_same_bytes(tmp_path: Path, cache: Path) -> None:
    edit = make_edit("love 🔥 and مرحبا money 💰")
    scripts = [Path(write_ass(edit, tmp_path / n, cache).ass_path).read_bytes() for n in ("a", "b")]
    assert scripts[0] == scripts[1]
