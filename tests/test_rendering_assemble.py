"""Tests the assembly of edits: clip bounds, pause removal, and configurations that are rejected before a render."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import media_files
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.file_kinds import describe_file
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.edit import Edit, MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import FrameRate
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.rendering.pauses import WORD_LEAD_S, WORD_TAIL_S, remove_pauses
from carmic_assets.rendering.render import render


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media_files.write_numbered_video(tmp_path_factory.mktemp("source") / "a.mp4", seconds=4)


def build_edit(
    source: Path,
    media: dict[str, MediaFile] | None = None,
    words: Sequence[Word] = (),
    duration: float = 2.0,
    **config: object,
) -> Edit:
    facts = probe(source)
    start, end = snap_clip_bounds(facts, 0.4, 0.4 + duration)
    return assemble_edit(
        ClipInputs(
            **{
                "clip_id": "c",
                "title": "t",
                "source_path": str(source),
                "source": facts,
                "start_s": start,
                "end_s": end,
            },
            **{"config": msgspec.convert(config, TemplateConfig), "words": words, "media": media},
            shots=[LayoutShot(0, end - start, "fit", None, "", ())],
        )
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"b_roll": [{"videoUrl": "missing", "startTime": 0, "duration": 1}]}, "not in the media library"),
        ({"b_roll": [{"videoUrl": "v", "startTime": 1.5, "duration": 1}]}, "past the end of the clip"),
        ({"b_roll": [{"videoUrl": "v", "startTime": 0, "duration": 1, "sourceStart": 9}]}, "which is only 3.0 s long"),
        ({"b_roll": [{"videoUrl": "a", "startTime": 0, "duration": 1}]}, "has no video"),
        ({"audio": {"musicTrack": "v"}}, "has no audio"),
        ({"audio": {"activeTrack": {"url": "missing"}}}, "activeTrack.*not in the media library"),
        ({"elements": {"watermark": {"enabled": True}}}, "watermark.*names no file"),
        ({"elements": {"watermark": {"enabled": True, "imageUrl": "v"}}}, "is a video"),
        ({"elements": {"progressBar": {"enabled": True, "color": "blurple"}}}, "colour"),
    ],
)
def test_invalid_configurations_are_rejected_with_a_message(source: Path, config: dict[str, Any], message: str) -> None:
    media = {
        "v": MediaFile("v.mp4", "v", 3.0, 64, 64, True, False),
        "a": MediaFile("a.mp3", "a", 3.0, None, None, False, True),
    }
    with pytest.raises(RenderError, match=message):
        build_edit(source, media, **config)


def test_cutaway_longer_than_its_file_ends_with_the_file_and_is_reported(source: Path, tmp_path: Path) -> None:
    """The length of the file is that of its video, although its audio is longer."""
    picture = media_files.write_numbered_video(tmp_path / "v.mp4", seconds=1, sound=False)
    longer = tmp_path / "longer.mp4"
    tone = ("-f", "lavfi", "-i", "sine=440:d=3")
    subprocess.run([locate_binary(), "-v", "error", "-i", str(picture), *tone, "-c:v", "copy", str(longer)], check=True)
    file = describe_file(longer, "sea.mp4")
    assert (file.kind, file.duration_s, file.has_audio) == ("video", pytest.approx(1.0, abs=0.05), True)
    items = [
        {"videoUrl": "v", "startTime": 0, "duration": 1.02},  # 0.02 s too long: within the rounding tolerance
        {"videoUrl": "v", "startTime": 0.4, "duration": 1.5, "sourceStart": 0.6, "sourceDuration": 5},
    ]
    edit = build_edit(source, {"v": file}, b_roll=items, layout={"layoutType": "fit", "aspectRatio": "16:9"})
    assert [cut.duration_s for cut in edit.cutaways] == pytest.approx([1.0, 0.4], abs=0.05)
    report = render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    (note,) = report.notes
    assert "B-roll 2 (`b_roll[1].videoUrl`) is 1.1 s shorter" in note and "sea.mp4" in note
    numbers = [media_files.read_frame_number(frame) for frame in media_files.decode_frames(tmp_path / "out.mp4")]
    assert numbers[:10] == list(range(10)) and numbers[10:20] == list(range(15, 25))
    assert numbers[25:] == list(range(10 + 25, 10 + 50))  # the source after the cutaways


def test_unknown_font_fails_the_render_and_leaves_no_files(source: Path, tmp_path: Path) -> None:
    edit = build_edit(source, style={"captionFont": "No Such Font"}, words=[Word("hi", 0, 1, 1.0)])
    with pytest.raises(RenderError, match="No Such Font"):
        render(edit, tmp_path / "out.mp4", tmp_path / "work")
    assert [p.name for p in tmp_path.iterdir()] == ["work"] and not any((tmp_path / "work").iterdir())


def test_clip_of_a_tenth_of_a_second_with_all_elements_is_rendered(source: Path, tmp_path: Path) -> None:
    tone = tmp_path / "long.wav"
    subprocess.run([locate_binary(), "-v", "error", "-f", "lavfi", "-i", "sine=440:d=9", str(tone)], check=True)
    edit = build_edit(
        source,
        {"m": MediaFile(str(tone), "m", 9.0, None, None, False, True)},
        words=[Word("hi", 0.0, 0.1, 1.0), Word("uhm", 0.1, 0.1, 1.0)],
        duration=0.12,
        elements={"hookTitle": {"enabled": True, "text": "Hello", "durationSec": 60}, "progressBar": {"enabled": True}},
        audio={"autoSfxEnabled": True, "musicTrack": "m", "removePauses": True},
    )
    report = render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    assert report.frames == len(media_files.decode_frames(tmp_path / "out.mp4")) == 3


def test_missing_music_fails_the_render(source: Path, tmp_path: Path) -> None:
    media = {"m": MediaFile(str(tmp_path / "missing.mp3"), "m", 9.0, None, None, False, True)}
    edit = build_edit(source, media, audio={"musicTrack": "m"})
    with pytest.raises(RenderError, match="missing"):
        render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    assert not (tmp_path / "out.mp4").exists()


def test_damaged_media_fail_the_render_and_leave_no_files(source: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    media = {"v": MediaFile(str(broken), "v", 3.0, 64, 64, True, False)}
    edit = build_edit(source, media, b_roll=[{"videoUrl": "v", "startTime": 0, "duration": 1}])
    with pytest.raises(RenderError):
        render(edit, tmp_path / "out.mp4", tmp_path / "work")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.mp4", "work"]


def test_clip_bounds_are_snapped_to_the_frame_grid_inside_the_source(source: Path) -> None:
    facts = probe(source)
    start, end = snap_clip_bounds(facts, 1.013, 99)
    assert start == pytest.approx(1.0) and end == pytest.approx(4.0, abs=0.05)
    with pytest.raises(RenderError, match="outside"):
        snap_clip_bounds(facts, 50, 60)


def test_edited_words_replace_the_transcript_in_captions(source: Path) -> None:
    edited = {"words": [{"word": "Carmic", "start": 0.1, "end": 0.5}]}
    edit = build_edit(source, words=[Word("karmic", 0.1, 0.5, 0.4)], transcript=edited)
    assert [w.text for w in edit.words] == ["Carmic"]


def test_fillers_and_silences_are_removed_and_words_are_kept_whole() -> None:
    words = [Word("so", 1.0, 1.3, 1), Word("um,", 1.5, 1.9, 1), Word("yes.", 2.0, 2.4, 1), Word("then", 6.0, 6.4, 1)]
    kept = remove_pauses(words, 10.0, FrameRate(25, 1), language="en")
    assert sum(k.end_s - k.start_s for k in kept) < 3
    for word in (words[0], words[2], words[3]):
        assert any(k.start_s <= word.start_s + 0.021 and word.end_s - 0.021 <= k.end_s for k in kept)
    assert not any(k.start_s < 1.7 < k.end_s for k in kept)
    german = remove_pauses([Word("um", 1.5, 1.9, 1), Word("zu", 2.0, 2.4, 1)], 4.0, FrameRate(25, 1), language="de")
    assert any(k.start_s < 1.7 < k.end_s for k in german)


@pytest.mark.parametrize(
    "words",
    [
        [
            ("um", 1.0, 1.3),
            ("I", 1.3, 1.42),
            ("uh", 1.42, 1.8),
            ("think", 2.0, 2.4),
        ],  # a short word between two fillers
        [
            ("so", 0.5, 0.9),
            ("um", 1.0, 1.3),
            ("Tom", 1.0, 1.3),
            ("ran", 1.4, 1.8),
        ],  # recognised as a filler, then corrected
        [("um", 1.0, 1.5), ("never", 1.3, 1.8)],  # times that overlap
    ],
)
def test_removing_a_filler_never_cuts_a_word(words: list[tuple[str, float, float]]) -> None:
    kept = remove_pauses([Word(text, a, b, 1) for text, a, b in words], 4.0, FrameRate(25, 1), language="en")
    for text, a, b in words:
        is_kept = any(k.start_s <= a + 0.021 and b - 0.021 <= k.end_s for k in kept)
        assert is_kept == (text not in ("um", "uh") or ("Tom", a, b) in words), text


@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.05, 2)), max_size=30), st.sampled_from([(25, 1), (30000, 1001)])
)
def test_kept_spans_are_ordered_on_the_frame_grid_and_contain_every_word(
    starts_and_durations: list[tuple[float, float]], rate: tuple[int, int]
) -> None:
    words = [Word("word", start, start + duration, 1.0) for start, duration in starts_and_durations]
    frame_rate = FrameRate(*rate)
    fps = frame_rate.num / frame_rate.den
    clip_s = round(33 * fps) / fps
    kept = remove_pauses(words, clip_s, frame_rate)
    assert kept and kept[0].start_s >= 0 and kept[-1].end_s <= clip_s + 1e-6
    assert all(a.end_s < b.start_s for a, b in pairwise(kept))
    assert all(abs(t * fps - round(t * fps)) < 1e-6 for k in kept for t in (k.start_s, k.end_s))
    for word in words:
        middle_s = min((word.start_s + word.end_s) / 2, clip_s - 0.05)
        assert any(k.start_s - 0.05 <= middle_s <= k.end_s + 0.05 for k in kept)
    assert WORD_LEAD_S < WORD_TAIL_S
