"""Tests of the single decode: audio and analysis copy on the source clock, cuts, dissolves and black bars."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from carmic_assets.media.analysis import AUDIO_FILENAME, FRAMES_FILENAME, analyse, choose_analysis_size
from carmic_assets.media.black_bars import BlackBarDetector
from carmic_assets.media.cut_detection import COMPARISON_SIZE, CutDetector, extract_features
from carmic_assets.media.dissolves import DissolveDetector
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import FULL_FRAME, Box
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.progress import ignore_progress
from media_files import (
    ODD_VIDEOS,
    decode_audio,
    decode_frames,
    find_beeps_s,
    read_frame_number,
    write_numbered_video,
    write_odd_video,
)


def run_analysis(
    path: Path, *, span: tuple[float, float] | None = None, progress: Callable[[float], None] = ignore_progress
) -> tuple[AnalysisFacts, Path]:
    out = path.parent / f"{path.stem}_analysis"
    out.mkdir(exist_ok=True)
    return analyse(path, probe(path), out, span=span, progress=progress), out


def test_copy_holds_every_second_frame_at_25_fps_and_audio_keeps_its_times(tmp_path: Path) -> None:
    reported: list[float] = []
    facts, out = run_analysis(write_numbered_video(tmp_path / "a.mp4", seconds=6), progress=reported.append)
    assert (facts.fps, facts.frames, facts.start_s) == (12.5, 75, 0.0)
    assert [read_frame_number(picture) for picture in decode_frames(out / FRAMES_FILENAME)] == list(range(0, 150, 2))
    audio, _ = decode_audio(out / AUDIO_FILENAME)
    assert find_beeps_s(audio) == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.005)
    assert reported == sorted(reported) and reported[-1] == 1.0
    assert len(list(out.glob("thumb_*.jpg"))) == 5
    assert not list(out.glob(".*")), "no partial file is left"


def test_source_clock_starts_at_the_container_start(tmp_path: Path) -> None:
    facts, out = run_analysis(
        write_numbered_video(tmp_path / "late.mkv", seconds=4, first_pts_s=7.0, container="matroska")
    )
    assert facts.start_s == pytest.approx(0, abs=0.05), "the container's start is subtracted"
    audio, _ = decode_audio(out / AUDIO_FILENAME)
    assert find_beeps_s(audio) == pytest.approx([0, 1, 2, 3], abs=0.03)


def test_missing_frames_repeat_the_previous_frame(tmp_path: Path) -> None:
    skipped = (*range(11, 20), 40, 41, 42)
    facts, out = run_analysis(write_numbered_video(tmp_path / "vfr.mp4", seconds=4, skip=skipped))
    numbers = [read_frame_number(picture) for picture in decode_frames(out / FRAMES_FILENAME)]
    present = [n for n in range(100) if n not in skipped]
    expected = [max(n for n in present if n / 25 <= i / facts.fps + 0.01) for i in range(facts.frames)]
    assert numbers == expected


def test_span_limits_the_decode_and_keeps_the_source_clock(tmp_path: Path) -> None:
    facts, out = run_analysis(write_numbered_video(tmp_path / "span.mp4", seconds=8), span=(2.0, 5.0))
    assert facts.start_s == pytest.approx(2.0, abs=0.041)
    assert read_frame_number(decode_frames(out / FRAMES_FILENAME)[0]) == round(facts.start_s * 25)
    assert facts.start_s + facts.duration_s == pytest.approx(5.0, abs=0.13)
    audio, _ = decode_audio(out / AUDIO_FILENAME)
    assert find_beeps_s(audio) == pytest.approx([2, 3, 4], abs=0.005)


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video"), ("a.mkv", "libx264")])
def test_span_starts_exactly_where_seeking_lands_between_key_frames(tmp_path: Path, name: str, codec: str) -> None:
    """MPEG streams have no index, so a single seek may land up to one GOP late or find no key frame."""
    path = write_numbered_video(tmp_path / name, seconds=12, codec=codec, sound=codec == "libx264")
    start = probe(path).video.start_s
    for begin, end in ((3.0, 5.0), (9.5, 11.0)):
        facts = analyse(path, probe(path), tmp_path, span=(begin, end))
        assert facts.start_s == pytest.approx(begin, abs=0.05)
        first = read_frame_number(decode_frames(tmp_path / FRAMES_FILENAME)[0])
        assert first == pytest.approx((facts.start_s - start) * 25, abs=0.5)


def test_analysis_is_deterministic(tmp_path: Path) -> None:
    source = write_numbered_video(tmp_path / "same.mp4", seconds=2)
    names = (FRAMES_FILENAME, AUDIO_FILENAME, "thumb_0.jpg")
    first, out = run_analysis(source)
    first_bytes = [(out / name).read_bytes() for name in names]
    second, _ = run_analysis(source)
    assert first == second
    assert [(out / name).read_bytes() for name in names] == first_bytes


def test_source_without_audio_gives_no_audio_file(tmp_path: Path) -> None:
    _, out = run_analysis(write_numbered_video(tmp_path / "mute.mp4", seconds=1, sound=False))
    assert not (out / AUDIO_FILENAME).exists()


def test_truncation_is_tolerated_up_to_half_of_the_duration(tmp_path: Path) -> None:
    complete = write_numbered_video(tmp_path / "complete.mkv", seconds=8, container="matroska")
    data, facts = complete.read_bytes(), probe(complete)
    for share, is_tolerated in ((0.8, True), (0.25, False)):
        truncated = tmp_path / f"truncated_{share}.mkv"
        truncated.write_bytes(data[: int(len(data) * share)])
        out = tmp_path / f"out_{share}"
        out.mkdir()
        if is_tolerated:
            assert analyse(truncated, facts, out).duration_s > 5
        else:
            with pytest.raises(CorruptVideoError, match="truncated or damaged"):
                analyse(truncated, facts, out)
            assert not list(out.glob("*.mp4")) and not list(out.glob(".*"))


def test_damaged_audio_packets_are_skipped(tmp_path: Path) -> None:
    """Decoders raise different types of errors for damaged packets."""
    path = write_numbered_video(tmp_path / "a.mp4", seconds=6)
    with av.open(str(path)) as source:
        packet_ranges = [(packet.pos, packet.size) for packet in source.demux(audio=0) if packet.size]
    data = bytearray(path.read_bytes())
    for pos, size in packet_ranges[90:95]:
        data[pos : pos + size] = random.Random(pos).randbytes(size)
    path.write_bytes(data)
    facts, out = run_analysis(path)
    assert facts.frames == 75
    audio, _ = decode_audio(out / AUDIO_FILENAME)
    assert find_beeps_s(audio)[-3:] == pytest.approx([3, 4, 5], abs=0.03)


def check_analysis(path: Path, out: Path) -> None:
    """Assert that the analysis copy has the size, the length and the frames that the facts state."""
    out.mkdir()
    source = probe(path)
    facts = analyse(path, source, out)
    assert source.video
    assert (facts.width, facts.height) == choose_analysis_size(source.video.width, source.video.height)
    assert facts.duration_s == pytest.approx(source.video.duration_s, abs=max(0.25, 2 / facts.fps)), path.name
    assert len(decode_frames(out / FRAMES_FILENAME)) == facts.frames, path.name
    assert all(0 <= value <= 1 for value in facts.motion)


@pytest.mark.parametrize("name", ODD_VIDEOS)
def test_every_odd_video_is_analysed(tmp_path: Path, name: str) -> None:
    check_analysis(write_odd_video(tmp_path, name), tmp_path / "analysis")


def test_every_recorded_odd_file_is_analysed_or_refused_with_a_sentence(shared: Path, tmp_path: Path) -> None:
    refused = []
    for path in sorted((shared / "data/odd").iterdir()):
        try:
            check_analysis(path, tmp_path / path.name)
        except CorruptVideoError as error:
            refused.append(path.name)
            assert error.sentence.endswith(".")
    assert sorted(refused) == [
        "androidx_bbb_6ch_8kHz_opus.ogg",
        "androidx_invalid-bitstream.webm",
        "androidx_sample_audio_only_15s.mp4",
        "androidx_sample_eac3.mp4",
        "derived_no_moov_friday.mp4",
        "mp4parse_zero_empty_stsc.mp4",
    ]


# --- cuts and dissolves


def scene(seed: int, count: int, *, shake: int = 0) -> list[np.ndarray]:
    """Small yuv420p frames of one scene: random patches that move by up to `shake` px per frame."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(30, 225, (12, 20)).astype(np.float64)
    scenery = np.kron(patches, np.ones((12, 12)))
    width, height = COMPARISON_SIZE
    pictures = []
    for _ in range(count):
        dx, dy = rng.integers(0, shake + 1, 2)
        luma = scenery[dy : dy + height, dx : dx + width] + rng.normal(0, 2, (height, width))
        colour = np.full((height // 2, width), 100 + seed % 50)
        pictures.append(np.clip(np.concatenate([luma, colour]), 0, 255).astype(np.uint8))
    return pictures


def blend(a: np.ndarray, b: np.ndarray, ratio: float) -> np.ndarray:
    return (a * (1 - ratio) + b * ratio).astype(np.uint8)


def detect_cuts(pictures: list[np.ndarray], fps: float = 25) -> list[float]:
    detector = CutDetector(fps)
    for n, picture in enumerate(pictures):
        detector.feed(n, extract_features(picture))
    return detector.finish()


def test_hard_cuts_into_and_out_of_shaky_shots_are_found_exactly() -> None:
    pictures = scene(1, 20) + scene(2, 15, shake=3) + scene(3, 20) + scene(4, 3)
    assert detect_cuts(pictures) == [20, 35, 55]


def test_two_cuts_two_frames_apart_are_found() -> None:
    assert detect_cuts(scene(1, 20) + scene(2, 2) + scene(3, 20)) == [20, 22]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_repeated_frames_are_not_cuts(times: int) -> None:
    """In a 24 fps film inside a 50 or 60 fps video, each new frame follows repeated ones and looks like a cut."""
    moving = [np.roll(picture, 23 * n, axis=1) for n, picture in enumerate(scene(2, 40))]
    film = [picture for picture in scene(1, 20) + moving + scene(3, 20) for _ in range(times)]
    assert detect_cuts(film, 25 * times) == [20 * times, 60 * times]


def test_a_cut_out_of_motion_that_changes_more_than_the_cut_is_found() -> None:
    moving = [np.roll(picture, 37 * n, axis=1) for n, picture in enumerate(scene(2, 12))]
    calm = [blend(picture, np.full_like(picture, 110), 0.5) for picture in scene(3, 20)]
    cuts = detect_cuts(moving + calm)
    assert 12 in cuts and not [cut for cut in cuts if cut > 12]


@pytest.mark.parametrize("length", [4, 8, 25])
def test_dissolves_and_fades_are_not_cuts(length: int) -> None:
    a, b, black = scene(1, 60), scene(2, 60), np.full_like(scene(1, 1)[0], 16)
    parts = [(i + 1) / (length + 1) for i in range(length)]
    dissolve = [blend(a[20 + i], b[i], part) for i, part in enumerate(parts)]
    assert detect_cuts(a[:20] + dissolve + b[length:]) == []
    out = [blend(picture, black, part) for picture, part in zip(a, parts, strict=False)]
    back = [blend(black, picture, part) for picture, part in zip(b, parts, strict=False)]
    assert detect_cuts(a[:20] + out + [black] * 5 + back + b[:20]) == []


def detect_dissolves(pictures: list[np.ndarray], fps: float = 25) -> list[float]:
    detector = DissolveDetector()
    for n, picture in enumerate(pictures):
        detector.feed(n / fps, extract_features(picture).blocks)
    return detector.finish()


@pytest.mark.parametrize("fps", [24, 50])
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.4])
def test_the_middle_of_a_dissolve_is_found(seconds: float, fps: int) -> None:
    """Person tracks end and crops change at this time."""
    length = round(seconds * fps)
    a, b = scene(1, 3 * fps), scene(2, 4 * fps)
    mixed = [blend(a[fps + i], b[i], (i + 1) / (length + 1)) for i in range(length)]
    (middle,) = detect_dissolves(a[:fps] + mixed + b[length:], fps)
    assert middle == pytest.approx(1 + seconds / 2, abs=0.07)


def test_motion_light_and_cuts_are_not_dissolves() -> None:
    a, black = scene(1, 60), np.full_like(scene(1, 1)[0], 16)
    assert detect_dissolves(scene(1, 40, shake=6) + scene(2, 40)) == []
    assert detect_dissolves([np.roll(a[0], 2 * n, axis=1) for n in range(60)]) == [], "a pan"
    dimming = [blend(picture, black, 0.5 + n / 120) for n, picture in enumerate(a)]
    assert detect_dissolves(dimming) == [], "a light is dimmed"


@pytest.mark.parametrize("length", [1, 2, 4])
def test_flashes_are_not_cuts(length: int) -> None:
    a, white = scene(1, 60), np.full_like(scene(1, 1)[0], 235)
    lit = [blend(picture, white, 0.9) for picture in a[20 : 20 + length]]
    assert detect_cuts(a[:20] + lit + a[20 + length :]) == []


@pytest.mark.parametrize("fps", [25, 60])
@pytest.mark.parametrize("fade", [(0.6, 1.0, 0.5), (0.9, 0.7, 0.3), (1.0, 0.8, 0.6, 0.4, 0.2)])
def test_a_fading_flash_is_not_a_cut(fps: int, fade: tuple[float, ...]) -> None:
    """The last frames of a flash differ from the white before them and from the frames after them."""
    white = np.full_like(scene(1, 1)[0], 235)
    shares = [share for share in fade for _ in range(fps // 25)]
    a = scene(1, 100)
    lit = [blend(picture, white, share) for picture, share in zip(a[20:], shares, strict=False)]
    assert detect_cuts(a[:20] + lit + a[20 + len(lit) :], fps) == []


def test_a_jump_of_a_person_before_a_still_background_is_not_a_cut() -> None:
    a, other = scene(1, 40), scene(9, 40)
    for picture, jumped in zip(a[20:], other[20:], strict=False):
        picture[20:90, 50:110] = jumped[20:90, 50:110]
    assert detect_cuts(a) == []


@pytest.mark.slow
def test_the_film_clip_has_the_25_cuts_counted_by_hand(shared: Path, tmp_path: Path) -> None:
    """The frame numbers come from contact sheets. Explosions, whip pans and flashes between them are not cuts."""
    path = shared / "data/video/tears-of-steel-battle-clip-medium.webm"
    cuts_s = analyse(path, probe(path), tmp_path).cuts_s
    assert [round(t * 24) for t in cuts_s] == [
        52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345, 1378, 1430, 1472,
        1525, 1571, 1618, 1650, 1689,
    ]  # fmt: skip
    assert all(abs(t * 24 - round(t * 24)) < 0.03 for t in cuts_s)


# --- black bars


def detect_picture(frames: list[np.ndarray]) -> Box:
    detector = BlackBarDetector()
    for frame in frames:
        detector.feed(frame)
    return detector.picture()


def noise_picture(seed: int, width: int = 160, height: int = 90) -> np.ndarray:
    return np.random.default_rng(seed).integers(20, 230, (height, width)).astype(np.uint8)


@pytest.mark.parametrize("grey", [0, 16, 42])
@pytest.mark.parametrize(("top", "left"), [(12, 0), (0, 50), (10, 20)])
def test_bars_with_compression_noise_are_found(grey: int, top: int, left: int) -> None:
    """Otherwise crops of letterboxed videos show the bars above and below the person."""
    frames = []
    for seed in range(8):
        bars = grey + np.random.default_rng(seed).integers(0, 4, (90, 160))
        bars[top : 90 - top, left : 160 - left] = noise_picture(seed)[top : 90 - top, left : 160 - left]
        frames.append(bars.astype(np.uint8))
    picture = detect_picture(frames)
    assert (picture.y * 90, picture.x * 160) == pytest.approx((top + 2 * (top > 0), left + 2 * (left > 0)))
    assert (picture.h, picture.w) == pytest.approx((1 - 2 * picture.y, 1 - 2 * picture.x))


def test_dark_backgrounds_and_bars_with_subtitles_are_not_bars() -> None:
    dark_scene = [np.full((90, 160), 18, np.uint8) for _ in range(8)]
    for n, frame in enumerate(dark_scene):
        frame[30:, 40 + n : 90 + n] = noise_picture(n)[30:, 40 + n : 90 + n]
    assert detect_picture(dark_scene) == FULL_FRAME, "a person before a black curtain"
    letterboxed = [np.pad(noise_picture(n)[12:78], ((12, 12), (0, 0)), constant_values=16) for n in range(8)]
    letterboxed[3][82:86, 60:100] = 230
    assert detect_picture(letterboxed) == FULL_FRAME, "a line of text in the bar"
    assert detect_picture([np.full((90, 160), 16, np.uint8)] * 3) == detect_picture([]) == FULL_FRAME
