"""All SQL on sites, runs and media seen; every query starts from what the caller may see.

Operators and advocates see their organisation's sites and runs, the system all of its
organisation's (or of all, when it acts for none), and people none.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    bindparam,
    cast,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.accounts.actor import Actor, Role
from service.errors import NotFoundError
from service.sources.models import FrontierEntry, MediumSeen, Run, Sighting, Site
from service.sources.views import COUNTS, LIVE_STATES, YIELDED, RunCount, RunNow

LIST_LIMIT = 200

# Counted with every few addresses: the ORM's bookkeeping would cost more than the statement.
_RUNS: Table = Run.metadata.tables[Run.__tablename__]
_PLUS = {name: _RUNS.c[name] + bindparam(f"plus_{name}") for name in COUNTS}
_RUN_NOW = select(
    _RUNS.c.state,
    _RUNS.c.generation,
    _RUNS.c.steps_aside_at,
    _RUNS.c.pages_seen,
    _RUNS.c.media_seen,
)


class SourcesRepository:
    """What one caller may see of the sources."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def sites(self) -> Sequence[Site]:
        """All sites that the caller may see, by name."""
        return self._session.scalars(self._sites().order_by(Site.name)).all()

    def names_that_need_script(self) -> Sequence[str]:
        """The sites whose pages are rendered by a browser."""
        statement = self._sites().where(Site.needs_script.is_(True)).order_by(Site.name)
        return [site.name for site in self._session.scalars(statement)]

    def site(self, site_id: uuid.UUID, *, for_update: bool = False) -> Site:
        """One site; `NotFoundError` when the caller may not see it."""
        statement = self._sites().where(Site.id == site_id)
        found = self._session.scalar(statement.with_for_update() if for_update else statement)
        if found is None:
            raise NotFoundError("there is no such site")
        return found

    def site_by_name(self, name: str) -> Site | None:
        """The site of that name, if the caller may see one."""
        return self._session.scalars(self._sites().where(Site.name == name).limit(1)).first()

    def due_sites(self, now: datetime) -> Sequence[Site]:
        """Active sites whose scheduled moment has come."""
        return self._session.scalars(
            self._sites().where(
                Site.state == "active", Site.schedule != "", Site.next_run_at <= now
            )
        ).all()

    def runs(self, *, site_id: uuid.UUID | None, limit: int, offset: int) -> Sequence[Run]:
        """Runs that the caller may see, the newest first."""
        statement = self._runs()
        if site_id is not None:
            statement = statement.where(Run.site_id == site_id)
        return self._session.scalars(
            statement.order_by(Run.created_at.desc(), Run.id).limit(limit).offset(offset)
        ).all()

    def run(self, run_id: uuid.UUID, *, for_update: bool = False) -> Run:
        """One run; `NotFoundError` when the caller may not see it."""
        statement = self._runs().where(Run.id == run_id)
        found = self._session.scalar(statement.with_for_update() if for_update else statement)
        if found is None:
            raise NotFoundError("there is no such run")
        return found

    def runs_serving(self, case_id: uuid.UUID) -> Sequence[Run]:
        """Runs that served this open case, the newest first."""
        return self._session.scalars(
            self._runs()
            .where(cast(Run.serves, String).contains(str(case_id)))
            .order_by(Run.created_at.desc())
        ).all()

    def runs_in(self, states: Sequence[str]) -> Sequence[Run]:
        """Runs in one of these states, the oldest first."""
        return self._session.scalars(
            self._runs().where(Run.state.in_(states)).order_by(Run.created_at)
        ).all()

    def runs_at_work_since(self, moment: datetime) -> Sequence[Run]:
        """Runs that have counted faces, and had not ended at that moment."""
        return self._session.scalars(
            self._runs().where(
                Run.faces_counted > 0, or_(Run.finished_at.is_(None), Run.finished_at > moment)
            )
        ).all()

    def live_run_of(self, site_id: uuid.UUID) -> Run | None:
        """A run of the site that has not ended; rather than one that stepped aside, the one for
        which it did.
        """
        return self._session.scalars(
            self._runs()
            .where(Run.site_id == site_id, Run.state.in_(LIVE_STATES))
            .order_by(Run.state == YIELDED, Run.created_at)
            .limit(1)
        ).first()

    def site_names(self, site_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Names of sites that the caller may see."""
        rows = self._session.execute(
            select(Site.id, Site.name).where(
                Site.id.in_(site_ids), self._visible(Site.organisation_id)
            )
        )
        return {site_id: name for site_id, name in rows}  # noqa: C416 - rows are no mapping

    def run_now(self, run_id: uuid.UUID) -> RunNow:
        """How far a run is; `NotFoundError` when the caller may not see it."""
        row = self._session.execute(
            _RUN_NOW.where(_RUNS.c.id == run_id, self._visible(_RUNS.c.organisation_id))
        ).first()
        if row is None:
            raise NotFoundError("there is no such run")
        return RunNow(*row)

    def add_to_run(self, run_id: uuid.UUID, count: RunCount) -> None:
        """Add to the run's counts, whoever else adds at the same time."""
        changes = count.changes()
        if changes:
            self._session.execute(
                update(_RUNS)
                .where(_RUNS.c.id == run_id, self._visible(_RUNS.c.organisation_id))
                .values({name: _PLUS[name] for name in changes}),
                {f"plus_{name}": number for name, number in changes.items()},
            )

    def any_medium(self, content_sha256: str) -> MediumSeen | None:
        """A medium by its content. Media belong to no organisation: they hold no personal data."""
        return self._session.scalar(
            select(MediumSeen).where(MediumSeen.content_sha256 == content_sha256)
        )

    def any_media_ids(self, content_sha256s: Sequence[str]) -> Sequence[uuid.UUID]:
        """Media by their contents; see `any_medium`."""
        return self._session.scalars(
            select(MediumSeen.id).where(MediumSeen.content_sha256.in_(content_sha256s))
        ).all()

    def sightings(self, run_id: uuid.UUID) -> Sequence[Sighting]:
        """All sightings of one run."""
        return self._session.scalars(
            select(Sighting)
            .where(Sighting.run_id == run_id, self._visible(Sighting.organisation_id))
            .order_by(Sighting.seen_at, Sighting.id)
        ).all()

    def sighting(self, run_id: uuid.UUID | None, medium_id: uuid.UUID, key: str) -> Sighting | None:
        """The sighting of a medium at an address, in a run or (None) among what people brought."""
        same_run = Sighting.run_id.is_(None) if run_id is None else Sighting.run_id == run_id
        return self._session.scalar(
            select(Sighting)
            .where(
                same_run,
                Sighting.medium_id == medium_id,
                Sighting.media_url_key == key,
                self._visible(Sighting.organisation_id),
            )
            .limit(1)
        )

    def latest_sighting_at(
        self, organisation_id: uuid.UUID, medium_id: uuid.UUID
    ) -> datetime | None:
        """When the organisation saw this medium last."""
        return self._session.scalar(
            select(func.max(Sighting.seen_at)).where(
                Sighting.organisation_id == organisation_id,
                Sighting.medium_id == medium_id,
                self._visible(Sighting.organisation_id),
            )
        )

    def media_of_run(self, run_id: uuid.UUID) -> Sequence[tuple[Sighting, MediumSeen]]:
        """Sightings of one run with their media."""
        rows = self._session.execute(
            select(Sighting, MediumSeen)
            .join(MediumSeen, MediumSeen.id == Sighting.medium_id)
            .where(Sighting.run_id == run_id, self._visible(Sighting.organisation_id))
            .order_by(Sighting.seen_at, Sighting.id)
        )
        return [(sighting, medium) for sighting, medium in rows]

    def refusals(self, run_id: uuid.UUID) -> Sequence[tuple[str, str, int]]:
        """(kind, code, count) of the run's refused and failed addresses."""
        self.run(run_id)
        rows = self._session.execute(
            select(FrontierEntry.kind, FrontierEntry.refusal_code, func.count())
            .where(
                FrontierEntry.run_id == run_id,
                FrontierEntry.state.in_(("refused", "failed")),
            )
            .group_by(FrontierEntry.kind, FrontierEntry.refusal_code)
            .order_by(FrontierEntry.kind, FrontierEntry.refusal_code)
        )
        return [(kind, code or "unknown", count) for kind, code, count in rows]

    def unreadable(self, run_id: uuid.UUID) -> Sequence[tuple[str, int]]:
        """(reason, count) of the run's media that could not be looked at."""
        rows = self._session.execute(
            select(MediumSeen.refusal_code, func.count(func.distinct(MediumSeen.id)))
            .join(Sighting, Sighting.medium_id == MediumSeen.id)
            .where(
                Sighting.run_id == run_id,
                self._visible(Sighting.organisation_id),
                MediumSeen.refusal_code.is_not(None),
            )
            .group_by(MediumSeen.refusal_code)
            .order_by(MediumSeen.refusal_code)
        )
        return [(code or "unknown", count) for code, count in rows]

    def models_that_looked(self, run_id: uuid.UUID) -> Sequence[tuple[str | None, int]]:
        """(model, count of media) of the run; None counts media without any face model."""
        rows = self._session.execute(
            select(MediumSeen.examined_model, func.count(func.distinct(MediumSeen.id)))
            .join(Sighting, Sighting.medium_id == MediumSeen.id)
            .where(
                Sighting.run_id == run_id,
                self._visible(Sighting.organisation_id),
                MediumSeen.refusal_code.is_(None),
            )
            .group_by(MediumSeen.examined_model)
        )
        return [(model, count) for model, count in rows]

    def count_entries(
        self, run_id: uuid.UUID, *, states: Sequence[str], kind: str | None = None, how: str = ""
    ) -> int:
        """How many of the run's addresses are in these states, of one kind or origin."""
        self.run(run_id)
        statement = select(func.count()).where(
            FrontierEntry.run_id == run_id, FrontierEntry.state.in_(states)
        )
        if kind is not None:
            statement = statement.where(FrontierEntry.kind == kind)
        if how:
            statement = statement.where(FrontierEntry.how == how)
        return self._session.scalar(statement) or 0

    def not_done(self, run_id: uuid.UUID, keys: Sequence[str]) -> int:
        """How many of these addresses the run refused, lost or never came to."""
        self.run(run_id)
        statement = select(func.count()).where(
            FrontierEntry.run_id == run_id,
            FrontierEntry.url_key.in_(keys),
            FrontierEntry.state != "done",
        )
        return self._session.scalar(statement) or 0

    def _sites(self) -> Select[Site]:
        return select(Site).where(self._visible(Site.organisation_id))

    def _runs(self) -> Select[Run]:
        return select(Run).where(self._visible(Run.organisation_id))

    def _visible(
        self, column: ColumnElement[uuid.UUID] | InstrumentedAttribute[uuid.UUID]
    ) -> ColumnElement[bool]:
        if self._actor.role is Role.SYSTEM and self._actor.organisation_id is None:
            return true()
        if self._actor.role is Role.PERSON or self._actor.organisation_id is None:
            return false()
        return column == self._actor.organisation_id
