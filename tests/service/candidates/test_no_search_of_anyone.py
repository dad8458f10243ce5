"""Design rule 2, tried to be broken: nothing takes a picture and answers with finds."""

from __future__ import annotations

import json

from fastapi.testclient import TestClient

from service.app import create_web
from tests.service.candidates.finds_factory import record_face, sees_medium
from tests.service.candidates.seen_world import saw
from tests.service.enrolment.people_factory import House, make_person
from tests.service.hashbank.exchange_factory import add_list
from tests.service.sources.seen_factory import random_pdq, still

UPLOADS_THAT_ANSWER_NO_FINDS = {
    # a reference photo: kept or refused with a reason about the photo itself
    "/api/v1/my/photos": {
        "accepted",
        "photo_id",
        "has_template",
        "refusal_code",
        "words",
        "advice",
    },
    # a known picture: its hashes are kept
    "/api/v1/my/known/files": {"known_id", "origin", "has_perceptual_hash", "note", "added_at"},
    # a list of hashes that the organisation is entitled to: counted, and answers no address
    "/api/v1/hash-lists/{list_id}/file": {"added", "removed", "entries", "left_out"},
}


def _uploads(schema: dict[str, object]) -> dict[str, str]:
    found = {}
    paths = schema["paths"]
    assert isinstance(paths, dict)
    for path, methods in paths.items():
        for operation in methods.values():
            body = operation.get("requestBody", {}).get("content", {})
            if any(kind != "application/json" for kind in body):
                created = {**operation["responses"]}
                answer = created.get("200") or created.get("201") or {}
                content = answer.get("content", {}).get("application/json", {})
                found[path] = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    return found


def test_every_upload_of_the_api_is_known_and_answers_nothing_of_finds(house: House) -> None:
    app = create_web(house.rooms)
    schema = app.openapi()
    uploads = {path: answer for path, answer in _uploads(schema).items() if "/notices" not in path}
    assert set(uploads) == set(UPLOADS_THAT_ANSWER_NO_FINDS)
    for path, answer in uploads.items():
        fields = set(schema["components"]["schemas"][answer]["properties"])
        assert fields == UPLOADS_THAT_ANSWER_NO_FINDS[path]


def test_whoever_gives_a_hash_is_answered_with_its_number_alone(house: House) -> None:
    """Where it was seen is told of the case as a whole, in counts, and of a verified one only."""
    person, _ = make_person(house, photos=(), active=False)
    saw(house, still(random_pdq(1)), "http://where-it-is.test/a.jpg")
    client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session, person.role, house.organisation_id, person_id=person.person_id
        )
    headers = {"Authorization": f"Bearer {token}"}
    frame = {"pdq": random_pdq(1), "quality": 100}
    medium = {"kind": "picture", "sha256": "a" * 64, "frames": [frame]}
    one = client.post("/api/v1/my/known/hashes", json={"pdq": random_pdq(1)}, headers=headers)
    many = client.post(
        "/api/v1/my/known/fingerprints", json={"media": [medium], "note": ""}, headers=headers
    )
    assert (set(one.json()), [set(each) for each in many.json()]) == (
        {"known_id"},
        [{"known_id"}],
    )
    told = client.get("/api/v1/my/seen-before", headers=headers).json()
    assert (told["is_verified"], told["pictures"]) == (False, [])
    assert "Seen at" not in told["words"]


def test_an_operator_and_an_advocate_have_no_upload_that_looks_for_a_face(house: House) -> None:
    make_person(house)
    list_id = add_list(house).id
    client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
    for actor in (house.operator, house.reviewers[0]):
        assert actor.organisation_id is not None
        with house.rooms.database.write() as session:
            _, token = house.rooms.accounts.sessions.open(
                session, actor.role, actor.organisation_id, account_id=actor.account_id
            )
        for path in UPLOADS_THAT_ANSWER_NO_FINDS:
            answer = client.post(
                path.format(list_id=list_id),
                files={"file": ("a.jpg", b"face:ada#1")},
                headers={"Authorization": f"Bearer {token}"},
            )
            is_own_list = "{list_id}" in path and actor is house.operator
            # a list takes hashes, and a picture is none
            assert answer.status_code == (422 if is_own_list else 403)


def test_giving_a_photo_tells_nothing_of_what_was_found_before(house: House) -> None:
    person, case = make_person(house)
    record_face(house, case.person_id, sees_medium(house, b"found"), b"found")
    stranger, other = make_person(house, photos=(), name="Bea")
    outcome = house.rooms.photos.add_photo(
        house.rooms.database, stranger, house.eyes, other.person_id, b"face:ada#7"
    )
    assert outcome.accepted
    with house.rooms.database.read() as session:
        assert house.rooms.candidates.finds_of(session, stranger, other.person_id) == []
    said = json.dumps([outcome.words, outcome.advice, outcome.refusal_code])
    assert str(case.person_id) not in said
    assert person.person_id != stranger.person_id
