"""Tests of proxies, thumbnails and ffmpeg runs: they keep the clock and the orientation, and leave nothing behind."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

import media_files
from carmic_assets.media import ffmpeg
from carmic_assets.media.probe import probe
from carmic_assets.media.proxy import has_fast_start, is_proxy, make_proxy
from carmic_assets.media.thumbnail import make_thumbnail
from carmic_assets.model.errors import CorruptVideoError, RenderError


def test_a_proxy_keeps_the_clock_and_is_its_own_proxy(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(
        tmp_path / "a.ts", container="mpegts", first_pts_s=3, size=(1920, 1080), seconds=2
    )
    facts = probe(source)
    proxy = tmp_path / "proxy.mp4"
    reports: list[float] = []
    assert not is_proxy(source, facts)
    make_proxy(source, facts, proxy, reports.append)
    proxy_facts = probe(proxy)
    video = proxy_facts.video
    assert (video.width, video.height, video.codec) == (1280, 720, "h264")
    assert is_proxy(proxy, proxy_facts) and has_fast_start(proxy)
    assert reports == sorted(reports) and reports[-1] == 1.0
    offset = round(facts.video.start_s * 25)
    numbers = [media_files.read_frame_number(picture) for picture in media_files.decode_frames(proxy)]
    assert numbers[offset : offset + 50] == list(range(50))
    beeps = media_files.find_beeps_s(media_files.decode_audio(proxy)[0])
    assert beeps[1] == pytest.approx(1 + facts.video.start_s, abs=0.04)


@pytest.mark.parametrize("name", ["rotated_and_mirrored.mp4", "rotated.mp4", "hdr10.mp4"])
def test_proxies_and_thumbnails_are_upright_and_sdr(tmp_path: Path, name: str) -> None:
    source = media_files.write_odd_video(tmp_path, name)
    facts = probe(source)
    make_proxy(source, facts, tmp_path / "p.mp4")
    video = probe(tmp_path / "p.mp4").video
    assert (video.width, video.height) == (facts.video.width, facts.video.height)
    assert (video.rotation, video.mirrored, video.hdr, video.pix_fmt) == (0, False, False, "yuv420p")
    make_thumbnail(source, facts, facts.duration_s / 2, tmp_path / "t.jpg", width=320)
    height, width = cv2.imread(str(tmp_path / "t.jpg")).shape[:2]
    assert width / height == pytest.approx(facts.video.width / facts.video.height, rel=0.05)


def test_interlaced_sources_are_deinterlaced(tmp_path: Path) -> None:
    """Without deinterlacing, moving edges show combing in proxies, clips and thumbnails."""
    source, proxy = tmp_path / "fields.mp4", tmp_path / "proxy.mp4"
    field = "color=black:s=640x360:r=50:d=2[b];color=white:s=80x360:r=50:d=2[w];[b][w]overlay=x=250*t:y=0"
    command = ffmpeg.build_command(
        [],
        ["-map", "[v]", "-c:v", "libx264", "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p", str(source)],
        graph=f"{field},interlace=scan=tff:lowpass=0[v]",
    )
    ffmpeg.run(command)
    facts = probe(source)
    assert facts.video.interlaced and not is_proxy(source, facts)
    make_proxy(source, facts, proxy)

    def combing_ratio(path: Path) -> float:
        picture: np.ndarray = media_files.decode_frames(path)[25].astype(int)[..., 1]
        return (abs(picture[1:-1] - picture[:-2]) > 60).mean()

    assert combing_ratio(source) > 0.005
    assert combing_ratio(proxy) < combing_ratio(source) / 10
    video = probe(proxy).video
    assert not video.interlaced
    assert video.duration_s == pytest.approx(facts.video.duration_s, abs=0.001)


def test_a_failed_proxy_leaves_no_file(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    facts = probe(source)
    source.write_bytes(b"no longer a video")
    with pytest.raises(CorruptVideoError) as failed:
        make_proxy(source, facts, tmp_path / "p.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert "ffmpeg exited with status" in failed.value.__notes__[0] and str(tmp_path) not in failed.value.sentence


def test_ffmpeg_opens_no_playlist_and_no_url(tmp_path: Path) -> None:
    playlist = tmp_path / "a.mp4"
    other = media_files.write_numbered_video(tmp_path / "b.mp4", seconds=0.2)
    playlist.write_text(f"ffconcat version 1.0\nfile {other}\n")
    for path in (str(playlist), "http://127.0.0.1:9/a.mp4"):
        with pytest.raises(RenderError):
            ffmpeg.run(ffmpeg.build_command([ffmpeg.Input(path)], ["-f", "null", "-"]))


def test_the_child_process_ends_with_the_caller(tmp_path: Path) -> None:
    """An exception in the caller, here from its progress callback, also ends ffmpeg."""
    child_pids: list[int] = []

    class StopError(Exception):
        pass

    def progress(fraction: float) -> None:
        # The server that other tests share may be a child of this process too.
        child_pids.extend(child.pid for child in psutil.Process().children() if "ffmpeg" in child.name())
        raise StopError

    endless = ffmpeg.Input("testsrc2=s=640x360:r=25", ("-re",), "lavfi")
    command = ffmpeg.build_command([endless], ["-t", "60", "-c:v", "libx264", str(tmp_path / "o.mp4")])
    with pytest.raises(StopError):
        ffmpeg.run(command, duration_s=60, progress=progress)
    assert child_pids and not any(psutil.pid_exists(pid) for pid in child_pids)  # `run` reaps its child


def test_a_run_over_its_time_limit_is_stopped() -> None:
    endless = ffmpeg.Input("testsrc2=s=320x180:r=25", ("-re",), "lavfi")
    started = time.monotonic()
    with pytest.raises(RenderError, match="longer than"):
        ffmpeg.run(ffmpeg.build_command([endless], ["-t", "60", "-f", "null", "-"]), timeout_s=1)
    assert time.monotonic() - started < 6
