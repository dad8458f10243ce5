"""Models of a house: named, changed, and built with made-up eyes."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.enrolment.model_views import ChangeView
from service.enrolment.models import StoredTemplate
from tests.service.enrolment.people_factory import MODEL, OTHER_MODEL, House, MadeUpEyes

SYSTEM = Actor.system("test")


def name_model(house: House, stamp: ModelStamp = MODEL) -> None:
    """As the first start of a worker does."""
    with house.rooms.database.write() as session:
        assert house.rooms.models.adopt(session, stamp)


def start(house: House, stamp: ModelStamp = OTHER_MODEL, *, ask: bool = False) -> ChangeView:
    with house.rooms.database.write() as session:
        return house.rooms.models.start(session, house.operator, stamp, asks_before_switch=ask)


def build(house: House, stamp: ModelStamp | None = None, *, at_most: int = 1000) -> int:
    """What workers do: make what is missing, with eyes that have that model, and move on."""
    rooms = house.rooms
    with rooms.database.read() as session:
        beside = rooms.models.beside(session)
        wanted = stamp or (beside.stamp if beside else None)
        photos = rooms.models.missing(session, wanted, at_most) if wanted else ()
    eyes = MadeUpEyes(model=wanted)
    made = [
        rooms.photos.templates.make(rooms.database, eyes, photo, searching=False)
        for photo in photos
    ]
    with rooms.database.write() as session:
        rooms.models.advance(session)
    return made.count("made")


def change_of(house: House, actor: Actor | None = None) -> ChangeView:
    with house.rooms.database.read() as session:
        change = house.rooms.models.standing(session, actor or SYSTEM).change
    assert change is not None
    return change


def models_of(house: House, person_id: uuid.UUID) -> list[str]:
    """The packs of all templates that are kept of a person, one for each template."""
    with house.rooms.database.read() as session:
        query = select(StoredTemplate.model_pack).where(StoredTemplate.person_id == person_id)
        return sorted(session.scalars(query))


def searched(house: House, stamp: ModelStamp) -> list[str]:
    """Whom the watch-list holds with this model, once for each photo."""
    with house.rooms.database.read() as session:
        templates = house.rooms.enrolment.templates_for_gallery(session, stamp)
    return [one.person_ref for one in templates if not one.template_ref.startswith("fused-")]
