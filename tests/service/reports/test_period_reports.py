"""Periodic reports are made from the database alone, once each, and blind is never called clean."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import pytest

from indexer.observations import Examination, MediaHashes
from service.accounts.actor import Actor, Role
from service.database import Database
from service.errors import NotAllowedError, NotFoundError
from service.reports.errors import MailNotSentError
from service.reports.period_files import report_file
from service.reports.period_reports import MAX_MAIL_ATTEMPTS, PeriodReports
from service.reports.period_views import PeriodReport, SitePeriod
from service.reports.periods import PeriodKind, last_complete, period_at
from service.sources import frontier, leasing
from service.sources.frontier import Address
from service.sources.leasing import Ending
from service.sources.media_ledger import Place
from service.sources.models import Run
from service.sources.views import RunCount, RunView, SiteView
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


@dataclass
class Post:
    """A mail server of a test's own."""

    sent: int = 0
    broken: bool = False

    def send(self) -> None:
        if self.broken:
            raise MailNotSentError("The mail server could not be reached.")
        self.sent += 1


@dataclass
class Desk:
    """The periodic reports of one organisation."""

    sources: Sources
    clock: SettableClock
    post: Post = field(default_factory=Post)

    @property
    def database(self) -> Database:
        return self.sources.database

    def reports(self, every: Literal["off", "week"] = "week") -> PeriodReports:
        return PeriodReports(
            self.clock,
            self.sources.service,
            every,
            self.post.send,
        )

    def at(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())

    def visit(
        self,
        site: SiteView,
        media: dict[str, int | None],
        *,
        state: str = "finished",
        reason: str = "",
    ) -> RunView:
        """A run that meets media: None was fetched, a number is the status of a refusal."""
        run = self.sources.running(site)
        service, system, now = self.sources.service, self.sources.system, self.clock.now()
        with self.database.write() as session:
            frontier.add(
                session,
                run.id,
                [Address(f"http://forum.example/{name}", "medium", 0) for name in media],
            )
            for held in leasing.lease(
                session,
                run.id,
                worker="W",
                limit=50,
                kinds=("page", "medium"),
                now=now,
                lease_s=60,
            ):
                status = media.get(held.url.rpartition("/")[2])
                count = RunCount(pages_seen=1, bytes_fetched=100)
                if status is not None:
                    ending = Ending("refused", "http_status", "no", status)
                    count = RunCount(refusals=1)
                else:
                    ending = Ending(http_status=200)
                leasing.finish(session, held, ending, now=now)
                if held.kind == "medium" and status is None:
                    examination = Examination(
                        hashes=MediaHashes(sha256=frontier.url_key(held.url)),
                        kind="still",
                        width_px=1,
                        height_px=1,
                        frames_examined=1,
                        faces_counted=2,
                    )
                    place = Place(run.organisation_id, held.url, None, run.site_id, run.id)
                    service.record_examined(session, system, place, examination, 50)
                    count = RunCount(
                        media_seen=1,
                        media_examined=1,
                        faces_counted=2,
                        bytes_fetched=50,
                        examine_seconds=0.25,
                    )
                service.progress.count(session, system, run.id, count)
        self.clock.advance(10)
        with self.database.write() as session:
            service.progress.end(session, system, run.id, state, reason)
        return run

    def last(self, actor: Actor | None = None) -> PeriodReport:
        with self.database.read() as session:
            return self.reports().last(session, actor or self.sources.operator, "week")

    def site_row(self) -> SitePeriod:
        return self.last().sites[0]


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    made = Desk(make_sources(database, clock), clock)
    made.at(MONDAY)
    return made


class TestPeriods:
    @pytest.mark.parametrize(
        ("kind", "begins_at", "ends_at"),
        [
            ("day", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
            ("week", datetime(2026, 12, 28, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),
            ("month", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_a_moment_is_in_one_period(
        self, kind: PeriodKind, begins_at: datetime, ends_at: datetime
    ) -> None:
        period = period_at(kind, datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
        assert (period.begins_at, period.ends_at) == (begins_at, ends_at)
        assert period.before.ends_at == period.begins_at

    def test_the_last_complete_week_ended_at_the_latest_now(self) -> None:
        assert last_complete("week", MONDAY).ends_at == MONDAY
        assert last_complete("week", MONDAY - timedelta(seconds=1)).ends_at < MONDAY


class TestWhatItSays:
    def test_what_is_new_and_what_is_gone(self, desk: Desk) -> None:
        site = desk.sources.site()
        desk.visit(site, {"a": None, "b": None, "c": None})
        desk.at(MONDAY + timedelta(days=7))
        desk.visit(site, {"a": None, "b": 404, "d": None})
        desk.at(MONDAY + timedelta(days=14))
        row = desk.site_row()
        assert row.media_new == 1
        assert (row.media_known_before, row.media_gone, row.media_not_met_again) == (3, 1, 1)
        assert (row.pages_seen, row.coverage, row.requests) == (1, 1.0, 4)
        assert (row.bytes_fetched, row.examine_seconds, row.run_seconds) == (200, 0.5, 10.0)
        assert row.sentence == "Looked at."
        report = desk.last()
        assert [(each.code, each.count) for each in report.errors] == [("http_status", 1)]
        assert [each.media_examined for each in report.trend[-2:]] == [3, 2]

    def test_a_blind_week_says_that_we_could_not_look(self, desk: Desk) -> None:
        site = desk.sources.site()
        desk.visit(site, {}, state="blind", reason="no_page,wall_login")
        desk.at(MONDAY + timedelta(days=7))
        report = desk.last()
        assert report.sites[0].could_not_look
        assert report.sites[0].sentence == "Could not look. Nothing can be concluded."
        assert "On 1 site we could not look." in report.sentences[0]
        assert not any("No new candidate" in sentence for sentence in report.sentences)

    def test_a_blind_run_compares_nothing(self, desk: Desk) -> None:
        site = desk.sources.site()
        desk.visit(site, {"a": None})
        desk.at(MONDAY + timedelta(days=7))
        desk.visit(site, {"a": 404}, state="blind", reason="many_refused")
        desk.at(MONDAY + timedelta(days=14))
        row = desk.site_row()
        assert (row.media_gone, row.media_not_met_again) == (None, None)

    @pytest.mark.parametrize("kind", ["sweep", "around"])
    def test_a_run_of_a_part_of_the_site_is_not_compared(self, desk: Desk, kind: str) -> None:
        site = desk.sources.site()
        desk.visit(site, {"a": None, "b": None})
        desk.at(MONDAY + timedelta(days=7))
        run = desk.visit(site, {"a": None})
        with desk.database.write() as session:
            row = session.get(Run, run.id)
            assert row is not None
            row.kind = kind
        desk.at(MONDAY + timedelta(days=14))
        row_of_site = desk.site_row()
        assert (row_of_site.media_gone, row_of_site.media_not_met_again) == (None, None)

    def test_a_week_without_runs_says_nothing_of_any_site(self, desk: Desk) -> None:
        desk.sources.site()
        desk.at(MONDAY + timedelta(days=7))
        report = desk.last()
        assert report.sentences == (
            "No run ended in this period. Nothing was looked at, so nothing can be said.",
        )
        assert report.sites[0].sentence == "No run ended, so nothing can be said of it."

    def test_each_run_is_in_the_period_in_which_it_ended(self, desk: Desk) -> None:
        site = desk.sources.site()
        desk.at(MONDAY + timedelta(days=7, seconds=-5))
        desk.visit(site, {"a": None})
        desk.at(MONDAY + timedelta(days=8))
        assert desk.last().total.runs == 0
        desk.at(MONDAY + timedelta(days=14))
        assert desk.last().total.runs == 1

    def test_nobody_sees_another_organisations_sites(self, desk: Desk) -> None:
        desk.visit(desk.sources.site(), {"a": None})
        desk.at(MONDAY + timedelta(days=7))
        stranger = operator_of(make_organisation(desk.database, desk.clock, "Other"))
        assert desk.last(stranger).sites == ()
        with pytest.raises(NotAllowedError):
            desk.last(Actor(Role.PERSON, desk.sources.operator.organisation_id))


class TestKeeping:
    def test_missed_weeks_are_made_once_each(self, desk: Desk) -> None:
        desk.visit(desk.sources.site(), {"a": None})
        desk.at(MONDAY + timedelta(days=22))
        reports = desk.reports()
        assert [reports.keep_due(desk.database), reports.keep_due(desk.database)] == [3, 0]
        with desk.database.read() as session:
            kept = reports.kept(session, desk.sources.operator)
        assert [each.runs for each in kept] == [0, 0, 1]
        assert kept[-1].begins_at == MONDAY

    def test_two_workers_make_one(self, desk: Desk) -> None:
        desk.visit(desk.sources.site(), {"a": None})
        desk.at(MONDAY + timedelta(days=7))
        with desk.database.write() as session:
            first = desk.reports().keep_last(session, desk.sources.operator, "week")
        with desk.database.write() as session:
            second = desk.reports().keep_last(session, desk.sources.operator, "week")
        assert first == second
        assert desk.reports().keep_due(desk.database) == 0

    def test_none_is_made_when_they_are_off(self, desk: Desk) -> None:
        desk.sources.site()
        desk.at(MONDAY + timedelta(days=7))
        assert desk.reports("off").keep_due(desk.database) == 0

    def test_a_kept_report_is_seen_by_its_organisation_alone(self, desk: Desk) -> None:
        desk.sources.site()
        desk.at(MONDAY + timedelta(days=7))
        with desk.database.write() as session:
            kept = desk.reports().keep_last(session, desk.sources.operator, "week")
        stranger = operator_of(make_organisation(desk.database, desk.clock, "Other"))
        with desk.database.read() as session, pytest.raises(NotFoundError):
            desk.reports().one(session, stranger, kept)
        with desk.database.read() as session, pytest.raises(NotFoundError):
            desk.reports().one(session, desk.sources.operator, uuid.uuid4())


class TestMail:
    def kept(self, desk: Desk, reports: PeriodReports) -> None:
        desk.sources.site()
        desk.at(MONDAY + timedelta(days=7))
        assert reports.keep_due(desk.database) == 1

    def test_each_report_is_told_once(self, desk: Desk) -> None:
        reports = desk.reports()
        self.kept(desk, reports)
        assert [reports.mail_due(desk.database), reports.mail_due(desk.database)] == [1, 0]
        assert desk.post.sent == 1

    def test_what_could_not_be_sent_is_tried_again_and_shown(self, desk: Desk) -> None:
        reports = desk.reports()
        self.kept(desk, reports)
        desk.post.broken = True
        assert reports.mail_due(desk.database) == 0
        with desk.database.read() as session:
            assert reports.kept(session, desk.sources.operator)[0].mail_problem == "mail_not_sent"
        desk.post.broken = False
        assert reports.mail_due(desk.database) == 0, "not at once"
        desk.clock.advance(3600)
        assert reports.mail_due(desk.database) == 1

    def test_it_gives_up_in_the_end(self, desk: Desk) -> None:
        reports = desk.reports()
        self.kept(desk, reports)
        desk.post.broken = True
        for _ in range(MAX_MAIL_ATTEMPTS):
            reports.mail_due(desk.database)
            desk.clock.advance(3600)
        desk.post.broken = False
        assert reports.mail_due(desk.database) == 0


class TestFiles:
    @pytest.fixture
    def report(self, desk: Desk) -> PeriodReport:
        desk.visit(desk.sources.site(name='<b>Forum</b> #eval("x")'), {"a": None, "b": 404})
        desk.at(MONDAY + timedelta(days=7))
        return desk.last()

    def test_json_is_the_whole_report(self, report: PeriodReport) -> None:
        assert msgspec.json.decode(report_file(report, ".json"), type=PeriodReport) == report

    def test_html_needs_nothing_else_and_escapes_what_it_names(self, report: PeriodReport) -> None:
        page = report_file(report, ".html").decode()
        assert "&lt;b&gt;Forum" in page
        assert "<b>Forum" not in page
        assert page.count("<svg") == 6
        assert "src=" not in page
        assert 'href="' not in page

    def test_pdf_is_one(self, report: PeriodReport) -> None:
        assert report_file(report, ".pdf").startswith(b"%PDF-")
