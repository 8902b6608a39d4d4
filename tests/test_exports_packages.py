"""Packages open as rendered: every program would show the renderer's crop at every frame, cut where the MP4 is cut."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from carmic_assets.exports.package import TARGETS
from carmic_assets.exports.timecode import sequence_rate
from carmic_assets.model.template import AudioConfig
from exports_support import RATES, check_media, check_picture, edit_of, frames_of, make, opened, put, remux

Film = Callable[..., Path]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Test films by what is special about them, each made once."""
    folder, made = tmp_path_factory.mktemp("films"), {}

    def film(name: str = "film.mp4", **special: object) -> Path:
        key = f"{name} {sorted(special.items())}"
        if key not in made:
            path = folder / str(len(made)) / name
            path.parent.mkdir()
            made[key] = make(path, **special)  # type: ignore[arg-type]
        return made[key]

    return film


@pytest.mark.parametrize("target", TARGETS)
def test_every_program_shows_the_renderers_crop_at_every_frame(target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="30000/1001"), keeps=[(0.0, 0.8), (1.3, 2.1), (2.15, 3.2)])
    made = opened(edit, target, tmp_path)
    assert check_picture(edit, made) < 1
    assert made.report.keyframes < 60, "an editor must be able to work with the keyframes"
    grid = edit.rate.fraction
    kept = [(round(s.start_s * grid), round(s.end_s * grid)) for s in edit.keeps]
    cuts = {sum(b - a for a, b in kept[:k]) for k in range(3)}
    assert cuts <= {start for track in made.sequence.pieces for start, *_ in track}


@pytest.mark.parametrize("target", TARGETS)
def test_padding_and_other_aspects_are_placed_as_rendered(target: str, films: Film, tmp_path: Path) -> None:
    for aspect in ("1:1", "4:5", "16:9"):
        edit = edit_of(films(rate="25"), aspect=aspect, padding=60)
        assert check_picture(edit, opened(edit, target, tmp_path)) < 1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate_stays_on_its_own_grid(rate: str, target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate=rate, size="320x180"), keeps=[(0.0, 1.1), (1.5, 3.2)])
    made = opened(edit, target, tmp_path)
    assert made.sequence.rate == Fraction(rate)
    assert check_picture(edit, made) < 1
    assert check_media(edit, made) is None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", None])
def test_sound_of_every_shape_comes_along(layout: str | None, target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="25", size="320x180", layout=layout))
    made = opened(edit, target, tmp_path)
    assert check_picture(edit, made) < 1
    channels = {"mono": 1, "stereo": 2, "5.1": 6, None: 0}[layout]
    if target == "premiere":
        root = made.sequence.extra["root"]
        tracks = root.findall(".//sequence/media/audio/track")
        assert len(tracks) == channels
        assert [int(t.findtext("clipitem/sourcetrack/trackindex")) for t in tracks] == list(range(1, channels + 1))
        assert (root.find(".//file/media/audio/channelcount") is None) == (channels == 0)
        assert all(int(c.text) == channels for c in root.iter("channelcount"))
        links = [link.findtext("linkclipref") for link in root.iter("link")]
        ids = {item.get("id") for item in root.iter("clipitem")}
        assert set(links) <= ids and (len(links) > 0) == (channels > 0)
    elif target == "after_effects":
        heard = [layer["audio"] for layer in made.sequence.extra["comp"]["layers"] if layer["path"]]
        assert heard.count(True) == (4 if channels else 0)
    else:
        (asset,) = [a for a in made.sequence.extra["root"].iter("asset") if a.get("hasVideo")]
        assert asset.get("audioChannels") == (str(channels) if channels else None)
        assert asset.get("hasAudio") == ("1" if channels else None)
        for _, _, clip in made.sequence.extra["found"]:
            if clip.get("lane") and channels and clip.tag == "asset-clip":
                assert clip.get("srcEnable") == "video", "the voice would be heard twice"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("kind", "conformed"),
    [
        ("vertical", None),
        ("matroska", None),
        ("transport", None),
        ("turned left", "it is stored rotated"),
        ("turned right", "it is stored rotated"),
        ("wide pixels", "its pixels are not square"),
        ("variable", "its frame rate varies"),
        ("vp9", "not every program opens vp9"),
    ],
)
def test_sources_of_every_kind_come_out_upright_square_and_constant(
    kind: str, conformed: str | None, target: str, films: Film, tmp_path: Path
) -> None:
    plain = films(rate="30000/1001", size="320x180")
    turned = ["-metadata:s:v", "rotate=0"]
    path = {
        "vertical": lambda: films(rate="30000/1001", size="180x320"),
        "matroska": lambda: remux(plain, ".mkv"),
        "transport": lambda: remux(plain, ".ts"),
        "turned left": lambda: remux(plain, "-left.mp4", before=["-display_rotation", "90"], after=turned),
        "turned right": lambda: remux(plain, "-right.mp4", before=["-display_rotation", "270"], after=turned),
        "wide pixels": lambda: films(rate="30000/1001", size="320x240", filters="setsar=4/3"),
        "variable": lambda: films(
            rate="30", size="320x180", filters="select='not(mod(n,7))+not(mod(n,3))'", options=["-fps_mode", "vfr"]
        ),
        "vp9": lambda: remux(plain, ".webm", codec=["-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"]),
    }[kind]()
    edit = edit_of(path)
    made = opened(edit, target, tmp_path)
    assert check_picture(edit, made) < 1
    reasons = [text.split(": ", 1)[1] for text in made.report.conformed]
    assert reasons == ([conformed] if conformed else [])
    readme = made.files["README.txt"].decode()
    assert ("exchanged for the whole original" in readme) == ("not encoded again" in readme) == (conformed is None)
    assert check_media(edit, made) is None


@pytest.mark.parametrize("target", TARGETS)
def test_a_proxy_of_another_size_shows_the_same_picture(target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="24000/1001"))
    small = films("proxy.mp4", rate="24000/1001", size="320x180")
    made = opened(edit, target, tmp_path, include_proxy=True, proxy_path=small)
    assert any(name.endswith("-proxy.mov") for name in made.files)
    assert check_picture(edit, made) < 1
    readme = made.files["README.txt"].decode()
    assert "the video's proxy" in readme and "not encoded again" not in readme
    assert "exchanged for the whole original" in readme
    assert ("scale by 0.5." in readme) == (target in ("premiere", "after_effects"))


@pytest.mark.parametrize("target", TARGETS)
def test_a_source_with_its_own_timecode_is_online(target: str, films: Film, tmp_path: Path) -> None:
    """Resolve and Final Cut call media offline whose timecode is not the one that the project names."""
    for rate, code in (("25", "01:00:00:00"), ("30000/1001", "09:59:58;00")):
        edit = edit_of(films("code.mov", rate=rate, size="320x180", options=("-timecode", code)))
        assert edit.source.start_timecode == code
        made = opened(edit, target, tmp_path)
        assert check_picture(edit, made) < 1
        assert check_media(edit, made) is None


@pytest.mark.parametrize("target", TARGETS)
def test_a_rate_that_no_sequence_has_becomes_a_multiple_of_it(target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="15", size="320x180"), keeps=[(0.0, 1.0), (1.4, 3.0)])
    made = opened(edit, target, tmp_path)
    assert made.sequence.rate == sequence_rate(Fraction(15)) == 30
    assert made.report.conformed == ()
    assert check_picture(edit, made) < 1
    assert any("15 frames a second" in warning for warning in made.report.warnings)


@pytest.mark.parametrize("target", TARGETS)
def test_a_rate_with_no_standard_multiple_is_conformed(target: str, films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="27", size="320x180"), keeps=[(0.0, 1.0), (1.4, 3.0)])
    audio = AudioConfig(auto_sfx_enabled=True)
    edit = msgspec.structs.replace(edit, config=msgspec.structs.replace(edit.config, audio=audio))
    made = opened(edit, target, tmp_path)
    assert any(name.endswith("effects.wav") for name in made.files)
    assert made.sequence.rate == Fraction(30000, 1001)
    assert made.report.conformed[0].endswith("its frame rate is not the sequence's")
    assert check_picture(edit, made) == 0  # nothing to compare frame by frame
    assert abs(made.sequence.frames - 2.6 * 30) <= 1


@pytest.mark.parametrize(
    ("start", "end", "options", "conformed"),
    [
        (0.0, 7.0, [], None),
        (0.0, 0.04, [], None),
        (3.0, 9.0, ["-filter_complex", "[1:a]apad=pad_dur=3[a]", "-map", "0:v", "-map", "[a]"], "its picture ends"),
        (0.0, 3.0, ["-filter_complex", "[0:v]setpts=PTS+1/TB[v]", "-map", "[v]", "-map", "1:a"], "its picture begins"),
    ],
    ids=["the whole film", "one frame", "sound goes on", "picture comes late"],
)
def test_clips_at_the_ends_of_their_source(
    start: float, end: float, options: list[str], conformed: str | None, films: Film, tmp_path: Path
) -> None:
    edit = edit_of(films(f"{start}-{end}.mp4", rate="25", size="320x180", options=options), start=start, end=end)
    made = opened(edit, "davinci", tmp_path)
    assert check_picture(edit, made, Fraction(0) if start == 0 else None) < 1
    assert bool(made.report.conformed) == bool(conformed)
    assert conformed is None or conformed in made.report.conformed[0]


def test_a_fast_camera_keeps_its_true_rate(films: Film, tmp_path: Path) -> None:
    edit = edit_of(films(rate="120", size="320x180", seconds=5))
    assert edit.rate.fraction == 60
    made = opened(edit, "fcpx", tmp_path)
    assert made.sequence.rate == 60 and made.report.conformed == ()
    durations = {f.get("frameDuration") for f in made.sequence.extra["root"].iter("format")}
    assert durations == {"1/60s", "1/120s"}
    main = msgspec.structs.replace(edit, keeps=edit.keeps)
    assert check_picture(main, made) < 1


@pytest.mark.slow
def test_the_packages_show_what_the_mp4_shows(films: Film, tmp_path: Path) -> None:
    """Frames put together as each program would, from the packed media, against the rendered MP4 (no texts)."""
    import numpy as np

    from carmic_assets.rendering.render import render

    edit = edit_of(films(rate="25"), keeps=[(0.0, 0.9), (1.3, 2.4)], words=())
    render(edit, tmp_path / "clip.mp4", tmp_path / "work")
    rendered = frames_of(tmp_path / "clip.mp4")
    for target in TARGETS:
        made = opened(edit, target, tmp_path, captions=())
        packed = frames_of(next((made.folder / "media").glob("*-source.mov")))
        assert len(rendered) == made.sequence.frames
        for n in range(0, made.sequence.frames, 7):
            canvas = np.zeros_like(rendered[0])
            for shown in made.sequence.at(n):
                picture = packed[int(shown.source * made.sequence.rate)]
                if not shown.blurred:
                    put(canvas, picture, shown)
            covered = canvas.any(axis=2)
            assert covered.mean() > 0.3
            distance = np.abs(canvas.astype(np.int16) - rendered[n])[covered].mean()
            assert distance < 8, f"{target}, frame {n}: {distance:.1f} levels apart"
