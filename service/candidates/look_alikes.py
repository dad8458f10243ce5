"""Look-alikes: one somebody else on one site is one event, not a thousand finds.

1. Reviewers dismissed a find of a person on a site as somebody else. From then on a face there has
   to be more similar than that one was, by a margin, or it is only counted.
2. So it is for a while (a setting), until a find of the person there is confirmed, or until an
   advocate asks to be shown them again. Then the sites are looked at again.
3. While many finds from one page or account wait to be decided, further ones are only counted.

Nothing of the stranger is kept: the limit is made of the similarities of decided finds of the
enrolled person, and counts are numbers. A find by hash is never held back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from indexer.observations import FaceMatch, ModelStamp
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.chance_repository import ChanceRepository
from service.candidates.documents import LookAlikeDocument
from service.candidates.models import LookAlikeLimit
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, NotAllowedError
from service.vault import Vault

MARGIN = 0.05
"""Similarity above that of somebody dismissed, below which the next one is the same again.

Measured with yunet-sface on the 732 people of LFW with three or more pictures: of the further
pictures of a stranger who matched an enrolled person once, and match again, 94 % stay below it;
97 % with 0.07.
"""
MOST = 0.60
"""No limit is higher, so that a clear likeness is never held back: 26 % of true comparisons lie
below, and no stranger of 3,176 people first matched with more than 0.58."""
ONE_STEP = 0.06
"""A limit that is higher by so much leaves about a tenth of the chance matches."""
EVERYWHERE = ""
MOST_WAITING_IN_EVENT = 20
"""Undecided finds by face of one person from one page or account."""
_MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class LookAlikeView:
    """What was not shown of one person on one site; `site` is empty for a limit on all of them.

    `weaker` fell below the limit in the latest run that met some, `further` wait until those that
    were shown are decided. `is_limit` is false where nobody was dismissed.
    """

    limit_id: uuid.UUID
    site: str
    weaker: int
    further: int
    until: datetime
    is_limit: bool


class LookAlikes:
    """Keeps limits, in the caller's transaction."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        *,
        days: int,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._lasts = timedelta(days=days)

    # --- while finds are made -------------------------------------------------------------------

    def is_weaker(
        self,
        session: Session,
        worker: Actor,
        person_id: uuid.UUID,
        site: str,
        match: FaceMatch,
        model: ModelStamp | None,
        run_id: uuid.UUID | None,
    ) -> bool:
        """Whether the face is below a limit; then it is counted."""
        repository = self._repository(session, worker)
        for where in (site, EVERYWHERE):
            row = repository.limit_on(person_id, where)
            if row is None or not self._is_live(row):
                continue
            document = self._document(row)
            if document.model == _name(model) and match.similarity < document.limit:
                self._count(row, run_id)
                row.weaker += 1
                return True
        return False

    def has_enough(
        self,
        session: Session,
        worker: Actor,
        person_id: uuid.UUID,
        site: str,
        event_key: str,
        run_id: uuid.UUID | None,
    ) -> bool:
        """Whether enough finds of one event wait to be decided; then this one is counted."""
        repository = self._repository(session, worker)
        if repository.waiting_in_event(person_id, event_key) < MOST_WAITING_IN_EVENT:
            return False
        row = repository.limit_on(person_id, site)
        if row is None:
            row = self._new(repository, worker, person_id, site, LookAlikeDocument("", 0.0))
        elif not self._is_live(row):
            self._put(row, LookAlikeDocument("", 0.0))
            row.expires_at = self._clock.now() + self._lasts
        self._count(row, run_id)
        row.further += 1
        return True

    # --- after decisions ------------------------------------------------------------------------

    def dismissed(
        self,
        session: Session,
        person_id: uuid.UUID,
        site: str,
        match: FaceMatch,
        model: ModelStamp | None,
    ) -> None:
        """Reviewers said that this was somebody else: the limit on this site rises above it."""
        system = self._system(session, person_id)
        repository = self._repository(session, system)
        row = repository.limit_on(person_id, site)
        before = self._document(row) if row is not None else LookAlikeDocument("", 0.0)
        is_same_model = before.model == _name(model)
        earlier = before.dismissed if is_same_model and self._is_live(row) else ()
        known = sorted((*earlier, match.similarity))[-_MOST_KEPT:]
        document = LookAlikeDocument(_name(model), min(MOST, known[-1] + MARGIN), tuple(known))
        if row is None:
            row = self._new(repository, system, person_id, site, document)
        self._put(row, document)
        row.changed_at = self._clock.now()
        row.expires_at = self._clock.now() + self._lasts
        self._audit.record(session, system, "look_alikes.limit", "person", person_id)

    def confirmed(self, session: Session, person_id: uuid.UUID, site: str) -> None:
        """The person is on this site: weaker likenesses there are shown again."""
        system = self._system(session, person_id)
        repository = self._repository(session, system)
        row = repository.limit_on(person_id, site)
        if row is not None:
            self._end(session, system, repository, row, "look_alikes.confirmed")

    def decided(
        self, session: Session, person_id: uuid.UUID, site: str, event_key: str | None
    ) -> None:
        """Once nothing of an event waits any more, what was only counted is looked for again."""
        if event_key is None:
            return
        repository = self._repository(session, self._system(session, person_id))
        if repository.waiting_in_event(person_id, event_key):
            return
        row = repository.limit_on(person_id, site)
        if row is None or not row.further:
            return
        row.further = 0
        if not self._document(row).model:
            repository.delete(row)
        self._enrolment.bump_gallery(session)

    def raise_everywhere(
        self, session: Session, person_id: uuid.UUID, match: FaceMatch, model: ModelStamp | None
    ) -> None:
        """A limit on every site, one step above the threshold or the limit that is there."""
        system = self._system(session, person_id)
        repository = self._repository(session, system)
        row = repository.limit_on(person_id, EVERYWHERE)
        before = self._document(row) if row is not None and self._is_live(row) else None
        is_same_model = before is not None and before.model == _name(model)
        least = before.limit if before is not None and is_same_model else match.threshold
        if least >= MOST:
            raise ConflictError(
                "The threshold for this person is as high as it may be: go on, or stop."
            )
        document = LookAlikeDocument(_name(model), min(MOST, least + ONE_STEP))
        if row is None:
            row = self._new(repository, system, person_id, EVERYWHERE, document)
        self._put(row, document)
        row.changed_at = self._clock.now()
        row.expires_at = self._clock.now() + self._lasts

    # --- people's doors -------------------------------------------------------------------------

    def of_person(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[LookAlikeView, ...]:
        """What was not shown of a visible person, by site; else `NotFoundError`."""
        repository = self._repository(session, actor)
        repository.check_visible(person_id)
        return tuple(
            LookAlikeView(
                row.id,
                row.site,
                row.weaker,
                row.further,
                row.expires_at,
                bool(self._document(row).model),
            )
            for row in repository.limits(person_id)
        )

    def show_again(
        self, session: Session, actor: Actor, person_id: uuid.UUID, limit_id: uuid.UUID
    ) -> None:
        """Forget one limit: the sites are looked at again, and weaker likenesses shown."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only advocates decide what they are shown.")
        repository = self._repository(session, actor)
        row = repository.limit(person_id, limit_id)
        self._end(session, actor, repository, row, "look_alikes.show_again")

    def counted_in(self, session: Session, actor: Actor, run_id: uuid.UUID) -> int:
        """How many weaker look-alikes a run did not show."""
        return self._repository(session, actor).any_counted_in(run_id)

    def end_expired(self, session: Session, actor: Actor) -> int:
        """Forget limits whose time is over; called by a schedule. Returns how many."""
        repository = self._repository(session, actor)
        over = repository.over()
        for row in over:
            self._end(session, actor, repository, row, "look_alikes.expire")
        return len(over)

    # --- parts ----------------------------------------------------------------------------------

    def _end(
        self,
        session: Session,
        actor: Actor,
        repository: ChanceRepository,
        row: LookAlikeLimit,
        action: str,
    ) -> None:
        """What was held back is found by looking again: nothing was kept that could be shown."""
        person_id, held_back = row.person_id, row.weaker + row.further
        repository.delete(row)
        if held_back:
            self._enrolment.bump_gallery(session)
        self._audit.record(session, actor, action, "person", person_id, held_back=held_back)

    def _count(self, row: LookAlikeLimit, run_id: uuid.UUID | None) -> None:
        """Each run counts weaker ones anew: the same medium seen again is no further one.

        What waits for decisions waits on, whichever run comes next: it asks for another look.
        """
        if row.counted_in != run_id:
            row.weaker = 0
            row.counted_in = run_id

    def _new(
        self,
        repository: ChanceRepository,
        system: Actor,
        person_id: uuid.UUID,
        site: str,
        document: LookAlikeDocument,
    ) -> LookAlikeLimit:
        now = self._clock.now()
        row = LookAlikeLimit(
            id=uuid.uuid4(),
            organisation_id=system.organisation_id,
            person_id=person_id,
            site=site,
            weaker=0,
            further=0,
            changed_at=now,
            expires_at=now + self._lasts,
        )
        self._put(row, document)
        if repository.add(row):
            return row
        theirs = repository.limit_on(person_id, site)
        if theirs is None:
            raise ConflictError("This limit was ended while it was being written; try again.")
        return theirs

    def _is_live(self, row: LookAlikeLimit | None) -> bool:
        return row is not None and row.expires_at > self._clock.now()

    def _document(self, row: LookAlikeLimit) -> LookAlikeDocument:
        return self._vault.unseal_document(
            row.person_id, _context(row), row.document, LookAlikeDocument
        )

    def _put(self, row: LookAlikeLimit, document: LookAlikeDocument) -> None:
        row.document = self._vault.seal_document(row.person_id, _context(row), document)

    def _system(self, session: Session, person_id: uuid.UUID) -> Actor:
        """A lent reviewer decides finds, too: what follows is the person's organisation's."""
        return Actor.system("look-alikes", self._enrolment.organisation_of(session, person_id))

    def _repository(self, session: Session, actor: Actor) -> ChanceRepository:
        return ChanceRepository(session, actor, self._clock.now())


def _context(row: LookAlikeLimit) -> str:
    return f"look_alike_limits.document:{row.id}"


def _name(model: ModelStamp | None) -> str:
    return f"{model.pack}/{model.digest}/{model.preprocessing}" if model is not None else ""
