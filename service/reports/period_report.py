"""Builds the report of a day, week or month from the database alone.

1. The runs that ended in the period, and in those before it for the trend.
2. What became of their addresses; what is new on each site, and what is gone.
3. One row for each site, also for those that nobody visited.
4. The sentences: the only ones that may be said of it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.clock import Clock
from service.reports import period_words, words
from service.reports.period_views import PeriodReport, PeriodTotal, SitePeriod
from service.reports.periods import Period, ending_with
from service.reports.views import ReasonCount
from service.sources import period_facts
from service.sources.period_facts import Compared, EntryCount
from service.sources.service import SourcesService
from service.sources.views import RunView, SiteView

PERIODS_IN_TREND = 12
_NOT_REACHED = ("waiting", "leased")


@dataclass(frozen=True, slots=True)
class PeriodReportBuilder:
    """Reads the sources and writes nothing."""

    clock: Clock
    sources: SourcesService

    def build(self, session: Session, actor: Actor, period: Period) -> PeriodReport:
        """The report of one organisation's runs in a period, as the caller may see them."""
        now = self.clock.now()
        periods = ending_with(period, PERIODS_IN_TREND)
        all_runs = period_facts.ended_runs(session, actor, periods[0].begins_at, period.ends_at)
        runs = [run for run in all_runs if _ended_in(run, period)]
        entries = period_facts.entry_counts(session, runs)
        new = period_facts.new_media(session, runs)
        gone = period_facts.compared(session, actor, runs)
        sites = tuple(
            _of_site(
                site,
                [run for run in runs if run.site_id == site.id],
                entries,
                new.get(site.id, 0),
                gone.get(site.id),
            )
            for site in self.sources.sites(session, actor)
            if site.created_at < period.ends_at
        )
        live = self.sources.progress.going_on(session, actor)
        going_on = len(live)
        paused = sum(run.state == "paused" for run in live)
        complete = period.ends_at <= now
        return PeriodReport(
            kind=period.kind,
            begins_at=period.begins_at,
            ends_at=period.ends_at,
            complete=complete,
            sentences=period_words.of_period(
                sites, going_on=going_on, paused=paused, complete=complete
            ),
            total=_total(period, runs),
            requests=sum(entry.requests for entry in entries),
            media_new=sum(new.values()),
            media_gone=sum(each.gone for each in gone.values()),
            runs_going_on=going_on,
            runs_paused=paused,
            sites=sites,
            errors=_errors(entries),
            trend=tuple(
                _total(each, [run for run in all_runs if _ended_in(run, each)]) for each in periods
            ),
            made_at=now,
        )


def _of_site(
    site: SiteView,
    runs: Sequence[RunView],
    entries: Sequence[EntryCount],
    new: int,
    compared: Compared | None,
) -> SitePeriod:
    ids = {run.id for run in runs}
    of_site = [entry for entry in entries if entry.run_id in ids]
    pages = [entry for entry in of_site if entry.kind == "page"]
    known = sum(entry.count for entry in pages)
    done = sum(entry.count for entry in pages if entry.state == "done")
    coverage = done / known if known else None
    states = Counter(run.state for run in runs)
    return SitePeriod(
        site_id=site.id,
        site_name=site.name,
        site_state=site.state,
        runs=len(runs),
        runs_finished=states["finished"],
        runs_blind=states["blind"],
        runs_failed=states["failed"],
        runs_cancelled=states["cancelled"],
        could_not_look=bool(runs) and states["blind"] == len(runs),
        reasons=_reasons(runs),
        pages_seen=sum(run.pages_seen for run in runs),
        pages_known=known,
        coverage=round(coverage, 4) if coverage is not None else None,
        media_seen=sum(run.media_seen for run in runs),
        media_examined=sum(run.media_examined for run in runs),
        media_unreadable=sum(run.media_unreadable for run in runs),
        media_new=new,
        media_known_before=compared.known if compared else None,
        media_gone=compared.gone if compared else None,
        media_not_met_again=compared.not_met_again if compared else None,
        faces_counted=sum(run.faces_counted for run in runs),
        candidates_found=sum(run.candidates_found for run in runs),
        finds_held_back=sum(run.finds_held_back for run in runs),
        refusals=sum(run.refusals for run in runs),
        requests=sum(entry.requests for entry in of_site),
        bytes_fetched=sum(run.bytes_fetched for run in runs),
        examine_seconds=round(sum(run.examine_seconds for run in runs), 3),
        run_seconds=round(sum(_seconds(run) for run in runs), 3),
        sentence=period_words.of_site(
            runs=len(runs),
            blind=states["blind"],
            failed=states["failed"],
            cancelled=states["cancelled"],
            coverage=coverage,
            state=site.state,
            not_due=sum(run.pages_not_due for run in runs),
        ),
        pages_unchanged=sum(run.pages_unchanged for run in runs),
        pages_not_due=sum(run.pages_not_due for run in runs),
        media_unchanged=sum(run.media_unchanged for run in runs),
        media_small=sum(run.media_small for run in runs),
        media_only_small=sum(run.media_only_small for run in runs),
        media_in_part=sum(run.media_in_part for run in runs),
    )


def _reasons(runs: Sequence[RunView]) -> tuple[ReasonCount, ...]:
    counts = Counter(code for run in runs for code in run.state_reason.split(",") if code)
    return tuple(
        ReasonCount("run", code, words.reason(code), count)
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _errors(entries: Sequence[EntryCount]) -> tuple[ReasonCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.state in ("refused", "failed"):
            counts[entry.kind, entry.code or "unknown"] += entry.count
        elif entry.state in _NOT_REACHED:
            counts[entry.kind, "not_reached"] += entry.count
    return tuple(
        ReasonCount(
            kind,
            code,
            "known, and not visited" if code == "not_reached" else words.reason(code),
            count,
        )
        for (kind, code), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _total(period: Period, runs: Sequence[RunView]) -> PeriodTotal:
    return PeriodTotal(
        begins_at=period.begins_at,
        ends_at=period.ends_at,
        runs=len(runs),
        runs_blind=sum(run.state == "blind" for run in runs),
        runs_failed=sum(run.state in ("failed", "cancelled") for run in runs),
        pages_seen=sum(run.pages_seen for run in runs),
        media_seen=sum(run.media_seen for run in runs),
        media_examined=sum(run.media_examined for run in runs),
        faces_counted=sum(run.faces_counted for run in runs),
        candidates_found=sum(run.candidates_found for run in runs),
        refusals=sum(run.refusals for run in runs),
        bytes_fetched=sum(run.bytes_fetched for run in runs),
        examine_seconds=round(sum(run.examine_seconds for run in runs), 3),
    )


def _ended_in(run: RunView, period: Period) -> bool:
    return run.finished_at is not None and period.begins_at <= run.finished_at < period.ends_at


def _seconds(run: RunView) -> float:
    if run.started_at is None or run.finished_at is None:
        return 0.0
    return max(0.0, (run.finished_at - run.started_at).total_seconds())


def first_period(sites: Sequence[SiteView]) -> dict[uuid.UUID, datetime]:
    """For each organisation with sites, when its first one was set up."""
    found: dict[uuid.UUID, datetime] = {}
    for site in sites:
        earliest = found.get(site.organisation_id, site.created_at)
        found[site.organisation_id] = min(earliest, site.created_at)
    return found
