"""What other rooms need of what runs saw is never forgotten: with the rooms as they are built."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.sources.media_ledger import Place
from service.sources.models import FrontierEntry, Sighting
from service.sources.site_draft import SiteDraft
from service.work.retention_rounds import RetentionRounds
from tests.service.candidates.finds_factory import record_face, reviewer_says
from tests.service.enrolment.people_factory import House, examination, make_person


def test_every_sighting_stays_of_a_medium_in_which_somebody_was_found(any_house: House) -> None:
    house = any_house
    _, case = make_person(house)
    site_id = add_site(house)
    found, other = examination(b"found"), examination(b"other")
    for _ in range(3):
        visit(house, site_id, found, other)
    candidate_id = record_face(house, case.person_id, medium_of(house, found), b"found")
    reviewer_says(house, house.reviewers[0], candidate_id, "different")
    house.clock.advance(days=200)
    for _ in range(3):
        visit(house, site_id, found, other)
    rooms = house.rooms
    rounds = RetentionRounds(rooms.database, rooms.retention)
    assert rounds.go_round() == 0  # no period was reported yet
    house.clock.advance(days=8)
    rooms.periods.keep_due(rooms.database)
    assert rounds.go_round() > 0
    with rooms.database.read() as session:
        left = dict(
            session.execute(
                select(Sighting.medium_id, func.count()).group_by(Sighting.medium_id)
            ).all()
        )
        runs = session.scalar(select(func.count(FrontierEntry.run_id.distinct())))
    assert left == {medium_of(house, found): 6, medium_of(house, other): 4}
    assert runs == 3


def add_site(house: House) -> uuid.UUID:
    draft = SiteDraft(
        name="Forum",
        seeds=("https://forum.example/",),
        purpose="Copies were reported there",
        legal_basis="Mandates of the people",
    )
    with house.rooms.database.write() as session:
        return house.rooms.sources.add_site(session, house.operator, draft).id


def visit(house: House, site_id: uuid.UUID, *seen: Examination) -> None:
    """A run that sees each of these at an address of its own."""
    sources, system = house.rooms.sources, Actor.system("crawl", house.organisation_id)
    with house.rooms.database.write() as session:
        run = sources.start_run(session, house.operator, site_id, "Look whether all works")
        sources.progress.begin(session, system, run.id)
        for each in seen:
            url = f"https://forum.example/{each.hashes.sha256}.jpg"
            place = Place(house.organisation_id, url, None, site_id, run.id)
            sources.record_examined(session, system, place, each, 1)
        sources.progress.end(session, system, run.id, "finished", "")
    house.clock.advance(hours=1)


def medium_of(house: House, seen: Examination) -> uuid.UUID:
    with house.rooms.database.read() as session:
        (medium_id,) = house.rooms.sources.media_of(
            session, Actor.system("test"), (seen.hashes.sha256,)
        )
    return medium_id
