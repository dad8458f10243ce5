"""Periodic reports: made when a period has ended, kept, listed, and said to be ready by mail.

1. `keep_due` makes what is missing since the last one, each once however many workers try.
2. `mail_due` sends the neutral notice for each new one. A notice may come twice after a crash in
   the middle, and never gets lost; after `MAX_MAIL_ATTEMPTS` the list says what was wrong.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.clock import Clock
from service.database import Database
from service.errors import NotAllowedError
from service.reports.errors import MailNotSentError
from service.reports.models import KeptPeriodReport
from service.reports.period_report import PeriodReportBuilder, first_period
from service.reports.period_views import KeptReport, PeriodReport
from service.reports.periods import Period, PeriodKind, last_complete, period_at
from service.reports.repository import PeriodReportRepository
from service.sources.service import SourcesService

logger = logging.getLogger(__name__)

MAX_MAIL_ATTEMPTS = 24
MAIL_AGAIN_AFTER = timedelta(minutes=50)
MOST_AT_ONCE = 12
_SYSTEM = Actor.system("reports")


class PeriodReports:
    """What pages, programs and workers ask of periodic reports.

    `every` says which are made by themselves; `send` sends the neutral notice, None without mail.
    """

    def __init__(
        self,
        clock: Clock,
        sources: SourcesService,
        every: Literal["off"] | PeriodKind,
        send: Callable[[], None] | None,
    ) -> None:
        self._clock = clock
        self._sources = sources
        self._every = every
        self._send = send
        self._builder = PeriodReportBuilder(clock, sources)

    @property
    def every(self) -> Literal["off"] | PeriodKind:
        """Which period is reported by itself, or "off"."""
        return self._every

    @property
    def is_mailed(self) -> bool:
        """Whether a mail says that a report is ready."""
        return self._send is not None

    def so_far(self, session: Session, actor: Actor, kind: PeriodKind) -> PeriodReport:
        """The period that goes on, as things are now; not kept."""
        _staff(actor)
        return self._builder.build(session, actor, period_at(kind, self._clock.now()))

    def last(self, session: Session, actor: Actor, kind: PeriodKind) -> PeriodReport:
        """The latest period that has ended, as things are now; not kept."""
        _staff(actor)
        return self._builder.build(session, actor, last_complete(kind, self._clock.now()))

    def keep_last(self, session: Session, actor: Actor, kind: PeriodKind) -> uuid.UUID:
        """Make and keep the report of the latest period that has ended; its id.

        One that is kept already stays as it was made.
        """
        if actor.organisation_id is None or actor.role not in (Role.OPERATOR, Role.SYSTEM):
            raise NotAllowedError("only an operator of the organisation may do this")
        return self._keep(session, actor, last_complete(kind, self._clock.now()))[0]

    def kept(self, session: Session, actor: Actor) -> tuple[KeptReport, ...]:
        """The latest that are kept, the newest first."""
        return tuple(_row(row) for row in PeriodReportRepository(session, actor).latest())

    def one(self, session: Session, actor: Actor, report_id: uuid.UUID) -> PeriodReport:
        """A kept report; `NotFoundError` when the caller may not see it."""
        row = PeriodReportRepository(session, actor).one(report_id)
        return msgspec.convert(row.content, PeriodReport)

    def reported_until(self, session: Session, organisation_id: uuid.UUID) -> datetime:
        """Up to when everything of an organisation is in a report that is kept; now without any."""
        if self._every == "off":
            return self._clock.now()
        actor = Actor.system("reports", organisation_id)
        latest = PeriodReportRepository(session, actor).latest_end(self._every)
        return latest or datetime.min.replace(tzinfo=UTC)

    # By schedule

    def keep_due(self, database: Database) -> int:
        """Make what is missing of periods that have ended; returns how many."""
        if self._every == "off":
            return 0
        with database.read() as session:
            begun = first_period(self._sources.sites(session, _SYSTEM))
            due = [
                (organisation_id, period)
                for organisation_id, since in begun.items()
                for period in self._missing(session, organisation_id, period_at(self._every, since))
            ]
        made = 0
        for organisation_id, period in due:
            with database.write() as session:
                actor = Actor.system("reports", organisation_id)
                made += self._keep(session, actor, period)[1]
        return made

    def mail_due(self, database: Database) -> int:
        """Send the notice for each report that nobody was told of; returns how many were sent."""
        if self._send is None:
            return 0
        sent = 0
        while (report_id := self._claim(database)) is not None:
            problem = ""
            try:
                self._send()
                sent += 1
            except MailNotSentError as error:
                logger.warning("a notice waits: %s", error)
                problem = error.code
            with database.write() as session:
                row = PeriodReportRepository(session, _SYSTEM).one(report_id)
                row.mail_problem = problem
                if not problem:
                    row.mailed_at = self._clock.now()
            if problem:
                break
        return sent

    def _missing(
        self, session: Session, organisation_id: uuid.UUID, first: Period
    ) -> tuple[Period, ...]:
        actor = Actor.system("reports", organisation_id)
        latest = PeriodReportRepository(session, actor).latest_end(first.kind)
        period = last_complete(first.kind, self._clock.now())
        found: list[Period] = []
        while (
            len(found) < MOST_AT_ONCE
            and period.begins_at >= first.begins_at
            and (latest is None or period.begins_at >= latest)
        ):
            found.append(period)
            period = period.before
        return tuple(reversed(found))

    def _keep(self, session: Session, actor: Actor, period: Period) -> tuple[uuid.UUID, bool]:
        repository = PeriodReportRepository(session, actor)
        kept = repository.of_period(period)
        if kept is not None:
            return kept.id, False
        report = self._builder.build(session, actor, period)
        row = KeptPeriodReport(
            organisation_id=actor.organisation_id,
            kind=period.kind,
            begins_at=period.begins_at,
            ends_at=period.ends_at,
            content=json.loads(period_json(report)),
            made_at=report.made_at,
        )
        try:
            with session.begin_nested():
                repository.add(row)
        except IntegrityError:
            # another worker was quicker
            kept = repository.of_period(period)
            if kept is None:
                raise
            return kept.id, False
        return row.id, True

    def _claim(self, database: Database) -> uuid.UUID | None:
        now = self._clock.now()
        with database.write() as session:
            row = PeriodReportRepository(session, _SYSTEM).to_mail(
                tried_before=now - MAIL_AGAIN_AFTER, attempts_below=MAX_MAIL_ATTEMPTS
            )
            if row is None:
                return None
            row.mail_tried_at = now
            row.mail_attempts += 1
            return row.id


def period_json(report: PeriodReport) -> bytes:
    """A report as JSON (UTF-8), times in ISO 8601."""
    return msgspec.json.encode(report)


def _row(row: KeptPeriodReport) -> KeptReport:
    report = msgspec.convert(row.content, PeriodReport)
    return KeptReport(
        id=row.id,
        kind=report.kind,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        made_at=row.made_at,
        runs=report.total.runs,
        runs_blind=report.total.runs_blind,
        mailed_at=row.mailed_at,
        mail_problem=row.mail_problem,
    )


def _staff(actor: Actor) -> None:
    if actor.role is Role.PERSON:
        raise NotAllowedError("these reports are for operators")
