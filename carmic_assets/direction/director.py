"""The auto-director: contiguous shots with layout, crop and reason, for a whole video or for one clip.

It decides from a `Scene` alone, so the API can call it after a change of the configuration. It never opens media.
"""

from __future__ import annotations

import msgspec

from carmic_assets.direction.crop_sampling import region_at
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.letterbox import with_bars, without_bars
from carmic_assets.direction.override import overridden
from carmic_assets.direction.scene_context import SAME, Manner, Stage, manner_of
from carmic_assets.direction.shot_building import shot_of, without_whips
from carmic_assets.direction.subjects import hard_cuts, source_spans
from carmic_assets.direction.view_planning import plan
from carmic_assets.direction.views import views_of
from carmic_assets.model.direction import WHOLE, Keyframe, Layout, LayoutShot, Region
from carmic_assets.model.scene import Scene
from carmic_assets.model.template import TemplateConfig

DIRECTOR_VERSION = "1"
FLASH_S = 0.4


def direct(scene: Scene, aspect: str) -> tuple[LayoutShot, ...]:
    """Shots for the whole video on the source clock, contiguous from `scene.start_s` to `scene.end_s`."""
    return direct_span(scene, scene.start_s, scene.end_s, Manner(aspect))


def direct_clip(scene: Scene, start_s: float, end_s: float, config: TemplateConfig) -> tuple[LayoutShot, ...]:
    """Shots for one clip on the clip clock, contiguous from 0 to its length, as its configuration wants them.

    `start_s` should lie on the source's frame grid. The client's own `shots` must have passed `override.problem_of`.
    """
    manner = manner_of(config)

    def directed(a: float, b: float, layout: Layout | None) -> tuple[LayoutShot, ...]:
        wanted = msgspec.structs.replace(manner, layout=layout) if layout else manner
        return moved(direct_span(scene, start_s + a, start_s + b, wanted), -start_s)

    length = end_s - start_s
    if not config.shots:
        return directed(0.0, length, None)
    cuts = [cut - start_s for cut in hard_cuts(scene, start_s, end_s, FrameGrid(start_s, scene.rate))]
    grid = FrameGrid(0.0, scene.rate)
    return overridden(config.shots, length, cuts, grid, Stage.of(scene.width, scene.height, manner).shapes(), directed)


def moved(shots: tuple[LayoutShot, ...], by_s: float) -> tuple[LayoutShot, ...]:
    """The same shots on another clock, to the microsecond."""

    def on(t: float) -> float:
        return round(t + by_s, 6) + 0.0

    return tuple(
        LayoutShot(
            on(shot.start_time),
            on(shot.end_time),
            shot.layout,
            shot.speaker,
            shot.reason,
            tuple(
                Region(r.subject, tuple(Keyframe(on(k.t), k.x, k.y, k.w, k.h) for k in r.keyframes))
                for r in shot.regions
            ),
        )
        for shot in shots
    )


def direct_span(scene: Scene, start_s: float, end_s: float, manner: Manner) -> tuple[LayoutShot, ...]:
    """Shots between two times of the source clock; each hard cut between them starts a shot.

    No crop shows the bars of a letterboxed source, but where the whole source has the clip's own shape.
    """
    grid = FrameGrid(start_s, scene.rate)
    stage = Stage.of(scene.width, scene.height, manner)
    if scene.picture != WHOLE and stage.kept < SAME:
        inner, box = without_bars(scene)
        return with_bars(direct_span(inner, start_s, end_s, manner), box)
    habits: dict[str, Keyframe] = {}
    shots: list[LayoutShot] = []
    for span in source_spans(scene, start_s, end_s, grid):
        claims = span.claims if manner.follow_speaker else ()
        for stretch in plan(span, views_of(span, stage, manner), claims, grid):
            shots += without_whips(shot_of(span, stretch, stage, manner, grid, habits), grid)
    return without_flashes(shots, manner)


def without_flashes(shots: list[LayoutShot], manner: Manner) -> tuple[LayoutShot, ...]:
    """A shot of the source of a few frames in which nobody was found keeps the crop of its neighbour: the whole picture
    flashing up for a blink is what viewers see as a fault."""
    result = list(shots)
    for k, shot in enumerate(shots):
        if shot.layout != "fit" or manner.layout == "fit" or shot.end_time - shot.start_time >= FLASH_S:
            continue
        near = [s for s in (result[k - 1 : k] + shots[k + 1 : k + 2]) if s.regions]
        if near:
            held = tuple(_held(region, shot.start_time) for region in near[0].regions)
            result[k] = msgspec.structs.replace(
                shot, layout=near[0].layout, regions=held, reason="Too short to judge: the crop beside it is kept."
            )
    return tuple(result)


def _held(region: Region, t: float) -> Region:
    """The crop of a region at `t`, kept still."""
    box = region_at(region, t)
    return Region(region.subject, (Keyframe(t, box.x, box.y, box.w, box.h),))
