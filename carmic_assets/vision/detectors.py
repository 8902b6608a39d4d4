"""Chooses and loads the detector that the configuration names.

`Detector.facts` states which detector was loaded. If it is a fallback, its entry `reason` says why.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np

from carmic_assets.vision.centerface import CenterFace
from carmic_assets.vision.detection import Detection, Detector, UnusableWeightsError
from carmic_assets.vision.yolo import Yolo

DEFAULT_WEIGHTS = "yolo11n-pose.pt"
RELEASE_URL = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
LOOKUP_TIMEOUT_S = 3.0  # for the DNS lookup of the release host
DOWNLOAD_TIMEOUT_S = 20.0  # a download that receives no data for this long is stopped
MAX_WEIGHTS_BYTES = 500_000_000  # a larger download is rejected; the largest YOLO weights have about 100 MB


def load_detector(
    weights: str = "auto", *, device: str = "cpu", threads: int = 2, cache: str | Path | None = None
) -> Detector:
    """Load the detector for `weights`: "auto", "centerface", or Ultralytics weights by path or by name.

    A name ("yolo11n-pose") is looked up in `cache` (default: `~/.cache/carmic/weights`), or else downloaded into it
    from Ultralytics' releases. "auto" stands for `DEFAULT_WEIGHTS`. If the weights are unusable, CenterFace is loaded
    and its `facts["reason"]` says why. Without a network, loading is delayed by at most `LOOKUP_TIMEOUT_S`.
    """
    if weights in ("centerface", ""):
        return CenterFace(threads=threads)
    try:
        path = _find_weights(DEFAULT_WEIGHTS if weights == "auto" else weights, cache)
        detector = Yolo(path, device=device, threads=threads)
    except UnusableWeightsError as cause:
        return CenterFace(threads=threads, reason=str(cause))
    if detector.facts["kind"] == "person":
        return PersonAndFaceDetector(detector, CenterFace(threads=threads))
    return detector


class PersonAndFaceDetector:
    """Combines a person detector with a face detector, because lip motion needs faces.

    If a person's face is detected, only the face is returned.
    """

    def __init__(self, persons: Detector, faces: Detector) -> None:
        self._persons, self._faces = persons, faces
        self.facts: dict[str, Any] = {
            "detector": f"{persons.facts['detector']} + {faces.facts['detector']}",
            "kind": "person+face",
            "runtime": f"{persons.facts['runtime']}; {faces.facts['runtime']}",
        }

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """See `Detector.detect`."""
        faces = self._faces.detect(picture)
        persons = self._persons.detect(picture)
        return faces + [person for person in persons if not any(_is_face_of(face, person) for face in faces)]


def _is_face_of(face: Detection, person: Detection) -> bool:
    x, y = face.x + face.w / 2, face.y + face.h / 2
    # A face belongs to a person if its centre lies between its height above the box and the upper 60 % of the box.
    return person.x <= x <= person.x + person.w and person.y - face.h <= y <= person.y + 0.6 * person.h


def _find_weights(weights: str, cache: str | Path | None) -> Path:
    """Return the local file or folder of the weights, downloaded if necessary.

    Raises:
        UnusableWeightsError: the path does not exist, or the named weights cannot be downloaded.
    """
    path = Path(weights).expanduser()
    if path.exists():
        return path.resolve()
    if "/" in weights or "\\" in weights or path.suffix not in ("", ".pt"):
        raise UnusableWeightsError(f"the weights {weights} do not exist")
    name = path.name if path.suffix else f"{path.name}.pt"
    folder = Path(cache).expanduser() if cache else Path.home() / ".cache" / "carmic" / "weights"
    if not (folder / name).exists():
        _download_weights(name, folder)
    return folder / name


@functools.cache  # once per process: a missing network is slow to detect
def _has_network() -> bool:
    """Return whether the host of the releases resolves within `LOOKUP_TIMEOUT_S`."""
    is_resolved = threading.Event()

    def resolve() -> None:
        with contextlib.suppress(OSError):
            socket.getaddrinfo(urlsplit(RELEASE_URL).hostname, 443)
            is_resolved.set()

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(LOOKUP_TIMEOUT_S)
    return is_resolved.is_set()


def _download_weights(name: str, folder: Path) -> None:
    if not _has_network():
        raise UnusableWeightsError(f"the weights {name} are not cached, and there is no network to download them")
    partial = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        response = urlopen(RELEASE_URL + name, timeout=DOWNLOAD_TIMEOUT_S)  # noqa: S310 - RELEASE_URL is https
        with response, partial.open("wb") as file:
            while block := response.read(1 << 20):
                file.write(block)
                if file.tell() > MAX_WEIGHTS_BYTES:
                    raise UnusableWeightsError(f"the weights {name} are larger than {MAX_WEIGHTS_BYTES} bytes")
        partial.replace(folder / name)
    except OSError as cause:
        raise UnusableWeightsError(f"the weights {name} could not be downloaded: {cause}") from cause
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
