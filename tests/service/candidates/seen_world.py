"""What an organisation's runs have seen, with hashes that a test chooses."""

from __future__ import annotations

import uuid
from datetime import datetime

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.hashbank.given import GivenFrame, GivenMedium
from service.sources.media_ledger import Place
from tests.service.enrolment.people_factory import House
from tests.service.sources.seen_factory import still


def saw(
    house: House,
    examination: Examination,
    url: str,
    *,
    organisation_id: uuid.UUID | None = None,
    page_url: str | None = None,
    at: datetime | None = None,
) -> uuid.UUID:
    """A run of the organisation looks at a medium at this address; the medium's id."""
    organisation = organisation_id or house.organisation_id
    worker = Actor.system("crawl", organisation)
    now = house.clock.now()
    if at is not None:
        house.clock.set(at)
    place = Place(organisation, url, page_url)
    with house.rooms.database.write() as session:
        record = house.rooms.sources.record_examined(session, worker, place, examination, 9)
        house.rooms.candidates.record_findings(
            session,
            worker,
            organisation_id=organisation,
            medium_id=record.medium_id,
            examination=examination,
            media_url=url,
            page_url=page_url,
            host=record.host,
            run_id=None,
        )
    if at is not None:
        house.clock.set(now)
    return record.medium_id


def gives(
    house: House,
    person: Actor,
    *pdqs: str,
    sha256: str = "",
    quality: int = 100,
    turned: tuple[str, ...] = (),
) -> uuid.UUID:
    """A person gives what their device counted of one picture; the known picture's id."""
    assert person.person_id is not None
    frames = tuple(GivenFrame(pdq, quality) for pdq in pdqs)
    medium = GivenMedium("picture", sha256 or uuid.uuid4().hex * 2, frames, turned=turned)
    with house.rooms.database.write() as session:
        (known_id,) = house.rooms.hashbank.add_given_media(
            session, person, person.person_id, [medium]
        )
    return known_id


def vouch(house: House, person: Actor) -> int:
    """An advocate vouches for all that the person gave."""
    assert person.person_id is not None
    with house.rooms.database.write() as session:
        seen = house.rooms.seen_before.view(session, house.reviewers[0], person.person_id)
        return house.rooms.hashbank.matches.vouch(
            session,
            house.reviewers[0],
            person.person_id,
            seen.to_vouch,
            statement_ticked=True,
        )


def work(house: House) -> int:
    """What a worker does: follow the index, and look back at what is due; new candidates."""
    database, look_back = house.rooms.database, house.rooms.look_back
    house.rooms.seen.follow(database)
    look_back.begin_again(database)
    with database.read() as session:
        due = look_back.due(session)
    return sum(look_back.look_back(database, known_id) for known_id in due)


__all__ = ["gives", "saw", "still", "vouch", "work"]
