"""Reports: one a run, built from the database and kept; and one for each person, in words."""

from __future__ import annotations

import json
import uuid

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.clock import Clock
from service.reports.crawl_report import (
    CandidateCounts,
    CrawlReportBuilder,
    FaceSearches,
    ListCounts,
)
from service.reports.models import Report
from service.reports.person_report import PersonReportBuilder
from service.reports.repository import ReportRepository
from service.reports.views import CandidateCount, CrawlReport, PersonReport
from service.sources.service import SourcesService


class ReportService:
    """What pages, programs and workers ask of reports."""

    def __init__(
        self,
        clock: Clock,
        sources: SourcesService,
        candidates: CandidateCounts,
        lists: ListCounts,
        faces: FaceSearches,
    ) -> None:
        self._clock = clock
        self._sources = sources
        self._candidates = candidates
        self._crawl = CrawlReportBuilder(clock, sources, candidates, lists, faces)
        self._person = PersonReportBuilder(clock, sources, candidates, faces)

    def build_run_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> CrawlReport:
        """The report of a run as things are now (candidates are decided after a run has ended).

        Once the first of its addresses are forgotten, it is the one of before with the finds of
        now: what is left would tell of a part of the run alone.
        """
        run = self._sources.run(session, actor, run_id)
        if run.addresses_forgotten or run.addresses_forgotten_at is not None:
            kept = self.kept_run_report(session, actor, run_id)
            if kept is not None:
                found = self._candidates.counts_of_run(session, actor, run_id)
                counts = tuple(CandidateCount(*row) for row in found)
                return msgspec.structs.replace(kept, candidates=counts)
        return self._crawl.build(session, actor, run_id)

    def keep_missing_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        """Store the report of a run of which there is none: of one that was cancelled."""
        if ReportRepository(session, actor).of_run(run_id) is None:
            self.keep_run_report(session, actor, run_id)

    def keep_run_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        """Store the report of a run that has ended, replacing an earlier one."""
        report = self.build_run_report(session, actor, run_id)
        content = json.loads(report_json(report))
        repository = ReportRepository(session, actor)
        stored = repository.of_run(run_id)
        if stored is not None:
            stored.content, stored.made_at = content, report.made_at
            return
        run = self._sources.run(session, actor, run_id)
        repository.add(
            Report(
                organisation_id=run.organisation_id,
                run_id=run_id,
                content=content,
                made_at=report.made_at,
            )
        )

    def kept_run_report(
        self, session: Session, actor: Actor, run_id: uuid.UUID
    ) -> CrawlReport | None:
        """The report as it was when the run ended."""
        stored = ReportRepository(session, actor).of_run(run_id)
        return msgspec.convert(stored.content, CrawlReport) if stored is not None else None

    def person_report(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonReport:
        """What was looked at for a person, and what became of it, in words."""
        return self._person.build(session, actor, person_id)


def report_json(report: CrawlReport | PersonReport) -> bytes:
    """A report as JSON (UTF-8), times in ISO 8601."""
    return msgspec.json.encode(report)
