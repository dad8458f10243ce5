"""Addresses that are signed and expire: what of them stays the same, and so is a medium's identity.

1. Signatures of the large stores (S3, Google Cloud, CloudFront, Azure) are known by their names,
   several together.
2. Other names that signatures have (`token`, `expires`, `hash`, …) count only behind a path that
   ends like a picture, a video or a stream: elsewhere they may be what tells one medium from
   another, and two media must never be taken for one.

Whatever is not a signature stays, in its order.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from indexer.crawl.messages import FoundLink
from indexer.crawl.players import PICTURES, VIDEOS, ending_of

EXPIRED = frozenset({401, 403, 410})
"""Statuses with which servers answer addresses whose time is over."""

_OF_STORES = (
    frozenset({"x-amz-signature", "x-amz-date"}),
    frozenset({"x-goog-signature", "x-goog-date"}),
    frozenset({"awsaccesskeyid", "signature", "expires"}),
    frozenset({"googleaccessid", "signature", "expires"}),
    frozenset({"key-pair-id", "signature"}),
    frozenset({"sig", "se", "sv"}),
)
"""Names that only stand together in an address that is signed."""
_STORE_PREFIXES = ("x-amz-", "x-goog-")
_STORE_NAMES = frozenset(
    {
        "awsaccesskeyid", "googleaccessid", "signature", "expires", "key-pair-id", "policy",
        "sig", "se", "sv", "sr", "sp", "st", "spr", "ske", "skt", "sks", "skv", "skoid", "sktid",
    }
)  # fmt: skip
_USUAL_NAMES = frozenset(
    {
        "token", "expires", "expire", "exp", "expiry", "signature", "sig", "sign", "hmac", "md5",
        "hash", "secure", "auth", "auth_key", "validfrom", "validto", "valid_until", "ttl",
        "hdnts", "hdnea", "hdntl", "__gda__", "oh", "oe", "_nc_ohc", "policy", "key-pair-id",
        "wstime", "wssecret", "st", "e",
    }
)  # fmt: skip
_FILES = PICTURES | VIDEOS | {"m4s", "mpg", "mpeg", "heic", "bmp", "tif", "tiff", "jpe", "3gp"}


def stable_address(address: str) -> str:
    """`address` without its signature; the same when it has none, or is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    fields = parts.query.split("&") if parts.query else []
    drop = _signature_of({field.partition("=")[0].lower() for field in fields}, address)
    if not drop:
        return address
    kept = [field for field in fields if field.partition("=")[0].lower() not in drop]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(kept), ""))


def is_signed(address: str) -> bool:
    """Whether a part of `address` is a signature."""
    return stable_address(address) != address


def renewed_among(links: Iterable[FoundLink], address: str) -> str | None:
    """Of a page's `links` the medium that is at `address`, signed anew; None when there is none."""
    stable = stable_address(address)
    return next(
        (
            link.url
            for link in links
            if link.kind == "medium" and link.url != address and stable_address(link.url) == stable
        ),
        None,
    )


def _signature_of(names: set[str], address: str) -> set[str]:
    """Those of the query's `names` that belong to a signature."""
    drop: set[str] = set()
    if any(together <= names for together in _OF_STORES):
        drop |= {name for name in names if name in _STORE_NAMES}
        drop |= {name for name in names if name.startswith(_STORE_PREFIXES)}
    if names & _USUAL_NAMES and ending_of(address) in _FILES:
        drop |= names & _USUAL_NAMES
    return drop
