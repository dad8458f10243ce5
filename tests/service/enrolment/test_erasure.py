"""Erasing a person: rows, files, keys, sessions and the write-ahead log; and what remains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.receipts import receipt_is_genuine
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.vault import KeyDestroyedError
from tests.service.candidates.finds_factory import record_face, reviewer_says, sees_medium
from tests.service.enrolment.people_factory import (
    CROP,
    FOUND_CROP,
    MODEL,
    PASSPHRASE,
    House,
    begin,
    make_person,
    vector_of,
)


def _personal(case_number: str) -> tuple[bytes, ...]:
    return (
        b"Ada L.",
        b"ada@example.org",
        case_number.encode(),
        b"face:ada#1",
        vector_of(b"ada"),
        CROP,
        FOUND_CROP,
        FOUND_CROP,
        b"http://site.test/picture.jpg?secret",
        PASSPHRASE.encode(),
    )


def _all_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_after_erasure_nothing_of_the_person_is_left_anywhere(
    house: House, database: Database, tmp_path: Path
) -> None:
    person, case = make_person(house)
    medium_id = sees_medium(house, b"found")
    candidate_id = record_face(
        house, case.person_id, medium_id, b"found", url="http://site.test/picture.jpg?secret"
    )
    reviewer_says(house, house.reviewers[0], candidate_id, "same")
    token = house.rooms.enrolment.sign_in(database, case.case_number, PASSPHRASE, "")
    key = house.rooms.vault._keys.get(f"person:{case.person_id}")
    assert key is not None
    sealed_before = _sealed_values(database)
    assert len(sealed_before) >= 8

    done = house.rooms.erasure.erase(database, person, house.eyes, case.person_id)

    assert house.eyes.masked == [str(case.person_id)]
    everything = _all_bytes(tmp_path)
    for secret in _personal(case.case_number):
        for path, content in everything.items():
            # sightings of the crawl stay: they are about media, not about a person
            if secret.startswith(b"http"):
                continue
            assert secret not in content, (secret, path)
    for sealed in sealed_before:
        for path, content in everything.items():
            assert sealed not in content, path
    assert not (house.rooms.settings.files_dir / str(case.person_id)).exists()
    with pytest.raises(KeyDestroyedError):
        house.rooms.vault.unseal(case.person_id, "anything", sealed_before[0])
    for path, content in everything.items():
        assert key not in content, path
    with database.read() as session:
        assert house.rooms.accounts.actor_of(session, token) is None
        assert house.rooms.enrolment.templates_for_gallery(session, MODEL) == ()
        assert house.rooms.hashbank.hashes_for_gallery(session) == ()
        assert house.rooms.candidates.queue(session, house.reviewers[0]) == []
        assert house.rooms.audit.verify(session).intact
        with pytest.raises(NotFoundError):
            house.rooms.enrolment.person_view(session, person, case.person_id)
    counts = {count.what: count.count for count in done.counts}
    assert counts["templates"] == counts["reference photos"] == counts["candidates"] == 1
    assert counts["signed-in sessions"] == 1


def _sealed_values(database: Database) -> list[bytes]:
    values: list[bytes] = []
    with database.read() as session:
        for table, column in (
            ("people", "document"),
            ("releases", "document"),
            ("mandates", "document"),
            ("attestations", "document"),
            ("reference_photos", "document"),
            ("templates", "vector"),
            ("known_pictures", "document"),
            ("candidates", "document"),
            ("candidates", "face_crop"),
            ("confirmations", "document"),
        ):
            rows = session.execute(text(f"SELECT {column} FROM {table}")).scalars()
            values += [bytes(value) for value in rows if value]
    return values


def test_the_receipt_is_signed_and_holds_nothing_of_the_person(
    any_house: House, database: Database
) -> None:
    person, case = make_person(any_house)
    done = any_house.rooms.erasure.erase(database, person, any_house.eyes, case.person_id)
    file = any_house.rooms.erasure.receipt(database, done.receipt_id).file()
    assert receipt_is_genuine(file)
    altered = json.loads(file)
    altered["erased"]["deleted"][0]["count"] += 1
    assert not receipt_is_genuine(json.dumps(altered).encode())
    assert not receipt_is_genuine(b"{}")
    for secret in (*_personal(case.case_number), str(case.person_id).encode()):
        assert secret not in file


def test_erasing_one_person_leaves_the_others_whole(any_house: House, database: Database) -> None:
    person, case = make_person(any_house)
    other, other_case = make_person(any_house, photos=(b"face:bea#1",), name="Bea")
    any_house.rooms.erasure.erase(database, person, any_house.eyes, case.person_id)
    with database.read() as session:
        view = any_house.rooms.enrolment.person_view(session, other, other_case.person_id)
        references = any_house.rooms.enrolment.references_of(session, other_case.person_id)
        templates = any_house.rooms.enrolment.templates_for_gallery(session, MODEL)
    assert view.display_name == "Bea"
    assert references[0].content == b"face:bea#1"
    assert [template.person_ref for template in templates] == [str(other_case.person_id)]


def test_the_deletion_code_erases_without_signing_in(house: House, database: Database) -> None:
    case = begin(house)
    actor = house.rooms.enrolment.signing_in.person_of_deletion_code(
        database, case.case_number, case.deletion_code
    )
    house.rooms.erasure.erase(database, actor, house.eyes, case.person_id)
    assert not house.rooms.vault.has_person_key(case.person_id)


def test_nobody_else_can_erase_a_person_and_nobody_is_masked_by_trying(
    house: House, database: Database
) -> None:
    _, case = make_person(house)
    stranger, _ = make_person(house, photos=(b"face:bea#1",))
    for other in (house.reviewers[0], house.operator):
        with pytest.raises(NotAllowedError):
            house.rooms.erasure.erase(database, other, house.eyes, case.person_id)
    with pytest.raises(NotFoundError):
        house.rooms.erasure.erase(database, stranger, house.eyes, case.person_id)
    assert house.eyes.masked == []


def test_erasing_twice_is_told(house: House, database: Database) -> None:
    _, case = make_person(house)
    system = Actor.system("operator command", house.organisation_id)
    house.rooms.erasure.erase(database, system, None, case.person_id)
    with pytest.raises(ConflictError):
        house.rooms.erasure.erase(database, system, None, case.person_id)


def test_an_erasure_that_a_crash_interrupted_is_finished_at_the_next_start(
    house: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, case = make_person(house)

    def crash(_person_id: object) -> bool:
        raise OSError("the machine stopped")

    with monkeypatch.context() as patched:
        patched.setattr(house.rooms.vault, "destroy_person_key", crash)
        with pytest.raises(OSError, match="stopped"):
            house.rooms.erasure.erase(database, person, house.eyes, case.person_id)
    assert house.rooms.vault.has_person_key(case.person_id)
    assert house.rooms.erasure.finish_interrupted(database) == 1
    assert not house.rooms.vault.has_person_key(case.person_id)
    assert house.rooms.erasure.finish_interrupted(database) == 0


def test_drafts_that_nobody_handed_in_are_forgotten(house: House, database: Database) -> None:
    draft = begin(house)
    _, kept = make_person(house, active=False)
    house.clock.advance(days=15)
    assert house.rooms.erasure.forget_stale_drafts(database) == 1
    assert not house.rooms.vault.has_person_key(draft.person_id)
    assert house.rooms.vault.has_person_key(kept.person_id)
