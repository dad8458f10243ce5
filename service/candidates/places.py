"""Where a find was made, and which finds are one event.

One look-alike on one page, or of one account on a site, is one event however many pictures there
are. The account is taken from the page's address alone, by the ways in which sites usually write
one; a page whose address names no account is an event of its own. What is kept of it is a keyed
HMAC that also covers the person: it tells nobody the account, nor whether two people have one in
common.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from service.candidates.documents import SeenAt
from service.vault import Vault

_ACCOUNT_FOLDERS = frozenset(
    {"user", "users", "u", "profile", "profiles", "member", "members", "author", "channel", "c"}
)
_ACCOUNT_FIELDS = frozenset({"user", "username", "uid", "userid", "author", "member", "profile"})


@dataclass(frozen=True, slots=True)
class FoundAt:
    """The site, by its host, and the event in the clear: only ever in memory."""

    site: str
    event: str


def found_at(seen: SeenAt) -> FoundAt:
    """Where a medium was seen: on its page where there is one, else at its own address."""
    address = seen.page_url or seen.media_url
    if not address:
        return FoundAt(seen.host, "")
    try:
        parts = urlsplit(address)
    except ValueError:
        # what is no address is an event of its own
        return FoundAt(seen.host, f"page {address}")
    site = parts.netloc.lower().rpartition("@")[2].rstrip(".") or seen.host
    account = _account(parts.path, parts.query)
    if account:
        return FoundAt(site, f"account {account}")
    return FoundAt(site, f"page {parts.path}?{parts.query}")


def event_key(vault: Vault, person_id: uuid.UUID, place: FoundAt) -> str:
    """The same for finds of one person that are one event (64 hex digits)."""
    return vault.lookup("find event", f"{person_id}\x00{place.site}\x00{place.event}")


def _account(path: str, query: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    for segment in segments:
        if segment.startswith("@") and len(segment) > 1:
            return segment[1:].lower()
    for folder, name in pairwise(segments):
        if folder.lower() in _ACCOUNT_FOLDERS:
            return name.lower()
    for field, value in parse_qsl(query):
        if field.lower() in _ACCOUNT_FIELDS and value:
            return value.lower()
    return ""
