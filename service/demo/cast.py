"""Who takes part in the demo: an organisation with its operator and two reviewers, and a person.

They come in by the same doors as everybody: a one-time link, invitations, sign-in, enrolment. Their
passwords are random and forgotten.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from service.accounts.actor import Actor, Role
from service.accounts.views import SignedIn
from service.app import Rooms
from service.demo.stages import StageFailedError
from service.hashbank.given import GivenFrame, GivenMedium

HERE = "127.0.0.1"
LEGAL_BASIS = (
    "Demonstration on this machine: photographs that installed packages carry, or the user's own, "
    "and a site that the demonstration serves itself."
)
IMPACT_ASSESSMENT = "Demonstration data only; nothing leaves this machine and all of it is deleted."


@dataclass(frozen=True, slots=True)
class Staff:
    """The people of the organisation."""

    operator: Actor
    operator_token: str
    reviewers: tuple[Actor, Actor]


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """The demo's person, and what became of each reference photo."""

    actor: Actor
    person_id: uuid.UUID
    photos_accepted: int
    photos_refused: tuple[str, ...]


def staff(rooms: Rooms) -> Staff:
    """Set up the organisation, its operator, and two reviewers who count as trained."""
    password = secrets.token_urlsafe(24)
    with rooms.database.write() as session:
        link = rooms.accounts.create_setup_link(session)
        rooms.accounts.set_up(session, link, "Demonstration", "demo-operator", password)
    signed_in = _signed_in(rooms, "demo-operator", password)
    operator = signed_in.actor
    return Staff(
        operator, signed_in.token, (_reviewer(rooms, operator, 1), _reviewer(rooms, operator, 2))
    )


def switch_faces_on(rooms: Rooms, operator: Actor) -> None:
    """Record why faces may be compared: for the demo's own data (design rule 11)."""
    with rooms.database.write() as session:
        rooms.accounts.set_face_matching(
            session, operator, True, "Demonstration", LEGAL_BASIS, IMPACT_ASSESSMENT
        )


def keep_bytes(rooms: Rooms, operator: Actor) -> None:
    """Let captures keep the bytes of media, so that the bundle shows a whole capture."""
    with rooms.database.write() as session:
        rooms.accounts.organisations.set_keeps_media_bytes(session, operator, True)


def add_known_picture(rooms: Rooms, person: EnrolledPerson, content: bytes) -> None:
    """A picture without a face becomes known by its hashes; its bytes are not kept."""
    hashed = rooms.examiner.hash(content)
    if hashed.hashes is None:
        raise StageFailedError(f"the known picture could not be hashed: {hashed.refusal}")
    with rooms.database.write() as session:
        rooms.hashbank.add_known(
            session, person.actor, person.person_id, "given", hashed.hashes, parts=hashed.parts
        )


def add_known_clip(rooms: Rooms, person: EnrolledPerson, content: bytes) -> None:
    """A clip becomes known by the hashes of its frames, as a person's own device gives them."""
    hashed = rooms.examiner.hash(content)
    if hashed.hashes is None or not hashed.frames:
        raise StageFailedError(f"the known clip could not be hashed: {hashed.refusal}")
    frames = tuple(GivenFrame(frame.pdq, frame.quality) for frame in hashed.frames)
    medium = GivenMedium("video", hashed.hashes.sha256, frames)
    with rooms.database.write() as session:
        rooms.hashbank.add_given_media(session, person.actor, person.person_id, [medium])


def enrol(rooms: Rooms, references: Sequence[tuple[str, bytes]]) -> EnrolledPerson:
    """Enrol the person: release, mandate, reference photos, handed in to the advocates."""
    passphrase = secrets.token_urlsafe(24)
    with rooms.database.write() as session:
        begun = rooms.enrolment.begin(
            session,
            adult_now=True,
            adult_in_pictures=True,
            passphrase=passphrase,
            display_name="A. Person",
            country="US",
            contact="demo@example.invalid",
        )
    token = rooms.enrolment.sign_in(rooms.database, begun.case_number, passphrase, HERE)
    person = _actor_of(rooms, token)
    with rooms.database.write() as session:
        rooms.enrolment.confirm_number(session, person, begun.person_id, begun.case_number)
        rooms.enrolment.sign_release(
            session,
            person,
            begun.person_id,
            signature_name="A. Person",
            agreed=True,
            covers_faces=True,
        )
        rooms.enrolment.sign_mandate(
            session, person, begun.person_id, signature_name="A. Person", agreed=True
        )
    accepted, refused = 0, []
    for name, content in references:
        outcome = rooms.photos.add_photo(
            rooms.database, person, rooms.examiner, begun.person_id, content
        )
        if outcome.accepted:
            accepted += 1
        else:
            refused.append(f"{name}: {outcome.refusal_code}: {outcome.words}")
    if not accepted:
        raise StageFailedError("no reference photo was accepted: " + "; ".join(refused))
    with rooms.database.write() as session:
        rooms.enrolment.hand_in(session, person, begun.person_id)
    return EnrolledPerson(person, begun.person_id, accepted, tuple(refused))


def attest(rooms: Rooms, reviewer: Actor, person_id: uuid.UUID) -> None:
    """An advocate attests who the person is; from now on they are looked for."""
    with rooms.database.write() as session:
        rooms.enrolment.attest(
            session,
            reviewer,
            person_id,
            accepted=True,
            method="Demonstration: the photographs were chosen by the demonstration itself.",
            statement_ticked=True,
        )


def _reviewer(rooms: Rooms, operator: Actor, number: int) -> Actor:
    password = secrets.token_urlsafe(24)
    name = f"demo-reviewer-{number}"
    with rooms.database.write() as session:
        link = rooms.accounts.invite(session, operator, Role.ADVOCATE, trained=True)
        rooms.accounts.accept_invitation(session, link, name, password, f"Reviewer {number}")
    return _signed_in(rooms, name, password).actor


def _signed_in(rooms: Rooms, name: str, password: str) -> SignedIn:
    return rooms.accounts.sign_in_staff(rooms.database, name, password, "", HERE)


def _actor_of(rooms: Rooms, token: str) -> Actor:
    with rooms.database.read() as session:
        actor = rooms.accounts.actor_of(session, token)
    if actor is None:
        raise StageFailedError("the person's session was not kept")
    return actor
