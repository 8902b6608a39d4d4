"""XML building for both dialects: equal trees give equal bytes, and no text of a user can break the document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# XML 1.0 section 2.2: control characters and lone surrogates are not allowed, not even escaped.
_INVALID_CHARACTERS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CARRIAGE_RETURN = "\ue00d"  # a placeholder until serialisation: parsers turn a literal carriage return into \n


def clean_text(text: str) -> str:
    """Return `text` with line feeds as its only line breaks and without the characters that XML cannot hold."""
    return _INVALID_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).replace(CARRIAGE_RETURN, "")


def element(tag: str, children: Iterable[Element] = (), **attributes: str | int | None) -> Element:
    """Return an element. Attributes that are None are omitted; a trailing `_` of an attribute's name is dropped."""
    new_element = Element(
        tag, {name.rstrip("_"): clean_text(str(value)) for name, value in attributes.items() if value is not None}
    )
    new_element.extend(children)
    return new_element


def leaf(tag: str, value: str | int | float | bool) -> Element:
    """Return an element with text only. Booleans become xmeml's TRUE and FALSE."""
    new_element = Element(tag)
    new_element.text = ("TRUE" if value else "FALSE") if isinstance(value, bool) else clean_text(str(value))
    return new_element


def format_number(value: float, digits: int = 6) -> str:
    """Return a decimal without an exponent, trailing zeros or a negative zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def serialize_document(root: Element, doctype: str) -> str:
    """Return the indented document. The doctype has a name only, as both importers expect."""
    ElementTree.indent(root)
    for text in root.iter("text"):  # FCPXML shows the white space between the styles of a text
        text.text = None
        for child in text:
            child.tail = None
    body = ElementTree.tostring(root, encoding="unicode").replace(CARRIAGE_RETURN, "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {doctype}>\n{body}\n'
