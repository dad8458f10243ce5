"""Known pictures: given as files that are forgotten, or as hashes; never anything of a face."""

from __future__ import annotations

import pytest

from service.accounts.actor import Role
from service.database import Database
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.hashbank.errors import NotAHashError
from tests.service.enrolment.people_factory import House, hashes_of, make_person

SECRET_BYTES = b"a picture that is being spread"


def test_a_given_picture_is_hashed_and_forgotten(any_house: House, database: Database) -> None:
    person, case = make_person(any_house, photos=())
    view = any_house.rooms.hashbank.add_given_picture(
        database, person, any_house.eyes, case.person_id, SECRET_BYTES, "my note"
    )
    assert (view.origin, view.note, view.has_perceptual_hash) == ("given", "my note", True)
    for path in any_house.rooms.settings.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET_BYTES not in content
            assert b"my note" not in content
            assert hashes_of(SECRET_BYTES).sha256.encode() not in content


def test_a_file_that_is_no_picture_is_recognised_as_an_exact_copy_only(
    house: House, database: Database
) -> None:
    person, case = make_person(house, photos=())
    view = house.rooms.hashbank.add_given_picture(
        database, person, house.eyes, case.person_id, b"unreadable: a video"
    )
    assert not view.has_perceptual_hash
    with database.read() as session:
        (entry,) = house.rooms.hashbank.hashes_for_gallery(session)
    assert entry.sha256
    assert entry.pdq is None


@pytest.mark.parametrize("wrong", ["", "abc", "g" * 64, "a" * 63])
def test_what_is_no_hash_is_refused(house: House, database: Database, wrong: str) -> None:
    person, case = make_person(house, photos=())
    with pytest.raises(NotAHashError), database.write() as session:
        house.rooms.hashbank.add_given_hash(session, person, case.person_id, sha256=wrong)


@pytest.mark.parametrize("wrong", ["0" * 64, "f" * 64, "0" * 48 + "a" * 16])
def test_a_perceptual_hash_that_no_picture_with_detail_has_is_refused(
    house: House, database: Database, wrong: str
) -> None:
    person, case = make_person(house, photos=())
    with pytest.raises(NotAHashError, match="detail"), database.write() as session:
        house.rooms.hashbank.add_given_hash(session, person, case.person_id, pdq=wrong)


def test_a_hash_made_elsewhere_goes_into_the_gallery_under_the_persons_number(
    house: House, database: Database
) -> None:
    person, case = make_person(house, photos=())
    with database.write() as session:
        before = house.rooms.enrolment.gallery_change(session)
        for pdq in ("C" * 64, "c" * 64, "a" * 64):
            house.rooms.hashbank.add_given_hash(session, person, case.person_id, pdq=pdq)
        entries = house.rooms.hashbank.hashes_for_gallery(session)
        assert house.rooms.enrolment.gallery_change(session) > before
    assert [entry.pdq for entry in entries].count("c" * 64) == 1
    assert {entry.person_ref for entry in entries} == {str(case.person_id)}
    assert all(entry.sha256 is None for entry in entries)


def test_nobody_reaches_into_another_organisations_bank(
    any_house: House, database: Database
) -> None:
    person, case = make_person(any_house)
    elsewhere = any_house.new_organisation("Elsewhere")
    stranger, _ = make_person(any_house, organisation_id=elsewhere, photos=())
    with database.read() as session:
        (known,) = any_house.rooms.hashbank.list_known(session, person, case.person_id)
    for actor in (stranger, any_house.new_staff(elsewhere), any_house.operator):
        with database.write() as session:
            assert any_house.rooms.hashbank.list_known(session, actor, case.person_id) == ()
        with pytest.raises((NotFoundError, NotAllowedError)), database.write() as session:
            any_house.rooms.hashbank.remove(session, actor, known.known_id)
        with pytest.raises((NotFoundError, NotAllowedError)), database.write() as session:
            any_house.rooms.hashbank.add_given_hash(session, actor, case.person_id, sha256="a" * 64)


def test_a_reference_photos_hashes_go_with_the_photo_only(house: House, database: Database) -> None:
    person, case = make_person(house)
    with database.read() as session:
        (known,) = house.rooms.hashbank.list_known(session, person, case.person_id)
    with pytest.raises(ConflictError, match="photo"), database.write() as session:
        house.rooms.hashbank.remove(session, person, known.known_id)


def test_only_the_person_forgets_a_given_hash(house: House, database: Database) -> None:
    person, case = make_person(house, photos=())
    with database.write() as session:
        known_id = house.rooms.hashbank.add_given_hash(
            session, house.reviewers[0], case.person_id, sha256="a" * 64
        )
    assert house.reviewers[0].role is Role.ADVOCATE
    with pytest.raises(NotAllowedError), database.write() as session:
        house.rooms.hashbank.remove(session, house.reviewers[0], known_id)
    with database.write() as session:
        house.rooms.hashbank.remove(session, person, known_id)
        assert house.rooms.hashbank.hashes_for_gallery(session) == ()
