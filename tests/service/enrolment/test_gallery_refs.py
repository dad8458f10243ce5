"""A follower of the watch-list asks for ids, and opens the templates that it lacks."""

from __future__ import annotations

import uuid

import msgspec
import numpy as np
import pytest

from indexer.faces.template import Template
from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.vault import Vault
from tests.service.enrolment.people_factory import (
    MODEL,
    OTHER_MODEL,
    House,
    attest,
    make_person,
    vector_of,
)


def test_the_ids_are_those_of_the_templates_that_may_be_compared_now(
    any_house: House, database: Database
) -> None:
    gallery = any_house.rooms.enrolment.gallery
    _, ada = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
    make_person(any_house, photos=(b"face:bea#1",), active=False)
    with database.read() as session:
        refs = gallery.template_refs_for_gallery(session, MODEL)
        whole = gallery.templates_for_gallery(session, MODEL)
        assert gallery.template_refs_for_gallery(session, OTHER_MODEL) == ()
    assert {one.template_ref for one in whole} == set(refs)
    assert {one.person_ref for one in whole} == {str(ada.person_id)}


def test_only_asked_for_templates_are_opened(
    house: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = house.rooms.enrolment.gallery
    make_person(house, photos=(b"face:ada#1", b"face:ada#2", b"face:ada#3"))
    with database.read() as session:
        first, *others = gallery.template_refs_for_gallery(session, MODEL)
    opened: list[str] = []
    real = Vault.unseal

    def counted(vault: Vault, person_id: uuid.UUID, context: str, sealed: bytes) -> bytes:
        opened.append(context)
        return real(vault, person_id, context, sealed)

    monkeypatch.setattr(Vault, "unseal", counted)
    with database.read() as session:
        assert set(gallery.template_refs_for_gallery(session, MODEL)) == {first, *others}
        assert opened == [], "ids alone open nothing, once a photo is known to be vouched for"
        (one,) = gallery.templates_of_refs(session, MODEL, {first})
    assert one.template_ref == first
    assert opened == [f"templates.vector:{first}"]


def test_what_may_no_longer_be_compared_is_not_opened_although_it_is_asked_for(
    any_house: House, database: Database
) -> None:
    gallery = any_house.rooms.enrolment.gallery
    person, case = make_person(any_house)
    with database.read() as session:
        refs = gallery.template_refs_for_gallery(session, MODEL)
        assert len(gallery.templates_of_refs(session, MODEL, refs)) == 1
        assert gallery.templates_of_refs(session, OTHER_MODEL, refs) == ()
    any_house.rooms.enrolment.consent.withdraw_mandate(
        database, person, any_house.eyes, case.person_id
    )
    with database.read() as session:
        assert gallery.template_refs_for_gallery(session, MODEL) == ()
        assert gallery.templates_of_refs(session, MODEL, refs) == ()


def test_a_photo_counts_from_the_moment_that_an_advocate_vouched_for_it(
    house: House, database: Database
) -> None:
    gallery = house.rooms.enrolment.gallery
    person, case = make_person(house)
    house.rooms.photos.add_photo(database, person, house.eyes, case.person_id, b"face:ada#2")
    with database.read() as session:
        assert len(gallery.template_refs_for_gallery(session, MODEL)) == 1
    attest(house, house.reviewers[0], case.person_id)
    with database.read() as session:
        assert len(gallery.template_refs_for_gallery(session, MODEL)) == 2 + 1, "and the fused one"


def test_a_person_of_several_photos_has_one_more_template_fused_of_them(
    any_house: House, database: Database
) -> None:
    gallery = any_house.rooms.enrolment.gallery
    _, ada = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2", b"face:ada#3"))
    make_person(any_house, photos=(b"face:bea#1",))
    with database.read() as session:
        whole = gallery.templates_for_gallery(session, MODEL)
        refs = gallery.template_refs_for_gallery(session, MODEL)
    (fused,) = [one for one in whole if one.template_ref.startswith("fused-")]
    assert len(whole) == len(refs) == 3 + 1 + 1
    assert fused.person_ref == str(ada.person_id)
    made_of = [one for one in whole if one.person_ref == fused.person_ref and one is not fused]
    vectors = np.stack([np.frombuffer(one.vector, "<f4") for one in made_of])
    own = Template.from_bytes(fused.vector, MODEL).vector
    mean = vectors.mean(axis=0)
    assert np.allclose(own, mean / np.linalg.norm(mean), atol=1e-5), "all photos are equally good"
    with database.read() as session:
        (alone,) = gallery.templates_of_refs(session, MODEL, {fused.template_ref})
    assert alone == fused, "a follower that has the others gets it by itself"


def test_the_fused_template_is_another_one_as_soon_as_a_photo_leaves_or_joins(
    house: House, database: Database
) -> None:
    gallery = house.rooms.enrolment.gallery

    def fused_refs() -> set[str]:
        with database.read() as session:
            refs = gallery.template_refs_for_gallery(session, MODEL)
        return {ref for ref in refs if ref.startswith("fused-")}

    person, case = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
    (first,) = fused_refs()
    added = house.rooms.photos.add_photo(
        database, person, house.eyes, case.person_id, b"face:ada#3"
    )
    assert fused_refs() == {first}, "nobody has vouched for the third photo yet"
    attest(house, house.reviewers[0], case.person_id)
    (second,) = fused_refs()
    assert second != first
    with database.read() as session:
        assert gallery.templates_of_refs(session, MODEL, {first}) == (), "the old one is gone"
    assert added.photo_id is not None
    house.rooms.photos.remove_photo(database, person, added.photo_id)
    assert fused_refs() == {first}, "of the same photos it is the same one"
    with database.read() as session:
        photos = [
            photo.photo_id
            for photo in house.rooms.enrolment.person_view(session, person, case.person_id).photos
        ]
    house.rooms.photos.remove_photo(database, person, photos[0])
    assert fused_refs() == set(), "one photo needs no other one beside it"


def test_a_poor_photo_counts_less_in_the_fused_template(house: House, database: Database) -> None:
    gallery = house.rooms.enrolment.gallery
    _, case = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
    rooms = house.rooms
    with database.write() as session:
        repository = EnrolmentRepository(session, Actor.system("test"), rooms.clock.now())
        rows = {row.photo_id: row for row in repository.templates(case.person_id)}
        sealed = SealedRows(rooms.vault)
        poor, good = repository.photos(case.person_id)
        for photo, figure in ((poor, 0.4), (good, 0.95)):
            document = sealed.photo(photo)
            assert document.quality is not None
            quality = msgspec.structs.replace(document.quality, figure=figure)
            sealed.put_photo(photo, msgspec.structs.replace(document, quality=quality))
        other = vector_of(b"in another light")
        sealed.put_vector(rows[poor.id], other)
        good_vector = np.frombuffer(sealed.vector(rows[good.id]), "<f4")
    with database.read() as session:
        whole = gallery.templates_for_gallery(session, MODEL)
    (fused,) = [one for one in whole if one.template_ref.startswith("fused-")]
    own = np.frombuffer(fused.vector, "<f4")
    assert own @ good_vector > own @ np.frombuffer(other, "<f4") + 0.3
