"""Every route with an id in it, asked by everybody who may not see what the id names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.app import create_web
from service.candidates.intake import GivenDeclaration
from service.candidates.models import FaceFlood
from service.candidates.names_models import NameFlood
from service.hashbank.exchange.connections import ConnectionDraft
from service.hashbank.exchange.list_service import ListDraft
from service.sources.site_draft import SiteDraft
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.service.candidates.finds_factory import (
    person_says,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.people_factory import (
    MODEL,
    House,
    face_finding,
    hashes_of,
    make_house,
    make_person,
)
from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait

PUBLIC = {
    # one-time links and receipts: the token or number itself is what lets somebody in
    "/setup/{token}",
    "/invitations/{token}",
    "/new-password/{token}",
    "/erasure-receipts/{receipt_id}.json",
}
REFUSED = {401, 403, 404}
OF_A_PERSON = frozenset(
    {"person_id", "candidate_id", "exhibit_id", "notice_id", "known_id", "name_id", "photo_id"}
)


@dataclass
class World:
    """A house with one of everything, and somebody else for each role."""

    house: House
    client: TestClient
    app: FastAPI
    ids: dict[str, uuid.UUID]
    outsiders: dict[str, str]


@pytest.fixture(scope="module")
def world(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    house = make_house(sqlite_template.new_migrated_url(folder), folder, SettableClock())
    ids = one_of_everything(house)
    app = create_web(house.rooms)
    yield World(house, TestClient(app, base_url="http://127.0.0.1:8000"), app, ids, others(house))
    house.rooms.close()


def one_of_everything(house: House) -> dict[str, uuid.UUID]:
    rooms, database = house.rooms, house.rooms.database
    person, case = make_person(house)
    found = record_face(house, case.person_id, sees_medium(house, b"found"), b"found")
    with database.read() as session:
        (first,) = rooms.exhibits.captures_to_hold(session)
    assert rooms.exhibits.hold(database, MadeUpCapturer(), NoWait(), first).state == "held"
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, found, "same")
    person_says(house, person, found, "same")
    with database.write() as session:
        (waiting,) = rooms.intake.add_links(
            session, person, case.person_id, ["site.test/1.jpg"], GivenDeclaration("Ada", True)
        )
        (exhibit,) = rooms.exhibits.exhibits_of(session, person, found)
    assert rooms.exhibits.seal(database, exhibit.exhibit_id).state == "sealed"
    with database.write() as session:
        notice = rooms.notices.draft(session, house.reviewers[0], [exhibit.exhibit_id])
        known = rooms.hashbank.add_known(
            session, person, case.person_id, "given", hashes_of(b"given")
        )
        (photo,) = rooms.enrolment.person_view(session, person, case.person_id).photos
        site = rooms.sources.add_site(session, house.operator, site_of_a_test())
        run = rooms.sources.start_run(session, house.operator, site.id)
        report = rooms.periods.keep_last(session, house.operator, "day")
        connection = rooms.exchange.connections.add(
            session,
            house.operator,
            ConnectionDraft(
                "A partner", "partner", "them", "agreed", "Olga", agreed=True, takes_exports=True
            ),
        )
        listed = rooms.exchange.lists.add(
            session,
            house.operator,
            ListDraft("A list", "match", "them", "agreed", "Olga", agreed=True),
        )
        name = rooms.enrolment.names.choose(
            session, person, case.person_id, "Ada Lovelace", "posts", statement_ticked=True
        )
        rooms.accounts.invite(session, house.operator, Role.ADVOCATE)
        (invitation,) = rooms.accounts.open_invitations(session, house.operator)
    assert house.untrained.account_id is not None
    return {
        "person_id": case.person_id,
        "candidate_id": waiting,
        "exhibit_id": exhibit.exhibit_id,
        "notice_id": notice,
        "known_id": known,
        "name_id": name,
        "photo_id": photo.photo_id,
        "list_id": listed.id,
        "connection_id": connection.id,
        "site_id": site.id,
        "run_id": run.id,
        "report_id": report,
        "invitation_id": invitation.id,
        "account_id": house.untrained.account_id,
        "reviewer": house.untrained.account_id,
        **what_rests(house, case.person_id, name),
    }


def what_rests(house: House, person_id: uuid.UUID, name_id: uuid.UUID) -> dict[str, uuid.UUID]:
    """A limit for look-alikes, a search and a name that rest, as finds bring them about."""
    rooms, system = house.rooms, Actor.system("test", house.organisation_id)
    face = face_finding(person_id).faces[0]
    with rooms.database.write() as session:
        rooms.candidates.look_alikes.dismissed(session, person_id, "site.test", face, MODEL)
        flood = FaceFlood(
            id=uuid.uuid4(),
            organisation_id=house.organisation_id,
            person_id=person_id,
            state="open",
            finds=50,
            sites=9,
            not_made=0,
            began_at=house.clock.now(),
        )
        of_name = NameFlood(
            id=uuid.uuid4(),
            organisation_id=house.organisation_id,
            person_id=person_id,
            name_id=name_id,
            state="open",
            finds=50,
            sites=9,
            not_made=0,
            began_at=house.clock.now(),
        )
        session.add_all((flood, of_name))
        session.flush()
        (limit,) = rooms.candidates.look_alikes.of_person(session, system, person_id)
        return {
            "flood_id": flood.id,
            "name_flood_id": of_name.id,
            "limit_id": limit.limit_id,
        }


def site_of_a_test() -> SiteDraft:
    return SiteDraft(
        name="A forum",
        seeds=("http://forum.example/start",),
        allowed_hosts=("forum.example",),
        purpose="to find what was spread there",
        legal_basis="the release of each person",
    )


def others(house: House) -> dict[str, str]:
    """Session tokens of everybody who may not see the house's one of everything."""
    elsewhere = house.new_organisation("Elsewhere")
    stranger, _ = make_person(house, photos=(b"face:bea#1",))
    foreigner, _ = make_person(house, photos=(b"face:cleo#1",), organisation_id=elsewhere)
    asked = {
        "another person": stranger,
        "a person elsewhere": foreigner,
        "an advocate elsewhere": house.new_staff(elsewhere),
        "an operator elsewhere": house.new_staff(elsewhere, Role.OPERATOR),
    }
    with house.rooms.database.write() as session:
        return {who: token_of(session, house, actor) for who, actor in asked.items()}


def token_of(session: Session, house: House, actor: Actor) -> str:
    assert actor.organisation_id is not None
    _, token = house.rooms.accounts.sessions.open(
        session,
        actor.role,
        actor.organisation_id,
        account_id=actor.account_id,
        person_id=actor.person_id,
    )
    return token


def routes_with_ids(app: FastAPI) -> list[tuple[str, str]]:
    found = [
        (method, str(context.path))
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and "{" in str(context.path)
        for method in sorted(context.original_route.methods or ())
    ]
    return [(method, path) for method, path in found if path not in PUBLIC]


def body_of(world: World, method: str, path: str) -> dict[str, Any]:
    """An example of the route's body, so that nothing is refused for its form alone."""
    if not path.startswith("/api/"):
        one = world.ids
        form = {
            "reviewer": str(one["reviewer"]),
            "reason": "why",
            "decision": "refuse",
            "how": "form",
            "filed_at": "2027-03-01T09:00",
            "received_at": "2027-03-01T09:00",
        }
        if path.endswith("/files"):
            return {"data": form, "files": {"file": ("saved.jpg", b"payload", "image/jpeg")}}
        return {"data": form} if method == "POST" else {}
    schema = world.app.openapi()
    operation = schema["paths"][path][method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"files": {"file": ("saved.jpg", b"payload", "image/jpeg")}}
    if "application/json" not in content:
        return {}
    reference = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return {"json": schema["components"]["schemas"][reference]["examples"][0]}


def refused_by_all(world: World, token: str, ids: frozenset[str]) -> list[tuple[object, ...]]:
    """Which routes with one of these ids let the token's holder in."""
    let_in: list[tuple[object, ...]] = []
    for method, path in routes_with_ids(world.app):
        names = set(re.findall(r"{(\w+)}", path))
        assert names <= set(world.ids), f"{path}: what is its id?"
        if not names & ids:
            continue
        answer = world.client.request(
            method,
            path.format(**{name: str(world.ids[name]) for name in names}),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            follow_redirects=False,
            **body_of(world, method, path),
        )
        to_sign_in = answer.headers.get("location", "").endswith("/sign-in")
        if answer.status_code not in REFUSED and not (answer.status_code == 303 and to_sign_in):
            let_in.append((method, path, answer.status_code, answer.text[:200]))
    return let_in


@pytest.mark.parametrize(
    "who",
    [
        "another person",
        "a person elsewhere",
        "an advocate elsewhere",
        "an operator elsewhere",
        "somebody whose session is none",
        "nobody",
    ],
)
def test_no_route_shows_or_changes_what_is_somebody_elses(world: World, who: str) -> None:
    assert len(routes_with_ids(world.app)) > 60
    token = {"nobody": "", "somebody whose session is none": "x" * 43}.get(who)
    token = world.outsiders[who] if token is None else token
    assert not refused_by_all(world, token, frozenset(world.ids))


def test_an_operator_reaches_nothing_of_any_person(world: World) -> None:
    with world.house.rooms.database.write() as session:
        token = token_of(session, world.house, world.house.operator)
    assert not refused_by_all(world, token, OF_A_PERSON)


def test_without_a_live_mandate_an_advocate_reaches_nothing_of_the_person(world: World) -> None:
    house, person_id = world.house, world.ids["person_id"]
    person = Actor(Role.PERSON, house.organisation_id, person_id=person_id)
    with house.rooms.database.write() as session:
        token = token_of(session, house, house.reviewers[0])
    house.rooms.enrolment.consent.withdraw_mandate(
        house.rooms.database, person, house.eyes, person_id
    )
    assert not refused_by_all(world, token, OF_A_PERSON)
