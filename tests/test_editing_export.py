"""Exports and previews of a timeline, read back by the number that each frame shows."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import media_files
from carmic_assets.editing import segment_edits
from carmic_assets.editing.export_chunks import Chunk, encode_chunk, join_chunks, plan_chunks, write_sound
from carmic_assets.editing.footage import Footage
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.editing.still_frames import draw_frame, draw_strip
from carmic_assets.editing.timeline_clock import canvas_frames, frame_shown_at
from carmic_assets.media.probe import probe
from carmic_assets.model.timeline import Canvas, Grade, Segment, Segments


def footage_of(path: Path) -> Footage:
    return Footage(str(path), probe(path))


def appended(segments: Segments, name: str, footage: Footage) -> Segments:
    end = footage.frames
    return segment_edits.append(segments, Segment(name, name, footage.rate, 0, end, 0, end, 0))


def export(segments: Segments, footage: dict[str, Footage], canvas: Canvas, folder: Path) -> tuple[Path, list[Chunk]]:
    folder.mkdir(exist_ok=True)
    chunks = plan_chunks(segments, footage, canvas)
    for chunk in chunks:
        path = folder / f"{chunk.key}.mp4"
        if not path.exists():
            encode_chunk(chunk, path)
    sound, out = folder / "sound.mp4", folder / "out.mp4"
    write_sound(segments, footage, canvas, sound)
    frames = join_chunks([folder / f"{c.key}.mp4" for c in chunks], sound, canvas.rate, out)
    assert frames == sum(n for _, n in canvas_frames(segments, canvas.rate))
    return out, chunks


def numbers(path: Path) -> list[int]:
    return [media_files.read_frame_number(f) for f in media_files.decode_frames(path)]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return footage_of(media_files.write_numbered_video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=24))


def test_an_export_shows_exactly_the_frames_of_its_segments(talk: Footage, tmp_path: Path) -> None:
    ids = (f"n{i}" for i in count())
    canvas = Canvas(640, 360, talk.rate)
    segments = appended((), "a", talk)
    segments, left, right = segment_edits.split(segments, "a", 9.48, lambda: next(ids))
    segments, trimmed = segment_edits.trim(segments, right.id, 12.0, 23.0)
    segments, inner, _ = segment_edits.split(segments, trimmed.id, 15.2, lambda: next(ids))
    segments = segment_edits.delete(segments, inner.id, gap_id="gap")
    segments = segment_edits.move(segments, left.id, 2)
    out, _ = export(segments, {"a": talk}, canvas, tmp_path / "export")
    expected = [*[None] * 80, *range(380, 575), *range(237)]
    numbers_shown = numbers(out)
    assert len(numbers_shown) == len(expected)
    assert [n for n, e in zip(numbers_shown, expected, strict=True) if e is not None] == [
        e for e in expected if e is not None
    ]
    # Sound: flashes and beeps of whole seconds stay together. Second 16 lies at 80 + (400 - 380) frames.
    sound, first_s = media_files.decode_audio(out)
    beeps_s = [b + first_s for b in media_files.find_beeps_s(sound)]
    expected_s = [(80 + n - 380) / 25 for n in range(400, 575, 25)] + [(80 + 195 + n) / 25 for n in range(0, 237, 25)]
    assert beeps_s == pytest.approx(expected_s, abs=0.02)


def test_a_change_encodes_its_own_chunks_only_and_the_same_export_has_the_same_bytes(
    talk: Footage, tmp_path: Path
) -> None:
    canvas = Canvas(640, 360, talk.rate)
    segments = appended((), "a", talk)
    out, before = export(segments, {"a": talk}, canvas, tmp_path / "one")
    second, _ = export(segments, {"a": talk}, canvas, tmp_path / "two")
    assert out.read_bytes() == second.read_bytes()
    assert len(before) == 3
    segments, _left, _ = segment_edits.split(segments, "a", 20.0, iter("bc").__next__)
    after = {c.key for c in plan_chunks(segments, {"a": talk}, canvas)}
    assert after == {c.key for c in before}  # the chunk grid is unchanged, so nothing is encoded again
    segments, _ = segment_edits.grade(segments, "c", Grade(brightness=0.1), iter("d").__next__)
    graded = {c.key for c in plan_chunks(segments, {"a": talk}, canvas)}
    assert len(graded & after) == 2


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(50), Fraction(24)])
def test_footage_of_other_rates_and_sizes_is_conformed_without_drift(fps: Fraction, tmp_path: Path) -> None:
    first = footage_of(media_files.write_numbered_video(tmp_path / "a.mp4", seconds=3))
    other = footage_of(media_files.write_numbered_video(tmp_path / "b.mp4", seconds=3, fps=fps, size=(640, 480)))
    canvas = Canvas(640, 360, first.rate)
    segments = appended(appended((), "a", first), "b", other)
    out, _ = export(segments, {"a": first, "b": other}, canvas, tmp_path / "export")
    pictures = media_files.decode_frames(out)
    assert [media_files.read_frame_number(p) for p in pictures[:75]] == list(range(75))
    box = (80 / 640, 0.0, 480 / 640, 1.0)  # 4:3 between bars
    numbers_shown = [media_files.read_frame_number(p, box) for p in pictures[75:]]
    expected = [n * fps / 25 for n in range(len(numbers_shown))]
    assert max(abs(float(s - e)) for s, e in zip(numbers_shown, expected, strict=True)) <= 1.0
    assert pictures[80][:, :70].max() <= 1


def test_a_preview_frame_is_the_frame_of_the_export(talk: Footage, tmp_path: Path) -> None:
    canvas = Canvas(640, 360, talk.rate)
    segments = appended((), "a", talk)
    segments, graded = segment_edits.grade(segments, "a", Grade(0.1, 0.2, 0.3, 0.2, -0.1, 20), iter("b").__next__)
    out, _ = export(segments, {"a": talk}, canvas, tmp_path / "export")
    pictures = media_files.decode_frames(out)
    for seconds in (0.0, 3.32, 9.96, 23.96):
        position = frame_shown_at(segments, seconds)
        shot = Shot(talk, talk.seconds(position.frame), 1, graded.effects, canvas)
        draw_frame(shot, tmp_path / "frame.png", "png")
        preview = media_files.decode_frames(tmp_path / "frame.png")[0]
        n = round(seconds * 25)
        assert media_files.read_frame_number(preview) == media_files.read_frame_number(pictures[n]) == n
        error = np.abs(preview.astype(float) - pictures[n]).mean()
        assert error < 2.0, seconds  # the encoder's own loss


def test_a_strip_is_one_decode_of_the_frames_it_names(talk: Footage, tmp_path: Path) -> None:
    shot = Shot(talk, talk.seconds(50), 500, segment_edits.Effects(), Canvas(640, 360, talk.rate))
    paths = draw_strip(shot, [0, 25, 50, 410], tmp_path, 640)
    assert [media_files.read_frame_number(media_files.decode_frames(p)[0]) for p in paths] == [50, 75, 100, 460]


def test_late_and_variable_sources_keep_one_grid_for_preview_and_export(tmp_path: Path) -> None:
    path = media_files.write_numbered_video(tmp_path / "late.ts", first_pts_s=2, container="mpegts", seconds=3)
    late = footage_of(path)
    canvas = Canvas(640, 360, late.rate)
    segments = appended((), "a", late)
    out, _ = export(segments, {"a": late}, canvas, tmp_path / "export")
    numbers_shown = numbers(out)
    assert numbers_shown[-1] == 74
    for n in (0, 10, len(numbers_shown) - 1):
        draw_frame(Shot(late, late.seconds(n), 1, segment_edits.Effects(), canvas), tmp_path / "f.png", "png")
        assert media_files.read_frame_number(media_files.decode_frames(tmp_path / "f.png")[0]) == numbers_shown[n]
