"""Detectors of faces, heads and persons behind one small interface, and the choice of one. Knows nothing of time.

Which detector was chosen, and why, is in `Detector.facts`, so that a fallback is never silent.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["face", "head", "person"]


class Detection(msgspec.Struct, frozen=True):
    """One box in one picture, fractions (0..1) of it; it may reach beyond the picture's edge.

    `landmarks` are x, y of: eye, eye, nose, mouth corner, mouth corner (left in the picture first), where known.
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    kind: Kind
    landmarks: tuple[float, ...] | None = None


class Detector(Protocol):
    """`facts`: `detector` (name and weights), `kind`, `runtime`, `input` (px), `reason` where it is a fallback."""

    facts: dict[str, Any]

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """`picture`: RGB, uint8, (height, width, 3). Best first, overlaps removed."""
        ...


DEFAULT_WEIGHTS = "yolo11n-pose.pt"
RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"  # where Ultralytics keeps its weights
FETCH_TIMEOUT_S = 20.0  # without a byte
MAX_WEIGHTS_BYTES = 500_000_000


def load_detector(
    weights: str = "auto", *, device: str = "cpu", threads: int = 2, cache: str | Path | None = None
) -> Detector:
    """The detector for `weights`: "auto", "centerface", or Ultralytics weights by path or by name.

    A name ("yolo11n-pose") is looked for in `cache` (default: `~/.cache/carmic/weights`), then fetched into it from
    Ultralytics' releases; "auto" is `DEFAULT_WEIGHTS`. Where they cannot be had or used, the embedded face detector
    runs, and `facts["reason"]` says why. Never waits long for a network that is not there.
    """
    from carmic_assets.vision.centerface import CenterFace

    if weights in ("centerface", ""):
        return CenterFace(threads=threads)
    try:
        from carmic_assets.vision.yolo import UnusableWeights, Yolo

        path = _locate(DEFAULT_WEIGHTS if weights == "auto" else weights, cache)
        detector = Yolo(path, device=device, threads=threads)
    except (_NotHad, UnusableWeights) as cause:
        return CenterFace(threads=threads, reason=str(cause))
    if detector.facts["kind"] == "person":
        return WithFaces(detector, CenterFace(threads=threads))
    return detector


class WithFaces:
    """Person weights know no faces, and lips need them: the embedded face detector adds these. A person whose face is
    found is given by the face alone."""

    def __init__(self, persons: Detector, faces: Detector):
        self._persons, self._faces = persons, faces
        self.facts: dict[str, Any] = {
            "detector": f"{persons.facts['detector']} + {faces.facts['detector']}",
            "kind": "person+face",
            "runtime": f"{persons.facts['runtime']}; {faces.facts['runtime']}",
        }

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """See `Detector.detect`."""
        faces = self._faces.detect(picture)
        free = [p for p in self._persons.detect(picture) if not any(_is_face_of(face, p) for face in faces)]
        return faces + free


def _is_face_of(face: Detection, person: Detection) -> bool:
    x, y = face.x + face.w / 2, face.y + face.h / 2
    return person.x <= x <= person.x + person.w and person.y - face.h <= y <= person.y + 0.6 * person.h


class _NotHad(Exception):
    """The weights are neither here nor to be fetched."""


def _locate(weights: str, cache: str | Path | None) -> Path:
    """A local file or folder, fetched if need be. Raises _NotHad with the reason."""
    path = Path(weights).expanduser()
    if path.exists():
        return path.resolve()
    if "/" in weights or "\\" in weights or path.suffix not in ("", ".pt"):
        raise _NotHad(f"the weights {weights} are not there")
    name = path.name if path.suffix else f"{path.name}.pt"
    kept = Path(cache).expanduser() if cache else Path.home() / ".cache" / "carmic" / "weights"
    if not (kept / name).exists():
        _fetch(name, kept)
    return kept / name


@functools.cache  # a network that is not there is asked for once a process
def _network() -> bool:
    """Whether the releases' host has an address; a resolver that does not answer counts as none."""
    answer: list[bool] = []

    def ask() -> None:
        with contextlib.suppress(OSError):
            socket.getaddrinfo(urlsplit(RELEASE).hostname, 443)
            answer.append(True)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(3.0)
    return bool(answer)


def _fetch(name: str, folder: Path) -> None:
    if not _network():
        raise _NotHad(f"the weights {name} are not here, and there is no network to fetch them from")
    aside = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urlopen(RELEASE + name, timeout=FETCH_TIMEOUT_S) as reply, aside.open("wb") as out:
            while block := reply.read(1 << 20):
                out.write(block)
                if out.tell() > MAX_WEIGHTS_BYTES:
                    raise _NotHad(f"the weights {name} are larger than {MAX_WEIGHTS_BYTES} bytes")
        aside.replace(folder / name)
    except OSError as cause:
        raise _NotHad(f"the weights {name} could not be fetched: {cause}") from cause
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
