"""All readers of a file's own statements, in one order, none of which can spoil the others."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Final

from c2pa import C2paError
from PIL import Image

from indexer.media.declared.content_credentials import read_content_credentials
from indexer.media.declared.exif import read_exif
from indexer.media.declared.iptc import read_iptc
from indexer.media.declared.png_text import read_png_text
from indexer.media.declared.text import MAX_NAME_CHARS, MAX_VALUE_CHARS, neutral
from indexer.media.declared.xmp import read_xmp
from indexer.observations import DeclaredFact

MAX_FACTS: Final = 48

# Malformed metadata is the normal case, and none of it is worth losing the rest for. Anything that
# is not in this list is a defect of ours and ends the decoder process, visibly.
_MALFORMED: Final = (
    C2paError,
    Image.DecompressionBombError,
    ValueError,
    SyntaxError,
    OSError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)

_READERS: Final[tuple[Callable[[bytes], Iterable[DeclaredFact]], ...]] = (
    read_content_credentials,
    read_xmp,
    read_iptc,
    read_png_text,
    read_exif,
)


def declared_facts(content: bytes) -> tuple[DeclaredFact, ...]:
    """What the file says of itself, at most `MAX_FACTS` statements, neutralised and cut.

    Never raises on malformed or hostile metadata: what cannot be read is left out.
    """
    facts: list[DeclaredFact] = []
    for read in _READERS:
        try:
            facts.extend(read(content))
        except _MALFORMED:
            continue
    # A statement that the picture is generated must not be crowded out by chatter.
    facts.sort(key=lambda fact: not fact.says_generated)
    return tuple(_safe(fact) for fact in facts[:MAX_FACTS])


def _safe(fact: DeclaredFact) -> DeclaredFact:
    return DeclaredFact(
        kind=fact.kind,
        name=neutral(fact.name, MAX_NAME_CHARS),
        value=neutral(fact.value, MAX_VALUE_CHARS),
        says_generated=fact.says_generated,
        validation=None if fact.validation is None else neutral(fact.validation, MAX_NAME_CHARS),
    )
