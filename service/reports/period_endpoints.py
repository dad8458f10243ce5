"""Periodic reports for programs, for operators alone."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from service.reports.asked import PeriodsDep
from service.reports.period_schemas import (
    KeptReportOut,
    PeriodReportIn,
    PeriodReportOut,
)
from service.reports.periods import PeriodKind
from service.web.dependencies import OperatorActor, ReadSession, WriteSession
from service.web.errors import error_responses

router = APIRouter(tags=["reports"])

_CREATED = 201


@router.get("/reports", summary="Periodic crawl reports", responses=error_responses(401, 403))
def list_reports(
    session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> list[KeptReportOut]:
    """Those that are kept, the newest first."""
    return [KeptReportOut.of(each) for each in periods.kept(session, actor)]


@router.post(
    "/reports",
    status_code=_CREATED,
    summary="Make a crawl report",
    responses=error_responses(401, 403, 422),
)
def make_report(
    body: PeriodReportIn, session: WriteSession, periods: PeriodsDep, actor: OperatorActor
) -> PeriodReportOut:
    """Of the latest period that has ended; one that is kept already stays as it is."""
    report_id = periods.keep_last(session, actor, body.kind)
    return PeriodReportOut.of(periods.one(session, actor, report_id))


@router.get(
    "/reports/so-far",
    summary="The period that goes on",
    responses=error_responses(401, 403, 422),
)
def show_so_far(
    session: ReadSession,
    periods: PeriodsDep,
    actor: OperatorActor,
    kind: Annotated[PeriodKind, Query()] = "week",
) -> PeriodReportOut:
    """As things are now; not kept."""
    return PeriodReportOut.of(periods.so_far(session, actor, kind))


@router.get(
    "/reports/{report_id}",
    summary="One periodic crawl report",
    responses=error_responses(401, 403, 404, 422),
)
def show_report(
    report_id: uuid.UUID, session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> PeriodReportOut:
    """As it was made."""
    return PeriodReportOut.of(periods.one(session, actor, report_id))
