"""What an organisation's hash lists say of candidates.

1. "stop" (may show somebody under 18): no candidate is made; what is there is halted, as on any
   other sign (design rule 6), but for its own content alone: the list itself stops what looks like
   it, and a likeness of a likeness is not stopped.
2. "never show": a candidate may be made, in words. No crop of a face is kept or shown, and captures
   keep no bytes of it; what was held with bytes is captured anew without.
3. When lists change, `follow` looks at open candidates again. Slow work is done before each short
   transaction.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.brought_files import CapturedItem
from service.candidates.documents import CandidateDocument
from service.candidates.errors import ImportInvalidError
from service.candidates.halting import Halting
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates
from service.clock import Clock
from service.database import Database
from service.hashbank.exchange.views import Listed
from service.sources.halted_media import HaltedMedia
from service.vault import Vault

_SYSTEM = "hash lists"
MAY_SHOW_A_MINOR = "This file is not taken in: something in it may show somebody under 18."


class HashLists(Protocol):
    """The lists of every organisation (`service.hashbank.exchange.list_index.ListIndex`)."""

    def of_examination(self, organisation_id: uuid.UUID, examination: Examination) -> Listed:
        """The organisation's lists that an examined medium is on."""
        ...

    def exact(self, organisation_id: uuid.UUID, content: bytes, sha256: str) -> Listed:
        """The lists that name this very file."""
        ...

    def by_sha256(self, organisation_id: uuid.UUID, sha256: str) -> Listed:
        """The lists that name a file by its SHA-256."""
        ...

    def change(self) -> int:
        """How often the lists in force have changed so far."""
        ...


class ListedCandidates:
    """Keeps candidates to what lists allow. Writes in the caller's transaction, but `follow`."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        lists: HashLists,
        halting: Halting,
        halted: HaltedMedia,
    ) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._lists = lists
        self._halting = halting
        self._halted = halted
        self._followed = -1

    def of_content(
        self, organisation_id: uuid.UUID, content: bytes, examination: Examination | None
    ) -> Listed:
        """The organisation's lists that this very file is on, or what was seen in it."""
        digest = hashlib.sha256(content).hexdigest()
        listed = self._lists.exact(organisation_id, content, digest)
        return listed if examination is None else listed.plus(self.of(organisation_id, examination))

    def of(self, organisation_id: uuid.UUID, examination: Examination) -> Listed:
        """The organisation's lists that a medium is on."""
        return self._lists.of_examination(organisation_id, examination)

    def stop(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        content_sha256: str,
        reason: str,
    ) -> int:
        """Halt every candidate of a content, and take it out of what was seen; returns how many."""
        repository = CandidateRepository(session, worker, self._clock.now())
        halted = 0
        for medium_id in self._halted.media_of(session, [content_sha256]):
            for row in repository.any_of_medium(medium_id):
                if row.state == "halted":
                    continue
                # the list is this organisation's own; others are told nothing of it
                mine = row.organisation_id == worker.organisation_id
                words = reason if mine else ""
                self._halting.halt(session, worker, outcomes, row, words, by_list=True)
                halted += 1
            self._halting.take_out(session, medium_id)
        return halted

    def conceal_medium(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        medium_id: uuid.UUID,
        names: str,
    ) -> int:
        """No picture of this content in open candidates of the organisation; how many changed."""
        repository = CandidateRepository(session, worker, self._clock.now())
        return sum(
            self.conceal(session, worker, outcomes, row, names)
            for row in repository.any_of_medium(medium_id)
            if row.organisation_id == worker.organisation_id
        )

    def conceal(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        names: str,
    ) -> bool:
        """No picture of this candidate from now on; False when that was so already."""
        if row.state not in ("waiting", "confirmed"):
            return False
        document = self._sealed.document(row)
        if document.never_show == names and row.face_crop is None:
            return False
        first_time = not document.never_show
        self._sealed.put(
            row,
            msgspec.structs.replace(
                document,
                never_show=names,
                examination=unshown(document.examination),
                captured_examination=unshown(document.captured_examination),
            ),
        )
        row.face_crop = None
        if first_time:
            outcomes.concealed(session, worker, reference_to(row, document.addresses))
        self._audit.record(session, worker, "candidate.never_show", "candidate", row.id)
        return True

    def follow(self, database: Database, outcomes: CandidateOutcomes) -> int:
        """Look at open candidates again when lists have changed; returns how many were touched."""
        change = self._lists.change()
        if change == self._followed:
            return 0
        touched = 0
        for candidate_id, organisation_id, listed in self._affected(database):
            worker = Actor.system(_SYSTEM, organisation_id)
            with database.write() as session:
                repository = CandidateRepository(session, worker, self._clock.now())
                row = repository.candidate(candidate_id, for_update=True)
                if row.state not in ("waiting", "confirmed"):
                    continue
                if listed.stop:
                    self.halt(session, worker, outcomes, row, listed)
                    touched += 1
                else:
                    names = listed.names("never_show")
                    touched += self.conceal(session, worker, outcomes, row, names)
        self._followed = change
        return touched

    def halt(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        listed: Listed,
    ) -> None:
        """Halt one candidate whose content a list names."""
        self._halting.halt(session, worker, outcomes, row, stop_words(listed), by_list=True)

    def _affected(self, database: Database) -> list[tuple[uuid.UUID, uuid.UUID, Listed]]:
        """Open candidates that a list stops or conceals, asked outside of any transaction."""
        with database.read() as session:
            repository = CandidateRepository(session, Actor.system(_SYSTEM), self._clock.now())
            opened = [
                (row.id, row.organisation_id, self._sealed.document(row))
                for row in repository.open()
            ]
        affected = []
        for candidate_id, organisation_id, document in opened:
            listed = self._of_document(organisation_id, document)
            if listed.stop or listed.never_show:
                affected.append((candidate_id, organisation_id, listed))
        return affected

    def _of_document(self, organisation_id: uuid.UUID, document: CandidateDocument) -> Listed:
        listed = Listed()
        for examination in (document.examination, document.captured_examination):
            if examination is not None:
                listed = listed.plus(self._lists.of_examination(organisation_id, examination))
        return listed


def refuse_listed(
    lists: HashLists,
    organisation_id: uuid.UUID,
    items: Sequence[CapturedItem],
    examinations: Iterable[Examination | None],
) -> None:
    """Refuse a brought file with something in it that lists stop, or never show or keep."""
    listed = Listed()
    for item in items:
        if item.content is not None:
            content, digest = item.content, item.payload_sha256
            listed = listed.plus(lists.exact(organisation_id, content, digest))
        else:
            listed = listed.plus(lists.by_sha256(organisation_id, item.payload_sha256))
    for examination in examinations:
        if examination is not None:
            listed = listed.plus(lists.of_examination(organisation_id, examination))
    if listed.stop:
        raise ImportInvalidError(MAY_SHOW_A_MINOR)
    if listed.never_show:
        raise ImportInvalidError(
            "This file is not taken in: a list says that no picture of something in it is ever "
            "kept. Bring its address as a link instead."
        )


def stop_words(listed: Listed) -> str:
    """The reason that is kept, in words."""
    return f"on the list “{listed.names('stop')}”"


def unshown(examination: Examination | None) -> Examination | None:
    """An examination without any picture in it: no face crop, no map of what was altered."""
    return None if examination is None else without_pictures(examination)


def without_pictures(examination: Examination) -> Examination:
    """The same, of one that is there."""
    findings = tuple(
        msgspec.structs.replace(
            finding,
            faces=tuple(msgspec.structs.replace(face, face_crop_png=b"") for face in finding.faces),
            manipulation=msgspec.structs.replace(
                finding.manipulation,
                comparisons=tuple(
                    msgspec.structs.replace(each, map_png=None)
                    for each in finding.manipulation.comparisons
                ),
            ),
        )
        for finding in examination.findings
    )
    return msgspec.structs.replace(examination, findings=findings)
