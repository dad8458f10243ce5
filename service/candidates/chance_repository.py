"""All SQL of what holds finds by face back, for one caller: every query starts from what they see.

Persons see what is theirs, advocates what is of people who gave them a mandate, operators ids,
states and counts of their organisation, never a document.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, cast, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.accounts.actor import Actor, Role
from service.candidates.models import Candidate, FaceFlood, LookAlikeLimit
from service.enrolment.visibility import looked_for_by_face, visible_people
from service.errors import NotFoundError

RESTING = ("open", "stopped")


@dataclass(frozen=True, slots=True)
class NewFinds:
    """Finds of one person by face since a moment: how many, of how many events and sites."""

    finds: int
    events: int
    sites: int


class ChanceRepository:
    """Limits for look-alikes and floods that `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: LookAlikeLimit | FaceFlood) -> bool:
        """Write a new row; False when another worker wrote its like at the same moment."""
        try:
            with self._session.begin_nested():
                self._session.add(row)
                self._session.flush()
        except IntegrityError:
            return False
        return True

    def delete(self, row: LookAlikeLimit) -> None:
        """Delete a limit that one of these methods gave."""
        self._session.delete(row)
        self._session.flush()

    def check_visible(self, person_id: uuid.UUID) -> None:
        """`NotFoundError` for a person whom the caller may not see."""
        visible = visible_people(self._actor, self._at).subquery()
        if self._session.scalar(select(visible.c.id).where(visible.c.id == person_id)) is None:
            raise NotFoundError("There is no such case, or you may not see it.")

    # --- limits ---------------------------------------------------------------------------------

    def limits(self, person_id: uuid.UUID) -> Sequence[LookAlikeLimit]:
        """The limits of one visible person that are in force, by site."""
        return self._session.scalars(
            select(LookAlikeLimit)
            .where(
                LookAlikeLimit.person_id == person_id,
                self._is_visible(LookAlikeLimit.person_id),
                LookAlikeLimit.expires_at > self._at,
            )
            .order_by(LookAlikeLimit.site)
        ).all()

    def limit_on(self, person_id: uuid.UUID, site: str) -> LookAlikeLimit | None:
        """The row of one visible person on one site, also one that is over."""
        return self._session.scalar(
            select(LookAlikeLimit)
            .where(
                LookAlikeLimit.person_id == person_id,
                LookAlikeLimit.site == site,
                self._is_visible(LookAlikeLimit.person_id),
            )
            .with_for_update(of=LookAlikeLimit)
        )

    def limit(self, person_id: uuid.UUID, limit_id: uuid.UUID) -> LookAlikeLimit:
        """One limit of one visible person, or `NotFoundError`."""
        found = self._session.scalar(
            select(LookAlikeLimit)
            .where(
                LookAlikeLimit.id == limit_id,
                LookAlikeLimit.person_id == person_id,
                self._is_visible(LookAlikeLimit.person_id),
            )
            .with_for_update(of=LookAlikeLimit)
        )
        if found is None:
            raise NotFoundError("There is no such limit, or you may not see it.")
        return found

    def over(self) -> Sequence[LookAlikeLimit]:
        """Visible limits whose time is over."""
        return self._session.scalars(
            select(LookAlikeLimit).where(
                self._is_visible(LookAlikeLimit.person_id), LookAlikeLimit.expires_at <= self._at
            )
        ).all()

    def any_counted_in(self, run_id: uuid.UUID) -> int:
        """How many weaker look-alikes a run did not show: a number of the run, of no person.

        That the caller may see the run is checked where runs are kept.
        """
        counted = select(func.coalesce(func.sum(LookAlikeLimit.weaker), 0)).where(
            LookAlikeLimit.counted_in == run_id
        )
        return int(self._session.scalar(counted) or 0)

    # --- floods ---------------------------------------------------------------------------------

    def flood(self, flood_id: uuid.UUID) -> FaceFlood:
        """One flood, or `NotFoundError`; nobody else decides it meanwhile."""
        found = self._session.scalar(
            select(FaceFlood)
            .where(FaceFlood.id == flood_id, self._may_know(FaceFlood.person_id))
            .with_for_update(of=FaceFlood)
        )
        if found is None:
            raise NotFoundError("There is no such pause, or you may not see it.")
        return found

    def floods(self, *states: str) -> Sequence[FaceFlood]:
        """Floods in these states of people who are looked for by their face, the latest first."""
        return self._session.scalars(
            select(FaceFlood)
            .where(
                FaceFlood.state.in_(states),
                self._may_know(FaceFlood.person_id),
                FaceFlood.person_id.in_(looked_for_by_face(self._at)),
            )
            .order_by(FaceFlood.began_at.desc(), FaceFlood.id)
        ).all()

    def resting(self, person_id: uuid.UUID) -> FaceFlood | None:
        """The flood for which finds of one person by face rest now."""
        return self._session.scalar(
            select(FaceFlood)
            .where(
                FaceFlood.person_id == person_id,
                FaceFlood.state.in_(RESTING),
                self._may_know(FaceFlood.person_id),
            )
            .with_for_update(of=FaceFlood)
        )

    def last_decided_at(self, person_id: uuid.UUID) -> datetime | None:
        """When somebody decided on the latest flood of a person."""
        return self._session.scalar(
            select(func.max(FaceFlood.decided_at)).where(
                FaceFlood.person_id == person_id, self._may_know(FaceFlood.person_id)
            )
        )

    def any_resting_in(self, organisation_id: uuid.UUID) -> int:
        """For how many people of an organisation search by face rests: a number of no person.

        That the caller may see the organisation's run is checked where runs are kept.
        """
        return (
            self._session.scalar(
                select(func.count())
                .select_from(FaceFlood)
                .where(
                    FaceFlood.organisation_id == organisation_id,
                    FaceFlood.state.in_(RESTING),
                    FaceFlood.person_id.in_(looked_for_by_face(self._at)),
                )
            )
            or 0
        )

    # --- finds ----------------------------------------------------------------------------------

    def new_finds(self, person_id: uuid.UUID, since: datetime) -> NewFinds:
        """Finds of a person by face since a moment that nobody has confirmed."""
        row = self._session.execute(
            select(
                func.count(),
                func.count(func.distinct(func.coalesce(Candidate.event_key, _text(Candidate.id)))),
                func.count(func.distinct(func.coalesce(Candidate.site, Candidate.host))),
            ).where(
                Candidate.person_id == person_id,
                self._is_visible(Candidate.person_id),
                Candidate.kind == "face",
                Candidate.state != "confirmed",
                Candidate.found_at > since,
            )
        ).one()
        return NewFinds(*row)

    def waiting_in_event(self, person_id: uuid.UUID, event_key: str) -> int:
        """How many finds by face of one event wait to be decided."""
        return (
            self._session.scalar(
                select(func.count())
                .select_from(Candidate)
                .where(
                    Candidate.person_id == person_id,
                    self._is_visible(Candidate.person_id),
                    Candidate.event_key == event_key,
                    Candidate.kind == "face",
                    Candidate.state == "waiting",
                )
            )
            or 0
        )

    def latest_face(self, person_id: uuid.UUID) -> Candidate | None:
        """The latest undecided find of a person by face."""
        return self._session.scalar(
            select(Candidate)
            .where(
                Candidate.person_id == person_id,
                self._is_visible(Candidate.person_id),
                Candidate.kind == "face",
                Candidate.state == "waiting",
            )
            .order_by(Candidate.found_at.desc(), Candidate.id)
            .limit(1)
        )

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[int, int]:
        """Delete limits and floods of a visible person, counted."""
        counts = []
        for table in (LookAlikeLimit, FaceFlood):
            gone = self._session.scalars(
                delete(table)
                .where(table.person_id == person_id, self._is_visible(table.person_id))
                .returning(table.id)
            ).all()
            counts.append(len(gone))
        return counts[0], counts[1]

    def _is_visible(self, person_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
        return person_id.in_(visible_people(self._actor, self._at))

    def _may_know(self, person_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
        """Of floods operators know ids, states and counts: they decide on them, too."""
        if self._actor.role is Role.OPERATOR:
            return FaceFlood.organisation_id == self._actor.organisation_id
        return self._is_visible(person_id)


def _text(column: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[str]:
    return cast(column, String)
