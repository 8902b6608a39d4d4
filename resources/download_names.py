"""The `Content-Disposition` of a download, which may have a name in any script."""

from __future__ import annotations

from urllib.parse import quote

# RFC 5987, section 3.2.1: `attr-char` besides letters and digits
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def format_attachment(filename: str) -> str:
    """Return the header for a download under this name (RFC 6266), in ASCII.

    `filename*` has the name itself; `filename` is for clients that do not know it.
    """
    ascii_name = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in filename)
    encoded = quote(filename.encode("utf-8", "replace"), safe=_ATTRIBUTE_CHARACTERS)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{encoded}"
