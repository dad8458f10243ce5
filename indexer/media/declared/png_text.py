"""PNG text chunks: where picture generators leave their prompts and parameters.

The chunks are walked here, without decoding the picture; what is compressed is unpacked only up to
a stated length.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from indexer.media.declared.generators import (
    is_generation_graph,
    is_generator_comment,
    is_midjourney_job,
    is_parameter_block,
    names_generator,
)
from indexer.observations import DeclaredFact

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHUNK: Final = struct.Struct(">I4s")
_MAX_TEXT_BYTES: Final = 1024 * 1024
_MAX_CHUNKS: Final = 20_000
_MAX_TEXTS: Final = 64

# Keywords that only generators use; their mere presence says it.
_GENERATOR_KEYWORDS: Final = frozenset(
    {"sd-metadata", "invokeai_metadata", "dream", "fooocus_scheme", "generation_data"}
)
_REPORTED: Final = frozenset(
    {"parameters", "prompt", "workflow", "software", "comment", "description", "title", "source"}
)


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk but pixel data, as (type, data); ends quietly where the file breaks off."""
    if not content.startswith(_SIGNATURE):
        return
    at = len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + _CHUNK.size > len(content):
            return
        length, kind = _CHUNK.unpack_from(content, at)
        start = at + _CHUNK.size
        if start + length > len(content):
            return
        if kind not in {b"IDAT", b"fdAT"}:
            yield kind, content[start : start + length]
        at = start + length + 4


def png_texts(content: bytes) -> Iterator[tuple[str, str]]:
    """Every text chunk as (keyword, text), unpacked up to a mebibyte."""
    left = _MAX_TEXTS
    for kind, data in png_chunks(content):
        if kind not in {b"tEXt", b"zTXt", b"iTXt"} or not left:
            continue
        left -= 1
        keyword, _, rest = data.partition(b"\0")
        text = _text(kind, rest)
        if text is not None:
            yield keyword.decode("latin-1"), text


def read_png_text(content: bytes) -> Iterable[DeclaredFact]:
    """The text chunks that name a program, a prompt or parameters."""
    for keyword, text in png_texts(content):
        known = keyword.lower()
        generated = _says_generated(known, text)
        if generated or known in _REPORTED:
            yield DeclaredFact(kind="png_text", name=keyword, value=text, says_generated=generated)


def _text(kind: bytes, rest: bytes) -> str | None:
    if kind == b"tEXt":
        return rest[:_MAX_TEXT_BYTES].decode("latin-1")
    if kind == b"zTXt":
        unpacked = _unpack(rest[1:])
        return None if unpacked is None else unpacked.decode("latin-1")
    if len(rest) < 2:
        return None
    compressed = rest[0] == 1
    _, _, after_language = rest[2:].partition(b"\0")
    _, _, body = after_language.partition(b"\0")
    plain = _unpack(body) if compressed else body[:_MAX_TEXT_BYTES]
    return None if plain is None else plain.decode("utf-8", errors="replace")


def _unpack(packed: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(packed, _MAX_TEXT_BYTES)
    except zlib.error:
        return None


def _says_generated(keyword: str, text: str) -> bool:
    if keyword in _GENERATOR_KEYWORDS:
        return True
    if keyword == "parameters":
        return is_parameter_block(text)
    if keyword in {"prompt", "workflow"}:
        return is_generation_graph(text)
    if keyword == "comment":
        return is_generator_comment(text) or is_parameter_block(text)
    if keyword == "description":
        return is_midjourney_job(text)
    return keyword in {"software", "title", "source"} and names_generator(text)
