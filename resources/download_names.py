"""The header `Content-Disposition` of a download, for file names in any script."""

from __future__ import annotations

from urllib.parse import quote

# RFC 5987, section 3.2.1: `attr-char` besides letters and digits
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def format_attachment(filename: str) -> str:
    """Return the header for a download under this name (RFC 6266), in ASCII.

    `filename*` holds the name in UTF-8; `filename` is for clients that do not support `filename*`.
    """
    ascii_name = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in filename)
    encoded = quote(filename.encode("utf-8", "replace"), safe=_ATTRIBUTE_CHARACTERS)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{encoded}"
