"""From names that were found on a page to a candidate, in the worker's transaction.

1. For each person: re-read that they may be looked for, belong to the organisation whose run it is,
   and still want the names looked for. A page of somebody who may not be counts as not read.
2. A name that rests (`names_floods.py`), or was settled for this page or site with "never this
   again", counts for nothing.
3. A page that was halted is no find of anybody (`names_halted.py`).
4. One find for a person and a page: what is there already learns in what else the name is.
5. Of one site only so many are made a day, and wait: the rest is a number. Such a page counts as
   not read for names, so that it is read again; a run that comes by the site counts anew.
6. What is kept: the page's address and in what of it the names are, sealed; nothing that stands
   around them. The page is captured and held, like any find.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.came_back import take_earlier_verdicts
from service.candidates.documents import (
    CandidateDocument,
    ConfirmationDocument,
    NameAt,
    SeenAt,
)
from service.candidates.models import Candidate
from service.candidates.names_floods import NameFloods
from service.candidates.names_halted import HaltedPages
from service.candidates.names_keys import page_key, site_key
from service.candidates.names_repository import NameFindsRepository
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.places import event_key, found_at
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates
from service.candidates.showing import LENT_CASE
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.vault import Vault

FINDS_OF_A_SITE: Final = 10
"""So many pages of one site wait, or are made in a day, for one person."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FoundName:
    """One name on one page. `places` as in `NameAt`."""

    name_id: uuid.UUID
    person_id: uuid.UUID
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamesOnPage:
    """What was found on a page, matched in memory. `page_url` is canonical."""

    page_url: str
    names: tuple[FoundName, ...]


@dataclass(frozen=True, slots=True)
class MorePages:
    """How many more pages of a site have a name of a person than are shown as finds."""

    person_id: uuid.UUID
    person_label: str
    site: str
    pages: int


@dataclass(frozen=True, slots=True)
class NamesWritten:
    """What became of it: new candidates, and finds that were only counted or not made for now."""

    candidates: tuple[uuid.UUID, ...] = ()
    left_out: int = 0


class NameFinds:
    """Writes candidates of kind "name"; never decides anything."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        floods: NameFloods,
        *,
        held_days: int,
    ) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._floods = floods
        self._halted = HaltedPages(vault, clock, audit)
        self._held = timedelta(days=held_days)

    def record(
        self,
        session: Session,
        outcomes: CandidateOutcomes,
        organisation_id: uuid.UUID,
        on_page: NamesOnPage,
        run_id: uuid.UUID | None,
    ) -> NamesWritten:
        """Candidates for each person whose names are on the page."""
        worker = Actor.system("names", organisation_id)
        by_person: dict[uuid.UUID, list[FoundName]] = defaultdict(list)
        for name in on_page.names:
            by_person[name.person_id].append(name)
        self._enrolment.keep_there(session, by_person.keys(), organisation_id)
        written = [
            self._of_person(session, worker, outcomes, person_id, names, on_page.page_url, run_id)
            for person_id, names in sorted(by_person.items())
        ]
        return NamesWritten(
            tuple(candidate for each in written for candidate in each.candidates),
            sum(each.left_out for each in written),
        )

    def settle(
        self, session: Session, row: Candidate, document: CandidateDocument, *, on_site: bool
    ) -> None:
        """Never this page again; with `on_site`, these names nowhere on this site."""
        if row.page_key is None:
            return
        keys = [row.page_key]
        if on_site and row.site is not None:
            keys += [
                site_key(self._vault, row.person_id, name.name_id, row.site)
                for name in document.names
            ]
        worker = Actor.system("names", row.organisation_id)
        self._repository(session, worker).settle(row.person_id, keys)

    def more_pages(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[tuple[str, int], ...]:
        """(site, pages) that were counted beyond those that are shown."""
        rows = self._repository(session, actor).surpluses(person_id)
        return tuple((row.site, row.pages) for row in rows)

    def all_more_pages(self, session: Session, actor: Actor) -> tuple[MorePages, ...]:
        """The same of everybody whom the caller may see."""
        return tuple(
            MorePages(
                row.person_id,
                self._enrolment.label(session, actor, row.person_id) or LENT_CASE,
                row.site,
                row.pages,
            )
            for row in self._repository(session, actor).all_surpluses()
        )

    # --- parts ----------------------------------------------------------------------------------

    def _of_person(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        person_id: uuid.UUID,
        names: Sequence[FoundName],
        page_url: str,
        run_id: uuid.UUID | None,
    ) -> NamesWritten:
        if not self._enrolment.is_active(session, person_id, worker.organisation_id):
            # the case rests, perhaps for a moment: the page was not read for them
            return NamesWritten(left_out=1)
        seen = SeenAt(
            None, page_url, _host_of(page_url), self._clock.now().isoformat(), str(run_id or "")
        )
        place = found_at(seen)
        repository = self._repository(session, worker)
        if run_id is not None:
            repository.forget_earlier_surplus(person_id, place.site, run_id)
        key = page_key(self._vault, person_id, page_url)
        wanted = self._wanted(session, worker, repository, person_id, names, place.site, key)
        existing = repository.of_page(person_id, key) if wanted else None
        is_open = existing is not None and existing.state != "expired"
        if existing is not None and is_open:
            self._seen_again(existing, wanted)
        if (
            not wanted
            or is_open
            or self._halted.stops(session, worker, person_id, key, place.site, seen, run_id)
        ):
            return NamesWritten()
        since = self._clock.now() - _DAY
        if repository.count_on_site(person_id, place.site, since) >= FINDS_OF_A_SITE:
            repository.count_surplus(person_id, place.site, run_id)
            return NamesWritten(left_out=1)
        resting = self._floods.resting(session, worker, [name.name_id for name in wanted])
        wanted = [name for name in wanted if name.name_id not in resting]
        if not wanted:
            return NamesWritten()
        earlier = self._earlier(session, worker, existing) if existing is not None else ()
        row = existing or Candidate(
            id=uuid.uuid4(),
            organisation_id=worker.organisation_id,
            person_id=person_id,
            medium_id=None,
            page_key=key,
        )
        row.run_id = run_id
        row.site = place.site
        row.event_key = event_key(self._vault, person_id, place)
        document = CandidateDocument((seen,), names=_names_at(wanted), earlier=earlier)
        if not self._made(repository, row, wanted[0], document, is_new=existing is None):
            others = repository.of_page(person_id, key)
            if others is not None:
                self._seen_again(others, wanted)
            return NamesWritten()
        outcomes.wanted(session, worker, reference_to(row, (seen,)))
        self._audit.record(session, worker, "candidate.found", "candidate", row.id, kind=row.kind)
        self._floods.found(session, worker, row)
        return NamesWritten((row.id,))

    def _made(
        self,
        repository: NameFindsRepository,
        row: Candidate,
        first: FoundName,
        document: CandidateDocument,
        *,
        is_new: bool,
    ) -> bool:
        """Write the find; False when another worker made it at the same moment."""
        now = self._clock.now()
        row.kind = "name"
        row.state = "waiting"
        row.host = document.addresses[0].host
        row.name_id = first.name_id
        row.found_at = now
        row.held_until = now + self._held
        row.decided_at = None
        self._sealed.put(row, document)
        return repository.add_find(row) if is_new else True

    def _earlier(
        self, session: Session, worker: Actor, row: Candidate
    ) -> tuple[ConfirmationDocument, ...]:
        repository = CandidateRepository(session, worker, self._clock.now())
        return take_earlier_verdicts(self._sealed, repository, row)

    def _wanted(
        self,
        session: Session,
        worker: Actor,
        repository: NameFindsRepository,
        person_id: uuid.UUID,
        names: Sequence[FoundName],
        site: str,
        key: str,
    ) -> list[FoundName]:
        """The names that are still looked for, and were not settled here."""
        if repository.is_settled(person_id, [key]):
            return []
        chosen = self._enrolment.names.ids_of(session, worker, person_id)
        return [
            name
            for name in names
            if name.name_id in chosen
            and not repository.is_settled(
                person_id, [site_key(self._vault, person_id, str(name.name_id), site)]
            )
        ]

    def _seen_again(self, row: Candidate, names: Iterable[FoundName]) -> None:
        """While it waits, what is found later joins it; nothing else changes."""
        if row.state != "waiting":
            return
        document = self._sealed.document(row)
        known: dict[str, tuple[str, ...]] = {each.name_id: each.places for each in document.names}
        joined = _names_at(names, known)
        if joined != document.names:
            self._sealed.put(row, msgspec.structs.replace(document, names=joined))

    def _repository(self, session: Session, worker: Actor) -> NameFindsRepository:
        return NameFindsRepository(session, worker, self._clock.now())


def _names_at(
    names: Iterable[FoundName], known: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[NameAt, ...]:
    places = dict(known or {})
    for name in names:
        before = places.get(str(name.name_id), ())
        places[str(name.name_id)] = tuple(dict.fromkeys((*before, *name.places)))
    return tuple(NameAt(name_id, where) for name_id, where in places.items())


def _host_of(page_url: str) -> str:
    return urlsplit(page_url).netloc.lower()
