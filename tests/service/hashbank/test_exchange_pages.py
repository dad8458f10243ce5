"""The pages of lists, connections, programmes and hand-over, used without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from service.accounts.actor import Actor
from service.app import create_web
from service.enrolment.own_services import OWN_SERVICES
from service.hashbank.exchange.hits import SeenPlace
from service.hashbank.exchange.models import HashConnection, HashList
from service.hashbank.exchange.views import Listed, ListMatch
from tests.service.candidates.test_candidate_pages import sign_in
from tests.service.candidates.test_people_api import Api
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import House, hashes_of, make_person
from tests.service.hashbank.exchange_factory import HmaPeer, add_list, connect, hma_peer, listed
from tests.service.hashbank.test_hma_peer import allow
from tests.service.web.page_client import PageClient

PDQ = "ab" * 32


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


@pytest.fixture
def peer(house: House) -> Iterator[HmaPeer]:
    with hma_peer(token="a-secret-token") as serving:
        allow(house, serving)
        serving.bank("NCII")
        yield serving


def as_person(house: House, browser: Browser) -> tuple[Actor, str]:
    person, case = make_person(house)
    with house.rooms.database.write() as session:
        house.rooms.hashbank.add_known(
            session, person, case.person_id, "given", hashes_of(b"given")
        )
    sign_in(house, browser, person)
    return person, str(case.person_id)


class TestLists:
    def test_from_adding_a_list_to_its_removal(self, house: House, browser: Browser) -> None:
        sign_in(house, browser, house.operator)
        assert "There is no list yet." in browser.open("/hash-lists")
        typed = {
            "name": "Partners <b>",
            "action": "match",
            "given_by": "A partner",
            "terms": "Agreement",
            "signed_by": "Olga O.",
        }
        words = browser.submit("/hash-lists", typed, status=422)
        assert "Please tick the statement" in words
        assert browser.page.xpath("//input[@id='name']/@value").get() == "Partners <b>"
        assert not browser.page.xpath("//input[@name='agreed']/@checked")
        words = browser.submit("/hash-lists", {**typed, "agreed": "on"})
        assert "Partners <b>" in words
        with house.rooms.database.read() as session:
            list_id = session.scalars(select(HashList.id)).one()
        page = f"/hash-lists/{list_id}"

        def import_file(content: bytes, status: int = 200, **fields: str) -> str:
            return browser.submit(
                f"{page}/import",
                fields,
                files=[("file", ("list.txt", content, "text/plain"))],
                status=status,
            )

        words = import_file(b"pdq broken\n", 422)
        assert "Line 1: This is no PDQ hash. Nothing was changed." in words
        words = import_file(f"pdq {PDQ}\nphotodna x\n".encode())
        assert "1 added, 0 removed; 1 in force." in words
        assert "1 photodna" in words
        words = import_file(("cd" * 32).encode(), kind="pdq", whole="on")
        assert "1 added, 1 removed; 1 in force." in words
        assert "Please choose what" not in words
        assert "stop: may show somebody under 18" in browser.submit(
            f"{page}/action", {"action": "stop"}
        )
        assert "There is no list yet." in browser.submit(f"{page}/remove")

    def test_an_advocate_reads_and_changes_nothing(self, house: House, browser: Browser) -> None:
        view = listed(house, "match", f"pdq {PDQ}")
        sign_in(house, browser, house.reviewers[0])
        assert view.name in browser.open("/hash-lists")
        assert not browser.page.xpath("//main//form")
        browser.open(f"/hash-lists/{view.id}", 403)
        assert "Nothing was found from lists." in browser.open("/found-from-lists")

    def test_what_was_found_is_told_by_role(self, house: House, browser: Browser) -> None:
        rooms = house.rooms
        told = {action: listed(house, action, f"pdq {PDQ}") for action in ("match", "stop")}
        with rooms.database.write() as session:
            for action, view in told.items():
                match = ListMatch(view.id, view.name, view.action, "pdq", 3)
                place = SeenPlace(f"http://site.test/{action}\u202e.png", None, "site.test", None)
                rooms.exchange.hits.record(
                    session, house.organisation_id, Listed((match,)), place, None
                )
        sign_in(house, browser, house.reviewers[0])
        browser.open("/candidates")
        (link,) = browser.page.xpath("//nav//a[@href='/found-from-lists']/text()").getall()
        assert link == "From lists", "an advocate finds it from every page"
        words = browser.open("/found-from-lists")
        assert "http://site.test/match�.png" in words
        assert "looks alike: 3 of 256 bits differ" in words
        assert "http://site.test/stop" not in words
        sign_in(house, browser, house.operator)
        words = browser.open("/candidates/halted")
        assert "http://site.test/stop�.png" in words
        assert "http://site.test/match" not in words
        assert "report.cybertip.org" in words
        assert not browser.page.xpath("//main//img | //main//a[contains(@href, 'site.test')]")
        browser.open("/found-from-lists", 403)


class TestConnections:
    def test_a_server_is_connected_checked_given_new_credentials_and_closed(
        self, house: House, browser: Browser, peer: HmaPeer
    ) -> None:
        sign_in(house, browser, house.operator)
        browser.open("/hash-connections")
        # the first form is that of the servers
        typed = {
            "name": "Peer",
            "run_by": "A partner",
            "terms": "Agreement",
            "signed_by": "Olga O.",
            "agreed": "on",
            "address": peer.address,
            "credential_1": "a-wrong-token",
        }
        words = browser.submit("/hash-connections", typed)
        assert "a-wrong-token" not in browser.response.text  # type: ignore[union-attr]
        assert "Credentials kept" in " ".join(words.split())
        with house.rooms.database.read() as session:
            row = session.scalars(select(HashConnection)).one()
        page = f"/hash-connections/{row.id}"
        assert "credentials are not accepted" in browser.submit(f"{page}/check", status=502)
        browser.submit(f"{page}/credentials", {"credential_1": "a-secret-token"})
        words = browser.submit(f"{page}/check")
        assert "Banks: NCII." in words
        assert "a-secret-token" not in browser.response.text  # type: ignore[union-attr]
        add_list(house, connection_id=row.id, selection="NCII", name="Bank")
        words = browser.submit(f"{page}/close", status=409)
        assert "Lists are fetched over this connection: remove them first." in words
        assert "Servers and programmes" in words, "on the page, not on one that leads nowhere"
        words = browser.submit(f"{page}/credentials", {"credential_1": "a\nb"}, status=422)
        assert "on one line" in words
        with house.rooms.database.read() as session:
            (view,) = house.rooms.exchange.lists.lists(session, house.operator)
        browser.open(f"/hash-lists/{view.id}")
        assert "0 in force" in browser.submit(f"/hash-lists/{view.id}/fetch")
        browser.submit(f"/hash-lists/{view.id}/remove")
        browser.open("/hash-connections")
        assert "Nothing is connected yet." in browser.submit(f"{page}/close")
        with house.rooms.database.read() as session:
            closed = session.get(HashConnection, row.id)
            assert closed is not None
            assert closed.secret is None

    def test_only_operators_come_here(self, house: House, browser: Browser) -> None:
        sign_in(house, browser, house.reviewers[0])
        browser.open("/hash-connections", 403)


class TestProgrammes:
    def test_the_person_signs_the_advocate_hands_over_the_person_withdraws(
        self, house: House, browser: Browser
    ) -> None:
        connect(house, "partner", takes_exports=True, name="Partner bank")
        person, person_id = as_person(house, browser)
        words = browser.open("/my/programmes")
        assert "What can be undone" in words
        assert not browser.page.xpath("//input[@name='agreed']/@checked")
        words = browser.submit("/my/programmes", {"signature_name": "Ada L."}, status=422)
        assert "Please tick the statement if you agree" in words
        (opened,) = browser.page.xpath("//details[@open]")
        assert opened.xpath(".//input[@name='signature_name']/@value").get() == "Ada L."
        words = browser.submit("/my/programmes", {"signature_name": "Ada L.", "agreed": "on"})
        assert "signed “Ada L.”" in words

        sign_in(house, browser, house.reviewers[0])
        page = f"/cases/{person_id}/programmes"
        assert "2 hashes could be handed over" in browser.open(page)
        action = browser.page.xpath("//form[contains(@action, '/programmes/')]/@action").get()
        assert action is not None
        assert "tick the statement" in browser.submit(action, {"form": "csv"}, status=422)
        browser.submit(action, {"form": "csv", "statement": "on"})
        answer = browser.response
        assert answer is not None
        assert answer.headers["content-disposition"].startswith('attachment; filename="hashes-')
        assert hashes_of(b"given").pdq in answer.text

        sign_in(house, browser, person)
        assert "2 fingerprints, CSV file (handed over)" in browser.open("/my/programmes")
        words = browser.submit("/my/programmes")
        assert "Off: withdrawn" in words
        assert "What was handed over lies there still." in words

        sign_in(house, browser, house.reviewers[0])
        assert "What was handed over lies there without consent." in browser.open(page)
        browser.submit(f"{action}/take-back")
        assert browser.response is not None
        assert 'filename="remove-' in browser.response.headers["content-disposition"]
        assert "taken back" in browser.open(page)

    def test_withdrawing_takes_out_of_the_bank_at_once(
        self, house: House, browser: Browser, peer: HmaPeer
    ) -> None:
        connect(
            house,
            "hma",
            address=peer.address,
            bank="NCII",
            takes_exports=True,
            credentials={"token": "a-secret-token"},
        )
        person, person_id = as_person(house, browser)
        browser.open("/my/programmes")
        browser.submit("/my/programmes", {"signature_name": "Ada", "agreed": "on"})
        sign_in(house, browser, house.reviewers[0])
        browser.open(f"/cases/{person_id}/programmes")
        action = browser.page.xpath("//form[contains(@action, '/programmes/')]/@action").get()
        assert action is not None
        browser.submit(action, {"form": "push", "statement": "on"})
        assert len(peer.banks["NCII"]) == 1
        sign_in(house, browser, person)
        browser.open("/my/programmes")
        words = browser.submit("/my/programmes")
        assert peer.banks["NCII"] == {}
        assert "deleted from the bank" in words

    def test_an_operator_and_an_advocate_elsewhere_see_no_case(
        self, house: House, browser: Browser
    ) -> None:
        _, person_id = as_person(house, browser)
        sign_in(house, browser, house.operator)
        browser.open(f"/cases/{person_id}/programmes", 403)
        sign_in(house, browser, house.new_staff(house.new_organisation("Elsewhere")))
        browser.open(f"/cases/{person_id}/programmes", 404)


class TestHandOver:
    def test_the_services_are_told_with_their_steps_and_a_note_is_kept(
        self, house: House, browser: Browser
    ) -> None:
        _, person_id = as_person(house, browser)
        words = browser.open("/my/hand-over")
        assert "case number and a PIN" in words
        for service in OWN_SERVICES:
            link = browser.page.xpath(f"//a[@href='{service.link}']")
            assert link.attrib["rel"] == "noreferrer noopener"
        assert not browser.page.xpath("//iframe | //img | //script[contains(@src, '://')]")
        assert not browser.page.xpath("//meta[@http-equiv]")
        words = browser.submit("/my/hand-over", {"done_on": "2027-02-27"})
        assert "You noted that you did this on 2027-02-27." in words
        sign_in(house, browser, house.reviewers[0])
        words = browser.open(f"/cases/{person_id}/programmes")
        assert "StopNCII.org: done on 2027-02-27, says the person" in words

    def test_a_note_is_taken_back(self, house: House, browser: Browser) -> None:
        as_person(house, browser)
        browser.open("/my/hand-over")
        browser.submit("/my/hand-over", {"done_on": "2027-02-27"})
        words = browser.submit("/my/hand-over", {"forget": "yes"})
        assert "You noted" not in words

    def test_minors_are_led_to_the_same_services(self, house: House, browser: Browser) -> None:
        browser.open("/enrol")
        action = browser.page.xpath("//form[contains(@action, '/enrol')]/@action").get()
        assert action is not None
        words = browser.submit(action, {"adult_now": "no", "minor_in_pictures": "no"})
        assert "Take It Down" in words
        assert "Report Remove" in words
        assert "StopNCII.org" not in words.replace("not even StopNCII.org", "")
        links = browser.page.xpath("//main//a[starts-with(@href, 'http')]/@href").getall()
        assert links == [each.link for each in OWN_SERVICES if each.for_minors]


def test_no_form_works_without_its_token(house: House) -> None:
    view = listed(house, "match", f"pdq {PDQ}")
    over = connect(house, "partner", takes_exports=True)
    client = PageClient(create_web(house.rooms))
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session,
            house.operator.role,
            house.organisation_id,
            account_id=house.operator.account_id,
        )
    client.http.cookies.set("session", token, domain="127.0.0.1")
    for path in (
        "/hash-lists",
        f"/hash-lists/{view.id}/remove",
        f"/hash-lists/{view.id}/action",
        "/hash-connections",
        f"/hash-connections/{over.id}/close",
        "/my/programmes",
        "/my/hand-over",
    ):
        assert client.post(path, csrf="").status_code == 403, path
    with house.rooms.database.read() as session:
        assert session.get(HashList, view.id) is not None


def test_the_same_by_api(house: House) -> None:
    connect(house, "partner", takes_exports=True, name="Partner bank")
    api, person_api = Api(house), Api(house)
    api.as_staff(house.operator)
    body = {
        "name": "By API",
        "action": "match",
        "given_by": "A partner",
        "terms": "Agreement",
        "signed_by": "Olga O.",
        "entitled": False,
    }
    assert api.call("POST", "/hash-lists", 422, json=body)["code"] == "not_entitled"
    added = api.call("POST", "/hash-lists", 201, json={**body, "entitled": True})
    at = f"/hash-lists/{added['list_id']}"
    file = {"file": ("list.txt", f"pdq {PDQ}\npdq x".encode())}
    assert api.call("POST", f"{at}/file", 422, files=file)["message"].startswith("Line 2:")
    file = {"file": ("list.txt", PDQ.encode())}
    assert api.call("POST", f"{at}/file?kind=pdq", 200, files=file)["entries"] == 1
    api.call("POST", f"{at}/file?kind=what", 422, files=file)
    api.call("POST", f"{at}/fetch", 409)
    assert api.call("GET", "/hash-lists", 200)[0]["entries"] == {"pdq": 1, "sha256": 0, "md5": 0}
    assert api.call("GET", "/hash-lists/to-report", 200) == []
    api.call("GET", "/found-from-lists", 403)
    api.call("DELETE", at, 204)
    api.as_staff(house.reviewers[0])
    assert api.call("GET", "/found-from-lists", 200) == []
    api.call("POST", "/hash-lists", 403, json=body)

    _, case = make_person(house)
    with house.rooms.database.write() as session:
        person_api.token = house.rooms.accounts.open_person_session(
            session, case.person_id, case.organisation_id
        )
    (programme,) = person_api.call("GET", "/my/programmes", 200)
    assert (programme["name"], programme["agreed"]) == ("Partner bank", False)
    say = {"programme_id": programme["programme_id"], "agree": True, "signature_name": "Ada"}
    person_api.call("POST", "/my/programmes", 204, json=say)
    person_api.call("POST", "/my/programmes", 409, json=say)
    assert person_api.call("GET", "/my/programmes", 200)[0]["agreed"]
    person_api.call("POST", "/my/programmes", 204, json={**say, "agree": False})
    assert [each["service"] for each in person_api.call("GET", "/my/hand-over", 200)] == [
        service.key for service in OWN_SERVICES
    ]


def test_credentials_are_nowhere_but_in_the_vaults_seal(
    house: House, peer: HmaPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    caplog.set_level(logging.DEBUG)
    over = connect(
        house,
        "hma",
        address=peer.address,
        bank="NCII",
        takes_exports=True,
        credentials={"token": "a-secret-token"},
    )
    fetched = connect(house, "hma", address=peer.address, credentials={"token": "a-secret-token"})
    view = add_list(house, connection_id=fetched.id, selection="NCII")
    rooms = house.rooms
    rooms.exchange.lists.fetch(rooms.database, house.operator, view.id)
    rooms.exchange.peers.status(rooms.database, house.operator, over.id)
    peer.token = "another"
    rooms.exchange.lists.fetch_due(rooms.database)
    house.clock.advance(hours=7)
    assert rooms.exchange.lists.fetch_due(rooms.database) == 0
    secret = b"a-secret-token"
    assert secret.decode() not in caplog.text
    assert secret.decode() not in repr((over, fetched, rooms.exchange))
    rooms.database.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    for path in files:
        assert secret not in path.read_bytes(), path
