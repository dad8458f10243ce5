"""The kinds of hashes that lists hold, in our words and in those of the `threatexchange` library.

- "pdq": 256 bits of a picture; copies are within 31 bits.
- "sha256" and "md5": of a whole file, exact copies only. MD5 is what programmes use for videos.

The library's own signal types check and name each hash. It is imported when first needed: it loads
much, and it contacts nobody by being imported.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from threatexchange.signal_type.signal_base import SignalType

HashKind = Literal["pdq", "sha256", "md5"]
KINDS: Final[tuple[HashKind, ...]] = ("pdq", "sha256", "md5")
KIND_WORDS: Final = {"pdq": "PDQ", "sha256": "SHA-256", "md5": "MD5"}
HASH_BYTES: Final = {"pdq": 32, "sha256": 32, "md5": 16}

_NAMES: Final[dict[str, HashKind]] = {
    "pdq": "pdq",
    "hash_pdq": "pdq",
    "sha256": "sha256",
    "sha_256": "sha256",
    "hash_sha256": "sha256",
    "video_sha256": "sha256",
    "hash_video_sha256": "sha256",
    "md5": "md5",
    "video_md5": "md5",
    "hash_md5": "md5",
    "hash_video_md5": "md5",
}
_OTHER_NAMES: Final = frozenset(
    {
        "netclean",
        "pdna",
        "pdq_ocr",
        "photodna",
        "raw_text",
        "sha1",
        "hash_sha1",
        "ssvh_pdna",
        "ssvh_safer_hash",
        "text_tlsh",
        "tmk",
        "tmk_pdqf",
        "hash_tmk",
        "trend_query",
        "url",
        "url_md5",
        "videntifier",
        "video_vpdq",
        "vpdq",
    }
)
"""Kinds that lists may hold and that we cannot compare: counted and left out."""


@lru_cache(maxsize=64)
def kind_of_name(name: str) -> HashKind | None:
    """The kind that a list calls by this name; None when it is none that we compare."""
    return _NAMES.get(_tidy(name))


def is_other_kind(name: str) -> bool:
    """Whether it is the name of a known kind of hash that we cannot compare."""
    return _tidy(name) in _OTHER_NAMES


def library_types() -> dict[HashKind, type[SignalType]]:
    """The library's signal type of each kind."""
    return _library_types()


def library_name(kind: HashKind) -> str:
    """How the library, and servers built on it, call this kind."""
    return _library_types()[kind].get_name()


def hash_value(kind: HashKind, text: str) -> bytes:
    """The bytes of a hash in hexadecimal, of any case. Raises `ValueError` when it is none."""
    tidy = text.strip().lower()
    value = bytes.fromhex(_library_types()[kind].validate_signal_str(tidy))
    if len(value) != HASH_BYTES[kind]:
        raise ValueError(f"not a {KIND_WORDS[kind]} hash")
    return value


@cache
def _library_types() -> dict[HashKind, type[SignalType]]:
    # imported late: most processes never exchange a hash
    from threatexchange.signal_type.md5 import VideoMD5Signal  # noqa: PLC0415
    from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415
    from threatexchange.signal_type.sha256 import VideoSHA256Signal  # noqa: PLC0415

    types = {"pdq": PdqSignal, "sha256": VideoSHA256Signal, "md5": VideoMD5Signal}
    return cast("dict[HashKind, type[SignalType]]", types)


def _tidy(name: str) -> str:
    return name.strip().lower().replace("-", "_")
