"""Sampling of crops, measures, regions of the canvas, the API's view of a scene, and plots."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from carmic_assets.direction.canvas import place_regions
from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.direction.crop_sampling import sample_crops, sample_region
from carmic_assets.direction.direction_plots import draw_crop_path, draw_crop_sheet
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.scene_summary import build_clip_matrix, build_clip_shots
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.template import TemplateConfig
from direction_scenes import make_scene, make_turns, sit_at

CROP_WIDTH = 0.31640625  # of a 16:9 frame: a 9:16 crop of the full height


def make_shot(start_s: float, end_s: float, *keyframes: Keyframe) -> LayoutShot:
    return LayoutShot(start_s, end_s, "face-track", "A", "Set by hand.", (Region("A", keyframes),))


def test_a_crop_is_linear_between_keyframes_and_held_outside() -> None:
    region = Region("A", (Keyframe(2, 0.1, 0, CROP_WIDTH, 1), Keyframe(4, 0.5, 0, CROP_WIDTH, 1)))
    assert sample_region(region, 0).x == 0.1 and sample_region(region, 2).x == 0.1
    assert sample_region(region, 3).x == pytest.approx(0.3)
    assert sample_region(region, 4).x == 0.5 and sample_region(region, 99).x == 0.5


def test_a_shot_includes_its_start_and_excludes_its_end() -> None:
    shots = (make_shot(0, 2, Keyframe(0, 0.1, 0, CROP_WIDTH, 1)), make_shot(2, 4, Keyframe(2, 0.6, 0, CROP_WIDTH, 1)))
    assert sample_crops(shots, 1.999999)[0].x == 0.1 and sample_crops(shots, 2)[0].x == 0.6
    assert sample_crops(shots, 4)[0].x == 0.6 and sample_crops(shots, -1)[0].x == 0.1


def test_metrics_detect_an_empty_crop_a_listener_and_a_restless_crop() -> None:
    scene = make_scene([sit_at(0.28), sit_at(0.71)], 10, make_turns((0, 10, "A")))
    on_a, on_b, on_nobody = (
        measure_crops((make_shot(0, 10, Keyframe(0, x, 0, CROP_WIDTH, 1)),), scene)
        for x in (0.28 - CROP_WIDTH / 2, 0.71 - CROP_WIDTH / 2, 0.34)
    )
    assert (on_a.subject_in_frame, on_a.active_speaker_in_frame, on_a.wall_frames) == (1, 1, 0)
    assert (on_b.subject_in_frame, on_b.active_speaker_in_frame, on_b.wall_frames) == (1, 0, 0)
    assert (on_nobody.subject_in_frame, on_nobody.wall_frames) == (0, 50)
    shaky = make_shot(0, 10, *(Keyframe(k, 0.1 + 0.05 * (k % 2), 0, CROP_WIDTH, 1) for k in range(10)))
    metrics = measure_crops((shaky,), scene)
    assert metrics.reversals_per_s == pytest.approx(0.8) and metrics.travel_px_per_s == pytest.approx(0.05 * 1920 * 0.9)


def test_layout_fit_has_everybody_in_frame() -> None:
    scene = make_scene([sit_at(0.28)], 10, make_turns((0, 10, "A")))
    metrics = measure_crops((LayoutShot(0, 10, "fit", None, "Set by hand.", ()),), scene)
    assert (metrics.subject_in_frame, metrics.active_speaker_in_frame, metrics.wall_frames) == (1, 1, 0)


def test_regions_fill_the_canvas_and_padding_surrounds_them() -> None:
    for aspect, size in {"9:16": (1080, 1920), "1:1": (1080, 1080), "4:5": (1080, 1350), "16:9": (1920, 1080)}.items():
        (full,) = place_regions("face-track", aspect)
        assert (full.x, full.y, full.w, full.h) == (0, 0, *size)
        top, bottom = place_regions("split", aspect)
        assert top.h + bottom.h == size[1] and bottom.y == top.h and abs(top.h - bottom.h) <= 2
        (inner,) = place_regions("fit", aspect, 400)
        assert inner.w > 0 and inner.h > 0
        for rect in (full, top, bottom, inner):
            assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
    assert place_regions("face-track", "9:16", 40)[0].w == 1000


def test_the_scene_summary_is_on_the_clip_clock() -> None:
    scene = make_scene([sit_at(0.28)], 20, make_turns((0, 20, "A")), cuts=(4.0, 12.0))
    shots = build_clip_shots(scene, 2.0, 14.0)
    assert [(s.start_time, s.end_time, s.kind) for s in shots] == [(0, 2, "start"), (2, 10, "cut"), (10, 12, "cut")]
    (track,) = build_clip_matrix(scene, 2.0, 14.0).tracks
    assert track.speaker == "A" and track.boxes[0].t == 0 and len(track.boxes) == 60
    assert abs(track.boxes[0].x + track.boxes[0].w / 2 - 0.28) < 0.02
    assert msgspec.json.encode(track)


def test_plots_are_reproducible() -> None:
    scene = make_scene([sit_at(0.28), sit_at(0.71)], 10, make_turns((0, 5, "A"), (5, 10, "B")))
    shots = direct(scene, "9:16")
    path = draw_crop_path(shots, scene)
    assert path == draw_crop_path(shots, scene) and Image.open(io.BytesIO(path)).width > 800
    pictures = [(t, np.full((180, 320, 3), 90, np.uint8)) for t in (1.0, 4.0, 7.0)]
    sheet = Image.open(io.BytesIO(draw_crop_sheet(pictures, shots, scene)))
    assert sheet.width > 700
    clip = direct_clip(scene, 2, 8, TemplateConfig())
    assert draw_crop_path(clip, scene, 2.0) and draw_crop_sheet([(3.0, pictures[0][1])], clip, scene, 2.0)
