"""From exhibits to a signed and filed notice, and everything that refuses to be made."""

from __future__ import annotations

import ast
import dataclasses
import json
import uuid
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select

import service.notices
import service.notices.signing
from service.accounts.actor import Role
from service.database import Database
from service.enrolment.models import Mandate
from service.errors import InvalidInputError, NotAllowedError, NotFoundError
from service.exhibits.finds import SeenAddress
from service.exhibits.manifest import canonical_json
from service.notices.errors import (
    ExhibitsDoNotFitError,
    FilingTimeError,
    IncompleteNoticeError,
    MandateNeededError,
    NotADraftError,
    NotSignedError,
    UnknownRegimeError,
    UnsealedExhibitError,
    WithdrawnExhibitError,
)
from service.notices.filing import Filing
from service.notices.models import Notice, NoticeItem
from service.notices.regimes import US_TAKE_IT_DOWN
from service.notices.service import ItemDetails, NoticeChange
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.exhibits.evidence_factory import MEDIUM, PAGE, MadeUpCapturer
from tests.service.notices.notice_factory import COMPLETE, NAME, TICKS, Notices


@pytest.fixture
def room(sqlite_database: Database, vault: Vault, clock: SettableClock) -> Notices:
    return Notices(sqlite_database, vault, clock)


@pytest.fixture
def both(database: Database, vault: Vault, clock: SettableClock) -> Notices:
    return Notices(database, vault, clock)


def data_of(room: Notices, notice_id: uuid.UUID) -> dict[str, object]:
    with room.database.write() as session:
        content = room.notices.json(session, room.advocate, notice_id)
    data: dict[str, object] = json.loads(content)
    return data


def test_a_complete_notice_is_signed_as_pdf_and_json(both: Notices) -> None:
    notice_id = both.signed()
    with both.database.write() as session:
        pdf = both.notices.pdf(session, both.advocate, notice_id)
    data = data_of(both, notice_id)
    notice = data["notice"]
    assert pdf.startswith(b"%PDF-")
    assert isinstance(notice, dict)
    [item] = notice["items"]
    assert (item["media_url"], item["page_url"]) == (MEDIUM, PAGE)
    assert notice["contact"]["email"] == "alex@helpline.test"
    assert {one["id"] for one in notice["statements"]} == TICKS
    assert notice["signature"]["name"] == NAME
    assert notice["signature"]["authority"]["organisation"] == "The helpline"
    assert both.view(notice_id).state == "signed"
    assert both.view(notice_id).missing == ()


def test_the_json_carries_the_organisations_signature(room: Notices) -> None:
    data = data_of(room, room.signed())
    signer = data["signer"]
    assert isinstance(signer, dict)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer["public_key"]))
    key.verify(bytes.fromhex(str(data["signature"])), canonical_json(data["notice"]))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"nonconsent_facts": ""}, "nonconsent_facts"),
        ({"nonconsent_facts": "too short"}, "nonconsent_facts"),
        ({"contact_name": ""}, "contact.name"),
        ({"contact_email": "", "contact_phone": ""}, "contact.reach"),
        ({"contact_email": "not an address", "contact_phone": "12"}, "contact.reach"),
    ],
)
def test_signing_is_refused_for_each_missing_element(
    room: Notices, change: dict[str, str], missing: str
) -> None:
    notice_id = room.draft()
    room.change(notice_id, dataclasses.replace(COMPLETE, **change))
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id)
    assert [one.id for one in refused.value.missing] == [missing]
    assert all(one.source.startswith("47 U.S.C. 223a") for one in refused.value.missing)
    assert room.view(notice_id).state == "draft"
    assert room.view(notice_id).document.signature is None


@pytest.mark.parametrize("left_out", sorted(TICKS))
def test_signing_is_refused_for_each_statement_that_is_not_ticked(
    room: Notices, left_out: str
) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id, ticks=TICKS - {left_out})
    [one] = refused.value.missing
    assert one.id.endswith(f".{left_out}")


def test_signing_is_refused_without_a_name(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id, name="  ")
    assert [one.id for one in refused.value.missing] == ["signature.name"]


def test_the_refusal_lists_everything_at_once(room: Notices) -> None:
    notice_id = room.draft()
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id, name="", ticks=frozenset())
    elements = {one.id.split(".")[0] for one in refused.value.missing}
    assert elements == {"nonconsent_facts", "contact", "statements", "signature"}


def test_a_draft_says_what_it_lacks(room: Notices) -> None:
    view = room.view(room.draft())
    assert {one.id for one in view.missing_before_signing} == {
        "nonconsent_facts",
        "contact.name",
        "contact.reach",
    }
    assert room.change(view.notice_id).missing_before_signing == ()


def test_an_item_without_an_address_is_missing(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    with room.database.write() as session:
        row = session.get(Notice, notice_id)
        assert row is not None
        document = room.notices._sealed.open(row)
        [item] = document.items
        bare = msgspec.structs.replace(item, page_url=None, media_url=None)
        row.document = room.notices._sealed.seal(
            row.person_id, row.id, msgspec.structs.replace(document, items=(bare,))
        )
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id)
    assert [one.id for one in refused.value.missing] == ["items.1"]


def test_no_statement_is_ticked_in_a_draft(room: Notices) -> None:
    assert room.view(room.draft()).document.signature is None


def test_a_statement_that_does_not_exist_is_refused(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    with pytest.raises(InvalidInputError, match="No such statement"):
        room.sign(notice_id, ticks=TICKS | {"everything"})


def test_without_a_mandate_for_notices_none_is_drafted(room: Notices) -> None:
    person_id = room.make_person(room.organisation_id, may_notify=False)
    exhibit_id = room.sealed(person_id=person_id)
    with pytest.raises(MandateNeededError):
        room.draft(exhibit_id)


def test_a_mandate_that_ended_before_signing_refuses(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    room.clock.advance(days=101)
    with pytest.raises(NotFoundError):
        room.sign(notice_id)


def test_a_mandate_without_notices_that_came_later_refuses_the_signature(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    with room.database.write() as session:
        session.scalars(select(Mandate)).one().may_notify = False
    with pytest.raises(IncompleteNoticeError) as refused:
        room.sign(notice_id)
    assert [one.id for one in refused.value.missing] == ["signature.authority"]


def test_the_person_signs_their_own_notice_without_any_mandate_in_it(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    room.notices.sign(
        room.database,
        room.person,
        notice_id,
        signature_name="A. Person",
        statements={"depicted", "not_consensual"},
    )
    notice = data_of(room, notice_id)["notice"]
    assert isinstance(notice, dict)
    assert notice["signature"]["role"] == "the identifiable individual"
    assert notice["signature"]["authority"] is None
    assert all("my" in one["wording"] or "me" in one["wording"] for one in notice["statements"])


def test_an_operator_can_neither_see_nor_sign(room: Notices) -> None:
    notice_id = room.draft()
    with room.database.read() as session:
        assert room.notices.list_notices(session, room.operator) == ()
        with pytest.raises(NotFoundError):
            room.notices.notice(session, room.operator, notice_id)
    with pytest.raises(NotAllowedError):
        room.notices.sign(
            room.database, room.operator, notice_id, signature_name=NAME, statements=TICKS
        )


def test_another_organisation_sees_nothing(both: Notices) -> None:
    exhibit_id = both.sealed()
    notice_id = both.draft(exhibit_id)
    stranger = both.make_account(both.make_organisation("elsewhere"), Role.ADVOCATE)
    with both.database.write() as session:
        assert both.notices.list_notices(session, stranger) == ()
        assert both.notices.choice_groups(session, stranger) == ()
        for ask in (both.notices.notice, both.notices.pdf, both.notices.json, both.notices.proof):
            with pytest.raises(NotFoundError):
                ask(session, stranger, notice_id)
        with pytest.raises(NotFoundError):
            both.notices.draft(session, stranger, [exhibit_id])
        with pytest.raises(NotFoundError):
            both.notices.change(session, stranger, notice_id, COMPLETE)
    with pytest.raises(NotFoundError):
        both.notices.sign(both.database, stranger, notice_id, signature_name=NAME, statements=TICKS)


def test_one_notice_is_of_one_host(room: Notices) -> None:
    first, second = room.sealed(), room.sealed(host="other.test")
    with pytest.raises(ExhibitsDoNotFitError, match="hosts"):
        room.draft(first, second)


def test_one_notice_is_of_one_person(room: Notices) -> None:
    other = room.make_person(room.organisation_id)
    with pytest.raises(ExhibitsDoNotFitError, match="people"):
        room.draft(room.sealed(), room.sealed(person_id=other))


def test_every_copy_is_an_item_of_its_own(room: Notices) -> None:
    notice_id = room.draft(room.sealed(), room.sealed(media_url="http://site.test/copy.jpg"))
    details = (ItemDetails("someone", "1"), ItemDetails("someone else", "2"))
    room.change(notice_id, dataclasses.replace(COMPLETE, items=details))
    room.sign(notice_id)
    notice = data_of(room, notice_id)["notice"]
    assert isinstance(notice, dict)
    assert [one["uploader"] for one in notice["items"]] == ["someone", "someone else"]
    assert [one["number"] for one in notice["items"]] == [1, 2]


def test_every_address_on_the_host_is_an_item_and_other_hosts_get_their_own_notice(
    room: Notices,
) -> None:
    also = (
        SeenAddress("http://site.test/again.jpg", None, "site.test", "2027-02-28"),
        SeenAddress("http://other.test/it.jpg", None, "other.test", "2027-02-28"),
    )
    exhibit_id = room.sealed(also=also)
    here, there = room.draft(exhibit_id), room.draft(exhibit_id, host="other.test")
    assert [(one.media_url, one.is_captured) for one in room.view(here).items] == [
        (MEDIUM, True),
        ("http://site.test/again.jpg", False),
    ]
    assert [one.media_url for one in room.view(there).items] == ["http://other.test/it.jpg"]
    assert room.view(there).host == "other.test"
    with pytest.raises(ExhibitsDoNotFitError, match="nowhere"):
        room.draft(exhibit_id, host="nowhere.test")


def test_an_unsealed_exhibit_needs_a_recorded_reason(room: Notices) -> None:
    candidate = room.make_candidate()
    room.hold(room.want(candidate), MadeUpCapturer(status=404))
    exhibit_id = room.confirm(candidate)
    room.hold(room.want(candidate), MadeUpCapturer(status=404))
    with pytest.raises(UnsealedExhibitError, match="status 404"):
        room.draft(exhibit_id)
    notice_id = room.draft(exhibit_id, reason="the page changes every hour")
    document = room.view(notice_id).document
    assert document.unsealed_reason == "the page changes every hour"
    assert [one.is_sealed for one in document.items] == [False]


def test_a_regime_that_nobody_knows_is_refused(room: Notices) -> None:
    exhibit_id = room.sealed()
    with room.database.write() as session, pytest.raises(UnknownRegimeError, match="us-take"):
        room.notices.draft(session, room.advocate, [exhibit_id], "nowhere")


def test_a_signed_notice_can_no_longer_be_changed_or_signed(room: Notices) -> None:
    notice_id = room.signed()
    with pytest.raises(NotADraftError):
        room.change(notice_id)
    with pytest.raises(NotADraftError):
        room.sign(notice_id)


def test_a_draft_that_changed_while_it_was_being_signed_is_not_signed(
    room: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    import service.notices.signing as signing

    make = signing.notice_pdf

    def change_meanwhile(*arguments: object) -> bytes:
        room.change(notice_id, NoticeChange(individual="somebody else"))
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(signing, "notice_pdf", change_meanwhile)
    with pytest.raises(NotADraftError, match="changed meanwhile"):
        room.sign(notice_id)
    assert room.view(notice_id).state == "draft"


def test_a_draft_has_no_document_to_take_away(room: Notices) -> None:
    notice_id = room.draft()
    with room.database.write() as session:
        with pytest.raises(NotSignedError):
            room.notices.pdf(session, room.advocate, notice_id)
        with pytest.raises(NotSignedError):
            room.notices.json(session, room.advocate, notice_id)


def test_nothing_of_the_notice_is_readable_on_disk(room: Notices) -> None:
    room.signed()
    for path in room.vault._files_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"%PDF" not in content
            assert b"alex@helpline" not in content


def test_the_notice_carries_no_score_no_picture_and_no_finding_unless_wanted(
    room: Notices,
) -> None:
    notice_id = room.draft()
    room.change(notice_id)
    room.sign(notice_id)
    text = json.dumps(data_of(room, notice_id))
    for word in ("similarity", "png", "threshold", "trace found"):
        assert word not in text


def test_the_fixed_words_on_the_search_are_there_when_wanted(room: Notices) -> None:
    notice_id = room.draft()
    room.change(notice_id, dataclasses.replace(COMPLETE, mention_search=True))
    room.sign(notice_id)
    notice = data_of(room, notice_id)["notice"]
    assert isinstance(notice, dict)
    assert "not an identification or a probability of identity" in notice["how_found"]


def test_a_receiver_is_remembered_for_the_next_notice_to_the_host(room: Notices) -> None:
    first = room.draft()
    room.change(first, NoticeChange(receiver_name="Trust team", receiver_contact="form 7"))
    receiver = room.view(room.draft()).receiver
    assert receiver is not None
    assert receiver.words == "Trust team (form 7)"


def test_a_person_cannot_redirect_where_the_organisations_notices_go(room: Notices) -> None:
    room.change(room.draft(), NoticeChange(receiver_name="Trust team", receiver_contact="form 7"))
    notice_id = room.draft()
    change = NoticeChange(receiver_name="Trust team", receiver_contact="me@elsewhere.test")
    with pytest.raises(NotAllowedError), room.database.write() as session:
        room.notices.change(session, room.person, notice_id, change)
    receiver = room.view(notice_id).receiver
    assert receiver is not None
    assert receiver.words == "Trust team (form 7)"


@pytest.mark.parametrize("when", ["before", "while it is being signed"])
def test_what_was_halted_after_the_draft_is_not_signed(
    room: Notices, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    candidate = room.make_candidate()
    assert room.hold(room.want(candidate)).state == "held"
    exhibit_id = room.confirm(candidate)
    assert room.exhibits.seal(room.database, exhibit_id).state == "sealed"
    notice_id = room.draft(exhibit_id)
    room.change(notice_id)
    if when == "before":
        room.drop(candidate)
    else:
        made = service.notices.signing.notice_pdf

        def halted_meanwhile(*args: object) -> bytes:
            room.drop(candidate)
            return made(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(service.notices.signing, "notice_pdf", halted_meanwhile)
    with pytest.raises(WithdrawnExhibitError):
        room.sign(notice_id)
    assert room.view(notice_id).state == "draft"
    assert room.files() == 0


def test_receipt_starts_the_clock(both: Notices) -> None:
    notice_id = both.signed()
    filed_at = both.clock.now()
    both.clock.advance(hours=1)
    both.notices.record_filing(
        both.database,
        both.advocate,
        notice_id,
        Filing("form", filed_at, filed_at, "number 12", b"a screenshot", "proof.png"),
    )
    view = both.view(notice_id)
    assert view.state == "filed"
    assert view.clock is not None
    assert view.clock.ends_at == filed_at + timedelta(hours=48)
    assert view.clock.words == "Due Wednesday 03 March 2027, 09:00 UTC: 47 h 0 min left."
    with both.database.write() as session:
        assert both.notices.proof(session, both.advocate, notice_id) == (
            "proof.png",
            b"a screenshot",
        )
    both.clock.advance(hours=50)
    late = both.view(notice_id).clock
    assert late is not None
    assert late.is_late
    assert late.words == "Late: it was due Wednesday 03 March 2027, 09:00 UTC, 3 h 0 min ago."


def test_without_a_receipt_no_clock_runs_until_it_is_recorded(room: Notices) -> None:
    notice_id = room.signed()
    filed_at = room.clock.now()
    room.notices.record_filing(room.database, room.advocate, notice_id, Filing("post", filed_at))
    assert room.view(notice_id).clock is None
    room.clock.advance(days=2)
    with room.database.write() as session:
        room.notices.record_receipt(session, room.advocate, notice_id, room.clock.now())
    clock = room.view(notice_id).clock
    assert clock is not None
    assert clock.ends_at == room.clock.now() + timedelta(hours=48)
    with room.database.write() as session, pytest.raises(FilingTimeError):
        room.notices.record_receipt(session, room.advocate, notice_id, room.clock.now())


def test_times_that_cannot_be_are_refused(room: Notices) -> None:
    notice_id = room.signed()
    now = room.clock.now()
    for filing in (
        Filing("form", now + timedelta(hours=1)),
        Filing("form", now - timedelta(hours=1)),
        Filing("form", now, now - timedelta(hours=1)),
        Filing("form", now, now + timedelta(hours=1)),
    ):
        with pytest.raises(FilingTimeError):
            room.notices.record_filing(room.database, room.advocate, notice_id, filing)
    assert room.view(notice_id).state == "signed"


def test_a_proof_that_was_not_recorded_leaves_no_file(room: Notices) -> None:
    notice_id = room.signed()
    before = room.files()
    wrong = Filing("form", room.clock.now() + timedelta(days=1), proof=b"x")
    with pytest.raises(FilingTimeError):
        room.notices.record_filing(room.database, room.advocate, notice_id, wrong)
    with pytest.raises(InvalidInputError):
        room.notices.record_filing(
            room.database,
            room.advocate,
            notice_id,
            Filing("form", room.clock.now(), proof=b"x" * 2000),
        )
    assert room.files() == before


def test_only_a_signed_notice_is_filed_and_only_once(room: Notices) -> None:
    notice_id = room.draft()
    filing = Filing("form", room.clock.now())
    with pytest.raises(NotSignedError):
        room.notices.record_filing(room.database, room.advocate, notice_id, filing)
    room.change(notice_id)
    room.sign(notice_id)
    room.notices.record_filing(room.database, room.advocate, notice_id, filing)
    with pytest.raises(NotSignedError, match="already"):
        room.notices.record_filing(room.database, room.advocate, notice_id, filing)


def test_what_is_due_first_comes_first(room: Notices) -> None:
    late, soon, draft = room.signed(), room.signed(), room.draft()
    now = room.clock.now()
    room.clock.advance(hours=2)
    room.notices.record_filing(
        room.database, room.advocate, late, Filing("form", now, now + timedelta(hours=2))
    )
    room.notices.record_filing(room.database, room.advocate, soon, Filing("form", now, now))
    with room.database.read() as session:
        lines = room.notices.list_notices(session, room.advocate)
    assert [line.notice_id for line in lines] == [soon, late, draft]


def test_the_person_reads_what_happened(room: Notices) -> None:
    room.signed()
    with room.database.read() as session:
        story = room.notices.story(session, room.person, room.person_id)
    assert [event.words for event in story] == ["A notice was signed."]


def test_erasing_a_person_leaves_no_notice(both: Notices) -> None:
    both.signed()
    with both.database.write() as session:
        counts = both.notices.erase(session, both.person_id)
        both.exhibits.erase(session, both.person_id)
    assert {one.what: one.count for one in counts} == {"items of notices": 1, "notices": 1}
    with both.database.read() as session:
        for table in (Notice, NoticeItem):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_this_room_cannot_send_anything() -> None:
    """No module of it imports anything that reaches another machine."""
    folder = Path(service.notices.__file__).parent
    senders = {"smtplib", "socket", "http", "urllib", "httpx", "requests", "aiohttp", "ftplib"}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            roots = {name.split(".")[0] for name in names}
            assert not roots & senders, path
            assert not any(name.startswith("indexer.crawl") for name in names), path


def test_the_registry_is_dated_and_marks_what_was_not_read_in_the_law() -> None:
    law = US_TAKE_IT_DOWN
    assert law.verified_on.isoformat() == "2026-11-23"
    assert law.in_force_from <= law.verified_on
    assert all(element.source for element in law.elements)
    assert all(claim.source for claim in (*law.duty, *law.cautions))
    assert any("not verified" in claim.mark_words for claim in law.duty)
    assert len({one.id for one in law.statements}) == len(law.statements)
