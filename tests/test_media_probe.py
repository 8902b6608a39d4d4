"""Tests of the probe: the properties of unusual files, and error messages for unusable ones."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

import media_files
from carmic_assets.media.probe import estimate_frame_rate, probe, read_facts, snap_frame_rate
from carmic_assets.model.errors import CorruptVideoError


@pytest.mark.parametrize(
    ("name", "size", "orientation", "rate"),
    [
        ("rotated.mp4", (60, 100), (90, False), (24, 1)),
        ("rotated_and_mirrored.mp4", (360, 640), (90, True), (30000, 1001)),
        ("upside_down.mp4", (640, 360), (180, False), (30, 1)),
        ("sar_2_3.mp4", (640, 540), (0, False), (30, 1)),
        ("wide_pixels.mp4", (1137, 640), (0, False), (30, 1)),
        ("odd_sides_vp9.mp4", (321, 241), (0, False), (25, 1)),
        ("flash.flv", (640, 360), (0, False), (30, 1)),
        ("mpeg4.avi", (640, 360), (0, False), (24000, 1001)),
    ],
)
def test_odd_videos_have_the_facts_that_a_viewer_sees(
    tmp_path: Path, name: str, size: tuple[int, int], orientation: tuple[int, bool], rate: tuple[int, int]
) -> None:
    video = probe(media_files.write_odd_video(tmp_path, name)).video
    assert (video.width, video.height) == size
    assert (video.rotation, video.mirrored) == orientation
    assert (video.rate.num, video.rate.den) == rate


def test_an_attached_picture_is_not_the_video(tmp_path: Path) -> None:
    numbered = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    cover, path = tmp_path / "cover.png", tmp_path / "with_cover.mp4"
    media_files.run_ffmpeg("-f", "lavfi", "-i", "color=red:s=1200x900", "-frames:v", "1", str(cover))
    streams = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    media_files.run_ffmpeg("-i", str(numbered), "-i", str(cover), *streams, str(path))
    video = probe(path).video
    assert (video.width, video.height, video.codec) == (640, 360, "h264")
    only_cover = tmp_path / "only_cover.mp4"
    streams = ("-map", "0:a", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    media_files.run_ffmpeg("-i", str(numbered), "-i", str(cover), *streams, str(only_cover))
    with pytest.raises(CorruptVideoError):
        probe(only_cover)


@pytest.mark.parametrize(
    ("name", "size", "orientation", "rate"),
    [
        ("androidx_bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4", (1137, 640), (0, False), (30, 1)),
        ("androidx_internal_emulator_transformer_output_270_rotated.mp4", (720, 1280), (270, False), (30000, 1001)),
        ("androidx_sample.flv", (1080, 720), (0, False), (30, 1)),
        ("androidx_sample_rotate_and_reflect.mp4", (720, 1080), (90, True), (30000, 1001)),
        ("androidx_sample_with_srt.mkv", (1080, 720), (0, False), (30, 1)),
        ("autoeditor_SAR-2by3.mp4", (640, 540), (0, False), (30, 1)),
        ("autoeditor_h264-png.mp4", (640, 360), (0, False), (30, 1)),
        ("mp4parse_video_rotation_90.mp4", (60, 100), (90, False), (24, 1)),
        ("torchcodec_nasa_13013.mp4", (480, 270), (0, False), (30000, 1001)),
        ("torchcodec_testsrc2_odd_height_and_width_vp9.mp4", (321, 241), (0, False), (25, 1)),
        ("androidx_sample_missing_stsd.mp4", (1080, 720), (0, False), (30000, 1001)),
    ],
)
def test_recorded_odd_files_have_the_facts_that_a_viewer_sees(
    shared: Path, name: str, size: tuple[int, int], orientation: tuple[int, bool], rate: tuple[int, int]
) -> None:
    video = probe(shared / "data/odd" / name).video
    assert (video.width, video.height) == size
    assert (video.rotation, video.mirrored) == orientation
    assert (video.rate.num, video.rate.den) == rate


def test_colour_and_hdr_are_read_from_the_frames(tmp_path: Path) -> None:
    hdr = probe(media_files.write_odd_video(tmp_path, "hdr10.mp4")).video
    assert (hdr.hdr, hdr.color_transfer, hdr.color_primaries) == (True, "smpte2084", "bt2020")
    full = probe(media_files.write_odd_video(tmp_path, "full_range.mp4")).video
    assert (full.hdr, full.color_range, full.color_matrix) == (False, "pc", "smpte170m")


@pytest.mark.parametrize(
    "name",
    [
        "androidx_bbb_6ch_8kHz_opus.ogg",
        "androidx_invalid-bitstream.webm",
        "androidx_sample_audio_only_15s.mp4",
        "androidx_sample_eac3.mp4",
        "derived_no_moov_friday.mp4",
        "mp4parse_zero_empty_stsc.mp4",
    ],
)
def test_a_recorded_file_without_a_picture_is_refused_with_a_sentence(shared: Path, name: str) -> None:
    with pytest.raises(CorruptVideoError) as refused:
        probe(shared / "data/odd" / name)
    assert refused.value.sentence.endswith(".") and str(shared) not in refused.value.sentence


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is a text\n" * 1000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    ],
)
def test_content_that_is_not_a_video_is_refused_under_a_video_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(CorruptVideoError):
        probe(path)


def test_an_excessive_picture_size_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=0.2, sound=False)
    monkeypatch.setattr("carmic_assets.media.containers.MAX_PIXELS", 100 * 100)
    with pytest.raises(CorruptVideoError, match="too large"):
        probe(path)


def test_a_truncated_file_lasts_as_long_as_its_remaining_packets(tmp_path: Path) -> None:
    complete = media_files.write_numbered_video(tmp_path / "a.mkv", seconds=8)
    truncated = tmp_path / "b.mkv"
    truncated.write_bytes(complete.read_bytes()[: complete.stat().st_size // 2])
    assert probe(complete).video.duration_s == pytest.approx(8, abs=0.05)
    facts = probe(truncated)
    assert 2 < facts.video.duration_s < 6
    assert facts.duration_s < facts.video.duration_s + 1, "the audio is limited too"


def test_a_file_without_a_stated_duration_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings of browsers state no duration. They do not end with the last sampled packet."""
    monkeypatch.setattr("carmic_assets.media.probe.SAMPLED_PACKETS", 50)
    complete = media_files.write_numbered_video(tmp_path / "a.mkv", seconds=8)
    path = tmp_path / "b.mkv"
    with av.open(str(complete)) as source, av.open(str(path), "w", format="matroska", options={"live": "1"}) as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    facts = probe(path)
    assert facts.duration_s == pytest.approx(8, abs=0.05)
    assert facts.video.duration_s == pytest.approx(8, abs=0.05)
    assert facts.audio.duration_s == pytest.approx(8, abs=0.05)


def test_the_container_start_is_subtracted_from_the_source_clock(tmp_path: Path) -> None:
    facts = probe(media_files.write_numbered_video(tmp_path / "a.ts", first_pts_s=10, container="mpegts"))
    assert facts.container_start_s > 9
    assert facts.video.start_s < 0.1 and facts.audio.start_s < 0.1
    assert facts.duration_s == pytest.approx(4, abs=0.1)


def test_variable_and_constant_rates_are_distinguished(tmp_path: Path) -> None:
    constant = probe(media_files.write_numbered_video(tmp_path / "a.mkv", fps=Fraction(30000, 1001))).video
    assert (constant.variable_rate, constant.rate.num) == (False, 30000)
    variable = probe(media_files.write_numbered_video(tmp_path / "b.mkv", skip=tuple(range(20, 40)))).video
    assert (variable.variable_rate, variable.rate.num, variable.rate.den) == (True, 25, 1)


def test_rates_snap_only_to_near_standard_rates() -> None:
    assert snap_frame_rate(Fraction(2997, 100)) == Fraction(30000, 1001)
    assert snap_frame_rate(Fraction(2500, 83)) == Fraction(2500, 83)
    jittered = [n / 30 + (0.004 if n % 3 else -0.004) for n in range(3000)]
    assert estimate_frame_rate([jittered], Fraction(1, 90_000), None, None) == (Fraction(30), False)


def test_facts_of_an_audio_file(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    media_files.run_ffmpeg("-f", "lavfi", "-i", "sine=440:r=44100:d=11", str(path))
    facts = read_facts(path, ("flac",))
    assert facts.video is None and facts.audio.sample_rate == 44100
    assert facts.duration_s == pytest.approx(11, abs=0.01)
    with pytest.raises(CorruptVideoError) as refused:
        probe(path)
    assert refused.value.sentence.endswith(".") and str(tmp_path) not in refused.value.sentence


def test_the_hash_is_of_the_complete_file(tmp_path: Path) -> None:
    path: Path = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    assert probe(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
