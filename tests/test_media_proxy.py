"""The proxy plays everywhere and keeps the source's clock; thumbnails are upright; ffmpeg leaves nothing behind."""

from __future__ import annotations

import time

import psutil
import pytest

import media_files
from carmic_assets.media import ffmpeg
from carmic_assets.media.probe import probe
from carmic_assets.media.proxy import is_proxy, make_proxy, starts_fast
from carmic_assets.media.thumbnail import make_thumbnail
from carmic_assets.model.errors import CorruptVideo, RenderFailed


def test_a_proxy_is_its_own_proxy_and_keeps_the_clock(tmp_path):
    source = media_files.counted(tmp_path / "a.ts", container="mpegts", first_pts_s=3, size=(1920, 1080), seconds=2)
    facts = probe(source)
    proxy = tmp_path / "proxy.mp4"
    reports: list[float] = []
    assert not is_proxy(source, facts)
    make_proxy(source, facts, proxy, reports.append)
    made = probe(proxy)
    assert (made.video.width, made.video.height, made.video.codec) == (1280, 720, "h264")
    assert is_proxy(proxy, made) and starts_fast(proxy)
    assert reports == sorted(reports) and reports[-1] == 1.0
    offset = round(facts.video.start_s * 25)
    assert [media_files.number(p) for p in media_files.frames(proxy)][offset : offset + 50] == list(range(50))
    beeps = media_files.beeps(media_files.samples(proxy)[0])
    assert beeps[1] == pytest.approx(1 + facts.video.start_s, abs=0.04)


@pytest.mark.parametrize(
    "name", ["androidx_sample_rotate_and_reflect.mp4", "mp4parse_video_rotation_90.mp4", "androidx_hdr10-av1.mp4"]
)
def test_proxies_and_thumbnails_are_upright_and_sdr(shared, tmp_path, name):
    source = shared / "data/odd" / name
    facts = probe(source)
    make_proxy(source, facts, tmp_path / "p.mp4")
    made = probe(tmp_path / "p.mp4").video
    assert (made.width, made.height) == (facts.video.width, facts.video.height)
    assert (made.rotation, made.mirrored, made.hdr, made.pix_fmt) == (0, False, False, "yuv420p")
    make_thumbnail(source, facts, facts.duration_s / 2, tmp_path / "t.jpg", width=320)
    import cv2

    height, width = cv2.imread(str(tmp_path / "t.jpg")).shape[:2]
    assert width / height == pytest.approx(facts.video.width / facts.video.height, rel=0.05)


def test_interlaced_pictures_lose_their_combs(tmp_path):
    """Two moments in one picture, in every other line: what moves looked torn in proxies, clips and thumbnails."""
    source, proxy = tmp_path / "fields.mp4", tmp_path / "proxy.mp4"
    field = "color=black:s=640x360:r=50:d=2[b];color=white:s=80x360:r=50:d=2[w];[b][w]overlay=x=250*t:y=0"
    line = ffmpeg.command(
        [],
        ["-map", "[v]", "-c:v", "libx264", "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p", str(source)],
        graph=f"{field},interlace=scan=tff:lowpass=0[v]",
    )
    ffmpeg.run(line)
    facts = probe(source)
    assert facts.video.interlaced and not is_proxy(source, facts)
    make_proxy(source, facts, proxy)

    def torn(path):
        picture = media_files.frames(path)[25].astype(int)[..., 1]
        return (abs(picture[1:-1] - picture[:-2]) > 60).mean()

    assert torn(source) > 0.005
    assert torn(proxy) < torn(source) / 10
    made = probe(proxy).video
    assert not made.interlaced
    assert made.duration_s == pytest.approx(facts.video.duration_s, abs=0.001)


def test_a_failed_proxy_leaves_no_file(tmp_path):
    source = media_files.counted(tmp_path / "a.mp4", seconds=1)
    facts = probe(source)
    source.write_bytes(b"no longer a video")
    with pytest.raises(CorruptVideo) as failed:
        make_proxy(source, facts, tmp_path / "p.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert "ffmpeg ended with" in failed.value.__notes__[0] and str(tmp_path) not in failed.value.sentence


def test_ffmpeg_opens_no_playlist_and_no_url(tmp_path):
    playlist = tmp_path / "a.mp4"
    other = media_files.counted(tmp_path / "b.mp4", seconds=0.2)
    playlist.write_text(f"ffconcat version 1.0\nfile {other}\n")
    for path in (str(playlist), "http://127.0.0.1:9/a.mp4"):
        with pytest.raises(RenderFailed):
            ffmpeg.run(ffmpeg.command([ffmpeg.Input(path)], ["-f", "null", "-"]))


def test_the_child_ends_with_the_caller(tmp_path):
    """Whatever stops the caller, here its own progress function, takes ffmpeg with it."""
    seen: list[int] = []

    class Stopped(Exception):
        pass

    def progress(part: float) -> None:
        # a server that other tests share may be a child of this process too
        seen.extend(child.pid for child in psutil.Process().children() if "ffmpeg" in child.name())
        raise Stopped

    endless = ffmpeg.Input("testsrc2=s=640x360:r=25", ("-re",), "lavfi")
    line = ffmpeg.command([endless], ["-t", "60", "-c:v", "libx264", str(tmp_path / "o.mp4")])
    with pytest.raises(Stopped):
        ffmpeg.run(line, duration_s=60, progress=progress)
    time.sleep(0.1)
    assert seen and not any(psutil.pid_exists(pid) for pid in seen)


def test_a_run_that_takes_too_long_is_ended(tmp_path):
    endless = ffmpeg.Input("testsrc2=s=320x180:r=25", ("-re",), "lavfi")
    started = time.monotonic()
    with pytest.raises(RenderFailed, match="longer than"):
        ffmpeg.run(ffmpeg.command([endless], ["-t", "60", "-f", "null", "-"]), limit_s=1)
    assert time.monotonic() - started < 6
