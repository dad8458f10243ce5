"""What surrounds every request: headers, hosts, sizes, cookies, tokens against forged requests."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, UploadFile
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse

from service.app import Rooms, build_rooms, create_web
from service.settings import Settings
from service.web.dependencies import DatabaseDep, WriteSession, write_session
from service.web.responses import is_local_path, see_other
from service.web.route_check import RouteRuleError, check_routes
from service.web.security import CONTENT_SECURITY_POLICY
from tests.service.web.conftest import PASSWORD
from tests.service.web.page_client import BASE_URL, PageClient

STATIC = Path(__file__).resolve().parents[3] / "service" / "web" / "static"
TEMPLATES = STATIC.parent / "templates"


@pytest.mark.parametrize(
    "path", ["/help", "/nowhere", "/static/likeness.css", "/api/v1/nowhere", "/exit"]
)
def test_every_answer_carries_the_strict_headers(client: PageClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert "http" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert "camera=()" in headers["permissions-policy"]
    expected = "max-age=3600" if path.startswith("/static/") else "no-store"
    assert headers["cache-control"] == expected


def test_one_page_alone_may_start_a_worker_and_read_a_video_that_was_chosen(
    client: PageClient, app: FastAPI, rooms: Rooms
) -> None:
    @app.get("/any")
    def any_policy() -> PlainTextResponse:
        return PlainTextResponse("", headers={"Content-Security-Policy": "default-src *"})

    strict = client.get("/help").headers["content-security-policy"]
    assert strict == CONTENT_SECURITY_POLICY
    assert client.get("/any").headers["content-security-policy"] == strict
    # under its own answer's policy a worker may import our scripts and connect to nothing
    worker = client.get("/static/hashing/worker.js").headers
    assert worker["content-security-policy"] == strict
    assert worker["content-type"].startswith("text/javascript")
    assert "connect-src" not in strict

    begin_case(rooms, client)
    assert client.get("/my").headers["content-security-policy"] == strict
    page = client.get("/my/known")
    assert page.status_code == 200
    assert page.headers.get_list("content-security-policy") == [
        f"{strict}; worker-src 'self'; media-src blob:"
    ]


def begin_case(rooms: Rooms, client: PageClient) -> None:
    with rooms.database.write() as session:
        operator_token = rooms.accounts.create_setup_link(session)
    client.get(f"/setup/{operator_token}")
    client.post(
        f"/setup/{operator_token}",
        organisation_name="Helpline One",
        username="olga",
        password=PASSWORD,
    )
    with rooms.database.write() as session:
        case = rooms.enrolment.begin(
            session, adult_now=True, adult_in_pictures=True, passphrase=PASSWORD
        )
        token = rooms.accounts.open_person_session(session, case.person_id, case.organisation_id)
    client.http.cookies.set("session", token)


def test_an_error_of_ours_carries_them_too_and_says_nothing_of_itself(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    router = APIRouter()

    @router.get("/broken")
    def broken() -> None:
        raise RuntimeError("the name of a person")

    @router.get("/api/v1/broken")
    def broken_for_programs() -> None:
        raise RuntimeError("the name of a person")

    app.include_router(router)
    client = PageClient(app)
    page = client.get("/broken")
    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert "name of a person" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/api/v1/broken").json()["code"] == "internal"
    ours = [record for record in caplog.records if record.name.startswith("service")]
    assert "unhandled RuntimeError at test_security.py:" in ours[0].getMessage()
    assert all("name of a person" not in record.getMessage() for record in ours)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[", "a@b:c"],
)
def test_another_host_name_is_refused(client: PageClient, host: str) -> None:
    answer = client.get("/help", headers={"Host": host})
    assert answer.status_code == 400
    assert "LIKENESS_ALLOWED_HOSTS" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:8000", "[::1]:8000"])
def test_our_own_host_names_are_served(client: PageClient, host: str) -> None:
    assert client.get("/help", headers={"Host": host}).status_code == 200


def test_further_host_names_can_be_allowed(settings: Settings) -> None:
    rooms = build_rooms(
        settings.model_copy(
            update={"public_url": "https://help.example", "allowed_hosts": ("inside.example",)}
        )
    )
    browser = PageClient(create_web(rooms), "https://help.example")
    assert browser.get("/help").status_code == 200
    assert browser.get("/help", headers={"Host": "inside.example"}).status_code == 200
    assert browser.get("/help", headers={"Host": "other.example"}).status_code == 400
    rooms.close()


def test_under_https_cookies_are_bound_to_the_host_and_https_is_kept(settings: Settings) -> None:
    rooms = build_rooms(settings.model_copy(update={"public_url": "https://help.example"}))
    browser = PageClient(create_web(rooms), "https://help.example")
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    page = browser.get(f"/setup/{token}")
    form_cookie = page.headers["set-cookie"]
    assert form_cookie.startswith("__Host-form=")
    answer = browser.post(
        f"/setup/{token}", organisation_name="House", username="olga", password=PASSWORD
    )
    (session_cookie,) = (
        value
        for value in answer.headers.get_list("set-cookie")
        if value.startswith("__Host-session=")
    )
    for cookie in (form_cookie, session_cookie):
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert browser.get("/settings").status_code == 200
    rooms.close()


def test_signing_in_replaces_the_session_that_the_browser_had(
    operator: PageClient, rooms: Rooms
) -> None:
    before = operator.http.cookies["session"]
    operator.post("/sign-out")
    operator.get("/staff/sign-in")
    answer = operator.post("/staff/sign-in", username="olga", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    after = operator.http.cookies["session"]
    assert after != before
    with rooms.database.read() as session:
        assert rooms.accounts.actor_of(session, before) is None
        assert rooms.accounts.actor_of(session, after) is not None


def test_a_planted_session_token_is_never_taken_over(
    client: PageClient, operator: PageClient
) -> None:
    planted = "x" * 43
    client.http.cookies.set("session", planted, domain="127.0.0.1")
    client.get("/staff/sign-in")
    answer = client.post("/staff/sign-in", username="olga", password=PASSWORD)
    assert answer.status_code == 303
    assert planted not in answer.headers["set-cookie"]


def test_a_form_without_its_token_is_refused(operator: PageClient) -> None:
    good = operator.csrf
    for wrong in ("", "0" * 64, good[:-1], f"{good}0", "é"):
        answer = operator.post("/settings/media-bytes", csrf=wrong, on="on")
        assert answer.status_code == 403, wrong
        assert "This form is too old" in answer.text
        assert "not for you" not in answer.text
    assert operator.post("/settings/media-bytes", csrf=good, on="on").status_code == 303


def test_a_token_of_another_browser_is_refused(operator: PageClient, client: PageClient) -> None:
    client.get("/staff/sign-in")
    assert client.csrf != operator.csrf
    answer = operator.post("/settings/media-bytes", csrf=client.csrf, on="on")
    assert answer.status_code == 403


def test_a_form_of_somebody_not_signed_in_is_bound_to_their_browser(
    app: FastAPI, operator: PageClient
) -> None:
    one, other = PageClient(app), PageClient(app)
    one.get("/staff/sign-in")
    other.get("/staff/sign-in")
    refused = other.post("/staff/sign-in", csrf=one.csrf, username="olga", password=PASSWORD)
    assert refused.status_code == 403
    without_cookie = PageClient(app)
    without_cookie.csrf = one.csrf
    assert without_cookie.post("/staff/sign-in", username="olga").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_request_from_another_site_is_refused_even_with_a_token(
    operator: PageClient, headers: dict[str, str]
) -> None:
    answer = operator.http.post(
        "/settings/media-bytes", data={"csrf": operator.csrf, "on": "on"}, headers=headers
    )
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_a_program_with_the_pages_cookie_needs_the_token_too(operator: PageClient) -> None:
    body = {"on": True}
    refused = operator.http.put("/api/v1/organisation/media-bytes", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "forged_request")
    allowed = operator.http.put(
        "/api/v1/organisation/media-bytes",
        json=body,
        headers={"X-CSRF-Token": operator.csrf, "Origin": BASE_URL},
    )
    assert allowed.status_code == 200
    assert allowed.json()["keeps_media_bytes"] is True


def test_a_bearer_counts_alone_and_the_cookie_beside_it_does_not(operator: PageClient) -> None:
    answer = operator.http.get("/api/v1/session", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_a_form_cannot_be_sent_to_the_api_in_place_of_json(client: PageClient) -> None:
    answer = client.http.post(
        "/api/v1/session",
        content='{"username": "olga", "password": "x"}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 422


def test_a_body_that_is_too_large_is_refused_announced_or_not(client: PageClient) -> None:
    too_much = b"x" * (1024 * 1024 + 1)
    announced = client.http.post("/api/v1/session", content=too_much)
    assert announced.status_code == 413

    def in_parts() -> object:
        for _ in range(20):
            yield b'"' + b"x" * 65536

    unannounced = client.http.post(
        "/api/v1/session", content=in_parts(), headers={"Content-Type": "application/json"}
    )
    assert unannounced.status_code == 413
    assert unannounced.json()["message"].startswith("Too large: at most 1 MiB")
    nonsense = client.http.post("/api/v1/session", headers={"Content-Length": "-1"})
    assert nonsense.status_code == 413


def test_an_upload_never_lies_on_the_disk(app: FastAPI, operator: PageClient) -> None:
    rolled: list[bool] = []
    router = APIRouter()

    @router.post("/try-upload")
    def take(photo: UploadFile) -> None:
        assert isinstance(photo.file, tempfile.SpooledTemporaryFile)
        rolled.append(photo.file._rolled)  # type: ignore[attr-defined]

    app.include_router(router)
    answer = operator.http.post(
        "/try-upload",
        data={"csrf": operator.csrf},
        files={"photo": ("a.jpg", b"x" * (3 * 1024 * 1024), "image/jpeg")},
    )
    assert answer.status_code == 200
    assert rolled == [False]
    too_large = operator.http.post(
        "/try-upload",
        data={"csrf": operator.csrf},
        files={"photo": ("a.jpg", b"x" * (6 * 1024 * 1024), "image/jpeg")},
    )
    assert too_large.status_code == 413


@pytest.mark.parametrize("session", ["", "x" * 43])
def test_only_who_is_signed_in_may_send_more_than_a_form(
    app: FastAPI, client: PageClient, session: str
) -> None:
    """Uploads stay in memory: nobody may fill it who has not even begun a case."""
    if session:
        client.http.cookies.set("session", session)
    large = {"files": ("a.jpg", b"x" * (2 * 1024 * 1024), "image/jpeg")}
    answer = client.http.post("/my/photos", files=large, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    answer = client.http.post("/api/v1/my/photos", files=large)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")

    def in_parts() -> object:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 65536

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.http.post("/api/v1/my/photos", content=in_parts(), headers=kind)
    assert answer.status_code == 413


def test_a_unit_of_work_that_could_commit_after_its_answer_is_refused(rooms: Rooms) -> None:
    app = FastAPI()

    @app.post("/late")
    def late(session: Annotated[Session, Depends(write_session)]) -> None:
        """Commits when the answer has already left."""

    with pytest.raises(RouteRuleError, match="/late"):
        check_routes(app)


def test_a_route_that_awaits_is_refused() -> None:
    app = FastAPI()

    @app.get("/waits")
    async def waits(database: DatabaseDep) -> None:
        """Would hold up everybody."""

    with pytest.raises(RouteRuleError, match="/waits"):
        check_routes(app)


def test_what_was_written_is_there_when_the_answer_is(app: FastAPI, rooms: Rooms) -> None:
    from service.accounts.models import Organisation

    router = APIRouter()

    @router.get("/make/{slug}")
    def make(slug: str, session: WriteSession) -> str:
        session.add(Organisation(slug=slug, name=slug, created_at=rooms.clock.now()))
        if slug == "broken":
            session.flush()
            raise RuntimeError
        return slug

    app.include_router(router)
    client = PageClient(app)
    assert client.get("/make/whole").status_code == 200
    assert client.get("/make/broken").status_code == 500
    with rooms.database.read() as session:
        from sqlalchemy import select

        assert session.scalars(select(Organisation.slug)).all() == ["whole"]


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "\\\\evil", "/\\evil", "x", "", "/a\r\nX: y"],
)
def test_going_on_leads_to_this_site_only(path: str) -> None:
    assert not is_local_path(path)
    with pytest.raises(ValueError, match="path of this site"):
        see_other(path)


@given(st.text(max_size=30))
def test_whatever_is_a_local_path_stays_on_this_site(text: str) -> None:
    from urllib.parse import urljoin, urlsplit

    if is_local_path(text):
        assert urlsplit(urljoin("https://ours.example/x", text)).netloc == "ours.example"


def test_no_page_has_inline_style_or_script_or_asks_a_third_party() -> None:
    inline = re.compile(
        r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=\"/static/)", re.IGNORECASE
    )
    elsewhere = re.compile(
        r"<(?:script|link|img|iframe|audio|video|source|object|embed|form)[^>]*"
        r"(?:src|href|action)=\"(?:https?:)?//",
        re.IGNORECASE,
    )
    templates = sorted(TEMPLATES.rglob("*.html"))
    assert templates
    for path in templates:
        content = path.read_text(encoding="utf-8")
        assert not inline.search(content), path.name
        assert not elsewhere.search(content), path.name
    for path in [*STATIC.rglob("*.css"), *STATIC.rglob("*.js")]:
        content = path.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//|https?://", content), path.name


def test_every_form_that_changes_something_carries_the_token() -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        content = path.read_text(encoding="utf-8")
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", content, re.DOTALL):
            assert "csrf" in form, f"{path.relative_to(TEMPLATES)}: {form[:90]}"
