"""A follower of the watch-list asks for ids, and opens the templates that it lacks."""

from __future__ import annotations

import uuid

import pytest

from service.database import Database
from service.vault import Vault
from tests.service.enrolment.people_factory import (
    MODEL,
    OTHER_MODEL,
    House,
    attest,
    make_person,
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
        assert len(gallery.template_refs_for_gallery(session, MODEL)) == 2
