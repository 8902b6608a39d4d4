"""Looks into an uploaded file in a process of its own: the API never parses media, and a parser that falls falls alone.

`python -m api.media_inspection PATH NAME` is that process: a line of JSON, the facts or the sentence that says what is wrong.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from api.errors import ApiError
from carmic_assets.model.edit import MediaFile

TIME_LIMIT_S = 60


class Found(msgspec.Struct):
    facts: MediaFile | None = None
    problem: str | None = None


def inspect(path: Path, name: str) -> MediaFile:
    """The facts of a file. Raises ApiError 415 for what is no image, video, sound or font."""
    command = [sys.executable, "-m", "api.media_inspection", str(path), name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT_S, check=False, stdin=subprocess.DEVNULL)
        found = msgspec.json.decode(done.stdout, type=Found)
    except (subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        raise ApiError(415, f"{name} cannot be read. Upload another file.") from error
    if found.problem is not None or found.facts is None:
        raise ApiError(415, found.problem or f"{name} cannot be read. Upload another file.")
    return found.facts


def _main(path: str, name: str) -> None:
    from carmic_assets.media.file_kinds import describe
    from carmic_assets.model.errors import CarmicError

    try:
        found = Found(describe(path, name))
    except CarmicError as error:
        found = Found(problem=error.sentence)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2])
