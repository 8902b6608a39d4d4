"""The one decode: sound and pictures on the source clock, cuts to the frame, any odd source upright or refused."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from carmic_assets.media.analysis import AUDIO_NAME, FRAMES_NAME, analyse, copy_size
from carmic_assets.media.black_bars import BarFinder
from carmic_assets.media.cut_detection import TINY, CutFinder, features
from carmic_assets.media.dissolves import DissolveFinder
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import WHOLE, Box
from carmic_assets.model.errors import CorruptVideo
from carmic_assets.model.media import AnalysisFacts
from tests.media_files import beeps, counted, frames, number, samples


def analysed(path: Path, **options) -> tuple[AnalysisFacts, Path]:
    out = path.parent / f"{path.stem}_analysis"
    out.mkdir(exist_ok=True)
    return analyse(path, probe(path), out, **options), out


def test_copy_shows_every_second_frame_of_25_and_beeps_stay_in_place(tmp_path: Path):
    told: list[float] = []
    facts, out = analysed(counted(tmp_path / "a.mp4", seconds=6), progress=told.append)
    assert (facts.fps, facts.frames, facts.start_s) == (12.5, 75, 0.0)
    assert [number(picture) for picture in frames(out / FRAMES_NAME)] == list(range(0, 150, 2))
    sound, _ = samples(out / AUDIO_NAME)
    assert beeps(sound) == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.005)
    assert told == sorted(told) and told[-1] == 1.0
    assert len(list(out.glob("thumb_*.jpg"))) == 5
    assert not list(out.glob(".*")), "nothing half-written stays"


def test_late_start_is_silence_and_time_zero_is_the_first_moment_of_the_file(tmp_path: Path):
    facts, out = analysed(counted(tmp_path / "late.mkv", seconds=4, first_pts_s=7.0, container="matroska"))
    assert facts.start_s == pytest.approx(0, abs=0.05), "the container's start is subtracted"
    sound, _ = samples(out / AUDIO_NAME)
    assert beeps(sound) == pytest.approx([0, 1, 2, 3], abs=0.03)


def test_where_frames_are_missing_the_one_before_stands(tmp_path: Path):
    skipped = (*range(11, 20), 40, 41, 42)
    facts, out = analysed(counted(tmp_path / "vfr.mp4", seconds=4, skip=skipped))
    shown = [number(picture) for picture in frames(out / FRAMES_NAME)]
    here = [n for n in range(100) if n not in skipped]
    wanted = [max(n for n in here if n / 25 <= i / facts.fps + 0.01) for i in range(facts.frames)]
    assert shown == wanted


def test_span_is_all_that_is_decoded_and_stays_on_the_source_clock(tmp_path: Path):
    facts, out = analysed(counted(tmp_path / "span.mp4", seconds=8), span=(2.0, 5.0))
    assert facts.start_s == pytest.approx(2.0, abs=0.041)
    assert number(frames(out / FRAMES_NAME)[0]) == round(facts.start_s * 25)
    assert facts.start_s + facts.duration_s == pytest.approx(5.0, abs=0.13)
    sound, _ = samples(out / AUDIO_NAME)
    assert beeps(sound) == pytest.approx([2, 3, 4], abs=0.005)


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video"), ("a.mkv", "libx264")])
def test_a_span_begins_at_its_beginning_also_where_seeking_lands_between_key_frames(
    tmp_path: Path, name: str, codec: str
):
    """MPEG streams have no index: what was decoded began up to a group of pictures late, or not at all."""
    path = counted(tmp_path / name, seconds=12, codec=codec, sound=codec == "libx264")
    start = probe(path).video.start_s
    for begin, end in ((3.0, 5.0), (9.5, 11.0)):
        facts = analyse(path, probe(path), tmp_path, span=(begin, end))
        assert facts.start_s == pytest.approx(begin, abs=0.05)
        first = number(frames(tmp_path / FRAMES_NAME)[0])
        assert first == pytest.approx((facts.start_s - start) * 25, abs=0.5)


def test_same_source_gives_the_same_bytes(tmp_path: Path):
    source = counted(tmp_path / "same.mp4", seconds=2)
    (first, out), kept = analysed(source), {}
    for name in (FRAMES_NAME, AUDIO_NAME, "thumb_0.jpg"):
        kept[name] = (out / name).read_bytes()
    second, _ = analysed(source)
    assert first == second
    assert {name: (out / name).read_bytes() for name in kept} == kept


def test_no_sound_gives_no_sound_file(tmp_path: Path):
    _, out = analysed(counted(tmp_path / "mute.mp4", seconds=1, sound=False))
    assert not (out / AUDIO_NAME).exists()


def test_a_broken_off_end_is_tolerated_and_a_broken_off_beginning_is_not(tmp_path: Path):
    whole = counted(tmp_path / "whole.mkv", seconds=8, container="matroska")
    data, facts = whole.read_bytes(), probe(whole)
    for share, ok in ((0.8, True), (0.25, False)):
        cut = tmp_path / f"cut_{share}.mkv"
        cut.write_bytes(data[: int(len(data) * share)])
        out = tmp_path / f"out_{share}"
        out.mkdir()
        if ok:
            assert analyse(cut, facts, out).duration_s > 5
        else:
            with pytest.raises(CorruptVideo, match="breaks off"):
                analyse(cut, facts, out)
            assert not list(out.glob("*.mp4")) and not list(out.glob(".*"))


def test_damaged_packets_of_sound_are_passed_over(tmp_path: Path):
    """Decoders have many names for damage; the one for AAC was taken for a fault of ours."""
    import av

    path = counted(tmp_path / "a.mp4", seconds=6)
    with av.open(str(path)) as source:
        places = [(packet.pos, packet.size) for packet in source.demux(audio=0) if packet.size]
    data = bytearray(path.read_bytes())
    for pos, size in places[90:95]:
        data[pos : pos + size] = random.Random(pos).randbytes(size)
    path.write_bytes(data)
    facts, out = analysed(path)
    assert facts.frames == 75
    sound, _ = samples(out / AUDIO_NAME)
    assert beeps(sound)[-3:] == pytest.approx([3, 4, 5], abs=0.03)


def test_every_odd_file_is_upright_and_sane_or_refused_with_a_sentence(shared: Path, tmp_path: Path):
    refused = []
    for path in sorted((shared / "data/odd").iterdir()):
        out = tmp_path / path.name
        out.mkdir()
        try:
            source = probe(path)
            facts = analyse(path, source, out)
        except CorruptVideo as error:
            refused.append(path.name)
            assert error.sentence.endswith(".")
            continue
        assert source.video
        assert (facts.width, facts.height) == copy_size(source.video.width, source.video.height)
        assert facts.duration_s == pytest.approx(source.video.duration_s, abs=max(0.25, 2 / facts.fps)), path.name
        assert len(frames(out / FRAMES_NAME)) == facts.frames, path.name
        assert all(0 <= value <= 1 for value in facts.motion)
    assert sorted(refused) == [
        "androidx_bbb_6ch_8kHz_opus.ogg",
        "androidx_invalid-bitstream.webm",
        "androidx_sample_audio_only_15s.mp4",
        "androidx_sample_eac3.mp4",
        "derived_no_moov_friday.mp4",
        "mp4parse_zero_empty_stsc.mp4",
    ]


# --- cuts


def scene(seed: int, count: int, *, shake: int = 0) -> list[np.ndarray]:
    """Small pictures of one place: blotches, drifting by up to `shake` px a frame."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 225, (12, 20)).astype(np.float64)
    wall = np.kron(coarse, np.ones((12, 12)))
    pictures = []
    for _ in range(count):
        dx, dy = rng.integers(0, shake + 1, 2)
        luma = wall[dy : dy + TINY[1], dx : dx + TINY[0]] + rng.normal(0, 2, (TINY[1], TINY[0]))
        colour = np.full((TINY[1] // 2, TINY[0]), 100 + seed % 50)
        pictures.append(np.clip(np.concatenate([luma, colour]), 0, 255).astype(np.uint8))
    return pictures


def blend(a: np.ndarray, b: np.ndarray, part: float) -> np.ndarray:
    return (a * (1 - part) + b * part).astype(np.uint8)


def cuts_of(pictures: list[np.ndarray], fps: float = 25) -> list[float]:
    finder = CutFinder(fps)
    for n, picture in enumerate(pictures):
        finder.feed(n, features(picture))
    return finder.finish()


def test_hard_cuts_are_found_to_the_frame_also_into_and_out_of_shaking_pictures():
    pictures = scene(1, 20) + scene(2, 15, shake=3) + scene(3, 20) + scene(4, 3)
    assert cuts_of(pictures) == [20, 35, 55]


def test_two_cuts_two_frames_apart_are_both_found():
    assert cuts_of(scene(1, 20) + scene(2, 2) + scene(3, 20)) == [20, 22]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_each_frame_of_a_film_shown_several_times_is_no_cut(times: int):
    """A film at 24 frames a second in a video of 50 or 60: beside its repeated frames every step looked like a cut."""
    wild = [np.roll(picture, 23 * n, axis=1) for n, picture in enumerate(scene(2, 40))]
    film = [picture for picture in scene(1, 20) + wild + scene(3, 20) for _ in range(times)]
    assert cuts_of(film, 25 * times) == [20 * times, 60 * times]


def test_a_cut_out_of_wild_motion_is_found_though_the_motion_changes_more_than_the_cut():
    wild = [np.roll(picture, 37 * n, axis=1) for n, picture in enumerate(scene(2, 12))]
    calm = [blend(picture, np.full_like(picture, 110), 0.5) for picture in scene(3, 20)]
    found = cuts_of(wild + calm)
    assert 12 in found and not [cut for cut in found if cut > 12]


@pytest.mark.parametrize("length", [4, 8, 25])
def test_dissolves_and_fades_are_no_cuts(length: int):
    a, b, black = scene(1, 60), scene(2, 60), np.full_like(scene(1, 1)[0], 16)
    parts = [(i + 1) / (length + 1) for i in range(length)]
    dissolve = [blend(a[20 + i], b[i], part) for i, part in enumerate(parts)]
    assert cuts_of(a[:20] + dissolve + b[length:]) == []
    out = [blend(picture, black, part) for picture, part in zip(a, parts, strict=False)]
    back = [blend(black, picture, part) for picture, part in zip(b, parts, strict=False)]
    assert cuts_of(a[:20] + out + [black] * 5 + back + b[:20]) == []


def dissolves_of(pictures: list[np.ndarray], fps: float = 25) -> list[float]:
    finder = DissolveFinder()
    for n, picture in enumerate(pictures):
        finder.feed(n / fps, features(picture).blocks)
    return finder.finish()


@pytest.mark.parametrize("fps", [24, 50])
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.4])
def test_the_middle_of_a_dissolve_is_found(seconds: float, fps: int):
    """People were followed from one picture into the other, and the crop stayed where the old one had them."""
    length = round(seconds * fps)
    a, b = scene(1, 3 * fps), scene(2, 4 * fps)
    mixed = [blend(a[fps + i], b[i], (i + 1) / (length + 1)) for i in range(length)]
    (middle,) = dissolves_of(a[:fps] + mixed + b[length:], fps)
    assert middle == pytest.approx(1 + seconds / 2, abs=0.07)


def test_what_moves_or_is_lit_or_is_cut_does_not_dissolve():
    a, black = scene(1, 60), np.full_like(scene(1, 1)[0], 16)
    assert dissolves_of(scene(1, 40, shake=6) + scene(2, 40)) == []
    assert dissolves_of([np.roll(a[0], 2 * n, axis=1) for n in range(60)]) == [], "a pan"
    assert dissolves_of([blend(picture, black, 0.5 + n / 120) for n, picture in enumerate(a)]) == [], "lamps go on"


@pytest.mark.parametrize("length", [1, 2, 4])
def test_flashes_are_no_cuts(length: int):
    a, white = scene(1, 60), np.full_like(scene(1, 1)[0], 235)
    lit = [blend(picture, white, 0.9) for picture in a[20 : 20 + length]]
    assert cuts_of(a[:20] + lit + a[20 + length :]) == []


@pytest.mark.parametrize("fps", [25, 60])
@pytest.mark.parametrize("fade", [(0.6, 1.0, 0.5), (0.9, 0.7, 0.3), (1.0, 0.8, 0.6, 0.4, 0.2)])
def test_a_flash_that_fades_is_no_cut(fps: int, fade: tuple[float, ...]):
    """Its last frames are far from the white before them and from the picture after them, and were taken for a shot."""
    white = np.full_like(scene(1, 1)[0], 235)
    shares = [share for share in fade for _ in range(fps // 25)]
    a = scene(1, 100)
    lit = [blend(picture, white, share) for picture, share in zip(a[20:], shares, strict=False)]
    assert cuts_of(a[:20] + lit + a[20 + len(lit) :], fps) == []


def test_a_jump_of_the_person_before_a_standing_wall_is_no_cut():
    a, other = scene(1, 40), scene(9, 40)
    for picture, jumped in zip(a[20:], other[20:], strict=False):
        picture[20:90, 50:110] = jumped[20:90, 50:110]
    assert cuts_of(a) == []


@pytest.mark.slow
def test_cuts_of_the_film_clip_are_the_25_that_a_person_counted(shared: Path, tmp_path: Path):
    """Frames read off contact sheets: explosions, whip pans and flashes between them are no cuts."""
    path = shared / "data/video/tears-of-steel-battle-clip-medium.webm"
    found = analyse(path, probe(path), tmp_path).cuts_s
    assert [round(t * 24) for t in found] == [
        52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345, 1378, 1430, 1472,
        1525, 1571, 1618, 1650, 1689,
    ]  # fmt: skip
    assert all(abs(t * 24 - round(t * 24)) < 0.03 for t in found)


# --- bars


def picture_of(frames: list[np.ndarray]) -> Box:
    finder = BarFinder()
    for frame in frames:
        finder.feed(frame)
    return finder.picture()


def lit(seed: int, width: int = 160, height: int = 90) -> np.ndarray:
    return np.random.default_rng(seed).integers(20, 230, (height, width)).astype(np.uint8)


@pytest.mark.parametrize("grey", [0, 16, 42])
@pytest.mark.parametrize(("top", "left"), [(12, 0), (0, 50), (10, 20)])
def test_bars_are_found_also_when_compressed(grey: int, top: int, left: int):
    """Crops of letterboxed videos showed the bars above and below the person."""
    frames = []
    for seed in range(8):
        bars = grey + np.random.default_rng(seed).integers(0, 4, (90, 160))
        bars[top : 90 - top, left : 160 - left] = lit(seed)[top : 90 - top, left : 160 - left]
        frames.append(bars.astype(np.uint8))
    found = picture_of(frames)
    assert (found.y * 90, found.x * 160) == pytest.approx((top + 2 * (top > 0), left + 2 * (left > 0)))
    assert (found.h, found.w) == pytest.approx((1 - 2 * found.y, 1 - 2 * found.x))


def test_dark_walls_subtitles_in_a_bar_and_darkness_are_no_bars():
    stage = [np.full((90, 160), 18, np.uint8) for _ in range(8)]
    for n, frame in enumerate(stage):
        frame[30:, 40 + n : 90 + n] = lit(n)[30:, 40 + n : 90 + n]
    assert picture_of(stage) == WHOLE, "somebody before a black curtain"
    boxed = [np.pad(lit(n)[12:78], ((12, 12), (0, 0)), constant_values=16) for n in range(8)]
    boxed[3][82:86, 60:100] = 230
    assert picture_of(boxed) == WHOLE, "a line of text in the bar"
    assert picture_of([np.full((90, 160), 16, np.uint8)] * 3) == picture_of([]) == WHOLE
