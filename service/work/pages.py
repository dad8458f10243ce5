"""Models for operators: which one searches, building another one beside it, switching, confirming.

Everything works without JavaScript: progress is what the page says when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.model_changes import ModelChanges
from service.enrolment.model_views import ChangeView
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import DatabaseDep, OperatorActor, get_settings
from service.web.render import render
from service.web.responses import see_other
from service.work import metrics_pages
from service.work.asked import ModelsDep
from service.work.model_page import model_page
from service.work.model_steps import begin_change, end_step

router = APIRouter()
router.include_router(metrics_pages.router)

Field = Annotated[str, Form()]
PAGE = "/settings/models"


@router.get(PAGE)
def show_models(
    request: Request, database: DatabaseDep, models: ModelsDep, actor: OperatorActor
) -> Response:
    """Which model searches, and how a change of it stands."""
    return _page(request, database, models, actor)


@router.post(f"{PAGE}/use")
def use(
    request: Request,
    database: DatabaseDep,
    models: ModelsDep,
    actor: OperatorActor,
    pack: Field = "",
    accept_licence: Field = "",
    ask: Field = "",
) -> Response:
    """Begin to build another model."""
    try:
        begin_change(
            get_settings(request),
            database,
            models,
            actor,
            pack,
            accept_licence=accept_licence == "on",
            asks_before_switch=ask == "on",
        )
    except (InvalidInputError, ConflictError) as error:
        return _page(request, database, models, actor, str(error), error.http_status)
    return see_other(PAGE)


@router.post(f"{PAGE}/switch")
def switch(
    request: Request, database: DatabaseDep, models: ModelsDep, actor: OperatorActor
) -> Response:
    """Use the model that is built."""
    return _step(request, database, models, actor, models.switch)


@router.post(f"{PAGE}/confirm")
def confirm(
    request: Request, database: DatabaseDep, models: ModelsDep, actor: OperatorActor
) -> Response:
    """Keep the new model and destroy the old templates."""
    return _step(request, database, models, actor, models.confirm)


@router.post(f"{PAGE}/back")
def back(
    request: Request, database: DatabaseDep, models: ModelsDep, actor: OperatorActor
) -> Response:
    """Use the old model again."""
    return _step(request, database, models, actor, models.back)


@router.post(f"{PAGE}/abandon")
def abandon(
    request: Request, database: DatabaseDep, models: ModelsDep, actor: OperatorActor
) -> Response:
    """Stop building."""
    return _step(request, database, models, actor, models.abandon)


def _step(
    request: Request,
    database: Database,
    models: ModelChanges,
    actor: Actor,
    move: Callable[[Session, Actor], ChangeView],
) -> Response:
    try:
        end_step(database, models, actor, move)
    except ConflictError as error:
        return _page(request, database, models, actor, str(error), error.http_status)
    return see_other(PAGE)


def _page(
    request: Request,
    database: Database,
    models: ModelChanges,
    actor: Actor,
    problem: str = "",
    status_code: int = 200,
) -> Response:
    with database.read() as session:
        standing = models.standing(session, actor)
    return render(
        request,
        "work/models.html",
        status_code=status_code,
        models=model_page(get_settings(request), standing),
        problem=problem,
    )
