"""All SQL of reports; a report is seen by staff of its organisation."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.reports.models import Report


class ReportRepository:
    """What one caller may see of reports."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def of_run(self, run_id: uuid.UUID) -> Report | None:
        """The stored report of a run, if there is one that the caller may see."""
        return self._session.scalar(select(Report).where(Report.run_id == run_id, self._visible()))

    def add(self, report: Report) -> None:
        """Store a new report."""
        self._session.add(report)
        self._session.flush()

    def _visible(self) -> ColumnElement[bool]:
        if self._actor.role is Role.SYSTEM and self._actor.organisation_id is None:
            return true()
        if self._actor.role is Role.PERSON or self._actor.organisation_id is None:
            return false()
        return Report.organisation_id == self._actor.organisation_id
