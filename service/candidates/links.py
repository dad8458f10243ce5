"""Links that somebody brings: read, tidied, and refused with the reason where they are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from indexer.crawl.messages import AddressException
from indexer.crawl.scope import BadAddressError, canonical_address
from service.candidates.errors import LinkInvalidError
from service.sources.reachable import is_never_public

MAX_NOTE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class GivenLink:
    """One link as it was brought: `url` of a picture, video or page, and what is known of it."""

    url: str
    page_url: str = ""
    seen_at: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CheckedLink:
    """A link whose addresses are canonical. `seen_at` is ISO 8601 in UTC, or empty."""

    url: str
    page_url: str | None
    host: str
    seen_at: str
    note: str

    @classmethod
    def of(cls, given: GivenLink) -> CheckedLink:
        """Check one link, or `LinkInvalidError` that names it."""
        url = _address(given.url)
        page_url = _address(given.page_url) if given.page_url.strip() else None
        return cls(
            url=url,
            page_url=page_url,
            host=url.split("/", 3)[2],
            seen_at=_moment(given.seen_at),
            note=" ".join(given.note.split())[:MAX_NOTE_CHARACTERS],
        )


def links_of_text(text: str) -> tuple[GivenLink, ...]:
    """The links of a text box, one in a line; empty lines do not matter."""
    return tuple(GivenLink(line.strip()) for line in text.splitlines() if line.strip())


def refuse_never_public(
    links: Sequence[CheckedLink], exceptions: Iterable[AddressException]
) -> None:
    """`LinkInvalidError` for a link that says by itself that nobody outside can reach it."""
    allowed = tuple(exceptions)
    for link in links:
        for address in (link.url, link.page_url):
            if address is not None and is_never_public(address, allowed):
                raise LinkInvalidError(
                    f"“{address[:100]}” leads to one machine or into a private network, where "
                    "nobody else can look. Give the address under which it is on the web."
                )


def _address(text: str) -> str:
    tidy = text.strip()
    if "://" not in tidy and not tidy.lower().startswith(("javascript:", "data:", "mailto:")):
        tidy = f"https://{tidy}"
    try:
        return canonical_address(tidy)
    except BadAddressError as error:
        shown = text.strip()[:100]
        raise LinkInvalidError(f"“{shown}” is no address on the web: {error}.") from error


def _moment(text: str) -> str:
    tidy = text.strip()
    if not tidy:
        return ""
    try:
        moment = datetime.fromisoformat(tidy)
    except ValueError as error:
        raise LinkInvalidError(
            f"“{tidy[:40]}” is no time; write it like 2026-11-23 or 2026-11-23T14:05:00+01:00."
        ) from error
    # a time without a zone is taken as UTC, and kept with its zone
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
