"""Media and candidates in the rooms of `people_factory`."""

from __future__ import annotations

import uuid

from indexer.observations import PersonFinding
from service.accounts.actor import Actor
from service.candidates.resolution import Resolution
from service.candidates.statements import PERSON_STATEMENTS, Verdict
from tests.service.enrolment.people_factory import House, examination, face_finding

PAGE = "http://site.test/page"
MEDIUM = "http://site.test/picture.jpg"
WORKER = Actor.system("crawl")


def sees_medium(house: House, content: bytes) -> uuid.UUID:
    """The sources note a medium; returns its id."""
    with house.rooms.database.write() as session:
        return house.rooms.sources.know_medium(session, WORKER, examination(content), len(content))


def record(
    house: House,
    medium_id: uuid.UUID,
    content: bytes,
    *findings: PersonFinding,
    url: str = MEDIUM,
    organisation_id: uuid.UUID | None = None,
) -> tuple[uuid.UUID, ...]:
    """The workers record what an examination found."""
    with house.rooms.database.write() as session:
        return house.rooms.candidates.record_findings(
            session,
            WORKER,
            organisation_id=organisation_id or house.organisation_id,
            medium_id=medium_id,
            examination=examination(content, *findings),
            media_url=url,
            page_url=PAGE,
            host=url.split("/")[2],
            run_id=None,
        )


def record_face(
    house: House, person_id: uuid.UUID, medium_id: uuid.UUID, content: bytes, url: str = MEDIUM
) -> uuid.UUID:
    """One face find of one person."""
    (candidate_id,) = record(house, medium_id, content, face_finding(person_id), url=url)
    return candidate_id


def reviewer_says(
    house: House,
    reviewer: Actor,
    candidate_id: uuid.UUID,
    verdict: Verdict,
    *,
    reason: str = "another_person",
    never_again: bool = False,
) -> Resolution:
    """A reviewer decides, with every statement ticked when they say that it is the same person."""
    with house.rooms.database.write() as session:
        view = house.rooms.candidates.view(session, reviewer, candidate_id)
        return house.rooms.candidates.decide(
            session,
            reviewer,
            candidate_id,
            verdict,
            "" if verdict == "same" else reason,
            view.statements if verdict == "same" else (),
            never_again=never_again,
        )


def person_says(
    house: House, person: Actor, candidate_id: uuid.UUID, verdict: Verdict
) -> Resolution:
    """The person gives their own word."""
    with house.rooms.database.write() as session:
        return house.rooms.candidates.person_decides(
            session,
            person,
            candidate_id,
            verdict,
            PERSON_STATEMENTS if verdict == "same" else (),
            "Ada L." if verdict == "same" else "",
        )
