"""Sites and runs for programs."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from service.sources.asked import SourcesDep, SweepsDep
from service.sources.progress_schemas import RunProgressOut, SweepOut
from service.sources.run_watching import watch
from service.sources.schemas import RunIn, RunOut, SiteIn, SiteOut
from service.web.dependencies import (
    OperatorActor,
    ReadSession,
    StaffActor,
    WriteSession,
    get_clock,
)
from service.web.errors import error_responses

router = APIRouter()

_CREATED = 201
_LARGEST_OFFSET = 1_000_000


@router.get("/sites", tags=["sites"], summary="List sites", responses=error_responses(401, 403))
def list_sites(session: ReadSession, sources: SourcesDep, actor: StaffActor) -> list[SiteOut]:
    """All sites of the organisation, by name."""
    return [SiteOut.of(site) for site in sources.sites(session, actor)]


@router.post(
    "/sites",
    tags=["sites"],
    summary="Add a site",
    status_code=_CREATED,
    responses=error_responses(401, 403, 409, 422),
)
def add_site(
    body: SiteIn, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> SiteOut:
    """A configured source with its purpose, legal basis, scope and politeness."""
    return SiteOut.of(sources.add_site(session, actor, body.draft()))


@router.get(
    "/sites/{site_id}",
    tags=["sites"],
    summary="One site",
    responses=error_responses(401, 403, 404, 422),
)
def show_site(
    site_id: uuid.UUID, session: ReadSession, sources: SourcesDep, actor: StaffActor
) -> SiteOut:
    """A site of the organisation."""
    return SiteOut.of(sources.site(session, actor, site_id))


@router.put(
    "/sites/{site_id}",
    tags=["sites"],
    summary="Change a site",
    responses=error_responses(401, 403, 404, 409, 422),
)
def change_site(
    site_id: uuid.UUID,
    body: SiteIn,
    session: WriteSession,
    sources: SourcesDep,
    actor: OperatorActor,
) -> SiteOut:
    """Replace all settings of a site."""
    return SiteOut.of(sources.update_site(session, actor, site_id, body.draft()))


@router.post(
    "/sites/{site_id}/pause",
    tags=["sites"],
    summary="Pause a site",
    responses=error_responses(401, 403, 404, 422),
)
def pause_site(
    site_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> SiteOut:
    """Nothing more is fetched from it; a live run waits."""
    return SiteOut.of(sources.pause_site(session, actor, site_id))


@router.post(
    "/sites/{site_id}/resume",
    tags=["sites"],
    summary="Resume a site",
    responses=error_responses(401, 403, 404, 422),
)
def resume_site(
    site_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> SiteOut:
    """It may be visited again; a run that waited goes on."""
    return SiteOut.of(sources.resume_site(session, actor, site_id))


@router.post(
    "/sites/{site_id}/runs",
    tags=["runs"],
    summary="Start a run",
    status_code=_CREATED,
    responses=error_responses(401, 403, 404, 409, 422),
)
def start_run(
    site_id: uuid.UUID,
    body: RunIn,
    session: WriteSession,
    sources: SourcesDep,
    actor: OperatorActor,
) -> RunOut:
    """Queue a run for the workers. Refused while no case is open, unless a purpose is given."""
    return RunOut.of(sources.start_run(session, actor, site_id, body.monitoring_purpose))


@router.get("/runs", tags=["runs"], summary="List runs", responses=error_responses(401, 403, 422))
def list_runs(
    session: ReadSession,
    sources: SourcesDep,
    actor: StaffActor,
    site_id: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=_LARGEST_OFFSET)] = 0,
) -> list[RunOut]:
    """Runs of the organisation, the newest first."""
    runs = sources.runs(session, actor, site_id=site_id, limit=limit, offset=offset)
    return [RunOut.of(run) for run in runs]


@router.get(
    "/runs/{run_id}",
    tags=["runs"],
    summary="One run",
    responses=error_responses(401, 403, 404, 422),
)
def show_run(
    run_id: uuid.UUID, session: ReadSession, sources: SourcesDep, actor: StaffActor
) -> RunOut:
    """A run as it is now."""
    return RunOut.of(sources.run(session, actor, run_id))


@router.get(
    "/runs/{run_id}/progress",
    tags=["runs"],
    summary="How a run goes",
    responses=error_responses(401, 403, 404, 422),
)
def show_run_progress(
    request: Request,
    run_id: uuid.UUID,
    session: ReadSession,
    sweeps: SweepsDep,
    actor: StaffActor,
) -> RunProgressOut:
    """What is done, what waits, what went wrong, and about how much longer.

    Of a run that looks at known media again, also how far all of that is.
    """
    watched = watch(session, actor, run_id, get_clock(request).now())
    return RunProgressOut.of(watched, sweeps.of_run(session, actor, watched.run))


@router.post(
    "/runs/{run_id}/pause",
    tags=["runs"],
    summary="Pause a run",
    responses=error_responses(401, 403, 404, 409, 422),
)
def pause_run(
    run_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> RunOut:
    """It stops within seconds, and goes on where it was when it is resumed."""
    return RunOut.of(sources.control.pause(session, actor, run_id))


@router.post(
    "/runs/{run_id}/resume",
    tags=["runs"],
    summary="Resume a run",
    responses=error_responses(401, 403, 404, 409, 422),
)
def resume_run(
    run_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> RunOut:
    """Go on with a run that was paused by itself."""
    return RunOut.of(sources.control.resume(session, actor, run_id))


@router.get(
    "/sites/{site_id}/sweep",
    tags=["sites"],
    summary="How far known media were looked at again",
    responses=error_responses(401, 403, 404, 422),
)
def show_sweep(
    site_id: uuid.UUID, session: ReadSession, sweeps: SweepsDep, actor: StaffActor
) -> SweepOut | None:
    """The latest sweep of a site for people who joined; null when there was none."""
    again = sweeps.of_site(session, actor, site_id)
    return None if again is None else SweepOut.of(again)


@router.post(
    "/runs/{run_id}/cancel",
    tags=["runs"],
    summary="Cancel a run",
    responses=error_responses(401, 403, 404, 409, 422),
)
def cancel_run(
    run_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> RunOut:
    """End a run that goes on; what it found stays."""
    return RunOut.of(sources.control.cancel(session, actor, run_id))
