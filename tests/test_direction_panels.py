"""Tests the layouts `screen`, `three` and `four`: when the director chooses them, what they show, and overrides."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from carmic_assets.direction.canvas import Rect, place_regions, place_shot
from carmic_assets.direction.crop_metrics import contains_face
from carmic_assets.direction.crop_sampling import sample_crops
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.override import find_shots_problem
from carmic_assets.exports.package import Target
from carmic_assets.model.direction import CANVAS_SIZES, FULL_FRAME, Box, Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit
from carmic_assets.model.scene import Composition, Scene, TextBand
from carmic_assets.model.template import ShotOverride, ShotRegion, TemplateConfig
from carmic_assets.rendering.still import render_still
from direction_scenes import make_scene, make_turns, sit_at
from exports_support import build_edit, measure_crop_error, open_package, write_test_video

WEBCAM = Box(0.75, 0.7, 0.22, 0.26)
TILES = (Box(0, 0, 0.5, 0.5), Box(0.5, 0, 0.5, 0.5), Box(0.25, 0.5, 0.5, 0.5))


def make_screencast(end_s: float = 10.0) -> Scene:
    """Return a webcam in the lower right corner of a screen until `end_s`, then the camera alone, for 20 s."""

    def place(t: float) -> tuple[float, float]:
        return (0.86, 0.8) if t < end_s else (0.5, 0.45)

    scene = make_scene([place], 20, make_turns((0, 20, "A")), [end_s], face=0.12)
    return msgspec.structs.replace(scene, compositions=(Composition(0, end_s, (WEBCAM,), FULL_FRAME),))


def make_gallery() -> Scene:
    people = [sit_at(0.25, 0.25), sit_at(0.75, 0.25), sit_at(0.5, 0.75)]
    turns = make_turns((0, 4, "A"), (4, 8, "B"), (8, 12, "C"))
    scene = make_scene(people, 12, turns, face=0.14)
    return msgspec.structs.replace(scene, compositions=(Composition(0, 12, TILES),))


@pytest.mark.parametrize("aspect", ["9:16", "4:5", "1:1"])
def test_shows_the_whole_screen_above_the_face_and_then_the_face_alone(aspect: str) -> None:
    scene = make_screencast()
    shots = direct(scene, aspect)
    assert [shot.layout for shot in shots] == ["screen", "face-track"]
    assert "screen is shown above" in shots[0].reason
    screen, face = sample_crops(shots, 5.0)
    assert screen == FULL_FRAME
    assert WEBCAM.x <= face.x and face.x + face.w <= WEBCAM.x + WEBCAM.w
    track = scene.tracks[0]
    assert contains_face(face, Box(track.x[25], track.y[25], track.w[25], track.h[25]))
    height = CANVAS_SIZES[aspect][1]
    above, below = place_shot(shots[0], aspect, 0, scene.width, scene.height)
    assert above.y + above.h == below.y and above.y >= 0 and below.y + below.h <= height
    assert above.w / above.h == pytest.approx(16 / 9, rel=0.01)
    assert below.w / (face.w * scene.width) == pytest.approx(below.h / (face.h * scene.height), rel=0.02)


def test_a_canvas_of_the_sources_shape_shows_the_source_as_it_is() -> None:
    assert {shot.layout for shot in direct(make_screencast(), "16:9")} == {"face-track"}


def test_shows_every_tile_of_a_gallery_in_its_own_panel() -> None:
    scene = make_gallery()
    (shot,) = direct(scene, "9:16")
    assert shot.layout == "three"
    for tile, crop in zip(TILES, sample_crops([shot], 6.0), strict=True):
        assert tile.x <= crop.x and crop.x + crop.w <= tile.x + tile.w
        assert tile.y <= crop.y and crop.y + crop.h <= tile.y + tile.h
    rects = place_regions("three", "9:16")
    assert rects == (Rect(0, 0, 1080, 640), Rect(0, 640, 1080, 640), Rect(0, 1280, 1080, 640))


def test_face_track_keeps_to_faces_and_an_impossible_layout_says_why() -> None:
    scene = make_gallery()
    config = msgspec.convert({"layout": {"layoutType": "face-track"}}, TemplateConfig)
    assert {shot.layout for shot in direct_clip(scene, 0, 12, config)} <= {"face-track", "split", "fit"}
    config = msgspec.convert({"layout": {"layoutType": "four"}}, TemplateConfig)
    shots = direct_clip(scene, 0, 12, config)
    assert all(shot.layout != "four" and "does not show four people" in shot.reason for shot in shots)


def test_a_shot_can_be_set_to_a_panel_layout_by_hand() -> None:
    scene = make_screencast()
    face = ShotRegion("A", (Keyframe(0, 0.78, 0.72, 0.12, 0.2),))
    shots = (
        ShotOverride(0, 4, "fit"),
        ShotOverride(4, 10, "screen", regions=(ShotRegion(None, (Keyframe(4, 0, 0, 0.7, 0.7),)), face)),
        ShotOverride(10, 20),
    )
    assert find_shots_problem(shots, 20.0) is None
    directed = direct_clip(scene, 0, 20, TemplateConfig(shots=shots))
    assert [shot.layout for shot in directed] == ["fit", "screen", "face-track"]
    assert sample_crops(directed, 5.0)[0] == Box(0, 0, 0.7, 0.7)
    one = (ShotOverride(0, 20, "screen", regions=(face,)),)
    assert find_shots_problem(one, 20.0) == "Shot 1 (0 to 20 s): layout screen has 2 region(s), not 1."


def test_crops_leave_a_band_of_burnt_in_captions_out() -> None:
    scene = make_scene([sit_at(0.5)], 10, make_turns((0, 10, "A")))
    scene = msgspec.structs.replace(scene, text_bands=(TextBand(0, 10, Box(0.2, 0.85, 0.6, 0.1)),))
    (crop,) = sample_crops(direct(scene, "9:16"), 5.0)
    assert crop.y + crop.h <= 0.8501


@pytest.mark.parametrize("target", ["premiere", "davinci", "fcpx", "after_effects"])
def test_packages_place_the_panels_where_the_renderer_does(tmp_path: Path, target: Target) -> None:
    source = write_test_video(tmp_path / "source.mp4", seconds=4)
    full = Region(None, (Keyframe(0, 0, 0, 1, 1),))
    face = Region("A", (Keyframe(0, 0.1, 0.5, 0.3, 0.4), Keyframe(0.5, 0.3, 0.4, 0.3, 0.4)))
    quarter = 540 * 0.5 * 360 / (960 * 640)  # width of a crop with half of the frame's height
    quarters = tuple(Region(None, (Keyframe(0.6, x, y, quarter, 0.5),)) for y in (0, 0.5) for x in (0.1, 0.6))
    shots = (
        LayoutShot(0, 0.6, "screen", "A", "", (full, face)),
        LayoutShot(0.6, 1.2, "four", None, "", quarters),
        LayoutShot(1.2, 2.0, "fit", None, "", ()),
    )
    edit = build_edit(source, start=1, end=3, shots=shots)
    assert measure_crop_error(edit, open_package(edit, target, tmp_path)) < 1


def test_renders_the_screen_above_and_the_camera_below_and_four_tiles(tmp_path: Path) -> None:
    source = write_test_video(
        tmp_path / "source.mp4",
        seconds=2,
        filters="drawbox=c=red:t=fill,drawbox=x=320:c=lime:t=fill:h=180,drawbox=x=320:y=180:c=blue:t=fill",
    )
    rest = (Region(None, (Keyframe(0, 0.55, 0.55, 0.4, 0.4),)),)
    half = Region(None, (Keyframe(0, 0, 0, 1, 0.5),))
    tile = 540 * 0.4 * 360 / (960 * 640)
    tiles = tuple(Region(None, (Keyframe(1, x, y, tile, 0.4),)) for y in (0.05, 0.55) for x in (0.05, 0.6))
    shots = (LayoutShot(0, 1, "screen", None, "", (half, *rest)), LayoutShot(1, 2, "four", None, "", tiles))
    edit = build_edit(source, start=0, end=2, shots=shots, words=())
    above, below = place_shot(shots[0], "9:16", 0, 640, 360)
    red, lime, blue = np.array([[254, 0, 0], [0, 255, 0], [0, 0, 254]])
    frame = _render_still(edit, 0.5, tmp_path)
    for x, y, colour in (
        (200, above.y + above.h // 2, red),
        (900, above.y + above.h // 2, lime),
        (540, below.y + below.h // 2, blue),
    ):
        assert np.abs(frame[y, x].astype(int) - colour).max() < 40
    frame = _render_still(edit, 1.5, tmp_path)
    for x, y, colour in ((270, 480, red), (810, 480, lime), (270, 1440, red), (810, 1440, blue)):
        assert np.abs(frame[y, x].astype(int) - colour).max() < 40


def _render_still(edit: Edit, t: float, folder: Path) -> np.ndarray:
    render_still(edit, t, folder / "still.jpg", folder / "work", cache=folder / "cache")
    return np.asarray(Image.open(folder / "still.jpg").convert("RGB"))
