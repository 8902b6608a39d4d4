"""Inspects an uploaded file in a child process: the API never parses media, and a parser that crashes ends the child.

The child is `python -m api.media_inspection PATH NAME`; it writes an `InspectionResult` as JSON to standard output.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from api.errors import ApiError
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import CarmicError

TIMEOUT_S = 60


class InspectionResult(msgspec.Struct):
    """The facts of the file, or the sentence that says why there are none."""

    facts: MediaFile | None = None
    problem: str | None = None


def inspect_media(path: Path, name: str) -> MediaFile:
    """Return the facts of a file.

    Raises:
        ApiError: 415 if the file is not a readable image, video, sound or font.
    """
    unreadable = f"{name} cannot be read. Upload another file."
    command = [sys.executable, "-m", "api.media_inspection", str(path), name]
    try:
        child = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
        result = msgspec.json.decode(child.stdout, type=InspectionResult)
    except (subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        raise ApiError(415, unreadable) from error
    if result.problem is not None or result.facts is None:
        raise ApiError(415, result.problem or unreadable)
    return result.facts


def _main(path: str, name: str) -> None:
    from carmic_assets.media.file_kinds import describe_file  # noqa: PLC0415 - only the child process loads a media parser

    try:
        result = InspectionResult(describe_file(path, name))
    except CarmicError as error:
        result = InspectionResult(problem=error.sentence)
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2])
