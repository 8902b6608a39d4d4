"""Tests of sources whose formats change or whose timestamps jump: no output loses a part."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

import media_files
from carmic_assets.exports.package_media import CutJob, cut_video
from carmic_assets.media.analysis import analyse
from carmic_assets.media.conforming import conform
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.output_check import check_output
from carmic_assets.media.probe import probe
from carmic_assets.media.proxy import make_proxy
from carmic_assets.media.stream_scan import scan_streams
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.rendering.render import render

PART_S = 3
PART_FRAMES = PART_S * 25
JOINED_NUMBERS = [*range(PART_FRAMES), *range(PART_FRAMES)]


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([locate_binary(), "-v", "error", "-y", *arguments], check=True)


def write_part(path: Path, *options: str) -> Path:
    """Write `PART_S` seconds of the numbered video, encoded with `options`."""
    numbered = media_files.write_numbered_video(path.with_name("numbered.mp4"), seconds=PART_S)
    run_ffmpeg("-i", str(numbered), *options, str(path))
    return path


def join_webm(folder: Path) -> Path:
    """320x180, then 640x360, on one clock, like a browser recording whose connection improves."""
    vp8 = ("-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime", "-c:a", "libopus")
    for name, size in (("a", "320x180"), ("b", "640x360")):
        write_part(folder / f"{name}.webm", "-s", size, *vp8)
    (folder / "list.txt").write_text("file a.webm\nfile b.webm\n")
    run_ffmpeg("-f", "concat", "-i", str(folder / "list.txt"), "-c", "copy", str(folder / "ab.webm"))
    return folder / "ab.webm"


def join_ts(folder: Path, first: tuple[str, ...], second: tuple[str, ...], name: str = "ts") -> Path:
    h264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "50", "-bf", "0", "-c:a", "aac")
    parts = [
        write_part(folder / f"a.{name}", *h264, *first).read_bytes(),
        write_part(folder / f"b.{name}", *h264, *second).read_bytes(),
    ]
    joined = folder / f"cat.{name}"
    joined.write_bytes(b"".join(parts))
    return joined


def changing_ts(folder: Path) -> Path:
    """Stereo, then mono and a smaller frame size, on one clock, like a broadcast recording."""
    return join_ts(folder, ("-ac", "2"), ("-ac", "1", "-s", "320x180", "-output_ts_offset", "3.0232"))


def restarting_ts(folder: Path) -> Path:
    """Two concatenated recordings, each with timestamps from 0."""
    return join_ts(folder, (), ())


def restarting_webm(folder: Path) -> Path:
    """Two concatenated browser recordings, the second with a larger frame size."""
    join_webm(folder)
    joined = folder / "cat.webm"
    joined.write_bytes((folder / "a.webm").read_bytes() + (folder / "b.webm").read_bytes())
    return joined


def read_numbers(path: Path) -> list[int]:
    return [media_files.read_frame_number(picture) for picture in media_files.decode_frames(path)]


def drop_joint(numbers: list[int]) -> list[int]:
    """Return the numbers without repeats: at the joint a frame may repeat, because audio is longer than video."""
    return [n for before, n in zip([None, *numbers], numbers, strict=False) if n != before]


def render_numbers(path: Path, facts: SourceFacts, folder: Path, start_s: float, end_s: float) -> list[int]:
    start_s, end_s = snap_clip_bounds(facts, start_s, end_s)
    layout = {"layoutType": "fit", "aspectRatio": "16:9"}
    edit = assemble_edit(
        ClipInputs(
            clip_id="clip",
            title="A clip",
            source_path=str(path),
            source=facts,
            start_s=start_s,
            end_s=end_s,
            config=msgspec.convert({"layout": layout}, TemplateConfig),
            words=(),
            shots=[LayoutShot(0, end_s - start_s, "fit", None, "", ())],
        )
    )
    report = render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache")
    assert report.notes == facts.notes
    return read_numbers(folder / "out.mp4")


@pytest.mark.parametrize("make", [join_webm, changing_ts, restarting_ts, restarting_webm])
def test_a_source_that_changes_in_the_middle_is_whole_in_every_output(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    source = make(tmp_path)
    facts = probe(source)
    conformed = conform(source, facts, scan_streams(source, facts), tmp_path)
    assert conformed is not None and conformed.facts.notes
    path, facts = conformed.path, conformed.facts
    assert facts.duration_s == pytest.approx(2 * PART_S, abs=0.15)
    assert (facts.video.width, facts.video.height) == (640, 360)
    assert scan_streams(path, facts).is_regular
    analysis = analyse(path, facts, tmp_path)
    assert analysis.duration_s == pytest.approx(2 * PART_S, abs=0.15)
    make_proxy(path, facts, tmp_path / "proxy.mp4")
    assert drop_joint(read_numbers(tmp_path / "proxy.mp4")) == JOINED_NUMBERS
    beeps = media_files.find_beeps_s(media_files.decode_audio(tmp_path / "proxy.mp4")[0])
    assert beeps == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.12)
    clip = drop_joint(render_numbers(path, facts, tmp_path, 2.0, 4.0))
    assert set(clip) >= {*range(52, PART_FRAMES), *range(20)}
    job = CutJob(str(path), facts, tmp_path / "package.mov")
    packaged = cut_video(job, Fraction(2), Fraction(4), Fraction(25))
    assert set(read_numbers(tmp_path / "package.mov")) >= {*range(52, PART_FRAMES), *range(20)}
    assert packaged.frames / packaged.rate.fraction >= 2


def test_a_regular_source_is_left_alone(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.ts", container="mpegts", first_pts_s=3)
    assert scan_streams(source, probe(source)).is_regular
    gap = media_files.write_numbered_video(tmp_path / "b.mp4", skip=tuple(range(20, 60)))
    assert scan_streams(gap, probe(gap)).is_regular


def test_an_output_with_missing_frames_or_sound_is_an_error(tmp_path: Path) -> None:
    video = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=2)
    check_output(video, RenderError, frames=range(50, 51), duration_s=2.0, has_audio=True)
    with pytest.raises(RenderError, match="50 frames instead of 60"):
        check_output(video, RenderError, frames=range(60, 61), duration_s=2.4, has_audio=True)
    with pytest.raises(RenderError, match=r"2\.0 s of audio instead of 3\.0 s"):
        check_output(video, RenderError, frames=range(50, 51), duration_s=3.0, has_audio=True)
