"""Generates talk videos (people who speak in turn) with ground truth, by `../shared/tools/make_talk.py`.

`../shared` is a folder beside the checkout with test media and tools; it is not part of the repository. The
ground truth of `talk.mp4` is in `talk.truth.json` beside it: faces, turns, shots and cuts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[2] / "shared"
_BROLL = SHARED / "data/video/tears-of-steel-battle-clip-medium.webm"

GroundTruth = dict[str, Any]  # decoded JSON of `make_talk.py`


def compose_talk(
    path: Path,
    *,
    seed: int,
    seconds: int = 60,
    size: str = "1920x1080",
    people: int = 2,
    has_broll: bool = False,
    has_pauses: bool = False,
) -> Path:
    """Compose a talk at `path` with its ground truth beside it. `has_pauses`: some pauses last 2 to 3 s."""
    command = [sys.executable, str(SHARED / "tools/make_talk.py"), "--clips", str(SHARED / "data/video")]
    command += ["--out", str(path), "--seed", str(seed), "--seconds", str(seconds), "--size", size]
    command += ["--people", str(people)]
    command += ["--broll", str(_BROLL)] if has_broll else []
    command += ["--pauses"] if has_pauses else []
    subprocess.run(command, check=True, capture_output=True)
    return path


def read_ground_truth(video: Path) -> GroundTruth:
    """Read the ground truth of a talk video."""
    truth: GroundTruth = json.loads(video.with_suffix(".truth.json").read_text())
    return truth
