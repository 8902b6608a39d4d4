"""Conditional requests (RFC 9110, section 13): whether the client already has the current version."""

from __future__ import annotations

import re

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_not_modified(if_none_match: str, etag: str) -> bool:
    """Tell whether `If-None-Match` names the current `etag`, so that the response is 304.

    The header holds `*` or a list of tags. They are compared weakly: `W/"a"` equals `"a"`.
    """
    if if_none_match.strip() == "*":
        return True
    current = _ENTITY_TAG.fullmatch(etag)
    return current is not None and current[1] in _ENTITY_TAG.findall(if_none_match)
