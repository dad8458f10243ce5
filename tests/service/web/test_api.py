"""The JSON API of accounts: the same as the pages, documented, one form of error."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from httpx import Response

from service.app import Rooms
from tests.service.web.conftest import PASSWORD
from tests.service.web.page_client import PageClient

JUSTIFIED = {
    "on": True,
    "jurisdiction": "Austria",
    "legal_basis": "Art. 9(2)(a)",
    "impact_assessment": "DPIA 12/2026",
}


class Program:
    """A program that signs in by name and password."""

    def __init__(self, app: FastAPI, username: str) -> None:
        self.http = PageClient(app).http
        answer = self.call("POST", "session", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 201
        assert "set-cookie" not in answer.headers
        self.who = answer.json()["who"]
        self.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def call(self, method: str, path: str, **options: Any) -> Response:
        answer: Response = self.http.request(method, f"/api/v1/{path}", **options)
        return answer


@pytest.fixture
def olga(app: FastAPI, rooms: Rooms) -> Program:
    """The first operator, set up by the API alone."""
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    made = PageClient(app).http.post(
        "/api/v1/setup",
        json={
            "token": token,
            "organisation_name": "Helpline One",
            "username": "olga",
            "password": PASSWORD,
        },
    )
    assert (made.status_code, made.json()["role"]) == (201, "operator")
    return Program(app, "olga")


@pytest.fixture
def ada(app: FastAPI, olga: Program) -> Program:
    """An advocate, invited and joined by the API alone."""
    invited = olga.call("POST", "invitations", json={"role": "advocate", "trained": True})
    assert invited.status_code == 201
    assert invited.json()["link"].endswith(f"/invitations/{invited.json()['token']}")
    joined = PageClient(app).http.post(
        "/api/v1/invitations/accept",
        json={"token": invited.json()["token"], "username": "ada", "password": PASSWORD},
    )
    assert (joined.status_code, joined.json()["trained"]) == (201, True)
    return Program(app, "ada")


def test_a_program_knows_who_it_is_and_signs_out(olga: Program) -> None:
    assert olga.call("GET", "session").json() == olga.who
    assert olga.who["role"] == "operator"
    assert olga.call("DELETE", "session").status_code == 204
    refused = olga.call("GET", "session")
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_required")


def test_signing_out_everywhere_ends_the_other_session(app: FastAPI, olga: Program) -> None:
    other = Program(app, "olga")
    assert other.call("DELETE", "sessions").status_code == 204
    assert olga.call("GET", "session").status_code == 401


def test_a_wrong_password_is_not_repeated_in_the_answer(client: PageClient) -> None:
    for body in (
        {"username": "olga", "password": "hunter2hunter2"},
        {"username": "olga", "password": ["hunter2hunter2"]},
        {"username": ["hunter2hunter2"], "password": "x", "unknown": "hunter2hunter2"},
    ):
        answer = client.http.post("/api/v1/session", json=body)
        assert answer.status_code in {401, 422}
        assert set(answer.json()) == {"code", "message"}
        assert "hunter2" not in answer.text


def test_face_matching_is_switched_by_operators_with_its_reasons(
    olga: Program, ada: Program
) -> None:
    refused = olga.call("PUT", "organisation/face-matching", json=JUSTIFIED | {"legal_basis": ""})
    assert (refused.status_code, refused.json()["code"]) == (422, "face_matching_refused")
    assert ada.call("PUT", "organisation/face-matching", json=JUSTIFIED).status_code == 403
    done = olga.call("PUT", "organisation/face-matching", json=JUSTIFIED).json()
    assert done["face_matching"] is True
    assert done["face_matching_decided_by"] == olga.who["account_id"]
    assert ada.call("GET", "organisation").json() == done


def test_accounts_are_listed_trained_and_closed(olga: Program, ada: Program) -> None:
    account_id = ada.who["account_id"]
    names = [row["username"] for row in olga.call("GET", "accounts").json()]
    assert names == ["olga", "ada"]
    assert [row["username"] for row in ada.call("GET", "accounts").json()] == ["ada"]
    changed = olga.call("PATCH", f"accounts/{account_id}", json={"trained": False})
    assert (changed.json()["trained"], changed.json()["active"]) == (False, True)
    assert ada.call("PATCH", f"accounts/{account_id}", json={"trained": True}).status_code == 403
    olga.call("PATCH", f"accounts/{account_id}", json={"active": False})
    assert ada.call("GET", "session").status_code == 401
    last = olga.call("PATCH", f"accounts/{olga.who['account_id']}", json={"active": False})
    assert (last.status_code, last.json()["code"]) == (409, "conflict")
    nobody = "accounts/00000000-0000-4000-8000-000000000000"
    assert olga.call("PATCH", nobody, json={"active": False}).status_code == 404


def test_invitations_are_listed_without_token_and_withdrawn(olga: Program) -> None:
    token = olga.call("POST", "invitations", json={"role": "advocate"}).json()["token"]
    (row,) = olga.call("GET", "invitations").json()
    assert token not in str(row)
    assert olga.call("DELETE", f"invitations/{row['id']}").status_code == 204
    assert olga.call("DELETE", f"invitations/{row['id']}").json()["code"] == "conflict"
    spent = olga.call(
        "POST",
        "invitations/accept",
        json={"token": token, "username": "bea", "password": PASSWORD},
    )
    assert (spent.status_code, spent.json()["code"]) == (410, "link_spent")


def test_a_lost_password_is_set_anew_by_a_link(olga: Program, ada: Program) -> None:
    path = f"accounts/{ada.who['account_id']}/new-password-link"
    token = olga.call("POST", path).json()["token"]
    body = {"token": token, "password": "another four words now"}
    assert olga.call("POST", "new-password", json=body).json()["username"] == "ada"
    assert ada.call("GET", "session").status_code == 401


def test_the_second_factor_goes_on_and_off(olga: Program) -> None:
    begun = olga.call("POST", "account/second-factor").json()
    assert begun["address"].startswith("otpauth://totp/Likeness:olga")
    wrong = olga.call("POST", "account/second-factor/confirm", json={"code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_code")
    code = pyotp.TOTP(begun["secret"]).now()
    assert (
        olga.call("POST", "account/second-factor/confirm", json={"code": code}).status_code == 204
    )
    assert olga.call("GET", "account").json()["has_second_factor"] is True
    off = olga.call("POST", "account/second-factor/remove", json={"password": PASSWORD})
    assert off.status_code == 204


def test_a_password_is_changed(olga: Program) -> None:
    body = {"current_password": PASSWORD, "new_password": "another four words now"}
    assert olga.call("PUT", "account/password", json=body).status_code == 204
    assert olga.call("PUT", "account/password", json=body).status_code == 422


def test_the_audit_trail_is_read_in_pieces(olga: Program, ada: Program) -> None:
    newest = olga.call("GET", "audit", params={"limit": 2}).json()
    older = olga.call("GET", "audit", params={"limit": 2, "before": newest[-1]["number"]}).json()
    numbers = [row["number"] for row in newest + older]
    assert numbers == sorted(numbers, reverse=True)
    assert ada.call("GET", "audit").status_code == 403
    assert olga.call("GET", "audit", params={"limit": 0}).status_code == 422


def test_unknown_fields_and_broken_json_are_refused(olga: Program) -> None:
    answer = olga.call("POST", "invitations", json={"role": "advocate", "organisation_id": "x"})
    assert answer.status_code == 422
    assert "organisation_id" in answer.json()["message"]
    broken = olga.call(
        "POST", "invitations", content="{", headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, broken.json()["code"]) == (422, "invalid_input")
    lone = olga.call(
        "POST",
        "session",
        content='{"username": "\\ud800", "password": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert lone.status_code in {401, 422}


def test_the_description_has_an_example_for_every_body_and_one_form_of_error(
    client: PageClient,
) -> None:
    described = client.get("/api/v1/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for path, methods in described["paths"].items():
        assert path.startswith("/api/v1/")
        for method, operation in methods.items():
            assert operation.get("summary"), f"{method} {path}"
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "content" in answer:
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorBody"}, f"{method} {path}"
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                name = body["schema"]["$ref"].rsplit("/", 1)[-1]
                assert schemas[name].get("examples"), f"{name} has no example"


def test_no_interactive_documentation_asks_a_third_party(client: PageClient) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404
