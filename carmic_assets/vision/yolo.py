"""Ultralytics YOLO weights of any kind and format as a `Detector`: pose (heads from keypoints), face, head, person.

The raw runtime is called (OpenVINO and ONNX directly, the rest through Ultralytics' AutoBackend), so that threads are
explicit; letterboxing and the reading of keypoints are ours, suppression is Ultralytics'. Never installs a package.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from carmic_assets.vision.detectors import Detection, Kind

if TYPE_CHECKING:
    import numpy as np

MIN_SCORE = 0.35
OVERLAP = 0.6
SEEN = 0.5  # confidence of a keypoint that is relied on
DEFAULT_INPUT = 640  # px of the longer side, where the weights leave it open


class UnusableWeights(Exception):
    """The weights cannot be loaded, or know neither person nor face nor head. The message says which."""


class _Model(msgspec.Struct):
    """`run` takes (1, 3, h, w) float32 0..1 and returns what `non_max_suppression` takes."""

    run: Callable[[np.ndarray], Any]
    names: dict[int, str]
    size: tuple[int, int] | None  # h, w where fixed
    keypoints: tuple[int, int] | None
    end2end: bool
    runtime: str


class Yolo:
    """`weights`: a local file or folder. Raises UnusableWeights."""

    def __init__(self, weights: Path, *, device: str = "cpu", threads: int = 2):
        # Before its import: no analytics, no look-ups, no packages installed behind the operator's back.
        os.environ.setdefault("YOLO_OFFLINE", "true")
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        try:
            self._model = _load(weights, device, threads)
        except Exception as cause:  # whatever the runtime raises, the operator needs the file's name
            raise UnusableWeights(f"{weights.name} could not be loaded: {_first_line(cause)}") from cause
        self._kinds = {i: kind for i, name in self._model.names.items() if (kind := _kind(name))}
        if not self._kinds:
            raise UnusableWeights(f"{weights.name} knows no class named person, face or head")
        self._pose = self._model.keypoints is not None and self._model.keypoints[0] == 17
        kinds = {"head"} if self._pose else set(self._kinds.values())
        self.facts: dict[str, Any] = {
            "detector": weights.name.removesuffix("_openvino_model"),
            "kind": "+".join(sorted(kinds)),
            "runtime": self._model.runtime,
        }

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """See `Detector.detect`."""
        import torch
        from ultralytics.utils.nms import non_max_suppression

        tensor, scale, left, top = self._letterbox(picture)
        raw = self._model.run(tensor)
        raw = [torch.as_tensor(v) for v in raw] if isinstance(raw, list | tuple) else torch.as_tensor(raw)
        rows = non_max_suppression(
            raw, MIN_SCORE, OVERLAP, nc=len(self._model.names), classes=list(self._kinds), end2end=self._model.end2end
        )[0].cpu()
        height, width = picture.shape[:2]
        found = []
        for row in rows.numpy():
            x0, y0, x1, y1 = (row[:4] - (left, top, left, top)) / scale
            kind, points = self._kinds[int(row[5])], None
            if self._model.keypoints is not None and len(row) > 6:
                count, per = self._model.keypoints
                points = row[6 : 6 + count * per].reshape(count, per).copy()
                points[:, 0], points[:, 1] = (points[:, 0] - left) / scale, (points[:, 1] - top) / scale
            detection = _detection((x0, y0, x1, y1), float(row[4]), kind, points, width, height)
            if detection is not None:
                found.append(detection)
        return found

    def _letterbox(self, picture: np.ndarray) -> tuple[np.ndarray, float, float, float]:
        """The network's input; and scale, left and top margin (px of the input) that lead back."""
        import cv2
        import numpy as np

        height, width = picture.shape[:2]
        if self._model.size:
            tall, wide = self._model.size
        else:
            part = DEFAULT_INPUT / max(height, width)
            tall, wide = (max(32, int(np.ceil(side * part / 32)) * 32) for side in (height, width))
        scale = min(tall / height, wide / width)
        new_w, new_h = round(width * scale), round(height * scale)
        left, top = (wide - new_w) // 2, (tall - new_h) // 2
        canvas = np.full((tall, wide, 3), 114, np.uint8)
        canvas[top : top + new_h, left : left + new_w] = cv2.resize(picture, (new_w, new_h))
        return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32) / 255, scale, left, top


def _kind(name: str) -> Kind | None:
    kinds: tuple[Kind, ...] = ("person", "face", "head")
    return next((kind for kind in kinds if kind == name.lower()), None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


# --- from a row to a detection


def _detection(
    corners: tuple[float, float, float, float],
    score: float,
    kind: Kind,
    points: np.ndarray | None,
    width: int,
    height: int,
) -> Detection | None:
    x0, y0, x1, y1 = (float(v) for v in corners)
    marks = None
    if points is not None and len(points) == 17:
        head = head_box(points, (x0, y0, x1, y1))
        if head is None:
            return None
        (x0, y0, x1, y1), kind = head, "head"
        marks = face_marks(points)
    elif points is not None and len(points) == 5:
        marks = [(float(p[0]), float(p[1])) for p in points]
    flat = tuple(v for x, y in marks for v in (x / width, y / height)) if marks else None
    return Detection(x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height, score, kind, flat)


def head_box(points: np.ndarray, person: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
    """Corners (px) of the whole head from COCO keypoints (nose, eyes, ears, shoulders: rows 0 to 6 of x, y, seen), or
    None where neither face nor shoulders are seen. Ratios measured against CenterFace on talks (see docs/vision.md)."""
    import numpy as np

    seen = points[:, 2] > SEEN if points.shape[1] > 2 else np.ones(len(points), bool)
    xy = points[:, :2]
    heads = [i for i in range(5) if seen[i]]
    shoulders = float(np.hypot(*(xy[5] - xy[6]))) if seen[5] and seen[6] else 0.0
    sizes = []
    if seen[3] and seen[4]:
        sizes.append(1.75 * float(np.hypot(*(xy[3] - xy[4]))))
    if seen[1] and seen[2]:
        sizes.append(3.6 * float(np.hypot(*(xy[1] - xy[2]))))
    if heads and (seen[5] or seen[6]):
        middle = xy[[i for i in (5, 6) if seen[i]]].mean(0)
        sizes.append(1.2 * abs(float(middle[1] - xy[heads, 1].mean())))
    if not sizes and shoulders:
        sizes.append(0.75 * shoulders)
    if not sizes:
        return None
    tall = float(np.median(sizes))
    # Seen from behind, the head is over the shoulders.
    x, y = xy[heads].mean(0) if heads else xy[5:7].mean(0) - np.array([0, 0.83 * tall])
    wide = 0.8 * tall
    top = max(float(y) - 0.52 * tall, person[1] - 0.1 * tall)
    return float(x) - wide / 2, top, float(x) + wide / 2, top + tall


def face_marks(points: np.ndarray) -> list[tuple[float, float]] | None:
    """Eyes, nose and mouth corners (px), left in the picture first; the mouth is guessed from eyes and nose. None where
    the face is turned away."""
    import numpy as np

    if not (points[:3, 2] > SEEN).all():
        return None
    nose, eyes = points[0, :2], sorted((points[1, :2], points[2, :2]), key=lambda p: float(p[0]))
    across, middle = eyes[1] - eyes[0], (eyes[0] + eyes[1]) / 2
    mouth = nose + 0.75 * (nose - middle)
    corners = (mouth - 0.4 * across, mouth + 0.4 * across)
    return [(float(p[0]), float(p[1])) for p in np.array([*eyes, nose, *corners])]


# --- runtimes


def _load(weights: Path, device: str, threads: int) -> _Model:
    if weights.is_dir() and any(weights.glob("*.xml")) and device == "cpu":
        return _openvino(weights, threads)
    if weights.suffix == ".onnx" and device == "cpu":
        return _onnx(weights, threads)
    return _autobackend(weights, device, threads)


def _openvino(weights: Path, threads: int) -> _Model:
    import openvino

    core = openvino.Core()
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(str(next(weights.glob("*.xml"))), "CPU", config)
    import yaml

    about = yaml.safe_load((weights / "metadata.yaml").read_text())
    shape = compiled.input(0).partial_shape
    size = None if shape.is_dynamic else (shape[2].get_length(), shape[3].get_length())
    return _described(about, lambda x: compiled(x)[0], size, f"openvino cpu, {threads} threads")


def _onnx(weights: Path, threads: int) -> _Model:
    import ast

    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    given = session.get_modelmeta().custom_metadata_map
    about = {k: ast.literal_eval(v) if v[:1] in "{[(TF" else v for k, v in given.items() if v}
    entry = session.get_inputs()[0]
    size = (entry.shape[2], entry.shape[3]) if all(isinstance(n, int) for n in entry.shape[2:]) else None
    return _described(
        about, lambda x: session.run(None, {entry.name: x})[0], size, f"onnxruntime cpu, {threads} threads"
    )


def _described(about: dict[str, Any], run: Callable, size: tuple[int, int] | None, runtime: str) -> _Model:
    """A model from the metadata that Ultralytics writes into what it exports."""
    if about.get("task", "detect") not in ("detect", "pose"):
        raise ValueError(f"it is made for {about['task']}, not for detect or pose")
    shape = about.get("kpt_shape")
    end2end = about.get("end2end", False) in (True, "True") or (about.get("args") or {}).get("nms") is True
    names = {int(k): str(v) for k, v in about["names"].items()}
    return _Model(run, names, size, tuple(shape) if shape else None, end2end, runtime)


def _autobackend(weights: Path, device: str, threads: int) -> _Model:
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    torch.set_num_threads(threads)
    backend = AutoBackend(str(weights), device=torch.device(device), verbose=False)
    backend.eval()
    about = {
        "task": getattr(backend, "task", "detect"),
        "names": backend.names,
        "kpt_shape": getattr(backend, "kpt_shape", None),
        "end2end": getattr(backend, "end2end", False),
    }
    fixed = (
        getattr(backend, "imgsz", None) if not (weights.suffix == ".pt" or getattr(backend, "dynamic", False)) else None
    )

    def run(x: np.ndarray) -> Any:
        with torch.inference_mode():
            return backend(torch.from_numpy(x).to(device))

    return _described(about, run, tuple(fixed) if fixed else None, f"ultralytics {device}, {threads} threads")
