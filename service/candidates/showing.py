"""Opening candidates for those who may see them, showing each no more than is theirs to see.

- A reviewer sees neither score nor others' verdicts before their own decision, nor who has decided.
- The person sees words; whose verdicts there are is not theirs to weigh.
- Of a halted candidate there is nothing but address, time and reason.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination, PersonFinding
from service.accounts.actor import Actor, Role
from service.candidates.documents import CandidateDocument, Declaration
from service.candidates.models import Candidate, Confirmation
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution, resolve
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import (
    CONFIRMED_SENTENCE,
    MATCH_SENTENCE,
    PERSON_STATEMENTS,
    POINTED_CONFIRMED_SENTENCE,
    Verdict,
    statements_for,
)
from service.candidates.views import (
    CandidateKind,
    CandidateState,
    CandidateView,
    ConfirmedFind,
    ConfirmedStatement,
    HaltedItem,
    PersonFind,
    QueueItem,
    VerdictView,
)
from service.candidates.words import assessment_of, medium_words, waits_for_words
from service.clock import Clock
from service.enrolment.photos import PhotoService
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError
from service.vault import Vault

LENT_CASE = "A case lent to you"


class Showing:
    """Builds every view of candidates."""

    def __init__(
        self, vault: Vault, clock: Clock, enrolment: EnrolmentService, photos: PhotoService
    ) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._enrolment = enrolment
        self._photos = photos

    def queue(self, session: Session, actor: Actor) -> list[QueueItem]:
        """What waits for reviewers: pointed ones first, then what ends soonest; own ones last."""
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
                    medium=medium_words(_newest(document)),
                    found_at=row.found_at,
                    held_until=row.held_until,
                    mine=mine,
                    waits_for=_waits_for(resolution, mine=mine),
                )
            )
        return sorted(items, key=lambda item: (item.mine, item.kind != "pointed", item.held_until))

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
        return CandidateView(
            candidate_id=row.id,
            person_id=row.person_id,
            person_label=label or LENT_CASE,
            kind=cast(CandidateKind, row.kind),
            state=cast(CandidateState, row.state),
            host=row.host,
            addresses=document.addresses,
            medium=medium_words(examination),
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
                PERSON_STATEMENTS if actor.role is Role.PERSON else statements_for(row.kind)
            ),
            assessment=assessment_of(_finding_of(row, examination), examination)
            if open_to_see
            else None,
            verdicts=self._verdicts(row, confirmations)
            if open_to_see and actor.role is not Role.PERSON
            else (),
            never_show=document.never_show,
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
            finds.append(
                PersonFind(
                    candidate_id=row.id,
                    kind=cast(CandidateKind, row.kind),
                    state=cast(CandidateState, row.state),
                    host=row.host,
                    addresses=len(document.addresses),
                    medium=medium_words(_newest(document)),
                    found_at=row.found_at,
                    decided_at=row.decided_at,
                    waits_for_me=waiting and resolution.needs_person and not blind,
                    waits_for=_find_waits_for(resolution, waiting=waiting, blind=blind),
                    waits_for_advocates=waiting and resolution.needs_reviewer and not blind,
                )
            )
        return sorted(finds, key=lambda find: not find.waits_for_me)

    def evidence(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> ConfirmedFind:
        """A candidate as evidence needs it; a halted one gives no evidence."""
        repository = self._repository(session, actor)
        row = repository.candidate(candidate_id)
        if row.state == "halted":
            raise ConflictError("This find was halted: nothing may be captured or kept of it.")
        document = self._sealed.document(row)
        first = document.addresses[0] if document.addresses else None
        confirmed = row.state == "confirmed"
        return ConfirmedFind(
            candidate_id=row.id,
            person_id=row.person_id,
            organisation_id=row.organisation_id,
            kind=cast(CandidateKind, row.kind),
            state=cast(CandidateState, row.state),
            host=row.host,
            page_url=first.page_url if first else None,
            media_url=first.media_url if first else None,
            addresses=document.addresses,
            run_id=row.run_id,
            medium_id=row.medium_id,
            examination=document.examination,
            captured_examination=document.captured_examination,
            declaration=document.declaration,
            brought=document.brought,
            statements=tuple(
                self._statement(row, each) for each in repository.confirmations(row.id)
            ),
            sentence=_sentence(row.kind) if confirmed else MATCH_SENTENCE,
            never_show=document.never_show,
        )

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

    def _statement(self, row: Candidate, each: Confirmation) -> ConfirmedStatement:
        document = self._sealed.confirmation(row, each)
        return ConfirmedStatement(
            confirmation_id=each.id,
            by="person" if each.by == "person" else "reviewer",
            account=document.account,
            verdict=cast(Verdict, each.verdict),
            wording=document.statements,
            stated_at=document.decided_at,
            signature_name=document.signature_name,
            public_key=document.public_key,
            signature=document.signature,
        )

    def _label(self, session: Session, actor: Actor, person_id: uuid.UUID) -> str:
        return self._enrolment.label(session, actor, person_id) or LENT_CASE

    def _repository(self, session: Session, actor: Actor) -> CandidateRepository:
        return CandidateRepository(session, actor, self._clock.now())


def _newest(document: CandidateDocument) -> Examination | None:
    return document.examination or document.captured_examination


def _finding_of(row: Candidate, examination: Examination | None) -> PersonFinding | None:
    if examination is None:
        return None
    mine = [each for each in examination.findings if each.person_ref == str(row.person_id)]
    return mine[0] if mine else None


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


def _sentence(kind: str) -> str:
    if kind == "pointed":
        return POINTED_CONFIRMED_SENTENCE
    return f"{MATCH_SENTENCE} {CONFIRMED_SENTENCE}"
