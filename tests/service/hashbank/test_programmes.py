"""Handing hashes to programmes: the person's say for each, what leaves, and its taking back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from indexer.hashing import turned_hashes
from indexer.observations import MediaHashes
from service.accounts.actor import Actor, Role
from service.audit.models import AuditEntry
from service.candidates.statements import MINOR_REASON
from service.enrolment.errors import StatementNotTickedError
from service.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from service.hashbank.exchange.consents import ProgrammeView
from service.hashbank.exchange.errors import ConsentNeededError
from service.hashbank.exchange.exports import Handed
from service.hashbank.exchange.hma import HmaClient
from service.hashbank.exchange.models import (
    BankRemoval,
    HandOver,
    HashConnection,
    ProgrammeConsent,
    ProgrammeExport,
)
from service.hashbank.exchange.views import ConnectionView
from tests.service.candidates.finds_factory import (
    person_says,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.people_factory import (
    House,
    hashes_of,
    make_person,
)
from tests.service.hashbank.exchange_factory import HmaPeer, connect, hma_peer, listed
from tests.service.hashbank.test_hma_peer import allow


@pytest.fixture
def peer() -> Iterator[HmaPeer]:
    with hma_peer(token="the-token") as serving:
        serving.bank("NCII")
        yield serving


class Case:
    """A person with a case, and a programme of their organisation."""

    def __init__(self, house: House, programme: ConnectionView, *, active: bool = True) -> None:
        self.house, self.rooms, self.programme = house, house.rooms, programme
        self.person, begun = make_person(house, active=active)
        self.person_id = begun.person_id
        self.advocate = house.reviewers[0]

    def gives(self, content: bytes = b"given", origin: str = "given") -> MediaHashes:
        hashes = hashes_of(content)
        with self.rooms.database.write() as session:
            self.rooms.hashbank.add_known(
                session,
                self.person,
                self.person_id,
                origin,  # type: ignore[arg-type]
                hashes,
            )
        return hashes

    def agrees(self, programme: ConnectionView | None = None, actor: Actor | None = None) -> None:
        with self.rooms.database.write() as session:
            self.rooms.exchange.consents.agree(
                session,
                actor or self.person,
                self.person_id,
                (programme or self.programme).id,
                signature_name="Ada L.",
                agreed=True,
            )

    def withdraws(self) -> None:
        with self.rooms.database.write() as session:
            self.rooms.exchange.consents.withdraw(
                session, self.person, self.person_id, self.programme.id
            )

    def hand_over(self, form: str = "text", actor: Actor | None = None, **changes: bool) -> Handed:
        return self.rooms.exchange.exports.hand_over(
            self.rooms.database,
            actor or self.advocate,
            self.person_id,
            self.programme.id,
            form,  # type: ignore[arg-type]
            statement_ticked=changes.get("ticked", True),
        )

    def shown(self, actor: Actor | None = None) -> ProgrammeView:
        with self.rooms.database.read() as session:
            views = self.rooms.exchange.consents.programmes(
                session, actor or self.person, self.person_id
            )
        return next(view for view in views if view.programme.id == self.programme.id)


@pytest.fixture
def case(house: House) -> Case:
    return Case(house, connect(house, "partner", takes_exports=True, name="Partner bank"))


class TestConsent:
    def test_nothing_leaves_without_the_persons_say_for_that_very_programme(
        self, house: House, case: Case
    ) -> None:
        case.gives()
        other = connect(house, "partner", takes_exports=True, name="Another")
        with pytest.raises(ConsentNeededError):
            case.hand_over()
        case.agrees(other)
        with pytest.raises(ConsentNeededError):
            case.hand_over()
        case.agrees()
        assert case.hand_over().hashes == 1

    def test_what_was_signed_is_kept_whole_and_sealed(self, any_house: House) -> None:
        house = any_house
        case = Case(house, connect(house, "partner", takes_exports=True, name="Partner bank"))
        assert not case.shown().agreed
        case.agrees()
        view = case.shown()
        assert (view.agreed, view.signature_name) == (True, "Ada L.")
        text = view.text.whole
        for said in ("No picture leaves", "never a fingerprint of your reference photos", "undone"):
            assert said in text
        with house.rooms.database.read() as session:
            row = session.scalars(select(ProgrammeConsent)).one()
            audit = session.scalars(
                select(AuditEntry).where(AuditEntry.action == "programme.agree")
            ).one()
        assert b"Ada" not in row.document
        assert audit.detail == {"consent": 1}

    @pytest.mark.parametrize(
        ("name", "agreed", "error"),
        [("Ada", False, StatementNotTickedError), (" ", True, InvalidInputError)],
    )
    def test_it_needs_a_tick_and_a_name(
        self, case: Case, name: str, agreed: bool, error: type[Exception]
    ) -> None:
        with pytest.raises(error), case.rooms.database.write() as session:
            case.rooms.exchange.consents.agree(
                session,
                case.person,
                case.person_id,
                case.programme.id,
                signature_name=name,
                agreed=agreed,
            )

    def test_nobody_else_agrees_or_withdraws_for_the_person(self, house: House, case: Case) -> None:
        stranger, _ = make_person(house, photos=(b"face:bea#1",))
        for actor in (case.advocate, house.operator, stranger):
            with pytest.raises(NotAllowedError):
                case.agrees(actor=actor)

    def test_programmes_of_another_organisation_are_not_offered(
        self, house: House, case: Case
    ) -> None:
        elsewhere = house.new_organisation("Elsewhere")
        theirs = connect(
            house,
            "partner",
            actor=house.new_staff(elsewhere, Role.OPERATOR),
            takes_exports=True,
        )
        with pytest.raises(NotFoundError):
            case.agrees(theirs)
        with pytest.raises(NotFoundError), house.rooms.database.read() as session:
            house.rooms.exchange.consents.programmes(
                session, house.new_staff(elsewhere), case.person_id
            )

    def test_their_story_tells_what_was_agreed_and_handed_over(self, case: Case) -> None:
        case.gives()
        case.agrees()
        case.hand_over("csv")
        case.withdraws()
        with case.rooms.database.read() as session:
            story = case.rooms.exchange.story(session, case.person, case.person_id)
        words = [event.words for event in story]
        assert "You agreed that fingerprints may be handed to Partner bank." in words
        assert "2 fingerprints were handed to Partner bank." in words
        assert "You withdrew what you had agreed for Partner bank." in words


class TestWhatLeaves:
    def test_given_pictures_and_confirmed_finds_but_no_reference_photo(self, case: Case) -> None:
        given = case.gives(b"given")
        confirmed = case.gives(b"confirmed", "confirmed")
        case.gives(b"face:ada#1")  # the same picture as a reference photo, given as well
        case.agrees()
        handed = case.hand_over("text")
        assert handed.file is not None
        lines = handed.file.content.decode().splitlines()
        assert sorted(lines) == sorted(f"pdq {each.pdq}" for each in (given, confirmed))

    def test_no_reference_photo_and_nothing_of_a_stop_list_when_it_is_mirrored(
        self, house: House, case: Case
    ) -> None:
        stopped = case.gives(b"stopped")
        reference = hashes_of(b"face:ada#1")
        assert stopped.pdq is not None
        assert reference.pdq is not None
        listed(house, "stop", f"pdq {turned_hashes(stopped.pdq)[5]}")
        mirrored = MediaHashes("ab" * 32, turned_hashes(reference.pdq)[5], 100)
        with house.rooms.database.write() as session:
            house.rooms.hashbank.add_known(session, case.person, case.person_id, "given", mirrored)
        case.agrees()
        with pytest.raises(ConflictError, match="no hash that could be handed over"):
            case.hand_over()

    def test_a_csv_names_hashes_and_nothing_of_the_case(self, case: Case) -> None:
        given = case.gives()
        case.agrees()
        file = case.hand_over("csv").file
        assert file is not None
        rows = list(csv.reader(io.StringIO(file.content.decode())))
        assert rows == [
            ["signal_type", "signal_value"],
            ["pdq", given.pdq],
            ["sha256", given.sha256],
        ]
        with case.rooms.database.read() as session:
            view = case.rooms.enrolment.person_view(session, case.person, case.person_id)
        for told in (view.case_number, view.display_name, str(case.person_id)):
            assert told not in file.content.decode() + file.name

    def test_the_librarys_own_reader_takes_the_text_form(self, case: Case) -> None:
        from threatexchange.exchanges.impl.file_api import (
            FileCollaborationConfig,
            LocalFileSignalExchangeAPI,
        )
        from threatexchange.signal_type.pdq.signal import PdqSignal

        given = case.gives()
        case.agrees()
        file = case.hand_over("text").file
        assert file is not None
        path = case.rooms.settings.data_dir / "handed.txt"
        path.write_bytes(file.content)
        collab = FileCollaborationConfig(name="x", filename=str(path))
        api = LocalFileSignalExchangeAPI.for_collab(collab)
        (delta,) = api.fetch_iter([PdqSignal], None)
        found = api.naive_convert_to_signal_type([PdqSignal], collab, delta.updates)
        assert list(found[PdqSignal]) == [given.pdq]

    def test_nothing_of_what_was_halted_or_is_on_a_stop_list(
        self, house: House, case: Case
    ) -> None:
        case.gives(b"fine")
        stopped = case.gives(b"stopped")
        listed(house, "stop", f"pdq {stopped.pdq}")
        medium = sees_medium(house, b"halted")
        found = record_face(house, case.person_id, medium, b"halted")
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, found, "same")
        person_says(house, case.person, found, "same")
        case.agrees()
        before = case.hand_over("text")
        with house.rooms.database.write() as session:
            house.rooms.candidates.report_minor_sign(session, case.advocate, found, MINOR_REASON)
        after = case.hand_over("text")
        assert (before.hashes, after.hashes) == (2, 1)
        assert after.file is not None
        assert hashes_of(b"halted").pdq not in after.file.content.decode()

    def test_nothing_of_a_case_that_was_not_attested_or_rests(self, house: House) -> None:
        programme = connect(house, "partner", takes_exports=True)
        case = Case(house, programme, active=False)
        case.gives()
        case.agrees()
        with pytest.raises(ConflictError, match="attested"):
            case.hand_over()

    def test_only_an_advocate_hands_over_and_only_with_the_statement_ticked(
        self, house: House, case: Case
    ) -> None:
        case.gives()
        case.agrees()
        for actor in (house.operator, case.person):
            with pytest.raises(NotAllowedError):
                case.hand_over(actor=actor)
        with pytest.raises(StatementNotTickedError):
            case.hand_over(ticked=False)
        elsewhere = house.new_staff(house.new_organisation("Elsewhere"))
        with pytest.raises(NotFoundError):
            case.hand_over(actor=elsewhere)

    def test_how_many_when_and_by_whom_is_told_but_never_which(self, case: Case) -> None:
        given = case.gives()
        case.agrees()
        case.hand_over("csv")
        (line,) = case.shown().exports
        assert (line.hashes, line.form, line.account_id) == (2, "csv", case.advocate.account_id)
        with case.rooms.database.read() as session:
            trail = [
                json.dumps(entry.detail)
                for entry in session.scalars(select(AuditEntry))
                if entry.action.startswith("programme.")
            ]
            row = session.scalars(select(ProgrammeExport)).one()
        assert '"hashes": 2' in trail[-1]
        for secret in (given.pdq, given.sha256):
            assert secret is not None
            assert all(secret not in entry for entry in trail)
            assert secret.encode() not in row.document

    def test_a_kind_that_takes_no_hashes_is_never_a_programme(self, house: House) -> None:
        for kind, address in (("stopncii", ""), ("ncmec", "NGO")):
            with pytest.raises(InvalidInputError, match="takes no hashes"):
                connect(house, kind, address=address, takes_exports=True)


class TestABank:
    @pytest.fixture
    def banked(self, any_house: House, peer: HmaPeer) -> Case:
        allow(any_house, peer)
        programme = connect(
            any_house,
            "hma",
            address=peer.address,
            bank="NCII",
            takes_exports=True,
            credentials={"token": "the-token"},
        )
        return Case(any_house, programme)

    def test_hashes_go_in_once_and_come_out_when_consent_is_withdrawn(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        given = banked.gives()
        banked.agrees()
        assert banked.hand_over("push").hashes == 1
        assert peer.bodies == [{"pdq": given.pdq}]
        with pytest.raises(ConflictError, match="there already"):
            banked.hand_over("push")
        banked.withdraws()
        assert banked.shown().to_take_back == 1
        assert banked.rooms.exchange.exports.take_back(banked.rooms.database) == 1
        assert peer.banks["NCII"] == {}
        view = banked.shown()
        assert (view.agreed, view.to_take_back) == (False, 0)
        assert sorted(line.form for line in view.exports) == ["push", "removal_call"]
        assert banked.rooms.exchange.exports.take_back(banked.rooms.database) == 0

    def test_who_withdraws_waits_for_nobody_elses(self, banked: Case, peer: HmaPeer) -> None:
        other = Case(banked.house, banked.programme)
        for case, name in ((banked, b"one"), (other, b"two")):
            case.gives(name)
            case.agrees()
            case.hand_over("push")
            case.withdraws()
        exports, database = banked.rooms.exchange.exports, banked.rooms.database
        assert exports.take_back(database, banked.person_id) == 1
        assert len(peer.banks["NCII"]) == 1
        assert exports.take_back(database) == 1
        assert peer.banks["NCII"] == {}

    def test_what_cannot_be_taken_back_now_is_taken_back_later(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        banked.gives()
        banked.agrees()
        banked.hand_over("push")
        banked.withdraws()
        peer.fail_after = len(peer.requests)
        exports, database = banked.rooms.exchange.exports, banked.rooms.database
        assert exports.take_back(database) == 0
        assert banked.shown().to_take_back == 1
        peer.fail_after = None
        assert exports.take_back(database) == 1
        assert peer.banks["NCII"] == {}

    def test_of_a_push_that_breaks_off_it_is_known_what_lies_there(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        for name in (b"one", b"two", b"three"):
            banked.gives(name)
        banked.agrees()
        peer.fail_after = len(peer.requests) + 2
        with pytest.raises(ConflictError, match="2 of 3 hashes were handed over"):
            banked.hand_over("push")
        (line,) = banked.shown().exports
        assert (line.state, line.hashes) == ("part", 2)
        peer.fail_after = None
        assert banked.hand_over("push").hashes == 1
        banked.withdraws()
        assert banked.rooms.exchange.exports.take_back(banked.rooms.database) == 2
        assert peer.banks["NCII"] == {}

    def test_nothing_more_leaves_once_consent_is_withdrawn_in_between(
        self, banked: Case, peer: HmaPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in (b"one", b"two", b"three"):
            banked.gives(name)
        banked.agrees()
        add = HmaClient.add

        def add_and_withdraw(client: HmaClient, bank: str, hashes: Any) -> int:
            added = add(client, bank, hashes)
            banked.withdraws()
            return added

        monkeypatch.setattr(HmaClient, "add", add_and_withdraw)
        with pytest.raises(ConflictError, match="1 of 3 hashes were handed over"):
            banked.hand_over("push")
        assert len(peer.banks["NCII"]) == 1
        assert banked.rooms.exchange.exports.take_back(banked.rooms.database) == 1
        assert peer.banks["NCII"] == {}

    def test_nothing_more_leaves_of_what_is_halted_in_between(
        self, banked: Case, peer: HmaPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in (b"one", b"two"):
            banked.gives(name)
        banked.agrees()
        add = HmaClient.add

        def add_and_halt(client: HmaClient, bank: str, hashes: Any) -> int:
            added = add(client, bank, hashes)
            for name in (b"one", b"two"):
                medium = sees_medium(banked.house, name)
                with banked.rooms.database.write() as session:
                    banked.rooms.sources.halted.halt(session, medium)
            return added

        monkeypatch.setattr(HmaClient, "add", add_and_halt)
        with pytest.raises(ConflictError, match="1 of 2 hashes were handed over"):
            banked.hand_over("push")
        assert len(peer.banks["NCII"]) == 1

    def test_a_closed_programme_gives_back_what_lies_there_and_its_credentials_go_then(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        house, programme = banked.house, banked.programme
        connections, database = banked.rooms.exchange.connections, banked.rooms.database

        def secret() -> bytes | None:
            with database.read() as session:
                return session.scalars(select(HashConnection.secret)).one()

        banked.gives()
        banked.agrees()
        banked.hand_over("push")
        with database.write() as session:
            connections.close(session, house.operator, programme.id)
        assert secret() is not None
        with pytest.raises(NotFoundError):
            banked.hand_over("push")
        banked.withdraws()
        assert banked.rooms.exchange.exports.take_back(database) == 1
        assert peer.banks["NCII"] == {}
        assert secret() is None

    def test_a_file_that_takes_back_leaves_what_lies_in_the_bank_to_the_call(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        banked.gives()
        banked.agrees()
        banked.hand_over("push")
        banked.hand_over("csv")
        banked.withdraws()
        exports, database = banked.rooms.exchange.exports, banked.rooms.database
        exports.take_back_file(database, banked.advocate, banked.person_id, banked.programme.id)
        assert exports.take_back(database) == 1
        assert peer.banks["NCII"] == {}

    def test_erasing_a_person_takes_their_hashes_out_also_when_the_server_is_away(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        rooms, house = banked.rooms, banked.house
        banked.gives()
        banked.agrees()
        banked.hand_over("push")
        peer.fail_after = len(peer.requests)
        finished = rooms.erasure.erase(rooms.database, banked.person, house.eyes, banked.person_id)
        counted = {count.what: count.count for count in finished.counts}
        assert counted["hashes to be taken out of programmes' banks"] == 1
        with rooms.database.write() as session:
            rooms.exchange.connections.close(session, house.operator, banked.programme.id)
        assert rooms.exchange.exports.take_back(rooms.database) == 0
        assert len(peer.banks["NCII"]) == 1
        peer.fail_after = None
        assert rooms.exchange.exports.take_back(rooms.database) == 1
        assert peer.banks["NCII"] == {}
        with rooms.database.read() as session:
            assert session.scalars(select(HashConnection.secret)).one() is None
            assert session.scalar(select(func.count()).select_from(BankRemoval)) == 0

    def test_only_hashes_and_no_word_of_the_case_reach_the_server(
        self, banked: Case, peer: HmaPeer
    ) -> None:
        banked.gives()
        banked.agrees()
        banked.hand_over("push")
        with banked.rooms.database.read() as session:
            view = banked.rooms.enrolment.person_view(session, banked.person, banked.person_id)
        sent = json.dumps([peer.requests, peer.bodies, peer.headers])
        for told in (view.case_number, view.display_name, str(view.person_id)):
            assert told not in sent


class TestTakingBackByFile:
    def test_the_file_names_what_was_handed_over_even_what_was_forgotten_since(
        self, case: Case
    ) -> None:
        given = case.gives()
        case.agrees()
        case.hand_over("text")
        with case.rooms.database.write() as session:
            (known,) = (
                each
                for each in case.rooms.hashbank.list_known(session, case.person, case.person_id)
                if each.origin == "given"
            )
            case.rooms.hashbank.remove(session, case.person, known.known_id)
        exports, database = case.rooms.exchange.exports, case.rooms.database

        def take_back() -> Handed:
            return exports.take_back_file(
                database, case.advocate, case.person_id, case.programme.id
            )

        with pytest.raises(ConflictError, match="agrees"):
            take_back()
        case.withdraws()
        assert case.shown().to_take_back == 1
        file = take_back().file
        assert file is not None
        assert file.name.startswith("remove-")
        assert file.content.decode().splitlines()[1:] == [f"pdq,{given.pdq}"]
        assert case.shown().to_take_back == 0
        with pytest.raises(ConflictError, match="Nothing was handed over"):
            take_back()


class TestHandOver:
    def note(self, case: Case, service: str = "stopncii", day: str = "2027-02-27") -> None:
        with case.rooms.database.write() as session:
            case.rooms.exchange.hand_overs.note(session, case.person, case.person_id, service, day)

    def test_the_person_notes_it_and_their_advocate_knows(self, case: Case) -> None:
        self.note(case)
        self.note(case, day="2027-02-28")
        with case.rooms.database.read() as session:
            for actor in (case.person, case.advocate):
                views = case.rooms.exchange.hand_overs.services(session, actor, case.person_id)
                done = {view.service.key: view.done_on for view in views}
                assert done == {
                    "stopncii": "2027-02-28",
                    "take_it_down": "",
                    "report_remove": "",
                }
            (row,) = session.scalars(select(HandOver))
        assert b"2027" not in row.document
        with case.rooms.database.write() as session:
            case.rooms.exchange.hand_overs.forget(session, case.person, case.person_id, "stopncii")
            assert session.scalar(select(func.count()).select_from(HandOver)) == 0

    @pytest.mark.parametrize(
        ("service", "day"),
        [("nowhere", "2027-02-27"), ("stopncii", "yesterday"), ("stopncii", "2031-01-01")],
    )
    def test_what_is_no_service_or_no_day_is_refused(
        self, case: Case, service: str, day: str
    ) -> None:
        with pytest.raises(InvalidInputError):
            self.note(case, service, day)

    def test_only_the_person_notes_it(self, house: House, case: Case) -> None:
        for actor in (case.advocate, house.operator):
            with pytest.raises(NotAllowedError), case.rooms.database.write() as session:
                case.rooms.exchange.hand_overs.note(
                    session, actor, case.person_id, "stopncii", "2027-02-27"
                )
        with pytest.raises(NotFoundError), case.rooms.database.read() as session:
            case.rooms.exchange.hand_overs.services(session, house.operator, case.person_id)


def test_erasing_a_person_removes_it_all_and_the_receipt_counts_it(any_house: House) -> None:
    house = any_house
    case = Case(house, connect(house, "partner", takes_exports=True))
    case.gives()
    case.agrees()
    case.hand_over()
    TestHandOver().note(case)
    finished = house.rooms.erasure.erase(
        house.rooms.database, case.person, house.eyes, case.person_id
    )
    counted = {count.what: count.count for count in finished.counts}
    assert counted["consents to programmes"] == 1
    assert counted["exports of hashes"] == 1
    assert counted["notes of services"] == 1
    with house.rooms.database.read() as session:
        for table in (ProgrammeConsent, ProgrammeExport, HandOver):
            assert session.scalar(select(func.count()).select_from(table)) == 0
