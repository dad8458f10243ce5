"""Opening candidates for those who may see them, showing each no more than is theirs to see.

- A reviewer sees neither score nor others' verdicts before their own decision, nor who has decided.
- The person sees words; whose verdicts there are is not theirs to weigh.
- Of a halted candidate there is nothing but address, time and reason.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor, Role
from service.candidates.basis import UNNAMED_SITE, Basis, finding_of, strength_of
from service.candidates.documents import CandidateDocument, Declaration
from service.candidates.models import Candidate, Confirmation
from service.candidates.names_words import name_words
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution, resolve
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import (
    Verdict,
    person_statements_for,
    statements_for,
)
from service.candidates.views import (
    CandidateKind,
    CandidateState,
    CandidateView,
    HaltedItem,
    PersonFind,
    QueueItem,
    VerdictView,
)
from service.candidates.words import (
    assessment_of,
    medium_words,
    shown_words,
    waits_for_words,
    was_only_looked_up,
)
from service.clock import Clock
from service.enrolment.photos import PhotoService
from service.enrolment.service import EnrolmentService
from service.hashbank.matches import KnownMatches
from service.hashbank.strength import order_of
from service.vault import Vault

LENT_CASE = "A case lent to you"


class Showing:
    """Builds every view of candidates."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        enrolment: EnrolmentService,
        photos: PhotoService,
        matches: KnownMatches,
    ) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._enrolment = enrolment
        self._photos = photos
        self._basis = Basis(matches)

    def queue(self, session: Session, actor: Actor) -> list[QueueItem]:
        """What waits for reviewers: pointed ones first, weak likenesses and own ones last.

        Among equal ones what ends soonest is first.
        """
        repository = self._repository(session, actor)
        items = []
        for row in repository.waiting():
            confirmations = repository.confirmations(row.id)
            resolution = _resolution(row, confirmations)
            mine = any(
                each.account_id is not None and each.account_id == actor.account_id
                for each in confirmations
            )
            document = self._sealed.document(row)
            items.append(
                QueueItem(
                    candidate_id=row.id,
                    person_id=row.person_id,
                    person_label=self._label(session, actor, row.person_id),
                    kind=cast(CandidateKind, row.kind),
                    host=row.host,
                    addresses=len(document.addresses),
                    medium=_medium(row, document),
                    found_at=row.found_at,
                    held_until=row.held_until,
                    mine=mine,
                    waits_for=_waits_for(resolution, mine=mine),
                    strength=strength_of(row, document),
                    event=row.event_key or "",
                )
            )
        return sorted(
            items,
            key=lambda item: (
                item.mine,
                item.kind != "pointed",
                order_of(item.strength),
                item.held_until,
            ),
        )

    def view(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> CandidateView:
        """One candidate, as the caller may see it now."""
        repository = self._repository(session, actor)
        row = repository.candidate(candidate_id)
        if row.state == "halted":
            return self._halted_view(session, actor, row)
        confirmations = repository.confirmations(row.id)
        resolution = _resolution(row, confirmations)
        mine = _own_verdict(actor, confirmations)
        document = self._sealed.document(row)
        examination = _newest(document)
        waiting = row.state == "waiting"
        undecided = waiting and actor.role is Role.ADVOCATE and mine is None
        open_to_see = not waiting or (mine is not None and actor.role is Role.ADVOCATE)
        label = self._enrolment.label(session, actor, row.person_id)
        reserved = self._basis.is_reserved(session, actor, row, document, resolution)
        return CandidateView(
            candidate_id=row.id,
            person_id=row.person_id,
            person_label=label or LENT_CASE,
            kind=cast(CandidateKind, row.kind),
            state=cast(CandidateState, row.state),
            host=UNNAMED_SITE if reserved else row.host,
            addresses=() if reserved else document.addresses,
            medium=_medium(row, document),
            has_face=row.face_crop is not None,
            reference_faces=self._photos.faces_for_review(session, actor, row.person_id),
            declaration=document.declaration if label else _unsigned(document.declaration),
            brought=document.brought,
            note=document.note,
            found_at=row.found_at,
            held_until=row.held_until,
            decided_at=row.decided_at,
            my_verdict=mine,
            needs_reviewer=undecided or (waiting and resolution.needs_reviewer),
            needs_person=_is_blind(row, undecided=undecided)
            or (waiting and resolution.needs_person),
            statements=(
                person_statements_for(row.kind)
                if actor.role is Role.PERSON
                else statements_for(row.kind)
            ),
            assessment=assessment_of(
                finding_of(row, examination),
                examination,
                for_reviewer=actor.role is Role.ADVOCATE,
            )
            if open_to_see
            else None,
            verdicts=self._verdicts(row, confirmations)
            if open_to_see and actor.role is not Role.PERSON
            else (),
            basis=self._basis.words(session, row, document),
            strength=strength_of(row, document),
            is_reserved=reserved,
            never_show=document.never_show,
            same_event=self._same_event(repository, actor, row),
            shown=shown_words(finding_of(row, examination)),
            names=self._names(session, row, document),
            came_back=bool(document.earlier),
            earlier=_earlier(document) if open_to_see and actor.role is not Role.PERSON else (),
        )

    def _names(
        self, session: Session, row: Candidate, document: CandidateDocument
    ) -> tuple[str, ...]:
        """Which names are on the page: whoever may see the find may know them."""
        if not document.names:
            return ()
        system = Actor.system("showing a find", row.organisation_id)
        chosen = self._enrolment.names.chosen(session, system, row.person_id)
        return name_words(document, {str(each.name_id): each.text for each in chosen})

    def _same_event(
        self, repository: CandidateRepository, actor: Actor, row: Candidate
    ) -> tuple[uuid.UUID, ...]:
        """What else of the same page or account waits for this reviewer: each is seen by itself."""
        if actor.role is not Role.ADVOCATE or row.event_key is None:
            return ()
        return tuple(
            other.id
            for other in repository.waiting_of_event(row.person_id, row.event_key)
            if other.id != row.id
            and _own_verdict(actor, repository.confirmations(other.id)) is None
        )

    def finds_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> list[PersonFind]:
        """A person's finds in words: those that wait for them first, without dismissed ones."""
        repository = self._repository(session, actor)
        finds = []
        for row in repository.of_person(person_id, "waiting", "confirmed"):
            confirmations = repository.confirmations(row.id)
            resolution = _resolution(row, confirmations)
            document = self._sealed.document(row)
            waiting = row.state == "waiting"
            is_advocate = actor.role is Role.ADVOCATE
            undecided = waiting and is_advocate and _own_verdict(actor, confirmations) is None
            blind = _is_blind(row, undecided=undecided)
            reserved = self._basis.is_reserved(session, actor, row, document, resolution)
            finds.append(
                PersonFind(
                    candidate_id=row.id,
                    kind=cast(CandidateKind, row.kind),
                    state=cast(CandidateState, row.state),
                    host=UNNAMED_SITE if reserved else row.host,
                    addresses=len(document.addresses),
                    medium=_medium(row, document),
                    found_at=row.found_at,
                    decided_at=row.decided_at,
                    waits_for_me=waiting and resolution.needs_person and not (blind or reserved),
                    waits_for=_find_waits_for(resolution, waiting=waiting, blind=blind),
                    waits_for_advocates=waiting and resolution.needs_reviewer and not blind,
                    is_reserved=reserved,
                )
            )
        return sorted(finds, key=lambda find: not find.waits_for_me)

    def host_for(self, session: Session, actor: Actor, row: Candidate) -> str:
        """The site of a find, as far as the caller may be told; empty where they may not."""
        document = self._sealed.document(row)
        resolution = _resolution(row, self._repository(session, actor).confirmations(row.id))
        reserved = self._basis.is_reserved(session, actor, row, document, resolution)
        return "" if reserved else row.host

    def is_reserved(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> bool:
        """Whether the caller is not told where it is, because advocates look at it first."""
        row = self._repository(session, actor).candidate(candidate_id)
        return row.state == "waiting" and not self.host_for(session, actor, row)

    def halted(self, session: Session, actor: Actor) -> list[HaltedItem]:
        """What an operator reports: addresses, time and reason."""
        items = []
        for row in self._repository(session, actor).any_halted():
            document = self._sealed.halted(row)
            items.append(HaltedItem(row.id, document.addresses, document.reason, row.decided_at))
        return items

    def _halted_view(self, session: Session, actor: Actor, row: Candidate) -> CandidateView:
        document = self._sealed.halted(row)
        return CandidateView(
            candidate_id=row.id,
            person_id=row.person_id,
            person_label=self._label(session, actor, row.person_id),
            kind=cast(CandidateKind, row.kind),
            state="halted",
            host=row.host,
            addresses=document.addresses,
            medium="",
            has_face=False,
            reference_faces=(),
            declaration=None,
            brought=(),
            note="",
            found_at=row.found_at,
            held_until=row.held_until,
            decided_at=row.decided_at,
            my_verdict=None,
            needs_reviewer=False,
            needs_person=False,
            statements=(),
            assessment=None,
            verdicts=(),
            halted_reason=document.reason,
        )

    def _verdicts(
        self, row: Candidate, confirmations: Sequence[Confirmation]
    ) -> tuple[VerdictView, ...]:
        return tuple(
            VerdictView(
                by="person" if each.by == "person" else "reviewer",
                account_id=each.account_id,
                verdict=cast(Verdict, each.verdict),
                reason=self._sealed.confirmation(row, each).reason,
                decided_at=each.decided_at,
            )
            for each in confirmations
        )

    def _label(self, session: Session, actor: Actor, person_id: uuid.UUID) -> str:
        return self._enrolment.label(session, actor, person_id) or LENT_CASE

    def _repository(self, session: Session, actor: Actor) -> CandidateRepository:
        return CandidateRepository(session, actor, self._clock.now())


def _earlier(document: CandidateDocument) -> tuple[VerdictView, ...]:
    return tuple(
        VerdictView(
            by="person" if each.by == "person" else "reviewer",
            account_id=uuid.UUID(each.account) if each.account else None,
            verdict=cast(Verdict, each.verdict),
            reason=each.reason,
            decided_at=datetime.fromisoformat(each.decided_at),
        )
        for each in document.earlier
    )


def _medium(row: Candidate, document: CandidateDocument) -> str:
    return "page" if row.kind == "name" else medium_words(_newest(document))


def _newest(document: CandidateDocument) -> Examination | None:
    """What was found; what was captured instead, where that was only looked up by its hash."""
    found, captured = document.examination, document.captured_examination
    if found is not None and captured is not None and was_only_looked_up(found):
        return captured
    return found or captured


def _own_verdict(actor: Actor, confirmations: Sequence[Confirmation]) -> Verdict | None:
    if actor.role is Role.PERSON:
        said = [each for each in confirmations if each.by == "person"]
    else:
        said = [
            each
            for each in confirmations
            if each.by == "reviewer" and each.account_id == actor.account_id
        ]
    return cast(Verdict, said[-1].verdict) if said else None


def _resolution(row: Candidate, confirmations: Sequence[Confirmation]) -> Resolution:
    reviewers = [cast(Verdict, each.verdict) for each in confirmations if each.by == "reviewer"]
    person = [cast(Verdict, each.verdict) for each in confirmations if each.by == "person"]
    return resolve(row.kind, reviewers, person[-1] if person else None)


def _waits_for(resolution: Resolution, *, mine: bool) -> str:
    """In the queue. Whether another reviewer has decided already is not told before one's own."""
    if not mine:
        return "your decision"
    return waits_for_words(
        needs_reviewer=resolution.needs_reviewer,
        needs_person=resolution.needs_person,
        reviewer="another reviewer",
    )


def _find_waits_for(resolution: Resolution, *, waiting: bool, blind: bool) -> str:
    if not waiting:
        return "nobody"
    if blind:
        return "your decision"
    return waits_for_words(
        needs_reviewer=resolution.needs_reviewer,
        needs_person=resolution.needs_person,
        reviewer="your advocates",
    )


def _is_blind(row: Candidate, *, undecided: bool) -> bool:
    """Whether a reviewer is told of nobody's word yet: of what the search found, all is hidden.

    What the person pointed to rests on their declaration, which its reviewer has to know.
    """
    return undecided and row.kind != "pointed"


def _unsigned(declaration: Declaration | None) -> Declaration | None:
    """For a lent reviewer, who is not told whose case it is."""
    if declaration is None:
        return None
    return msgspec.structs.replace(declaration, signature_name="")
