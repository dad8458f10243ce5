"""The pages and the API of sites, runs and reports, as a browser and a program use them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from service.accounts import passwords
from service.accounts.actor import Actor, Role
from service.app import Rooms, build_rooms, create_web
from service.settings import Settings
from tests.fixtures.databases import SqliteTemplate
from tests.service.web.page_client import PageClient

PASSWORD = "four unrelated words do"
SITE = {
    "name": "Example <forum>",
    "seeds": "https://forum.example/start",
    "purpose": "Copies were reported there",
    "legal_basis": "Mandates of the people",
    "max_depth": "5",
    "page_budget": "100",
    "media_budget": "1000",
    "delay_s": "2",
}
PURPOSE = "See whether the site answers"


@pytest.fixture
def rooms(
    tmp_path: Path, sqlite_template: SqliteTemplate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rooms]:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 64, 1))
    passwords.hash_for_nobody.cache_clear()
    sqlite_template.new_migrated_url(tmp_path)
    built = build_rooms(Settings(data_dir=tmp_path))
    yield built
    built.close()
    passwords.hash_for_nobody.cache_clear()


@pytest.fixture
def app(rooms: Rooms) -> FastAPI:
    return create_web(rooms)


@pytest.fixture
def operator(app: FastAPI, rooms: Rooms) -> PageClient:
    return set_up(app, rooms, "Helpline One", "olga")


def set_up(app: FastAPI, rooms: Rooms, organisation: str, username: str) -> PageClient:
    browser = PageClient(app)
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    browser.get(f"/setup/{token}")
    answer = browser.post(
        f"/setup/{token}", organisation_name=organisation, username=username, password=PASSWORD
    )
    assert answer.status_code == 303
    return browser


@pytest.fixture
def advocate(app: FastAPI, rooms: Rooms, operator: PageClient) -> PageClient:
    with rooms.database.write() as session:
        organisation = rooms.accounts.default_organisation(session)
        boss = Actor(Role.OPERATOR, organisation.id, account_id=uuid.uuid4())
        boss = Actor(
            Role.OPERATOR,
            organisation.id,
            account_id=rooms.accounts.accounts(session, boss)[0].id,
        )
        token = rooms.accounts.invite(session, boss, Role.ADVOCATE, True)
    browser = PageClient(app)
    browser.get(f"/invitations/{token}")
    answer = browser.post(f"/invitations/{token}", username="anna", password=PASSWORD)
    assert answer.status_code == 303
    return browser


def add(operator: PageClient, **changes: str) -> str:
    """Add a site by its form; returns its path."""
    assert operator.get("/sites/new").status_code == 200
    answer = operator.post("/sites/new", **(SITE | changes))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def start(operator: PageClient, site: str) -> str:
    operator.get(site)
    answer = operator.post(f"{site}/runs", monitoring_purpose=PURPOSE)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


class TestSites:
    def test_a_new_site_is_shown_and_listed_with_its_name_as_text(
        self, operator: PageClient
    ) -> None:
        assert "There is no site yet" in operator.get("/sites").text
        path = add(operator)
        page = operator.get(path)
        assert page.status_code == 200
        assert "Example &lt;forum&gt;" in page.text
        assert "<forum>" not in page.text
        assert "forum.example" in operator.get("/sites").text

    def test_what_is_wrong_is_said_and_what_was_typed_stays(self, operator: PageClient) -> None:
        operator.get("/sites/new")
        answer = operator.post("/sites/new", **(SITE | {"page_budget": "many"}))
        assert answer.status_code == 422
        assert "give a whole number" in answer.text
        assert 'value="many"' in answer.text
        assert "Copies were reported there" in answer.text

    def test_leaving_robots_aside_needs_a_reason_and_is_shown(self, operator: PageClient) -> None:
        operator.get("/sites/new")
        assert operator.post("/sites/new", **SITE, ignore_robots="on").status_code == 422
        path = add(operator, ignore_robots="on", robots_reason="The host agreed in writing")
        assert "The host agreed in writing" in operator.get(path).text

    def test_the_extractors_are_switched_on_and_off_again(self, operator: PageClient) -> None:
        said = "extractors of yt-dlp are asked about pages"
        path = add(operator)
        assert said not in operator.get(path).text
        assert operator.post(path, **SITE, extractors="on").status_code == 303
        assert said in operator.get(path).text
        operator.post(path, **SITE)
        assert said not in operator.get(path).text

    def test_the_browser_is_switched_on_with_its_hosts_and_off_again(
        self, operator: PageClient
    ) -> None:
        said = "shown in a browser before they are read"
        path = add(operator)
        assert said not in operator.get(path).text
        needs = {"needs_script": "on", "script_hosts": "Cdn.Forum.example"}
        assert operator.post(path, **SITE, **needs).status_code == 303
        shown = operator.get(path).text
        assert said in shown
        assert "cdn.forum.example" in shown
        assert operator.post(path, **SITE, script_hosts="cdn.forum.example").status_code == 422
        operator.post(path, **SITE)
        assert said not in operator.get(path).text

    def test_settings_are_changed_and_a_taken_name_is_refused(self, operator: PageClient) -> None:
        path = add(operator)
        add(operator, name="Another")
        operator.get(path)
        assert operator.post(path, **(SITE | {"page_budget": "7"})).status_code == 303
        assert 'value="7"' in operator.get(path).text
        refused = operator.post(path, **(SITE | {"name": "Another"}))
        assert refused.status_code == 422
        assert "There is a site called" in refused.text

    def test_pausing_and_resuming(self, operator: PageClient) -> None:
        path = add(operator)
        operator.get(path)
        operator.post(f"{path}/pause")
        assert "This site is paused" in operator.get(path).text
        operator.post(f"{path}/resume")
        assert "This site is paused" not in operator.get(path).text


class TestRuns:
    def test_without_a_case_or_purpose_the_page_says_why_not(self, operator: PageClient) -> None:
        path = add(operator)
        operator.get(path)
        answer = operator.post(f"{path}/runs", monitoring_purpose="")
        assert answer.status_code == 409
        assert "nobody would be served" in answer.text

    def test_a_run_is_queued_shown_and_cancelled(self, operator: PageClient) -> None:
        site = add(operator)
        run = start(operator, site)
        page = operator.get(run)
        assert "waiting for a worker" in page.text
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page.text
        assert PURPOSE in page.text
        again = operator.post(f"{site}/runs", monitoring_purpose=PURPOSE)
        assert again.status_code == 409
        assert operator.post(f"{run}/cancel").status_code == 303
        page = operator.get(run)
        assert "cancelled" in page.text
        assert 'http-equiv="refresh"' not in page.text
        assert run in operator.get("/runs").text

    def test_a_blind_run_is_never_called_clean(self, operator: PageClient, rooms: Rooms) -> None:
        run = start(operator, add(operator))
        run_id = uuid.UUID(run.rsplit("/", 1)[1])
        with rooms.database.write() as session:
            actor = Actor.system("test")
            rooms.sources.progress.begin(session, actor, run_id)
            rooms.sources.progress.end(session, actor, run_id, "blind", "no_page,wall_login")
        for path in (run, f"{run}/report"):
            text = operator.get(path).text
            assert "We could not look" in text
            assert "pages ask to log in" in text
            assert "Nothing new was found" not in text
        report = operator.get(f"{run}/report.json").json()
        assert (report["blind"], report["state"]) == (True, "blind")


class TestWhoMay:
    def test_an_advocate_looks_and_changes_nothing(
        self, operator: PageClient, advocate: PageClient
    ) -> None:
        site = add(operator)
        run = start(operator, site)
        for path in ("/sites", site, "/runs", run, f"{run}/report"):
            assert advocate.get(path).status_code == 200
        assert "Start a run" not in advocate.get(site).text
        assert advocate.get("/sites/new").status_code == 403
        advocate.get("/account")
        for path in (site, f"{site}/pause", f"{site}/runs", f"{run}/cancel"):
            assert advocate.post(path, **SITE).status_code == 403

    def test_another_organisation_sees_nothing(
        self, app: FastAPI, rooms: Rooms, operator: PageClient
    ) -> None:
        site = add(operator)
        run = start(operator, site)
        stranger = set_up(app, rooms, "Helpline Two", "otto")
        for path in (site, run, f"{run}/report", f"/api/v1{site}", f"/api/v1{run}/report"):
            assert stranger.get(path).status_code == 404
        assert "forum.example" not in stranger.get("/sites").text
        stranger.get("/account")
        assert stranger.post(f"{site}/pause").status_code == 404

    def test_nobody_signed_in_sees_nothing(self, app: FastAPI) -> None:
        visitor = PageClient(app)
        for path in ("/sites", "/runs", f"/runs/{uuid.uuid4()}/report", "/my/report"):
            assert visitor.get(path).status_code in (303, 401)

    def test_one_run_is_paused_and_resumed_on_its_page(self, operator: PageClient) -> None:
        site = add(operator)
        where = operator.post(f"{site}/runs", monitoring_purpose=PURPOSE).headers["location"]
        assert "Pause this run" in operator.get(where).text
        assert operator.post(f"{where}/pause").headers["location"] == where
        paused = operator.get(where).text
        assert "The run is paused: nothing is fetched until somebody resumes it." in paused
        operator.post(f"{where}/resume")
        assert "The run waits for a worker." in operator.get(where).text
        refused = operator.post(f"{where}/resume")
        assert (refused.status_code, "is not paused" in refused.text) == (409, True)

    def test_a_form_without_its_token_changes_nothing(self, operator: PageClient) -> None:
        site = add(operator)
        assert operator.post(f"{site}/pause", csrf="wrong").status_code == 403
        assert "This site is paused" not in operator.get(site).text


class TestApi:
    def headers(self, rooms: Rooms) -> dict[str, str]:
        signed_in = rooms.accounts.sign_in_staff(
            rooms.database, "olga", PASSWORD, "", "198.51.100.1"
        )
        return {"Authorization": f"Bearer {signed_in.token}"}

    def test_the_whole_way_by_program(
        self, app: FastAPI, rooms: Rooms, operator: PageClient
    ) -> None:
        http, headers = PageClient(app).http, self.headers(rooms)
        described = {
            "name": "By program",
            "seeds": ["https://forum.example/"],
            "purpose": "Copies were reported there",
            "legal_basis": "Mandates of the people",
        }
        made = http.post("/api/v1/sites", json=described, headers=headers)
        assert made.status_code == 201
        site = made.json()
        assert site["allowed_hosts"] == ["forum.example"]
        listed = http.get("/api/v1/sites", headers=headers).json()
        assert [row["id"] for row in listed] == [site["id"]]
        where = f"/api/v1/sites/{site['id']}"
        changed = http.put(where, json=described | {"page_budget": 9}, headers=headers)
        assert changed.json()["page_budget"] == 9
        needs = {"needs_script": True, "script_hosts": ["cdn.forum.example"]}
        changed = http.put(where, json=described | needs, headers=headers)
        assert {name: changed.json()[name] for name in needs} == needs
        assert http.post(f"{where}/runs", json={}, headers=headers).status_code == 403
        body = {"monitoring_purpose": PURPOSE}
        run = http.post(f"{where}/runs", json=body, headers=headers).json()
        assert run["state"] == "queued"
        report = http.get(f"/api/v1/runs/{run['id']}/report", headers=headers).json()
        assert report["conclusion"] == "The run has not ended yet."
        this_run = f"/api/v1/runs/{run['id']}"
        assert http.get(f"{where}/sweep", headers=headers).json() is None
        assert http.post(f"{this_run}/pause", headers=headers).json()["state"] == "paused"
        paused = http.post(f"{this_run}/pause", headers=headers)
        assert (paused.status_code, paused.json()["code"]) == (409, "run_state")
        progress = http.get(f"{this_run}/progress", headers=headers).json()
        assert (progress["run"]["state_reason"], progress["sweep"]) == ("run_paused", None)
        assert http.post(f"{this_run}/resume", headers=headers).json()["state"] == "queued"
        cancelled = http.post(f"/api/v1/runs/{run['id']}/cancel", headers=headers)
        assert cancelled.json()["state"] == "cancelled"
        assert http.get("/api/v1/runs", headers=headers).json()[0]["id"] == run["id"]
        assert http.post(f"{where}/pause", headers=headers).json()["state"] == "paused"

    def test_a_wrong_site_is_refused_with_its_code(
        self, app: FastAPI, rooms: Rooms, operator: PageClient
    ) -> None:
        http, headers = PageClient(app).http, self.headers(rooms)
        body = {"name": "x", "seeds": ["ftp://x"], "purpose": "p" * 9, "legal_basis": "l" * 9}
        answer = http.post("/api/v1/sites", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "site_invalid")

    def test_every_operation_has_an_example(self, app: FastAPI) -> None:
        document = app.openapi()
        ours = [
            path for path in document["paths"] if re.match(r"/api/v1/(sites|runs|my/rep)", path)
        ]
        assert len(ours) >= 9
        for name in ("SiteIn", "SiteOut", "RunOut", "CrawlReportOut", "PersonReportOut"):
            assert document["components"]["schemas"][name]["examples"]
