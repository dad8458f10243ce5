"""All SQL of reports; a report is seen by staff of its organisation."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.accounts.actor import Actor, Role
from service.errors import NotFoundError
from service.reports.models import KeptPeriodReport, Report
from service.reports.periods import Period

LIST_LIMIT = 100


class ReportRepository:
    """What one caller may see of reports."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def of_run(self, run_id: uuid.UUID) -> Report | None:
        """The stored report of a run, if there is one that the caller may see."""
        return self._session.scalar(
            select(Report).where(
                Report.run_id == run_id, _visible(self._actor, Report.organisation_id)
            )
        )

    def add(self, report: Report) -> None:
        """Store a new report."""
        self._session.add(report)
        self._session.flush()


class PeriodReportRepository:
    """What one caller may see of periodic reports."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._mine = _visible(actor, KeptPeriodReport.organisation_id)

    def latest(self) -> Sequence[KeptPeriodReport]:
        """The newest first, at most `LIST_LIMIT`."""
        return self._session.scalars(
            select(KeptPeriodReport)
            .where(self._mine)
            .order_by(KeptPeriodReport.ends_at.desc(), KeptPeriodReport.begins_at.desc())
            .limit(LIST_LIMIT)
        ).all()

    def one(self, report_id: uuid.UUID) -> KeptPeriodReport:
        """One report; `NotFoundError` when the caller may not see it."""
        found = self._session.scalar(
            select(KeptPeriodReport).where(KeptPeriodReport.id == report_id, self._mine)
        )
        if found is None:
            raise NotFoundError("There is no such report.")
        return found

    def of_period(self, period: Period) -> KeptPeriodReport | None:
        """The report of this period."""
        return self._session.scalar(
            select(KeptPeriodReport).where(
                self._mine,
                KeptPeriodReport.kind == period.kind,
                KeptPeriodReport.begins_at == period.begins_at,
            )
        )

    def latest_end(self, kind: str) -> datetime | None:
        """When the latest reported period of this kind ended."""
        return self._session.scalar(
            select(func.max(KeptPeriodReport.ends_at)).where(
                self._mine, KeptPeriodReport.kind == kind
            )
        )

    def to_mail(self, *, tried_before: datetime, attempts_below: int) -> KeptPeriodReport | None:
        """The oldest report of which nobody was told, locked for this unit of work."""
        return self._session.scalar(
            select(KeptPeriodReport)
            .where(
                self._mine,
                KeptPeriodReport.mailed_at.is_(None),
                KeptPeriodReport.mail_attempts < attempts_below,
                or_(
                    KeptPeriodReport.mail_tried_at.is_(None),
                    KeptPeriodReport.mail_tried_at < tried_before,
                ),
            )
            .order_by(KeptPeriodReport.made_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    def add(self, report: KeptPeriodReport) -> None:
        """Keep a new report."""
        self._session.add(report)
        self._session.flush()


def _visible(actor: Actor, organisation: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    if actor.role is Role.SYSTEM and actor.organisation_id is None:
        return true()
    if actor.role is Role.PERSON or actor.organisation_id is None:
        return false()
    return organisation == actor.organisation_id
