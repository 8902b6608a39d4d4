"""XML text for both dialects: the same tree gives the same bytes, and no text of a user can break it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# XML 1.0 2.2: control characters and lone surrogates cannot be said at all, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CARRIAGE = "\ue00d"  # stands for a carriage return until the text is written: parsers would turn a bare one into \n


def clean(text: str) -> str:
    """`text` without what XML cannot hold."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).replace(CARRIAGE, "")


def element(tag: str, children: Iterable[Element] = (), **attributes: str | int | None) -> Element:
    """An element; attributes that are None are left out, `_` at the end of a name is dropped."""
    made = Element(
        tag, {name.rstrip("_"): clean(str(value)) for name, value in attributes.items() if value is not None}
    )
    made.extend(children)
    return made


def leaf(tag: str, value: str | int | float | bool) -> Element:
    """An element with text. Booleans are xmeml's TRUE and FALSE."""
    made = Element(tag)
    made.text = ("TRUE" if value else "FALSE") if isinstance(value, bool) else clean(str(value))
    return made


def number(value: float, digits: int = 6) -> str:
    """A decimal without exponent, without trailing zeros and without a negative zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def document(root: Element, doctype: str) -> str:
    """The whole file, indented; the doctype is named, as both importers expect, and refers to nothing."""
    ElementTree.indent(root)
    for text in root.iter("text"):  # FCPXML's: what is between its styles is shown
        text.text = None
        for child in text:
            child.tail = None
    body = ElementTree.tostring(root, encoding="unicode").replace(CARRIAGE, "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {doctype}>\n{body}\n'
