"""Identity: one number per person, through gaps and crossings within a shot, and from shot to shot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carmic_assets.media.analysis import FRAMES_NAME, analyse
from carmic_assets.media.probe import probe
from carmic_assets.vision.detectors import Detection
from carmic_assets.vision.lip_motion import speaking_scores
from carmic_assets.vision.observation import observe
from carmic_assets.vision.tracking import Piece, ShotTracker, identify

WIDTH, HEIGHT = 640, 360


def person(number: int) -> np.ndarray:
    """A head of 60 x 80 px over a shirt: the same blotches for the same number."""
    rng = np.random.default_rng(number)
    skin = rng.integers(90, 200, 3)
    face = np.clip(skin + np.kron(rng.normal(0, 35, (8, 6, 1)), np.ones((10, 10, 1))), 0, 255)
    shirt = np.ones((60, 60, 3)) * rng.integers(0, 255, 3)
    return np.concatenate([face, shirt]).astype(np.uint8)


def draw(people: dict[int, float]) -> tuple[np.ndarray, dict[int, Detection]]:
    """A picture with people at the x (px) of their left edge, later ones in front, and the box of each."""
    picture = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    boxes = {}
    for number, x in people.items():
        left, sprite = int(x), person(number)
        picture[120 : 120 + len(sprite), left : left + 60] = sprite
        marks = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)]
        flat = tuple(v for u, w in marks for v in ((left + 60 * u) / WIDTH, (120 + 80 * w) / HEIGHT))
        boxes[number] = Detection(left / WIDTH, 120 / HEIGHT, 60 / WIDTH, 80 / HEIGHT, 0.9, "face", flat)
    return picture, boxes


def owners(piece: Piece, at: dict[float, dict[int, float]]) -> set[int]:
    """Whose boxes the piece holds."""
    return {
        min(at[t], key=lambda n: abs(at[t][n] / WIDTH - box[0]))
        for t, box in zip(piece.times, piece.boxes, strict=True)
    }


@pytest.mark.parametrize("hidden", [0, 3])
def test_two_who_cross_keep_their_identities(hidden: int):
    """Person 2 walks behind person 1 and is not detected while covered."""
    tracker, places = ShotTracker(0), {}
    for step in range(30):
        t = step * 0.2
        places[t] = {2: 40 + 18 * step, 1: 562 - 18 * step}
        picture, boxes = draw(places[t])
        covered = abs(places[t][1] - places[t][2]) < 18 * hidden
        tracker.step(t, [box for n, box in boxes.items() if not (covered and n == 2)], picture)
    identify(tracker.pieces)
    seen = {}
    for piece in tracker.pieces:
        seen.setdefault(piece.track, set()).update(owners(piece, places))
    assert sorted(seen.values(), key=sorted) == [{1}, {2}]


def test_a_gap_of_a_second_is_bridged_by_one_piece():
    tracker = ShotTracker(0)
    for step in range(20):
        picture, boxes = draw({1: 200 + 2 * step})
        tracker.step(step * 0.2, [] if 8 <= step < 13 else list(boxes.values()), picture)
    assert len(tracker.pieces) == 1


def test_the_same_person_in_another_place_of_another_shot_is_the_same_track():
    pieces = []
    for shot, places in enumerate(({1: 60, 2: 450}, {2: 300}, {3: 300}, {1: 250}, {2: 60, 1: 450})):
        tracker = ShotTracker(shot)
        for step in range(5):
            picture, boxes = draw(places)
            tracker.step(shot * 10 + step * 0.2, list(boxes.values()), picture)
        pieces += tracker.pieces
    identify(pieces)
    assert [[p.track for p in pieces if p.shot == shot] for shot in range(5)] == [[1, 2], [2], [3], [1], [2, 1]]


def test_two_alike_in_one_picture_are_two_people():
    tracker = ShotTracker(0)
    for step in range(5):
        picture, boxes = draw({1: 100})
        twin, others = draw({1: 400})
        picture = np.where(twin != 70, twin, picture)
        tracker.step(step * 0.2, [*boxes.values(), *others.values()], picture)
    identify(tracker.pieces)
    assert len({piece.track for piece in tracker.pieces}) == 2


class Halves:
    """A detector that sees a face on the left of dark pictures and on the right of light ones."""

    def __init__(self) -> None:
        self.facts: dict = {}

    def detect(self, picture: np.ndarray) -> list[Detection]:
        return [Detection(0.1 if picture.mean() < 128 else 0.7, 0.3, 0.2, 0.4, 0.9, "face")]


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_the_last_face_before_a_cut_is_not_in_the_shot_after_it(tmp_path: Path, fps: int):
    """At 48 frames a second and more a quarter of a frame of the copy is a frame of the source: a face of the shot
    before stood in the next one's first moment, and the crop moved away from it."""
    import av

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
    pieces, _ = observe(tmp_path / FRAMES_NAME, facts, Halves())
    assert [(piece.shot, {box[0] for box in piece.boxes}) for piece in pieces] == [
        (0, {0.1}), (1, {0.7}), (2, {0.1}), (3, {0.7}),
    ]  # fmt: skip


class Sprites:
    """A detector that finds the two faces of `shaken`, wherever the camera has moved them."""

    def __init__(self) -> None:
        self.facts: dict = {}

    def detect(self, picture: np.ndarray) -> list[Detection]:
        import cv2

        found = []
        for number in (1, 2):
            grey = cv2.cvtColor(person(number)[:50], cv2.COLOR_RGB2GRAY)  # above the mouth
            heat = cv2.matchTemplate(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), grey, cv2.TM_CCOEFF_NORMED)
            x, y = cv2.minMaxLoc(heat)[3]
            found.append(Detection(x / WIDTH, y / HEIGHT, 60 / WIDTH, 80 / HEIGHT, 0.9, "face"))
        return found


def shaken(path: Path, reach_px: float) -> Path:
    """Three seconds of two faces before a wall: the mouth of the first moves, and the hand that holds the camera."""
    import av
    import cv2

    rng = np.random.default_rng(5)
    wall = np.kron(rng.integers(40, 200, (30, 50, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for n in range(75):
            scene = wall.copy()
            for number, x in ((1, 200), (2, 500)):
                scene[180 : 180 + 140, x : x + 60] = person(number)
            opening = 2 + round(5 + 5 * np.sin(n * 1.3))  # rows of the mouth that are darker
            scene[236 : 236 + opening, 215:245] = 0.75 * scene[236 : 236 + opening, 215:245]
            t = n / 25
            dx, dy = (reach_px * np.sin(a * t + b) + 0.5 * reach_px * np.sin(2 * a * t) for a, b in ((9, 0), (7, 2)))
            shift = np.array([[1, 0, dx - 80], [0, 1, dy - 60]], np.float32)
            picture = cv2.warpAffine(scene, shift, (WIDTH, HEIGHT))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("reach_px", [0, 24])
def test_lips_are_read_also_where_the_hand_shakes_that_holds_the_camera(tmp_path: Path, reach_px: float):
    """Faces were looked for on straight lines between detections, and no mouth seemed to move more than its face."""
    path = shaken(tmp_path / "a.mp4", reach_px)
    facts = analyse(path, probe(path), tmp_path)
    pieces, _ = observe(tmp_path / FRAMES_NAME, facts, Sprites())
    t = np.arange(0.4, 2.6, 0.2)
    speaks, listens = (speaking_scores(piece.motion, t, None) for piece in sorted(pieces, key=lambda p: p.boxes[0][0]))
    assert (speaks > 0.5).mean() > 0.9 and (listens < 0.5).mean() > 0.9
