"""The demo's people decide: the same doors as on the pages, with the statements shown there.

What the search found needs both reviewers and the person; the brought link needs the person's
declaration and one advocate.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from service.app import Rooms
from service.candidates.intake import GivenDeclaration
from service.candidates.links import GivenLink
from service.demo.cast import EnrolledPerson, Staff
from service.demo.looking import POLL_S, Found
from service.demo.planned import ALTERED
from service.demo.stages import StageFailedError

CONFIRMED_AT_MOST = 3
SEAL_LIMIT_S = 120.0
SIGNATURE = "A. Person"


def choose(found: Sequence[Found]) -> tuple[list[uuid.UUID], uuid.UUID | None]:
    """Which candidates the demo confirms, altered ones first, and which one it dismisses."""
    best: dict[uuid.UUID, tuple[bool, float]] = {}
    for one in found:
        examination = one.find.examination
        findings = examination.findings if examination is not None else ()
        altered = any(finding.manipulation.band in ALTERED for finding in findings)
        similarity = max((f.similarity for x in findings for f in x.faces), default=0.0)
        best[one.candidate_id] = (altered, similarity)
    ranked = sorted(best, key=lambda candidate: best[candidate], reverse=True)
    dismissed = ranked[-1] if len(ranked) > CONFIRMED_AT_MOST else None
    return ranked[:CONFIRMED_AT_MOST], dismissed


def confirm(
    rooms: Rooms, staff: Staff, person: EnrolledPerson, candidate_ids: Sequence[uuid.UUID]
) -> None:
    """Both reviewers and the person say "the same", each with the statements they are shown."""
    for candidate_id in candidate_ids:
        for reviewer in staff.reviewers:
            with rooms.database.write() as session:
                view = rooms.candidates.view(session, reviewer, candidate_id)
                rooms.candidates.decide(
                    session, reviewer, candidate_id, "same", statements=view.statements
                )
        with rooms.database.write() as session:
            view = rooms.candidates.view(session, person.actor, candidate_id)
            rooms.candidates.person_decides(
                session, person.actor, candidate_id, "same", view.statements, SIGNATURE
            )
            state = rooms.candidates.view(session, person.actor, candidate_id).state
        if state != "confirmed":
            raise StageFailedError(f"a find that all three confirmed is {state}")


def dismiss(rooms: Rooms, staff: Staff, candidate_id: uuid.UUID) -> None:
    """Both reviewers say that it is somebody else: it is dismissed, and never asked again."""
    for reviewer in staff.reviewers:
        with rooms.database.write() as session:
            if rooms.candidates.view(session, reviewer, candidate_id).state == "waiting":
                rooms.candidates.decide(
                    session, reviewer, candidate_id, "different", "another_person", never_again=True
                )
    with rooms.database.read() as session:
        state = rooms.candidates.view(session, staff.reviewers[0], candidate_id).state
    if state != "dismissed":
        raise StageFailedError(f"a find that both reviewers dismissed is {state}")


def bring_link(
    rooms: Rooms, staff: Staff, person: EnrolledPerson, medium_url: str, page_url: str
) -> uuid.UUID:
    """The urgent lane: the person brings a link and declares; one advocate confirms."""
    with rooms.database.write() as session:
        (candidate_id,) = rooms.intake.add_links(
            session,
            person.actor,
            person.person_id,
            [GivenLink(medium_url, page_url)],
            GivenDeclaration(SIGNATURE, agreed=True),
        )
    advocate = staff.reviewers[0]
    with rooms.database.write() as session:
        view = rooms.candidates.view(session, advocate, candidate_id)
        rooms.candidates.decide(session, advocate, candidate_id, "same", statements=view.statements)
        state = rooms.candidates.view(session, advocate, candidate_id).state
    if state != "confirmed":
        raise StageFailedError(f"a link that person and advocate confirmed is {state}")
    return candidate_id


def wait_until_sealed(
    rooms: Rooms, staff: Staff, candidate_ids: Sequence[uuid.UUID]
) -> tuple[uuid.UUID, ...]:
    """The workers' part: capture, hold, seal. Returns the exhibits of these candidates."""
    deadline = time.monotonic() + SEAL_LIMIT_S
    while True:
        with rooms.database.read() as session:
            exhibits = [
                rooms.exhibits.exhibits_of(session, staff.reviewers[0], candidate_id)
                for candidate_id in candidate_ids
            ]
        if all(versions and versions[-1].is_sealed for versions in exhibits):
            return tuple(versions[-1].exhibit_id for versions in exhibits)
        if time.monotonic() > deadline:
            reasons = {one[-1].reason if one else "no exhibit was made" for one in exhibits}
            raise StageFailedError(f"not sealed within {SEAL_LIMIT_S:.0f} s: {', '.join(reasons)}")
        time.sleep(POLL_S)
