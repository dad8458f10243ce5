"""The operator's page and API on models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from indexer.faces import DEFAULT_PACK
from service.accounts.actor import Actor
from service.app import create_web
from service.work.installed_models import InstalledModels
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.houses import cheap_secrets
from tests.service.enrolment.model_factory import build, change_of, name_model
from tests.service.enrolment.people_factory import House, MadeUpEyes, make_house, make_person
from tests.service.work.packs_factory import SECOND, describe_second, models_with_two_packs

__all__ = ["cheap_secrets"]


@pytest.fixture
def house(
    sqlite_template: SqliteTemplate,
    tmp_path: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    monkeypatch.setenv("LIKENESS_MODELS_DIR", str(models_with_two_packs(tmp_path)))
    made = make_house(sqlite_template.new_migrated_url(tmp_path), tmp_path, clock)
    installed = InstalledModels(made.rooms.settings.models_dir)
    made.eyes.model = installed.stamp(DEFAULT_PACK)
    name_model(made, made.eyes.model)
    yield made
    made.rooms.close()


def browser(house: House, actor: Actor) -> TestClient:
    assert actor.organisation_id is not None
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session, actor.role, actor.organisation_id, account_id=actor.account_id
        )
    client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def test_an_operator_builds_switches_and_confirms_by_plain_forms(house: House) -> None:
    make_person(house)
    page = browser(house, house.operator)
    shown = page.get("/settings/models").text
    assert f"<strong>{DEFAULT_PACK}</strong>" in shown
    assert f'value="{SECOND}"' in shown
    assert "<script" not in shown
    form = {"pack": SECOND, "ask": "on"}
    assert page.post("/settings/models/use", data=form, follow_redirects=False).status_code == 303
    assert "is being built: 0 of 1 photo done" in page.get("/settings/models").text
    build(house)
    shown = page.get("/settings/models").text
    assert "Use the new model now" in shown
    page.post("/settings/models/switch")
    shown = page.get("/settings/models").text
    assert "Keep the new model" in shown
    assert "Go back to the old model" in shown
    page.post("/settings/models/confirm")
    shown = page.get("/settings/models").text
    assert f"<strong>{SECOND}</strong>" in shown
    assert "templates of the model before it are deleted" in shown
    assert change_of(house).state == "confirmed"


def test_the_page_says_what_is_wrong_where_a_step_is_not_possible(house: House) -> None:
    page = browser(house, house.operator)
    answer = page.post("/settings/models/confirm")
    assert answer.status_code == 409
    assert "no open change" in answer.text
    long = page.post("/settings/models/use", data={"pack": "x" * 5000})
    assert long.status_code == 422
    answer = page.post("/settings/models/use", data={"pack": "../elsewhere"})
    assert answer.status_code == 422
    assert "there is no model pack named" in answer.text


def test_a_licence_that_needs_it_is_accepted_by_a_tick_of_ones_own(house: House) -> None:
    describe_second(house.rooms.settings.models_dir, needs_acceptance=True)
    page = browser(house, house.operator)
    shown = page.get("/settings/models").text
    assert re.search(r'name="accept_licence"[^>]*checked', shown) is None
    answer = page.post("/settings/models/use", data={"pack": SECOND})
    assert answer.status_code == 422
    assert "permit" in answer.text
    form = {"pack": SECOND, "accept_licence": "on"}
    assert page.post("/settings/models/use", data=form, follow_redirects=False).status_code == 303


def test_reasons_are_counted_in_words_and_name_nobody(house: House) -> None:
    _, case = make_person(house)
    page = browser(house, house.operator)
    page.post("/settings/models/use", data={"pack": SECOND})
    stamp = InstalledModels(house.rooms.settings.models_dir).stamp(SECOND)

    class Choosy(MadeUpEyes):
        """Refuses everything as too dark."""

        def enrol(self, content, others):  # type: ignore[no-untyped-def]
            return super().enrol(b"too_dark:", others)

    database = house.rooms.database
    with database.read() as session:
        (photo,) = house.rooms.models.missing(session, stamp, 10)
    maker = house.rooms.photos.templates
    assert maker.make(database, Choosy(model=stamp), photo, searching=False) == "refused"
    with database.write() as session:
        house.rooms.models.advance(session)
    shown = page.get("/settings/models").text
    assert "1: The photo is too dark." in shown
    assert "would not be found by their face any more" in shown
    assert "Ada" not in shown
    assert str(case.person_id) not in shown


def test_the_api_does_the_same_steps(house: House) -> None:
    make_person(house)
    api = browser(house, house.operator)
    assert api.get("/api/v1/models").json()["in_use"]["pack"] == DEFAULT_PACK
    begun = api.post("/api/v1/models/change", json={"pack": SECOND})
    assert (begun.status_code, begun.json()["state"]) == (201, "building")
    again = api.post("/api/v1/models/change", json={"pack": SECOND})
    assert (again.status_code, again.json()["code"]) == (409, "model_change")
    build(house)
    assert api.get("/api/v1/models").json()["change"]["state"] == "switched"
    assert api.post("/api/v1/models/change/back").json()["state"] == "went_back"
    assert api.get("/api/v1/models").json()["in_use"]["pack"] == DEFAULT_PACK


@pytest.mark.parametrize("path", ["/settings/models", "/api/v1/models"])
def test_only_operators_may_look(house: House, path: str) -> None:
    assert browser(house, house.reviewers[0]).get(path).status_code == 403


def test_a_person_reads_on_their_own_pages_that_a_photo_is_needed(house: House) -> None:
    person, case = make_person(house)
    for file in (house.rooms.settings.files_dir / str(case.person_id)).iterdir():
        file.unlink()
    browser(house, house.operator).post("/settings/models/use", data={"pack": SECOND})
    build(house)
    with house.rooms.database.write() as session:
        token = house.rooms.accounts.open_person_session(
            session, case.person_id, case.organisation_id
        )
    client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
    client.headers["Authorization"] = f"Bearer {token}"
    for path in ("/my", "/my/photos"):
        assert "Please add one more photo" in client.get(path).text
    advocate = browser(house, house.reviewers[0])
    assert "needs a new photo" in advocate.get("/cases").text
    shown = advocate.get(f"/cases/{case.person_id}").text
    assert "would not be found by their face any more" in shown
    assert "no longer kept here" in shown
    assert person.person_id == case.person_id
