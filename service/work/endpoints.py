"""The JSON API on models, for operators: the same steps as on their page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from service.web.dependencies import DatabaseDep, OperatorActor, ReadSession, get_settings
from service.web.errors import error_responses
from service.work.asked import ModelsDep
from service.work.model_steps import begin_change, end_step
from service.work.schemas import ChangeIn, ChangeOut, ModelsOut

router = APIRouter(tags=["models"])

_CREATED = 201


@router.get("/models", summary="Models", responses=error_responses(401, 403))
def show_models(session: ReadSession, models: ModelsDep, actor: OperatorActor) -> ModelsOut:
    """Which model searches, and how a change of it stands."""
    return ModelsOut.of(models.standing(session, actor))


@router.post(
    "/models/change",
    status_code=_CREATED,
    summary="Build another model",
    responses=error_responses(401, 403, 409, 422),
)
def begin(
    body: ChangeIn,
    request: Request,
    database: DatabaseDep,
    models: ModelsDep,
    actor: OperatorActor,
) -> ChangeOut:
    """It is built beside the one in use, from the encrypted reference photos."""
    change = begin_change(
        get_settings(request),
        database,
        models,
        actor,
        body.pack,
        accept_licence=body.accept_licence,
        asks_before_switch=body.asks_before_switch,
    )
    return ChangeOut.of(change)


@router.post(
    "/models/change/switch",
    summary="Use the model that is built",
    responses=error_responses(401, 403, 409),
)
def switch(database: DatabaseDep, models: ModelsDep, actor: OperatorActor) -> ChangeOut:
    """On every machine, at once."""
    return ChangeOut.of(end_step(database, models, actor, models.switch))


@router.post(
    "/models/change/confirm",
    summary="Keep the new model",
    responses=error_responses(401, 403, 409),
)
def confirm(database: DatabaseDep, models: ModelsDep, actor: OperatorActor) -> ChangeOut:
    """The templates of the model before it are deleted for good."""
    return ChangeOut.of(end_step(database, models, actor, models.confirm))


@router.post(
    "/models/change/back",
    summary="Go back to the old model",
    responses=error_responses(401, 403, 409),
)
def back(database: DatabaseDep, models: ModelsDep, actor: OperatorActor) -> ChangeOut:
    """At once; possible until the new one is confirmed."""
    return ChangeOut.of(end_step(database, models, actor, models.back))


@router.post(
    "/models/change/abandon", summary="Stop building", responses=error_responses(401, 403, 409)
)
def abandon(database: DatabaseDep, models: ModelsDep, actor: OperatorActor) -> ChangeOut:
    """The model in use stays."""
    return ChangeOut.of(end_step(database, models, actor, models.abandon))
