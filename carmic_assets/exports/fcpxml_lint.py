"""What Apple's DTD cannot say about an FCPXML, and the parts of it that importers refuse first. Reads, changes nothing.

Used before a package is written and by the check beside the asset.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from carmic_assets.exports.fcpxml_parts import ANCHORED, parse_seconds, place_of
from carmic_assets.exports.timecode import SEQUENCE_RATES

VERSIONS = ("1.10", "1.11")
CLIPS = ANCHORED
TIMED = ("start", "offset", "duration", "time", "tcStart")


def lint(text: str) -> list[str]:
    """What is wrong with an FCPXML, a sentence each; empty where nothing is. Raises nothing on text that is no XML."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as cause:
        return [f"not XML: {cause}"]
    if root.tag != "fcpxml" or root.get("version") not in VERSIONS:
        return [f"not an FCPXML of version {' or '.join(VERSIONS)}"]
    problems = [*_ids(root), *_times(root)]
    if problems:
        return problems  # what follows relies on them
    sequence = root.find(".//project/sequence")
    if sequence is None:
        return ["there is no sequence"]
    return [*_formats(root), *_spine(root, sequence), *_order(sequence)]


def _ids(root: Element) -> Iterator[str]:
    ids = [element.get("id") for element in root.iter() if element.get("id") is not None]
    for twice in sorted({name for name in ids if name and ids.count(name) > 1}):
        yield f"the id {twice} is given twice"
    for element in root.iter():
        for name in ("ref", "format"):
            target = element.get(name)
            if target is not None and target not in ids:
                yield f"{element.tag} refers to {target}, which is not there"


def _times(root: Element) -> Iterator[str]:
    for element in root.iter():
        for name in TIMED:
            value = element.get(name)
            if value is None:
                continue
            try:
                parse_seconds(value)
            except (ValueError, ZeroDivisionError):
                yield f"{element.tag} has {name}={value!r}, which is no time"


def _formats(root: Element) -> Iterator[str]:
    for asset in root.iter("asset"):
        if asset.get("hasVideo") and _named(root, asset.get("format")) is None:
            yield f"asset {asset.get('name')} has a picture but no format"
        source = asset.find("media-rep")
        if source is None or not source.get("src") or any(c in str(source.get("src")) for c in ' "<>\\'):
            yield f"asset {asset.get('name')} has no well-formed src"
    seen: dict[str, str] = {}
    for asset in root.iter("asset"):
        source = asset.find("media-rep")
        src = str(source.get("src")) if source is not None else ""
        if src in seen:
            yield f"{src} is two assets"
        seen[src] = str(asset.get("id"))
    sequence = root.find(".//project/sequence")
    chosen = _named(root, sequence.get("format")) if sequence is not None else None
    if chosen is None or not (chosen.get("width") and chosen.get("height") and chosen.get("frameDuration")):
        yield "the sequence's format lacks width, height or frameDuration"
    elif 1 / parse_seconds(str(chosen.get("frameDuration"))) not in SEQUENCE_RATES:
        yield f"no sequence can run at frames of {chosen.get('frameDuration')}"


def _spine(root: Element, sequence: Element) -> Iterator[str]:
    """Grid, gaps, clips inside their assets, keyframes inside their clips."""
    chosen = _named(root, sequence.get("format"))
    assert chosen is not None
    frame = parse_seconds(str(chosen.get("frameDuration"))) if chosen.get("frameDuration") else Fraction(1)
    spine = sequence.find("spine")
    if spine is None or len(spine) == 0:
        yield "the spine is empty"
        return
    at = parse_seconds(sequence.get("tcStart", "0s"))
    for clip in spine:
        if _of(clip, "offset") != at:
            yield f"{_title(clip)} begins at {clip.get('offset')}, but the one before it ends at {at}s"
        at = _of(clip, "offset") + _of(clip, "duration")
        yield from _clip(root, clip, frame)
    if at - parse_seconds(sequence.get("tcStart", "0s")) != _of(sequence, "duration"):
        yield "the sequence is not as long as its spine"


def _clip(root: Element, clip: Element, frame: Fraction) -> Iterator[str]:
    start, length = _of(clip, "start"), _of(clip, "duration")
    if length <= 0 or (length / frame).denominator != 1:
        yield f"{_title(clip)} does not last whole frames"
    asset = _named(root, clip.get("ref"))
    if clip.tag == "asset-clip" and asset is not None:
        begin, held = _of(asset, "start"), _of(asset, "duration")
        if start < begin or start + length > begin + held:
            yield f"{_title(clip)} reaches outside its asset"
        shape = _named(root, asset.get("format"))
        if shape is not None:
            own = parse_seconds(str(shape.get("frameDuration")))
            if (start / min(own, frame)).denominator != 1:
                yield f"{_title(clip)} does not start on a frame of its asset"
            if clip.find("adjust-conform") is None:
                yield f"{_title(clip)} leaves its conform to the program"
    for keyframe in (k for child in clip if child.tag.startswith("adjust-") for k in child.iter("keyframe")):
        if not start <= parse_seconds(str(keyframe.get("time"))) <= start + length:
            yield f"{_title(clip)} has a keyframe at {keyframe.get('time')}, outside it"
    for animation in (a for child in clip if child.tag.startswith("adjust-") for a in child.iter("keyframeAnimation")):
        times = [parse_seconds(str(k.get("time"))) for k in animation]
        if any(b <= a for a, b in pairwise(times)):
            yield f"{_title(clip)} has keyframes out of order"
    for child in clip:
        if child.tag in CLIPS:
            if child.get("lane") in (None, "0"):
                yield f"{_title(child)} is connected but has no lane"
            offset = _of(child, "offset")
            if not start <= offset < start + length:
                yield f"{_title(child)} is connected outside {_title(clip)}"
            elif ((offset - start) / frame).denominator != 1:
                yield f"{_title(child)} is not connected on a frame"
            yield from _clip(root, child, frame)
        if child.tag == "marker" and not start <= _of(child, "start") < start + length:
            yield f"a marker lies outside {_title(clip)}"


def _order(sequence: Element) -> Iterator[str]:
    for clip in (element for element in sequence.iter() if element.tag in CLIPS):
        try:
            places = [place_of(child.tag) for child in clip]
        except ValueError:
            yield f"{_title(clip)} has a child that does not belong there"
            continue
        if places != sorted(places):
            yield f"the children of {_title(clip)} are not in the order of the DTD"


def _named(root: Element, name: str | None) -> Element | None:
    resources = root.find("resources")
    if name is None or resources is None:
        return None
    return next((element for element in resources if element.get("id") == name), None)


def _of(element: Element, name: str) -> Fraction:
    return parse_seconds(element.get(name, "0s"))


def _title(clip: Element) -> str:
    return f"{clip.tag} {clip.get('name')!r} at {clip.get('offset')}"
