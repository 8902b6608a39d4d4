"""Tests the video of the rendered MP4: frames, crops, colours, and the position and time of every element."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from PIL import Image

import media_files
from carmic_assets.direction.canvas import place_regions
from carmic_assets.direction.crop_sampling import sample_region
from carmic_assets.media.excerpt import cut_excerpt
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.file_kinds import describe_file
from carmic_assets.media.probe import probe
from carmic_assets.media.proxy import make_proxy
from carmic_assets.media.proxy_facts import predict_proxy_facts
from carmic_assets.model.direction import CANVAS_SIZES, Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, MediaFile
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.rendering.render import render
from carmic_assets.rendering.still import render_still

FIT_16_9 = {"layoutType": "fit", "aspectRatio": "16:9"}
CROP_W = 1080 * 9 / 16 / 1920  # width of a 9:16 crop, as a fraction of a 16:9 frame


def build_edit(
    source: Path,
    start: float,
    end: float,
    shots: Sequence[LayoutShot] | None = None,
    words: Sequence[Word] = (),
    media: dict[str, MediaFile] | None = None,
    **config: object,
) -> Edit:
    facts = probe(source)
    start, end = snap_clip_bounds(facts, start, end)
    return assemble_edit(
        ClipInputs(
            clip_id="clip",
            title="A clip",
            source_path=str(source),
            source=facts,
            start_s=start,
            end_s=end,
            config=msgspec.convert({"layout": FIT_16_9, **config}, TemplateConfig),
            words=words,
            shots=shots or [LayoutShot(0, end - start, "fit", None, "", ())],
            media=media,
        )
    )


def render_frames(edit: Edit, folder: Path) -> list[np.ndarray]:
    render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache")
    assert not any((folder / "work").iterdir())
    return media_files.decode_frames(folder / "out.mp4")


def render_still_frame(edit: Edit, t: float, folder: Path) -> np.ndarray:
    render_still(edit, t, folder / "still.jpg", folder / "work", cache=folder / "cache")
    return cv2.cvtColor(cv2.imread(str(folder / "still.jpg")), cv2.COLOR_BGR2RGB)


def read_numbers(pictures: list[np.ndarray]) -> list[int]:
    return [media_files.read_frame_number(p) for p in pictures]


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([locate_binary(), "-v", "error", "-y", *arguments], check=True)


@pytest.mark.parametrize(
    ("name", "video_options"),
    [
        ("a.mp4", {"fps": Fraction(30000, 1001)}),
        ("a.mkv", {"fps": Fraction(30000, 1001)}),
        ("late.ts", {"container": "mpegts", "first_pts_s": 10.0}),
        ("a.mpg", {"container": "mpeg", "codec": "mpeg2video", "sound": False}),
    ],
)
def test_clip_has_exactly_its_source_frames(tmp_path: Path, name: str, video_options: dict[str, Any]) -> None:
    edit = build_edit(media_files.write_numbered_video(tmp_path / name, **video_options), 2.4, 3.2)
    first = round((edit.start_s - edit.source.video.start_s) * edit.rate.fraction)
    count = round(edit.duration_s * edit.rate.fraction)
    assert read_numbers(render_frames(edit, tmp_path)) == list(range(first, first + count))


def test_frames_of_a_variable_rate_source_are_repeated_where_it_has_none(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "vfr.mkv", skip=tuple(range(38, 60)))
    assert read_numbers(render_frames(build_edit(source, 1.8, 2.6), tmp_path)) == [37] * 15 + [60, 61, 62, 63, 64]


def test_clip_after_the_end_of_the_video_repeats_the_last_frame(tmp_path: Path) -> None:
    complete = media_files.write_numbered_video(tmp_path / "complete.mp4", seconds=6)
    source = tmp_path / "short.mp4"
    run_ffmpeg(
        "-t", "2", "-i", str(complete), "-i", str(complete), "-map", "0:v", "-map", "1:a", "-c", "copy", str(source)
    )
    last = read_numbers(media_files.decode_frames(source))[-1]
    assert read_numbers(render_frames(build_edit(source, 3.4, 4.6), tmp_path)) == [last] * 30
    sound, first = media_files.decode_audio(tmp_path / "out.mp4")
    assert media_files.find_beeps_s(sound)[0] + first == pytest.approx(0.6, abs=0.04)
    assert read_numbers(render_frames(build_edit(source, 1.6, 2.6), tmp_path))[::24] == [40, last]


def test_source_with_one_frame_per_second_is_rendered_at_24_fps(tmp_path: Path) -> None:
    """Captions need more than one frame per second, and cuts need a finer grid."""
    source = media_files.write_numbered_video(tmp_path / "slow.mp4", fps=Fraction(1), seconds=8, codec="mpeg4")
    edit = build_edit(source, 2.3, 5.4)
    assert edit.rate.fraction == 24
    assert (edit.start_s, edit.duration_s) == (pytest.approx(2.3, abs=0.03), pytest.approx(3.1, abs=0.03))
    assert read_numbers(render_frames(edit, tmp_path)) == [2] * 17 + [3] * 24 + [4] * 24 + [5] * 10


def test_rate_above_sixty_is_halved(tmp_path: Path) -> None:
    edit = build_edit(media_files.write_numbered_video(tmp_path / "fast.mp4", fps=Fraction(100), seconds=2), 0.4, 1.0)
    assert edit.rate.fraction == 50
    assert read_numbers(render_frames(edit, tmp_path)) == list(range(40, 100, 2))


def test_pauses_are_removed_to_the_frame_in_picture_and_audio(tmp_path: Path) -> None:
    words = [Word("one", 0.2, 0.5, 1.0), Word("two", 2.8, 3.3, 1.0)]
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=5)
    edit = build_edit(source, 0.0, 4.0, words=words, audio={"removePauses": True})
    assert len(edit.kept_spans) == 2
    expected = [n for k in edit.kept_spans for n in range(round(k.start_s * 25), round(k.end_s * 25))]
    pictures = render_frames(edit, tmp_path)
    assert read_numbers(pictures) == expected
    sound, first = media_files.decode_audio(tmp_path / "out.mp4")
    flash = next(n for n, p in enumerate(pictures) if p[600:].mean() > 200) / 25
    assert media_files.find_beeps_s(sound)[0] + first == pytest.approx(flash, abs=0.04)


@pytest.mark.parametrize(
    "path",
    [
        (Keyframe(0, 0.32, 0, CROP_W, 1), Keyframe(0.3, 0.32, 0, CROP_W, 1), Keyframe(0.9, 0.42, 0, CROP_W, 1)),
        (Keyframe(0, 0.32, 0, CROP_W, 1), Keyframe(0.9, 0.40, 0.2, CROP_W / 2, 0.5)),
    ],
    ids=["pan", "zoom"],
)
def test_moving_crop_is_exact_in_every_frame(tmp_path: Path, path: tuple[Keyframe, ...]) -> None:
    source = tmp_path / "cross.mp4"
    lines = "drawbox=896:0:8:1080:white:fill,drawbox=0:496:1920:8:white:fill"
    run_ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s=1920x1080:r=25:d=1,{lines}", "-c:v", "libx264", "-qp", "5", str(source)
    )
    region = Region("A", path)
    shots = [LayoutShot(0, 1, "face-track", "A", "", (region,))]
    edit = build_edit(source, 0, 1, shots, layout={"layoutType": "face-track"})
    for n, picture in enumerate(render_frames(edit, tmp_path)):
        grey = np.clip(picture.mean(2) - 60, 0, None)
        column, row = grey[100:300].mean(0), grey[:, 20:120].mean(1)
        x = float((column * (np.arange(1080) + 0.5)).sum() / column.sum())
        y = float((row * (np.arange(1920) + 0.5)).sum() / row.sum())
        crop = sample_region(region, n / 25)
        assert x == pytest.approx((900 - crop.x * 1920) / (crop.w * 1920) * 1080, abs=1.2)
        assert y == pytest.approx((500 - crop.y * 1080) / (crop.h * 1080) * 1920, abs=1.2)


def test_layouts_change_on_their_frame_and_show_each_region_in_its_place(tmp_path: Path) -> None:
    source = tmp_path / "halves.mp4"
    halves = "color=0x2020c0:s=960x1080:r=25:d=2[a];color=0xc02020:s=960x1080:r=25:d=2[b];[a][b]hstack,format=yuv420p"
    run_ffmpeg("-filter_complex", halves, "-c:v", "libx264", "-qp", "10", str(source))
    split_w = 1080 * 9 / 8 / 1920
    left, right = Region("A", (Keyframe(0, 0, 0, CROP_W, 1),)), Region("B", (Keyframe(0, 1 - CROP_W, 0, CROP_W, 1),))
    top = Region("B", (Keyframe(0, 0.5, 0, split_w * 0.7, 0.7),))
    bottom = Region("A", (Keyframe(0, 0, 0.2, split_w * 0.7, 0.7),))
    shots = [
        LayoutShot(0, 0.4, "face-track", "A", "", (left,)),
        LayoutShot(0.4, 0.8, "split", None, "", (top, bottom)),
        LayoutShot(0.8, 1.2, "fit", None, "", ()),
        LayoutShot(1.2, 1.6, "face-track", "B", "", (right,)),
    ]
    pictures = render_frames(build_edit(source, 0, 1.6, shots, layout={"layoutType": "face-track"}), tmp_path)

    def find_half(n: int, y: int, x: int = 540) -> str:
        """Return the half of the source that is visible at a pixel of frame `n`: the left one is blue."""
        red, _, blue = pictures[n][y, x]
        return "red" if red > blue else "blue"

    assert [find_half(n, y) for n in (0, 9) for y in (100, 1800)] == ["blue"] * 4
    assert [find_half(n, y) for n in (10, 19) for y in (10, 950, 970, 1900)] == ["red", "red", "blue", "blue"] * 2
    assert [find_half(n, 960, x) for n in (20, 29) for x in (100, 900)] == ["blue", "red"] * 2
    assert [find_half(n, y) for n in (30, 39) for y in (100, 1800)] == ["red"] * 4


def test_fit_shows_the_full_source_over_a_blurred_background(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1, size=(1280, 720))
    picture = render_frames(build_edit(source, 0.2, 0.4, layout={"layoutType": "fit", "backgroundBlur": 60}), tmp_path)[
        0
    ]
    top = (1920 - 608) / 2 / 1920
    assert media_files.read_frame_number(picture, (0.0, top, 1.0, 608 / 1920)) == 5
    blurred = picture[:600].astype(int)
    assert np.abs(np.diff(blurred.mean(2), axis=1)).max() < 12  # the edges of the test pattern are blurred


def test_background_blur_matches_a_gaussian(tmp_path: Path) -> None:
    """With a sharp kernel, the pixels of the downscaled background would show as a grid."""
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1, size=(1280, 720))

    def top(blur: float) -> np.ndarray:
        edit = build_edit(source, 0.2, 0.4, layout={"layoutType": "fit", "backgroundBlur": blur})
        return render_still_frame(edit, 0.0, tmp_path)[:600].astype(float)

    sharp = top(0)
    for blur in (10, 20, 50, 100):
        blurred, expected = top(blur), cv2.GaussianBlur(sharp, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        assert np.abs(blurred - expected).mean() < 8, blur
        # a grid would show as large second differences
        assert np.abs(np.diff(blurred.mean(2), n=2, axis=1)).max() < 100 / blur, blur


def test_padding_and_aspect_ratio_place_the_picture(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    for ratio, (width, height) in CANVAS_SIZES.items():
        crop = Region("A", (Keyframe(0, 0, 0, 1, 1),))
        shots = [LayoutShot(0, 0.2, "face-track", "A", "", (crop,))]
        layout = {"aspectRatio": ratio, "padding": 60, "backgroundBlur": 0}
        unpadded = render_still_frame(
            build_edit(source, 0.2, 0.4, shots, layout=layout | {"padding": 0}), 0.0, tmp_path
        )
        padded = render_still_frame(build_edit(source, 0.2, 0.4, shots, layout=layout), 0.0, tmp_path)
        assert unpadded.shape == padded.shape == (height, width, 3)
        pixels = round(60 * width / 1080) & ~1
        (rect,) = place_regions("face-track", ratio, 60)
        assert (rect.x, rect.y, rect.w, rect.h) == (pixels, pixels, width - 2 * pixels, height - 2 * pixels)
        box = rect.x / width, rect.y / height, rect.w / width, rect.h / height
        assert media_files.read_frame_number(unpadded) == media_files.read_frame_number(padded, box) == 5


def test_cutaway_starts_at_its_source_time_and_ends_with_its_source_duration(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4")
    other = media_files.write_numbered_video(tmp_path / "b.mp4")
    media = {"b": MediaFile(str(other), "b", 4.0, 640, 360, True, True)}
    b_roll = [{"videoUrl": "b", "startTime": 0.2, "duration": 0.8, "sourceStart": 2.0, "sourceDuration": 0.4}]
    numbers = read_numbers(render_frames(build_edit(source, 1.04, 2.04, media=media, b_roll=b_roll), tmp_path))
    source_numbers = list(range(26, 51))
    assert numbers == source_numbers[:5] + list(range(50, 60)) + source_numbers[15:]


@pytest.mark.parametrize(
    ("name", "video_options"),
    [
        ("b.ts", {"container": "mpegts", "first_pts_s": 10.0, "sound": False}),
        ("b.mpg", {"container": "mpeg", "codec": "mpeg2video", "sound": False}),
        ("b.mkv", {}),
    ],
)
def test_cutaway_from_any_container_starts_on_its_frame(
    tmp_path: Path, name: str, video_options: dict[str, Any]
) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4")
    other = media_files.write_numbered_video(tmp_path / name, seconds=9, **video_options)
    b_roll = [{"videoUrl": "b", "startTime": 0, "duration": 0.2, "sourceStart": 5.48}]
    edit = build_edit(source, 1.04, 1.24, media={"b": describe_file(other, name)}, b_roll=b_roll)
    assert read_numbers(render_frames(edit, tmp_path)) == list(range(137, 142))


def test_cutaways_of_one_file_keep_their_times_and_the_later_one_is_on_top(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4")
    other = media_files.write_numbered_video(tmp_path / "b.mp4")
    media = {"b": MediaFile(str(other), "b", 4.0, 640, 360, True, True)}
    parts = [(0.2, 0.4, 2.0), (0.8, 0.16, 0.0), (1.2, 0.4, 3.0), (1.32, 0.12, 1.0)]  # start, length, start in the file
    b_roll = [{"videoUrl": "b", "startTime": a, "duration": n, "sourceStart": s} for a, n, s in parts]
    numbers = read_numbers(render_frames(build_edit(source, 1.04, 3.04, media=media, b_roll=b_roll), tmp_path))
    expected = list(range(26, 76))
    for start, length, source_start in parts:
        first, count, number = round(start * 25), round(length * 25), round(source_start * 25)
        expected[first : first + count] = range(number, number + count)
    assert numbers == expected


def test_animated_image_shows_its_first_frame(tmp_path: Path) -> None:
    source, path = media_files.write_numbered_video(tmp_path / "a.mp4"), tmp_path / "b.gif"
    frames = [Image.new("RGB", (64, 36), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0)
    b_roll = [{"videoUrl": "b", "startTime": 0.2, "duration": 0.4}]
    edit = build_edit(source, 1.04, 2.04, media={"b": describe_file(path, "b.gif")}, b_roll=b_roll)
    for picture in render_frames(edit, tmp_path)[5:15]:
        assert np.abs(picture[600, 900].astype(int) - [255, 0, 0]).max() < 12


def test_photo_is_rotated_by_its_exif_orientation(tmp_path: Path) -> None:
    source, path = media_files.write_numbered_video(tmp_path / "a.mp4"), tmp_path / "photo.jpg"
    photo = Image.new("RGB", (400, 200), "blue")
    photo.paste("red", (0, 0, 200, 200))
    exif = photo.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise: red is at the top
    photo.save(path, exif=exif, quality=95)
    mark = {"enabled": True, "imageUrl": "p", "opacity": 100}
    b_roll = [{"videoUrl": "p", "startTime": 0, "duration": 0.04}]
    media = {"p": describe_file(path, "photo.jpg")}
    first, second = render_frames(
        build_edit(source, 0.04, 0.12, media=media, b_roll=b_roll, elements={"watermark": mark}), tmp_path
    )
    # The watermark is 86 x 172 pixels, at the right and the top of the safe zone.
    for picture, red, blue in ((first, (100, 900), (1000, 900)), (second, (60, 1780), (220, 1780))):
        assert np.abs(picture[red].astype(int) - [255, 0, 0]).max() < 12
        assert np.abs(picture[blue].astype(int) - [0, 0, 255]).max() < 12


def test_progress_bar_at_the_bottom(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    bar = {"enabled": True, "color": "rgba(255, 0, 0, 1)"}
    edit = build_edit(source, 0.04, 0.84, layout={**FIT_16_9}, elements={"progressBar": bar})
    picture = render_still_frame(edit, 0.4, tmp_path)
    red = (np.abs(picture.astype(int) - [255, 0, 0]).max(2) < 40).nonzero()
    assert red[0].min() >= 1080 - 26 and red[0].max() == 1079
    assert red[1].min() == 0 and red[1].max() == pytest.approx(1920 * 11 / 20, abs=4)


COLOURS = [(200, 40, 60), (30, 180, 70), (40, 60, 190), (220, 210, 40), (128, 128, 128), (245, 245, 245), (12, 12, 12)]


@pytest.mark.parametrize(
    ("size", "matrix", "span", "pixels"),
    [
        ((1280, 720), "bt709", "tv", "yuv420p"),
        ((704, 396), "smpte170m", "tv", "yuv420p"),
        ((1280, 720), "bt709", "pc", "yuvj420p"),
        ((1280, 720), "bt709", "tv", "yuv422p10le"),
        ((1280, 720), "bt2020nc", "tv", "yuv420p10le"),
    ],
)
def test_colours_are_preserved(tmp_path: Path, size: tuple[int, int], matrix: str, span: str, pixels: str) -> None:
    source = tmp_path / "bars.mp4"
    bars = ";".join(
        f"color=0x{r:02x}{g:02x}{b:02x}:s=100x394:r=25:d=0.2,format=gbrp[c{n}]" for n, (r, g, b) in enumerate(COLOURS)
    )
    joined = "".join(f"[c{n}]" for n in range(7)) + f"hstack=7,scale={size[0]}:{size[1]}:flags=neighbor"
    labels = f"setparams=colorspace={matrix}:range={span}:color_primaries=bt709:color_trc=bt709"
    coded = f"scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd+full_chroma_int,format={pixels}"
    run_ffmpeg("-filter_complex", f"{bars};{joined},{coded},{labels}", "-c:v", "libx264", "-crf", "6", str(source))
    picture = render_frames(build_edit(source, 0, 0.2), tmp_path)[2]
    for n, colour in enumerate(COLOURS):
        x = int(1920 / 7 * (n + 0.5))
        mean_colour = picture[500:580, x - 30 : x + 30].reshape(-1, 3).mean(0)
        assert np.abs(mean_colour - colour).max() <= 6


def test_every_element_is_visible_in_its_time_only(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "grey.mp4", seconds=3)
    b_roll, mark = tmp_path / "b.mp4", tmp_path / "mark.png"
    run_ffmpeg("-f", "lavfi", "-i", "color=0x10e020:s=640x360:r=30:d=2,format=yuv420p", "-c:v", "libx264", str(b_roll))
    run_ffmpeg("-f", "lavfi", "-i", "color=0xff00ff:s=200x100", "-frames:v", "1", str(mark))
    media = {
        "b": MediaFile(str(b_roll), "b", 2.0, 640, 360, True, False),
        "w": MediaFile(str(mark), "w", None, 200, 100, True, False),
    }
    edit = build_edit(
        source,
        0.04,
        2.04,
        media=media,
        layout={**FIT_16_9, "safeZoneOverlay": True},
        elements={
            "progressBar": {"enabled": True, "color": "#8b5cf6", "position": "top"},
            "watermark": {"enabled": True, "imageUrl": "w", "opacity": 50},
            "hookTitle": {"enabled": True, "text": "Look", "durationSec": 0.4},
            "emojis": [{"emoji": "🔥", "startTime": 0.6, "duration": 0.2, "x": 0.5, "y": 0.5}],
        },
        b_roll=[{"videoUrl": "b", "startTime": 1.0, "duration": 0.4}],
    )
    pictures = render_frames(edit, tmp_path)

    def is_near(n: int, y: int, x: int, colour: tuple[int, int, int], tolerance: int = 14) -> bool:
        return bool(
            np.abs(pictures[n][y - 3 : y + 3, x - 3 : x + 3].reshape(-1, 3).mean(0) - colour).max() <= tolerance
        )

    grey, violet, green = (90, 90, 90), (0x8B, 0x5C, 0xF6), (0x10, 0xE0, 0x20)
    # the bar grows from left to right and is full in the last frame
    for n, fraction in ((0, 1 / 50), (12, 13 / 50), (49, 1.0)):
        end = round(1920 * fraction)
        assert is_near(n, 12, max(8, end - 12), violet) and (fraction == 1 or not is_near(n, 12, end + 12, violet))
    # the cutaway covers the canvas in its frames only
    assert [n for n in range(50) if is_near(n, 900, 300, green)] == list(range(25, 35))
    # the watermark has half opacity in every frame
    for n in (2, 20, 45):
        red, green_, blue = pictures[n][80:90, 1750:1760].reshape(-1, 3).mean(0)
        assert red - green_ == pytest.approx(127, abs=20) and blue - green_ == pytest.approx(127, abs=20)
    # the emoji reaction is visible in its frames only
    grey_frames = [
        n for n in range(50) if n not in (*range(25, 35), 24, 49)
    ]  # without the cutaway and the white flashes
    assert [n for n in grey_frames if not is_near(n, 540, 960, grey, 30)] == list(range(15, 20))
    # the outline of the safe zone is drawn
    assert is_near(40, 700, 97, (20, 205, 225), 60)


def test_caption_words_are_highlighted_in_their_frames(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=2)
    words = [Word("alpha", 0.2, 0.6, 1.0), Word("omega", 0.6, 1.0, 1.0)]
    style = {"captionColor": "#ffffff", "highlightColor": "#ff0000", "animationStyle": "none", "strokeThickness": 0}
    edit = build_edit(
        source, 0.04, 1.24, words=words, style={**style, "dropShadow": False}, layout={"layoutType": "fit"}
    )
    pictures = render_frames(edit, tmp_path)

    def find_highlighted_side(picture: np.ndarray) -> str:
        p = picture[1000:].astype(int)
        xs = np.nonzero((p[..., 0] > 180) & (p[..., 1] < 60) & (p[..., 2] < 60))[1]
        return "none" if len(xs) < 50 else "left" if xs.mean() < 540 else "right"

    sides = [find_highlighted_side(p) for p in pictures]
    lit = {side: [n for n, s in enumerate(sides) if s == side] for side in ("left", "right")}
    assert abs(lit["left"][0] - 5) <= 1 and abs(lit["left"][-1] - 14) <= 1
    assert abs(lit["right"][0] - 15) <= 1 and abs(lit["right"][-1] - 24) <= 1


@pytest.mark.parametrize(("start", "frames"), [(0.05, (2, 23)), (0.2167, (7, 28)), (0.27, (9, 30))])
def test_emoji_in_a_caption_is_visible_in_the_frames_of_its_text(
    tmp_path: Path, start: float, frames: tuple[int, int]
) -> None:
    source = tmp_path / "grey.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "color=gray:s=640x360:r=30:d=1.4", "-pix_fmt", "yuv420p", str(source))
    words = [Word("hi", start, start + 0.05, 1.0), Word("🔥.", start + 0.05, start + 0.3, 1.0)]
    style = {"animationStyle": "none", "dropShadow": False, "highlightColor": "#fffffe"}
    edit = build_edit(source, 0, 1.4, words=words, style=style, layout={"layoutType": "fit"})
    bands = [p[1300:1500].astype(int) for p in render_frames(edit, tmp_path)]
    emoji = [n for n, p in enumerate(bands) if (p[..., 0] - p[..., 2] > 90).sum() > 200]
    text = [n for n, p in enumerate(bands) if (p.min(2) > 230).sum() > 100]
    assert emoji == text == list(range(*frames))


def test_still_equals_the_frame_of_the_render(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=3)
    edit = build_edit(source, 1.0, 2.4, words=[Word("hello", 0.3, 0.9, 1.0)], layout={"layoutType": "fit"})
    pictures = render_frames(edit, tmp_path)
    still = render_still_frame(edit, 0.6, tmp_path).astype(int)
    same, other = (np.abs(still - pictures[n]).mean() for n in (15, 2))
    assert same < 2.5 and same < other


@pytest.mark.parametrize(
    ("name", "video_options"),
    [("a.mp4", {}), ("late.ts", {"container": "mpegts", "first_pts_s": 10.0}), ("a.mkv", {"fps": Fraction(100)})],
)
def test_still_of_the_proxy_or_an_excerpt_shows_the_frame_of_the_source(
    tmp_path: Path, name: str, video_options: dict[str, Any]
) -> None:
    source = media_files.write_numbered_video(tmp_path / name, seconds=7, **video_options)
    edit = build_edit(source, 2.4, 6.4)
    facts, proxy, excerpt_path = predict_proxy_facts(edit.source), tmp_path / "proxy.mp4", tmp_path / "excerpt.mkv"
    make_proxy(source, edit.source, proxy)
    for t in (0.0, 1.6, 3.9):
        with proxy.open("rb") as file:
            excerpt = cut_excerpt(file, facts, edit.start_s + t, excerpt_path)
        assert excerpt_path.stat().st_size < proxy.stat().st_size
        excerpt_edit = msgspec.structs.replace(edit, source=excerpt.facts, start_s=edit.start_s - excerpt.start_s)
        proxy_edit = msgspec.structs.replace(edit, source=facts)
        numbers = []
        for still_edit, path in ((edit, source), (proxy_edit, proxy), (excerpt_edit, excerpt_path)):
            still_edit = msgspec.structs.replace(still_edit, source_path=str(path))
            render_still(still_edit, t, tmp_path / "still.jpg", tmp_path / "work", cache=tmp_path / "cache")
            numbers.append(media_files.read_frame_number(cv2.imread(str(tmp_path / "still.jpg"))))
        assert numbers == numbers[:1] * 3


def test_equal_edits_give_equal_bytes(tmp_path: Path) -> None:
    source = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=2)
    edit = build_edit(source, 0.4, 1.2, words=[Word("hello", 0.1, 0.6, 1.0)], layout={"layoutType": "fit"})
    render_frames(edit, tmp_path)
    first = (tmp_path / "out.mp4").read_bytes()
    render_frames(edit, tmp_path)
    assert (tmp_path / "out.mp4").read_bytes() == first


def test_ten_bit_colours_are_preserved_at_odd_crop_positions(tmp_path: Path) -> None:
    """With `exact=1`, ffmpeg reads the chroma of 10-bit frames one byte off at an odd x."""
    source = tmp_path / "wide.mp4"
    labels = "setparams=colorspace=bt2020nc:range=tv:color_primaries=bt2020:color_trc=smpte2084"
    coded = (
        f"color=0x904060:s=1280x720:r=25:d=0.4,format=gbrp,scale=out_color_matrix=bt2020nc,format=yuv420p10le,{labels}"
    )
    run_ffmpeg("-filter_complex", coded, "-c:v", "libx264", "-qp", "4", str(source))
    split_w = 1080 * 9 / 8 / 1920
    regions = tuple(Region("A", (Keyframe(0, 301 / 1280, 0, split_w * 0.7, 0.7),)) for _ in range(2))
    for number, shots in enumerate(([LayoutShot(0, 0.4, "split", None, "", regions)], None)):
        edit = build_edit(source, 0, 0.4, shots, layout={"layoutType": "split"})
        render_still(edit, 0.2, tmp_path / f"{number}.jpg", tmp_path / "work", cache=tmp_path / "cache")
    split, fit = (cv2.imread(str(tmp_path / f"{number}.jpg"))[960 - 40 : 960 + 40] for number in (0, 1))
    assert np.abs(split.mean((0, 1)) - fit.mean((0, 1))).max() < 4
