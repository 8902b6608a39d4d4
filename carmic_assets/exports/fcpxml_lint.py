"""Checks an FCPXML for problems that would make an import fail.

The checks cover rules outside Apple's DTD (ids, the frame grid, clips within their assets) and the DTD's order of
children. They run before a package is written, and again in the asset check `packages_parse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from carmic_assets.exports.fcpxml_parts import ANCHORED_TAGS, parse_seconds, rank_child
from carmic_assets.exports.timecode import SEQUENCE_RATES

VERSIONS = ("1.10", "1.11")
TIME_ATTRIBUTES = ("start", "offset", "duration", "time", "tcStart")


def lint_fcpxml(text: str) -> list[str]:
    """Return the problems of an FCPXML, one sentence each. Text that is not XML is a problem too."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - only documents that this package wrote are checked
    except ElementTree.ParseError as error:
        return [f"not XML: {error}"]
    if root.tag != "fcpxml" or root.get("version") not in VERSIONS:
        return [f"not an FCPXML of version {' or '.join(VERSIONS)}"]
    problems = [*_check_ids(root), *_check_times(root)]
    if problems:
        return problems  # the other checks rely on valid ids and times
    sequence = root.find(".//project/sequence")
    if sequence is None:
        return ["there is no sequence"]
    return [
        *_check_assets(root),
        *_check_sequence_format(root, sequence),
        *_check_spine(root, sequence),
        *_check_child_order(sequence),
    ]


def _check_ids(root: Element) -> Iterator[str]:
    ids = [element.get("id") for element in root.iter() if element.get("id") is not None]
    for duplicate in sorted({name for name in ids if name and ids.count(name) > 1}):
        yield f"the id {duplicate} is used twice"
    for element in root.iter():
        for name in ("ref", "format"):
            target = element.get(name)
            if target is not None and target not in ids:
                yield f"{element.tag} refers to {target}, which does not exist"


def _check_times(root: Element) -> Iterator[str]:
    for element in root.iter():
        for name in TIME_ATTRIBUTES:
            value = element.get(name)
            if value is not None and not _is_time(value):
                yield f"{element.tag} has {name}={value!r}, which is not a time"


def _is_time(text: str) -> bool:
    try:
        parse_seconds(text)
    except (ValueError, ZeroDivisionError):
        return False
    return True


def _check_assets(root: Element) -> Iterator[str]:
    for asset in root.iter("asset"):
        if asset.get("hasVideo") and _find_resource(root, asset.get("format")) is None:
            yield f"asset {asset.get('name')} has video but no format"
        source = asset.find("media-rep")
        if source is None or not source.get("src") or any(c in str(source.get("src")) for c in ' "<>\\'):
            yield f"asset {asset.get('name')} has no well-formed src"
    asset_sources: set[str] = set()
    for asset in root.iter("asset"):
        source = asset.find("media-rep")
        src = str(source.get("src")) if source is not None else ""
        if src in asset_sources:
            yield f"two assets have the src {src}"
        asset_sources.add(src)


def _check_sequence_format(root: Element, sequence: Element) -> Iterator[str]:
    sequence_format = _find_resource(root, sequence.get("format"))
    required = ("width", "height", "frameDuration")
    if sequence_format is None or not all(sequence_format.get(name) for name in required):
        yield "the sequence's format lacks width, height or frameDuration"
    elif 1 / _read_time(sequence_format, "frameDuration") not in SEQUENCE_RATES:
        yield f"editing programs do not support the sequence's frame duration {sequence_format.get('frameDuration')}"


def _check_spine(root: Element, sequence: Element) -> Iterator[str]:
    """Check that clips leave no gaps, start on frames and lie in their assets, with keyframes inside their clips."""
    frame_duration = _find_frame_duration(root, sequence) or Fraction(1)
    spine = sequence.find("spine")
    if spine is None or len(spine) == 0:
        yield "the spine is empty"
        return
    start = _read_time(sequence, "tcStart")
    position = start
    for clip in spine:
        if _read_time(clip, "offset") != position:
            yield f"{_describe_clip(clip)} begins at {clip.get('offset')}, but the clip before it ends at {position}s"
        position = _read_time(clip, "offset") + _read_time(clip, "duration")
        yield from _check_clip(root, clip, frame_duration)
    if position - start != _read_time(sequence, "duration"):
        yield "the sequence is not as long as its spine"


def _check_clip(root: Element, clip: Element, frame_duration: Fraction) -> Iterator[str]:
    length = _read_time(clip, "duration")
    if length <= 0 or (length / frame_duration).denominator != 1:
        yield f"{_describe_clip(clip)} does not last a number of whole frames"
    if clip.tag == "asset-clip":
        yield from _check_asset_use(root, clip, frame_duration)
    yield from _check_keyframes(clip)
    for child in clip:
        if child.tag in ANCHORED_TAGS:
            yield from _check_connection(clip, child, frame_duration)
            yield from _check_clip(root, child, frame_duration)
        if child.tag == "marker" and not _contains(clip, _read_time(child, "start")):
            yield f"a marker lies outside {_describe_clip(clip)}"


def _check_asset_use(root: Element, clip: Element, frame_duration: Fraction) -> Iterator[str]:
    asset = _find_resource(root, clip.get("ref"))
    if asset is None:
        return
    start, asset_start = _read_time(clip, "start"), _read_time(asset, "start")
    if start < asset_start or start + _read_time(clip, "duration") > asset_start + _read_time(asset, "duration"):
        yield f"{_describe_clip(clip)} extends outside its asset"
    if asset.get("format") is None:
        return
    if (start / min(_find_frame_duration(root, asset) or frame_duration, frame_duration)).denominator != 1:
        yield f"{_describe_clip(clip)} does not start on a frame of its asset"
    if clip.find("adjust-conform") is None:
        yield f"{_describe_clip(clip)} has no adjust-conform"


def _check_keyframes(clip: Element) -> Iterator[str]:
    adjustments = [child for child in clip if child.tag.startswith("adjust-")]
    start, end = _read_time(clip, "start"), _read_time(clip, "start") + _read_time(clip, "duration")
    for keyframe in (k for adjustment in adjustments for k in adjustment.iter("keyframe")):
        if not start <= _read_time(keyframe, "time") <= end:
            yield f"{_describe_clip(clip)} has a keyframe at {keyframe.get('time')}, outside it"
    for animation in (a for adjustment in adjustments for a in adjustment.iter("keyframeAnimation")):
        if any(b <= a for a, b in pairwise(_read_time(keyframe, "time") for keyframe in animation)):
            yield f"{_describe_clip(clip)} has keyframes out of order"


def _check_connection(clip: Element, child: Element, frame_duration: Fraction) -> Iterator[str]:
    if child.get("lane") in (None, "0"):
        yield f"{_describe_clip(child)} is connected but has no lane"
    offset = _read_time(child, "offset")
    if not _contains(clip, offset):
        yield f"{_describe_clip(child)} is connected outside {_describe_clip(clip)}"
    elif ((offset - _read_time(clip, "start")) / frame_duration).denominator != 1:
        yield f"{_describe_clip(child)} is not connected on a frame"


def _check_child_order(sequence: Element) -> Iterator[str]:
    for clip in (element for element in sequence.iter() if element.tag in ANCHORED_TAGS):
        try:
            ranks = [rank_child(child.tag) for child in clip]
        except ValueError:
            yield f"{_describe_clip(clip)} has a child that the writer does not use"
            continue
        if ranks != sorted(ranks):
            yield f"the children of {_describe_clip(clip)} are not in the order of the DTD"


def _find_resource(root: Element, name: str | None) -> Element | None:
    resources = root.find("resources")
    if name is None or resources is None:
        return None
    return next((element for element in resources if element.get("id") == name), None)


def _find_frame_duration(root: Element, element: Element) -> Fraction | None:
    """Return the frame duration of the format of a sequence or an asset."""
    element_format = _find_resource(root, element.get("format"))
    return _read_time(element_format, "frameDuration") or None if element_format is not None else None


def _read_time(element: Element, name: str) -> Fraction:
    return parse_seconds(element.get(name, "0s"))


def _contains(clip: Element, time: Fraction) -> bool:
    start = _read_time(clip, "start")
    return start <= time < start + _read_time(clip, "duration")


def _describe_clip(clip: Element) -> str:
    return f"{clip.tag} {clip.get('name')!r} at {clip.get('offset')}"
