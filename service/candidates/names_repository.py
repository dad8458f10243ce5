"""All SQL of finds by name, for one caller."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, String, case, cast, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.accounts.actor import Actor, Role
from service.candidates.models import Candidate
from service.candidates.names_models import NameFlood, NameSurplus, NeverAgainName
from service.enrolment.visibility import visible_people
from service.errors import NotFoundError

RESTING: Final = ("open", "stopped")


class NewFinds(NamedTuple):
    """Undecided and refused finds of one name: of how many events, and on how many sites."""

    finds: int
    events: int
    sites: int


class NameFindsRepository:
    """Finds by name of the people whom `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def of_page(self, person_id: uuid.UUID, key: str) -> Candidate | None:
        """The one find of this person on this page."""
        return self._session.scalar(
            select(Candidate)
            .where(
                Candidate.person_id == person_id,
                Candidate.page_key == key,
                self._is_visible(Candidate.person_id),
            )
            .with_for_update(of=Candidate)
        )

    def count_on_site(self, person_id: uuid.UUID, site: str, since: datetime) -> int:
        """Finds of a person by name on one site that wait, or were made since a moment."""
        return (
            self._session.scalar(
                select(func.count())
                .select_from(Candidate)
                .where(
                    Candidate.person_id == person_id,
                    self._is_visible(Candidate.person_id),
                    Candidate.kind == "name",
                    Candidate.site == site,
                    or_(Candidate.state == "waiting", Candidate.found_at > since),
                )
            )
            or 0
        )

    def add_find(self, row: Candidate) -> bool:
        """Write a new find; False when another worker wrote the same one at the same moment."""
        return self._added(row)

    def is_settled(self, person_id: uuid.UUID, keys: Sequence[str]) -> bool:
        """Whether one of these was settled with "never this again"."""
        found = self._session.scalar(
            select(NeverAgainName.id)
            .where(
                NeverAgainName.person_id == person_id,
                NeverAgainName.key.in_(keys),
                self._is_visible(NeverAgainName.person_id),
            )
            .limit(1)
        )
        return found is not None

    def settle(self, person_id: uuid.UUID, keys: Sequence[str]) -> None:
        """Never again; what was settled before stays as it was."""
        for key in keys:
            self._session.execute(
                self._insert(NeverAgainName)
                .values(id=uuid.uuid4(), person_id=person_id, key=key, decided_at=self._at)
                .on_conflict_do_nothing(index_elements=["person_id", "key"])
            )

    # --- what was only counted ------------------------------------------------------------------

    def count_surplus(self, person_id: uuid.UUID, site: str, run_id: uuid.UUID | None) -> None:
        """One more page of a site that is not shown; a new run counts anew."""
        in_this_run = NameSurplus.counted_in.is_not_distinct_from(run_id)
        self._session.execute(
            self._insert(NameSurplus)
            .values(
                id=uuid.uuid4(),
                person_id=person_id,
                site=site,
                pages=1,
                counted_in=run_id,
                counted_at=self._at,
            )
            .on_conflict_do_update(
                index_elements=["person_id", "site"],
                set_={
                    "pages": case((in_this_run, NameSurplus.pages + 1), else_=1),
                    "counted_in": run_id,
                    "counted_at": self._at,
                },
            )
        )

    def forget_earlier_surplus(self, person_id: uuid.UUID, site: str, run_id: uuid.UUID) -> None:
        """What another run counted on a site: this run reads those pages again."""
        self._session.execute(
            delete(NameSurplus).where(
                NameSurplus.person_id == person_id,
                NameSurplus.site == site,
                NameSurplus.counted_in.is_distinct_from(run_id),
                self._is_visible(NameSurplus.person_id),
            )
        )

    def all_surpluses(self) -> Sequence[NameSurplus]:
        """The same of everybody whom the caller may see."""
        return self._session.scalars(
            select(NameSurplus)
            .where(self._is_visible(NameSurplus.person_id))
            .order_by(NameSurplus.person_id, NameSurplus.site)
        ).all()

    def surpluses(self, person_id: uuid.UUID) -> Sequence[NameSurplus]:
        """What was counted beyond what is shown, by site."""
        return self._session.scalars(
            select(NameSurplus)
            .where(NameSurplus.person_id == person_id, self._is_visible(NameSurplus.person_id))
            .order_by(NameSurplus.site)
        ).all()

    # --- floods ---------------------------------------------------------------------------------

    def resting(self, name_ids: Sequence[uuid.UUID]) -> Sequence[NameFlood]:
        """Floods of these names that rest, for counting."""
        return self._session.scalars(
            select(NameFlood)
            .where(
                NameFlood.name_id.in_(name_ids),
                NameFlood.state.in_(RESTING),
                self._is_visible(NameFlood.person_id),
            )
            .with_for_update(of=NameFlood)
        ).all()

    def new_finds(self, name_id: uuid.UUID, since: datetime) -> NewFinds:
        """Finds of a name since a moment that nobody has confirmed."""
        row = self._session.execute(
            select(
                func.count(),
                func.count(
                    func.distinct(func.coalesce(Candidate.event_key, cast(Candidate.id, String)))
                ),
                func.count(func.distinct(Candidate.site)),
            ).where(
                Candidate.name_id == name_id,
                self._is_visible(Candidate.person_id),
                Candidate.state != "confirmed",
                Candidate.found_at > since,
            )
        ).one()
        return NewFinds(*row)

    def last_decided_at(self, name_id: uuid.UUID) -> datetime | None:
        """When somebody decided on the latest flood of a name."""
        return self._session.scalar(
            select(func.max(NameFlood.decided_at)).where(
                NameFlood.name_id == name_id, self._is_visible(NameFlood.person_id)
            )
        )

    def add_flood(self, row: NameFlood) -> bool:
        """Write a flood; False when another worker wrote its like at the same moment."""
        return self._added(row)

    def floods(self, *states: str) -> Sequence[NameFlood]:
        """Floods that the caller may know of, the latest first."""
        return self._session.scalars(
            select(NameFlood)
            .where(NameFlood.state.in_(states), self._may_know())
            .order_by(NameFlood.began_at.desc(), NameFlood.id)
        ).all()

    def flood(self, flood_id: uuid.UUID) -> NameFlood:
        """One of them, to decide on."""
        found = self._session.scalar(
            select(NameFlood).where(NameFlood.id == flood_id, self._may_know()).with_for_update()
        )
        if found is None:
            raise NotFoundError("There is no such name that rests, or you may not see it.")
        return found

    # --- erasing --------------------------------------------------------------------------------

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[int, int, int]:
        """Delete what was settled, counted and rests of a visible person, counted."""
        gone = []
        for table in (NeverAgainName, NameSurplus, NameFlood):
            ids = self._session.scalars(
                delete(table)
                .where(table.person_id == person_id, self._is_visible(table.person_id))
                .returning(table.id)
            ).all()
            gone.append(len(ids))
        return gone[0], gone[1], gone[2]

    def _added(self, row: Candidate | NameFlood) -> bool:
        try:
            with self._session.begin_nested():
                self._session.add(row)
                self._session.flush()
        except IntegrityError:
            return False
        return True

    def _insert(
        self, table: type[NeverAgainName | NameSurplus]
    ) -> postgresql.Insert | sqlite.Insert:
        on_postgresql = self._session.get_bind().dialect.name == "postgresql"
        return postgresql.insert(table) if on_postgresql else sqlite.insert(table)

    def _is_visible(self, person_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
        return person_id.in_(visible_people(self._actor, self._at))

    def _may_know(self) -> ColumnElement[bool]:
        """Of floods operators know ids, states and counts: they decide on them, too."""
        if self._actor.role is Role.OPERATOR:
            return NameFlood.organisation_id == self._actor.organisation_id
        return self._is_visible(NameFlood.person_id)
