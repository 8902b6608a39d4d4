"""Cleans file names and titles that come from users and websites."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

MAX_NAME_LENGTH = 500  # characters
_SEPARATORS = re.compile(r"[/\\]")


def clean_file_name(text: str, default: str = "file") -> str:
    r"""Return a file name without folders (of any operating system) and without control and text direction characters.

    Args:
        text: a name or path, such as `C:\videos\talk.mp4`.
        default: the result if nothing of the name remains.
    """
    name = _SEPARATORS.split(_drop_controls(text).rstrip("/\\ "))[-1].strip()
    return default if name in ("", ".", "..") else name[:MAX_NAME_LENGTH]


def clean_title(text: str) -> str:
    """Return a title as one line without control characters."""
    return " ".join(_drop_controls(text).split())


def read_url_name(url: str, default: str = "video") -> str:
    """Return the decoded name of the file that a URL names."""
    return clean_file_name(unquote(urlsplit(url).path), default)


def _drop_controls(text: str) -> str:
    """Replace line breaks by spaces, and remove control characters and marks that change the direction of text."""
    text = re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", text)
    return "".join(c for c in text if unicodedata.category(c) != "Cc" and c not in "\u202a\u202b\u202c\u202d\u202e")
