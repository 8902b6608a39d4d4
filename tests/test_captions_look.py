"""Each style field shows: the right font at the right weight, the word lit when it is spoken, text that stays text."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from captions_support import TALK, bounds, edit, frames, inked
from carmic_assets.captions.caption_styles import PRESETS, caption_templates, resolve_style
from carmic_assets.captions.caption_track import CaptionTrack, write_ass
from carmic_assets.captions.colours import Colour, parse_colour
from carmic_assets.captions.fonts import face, find_family, shipped_families
from carmic_assets.captions.safe_zone import safe_zone
from carmic_assets.captions.style_validation import check_captions
from carmic_assets.model.edit import FaceBox, MediaFile, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    ElementsConfig,
    Emoji,
    HookTitle,
    StyleConfig,
    TemplateConfig,
)

SIZE = (1080, 1920)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


def picture(track: CaptionTrack, t: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    return frames(track.ass_path, track.fonts_dir, [t], size)[0][0]


def count(frame: np.ndarray, colour: str) -> int:
    """Pixels of just this colour."""
    c = parse_colour(colour)
    return int((np.abs(frame.astype(int) - [c.r, c.g, c.b]).max(axis=2) <= 6).sum())


def test_seven_styles_differ_and_each_shows_its_own_font(tmp_path: Path, cache: Path) -> None:
    seen = set()
    for name, preset in PRESETS.items():
        track = write_ass(edit(preset=name), tmp_path, cache)
        shown, log = frames(track.ass_path, track.fonts_dir, [1.32], SIZE)
        box = bounds(inked(shown[0]))
        assert box is not None
        asked = [(f, int(w), got) for f, w, got in re.findall(r"fontselect: \((.+?), (\d+), \d+\) -> (\S+),", log)]
        assert asked, "libass says which font it took"
        for family, weight, got in asked:
            name, _, heavy = family.partition(f"{preset.style.caption_font} ")
            assert (name or preset.style.caption_font) == preset.style.caption_font and weight == 400
            assert got == f"{preset.style.caption_font.replace(' ', '')}-{heavy or 400}"
        seen.add((asked[-1][2], preset.style.highlight_color, preset.style.animation_style))
    assert len(seen) == 7
    assert [t["name"] for t in caption_templates()] == list(PRESETS)


def test_no_letter_is_left_to_a_font_that_libass_chooses(tmp_path: Path, cache: Path) -> None:
    text = "Hello мир مرحبا שלום नमस्ते สวัสดี 中文 こんにちは 한국어 გამარჯობა → ∑"
    track = write_ass(edit(text, {"captionFont": "Anton"}), tmp_path, cache)
    times = [(c.start_s + c.end_s) / 2 for c in track.captions]
    _, log = frames(track.ass_path, track.fonts_dir, times, SIZE)
    named = {Path(p).name for p in Path(track.fonts_dir).iterdir()}
    chosen = re.findall(r"fontselect: \((.+?), (\d+), \d+\) -> (\S+),", log)
    assert len(chosen) > 6
    for family, weight, got in chosen:
        plain, _, heavy = family.rpartition(" ") if family[-1].isdigit() else (family, "", "400")
        assert (got, weight) == (f"{plain.replace(' ', '')}-{heavy}", "400")
        assert any(name.startswith(f"{got}-") for name in named)
    assert not track.notes


def test_letters_of_no_font_are_told_of(tmp_path: Path, cache: Path) -> None:
    track = write_ass(edit("hieroglyph 𓀀 here"), tmp_path, cache)
    assert len(track.notes) == 1 and "𓀀" in track.notes[0]
    assert "HERE" in track.captions[0].text


def test_a_word_is_lit_from_its_first_frame_to_its_last(tmp_path: Path, cache: Path) -> None:
    words = [Word("one", 0.40, 0.80, 1.0), Word("two", 0.80, 1.36, 1.0), Word("three", 1.60, 2.00, 1.0)]
    for animation in ("none", "pop", "bounce", "slide", "typewriter"):
        style = {"animationStyle": animation, "highlightColor": "#00ff00", "animationIntensity": 40}
        track = write_ass(edit(words, style), tmp_path, cache)
        placed = {p.token.text: p for line in track.captions[0].lines for p in line}
        assert set(placed) == {"one", "two", "three"}
        fps = 25
        times = [n / fps for n in range(8, 56)]
        shown, _ = frames(track.ass_path, track.fonts_dir, times, SIZE, fps=fps)
        for word in words:
            p = placed[word.text]
            part = shown[:, int(p.y - 1.1 * 72) : int(p.y + 30), int(p.x) : int(p.x + p.width)]
            lit = [t for t, frame in zip(times, part, strict=True) if count(frame, "#00ff00") > 150]
            late = 0.13 if animation == "typewriter" else 1 / fps + 0.001  # the first letter is small
            assert abs(lit[0] - word.start_s) <= late, (animation, word)
            assert abs(lit[-1] + 1 / fps - word.end_s) <= 1 / fps + 0.001, (animation, word)


def test_karaoke_fills_from_left_to_right_and_right_to_left(tmp_path: Path, cache: Path) -> None:
    for text, sign in (("WWWWWW", 1), ("ששששששש", -1)):
        style = {"animationStyle": "karaoke", "highlightColor": "#00ff00"}
        track = write_ass(edit([Word(text, 0.4, 1.4, 1.0)], style), tmp_path, cache)
        shown, _ = frames(track.ass_path, track.fonts_dir, [0.64, 1.16, 1.5], SIZE)
        green = [np.abs(f.astype(int) - [0, 255, 0]).max(axis=2) <= 6 for f in shown]
        amounts = [int(g.sum()) for g in green]
        assert 0 < amounts[0] < amounts[1] < amounts[2]
        middles = [float(np.flatnonzero(g.any(axis=0)).mean()) for g in green]
        assert (middles[1] - middles[0]) * sign > 10


def test_what_looks_like_markup_is_shown_as_it_is(tmp_path: Path, cache: Path) -> None:
    """A backslash, a brace and an override block are letters like any other."""
    plain = {"animationStyle": "none", "uppercase": False, "captionFont": "Roboto"}
    for text in ("{\\pos(0,0)}a", "a\\Nb", "{b}", "\\h", "50%{x", "}{"):
        track = write_ass(edit([Word(text, 0.1, 0.9, 1.0)], plain), tmp_path, cache)
        placed = track.captions[0].lines[0][0]
        box = bounds(inked(picture(track, 0.5), least=60))
        assert box is not None and len(track.captions[0].lines) == 1
        # As wide as HarfBuzz says that these very letters are.
        assert abs((box[2] - box[0]) - placed.width) < 0.22 * track.captions[0].em, text


def test_the_fields_of_the_client_win_over_the_style() -> None:
    style = resolve_style(
        TemplateConfig(style=StyleConfig(caption_font="Oswald", font_size=50), caption_style="IMPACT")
    )
    assert (style.fields.caption_font, style.fields.font_size) == ("Oswald", 50)
    assert style.fields.highlight_color == PRESETS["IMPACT"].style.highlight_color
    own = {"Ours": TemplateConfig(style=StyleConfig(highlight_color="#123456"), caption_style="BUBBLE")}
    ours = resolve_style(TemplateConfig(caption_style="Ours"), own)
    assert ours.fields.highlight_color == "#123456" and ours.fields.caption_bg == PRESETS["BUBBLE"].style.caption_bg


def test_stroke_shadow_colours_and_box_show(tmp_path: Path, cache: Path) -> None:
    plain = {"animationStyle": "none", "captionColor": "#ff0000", "highlightColor": "#ff0000"}
    bare = plain | {"strokeThickness": 0, "dropShadow": False}
    looks = [bare, bare | {"strokeThickness": 8}, plain | {"strokeThickness": 8, "shadowIntensity": 100}]
    looks += [bare | {"dropShadow": True, "shadowIntensity": 100}, bare | {"captionBg": "rgba(0,0,255,1)"}]
    shown = [picture(write_ass(edit("HELLO", look), tmp_path, cache), 0.4) for look in looks]
    assert count(shown[0], "#ff0000") > 3000 and count(shown[0], "#000000") == 0
    black = [count(s, "#000000") for s in shown]
    assert 2000 < black[1] < black[2]
    assert inked(shown[3]).sum() > 1.5 * inked(shown[0]).sum()
    blue = bounds(np.abs(shown[4].astype(int) - [0, 0, 255]).max(axis=2) <= 6)
    text = bounds(inked(shown[0]))
    assert blue and text and blue[0] < text[0] - 20 and blue[2] > text[2] + 20 and blue[1] < text[1] - 12


def test_size_place_and_lines_are_those_asked_for(tmp_path: Path, cache: Path) -> None:
    plain = {"animationStyle": "none", "strokeThickness": 0, "dropShadow": False, "captionFont": "Roboto"}

    def box(text: str, **style: object) -> tuple[int, int, int, int]:
        found = bounds(inked(picture(write_ass(edit(text, plain | style), tmp_path, cache), 0.4), least=60))
        assert found is not None
        return found

    heights = {size: (b := box("HH", fontSize=size))[3] - b[1] for size in (36, 72, 144)}
    for size, height in heights.items():
        assert height == pytest.approx(0.711 * size, abs=2)  # Roboto's capitals
    zone = safe_zone(*SIZE)
    top, middle, bottom = (box("HELLO", captionPosition=place) for place in ("top", "middle", "bottom"))
    assert zone.y <= top[1] < zone.y + 72 and zone.bottom - 72 < bottom[3] <= zone.bottom
    assert (middle[1] + middle[3]) / 2 == pytest.approx(960, abs=20)
    for lines in (1, 2, 3):
        track = write_ass(edit(TALK, plain | {"linesPerScreen": lines}, preset="KARAOKE"), tmp_path, cache)
        fullest = max(track.captions, key=lambda c: len(c.lines))
        ink = inked(picture(track, fullest.end_s - 0.1), least=60).any(axis=1)
        rows = np.count_nonzero(np.diff(np.concatenate([[0], ink.astype(int), [0]])) == 1)
        assert rows == len(fullest.lines) == lines


def test_typing_shows_letter_after_letter_and_no_intensity_is_still(tmp_path: Path, cache: Path) -> None:
    typed = {"animationStyle": "typewriter", "highlightColor": "#00ff00", "captionColor": "#00ff00"}
    track = write_ass(edit([Word("MMMMMMMM", 0.4, 1.2, 1.0)], typed), tmp_path, cache)
    shown, _ = frames(track.ass_path, track.fonts_dir, [0.44, 0.72, 1.0, 1.3], SIZE)
    amounts = [count(frame, "#00ff00") for frame in shown]
    assert amounts == sorted(amounts) and 0 < amounts[1] < 0.7 * amounts[3]
    still = {"animationStyle": "none"}
    for animation in ("pop", "slide", "bounce"):
        calm = {"animationStyle": animation, "animationIntensity": 0}
        tracks = [write_ass(edit("hold", style), tmp_path / n, cache) for n, style in (("a", calm), ("b", still))]
        early = [frames(t.ass_path, t.fonts_dir, [0.28], SIZE)[0][0] for t in tracks]
        assert np.abs(early[0].astype(int) - early[1]).max() < 24, animation


def test_animations_move_and_then_stand_still(tmp_path: Path, cache: Path) -> None:
    for animation in ("pop", "fade", "slide", "bounce"):
        still = write_ass(edit("hold", {"animationStyle": "none"}), tmp_path / "still", cache)
        track = write_ass(edit("hold", {"animationStyle": animation, "animationIntensity": 100}), tmp_path, cache)
        base = frames(still.ass_path, still.fonts_dir, [0.24, 0.6], SIZE)[0]
        shown = frames(track.ass_path, track.fonts_dir, [0.24, 0.6], SIZE)[0]
        early = [bounds(inked(f, least=60)) for f in (base[0], shown[0])]
        later = [int(inked(f, least=60).sum()) for f in (base[1], shown[1])]
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
        track = write_ass(edit(text, language=language), tmp_path, cache)
        assert track.captions[0].text.replace("\n", " ") == expected


def test_emoji_are_colour_pictures_where_the_text_leaves_room(tmp_path: Path, cache: Path) -> None:
    track = write_ass(edit("so hot 🔥 right now"), tmp_path, cache)
    (emoji,) = track.pictures
    placed = [(p.x, p.x + p.width, p.measure) for line in track.captions[0].lines for p in line]
    room = next((a, b) for a, b, measure in placed if measure is None)
    assert room[0] <= emoji.x and emoji.x + emoji.size <= room[1]
    assert Path(emoji.path).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (emoji.start_s, emoji.end_s) == (track.captions[0].start_s, track.captions[0].end_s)
    left, top = int(emoji.x) + 6, int(emoji.y)
    under = picture(track, 0.5)[top : top + int(emoji.size), left : left + int(emoji.size) - 12]
    assert not inked(under).any()


def test_the_hook_title_is_at_the_top_for_its_time_and_nothing_stands_over_it(tmp_path: Path, cache: Path) -> None:
    hook = HookTitle(enabled=True, text="Nobody tells you this about money 💰 and it costs you", duration_sec=2.0)
    for position in ("top", "bottom", "middle"):
        made = edit(TALK, {"captionPosition": position}, elements=ElementsConfig(hook_title=hook))
        track = write_ass(made, tmp_path, cache)
        assert track.hook is not None and (track.hook.start_s, track.hook.end_s) == (0.0, 2.0)
        zone = safe_zone(*SIZE)
        assert zone.y - 1 <= track.hook.box[1] < zone.y + 60 and track.hook.box[3] < SIZE[1] * 0.45
        for caption in track.captions:
            if caption.start_s < track.hook.end_s:
                assert caption.box[1] >= track.hook.box[3]
        card = parse_colour(PRESETS["DEFAULT"].style.highlight_color)
        shown = frames(track.ass_path, track.fonts_dir, [1.0, 2.2], SIZE)[0]
        top = [f[int(track.hook.box[1]) : int(track.hook.box[3])] for f in shown]
        gold = f"rgb({card.r},{card.g},{card.b})"
        assert count(top[0], gold) > 20_000
        assert count(top[1], gold) < 8_000


def test_reactions_keep_clear_of_faces_captions_and_the_title(tmp_path: Path, cache: Path) -> None:
    faces = (FaceBox(0.0, 9.0, 340, 380, 420, 560, "A"), FaceBox(0.0, 9.0, 60, 1000, 240, 300, "B"))
    emojis = tuple(Emoji(emoji=e, start_time=t, speaker="A") for e, t in (("🔥", 0.3), ("💰", 0.9), ("😂", 1.2)))
    hook = HookTitle(enabled=True, text="Listen to this", duration_sec=3.0)
    made = edit(TALK, elements=ElementsConfig(emojis=emojis, hook_title=hook), faces=faces)
    track = write_ass(made, tmp_path, cache)
    reactions = [p for p in track.pictures if p.reaction]
    assert len(reactions) == 3
    for p in reactions:
        box = (p.x, p.y, p.x + p.size, p.y + p.size)
        others = [(f.x, f.y, f.x + f.w, f.y + f.h) for f in faces]
        others += [c.box for c in [*track.captions, track.hook] if c and c.start_s < p.end_s and c.end_s > p.start_s]
        others += [
            (q.x, q.y, q.x + q.size, q.y + q.size)
            for q in reactions
            if q is not p and q.start_s < p.end_s and q.end_s > p.start_s
        ]
        for other in others:
            assert not (box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3])
        assert abs((box[0] + box[2]) / 2 - 550) < 560, "near the speaker"


def test_removed_pauses_move_captions_with_the_sound(tmp_path: Path, cache: Path) -> None:
    words = [Word("first", 0.2, 0.6, 1.0), Word("um", 1.5, 1.8, 1.0), Word("second", 3.0, 3.5, 1.0)]
    track = write_ass(edit(words, keeps=[Span(0.0, 1.0), Span(2.8, 4.0)], duration_s=4.0), tmp_path, cache)
    tokens = {p.token.text: p.token for c in track.captions for line in c.lines for p in line}
    assert set(tokens) == {"first", "second"}
    assert tokens["second"].start_s == pytest.approx(1.2)
    assert track.captions[-1].end_s <= 2.2


def test_the_workspaces_own_font_is_taken_before_a_shipped_one(tmp_path: Path, cache: Path) -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(face("Oswald", 400, cache).path)
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = "House Grotesk"
    for flavor, suffix in ((None, "ttf"), ("woff", "woff"), ("woff2", "woff2")):
        font.flavor = flavor
        path = tmp_path / f"house.{suffix}"
        font.save(path)
        own = (MediaFile(str(path), f"House Grotesk Regular.{suffix}"),)
        track = write_ass(edit(style={"captionFont": "house grotesk"}, fonts=own), tmp_path, cache)
        _, log = frames(track.ass_path, track.fonts_dir, [0.5], SIZE)
        chosen = set(re.findall(r"fontselect: \((.+?), 400, 0\) -> (\S+),", log))
        assert chosen == {("House Grotesk", "HouseGrotesk-400")}
        assert find_family("House Grotesk Regular", own) == "House Grotesk"
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    with pytest.raises(ValueError, match="cannot be used as a font"):
        find_family("broken", (*own, MediaFile(str(broken), "broken.ttf")))
    assert find_family("Inter", (MediaFile(str(broken), "broken.ttf"),)) == "Inter"


@pytest.mark.parametrize("family", ["Grotesk, Wide", "@Grotesk", " {Grotesk}\\fn "])
def test_a_font_of_any_name_is_drawn(family: str, tmp_path: Path, cache: Path) -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(face("Oswald", 400, cache).path)
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = family
    font.save(tmp_path / "own.ttf")
    own = (MediaFile(str(tmp_path / "own.ttf"), "own.ttf"),)
    track = write_ass(edit("Is 東 it?", style={"captionFont": family}, fonts=own), tmp_path, cache)
    _, log = frames(track.ass_path, track.fonts_dir, [0.5], SIZE)
    chosen = set(re.findall(r"fontselect: \((?:.+?), 400, 0\) -> (\S+),", log))
    assert chosen == {f"{''.join(c for c in family if c.isalnum())}-400", "NotoSansSC-800"}


def test_bad_configurations_are_refused_in_a_sentence() -> None:
    cases = [
        ({"caption_style": "SHOUT"}, "no caption style"),
        ({"style": {"captionFont": "Comic Papyrus"}}, "no font .*Inter"),
        ({"style": {"captionColor": "reddish"}}, "style.captionColor: .*no colour"),
        ({"style": {"captionBg": "rgba(1,2)"}}, "style.captionBg"),
        ({"elements": {"progressBar": {"color": "#12"}}}, "progressBar.color"),
        ({"elements": {"emojis": [{"emoji": "zz", "startTime": 1}]}}, "no picture"),
        ({"transcript": {"words": [{"word": "a", "start": 2, "end": 1}]}}, r"words\[0\]"),
    ]
    for raw, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            check_captions(msgspec.convert(raw, TemplateConfig))
    check_captions(TemplateConfig())


def test_colours_are_read_as_css_has_them() -> None:
    same = ["#f80", "#ff8800", "#ff8800ff", "rgb(255,136,0)", "rgba(255, 136, 0, 1)", "rgb(100% 53.3% 0%)", " #FF8800 "]
    assert {parse_colour(c) for c in same} == {Colour(255, 136, 0, 1.0)}
    assert parse_colour("rebeccapurple") == Colour(102, 51, 153)
    assert parse_colour("rgba(0,0,0,.5)").a == 0.5 and parse_colour("transparent").a == 0
    for wrong in ("", "#ggg", "#12345", "rgb(1,2)", "hsl(1,2%,3%)", "rgb(nan,0,0)", "url(x)", "goldish"):
        with pytest.raises(ValueError, match="no colour"):
            parse_colour(wrong)


def test_every_shipped_family_makes_a_face(cache: Path) -> None:
    assert {"Inter", "Anton", "Montserrat", "Poppins", "Bebas Neue", "Oswald", "Roboto", "Noto Sans"} <= set(
        shipped_families()
    )
    for family in shipped_families()[:8]:
        assert Path(face(family, 700, cache).path).stat().st_size > 10_000


def test_the_same_edit_gives_the_same_bytes(tmp_path: Path, cache: Path) -> None:
    made = edit("love 🔥 and مرحبا money 💰")
    scripts = [Path(write_ass(made, tmp_path / n, cache).ass_path).read_bytes() for n in ("a", "b")]
    assert scripts[0] == scripts[1]
