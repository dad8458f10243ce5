"""What became of one leased address, on its way into the database.

One of these for each lease: a page or what stands for one, a medium, an address to be tried later,
or one that was not fetched after all. They are made without any transaction, in the threads that
crawl and look, and written by `completions`, several at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer.crawl.messages import PageSeen
from indexer.observations import Examination
from service.candidates.names_finds import NamesOnPage
from service.hashbank.exchange.views import NOT_LISTED, Listed
from service.sources.frontier import Address, url_key
from service.sources.known_addresses import Answer
from service.sources.leasing import Ending, Lease
from service.sources.media_ledger import Place
from service.sources.page_changes import Changes
from service.sources.views import RunCount, RunView


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page, or an address that was refused for good: how it ended and what it named.

    `changes` is how often it changed, with this look; None of what was refused. `page` is what is
    kept for the next run, without its words; without it the server said that the page is as it was,
    and `links` are those of then. `names` are those that were found on it.
    """

    held: Lease
    ending: Ending
    count: RunCount
    links: tuple[Address, ...] = ()
    page: PageSeen | None = None
    changes: Changes | None = None
    names: NamesOnPage | None = None


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A medium. Without `examination` it was known before, or it is on a list that stops it.

    Without `answer` it was not fetched: the server called it unchanged.
    """

    held: Lease
    place: Place
    ending: Ending
    digest: str
    count: RunCount
    examination: Examination | None
    listed: Listed = NOT_LISTED
    answer: Answer | None = None
    looked_for: str = ""


@dataclass(frozen=True, slots=True)
class TriedLater:
    """An address that could not be had now; after its last attempt it ends with this."""

    held: Lease
    ending: Ending


@dataclass(frozen=True, slots=True)
class PutBack:
    """An address that must be fetched after all; no attempt is counted."""

    held: Lease


Outcome = PageRead | LookedAt | TriedLater | PutBack


def place_of_medium(run: RunView, held: Lease, came_from: str | None = None) -> Place:
    """Where a run saw a medium; `came_from` is the address that gave it in the end."""
    # One that had expired was taken anew from its page: that address works for a while.
    renewed = came_from if came_from and url_key(came_from) == url_key(held.url) else None
    return Place(
        organisation_id=run.organisation_id,
        media_url=renewed or held.url,
        page_url=held.referrer,
        site_id=run.site_id,
        run_id=run.id,
    )
