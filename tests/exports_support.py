"""Builds test videos and edits, opens packages, and compares them with the render, for the export tests."""

from __future__ import annotations

import math
import subprocess
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import numpy.typing as npt

import exports_readback as readback
from carmic_assets.captions.caption_events import CaptionEvent
from carmic_assets.direction.canvas import CropShape, fit_crop_shape, place_regions, place_shot
from carmic_assets.direction.crop_sampling import find_shot, sample_crops
from carmic_assets.exports.package import PackageOptions, PackageReport, Target, write_package
from carmic_assets.exports.timecode import choose_sequence_rate, parse_timecode
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.probe import probe
from carmic_assets.media.video_filters import choose_output_rate
from carmic_assets.model.direction import CANVAS_SIZES, Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    LayoutConfig,
    TemplateConfig,
)
from carmic_assets.rendering.crop_plan import list_output_frames
from carmic_assets.rendering.edit_assembly import snap_clip_bounds

CLIP_TITLE = "Q&A: \"fünf\" <Ideen>\n🎬 'live'"
RATES = ("24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001")


def write_test_video(
    path: Path,
    *,
    rate: str = "30",
    size: str = "640x360",
    seconds: float = 7,
    layout: str | None = "stereo",
    options: Sequence[str] = (),
    filters: str = "",
) -> Path:
    """Write a small video whose frames all differ, with a sine tone. `layout` is its channel layout; None: no audio."""
    command = [locate_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if layout:
        command += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds},aformat=channel_layouts={layout}"]
    command += [
        *(["-vf", filters] if filters else []),
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-bf",
        "2",
        "-g",
        "20",
        "-pix_fmt",
        "yuv420p",
    ]
    subprocess.run([*command, "-c:a", "aac", *options, str(path)], check=True, timeout=60)
    return path


def remux_video(
    path: Path,
    ending: str,
    *,
    before: Sequence[str] = (),
    codec: Sequence[str] = ("-c", "copy"),
    after: Sequence[str] = (),
) -> Path:
    """Write the video in another container to the same folder, once. Its name ends in `ending`."""
    out = path.with_name(path.stem + ending)
    if not out.exists():
        command = [locate_binary(), "-v", "error", "-y", *before, "-i", str(path), *codec, *after, str(out)]
        subprocess.run(command, check=True, timeout=60)
    return out


def build_test_shots(facts: SourceFacts, aspect: str, duration: float, padding: float = 0) -> tuple[LayoutShot, ...]:
    """Return four shots: a pan with a zoom, a split with moving regions, a fit, and a still crop."""
    video = facts.video
    (full,) = place_regions("face-track", aspect, padding)
    halves = place_regions("split", aspect, padding)
    full_crop = fit_crop_shape(full, video.width, video.height, 4)
    upper_crop, lower_crop = (fit_crop_shape(rect, video.width, video.height, 4) for rect in halves)

    def build_keyframe(t: float, shape: CropShape, scale: float, x: float, y: float) -> Keyframe:
        w, h = shape.w * scale, shape.h * scale
        return Keyframe(t, x * (1 - w), y * (1 - h), w, h)

    cuts = [0.0, duration * 0.31, duration * 0.55, duration * 0.71, duration]
    a, b, c, d, e = cuts
    mid = a + (b - a) * 0.37
    pan = Region(
        "A",
        (
            build_keyframe(a, full_crop, 1, 0.1, 0),
            build_keyframe(mid, full_crop, 0.6, 0.7, 0.3),
            build_keyframe(b, full_crop, 0.8, 0.2, 0.9),
        ),
    )
    top = Region("A", (build_keyframe(b, upper_crop, 0.5, 0.1, 0.2), build_keyframe(c, upper_crop, 0.7, 0.3, 0.4)))
    bottom = Region("B", (build_keyframe(b, lower_crop, 0.6, 0.9, 0.5), build_keyframe(c, lower_crop, 0.6, 0.8, 0.5)))
    still = Region("B", (build_keyframe(d, full_crop, 0.9, 0.8, 0.5),))
    return (
        LayoutShot(a, b, "face-track", "A", "A speaks", (pan,)),
        LayoutShot(b, c, "split", "A", "both speak", (top, bottom)),
        LayoutShot(c, d, "fit", None, "nobody to be seen", ()),
        LayoutShot(d, e, "face-track", "B", "B answers", (still,)),
    )


def build_edit(
    path: Path,
    *,
    aspect: str = "9:16",
    start: float = 2.2,
    end: float = 5.4,
    keeps: Sequence[tuple[float, float]] | None = None,
    padding: float = 0,
    **fields: object,
) -> Edit:
    """Return an edit of `build_test_shots`; `fields` replace fields of the edit."""
    facts = probe(path)
    start, end = snap_clip_bounds(facts, start, end)
    rate = choose_output_rate(facts.video)
    duration = float(round(Fraction(end - start) * rate.fraction) / rate.fraction)
    grid = float(rate.fraction)
    spans = [(0.0, duration)] if keeps is None else [(round(a * grid) / grid, round(b * grid) / grid) for a, b in keeps]
    config = TemplateConfig(layout=LayoutConfig(aspect_ratio=aspect, padding=padding))  # type: ignore[arg-type]
    width, height = CANVAS_SIZES[aspect]
    defaults: dict[str, Any] = {
        "clip_id": "c1",
        "title": CLIP_TITLE,
        "source_path": str(path),
        "source": facts,
        "start_s": start,
        "duration_s": duration,
        "rate": rate,
        "width": width,
        "height": height,
        "kept_spans": tuple(Span(a, b) for a, b in spans),
        "shots": build_test_shots(facts, aspect, duration, padding),
        "words": (Word("Hello", 0.2, 0.6, 1.0, "A"), Word("you.", 0.7, 1.0, 1.0, "B")),
        "config": config,
        "score": 87,
        "reasoning": "A strong hook & a clear answer.",
    }
    return Edit(**{**defaults, **fields})


CAPTION_EVENTS = (
    CaptionEvent(0.1, 1.0, 'Grüße & "Küsse"\n<zwei> 🎉', (), "A", 96.0, 1400.0, (0, 0, 0, 0)),
    CaptionEvent(1.0, 1.6, "second", (), "B", 96.0, 1400.0, (0, 0, 0, 0)),
    CaptionEvent(0.0, 2.0, "The hook", (), None, 62.0, 300.0, (0, 0, 0, 0), "hook"),
)


class OpenedPackage(msgspec.Struct):
    """An unpacked package. `project` is the text of its project file; `sequence` is what the program reads from it."""

    report: PackageReport
    sequence: readback.ReadSequence
    files: dict[str, bytes]
    folder: Path
    project: str


def open_package(edit: Edit, target: Target, folder: Path, **options: object) -> OpenedPackage:
    """Write a package, unpack it, and read it as the program does. `options` are those of `PackageOptions`."""
    package_options = PackageOptions(**{"include_proxy": False, "captions": CAPTION_EVENTS, **options})  # type: ignore[arg-type]
    out = folder / f"{target}.zip"
    report = write_package(edit, target, out, folder / "work", package_options)
    unpacked = folder / target
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        archive.extractall(unpacked)
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    suffix = {"premiere": ".xml", "davinci": ".fcpxml", "fcpx": ".fcpxml", "after_effects": ".jsx"}[target]
    (name,) = [n for n in files if n.endswith(suffix)]
    text = files[name].decode()
    if target == "premiere":
        sequence = readback.read_xmeml(text)
    elif target == "after_effects":
        media = {}
        for path in (unpacked / "media").iterdir():
            media[path.name] = read_media_size(path)
        sequence = readback.read_after_effects(text, media, choose_sequence_rate(edit.rate.fraction))
    else:
        sequence = readback.read_fcpxml(text)
    return OpenedPackage(report, sequence, files, unpacked, text)


def read_media_size(path: Path) -> dict[str, Any]:
    """Return whether a file has audio, and its size, for the model of After Effects."""
    with av.open(str(path)) as container:
        video = container.streams.video[0] if container.streams.video else None
        return {
            "audio": bool(container.streams.audio),
            "width": video.width if video else 0,
            "height": video.height if video else 0,
        }


def measure_crop_error(edit: Edit, package: OpenedPackage, origin: Fraction | None = None) -> float:
    """Return the largest difference from the renderer's crop over all frames and regions, in pixels.

    Pixels of the source and of the canvas have the same weight. The function also asserts that every frame shows the
    right time of the source. `origin` is the source time of the packaged video's first frame; by default its timecode
    gives it.
    """
    sequence = package.sequence
    rate = edit.rate.fraction
    rate_ratio = sequence.rate / rate
    frames = list_output_frames(edit)
    assert (sequence.width, sequence.height) == (edit.width, edit.height)
    assert sequence.rate == choose_sequence_rate(rate)
    assert sequence.frames == round(len(frames) * rate_ratio)
    assert edit.source.video is not None
    w, h = edit.source.video.width, edit.source.video.height
    largest_error = 0.0
    main = next(n for n in package.files if n.endswith(("-source.mov", "-proxy.mov"))).split("/")[-1]
    origin = find_origin(edit, package) if origin is None else origin
    for n, frame in enumerate(frames):
        if rate_ratio.denominator != 1:
            break
        t = float(frame / rate)
        shot = find_shot(edit.shots, t + 1e-4)
        rects = place_shot(shot, edit.config.layout.aspect_ratio, edit.config.layout.padding, w, h)
        visible = [s for s in sequence.pictures_at(int(n * rate_ratio)) if s.file == main]
        for picture in visible:
            expected = Fraction(edit.start_s).limit_denominator(10**6) + Fraction(frame) / rate
            assert abs(origin + picture.source - expected) * rate < Fraction(1, 20), (
                f"frame {n} shows another source time"
            )
        pictures = [s for s in visible if not s.blurred]
        if shot.layout == "fit":
            (picture,) = pictures
            covered = (round(picture.width), round(picture.height)) == (edit.width, edit.height)
            assert [s.blurred for s in visible] == ([False] if covered else [True, False])
            assert picture.width <= rects[0].w + 1 and picture.height <= rects[0].h + 1
            assert abs(picture.left + picture.width / 2 - edit.width / 2) < 2
            assert abs(picture.top + picture.height / 2 - edit.height / 2) < 2
            continue
        boxes = sample_crops([shot], t)
        assert len(pictures) == len(boxes)
        for picture, box, rect in zip(pictures, boxes, rects, strict=True):
            assert abs(picture.width / picture.height * h / w - 1) < 0.01
            x, y = (rect.x - picture.left) / picture.width, (rect.y - picture.top) / picture.height
            right, bottom = (
                (rect.x + rect.w - picture.left) / picture.width,
                (rect.y + rect.h - picture.top) / picture.height,
            )
            for actual, expected_edge, pixels, large in (
                (x, box.x, w, picture.width),
                (right, box.x + box.w, w, picture.width),
                (y, box.y, h, picture.height),
                (bottom, box.y + box.h, h, picture.height),
            ):
                largest_error = max(
                    largest_error, abs(actual - expected_edge) * pixels, abs(actual - expected_edge) * large
                )
            if (rect.w, rect.h) != (edit.width, edit.height):
                sides = (box.x, box.y, 1 - box.x - box.w, 1 - box.y - box.h)
                for actual, expected_side, pixels in zip(picture.trims, sides, (w, h, w, h), strict=True):
                    largest_error = max(largest_error, abs(actual - expected_side) * pixels)
    return largest_error


def find_origin(edit: Edit, package: OpenedPackage) -> Fraction:
    """Return the source time of the packaged video's first frame, from its timecode."""
    path = next((package.folder / "media").glob("*-source.mov"), None) or next(
        (package.folder / "media").glob("*-proxy.mov")
    )
    with av.open(str(path)) as container:
        code = next((s.metadata["timecode"] for s in container.streams if "timecode" in s.metadata), None)
        rate = container.streams.video[0].average_rate
    if (
        code is None
    ):  # timecode does not support the rate: use the last key frame of `write_test_video` before the handle
        video_rate = edit.source.video.rate.fraction  # type: ignore[union-attr]
        return (
            Fraction(math.floor((Fraction(edit.start_s).limit_denominator(10**6) - 2) * video_rate) // 20 * 20)
            / video_rate
        )
    frames = parse_timecode(code, rate)
    if edit.source.start_timecode:
        frames -= parse_timecode(edit.source.start_timecode, rate)
    assert edit.source.video is not None
    start = Fraction(edit.source.video.start_s).limit_denominator(10**6)
    if "-proxy" in path.name:
        start = Fraction(0)
    return start + Fraction(frames) / rate


def find_media_problem(edit: Edit, package: OpenedPackage) -> str | None:
    """Compare the clip's first, middle and last frame in the packaged video with the source.

    Returns a sentence on the first frame that differs, or None.
    """
    path = next((package.folder / "media").glob("*-source.mov"))
    origin = find_origin(edit, package)
    rate = edit.rate.fraction
    assert edit.source.video is not None
    size = (edit.source.video.width // 2 * 2, edit.source.video.height // 2 * 2)
    for frame in (0, round(edit.duration_s * rate / 2), round(edit.duration_s * rate) - 1):
        moment = Fraction(edit.start_s).limit_denominator(10**6) + frame / rate
        expected = decode_grey_frame(Path(edit.source_path), moment, size, 1 / rate)
        actual = decode_grey_frame(path, moment - origin, size, 1 / rate)
        distance = float(np.abs(expected - actual).mean())
        if distance > 6:
            return f"frame {frame} differs by {distance:.1f}"
    return None


def decode_grey_frame(path: Path, moment: Fraction, size: tuple[int, int], step: Fraction) -> npt.NDArray[np.int16]:
    """Return the upright grey frame at `moment`, in seconds after the file's start."""
    first = max(0.0, float(moment) - 1)
    chain = f"setpts=PTS-{float(moment) - first:.6f}/TB,fps={step.denominator}/{step.numerator}:start_time=0:round=near"
    command = [
        locate_binary(),
        "-v",
        "error",
        "-ss",
        f"{first:.6f}",
        "-i",
        str(path),
        "-vf",
        f"{chain},scale={size[0]}:{size[1]}",
    ]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    result = subprocess.run(command, check=True, timeout=60, capture_output=True)
    return np.frombuffer(result.stdout, np.uint8).astype(np.int16)


def decode_frames(path: Path) -> list[npt.NDArray[np.uint8]]:
    """Return all frames as RGB arrays of height x width x 3."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def draw_picture(
    canvas: npt.NDArray[np.uint8], picture: npt.NDArray[np.uint8], placement: readback.VisiblePicture
) -> None:
    """Draw `picture` on `canvas` at the position and with the crop of `placement`."""
    height, width = canvas.shape[:2]
    h, w = picture.shape[:2]
    sx, sy = placement.width / w, placement.height / h
    move = np.array([[sx, 0, placement.left + sx / 2 - 0.5], [0, sy, placement.top + sy / 2 - 0.5]], np.float32)
    drawn = cv2.warpAffine(picture, move, (width, height), flags=cv2.INTER_CUBIC)
    left, top, right, bottom = placement.trims
    x0, x1 = placement.left + left * placement.width, placement.left + (1 - right) * placement.width
    y0, y1 = placement.top + top * placement.height, placement.top + (1 - bottom) * placement.height
    rows, columns = slice(max(0, round(y0)), max(0, round(y1))), slice(max(0, round(x0)), max(0, round(x1)))
    canvas[rows, columns] = drawn[rows, columns]
