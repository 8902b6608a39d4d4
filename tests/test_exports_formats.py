"""Tests the contents of packages: names, tracks, levels, texts, references, checksums, and stable bytes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exports_readback as readback
from carmic_assets.captions.fonts import build_face
from carmic_assets.direction.canvas import Rect
from carmic_assets.exports import fcpxml
from carmic_assets.exports.fcpxml_lint import lint_fcpxml
from carmic_assets.exports.motion_keyframes import (
    TOLERANCE_PX,
    FrameSizes,
    compute_visible_crop,
    interpolate_keyframes,
    place_picture,
    reduce_keyframes,
)
from carmic_assets.exports.music_levels import DUCKED_GAIN, build_music_gain, interpolate_gain
from carmic_assets.exports.nle_timeline import GainKeyframe
from carmic_assets.exports.package import TARGETS, PackageOptions, write_package
from carmic_assets.exports.timecode import format_timecode, parse_timecode
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.file_kinds import describe_file
from carmic_assets.model.direction import Box
from carmic_assets.model.edit import Cutaway, Edit, Marker, MediaFile, Span
from carmic_assets.model.errors import RenderError
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    ActiveTrack,
    AudioConfig,
    ElementsConfig,
    Emoji,
    StyleConfig,
    TemplateConfig,
    Watermark,
)
from exports_support import CAPTION_EVENTS, CLIP_TITLE, OpenedPackage, build_edit, open_package, write_test_video


@pytest.fixture(scope="module")
def full_edit(tmp_path_factory: pytest.TempPathFactory) -> Edit:
    """Return an edit with a removed pause, b-roll of another rate and as an image, music, watermark and markers."""
    folder = tmp_path_factory.mktemp("full")
    film = write_test_video(folder / "film.mp4", rate="25", size="320x180")
    broll = write_test_video(folder / "b roll.mp4", rate="24", size="426x240", seconds=4)
    music, mark = folder / "music.mp3", folder / "mark.png"
    for line in (
        ["-f", "lavfi", "-i", "sine=220:r=44100:d=2", "-ac", "2", str(music)],
        ["-f", "lavfi", "-i", "color=red@0.5:s=200x80,format=rgba", "-frames:v", "1", str(mark)],
    ):
        subprocess.run([locate_binary(), "-v", "error", "-y", *line], check=True, timeout=60)
    edit = build_edit(film, keeps=[(0.0, 1.2), (1.6, 3.2)])
    audio = AudioConfig(music_volume=40, voice_volume=50, active_track=ActiveTrack("m"), auto_sfx_enabled=True)
    elements = ElementsConfig(
        watermark=Watermark(enabled=True, image_url="w", opacity=60), emojis=(Emoji("🔥", 1.7, 1.0, x=0.3, y=0.4),)
    )
    return msgspec.structs.replace(
        edit,
        config=msgspec.structs.replace(edit.config, audio=audio, elements=elements),
        cutaways=(
            Cutaway(MediaFile(str(broll), "b roll & more.mp4", 4.0, 426, 240, True, True), 0.4, 0.6, 1.5),
            Cutaway(MediaFile(str(mark), "still.png", None, 200, 80, True), 2.2, 0.5, 0.0),
        ),
        music=MediaFile(str(music), "music", 2.0, has_audio=True),
        watermark=MediaFile(str(mark), "mark", None, 200, 80, True),
        markers=(Marker(0.5, "B speaks", "turn"), Marker(1.4, "removed", "in the removed pause")),
    )


@pytest.fixture(scope="module")
def packages(full_edit: Edit, tmp_path_factory: pytest.TempPathFactory) -> dict[str, OpenedPackage]:
    folder = tmp_path_factory.mktemp("packages")
    return {target: open_package(full_edit, target, folder) for target in TARGETS}


def test_zip_lists_all_checksums_and_has_stable_bytes(
    full_edit: Edit, packages: dict[str, OpenedPackage], tmp_path: Path
) -> None:
    for target in TARGETS:
        files = packages[target].files
        sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS.txt"].decode().splitlines())
        assert set(sums) == set(files) - {"SHA256SUMS.txt"}
        assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in sums.items())
        assert {f.name: (f.size, f.sha256) for f in packages[target].report.files} == {
            name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
        }
        assert {"README.txt", "FONTS.txt"} <= set(files)
        assert any(name.endswith(".srt") for name in files)
        with zipfile.ZipFile(packages[target].folder.parent / f"{target}.zip") as archive:
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
            assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        text = b"".join(data for name, data in files.items() if not name.startswith("media/"))
        assert b"/tmp/" not in text and str(Path.cwd()).encode() not in text
    options = PackageOptions(include_proxy=False, captions=CAPTION_EVENTS)
    report = write_package(full_edit, "fcpx", tmp_path / "second.zip", tmp_path / "elsewhere", options)
    first_zip = packages["fcpx"].folder.parent / "fcpx.zip"
    assert (tmp_path / "second.zip").read_bytes() == first_zip.read_bytes()
    assert report.files == packages["fcpx"].report.files
    assert not (tmp_path / "elsewhere" / "package").exists()


def test_media_urls_are_relative_unique_and_in_the_zip(packages: dict[str, OpenedPackage]) -> None:
    for target in ("premiere", "davinci", "fcpx"):
        root = packages[target].sequence.extra["root"]
        urls = [e.text for e in root.iter("pathurl")] + [e.get("src") for e in root.iter("media-rep")]
        assert urls and len(urls) == len(set(urls))
        for url in urls:
            assert re.fullmatch(r"(\./)?media/[A-Za-z0-9%._-]+", str(url)), url
            assert unquote(str(url)).removeprefix("./") in packages[target].files
    definitions = [f for f in packages["premiere"].sequence.extra["root"].iter("file") if len(f)]
    assert len({f.get("id") for f in definitions}) == len(definitions)
    referenced = {f.get("id") for f in packages["premiere"].sequence.extra["root"].iter("file")}
    assert referenced == {f.get("id") for f in definitions}
    comp = packages["after_effects"].sequence.extra["comp"]
    assert all(path.removeprefix("/project/") in packages["after_effects"].files for path in comp["files"])


def test_user_texts_keep_quotes_emoji_and_line_breaks(packages: dict[str, OpenedPackage]) -> None:
    sequence = packages["premiere"].sequence.extra["sequence"]
    name = " ".join(CLIP_TITLE.split())  # programs do not accept line breaks in names
    assert sequence.findtext("name") == name
    texts = [p.findtext("value") for p in sequence.iter("parameter") if p.findtext("parameterid") == "str"]
    assert 'Grüße & "Küsse"\r<zwei> 🎉' in texts and "The hook" in texts
    for target in ("davinci", "fcpx"):
        root = packages[target].sequence.extra["root"]
        assert root.find(".//project").get("name") == name
        assert 'Grüße & "Küsse"\n<zwei> 🎉' in ["".join(t.itertext()) for t in root.iter("text")]
    comp = packages["after_effects"].sequence.extra["comp"]
    assert comp["name"] == name
    documents = [
        dict(dict(layer["properties"])["ADBE Text Properties"]["children"])["ADBE Text Document"]["value"]
        for layer in comp["layers"]
        if layer["path"] is None
    ]
    assert 'Grüße & "Küsse"\r<zwei> 🎉' in [d["text"] for d in documents]
    assert all(d["justification"] == "center" and d["fontSize"] > 0 for d in documents)


def test_premiere_formats_rates_and_levels(packages: dict[str, OpenedPackage]) -> None:
    sequence = packages["premiere"].sequence.extra["sequence"]
    sample = sequence.find("media/video/format/samplecharacteristics")
    assert [sample.findtext(n) for n in ("width", "height", "pixelaspectratio")] == ["1080", "1920", "square"]
    assert sequence.findtext("media/audio/format/samplecharacteristics/samplerate") == "48000"
    level = {}
    for item in sequence.findall("media/audio/track/clipitem"):
        name = item.findtext("name")
        level.setdefault(name, []).append(item.find("filter/effect/parameter"))
    voice = next(v for k, v in level.items() if k.endswith("-source.mov"))
    assert {p.findtext("value") for p in voice} == {"0.5"}
    music = next(v for k, v in level.items() if k.endswith("-music.wav"))
    values = [float(k.findtext("value")) for p in music for k in p.iter("keyframe")]
    assert max(values) <= 0.4 and min(values) == 0  # fades at both ends, and ducking during speech
    tracks = sequence.findall("media/audio/track")
    assert len(tracks) == 2 + 2 + 1  # voice, music, effects
    for track in sequence.findall("media/video/track"):
        spans = sorted((int(c.findtext("start")), int(c.findtext("end"))) for c in track if c.find("start") is not None)
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), "clips overlap on a track"


def test_markers_name_score_and_reason_and_speakers_have_labels(packages: dict[str, OpenedPackage]) -> None:
    sequence = packages["premiere"].sequence.extra["sequence"]
    notes = [(m.findtext("name"), m.findtext("comment"), m.findtext("in")) for m in sequence.findall("marker")]
    assert notes == [("Score 87", "A strong hook & a clear answer.", "0"), ("B speaks", "turn", "12")]
    assert {label.text for label in sequence.iter("label2")} == {"Iris", "Caribbean"}
    for target in ("davinci", "fcpx"):
        root = packages[target].sequence.extra["root"]
        assert {m.get("value") for m in root.iter("marker")} == {"Score 87", "B speaks"}
        roles = {clip.get("audioRole") for clip in root.find(".//spine")}
        assert roles == {"dialogue.Speaker A", "dialogue.Speaker B", "dialogue"}
    comp = packages["after_effects"].sequence.extra["comp"]
    assert [m["value"]["comment"] for m in comp["markers"]][1] == "B speaks: turn"
    assert {layer["label"] for layer in comp["layers"] if layer["name"] in ("Speaker A", "Speaker B")} == {9, 8}


def test_broll_music_and_watermark_have_their_own_tracks_and_positions(
    full_edit: Edit, packages: dict[str, OpenedPackage]
) -> None:
    for target in TARGETS:
        sequence = packages[target].sequence
        broll = next(n for n in packages[target].files if n.endswith("broll-1.mov")).split("/")[-1]
        for frame in (10, 24):  # 0.4 s to 1.0 s of the clip, before the removed pause
            assert sequence.pictures_at(frame)[-1].file == broll
            top = sequence.pictures_at(frame)[-1]
            assert top.left <= 0.01 and top.top <= 0.01
            assert top.left + top.width >= full_edit.width - 0.01 and top.top + top.height >= full_edit.height - 0.01
        assert all(s.file != broll for s in sequence.pictures_at(9) + sequence.pictures_at(25))
        assert any("broll-1.mov was re-encoded" in warning for warning in packages[target].report.warnings)
    root = packages["fcpx"].sequence.extra["root"]
    stills = [v for v in root.iter("video")]
    assert [v.get("name").rsplit("-", 1)[-1] for v in stills].count("watermark.png") == 1
    mark = next(v for v in stills if v.get("name").endswith("watermark.png"))
    x, y = (float(v) for v in mark.find("adjust-transform").get("position").split())
    # the watermark, 172 x 68, is 120 px from the right and 220 px from the top: in the corner of the safe zone
    assert x * 19.2 + 540 + 172 / 2 == pytest.approx(960, abs=2)
    assert 960 - y * 19.2 - 68 / 2 == pytest.approx(220, abs=2)
    assert float(mark.find("adjust-blend").get("amount")) == pytest.approx(0.6)
    fire = next(v for v in stills if v.get("name").endswith("emoji-1.png"))
    x, y = (float(v) for v in fire.find("adjust-transform").get("position").split())
    assert (x * 19.2 + 540) / 1080 == pytest.approx(0.3, abs=0.01)
    assert (960 - y * 19.2) / 1920 == pytest.approx(0.4, abs=0.01)
    assert len({v.get("lane") for v in stills}) == 3, "image b-roll, watermark and emoji overlap in time"
    music = [c for c in root.iter("asset-clip") if c.get("audioRole") == "music.music-1"]
    assert len(music) == 2  # 2 s of music under 2.8 s: it repeats
    amounts = [float(k.get("value")) for k in music[0].iter("keyframe")]
    assert amounts and min(amounts) == -96 and max(amounts) <= -7.9  # 40 %


def test_final_cut_and_resolve_documents_pass_the_linter(packages: dict[str, OpenedPackage]) -> None:
    for target, version in (("davinci", "1.10"), ("fcpx", "1.11")):
        assert lint_fcpxml(packages[target].project) == []
        assert packages[target].sequence.extra["root"].get("version") == version
        assert "<!DOCTYPE fcpxml>" in packages[target].project


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        (r'id="r2"', 'id="r1"', "used twice"),
        (r'<asset-clip ref="r\d+"', '<asset-clip ref="r99"', "which does not exist"),
        (r'(<asset-clip [^>]*duration="\d+)/25s"', r'\1/26s"', "whole frames"),
        (r"</fcpxml>", "", "not XML"),
        (r'version="1\.11"', 'version="1.4"', "not an FCPXML"),
        (r'start="\S+" duration="(\S+)" format', r'start="999s" duration="\1" format', "outside its asset"),
        (r'<adjust-conform type="fit" ?/>', "", "no adjust-conform"),
        (r"(<adjust-conform[^>]*>)(\s*)(<adjust-transform>.*?</adjust-transform>)", r"\3\2\1", "order of the DTD"),
        (r'tcStart="0s"', 'tcStart="soon"', "not a time"),
        (r'keyframe time="\S+"', 'keyframe time="0s"', "outside it"),
        (r' lane="1"', "", "no lane"),
    ],
)
def test_linter_finds_problems(
    pattern: str, replacement: str, problem: str, packages: dict[str, OpenedPackage]
) -> None:
    broken = re.sub(pattern, replacement, packages["fcpx"].project, count=1, flags=re.S)
    assert broken != packages["fcpx"].project, "the pattern did not match"
    assert any(problem in sentence for sentence in lint_fcpxml(broken)), lint_fcpxml(broken)


def test_image_does_not_cover_a_later_cutaway(full_edit: Edit, tmp_path: Path) -> None:
    film, image = full_edit.cutaways
    cutaways = (
        msgspec.structs.replace(image, start_s=0.2, duration_s=0.8),
        msgspec.structs.replace(film, start_s=0.4, duration_s=0.4),
    )
    package = open_package(msgspec.structs.replace(full_edit, cutaways=cutaways), "premiere", tmp_path)
    items = package.sequence.extra["sequence"].iter("clipitem")
    placements = [(i.findtext("name").split("-broll-")[-1], i.findtext("start"), i.findtext("end")) for i in items]
    assert [s for s in placements if s[0][0] in "12"] == [
        ("2.mov", "10", "20"),
        ("1.png", "5", "10"),
        ("1.png", "20", "25"),
    ]


def test_music_is_ducked_for_words_across_the_clip_bounds_and_not_for_words_outside(full_edit: Edit) -> None:
    words = [("before", -1.0, -0.5), ("half", -0.1, 0.4), ("last", 2.8, 3.4), ("after", 3.5, 3.9)]
    edit = msgspec.structs.replace(
        full_edit, kept_spans=(Span(0.0, 3.2),), words=tuple(Word(text, a, b, 1.0) for text, a, b in words)
    )
    full_gain = full_edit.config.audio.music_volume / 100
    gains = {level.frame: level.gain / full_gain for level in build_music_gain(edit, 80, Fraction(25))}
    assert interpolate_gain([GainKeyframe(f, g) for f, g in gains.items()], 9) == pytest.approx(DUCKED_GAIN, abs=0.01)
    assert interpolate_gain([GainKeyframe(f, g) for f, g in gains.items()], 40) == pytest.approx(1)
    assert gains[70] < 0.35 and gains[79] == 0


def test_documents_are_valid_against_apples_dtd(packages: dict[str, OpenedPackage]) -> None:
    """Apple's DTDs may not be redistributed: `CARMIC_FCPXML_DTDS` names a folder that contains them."""
    folder = os.environ.get("CARMIC_FCPXML_DTDS")
    if not folder:
        pytest.skip("CARMIC_FCPXML_DTDS names no folder with Apple's DTDs")
    from lxml import etree

    for target, version in (("davinci", "1.10"), ("fcpx", "1.11")):
        dtd_paths = [p for p in Path(folder).glob("*.dtd") if re.search(rf"1[._]{version[2:]}\D", p.name)]
        assert dtd_paths, f"no DTD of version {version} in {folder}"
        dtd = etree.DTD(str(dtd_paths[0]))
        assert dtd.validate(etree.fromstring(packages[target].project.encode())), dtd.error_log


def test_opentimelineio_reads_the_same_cuts_from_every_document(edit_24: Edit, tmp_path: Path) -> None:
    import opentimelineio as otio

    adapters = {".xml": "fcp_xml", ".fcpxml": "fcpx_xml", ".otio": "otio_json"}
    for target in ("premiere", "davinci", "fcpx"):
        package = open_package(edit_24, target, tmp_path)
        expected = {(start, end) for track in package.sequence.tracks for start, end, *_ in track}
        for path in sorted(package.folder.iterdir()):
            if path.suffix not in adapters:
                continue
            read = otio.adapters.read_from_file(str(path), adapter_name=adapters[path.suffix])
            timeline = read if isinstance(read, otio.schema.Timeline) else read[0]
            for track in timeline.tracks:
                position = 0
                for item in track:
                    length = round(item.trimmed_range().duration.value)
                    name = item.name or ""
                    if isinstance(item, otio.schema.Clip) and name.endswith(".mov"):
                        assert (position, position + length) in expected, (
                            f"{path.name}: {(position, position + length)}"
                        )
                    position += length


def test_opentimelineio_has_a_track_for_each_audio_file(full_edit: Edit, packages: dict[str, OpenedPackage]) -> None:
    import opentimelineio as otio

    (text,) = [data for name, data in packages["davinci"].files.items() if name.endswith(".otio")]
    tracks = otio.adapters.read_from_string(text.decode(), "otio_json").audio_tracks()
    lengths = [sum(round(item.trimmed_range().duration.value) for item in track) for track in tracks]
    assert lengths == [packages["davinci"].report.frames] * 3, "voice, music and effects are as long as the sequence"


@pytest.fixture(scope="module")
def edit_24(tmp_path_factory: pytest.TempPathFactory) -> Edit:
    """Return an edit at 24 fps. The FCPXML adapter uses floating point, which loses frames at other rates."""
    return build_edit(
        write_test_video(tmp_path_factory.mktemp("f") / "film.mp4", rate="24"), keeps=[(0.0, 1.0), (1.5, 3.0)]
    )


def test_after_effects_makes_placeholders_for_missing_media_and_reports_them(
    packages: dict[str, OpenedPackage],
) -> None:
    names = tuple(p.name for p in (packages["after_effects"].folder / "media").iterdir())
    comp = readback.run_script(packages["after_effects"].project, {}, absent=names)
    assert comp["alerts"] and "Unpack the whole zip" in comp["alerts"][0]
    assert comp["files"] == []
    assert sum(1 for layer in comp["layers"] if layer["path"]) >= 5


def test_captions_are_on_the_frame_grid_without_overlaps(packages: dict[str, OpenedPackage]) -> None:
    root = packages["fcpx"].sequence.extra["root"]
    titles = [(begin, clip) for _, begin, clip in packages["fcpx"].sequence.extra["clips"] if clip.tag == "title"]
    times = {clip.get("name"): (begin, readback.parse_seconds(clip.get("duration"))) for begin, clip in titles}
    assert next(t for name, t in times.items() if name.startswith("Grüße"))[0] == Fraction(
        3, 25
    )  # the first frame after 0.1 s, as in the MP4
    assert times["second"] == (Fraction(1), Fraction(15, 25))
    assert times["The hook"] == (Fraction(0), Fraction(2))
    assert root.find(".//title").get("role") in ("titles.Captions", "titles.Hook")
    srt = next(data for name, data in packages["fcpx"].files.items() if name.endswith(".srt")).decode()
    assert "-->" in srt and "Hello" in srt


def test_failed_exports_raise_a_message_and_leave_no_files(full_edit: Edit, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    cases: Iterator[tuple[Edit, str]] = iter(
        (
            (full_edit, "logic_pro"),
            (msgspec.structs.replace(full_edit, source_path=str(tmp_path / "missing.mp4")), "premiere"),
            (msgspec.structs.replace(full_edit, music=MediaFile(str(broken), "m")), "premiere"),
        )
    )
    for edit, target in cases:
        with pytest.raises(RenderError) as caught:
            write_package(edit, target, out, tmp_path / "w", PackageOptions(include_proxy=False))  # type: ignore[arg-type]
        assert caught.value.sentence.endswith(".")
        assert list(tmp_path.glob("x.zip*")) == [] and not (tmp_path / "w" / "package").exists()


def test_progress_never_decreases(full_edit: Edit, tmp_path: Path) -> None:
    fractions: list[float] = []
    options = PackageOptions(include_proxy=False, progress=fractions.append)
    write_package(full_edit, "premiere", tmp_path / "p.zip", tmp_path / "w", options)
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 3


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 1)), min_size=2, max_size=6),
    st.integers(2, 40),
)
@settings(max_examples=60, deadline=None)
def test_reduced_keyframes_show_the_crop_of_every_frame(stops: list[tuple[float, float, float]], gap: int) -> None:
    canvas, rect = FrameSizes(1080, 1920, 1920, 1080), Rect(0, 0, 1080, 1920)
    crops = []
    for (x0, y0, p0), (x1, y1, p1) in pairwise(stops):
        for n in range(gap):
            x, y, part = (a + (b - a) * n / gap for a, b in ((x0, x1), (y0, y1), (p0, p1)))
            w, h = 0.31640625 * part, part
            crops.append(Box(x * (1 - w), y * (1 - h), w, h))
    keys = [place_picture(n, crop, rect, canvas) for n, crop in enumerate(crops)]
    reduced = reduce_keyframes(keys, rect, canvas)
    for n, crop in enumerate(crops):
        before = max(k for k in range(len(reduced)) if reduced[k].frame <= n)
        is_exact = before + 1 == len(reduced) or reduced[before].frame == n
        key = reduced[before] if is_exact else interpolate_keyframes(reduced[before], reduced[before + 1], n)
        actual = compute_visible_crop(key, rect, canvas)
        for a, b, pixels in (
            (actual.x, crop.x, 1920),
            (actual.y, crop.y, 1080),
            (actual.w, crop.w, 1920),
            (actual.h, crop.h, 1080),
        ):
            assert abs(a - b) * pixels <= 2 * TOLERANCE_PX


@given(
    st.integers(0, 24 * 3600 * 24 - 1),
    st.sampled_from(["24000/1001", "24", "25", "30000/1001", "50", "60000/1001"]),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_parsing_a_formatted_timecode_returns_its_frames(frames: int, rate: str, drop: bool) -> None:
    text = format_timecode(frames, Fraction(rate), drop)
    assert parse_timecode(text, Fraction(rate)) == frames


def test_drop_frame_timecode_skips_frame_numbers() -> None:
    rate = Fraction(30000, 1001)
    assert format_timecode(1799, rate, True) == "00:00:59;29"
    assert format_timecode(1800, rate, True) == "00:01:00;02"
    assert format_timecode(17982, rate, True) == "00:10:00;00"
    assert parse_timecode("01:00:00;00", rate) == 107892


def test_caption_style_sets_the_look_of_titles(full_edit: Edit, tmp_path: Path) -> None:
    config = TemplateConfig(layout=full_edit.config.layout, caption_style="HORMOZI")
    plain = msgspec.structs.replace(full_edit, config=config, cutaways=(), music=None, watermark=None)
    package = open_package(plain, "fcpx", tmp_path)
    style = package.sequence.extra["root"].find(".//text-style-def/text-style")
    assert (style.get("font"), style.get("fontFace")) == ("Montserrat", "Black")
    assert "- Montserrat Black (Montserrat-Black)\n" in package.files["FONTS.txt"].decode()
    assert fcpxml.TITLE_EFFECT in package.project


def test_custom_font_is_named_by_its_own_names(full_edit: Edit, tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    with TTFont(build_face("Anton", 400, tmp_path).path) as font:
        for number, name in ((1, "House Ultra"), (2, "Regular"), (6, "HouseX-Ult"), (16, "House"), (17, "Ultra")):
            font["name"].setName(name, number, 3, 1, 0x409)
        font.save(tmp_path / "house.ttf")
    config = msgspec.structs.replace(full_edit.config, style=StyleConfig(caption_font="House"))
    custom_fonts = (describe_file(tmp_path / "house.ttf", "house.ttf", tmp_path / "converted.ttf"),)
    package = open_package(
        msgspec.structs.replace(full_edit, config=config, fonts=custom_fonts), "after_effects", tmp_path
    )
    assert "- House Ultra (HouseX-Ult)\n" in package.files["FONTS.txt"].decode()
    assert '"font": "HouseX-Ult"' in package.project
