"""Films, edits and opened packages for the tests of the exports."""

from __future__ import annotations

import math
import subprocess
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

import exports_readback as readback
from carmic_assets.captions.caption_track import CaptionEvent
from carmic_assets.direction.canvas import crop_shape, region_rects
from carmic_assets.direction.crop_sampling import crop_at, shot_at
from carmic_assets.exports.package import PackageReport, package
from carmic_assets.exports.timecode import sequence_rate, timecode_frames
from carmic_assets.media.ffmpeg import binary
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import CANVAS, Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    LayoutConfig,
    TemplateConfig,
)
from carmic_assets.rendering.crop_plan import output_frames
from carmic_assets.rendering.edit_assembly import clip_bounds

NAME = "Q&A: \"fünf\" <Ideen>\n🎬 'live'"
RATES = ("24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001")


def make(
    path: Path,
    *,
    rate: str = "30",
    size: str = "640x360",
    seconds: float = 7,
    layout: str | None = "stereo",
    options: Sequence[str] = (),
    filters: str = "",
) -> Path:
    """A small test film whose every frame differs, with a tone."""
    line = [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if layout:
        line += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds},aformat=channel_layouts={layout}"]
    line += [
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
    subprocess.run([*line, "-c:a", "aac", *options, str(path)], check=True, timeout=60)
    return path


def remux(
    path: Path,
    ending: str,
    *,
    before: Sequence[str] = (),
    codec: Sequence[str] = ("-c", "copy"),
    after: Sequence[str] = (),
) -> Path:
    """The same film in another container, beside it."""
    out = path.with_name(path.stem + ending)
    if not out.exists():
        line = [binary(), "-v", "error", "-y", *before, "-i", str(path), *codec, *after, str(out)]
        subprocess.run(line, check=True, timeout=60)
    return out


def shots_for(facts: Any, aspect: str, duration: float, padding: float = 0) -> tuple[LayoutShot, ...]:
    """A pan with a zoom, a split whose pictures move, the whole picture, and a still."""
    video = facts.video
    (full,) = region_rects("face-track", aspect, padding)
    halves = region_rects("split", aspect, padding)
    one = crop_shape(full, video.width, video.height, 4)
    upper, lower = (crop_shape(rect, video.width, video.height, 4) for rect in halves)

    def crop(t: float, shape: Any, part: float, x: float, y: float) -> Keyframe:
        w, h = shape.w * part, shape.h * part
        return Keyframe(t, x * (1 - w), y * (1 - h), w, h)

    cuts = [0.0, duration * 0.31, duration * 0.55, duration * 0.71, duration]
    a, b, c, d, e = cuts
    mid = a + (b - a) * 0.37
    pan = Region("A", (crop(a, one, 1, 0.1, 0), crop(mid, one, 0.6, 0.7, 0.3), crop(b, one, 0.8, 0.2, 0.9)))
    top = Region("A", (crop(b, upper, 0.5, 0.1, 0.2), crop(c, upper, 0.7, 0.3, 0.4)))
    low = Region("B", (crop(b, lower, 0.6, 0.9, 0.5), crop(c, lower, 0.6, 0.8, 0.5)))
    still = Region("B", (crop(d, one, 0.9, 0.8, 0.5),))
    return (
        LayoutShot(a, b, "face-track", "A", "A speaks", (pan,)),
        LayoutShot(b, c, "split", "A", "both speak", (top, low)),
        LayoutShot(c, d, "fit", None, "nobody to be seen", ()),
        LayoutShot(d, e, "face-track", "B", "B answers", (still,)),
    )


def edit_of(
    path: Path,
    *,
    aspect: str = "9:16",
    start: float = 2.2,
    end: float = 5.4,
    keeps: Sequence[tuple[float, float]] | None = None,
    padding: float = 0,
    **fields: Any,
) -> Edit:
    facts = probe(path)
    start, end = clip_bounds(facts, start, end)
    from carmic_assets.media.picture_filters import output_rate

    rate = output_rate(facts.video)
    duration = float(round(Fraction(end - start) * rate.fraction) / rate.fraction)
    grid = float(rate.fraction)
    spans = [(0.0, duration)] if keeps is None else [(round(a * grid) / grid, round(b * grid) / grid) for a, b in keeps]
    config = TemplateConfig(layout=LayoutConfig(aspect_ratio=aspect, padding=padding))  # type: ignore[arg-type]
    width, height = CANVAS[aspect]
    defaults: dict[str, Any] = {
        "clip_id": "c1",
        "title": NAME,
        "source_path": str(path),
        "source": facts,
        "start_s": start,
        "duration_s": duration,
        "rate": rate,
        "width": width,
        "height": height,
        "keeps": tuple(Span(a, b) for a, b in spans),
        "shots": shots_for(facts, aspect, duration, padding),
        "words": (Word("Hello", 0.2, 0.6, 1.0, "A"), Word("you.", 0.7, 1.0, 1.0, "B")),
        "config": config,
        "score": 87,
        "reasoning": "A strong hook & a clear answer.",
    }
    return Edit(**{**defaults, **fields})


EVENTS = (
    CaptionEvent(0.1, 1.0, 'Grüße & "Küsse"\n<zwei> 🎉', (), "A", 96.0, 1400.0, (0, 0, 0, 0)),
    CaptionEvent(1.0, 1.6, "second", (), "B", 96.0, 1400.0, (0, 0, 0, 0)),
    CaptionEvent(0.0, 2.0, "The hook", (), None, 62.0, 300.0, (0, 0, 0, 0), "hook"),
)


class Opened(msgspec.Struct):
    report: PackageReport
    sequence: readback.Sequence
    files: dict[str, bytes]
    folder: Path
    project: str


def opened(edit: Edit, target: str, tmp: Path, **options: Any) -> Opened:
    """Make a package, unpack it, read it as the program would."""
    options = {"include_proxy": False, "captions": EVENTS, **options}
    out = tmp / f"{target}.zip"
    report = package(edit, target, out, tmp / "work", **options)  # type: ignore[arg-type]
    folder = tmp / target
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    suffix = {"premiere": ".xml", "davinci": ".fcpxml", "fcpx": ".fcpxml", "after_effects": ".jsx"}[target]
    (name,) = [n for n in files if n.endswith(suffix)]
    text = files[name].decode()
    if target == "premiere":
        sequence = readback.xmeml(text)
    elif target == "after_effects":
        media = {}
        for path in (folder / "media").iterdir():
            media[path.name] = facts_of(path)
        sequence = readback.after_effects(text, media, sequence_rate(edit.rate.fraction))
    else:
        sequence = readback.fcpxml(text)
    return Opened(report, sequence, files, folder, text)


def facts_of(path: Path) -> dict[str, Any]:
    import av

    with av.open(str(path)) as container:
        video = container.streams.video[0] if container.streams.video else None
        return {
            "audio": bool(container.streams.audio),
            "width": video.width if video else 0,
            "height": video.height if video else 0,
        }


def check_picture(edit: Edit, made: Opened, zero: Fraction | None = None) -> float:
    """The largest distance (pixels, of the source and of the canvas) between what the program shows and the renderer's
    crop, over all frames and regions; also that every frame shows the right moment of the source. `zero` is what the
    packed film begins with, where its timecode cannot say it."""
    sequence = made.sequence
    rate = edit.rate.fraction
    grow = sequence.rate / rate
    frames = output_frames(edit)
    assert (sequence.width, sequence.height) == (edit.width, edit.height)
    assert sequence.rate == sequence_rate(rate)
    assert sequence.frames == round(len(frames) * grow)
    assert edit.source.video is not None
    w, h = edit.source.video.width, edit.source.video.height
    worst = 0.0
    main = next(n for n in made.files if n.endswith(("-source.mov", "-proxy.mov"))).split("/")[-1]
    zero = origin_of(edit, made) if zero is None else zero
    for n, frame in enumerate(frames):
        if grow.denominator != 1:
            break
        t = float(frame / rate)
        shot = shot_at(edit.shots, t + 1e-4)
        rects = region_rects(shot.layout, edit.config.layout.aspect_ratio, edit.config.layout.padding)
        shown = [s for s in sequence.at(int(n * grow)) if s.file == main]
        for each in shown:
            wanted = Fraction(edit.start_s).limit_denominator(10**6) + Fraction(frame) / rate
            assert abs(zero + each.source - wanted) * rate < Fraction(1, 20), f"frame {n} shows another moment"
        pictures = [s for s in shown if not s.blurred]
        if shot.layout == "fit":
            (whole,) = pictures
            covered = (round(whole.width), round(whole.height)) == (edit.width, edit.height)
            assert [s.blurred for s in shown] == ([False] if covered else [True, False])
            assert whole.width <= rects[0].w + 1 and whole.height <= rects[0].h + 1
            assert abs(whole.left + whole.width / 2 - edit.width / 2) < 2
            assert abs(whole.top + whole.height / 2 - edit.height / 2) < 2
            continue
        boxes = crop_at([shot], t)
        assert len(pictures) == len(boxes)
        for picture, box, rect in zip(pictures, boxes, rects, strict=True):
            assert abs(picture.width / picture.height * h / w - 1) < 0.01
            x, y = (rect.x - picture.left) / picture.width, (rect.y - picture.top) / picture.height
            right, low = (
                (rect.x + rect.w - picture.left) / picture.width,
                (rect.y + rect.h - picture.top) / picture.height,
            )
            for got, want, pixels, large in (
                (x, box.x, w, picture.width),
                (right, box.x + box.w, w, picture.width),
                (y, box.y, h, picture.height),
                (low, box.y + box.h, h, picture.height),
            ):
                worst = max(worst, abs(got - want) * pixels, abs(got - want) * large)
            if (rect.w, rect.h) != (edit.width, edit.height):
                sides = (box.x, box.y, 1 - box.x - box.w, 1 - box.y - box.h)
                for got, want, pixels in zip(picture.trims, sides, (w, h, w, h), strict=True):
                    worst = max(worst, abs(got - want) * pixels)
    return worst


def origin_of(edit: Edit, made: Opened) -> Fraction:
    """The moment of the source that the packed file begins with, by its timecode."""
    import av

    path = next((made.folder / "media").glob("*-source.mov"), None) or next((made.folder / "media").glob("*-proxy.mov"))
    with av.open(str(path)) as container:
        code = next((s.metadata["timecode"] for s in container.streams if "timecode" in s.metadata), None)
        rate = container.streams.video[0].average_rate
    if code is None:  # a rate that timecode is not counted in: the keyframe that `make` put before the handle
        own = edit.source.video.rate.fraction  # type: ignore[union-attr]
        return Fraction(math.floor((Fraction(edit.start_s).limit_denominator(10**6) - 2) * own) // 20 * 20) / own
    frames = timecode_frames(code, rate)
    if edit.source.start_timecode:
        frames -= timecode_frames(edit.source.start_timecode, rate)
    assert edit.source.video is not None
    start = Fraction(edit.source.video.start_s).limit_denominator(10**6)
    if "-proxy" in path.name:
        start = Fraction(0)
    return start + Fraction(frames) / rate


def check_media(edit: Edit, made: Opened) -> str | None:
    """What is wrong with the packed film: its first, a middle and a late frame of the clip must be the source's."""
    import numpy as np

    path = next((made.folder / "media").glob("*-source.mov"))
    zero = origin_of(edit, made)
    rate = edit.rate.fraction
    assert edit.source.video is not None
    size = (edit.source.video.width // 2 * 2, edit.source.video.height // 2 * 2)
    for frame in (0, round(edit.duration_s * rate / 2), round(edit.duration_s * rate) - 1):
        moment = Fraction(edit.start_s).limit_denominator(10**6) + frame / rate
        want = picture_at(Path(edit.source_path), moment, size, 1 / rate)
        got = picture_at(path, moment - zero, size, 1 / rate)
        distance = float(np.abs(want - got).mean())
        if distance > 6:
            return f"frame {frame} differs by {distance:.1f}"
    return None


def picture_at(path: Path, moment: Fraction, size: tuple[int, int], step: Fraction) -> Any:
    """The upright picture that is shown at `moment` (seconds after the file's start), as players turn it, in grey."""
    import numpy as np

    first = max(0.0, float(moment) - 1)
    chain = f"setpts=PTS-{float(moment) - first:.6f}/TB,fps={step.denominator}/{step.numerator}:start_time=0:round=near"
    line = [
        binary(),
        "-v",
        "error",
        "-ss",
        f"{first:.6f}",
        "-i",
        str(path),
        "-vf",
        f"{chain},scale={size[0]}:{size[1]}",
    ]
    line += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    done = subprocess.run(line, check=True, timeout=60, capture_output=True)
    return np.frombuffer(done.stdout, np.uint8).astype(np.int16)


def frames_of(path: Path) -> list[Any]:
    """All frames, height x width x 3."""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def put(canvas: Any, picture: Any, shown: readback.Shown) -> None:
    """Draw `picture` onto `canvas` where a program shows it, trimmed as it trims."""
    import cv2
    import numpy as np

    height, width = canvas.shape[:2]
    h, w = picture.shape[:2]
    sx, sy = shown.width / w, shown.height / h
    move = np.array([[sx, 0, shown.left + sx / 2 - 0.5], [0, sy, shown.top + sy / 2 - 0.5]], np.float32)
    drawn = cv2.warpAffine(picture, move, (width, height), flags=cv2.INTER_CUBIC)
    left, top, right, bottom = shown.trims
    x0, x1 = shown.left + left * shown.width, shown.left + (1 - right) * shown.width
    y0, y1 = shown.top + top * shown.height, shown.top + (1 - bottom) * shown.height
    rows, columns = slice(max(0, round(y0)), max(0, round(y1))), slice(max(0, round(x0)), max(0, round(x1)))
    canvas[rows, columns] = drawn[rows, columns]
