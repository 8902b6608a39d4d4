"""Handles letterboxed sources: removes the black bars from a scene, and maps shots back onto the full frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from carmic_assets.model.direction import FULL_FRAME, Box, Keyframe, LayoutShot, Region
from carmic_assets.model.scene import Scene, SceneTrack


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
    return msgspec.structs.replace(scene, width=width, height=height, picture=FULL_FRAME, tracks=tracks), picture


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
