"""All SQL of candidates, for one caller: every query starts from whose finds they may see."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.candidates.models import Candidate, Confirmation, NeverAgain
from service.enrolment.visibility import reviewable_people
from service.errors import NotAllowedError, NotFoundError


class PageOfFind(NamedTuple):
    """Of whom a find by name is, and on which page: a keyed HMAC of both."""

    id: uuid.UUID
    person_id: uuid.UUID
    page_key: str


class CandidateRepository:
    """Candidates that `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: Candidate | Confirmation | NeverAgain) -> None:
        """Write a new row."""
        self._session.add(row)
        self._session.flush()

    def add_unless_there(self, row: Candidate) -> bool:
        """Write a new candidate; False when another worker wrote the same one at this moment."""
        try:
            with self._session.begin_nested():
                self.add(row)
        except IntegrityError:
            return False
        return True

    def candidate(self, candidate_id: uuid.UUID, *, for_update: bool = False) -> Candidate:
        """One candidate, or `NotFoundError`. `for_update` keeps others from deciding meanwhile."""
        query = self._visible().where(Candidate.id == candidate_id)
        if for_update:
            query = query.with_for_update(of=Candidate)
        found = self._session.scalar(query)
        if found is None:
            raise NotFoundError("There is no such find, or you may not see it.")
        return found

    def waiting(self) -> Sequence[Candidate]:
        """Candidates that wait for somebody; the soonest to expire first."""
        return self._session.scalars(
            self._visible()
            .where(Candidate.state == "waiting")
            .order_by(Candidate.held_until, Candidate.id)
        ).all()

    def open(self) -> Sequence[Candidate]:
        """Visible candidates that were neither dismissed nor halted, nor have expired."""
        return self._session.scalars(
            self._visible()
            .where(Candidate.state.in_(("waiting", "confirmed")))
            .order_by(Candidate.found_at, Candidate.id)
        ).all()

    def of_person(self, person_id: uuid.UUID, *states: str) -> Sequence[Candidate]:
        """Candidates of one person, the latest first; only in `states` when some are named."""
        query = self._visible().where(Candidate.person_id == person_id)
        if states:
            query = query.where(Candidate.state.in_(states))
        return self._session.scalars(query.order_by(Candidate.found_at.desc(), Candidate.id)).all()

    def of_medium(self, person_id: uuid.UUID, medium_id: uuid.UUID) -> Candidate | None:
        """The one candidate of this person and this content."""
        return self._session.scalar(
            self._visible()
            .where(Candidate.person_id == person_id, Candidate.medium_id == medium_id)
            .with_for_update(of=Candidate)
        )

    def waiting_of_event(self, person_id: uuid.UUID, event_key: str) -> Sequence[Candidate]:
        """Visible candidates of one event that wait for somebody, the earliest first."""
        return self._session.scalars(
            self._visible()
            .where(
                Candidate.person_id == person_id,
                Candidate.event_key == event_key,
                Candidate.state == "waiting",
            )
            .order_by(Candidate.found_at, Candidate.id)
        ).all()

    def any_of_medium(self, medium_id: uuid.UUID) -> Sequence[Candidate]:
        """Candidates of one content of every organisation: a sign of a minor halts them all."""
        return self._session.scalars(
            select(Candidate).where(Candidate.medium_id == medium_id).with_for_update(of=Candidate)
        ).all()

    def any_pages_on(self, site: str, *states: str) -> Sequence[PageOfFind]:
        """The pages of finds by name on one site, of every organisation: a sign of a minor halts a
        page for all. Only in `states` when some are named.
        """
        query = select(Candidate.id, Candidate.person_id, Candidate.page_key).where(
            Candidate.site == site, Candidate.page_key.is_not(None)
        )
        if states:
            query = query.where(Candidate.state.in_(states))
        rows = self._session.execute(query)
        return [PageOfFind(each, person_id, key or "") for each, person_id, key in rows]

    def any_locked(self, candidate_ids: Sequence[uuid.UUID]) -> Sequence[Candidate]:
        """These candidates, of every organisation, to halt them."""
        return self._session.scalars(
            select(Candidate)
            .where(Candidate.id.in_(candidate_ids))
            .order_by(Candidate.id)
            .with_for_update(of=Candidate)
        ).all()

    def any_open_media(self) -> Sequence[uuid.UUID]:
        """Contents of all undecided and confirmed candidates, of every organisation.

        A sign of a minor halts what looks the same, whomever it was found for.
        """
        return self._session.scalars(
            select(Candidate.medium_id)
            .where(Candidate.state.in_(("waiting", "confirmed")), Candidate.medium_id.is_not(None))
            .distinct()
        ).all()  # type: ignore[return-value]

    def any_halted(self) -> Sequence[Candidate]:
        """Halted candidates of an operator's organisation: they report addresses, and see no more.

        The operator sees no other document of anybody; whose candidate it is is not shown.
        """
        if self._actor.role not in (Role.OPERATOR, Role.SYSTEM):
            raise NotAllowedError("Only an operator sees what has to be reported.")
        query = select(Candidate).where(Candidate.state == "halted")
        if self._actor.role is Role.OPERATOR or self._actor.organisation_id is not None:
            query = query.where(Candidate.organisation_id == self._actor.organisation_id)
        return self._session.scalars(query.order_by(Candidate.decided_at.desc())).all()

    def overdue(self) -> Sequence[Candidate]:
        """Visible candidates that were held too long without being decided."""
        return self._session.scalars(
            self._visible().where(Candidate.state == "waiting", Candidate.held_until <= self._at)
        ).all()

    def count_states(self, person_id: uuid.UUID) -> tuple[tuple[str, int], ...]:
        """How many candidates of one person are in which state."""
        rows = self._session.execute(
            select(Candidate.state, func.count())
            .where(
                Candidate.person_id == person_id,
                Candidate.person_id.in_(reviewable_people(self._actor, self._at)),
            )
            .group_by(Candidate.state)
        ).all()
        return tuple((state, count) for state, count in rows)

    def any_count_of_run(self, run_id: uuid.UUID) -> tuple[tuple[str, str, int], ...]:
        """(kind, state, count) of a run's candidates: numbers of the run, nothing of any person.

        Not limited to people whom the caller may see: a crawl report is read by operators, who
        see no person; that the caller may see the run is checked where runs are kept.
        """
        rows = self._session.execute(
            select(Candidate.kind, Candidate.state, func.count())
            .where(Candidate.run_id == run_id)
            .group_by(Candidate.kind, Candidate.state)
            .order_by(Candidate.kind, Candidate.state)
        ).all()
        return tuple((kind, state, count) for kind, state, count in rows)

    def count_found_since(self, person_id: uuid.UUID, kind: str, moment: datetime) -> int:
        """How many finds of one person and kind appeared since `moment`."""
        return (
            self._session.scalar(
                select(func.count())
                .select_from(Candidate)
                .where(
                    Candidate.person_id == person_id,
                    Candidate.person_id.in_(reviewable_people(self._actor, self._at)),
                    Candidate.kind == kind,
                    Candidate.found_at > moment,
                )
            )
            or 0
        )

    def exists_for_medium(self, medium_id: uuid.UUID) -> bool:
        """Whether a visible person was found in this content before."""
        return (
            self._session.scalar(self._visible().where(Candidate.medium_id == medium_id).limit(1))
            is not None
        )

    def confirmations(self, candidate_id: uuid.UUID) -> Sequence[Confirmation]:
        """What was said of a visible candidate, the earliest first."""
        visible = self._visible().where(Candidate.id == candidate_id).subquery()
        return self._session.scalars(
            select(Confirmation)
            .where(Confirmation.candidate_id.in_(select(visible.c.id)))
            .order_by(Confirmation.decided_at, Confirmation.id)
        ).all()

    def delete(self, row: Confirmation) -> None:
        """Delete a confirmation that one of these methods gave."""
        self._session.delete(row)
        self._session.flush()

    def never_again(self, person_id: uuid.UUID) -> Sequence[NeverAgain]:
        """The contents that are never to be a candidate of this person again."""
        return self._session.scalars(
            select(NeverAgain).where(
                NeverAgain.person_id == person_id,
                NeverAgain.person_id.in_(reviewable_people(self._actor, self._at)),
            )
        ).all()

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[int, int]:
        """Delete everything of a visible person: candidates and confirmations, counted."""
        ids = [row.id for row in self.of_person(person_id)]
        confirmations = self._session.scalars(
            delete(Confirmation)
            .where(Confirmation.candidate_id.in_(ids))
            .returning(Confirmation.id)
        ).all()
        self._session.execute(delete(NeverAgain).where(NeverAgain.person_id == person_id))
        self._session.execute(delete(Candidate).where(Candidate.id.in_(ids)))
        return len(ids), len(confirmations)

    def _visible(self) -> Select[Candidate]:
        return select(Candidate).where(
            Candidate.person_id.in_(reviewable_people(self._actor, self._at))
        )
