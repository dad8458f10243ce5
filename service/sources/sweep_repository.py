"""All SQL of sweeps: who joined, what is due, what became of it.

People and advocates see the sweeps of people whom they may see, by counts; operators those of their
organisation's sites. Everything else belongs to the system.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from service.accounts.actor import Actor
from service.enrolment.visibility import visible_people
from service.sources.models import FrontierEntry, MediumSeen, Run, Sighting, Site
from service.sources.sweep_models import Sweep, SweepJoin, SweepPerson, SweepRun
from service.sources.views import AT_WORK, LIVE_STATES

SWEEP = "sweep"
"""`how` of an address that a sweep looks at again."""
DEALT_WITH = ("done", "refused", "failed")
RECENT_DAYS = (30, 180)
BLIND_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """A medium's address as the latest sighting there has it."""

    media_url: str
    page_url: str | None


@dataclass(frozen=True, slots=True)
class SweepCount:
    """Addresses of a sweep that are dealt with. `gone`: not there any more, or not to be had."""

    looked_at: int
    gone: int


class SweepRepository:
    """Sweeps as one caller may see them."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    # Who joined

    def open_joins(self) -> Sequence[SweepJoin]:
        """Everybody who is looked for now, as far as was noted."""
        return self._session.scalars(select(SweepJoin).where(SweepJoin.left_at.is_(None))).all()

    def has_joined(self, person_id: uuid.UUID) -> bool:
        """Whether the person was ever noted."""
        noted = select(SweepJoin.id).where(SweepJoin.person_id == person_id)
        return self._session.scalar(noted.limit(1)) is not None

    def joins_due(self, site: Site, now: datetime) -> Sequence[SweepJoin]:
        """Who joined and has had no sweep of this site; one that could not look is tried again."""
        covered = (
            select(SweepPerson.join_id)
            .join(Sweep, Sweep.id == SweepPerson.sweep_id)
            .where(
                Sweep.site_id == site.id,
                or_(Sweep.state != "blind", Sweep.finished_at > now - BLIND_AGAIN_AFTER),
            )
        )
        return self._session.scalars(
            select(SweepJoin)
            .where(
                SweepJoin.organisation_id == site.organisation_id,
                SweepJoin.left_at.is_(None),
                SweepJoin.joined_at > site.created_at,
                SweepJoin.id.not_in(covered),
            )
            .order_by(SweepJoin.joined_at, SweepJoin.id)
        ).all()

    def left_after_a_sweep(self, person_id: uuid.UUID, site_id: uuid.UUID) -> datetime | None:
        """When the person left last, if all of this site had been looked at for them by then."""
        return self._session.scalar(
            select(func.max(SweepJoin.left_at))
            .join(SweepPerson, SweepPerson.join_id == SweepJoin.id)
            .join(Sweep, Sweep.id == SweepPerson.sweep_id)
            .where(
                SweepJoin.person_id == person_id, Sweep.site_id == site_id, Sweep.state == "done"
            )
        )

    # Sweeps

    def active_sites(self) -> Sequence[Site]:
        """Sites that may be visited, in a stable order."""
        return self._session.scalars(
            select(Site).where(Site.state == "active").order_by(Site.created_at, Site.id)
        ).all()

    def going_on(self) -> Sequence[Sweep]:
        """Sweeps that have not ended."""
        return self._session.scalars(
            select(Sweep).where(Sweep.state == "going_on").order_by(Sweep.created_at)
        ).all()

    def sweep_of_site(self, site_id: uuid.UUID) -> Sweep | None:
        """The one sweep of the site that goes on."""
        return self._session.scalar(
            select(Sweep).where(Sweep.site_id == site_id, Sweep.state == "going_on")
        )

    def has_live_run(self, site_id: uuid.UUID) -> bool:
        """Whether a run of the site goes on, of any kind."""
        live = select(Run.id).where(Run.site_id == site_id, Run.state.in_(LIVE_STATES))
        return self._session.scalar(live.limit(1)) is not None

    def is_busy(self, site_id: uuid.UUID) -> bool:
        """Whether a run of the site is at work or paused; one that stepped aside is not."""
        busy = select(Run.id).where(Run.site_id == site_id, Run.state.in_((*AT_WORK, "paused")))
        return self._session.scalar(busy.limit(1)) is not None

    def latest_part(self, sweep_id: uuid.UUID) -> Run | None:
        """The run that the sweep began last."""
        return self._session.scalar(
            select(Run)
            .join(SweepRun, SweepRun.run_id == Run.id)
            .where(SweepRun.sweep_id == sweep_id)
            .order_by(Run.created_at.desc())
            .limit(1)
        )

    def people_of(self, sweep_id: uuid.UUID) -> Sequence[uuid.UUID]:
        """Whom the sweep serves and who are still looked for."""
        return self._session.scalars(
            select(SweepPerson.person_id)
            .join(SweepJoin, SweepJoin.id == SweepPerson.join_id)
            .where(SweepPerson.sweep_id == sweep_id, SweepJoin.left_at.is_(None))
            .order_by(SweepPerson.person_id)
        ).all()

    # What is due

    def count_due(self, sweep: Sweep) -> int:
        """How many addresses the sweep has still to look at."""
        due = self._due(sweep, {}).order_by(None).subquery()
        return self._session.scalar(select(func.count()).select_from(due)) or 0

    def due(
        self, sweep: Sweep, finds_by_host: Mapping[str, int], limit: int
    ) -> Sequence[KnownAddress]:
        """The likeliest addresses that the sweep has still to look at."""
        rows = self._session.execute(self._due(sweep, finds_by_host).limit(limit))
        return [KnownAddress(row.media_url, row.page_url) for row in rows]

    def _due(self, sweep: Sweep, finds_by_host: Mapping[str, int]) -> Select[tuple[str, str]]:
        """Where finds were made first; then what was seen lately; then where runs counted faces."""
        latest = _latest_sightings(sweep.site_id)
        seen = aliased(MediumSeen)
        halted = (
            select(Sighting.media_url_key)
            .join(MediumSeen, MediumSeen.id == Sighting.medium_id)
            .where(Sighting.site_id == sweep.site_id, MediumSeen.halted_at.is_not(None))
        )
        dealt_with = (
            select(FrontierEntry.url_key)
            .join(SweepRun, SweepRun.run_id == FrontierEntry.run_id)
            .where(SweepRun.sweep_id == sweep.id, FrontierEntry.state.in_(DEALT_WITH))
        )
        missed: list[ColumnElement[bool]] = [
            or_(
                latest.c.seen_at < sweep.due_before,
                seen.examined_change < sweep.due_change,
            )
        ]
        if sweep.due_from is not None:
            missed.append(latest.c.seen_at >= sweep.due_from)
        ages = [sweep.due_before - timedelta(days=days) for days in RECENT_DAYS]
        recency = case((latest.c.seen_at >= ages[0], 0), (latest.c.seen_at >= ages[1], 1), else_=2)
        with_faces = case((Run.faces_counted * 2 >= Run.media_examined, 0), else_=1)
        order: list[ColumnElement[Any]] = [
            recency,
            with_faces,
            latest.c.seen_at.desc(),
            latest.c.media_url_key,
        ]
        if finds_by_host:
            finds = case(
                *((latest.c.host == host, count) for host, count in finds_by_host.items()), else_=0
            )
            order.insert(0, finds.desc())
        return (
            select(latest.c.media_url, latest.c.page_url)
            .join(seen, seen.id == latest.c.medium_id)
            .outerjoin(Run, Run.id == latest.c.run_id)
            .where(
                latest.c.place == 1,
                and_(*missed),
                latest.c.media_url_key.not_in(halted),
                latest.c.media_url_key.not_in(dealt_with),
            )
            .order_by(*order)
        )

    def known_by_host(self, organisation_id: uuid.UUID) -> Sequence[tuple[Site, str, int]]:
        """(site, host, how many media addresses are known there) of sites that may be visited."""
        rows = self._session.execute(
            select(Site, Sighting.host, func.count(Sighting.media_url_key.distinct()))
            .join(Sighting, Sighting.site_id == Site.id)
            .join(MediumSeen, MediumSeen.id == Sighting.medium_id)
            .where(
                Site.organisation_id == organisation_id,
                Site.state == "active",
                MediumSeen.halted_at.is_(None),
            )
            .group_by(Site.id, Sighting.host)
        )
        return [(site, host, count) for site, host, count in rows]

    def seconds_a_look(self, organisation_id: uuid.UUID) -> float:
        """How long the organisation's runs took to look at one medium, in the mean."""
        seconds, media = self._session.execute(
            select(func.sum(Run.examine_seconds), func.sum(Run.media_examined)).where(
                Run.organisation_id == organisation_id
            )
        ).one()
        return float(seconds or 0.0) / media if media else 0.0

    # How far it is

    def counts(self, sweep: Sweep) -> SweepCount:
        """How many addresses were looked at again, and how many are gone."""
        if sweep.looked_at is not None:
            return SweepCount(sweep.looked_at, sweep.gone or 0)
        rows = self._session.execute(
            select(FrontierEntry.state, func.count())
            .join(SweepRun, SweepRun.run_id == FrontierEntry.run_id)
            .where(
                SweepRun.sweep_id == sweep.id,
                FrontierEntry.how == SWEEP,
                FrontierEntry.state.in_(DEALT_WITH),
            )
            .group_by(FrontierEntry.state)
        )
        by_state = {state: count for state, count in rows}  # noqa: C416 - rows are no mapping
        looked_at = by_state.get("done", 0)
        return SweepCount(looked_at, sum(by_state.values()) - looked_at)

    def done_in(self, run_id: uuid.UUID) -> int:
        """How many addresses of one part are dealt with."""
        return (
            self._session.scalar(
                select(func.count()).where(
                    FrontierEntry.run_id == run_id,
                    FrontierEntry.how == SWEEP,
                    FrontierEntry.state.in_(DEALT_WITH),
                )
            )
            or 0
        )

    def sweeps_of_person(self, person_id: uuid.UUID) -> Sequence[tuple[Sweep, Site]]:
        """The latest sweep of each site for the person's last joining, if the caller may see."""
        rows = self._session.execute(
            select(Sweep, Site)
            .join(Site, Site.id == Sweep.site_id)
            .join(SweepPerson, SweepPerson.sweep_id == Sweep.id)
            .join(SweepJoin, SweepJoin.id == SweepPerson.join_id)
            .where(
                SweepPerson.person_id == person_id,
                SweepPerson.person_id.in_(visible_people(self._actor)),
                SweepJoin.left_at.is_(None),
            )
            .order_by(Sweep.created_at)
        )
        return list({site.id: (sweep, site) for sweep, site in rows}.values())

    def join_of(self, person_id: uuid.UUID) -> SweepJoin | None:
        """Since when the person is looked for, if the caller may see them."""
        return self._session.scalar(
            select(SweepJoin).where(
                SweepJoin.person_id == person_id,
                SweepJoin.left_at.is_(None),
                SweepJoin.person_id.in_(visible_people(self._actor)),
            )
        )

    def latest_of_site(self, site_id: uuid.UUID) -> Sweep | None:
        """The newest sweep of a site; the caller was allowed to see the site."""
        return self._session.scalar(
            select(Sweep).where(Sweep.site_id == site_id).order_by(Sweep.created_at.desc()).limit(1)
        )

    def sweep_of_part(self, run_id: uuid.UUID) -> Sweep | None:
        """The sweep of which a run is one part; the caller was allowed to see the run."""
        return self._session.scalar(
            select(Sweep)
            .join(SweepRun, SweepRun.sweep_id == Sweep.id)
            .where(SweepRun.run_id == run_id)
        )

    def delete_person(self, person_id: uuid.UUID) -> int:
        """Delete every row of the person; returns how many joinings."""
        self._session.execute(delete(SweepPerson).where(SweepPerson.person_id == person_id))
        gone = self._session.execute(
            delete(SweepJoin).where(SweepJoin.person_id == person_id).returning(SweepJoin.id)
        )
        return len(gone.all())


def _latest_sightings(site_id: uuid.UUID) -> Subquery:
    """The sightings of a site; the latest one of each address has the `place` 1."""
    place = (
        func.row_number()
        .over(partition_by=Sighting.media_url_key, order_by=(Sighting.seen_at.desc(), Sighting.id))
        .label("place")
    )
    return (
        select(
            Sighting.media_url,
            Sighting.media_url_key,
            Sighting.page_url,
            Sighting.host,
            Sighting.run_id,
            Sighting.medium_id,
            Sighting.seen_at,
            place,
        )
        .where(Sighting.site_id == site_id)
        .subquery()
    )
