"""Pages that hardly ever change are not read in each run; nothing below them is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from service.accounts.actor import Actor
from service.clock import SystemClock
from service.database import Database
from service.reports.period_report import PeriodReportBuilder
from service.reports.periods import period_at
from service.sources import frontier
from service.sources.models import FrontierEntry, KnownAddress, Site
from service.sources.sweep_models import SweepJoin
from service.sources.views import RunView, SiteView
from tests.fixtures.hostile_site import HostileSite, hostile_site, page, picture
from tests.service.work.work_factory import Worker, make_person, make_worker, shown

WATCHED = timedelta(days=20)


@pytest.fixture
def forum_site() -> Iterator[HostileSite]:
    """Without any ETag or date, as forums are: / leads to /list, that to /deep."""
    with hostile_site() as running:
        running.put("/", page('<a href="/list">x</a><img src="/cover.png">'))
        running.put("/list", page('<a href="/deep">x</a><img src="/a.png">'))
        running.put("/deep", page('<img src="/b.png">'))
        for number, name in enumerate(("/cover.png", "/a.png", "/b.png")):
            running.put(name, picture(shown(None, number)))
        yield running


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, forum_site: HostileSite) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(forum_site.host,))
    made.engine.launch()
    yield made
    made.engine.close()


@pytest.fixture
def forum(worker: Worker, forum_site: HostileSite) -> SiteView:
    return worker.sources.site(name="forum", seeds=(forum_site.at("/"),))


def run(worker: Worker, forum: SiteView, ends: str = "finished") -> RunView:
    run_id = worker.sources.run(forum).id
    assert worker.wait_for(run_id, "finished", "blind", "failed") == ends
    with worker.sources.database.read() as session:
        return worker.sources.service.run(session, worker.sources.system, run_id)


def asked(site: HostileSite) -> list[str]:
    paths = sorted(each.path for each in site.requests if each.path != "/robots.txt")
    site.requests.clear()
    return paths


def never_changed(worker: Worker, *, seen_ago: timedelta = timedelta(hours=2)) -> None:
    """Every page was watched for long without any change, and was last looked at before."""
    with worker.sources.database.write() as session:
        session.execute(
            update(KnownAddress)
            .where(KnownAddress.kind == "page")
            .values(
                looks=10.0,
                changes=0.0,
                watched_s=WATCHED.total_seconds(),
                seen_at=SystemClock().now() - seen_ago,
            )
        )


def test_pages_without_etags_are_known_by_what_they_name_and_how_often_that_changed(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    run(worker, forum)
    forum_site.put("/deep", page('<img src="/b.png"><img src="/a.png">'))
    run(worker, forum)
    with worker.sources.database.read() as session:
        known = session.scalars(select(KnownAddress).order_by(KnownAddress.id)).all()
    looks = {row.answered_url.rpartition("/")[2]: (row.looks, row.changes) for row in known}
    assert looks == {"": (1.9, 0.0), "list": (1.9, 0.0), "deep": (1.9, 1.0)}
    assert [row.changed_at is not None for row in known] == [False, False, True]


def test_what_hardly_ever_changes_is_left_alone_and_its_media_are_looked_at_all_the_same(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    asked(forum_site)
    never_changed(worker)
    second = run(worker, forum)
    assert asked(forum_site) == ["/", "/a.png", "/b.png", "/cover.png"]
    assert (second.pages_seen, second.pages_not_due, second.media_seen) == (1, 2, 3)
    with worker.sources.database.read() as session:
        states = dict(
            session.execute(
                select(FrontierEntry.state, func.count())
                .where(FrontierEntry.run_id == second.id)
                .group_by(FrontierEntry.state)
            ).all()
        )
        attempts = session.scalar(
            select(func.sum(FrontierEntry.attempts)).where(
                FrontierEntry.run_id == second.id, FrontierEntry.state == frontier.NOT_DUE
            )
        )
    assert states == {"done": 4, "not_due": 2}
    assert attempts == 0


def test_the_report_says_what_was_not_due_and_never_calls_it_seen_or_gone(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    never_changed(worker)
    run(worker, forum)
    clock = SystemClock()
    builder = PeriodReportBuilder(clock, worker.sources.service)
    with worker.sources.database.read() as session:
        actor = Actor.system("test", forum.organisation_id)
        report = builder.build(session, actor, period_at("day", clock.now()))
    (of_site,) = report.sites
    assert (of_site.pages_not_due, of_site.pages_seen, of_site.pages_known) == (2, 4, 6)
    assert of_site.coverage == pytest.approx(4 / 6, abs=0.001)
    assert (of_site.media_gone, of_site.media_not_met_again) == (0, 0)
    assert "not due; what may be new there is not known" in of_site.sentence


def test_a_page_is_due_again_when_its_time_has_come(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    asked(forum_site)
    never_changed(worker, seen_ago=WATCHED + timedelta(days=1))
    assert run(worker, forum).pages_not_due == 0
    assert "/deep" in asked(forum_site)


def test_everything_is_read_where_the_operator_wants_it_so(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    never_changed(worker)
    with worker.sources.database.write() as session:
        session.execute(update(Site).values(adaptive=False))
    assert run(worker, forum).pages_not_due == 0


def test_everything_is_read_after_somebody_joined(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    person_id = make_person(worker.sources)
    never_changed(worker)
    with worker.sources.database.write() as session:
        session.add(
            SweepJoin(
                id=uuid.uuid4(),
                organisation_id=forum.organisation_id,
                person_id=person_id,
                joined_at=SystemClock().now(),
            )
        )
    assert run(worker, forum).pages_not_due == 0


def test_everything_is_read_when_pages_are_read_for_something_else(
    worker: Worker, forum: SiteView, forum_site: HostileSite
) -> None:
    run(worker, forum)
    never_changed(worker)
    with worker.sources.database.write() as session:
        session.execute(update(KnownAddress).values(looked_for="less"))
    assert run(worker, forum).pages_not_due == 0


def test_a_canary_is_always_read_and_its_loss_is_seen(
    worker: Worker, forum_site: HostileSite
) -> None:
    canary = f"1 {forum_site.at('/deep')}"
    forum = worker.sources.site(name="watched", seeds=(forum_site.at("/"),), canaries=(canary,))
    run(worker, forum)
    never_changed(worker)
    forum_site.put("/deep", page("<p>nothing</p>"))
    lost = run(worker, forum, "blind")
    assert (lost.pages_not_due, lost.state_reason) == (1, "canary_lost")
