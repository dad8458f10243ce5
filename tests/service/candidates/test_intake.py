"""Links, CSV files and captures that people bring: from a pasted link to a confirmed find."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from indexer.errors import IndexerError
from indexer.observations import Examination
from service.candidates.brought_files import items_of_file
from service.candidates.csv_import import links_of_csv
from service.candidates.errors import (
    ImportInvalidError,
    LinkInvalidError,
    TooManyLinksError,
)
from service.candidates.intake import BroughtFile, GivenDeclaration
from service.candidates.links import CheckedLink, GivenLink, links_of_text
from service.candidates.statements import ADVOCATE_STATEMENTS
from service.database import Base, Database
from service.enrolment.errors import ReleaseNeededError, StatementNotTickedError
from service.errors import LikenessError, NotAllowedError, NotFoundError
from tests.service.candidates.finds_factory import (
    person_says,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.candidates.test_candidates import captures_of, state_of
from tests.service.enrolment.people_factory import (
    House,
    begin,
    examination,
    hashes_of,
    make_person,
    person_of,
)
from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait

DECLARED = GivenDeclaration("Ada L.", agreed=True)
LINK = "https://site.test/picture.jpg"


class TestTheUrgentLane:
    def test_a_declaration_and_one_advocate_confirm_with_face_matching_off(
        self, any_house: House, database: Database
    ) -> None:
        any_house.set_faces(False)
        any_house.eyes.model = None
        person, case = make_person(any_house, faces=False, photos=())
        rooms = any_house.rooms
        with database.write() as session:
            (candidate_id,) = rooms.intake.add_links(
                session, person, case.person_id, [LINK], DECLARED
            )
        assert captures_of(any_house, candidate_id) == ["wanted"]
        outcome = reviewer_says(any_house, any_house.untrained, candidate_id, "same")
        assert outcome.state == "confirmed"
        with database.read() as session:
            found = rooms.candidates.confirmed_view(session, any_house.untrained, candidate_id)
            assert len(rooms.exhibits.list_exhibits(session, any_house.untrained)) == 1
        assert found.declaration is not None
        assert found.declaration.signature_name == "Ada L."
        assert "declared that it shows them" in found.sentence

    def test_a_link_that_the_advocate_pasted_waits_for_the_persons_word(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        advocate = house.reviewers[0]
        with database.write() as session:
            (candidate_id,) = house.rooms.intake.add_links(
                session, advocate, case.person_id, [LINK]
            )
        assert reviewer_says(house, advocate, candidate_id, "same").state == "waiting"
        with database.read() as session:
            (find,) = house.rooms.candidates.finds_of(session, person, case.person_id)
        assert find.waits_for_me
        assert person_says(house, person, candidate_id, "same").state == "confirmed"

    def test_declaring_a_link_that_is_there_counts_as_the_persons_word(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        with database.write() as session:
            first = house.rooms.intake.add_links(
                session, house.reviewers[0], case.person_id, [LINK]
            )
            reviewer_says_in(house, session, first[0])
            second = house.rooms.intake.add_links(
                session, person, case.person_id, ["HTTPS://SITE.test/picture.jpg#top"], DECLARED
            )
        assert first == second
        assert state_of(house, first[0]) == "confirmed"

    def test_nobody_declares_for_the_person_and_nothing_is_ticked_for_them(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        add = house.rooms.intake.add_links
        with pytest.raises(NotAllowedError), database.write() as session:
            add(session, house.reviewers[0], case.person_id, [LINK], DECLARED)
        with pytest.raises(StatementNotTickedError), database.write() as session:
            add(session, person, case.person_id, [LINK], GivenDeclaration("Ada", agreed=False))

    def test_an_advocate_confirms_only_for_people_who_were_attested(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, active=False)
        with database.write() as session:
            (candidate_id,) = house.rooms.intake.add_links(
                session, person, case.person_id, [LINK], DECLARED
            )
        with pytest.raises(NotAllowedError, match="attested"):
            reviewer_says(house, house.reviewers[0], candidate_id, "same")

    def test_without_a_mandate_to_capture_nothing_is_captured(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, may_capture=False)
        with database.write() as session:
            (candidate_id,) = house.rooms.intake.add_links(
                session, person, case.person_id, [LINK], DECLARED
            )
        assert captures_of(house, candidate_id) == []

    def test_links_need_a_release_and_have_a_limit_before_attestation(
        self, house: House, database: Database
    ) -> None:
        case = begin(house)
        with pytest.raises(ReleaseNeededError), database.write() as session:
            house.rooms.intake.add_links(session, person_of(case), case.person_id, [LINK])
        person, waiting = make_person(house, active=False)
        many = [f"https://site.test/{number}" for number in range(101)]
        with pytest.raises(TooManyLinksError, match="100"), database.write() as session:
            house.rooms.intake.add_links(session, person, waiting.person_id, many, DECLARED)

    def test_nobody_of_another_organisation_brings_links_into_a_case(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        elsewhere = house.new_organisation("Elsewhere")
        for stranger in (house.new_staff(elsewhere), make_person(house)[0]):
            with pytest.raises(NotFoundError), database.write() as session:
                house.rooms.intake.add_links(session, stranger, case.person_id, [LINK])
        with pytest.raises(NotAllowedError), database.write() as session:
            house.rooms.intake.add_links(session, house.operator, case.person_id, [LINK])

    def test_what_was_captured_becomes_known_content(
        self, any_house: House, database: Database
    ) -> None:
        person, case = make_person(any_house)
        rooms = any_house.rooms
        with database.write() as session:
            (candidate_id,) = rooms.intake.add_links(
                session, person, case.person_id, [LINK], DECLARED
            )
        reviewer_says(any_house, any_house.reviewers[0], candidate_id, "same")
        with database.write() as session:
            rooms.candidates.captured(
                session,
                person,
                candidate_id,
                examination(b"captured"),
            )
            known = rooms.hashbank.list_known(session, person, case.person_id)
        assert {one.origin for one in known} == {"reference", "confirmed"}

    @pytest.mark.parametrize(
        ("opted_in", "switched_on"), [(True, True), (False, True), (True, False)]
    )
    def test_what_they_bring_is_looked_at_with_faces_only_if_both_want_it(
        self, house: House, database: Database, opted_in: bool, switched_on: bool
    ) -> None:
        person, case = make_person(house, faces=opted_in)
        house.set_faces(switched_on)
        file = BroughtFile("saved.jpg", b"payload", "B. Friend", "a browser", (LINK,))
        house.rooms.intake.import_file(database, person, house.eyes, case.person_id, file, DECLARED)
        with database.read() as session:
            (capture_id,) = house.rooms.exhibits.captures_to_hold(session)
        house.rooms.exhibits.hold(database, MadeUpCapturer(), NoWait(), capture_id)
        assert house.eyes.examined_with_faces == [opted_in and switched_on] * 2

    @pytest.mark.parametrize("then", ["while it is there", "after the person was erased"])
    def test_what_they_brought_stands_nowhere_in_the_clear(
        self, house: House, database: Database, then: str
    ) -> None:
        person, case = make_person(house)
        rooms = house.rooms
        link = GivenLink(LINK, "https://site.test/of-ada", note="my neighbour's page")
        with database.write() as session:
            rooms.intake.add_links(session, person, case.person_id, [link], DECLARED)
        with database.read() as session:
            (capture_id,) = rooms.exhibits.captures_to_hold(session)
        outcome = rooms.exhibits.hold(database, MadeUpCapturer(), NoWait(), capture_id)
        assert outcome.state == "held"
        assert house.eyes.examined_for == [str(case.person_id)]
        if then == "after the person was erased":
            rooms.erasure.erase(database, person, house.eyes, case.person_id)
        with database.read() as session:
            for table in Base.metadata.sorted_tables:
                for row in session.execute(select(table)):
                    told = repr(tuple(row))
                    assert "picture.jpg" not in told, table.name
                    assert "of-ada" not in told, table.name
                    assert "neighbour" not in told, table.name


def reviewer_says_in(house: House, session: object, candidate_id: object) -> None:
    house.rooms.candidates.decide(
        session,  # type: ignore[arg-type]
        house.reviewers[0],
        candidate_id,  # type: ignore[arg-type]
        "same",
        "",
        ADVOCATE_STATEMENTS,
    )


class TestLinks:
    @pytest.mark.parametrize(
        "bad",
        [
            "javascript:alert(1)",
            "ftp://site.test/x",
            "http://",
            "not a link at all",
            "data:,x",
            "https://user@",
        ],
    )
    def test_what_is_no_address_on_the_web_is_refused_by_name(self, bad: str) -> None:
        with pytest.raises(LinkInvalidError, match="no address"):
            CheckedLink.of(GivenLink(bad))

    def test_one_wrong_link_refuses_them_all(self, house: House, database: Database) -> None:
        person, case = make_person(house)
        with pytest.raises(LinkInvalidError), database.write() as session:
            house.rooms.intake.add_links(
                session, person, case.person_id, [LINK, "not a link at all"], DECLARED
            )
        with database.read() as session:
            assert house.rooms.candidates.finds_of(session, person, case.person_id) == []

    @pytest.mark.parametrize(
        "link",
        [
            GivenLink("http://192.168.1.4/a.jpg"),
            GivenLink("http://0x7f000001/a.jpg"),
            GivenLink("localhost:8000/a.jpg"),
            GivenLink("http://[fd00::1]/a.jpg"),
            GivenLink(LINK, page_url="http://127.0.0.1:8000/people"),
        ],
    )
    def test_a_link_that_nobody_outside_can_follow_is_refused_in_words(
        self, house: House, database: Database, link: GivenLink
    ) -> None:
        person, case = make_person(house)
        with (
            pytest.raises(LinkInvalidError, match="private network"),
            database.write() as session,
        ):
            house.rooms.intake.add_links(session, person, case.person_id, [link], DECLARED)
        with database.read() as session:
            assert house.rooms.candidates.finds_of(session, person, case.person_id) == []

    def test_an_exact_exception_of_the_settings_lets_one_port_be_brought(
        self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        monkeypatch.setenv("LIKENESS_ADDRESS_EXCEPTIONS", '["127.0.0.1:8899"]')
        house: House = request.getfixturevalue("house")
        person, case = make_person(house)
        add_links = house.rooms.intake.add_links
        with house.rooms.database.write() as session:
            taken = add_links(session, person, case.person_id, ["http://127.0.0.1:8899/a.jpg"])
        assert len(taken) == 1
        with pytest.raises(LinkInvalidError), house.rooms.database.write() as session:
            add_links(session, person, case.person_id, ["http://127.0.0.1:8898/a.jpg"])

    @given(st.text(max_size=200))
    def test_any_text_is_a_link_or_a_clear_refusal(self, typed: str) -> None:
        for given_link in links_of_text(typed):
            try:
                checked = CheckedLink.of(given_link)
            except LinkInvalidError:
                continue
            assert checked.url.startswith(("http://", "https://"))
            assert checked.host


class TestCsv:
    def test_columns_in_any_order_and_with_any_usual_separator(self) -> None:
        text = "\ufeffNote;URL;seen_at;page_url\r\nmine;https://a.test/1.jpg;2026-11-20;\r\n;;;\r\n"
        (link,) = links_of_csv(text.encode())
        assert (link.url, link.note, link.seen_at) == ("https://a.test/1.jpg", "mine", "2026-11-20")

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "name the columns"),
            (b"address\nhttps://a.test\n", "name the columns"),
            (b"url\n", "no links"),
            (b"\xff\xfe\x00", "UTF-8"),
            (b"url\n\x00\n", "not a text"),
            (b'url\n"https://a.test\n', "Line"),
            (b"url,seen_at\nhttps://a.test,yesterday\nnope nope,\n", "Line 2.*Line 3"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_imported(
        self, content: bytes, says: str
    ) -> None:
        with pytest.raises(ImportInvalidError, match=says):
            links_of_csv(content)

    @given(st.binary(max_size=300))
    def test_any_bytes_are_links_or_a_clear_refusal(self, content: bytes) -> None:
        try:
            links_of_csv(b"url\n" + content)
        except LikenessError:
            return

    def test_a_file_goes_in_wholly(self, house: House, database: Database) -> None:
        person, case = make_person(house)
        rows = b"url,page_url\nhttps://a.test/1.jpg,https://a.test/\nhttps://b.test/2.jpg,\n"
        with database.write() as session:
            ids = house.rooms.intake.import_csv(session, person, case.person_id, rows, DECLARED)
        assert len(ids) == 2


def warc(*records: tuple[str, str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=True)
    for url, content_type, payload in records:
        headers = StatusAndHeaders("200 OK", [("Content-Type", content_type)], protocol="HTTP/1.1")
        writer.write_record(
            writer.create_warc_record(
                url, "response", payload=io.BytesIO(payload), http_headers=headers
            )
        )
    return stream.getvalue()


def wacz(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.warc.gz", content)
    return stream.getvalue()


def har(url: str, text: str) -> bytes:
    entry = {
        "startedDateTime": "2026-11-20T10:00:00Z",
        "request": {"url": url},
        "response": {"content": {"mimeType": "image/png", "text": text}},
    }
    return json.dumps({"log": {"entries": [entry]}}).encode()


class TestBroughtFiles:
    FILES = (
        ("page.warc.gz", warc((LINK, "image/jpeg", b"payload"))),
        ("page.wacz", wacz(warc((LINK, "image/jpeg", b"payload")))),
        ("page.har", har(LINK, "payload")),
        ("saved.jpg", b"payload"),
    )

    @pytest.mark.parametrize(("name", "content"), FILES, ids=[name for name, _ in FILES])
    def test_a_capture_is_kept_as_somebody_elses(
        self, house: House, database: Database, name: str, content: bytes
    ) -> None:
        person, case = make_person(house)
        file = BroughtFile(name, content, "B. Friend", "a browser", (LINK,))
        (candidate_id,) = house.rooms.intake.import_file(
            database, person, house.eyes, case.person_id, file, DECLARED
        )
        assert house.eyes.examined_for == [str(case.person_id)]
        with database.read() as session:
            view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
        (brought,) = view.brought
        assert (brought.captured_by, brought.tool) == ("B. Friend", "a browser")
        assert (
            house.rooms.vault.get_file(case.person_id, "brought capture", brought.file_id)
            == content
        )

    def test_addresses_that_are_not_in_the_file_are_told_with_those_that_are(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house)
        file = BroughtFile("x.warc.gz", warc((LINK, "image/jpeg", b"p")), "B", "t", ("a.test/no",))
        with pytest.raises(ImportInvalidError, match=r"picture\.jpg"):
            house.rooms.intake.import_file(
                database, person, house.eyes, case.person_id, file, DECLARED
            )
        assert len(list((house.rooms.settings.files_dir / str(case.person_id)).iterdir())) == 1

    def test_halting_destroys_the_brought_file(self, house: House, database: Database) -> None:
        person, case = make_person(house, photos=())
        file = BroughtFile("saved.jpg", b"payload", "B. Friend", "a browser", (LINK,))
        (candidate_id,) = house.rooms.intake.import_file(
            database, person, None, case.person_id, file, DECLARED
        )
        folder = house.rooms.settings.files_dir / str(case.person_id)
        assert len(list(folder.iterdir())) == 1
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, person, candidate_id)
        assert list(folder.iterdir()) == []

    def test_halting_one_content_destroys_every_copy_of_the_file_it_came_in(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, photos=())
        other = "https://site.test/other.jpg"
        content = warc((LINK, "image/jpeg", b"payload"), (other, "image/jpeg", b"another"))
        file = BroughtFile("page.warc.gz", content, "B. Friend", "a browser", (LINK, other))
        halted, goes_on = house.rooms.intake.import_file(
            database, person, None, case.person_id, file, DECLARED
        )
        folder = house.rooms.settings.files_dir / str(case.person_id)
        assert len(list(folder.iterdir())) == 2
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, person, halted)
        assert list(folder.iterdir()) == []
        with database.read() as session:
            view = house.rooms.candidates.view(session, person, goes_on)
        assert view.state == "waiting"
        (brought,) = view.brought
        assert (brought.file_id, brought.captured_by) == ("", "B. Friend")

    @pytest.mark.parametrize(("name", "content"), FILES, ids=[name for name, _ in FILES])
    def test_bytes_that_were_halted_do_not_come_back_in_a_file(
        self, house: House, database: Database, name: str, content: bytes
    ) -> None:
        person, case = make_person(house, photos=())
        medium_id = sees_medium(house, b"payload")
        halted = record_face(house, case.person_id, medium_id, b"payload")
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(session, person, halted)
        file = BroughtFile(name, content, "B. Friend", "a browser", (LINK,))
        with pytest.raises(ImportInvalidError, match="under 18"):
            house.rooms.intake.import_file(
                database, person, house.eyes, case.person_id, file, DECLARED
            )
        folder = house.rooms.settings.files_dir / str(case.person_id)
        assert not folder.exists() or list(folder.iterdir()) == []

    def test_a_copy_of_what_was_halted_does_not_come_back_encoded_anew(
        self, house: House, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person, case = make_person(house, photos=())
        medium_id = sees_medium(house, b"payload")
        with database.write() as session:
            house.rooms.sources.halted.halt(session, medium_id)
        real = house.eyes.examine

        def sees_a_copy(content: bytes, **how: Any) -> Examination:
            seen = real(content, **how)
            alike = msgspec.structs.replace(seen.hashes, pdq=hashes_of(b"payload").pdq)
            return msgspec.structs.replace(seen, hashes=alike)

        monkeypatch.setattr(house.eyes, "examine", sees_a_copy)
        file = BroughtFile("saved.jpg", b"encoded anew", "B. Friend", "a browser", (LINK,))
        with pytest.raises(ImportInvalidError, match="under 18"):
            house.rooms.intake.import_file(
                database, person, house.eyes, case.person_id, file, DECLARED
            )
        folder = house.rooms.settings.files_dir / str(case.person_id)
        assert not folder.exists() or list(folder.iterdir()) == []

    @pytest.mark.parametrize("where", ["in a header", "in a payload", "in a WACZ"])
    def test_a_capture_that_unpacks_without_end_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        monkeypatch.setattr("service.candidates.brought_files.MAX_UNPACKED_BYTES", 1_000_000)
        endless = b"A" * 20_000_000
        name, content = "x.warc.gz", gzip.compress(b"WARC/1.0\r\nX: " + endless)
        if where == "in a payload":
            content = warc((LINK, "image/jpeg", endless))
        if where == "in a WACZ":
            name, content = "x.wacz", wacz(content)
        tracemalloc.start()
        with pytest.raises(ImportInvalidError, match="too large"):
            items_of_file(name, content, frozenset())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 10_000_000

    def test_a_large_file_is_not_copied_without_end(self, house: House, database: Database) -> None:
        person, case = make_person(house, photos=())
        addresses = tuple(f"https://site.test/{number}.jpg" for number in range(60))
        content = bytes(house.rooms.settings.max_upload_bytes)
        file = BroughtFile("page.warc.gz", content, "B. Friend", "a browser", addresses)
        with pytest.raises(ImportInvalidError, match="fewer addresses"):
            house.rooms.intake.import_file(database, person, None, case.person_id, file, DECLARED)

    @given(
        st.sampled_from(["a.warc", "a.warc.gz", "a.wacz", "a.har", "a.bin"]),
        st.binary(max_size=400),
    )
    def test_any_bytes_are_items_or_a_clear_refusal(self, name: str, content: bytes) -> None:
        try:
            items_of_file(name, content, frozenset())
        except (LikenessError, IndexerError):
            return
