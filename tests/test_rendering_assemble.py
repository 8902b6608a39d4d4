"""What an edit is made of, and what is refused before any work is done."""

from __future__ import annotations

import subprocess
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import media_files
from carmic_assets.media.ffmpeg import binary
from carmic_assets.media.file_kinds import describe
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import Rate
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import assemble, clip_bounds
from carmic_assets.rendering.pauses import LEAD_S, TAIL_S, kept_spans
from carmic_assets.rendering.render import render


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return media_files.counted(tmp_path_factory.mktemp("source") / "a.mp4", seconds=4)


def put_together(source, media=None, words=(), end=2.0, **config):
    facts = probe(source)
    start, end = clip_bounds(facts, 0.4, 0.4 + end)
    return assemble(
        **{"clip_id": "c", "title": "t", "source_path": str(source), "source": facts, "start_s": start, "end_s": end},
        **{"config": msgspec.convert(config, TemplateConfig), "words": words, "media": media},
        shots=[LayoutShot(0, end - start, "fit", None, "", ())],
    )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"b_roll": [{"videoUrl": "gone", "startTime": 0, "duration": 1}]}, "not in the media library"),
        ({"b_roll": [{"videoUrl": "v", "startTime": 1.5, "duration": 1}]}, "past the end of the clip"),
        ({"b_roll": [{"videoUrl": "v", "startTime": 0, "duration": 1, "sourceStart": 9}]}, "after the end of its own"),
        ({"b_roll": [{"videoUrl": "a", "startTime": 0, "duration": 1}]}, "no picture"),
        ({"audio": {"musicTrack": "v"}}, "no sound"),
        ({"audio": {"activeTrack": {"url": "gone"}}}, "activeTrack.*not in the media library"),
        ({"elements": {"watermark": {"enabled": True}}}, "watermark.*names no file"),
        ({"elements": {"watermark": {"enabled": True, "imageUrl": "v"}}}, "is a video"),
        ({"elements": {"progressBar": {"enabled": True, "color": "blurple"}}}, "colour"),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_a_sentence(source, config, says):
    media = {
        "v": MediaFile("v.mp4", "v", 3.0, 64, 64, True, False),
        "a": MediaFile("a.mp3", "a", 3.0, None, None, False, True),
    }
    with pytest.raises(RenderFailed, match=says):
        put_together(source, media, **config)


def test_a_cutaway_that_its_file_is_too_short_for_ends_with_it_and_the_report_says_so(source, tmp_path):
    """Sound that went on after the picture counted as length: the last picture stood until it ended."""
    picture, longer = media_files.counted(tmp_path / "v.mp4", seconds=1, sound=False), tmp_path / "longer.mp4"
    tone = ("-f", "lavfi", "-i", "sine=440:d=3")
    subprocess.run([binary(), "-v", "error", "-i", str(picture), *tone, "-c:v", "copy", str(longer)], check=True)
    file = describe(longer, "sea.mp4")
    assert (file.kind, file.duration_s, file.has_audio) == ("video", pytest.approx(1.0, abs=0.05), True)
    items = [
        {"videoUrl": "v", "startTime": 0, "duration": 1.02},  # rounding
        {"videoUrl": "v", "startTime": 0.4, "duration": 1.5, "sourceStart": 0.6, "sourceDuration": 5},
    ]
    edit = put_together(source, {"v": file}, b_roll=items, layout={"layoutType": "fit", "aspectRatio": "16:9"})
    assert [cut.duration_s for cut in edit.cutaways] == pytest.approx([1.0, 0.4], abs=0.05)
    report = render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    (note,) = report.notes
    assert "B-roll 2 (`b_roll[1].videoUrl`) is 1.1 s shorter" in note and "sea.mp4" in note
    seen = [media_files.number(each) for each in media_files.frames(tmp_path / "out.mp4")]
    assert seen[:10] == list(range(10)) and seen[10:20] == list(range(15, 25))
    assert seen[25:] == list(range(10 + 25, 10 + 50))  # the talk is back


def test_an_unknown_font_fails_the_render_and_leaves_nothing(source, tmp_path):
    edit = put_together(source, style={"captionFont": "No Such Font"}, words=[Word("hi", 0, 1, 1.0)])
    with pytest.raises(RenderFailed, match="No Such Font"):
        render(edit, tmp_path / "out.mp4", tmp_path / "work")
    assert [p.name for p in tmp_path.iterdir()] == ["work"] and not any((tmp_path / "work").iterdir())


def test_a_tenth_of_a_second_with_everything_on_it_is_rendered(source, tmp_path):
    tone = tmp_path / "long.wav"
    subprocess.run([binary(), "-v", "error", "-f", "lavfi", "-i", "sine=440:d=9", str(tone)], check=True)
    edit = put_together(
        source,
        {"m": MediaFile(str(tone), "m", 9.0, None, None, False, True)},
        words=[Word("hi", 0.0, 0.1, 1.0), Word("uhm", 0.1, 0.1, 1.0)],
        end=0.12,
        elements={"hookTitle": {"enabled": True, "text": "Hello", "durationSec": 60}, "progressBar": {"enabled": True}},
        audio={"autoSfxEnabled": True, "musicTrack": "m", "removePauses": True},
    )
    report = render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    assert report.frames == len(media_files.frames(tmp_path / "out.mp4")) == 3


def test_music_that_is_gone_fails_the_render(source, tmp_path):
    media = {"m": MediaFile(str(tmp_path / "gone.mp3"), "m", 9.0, None, None, False, True)}
    edit = put_together(source, media, audio={"musicTrack": "m"})
    with pytest.raises(RenderFailed, match="missing"):
        render(edit, tmp_path / "out.mp4", tmp_path / "work", cache=tmp_path / "cache")
    assert not (tmp_path / "out.mp4").exists()


def test_damaged_media_fail_the_render_and_leave_nothing(source, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    media = {"v": MediaFile(str(broken), "v", 3.0, 64, 64, True, False)}
    edit = put_together(source, media, b_roll=[{"videoUrl": "v", "startTime": 0, "duration": 1}])
    with pytest.raises(RenderFailed):
        render(edit, tmp_path / "out.mp4", tmp_path / "work")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.mp4", "work"]


def test_bounds_lie_on_the_grid_and_inside_the_source(source):
    facts = probe(source)
    start, end = clip_bounds(facts, 1.013, 99)
    assert start == pytest.approx(1.0) and end == pytest.approx(4.0, abs=0.05)
    with pytest.raises(RenderFailed, match="outside"):
        clip_bounds(facts, 50, 60)


def test_the_users_words_replace_the_transcripts(source):
    edited = {"words": [{"word": "Carmic", "start": 0.1, "end": 0.5}]}
    edit = put_together(source, words=[Word("karmic", 0.1, 0.5, 0.4)], transcript=edited)
    assert [w.text for w in edit.words] == ["Carmic"]


def test_fillers_and_silences_go_and_words_stay_whole():
    words = [Word("so", 1.0, 1.3, 1), Word("um,", 1.5, 1.9, 1), Word("yes.", 2.0, 2.4, 1), Word("then", 6.0, 6.4, 1)]
    kept = kept_spans(words, 10.0, Rate(25, 1), language="en")
    assert sum(k.end_s - k.start_s for k in kept) < 3
    for word in (words[0], words[2], words[3]):
        assert any(k.start_s <= word.start_s + 0.021 and word.end_s - 0.021 <= k.end_s for k in kept)
    assert not any(k.start_s < 1.7 < k.end_s for k in kept)
    german = kept_spans([Word("um", 1.5, 1.9, 1), Word("zu", 2.0, 2.4, 1)], 4.0, Rate(25, 1), language="de")
    assert any(k.start_s < 1.7 < k.end_s for k in german)


@pytest.mark.parametrize(
    "words",
    [
        [("um", 1.0, 1.3), ("I", 1.3, 1.42), ("uh", 1.42, 1.8), ("think", 2.0, 2.4)],  # a short one between two
        [("so", 0.5, 0.9), ("um", 1.0, 1.3), ("Tom", 1.0, 1.3), ("ran", 1.4, 1.8)],  # heard as a filler, corrected
        [("um", 1.0, 1.5), ("never", 1.3, 1.8)],  # times that overlap
    ],
)
def test_a_filler_takes_no_part_of_a_word_with_it(words):
    kept = kept_spans([Word(text, a, b, 1) for text, a, b in words], 4.0, Rate(25, 1), language="en")
    for text, a, b in words:
        whole = any(k.start_s <= a + 0.021 and b - 0.021 <= k.end_s for k in kept)
        assert whole == (text not in ("um", "uh") or ("Tom", a, b) in words), text


@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.05, 2)), max_size=30), st.sampled_from([(25, 1), (30000, 1001)])
)
def test_keeps_are_in_order_on_the_grid_and_hold_every_word(raw, rate):
    words = [Word("word", a, a + d, 1.0) for a, d in raw]
    rate = Rate(*rate)
    grid = rate.num / rate.den
    duration = round(33 * grid) / grid
    kept = kept_spans(words, duration, rate)
    assert kept and kept[0].start_s >= 0 and kept[-1].end_s <= duration + 1e-6
    assert all(a.end_s < b.start_s for a, b in pairwise(kept))
    assert all(abs(t * grid - round(t * grid)) < 1e-6 for k in kept for t in (k.start_s, k.end_s))
    for word in words:
        middle = min((word.start_s + word.end_s) / 2, duration - 0.05)
        assert any(k.start_s - 0.05 <= middle <= k.end_s + 0.05 for k in kept)
    assert LEAD_S < TAIL_S
