"""Finds by face of made-up similarity on made-up pages, as workers record them."""

from __future__ import annotations

import uuid
from itertools import count

import msgspec

from indexer.observations import PersonFinding
from service.candidates.views import FindsHeldBack
from tests.service.candidates.finds_factory import WORKER, sees_medium
from tests.service.enrolment.people_factory import House, examination, face_finding

_numbers = count()


def find_face(
    house: House,
    person_id: uuid.UUID,
    *,
    similarity: float = 0.5,
    page: str = "http://forum.test/thread/1",
    finding: PersonFinding | None = None,
    run_id: uuid.UUID | None = None,
    held_back: FindsHeldBack | None = None,
) -> uuid.UUID | None:
    """A new medium that shows the person this closely; the candidate, where one was made."""
    content = b"medium %d" % next(_numbers)
    made = house.rooms.candidates
    medium_id = sees_medium(house, content)
    shown = finding or face_finding(person_id, similarity=similarity)
    with house.rooms.database.write() as session:
        ids = made.record_findings(
            session,
            WORKER,
            organisation_id=house.organisation_id,
            medium_id=medium_id,
            examination=examination(content, shown),
            media_url=f"http://cdn.test/{content.hex()}.jpg",
            page_url=page,
            host="cdn.test",
            run_id=run_id,
            held_back=held_back,
        )
    return ids[0] if ids else None


def with_caution(finding: PersonFinding, *cautions: str) -> PersonFinding:
    """The same finding, its face marked."""
    faces = tuple(msgspec.structs.replace(face, cautions=cautions) for face in finding.faces)
    return msgspec.structs.replace(finding, faces=faces)


def gallery_change(house: House) -> int:
    """How often the watch-list has changed."""
    with house.rooms.database.read() as session:
        return house.rooms.enrolment.gallery_change(session)
