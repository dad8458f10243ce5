"""Real rooms on a migrated database; only the eyes are made up."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from indexer.examiner.protocol import Enrolled, Hashed, PhotoQuality
from indexer.observations import (
    Box,
    Examination,
    FaceMatch,
    HashKind,
    HashMatch,
    ManipulationFinding,
    MediaHashes,
    ModelStamp,
    PersonFinding,
    Refusal,
)
from service.accounts.actor import Actor, Role
from service.accounts.models import Account, Organisation
from service.app import Rooms, build_rooms
from service.enrolment.views import BegunCase
from service.settings import Settings
from tests.fixtures.clock import SettableClock


def grey_png(seed: int) -> bytes:
    """A small greyscale picture that is no face."""
    noise = np.random.default_rng(seed).integers(0, 255, (112, 112), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


PASSPHRASE = "four unrelated quiet words"
MODEL = ModelStamp("made-up", "d" * 64, 1)
OTHER_MODEL = ModelStamp("made-up-2", "e" * 64, 1)
CROP = grey_png(80)
"""The aligned face of a reference photo."""
FOUND_CROP = grey_png(160)
"""The aligned face of a find."""
QUALITY = PhotoQuality(60.0, 120.0, 110.0, 3.0, 0.95)


def hashes_of(content: bytes) -> MediaHashes:
    """Stable made-up hashes: PDQ is what the content names after `pdq=`, else of its bytes."""
    digest = hashlib.sha256(content).hexdigest()
    _, named, rest = content.partition(b"pdq=")
    pdq = hashlib.sha256(rest).hexdigest() if named else digest
    return MediaHashes(sha256=digest, pdq=pdq, pdq_quality=100, phash="0" * 16)


@dataclass
class MadeUpEyes:
    """Answers as the examiner would: the content says what it shows (`face:NAME`)."""

    model: ModelStamp | None = MODEL
    masked: list[str] = field(default_factory=list)
    asked_to_enrol: int = 0
    asked_to_hash: int = 0
    examined_for: list[str | None] = field(default_factory=list)
    examined_with_faces: list[bool] = field(default_factory=list)

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        self.asked_to_enrol += 1
        hashes = hashes_of(content)
        kind, _, name = content.partition(b":")
        if kind != b"face":
            refusal = Refusal(kind.decode("ascii", "replace"), "made up")
            return Enrolled(1, None, None, hashes, self.model, refusal)
        vector = vector_of(name.partition(b"#")[0])
        if others and vector not in others:
            refusal = Refusal("not_same_person", "made up")
            return Enrolled(1, None, QUALITY, hashes, self.model, refusal)
        return Enrolled(1, vector, QUALITY, hashes, self.model, face_crop_png=CROP)

    def hash(self, content: bytes) -> Hashed:
        self.asked_to_hash += 1
        if content.startswith(b"unreadable"):
            refusal = Refusal("not_a_picture", "made up")
            return Hashed(1, MediaHashes(hashlib.sha256(content).hexdigest()), refusal)
        return Hashed(1, hashes_of(content))

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,
        media_url: str | None,
        page_url: str | None,
        only_person: str | None,
        with_faces: bool,
        run: str | None = None,
    ) -> Examination:
        self.examined_for.append(only_person)
        self.examined_with_faces.append(with_faces)
        return Examination(hashes_of(content), "still", 640, 480, 1, 1)

    def mask_person(self, person_ref: str) -> None:
        self.masked.append(person_ref)

    def follow_gallery(self) -> None:
        return None


def vector_of(name: bytes) -> bytes:
    """A unit vector of 128 dimensions for a name, as the examiner would send it."""
    seed = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=128).astype("<f4")
    unit: bytes = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
    return unit


@dataclass(frozen=True)
class House:
    """Rooms with one organisation, two trained reviewers, an untrained one and an operator."""

    rooms: Rooms
    eyes: MadeUpEyes
    clock: SettableClock
    organisation_id: uuid.UUID
    reviewers: tuple[Actor, Actor]
    untrained: Actor
    operator: Actor

    def new_organisation(self, name: str, *, faces: bool = True) -> uuid.UUID:
        return add_organisation(self.rooms, self.clock, name, faces=faces)

    def new_staff(
        self, organisation_id: uuid.UUID, role: Role = Role.ADVOCATE, *, trained: bool = True
    ) -> Actor:
        return add_staff(self.rooms, self.clock, organisation_id, role, trained=trained)

    def set_faces(self, on: bool, organisation_id: uuid.UUID | None = None) -> None:
        with self.rooms.database.write() as session:
            row = session.get(Organisation, organisation_id or self.organisation_id)
            assert row is not None
            row.face_matching = on


def make_house(
    database_url: str, folder: Path, clock: SettableClock, *, faces: bool = True
) -> House:
    """Rooms over a migrated database, with people who work there."""
    eyes = MadeUpEyes()
    settings = Settings(data_dir=folder / "data", database_url=database_url)
    rooms = build_rooms(settings, clock=clock, examiner=eyes)
    organisation_id = add_organisation(rooms, clock, "Helpline", faces=faces)
    return House(
        rooms,
        eyes,
        clock,
        organisation_id,
        (
            add_staff(rooms, clock, organisation_id),
            add_staff(rooms, clock, organisation_id),
        ),
        add_staff(rooms, clock, organisation_id, trained=False),
        add_staff(rooms, clock, organisation_id, Role.OPERATOR),
    )


def add_organisation(
    rooms: Rooms, clock: SettableClock, name: str, *, faces: bool = True
) -> uuid.UUID:
    organisation = Organisation(
        id=uuid.uuid4(),
        slug=f"{name.lower()}-{uuid.uuid4().hex[:6]}",
        name=name,
        face_matching=faces,
        created_at=clock.now(),
    )
    with rooms.database.write() as session:
        session.add(organisation)
    return organisation.id


def add_staff(
    rooms: Rooms,
    clock: SettableClock,
    organisation_id: uuid.UUID,
    role: Role = Role.ADVOCATE,
    *,
    trained: bool = True,
) -> Actor:
    account = Account(
        id=uuid.uuid4(),
        organisation_id=organisation_id,
        role=role.value,
        username=f"staff-{uuid.uuid4().hex[:8]}",
        display_name="Somebody",
        password_hash="",
        trained=trained,
        created_at=clock.now(),
    )
    with rooms.database.write() as session:
        session.add(account)
    return Actor(role, organisation_id, account_id=account.id)


def begin(house: House, organisation_id: uuid.UUID | None = None, name: str = "Ada") -> BegunCase:
    with house.rooms.database.write() as session:
        return house.rooms.enrolment.begin(
            session,
            adult_now=True,
            adult_in_pictures=True,
            passphrase=PASSPHRASE,
            display_name=name,
            country="NL",
            contact="ada@example.org",
            organisation_id=organisation_id or house.organisation_id,
        )


def person_of(case: BegunCase) -> Actor:
    return Actor(Role.PERSON, case.organisation_id, person_id=case.person_id)


def make_person(
    house: House,
    *,
    photos: Sequence[bytes] = (b"face:ada#1",),
    faces: bool = True,
    active: bool = True,
    organisation_id: uuid.UUID | None = None,
    name: str = "Ada",
    **scopes: bool,
) -> tuple[Actor, BegunCase]:
    """A person who signed, gave photos, handed in and (if `active`) was attested."""
    case = begin(house, organisation_id, name)
    person = person_of(case)
    rooms = house.rooms
    with rooms.database.write() as session:
        rooms.enrolment.confirm_number(session, person, case.person_id, case.case_number)
        rooms.enrolment.sign_release(
            session,
            person,
            case.person_id,
            signature_name="Ada L.",
            agreed=True,
            covers_faces=faces,
        )
        rooms.enrolment.sign_mandate(
            session, person, case.person_id, signature_name="Ada L.", agreed=True, **scopes
        )
    for content in photos:
        outcome = rooms.photos.add_photo(
            rooms.database, person, house.eyes, case.person_id, content
        )
        assert outcome.accepted, outcome
    with rooms.database.write() as session:
        rooms.enrolment.hand_in(session, person, case.person_id)
    if active:
        advocate = (
            house.reviewers[0]
            if case.organisation_id == house.organisation_id
            else house.new_staff(case.organisation_id)
        )
        attest(house, advocate, case.person_id)
    return person, case


def attest(house: House, advocate: Actor, person_id: uuid.UUID) -> None:
    with house.rooms.database.write() as session:
        house.rooms.enrolment.attest(
            session,
            advocate,
            person_id,
            accepted=True,
            method="We met and looked at a passport.",
            statement_ticked=True,
        )


def face_finding(
    person_id: uuid.UUID, *, similarity: float = 0.7, expected: float = 2.5e-5
) -> PersonFinding:
    match = FaceMatch(
        person_ref=str(person_id),
        similarity=similarity,
        threshold=0.42,
        expected_chance_matches=expected,
        band="strong",
        box=Box(10, 10, 80, 80),
        frame_index=0,
        face_crop_png=FOUND_CROP,
    )
    return PersonFinding(str(person_id), (match,), (), no_trace())


def hash_finding(
    person_id: uuid.UUID, known_id: uuid.UUID, *, kind: HashKind = "sha256", distance: int = 0
) -> PersonFinding:
    match = HashMatch(str(person_id), str(known_id), kind, distance, "upright", "strong")
    return PersonFinding(str(person_id), (), (match,), no_trace())


def known_of(house: House, person_id: uuid.UUID) -> uuid.UUID:
    """The first known picture of a person: their first reference photo's."""
    with house.rooms.database.read() as session:
        system = Actor.system("test")
        return house.rooms.hashbank.list_known(session, system, person_id)[0].known_id


def no_trace() -> ManipulationFinding:
    return ManipulationFinding(
        "no_trace_found", ("nothing was declared",), (), (), ("declared",), ("face network",)
    )


def examination(content: bytes, *findings: PersonFinding) -> Examination:
    return Examination(
        hashes=hashes_of(content),
        kind="still",
        width_px=640,
        height_px=480,
        frames_examined=1,
        faces_counted=2,
        findings=findings,
        model=MODEL,
    )
