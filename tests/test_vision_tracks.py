"""Tracking: each person has one track number, through gaps and crossings within a shot, and across shots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from carmic_assets.media.analysis import FRAMES_FILENAME, analyse
from carmic_assets.media.probe import probe
from carmic_assets.vision.detection import Detection
from carmic_assets.vision.lip_motion import score_speaking
from carmic_assets.vision.observation import observe
from carmic_assets.vision.tracking import ShotTracker, Tracklet, assign_track_ids

WIDTH, HEIGHT = 640, 360


def draw_person(number: int) -> np.ndarray:
    """Draw a head of 60 x 80 px over a shirt, with a random pattern that depends on the number."""
    rng = np.random.default_rng(number)
    skin = rng.integers(90, 200, 3)
    face = np.clip(skin + np.kron(rng.normal(0, 35, (8, 6, 1)), np.ones((10, 10, 1))), 0, 255)
    shirt = np.ones((60, 60, 3)) * rng.integers(0, 255, 3)
    return np.concatenate([face, shirt]).astype(np.uint8)


def draw_picture(people: dict[int, float]) -> tuple[np.ndarray, dict[int, Detection]]:
    """Draw people at the x (px) of their left edge, later ones in front; return the image and the box of each."""
    picture = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    boxes = {}
    for number, x in people.items():
        left, sprite = int(x), draw_person(number)
        picture[120 : 120 + len(sprite), left : left + 60] = sprite
        landmarks = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)]
        flat = tuple(v for u, w in landmarks for v in ((left + 60 * u) / WIDTH, (120 + 80 * w) / HEIGHT))
        boxes[number] = Detection(left / WIDTH, 120 / HEIGHT, 60 / WIDTH, 80 / HEIGHT, 0.9, "face", flat)
    return picture, boxes


def find_owners(tracklet: Tracklet, places: dict[float, dict[int, float]]) -> set[int]:
    """Return the numbers of the people whose boxes the tracklet contains."""
    return {
        min(places[t], key=lambda n: abs(places[t][n] / WIDTH - box[0]))
        for t, box in zip(tracklet.times, tracklet.boxes, strict=True)
    }


@pytest.mark.parametrize("hidden", [0, 3])
def test_two_people_who_cross_keep_their_tracks(hidden: int) -> None:
    """Person 2 walks behind person 1 and is not detected while covered."""
    tracker, places = ShotTracker(0), {}
    for step in range(30):
        t = step * 0.2
        places[t] = {2: 40 + 18 * step, 1: 562 - 18 * step}
        picture, boxes = draw_picture(places[t])
        covered = abs(places[t][1] - places[t][2]) < 18 * hidden
        tracker.step(t, [box for n, box in boxes.items() if not (covered and n == 2)], picture)
    assign_track_ids(tracker.tracklets)
    owners: dict[int, set[int]] = {}
    for tracklet in tracker.tracklets:
        owners.setdefault(tracklet.track, set()).update(find_owners(tracklet, places))
    assert sorted(owners.values(), key=sorted) == [{1}, {2}]


def test_a_gap_of_a_second_is_bridged() -> None:
    tracker = ShotTracker(0)
    for step in range(20):
        picture, boxes = draw_picture({1: 200 + 2 * step})
        tracker.step(step * 0.2, [] if 8 <= step < 13 else list(boxes.values()), picture)
    assert len(tracker.tracklets) == 1


def test_the_same_person_in_another_place_of_another_shot_is_the_same_track() -> None:
    tracklets = []
    for shot, places in enumerate(({1: 60, 2: 450}, {2: 300}, {3: 300}, {1: 250}, {2: 60, 1: 450})):
        tracker = ShotTracker(shot)
        for step in range(5):
            picture, boxes = draw_picture(places)
            tracker.step(shot * 10 + step * 0.2, list(boxes.values()), picture)
        tracklets += tracker.tracklets
    assign_track_ids(tracklets)
    assert [[t.track for t in tracklets if t.shot == shot] for shot in range(5)] == [[1, 2], [2], [3], [1], [2, 1]]


def test_two_people_who_look_alike_in_one_picture_are_two_tracks() -> None:
    tracker = ShotTracker(0)
    for step in range(5):
        picture, boxes = draw_picture({1: 100})
        twin, others = draw_picture({1: 400})
        picture = np.where(twin != 70, twin, picture)
        tracker.step(step * 0.2, [*boxes.values(), *others.values()], picture)
    assign_track_ids(tracker.tracklets)
    assert len({tracklet.track for tracklet in tracker.tracklets}) == 2


class BrightnessDetector:
    """Detects a face on the left of dark frames and on the right of light frames."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def detect(self, picture: np.ndarray) -> list[Detection]:
        return [Detection(0.1 if picture.mean() < 128 else 0.7, 0.3, 0.2, 0.4, 0.9, "face")]


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_the_last_face_before_a_cut_is_not_in_the_next_shot(tmp_path: Path, fps: int) -> None:
    """At 48 frames per second and more, a frame of the source is at most a quarter of a frame of the analysis copy.

    The copy's last frame before a cut must then not count as the first frame of the next shot.
    """
    rng, path = np.random.default_rng(1), tmp_path / "a.mp4"
    dark, light = (np.kron(rng.integers(low, low + 80, (9, 16, 3)), np.ones((40, 40, 1))) for low in (0, 170))
    cuts = [fps // 2 + 1, fps + 3, 2 * fps - 2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for n in range(5 * fps // 2):
            picture = (dark, light)[sum(n >= cut for cut in cuts) % 2].astype(np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())
    facts = analyse(path, probe(path), tmp_path)
    assert facts.cuts_s == pytest.approx([cut / fps for cut in cuts], abs=1e-3)
    tracklets, _ = observe(tmp_path / FRAMES_FILENAME, facts, BrightnessDetector())
    assert [(tracklet.shot, {box[0] for box in tracklet.boxes}) for tracklet in tracklets] == [
        (0, {0.1}), (1, {0.7}), (2, {0.1}), (3, {0.7}),
    ]  # fmt: skip


class TemplateDetector:
    """Finds the two faces of `write_shaky_video` by template matching."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def detect(self, picture: np.ndarray) -> list[Detection]:
        detections = []
        for number in (1, 2):
            grey = cv2.cvtColor(draw_person(number)[:50], cv2.COLOR_RGB2GRAY)  # above the mouth
            heat = cv2.matchTemplate(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), grey, cv2.TM_CCOEFF_NORMED)
            x, y = cv2.minMaxLoc(heat)[3]
            detections.append(Detection(x / WIDTH, y / HEIGHT, 60 / WIDTH, 80 / HEIGHT, 0.9, "face"))
        return detections


def write_shaky_video(path: Path, amplitude_px: float) -> Path:
    """Write three seconds of two faces in front of a wall with a shaking camera; the mouth of the first face moves."""
    rng = np.random.default_rng(5)
    wall = np.kron(rng.integers(40, 200, (30, 50, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for n in range(75):
            scene = wall.copy()
            for number, x in ((1, 200), (2, 500)):
                scene[180 : 180 + 140, x : x + 60] = draw_person(number)
            opening = 2 + round(5 + 5 * np.sin(n * 1.3))  # rows of the mouth that are darker
            scene[236 : 236 + opening, 215:245] = 0.75 * scene[236 : 236 + opening, 215:245]
            t = n / 25
            dx, dy = (
                amplitude_px * np.sin(a * t + b) + 0.5 * amplitude_px * np.sin(2 * a * t) for a, b in ((9, 0), (7, 2))
            )
            shift = np.array([[1, 0, dx - 80], [0, 1, dy - 60]], np.float32)
            picture = cv2.warpAffine(scene, shift, (WIDTH, HEIGHT))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("amplitude_px", [0, 24])
def test_lip_motion_is_measured_despite_a_shaking_camera(tmp_path: Path, amplitude_px: float) -> None:
    """Between detections the face is interpolated linearly, so camera motion must be removed first."""
    path = write_shaky_video(tmp_path / "a.mp4", amplitude_px)
    facts = analyse(path, probe(path), tmp_path)
    tracklets, _ = observe(tmp_path / FRAMES_FILENAME, facts, TemplateDetector())
    t = np.arange(0.4, 2.6, 0.2)
    speaking, listening = (
        score_speaking(tracklet.motion, t, None) for tracklet in sorted(tracklets, key=lambda other: other.boxes[0][0])
    )
    assert (speaking > 0.5).mean() > 0.9 and (listening < 0.5).mean() > 0.9
