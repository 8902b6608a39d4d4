"""Runs Ultralytics YOLO weights as a `Detector`: pose (heads from keypoints), face, head or person.

On the CPU, OpenVINO and ONNX files run directly in their runtimes, where the number of threads can be set. All others
run through Ultralytics' `AutoBackend`. Non-maximum suppression is Ultralytics'. Its automatic installation of packages
is disabled.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import msgspec
import numpy as np
import yaml

from carmic_assets.model.scene import TrackKind
from carmic_assets.vision.detection import Detection, UnusableWeightsError

MIN_SCORE = 0.35  # boxes with a lower score are dropped
MAX_IOU = 0.6  # of two boxes that overlap more, the one with the lower score is dropped
MIN_KEYPOINT_CONFIDENCE = 0.5  # a keypoint with less confidence counts as not visible
DEFAULT_INPUT_PX = 640  # longer side of the input, for weights without a fixed input size
SIZE_STEP = 32  # width and height of the input are multiples of this number of pixels
PADDING_GREY = 114  # grey value of the letterbox, as in training
COCO_KEYPOINTS = 17  # number of keypoints of pose weights
FACE_KEYPOINTS = 5  # number of keypoints of face weights
KINDS: dict[str, TrackKind] = {"person": "person", "face": "face", "head": "head"}  # class name -> kind of track

Corners = tuple[float, float, float, float]  # left, top, right, bottom


class _Model(msgspec.Struct):
    """Loaded weights, in any runtime."""

    run: Callable[[np.ndarray], Any]  # maps (1, 3, h, w), float32 in 0..1, to the input of `non_max_suppression`
    names: dict[int, str]  # class id -> class name
    input_size: tuple[int, int] | None  # height and width; None if the weights accept any size
    keypoints: tuple[int, int] | None  # number of keypoints and of values of each; None without keypoints
    end2end: bool  # non-maximum suppression is part of the model
    runtime: str


class Yolo:
    """A detector from `weights`, a local file or folder.

    Raises:
        UnusableWeightsError: the weights cannot be loaded or have no class of `KINDS`.
    """

    def __init__(self, weights: Path, *, device: str = "cpu", threads: int = 2) -> None:
        # Set before Ultralytics is imported, so that it sends no statistics, opens no URL and installs no package.
        os.environ.setdefault("YOLO_OFFLINE", "true")
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        try:
            self._model = _load(weights, device, threads)
        except Exception as cause:  # runtimes raise many types; the operator needs the file's name
            raise UnusableWeightsError(f"{weights.name} could not be loaded: {_get_first_line(cause)}") from cause
        self._kinds = {i: KINDS[name.lower()] for i, name in self._model.names.items() if name.lower() in KINDS}
        if not self._kinds:
            raise UnusableWeightsError(f"{weights.name} has no class named person, face or head")
        is_pose = self._model.keypoints is not None and self._model.keypoints[0] == COCO_KEYPOINTS
        kinds = {"head"} if is_pose else set(self._kinds.values())
        self.facts: dict[str, Any] = {
            "detector": weights.name.removesuffix("_openvino_model"),
            "kind": "+".join(sorted(kinds)),
            "runtime": self._model.runtime,
        }

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """See `Detector.detect`."""
        import torch  # noqa: PLC0415 - only YOLO weights need it
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415 - as above

        tensor, scale, left, top = self._letterbox(picture)
        output = self._model.run(tensor)
        output = [torch.as_tensor(v) for v in output] if isinstance(output, list | tuple) else torch.as_tensor(output)
        rows = non_max_suppression(
            output,
            MIN_SCORE,
            MAX_IOU,
            nc=len(self._model.names),
            classes=list(self._kinds),
            end2end=self._model.end2end,
        )[0].cpu()
        height, width = picture.shape[:2]
        detections = []
        for row in rows.numpy():
            corners = cast(Corners, tuple(float(v) for v in (row[:4] - (left, top, left, top)) / scale))
            points = None
            if self._model.keypoints is not None and len(row) > 6:
                count, value_count = self._model.keypoints
                points = row[6 : 6 + count * value_count].reshape(count, value_count).copy()
                points[:, 0], points[:, 1] = (points[:, 0] - left) / scale, (points[:, 1] - top) / scale
            detection = _build_detection(corners, float(row[4]), self._kinds[int(row[5])], points, (width, height))
            if detection is not None:
                detections.append(detection)
        return detections

    def _letterbox(self, picture: np.ndarray) -> tuple[np.ndarray, float, float, float]:
        """Return the network's input, its scale against the frame, and its left and top padding (px of the input)."""
        height, width = picture.shape[:2]
        if self._model.input_size:
            input_h, input_w = self._model.input_size
        else:
            ratio = DEFAULT_INPUT_PX / max(height, width)
            input_h, input_w = (
                max(SIZE_STEP, int(np.ceil(side * ratio / SIZE_STEP)) * SIZE_STEP) for side in (height, width)
            )
        scale = min(input_h / height, input_w / width)
        new_w, new_h = round(width * scale), round(height * scale)
        left, top = (input_w - new_w) // 2, (input_h - new_h) // 2
        canvas = np.full((input_h, input_w, 3), PADDING_GREY, np.uint8)
        canvas[top : top + new_h, left : left + new_w] = cv2.resize(picture, (new_w, new_h))
        return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32) / 255, scale, left, top


def _get_first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


# --- Detections from the rows of the output


def _build_detection(
    corners: Corners, score: float, kind: TrackKind, points: np.ndarray | None, size: tuple[int, int]
) -> Detection | None:
    """Return the detection of an output row, or None for a body without a visible head.

    `size` is the width and height of the frame.
    """
    width, height = size
    landmarks = None
    if points is not None and len(points) == COCO_KEYPOINTS:
        head = estimate_head_box(points, corners)
        if head is None:
            return None
        corners, kind = head, "head"
        landmarks = estimate_landmarks(points)
    elif points is not None and len(points) == FACE_KEYPOINTS:
        landmarks = [(float(p[0]), float(p[1])) for p in points]
    x0, y0, x1, y1 = corners
    flat = tuple(v for x, y in landmarks for v in (x / width, y / height)) if landmarks else None
    return Detection(x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height, score, kind, flat)


# Height of a head, chin to crown, as a multiple of distances between keypoints. Measured against CenterFace's faces on
# generated talks (docs/vision.md).
HEAD_PER_EAR_DISTANCE = 1.75
HEAD_PER_EYE_DISTANCE = 3.6  # distance between the eyes
HEAD_PER_FACE_TO_SHOULDERS = 1.2  # vertical distance from the middle of the face keypoints to the shoulders
HEAD_PER_SHOULDER_WIDTH = 0.75
# Proportions of a head box, as multiples of its height.
HEAD_WIDTH = 0.8
FACE_BELOW_TOP = 0.52  # middle of the face keypoints below the top of the box
HEAD_ABOVE_SHOULDERS = 0.83  # centre of the head above the shoulders, for a person seen from behind
MAX_HEAD_ABOVE_PERSON = 0.1  # the head box extends at most this far above the box of the person


def estimate_head_box(points: np.ndarray, person: Corners) -> Corners | None:
    """Return the estimated corners (px) of the head, or None if neither face nor shoulders are visible.

    `points` are COCO keypoints with columns x, y, confidence; rows 0 to 6 are nose, eyes, ears and shoulders. The
    height is the median of the estimates from all visible pairs of keypoints.
    """
    visible = points[:, 2] > MIN_KEYPOINT_CONFIDENCE if points.shape[1] > 2 else np.ones(len(points), bool)
    xy = points[:, :2]
    face_points = [i for i in range(5) if visible[i]]
    shoulder_width = float(np.hypot(*(xy[5] - xy[6]))) if visible[5] and visible[6] else 0.0
    heights = []
    if visible[3] and visible[4]:
        heights.append(HEAD_PER_EAR_DISTANCE * float(np.hypot(*(xy[3] - xy[4]))))
    if visible[1] and visible[2]:
        heights.append(HEAD_PER_EYE_DISTANCE * float(np.hypot(*(xy[1] - xy[2]))))
    if face_points and (visible[5] or visible[6]):
        shoulders = xy[[i for i in (5, 6) if visible[i]]].mean(0)
        heights.append(HEAD_PER_FACE_TO_SHOULDERS * abs(float(shoulders[1] - xy[face_points, 1].mean())))
    if not heights and shoulder_width:
        heights.append(HEAD_PER_SHOULDER_WIDTH * shoulder_width)
    if not heights:
        return None
    head_h = float(np.median(heights))
    # Seen from behind, the head is above the shoulders.
    x, y = xy[face_points].mean(0) if face_points else xy[5:7].mean(0) - np.array([0, HEAD_ABOVE_SHOULDERS * head_h])
    head_w = HEAD_WIDTH * head_h
    top = max(float(y) - FACE_BELOW_TOP * head_h, person[1] - MAX_HEAD_ABOVE_PERSON * head_h)
    return float(x) - head_w / 2, top, float(x) + head_w / 2, top + head_h


def estimate_landmarks(points: np.ndarray) -> list[tuple[float, float]] | None:
    """Return eyes, nose and mouth corners (px), the left ones first, or None if the face is turned away.

    COCO has no mouth keypoints, so the mouth is extrapolated from eyes and nose.
    """
    if not (points[:3, 2] > MIN_KEYPOINT_CONFIDENCE).all():
        return None
    nose, eyes = points[0, :2], sorted((points[1, :2], points[2, :2]), key=lambda p: float(p[0]))
    across, between_eyes = eyes[1] - eyes[0], (eyes[0] + eyes[1]) / 2
    mouth = nose + 0.75 * (nose - between_eyes)
    corners = (mouth - 0.4 * across, mouth + 0.4 * across)
    return [(float(p[0]), float(p[1])) for p in np.array([*eyes, nose, *corners])]


# --- Runtimes


def _load(weights: Path, device: str, threads: int) -> _Model:
    if weights.is_dir() and any(weights.glob("*.xml")) and device == "cpu":
        return _load_openvino(weights, threads)
    if weights.suffix == ".onnx" and device == "cpu":
        return _load_onnx(weights, threads)
    return _load_autobackend(weights, device, threads)


def _load_openvino(weights: Path, threads: int) -> _Model:
    import openvino  # noqa: PLC0415 - an optional dependency

    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(str(next(weights.glob("*.xml"))), "CPU", config)
    metadata = yaml.safe_load((weights / "metadata.yaml").read_text())
    shape = compiled.input(0).partial_shape
    input_size = None if shape.is_dynamic else (shape[2].get_length(), shape[3].get_length())
    return _build_model(metadata, lambda x: compiled(x)[0], input_size, f"openvino cpu, {threads} threads")


def _load_onnx(weights: Path, threads: int) -> _Model:
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - only ONNX weights need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    texts = session.get_modelmeta().custom_metadata_map
    metadata = {k: ast.literal_eval(v) if v[:1] in "{[(TF" else v for k, v in texts.items() if v}
    entry = session.get_inputs()[0]
    input_size = (entry.shape[2], entry.shape[3]) if all(isinstance(n, int) for n in entry.shape[2:]) else None
    return _build_model(
        metadata, lambda x: session.run(None, {entry.name: x})[0], input_size, f"onnxruntime cpu, {threads} threads"
    )


def _load_autobackend(weights: Path, device: str, threads: int) -> _Model:
    import torch  # noqa: PLC0415 - only these weights need it
    from ultralytics.nn.autobackend import AutoBackend  # noqa: PLC0415 - as above

    torch.set_num_threads(threads)
    backend = AutoBackend(str(weights), device=torch.device(device), verbose=False)
    backend.eval()
    metadata = {
        "task": getattr(backend, "task", "detect"),
        "names": backend.names,
        "kpt_shape": getattr(backend, "kpt_shape", None),
        "end2end": getattr(backend, "end2end", False),
    }
    is_dynamic = weights.suffix == ".pt" or getattr(backend, "dynamic", False)
    input_size = None if is_dynamic else getattr(backend, "imgsz", None)

    def run(x: np.ndarray) -> torch.Tensor | list[torch.Tensor]:
        with torch.inference_mode():
            output: torch.Tensor | list[torch.Tensor] = backend(torch.from_numpy(x).to(device))
        return output

    return _build_model(
        metadata, run, tuple(input_size) if input_size else None, f"ultralytics {device}, {threads} threads"
    )


def _build_model(
    metadata: dict[str, Any], run: Callable[[np.ndarray], Any], input_size: tuple[int, int] | None, runtime: str
) -> _Model:
    """Return the model, described by the metadata that Ultralytics writes into exported weights."""
    if metadata.get("task", "detect") not in ("detect", "pose"):
        raise ValueError(f"its task is {metadata['task']}, but must be detect or pose")
    shape = metadata.get("kpt_shape")
    end2end = metadata.get("end2end", False) in (True, "True") or (metadata.get("args") or {}).get("nms") is True
    names = {int(k): str(v) for k, v in metadata["names"].items()}
    return _Model(run, names, input_size, tuple(shape) if shape else None, end2end, runtime)
