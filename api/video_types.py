"""Accepted video formats: content types, file name suffixes, and their aliases."""

from __future__ import annotations

from pathlib import PurePath

from api.errors import ApiError

SUFFIX_BY_TYPE = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/mpeg": ".mpeg",
    "video/x-flv": ".flv",
}
TYPE_ALIASES = {
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
TYPE_BY_SUFFIX = {
    **{suffix: content_type for content_type, suffix in SUFFIX_BY_TYPE.items()},
    ".m4v": "video/mp4",
    ".qt": "video/quicktime",
    ".mpg": "video/mpeg",
}
ACCEPTED_FORMATS = "mp4, mov, avi, webm, mkv, mpeg, flv"


def is_compatible_type(sent: str, expected: str) -> bool:
    """Tell whether a body of one content type is accepted for an upload that was declared with another.

    Any two video types are compatible, because clients confuse them. The probe determines the format.
    """
    video_types = {*SUFFIX_BY_TYPE, *TYPE_ALIASES}
    return sent == expected or (sent in video_types and expected in video_types)


def resolve_video_type(content_type: str | None, filename: str) -> tuple[str, str]:
    """Return the content type to expect at upload, and the suffix of the object's key.

    Raises:
        ApiError: 415 if neither names an accepted format.
    """
    if content_type is None:
        content_type = TYPE_BY_SUFFIX.get(PurePath(filename).suffix.lower())
        if content_type is None:
            raise ApiError(415, f"`filename` must end in one of {ACCEPTED_FORMATS}, or `content_type` must be sent.")
        return content_type, SUFFIX_BY_TYPE[content_type]
    essence = content_type.partition(";")[0].strip().lower()  # without parameters
    if essence in SUFFIX_BY_TYPE:
        return essence, SUFFIX_BY_TYPE[essence]
    if essence in TYPE_ALIASES:
        return essence, SUFFIX_BY_TYPE[TYPE_ALIASES[essence]]
    type_by_suffix = TYPE_BY_SUFFIX.get(f".{essence}")  # the API contract also allows short names: `mp4`
    if type_by_suffix is None:
        raise ApiError(415, f"`content_type` must be the type of a video: one of {ACCEPTED_FORMATS}.")
    return type_by_suffix, SUFFIX_BY_TYPE[type_by_suffix]
