"""A person who joins is served by visiting again: what was seen before is fetched once more.

1. `note_joined`: who can be found by their face now, and since when; who cannot any more has left.
2. `begin_due`: for each site the media addresses that were seen last before somebody joined become
   due, as one sweep for all who joined since the one before, the likeliest first. A sweep goes in
   parts: each is a run of its own kind under the site's budget, pause, cancel and host leases, and
   between two of them another run of the site that is due has its turn. A visit of the whole site
   steps aside for it after half an hour, or at once where somebody is in acute danger.
3. `end_over`: a sweep of which nothing is left is done; one whose part could not look is blind.

Nothing is searched that was kept: there is nothing of any face to search (design rule 1). A killed
worker repeats nothing: what a part has dealt with stands in its frontier, and is never due again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.collaborators import ErasedCount
from service.enrolment.joining import LookedFor
from service.enrolment.visibility import acute_people
from service.sources import frontier
from service.sources.models import Run, Site
from service.sources.repository import SourcesRepository
from service.sources.run_control import SWEEP_WAITS, RunControl
from service.sources.sweep_models import Sweep, SweepJoin, SweepPerson, SweepRun
from service.sources.sweep_repository import SWEEP, SweepRepository
from service.sources.sweep_views import (
    PersonSweeps,
    SweepEstimate,
    SweepProgress,
    words_for_person,
)
from service.sources.views import LIVE_STATES, WHOLE_SITE, RunView

MAX_PART = 5000
"""Addresses in one part: some hours at an ordinary delay, then other runs have their turn."""
MAX_HOSTS_RANKED = 50
ENOUGH_FOR_A_PACE = 20
NOTICED_AT_ONCE = timedelta(minutes=10)
"""Who was looked for longer than this when first noted, was there before anybody noted it."""
RUNS_AT_ONCE = 3

FindsByHost = Callable[[Session, uuid.UUID], Mapping[str, int]]
"""How many finds an organisation's runs made on each host; candidates answer."""


class PeopleLookedFor(Protocol):
    """Who can be found by their face; enrolment answers."""

    def people_looked_for(self, session: Session) -> tuple[LookedFor, ...]:
        """Everybody who is compared now."""
        ...

    def gallery_change(self, session: Session) -> int:
        """How often the watch-list has changed so far."""
        ...


class SweepService:
    """Sweeps of all sites. Never commits; every part may run twice."""

    def __init__(
        self, clock: Clock, audit: AuditTrail, people: PeopleLookedFor, finds: FindsByHost
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._people = people
        self._finds = finds
        self._control = RunControl(clock, audit)

    # Rounds

    def note_joined(self, session: Session, actor: Actor) -> int:
        """Note who is looked for since the last time, and who is not any more; returns how many."""
        now = self._clock.now()
        repository = SweepRepository(session, actor)
        looked_for = {each.person_id: each for each in self._people.people_looked_for(session)}
        noted = {join.person_id: join for join in repository.open_joins()}
        for person_id, join in noted.items():
            if person_id not in looked_for:
                join.left_at = now
        change = self._people.gallery_change(session)
        joined = [each for each in looked_for.values() if each.person_id not in noted]
        for person in joined:
            was_there = person.since < now - NOTICED_AT_ONCE and not repository.has_joined(
                person.person_id
            )
            session.add(
                SweepJoin(
                    organisation_id=person.organisation_id,
                    person_id=person.person_id,
                    gallery_change=0 if was_there else change,
                    joined_at=person.since if was_there else now,
                )
            )
        session.flush()
        return len(joined)

    def begin_due(self, session: Session, actor: Actor, site_id: uuid.UUID) -> uuid.UUID | None:
        """Queue the next part of a site's sweep, if one is due; returns its run."""
        repository = SweepRepository(session, actor)
        site = SourcesRepository(session, actor).site(site_id, for_update=True)
        if site.state != "active" or self._waits(session, repository, site):
            return None
        sweep = repository.sweep_of_site(site_id) or self._new_sweep(session, repository, site)
        if sweep is None:
            return None
        people = repository.people_of(sweep.id)
        if not people:
            self._end(session, sweep, "stopped")
            return None
        finds = self._finds(session, site.organisation_id)
        ranked = dict(sorted(finds.items(), key=lambda each: -each[1])[:MAX_HOSTS_RANKED])
        due = repository.due(sweep, ranked, min(MAX_PART, site.media_budget))
        if not due:
            self._end(session, sweep, "done")
            return None
        now = self._clock.now()
        run = Run(
            organisation_id=site.organisation_id,
            site_id=site.id,
            kind=SWEEP,
            state="queued",
            serves=[str(person) for person in people],
            created_at=now,
        )
        try:
            with session.begin_nested():
                session.add(run)
                session.flush()
        except IntegrityError:
            return None  # another run of the site has just been started: it goes first
        session.add(SweepRun(run_id=run.id, sweep_id=sweep.id))
        frontier.add(
            session,
            run.id,
            [
                frontier.Address(each.media_url, "medium", 0, each.page_url, how=SWEEP)
                for each in due
            ],
        )
        owner = Actor.system("sweep", site.organisation_id)
        self._audit.record(session, owner, "run.queued", "run", run.id, cases=len(people))
        return run.id

    def sites_to_ask(self, session: Session, actor: Actor) -> tuple[uuid.UUID, ...]:
        """Sites that might have a part to begin; those with most finds first."""
        sites = SweepRepository(session, actor).active_sites()
        finds = {
            organisation: self._finds(session, organisation)
            for organisation in {site.organisation_id for site in sites}
        }

        def found_there(site: Site) -> int:
            hosts = {*site.allowed_hosts, *site.media_hosts}
            of_organisation = finds[site.organisation_id]
            return sum(count for host, count in of_organisation.items() if host in hosts)

        return tuple(site.id for site in sorted(sites, key=found_there, reverse=True))

    def end_over(self, session: Session, actor: Actor) -> int:
        """End sweeps whose last part was cancelled or could not look, or that serve nobody now."""
        repository = SweepRepository(session, actor)
        ended = 0
        for sweep in repository.going_on():
            part = repository.latest_part(sweep.id)
            if not repository.people_of(sweep.id):
                if part is not None and part.state in LIVE_STATES:
                    part.state, part.state_reason = "cancelled", "nobody_left"
                    part.finished_at = self._clock.now()
                self._end(session, sweep, "stopped")
            elif part is not None and part.state == "cancelled":
                self._end(session, sweep, "stopped")
            elif part is not None and part.state in ("blind", "failed"):
                self._end(session, sweep, "blind")
            else:
                continue
            ended += 1
        return ended

    # What is told

    def of_person(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonSweeps:
        """What is looked at again for a person; nothing for whoever may not see them."""
        repository = SweepRepository(session, actor)
        join = repository.join_of(person_id)
        if join is None:
            return PersonSweeps((), "")
        begun = {site.id: (sweep, site) for sweep, site in repository.sweeps_of_person(person_id)}
        told = [self._progress(repository, sweep, site) for sweep, site in begun.values()]
        waiting = {
            site.id
            for site in repository.active_sites()
            if site.organisation_id == join.organisation_id
            and site.created_at < join.joined_at
            and site.id not in begun
        }
        # what is known is counted only while something waits: it is a walk over all that was seen
        known = _by_site(repository, join.organisation_id) if waiting else []
        for site, _, addresses in known:
            if site.id in waiting:
                told.append(SweepProgress(site.id, site.name, "waiting", addresses, 0, 0))
        return words_for_person(tuple(sorted(told, key=lambda each: each.site_name)))

    def of_site(self, session: Session, actor: Actor, site_id: uuid.UUID) -> SweepProgress | None:
        """The latest sweep of a site; `NotFoundError` where the caller may not see the site."""
        site = SourcesRepository(session, actor).site(site_id)
        repository = SweepRepository(session, actor)
        sweep = repository.latest_of_site(site_id)
        return None if sweep is None else self._progress(repository, sweep, site)

    def of_run(self, session: Session, actor: Actor, run: RunView) -> SweepProgress | None:
        """The sweep of which a run is one part; None for any other run."""
        if run.kind != SWEEP:
            return None
        repository = SweepRepository(session, actor)
        site = SourcesRepository(session, actor).site(run.site_id)
        sweep = repository.sweep_of_part(run.id)
        return None if sweep is None else self._progress(repository, sweep, site)

    def estimate(self, session: Session, organisation_id: uuid.UUID) -> SweepEstimate:
        """What would be looked at again for somebody who joined now, and for how long."""
        repository = SweepRepository(session, Actor.system("estimate", organisation_id))
        sites = _by_site(repository, organisation_id)
        look_s = repository.seconds_a_look(organisation_id)
        politely = [seconds for _, seconds, _ in sites]
        addresses = sum(count for _, _, count in sites)
        seconds = max(max(politely, default=0.0), sum(politely) / RUNS_AT_ONCE, addresses * look_s)
        return SweepEstimate(addresses, len(sites), seconds)

    # Leaving

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """Forget that the person was ever looked for."""
        count = SweepRepository(session, Actor.system("erasure")).delete_person(person_id)
        return (ErasedCount("notes of looking again", count),) if count else ()

    # Parts

    def _waits(self, session: Session, repository: SweepRepository, site: Site) -> bool:
        """Whether another run of the site is at work, or a part of this sweep stepped aside.

        A visit of the whole site is asked to step aside once it has had its turn.
        """
        sweep, now = repository.sweep_of_site(site.id), self._clock.now()
        part = repository.latest_part(sweep.id) if sweep is not None else None
        if part is not None and part.state in LIVE_STATES:
            return True
        if not repository.is_busy(site.id):
            return False
        joins = repository.joins_due(site, now) if sweep is None else ()
        if sweep is not None or joins:
            people = {join.person_id for join in joins}
            people.update(repository.people_of(sweep.id) if sweep is not None else ())
            is_acute = not people.isdisjoint(session.scalars(acute_people(now)))
            after = timedelta(0) if is_acute else SWEEP_WAITS
            self._control.step_aside(session, site.id, after, (WHOLE_SITE,))
        return True

    def _new_sweep(self, session: Session, repository: SweepRepository, site: Site) -> Sweep | None:
        """One sweep for everybody who joined and has had none here."""
        now = self._clock.now()
        joins = repository.joins_due(site, now)
        if not joins:
            return None
        left = [repository.left_after_a_sweep(join.person_id, site.id) for join in joins]
        known = [moment for moment in left if moment is not None]
        sweep = Sweep(
            id=uuid.uuid4(),
            organisation_id=site.organisation_id,
            site_id=site.id,
            state="going_on",
            due_before=max(join.joined_at for join in joins),
            due_from=min(known) if len(known) == len(joins) else None,
            due_change=max(join.gallery_change for join in joins),
            addresses=0,
            created_at=now,
        )
        session.add(sweep)
        session.flush()
        session.add_all(
            SweepPerson(sweep_id=sweep.id, join_id=join.id, person_id=join.person_id)
            for join in joins
        )
        session.flush()
        sweep.addresses = repository.count_due(sweep)
        owner = Actor.system("sweep", site.organisation_id)
        self._audit.record(
            session, owner, "sweep.begun", "sweep", sweep.id, addresses=sweep.addresses
        )
        return sweep

    def _end(self, session: Session, sweep: Sweep, state: str) -> None:
        sweep.state, sweep.finished_at = state, self._clock.now()
        session.flush()
        owner = Actor.system("sweep", sweep.organisation_id)
        self._audit.record(session, owner, f"sweep.{state}", "sweep", sweep.id)

    def _progress(self, repository: SweepRepository, sweep: Sweep, site: Site) -> SweepProgress:
        counted = repository.counts(sweep)
        dealt_with = counted.looked_at + counted.gone
        state = sweep.state
        if state == "going_on":
            part = repository.latest_part(sweep.id)
            if site.state == "paused":
                state = "paused"
            elif part is not None and part.state not in LIVE_STATES:
                # its next part begins within a minute, or after another run of the site
                state = "waiting" if repository.has_live_run(site.id) else state
        return SweepProgress(
            site.id,
            site.name,
            state,
            sweep.addresses,
            counted.looked_at,
            counted.gone,
            sweep.created_at,
            self._finishes_at(repository, sweep, site, sweep.addresses - dealt_with)
            if state == "going_on"
            else sweep.finished_at,
        )

    def _finishes_at(
        self, repository: SweepRepository, sweep: Sweep, site: Site, left: int
    ) -> datetime:
        """At the pace of the part that goes on, or of the site's delay while there is none yet."""
        now = self._clock.now()
        pace_s = max(site.delay_s, repository.seconds_a_look(sweep.organisation_id))
        part = repository.latest_part(sweep.id)
        if part is not None and part.started_at is not None:
            done = repository.done_in(part.id)
            if done >= ENOUGH_FOR_A_PACE:
                pace_s = ((part.finished_at or now) - part.started_at).total_seconds() / done
        return now + timedelta(seconds=max(0, left) * pace_s)


def _by_site(
    repository: SweepRepository, organisation_id: uuid.UUID
) -> list[tuple[Site, float, int]]:
    """(site, seconds that its busiest host takes politely, known addresses)."""
    found: dict[uuid.UUID, tuple[Site, float, int]] = {}
    for site, _, count in repository.known_by_host(organisation_id):
        _, seconds, addresses = found.get(site.id, (site, 0.0, 0))
        found[site.id] = (site, max(seconds, count * site.delay_s), addresses + count)
    return list(found.values())
