"""Exports by copying packets: the frames, the copied packets, and what is encoded instead."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import av
import pytest

import media_files
from carmic_assets.editing import segment_edits, smart_copy
from carmic_assets.editing.export_chunks import write_sound
from carmic_assets.editing.footage import Footage, natural_canvas
from carmic_assets.editing.smart_copy import NotCopyableError, plan_copy, write_copy
from carmic_assets.editing.timeline_clock import active
from carmic_assets.media.probe import probe
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas, Grade, Segment, Segments


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Twenty seconds with a keyframe each 60 frames and frames that are stored out of order."""
    path = media_files.write_numbered_video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=20, size=(320, 180))
    return Footage(str(path), probe(path))


def uncut(footage: Footage) -> Segments:
    end = footage.frames
    return segment_edits.append((), Segment("a", "a", footage.rate, 0, end, 0, end, 0))


def cut(footage: Footage) -> Segments:
    """Remove seconds 6.6 to 7.2, and the last second."""
    ids = (f"n{n}" for n in count())
    segments, _, right = segment_edits.split(uncut(footage), "a", 6.6, lambda: next(ids))
    segments, _ = segment_edits.trim(segments, right.id, 7.2, 19.0)
    return active(segments)


def packets_of(path: str | Path) -> dict[int, bytes]:
    """Return the packets of a file by the number of their frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return {round(p.pts * stream.time_base * 25): bytes(p) for p in container.demux(stream) if p.size}


def test_a_copied_export_has_the_frames_and_the_packets_of_its_footage(talk: Footage, tmp_path: Path) -> None:
    segments, canvas = cut(talk), natural_canvas(talk.facts)
    plan = plan_copy(segments, {"a": talk}, canvas)
    write_sound(segments, {"a": talk}, canvas, tmp_path / "sound.mp4")
    out = tmp_path / "out.mp4"
    copied = write_copy(plan, tmp_path / "sound.mp4", out)
    expected = [*range(165), *range(180, 475)]
    assert (copied.frames, copied.frames_copied) == (len(expected), 120 + 240)
    assert [media_files.read_frame_number(f) for f in media_files.decode_frames(out)] == expected
    source, exported = packets_of(talk.path), packets_of(out)
    identical = sum(exported[place] == source[number] for place, number in enumerate(expected))
    assert identical == copied.frames_copied
    sound, first_s = media_files.decode_audio(out)
    beeps_s = [beep + first_s for beep in media_files.find_beeps_s(sound)]
    assert beeps_s == pytest.approx([expected.index(n) / 25 for n in expected if n % 25 == 0], abs=0.02)
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "sound.mp4"}


def test_what_cannot_be_copied_has_a_reason(talk: Footage, tmp_path: Path) -> None:
    canvas = natural_canvas(talk.facts)
    graded, _ = segment_edits.grade(uncut(talk), "a", Grade(gamma=0.1), lambda: "g")
    gap = active(segment_edits.append(uncut(talk), segment_edits.gap_like(uncut(talk)[0], "gap")))
    short, _ = segment_edits.trim(uncut(talk), "a", 1.0, 4.0)
    path = media_files.write_numbered_video(tmp_path / "late.ts", first_pts_s=2, container="mpegts", seconds=3)
    stream = Footage(str(path), probe(path))
    for segments, footage, size, reason in (
        (active(graded), talk, canvas, "effects"),
        (gap, talk, canvas, "gaps"),
        (short, talk, canvas, "too few"),
        (uncut(talk), talk, Canvas(640, 360, talk.rate), "size"),
        (uncut(talk), talk, Canvas(320, 180, FrameRate(30, 1)), "frame rate"),
        (uncut(stream), stream, natural_canvas(stream.facts), "MP4 header"),
    ):
        with pytest.raises(NotCopyableError, match=reason):
            plan_copy(segments, {"a": footage}, size)


def test_a_copy_that_does_not_decode_as_its_footage_is_refused(
    talk: Footage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments, canvas = cut(talk), natural_canvas(talk.facts)
    plan = plan_copy(segments, {"a": talk}, canvas)
    write_sound(segments, {"a": talk}, canvas, tmp_path / "sound.mp4")
    # Without the parameter sets of the encoded pieces, a decoder reads their frames wrongly or not at all.
    monkeypatch.setattr(smart_copy.AvcConfiguration, "merge", lambda self, other: self)
    with pytest.raises(NotCopyableError):
        write_copy(plan, tmp_path / "sound.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
