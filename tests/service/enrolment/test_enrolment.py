"""A case from its first page on: begun, signed, handed in, attested, withdrawn."""

from __future__ import annotations

import uuid

import pytest

from service.accounts.actor import Actor, Role
from service.database import Database
from service.enrolment import signing_in
from service.enrolment.errors import (
    AdultsOnlyError,
    CaseNumberMismatchError,
    ReleaseNeededError,
    SignInFailedError,
    StatementNotTickedError,
    WeakPassphraseError,
    WrongStateError,
)
from service.enrolment.models import Person
from service.enrolment.views_of import next_step
from service.errors import NotAllowedError, NotFoundError, TooManyAttemptsError
from tests.service.enrolment.people_factory import (
    MODEL,
    OTHER_MODEL,
    PASSPHRASE,
    House,
    attest,
    begin,
    make_person,
    person_of,
)


class TestBeginning:
    @pytest.mark.parametrize(("now", "in_pictures"), [(False, True), (True, False)])
    def test_minors_are_refused_before_anything_is_kept(
        self, house: House, database: Database, now: bool, in_pictures: bool
    ) -> None:
        with pytest.raises(AdultsOnlyError), database.write() as session:
            house.rooms.enrolment.begin(
                session, adult_now=now, adult_in_pictures=in_pictures, passphrase=PASSPHRASE
            )
        with database.read() as session:
            assert session.query(Person).count() == 0
        assert not any(name.startswith("person:") for name in house.rooms.vault._keys.names())

    def test_nothing_that_was_typed_is_in_the_row_in_the_clear(
        self, house: House, database: Database
    ) -> None:
        case = begin(house, name="Ada Lovelace")
        with database.read() as session:
            row = session.get(Person, case.person_id)
            assert row is not None
            everything = repr(vars(row)).encode() + row.document
        for secret in (case.case_number, case.deletion_code, "Lovelace", "ada@", PASSPHRASE):
            assert secret.encode() not in everything

    def test_a_weak_passphrase_is_refused_with_advice(
        self, house: House, database: Database
    ) -> None:
        with pytest.raises(WeakPassphraseError, match="12 characters"), database.write() as session:
            house.rooms.enrolment.begin(
                session, adult_now=True, adult_in_pictures=True, passphrase="short"
            )

    def test_the_case_number_has_to_be_typed_again(self, house: House, database: Database) -> None:
        case = begin(house)
        person = person_of(case)
        with pytest.raises(CaseNumberMismatchError), database.write() as session:
            house.rooms.enrolment.confirm_number(session, person, case.person_id, "K7F3-9QXM-2P4D")
        typed = case.case_number.lower().replace("-", " ")
        with database.write() as session:
            house.rooms.enrolment.confirm_number(session, person, case.person_id, typed)
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.number_confirmed


class TestSigningIn:
    def test_number_and_passphrase_open_a_session_of_that_person(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        token = house.rooms.enrolment.sign_in(
            database, f" {case.case_number.lower()} ", f"  {PASSPHRASE} ", "198.51.100.7"
        )
        with database.read() as session:
            actor = house.rooms.accounts.actor_of(session, token)
        assert actor is not None
        assert (actor.role, actor.person_id) == (Role.PERSON, case.person_id)

    @pytest.mark.parametrize(
        "typed",
        [
            "acorn alder amber anchor apple acorn",
            "Acorn ALDER amber Anchor apple acorn",
            "  acorn\u00a0alder  amber\tanchor apple\u3000acorn \n",
        ],
    )
    def test_made_up_words_open_with_any_capitals_and_spaces(
        self, house: House, database: Database, typed: str
    ) -> None:
        words = "acorn alder amber anchor apple acorn"
        with database.write() as session:
            case = house.rooms.enrolment.begin(
                session, adult_now=True, adult_in_pictures=True, passphrase=words
            )
        sign_in = house.rooms.enrolment.sign_in
        assert sign_in(database, case.case_number, typed)
        for wrong in ("acorn alder amber anchor acorn apple", words.replace(" ", "-"), ""):
            with pytest.raises(SignInFailedError):
                sign_in(database, case.case_number, wrong)

    def test_a_passphrase_of_ones_own_opens_only_as_it_was_typed(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        with pytest.raises(SignInFailedError):
            house.rooms.enrolment.sign_in(database, case.case_number, PASSPHRASE.upper())
        assert house.rooms.enrolment.sign_in(database, case.case_number, PASSPHRASE)

    @pytest.mark.parametrize("typed", ["Acorn alder amber anchor apple acorn", "x", ""])
    def test_every_attempt_hashes_as_often_whatever_was_typed_and_whoever_exists(
        self, house: House, database: Database, monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        case = begin(house)
        hashed: list[str] = []
        real = signing_in.verify_secret

        def counting(stored: str, text: str) -> bool:
            hashed.append(text)
            return real(stored, text)

        monkeypatch.setattr(signing_in, "verify_secret", counting)
        for number in (case.case_number, "K7F3-9QXM-2P4D"):
            hashed.clear()
            with pytest.raises(SignInFailedError):
                house.rooms.enrolment.sign_in(database, number, typed)
            assert len(hashed) == 2

    def test_wrong_number_and_wrong_passphrase_are_answered_alike(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        with pytest.raises(SignInFailedError) as wrong_passphrase:
            house.rooms.enrolment.sign_in(database, case.case_number, "not the passphrase")
        with pytest.raises(SignInFailedError) as wrong_number:
            house.rooms.enrolment.sign_in(database, "K7F3-9QXM-2P4D", PASSPHRASE)
        assert str(wrong_passphrase.value) == str(wrong_number.value)

    def test_guessing_is_stopped_by_case_number_whatever_the_address(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        for attempt in range(10):
            with pytest.raises(SignInFailedError):
                house.rooms.enrolment.sign_in(
                    database, case.case_number, "a wrong passphrase", f"198.51.100.{attempt}"
                )
        with pytest.raises(TooManyAttemptsError):
            house.rooms.enrolment.sign_in(database, case.case_number, PASSPHRASE, "198.51.100.99")
        house.clock.advance(minutes=16)
        assert house.rooms.enrolment.sign_in(database, case.case_number, PASSPHRASE, "")

    def test_the_deletion_code_does_not_sign_in_and_the_passphrase_does_not_delete(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        with pytest.raises(SignInFailedError):
            house.rooms.enrolment.sign_in(database, case.case_number, case.deletion_code)
        with pytest.raises(SignInFailedError):
            house.rooms.enrolment.signing_in.person_of_deletion_code(
                database, case.case_number, PASSPHRASE
            )
        actor = house.rooms.enrolment.signing_in.person_of_deletion_code(
            database, case.case_number, case.deletion_code.lower()
        )
        assert actor.person_id == case.person_id


class TestConsent:
    def test_nothing_is_signed_without_a_tick_or_by_anybody_else(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        sign = house.rooms.enrolment.sign_release
        with pytest.raises(StatementNotTickedError), database.write() as session:
            sign(session, person_of(case), case.person_id, signature_name="Ada", agreed=False)
        for other in (house.reviewers[0], house.operator, Actor.system("test")):
            with pytest.raises((NotAllowedError, NotFoundError)), database.write() as session:
                sign(session, other, case.person_id, signature_name="Ada", agreed=True)

    def test_face_search_cannot_be_signed_while_the_switch_is_off(
        self, house: House, database: Database
    ) -> None:
        house.set_faces(False)
        case = begin(house)
        with pytest.raises(WrongStateError), database.write() as session:
            house.rooms.enrolment.sign_release(
                session,
                person_of(case),
                case.person_id,
                signature_name="Ada",
                agreed=True,
                covers_faces=True,
            )

    def test_the_whole_text_is_kept_with_the_signature(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        with database.read() as session:
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.release is not None
        for element in (
            "biometric",
            "365 days",
            "withdraw",
            "never sold",
            "Two trained",
            "forgotten",
            "choose names and user names",
        ):
            assert element in view.release.text
        assert view.release.signature_name == "Ada L."

    def test_opting_out_masks_at_once_and_deletes_every_template(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
        enrolment = house.rooms.enrolment
        with database.read() as session:
            assert len(enrolment.templates_for_gallery(session, MODEL)) == 2 + 1
            before = enrolment.gallery_change(session)
        deleted = enrolment.consent.opt_out_of_faces(database, person, house.eyes, case.person_id)
        assert deleted == 2
        assert house.eyes.masked == [str(case.person_id)]
        with database.read() as session:
            assert enrolment.templates_for_gallery(session, MODEL) == ()
            assert enrolment.gallery_change(session) > before
            assert enrolment.is_active(session, case.person_id)
            assert house.rooms.hashbank.hashes_for_gallery(session) != ()

    def test_withdrawing_the_release_ends_every_search(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        enrolment = house.rooms.enrolment
        enrolment.consent.withdraw_release(database, person, house.eyes, case.person_id)
        with database.read() as session:
            assert enrolment.person_view(session, person, case.person_id).state == "closed"
            assert not enrolment.is_active(session, case.person_id)
            assert house.rooms.hashbank.hashes_for_gallery(session) == ()
            assert enrolment.templates_for_gallery(session, MODEL) == ()

    @pytest.mark.parametrize("by_whom", ["the person", "an advocate", "an advocate, at rest"])
    def test_signing_again_never_brings_back_what_an_advocate_ended(
        self, house: House, database: Database, by_whom: str
    ) -> None:
        person, case = make_person(house)
        enrolment, advocate = house.rooms.enrolment, house.reviewers[0]
        if by_whom == "an advocate":
            with database.write() as session:
                enrolment.close(session, advocate, case.person_id, "It was somebody else.")
        if by_whom == "an advocate, at rest":
            with database.write() as session:
                enrolment.pause(session, advocate, case.person_id, "A question.")
        if by_whom != "an advocate":
            enrolment.consent.withdraw_release(database, person, house.eyes, case.person_id)
        with database.write() as session:
            enrolment.sign_release(
                session, person, case.person_id, signature_name="Ada", agreed=True
            )
        with database.read() as session:
            active = enrolment.is_active(session, case.person_id)
        assert active is (by_whom == "the person")

    def test_a_release_past_its_term_counts_no_more_and_its_templates_go(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        enrolment = house.rooms.enrolment
        house.clock.advance(days=364)
        with database.write() as session:
            enrolment.sign_mandate(
                session, person, case.person_id, signature_name="Ada", agreed=True
            )
        house.clock.advance(days=2)
        with database.write() as session:
            assert enrolment.templates_for_gallery(session, MODEL) == ()
            assert not enrolment.is_active(session, case.person_id)
            system = Actor.system("test")
            assert enrolment.consent.end_expired(session, system) == 1
            assert enrolment.consent.end_expired(session, system) == 0

    def test_an_expired_mandate_hides_the_case_from_advocates(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        house.clock.advance(days=366)
        with database.read() as session:
            with pytest.raises(NotFoundError):
                house.rooms.enrolment.person_view(session, house.reviewers[0], case.person_id)
            assert house.rooms.enrolment.list_cases(session, house.reviewers[0]) == []
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert next_step(view).who == "you"

    def test_a_mandate_without_search_looks_for_nobody(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house, may_search=False)
        with database.read() as session:
            assert not house.rooms.enrolment.is_active(session, case.person_id)
            assert house.rooms.enrolment.open_case_ids(session, house.organisation_id) == []
            assert house.rooms.enrolment.templates_for_gallery(session, MODEL) == ()


class TestAttestation:
    def test_nobody_is_looked_for_before_an_advocate_attests(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house, active=False)
        enrolment = house.rooms.enrolment
        with database.read() as session:
            assert not enrolment.is_active(session, case.person_id)
            assert enrolment.templates_for_gallery(session, MODEL) == ()
            assert house.rooms.hashbank.hashes_for_gallery(session) == ()
        attest(house, house.reviewers[0], case.person_id)
        with database.read() as session:
            assert enrolment.is_active(session, case.person_id)
            assert enrolment.open_case_ids(session, house.organisation_id) == [case.person_id]

    @pytest.mark.parametrize("who", ["operator", "person", "other organisation"])
    def test_only_an_advocate_of_the_case_attests(
        self, house: House, database: Database, who: str
    ) -> None:
        person, case = make_person(house, active=False)
        other = house.new_staff(house.new_organisation("Elsewhere"))
        actor = {"operator": house.operator, "person": person}.get(who, other)
        with pytest.raises((NotAllowedError, NotFoundError)):
            attest(house, actor, case.person_id)

    def test_the_statement_is_never_ticked_for_the_advocate(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house, active=False)
        with pytest.raises(StatementNotTickedError), database.write() as session:
            house.rooms.enrolment.attest(
                session, house.reviewers[0], case.person_id, accepted=True, method="passport"
            )

    def test_a_refusal_needs_a_reason_that_the_person_reads(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, active=False)
        with database.write() as session:
            house.rooms.enrolment.attest(
                session,
                house.reviewers[0],
                case.person_id,
                accepted=False,
                method="",
                reason="The photos are too old.",
            )
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.state == "draft"
        assert "too old" in next_step(view).words

    def test_a_case_without_release_cannot_be_handed_in(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        with pytest.raises(ReleaseNeededError), database.write() as session:
            house.rooms.enrolment.hand_in(session, person_of(case), case.person_id)


class TestGallery:
    def test_templates_of_another_model_never_go_along(
        self, any_house: House, database: Database
    ) -> None:
        make_person(any_house)
        with database.read() as session:
            assert any_house.rooms.enrolment.templates_for_gallery(session, OTHER_MODEL) == ()

    def test_switching_faces_off_empties_the_gallery_of_that_organisation_only(
        self, any_house: House, database: Database
    ) -> None:
        make_person(any_house)
        elsewhere = any_house.new_organisation("Elsewhere")
        _, other = make_person(any_house, organisation_id=elsewhere, photos=(b"face:bea#1",))
        any_house.set_faces(False)
        with database.read() as session:
            templates = any_house.rooms.enrolment.templates_for_gallery(session, MODEL)
        assert [template.person_ref for template in templates] == [str(other.person_id)]

    def test_a_new_model_gets_its_own_templates_from_the_encrypted_photos(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        any_house.eyes.model = OTHER_MODEL
        rooms = any_house.rooms
        gallery = rooms.enrolment.gallery
        with database.read() as session:
            lacking = gallery.people_lacking_templates(session, OTHER_MODEL)
        assert lacking == (case.person_id,)
        assert rooms.photos.rebuild_templates(database, any_house.eyes, case.person_id) == 2
        with database.read() as session:
            assert len(gallery.templates_for_gallery(session, OTHER_MODEL)) == 2 + 1
            assert len(gallery.templates_for_gallery(session, MODEL)) == 2 + 1
            assert not gallery.people_lacking_templates(session, OTHER_MODEL)

    def test_references_are_the_persons_own_photos(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        with database.read() as session:
            references = any_house.rooms.enrolment.references_of(session, case.person_id)
        assert {reference.content for reference in references} == {b"face:ada#1", b"face:ada#2"}


class TestVisibility:
    def test_nobody_of_another_organisation_sees_a_case(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        elsewhere = any_house.new_organisation("Elsewhere")
        stranger_person, _ = make_person(any_house, organisation_id=elsewhere)
        strangers = (
            any_house.new_staff(elsewhere),
            any_house.new_staff(elsewhere, Role.OPERATOR),
            stranger_person,
            Actor.system("test", elsewhere),
            Actor(Role.PERSON, elsewhere, person_id=case.person_id),
        )
        enrolment = any_house.rooms.enrolment
        with database.read() as session:
            for stranger in strangers:
                with pytest.raises(NotFoundError):
                    enrolment.person_view(session, stranger, case.person_id)
                with pytest.raises(NotFoundError):
                    enrolment.find_case(session, stranger, case.case_number)
                assert case.person_id not in {
                    line.person_id for line in enrolment.list_cases(session, stranger)
                }
                assert not any_house.rooms.hashbank.list_known(session, stranger, case.person_id)

    def test_an_operator_sees_states_and_no_document(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        with database.read() as session:
            with pytest.raises(NotFoundError):
                any_house.rooms.enrolment.person_view(session, any_house.operator, case.person_id)
            counts = any_house.rooms.enrolment.case_counts(session, any_house.operator)
            with pytest.raises(NotAllowedError):
                any_house.rooms.enrolment.case_counts(session, any_house.reviewers[0])
        assert [(count.person_id, count.state) for count in counts] == [(case.person_id, "active")]

    def test_an_actor_without_a_person_sees_nobody(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        nobody = Actor(Role.PERSON, any_house.organisation_id, person_id=uuid.uuid4())
        with database.read() as session, pytest.raises(NotFoundError):
            any_house.rooms.enrolment.person_view(session, nobody, case.person_id)


def test_a_paused_case_is_not_looked_for_until_it_is_resumed(
    house: House, database: Database
) -> None:
    _, case = make_person(house)
    enrolment = house.rooms.enrolment
    with database.write() as session:
        enrolment.pause(session, Actor.system("flood"), case.person_id, "too many finds")
        assert not enrolment.is_active(session, case.person_id)
    with pytest.raises(NotAllowedError), database.write() as session:
        enrolment.resume(session, person_of(case), case.person_id)
    with database.write() as session:
        enrolment.resume(session, house.reviewers[0], case.person_id)
        assert enrolment.is_active(session, case.person_id)


def test_closing_a_case_deletes_its_templates(house: House, database: Database) -> None:
    _, case = make_person(house)
    with database.write() as session:
        house.rooms.enrolment.close(session, house.reviewers[0], case.person_id, "all is gone")
    with database.read() as session:
        assert house.rooms.enrolment.templates_for_gallery(session, MODEL) == ()
        assert house.rooms.enrolment.gallery.people_lacking_templates(session, MODEL) == ()
