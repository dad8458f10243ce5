"""Finds: recorded, judged independently, confirmed, dismissed, expired, halted."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from sqlalchemy import text

from service.accounts.actor import Actor, Role
from service.candidates.errors import (
    AlreadyDecidedError,
    NotAReviewerError,
    ReasonMissingError,
    StatementsMissingError,
)
from service.candidates.floods import FLOOD_FACES_A_DAY
from service.candidates.intake import GivenDeclaration
from service.candidates.sealed import signed_form
from service.candidates.statements import PERSON_STATEMENTS
from service.database import Database
from service.errors import ConflictError, NotAllowedError, NotFoundError
from tests.service.candidates.finds_factory import (
    MEDIUM,
    WORKER,
    person_says,
    record,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.people_factory import (
    FOUND_CROP,
    House,
    examination,
    face_finding,
    hash_finding,
    known_of,
    make_person,
)


def found(house: House, person_id: uuid.UUID, content: bytes = b"found") -> uuid.UUID:
    return record_face(house, person_id, sees_medium(house, content), content)


def state_of(house: House, candidate_id: uuid.UUID) -> str:
    with house.rooms.database.read() as session:
        query = text("SELECT state FROM candidates WHERE id = :id")
        value = candidate_id.hex if session.get_bind().dialect.name == "sqlite" else candidate_id
        return str(session.execute(query, {"id": value}).scalar_one())


def captures_of(house: House, candidate_id: uuid.UUID) -> list[str]:
    with house.rooms.database.read() as session:
        query = text("SELECT state FROM captures WHERE candidate_id = :id ORDER BY attempt")
        value = candidate_id.hex if session.get_bind().dialect.name == "sqlite" else candidate_id
        return list(session.execute(query, {"id": value}).scalars())


class TestRecording:
    def test_a_find_is_sealed_and_its_capture_is_wanted_at_once(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        candidate_id = found(any_house, case.person_id)
        assert captures_of(any_house, candidate_id) == ["wanted"]
        with database.read() as session:
            row = session.execute(text("SELECT * FROM candidates")).mappings().one()
            evidence = any_house.rooms.candidates.evidence_view(
                session, any_house.reviewers[0], candidate_id
            )
        assert b"picture.jpg" not in bytes(row["document"])
        assert FOUND_CROP not in bytes(row["face_crop"])
        assert evidence.media_url == MEDIUM
        assert evidence.examination is not None
        assert evidence.examination.findings[0].faces[0].face_crop_png == b""

    def test_one_candidate_for_a_person_and_a_content(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        medium_id = sees_medium(any_house, b"found")
        finding = face_finding(case.person_id)
        (first,) = record(any_house, medium_id, b"found", finding)
        again = record(any_house, medium_id, b"found", finding, url="http://other.test/copy.jpg")
        same = record(any_house, medium_id, b"found", finding)
        assert again == same == ()
        with database.read() as session:
            view = any_house.rooms.candidates.view(session, any_house.reviewers[0], first)
        assert [seen.media_url for seen in view.addresses] == [MEDIUM, "http://other.test/copy.jpg"]

    @pytest.mark.parametrize("why", ["erased", "paused", "not attested", "mandate over"])
    def test_nobody_is_found_who_may_not_be_looked_for_any_more(
        self, house: House, database: Database, why: str
    ) -> None:
        person, case = make_person(house, active=why != "not attested")
        medium_id = sees_medium(house, b"found")
        if why == "erased":
            house.rooms.erasure.erase(database, person, house.eyes, case.person_id)
        if why == "paused":
            with database.write() as session:
                house.rooms.enrolment.pause(session, Actor.system("x"), case.person_id, "why")
        if why == "mandate over":
            house.clock.advance(days=366)
        assert record(house, medium_id, b"found", face_finding(case.person_id)) == ()

    @pytest.mark.parametrize("ended", ["by the person", "by the operator"])
    def test_a_face_seen_while_face_search_was_being_ended_makes_no_find(
        self, house: House, database: Database, ended: str
    ) -> None:
        person, case = make_person(house)
        medium_id = sees_medium(house, b"found")
        if ended == "by the person":
            house.rooms.enrolment.consent.opt_out_of_faces(
                database, person, house.eyes, case.person_id
            )
        else:
            house.set_faces(False)
        by_face = face_finding(case.person_id)
        by_hash = hash_finding(case.person_id, known_of(house, case.person_id))
        assert record(house, medium_id, b"found", by_face) == ()
        both = msgspec.structs.replace(by_face, hashes=by_hash.hashes)
        (candidate_id,) = record(house, medium_id, b"found", both)
        with database.read() as session:
            view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
            evidence = house.rooms.candidates.evidence_view(session, person, candidate_id)
        assert (view.kind, view.has_face) == ("hash", False)
        assert evidence.examination is not None
        assert evidence.examination.findings[0].faces == ()

    def test_a_run_finds_only_people_of_its_own_organisation(self, house: House) -> None:
        elsewhere = house.new_organisation("Elsewhere")
        _, other = make_person(house, organisation_id=elsewhere)
        medium_id = sees_medium(house, b"found")
        assert record(house, medium_id, b"found", face_finding(other.person_id)) == ()

    def test_so_many_face_finds_in_a_day_that_they_rest_by_themselves(
        self, house: House, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert FLOOD_FACES_A_DAY >= 100
        monkeypatch.setattr("service.candidates.floods.FLOOD_FACES_A_DAY", 3)
        _, case = make_person(house)
        for number in range(6):
            content = b"found %d" % number
            medium_id = sees_medium(house, content)
            record(house, medium_id, content, face_finding(case.person_id))
        with database.read() as session:
            view = house.rooms.enrolment.person_view(session, house.reviewers[0], case.person_id)
            assert len(house.rooms.candidates.queue(session, house.reviewers[0])) == 4
            (flood,) = house.rooms.candidates.floods.open(session, house.operator)
        assert (view.state, flood.finds, flood.not_made) == ("active", 4, 2)


class TestReviewing:
    def test_two_reviewers_and_the_person_confirm_in_any_order(
        self, any_house: House, database: Database
    ) -> None:
        person, case = make_person(any_house)
        first, second = any_house.reviewers
        candidate_id = found(any_house, case.person_id)
        assert person_says(any_house, person, candidate_id, "same").state == "waiting"
        assert reviewer_says(any_house, first, candidate_id, "same").state == "waiting"
        assert reviewer_says(any_house, second, candidate_id, "same").state == "confirmed"
        with database.read() as session:
            row = session.execute(text("SELECT * FROM candidates")).mappings().one()
            origins = {
                known.origin
                for known in any_house.rooms.hashbank.list_known(session, person, case.person_id)
            }
            exhibits = any_house.rooms.exhibits.list_exhibits(session, first)
            confirmed = any_house.rooms.candidates.confirmed_view(session, first, candidate_id)
        assert row["face_crop"] is None
        assert origins == {"reference", "confirmed"}
        assert len(exhibits) == 1
        assert confirmed.sentence.endswith("the depicted person confirmed it.")
        assert [one.by for one in confirmed.statements].count("reviewer") == 2

    def test_confirmations_are_signed_over_their_wording(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        candidate_id = found(house, case.person_id)
        reviewer_says(house, house.reviewers[0], candidate_id, "same")
        with database.read() as session:
            evidence = house.rooms.candidates.evidence_view(
                session, house.reviewers[0], candidate_id
            )
            repository = house.rooms.candidates._repository(session, house.reviewers[0])
            row = repository.candidate(candidate_id)
            (confirmation,) = repository.confirmations(candidate_id)
            document = house.rooms.candidates._sealed.confirmation(row, confirmation)
        key = house.rooms.vault.signing_key(house.organisation_id).public_key()
        key.verify(bytes.fromhex(document.signature), signed_form(document))
        assert len(evidence.statements[0].wording) == 2

    def test_a_score_and_others_verdicts_are_hidden_until_one_has_decided(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        first, second = house.reviewers
        candidate_id = found(house, case.person_id)
        reviewer_says(house, first, candidate_id, "same")
        candidates = house.rooms.candidates
        with database.read() as session:
            before = candidates.view(session, second, candidate_id)
            after = candidates.view(session, first, candidate_id)
            by_person = candidates.view(session, person, candidate_id)
            (line,) = candidates.queue(session, second)
        assert before.assessment is None
        assert before.verdicts == by_person.verdicts == ()
        assert by_person.assessment is None
        assert line.waits_for == "your decision"
        assert after.assessment is not None
        assert after.assessment.chance == "About 1 chance match in 40,000 pictures like these."
        assert "not an identification" in after.assessment.sentence
        assert "does not mean that it is authentic" in after.assessment.manipulation
        assert after.assessment.not_looked_at == ("face network",)
        assert [verdict.verdict for verdict in after.verdicts] == ["same"]

    def test_nothing_tells_a_third_reviewer_that_the_others_and_the_person_have_decided(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        third = house.new_staff(house.organisation_id)

        def told() -> tuple[object, ...]:
            candidates = house.rooms.candidates
            with database.read() as session:
                view = candidates.view(session, third, candidate_id)
                (line,) = candidates.queue(session, third)
                (find,) = candidates.finds_of(session, third, case.person_id)
            return view, line, find

        before = told()
        reviewer_says(house, house.reviewers[0], candidate_id, "same")
        assert told() == before
        reviewer_says(house, house.reviewers[1], candidate_id, "same")
        assert told() == before
        other = found(house, case.person_id, b"another")
        person_says(house, person, other, "same")
        with database.read() as session:
            view = house.rooms.candidates.view(session, third, other)
            finds = house.rooms.candidates.finds_of(session, third, case.person_id)
        assert (view.needs_reviewer, view.needs_person) == (True, True)
        assert {(find.waits_for, find.waits_for_me) for find in finds} == {("your decision", False)}

    @pytest.mark.parametrize("who", ["operator", "untrained", "person", "system"])
    def test_only_trained_advocates_decide(self, house: House, who: str) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        actor = {
            "operator": house.operator,
            "untrained": house.untrained,
            "person": person,
            "system": Actor.system("test"),
        }[who]
        with pytest.raises((NotAReviewerError, NotFoundError)):
            reviewer_says(house, actor, candidate_id, "same")
        assert state_of(house, candidate_id) == "waiting"

    def test_the_same_account_cannot_decide_twice(self, house: House) -> None:
        _, case = make_person(house)
        candidate_id = found(house, case.person_id)
        reviewer_says(house, house.reviewers[0], candidate_id, "same")
        with pytest.raises(AlreadyDecidedError):
            reviewer_says(house, house.reviewers[0], candidate_id, "same")

    def test_statements_are_ticked_by_the_signer_or_nothing_is_confirmed(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        with database.read() as session:
            needed = house.rooms.candidates.view(
                session, house.reviewers[0], candidate_id
            ).statements
        for ticked in ((), needed[:1], ("something else",)):
            with pytest.raises(StatementsMissingError), database.write() as session:
                house.rooms.candidates.decide(
                    session, house.reviewers[0], candidate_id, "same", "", ticked
                )
        with pytest.raises(StatementsMissingError), database.write() as session:
            house.rooms.candidates.person_decides(
                session, person, candidate_id, "same", PERSON_STATEMENTS[:1], "Ada"
            )
        with pytest.raises(ReasonMissingError), database.write() as session:
            house.rooms.candidates.decide(
                session, house.reviewers[0], candidate_id, "different", "  ", ()
            )

    def test_nobody_decides_for_the_person(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        stranger, _ = make_person(house, photos=(b"face:bea#1",))
        candidate_id = found(house, case.person_id)
        with pytest.raises(NotAllowedError):
            person_says(house, house.reviewers[0], candidate_id, "same")
        with pytest.raises(NotFoundError):
            person_says(house, stranger, candidate_id, "same")

    def test_one_against_one_waits_for_a_third_reviewer(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        first, second = house.reviewers
        third = house.new_staff(house.organisation_id)
        candidate_id = found(house, case.person_id)
        person_says(house, person, candidate_id, "same")
        reviewer_says(house, first, candidate_id, "same")
        assert reviewer_says(house, second, candidate_id, "different").state == "waiting"
        with database.read() as session:
            (line,) = house.rooms.candidates.queue(session, third)
            (own,) = house.rooms.candidates.queue(session, first)
        assert line.waits_for == "your decision"
        assert own.waits_for == "another reviewer"
        assert reviewer_says(house, third, candidate_id, "same").state == "confirmed"

    def test_a_dismissed_find_keeps_no_face_and_no_capture(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        candidate_id = found(any_house, case.person_id)
        for reviewer in any_house.reviewers:
            reviewer_says(any_house, reviewer, candidate_id, "different")
        with database.read() as session:
            row = session.execute(text("SELECT * FROM candidates")).mappings().one()
            evidence = any_house.rooms.candidates.evidence_view(
                session, any_house.reviewers[0], candidate_id
            )
            with pytest.raises(ConflictError):
                any_house.rooms.candidates.confirmed_view(
                    session, any_house.reviewers[0], candidate_id
                )
        assert (row["state"], row["face_crop"]) == ("dismissed", None)
        assert captures_of(any_house, candidate_id) == ["purged"]
        assert evidence.examination is not None
        assert evidence.examination.findings == ()

    def test_never_this_again_holds_for_copies_too(self, house: House) -> None:
        _, case = make_person(house)
        content = b"first encoding pdq=the same look"
        candidate_id = found(house, case.person_id, content)
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, candidate_id, "different", never_again=True)
        finding = face_finding(case.person_id)
        copy = b"second encoding pdq=the same look"
        assert record(house, sees_medium(house, content), content, finding) == ()
        assert record(house, sees_medium(house, copy), copy, finding) == ()
        other = b"pdq=another look"
        assert len(record(house, sees_medium(house, other), other, finding)) == 1

    def test_the_persons_no_ends_it_for_good(self, house: House) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        assert person_says(house, person, candidate_id, "different").state == "dismissed"
        with pytest.raises(AlreadyDecidedError):
            reviewer_says(house, house.reviewers[0], candidate_id, "same")

    def test_a_find_by_hash_needs_the_same_two_and_the_person(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, faces=False)
        house.set_faces(False)
        medium_id = sees_medium(house, b"found")
        copy = hash_finding(case.person_id, known_of(house, case.person_id))
        (candidate_id,) = record(house, medium_id, b"found", copy)
        person_says(house, person, candidate_id, "same")
        reviewer_says(house, house.reviewers[0], candidate_id, "same")
        assert state_of(house, candidate_id) == "waiting"
        reviewer_says(house, house.reviewers[1], candidate_id, "same")
        assert state_of(house, candidate_id) == "confirmed"
        with database.read() as session:
            view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
        assert view.assessment is not None
        assert view.assessment.copies[0].startswith("Byte for byte")


class TestLentReviewers:
    def test_a_lent_reviewer_sees_the_candidates_of_that_case_and_nothing_else(
        self, any_house: House, database: Database
    ) -> None:
        person, case = make_person(any_house)
        _, other = make_person(any_house, photos=(b"face:bea#1",))
        lent = any_house.new_staff(any_house.new_organisation("Elsewhere"))
        candidate_id = found(any_house, case.person_id)
        hidden = found(any_house, other.person_id, b"other content")
        rooms = any_house.rooms
        with pytest.raises(NotFoundError):
            reviewer_says(any_house, lent, candidate_id, "same")
        assert lent.account_id is not None
        with database.write() as session:
            rooms.enrolment.loans.lend(
                session, any_house.reviewers[0], case.person_id, lent.account_id
            )
        with database.read() as session:
            assert [line.candidate_id for line in rooms.candidates.queue(session, lent)] == [
                candidate_id
            ]
            view = rooms.candidates.view(session, lent, candidate_id)
            assert view.person_label == "A case lent to you"
            assert len(view.reference_faces) == 1
            with pytest.raises(NotFoundError):
                rooms.enrolment.person_view(session, lent, case.person_id)
            with pytest.raises(NotFoundError):
                rooms.candidates.view(session, lent, hidden)
        reviewer_says(any_house, lent, candidate_id, "same")
        reviewer_says(any_house, any_house.reviewers[0], candidate_id, "same")
        person_says(any_house, person, candidate_id, "same")
        assert state_of(any_house, candidate_id) == "confirmed"

    def test_a_lent_reviewer_is_not_told_who_signed_a_declaration(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        lent = house.new_staff(house.new_organisation("Elsewhere"))
        assert lent.account_id is not None
        rooms = house.rooms
        with database.write() as session:
            rooms.enrolment.loans.lend(session, house.reviewers[0], case.person_id, lent.account_id)
            (candidate_id,) = rooms.intake.add_links(
                session, person, case.person_id, ["site.test/1"], GivenDeclaration("Ada L.", True)
            )
        with database.read() as session:
            own = rooms.candidates.view(session, house.reviewers[0], candidate_id)
            view = rooms.candidates.view(session, lent, candidate_id)
        assert own.declaration is not None
        assert own.declaration.signature_name == "Ada L."
        assert "Ada" not in repr(view)

    def test_a_loan_ends(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        lent = house.new_staff(house.new_organisation("Elsewhere"))
        candidate_id = found(house, case.person_id)
        assert lent.account_id is not None
        with database.write() as session:
            house.rooms.enrolment.loans.lend(
                session, house.reviewers[0], case.person_id, lent.account_id, days=5
            )
        house.clock.advance(days=6)
        with pytest.raises(NotFoundError):
            reviewer_says(house, lent, candidate_id, "same")

    def test_only_trained_reviewers_are_lent(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        untrained = house.new_staff(house.new_organisation("Elsewhere"), trained=False)
        assert untrained.account_id is not None
        with pytest.raises(NotFoundError), database.write() as session:
            house.rooms.enrolment.loans.lend(
                session, house.reviewers[0], case.person_id, untrained.account_id
            )


class TestMinors:
    @pytest.mark.parametrize("who", ["reviewer", "untrained reviewer", "person"])
    def test_any_sign_halts_at_once_and_keeps_address_time_and_reason_only(
        self, house: House, database: Database, who: str
    ) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        reviewer_says(house, house.reviewers[1], candidate_id, "same")
        actor = {"reviewer": house.reviewers[0], "untrained reviewer": house.untrained}.get(
            who, person
        )
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, actor, candidate_id, "looks young")
        assert state_of(house, candidate_id) == "halted"
        assert captures_of(house, candidate_id) == ["purged"]
        with database.read() as session:
            row = session.execute(text("SELECT * FROM candidates")).mappings().one()
            view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
            with pytest.raises(ConflictError):
                house.rooms.candidates.evidence_view(session, house.reviewers[0], candidate_id)
            assert session.execute(text("SELECT count(*) FROM confirmations")).scalar_one() == 0
        assert row["face_crop"] is None
        assert (view.assessment, view.has_face, view.reference_faces) == (None, False, ())
        assert "looks young" in view.halted_reason
        with pytest.raises(NotFoundError), database.write() as session:
            house.rooms.candidates.show_face(session, house.reviewers[0], candidate_id)

    def test_the_operator_is_told_what_to_report_and_not_whose(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        candidate_id = found(house, case.person_id)
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, house.reviewers[0], candidate_id)
        with database.read() as session:
            (item,) = house.rooms.candidates.halted(session, house.operator)
            elsewhere = house.new_staff(house.new_organisation("Elsewhere"), Role.OPERATOR)
            assert house.rooms.candidates.halted(session, elsewhere) == []
            with pytest.raises(NotAllowedError):
                house.rooms.candidates.halted(session, house.reviewers[0])
        assert item.addresses[0].media_url == MEDIUM
        assert str(case.person_id) not in repr(item)

    def test_every_candidate_of_that_content_stops_and_none_comes_again(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        elsewhere = any_house.new_organisation("Elsewhere")
        _, other = make_person(any_house, organisation_id=elsewhere, photos=(b"face:bea#1",))
        medium_id = sees_medium(any_house, b"found")
        mine = record_face(any_house, case.person_id, medium_id, b"found")
        (theirs,) = record(
            any_house,
            medium_id,
            b"found",
            face_finding(other.person_id),
            organisation_id=elsewhere,
        )
        with database.write() as session:
            any_house.rooms.candidates.report_minor_sign(
                session, any_house.reviewers[0], mine, "a private remark"
            )
        assert state_of(any_house, theirs) == "halted"
        operator = any_house.new_staff(elsewhere, Role.OPERATOR)
        with database.read() as session:
            (item,) = any_house.rooms.candidates.halted(session, operator)
        assert "private remark" not in item.reason
        _, third = make_person(any_house, photos=(b"face:cleo#1",))
        again = record(
            any_house,
            medium_id,
            b"found",
            face_finding(third.person_id),
            face_finding(case.person_id),
            url="http://other.test/copy.jpg",
        )
        assert again == ()
        with database.read() as session:
            items = any_house.rooms.candidates.halted(session, any_house.operator)
        assert len(items) == 2
        assert {len(item.addresses) for item in items} == {1, 2}

    def test_a_second_link_to_the_same_content_stops_with_the_first(
        self, any_house: House, database: Database
    ) -> None:
        person, case = make_person(any_house)
        rooms = any_house.rooms
        medium_id = sees_medium(any_house, b"found")
        with database.write() as session:
            one, two = rooms.intake.add_links(
                session, person, case.person_id, ["site.test/1.jpg", "site.test/2.jpg"]
            )
            for candidate_id in (one, two):
                seen = examination(b"found")
                rooms.candidates.captured(session, WORKER, candidate_id, seen, medium_id)
        with database.write() as session:
            rooms.candidates.report_minor_sign(session, person, two)
        assert (state_of(any_house, one), state_of(any_house, two)) == ("halted", "halted")
        assert captures_of(any_house, one) == captures_of(any_house, two) == ["purged"]

    @pytest.mark.parametrize("was", ["waiting", "confirmed"])
    def test_a_link_whose_capture_shows_what_was_halted_is_halted_too(
        self, house: House, database: Database, was: str
    ) -> None:
        person, case = make_person(house)
        medium_id = sees_medium(house, b"found")
        halted = record_face(house, case.person_id, medium_id, b"found")
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, person, halted)
        other, case = make_person(house, photos=(b"face:bea#1",))
        with database.write() as session:
            (candidate_id,) = house.rooms.intake.add_links(
                session, other, case.person_id, ["site.test/1.jpg"], GivenDeclaration("B", True)
            )
        if was == "confirmed":
            reviewer_says(house, house.reviewers[0], candidate_id, "same")
        with database.write() as session:
            seen = examination(b"found")
            house.rooms.candidates.captured(session, WORKER, candidate_id, seen, medium_id)
            known = house.rooms.hashbank.list_known(session, other, case.person_id)
        assert state_of(house, candidate_id) == "halted"
        assert captures_of(house, candidate_id) == ["purged"]
        assert [one.origin for one in known] == ["reference"]

    def test_a_confirmed_find_can_still_be_halted_and_leaves_the_known_pictures(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        person_says(house, person, candidate_id, "same")
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, candidate_id, "same")
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, person, candidate_id)
            known = house.rooms.hashbank.list_known(session, person, case.person_id)
        assert [one.origin for one in known] == ["reference"]
        assert captures_of(house, candidate_id) == ["purged"]


class TestTime:
    def test_what_nobody_decided_ends_and_may_be_found_again(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        candidate_id = found(house, case.person_id)
        house.clock.advance(days=15)
        with database.write() as session:
            assert house.rooms.candidates.expire_due(session) == 1
            assert house.rooms.candidates.expire_due(session) == 0
        assert state_of(house, candidate_id) == "expired"
        assert captures_of(house, candidate_id) == ["purged"]
        assert found(house, case.person_id) == candidate_id
        assert state_of(house, candidate_id) == "waiting"
        assert captures_of(house, candidate_id) == ["purged", "wanted"]

    def test_what_was_said_before_it_expired_is_linked_and_counts_no_more(
        self, any_house: House
    ) -> None:
        house, (first, second) = any_house, any_house.reviewers
        candidates, database = house.rooms.candidates, house.rooms.database
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        reviewer_says(house, first, candidate_id, "same")
        person_says(house, person, candidate_id, "same")
        for _ in range(2):
            house.clock.advance(days=15)
            with database.write() as session:
                assert candidates.expire_due(session) == 1
            assert found(house, case.person_id) == candidate_id
        with database.read() as session:
            asked = candidates.view(session, first, candidate_id)
        assert (asked.my_verdict, asked.needs_reviewer, asked.needs_person) == (None, True, True)
        assert (asked.came_back, asked.earlier, asked.verdicts) == (True, (), ())
        resolution = reviewer_says(house, second, candidate_id, "same")
        assert (resolution.state, resolution.needs_reviewer) == ("waiting", True)
        resolution = reviewer_says(house, first, candidate_id, "same")
        assert (resolution.needs_reviewer, resolution.needs_person) == (False, True)
        with database.read() as session:
            told = candidates.view(session, second, candidate_id)
        assert {(each.by, each.account_id) for each in told.earlier} == {
            ("reviewer", first.account_id),
            ("person", None),
        }
        assert {each.account_id for each in told.verdicts} == {first.account_id, second.account_id}
        assert person_says(house, person, candidate_id, "same").state == "confirmed"


class TestVisibility:
    def test_nobody_of_another_organisation_sees_a_find(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        candidate_id = found(any_house, case.person_id)
        elsewhere = any_house.new_organisation("Elsewhere")
        stranger_person, _ = make_person(
            any_house, organisation_id=elsewhere, photos=(b"face:bea#1",)
        )
        candidates = any_house.rooms.candidates
        for stranger in (
            any_house.new_staff(elsewhere),
            any_house.new_staff(elsewhere, Role.OPERATOR),
            stranger_person,
            any_house.operator,
            Actor.system("test", elsewhere),
        ):
            with database.read() as session:
                assert candidates.queue(session, stranger) == []
                assert candidates.finds_of(session, stranger, case.person_id) == []
                assert candidates.counts(session, stranger, case.person_id) == ()
                for look in (candidates.view, candidates.evidence_view):
                    with pytest.raises(NotFoundError):
                        look(session, stranger, candidate_id)
            for act in (candidates.show_face, candidates.report_minor_sign):
                with pytest.raises((NotFoundError, NotAllowedError)), database.write() as session:
                    act(session, stranger, candidate_id)

    def test_showing_a_face_is_audited(self, house: House, database: Database) -> None:
        person, case = make_person(house)
        candidate_id = found(house, case.person_id)
        with database.write() as session:
            for actor in (house.reviewers[0], person):
                crop = house.rooms.candidates.show_face(session, actor, candidate_id)
                assert crop == FOUND_CROP
            with pytest.raises(NotAllowedError):
                house.rooms.candidates.show_face(session, house.operator, candidate_id)
        with database.read() as session:
            shown = session.execute(
                text("SELECT actor FROM audit WHERE action = 'candidate.show_face'")
            ).scalars()
            assert set(shown) == {
                house.reviewers[0].audit_name,
                f"person:{case.person_id}",
            }
