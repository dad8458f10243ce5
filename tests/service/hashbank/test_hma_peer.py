"""A Hasher-Matcher-Actioner server as a peer: both find the same; only hashes ever go out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from service.database import Database
from service.errors import ConflictError, InvalidInputError, NotAllowedError
from service.hashbank.exchange.errors import (
    CredentialsMissingError,
    PeerRefusedError,
    PeerUnreachableError,
)
from service.hashbank.exchange.hma import HmaClient
from service.hashbank.exchange.models import HashList
from service.hashbank.exchange.outbound import GuardedSession, OutboundRules
from service.hashbank.exchange.programmes import Fetched, source_of
from tests.fixtures.hostile_site import (
    body,
    drip,
    endless,
    gzip_bomb,
    hostile_site,
    raw,
    redirect,
)
from tests.fixtures.local_tls import make_local_tls
from tests.service.enrolment.people_factory import House, make_house
from tests.service.hashbank.exchange_factory import (
    HmaPeer,
    add_list,
    connect,
    flipped,
    hma_peer,
    import_lines,
    rules_for,
)
from tests.service.hashbank.test_hash_lists import seen, similar, some_pdq


@pytest.fixture
def peer() -> object:
    with hma_peer() as serving:
        yield serving


def client_of(peer: HmaPeer, **changes: object) -> HmaClient:
    return HmaClient(peer.address, rules_for(peer.port, **changes), peer.token)


def allow(house: House, peer: HmaPeer) -> None:
    """As an operator does who lists the peer's exact address and port in the settings."""
    rules = rules_for(peer.port)
    rooms = house.rooms.exchange
    for part in (rooms.lists, rooms.peers, rooms.exports, rooms.banks):
        object.__setattr__(part, "_rules", rules)


class TestBothFindTheSame:
    def test_within_31_bits_their_index_and_ours_agree_both_ways(
        self, house: House, peer: HmaPeer
    ) -> None:
        source = random.Random(5)
        banked = some_pdq(200, seed=6)
        ids = peer.bank("NCII", *banked)
        view = add_list(house, name="Same")
        import_lines(house, view.id, [f"pdq {each}" for each in banked])
        client = client_of(peer)
        theirs_found = 0
        for _ in range(60):
            at = source.randrange(len(banked))
            asked = flipped(banked[at], source.sample(range(256), source.randint(0, 36)))
            theirs = client.matches("pdq", bytes.fromhex(asked))
            ours = similar(house, seen(asked)).matches
            near = {
                ids[place]: (int(asked, 16) ^ int(one, 16)).bit_count()
                for place, one in enumerate(banked)
                if (int(asked, 16) ^ int(one, 16)).bit_count() <= 31
            }
            assert {match.content_id: int(match.distance) for match in theirs} == near
            assert [match.distance for match in ours] == ([min(near.values())] if near else [])
            assert client.banks_of("pdq", bytes.fromhex(asked)) == (("NCII",) if near else ())
            theirs_found += bool(near)
        assert 20 < theirs_found < 60

    def test_what_it_says_of_itself_is_read(self, peer: HmaPeer) -> None:
        peer.bank("NCII", *some_pdq(3))
        peer.bank("OTHER")
        client = client_of(peer)
        assert [bank.name for bank in client.banks()] == ["NCII", "OTHER"]
        assert client.index_status()["pdq"].size == 3

    def test_hashes_are_added_to_a_bank_and_taken_out_again(self, peer: HmaPeer) -> None:
        peer.bank("NCII")
        (one,) = some_pdq(1)
        client = client_of(peer)
        content_id = client.add("NCII", {"pdq": bytes.fromhex(one)})
        assert peer.bodies == [{"pdq": one}]
        assert [match.content_id for match in client.matches("pdq", bytes.fromhex(one))] == [
            content_id
        ]
        assert client.delete("NCII", content_id)
        assert not client.delete("NCII", content_id)
        with pytest.raises(PeerRefusedError, match="no such bank"):
            client.add("NONE", {"pdq": bytes.fromhex(one)})


class TestFetchingABank:
    def test_a_list_follows_its_bank_with_additions_and_deletions(
        self, any_house: House, peer: HmaPeer
    ) -> None:
        house = any_house
        allow(house, peer)
        one, two, three, elsewhere = some_pdq(4)
        ids = peer.bank("NCII", one, two)
        peer.bank("OTHER", elsewhere)
        over = connect(house, "hma", address=peer.address)
        view = add_list(house, name="Bank", connection_id=over.id, selection="NCII")
        lists, database = house.rooms.exchange.lists, house.rooms.database
        first = lists.fetch(database, house.operator, view.id).changed
        assert (first.added, first.entries) == (2, 2)
        assert not similar(house, seen(elsewhere)).matches
        again = lists.fetch(database, house.operator, view.id).changed
        assert (again.added, again.removed) == (0, 0)
        del peer.banks["NCII"][ids[0]]
        peer.bank("NCII", three)
        changed = lists.fetch(database, house.operator, view.id).changed
        assert (changed.removed, changed.entries) == (1, 2)
        assert not similar(house, seen(one)).matches
        assert similar(house, seen(two)).matches
        assert similar(house, seen(three)).matches

    def test_a_fetch_that_runs_out_of_time_goes_on_where_it_stood(
        self, house: House, peer: HmaPeer
    ) -> None:
        allow(house, peer)
        peer.bank("NCII", *some_pdq(250))
        over = connect(house, "hma", address=peer.address)
        view = add_list(house, connection_id=over.id, selection="NCII")
        lists, database = house.rooms.exchange.lists, house.rooms.database
        counts = []
        for _ in range(4):
            asked = len(peer.requests)
            fetched = lists.fetch(database, house.operator, view.id, within_s=0.0)
            assert len(peer.requests) - asked <= 101
            counts.append(fetched.changed.entries)
        assert counts == [100, 200, 250, 250]

    def test_a_peer_that_breaks_off_leaves_what_is_in_force_and_says_why(
        self, house: House, peer: HmaPeer
    ) -> None:
        allow(house, peer)
        (one,) = some_pdq(1)
        peer.bank("NCII", one)
        over = connect(house, "hma", address=peer.address)
        view = add_list(house, connection_id=over.id, selection="NCII")
        lists, database = house.rooms.exchange.lists, house.rooms.database
        lists.fetch(database, house.operator, view.id)
        peer.fail_after = len(peer.requests) + 1
        with pytest.raises(PeerUnreachableError):
            lists.fetch(database, house.operator, view.id)
        assert similar(house, seen(one)).matches
        with database.read() as session:
            assert "503" in lists.list(session, house.operator, view.id).problem
        peer.fail_after = None
        lists.fetch(database, house.operator, view.id)
        with database.read() as session:
            assert lists.list(session, house.operator, view.id).problem == ""

    def test_lists_are_fetched_when_their_time_has_come_and_one_that_fails_stops_no_other(
        self, house: House, peer: HmaPeer
    ) -> None:
        allow(house, peer)
        peer.bank("NCII", *some_pdq(1))
        over = connect(house, "hma", address=peer.address)
        add_list(house, connection_id=over.id, selection="NONE", name="a broken one")
        good = add_list(house, connection_id=over.id, selection="NCII", name="good")
        add_list(house, name="of files")
        lists, database = house.rooms.exchange.lists, house.rooms.database
        assert lists.fetch_due(database) == 1
        assert lists.fetch_due(database) == 0
        house.clock.advance(hours=7)
        assert lists.fetch_due(database) == 1
        with database.read() as session:
            assert lists.list(session, house.operator, good.id).entries == 1

    def test_a_server_that_does_not_tell_hashes_is_said_to_be_one(self, peer: HmaPeer) -> None:
        peer.tells_signals = False
        peer.bank("NCII", *some_pdq(1))
        source = source_of("hma", peer.address, "NCII", {}, rules_for(peer.port))
        with pytest.raises(PeerRefusedError, match="does not tell the hashes"):
            list(source.steps(None, Fetched()))

    def test_a_list_needs_a_bank_and_files_do_not_go_into_it(
        self, house: House, peer: HmaPeer
    ) -> None:
        over = connect(house, "hma", address=peer.address)
        with pytest.raises(InvalidInputError, match="Bank"):
            add_list(house, connection_id=over.id)
        view = add_list(house, connection_id=over.id, selection="NCII")
        with pytest.raises(ConflictError, match="not from files"):
            import_lines(house, view.id, ["pdq " + "0" * 64])
        of_files = add_list(house)
        with pytest.raises(ConflictError, match="import a file"):
            house.rooms.exchange.lists.fetch(house.rooms.database, house.operator, of_files.id)


class TestTheDoor:
    """A server that is down, hostile, or not the one that was named."""

    def test_it_is_asked_again_a_few_times_and_then_given_up(self, peer: HmaPeer) -> None:
        peer.fail_after = 0
        waited: list[float] = []
        client = client_of(peer, attempts=4, first_wait_s=1.0, sleep=waited.append)
        with pytest.raises(PeerUnreachableError, match="503"):
            client.banks()
        assert len(peer.requests) == 4
        assert waited == [1.0, 2.0, 4.0]

    def test_what_changes_something_is_asked_once(self, peer: HmaPeer) -> None:
        peer.bank("NCII")
        peer.fail_after = 0
        with pytest.raises(PeerUnreachableError):
            client_of(peer).add("NCII", {"pdq": bytes(32)})
        assert [method for method, _ in peer.requests] == ["POST"]

    def test_a_server_that_is_gone_is_said_to_be(self) -> None:
        with hma_peer() as gone:
            client = client_of(gone)
        with pytest.raises(PeerUnreachableError, match="cannot be reached"):
            client.banks()

    def test_wrong_credentials_are_told_apart(self) -> None:
        with hma_peer(token="right") as peer:
            client = HmaClient(peer.address, rules_for(peer.port), "wrong")
            with pytest.raises(PeerRefusedError, match="credentials are not accepted") as raised:
                client.banks()
            assert "wrong" not in str(raised.value)
            assert HmaClient(peer.address, rules_for(peer.port), "right").banks() == ()

    def test_a_private_address_needs_its_exact_exception(self, peer: HmaPeer) -> None:
        for rules in (OutboundRules(), rules_for(peer.port + 1)):
            with pytest.raises(PeerRefusedError, match="LIKENESS_ADDRESS_EXCEPTIONS"):
                HmaClient(peer.address, rules).banks()
        assert peer.requests == []

    def test_plain_http_is_for_this_machine_alone(self) -> None:
        rules = OutboundRules(resolve=lambda host, port: ("93.184.216.34",))
        with pytest.raises(PeerRefusedError, match="not a public one"):
            HmaClient("http://hashes.example", rules).banks()

    def test_a_name_that_means_a_private_address_is_refused(self) -> None:
        rules = OutboundRules(resolve=lambda host, port: ("10.0.0.7",))
        with pytest.raises(PeerRefusedError, match="not a public one"):
            HmaClient("https://hashes.example", rules).banks()

    def test_redirects_and_other_addresses_are_not_followed(self, peer: HmaPeer) -> None:
        with hostile_site() as site:
            site.put("/c/banks", redirect(f"{peer.address}/c/banks"))
            with pytest.raises(PeerRefusedError, match="sent us elsewhere"):
                HmaClient(site.at(""), rules_for(site.port)).banks()
            session = GuardedSession(rules_for(peer.port), [site.at("")])
            with pytest.raises(PeerRefusedError, match="another address"):
                session.get(f"{peer.address}/c/banks")
        assert peer.requests == []

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (endless("application/json"), "too large"),
            (gzip_bomb(8_000_000, "application/json"), "too large"),
            (drip(0.05, "application/json"), "too long"),
            (raw(b"nonsense\r\n\r\n"), "cannot be reached"),
            (body(b"<html>", "text/html"), "not that of a Hasher"),
            (body(b'{"a": 1}', "application/json"), "not that of a Hasher"),
        ],
    )
    def test_hostile_answers_are_refused_within_bounds(self, answer: object, words: str) -> None:
        with hostile_site() as site:
            site.put("/c/banks", answer)  # type: ignore[arg-type]
            rules = rules_for(site.port, max_answer_bytes=100_000, max_answer_s=1.0, attempts=1)
            with pytest.raises((PeerRefusedError, PeerUnreachableError), match=words):
                HmaClient(site.at(""), rules).banks()

    def test_a_certificate_that_is_not_trusted_ends_it(self, tmp_path: Path) -> None:
        tls = make_local_tls(tmp_path)
        with hostile_site(tls.wrap) as site:
            site.put("/c/banks", body(b"[]", "application/json"))
            with pytest.raises(PeerRefusedError, match="certificate"):
                HmaClient(site.at(""), rules_for(site.port)).banks()
            assert site.requests == []
            trusting = HmaClient(site.at(""), rules_for(site.port))
            trusting._session.verify = str(tls.authority_file)
            assert trusting.banks() == ()

    @pytest.mark.parametrize(
        "address",
        [
            "ftp://hashes.example",
            "http://hashes.example",
            "https://user:pw@hashes.example",
            "https://hashes.example/?key=1",
            "https://hashes.example:port",
            "hashes.example",
            "",
        ],
    )
    def test_an_address_with_anything_but_its_server_is_refused(
        self, house: House, address: str
    ) -> None:
        with pytest.raises(InvalidInputError, match="Address"):
            connect(house, "hma", address=address)


class TestAskingAPeer:
    def test_an_operator_asks_what_it_has_and_what_it_finds(
        self, house: House, peer: HmaPeer
    ) -> None:
        allow(house, peer)
        (one,) = some_pdq(1)
        peer.bank("NCII", one)
        over = connect(house, "hma", address=peer.address)
        peers, database = house.rooms.exchange.peers, house.rooms.database
        assert peers.status(database, house.operator, over.id).banks == ("NCII",)
        answer = peers.look_up(database, house.operator, over.id, "pdq", bytes.fromhex(one))
        assert answer.banks == ("NCII",)
        with pytest.raises(NotAllowedError):
            peers.status(database, house.reviewers[0], over.id)
        other = connect(house, "partner", takes_exports=True)
        with pytest.raises(ConflictError):
            peers.status(database, house.operator, other.id)

    def test_missing_credentials_are_asked_for_before_anything_is_sent(
        self, house: House, database: Database
    ) -> None:
        over = connect(house, "stopncii")
        view = add_list(house, connection_id=over.id)
        with pytest.raises(CredentialsMissingError, match="likeness hashes credentials"):
            house.rooms.exchange.lists.fetch(database, house.operator, view.id)
        with database.read() as session:
            row = session.get(HashList, view.id)
            assert row is not None
            assert "has no credentials" in row.problem


def test_settings_let_a_peer_on_this_machine_in(
    sqlite_template: object, tmp_path: Path, clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hma_peer() as peer:
        monkeypatch.setenv("LIKENESS_ADDRESS_EXCEPTIONS", f'["127.0.0.1:{peer.port}"]')
        url = sqlite_template.new_migrated_url(tmp_path)  # type: ignore[attr-defined]
        house = make_house(url, tmp_path, clock)  # type: ignore[arg-type]
        over = connect(house, "hma", address=peer.address)
        peer.bank("NCII")
        status = house.rooms.exchange.peers.status(house.rooms.database, house.operator, over.id)
        assert status.banks == ("NCII",)
        house.rooms.close()
