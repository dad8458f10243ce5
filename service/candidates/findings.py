"""From an examination to candidates, in the worker's transaction.

1. A content that was halted, or looks like one that was, makes none (see `halted_again.py`); nor
   does one that a list stops, and of one that a list never shows no picture is kept (`listed.py`).
2. For each enrolled person that the medium shows: re-read that they may be looked for (by their
   face, if that is what was found), and that they belong to the organisation whose run it is.
3. Copies are noted and weighed (see `weighing.py`): not every likeness makes a candidate.
4. What was settled with "never this again" (or looks like it) makes none.
5. One candidate for a person and a content: what is there already gets the new address; what was
   confirmed is captured there, too.
6. The one thing kept of a face is the sealed aligned crop (design rule 1); a capture is asked for.
7. What holds finds by face back is asked before (see `restraint.py`); a flood of copies pauses the
   case by itself.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination, MediaHashes, PersonFinding
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.came_back import take_earlier_verdicts
from service.candidates.confirmed_hashes import add_confirmed
from service.candidates.documents import CandidateDocument, SeenAt
from service.candidates.halted_again import HaltedAgain
from service.candidates.halting import Halting
from service.candidates.listed import ListedCandidates, stop_words, without_pictures
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.restraint import FaceRestraint
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import LIKENESS_REASON
from service.candidates.views import FindsHeldBack
from service.candidates.weighing import Weighing
from service.candidates.words import best_face
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.hashbank.service import HashBankService
from service.sources.halted_media import HaltedMedia
from service.vault import Vault

FLOOD_COPIES_A_DAY = 500
"""More new copies of known pictures of one person in a day: the case rests until somebody looks."""
MAX_ADDRESSES = 1000
"""More addresses of one content are not written down: a notice names 200 at most."""

_SAME_PICTURE_BITS = 31
"""PDQ distance up to which two pictures count as the same (its authors' threshold)."""


class FindingRecorder:
    """Writes candidates; never decides anything."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        hashbank: HashBankService,
        halted: HaltedMedia,
        halting: Halting,
        listed: ListedCandidates,
        restraint: FaceRestraint,
        *,
        held_days: int,
    ) -> None:
        self._listed = listed
        self._restraint = restraint
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._hashbank = hashbank
        self._held = timedelta(days=held_days)
        self._halted = halted
        self._halting = halting
        self._halted_again = HaltedAgain(vault, clock, audit, enrolment, halted, halting)
        self._weighing = Weighing(hashbank.matches)

    def record_findings(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        *,
        organisation_id: uuid.UUID,
        medium_id: uuid.UUID,
        examination: Examination,
        media_url: str,
        page_url: str | None,
        host: str,
        run_id: uuid.UUID | None,
        held_back: FindsHeldBack | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Candidates for each person found; returns the ids of those that are new (or again).

        What was held back is counted in `held_back`.
        """
        place = SeenAt(
            media_url, page_url, host, self._clock.now().isoformat(), str(run_id) if run_id else ""
        )
        return self.record_seen(
            session,
            actor,
            outcomes,
            organisation_id=organisation_id,
            medium_id=medium_id,
            examination=examination,
            seen=(place,),
            run_id=run_id,
            held_back=held_back,
        )

    def record_seen(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        *,
        organisation_id: uuid.UUID,
        medium_id: uuid.UUID,
        examination: Examination,
        seen: tuple[SeenAt, ...],
        run_id: uuid.UUID | None,
        held_back: FindsHeldBack | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """The same, of a medium that was seen at one or more places, the latest first."""
        if not examination.findings:
            return ()
        worker = Actor.system(actor.reason or "findings", organisation_id)
        people = [uuid.UUID(finding.person_ref) for finding in examination.findings]
        self._enrolment.keep_there(session, people, organisation_id)
        listed = self._listed.of(organisation_id, examination)
        if listed.stop:
            digest, why = examination.hashes.sha256, stop_words(listed)
            self._listed.stop(session, worker, outcomes, digest, why)
            return ()
        if listed.never_show:
            examination = without_pictures(examination)
        repository = CandidateRepository(session, worker, self._clock.now())
        stopped = self._halted_again.reason(session, repository, medium_id, examination)
        new = []
        # in one order everywhere: two workers never wait for each other's people
        for finding in sorted(examination.findings, key=lambda each: each.person_ref):
            if stopped:
                self._halted_again.keep(
                    session, worker, outcomes, finding, seen, medium_id, run_id, stopped
                )
                continue
            candidate_id = self._record_person(
                session,
                worker,
                repository,
                outcomes,
                finding,
                examination,
                seen,
                medium_id,
                run_id,
                held_back if held_back is not None else FindsHeldBack(),
            )
            if candidate_id is not None:
                new.append(candidate_id)
        if listed.never_show:
            names = listed.names("never_show")
            self._listed.conceal_medium(session, worker, outcomes, medium_id, names)
        return tuple(new)

    def is_stopped(
        self, session: Session, organisation_id: uuid.UUID, examination: Examination
    ) -> bool:
        """Whether it may show somebody under 18, as far as is known: then nothing is told of it."""
        listed = self._listed.of(organisation_id, examination)
        return listed.stop or self._halted.stops(session, examination)

    def why_not_kept(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        content: bytes,
        examination: Examination | None,
    ) -> str:
        """Why nothing may be kept of what was captured, asked before it is; empty when it may."""
        listed = self._listed.of_content(organisation_id, content, examination)
        if listed.stop:
            return stop_words(listed)
        digest = hashlib.sha256(content).hexdigest()
        halted = self._halted.stops_contents(session, [digest])
        if halted or (examination is not None and self._halted.stops(session, examination)):
            return LIKENESS_REASON
        return ""

    def not_kept(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        candidate_id: uuid.UUID,
        reason: str,
    ) -> None:
        """What was captured of a candidate may show somebody under 18: it is halted.

        No human being saw the sign in this very content, so it stops nothing else.
        """
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id, for_update=True)
        if row.state in ("waiting", "confirmed"):
            self._halting.halt(session, actor, outcomes, row, reason, by_list=True)

    def captured(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        candidate_id: uuid.UUID,
        examination: Examination,
        medium_id: uuid.UUID | None,
    ) -> None:
        """What was captured has been examined, against this person only.

        For what a person pointed to this is where its content becomes known: the hashes of a
        confirmed one join the known pictures, and one that was halted before is halted here too.
        """
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id, for_update=True)
        if row.state not in ("waiting", "confirmed"):
            return
        listed = self._listed.of(row.organisation_id, examination)
        mine = [each for each in examination.findings if each.person_ref == str(row.person_id)]
        kept = without_crops(examination, mine[0] if mine else None)
        document = self._sealed.document(row)
        self._sealed.put(row, msgspec.structs.replace(document, captured_examination=kept))
        is_free = medium_id is not None and repository.of_medium(row.person_id, medium_id) is None
        if row.medium_id is None and is_free:
            row.medium_id = medium_id
        same = repository.any_of_medium(medium_id) if medium_id is not None else ()
        if any(each.state == "halted" for each in same):
            self._halting.halt(session, actor, outcomes, row, "")
        elif self._halted.stops(session, examination):
            self._halting.halt(session, actor, outcomes, row, LIKENESS_REASON)
        elif listed.stop:
            self._listed.halt(session, actor, outcomes, row, listed)
        else:
            if row.state == "confirmed":
                add_confirmed(self._hashbank, session, actor, row.person_id, examination)
            if listed.never_show:
                names = listed.names("never_show")
                self._listed.conceal(session, actor, outcomes, row, names)

    def _record_person(
        self,
        session: Session,
        worker: Actor,
        repository: CandidateRepository,
        outcomes: CandidateOutcomes,
        finding: PersonFinding,
        examination: Examination,
        seen: tuple[SeenAt, ...],
        medium_id: uuid.UUID,
        run_id: uuid.UUID | None,
        held_back: FindsHeldBack,
    ) -> uuid.UUID | None:
        person_id = uuid.UUID(finding.person_ref)
        if not self._enrolment.is_active(session, person_id, worker.organisation_id):
            return None
        if finding.faces and not self._enrolment.gallery.may_find_faces(session, person_id):
            # opted out, or switched off, while the medium was being looked at
            finding = msgspec.structs.replace(finding, faces=())
        copies = self._weighing.usable(
            session,
            worker,
            person_id,
            medium_id,
            finding.hashes,
            examination.hashes.pdq_quality,
        )
        finding = msgspec.structs.replace(finding, hashes=copies)
        existing = repository.of_medium(person_id, medium_id)
        if existing is not None and existing.state != "expired":
            self._seen_again(session, worker, outcomes, existing, seen)
            return None
        if not (finding.faces or finding.hashes) or self._is_settled(
            repository, person_id, medium_id, examination.hashes
        ):
            return None
        best = best_face(finding.faces)
        if best is not None and self._restraint.holds_back(
            session, worker, person_id, best, examination.model, seen[0], run_id
        ):
            held_back.count += 1
            if not finding.hashes:
                return None
            finding, best = msgspec.structs.replace(finding, faces=()), None
        earlier = take_earlier_verdicts(self._sealed, repository, existing) if existing else ()
        row = existing or Candidate(
            id=uuid.uuid4(),
            organisation_id=worker.organisation_id,
            person_id=person_id,
            medium_id=medium_id,
        )
        now = self._clock.now()
        row.run_id = run_id
        row.kind = "face" if finding.faces else "hash"
        row.state = "waiting"
        row.host = seen[0].host
        self._restraint.place(row, seen[0])
        row.found_at = now
        row.held_until = now + self._held
        row.decided_at = None
        document = CandidateDocument(seen, without_crops(examination, finding), earlier=earlier)
        self._sealed.put(row, document)
        if best is not None and best.face_crop_png:
            self._sealed.put_crop(row, best.face_crop_png)
        if not repository.add_unless_there(row):
            # another run met the same content at the same moment, and was quicker
            theirs = repository.of_medium(person_id, medium_id)
            if theirs is not None:
                self._seen_again(session, worker, outcomes, theirs, seen)
            return None
        outcomes.wanted(session, worker, reference_to(row, document.addresses))
        self._audit.record(session, worker, "candidate.found", "candidate", row.id, kind=row.kind)
        if row.kind == "face":
            self._restraint.found(session, worker, row)
        else:
            self._pause_a_flood_of_copies(session, worker, repository, row)
        return row.id

    def _seen_again(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        seen: tuple[SeenAt, ...],
    ) -> None:
        """New addresses of a content; where it was confirmed, each new file is captured, too."""
        if row.state not in ("waiting", "confirmed"):
            return
        document = self._sealed.document(row)
        known = {(each.media_url, each.page_url) for each in document.addresses}
        files = {each.media_url for each in document.addresses}
        addresses, places = list(document.addresses), []
        for each in seen:
            if (each.media_url, each.page_url) in known or len(addresses) >= MAX_ADDRESSES:
                continue
            known.add((each.media_url, each.page_url))
            again = row.state == "confirmed" and each.media_url not in files
            files.add(each.media_url)
            addresses.append(msgspec.structs.replace(each, again=again))
            if again:
                places.append(len(addresses) - 1)
        if len(addresses) == len(document.addresses):
            return
        self._sealed.put(row, msgspec.structs.replace(document, addresses=tuple(addresses)))
        for place in places:
            outcomes.appeared_again(session, worker, reference_to(row, tuple(addresses), place))
        self._audit.record(
            session,
            worker,
            "candidate.seen_again",
            "candidate",
            row.id,
            addresses=len(addresses),
            again=len(places),
        )

    def _is_settled(
        self,
        repository: CandidateRepository,
        person_id: uuid.UUID,
        medium_id: uuid.UUID,
        hashes: MediaHashes,
    ) -> bool:
        """Whether this content, or a copy of it, was settled with "never this again"."""
        for settled in repository.never_again(person_id):
            if settled.medium_id == medium_id:
                return True
            row = repository.of_medium(person_id, settled.medium_id)
            if row is None or row.state == "halted":
                continue
            examination = self._sealed.document(row).examination
            if examination is not None and _same_picture(examination.hashes, hashes):
                return True
        return False

    def _pause_a_flood_of_copies(
        self, session: Session, worker: Actor, repository: CandidateRepository, row: Candidate
    ) -> None:
        since = self._clock.now() - timedelta(days=1)
        if repository.count_found_since(row.person_id, row.kind, since) <= FLOOD_COPIES_A_DAY:
            return
        self._enrolment.pause(
            session,
            worker,
            row.person_id,
            f"More than {FLOOD_COPIES_A_DAY} finds in one day: please look before going on.",
        )


def without_crops(examination: Examination, finding: PersonFinding | None) -> Examination:
    """The examination as it is kept: this person's finding alone, and no face crop in it."""
    if finding is None:
        return msgspec.structs.replace(examination, findings=())
    faces = tuple(msgspec.structs.replace(face, face_crop_png=b"") for face in finding.faces)
    return msgspec.structs.replace(
        examination, findings=(msgspec.structs.replace(finding, faces=faces),)
    )


def _same_picture(one: MediaHashes, other: MediaHashes) -> bool:
    if one.pdq is None or other.pdq is None:
        return one.sha256 == other.sha256
    distance = (int(one.pdq, 16) ^ int(other.pdq, 16)).bit_count()
    return distance <= _SAME_PICTURE_BITS
