"""Pictures with faces annotated by hand: of packages and, if they are beside the checkout, of dlib's test set."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2

from benchmarks.talk_videos import PORTRAITS, BoxPx, Picture
from carmic_assets.vision.detection import Detection

_GROUPS: dict[str, tuple[BoxPx, ...]] = {  # of ultralytics; a third man by the bus is cut by the picture's edge
    "zidane.jpg": ((905, 105, 150, 178), (548, 250, 118, 185)),
    "bus.jpg": ((114, 418, 41, 53), (268, 420, 39, 52)),
}


def read_packaged_pictures() -> Iterator[tuple[Picture, list[Detection]]]:
    """Yield pictures (rgb24) that come with the dependencies, with the faces annotated in them."""
    for portrait in PORTRAITS.values():
        if portrait.package != "ultralytics":
            yield _annotate(_find_package(portrait.package) / portrait.path, [portrait.face])
    for name, boxes in _GROUPS.items():
        yield _annotate(_find_package("ultralytics") / "assets" / name, boxes)


def read_dlib_pictures(folder: Path) -> Iterator[tuple[Picture, list[Detection]]]:
    """Yield the pictures of dlib's test set (`testing.xml` and its JPEG files in `folder`), with their faces."""
    for image in ET.parse(folder / "testing.xml").getroot().iter("image"):  # noqa: S314 - a file of the developer
        boxes = [
            tuple(float(box.get(key, 0)) for key in ("left", "top", "width", "height")) for box in image.iter("box")
        ]
        yield _annotate(folder / image.get("file", ""), boxes)


def _annotate(path: Path, boxes: Iterable[tuple[float, ...]]) -> tuple[Picture, list[Detection]]:
    image = cv2.imread(str(path))
    if image is None:
        raise RuntimeError(f"{path.name} is not a picture")
    height, width = image.shape[:2]
    faces = [Detection(x / width, y / height, w / width, h / height, 1.0, "face") for x, y, w, h in boxes]
    return image[:, :, ::-1], faces


def _find_package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"package {name} is not installed")
    return Path(spec.submodule_search_locations[0])
