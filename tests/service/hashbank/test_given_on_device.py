"""Fingerprints that were made on a person's device: read strictly, kept sealed, looked for."""

from __future__ import annotations

import json
import secrets

import msgspec
import pytest
import skimage.data

from indexer.hashing import KnownHashes, known_parts, medium_parts
from indexer.hashing.parts import MAX_KNOWN_PARTS
from indexer.media import Picture
from indexer.observations import MediaHashes
from service.accounts.actor import Role
from service.database import Database
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.hashbank import service as hashbank_service
from service.hashbank.documents import KnownPictureDocument
from service.hashbank.errors import NotAHashError
from service.hashbank.given import MAX_FRAMES, MAX_MEDIA_AT_ONCE, read_given_media
from tests.service.candidates.test_people_api import Api
from tests.service.enrolment.people_factory import House, make_person


def medium(kind: str = "picture", frames: int = 1, **other: object) -> dict[str, object]:
    made = [{"pdq": secrets.token_hex(32), "quality": 90} for _ in range(frames)]
    return {"kind": kind, "sha256": secrets.token_hex(32), "frames": made, **other}


def frame(pdq: str = "a" * 64, quality: object = 90, **other: object) -> dict[str, object]:
    return {"pdq": pdq, "quality": quality, **other}


def part(**other: object) -> dict[str, object]:
    edges = {"left": 100, "top": 0, "right": 900, "bottom": 1000}
    return {"pdq": secrets.token_hex(32), "quality": 90, **edges, **other}


def test_what_the_page_makes_is_read() -> None:
    given = [medium(), medium("video", 12), medium(frames=0)]
    read = read_given_media(json.dumps(given))
    assert [(each.kind, len(each.frames)) for each in read] == [
        ("picture", 1),
        ("video", 12),
        ("picture", 0),
    ]
    assert [each.sha256 for each in read] == [each["sha256"] for each in given]
    most = [medium("video", MAX_FRAMES) for _ in range(MAX_MEDIA_AT_ONCE)]
    assert len(read_given_media(json.dumps(most, separators=(",", ":")))) == MAX_MEDIA_AT_ONCE


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        [medium("audio")],
        [medium(frames=3)],
        [medium("video", MAX_FRAMES + 1)],
        [medium()] * (MAX_MEDIA_AT_ONCE + 1),
        [medium(sha256="A" * 64)],
        [medium(sha256="a" * 63)],
        [medium(sha256="a" * 64 + "\n")],
        [medium(name="what-the-file-was-called.jpg")],
        [medium(frames=0) | {"frames": [frame(quality=49)]}],
        [medium(frames=0) | {"frames": [frame(quality=101)]}],
        [medium(frames=0) | {"frames": [frame(quality="90")]}],
        [medium(frames=0) | {"frames": [frame(pdq="g" * 64)]}],
        [medium(frames=0) | {"frames": [frame(at_s=1)]}],
        [medium(parts=[part()] * (MAX_KNOWN_PARTS + 1))],
        [medium(parts=[part(quality=49)])],
        [medium(parts=[part(left=900)])],
        [medium(parts=[part(bottom=1001)])],
        [medium(parts=[part(top=-1)])],
        [medium(parts=[part(pdq="A" * 64)])],
        [medium(parts=[part(what="a face")])],
        [medium("video", 1, parts=[part()])],
        [medium(turned=["a" * 64] * 7)],
        [medium(turned=["a" * 64] * 9)],
        [medium(turned=["A" * 64] * 8)],
        [medium(frames=0, turned=["a" * 64] * 8)],
        [medium(turned=["a" * 64] * 8)],
        [medium(frames=0) | {"frames": [frame("c3" * 32)], "turned": ["c3" * 32] * 8}],
        [medium("video", 1, turned=["a" * 64] * 8)],
    ],
)
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(NotAHashError):
        read_given_media(json.dumps(wrong))


@pytest.mark.parametrize("wrong", ["", "  ", "[", "null", "[" * 5000, " " + "x" * 700_000])
def test_what_is_no_list_is_refused_with_what_to_do(wrong: str) -> None:
    with pytest.raises(NotAHashError, match="choose"):
        read_given_media(wrong)


def test_a_still_of_a_given_video_is_found_again(any_house: House, database: Database) -> None:
    person, case = make_person(any_house, photos=())
    given = read_given_media(json.dumps([medium("video", 5), medium()]))
    with database.write() as session:
        before = any_house.rooms.enrolment.gallery_change(session)
        ids = any_house.rooms.hashbank.add_given_media(
            session, person, case.person_id, given, "my note"
        )
        assert any_house.rooms.enrolment.gallery_change(session) > before
    with database.read() as session:
        entries = any_house.rooms.hashbank.hashes_for_gallery(session)
        listed = any_house.rooms.hashbank.list_known(session, person, case.person_id)
    known = KnownHashes(entries)
    still = MediaHashes("f" * 64, given[0].frames[3].pdq, 88)
    (match,) = known.search(still)
    assert (match.kind, match.distance, match.known_ref) == ("pdq", 0, str(ids[0]))
    copy = MediaHashes(given[0].sha256)
    assert [each.kind for each in known.search(copy)] == ["sha256"]
    views = {view.known_id: view for view in listed}
    assert [(views[each].kind, views[each].frames) for each in ids] == [
        ("video", 5),
        ("picture", 0),
    ]
    assert all(view.has_perceptual_hash and view.note == "my note" for view in listed)
    for path in any_house.rooms.settings.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"my note" not in content
            assert given[0].sha256.encode() not in content
            assert given[0].frames[0].pdq.encode() not in content


def test_a_given_picture_is_found_by_its_hash_in_full_size_and_shrunk(
    house: House, database: Database
) -> None:
    person, case = make_person(house, photos=())
    (given,) = read_given_media(json.dumps([medium(frames=2)]))
    with database.write() as session:
        (known_id,) = house.rooms.hashbank.add_given_media(session, person, case.person_id, [given])
        known = KnownHashes(house.rooms.hashbank.hashes_for_gallery(session))
        (view,) = house.rooms.hashbank.list_known(session, person, case.person_id)
    for each in given.frames:
        (match,) = known.search(MediaHashes("f" * 64, each.pdq, 88))
        assert (match.distance, match.known_ref) == (0, str(known_id))
    assert (view.kind, view.frames) == ("picture", 0)


def test_the_same_fingerprint_again_keeps_its_row(house: House, database: Database) -> None:
    person, case = make_person(house, photos=())
    given = read_given_media(json.dumps([medium(), medium("video", 3)]))
    bank = house.rooms.hashbank
    with database.write() as session:
        first = bank.add_given_media(session, person, case.person_id, given)
        assert bank.add_given_media(session, person, case.person_id, given) == first


def test_only_the_person_gives_what_their_device_made(any_house: House, database: Database) -> None:
    _, case = make_person(any_house, photos=())
    stranger, _ = make_person(any_house, photos=())
    given = read_given_media(json.dumps([medium()]))
    assert any_house.reviewers[0].role is Role.ADVOCATE
    for actor in (stranger, any_house.reviewers[0], any_house.operator):
        with pytest.raises((NotFoundError, NotAllowedError)), database.write() as session:
            any_house.rooms.hashbank.add_given_media(session, actor, case.person_id, given)


def test_the_bank_of_one_person_has_an_end(
    house: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashbank_service, "_MAX_KNOWN", 3)
    person, case = make_person(house, photos=())
    given = read_given_media(json.dumps([medium() for _ in range(4)]))
    with pytest.raises(ConflictError, match="At most 3"), database.write() as session:
        house.rooms.hashbank.add_given_media(session, person, case.person_id, given)
    with database.read() as session:
        assert house.rooms.hashbank.list_known(session, person, case.person_id) == ()


def test_a_document_from_before_videos_still_opens() -> None:
    class Before(msgspec.Struct, frozen=True):
        hashes: MediaHashes
        note: str = ""

    written = msgspec.msgpack.encode(Before(MediaHashes("a" * 64, "b" * 64, 90), "mine"))
    read = msgspec.msgpack.decode(written, type=KnownPictureDocument)
    assert (read.kind, read.frames, read.note) == ("picture", (), "mine")


def test_programs_give_fingerprints_too(house: House, database: Database) -> None:
    person, case = make_person(house, photos=())
    api = Api(house)
    assert person.organisation_id is not None
    with database.write() as session:
        api.token = house.rooms.accounts.open_person_session(
            session, case.person_id, person.organisation_id
        )
    made = api.call(
        "POST", "/my/known/fingerprints", 201, json={"media": [medium(), medium("video", 2)]}
    )
    listed = api.call("GET", "/my/known", 200)
    assert {each["known_id"] for each in made} == {each["known_id"] for each in listed}
    another = medium(turned=["a" * 64] * 8)
    wrongs = (medium(frames=3), medium("audio"), medium(sha256="x"), medium(name="a.jpg"), another)
    for wrong in wrongs:
        api.call("POST", "/my/known/fingerprints", 422, json={"media": [wrong]})


def test_a_given_picture_is_found_by_its_parts_in_a_crop(house: House, database: Database) -> None:
    person, case = make_person(house, photos=())
    picture = skimage.data.astronaut()
    parts = [msgspec.to_builtins(each) for each in known_parts(Picture(picture))]
    (given,) = read_given_media(json.dumps([medium(parts=parts)]))
    with database.write() as session:
        (known_id,) = house.rooms.hashbank.add_given_media(session, person, case.person_id, [given])
        known = KnownHashes(house.rooms.hashbank.hashes_for_gallery(session))
    crop = Picture(picture[:, 100:].copy())
    (match,) = known.search(MediaHashes("f" * 64), parts=medium_parts(crop))
    assert (match.kind, match.part, match.known_ref) == ("pdq_part", "cut_out", str(known_id))


def test_parts_join_a_picture_that_was_given_before_without_them(
    house: House, database: Database
) -> None:
    person, case = make_person(house, photos=())
    before, made = medium(), part()
    given = [read_given_media(json.dumps([each])) for each in (before, before | {"parts": [made]})]
    hashbank = house.rooms.hashbank
    with database.write() as session:
        ids = [
            hashbank.add_given_media(session, person, case.person_id, each)[0]
            for each in (*given, given[0])
        ]
        entries = hashbank.hashes_for_gallery(session)
    assert len(set(ids)) == 1
    assert [each.pdq for entry in entries for each in entry.parts] == [made["pdq"]]
