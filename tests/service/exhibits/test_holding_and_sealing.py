"""From a wanted capture to a sealed exhibit, and every way it ends otherwise."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from indexer.crawl.capture_client import CaptureChildDied
from service.accounts.actor import Role
from service.audit.models import AuditEntry
from service.database import Database
from service.enrolment.models import Person
from service.errors import NotAllowedError, NotFoundError
from service.exhibits.container import read_container
from service.exhibits.errors import NotSealedError
from service.exhibits.manifest import read_manifest
from service.exhibits.models import Capture, CustodyEvent, Exhibit
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.exhibits.evidence_factory import (
    FOUND,
    MEDIUM,
    PAGE,
    Evidence,
    MadeUpCapturer,
)


@pytest.fixture
def evidence(database: Database, vault: Vault, clock: SettableClock) -> Evidence:
    return Evidence(database, vault, clock)


@pytest.fixture
def quick(sqlite_database: Database, vault: Vault, clock: SettableClock) -> Evidence:
    return Evidence(sqlite_database, vault, clock)


def captures(evidence: Evidence) -> list[Capture]:
    with evidence.database.read() as session:
        return list(session.scalars(select(Capture).order_by(Capture.attempt)))


def manifest_of(evidence: Evidence, exhibit_id: object) -> object:
    with evidence.database.write() as session:
        content = evidence.exhibits.bundle(session, evidence.advocate, exhibit_id)  # type: ignore[arg-type]
    return read_manifest(read_container(content).files["manifest.json"])


def test_a_find_is_captured_held_confirmed_sealed_and_verifies(evidence: Evidence) -> None:
    exhibit_id = evidence.sealed()
    with evidence.database.write() as session:
        content = evidence.exhibits.bundle(session, evidence.advocate, exhibit_id)
        fingerprint = evidence.exhibits.signer(session, evidence.advocate).fingerprint
        detail = evidence.exhibits.look(session, evidence.person, exhibit_id)
    verification = verify_bundle(content, Trust(frozenset({fingerprint})))
    assert verification.outcome is Outcome.TRUSTED
    assert verification.manifest is not None
    assert [one.url for one in verification.manifest.capture.resources] == [PAGE, MEDIUM]
    assert len(verification.manifest.statements) == 2
    assert verification.manifest.trusted_time.state == "none"
    assert detail.custody_defects == ()
    assert [entry.action for entry in detail.custody] == [
        "capture-wanted",
        "captured",
        "exhibit-made",
        "sealed",
        "exported",
        "viewed",
    ]
    with evidence.database.read() as session:
        assert evidence.audit.verify(session).intact


def test_every_request_takes_the_lease_of_its_host(quick: Evidence) -> None:
    quick.hold(quick.want(quick.make_candidate()))
    assert quick.slots.hosts == ["site.test:80", "site.test:80"]


def test_what_is_held_is_not_readable_on_disk(quick: Evidence) -> None:
    quick.hold(quick.want(quick.make_candidate()))
    for path in quick.vault._files_dir.rglob("*"):
        if path.is_file():
            assert FOUND not in path.read_bytes()
            assert b"WARC" not in path.read_bytes()


def test_holding_twice_fetches_once_and_changes_nothing(quick: Evidence) -> None:
    capture_id, capturer = quick.want(quick.make_candidate()), MadeUpCapturer()
    assert quick.hold(capture_id, capturer).state == "held"
    assert quick.hold(capture_id, capturer).state == "not wanted"
    assert len(capturer.asked) == 1
    assert quick.files() == 1


def test_a_capture_that_was_cut_off_is_done_again_and_leaves_no_file_behind(
    quick: Evidence,
) -> None:
    capture_id = quick.want(quick.make_candidate())
    file_id = quick.exhibits._holder._claim(quick.database, capture_id)
    quick.vault.put_file(quick.person_id, "capture", b"half of it", file_id)
    assert quick.hold(capture_id).state == "held"
    assert quick.files() == 1


def test_two_workers_at_the_same_capture_hold_it_once(quick: Evidence) -> None:
    capture_id, slow = quick.want(quick.make_candidate()), MadeUpCapturer()
    slow.before = lambda: quick.hold(capture_id)
    assert quick.hold(capture_id, slow).state == "not wanted"
    assert [row.state for row in captures(quick)] == ["held"]
    assert quick.files() == 1


def test_asking_twice_for_a_capture_makes_one(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    assert quick.want(candidate) == quick.want(candidate)
    assert len(captures(quick)) == 1


def test_bytes_are_kept_only_where_the_organisation_keeps_them(quick: Evidence) -> None:
    other = quick.make_organisation("careful", keeps=False)
    person_id = quick.make_person(other)
    capturer = MadeUpCapturer()
    quick.hold(
        quick.want(quick.make_candidate(person_id=person_id, organisation_id=other)), capturer
    )
    assert capturer.asked == [((PAGE, MEDIUM), False)]


def test_other_content_than_was_found_is_examined_again_and_both_are_recorded(
    quick: Evidence,
) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate), MadeUpCapturer(b"something else now"))
    assert quick.eyes.looked == [str(quick.person_id)]
    assert [one[0] for one in quick.finds.examined] == [candidate.id]
    exhibit_id = quick.confirm(candidate)
    quick.exhibits.seal(quick.database, exhibit_id)
    manifest = manifest_of(quick, exhibit_id)
    assert [one.of for one in manifest.examinations] == ["found", "captured"]  # type: ignore[attr-defined]
    assert any("not byte for byte" in note for note in manifest.notes)  # type: ignore[attr-defined]


def test_a_medium_that_ends_the_examiner_is_held_all_the_same(quick: Evidence) -> None:
    def ends(*_: object, **__: object) -> object:
        raise CaptureChildDied("the examiner ended")

    quick.eyes.examine = ends  # type: ignore[method-assign,assignment]
    candidate = quick.make_candidate()
    assert quick.hold(quick.want(candidate), MadeUpCapturer(b"something else")).state == "held"
    exhibit_id = quick.confirm(candidate)
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"
    manifest = manifest_of(quick, exhibit_id)
    assert any("could not be examined" in note for note in manifest.notes)  # type: ignore[attr-defined]


def test_the_same_content_is_not_examined_again(quick: Evidence) -> None:
    quick.hold(quick.want(quick.make_candidate()))
    assert quick.eyes.looked == []


def test_what_a_person_pointed_to_is_compared_with_that_person_alone(quick: Evidence) -> None:
    quick.hold(quick.want(quick.make_candidate(kind="pointed", examination=None)))
    assert quick.eyes.looked == [str(quick.person_id)]


def test_a_pasted_page_without_a_medium_is_captured_and_says_so(quick: Evidence) -> None:
    candidate = quick.make_candidate(kind="pointed", media_url=None, examination=None)
    quick.hold(quick.want(candidate))
    assert quick.eyes.looked == []
    exhibit_id = quick.confirm(candidate)
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"
    manifest = manifest_of(quick, exhibit_id)
    assert any("Only the page" in note for note in manifest.notes)  # type: ignore[attr-defined]
    assert "pointed to this" in manifest.wording  # type: ignore[attr-defined]


def test_a_truncated_capture_is_sealed_with_the_defect_visible(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate), MadeUpCapturer(truncated=True))
    exhibit_id = quick.confirm(candidate)
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"
    with quick.database.read() as session:
        notes = quick.exhibits.exhibit(session, quick.advocate, exhibit_id).notes
    assert any("incomplete" in note for note in notes)


def test_a_passing_failure_is_visible_and_tried_again_later(quick: Evidence) -> None:
    capture_id = quick.want(quick.make_candidate())
    outcome = quick.hold(capture_id, MadeUpCapturer(refusal="timeout: no answer in 30 s"))
    assert (outcome.state, outcome.reason) == ("failed", "timeout")
    first, second = captures(quick)
    assert (first.state, first.state_reason) == ("failed", "timeout")
    assert (second.state, second.attempt) == ("wanted", 2)
    with quick.database.read() as session:
        assert quick.exhibits.captures_to_hold(session) == ()
    quick.clock.advance(minutes=6)
    with quick.database.read() as session:
        assert quick.exhibits.captures_to_hold(session) == (second.id,)
    assert quick.hold(second.id).state == "held"


def test_trying_again_has_an_end(quick: Evidence) -> None:
    quick.want(quick.make_candidate())
    for _ in range(20):
        with quick.database.read() as session:
            due = quick.exhibits.captures_to_hold(session)
        for capture_id in due:
            quick.hold(capture_id, MadeUpCapturer(status=503))
        quick.clock.advance(days=1)
    assert [row.state for row in captures(quick)] == ["failed"] * 5


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 404},
        {"status": 410},
        {"refusal": "address_not_public: 10.0.0.1 is not public"},
        {"refusal": "out_of_scope: elsewhere"},
    ],
)
def test_what_will_not_change_is_not_tried_again(
    quick: Evidence, changes: dict[str, object]
) -> None:
    quick.hold(quick.want(quick.make_candidate()), MadeUpCapturer(**changes))
    assert [row.state for row in captures(quick)] == ["failed"]


def test_a_capture_child_that_dies_is_one_failed_attempt(quick: Evidence) -> None:
    class Dying(MadeUpCapturer):
        def capture(self, *_: object) -> object:  # type: ignore[override]
            raise CaptureChildDied("it died")

    assert quick.hold(quick.want(quick.make_candidate()), Dying()).reason == "capture_child_died"
    assert [row.state for row in captures(quick)] == ["failed", "wanted"]


def test_the_reason_in_the_clear_names_no_address(quick: Evidence) -> None:
    quick.hold(
        quick.want(quick.make_candidate()),
        MadeUpCapturer(refusal="out_of_scope: secret.example:80 is not in the scope"),
    )
    assert captures(quick)[0].state_reason == "out_of_scope"


def test_without_a_mandate_for_it_nothing_is_fetched(quick: Evidence) -> None:
    person_id = quick.make_person(quick.organisation_id, may_capture=False)
    capturer = MadeUpCapturer()
    outcome = quick.hold(quick.want(quick.make_candidate(person_id=person_id)), capturer)
    assert outcome.reason == "capture_not_permitted"
    assert capturer.asked == []


def test_an_expired_mandate_stops_captures(quick: Evidence) -> None:
    capture_id = quick.want(quick.make_candidate())
    quick.clock.advance(days=101)
    assert quick.hold(capture_id).reason == "capture_not_permitted"


def test_an_exhibit_without_a_capture_stays_unsealed_and_says_why(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    capture_id = quick.want(candidate)
    exhibit_id = quick.confirm(candidate)
    assert quick.exhibits.seal(quick.database, exhibit_id).reason == "waiting for its capture"
    quick.hold(capture_id, MadeUpCapturer(status=404))
    outcome = quick.exhibits.seal(quick.database, exhibit_id)
    why = "its capture failed: the server answered with status 404"
    assert (outcome.state, outcome.reason) == ("unsealed", why)
    with quick.database.write() as session:
        view = quick.exhibits.exhibit(session, quick.advocate, exhibit_id)
        assert view.reason == why
        failed = select(AuditEntry.organisation_id).where(AuditEntry.action == "capture.failed")
        assert session.scalars(failed).all() == [quick.organisation_id]
        with pytest.raises(NotSealedError):
            quick.exhibits.bundle(session, quick.advocate, exhibit_id)


def test_only_a_confirmed_candidate_is_sealed(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate))
    with quick.database.write() as session:
        quick.outcomes.confirmed(session, quick.advocate, candidate)
    with quick.database.read() as session:
        exhibit_id = session.scalars(select(Exhibit.id)).one()
    assert (
        quick.exhibits.seal(quick.database, exhibit_id).reason == "the candidate is not confirmed"
    )


def test_sealing_twice_makes_one_bundle(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    with quick.database.write() as session:
        before = quick.exhibits.bundle(session, quick.advocate, exhibit_id)
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"
    with quick.database.write() as session:
        assert quick.exhibits.bundle(session, quick.advocate, exhibit_id) == before


def test_a_seal_that_was_cut_off_is_done_again_and_leaves_no_file_behind(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate))
    exhibit_id = quick.confirm(candidate)
    file_id = quick.exhibits._sealer._claim(quick.database, exhibit_id)
    quick.vault.put_file(quick.person_id, "exhibit", b"half of it", file_id)
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"
    quick.exhibits.purge_due(quick.database)
    assert quick.files() == 1


def test_a_minor_sign_purges_at_once_and_for_good(evidence: Evidence) -> None:
    candidate = evidence.make_candidate()
    evidence.hold(evidence.want(candidate))
    assert evidence.files() == 1
    evidence.drop(candidate)
    assert evidence.files() == 0
    [row] = captures(evidence)
    assert (row.state, row.state_reason, row.document) == ("purged", "minor-sign", None)


def test_a_sign_while_the_capture_is_going_on_leaves_no_bytes(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    capture_id, capturer = quick.want(candidate), MadeUpCapturer()
    capturer.before = lambda: quick.drop(candidate)
    assert quick.hold(capture_id, capturer).state == "not wanted"
    assert quick.files() == 0
    assert [row.state for row in captures(quick)] == ["purged"]


def test_a_late_sign_withdraws_what_was_sealed(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    candidate_id = quick.finds.by_id.copy().popitem()[0]
    with quick.database.read() as session:
        view = quick.exhibits.exhibit(session, quick.advocate, exhibit_id)
    reference = quick.make_candidate()
    quick.drop(_with_id(reference, candidate_id))
    quick.exhibits.purge_due(quick.database)
    assert quick.files() == 0
    with quick.database.write() as session:
        after = quick.exhibits.exhibit(session, quick.advocate, exhibit_id)
        assert (view.state, after.state, after.media_url) == ("sealed", "withdrawn", None)
        with pytest.raises(NotSealedError):
            quick.exhibits.bundle(session, quick.advocate, exhibit_id)
        with pytest.raises(NotSealedError):
            quick.exhibits.renew(session, quick.advocate, exhibit_id)


def _with_id(reference: object, candidate_id: object) -> object:
    return dataclasses.replace(reference, id=candidate_id)  # type: ignore[type-var]


def test_a_purge_that_is_rolled_back_keeps_the_file(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate))

    def purge_and_fail() -> None:
        with quick.database.write() as session:
            quick.outcomes.dropped(session, quick.advocate, candidate, "dismissed")
            raise RuntimeError("the transaction fails")

    with pytest.raises(RuntimeError):
        purge_and_fail()
    assert quick.files() == 1
    assert captures(quick)[0].state == "held"


def test_a_file_that_a_crash_left_is_swept(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate))
    [row] = captures(quick)
    with quick.database.write() as session:
        kept = session.get(Capture, row.id)
        assert kept is not None
        kept.state = "purged"
    assert quick.files() == 1
    quick.exhibits.purge_due(quick.database)
    assert quick.files() == 0
    assert captures(quick)[0].file_id is None


def test_what_nobody_decided_is_purged_after_the_holding_time(quick: Evidence) -> None:
    quick.hold(quick.want(quick.make_candidate()))
    quick.clock.advance(days=13)
    assert quick.exhibits.purge_due(quick.database) == 0
    quick.clock.advance(days=2)
    assert quick.exhibits.purge_due(quick.database) == 1
    assert quick.files() == 0


def test_what_was_confirmed_is_not_purged_by_the_holding_time(quick: Evidence) -> None:
    candidate = quick.make_candidate()
    quick.hold(quick.want(candidate))
    exhibit_id = quick.confirm(candidate)
    quick.clock.advance(days=30)
    assert quick.exhibits.purge_due(quick.database) == 0
    assert quick.exhibits.seal(quick.database, exhibit_id).state == "sealed"


def test_a_new_version_never_overwrites_the_old_one(quick: Evidence) -> None:
    first = quick.sealed()
    with quick.database.write() as session:
        before = quick.exhibits.bundle(session, quick.advocate, first)
        second = quick.exhibits.renew(session, quick.advocate, first)
    assert second != first
    with quick.database.read() as session:
        [capture_id] = quick.exhibits.captures_to_hold(session)
    quick.hold(capture_id, MadeUpCapturer(b"changed since"))
    assert quick.exhibits.seal(quick.database, second).state == "sealed"
    with quick.database.write() as session:
        assert quick.exhibits.bundle(session, quick.advocate, first) == before
        assert quick.exhibits.bundle(session, quick.advocate, second) != before
        assert quick.exhibits.exhibit(session, quick.advocate, second).version == 2


def test_another_organisation_sees_nothing(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    stranger = quick.make_account(quick.make_organisation("elsewhere"), Role.ADVOCATE)
    with quick.database.write() as session:
        assert quick.exhibits.list_exhibits(session, stranger) == ()
        for ask in (
            quick.exhibits.exhibit,
            quick.exhibits.look,
            quick.exhibits.bundle,
            quick.exhibits.renew,
        ):
            with pytest.raises(NotFoundError):
                ask(session, stranger, exhibit_id)
    with pytest.raises(NotFoundError):
        quick.exhibits.check(quick.database, stranger, exhibit_id)


def test_an_operator_sees_no_evidence(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    with quick.database.write() as session:
        assert quick.exhibits.list_exhibits(session, quick.operator) == ()
        with pytest.raises(NotFoundError):
            quick.exhibits.bundle(session, quick.operator, exhibit_id)


def test_another_person_sees_nothing(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    other = quick.make_person(quick.organisation_id)
    with quick.database.write() as session, pytest.raises(NotFoundError):
        quick.exhibits.bundle(
            session, dataclasses.replace(quick.person, person_id=other), exhibit_id
        )


def test_a_person_reads_their_own_but_does_not_order_captures(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    verification = quick.exhibits.check(quick.database, quick.person, exhibit_id)
    assert verification.outcome is Outcome.TRUSTED
    with quick.database.write() as session, pytest.raises(NotAllowedError):
        quick.exhibits.renew(session, quick.person, exhibit_id)


def test_custody_that_was_tampered_with_in_the_database_is_seen(quick: Evidence) -> None:
    exhibit_id = quick.sealed()
    with quick.database.write() as session:
        entry = session.scalars(select(CustodyEvent).where(CustodyEvent.number == 2)).one()
        entry.actor = "somebody else"
    with quick.database.write() as session:
        detail = quick.exhibits.look(session, quick.advocate, exhibit_id)
    assert detail.custody_defects


def test_erasing_a_person_leaves_no_row_of_their_evidence(evidence: Evidence) -> None:
    evidence.sealed()
    with evidence.database.write() as session:
        counts = {
            one.what: one.count for one in evidence.exhibits.erase(session, evidence.person_id)
        }
    assert counts == {"entries of custody": 4, "exhibits": 1, "captures": 1}
    with evidence.database.read() as session:
        for table in (Capture, Exhibit, CustodyEvent):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_the_manifest_names_nobody_and_shows_no_box(quick: Evidence) -> None:
    manifest = manifest_of(quick, quick.sealed())
    text = msgspec.json.encode(manifest).decode()
    assert str(quick.person_id) not in text
    assert "Alex" not in text
    assert "left_px" not in text


def test_what_is_for_somebody_in_acute_danger_is_captured_first(evidence: Evidence) -> None:
    other = evidence.make_person(evidence.organisation_id)
    first = evidence.want(evidence.make_candidate())
    evidence.clock.advance(60)
    later = evidence.want(evidence.make_candidate(person_id=other, media_url=MEDIUM + "?2"))
    with evidence.database.write() as session:
        assert evidence.exhibits.captures_to_hold(session) == (first, later)
        until = evidence.clock.now() + timedelta(hours=1)
        session.get_one(Person, other).acute_until = until
        session.flush()
        assert evidence.exhibits.captures_to_hold(session) == (later, first)
