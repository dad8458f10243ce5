"""The steps of changing the model as pages and the API ask for them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from indexer.errors import IndexerError
from indexer.faces import find_pack
from indexer.faces.packs import require_licence, stamp_of
from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.model_changes import ModelChanges
from service.enrolment.model_views import ChangeView
from service.errors import InvalidInputError
from service.settings import Settings


def begin_change(
    settings: Settings,
    database: Database,
    models: ModelChanges,
    actor: Actor,
    pack: str,
    *,
    accept_licence: bool,
    asks_before_switch: bool,
) -> ChangeView:
    """Begin to build a pack that is on this machine. `InvalidInputError` where it cannot be."""
    try:
        found = find_pack(pack, settings.models_dir)
        accepted = (*settings.accepted_licences, *((found.name,) if accept_licence else ()))
        require_licence(found, accepted)
    except IndexerError as error:
        raise InvalidInputError(f"Model: {error}.") from error
    with database.write() as session:
        return models.start(
            session,
            actor,
            stamp_of(found),
            asks_before_switch=asks_before_switch,
            licence_accepted=accept_licence,
        )


def end_step(
    database: Database,
    models: ModelChanges,
    actor: Actor,
    move: Callable[[Session, Actor], ChangeView],
) -> ChangeView:
    """Do one step; where it ended the change, destroy what no step needs any more."""
    with database.write() as session:
        change = move(session, actor)
    if not change.is_open:
        models.destroy_others(database)
    return change
