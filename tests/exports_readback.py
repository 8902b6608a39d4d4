"""Reads project files by the rules of the editing programs, for tests that compare them with the render.

The readers share no code with the writers. A reader returns a `ReadSequence`. Its `pictures_at` returns the visible
images of a frame, which are computed by these rules:

- Premiere (xmeml): scale is percent of the image's own pixels; `center` is the offset of the image's centre as a
  fraction of the sequence's frame; `when` counts like `in`; values are constant before the first and after the last
  keyframe.
- Final Cut Pro, Resolve (FCPXML): `adjust-conform` applies first; position is percent of the sequence's height, up is
  positive; scale multiplies the conformed size; trims are percent of the image's own height; keyframe times are on
  the clock of the clip's `start`.
- After Effects: the script runs in a model of the program (`after_effects_model.js`), which records the comp.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import quickjs


class VisiblePicture(NamedTuple):
    """One image or video in one frame.

    `source` is the time in the file, in seconds after its first frame. `left` to `height` place the complete image on
    the canvas, in pixels. `trims` are the cropped fractions of its sides.
    """

    file: str
    source: Fraction
    left: float
    top: float
    width: float
    height: float
    trims: tuple[float, float, float, float]  # left, top, right, bottom
    blurred: bool


class ReadSequence(NamedTuple):
    """The sequence that a program reads from a project file.

    `tracks`, from the bottom up, hold (start frame, end frame, file, source time of the start). `pictures_at` returns
    the visible images of a frame from the bottom up. `extra` holds the parsed document.
    """

    rate: Fraction
    width: int
    height: int
    frames: int
    tracks: list[list[tuple[int, int, str, Fraction]]]
    pictures_at: Callable[[int], list[VisiblePicture]]
    extra: dict[str, Any]


Keyframes = Sequence[tuple[float | Fraction, tuple[float, ...]]]


def interpolate(keys: Keyframes, when: float | Fraction) -> tuple[float, ...]:
    """Return the value at `when`: linear between keyframes, constant outside them."""
    after = bisect_right(keys, when, key=lambda key: key[0])
    if after == 0:
        return keys[0][1]
    if after == len(keys):
        return keys[-1][1]
    (t0, a), (t1, b) = keys[after - 1], keys[after]
    part = float(when - t0) / float(t1 - t0)
    return tuple(p + (q - p) * part for p, q in zip(a, b, strict=True))


# Premiere


def read_xmeml(text: str) -> ReadSequence:
    """Read an xmeml file by Premiere's rules."""
    root = ElementTree.fromstring(text)
    sequence = root.find(".//sequence")
    assert sequence is not None
    sample = sequence.find("media/video/format/samplecharacteristics")
    assert sample is not None
    rate = _read_rate(sequence.find("rate"))
    width, height = int(sample.findtext("width") or 0), int(sample.findtext("height") or 0)
    files = {str(f.get("id")): f for f in root.iter("file") if len(f)}
    clip_tracks = [[c for c in track if c.tag == "clipitem"] for track in sequence.findall("media/video/track")]
    clip_tracks = [track for track in clip_tracks if track and track[0].find("stillframe") is None]

    def find_file(clip: Element) -> Element:
        return files[str(clip.find("file").get("id"))]  # type: ignore[union-attr]

    def pictures_at(frame: int) -> list[VisiblePicture]:
        pictures = []
        for track in clip_tracks:
            for clip in track:
                start, end = int(clip.findtext("start") or 0), int(clip.findtext("end") or 0)
                if not start <= frame < end:
                    continue
                file = find_file(clip)
                size = file.find("media/video/samplecharacteristics")
                w, h = int(size.findtext("width") or 0), int(size.findtext("height") or 0)  # type: ignore[union-attr]
                when = int(clip.findtext("in") or 0) + frame - start
                (scale,) = _read_xmeml_value(clip, "basic", "scale", when)
                x, y = _read_xmeml_value(clip, "basic", "center", when)
                trims = tuple(
                    _read_xmeml_value(clip, "crop", name, when, (0.0,))[0] / 100
                    for name in ("left", "top", "right", "bottom")
                )
                shown_w, shown_h = w * scale / 100, h * scale / 100
                left = width / 2 + x * width - shown_w / 2
                top = height / 2 + y * height - shown_h / 2
                blurred = any(e.findtext("effectid") == "Gaussian Blur" for e in clip.iter("effect"))
                source = Fraction(when) / rate
                pictures.append(
                    VisiblePicture(_read_file_name(file), source, left, top, shown_w, shown_h, trims, blurred)
                )  # type: ignore[arg-type]
        return pictures

    tracks = [
        [
            (
                int(c.findtext("start") or 0),
                int(c.findtext("end") or 0),
                _read_file_name(find_file(c)),
                Fraction(int(c.findtext("in") or 0)) / rate,
            )
            for c in track
        ]
        for track in clip_tracks
    ]
    frames = int(sequence.findtext("duration") or 0)
    return ReadSequence(rate, width, height, frames, tracks, pictures_at, {"root": root, "sequence": sequence})


def _read_rate(element: Element | None) -> Fraction:
    assert element is not None
    base = int(element.findtext("timebase") or 0)
    return Fraction(base * 1000, 1001) if element.findtext("ntsc") == "TRUE" else Fraction(base)


def _read_file_name(file: Element) -> str:
    return unquote(str(file.findtext("pathurl"))).rsplit("/", 1)[-1]


def _read_xmeml_value(
    clip: Element, effect: str, name: str, when: int, default: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    for parameter in (
        p for e in clip.iter("effect") if e.findtext("effectid") == effect for p in e.findall("parameter")
    ):
        if parameter.findtext("parameterid") != name:
            continue
        keys = [(int(k.findtext("when") or 0), _read_numbers(k.find("value"))) for k in parameter.findall("keyframe")]
        return interpolate(keys, when) if keys else _read_numbers(parameter.find("value"))
    assert default is not None, f"{effect} has no {name}"
    return default


def _read_numbers(value: Element | None) -> tuple[float, ...]:
    assert value is not None
    if value.find("horiz") is not None:
        return float(value.findtext("horiz") or 0), float(value.findtext("vert") or 0)
    return (float(value.text or 0),)


# Final Cut Pro and Resolve


def read_fcpxml(text: str) -> ReadSequence:
    """Read an FCPXML by the rules of Final Cut Pro and Resolve."""
    root = ElementTree.fromstring(text)
    ids = {str(r.get("id")): r for r in root.find("resources") or ()}
    sequence = root.find(".//project/sequence")
    assert sequence is not None
    sequence_format = ids[str(sequence.get("format"))]
    frame_s = parse_seconds(str(sequence_format.get("frameDuration")))
    width, height = int(sequence_format.get("width") or 0), int(sequence_format.get("height") or 0)
    clips: list[tuple[int, Fraction, Element]] = []  # lane, start on the sequence, clip

    def walk(clip: Element, begin: Fraction) -> None:
        clips.append((int(clip.get("lane", "0")), begin, clip))
        local = parse_seconds(clip.get("start", "0s"))
        for child in clip:
            if child.get("offset") is not None:
                walk(child, begin + parse_seconds(str(child.get("offset"))) - local)

    for clip in sequence.find("spine") or ():
        walk(clip, parse_seconds(str(clip.get("offset"))) - parse_seconds(sequence.get("tcStart", "0s")))

    def has_picture(clip: Element) -> bool:
        return clip.tag == "asset-clip" and ids[str(clip.get("ref"))].get("hasVideo") == "1"

    picture_clips = [(lane, begin, clip) for lane, begin, clip in clips if has_picture(clip)]

    def pictures_at(frame: int) -> list[VisiblePicture]:
        now = frame * frame_s
        pictures = []
        for _, begin, clip in sorted(picture_clips, key=lambda p: p[0]):
            if not begin <= now < begin + parse_seconds(str(clip.get("duration"))):
                continue
            asset = ids[str(clip.get("ref"))]
            asset_format = ids[str(asset.get("format"))]
            w, h = int(asset_format.get("width") or 0), int(asset_format.get("height") or 0)
            local = parse_seconds(str(clip.get("start"))) + now - begin
            fit = _compute_conformed_scale(clip, width / w, height / h)
            transform = clip.find("adjust-transform")
            x, y = _read_fcpxml_value(transform, "position", local, (0.0, 0.0))
            sx, sy = _read_fcpxml_value(transform, "scale", local, (1.0, 1.0))
            trims = _read_fcpxml_trims(clip, local, w, h)
            shown_w, shown_h = w * fit * sx, h * fit * sy
            left = width / 2 + x / 100 * height - shown_w / 2
            top = height / 2 - y / 100 * height - shown_h / 2
            source = local - parse_seconds(asset.get("start", "0s"))
            src = _read_source_name(asset)
            blurred = clip.find("filter-video") is not None
            pictures.append(VisiblePicture(src, source, left, top, shown_w, shown_h, trims, blurred))
        return pictures

    lanes = sorted({lane for lane, _, _ in picture_clips})
    tracks = []
    for lane in lanes:
        track = []
        for clip_lane, begin, clip in picture_clips:
            if clip_lane == lane:
                asset = ids[str(clip.get("ref"))]
                src = _read_source_name(asset)
                source = parse_seconds(str(clip.get("start"))) - parse_seconds(asset.get("start", "0s"))
                end = begin + parse_seconds(str(clip.get("duration")))
                track.append((int(begin / frame_s), int(end / frame_s), src, source))
        tracks.append(sorted(track))
    frames = int(parse_seconds(str(sequence.get("duration"))) / frame_s)
    return ReadSequence(
        1 / frame_s, width, height, frames, tracks, pictures_at, {"root": root, "clips": clips, "ids": ids}
    )


def parse_seconds(text: str) -> Fraction:
    """Return the seconds of an FCPXML time."""
    assert text.endswith("s"), text
    return Fraction(text[:-1])


def _read_source_name(asset: Element) -> str:
    source = asset.find("media-rep")
    assert source is not None
    return unquote(str(source.get("src"))).rsplit("/", 1)[-1]


def _read_fcpxml_trims(clip: Element, when: Fraction, width: int, height: int) -> tuple[float, float, float, float]:
    rect = clip.find("adjust-crop/trim-rect")
    if rect is None:
        return (0.0, 0.0, 0.0, 0.0)
    sides = (
        _read_fcpxml_value(rect, name, when, (0.0,))[0] / 100 * height for name in ("left", "top", "right", "bottom")
    )
    left, top, right, bottom = sides
    return (left / width, top / height, right / width, bottom / height)


def _compute_conformed_scale(clip: Element, across: float, down: float) -> float:
    conform = clip.find("adjust-conform")
    kind = conform.get("type", "fit") if conform is not None else "fit"
    return {"fit": min(across, down), "fill": max(across, down), "none": 1.0}[kind]


def _read_fcpxml_value(
    element: Element | None, name: str, when: Fraction, default: tuple[float, ...]
) -> tuple[float, ...]:
    if element is None:
        return default
    for param in element.findall("param"):
        if param.get("name") == name:
            assert element.get(name) is None, "Final Cut never writes a value beside its keyframes"
            frames = param.findall("keyframeAnimation/keyframe")
            assert all(f.get("curve") == "linear" for f in frames), "the default curve is smooth"
            keys = [
                (parse_seconds(str(f.get("time"))), tuple(float(v) for v in str(f.get("value")).split()))
                for f in frames
            ]
            return interpolate(keys, when)
    value = element.get(name)
    return default if value is None else tuple(float(v) for v in value.split())


# After Effects

MODEL_PATH = Path(__file__).with_name("after_effects_model.js")
READ_COMPS_SCRIPT = """
JSON.stringify(record.comps.map(function (comp) {
    function property(p) {
        return {value: p.value, keys: p.keys, children: p.children.map(function (c) { return [c.name, property(c)]; })};
    }
    return {
        name: comp.name, width: comp.width, height: comp.height, duration: comp.duration, rate: comp.frameRate,
        markers: comp.markerProperty.keys,
        layers: comp.stack.map(function (l) {
            return {
                path: l.source ? l.source.path : null, width: l.source ? l.source.width : 0,
                height: l.source ? l.source.height : 0, name: l.name, comment: l.comment, label: l.label,
                start: l.startTime, "in": l.inPoint, out: l.outPoint,
                audio: l.hasAudio ? l.audioEnabled !== false : null,
                properties: l.children.map(function (c) { return [c.name, property(c)]; })
            };
        })
    };
}))
"""


def run_script(text: str, media: dict[str, dict[str, Any]], absent: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run a `.jsx` in the model of After Effects and return the recorded comp.

    `media` holds, by file name, whether a file has audio, its width and its height. The files `absent` do not exist.
    """
    text.encode("ascii")  # ASCII only: ExtendScript would guess the encoding of other text
    context = quickjs.Context()
    paths = {f"/project/media/{name}": True for name in absent}
    context.eval(f"var media = {json.dumps(media)}, absent = {json.dumps(paths)};")
    context.eval(MODEL_PATH.read_text())
    context.eval(text)
    comps = json.loads(context.eval(READ_COMPS_SCRIPT))
    assert len(comps) == 1
    comps[0]["alerts"] = json.loads(context.eval("JSON.stringify(record.alerts)"))
    comps[0]["files"] = json.loads(context.eval("JSON.stringify(record.files)"))
    assert context.eval("record.ended") is True
    return comps[0]


def read_after_effects(text: str, media: dict[str, dict[str, Any]], rate: Fraction) -> ReadSequence:
    """Run a `.jsx` in the model of After Effects and return its comp as a sequence."""
    comp = run_script(text, media)
    assert abs(comp["rate"] - float(rate)) < 1e-6
    layers = [layer for layer in comp["layers"] if layer["path"] and layer["path"].endswith(".mov")]

    def to_frame(time: float) -> int:
        frame = time * float(rate)
        assert abs(frame - round(frame)) < 1e-4, "off the frame grid"
        return round(frame)

    def pictures_at(frame: int) -> list[VisiblePicture]:
        now = frame / float(rate)
        pictures = []
        for layer in layers:  # in order of creation, because each new layer is placed on top
            if not to_frame(layer["in"]) <= frame < to_frame(layer["out"]):
                continue
            groups = dict(layer["properties"])
            transform = dict(groups["ADBE Transform Group"]["children"])
            anchor = _read_after_effects_value(transform["ADBE Anchor Point"], now)
            position = _read_after_effects_value(transform["ADBE Position"], now, spatial=True)
            scale = _read_after_effects_value(transform["ADBE Scale"], now)
            w, h = layer["width"], layer["height"]
            masks = groups["ADBE Mask Parade"]["children"]
            trims = (0.0, 0.0, 0.0, 0.0)
            if masks:
                box = _read_after_effects_mask(dict(masks[0][1]["children"])["ADBE Mask Shape"], now)
                trims = (box[0] / w, box[1] / h, 1 - box[2] / w, 1 - box[3] / h)
            left = position[0] - anchor[0] * scale[0] / 100
            top = position[1] - anchor[1] * scale[1] / 100
            source = Fraction(now - layer["start"]).limit_denominator(1_000_000)
            blurred = bool(groups["ADBE Effect Parade"]["children"])
            name = layer["path"].split("/")[-1]
            pictures.append(
                VisiblePicture(name, source, left, top, w * scale[0] / 100, h * scale[1] / 100, trims, blurred)
            )
        return pictures

    track = [
        (
            to_frame(layer["in"]),
            to_frame(layer["out"]),
            layer["path"].split("/")[-1],
            Fraction(layer["in"] - layer["start"]).limit_denominator(1_000_000),
        )
        for layer in layers
    ]
    frames = round(comp["duration"] * float(rate))
    return ReadSequence(rate, comp["width"], comp["height"], frames, [track], pictures_at, {"comp": comp})


def _read_after_effects_value(prop: dict[str, Any], now: float, spatial: bool = False) -> tuple[float, ...]:
    if not prop["keys"]:
        value = prop["value"]
        return tuple(value) if isinstance(value, list) else (value,)
    for key in prop["keys"]:
        assert key["kind"] == "linear"
        if spatial:
            assert key["auto"] is False and key["tangents"] == [[0, 0], [0, 0]], "the path between keys would bend"
    return interpolate([(k["time"], tuple(k["value"])) for k in prop["keys"]], now + 1e-9)


def _read_after_effects_mask(prop: dict[str, Any], now: float) -> tuple[float, ...]:
    def corners(shape: dict[str, Any]) -> tuple[float, ...]:
        assert shape["closed"]
        (a, b, c, d) = shape["vertices"]
        assert a[0] == d[0] and b[0] == c[0] and a[1] == b[1] and c[1] == d[1]
        return a[0], a[1], c[0], c[1]

    if not prop["keys"]:
        return corners(prop["value"])
    assert all(key["kind"] == "linear" for key in prop["keys"])
    return interpolate([(k["time"], corners(k["value"])) for k in prop["keys"]], now + 1e-9)
