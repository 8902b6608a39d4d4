"""One truth about where a crop is; measures that notice what a viewer would; answers and pictures."""

from __future__ import annotations

import io

import msgspec
import pytest

from carmic_assets.direction.canvas import region_rects
from carmic_assets.direction.crop_sampling import crop_at, region_at
from carmic_assets.direction.direction_plots import contact_sheet, crop_path
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.measures import measure
from carmic_assets.direction.scene_summary import clip_matrix, clip_shots
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.template import TemplateConfig
from direction_scenes import at, said, scene_of

FULL = 0.31640625  # of a 16:9 frame's width: a 9:16 crop of its whole height


def one(start: float, end: float, *frames: Keyframe) -> LayoutShot:
    return LayoutShot(start, end, "face-track", "A", "By hand.", (Region("A", frames),))


def test_a_crop_is_linear_between_keyframes_and_held_outside():
    region = Region("A", (Keyframe(2, 0.1, 0, FULL, 1), Keyframe(4, 0.5, 0, FULL, 1)))
    assert region_at(region, 0).x == 0.1 and region_at(region, 2).x == 0.1
    assert region_at(region, 3).x == pytest.approx(0.3)
    assert region_at(region, 4).x == 0.5 and region_at(region, 99).x == 0.5


def test_a_shot_holds_its_start_and_not_its_end():
    shots = (one(0, 2, Keyframe(0, 0.1, 0, FULL, 1)), one(2, 4, Keyframe(2, 0.6, 0, FULL, 1)))
    assert crop_at(shots, 1.999999)[0].x == 0.1 and crop_at(shots, 2)[0].x == 0.6
    assert crop_at(shots, 4)[0].x == 0.6 and crop_at(shots, -1)[0].x == 0.1


def test_measures_notice_a_wall_a_listener_and_a_camera_that_turns():
    scene = scene_of([at(0.28), at(0.71)], 10, said((0, 10, "A")))
    on_a, on_b, on_wall = (
        measure((one(0, 10, Keyframe(0, x, 0, FULL, 1)),), scene) for x in (0.28 - FULL / 2, 0.71 - FULL / 2, 0.34)
    )
    assert (on_a.subject_in_frame, on_a.active_speaker_in_frame, on_a.wall_frames) == (1, 1, 0)
    assert (on_b.subject_in_frame, on_b.active_speaker_in_frame, on_b.wall_frames) == (1, 0, 0)
    assert (on_wall.subject_in_frame, on_wall.wall_frames) == (0, 50)
    shaky = one(0, 10, *(Keyframe(k, 0.1 + 0.05 * (k % 2), 0, FULL, 1) for k in range(10)))
    metrics = measure((shaky,), scene)
    assert metrics.reversals_per_s == pytest.approx(0.8) and metrics.travel_px_per_s == pytest.approx(0.05 * 1920 * 0.9)


def test_fit_hides_nobody():
    scene = scene_of([at(0.28)], 10, said((0, 10, "A")))
    metrics = measure((LayoutShot(0, 10, "fit", None, "By hand.", ()),), scene)
    assert (metrics.subject_in_frame, metrics.active_speaker_in_frame, metrics.wall_frames) == (1, 1, 0)


def test_rectangles_fill_the_canvas_and_padding_surrounds_it():
    for aspect, size in {"9:16": (1080, 1920), "1:1": (1080, 1080), "4:5": (1080, 1350), "16:9": (1920, 1080)}.items():
        (whole,) = region_rects("face-track", aspect)
        assert (whole.x, whole.y, whole.w, whole.h) == (0, 0, *size)
        top, bottom = region_rects("split", aspect)
        assert top.h + bottom.h == size[1] and bottom.y == top.h and abs(top.h - bottom.h) <= 2
        (inner,) = region_rects("fit", aspect, 400)
        assert inner.w > 0 and inner.h > 0
        for rect in (whole, top, bottom, inner):
            assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
    assert region_rects("face-track", "9:16", 40)[0].w == 1000


def test_the_answers_of_the_api_are_on_the_clip_clock():
    scene = scene_of([at(0.28)], 20, said((0, 20, "A")), cuts=(4.0, 12.0))
    shots = clip_shots(scene, 2.0, 14.0)
    assert [(s.start_time, s.end_time, s.kind) for s in shots] == [(0, 2, "start"), (2, 10, "cut"), (10, 12, "cut")]
    (track,) = clip_matrix(scene, 2.0, 14.0).tracks
    assert track.speaker == "A" and track.boxes[0].t == 0 and len(track.boxes) == 60
    assert abs(track.boxes[0].x + track.boxes[0].w / 2 - 0.28) < 0.02
    assert msgspec.json.encode(track)


def test_pictures_are_drawn_and_are_the_same_twice():
    import numpy as np
    from PIL import Image

    scene = scene_of([at(0.28), at(0.71)], 10, said((0, 5, "A"), (5, 10, "B")))
    shots = direct(scene, "9:16")
    path = crop_path(shots, scene)
    assert path == crop_path(shots, scene) and Image.open(io.BytesIO(path)).width > 800
    frames = [(t, np.full((180, 320, 3), 90, np.uint8)) for t in (1.0, 4.0, 7.0)]
    sheet = Image.open(io.BytesIO(contact_sheet(frames, shots, scene)))
    assert sheet.width > 700
    clip = direct_clip(scene, 2, 8, TemplateConfig())
    assert crop_path(clip, scene, 2.0) and contact_sheet([(3.0, frames[0][1])], clip, scene, 2.0)
