"""Which files are taken as videos: content types, their endings, and what a file name says."""

from __future__ import annotations

from pathlib import PurePath

from api.errors import ApiError

SUFFIXES = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/mpeg": ".mpeg",
    "video/x-flv": ".flv",
}
ALIASES = {
    "video/x-m4v": "video/mp4",
    "video/mov": "video/quicktime",
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
    "video/mkv": "video/x-matroska",
    "video/matroska": "video/x-matroska",
    "video/mpg": "video/mpeg",
    "video/x-mpeg": "video/mpeg",
    "video/flv": "video/x-flv",
}
ENDINGS = {
    **{suffix: kind for kind, suffix in SUFFIXES.items()},
    ".m4v": "video/mp4",
    ".qt": "video/quicktime",
    ".mpg": "video/mpeg",
}
TAKEN = "mp4, mov, avi, webm, mkv, mpeg or flv"


def same_kind(given: str, expected: str) -> bool:
    """Whether bytes sent as `given` may be what was announced. Clients name one video type for another; the probe, not
    the name, says what a video is."""
    known = {*SUFFIXES, *ALIASES}
    return given == expected or (given in known and expected in known)


def kind_of(content_type: str | None, filename: str) -> tuple[str, str]:
    """The content type to expect at upload, and the ending to keep the source under. Raises ApiError 415."""
    if content_type is None:
        kind = ENDINGS.get(PurePath(filename).suffix.lower())
        if kind is None:
            raise ApiError(415, f"What kind of video is this? Give `content_type`, or a file name of {TAKEN}.")
        return kind, SUFFIXES[kind]
    plain = content_type.partition(";")[0].strip().lower()
    if plain in SUFFIXES:
        return plain, SUFFIXES[plain]
    if plain in ALIASES:
        return plain, SUFFIXES[ALIASES[plain]]
    short = ENDINGS.get(f".{plain}")  # the reference lists short names: `mp4`
    if short is None:
        raise ApiError(415, f"`content_type` must be that of a video: {TAKEN}.")
    return short, SUFFIXES[short]
