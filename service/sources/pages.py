"""The pages of sites and runs: operators change, advocates of the organisation look."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.errors import ConflictError, NotAllowedError
from service.sources.asked import SourcesDep, SweepsDep
from service.sources.errors import SiteInvalidError
from service.sources.retention import forgotten
from service.sources.run_watching import time_left, watch
from service.sources.service import SourcesService
from service.sources.site_draft import SiteDraft
from service.sources.site_form import SiteForm, form_of
from service.sources.sweep_views import SweepProgress
from service.sources.sweeps import SweepService
from service.sources.views import RunView
from service.sources.words import STATE_WORDS, reason_words
from service.web.dependencies import (
    DatabaseDep,
    OperatorActor,
    ReadSession,
    StaffActor,
    WriteSession,
    get_clock,
    get_settings,
)
from service.web.render import render
from service.web.responses import see_other
from service.web.security import set_watching_policy

router = APIRouter()

SiteFormDep = Annotated[SiteForm, Form()]
_RUNS_ON_A_PAGE = 50
_RUNS_OF_A_SITE = 10
_UNPROCESSABLE = 422
_CONFLICT = 409
_LAST_PAGE = 10_000


@router.get("/sites")
def list_sites(
    request: Request, session: ReadSession, sources: SourcesDep, actor: StaffActor
) -> Response:
    """All sites of the organisation."""
    return render(request, "sources/sites.html", sites=sources.sites(session, actor))


@router.get("/sites/new")
def new_site(request: Request, _actor: OperatorActor) -> Response:
    """The empty form."""
    empty = form_of(SiteDraft("", (), "", "", delay_s=get_settings(request).crawl_delay_s))
    return render(request, "sources/new_site.html", form=empty, problem="", wrong="")


@router.post("/sites/new")
def add_site(
    request: Request,
    database: DatabaseDep,
    sources: SourcesDep,
    actor: OperatorActor,
    form: SiteFormDep,
) -> Response:
    """Set up a site; what is wrong is said beside what was typed."""
    try:
        with database.write() as session:
            site = sources.add_site(session, actor, form.draft())
    except (SiteInvalidError, ConflictError) as error:
        return render(
            request,
            "sources/new_site.html",
            _UNPROCESSABLE,
            form=form,
            problem=_sentence(error),
            wrong=getattr(error, "field", "name"),
        )
    return see_other(f"/sites/{site.id}")


@router.get("/sites/{site_id}")
def show_site(
    request: Request,
    site_id: uuid.UUID,
    database: DatabaseDep,
    sources: SourcesDep,
    sweeps: SweepsDep,
    actor: StaffActor,
) -> Response:
    """One site with its settings and latest runs."""
    with database.read() as session:
        again = sweeps.of_site(session, actor, site_id)
    return _site_page(request, database, sources, actor, site_id, again=again)


@router.post("/sites/{site_id}")
def change_site(
    request: Request,
    site_id: uuid.UUID,
    database: DatabaseDep,
    sources: SourcesDep,
    actor: OperatorActor,
    form: SiteFormDep,
) -> Response:
    """Change a site's settings."""
    try:
        with database.write() as session:
            sources.update_site(session, actor, site_id, form.draft())
    except (SiteInvalidError, ConflictError) as error:
        wrong = getattr(error, "field", "name")
        return _site_page(request, database, sources, actor, site_id, form, _sentence(error), wrong)
    return see_other(f"/sites/{site_id}")


@router.post("/sites/{site_id}/pause")
def pause_site(
    site_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> Response:
    """Fetch nothing more from this site."""
    sources.pause_site(session, actor, site_id)
    return see_other(f"/sites/{site_id}")


@router.post("/sites/{site_id}/resume")
def resume_site(
    site_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> Response:
    """Visit this site again."""
    sources.resume_site(session, actor, site_id)
    return see_other(f"/sites/{site_id}")


@router.post("/sites/{site_id}/runs")
def run_now(
    request: Request,
    site_id: uuid.UUID,
    database: DatabaseDep,
    sources: SourcesDep,
    actor: OperatorActor,
    monitoring_purpose: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Queue a run; why not is said on the site's page."""
    try:
        with database.write() as session:
            run = sources.start_run(session, actor, site_id, monitoring_purpose)
    except (ConflictError, NotAllowedError) as error:
        return _site_page(
            request, database, sources, actor, site_id, problem=_sentence(error), status=_CONFLICT
        )
    return see_other(f"/runs/{run.id}")


@router.get("/runs")
def list_runs(
    request: Request,
    session: ReadSession,
    sources: SourcesDep,
    actor: StaffActor,
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> Response:
    """Runs of the organisation, the newest first."""
    offset = (page - 1) * _RUNS_ON_A_PAGE
    runs = sources.runs(session, actor, limit=_RUNS_ON_A_PAGE + 1, offset=offset)
    return render(
        request,
        "sources/runs.html",
        runs=runs[:_RUNS_ON_A_PAGE],
        page=page,
        has_more=len(runs) > _RUNS_ON_A_PAGE,
        state_words=STATE_WORDS,
        forgotten=forgotten(session, actor),
    )


@router.get("/runs/{run_id}")
def show_run(
    request: Request,
    run_id: uuid.UUID,
    session: ReadSession,
    sweeps: SweepsDep,
    actor: StaffActor,
) -> Response:
    """One run as it is now; the page of a live run renews its numbers."""
    return _run_page(request, session, sweeps, actor, run_id)


@router.get("/runs/{run_id}/progress")
def show_run_progress(
    request: Request,
    run_id: uuid.UUID,
    session: ReadSession,
    sweeps: SweepsDep,
    actor: StaffActor,
) -> Response:
    """The part of that page that changes, by itself."""
    watched = watch(session, actor, run_id, get_clock(request).now())
    return render(
        request,
        "sources/run_progress.html",
        watched=watched,
        time_left=time_left(watched),
        again=sweeps.of_run(session, actor, watched.run),
        state_words=STATE_WORDS,
    )


@router.post("/runs/{run_id}/pause")
def pause_run(
    request: Request,
    run_id: uuid.UUID,
    database: DatabaseDep,
    sources: SourcesDep,
    sweeps: SweepsDep,
    actor: OperatorActor,
) -> Response:
    """Let one run wait; why not is said on its page."""
    return _moved(request, database, sweeps, actor, run_id, sources.control.pause)


@router.post("/runs/{run_id}/resume")
def resume_run(
    request: Request,
    run_id: uuid.UUID,
    database: DatabaseDep,
    sources: SourcesDep,
    sweeps: SweepsDep,
    actor: OperatorActor,
) -> Response:
    """Go on with a run; why not is said on its page."""
    return _moved(request, database, sweeps, actor, run_id, sources.control.resume)


@router.post("/runs/{run_id}/cancel")
def cancel_run(
    run_id: uuid.UUID, session: WriteSession, sources: SourcesDep, actor: OperatorActor
) -> Response:
    """End a run that goes on."""
    sources.control.cancel(session, actor, run_id)
    return see_other(f"/runs/{run_id}")


def _moved(
    request: Request,
    database: Database,
    sweeps: SweepService,
    actor: Actor,
    run_id: uuid.UUID,
    move: Callable[[Session, Actor, uuid.UUID], RunView],
) -> Response:
    try:
        with database.write() as session:
            move(session, actor, run_id)
    except ConflictError as error:
        with database.read() as session:
            return _run_page(request, session, sweeps, actor, run_id, _sentence(error))
    return see_other(f"/runs/{run_id}")


def _run_page(
    request: Request,
    session: Session,
    sweeps: SweepService,
    actor: Actor,
    run_id: uuid.UUID,
    problem: str = "",
) -> Response:
    watched = watch(session, actor, run_id, get_clock(request).now())
    codes = [code for code in watched.run.state_reason.split(",") if code]
    response = render(
        request,
        "sources/run.html",
        _CONFLICT if problem else 200,
        watched=watched,
        time_left=time_left(watched),
        again=sweeps.of_run(session, actor, watched.run),
        state_words=STATE_WORDS,
        reasons=[reason_words(code) for code in codes],
        problem=problem,
    )
    set_watching_policy(response)
    return response


def _site_page(
    request: Request,
    database: DatabaseDep,
    sources: SourcesService,
    actor: Actor,
    site_id: uuid.UUID,
    form: SiteForm | None = None,
    problem: str = "",
    wrong: str = "",
    status: int = 0,
    again: SweepProgress | None = None,
) -> Response:
    with database.read() as session:
        site = sources.site(session, actor, site_id)
        runs = sources.runs(session, actor, site_id=site_id, limit=_RUNS_OF_A_SITE)
    return render(
        request,
        "sources/site.html",
        status or (_UNPROCESSABLE if problem else 200),
        site=site,
        runs=runs,
        form=form or form_of(site.draft),
        problem=problem,
        wrong=wrong,
        state_words=STATE_WORDS,
        again=again,
    )


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
