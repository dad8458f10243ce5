"""Which addresses of a slice need not be fetched whole, and what stands for them then.

1. `looking` says what this worker looks for now; take it before a transaction begins.
2. `conditions`: an address that is known gets its condition only when an answer "unchanged" would
   tell all: a page must have been read as it would be now; a medium examined by the model, for the
   people and against the hash lists of now, and must have shown nobody. Canaries never get one.
3. `not_due`: a page that hardly ever changes is left alone (`revisits`); what it named stands.
4. `page_links` and `medium` ask the same once more when the answer came: None means that the world
   moved in between, and the address goes back to be fetched whole.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from indexer.crawl.discovery import reading_of
from indexer.crawl.messages import Condition, FoundLink, MediumFetched, PageSeen, Scope
from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.sources.known_addresses import (
    MAX_UNCHANGED,
    Answer,
    Known,
    KnownAddresses,
    MediumKept,
    PageKept,
)
from service.sources.leasing import Lease
from service.sources.page_changes import Changes, fingerprint_of
from service.sources.revisits import DueRule
from service.sources.views import ExaminedBefore, KnownMedium, RunView, SiteView
from service.work.line_parts import LineParts
from service.work.page_names import PageNames

ASKED_ANEW_S = 0.25
"""How long the answers "is the switch on" and "what do lists say" hold, for the media that come in
a moment: what they find is written only if they still say so then.
"""


@dataclass(frozen=True, slots=True)
class Looking:
    """What media are looked at with: the model, the change numbers of watch-list and hash lists,
    and whether the organisation's switch is on (another one's may be, over the same eyes).
    """

    model: ModelStamp | None
    change: int
    lists_change: int
    with_faces: bool

    @property
    def looked_for(self) -> str:
        """What is kept with a medium; model and watch-list are kept with its content."""
        return f"lists {self.lists_change}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the database said at a moment of the monotonic clock."""

    at_s: float
    lists_change: int
    with_faces: bool


class UnchangedAddresses:
    """What earlier runs of the site left for one slice."""

    def __init__(self, parts: LineParts, run: RunView, site: SiteView, scope: Scope) -> None:
        self._parts = parts
        self._run = run
        self._actor = Actor.system("crawl", run.organisation_id)
        self._reading = reading_of(scope)
        self._canaries = {canary.url for canary in site.canaries}
        self._known = KnownAddresses(run.site_id)
        self.names = PageNames(parts, run)
        self._site = site
        self._rule: DueRule | None = None
        self._before: dict[str, Known] = {}
        self._asked: _Asked | None = None

    def looking(self) -> Looking:
        """What is looked for now; asks the eyes, so never within a transaction."""
        eyes, asked = self._parts.eyes, self._asked
        if asked is None or time.monotonic() - asked.at_s > ASKED_ANEW_S:
            self._asked = asked = self._ask()
        return Looking(eyes.model, eyes.change, asked.lists_change, asked.with_faces)

    def _ask(self) -> _Asked:
        at_s, lists_change = time.monotonic(), self._parts.lists.change()
        with self._parts.database.read() as session:
            with_faces = self._parts.face_matching_on(session, self._run.organisation_id)
        return _Asked(at_s, lists_change, with_faces)

    def of(self, session: Session, leases: Sequence[Lease]) -> dict[str, Known]:
        """What is known of leased addresses, by address."""
        known = self._known.of(session, [held.url for held in leases]) if leases else {}
        self._before |= {
            held.url: known[held.url]
            for held in leases
            if held.kind == "page" and held.url in known
        }
        return known

    def not_due(
        self, session: Session, leases: Sequence[Lease], known: Mapping[str, Known]
    ) -> list[tuple[Lease, Known]]:
        """Those of these leases that may be left alone in this run, with what is known of them."""
        if self._rule is None:
            self._rule = self._parts.sources.revisits.rule(session, self._run, self._site)
        rule, now = self._rule, self._parts.clock.now()
        return [
            (held, known[held.url])
            for held in leases
            if held.url in known
            and not rule.is_due(
                held,
                known[held.url],
                links_hold=held.url not in self._canaries
                and self._links_hold(known[held.url], held),
                now=now,
            )
        ]

    def conditions(
        self,
        session: Session,
        leases: Sequence[Lease],
        known: Mapping[str, Known],
        looking: Looking,
    ) -> dict[str, Condition]:
        """Conditions by ticket, for those leases for which "unchanged" would tell all."""
        found: dict[str, Condition] = {}
        for held in leases:
            before = known.get(held.url)
            if before is None or before.condition is None:
                continue
            if self._tells_all(session, held, before, looking):
                found[held.ticket] = before.condition
        return found

    def page_links(
        self, session: Session, held: Lease
    ) -> tuple[tuple[FoundLink, ...], Changes] | None:
        """What the unchanged page names, and its changes with this look; None when it must be read
        again.
        """
        known = self._known.of(session, [held.url]).get(held.url)
        if known is None or not self._links_hold(known, held):
            return None
        changes = known.changes
        if changes.fingerprint is not None:
            now = self._parts.clock.now()
            changes = changes.after(changes.fingerprint, now - known.seen_at, now)
        return known.links, changes

    def changes(self, held: Lease, page: PageSeen) -> Changes:
        """How often a page changed, with this look; before what it says is forgotten."""
        fingerprint = fingerprint_of(page.links, page.words)
        now = self._parts.clock.now()
        before = self._before.pop(held.url, None)
        if before is None or before.kind != "page":
            return Changes(fingerprint)
        if before.reading != self._reading:
            # Read otherwise it may name other addresses: that is no change of the page.
            return replace(before.changes, fingerprint=fingerprint)
        return before.changes.after(fingerprint, now - before.seen_at, now)

    def media_before(self, session: Session, held: Lease) -> int:
        """How many media the page led to when it was last read; 0 when it never was."""
        known = self._known.of(session, [held.url]).get(held.url)
        if known is None or known.kind != "page":
            return 0
        return sum(link.kind == "medium" for link in known.links)

    def is_page(self, session: Session, held: Lease) -> bool:
        """Whether a page came from this address the last time."""
        known = self._known.of(session, [held.url]).get(held.url)
        return known is not None and known.kind == "page"

    def medium(
        self, session: Session, held: Lease, looking: Looking
    ) -> tuple[str, KnownMedium] | None:
        """The unchanged medium's SHA-256 and what is known of it; None when it must be fetched."""
        known = self._known.of(session, [held.url]).get(held.url)
        if known is None or known.content_sha256 is None:
            return None
        medium = self._medium(session, known, looking)
        return (known.content_sha256, medium) if medium is not None else None

    def count_unchanged(self, session: Session, leases: Sequence[Lease]) -> None:
        """The server said that media did not change."""
        if leases:
            urls = [held.url for held in leases]
            self._known.count_unchanged(session, urls, self._parts.clock.now())

    def count_unchanged_pages(
        self, session: Session, pages: Sequence[tuple[Lease, Changes]]
    ) -> None:
        """The server said that pages did not change."""
        self._known.count_unchanged_pages(
            session,
            [(held.url, changes) for held, changes in pages],
            self._parts.clock.now(),
        )

    def keep_pages(
        self,
        session: Session,
        pages: Sequence[tuple[Lease, PageSeen, Changes]],
        looked_for: str,
    ) -> None:
        """Pages were read whole, for their links and what `looked_for` says of names."""
        self._known.keep_pages(
            session,
            [
                PageKept(
                    held.url,
                    Answer(page.final_url, page.etag, page.last_modified),
                    held.depth,
                    page.links,
                    changes,
                )
                for held, page, changes in pages
            ],
            reading=self._reading,
            looked_for=looked_for,
            now=self._parts.clock.now(),
        )

    def keep_media(self, session: Session, media: Sequence[tuple[Lease, Answer, str, str]]) -> None:
        """Media were fetched and examined, or known: lease, answer, what was looked for before
        looking, SHA-256 in hex.
        """
        self._known.keep_media(
            session,
            [
                MediumKept(held.url, answer, looked_for, digest)
                for held, answer, looked_for, digest in media
            ],
            self._parts.clock.now(),
        )

    def looked_already(
        self, session: Session, media: Sequence[tuple[str, Looking]]
    ) -> list[KnownMedium | None]:
        """Of each SHA-256 in hex the medium, when it was examined in the very same way and nobody
        was found.
        """
        before = self._parts.sources.examined_before(session, {digest for digest, _ in media})
        return [
            self._looked_already(session, before[digest], looking) if digest in before else None
            for digest, looking in media
        ]

    def _looked_already(
        self, session: Session, before: ExaminedBefore, looking: Looking
    ) -> KnownMedium | None:
        known = self._parts.sources.examined_already(
            session,
            self._actor,
            self._run.organisation_id,
            before,
            looking.model if looking.with_faces else None,
            looking.change,
        )
        if known is None:
            return None
        found = self._parts.findings.has_candidates(session, self._actor, known.medium_id)
        found = found or self._parts.lists.was_listed(
            session, self._run.organisation_id, known.medium_id
        )
        return None if found else known

    def _tells_all(self, session: Session, held: Lease, known: Known, looking: Looking) -> bool:
        if held.url in self._canaries or known.unchanged_in_a_row >= MAX_UNCHANGED:
            return False
        if known.kind == "page":
            # A medium's address that gave a page before would not give its links as a page does.
            return held.kind == "page" and self._links_hold(known, held)
        return self._medium(session, known, looking) is not None

    def _links_hold(self, known: Known, held: Lease) -> bool:
        return known.links_hold(self._reading, held.depth, self.names.looked_for)

    def _medium(self, session: Session, known: Known, looking: Looking) -> KnownMedium | None:
        if known.content_sha256 is None or known.looked_for != looking.looked_for:
            return None
        (again,) = self.looked_already(session, [(known.content_sha256, looking)])
        return again


def answer_of(fetched: MediumFetched) -> Answer:
    """What the server said of a medium."""
    return Answer(fetched.final_url, fetched.etag, fetched.last_modified)
