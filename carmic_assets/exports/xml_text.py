"""Builds XML for xmeml and FCPXML. Equal trees give equal bytes, and any user text gives a well-formed document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# XML 1.0 section 2.2 forbids control characters and lone surrogates, also as character references.
_INVALID_CHARACTERS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A private-use character that stands for a carriage return until serialisation writes `&#13;`. XML parsers turn a
# literal carriage return into a line feed.
CARRIAGE_RETURN = "\ue00d"


def clean_text(text: str) -> str:
    """Return `text` with line feeds as its only line breaks and without characters that XML forbids."""
    return _INVALID_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).replace(CARRIAGE_RETURN, "")


def build_element(tag: str, children: Iterable[Element] = (), **attributes: str | int | None) -> Element:
    """Return an element. Attributes that are None are omitted. A trailing `_` of a name is dropped."""
    new_element = Element(
        tag, {name.rstrip("_"): clean_text(str(value)) for name, value in attributes.items() if value is not None}
    )
    new_element.extend(children)
    return new_element


def build_leaf(tag: str, value: str | int | float | bool) -> Element:
    """Return an element that has only text. Booleans become `TRUE` and `FALSE`, as in xmeml."""
    new_element = Element(tag)
    new_element.text = ("TRUE" if value else "FALSE") if isinstance(value, bool) else clean_text(str(value))
    return new_element


def format_number(value: float, digits: int = 6) -> str:
    """Return a decimal without an exponent, trailing zeros or a negative zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def serialize_document(root: Element, doctype: str) -> str:
    """Return the indented document. Its doctype has only a name, without a DTD's URL, as the importers expect."""
    ElementTree.indent(root)
    for text in root.iter("text"):  # in FCPXML, white space between the styles of a text is visible
        text.text = None
        for child in text:
            child.tail = None
    body = ElementTree.tostring(root, encoding="unicode").replace(CARRIAGE_RETURN, "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {doctype}>\n{body}\n'
