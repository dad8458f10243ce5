"""What callers are told of sites and runs: frozen, with nothing of any person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from operator import add, attrgetter

from service.sources.models import Run, Site
from service.sources.site_draft import Canary, SiteDraft

AT_WORK = ("queued", "running")
YIELDED = "yielded"
"""The state of a run that stepped aside for another one of its site, and goes on after it."""
LIVE_STATES = (*AT_WORK, "paused", YIELDED)
RUN_PAUSED = "run_paused"
"""Why a run is paused: by itself, and not with its site."""
WHOLE_SITE = "crawl"
AROUND = "around"
"""The kind of a run that looks around a find, for one case alone."""
SWEEP_RUN = "sweep"
"""The kind of a run that looks at known media again for who joined."""
OVER_STATES = ("finished", "blind", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site with its settings."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    state: str
    draft: SiteDraft
    created_at: datetime
    next_run_at: datetime | None

    @property
    def name(self) -> str:
        """The site's name."""
        return self.draft.name

    @property
    def canaries(self) -> tuple[Canary, ...]:
        """The pages that must show media, or else the run was blind."""
        return tuple(Canary.parse(line) for line in self.draft.canaries)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its counts. Sizes in bytes, times in seconds.

    `pages_unchanged` and `media_unchanged` are those of which the server said so: they count among
    the pages and media seen, too. `pages_not_due` were known and left alone in this run, because
    they hardly ever change: they do not count as seen. `media_small` were thumbnails, previews
    and posters of other media: seen, and not counted as examined. `media_only_small` is how many
    media were seen in no other form once the run had ended; `media_in_part` those of which a part
    could be fetched. `is_acute`: it serves somebody in acute danger, and goes first. `times_lost`
    is how often its work was lost and begun again; from `steps_aside_at` on it lets another run of
    its site go first. Since `addresses_forgotten_at` what became of each address is kept no more;
    `addresses_forgotten` are gone by now.
    """

    id: uuid.UUID
    organisation_id: uuid.UUID
    site_id: uuid.UUID
    site_name: str
    state: str
    state_reason: str
    cases_served: int
    monitoring_purpose: str
    generation: int
    pages_seen: int
    media_seen: int
    media_examined: int
    media_unreadable: int
    faces_counted: int
    candidates_found: int
    finds_held_back: int
    refusals: int
    bytes_fetched: int
    examine_seconds: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    kind: str = "crawl"
    only_person: str | None = None
    pages_unchanged: int = 0
    media_unchanged: int = 0
    addresses_left_out: int = 0
    media_small: int = 0
    media_only_small: int = 0
    media_in_part: int = 0
    pages_not_due: int = 0
    is_acute: bool = False
    times_lost: int = 0
    steps_aside_at: datetime | None = None
    addresses_forgotten_at: datetime | None = None
    addresses_forgotten: int = 0

    @property
    def is_live(self) -> bool:
        """Whether it still goes on, or may go on."""
        return self.state in LIVE_STATES


@dataclass(frozen=True, slots=True)
class MediumRecord:
    """What was written of a medium. `is_new`: this content was never seen before by anyone here."""

    medium_id: uuid.UUID
    sighting_id: uuid.UUID
    is_new: bool
    host: str


@dataclass(frozen=True, slots=True)
class ExaminedBefore:
    """How a content was examined the last time; `change` is the watch-list's."""

    medium_id: uuid.UUID
    refusal_code: str | None
    model: str | None
    change: int | None
    examined_at: datetime


@dataclass(frozen=True, slots=True)
class KnownMedium:
    """A medium that need not be looked at again. `refusal_code`: why it could not be read."""

    medium_id: uuid.UUID
    refusal_code: str | None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of a run's addresses.

    `refusals` are (kind, code, count); `starts_refused` counts seeds that could not be fetched,
    `canaries_lost` canaries that could not be fetched or showed too little, `media_without_faces`
    media in which faces should have been looked for and could not be.
    """

    pages_done: int
    media_done: int
    pages_waiting: int
    waiting: int
    refusals: tuple[tuple[str, str, int], ...]
    starts_refused: int
    canaries_lost: int
    media_without_faces: int = 0


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What looked at a run's media: (model or None, count), and (reason, count) of unreadable."""

    models: tuple[tuple[str | None, int], ...]
    unreadable: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RunCount:
    """What one completed address adds to its run."""

    pages_seen: int = 0
    media_seen: int = 0
    media_examined: int = 0
    media_unreadable: int = 0
    faces_counted: int = 0
    candidates_found: int = 0
    refusals: int = 0
    bytes_fetched: int = 0
    examine_seconds: float = 0.0
    media_without_faces: int = 0
    finds_held_back: int = 0
    pages_unchanged: int = 0
    media_unchanged: int = 0
    addresses_left_out: int = 0
    media_small: int = 0
    media_in_part: int = 0
    pages_not_due: int = 0

    def plus(self, other: RunCount) -> RunCount:
        """Both together."""
        return RunCount(*map(add, _counts_of(self), _counts_of(other)))

    def changes(self) -> dict[str, float]:
        """What it adds, by name; nothing of what stays as it is."""
        names = zip(COUNTS, _counts_of(self), strict=True)
        return {name: number for name, number in names if number}


@dataclass(frozen=True, slots=True)
class RunNow:
    """How far a run is, as its workers ask for it all the time."""

    state: str
    generation: int
    steps_aside_at: datetime | None
    pages_seen: int
    media_seen: int

    def goes_on(self, now: datetime, generation: int) -> bool:
        """Whether more of it may be fetched by whoever was handed it as this generation."""
        return (
            self.state == "running"
            and self.generation == generation
            and (self.steps_aside_at is None or self.steps_aside_at > now)
        )


COUNTS = tuple(field.name for field in fields(RunCount))
_counts_of = attrgetter(*COUNTS)


def site_view(site: Site) -> SiteView:
    """The view of a row."""
    draft = SiteDraft(
        name=site.name,
        seeds=tuple(site.seeds),
        purpose=site.purpose,
        legal_basis=site.legal_basis,
        allowed_hosts=tuple(site.allowed_hosts),
        media_hosts=tuple(site.media_hosts),
        path_prefixes=tuple(site.path_prefixes),
        max_depth=site.max_depth,
        page_budget=site.page_budget,
        media_budget=site.media_budget,
        delay_s=site.delay_s,
        obey_robots=site.obey_robots,
        robots_reason=site.robots_reason,
        monitoring_purpose=site.monitoring_purpose,
        schedule=site.schedule,
        canaries=tuple(site.canaries),
        extractors=site.extractors,
        adaptive=site.adaptive,
        needs_script=site.needs_script,
        script_hosts=tuple(site.script_hosts),
    )
    return SiteView(
        site.id, site.organisation_id, site.state, draft, site.created_at, site.next_run_at
    )


def run_view(run: Run, site_name: str, *, is_acute: bool = False) -> RunView:
    """The view of a row."""
    return RunView(
        id=run.id,
        organisation_id=run.organisation_id,
        site_id=run.site_id,
        site_name=site_name,
        state=run.state,
        state_reason=run.state_reason,
        cases_served=len(run.serves),
        monitoring_purpose=run.monitoring_purpose,
        generation=run.generation,
        pages_seen=run.pages_seen,
        media_seen=run.media_seen,
        media_examined=run.media_examined,
        media_unreadable=run.media_unreadable,
        faces_counted=run.faces_counted,
        candidates_found=run.candidates_found,
        finds_held_back=run.finds_held_back,
        refusals=run.refusals,
        bytes_fetched=run.bytes_fetched,
        examine_seconds=run.examine_seconds,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        pages_unchanged=run.pages_unchanged,
        media_unchanged=run.media_unchanged,
        addresses_left_out=run.addresses_left_out,
        pages_not_due=run.pages_not_due,
        is_acute=is_acute,
        times_lost=run.times_lost,
        steps_aside_at=run.steps_aside_at,
        addresses_forgotten_at=run.addresses_forgotten_at,
        addresses_forgotten=run.addresses_forgotten,
        media_small=run.media_small,
        media_only_small=run.media_only_small,
        media_in_part=run.media_in_part,
        kind=run.kind,
        only_person=run.serves[0] if run.kind == AROUND and run.serves else None,
    )
