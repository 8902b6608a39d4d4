"""Directs one interval of a source without black bars: finds subjects, plans views and builds the shots."""

from __future__ import annotations

import msgspec

from carmic_assets.direction.crop_sampling import sample_region
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.panel_shots import PanelBuilder
from carmic_assets.direction.scene_context import DirectionOptions, SceneContext
from carmic_assets.direction.shot_building import ShotBuilder, cut_whip_pans
from carmic_assets.direction.subjects import find_source_spans
from carmic_assets.direction.view_planning import plan_views
from carmic_assets.direction.views import list_views
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.scene import Scene

FLASH_S = 0.4  # a shorter shot without a detected person takes the crop of its neighbour


def direct_picture(
    scene: Scene, start_s: float, end_s: float, options: DirectionOptions, context: SceneContext
) -> tuple[LayoutShot, ...]:
    """Return the shots between two times of the source clock, without regard to black bars."""
    grid = FrameGrid(start_s, scene.rate)
    builder, panels = ShotBuilder(context, options, grid), PanelBuilder(context, options, grid)
    shots: list[LayoutShot] = []
    for span in find_source_spans(scene, start_s, end_s, grid):
        panel_shot = panels.build(span)
        if panel_shot is not None:
            shots.append(panel_shot)
            continue
        attention = span.attention if options.follow_speaker else ()
        for interval in plan_views(span, list_views(span, context, options), attention, grid):
            shots += cut_whip_pans(builder.build(span, interval), grid)
    return replace_flashes(shots, options)


def replace_flashes(shots: list[LayoutShot], options: DirectionOptions) -> tuple[LayoutShot, ...]:
    """Return the shots, with each very short `fit` shot replaced by a still crop of its neighbour.

    A source shot of a few frames has too few detections for a crop of its own. A short full frame between two crops
    looks like an error.
    """
    result = list(shots)
    for k, shot in enumerate(shots):
        if shot.layout != "fit" or options.layout == "fit" or shot.end_time - shot.start_time >= FLASH_S:
            continue
        neighbours = [s for s in (result[k - 1 : k] + shots[k + 1 : k + 2]) if s.regions]
        if neighbours:
            result[k] = msgspec.structs.replace(
                shot,
                layout=neighbours[0].layout,
                regions=tuple(_hold(region, shot.start_time) for region in neighbours[0].regions),
                reason="Too short to analyse: the crop of the neighbouring shot is kept.",
            )
    return tuple(result)


def _hold(region: Region, t: float) -> Region:
    """Return the region with its crop at `t` as its only keyframe."""
    crop = sample_region(region, t)
    return Region(region.subject, (Keyframe(t, crop.x, crop.y, crop.w, crop.h),))
