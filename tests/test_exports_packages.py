"""Packages open as rendered: every program would show the renderer's crop at every frame, cut where the MP4 is cut."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import exports_readback as readback
import msgspec
import pytest
from carmic_assets.captions.track import CaptionEvent
from carmic_assets.direction.canvas import crop_shape, region_rects
from carmic_assets.direction.sample import crop_at, shot_at
from carmic_assets.exports import fcpxml, xmeml
from carmic_assets.exports.grid import sequence_rate, timecode_frames, timecode_text
from carmic_assets.exports.lint import lint
from carmic_assets.exports.package import TARGETS, PackageReport, package
from carmic_assets.media.ffmpeg import binary
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import CANVAS, Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Cutaway, Edit, Marker, MediaFile, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import (
    ActiveTrack,
    AudioConfig,
    ElementsConfig,
    LayoutConfig,
    TemplateConfig,
    Watermark,
)
from carmic_assets.rendering.assemble import clip_bounds
from carmic_assets.rendering.plan import output_frames

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
    filters: str = "null",
) -> Path:
    """A small test film whose every frame differs, with a tone."""
    line = [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if layout:
        line += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds},aformat=channel_layouts={layout}"]
    line += ["-vf", filters, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "20", "-pix_fmt", "yuv420p"]
    subprocess.run([*line, "-c:a", "aac", *options, str(path)], check=True, timeout=60)
    return path


def shots_for(facts: Any, aspect: str, duration: float, padding: float = 0) -> tuple[LayoutShot, ...]:
    """A pan with a zoom, a split whose pictures move, the whole picture, and a still."""
    video = facts.video
    (full,) = region_rects("face-track", aspect, padding)
    halves = region_rects("split", aspect, padding)
    one = crop_shape(full, video.width, video.height, 4)
    half = crop_shape(halves[0], video.width, video.height, 4)

    def crop(t: float, shape: Any, part: float, x: float, y: float) -> Keyframe:
        w, h = shape.w * part, shape.h * part
        return Keyframe(t, x * (1 - w), y * (1 - h), w, h)

    cuts = [0.0, duration * 0.31, duration * 0.55, duration * 0.71, duration]
    a, b, c, d, e = cuts
    mid = a + (b - a) * 0.37
    pan = Region("A", (crop(a, one, 1, 0.1, 0), crop(mid, one, 0.6, 0.7, 0.3), crop(b, one, 0.8, 0.2, 0.9)))
    top = Region("A", (crop(b, half, 0.5, 0.1, 0.2), crop(c, half, 0.7, 0.3, 0.4)))
    low = Region("B", (crop(b, half, 0.6, 0.9, 0.5), crop(c, half, 0.6, 0.8, 0.5)))
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
    from carmic_assets.media.picture import output_rate

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


def check_picture(edit: Edit, made: Opened) -> float:
    """The largest distance (pixels, of the source and of the canvas) between what the program shows and the renderer's
    crop, over all frames and regions; also that every frame shows the right moment of the source."""
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
    zero = origin_of(edit, made)
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
            assert [s.blurred for s in shown] == [True, False]
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
        code = next(s.metadata["timecode"] for s in container.streams if "timecode" in s.metadata)
        rate = container.streams.video[0].average_rate
    frames = timecode_frames(code, rate)
    if edit.source.start_timecode:
        frames -= timecode_frames(edit.source.start_timecode, rate)
    assert edit.source.video is not None
    start = Fraction(edit.source.video.start_s).limit_denominator(10**6)
    if "-proxy" in path.name:
        start = Fraction(0)
    return start + Fraction(frames) / rate


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("film") / "film.mp4", rate="30000/1001")


@pytest.mark.parametrize("target", TARGETS)
def test_every_program_shows_the_renderers_crop_at_every_frame(target: str, film: Path, tmp_path: Path) -> None:
    edit = edit_of(film, keeps=[(0.0, 0.8), (1.3, 2.1), (2.15, 3.2)])
    made = opened(edit, target, tmp_path)
    assert check_picture(edit, made) < 0.5
    grid = edit.rate.fraction
    starts = {start for track in made.sequence.pieces for start, *_ in track}
    cuts = {
        round(sum(b - a for a, b in ((round(s.start_s * grid), round(s.end_s * grid)) for s in edit.keeps[:k])))
        for k in (0, 1, 2)
    }
    assert cuts <= starts


@pytest.mark.parametrize("target", TARGETS)
def test_padding_and_other_aspects_are_placed_as_rendered(target: str, film: Path, tmp_path: Path) -> None:
    for aspect in ("1:1", "16:9"):
        edit = edit_of(film, aspect=aspect, padding=60)
        assert check_picture(edit, opened(edit, target, tmp_path / aspect.replace(":", "x"))) < 0.5
