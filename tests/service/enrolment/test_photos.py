"""Reference photos: judged, kept encrypted, removed; with and without face matching."""

from __future__ import annotations

import pytest

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.errors import FileTooLargeError, TooManyPhotosError, WrongStateError
from service.errors import NotAllowedError, NotFoundError
from service.hashbank.errors import HaltedPictureError
from tests.service.enrolment.people_factory import (
    CROP,
    MODEL,
    OTHER_MODEL,
    House,
    attest,
    begin,
    examination,
    make_person,
    person_of,
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no_face:", "could not find a face"),
        (b"several_faces:", "more than one face"),
        (b"too_small:", "too small"),
        (b"too_dark:", "too dark"),
        (b"blurred:", "blurred"),
        (b"turned_away:", "turned"),
        (b"unreadable:", "could not be read"),
        (b"face:somebody else", "same person"),
        (b"a_new_code:", "could not be used"),
    ],
)
def test_each_refused_photo_says_why_and_what_to_do(
    house: House, database: Database, content: bytes, reason: str
) -> None:
    person, case = make_person(house)
    outcome = house.rooms.photos.add_photo(database, person, house.eyes, case.person_id, content)
    assert not outcome.accepted
    assert reason in outcome.words
    assert outcome.advice
    with database.read() as session:
        view = house.rooms.enrolment.person_view(session, person, case.person_id)
    assert len(view.photos) == 1
    assert len(list((house.rooms.settings.files_dir / str(case.person_id)).iterdir())) == 1


def test_a_photo_becomes_a_template_a_known_picture_and_an_encrypted_file(
    any_house: House, database: Database
) -> None:
    person, case = make_person(any_house)
    rooms = any_house.rooms
    with database.read() as session:
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 1
        known = rooms.hashbank.list_known(session, person, case.person_id)
        view = rooms.enrolment.person_view(session, person, case.person_id)
    assert [(one.origin, one.photo_id) for one in known] == [("reference", view.photos[0].photo_id)]
    assert view.photos[0].has_template
    (file,) = (rooms.settings.files_dir / str(case.person_id)).iterdir()
    assert b"face:ada" not in file.read_bytes()


def test_without_opt_in_only_hashes_are_taken(house: House, database: Database) -> None:
    person, case = make_person(house, faces=False)
    assert (house.eyes.asked_to_enrol, house.eyes.asked_to_hash) == (0, 1)
    with database.read() as session:
        assert house.rooms.enrolment.templates_for_gallery(session, MODEL) == ()
        assert len(house.rooms.hashbank.hashes_for_gallery(session)) == 1
        assert house.rooms.photos.faces_for_review(session, person, case.person_id) == ()


def test_with_face_matching_off_enrolment_works_by_hash_alone(
    house: House, database: Database
) -> None:
    house.set_faces(False)
    house.eyes.model = None
    _, case = make_person(house, faces=False, photos=(b"any picture", b"another picture"))
    assert house.eyes.asked_to_enrol == 0
    with database.read() as session:
        assert house.rooms.enrolment.is_active(session, case.person_id)
        assert len(house.rooms.hashbank.hashes_for_gallery(session)) == 2


def test_opting_in_later_makes_the_templates_that_are_missing(
    house: House, database: Database
) -> None:
    person, case = make_person(house, faces=False, photos=(b"face:ada#1", b"no_face:"))
    with database.write() as session:
        house.rooms.enrolment.sign_release(
            session, person, case.person_id, signature_name="Ada", agreed=True, covers_faces=True
        )
    assert house.rooms.photos.rebuild_templates(database, house.eyes, case.person_id) == 1
    with database.read() as session:
        assert house.rooms.enrolment.templates_for_gallery(session, MODEL) == ()
    attest(house, house.reviewers[0], case.person_id)
    with database.read() as session:
        assert len(house.rooms.enrolment.templates_for_gallery(session, MODEL)) == 1


def test_nobody_is_attested_as_themselves_and_then_searches_with_another_face(
    any_house: House, database: Database
) -> None:
    person, case = make_person(any_house)
    rooms = any_house.rooms
    with database.read() as session:
        (own,) = rooms.enrolment.person_view(session, person, case.person_id).photos
    rooms.photos.remove_photo(database, person, own.photo_id)
    outcome = rooms.photos.add_photo(
        database, person, any_house.eyes, case.person_id, b"face:somebody else"
    )
    assert outcome.has_template
    reviewer = any_house.reviewers[0]
    with database.read() as session:
        assert rooms.enrolment.templates_for_gallery(session, MODEL) == ()
        assert rooms.photos.faces_for_review(session, reviewer, case.person_id) == ()
        (line,) = rooms.enrolment.list_cases(session, reviewer)
        view = rooms.enrolment.person_view(session, reviewer, case.person_id)
    assert line.photos_to_check == 1
    assert [photo.photo_id for photo in view.photos_to_check] == [outcome.photo_id]
    with database.write() as session:
        rooms.enrolment.attest(
            session, reviewer, case.person_id, accepted=False, method="", reason="Another face."
        )
    with database.read() as session:
        assert not rooms.enrolment.is_active(session, case.person_id)


def test_new_photos_are_searched_with_after_an_advocate_has_looked_at_them(
    house: House, database: Database
) -> None:
    person, case = make_person(house)
    rooms = house.rooms
    seen = rooms.photos.add_photo(database, person, house.eyes, case.person_id, b"face:ada#2")
    late = rooms.photos.add_photo(database, person, house.eyes, case.person_id, b"face:ada#3")
    assert seen.photo_id is not None
    with database.write() as session:
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 1
        rooms.enrolment.pause(session, Actor.system("test"), case.person_id, "a question")
        rooms.enrolment.attest(
            session,
            house.reviewers[1],
            case.person_id,
            accepted=True,
            method="A video call.",
            statement_ticked=True,
            photos=[seen.photo_id],
        )
        view = rooms.enrolment.person_view(session, person, case.person_id)
        assert view.state == "paused"
        assert [photo.photo_id for photo in view.photos_to_check] == [late.photo_id]
        rooms.enrolment.resume(session, house.reviewers[0], case.person_id)
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 2 + 1
    attest(house, house.reviewers[0], case.person_id)
    with database.read() as session:
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 3 + 1
    with pytest.raises(WrongStateError):
        attest(house, house.reviewers[0], case.person_id)


def test_a_new_model_keeps_what_advocates_have_vouched_for(
    house: House, database: Database
) -> None:
    _, case = make_person(house)
    house.eyes.model = OTHER_MODEL
    assert house.rooms.photos.rebuild_templates(database, house.eyes, case.person_id) == 1
    with database.read() as session:
        assert len(house.rooms.enrolment.templates_for_gallery(session, OTHER_MODEL)) == 1


def test_nothing_is_taken_before_the_release_is_signed(house: House, database: Database) -> None:
    case = begin(house)
    with pytest.raises(WrongStateError):
        house.rooms.photos.add_photo(
            database, person_of(case), house.eyes, case.person_id, b"face:ada#1"
        )
    assert house.eyes.asked_to_enrol == 0


def test_only_the_person_gives_and_removes_their_photos(house: House, database: Database) -> None:
    person, case = make_person(house)
    with database.read() as session:
        photo = house.rooms.enrolment.person_view(session, person, case.person_id).photos[0]
    for other in (house.reviewers[0], house.operator):
        with pytest.raises(NotAllowedError):
            house.rooms.photos.add_photo(database, other, house.eyes, case.person_id, b"face:ada#9")
        with pytest.raises(NotAllowedError):
            house.rooms.photos.remove_photo(database, other, photo.photo_id)
    stranger, _ = make_person(house, photos=(b"face:bea#1",))
    with pytest.raises(NotFoundError):
        house.rooms.photos.add_photo(database, stranger, house.eyes, case.person_id, b"face:ada#9")
    with pytest.raises(NotFoundError):
        house.rooms.photos.remove_photo(database, stranger, photo.photo_id)


def test_removing_a_photo_removes_its_template_hashes_and_file(
    any_house: House, database: Database
) -> None:
    person, case = make_person(any_house)
    rooms = any_house.rooms
    with database.read() as session:
        photo = rooms.enrolment.person_view(session, person, case.person_id).photos[0]
        before = rooms.enrolment.gallery_change(session)
    rooms.photos.remove_photo(database, person, photo.photo_id)
    with database.read() as session:
        assert rooms.enrolment.gallery_change(session) > before
        assert rooms.enrolment.templates_for_gallery(session, MODEL) == ()
        assert rooms.hashbank.list_known(session, person, case.person_id) == ()
    assert list((rooms.settings.files_dir / str(case.person_id)).iterdir()) == []


def test_the_same_photo_twice_is_said_to_be_there(house: House, database: Database) -> None:
    person, case = make_person(house)
    outcome = house.rooms.photos.add_photo(
        database, person, house.eyes, case.person_id, b"face:ada#1"
    )
    assert outcome.refusal_code == "already_there"


def test_there_is_a_largest_number_and_a_largest_size(house: House, database: Database) -> None:
    photos = tuple(b"face:ada#%d" % number for number in range(12))
    person, case = make_person(house, photos=photos)
    with pytest.raises(TooManyPhotosError, match="12"):
        house.rooms.photos.add_photo(database, person, house.eyes, case.person_id, b"face:ada#13")
    for content in (b"", bytes(house.rooms.settings.max_upload_bytes + 1)):
        with pytest.raises(FileTooLargeError):
            house.rooms.photos.add_photo(database, person, house.eyes, case.person_id, content)


def test_a_reviewer_sees_the_aligned_face_alone_and_it_is_audited(
    house: House, database: Database
) -> None:
    _, case = make_person(house)
    reviewer = house.reviewers[1]
    with database.read() as session:
        (photo_id,) = house.rooms.photos.faces_for_review(session, reviewer, case.person_id)
    crop = house.rooms.photos.face_crop(database, reviewer, photo_id)
    assert crop == CROP
    with database.read() as session:
        assert house.rooms.audit.verify(session).intact
    for other in (house.operator, house.new_staff(house.new_organisation("Elsewhere"))):
        with pytest.raises(NotFoundError):
            house.rooms.photos.face_crop(database, other, photo_id)


def test_a_photo_that_looks_like_something_halted_is_refused_and_not_kept(
    house: House, database: Database
) -> None:
    person, case = make_person(house, photos=(), active=False)
    content = b"face:ada#halted"
    actor = Actor.system("test", house.organisation_id)
    with database.write() as session:
        medium_id = house.rooms.sources.know_medium(
            session, actor, examination(content), len(content)
        )
        house.rooms.sources.halted.halt(session, medium_id)
    with pytest.raises(HaltedPictureError, match="services that are made for this"):
        house.rooms.photos.add_photo(database, person, house.eyes, case.person_id, content)
    with database.read() as session:
        assert house.rooms.enrolment.person_view(session, person, case.person_id).photos == ()
    assert not [path for path in house.rooms.settings.files_dir.rglob("*") if path.is_file()]
