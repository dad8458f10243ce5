"""Operators read periodic reports on pages, as files and by the API; nobody else does."""

from __future__ import annotations

import uuid

import pytest
from httpx import Response

from service.accounts.actor import Actor
from service.app import Rooms
from service.sources.site_draft import SiteDraft
from tests.service.web.page_client import PageClient


@pytest.fixture
def site(operator: PageClient, rooms: Rooms) -> str:
    """The name of a site that nobody visited."""
    with rooms.database.write() as session:
        organisation = rooms.accounts.default_organisation(session)
        draft = SiteDraft(
            "A forum", ("http://forum.example/",), "Look for copies", "Mandates of people"
        )
        rooms.sources.add_site(session, Actor.system("test", organisation.id), draft)
    return draft.name


def _made(operator: PageClient) -> str:
    operator.get("/reports")
    answer = operator.post("/reports", kind="day")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_report_is_made_kept_and_listed(operator: PageClient, site: str) -> None:
    assert "No report is kept yet." in operator.get("/reports").text
    path = _made(operator)
    assert "Nothing was looked at, so nothing can be said." in operator.get(path).text
    assert path in operator.get("/reports").text


def test_the_period_that_goes_on_is_shown_and_not_kept(
    operator: PageClient,
    site: str,
) -> None:
    page = operator.get("/reports/so-far?kind=month").text
    assert "This period has not ended" in page
    assert site in page
    assert "No report is kept yet." in operator.get("/reports").text
    assert operator.get("/reports/so-far?kind=year").status_code == 422


@pytest.mark.parametrize(
    ("form", "beginning"), [("pdf", b"%PDF-"), ("html", b"<!doctype"), ("json", b"{")]
)
def test_it_is_downloaded_as_a_file(
    operator: PageClient,
    form: str,
    beginning: bytes,
) -> None:
    answer: Response = operator.get(f"{_made(operator)}.{form}")
    assert answer.content.startswith(beginning)
    assert answer.headers["content-disposition"].endswith(f'.{form}"')


def test_the_api_says_the_same(operator: PageClient, site: str) -> None:
    path = _made(operator)
    assert operator.get(f"/api/v1{path}").json()["total"]["runs"] == 0
    assert [row["kind"] for row in operator.get("/api/v1/reports").json()] == ["day"]
    so_far = operator.get("/api/v1/reports/so-far").json()
    assert [row["site_name"] for row in so_far["sites"]] == [site]
    assert operator.get(f"/api/v1/reports/{uuid.uuid4()}").status_code == 404


def test_only_operators_read_them(client: PageClient) -> None:
    assert client.get("/reports").status_code == 303
    assert client.get("/api/v1/reports").status_code == 401
