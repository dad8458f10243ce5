"""Halting what may show a minor (design rule 6).

Any sign from anybody is enough. Every candidate of that content (of a find by name: of that page),
and of what looks like it, of whomever, stops at once: its face crop and verdicts are destroyed,
captures are purged, its hashes leave the known pictures, and all that stays is addresses, time and
reason, which the operator reports where it belongs. A file that somebody brought with the content
in it is destroyed wherever else it is held, too. The media leave what was seen; their content
hashes are kept for nothing but stopping copies.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.documents import CandidateDocument, HaltedDocument
from service.candidates.look_alikes import LookAlikes
from service.candidates.models import Candidate
from service.candidates.names_halted import finds_on_page_of
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution
from service.candidates.sealed import SealedCandidates, delete_brought_after_commit
from service.candidates.statements import LIKENESS_REASON, MINOR_REASON
from service.clock import Clock
from service.hashbank.service import HashBankService
from service.sources.halted_media import HaltedMedia
from service.vault import Vault

MAX_REASON_CHARACTERS = 2000


class Halting:
    """Stops candidates for good."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        hashbank: HashBankService,
        halted: HaltedMedia,
        look_alikes: LookAlikes,
    ) -> None:
        self._events = look_alikes
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._hashbank = hashbank
        self._halted = halted

    def halt(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        reason: str,
        *,
        by_list: bool = False,
    ) -> Resolution:
        """Halt `row` (which the caller may see, and has locked) and all others of its content.

        `by_list`: no human being saw the sign, a list names the content. Then what only looks like
        it is left to the list itself, and its hashes are not kept to stop others.
        """
        said = reason.strip()[:MAX_REASON_CHARACTERS]
        whole = f"{MINOR_REASON}: {said}" if said else MINOR_REASON
        system = Actor.system("minor sign")
        everywhere = CandidateRepository(session, system, self._clock.now())
        rows = self._of_same_content(everywhere, row)
        media = self._media_of(session, rows)
        likenesses = [] if by_list else self._look_alikes(session, everywhere, media, rows)
        files = {
            brought.file_sha256
            for each in (*rows, *likenesses)
            for brought in self._sealed.document(each).brought
        }
        for each in rows:
            # what somebody said of their own find goes no further than its organisation
            own_words = whole if each.organisation_id == row.organisation_id else MINOR_REASON
            self._halt_one(session, everywhere, outcomes, each, own_words)
        for each in likenesses:
            likeness = f"{MINOR_REASON}: {LIKENESS_REASON}"
            self._halt_one(session, everywhere, outcomes, each, likeness)
        people = {each.person_id for each in (*rows, *likenesses)}
        self._destroy_copies(session, everywhere, people, files)
        for medium_id in media:
            if by_list:
                self._halted.halt_likeness(session, medium_id)
            else:
                self._halted.halt(session, medium_id)
            self._hashbank.matches.forget_medium(session, medium_id)
        for medium_id in {each.medium_id for each in likenesses if each.medium_id is not None}:
            self.take_out(session, medium_id)
        for person_id in people:
            self._hashbank.forget_halted(session, system, person_id)
        for each in (*rows, *likenesses):
            if each.kind == "face" and each.site is not None:
                self._events.decided(session, each.person_id, each.site, each.event_key)
        self._audit.record(
            session,
            actor,
            "candidate.halt",
            "candidate",
            row.id,
            candidates=len(rows),
            look_alikes=len(likenesses),
        )
        return Resolution("halted", needs_reviewer=False, needs_person=False)

    def take_out(self, session: Session, medium_id: uuid.UUID) -> None:
        """Take a medium out of what was seen and of what matched; its hashes stop nothing else."""
        self._halted.halt_likeness(session, medium_id)
        self._hashbank.matches.forget_medium(session, medium_id)

    def _of_same_content(self, repository: CandidateRepository, row: Candidate) -> list[Candidate]:
        """`row` and all others of its content that are not halted yet.

        Of one person by every digest that is known of it: only one of their candidates carries the
        content's id, what they pointed to twice does not. Of other people by the content's id. Of
        a page, all finds by name on it.
        """
        found = {row.id: row}
        digests = _digests(self._sealed.document(row))
        for each in repository.of_person(row.person_id):
            if each.state != "halted" and digests & _digests(self._sealed.document(each)):
                found[each.id] = each
        for medium_id in {each.medium_id for each in found.values() if each.medium_id is not None}:
            for each in repository.any_of_medium(medium_id):
                if each.state != "halted":
                    found.setdefault(each.id, each)
        document = self._sealed.document(row)
        for each in finds_on_page_of(self._vault, repository, row, document):
            if each.state != "halted":
                found.setdefault(each.id, each)
        return list(found.values())

    def _media_of(self, session: Session, rows: Sequence[Candidate]) -> list[uuid.UUID]:
        """Every content that these candidates are known to be of."""
        digests = {digest for each in rows for digest in _digests(self._sealed.document(each))}
        media = {each.medium_id for each in rows if each.medium_id is not None}
        return sorted(media | set(self._halted.media_of(session, digests)))

    def _look_alikes(
        self,
        session: Session,
        repository: CandidateRepository,
        media: Sequence[uuid.UUID],
        rows: Sequence[Candidate],
    ) -> list[Candidate]:
        """Open candidates of other contents that look like one of these, of whomever."""
        halted = {each.id for each in rows}
        alike = self._halted.look_alikes(session, media, repository.any_open_media())
        return [
            each
            for medium_id in alike
            for each in repository.any_of_medium(medium_id)
            if each.state != "halted" and each.id not in halted
        ]

    def _destroy_copies(
        self,
        session: Session,
        repository: CandidateRepository,
        people: Iterable[uuid.UUID],
        file_sha256s: set[str],
    ) -> None:
        """A brought file may hold more than one content: each candidate of it has its own copy."""
        for person_id in people:
            for row in repository.of_person(person_id):
                if row.state == "halted":
                    continue
                document = self._sealed.document(row)
                copies = tuple(one for one in document.brought if one.file_sha256 in file_sha256s)
                if not copies:
                    continue
                delete_brought_after_commit(self._vault, session, person_id, copies)
                brought = tuple(
                    msgspec.structs.replace(one, file_id="") if one in copies else one
                    for one in document.brought
                )
                self._sealed.put(row, msgspec.structs.replace(document, brought=brought))

    def _halt_one(
        self,
        session: Session,
        repository: CandidateRepository,
        outcomes: CandidateOutcomes,
        row: Candidate,
        reason: str,
    ) -> None:
        document = self._sealed.document(row)
        system = Actor.system("minor sign", row.organisation_id)
        now = self._clock.now()
        for examination in (document.examination, document.captured_examination):
            if examination is not None:
                self._hashbank.forget_confirmed(session, system, row.person_id, examination.hashes)
        for confirmation in repository.confirmations(row.id):
            repository.delete(confirmation)
        delete_brought_after_commit(self._vault, session, row.person_id, document.brought)
        self._sealed.put(row, HaltedDocument(document.addresses, reason, now.isoformat()))
        row.state = "halted"
        row.face_crop = None
        row.decided_at = now
        outcomes.dropped(session, system, reference_to(row, document.addresses), MINOR_REASON)


def _digests(document: CandidateDocument) -> set[str]:
    """SHA-256 of every content that this candidate is known to be of."""
    examinations = (document.examination, document.captured_examination)
    digests = {one.hashes.sha256 for one in examinations if one is not None}
    return (digests | {one.payload_sha256 for one in document.brought}) - {""}
