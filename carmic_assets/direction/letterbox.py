"""Directing inside the bars of a letterboxed source: its picture alone as a scene, and the shots back on the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from carmic_assets.model.direction import WHOLE, Box, Keyframe, LayoutShot, Region
from carmic_assets.model.scene import Scene, SceneTrack


def without_bars(scene: Scene) -> tuple[Scene, Box]:
    """The scene as if the source were its picture alone; and that picture, of even pixels, as a part of the frame."""
    left, top = (2 * math.ceil(v / 2 - 1e-6) for v in (scene.picture.x * scene.width, scene.picture.y * scene.height))
    right = 2 * math.floor((scene.picture.x + scene.picture.w) * scene.width / 2 + 1e-6)
    bottom = 2 * math.floor((scene.picture.y + scene.picture.h) * scene.height / 2 + 1e-6)
    width, height = right - left, bottom - top
    box = Box(left / scene.width, top / scene.height, width / scene.width, height / scene.height)
    tracks = tuple(_inside(track, box) for track in scene.tracks)
    return msgspec.structs.replace(scene, width=width, height=height, picture=WHOLE, tracks=tracks), box


def _inside(track: SceneTrack, box: Box) -> SceneTrack:
    return msgspec.structs.replace(
        track,
        x=tuple((x - box.x) / box.w for x in track.x),
        y=tuple((y - box.y) / box.h for y in track.y),
        w=tuple(w / box.w for w in track.w),
        h=tuple(h / box.h for h in track.h),
    )


def with_bars(shots: Sequence[LayoutShot], box: Box) -> tuple[LayoutShot, ...]:
    """The same crops as fractions of the whole frame, of which the picture is `box`."""

    def outside(k: Keyframe) -> Keyframe:
        return Keyframe(k.t, box.x + k.x * box.w, box.y + k.y * box.h, k.w * box.w, k.h * box.h)

    return tuple(
        msgspec.structs.replace(
            shot, regions=tuple(Region(r.subject, tuple(outside(k) for k in r.keyframes)) for r in shot.regions)
        )
        for shot in shots
    )
