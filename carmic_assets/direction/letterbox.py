"""Removes black bars and bands of burnt-in text from a scene, and maps its shots back onto the full frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from carmic_assets.model.direction import FULL_FRAME, Box, Keyframe, LayoutShot, Region
from carmic_assets.model.scene import Scene, SceneTrack

MIN_BAND_SHARE = 0.5  # of the directed time: a band of text that is there for less is not excluded from the crops


def exclude_text_bands(scene: Scene, start_s: float, end_s: float) -> Box:
    """Return the scene's picture without the bands of burnt-in text that are there for most of a time range.

    A crop would cut the text in half.
    """
    picture = scene.picture
    for band in scene.text_bands:
        shared_s = min(band.end_s, end_s) - max(band.start_s, start_s)
        if shared_s >= MIN_BAND_SHARE * (end_s - start_s) and band.box.y > picture.y:
            bottom = min(picture.y + picture.h, band.box.y)
            picture = Box(picture.x, picture.y, picture.w, bottom - picture.y)
    return picture


def crop_to_picture(scene: Scene) -> tuple[Scene, Box]:
    """Return the scene with the area between the bars as its frame, and the box of that area in the full frame.

    The area is rounded inwards to even pixels.
    """
    left, top = (2 * math.ceil(v / 2 - 1e-6) for v in (scene.picture.x * scene.width, scene.picture.y * scene.height))
    right = 2 * math.floor((scene.picture.x + scene.picture.w) * scene.width / 2 + 1e-6)
    bottom = 2 * math.floor((scene.picture.y + scene.picture.h) * scene.height / 2 + 1e-6)
    width, height = right - left, bottom - top
    picture = Box(left / scene.width, top / scene.height, width / scene.width, height / scene.height)
    tracks = tuple(_map_track(track, picture) for track in scene.tracks)
    compositions = tuple(
        msgspec.structs.replace(
            composition,
            cameras=tuple(_map_box(camera, picture) for camera in composition.cameras),
            screen=None if composition.screen is None else _map_box(composition.screen, picture),
        )
        for composition in scene.compositions
    )
    text_bands = tuple(msgspec.structs.replace(b, box=_map_box(b.box, picture)) for b in scene.text_bands)
    inside = msgspec.structs.replace(
        scene,
        width=width,
        height=height,
        picture=FULL_FRAME,
        tracks=tracks,
        compositions=compositions,
        text_bands=text_bands,
    )
    return inside, picture


def _map_box(box: Box, picture: Box) -> Box:
    """Return the part of `box` inside `picture`, in fractions of `picture`."""
    x0, y0 = max(0.0, (box.x - picture.x) / picture.w), max(0.0, (box.y - picture.y) / picture.h)
    x1, y1 = min(1.0, (box.x + box.w - picture.x) / picture.w), min(1.0, (box.y + box.h - picture.y) / picture.h)
    return Box(x0, y0, max(0.0, x1 - x0), max(0.0, y1 - y0))


def _map_track(track: SceneTrack, picture: Box) -> SceneTrack:
    """Return the track with its boxes converted from fractions of the frame to fractions of `picture`."""
    return msgspec.structs.replace(
        track,
        x=tuple((x - picture.x) / picture.w for x in track.x),
        y=tuple((y - picture.y) / picture.h for y in track.y),
        w=tuple(w / picture.w for w in track.w),
        h=tuple(h / picture.h for h in track.h),
    )


def restore_frame(shots: Sequence[LayoutShot], picture: Box) -> tuple[LayoutShot, ...]:
    """Return `shots` with their crops converted from fractions of `picture` to fractions of the full frame."""

    def restore(k: Keyframe) -> Keyframe:
        return Keyframe(k.t, picture.x + k.x * picture.w, picture.y + k.y * picture.h, k.w * picture.w, k.h * picture.h)

    return tuple(
        msgspec.structs.replace(
            shot, regions=tuple(Region(r.subject, tuple(restore(k) for k in r.keyframes)) for r in shot.regions)
        )
        for shot in shots
    )
