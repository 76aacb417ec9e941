"""Windows events as XML text: `wevtutil qe`, Event Viewer, event forwarding, NXLog's to_xml, Sysmon for Linux.

The text becomes the document that EVTX printers write as JSON, and `windows` reads that. A text begins with the event
itself, so there is no place for a document type and hence none for entities, by which XML becomes expensive; depth and
number of elements are bounded here.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from dekhang.pipeline.parse.event import LIST_ITEMS, NESTING

Document = dict[str, Any]

ELEMENTS = 4_096  # of one event; real ones have fewer than a hundred
_SIGNS = 2 * ELEMENTS + 2  # "<": each element has two; what comes behind is not read
_JUNK_AFTER_EVENT = 9  # expat: XML_ERROR_JUNK_AFTER_DOC_ELEMENT; the trailer of a carrier
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBERED = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|(\d{1,8}));")
_HEAD = re.compile(r"(?:<\?xml[^>]{0,200}\?>\s{0,16})?<(?:\w{1,16}:)?Event[\s>/]")


def looks_like_event(text: str) -> bool:
    """Whether a text begins as an event in XML does. `<Events>`, the root of an export, is none."""
    return text.startswith("<") and _HEAD.match(text) is not None


def read(text: str) -> Document | None:
    """`<Event>…</Event>` → `{"Event": {…}}`, or the fields alone when the element has no System part (NXLog's to_xml).

    A text that was cut off gives what stands before the cut, and `_truncated` with it. None: not to be read at all.
    """
    if text.count("<") > _SIGNS:
        text = "<".join(text.split("<", _SIGNS)[:_SIGNS])
    clean = _NOT_XML.sub("\ufffd", text)
    # XML reads CR LF as LF, EVTX keeps both; a CR inside a tag makes the first try fail
    event, is_whole = _tree(clean.replace("\r", "&#13;") if "\r" in clean else clean)
    if not is_whole and ("&#" in clean or "\r" in clean):
        event, is_whole = _tree(_NUMBERED.sub(_allowed, clean))
    if not event:
        return None
    system = event.get("System")
    if isinstance(system, dict):
        if not is_whole:
            event["_truncated"] = True
        return {"Event": event}
    flat: Document = {name: value for name, value in event.items() if isinstance(value, str)}
    if not is_whole:
        flat["_truncated"] = True
    return flat


def _allowed(matched: re.Match[str]) -> str:
    number = int(matched[1], 16) if matched[1] else int(matched[2])
    is_fine = (
        number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
    )
    return matched[0] if is_fine else "\ufffd"


def _tree(text: str) -> tuple[Document, bool]:
    """The root's children as EVTX printers write them in JSON, and whether the text was read to its end."""
    builder = TreeBuilder()
    parser = XMLParser(target=builder)  # noqa: S314 - no document type, see the head of this module
    root: Element | None
    try:
        parser.feed(text)
        root, is_whole = parser.close(), True
    except ParseError as error:
        root = _so_far(builder)
        is_whole = root is not None and error.code == _JUNK_AFTER_EVENT
    if root is None:
        return {}, False
    reader = _Reader()
    value = reader.value(root, 0)
    return value if isinstance(value, dict) else {}, is_whole and reader.left > 0


def _so_far(builder: TreeBuilder) -> Element | None:
    try:
        return builder.close()
    except (AssertionError, ParseError):  # not even the first element, or elements still open (Python's own builder)
        return None


class _Reader:
    """Turns elements into text, or objects with `#attributes`, `#text` and the children by name."""

    def __init__(self) -> None:
        self.left = ELEMENTS

    def value(self, element: Element, depth: int) -> Any:
        attributes = element.attrib
        text = element.text or ""
        if text.isspace() and "\n" in text:  # laid out for people
            text = ""
        if not len(element):
            return {"#attributes": attributes, "#text": text} if attributes else text
        node: Document = {}
        for child in element:
            self.left -= 1
            if self.left <= 0 or depth >= NESTING:
                self.left = 0
                break
            name = child.tag.rpartition("}")[2]
            value = self.value(child, depth + 1)
            present = node.get(name)
            if present is None and name not in node:
                node[name] = value
            elif isinstance(present, list):
                if len(present) < LIST_ITEMS:
                    present.append(value)
            else:
                node[name] = [present, value]
        if attributes:
            node["#attributes"] = attributes
        if text:
            node["#text"] = text
        return node
