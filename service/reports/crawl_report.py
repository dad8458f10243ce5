"""Builds the report of one run from the database alone.

1. The run's own counts, and what became of its addresses.
2. What looked at its media, and what could not be read.
3. What it found, as counts by kind and state; and what hash lists named.
4. The conclusion: the only sentence that may be said of it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.candidates.views import HeldBack
from service.clock import Clock
from service.enrolment.model_views import PersonFaces
from service.hashbank.exchange.views import ListCount
from service.reports import words
from service.reports.views import (
    CandidateCount,
    CrawlReport,
    ListedCount,
    ModelCount,
    ReasonCount,
)
from service.sources.service import SourcesService
from service.sources.views import RunOutcome, RunView


class CandidateCounts(Protocol):
    """What candidates tell of numbers."""

    def counts_of_run(
        self, session: Session, actor: Actor, run_id: uuid.UUID
    ) -> tuple[tuple[str, str, int], ...]:
        """(kind, state, count) of what one run found."""
        ...

    def counts(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[tuple[str, int], ...]:
        """(state, count) of one person's candidates."""
        ...

    def held_back(
        self, session: Session, actor: Actor, organisation_id: uuid.UUID, run_id: uuid.UUID
    ) -> HeldBack:
        """What of finds by face a run did not make, as numbers."""
        ...

    def face_search_rests(self, session: Session, actor: Actor, person_id: uuid.UUID) -> bool:
        """Whether the search for one person's face rests for review."""
        ...

    def only_closer_on(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[int, bool]:
        """On how many sites weaker likenesses are only counted; and whether on every site."""
        ...

    def chance_remark(self, session: Session) -> str:
        """What an operator has to know of chance matches; empty when all is as they wish."""
        ...


class FaceSearches(Protocol):
    """What enrolment tells of whose face can be looked for."""

    def people_not_searched(self, session: Session, organisation_id: uuid.UUID) -> int:
        """People who want their face to be looked for, and have no photo that can be used."""
        ...

    def faces_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonFaces:
        """Whether one person can be found by their face now, or what is in the way."""
        ...


class ListCounts(Protocol):
    """What hash lists tell of numbers."""

    def counts(
        self, session: Session, actor: Actor, run_id: uuid.UUID | None = None
    ) -> tuple[ListCount, ...]:
        """How many addresses each list named, of one run."""
        ...


@dataclass(frozen=True, slots=True)
class CrawlReportBuilder:
    """Reads the rooms below and writes nothing."""

    clock: Clock
    sources: SourcesService
    candidates: CandidateCounts
    lists: ListCounts
    faces: FaceSearches

    def build(self, session: Session, actor: Actor, run_id: uuid.UUID) -> CrawlReport:
        """The report of a run that the caller may see; `NotFoundError` otherwise."""
        run = self.sources.run(session, actor, run_id)
        site = self.sources.site(session, actor, run.site_id)
        outcome = self.sources.progress.outcome(session, actor, run_id)
        looked = self.sources.progress.looked_at(session, actor, run_id)
        found = self.candidates.counts_of_run(session, actor, run_id)
        held_back = self.candidates.held_back(session, actor, run.organisation_id, run_id)
        codes = tuple(code for code in run.state_reason.split(",") if code)
        seconds = _seconds(run, self.clock.now())
        faces = bool(looked.models) and all(model for model, _ in looked.models)
        known_pages = (
            outcome.pages_done + outcome.pages_waiting + _count(outcome, "page") + run.pages_not_due
        )
        return CrawlReport(
            run_id=run.id,
            site_id=run.site_id,
            site_name=run.site_name,
            state=run.state,
            blind=run.state == "blind",
            conclusion=words.conclusion(
                state=run.state,
                codes=codes,
                candidates=run.candidates_found,
                media_examined=run.media_examined,
                faces=faces,
                media_unreadable=run.media_unreadable,
                media_only_small=run.media_only_small,
                media_in_part=run.media_in_part,
                pages_not_due=run.pages_not_due,
                resting=held_back.people_resting,
                held_back=run.finds_held_back,
                not_searched=self.faces.people_not_searched(session, run.organisation_id),
            ),
            reasons=tuple(ReasonCount("run", code, words.reason(code), 1) for code in codes),
            cases_served=run.cases_served,
            monitoring_purpose=run.monitoring_purpose,
            started_at=run.started_at,
            finished_at=run.finished_at,
            seconds=round(seconds, 3),
            pages_seen=run.pages_seen,
            pages_waiting=outcome.pages_waiting,
            coverage=round(outcome.pages_done / known_pages, 4) if known_pages else 0.0,
            media_seen=run.media_seen,
            media_examined=run.media_examined,
            media_repeated=max(
                0, run.media_seen - run.media_examined - run.media_unreadable - run.media_small
            ),
            media_small=run.media_small,
            media_only_small=run.media_only_small,
            media_in_part=run.media_in_part,
            media_unreadable=run.media_unreadable,
            media_waiting=outcome.waiting - outcome.pages_waiting,
            unreadable=tuple(
                ReasonCount("medium", code, words.unreadable(code), count)
                for code, count in looked.unreadable
            ),
            faces_looked_for=faces,
            faces_counted=run.faces_counted,
            models=tuple(ModelCount(model or "", count) for model, count in looked.models),
            candidates_found=run.candidates_found,
            candidates=tuple(CandidateCount(*row) for row in found),
            refusals=tuple(
                ReasonCount(kind, code, words.reason(code), count)
                for kind, code, count in outcome.refusals
            ),
            obeyed_robots=site.draft.obey_robots,
            bytes_fetched=run.bytes_fetched,
            examine_seconds=round(run.examine_seconds, 3),
            pages_per_s=_rate(run.pages_seen, seconds),
            media_per_s=_rate(run.media_seen, seconds),
            made_at=self.clock.now(),
            listed=tuple(
                ListedCount(row.list_name, row.action, row.addresses)
                for row in self.lists.counts(session, actor, run_id)
            ),
            face_searches_resting=held_back.people_resting,
            weaker_not_shown=held_back.weaker_not_shown,
            finds_held_back=run.finds_held_back,
            chance=self.candidates.chance_remark(session),
            pages_unchanged=run.pages_unchanged,
            media_unchanged=run.media_unchanged,
            pages_not_due=run.pages_not_due,
        )


def _count(outcome: RunOutcome, kind: str) -> int:
    return sum(count for of_kind, _, count in outcome.refusals if of_kind == kind)


def _seconds(run: RunView, now: datetime) -> float:
    if run.started_at is None:
        return 0.0
    return max(0.0, ((run.finished_at or now) - run.started_at).total_seconds())


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3) if seconds > 0 else 0.0
