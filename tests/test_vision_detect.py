"""Detection: the embedded detector against annotated boxes, real YOLO weights, and the fallback with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.annotated_faces import read_dlib_pictures, read_packaged_pictures
from carmic_assets.vision import detectors
from carmic_assets.vision.centerface import IMAGE_PIXELS, VIDEO_PIXELS, CenterFace, choose_input_size
from carmic_assets.vision.detection import Detection, intersection_over_union
from carmic_assets.vision.detectors import load_detector


def list_pictures(kind: str, request: pytest.FixtureRequest) -> list[tuple[np.ndarray, list[Detection]]]:
    """Return annotated pictures: of packages, or of dlib's test set, which cannot come with the repository."""
    if kind == "packages":
        return list(read_packaged_pictures())
    return list(read_dlib_pictures(request.getfixturevalue("shared") / "data/images"))


@pytest.mark.parametrize("kind", ["packages", "dlib"])
@pytest.mark.parametrize("pixels", [VIDEO_PIXELS, IMAGE_PIXELS])
def test_the_embedded_detector_finds_the_annotated_faces_and_few_others(
    request: pytest.FixtureRequest, pixels: int, kind: str
) -> None:
    detector = CenterFace(threads=2, input_pixels=pixels)
    total = hit = extra = 0
    for picture, annotated in list_pictures(kind, request):
        detections = detector.detect(picture)
        total += len(annotated)
        hit += sum(any(intersection_over_union(box, face) >= 0.4 for face in detections) for box in annotated)
        extra += sum(all(intersection_over_union(box, face) < 0.2 for box in annotated) for face in detections)
        for face in detections:
            x, y = face.landmarks[0::2], face.landmarks[1::2]
            assert face.x < x[0] < x[1] < face.x + face.w and face.y < y[0] < y[2] < y[3] < face.y + face.h
    assert hit >= 0.95 * total and extra <= 2


def test_the_input_follows_the_aspect_ratio_of_the_picture() -> None:
    assert choose_input_size(640, 360, 320 * 192) == (320, 192)
    assert choose_input_size(360, 640, 320 * 192) == (192, 320)
    assert choose_input_size(10, 12, 320 * 192) == (64, 64)
    wide, tall = choose_input_size(3840, 1600, 320 * 192)
    assert wide > 2 * tall - 64 and 0.7 < wide * tall / (320 * 192) < 1.3


def test_blank_and_tiny_pictures_have_no_detections() -> None:
    detector = CenterFace()
    assert detector.detect(np.zeros((360, 640, 3), np.uint8)) == []
    assert detector.detect(np.full((12, 10, 3), 128, np.uint8)) == []


def test_pose_weights_give_heads(shared: Path) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    detector = load_detector(str(shared / "data/models/yolov8n-pose_int8_openvino_model"))
    assert detector.facts["kind"] == "head" and "openvino" in detector.facts["runtime"]
    total = hit = 0
    for picture, annotated in read_dlib_pictures(shared / "data/images"):
        detections = detector.detect(picture)
        assert {d.kind for d in detections} <= {"head"}
        total += len(annotated)
        centres = [(d.x + d.w / 2, d.y + d.h / 2) for d in annotated]
        hit += sum(any(d.x < x < d.x + d.w and d.y < y < d.y + d.h for d in detections) for x, y in centres)
    assert hit >= 0.8 * total, "int8 nano weights, faces of 37 px"


def test_person_weights_get_faces_from_the_embedded_detector(shared: Path) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    detector = load_detector(str(shared / "data/models/yolo11n_int8_openvino_model"))
    assert "centerface" in detector.facts["detector"] and "yolo11n" in detector.facts["detector"]
    kinds = [d.kind for picture, _ in read_dlib_pictures(shared / "data/images") for d in detector.detect(picture)]
    assert kinds.count("face") >= 20 and "person" in kinds


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ("auto", "no network"),
        ("yolo11s-pose", "no network"),
        ("/nowhere/mine.pt", "/nowhere/mine.pt do not exist"),
        ("broken.pt", "broken.pt could not be loaded"),
    ],
)
def test_unusable_weights_fall_back_with_a_reason(
    weights: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "_has_network", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint")
    detector = load_detector(weights, cache=tmp_path / "cache")
    assert "centerface" in detector.facts["detector"]
    assert reason in detector.facts["reason"]


def test_a_read_only_cache_falls_back_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service user may have no home directory."""
    monkeypatch.setattr(detectors, "_has_network", lambda: True)
    (tmp_path / "file").write_bytes(b"")
    facts = load_detector("auto", cache=tmp_path / "file" / "cache").facts
    assert "centerface" in facts["detector"] and "could not be downloaded" in facts["reason"]


def test_cached_weights_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "_has_network", lambda: pytest.fail("looked up the network"))
    (tmp_path / "yolo11n-pose.pt").write_bytes(b"no checkpoint")
    assert "could not be loaded" in load_detector("auto", cache=tmp_path).facts["reason"]
