"""XMP: the packet is found by its marks in the bytes, whatever the file's format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # has no stubs

from indexer.media.declared.generators import names_generator
from indexer.media.declared.png_text import png_texts
from indexer.media.declared.source_type import says_generated, source_term
from indexer.observations import DeclaredFact

_OPEN: Final = b"<x:xmpmeta"
_CLOSE: Final = b"</x:xmpmeta>"
_MAX_PACKET_BYTES: Final = 1024 * 1024
_MAX_PACKETS: Final = 3
_RDF_VALUES: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"

# Local names: writers disagree about prefixes, and some about namespaces.
_REPORTED: Final = {
    "DigitalSourceType": "digital source type",
    "digitalsourcetype": "digital source type",
    "CreatorTool": "creator tool",
    "AISystemUsed": "AI system used",
    "AISystemVersionUsed": "AI system version used",
    "AIPromptInformation": "AI prompt",
    "Credit": "credit",
}
_AI_STATEMENTS: Final = frozenset({"AISystemUsed", "AIPromptInformation"})


def read_xmp(content: bytes) -> Iterable[DeclaredFact]:
    """DigitalSourceType, creator tool and AI statements of every XMP packet."""
    found: dict[tuple[str, str], DeclaredFact] = {}
    for packet in _packets(content):
        try:
            root = fromstring(packet, forbid_dtd=True)
        except (SyntaxError, ValueError):
            continue  # a broken packet says nothing; the next may be whole
        for local_name, value in _properties(root):
            if local_name in _REPORTED and value:
                found.setdefault((local_name, value), _fact(local_name, value))
    return found.values()


def _packets(content: bytes) -> Iterator[bytes]:
    start = content.find(_OPEN)
    for _ in range(_MAX_PACKETS):
        if start < 0:
            break
        end = content.find(_CLOSE, start, start + _MAX_PACKET_BYTES)
        if end < 0:
            break
        yield content[start : end + len(_CLOSE)]
        start = content.find(_OPEN, end)
    # A PNG may hold its packet compressed: then the marks are not in the bytes.
    for keyword, text in png_texts(content):
        if keyword == "XML:com.adobe.xmp" and _OPEN.decode() in text:
            cut = text[text.index(_OPEN.decode()) :]
            yield cut.partition(_CLOSE.decode())[0].encode() + _CLOSE


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    """Every property as (local name, value), written as attribute, text, resource or list."""
    for element in root.iter():
        for name, value in element.attrib.items():
            yield name.rsplit("}", 1)[-1], value.strip()
        local_name = element.tag.rsplit("}", 1)[-1]
        resource = element.get(f"{_RDF_VALUES}resource")
        yield local_name, (resource or element.text or "").strip()
        for item in element.iterfind(f"*/{_RDF_VALUES}li"):
            yield local_name, (item.text or "").strip()


def _fact(local_name: str, value: str) -> DeclaredFact:
    if local_name.lower() == "digitalsourcetype":
        generated, value = says_generated(value), source_term(value)
    else:
        generated = local_name in _AI_STATEMENTS or names_generator(value)
    return DeclaredFact(
        kind="xmp", name=_REPORTED[local_name], value=value, says_generated=generated
    )
