"""The pages of this house as people meet them: set-up to sign-out, leaving, errors, discretion."""

from __future__ import annotations

import re

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Response

from service.accounts.actor import Role
from service.app import Rooms
from tests.service.web.conftest import PASSWORD
from tests.service.web.page_client import PageClient

PUBLIC = {
    "/",
    "/enrol",
    "/erase",
    "/erasure-receipts/{receipt_id}.json",
    "/exit",
    "/help",
    "/metrics",
    "/privacy",
    "/sign-in",
    "/staff/sign-in",
    "/setup/{token}",
    "/invitations/{token}",
}
STAFF_PAGES = ("/settings", "/accounts", "/audit", "/account")


@pytest.fixture
def advocate(app: FastAPI, operator: PageClient) -> PageClient:
    """The browser of an advocate who followed an invitation."""
    answer = operator.post("/accounts/invitations", role="advocate", trained="on")
    link = re.search(r"/invitations/[\w-]+", answer.text)
    assert link
    browser = PageClient(app)
    assert "as an advocate, recorded as trained" in browser.get(link.group(0)).text
    joined = browser.post(link.group(0), username="ada", display_name="Ada", password=PASSWORD)
    assert (joined.status_code, joined.headers["location"]) == (303, "/cases")
    browser.get("/account")
    return browser


@pytest.fixture
def person(app: FastAPI, operator: PageClient, rooms: Rooms) -> PageClient:
    """The browser of a person who signed in to a case."""
    import uuid

    with rooms.database.write() as session:
        house = rooms.accounts.default_organisation(session)
        token = rooms.accounts.open_person_session(session, uuid.uuid4(), house.id)
    browser = PageClient(app)
    browser.http.cookies.set("session", token, domain="127.0.0.1")
    browser.get("/help")
    return browser


def title(page: Response) -> str:
    found = re.search(r"<title>(.*?)</title>", page.text)
    assert found
    return found.group(1)


def test_a_setup_form_keeps_what_was_typed_but_the_password(
    client: PageClient, rooms: Rooms
) -> None:
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    client.get(f"/setup/{token}")
    page = client.post(
        f"/setup/{token}", organisation_name="Help & <Line>", username="olga", password="short-pw"
    )
    assert page.status_code == 422
    assert "at least 12 characters" in page.text
    assert "Help &amp; &lt;Line&gt;" in page.text
    assert "short-pw" not in page.text


def test_a_spent_or_unknown_link_is_a_calm_page(client: PageClient) -> None:
    for path in ("/setup/unknown", "/invitations/unknown"):
        page = client.get(path)
        assert page.status_code == 410
        assert "Ask for a new one" in page.text


def test_guessing_links_is_limited(client: PageClient) -> None:
    codes = {client.get(f"/setup/guess-{number}").status_code for number in range(31)}
    assert codes == {410, 429}


def test_the_settings_walk_a_new_operator_through(operator: PageClient) -> None:
    page = operator.get("/settings").text
    assert "There are 0 of 2" in page
    assert "off until you decide" in page
    assert "It is off until you record" in page
    assert "/sites/new" in page
    refused = operator.post("/settings/face-matching", on="on", jurisdiction="Austria")
    assert refused.status_code == 422
    assert "Legal basis: it must be recorded" in refused.text
    assert 'value="Austria"' in refused.text
    answer = operator.post(
        "/settings/face-matching",
        on="on",
        jurisdiction="Austria",
        legal_basis="Art. 9(2)(a)",
        impact_assessment="DPIA 12/2026",
    )
    assert answer.status_code == 303
    page = operator.get("/settings").text
    assert "Switched on by olga" in page
    assert "It is off until you record" not in page
    operator.post("/settings/face-matching", on="")
    assert "Switched off by olga" in operator.get("/settings").text


def test_an_invitation_is_shown_once_and_listed_without_its_token(operator: PageClient) -> None:
    shown = operator.post("/accounts/invitations", role="operator").text
    link = re.search(r"http://127\.0\.0\.1:8000/invitations/([\w-]+)", shown)
    assert link
    page = operator.get("/accounts").text
    assert link.group(1) not in page
    withdraw = re.search(r'action="(/accounts/invitations/[0-9a-f-]+/withdraw)"', page)
    assert withdraw
    assert operator.post(withdraw.group(1)).status_code == 303
    assert operator.get(f"/invitations/{link.group(1)}").status_code == 410


def test_an_unknown_role_is_not_invited(operator: PageClient) -> None:
    for role in ("person", "system", ""):
        assert operator.post("/accounts/invitations", role=role).status_code == 422


def test_closing_an_account_signs_it_out_at_once(
    operator: PageClient, advocate: PageClient, rooms: Rooms
) -> None:
    page = operator.get("/accounts").text
    assert page.index("ada") > page.index("olga")
    with rooms.database.read() as session:
        house = rooms.accounts.default_organisation(session)
        from service.accounts.actor import Actor

        (ada,) = rooms.accounts.advocates(session, Actor.system("test", house.id))
    assert advocate.get("/account").status_code == 200
    operator.post(f"/accounts/{ada.id}/active", on="")
    assert advocate.get("/account").headers["location"] == "/staff/sign-in"


def test_the_last_operator_is_told_why_they_cannot_go(operator: PageClient, rooms: Rooms) -> None:
    found = re.search(r'action="(/accounts/[0-9a-f-]+/active)"', operator.get("/accounts").text)
    assert found
    page = operator.post(found.group(1), on="")
    assert page.status_code == 409
    assert "last operator" in page.text


def test_the_second_factor_is_set_up_on_the_own_page(operator: PageClient) -> None:
    operator.post("/account/second-factor")
    page = operator.get("/account").text
    secret = re.search(r'class="secret">([A-Z2-7]+)<', page)
    assert secret
    picture = operator.get("/account/second-factor.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in picture.headers["content-security-policy"]
    refused = operator.post("/account/second-factor/confirm", code="000000")
    assert refused.status_code == 422
    done = operator.post("/account/second-factor/confirm", code=pyotp.TOTP(secret.group(1)).now())
    assert "The second factor is on." in done.text
    assert operator.get("/account/second-factor.svg").status_code == 404
    operator.post("/sign-out")
    operator.get("/staff/sign-in")
    page = operator.post("/staff/sign-in", username="olga", password=PASSWORD)
    assert page.status_code == 401
    assert "code is not right" in page.text


def test_a_password_is_changed_on_the_own_page(operator: PageClient) -> None:
    new = "another four words now"
    wrong = operator.post("/account/password", current_password="wrong", new_password=new)
    assert (wrong.status_code, "is not right" in wrong.text) == (422, True)
    done = operator.post("/account/password", current_password=PASSWORD, new_password=new)
    assert "The password is changed." in done.text
    assert operator.get("/account").status_code == 200


def test_leaving_ends_the_session_at_once_by_a_plain_link(
    operator: PageClient, rooms: Rooms
) -> None:
    token = operator.http.cookies["session"]
    answer = operator.get("/exit")
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://www.wikipedia.org/"
    assert answer.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert "session" not in operator.http.cookies
    with rooms.database.read() as session:
        assert rooms.accounts.actor_of(session, token) is None


@pytest.mark.parametrize("path", ["/help", "/privacy", "/staff/sign-in", "/nowhere"])
def test_the_exit_is_on_every_page_for_people_with_an_honest_word(
    client: PageClient, path: str
) -> None:
    page = client.get(path).text
    assert '<a class="exit" id="exit" href="/exit" rel="noreferrer"' in page
    assert "It does not erase your browser’s history" in page
    assert '<script type="module" src="/static/exit.js"></script>' in page


def test_a_person_has_the_exit_and_no_staff_link(person: PageClient) -> None:
    page = person.get("/help").text
    assert 'href="/exit"' in page
    assert 'href="/my/finds"' in page
    assert "/staff/sign-in" not in page


def test_staff_pages_have_no_exit_but_a_sign_out(operator: PageClient) -> None:
    page = operator.get("/settings").text
    assert 'href="/exit"' not in page
    assert 'action="/sign-out"' in page


def test_every_page_has_a_way_past_the_navigation_and_says_where_one_is(
    operator: PageClient,
) -> None:
    for path in STAFF_PAGES:
        page = operator.get(path).text
        assert '<a class="skip" href="#content">' in page
        assert '<main id="content"' in page
        assert page.count('aria-current="page"') == 1, path
        assert page.count("<h1>") == 1, path
        assert '<html lang="en">' in page


def test_every_field_has_a_label(operator: PageClient) -> None:
    for path in (*STAFF_PAGES, "/staff/sign-in"):
        page = operator.get(path).text
        shown = re.findall(
            r"<(?:input|select|textarea)(?![^>]*type=\"hidden\")[^>]*id=\"([^\"]+)\"", page
        )
        all_fields = re.findall(r"<(?:input|select|textarea)(?![^>]*type=\"hidden\")", page)
        assert len(shown) == len(all_fields), path
        assert len(set(shown)) == len(shown), path
        for name in shown:
            assert f'<label for="{name}">' in page, f"{path}: {name}"


def test_titles_are_discreet(client: PageClient, operator: PageClient) -> None:
    pages = [client.get(path) for path in ("/help", "/privacy", "/staff/sign-in", "/nowhere")]
    pages += [operator.get(path) for path in STAFF_PAGES]
    for page in pages:
        assert not re.search(
            r"likeness|intimate|abuse|image|picture|face|victim|leak", title(page), re.IGNORECASE
        )


def test_a_page_for_others_sends_one_to_sign_in_or_refuses(
    client: PageClient, person: PageClient, advocate: PageClient
) -> None:
    for path in STAFF_PAGES:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in")
        assert person.get(path).status_code == 403
    for path in ("/settings", "/accounts", "/audit"):
        assert advocate.get(path).status_code == 403
    assert advocate.get("/account").status_code == 200


def test_a_change_without_a_session_is_refused(client: PageClient) -> None:
    client.get("/staff/sign-in")
    page = client.post("/settings/media-bytes", on="on")
    assert page.status_code == 401
    assert 'href="/staff/sign-in"' in page.text


def test_signing_out_everywhere_ends_the_other_browser_too(
    app: FastAPI, operator: PageClient
) -> None:
    other = PageClient(app)
    other.get("/staff/sign-in")
    other.post("/staff/sign-in", username="olga", password=PASSWORD)
    answer = operator.post("/sign-out-everywhere")
    assert answer.headers["location"] == "/staff/sign-in"
    assert "clear-site-data" in answer.headers
    assert other.get("/settings").headers["location"] == "/staff/sign-in"


def test_a_wrong_sign_in_says_so_calmly_and_too_many_say_when(
    client: PageClient, operator: PageClient
) -> None:
    client.get("/staff/sign-in")
    for _ in range(10):
        page = client.post("/staff/sign-in", username="olga", password="wrong <b>")
        assert page.status_code == 401
        assert "is not right" in page.text
        assert "wrong" not in page.text
    page = client.post("/staff/sign-in", username="olga", password=PASSWORD)
    assert page.status_code == 429
    assert "try again in" in page.text


def test_the_audit_page_lists_the_own_organisation_and_goes_on(
    operator: PageClient, rooms: Rooms
) -> None:
    for number in range(60):
        operator.post("/settings/media-bytes", on="on" if number % 2 else "")
    page = operator.get("/audit").text
    assert page.count("organisation.set_keeps_media_bytes") == 50
    older = re.search(r'href="(/audit\?before=\d+)"', page)
    assert older
    assert "account.create" in operator.get(older.group(1)).text
    assert operator.get("/audit?before=nonsense").status_code == 422
    assert operator.get(f"/audit?before={10**30}").status_code == 422


def test_every_page_that_is_not_public_asks_who_is_there(app: FastAPI, client: PageClient) -> None:
    """Every GET route, of whatever room, with made-up ids: never a page, never a failure."""
    made_up = "00000000-0000-4000-8000-000000000000"
    asked = 0
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or "GET" not in (route.methods or ()):
            continue
        pattern = str(route.path)
        if pattern in PUBLIC:
            continue
        path = re.sub(r"{\w+}", made_up, pattern)
        answer = client.get(path)
        if pattern.startswith("/api/"):
            assert answer.status_code == 401, pattern
            assert set(answer.json()) == {"code", "message"}, pattern
        else:
            assert answer.status_code == 303, f"{pattern}: {answer.status_code}"
            is_of_people = pattern.startswith(("/my", "/enrol"))
            expected = "/sign-in" if is_of_people else "/staff/sign-in"
            assert answer.headers["location"] == expected, pattern
        asked += 1
    assert asked > 10


def test_no_role_meets_a_failure_on_any_page(
    app: FastAPI, operator: PageClient, advocate: PageClient, person: PageClient
) -> None:
    """Whatever is asked for with made-up ids is shown, refused or not found; nothing breaks."""
    made_up = "00000000-0000-4000-8000-000000000000"
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or "GET" not in (route.methods or ()):
            continue
        path = re.sub(r"{\w+}", made_up, str(route.path))
        if path in {"/exit"}:
            continue
        for browser in (operator, advocate, person):
            status = browser.get(path).status_code
            assert status < 500, f"{path}: {status}"


def test_roles_are_the_three_of_the_house_and_the_system() -> None:
    assert {role.value for role in Role} == {"person", "advocate", "operator", "system"}
