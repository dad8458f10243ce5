"""The urgent lane through the real web: pasted link, exhibit, complete, signed and filed notice."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from parsel import Selector

from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.service.notices.lane_factory import MEDIUM, PAGE, Lane

FACTS = "I never agreed that this is shown to anybody."
ELEMENTS = {
    "individual": "A. B.",
    "nonconsent_facts": FACTS,
    "contact_name": "Alex Advocate",
    "contact_email": "alex@helpline.test",
    "receiver_name": "Trust team",
    "receiver_contact": "https://site.test/report",
    "uploader": "someone",
    "post_id": "12",
}
TICKS = ["depicted", "not_consensual", "authorised"]


@pytest.fixture
def lane(tmp_path: Path, sqlite_template: SqliteTemplate, clock: SettableClock) -> Lane:
    return Lane(sqlite_template.new_migrated_url(tmp_path), tmp_path, clock)


def test_a_pasted_link_becomes_a_signed_and_filed_notice(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    browser = lane.browser(lane.advocate)
    browser.get("/exhibits")
    assert f"/exhibits/{exhibit_id}" in browser.page
    browser.get(f"/exhibits/{exhibit_id}")
    assert "Sealed" in browser.page
    assert MEDIUM in browser.page
    browser.post(f"/exhibits/{exhibit_id}/verify")
    assert "sealed by a signer whom you trust" in browser.page

    browser.get(f"/notices/new?exhibit={exhibit_id}")
    browser.post("/notices", {"exhibit": str(exhibit_id), "host": "site.test"})
    found = re.search(r'action="(/notices/[0-9a-f-]{36})"', browser.page)
    assert found is not None
    path = found[1]
    assert "Still missing" in browser.page

    browser.post(path, ELEMENTS)
    assert "Still missing" not in browser.page
    browser.post(f"{path}/sign", {"signature_name": "Alex Advocate", "statement": TICKS})
    assert "Download PDF" in browser.page
    pdf = browser.client.get(f"{path}/notice.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["cache-control"] == "no-store"
    assert pdf.headers["content-disposition"].startswith("attachment")
    notice = json.loads(browser.client.get(f"{path}/notice.json").content)["notice"]
    [item] = notice["items"]
    assert (item["media_url"], item["page_url"], item["uploader"]) == (MEDIUM, PAGE, "someone")
    assert notice["receiver"] == "Trust team (https://site.test/report)"

    lane.house.clock.advance(minutes=10)
    at = lane.house.clock.now().strftime("%Y-%m-%dT%H:%M")
    browser.post(
        f"{path}/filing",
        {"how": "form", "filed_at": at, "received_at": at, "reference": "No. 12"},
        files={"proof": ("confirmation.png", b"a screenshot", "image/png")},
    )
    assert "Due Wednesday 03 March 2027" in browser.page
    proof = browser.client.get(f"{path}/proof")
    assert proof.content == b"a screenshot"
    assert proof.headers["content-type"] == "application/octet-stream"
    assert "Due Wednesday" in browser.get("/notices")


def test_no_statement_is_ticked_on_the_page_also_after_a_refusal(lane: Lane) -> None:
    browser = lane.browser(lane.advocate)
    exhibit_id = lane.pasted()
    browser.get("/notices/new")
    browser.post("/notices", {"exhibit": str(exhibit_id)})
    path = re.findall(r'action="(/notices/[0-9a-f-]{36})"', browser.page)[0]
    assert _ticked(browser.page) == []
    browser.post(f"{path}/sign", {"signature_name": "", "statement": TICKS[:1]}, status=422)
    assert 'id="missing"' in browser.page
    assert "not ticked" in browser.page
    assert _ticked(browser.page) == []
    assert browser.page.count('name="statement"') == 3


def test_signing_saves_what_was_typed_and_keeps_it_when_it_is_refused(lane: Lane) -> None:
    browser = lane.browser(lane.advocate)
    exhibit_id = lane.pasted()
    browser.get("/notices/new")
    browser.post("/notices", {"exhibit": str(exhibit_id)})
    [form] = Selector(browser.page).xpath("//form[.//*[@name='nonconsent_facts']]")
    path = form.attrib["action"]
    assert form.xpath(".//button/text()").getall() == ["Save", "Sign the notice"]
    assert form.xpath(".//button/@formaction").getall() == [f"{path}/sign"]
    hidden = {
        one.attrib["name"]: one.attrib["value"]
        for one in form.xpath(".//input[@type='hidden'][@name!='csrf']")
    }
    typed = {**hidden, **ELEMENTS}
    browser.post(f"{path}/sign", {**typed, "statement": TICKS}, status=422)
    for words in ELEMENTS.values():
        assert words in browser.page
    assert _ticked(browser.page) == []
    typed["nonconsent_facts"] = "It was taken from a private album."
    browser.post(f"{path}/sign", {**typed, "signature_name": "Alex Advocate", "statement": TICKS})
    notice = browser.client.get(f"{path}/notice.json").text
    assert "It was taken from a private album." in notice


def _ticked(page: str) -> list[str]:
    boxes = re.findall(r"<input[^>]*type=\"checkbox\"[^>]*>", page)
    return [box for box in boxes if re.search(r"\bchecked\b", box)]


def test_the_person_signs_their_own_notice_on_the_page(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    advocate = lane.browser(lane.advocate)
    advocate.get("/notices/new")
    advocate.post("/notices", {"exhibit": str(exhibit_id)})
    path = re.findall(r'action="(/notices/[0-9a-f-]{36})"', advocate.page)[0]
    advocate.post(path, ELEMENTS)
    person = lane.browser(lane.person)
    person.get(path)
    assert person.page.count('name="statement"') == 2
    assert "depiction of me" in person.page
    person.post(f"{path}/sign", {"signature_name": "Ada L.", "statement": TICKS[:2]})
    assert "the identifiable individual" in person.page


def test_hostile_addresses_and_words_are_text_on_the_page(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    browser = lane.browser(lane.advocate)
    browser.get("/notices/new")
    browser.post("/notices", {"exhibit": str(exhibit_id)})
    path = re.findall(r'action="(/notices/[0-9a-f-]{36})"', browser.page)[0]
    evil = '<script>alert(1)</script>"><img src=x> \u202e #read("/etc/passwd")'
    browser.post(path, {**ELEMENTS, "nonconsent_facts": evil, "uploader": evil})
    assert "<script>alert" not in browser.page
    assert "<img src=x>" not in browser.page
    assert html.escape("<script>alert(1)</script>", quote=False) in browser.page


def test_text_that_is_too_long_is_said_on_the_page(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    browser = lane.browser(lane.advocate)
    browser.get("/notices/new")
    browser.post("/notices", {"exhibit": str(exhibit_id)})
    path = re.findall(r'action="(/notices/[0-9a-f-]{36})"', browser.page)[0]
    browser.post(path, {**ELEMENTS, "nonconsent_facts": "x" * 5000}, status=422)
    assert "at most 4000" in browser.page


def test_strangers_and_operators_get_nothing(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    stranger = lane.house.new_staff(lane.house.new_organisation("Other"))
    with lane.rooms.database.write() as session:
        notice_id = lane.rooms.notices.draft(session, lane.advocate, [exhibit_id])
    for actor in (stranger, lane.house.operator):
        browser = lane.browser(actor)
        for path in (f"/notices/{notice_id}", f"/notices/{notice_id}/notice.pdf"):
            assert browser.client.get(path).status_code == 404
        for path in (f"/exhibits/{exhibit_id}", f"/exhibits/{exhibit_id}/bundle"):
            assert browser.client.get(path).status_code in (403, 404)
        assert browser.api("GET", f"/exhibits/{exhibit_id}", status=404)
        assert browser.api("GET", "/notices") == []


def test_the_api_does_the_same(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    browser = lane.browser(lane.advocate)
    [exhibit] = browser.api("GET", "/exhibits")
    assert exhibit["state"] == "sealed"
    detail = browser.api("GET", f"/exhibits/{exhibit_id}")
    assert detail["custody_defects"] == []
    assert browser.api("POST", f"/exhibits/{exhibit_id}/verification")["outcome"] == (
        "intact_and_trusted"
    )
    bundle = browser.api("GET", f"/exhibits/{exhibit_id}/bundle")
    signer = browser.api("GET", "/signer")
    trust = Trust(frozenset({signer["fingerprint"]}))
    assert verify_bundle(bundle, trust).outcome is Outcome.TRUSTED

    notice = browser.api("POST", "/notices", 201, json={"exhibit_ids": [str(exhibit_id)]})
    path = f"/notices/{notice['id']}"
    assert set(notice["statements"]) == set(TICKS)
    wrong = {"signature_name": "Alex Advocate", "statements": TICKS}
    refused = browser.api("POST", f"{path}/signature", 422, json=wrong)
    assert refused["code"] == "notice_incomplete"
    change = {"nonconsent_facts": FACTS, "contact_name": "Alex A.", "contact_email": "a@b.test"}
    browser.api("PATCH", path, json=change)
    assert browser.api("POST", f"{path}/signature", json=wrong)["state"] == "signed"
    assert browser.api("GET", f"{path}/notice.pdf").startswith(b"%PDF-")
    at = lane.house.clock.now().isoformat()
    naive = {"how": "form", "filed_at": at[:19]}
    assert browser.api("POST", f"{path}/filing", 422, json=naive)["code"] == "invalid_input"
    browser.api("POST", f"{path}/filing", json={"how": "form", "filed_at": at})
    received = browser.api("POST", f"{path}/receipt", json={"received_at": at})
    assert received["due"].startswith("Due ")
    assert [law["id"] for law in browser.api("GET", "/regimes")] == ["us-take-it-down"]


def test_a_pasted_page_is_evidence_of_a_page(lane: Lane) -> None:
    exhibit_id = lane.pasted(page="", medium=PAGE, content_type="text/html; charset=utf-8")
    with lane.rooms.database.read() as session:
        view = lane.rooms.exhibits.exhibit(session, lane.advocate, exhibit_id)
    assert (view.page_url, view.media_url, view.medium_sha256) == (PAGE, None, None)
    assert any("Only the page" in note for note in view.notes)


def test_what_was_pasted_is_examined_for_that_person_alone(lane: Lane) -> None:
    lane.pasted()
    assert lane.house.eyes.examined_for == [str(lane.person.person_id)]


def test_a_bundle_names_neither_the_person_nor_whoever_confirmed(lane: Lane) -> None:
    exhibit_id = lane.pasted()
    with lane.rooms.database.write() as session:
        content = lane.rooms.exhibits.bundle(session, lane.advocate, exhibit_id)
    for name in (b"Ada", b"ada@example.org", b"Somebody", str(lane.person.person_id).encode()):
        assert name not in content


def test_the_story_of_a_case_tells_of_evidence_and_notices(lane: Lane) -> None:
    lane.pasted()
    assert lane.person.person_id is not None
    with lane.rooms.database.read() as session:
        story = lane.rooms.exhibits.story(session, lane.person, lane.person.person_id)
    assert [event.words for event in story] == ["Evidence of a find was sealed."]
