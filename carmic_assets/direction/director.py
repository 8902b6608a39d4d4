"""Directs a complete video or one clip: returns contiguous shots with layout, crops and reason.

The only inputs are a `Scene` and the configuration, so the API can direct a clip again after every change.
"""

from __future__ import annotations

import msgspec

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.letterbox import crop_to_picture, exclude_text_bands, restore_frame
from carmic_assets.direction.override import apply_overrides
from carmic_assets.direction.scene_context import SAME_SHAPE_RATIO, DirectionOptions, SceneContext
from carmic_assets.model.direction import FULL_FRAME, Keyframe, Layout, LayoutShot, Region
from carmic_assets.model.scene import Scene
from carmic_assets.model.template import TemplateConfig

DIRECTOR_VERSION = "2"  # changes whenever the same scene and configuration give other shots


def direct(scene: Scene, aspect: str) -> tuple[LayoutShot, ...]:
    """Return the shots of the complete video on the source clock, contiguous from `scene.start_s` to `scene.end_s`."""
    return direct_span(scene, scene.start_s, scene.end_s, DirectionOptions(aspect))


def direct_clip(scene: Scene, start_s: float, end_s: float, config: TemplateConfig) -> tuple[LayoutShot, ...]:
    """Return the shots of one clip, with its start as time 0, contiguous from 0 to the clip's length.

    `start_s` should lie on the source's frame grid. `config.shots` must have passed `override.find_shots_problem`.
    """
    options = DirectionOptions.from_config(config)

    def direct_part(a: float, b: float, layout: Layout | None) -> tuple[LayoutShot, ...]:
        part_options = msgspec.structs.replace(options, layout=layout) if layout else options
        return shift_shots(direct_span(scene, start_s + a, start_s + b, part_options), -start_s)

    duration_s = end_s - start_s
    if not config.shots:
        return direct_part(0.0, duration_s, None)
    cuts = FrameGrid(start_s, scene.rate).snap_inside(scene.cuts_s, start_s, end_s)
    return apply_overrides(
        config.shots,
        duration_s,
        [cut - start_s for cut in cuts],
        FrameGrid(0.0, scene.rate),
        SceneContext.for_source(scene.width, scene.height, options).shapes_by_layout,
        direct_part,
    )


def shift_shots(shots: tuple[LayoutShot, ...], offset_s: float) -> tuple[LayoutShot, ...]:
    """Return the shots with `offset_s` added to all times, rounded to microseconds."""

    def shift(t: float) -> float:
        return round(t + offset_s, 6) + 0.0  # adding 0.0 turns -0.0 into 0.0

    return tuple(
        LayoutShot(
            shift(shot.start_time),
            shift(shot.end_time),
            shot.layout,
            shot.speaker,
            shot.reason,
            tuple(
                Region(r.subject, tuple(Keyframe(shift(k.t), k.x, k.y, k.w, k.h) for k in r.keyframes))
                for r in shot.regions
            ),
        )
        for shot in shots
    )


def direct_span(scene: Scene, start_s: float, end_s: float, options: DirectionOptions) -> tuple[LayoutShot, ...]:
    """Return the shots between two times of the source clock; every hard cut starts a new shot.

    Crops exclude the black bars of a letterboxed source, and burnt-in captions, unless the full frame has the canvas'
    aspect ratio.
    """
    from carmic_assets.direction.span_direction import direct_picture  # noqa: PLC0415 - the API starts without NumPy

    context = SceneContext.for_source(scene.width, scene.height, options)
    picture_box = exclude_text_bands(scene, start_s, end_s)
    if picture_box != FULL_FRAME and context.kept_ratio < SAME_SHAPE_RATIO:
        picture_scene, picture = crop_to_picture(msgspec.structs.replace(scene, picture=picture_box, text_bands=()))
        return restore_frame(direct_span(picture_scene, start_s, end_s, options), picture)
    return direct_picture(scene, start_s, end_s, options, context)
