"""Tests that packages match the render: each program shows the renderer's crop in every frame, with its cuts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from carmic_assets.exports.package import TARGETS, Target
from carmic_assets.exports.timecode import choose_sequence_rate
from carmic_assets.model.template import AudioConfig
from exports_support import (
    RATES,
    build_edit,
    decode_frames,
    draw_picture,
    find_media_problem,
    measure_crop_error,
    open_package,
    remux_video,
    write_test_video,
)

VideoFactory = Callable[..., Path]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoFactory:
    """Return a factory that writes test videos by their options, each once."""
    folder = tmp_path_factory.mktemp("videos")
    paths: dict[str, Path] = {}

    def video(name: str = "film.mp4", **options: object) -> Path:
        key = f"{name} {sorted(options.items())}"
        if key not in paths:
            path = folder / str(len(paths)) / name
            path.parent.mkdir()
            paths[key] = write_test_video(path, **options)  # type: ignore[arg-type]
        return paths[key]

    return video


@pytest.mark.parametrize("target", TARGETS)
def test_every_program_shows_the_renderers_crop_in_every_frame(
    target: Target, videos: VideoFactory, tmp_path: Path
) -> None:
    edit = build_edit(videos(rate="30000/1001"), keeps=[(0.0, 0.8), (1.3, 2.1), (2.15, 3.2)])
    package = open_package(edit, target, tmp_path)
    assert measure_crop_error(edit, package) < 1
    assert package.report.keyframes < 60, "an editor must be able to work with the keyframes"
    fps = edit.rate.fraction
    kept = [(round(s.start_s * fps), round(s.end_s * fps)) for s in edit.kept_spans]
    cuts = {sum(b - a for a, b in kept[:k]) for k in range(3)}
    assert cuts <= {start for track in package.sequence.tracks for start, *_ in track}


@pytest.mark.parametrize("target", TARGETS)
def test_padding_and_aspect_ratios_match_the_render(target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    for aspect in ("1:1", "4:5", "16:9"):
        edit = build_edit(videos(rate="25"), aspect=aspect, padding=60)
        assert measure_crop_error(edit, open_package(edit, target, tmp_path)) < 1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rate", RATES)
def test_sequence_has_the_rate_of_the_source(rate: str, target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate=rate, size="320x180"), keeps=[(0.0, 1.1), (1.5, 3.2)])
    package = open_package(edit, target, tmp_path)
    assert package.sequence.rate == Fraction(rate)
    assert measure_crop_error(edit, package) < 1
    assert find_media_problem(edit, package) is None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", None])
def test_audio_channels_are_packaged(layout: str | None, target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate="25", size="320x180", layout=layout))
    package = open_package(edit, target, tmp_path)
    assert measure_crop_error(edit, package) < 1
    channels = {"mono": 1, "stereo": 2, "5.1": 6, None: 0}[layout]
    if target == "premiere":
        root = package.sequence.extra["root"]
        tracks = root.findall(".//sequence/media/audio/track")
        assert len(tracks) == channels
        assert [int(t.findtext("clipitem/sourcetrack/trackindex")) for t in tracks] == list(range(1, channels + 1))
        assert (root.find(".//file/media/audio/channelcount") is None) == (channels == 0)
        assert all(int(c.text) == channels for c in root.iter("channelcount"))
        links = [link.findtext("linkclipref") for link in root.iter("link")]
        ids = {item.get("id") for item in root.iter("clipitem")}
        assert set(links) <= ids and (len(links) > 0) == (channels > 0)
    elif target == "after_effects":
        audio_flags = [layer["audio"] for layer in package.sequence.extra["comp"]["layers"] if layer["path"]]
        assert audio_flags.count(True) == (4 if channels else 0)
    else:
        (asset,) = [a for a in package.sequence.extra["root"].iter("asset") if a.get("hasVideo")]
        assert asset.get("audioChannels") == (str(channels) if channels else None)
        assert asset.get("hasAudio") == ("1" if channels else None)
        for _, _, clip in package.sequence.extra["clips"]:
            if clip.get("lane") and channels and clip.tag == "asset-clip":
                assert clip.get("srcEnable") == "video", "the voice would be audible twice"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("kind", "conformed"),
    [
        ("vertical", None),
        ("matroska", None),
        ("transport", None),
        ("rotated left", "it is stored rotated"),
        ("rotated right", "it is stored rotated"),
        ("wide pixels", "its pixels are not square"),
        ("variable", "its frame rate varies"),
        ("vp9", "not every program opens vp9"),
    ],
)
def test_sources_are_conformed_only_if_a_program_cannot_read_them(
    kind: str, conformed: str | None, target: Target, videos: VideoFactory, tmp_path: Path
) -> None:
    plain = videos(rate="30000/1001", size="320x180")
    clear_tag = ["-metadata:s:v", "rotate=0"]
    path = {
        "vertical": lambda: videos(rate="30000/1001", size="180x320"),
        "matroska": lambda: remux_video(plain, ".mkv"),
        "transport": lambda: remux_video(plain, ".ts"),
        "rotated left": lambda: remux_video(plain, "-left.mp4", before=["-display_rotation", "90"], after=clear_tag),
        "rotated right": lambda: remux_video(plain, "-right.mp4", before=["-display_rotation", "270"], after=clear_tag),
        "wide pixels": lambda: videos(rate="30000/1001", size="320x240", filters="setsar=4/3"),
        "variable": lambda: videos(
            rate="30", size="320x180", filters="select='not(mod(n,7))+not(mod(n,3))'", options=["-fps_mode", "vfr"]
        ),
        "vp9": lambda: remux_video(
            plain, ".webm", codec=["-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"]
        ),
    }[kind]()
    edit = build_edit(path)
    package = open_package(edit, target, tmp_path)
    assert measure_crop_error(edit, package) < 1
    reasons = [text.split(": ", 1)[1] for text in package.report.conformed]
    assert reasons == ([conformed] if conformed else [])
    readme = package.files["README.txt"].decode()
    assert ("exchanged for the whole original" in readme) == ("not encoded again" in readme) == (conformed is None)
    assert find_media_problem(edit, package) is None


@pytest.mark.parametrize("target", TARGETS)
def test_proxy_of_another_size_shows_the_same_picture(target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate="24000/1001"))
    small = videos("proxy.mp4", rate="24000/1001", size="320x180")
    package = open_package(edit, target, tmp_path, include_proxy=True, proxy_path=small)
    assert any(name.endswith("-proxy.mov") for name in package.files)
    assert measure_crop_error(edit, package) < 1
    readme = package.files["README.txt"].decode()
    assert "the video's proxy" in readme and "not encoded again" not in readme
    assert "exchanged for the whole original" in readme
    assert ("scale by 0.5." in readme) == (target in ("premiere", "after_effects"))


@pytest.mark.parametrize("target", TARGETS)
def test_source_timecode_is_kept(target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    """Resolve and Final Cut show media as offline if their timecode differs from the project's."""
    for rate, timecode in (("25", "01:00:00:00"), ("30000/1001", "09:59:58;00")):
        edit = build_edit(videos("code.mov", rate=rate, size="320x180", options=("-timecode", timecode)))
        assert edit.source.start_timecode == timecode
        package = open_package(edit, target, tmp_path)
        assert measure_crop_error(edit, package) < 1
        assert find_media_problem(edit, package) is None


@pytest.mark.parametrize("target", TARGETS)
def test_unsupported_rate_becomes_a_supported_multiple(target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate="15", size="320x180"), keeps=[(0.0, 1.0), (1.4, 3.0)])
    package = open_package(edit, target, tmp_path)
    assert package.sequence.rate == choose_sequence_rate(Fraction(15)) == 30
    assert package.report.conformed == ()
    assert measure_crop_error(edit, package) < 1
    assert any("15 frames per second" in warning for warning in package.report.warnings)


@pytest.mark.parametrize("target", TARGETS)
def test_rate_without_a_supported_multiple_is_conformed(target: Target, videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate="27", size="320x180"), keeps=[(0.0, 1.0), (1.4, 3.0)])
    audio = AudioConfig(auto_sfx_enabled=True)
    edit = msgspec.structs.replace(edit, config=msgspec.structs.replace(edit.config, audio=audio))
    package = open_package(edit, target, tmp_path)
    assert any(name.endswith("effects.wav") for name in package.files)
    assert package.sequence.rate == Fraction(30000, 1001)
    assert package.report.conformed[0].endswith("its frame rate is not the sequence's")
    assert measure_crop_error(edit, package) == 0  # no frames are compared, because the sequence has another rate
    assert abs(package.sequence.frames - 2.6 * 30) <= 1


@pytest.mark.parametrize(
    ("start", "end", "options", "conformed"),
    [
        (0.0, 7.0, [], None),
        (0.0, 0.04, [], None),
        (3.0, 9.0, ["-filter_complex", "[1:a]apad=pad_dur=3[a]", "-map", "0:v", "-map", "[a]"], "its video ends"),
        (0.0, 3.0, ["-filter_complex", "[0:v]setpts=PTS+1/TB[v]", "-map", "[v]", "-map", "1:a"], "its video begins"),
    ],
    ids=["all of the video", "one frame", "audio is longer", "picture starts late"],
)
def test_clips_at_the_start_and_end_of_their_source(
    start: float, end: float, options: list[str], conformed: str | None, videos: VideoFactory, tmp_path: Path
) -> None:
    edit = build_edit(videos(f"{start}-{end}.mp4", rate="25", size="320x180", options=options), start=start, end=end)
    package = open_package(edit, "davinci", tmp_path)
    assert measure_crop_error(edit, package, Fraction(0) if start == 0 else None) < 1
    assert bool(package.report.conformed) == bool(conformed)
    assert conformed is None or conformed in package.report.conformed[0]


def test_high_frame_rate_is_kept_in_the_media(videos: VideoFactory, tmp_path: Path) -> None:
    edit = build_edit(videos(rate="120", size="320x180", seconds=5))
    assert edit.rate.fraction == 60
    package = open_package(edit, "fcpx", tmp_path)
    assert package.sequence.rate == 60 and package.report.conformed == ()
    durations = {f.get("frameDuration") for f in package.sequence.extra["root"].iter("format")}
    assert durations == {"1/60s", "1/120s"}
    assert measure_crop_error(edit, package) < 1


@pytest.mark.slow
def test_packages_show_the_frames_of_the_mp4(videos: VideoFactory, tmp_path: Path) -> None:
    """Frames are composed from the packaged media as each program does, and compared with an MP4 without texts."""
    import numpy as np

    from carmic_assets.rendering.render import render

    edit = build_edit(videos(rate="25"), keeps=[(0.0, 0.9), (1.3, 2.4)], words=())
    render(edit, tmp_path / "clip.mp4", tmp_path / "work")
    rendered = decode_frames(tmp_path / "clip.mp4")
    for target in TARGETS:
        package = open_package(edit, target, tmp_path, captions=())
        packaged = decode_frames(next((package.folder / "media").glob("*-source.mov")))
        assert len(rendered) == package.sequence.frames
        for n in range(0, package.sequence.frames, 7):
            canvas = np.zeros_like(rendered[0])
            for placement in package.sequence.pictures_at(n):
                picture = packaged[int(placement.source * package.sequence.rate)]
                if not placement.blurred:
                    draw_picture(canvas, picture, placement)
            covered = canvas.any(axis=2)
            assert covered.mean() > 0.3
            distance = np.abs(canvas.astype(np.int16) - rendered[n])[covered].mean()
            assert distance < 8, f"{target}, frame {n}: {distance:.1f} levels apart"
