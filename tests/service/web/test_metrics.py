"""Metrics are off until a token is set, and hold counts only."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr, ValidationError

from service.accounts.actor import Actor
from service.app import Rooms, create_web
from service.settings import Settings
from service.sources.site_draft import SiteDraft
from service.sources.views import RunCount
from tests.service.web.page_client import PageClient

TOKEN = "a token of a test's own"
_LINE = re.compile(r'^likeness_[a-z_]+(\{[a-z_]+="[a-z_]+"(,[a-z_]+="[a-z_]+")*\})? [0-9.e+]+$')


@pytest.fixture
def watched(rooms: Rooms, settings: Settings, operator: PageClient) -> Iterator[PageClient]:
    """An installation with a token, a site and a run."""
    with rooms.database.write() as session:
        organisation = rooms.accounts.default_organisation(session)
        system = Actor.system("test", organisation.id)
        draft = SiteDraft(
            "A forum", ("http://forum.example/",), "Look for copies", "Mandates given"
        )
        site = rooms.sources.add_site(session, system, draft)
        run = rooms.sources.start_run(session, system, site.id, "a test of monitoring")
        count = RunCount(pages_seen=3, faces_counted=9, bytes_fetched=5_000_000_000)
        rooms.sources.progress.count(session, system, run.id, count)
    settings.metrics_token = SecretStr(TOKEN)
    yield PageClient(create_web(rooms))
    settings.metrics_token = None


def test_there_is_no_such_page_without_a_token(client: PageClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_nobody_reads_them_without_the_token(watched: PageClient, headers: dict[str, str]) -> None:
    answer = watched.get("/metrics", headers=headers)
    assert answer.status_code in (303, 401)
    assert "likeness_runs" not in answer.text


def test_counts_are_there_and_nothing_else(watched: PageClient) -> None:
    answer = watched.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'likeness_runs{state="queued"} 1' in lines
    assert 'likeness_addresses{kind="page",state="waiting"} 1' in lines
    assert "likeness_faces_counted_total 9" in lines
    assert "likeness_bytes_fetched_total 5000000000" in lines
    assert all(_LINE.match(line) for line in lines if not line.startswith("#"))
    assert "forum" not in answer.text


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(metrics_token=SecretStr("short"))
