"""Hostile XML, read for addresses: sitemaps and feeds.

No entity is ever expanded: a document that declares one is refused before a parser sees it, in
whatever encoding it came, because the text that was checked is the text that is parsed. Nothing is
loaded from anywhere. Broken XML is read as far as it goes. gzip is unpacked up to a limit.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Literal

from lxml import etree

from indexer.crawl.refusals import RefusedError

ListingKind = Literal["sitemap_index", "sitemap", "feed"]

MAX_LISTING_BYTES = 50 * 1024 * 1024
"""What sitemaps.org allows for one file, unpacked."""
GZIP = b"\x1f\x8b\x08"

_HEAD_BYTES = 4096
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ROOT = re.compile(r"<(?!\?|!)(?:[A-Za-z0-9_.-]{1,40}:)?([A-Za-z0-9_.-]{1,40})[\s>/]")
_KINDS: dict[str, ListingKind] = {
    "sitemapindex": "sitemap_index",
    "urlset": "sitemap",
    "rss": "feed",
    "feed": "feed",
    "rdf": "feed",
}


def unpacked(body: bytes) -> bytes:
    """`body` without gzip. Raises `RefusedError` when it is too large or no gzip after all."""
    if not body.startswith(GZIP):
        return body
    try:
        reader = zlib.decompressobj(wbits=31)
        content = reader.decompress(body, MAX_LISTING_BYTES + 1)
    except zlib.error as error:
        raise RefusedError("truncated", "the answer could not be decompressed") from error
    if len(content) > MAX_LISTING_BYTES:
        raise RefusedError("too_large", "the answer is larger than the limit, decompressed")
    return content


def listing_kind(body: bytes) -> ListingKind | None:
    """Which kind of listing the (unpacked) body begins like; None for anything else."""
    head = body[:_HEAD_BYTES]
    if b"<" not in head:
        return None
    root = _ROOT.search(_decoded(head))
    return _KINDS.get(root[1].lower()) if root is not None else None


def elements(body: bytes) -> Iterator[etree._Element]:
    """Each element below the root when it is complete, in the document's order.

    Raises `RefusedError` when the document declares entities. Whoever iterates clears what was
    used; the tree would grow with the document otherwise.
    """
    text = _decoded(body)
    if "<!ENTITY" in text:
        raise RefusedError("too_large", "the document declares entities, which are not expanded")
    plain = _DECLARATION.sub("", text, count=1).encode("utf-8", "replace")
    events = etree.iterparse(
        BytesIO(plain),
        events=("end",),
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for _, element in events:
            yield element
    except etree.XMLSyntaxError:
        # Broken beyond recovery: what came before it counts.
        return


def name_of(element: etree._Element) -> str:
    """The element's name without its namespace, in lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def namespace_of(element: etree._Element) -> str:
    """The element's namespace, empty when it has none."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def text_of(element: etree._Element) -> str:
    """The element's own text."""
    return (element.text or "").strip()


def _decoded(body: bytes) -> str:
    encoding = next((name for mark, name in _BOMS if body.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.search(body[:_HEAD_BYTES])
        encoding = declared[1].decode("ascii") if declared is not None else "utf-8"
    try:
        return body.decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError):
        return body.decode("utf-8", "replace")
