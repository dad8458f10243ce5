"""The JSON API from beginning a case to a confirmed find."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from service.accounts.actor import Actor
from service.app import create_web
from tests.service.candidates.finds_factory import record_face, sees_medium
from tests.service.enrolment.people_factory import PASSPHRASE, House

SCOPES = {"may_search": True, "may_capture": True, "may_notify": True}


class Api:
    """A program with a bearer token."""

    def __init__(self, house: House) -> None:
        self._client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
        self._house = house
        self.token = ""

    def as_staff(self, actor: Actor) -> Api:
        assert actor.organisation_id is not None
        with self._house.rooms.database.write() as session:
            _, self.token = self._house.rooms.accounts.sessions.open(
                session, actor.role, actor.organisation_id, account_id=actor.account_id
            )
        return self

    def call(self, method: str, path: str, status: int, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self._client.request(method, f"/api/v1{path}", headers=headers, **request)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None


def test_a_case_by_api_from_its_beginning_to_its_end(house: House) -> None:
    person, reviewer = Api(house), Api(house)
    body = {"adult_now": True, "adult_in_pictures": True, "passphrase": PASSPHRASE}
    person.call("POST", "/my", 403, json={**body, "adult_in_pictures": False})
    begun = person.call("POST", "/my", 201, json=body)
    wrong = {"case_number": begun["case_number"], "passphrase": "wrong"}
    person.call("POST", "/my/session", 401, json=wrong)
    person.token = person.call(
        "POST", "/my/session", 201, json={**wrong, "passphrase": PASSPHRASE}
    )["token"]
    person.call("POST", "/my/number", 204, json={"case_number": begun["case_number"]})
    signature = {"signature_name": "Ada L.", "agreed": True}
    person.call("POST", "/my/release", 422, json={**signature, "agreed": False})
    person.call("POST", "/my/release", 201, json={**signature, "covers_faces": True})
    person.call("POST", "/my/mandate", 201, json={**signature, **SCOPES, "days": 30})
    photo = person.call("POST", "/my/photos", 200, files={"file": ("a", b"face:ada#1")})
    assert photo["has_template"]
    refused = person.call("POST", "/my/photos", 200, files={"file": ("a", b"blurred:")})
    assert refused["words"] == "The photo is blurred."
    person.call("POST", "/my/hand-in", 204)
    assert person.call("GET", "/my", 200)["acts_next"] == "advocate"
    acute = f"/cases/{begun['person_id']}/acute"
    advocate = Api(house).as_staff(house.reviewers[0])
    advocate.call("PUT", acute, 422, json={"reason": ""})
    until = advocate.call("PUT", acute, 200, json={"reason": "It cannot wait.", "hours": 2})
    assert advocate.call("GET", "/cases", 200)[0]["acute_until"] == until["acute_until"]
    advocate.call("DELETE", acute, 204)
    assert advocate.call("GET", "/cases", 200)[0]["acute_until"] is None

    reviewer.as_staff(house.reviewers[0])
    (line,) = reviewer.call("GET", "/cases", 200)
    person_id = line["person_id"]
    attestation = {"accepted": True, "method": "passport"}
    reviewer.call("POST", f"/cases/{person_id}/attestation", 422, json=attestation)
    reviewer.call(
        "POST",
        f"/cases/{person_id}/attestation",
        204,
        json={**attestation, "statement_ticked": True},
    )
    assert reviewer.call("GET", f"/cases/{person_id}", 200)["attested"]

    medium_id = sees_medium(house, b"found")
    candidate_id = record_face(house, line_id(house), medium_id, b"found")
    for actor in house.reviewers:
        reviewer.as_staff(actor)
        view = reviewer.call("GET", f"/candidates/{candidate_id}", 200)
        assert view["assessment"] is None
        verdict = {"verdict": "same", "statements": view["statements"]}
        reviewer.call("POST", f"/candidates/{candidate_id}/verdict", 201, json=verdict)
        reviewer.call("POST", f"/candidates/{candidate_id}/verdict", 409, json=verdict)
        assert reviewer.call("GET", f"/candidates/{candidate_id}", 200)["assessment"]
    (find,) = person.call("GET", "/my/finds", 200)
    statements = person.call("GET", f"/my/finds/{candidate_id}", 200)["statements"]
    answer = {"verdict": "same", "statements": statements, "signature_name": "Ada L."}
    state = person.call("POST", f"/my/finds/{find['candidate_id']}/answer", 201, json=answer)
    assert state["state"] == "confirmed"

    links = {"links": [{"url": "https://a.test/1.jpg"}], "declared": True, "signature_name": "A"}
    person.call("POST", "/my/links", 201, json=links)
    reviewer.call("POST", f"/cases/{person_id}/links", 201, json={"links": links["links"]})
    known = person.call("POST", "/my/known/hashes", 201, json={"sha256": "a" * 64})
    person.call("POST", "/my/known/hashes", 422, json={"sha256": "abc"})
    person.call("DELETE", f"/my/known/{known['known_id']}", 204)
    person.call("DELETE", "/my/faces", 204)
    person.call("DELETE", f"/my/photos/{photo['photo_id']}", 204)
    person.call("DELETE", "/my/mandate", 204)
    person.call("DELETE", "/my/release", 204)
    person.call("POST", "/my/erase", 401, json={"passphrase": "wrong", "sure": True})
    done = person.call("POST", "/my/erase", 200, json={"passphrase": PASSPHRASE, "sure": True})
    assert done["receipt"]
    person.call("GET", "/my", 401)


def line_id(house: House) -> Any:
    with house.rooms.database.read() as session:
        (line,) = house.rooms.enrolment.list_cases(session, house.reviewers[0])
    return line.person_id


def test_every_body_and_answer_of_people_and_finds_has_an_example(house: House) -> None:
    schemas = create_web(house.rooms).openapi()["components"]["schemas"]
    ours = {"BeginIn", "BegunOut", "CaseOut", "CandidateOut", "VerdictIn", "LinksIn", "KnownOut"}
    assert ours <= set(schemas)
    for name in ours:
        assert schemas[name]["examples"], name


def test_the_api_needs_its_role(house: House) -> None:
    api = Api(house)
    for path in ("/my", "/cases", "/candidates", "/candidates/halted", "/my/finds", "/my/known"):
        api.call("GET", path, 401)
    api.as_staff(house.operator)
    for path in ("/my", "/cases", "/candidates", "/my/finds"):
        api.call("GET", path, 403)
    assert api.call("GET", "/candidates/halted", 200) == []
