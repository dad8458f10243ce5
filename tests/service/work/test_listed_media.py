"""Media of a run that are on hash lists: stopped, concealed, or told of; with the real rooms."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from indexer.crawl.messages import Fetch, MediumFetched, Scope
from indexer.observations import Examination, PersonFinding
from service.accounts.actor import Actor
from service.candidates.models import Candidate
from service.hashbank.exchange.models import HashListHit
from service.sources.host_slots import HostSlots
from service.sources.models import MediumSeen, Sighting
from service.work.crawl_line import CrawlLine
from service.work.line_parts import LineParts
from service.work.listed_media import MediaOnLists
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.service.enrolment.people_factory import (
    House,
    examination,
    face_finding,
    hashes_of,
    make_house,
    make_person,
)
from tests.service.hashbank.exchange_factory import listed
from tests.service.web.test_nobody_reaches_others import site_of_a_test

HOST = "http://forum.example"


@dataclass
class LookingEyes:
    """Sees of each content the finding that the test planted."""

    findings: dict[bytes, PersonFinding] = field(default_factory=dict)
    looked: list[bytes] = field(default_factory=list)
    model: object = None
    change: int = 0
    at_once: int = 1

    def examine(self, content: bytes, **_: object) -> Examination:
        self.looked.append(content)
        finding = self.findings.get(content)
        made = examination(content, *([finding] if finding else []))
        return msgspec.structs.replace(made, model=None, watchlist_change=self.change)

    def keep_up(self) -> None:
        """Nothing."""


@dataclass
class PlantedChild:
    """Fetches what the test put at each address."""

    media: dict[str, bytes]

    def run_slice(
        self,
        slice_id: str,
        scope: Scope,
        fetches: Callable[[int], Sequence[Fetch]],
        slots: Callable[[str, float], float],
    ) -> Iterator[MediumFetched]:
        while asked := fetches(10):
            for fetch in asked:
                content = self.media.get(fetch.url, b"nothing else")
                yield MediumFetched(
                    ticket=fetch.ticket,
                    url=fetch.url,
                    final_url=fetch.url,
                    status=200,
                    content=content,
                    declared_type="image/png",
                    etag=None,
                    last_modified=None,
                    fetched_at="2027-03-01T09:00:00Z",
                )


@pytest.fixture
def house(sqlite_template: SqliteTemplate, tmp_path: Path, clock: SettableClock) -> Iterator[House]:
    made = make_house(sqlite_template.new_migrated_url(tmp_path), tmp_path, clock)
    yield made
    made.rooms.close()


class Crawl:
    """Runs of one site over planted media."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.eyes = LookingEyes()
        rooms = house.rooms
        self.parts = LineParts(
            database=rooms.database,
            clock=house.clock,
            sources=rooms.sources,
            findings=rooms.candidates,
            lists=MediaOnLists(rooms.exchange.index, rooms.exchange.hits, rooms.candidates),
            names=rooms.names,
            slots=HostSlots(rooms.database, house.clock),
            eyes=self.eyes,  # type: ignore[arg-type]
            face_matching_on=lambda session, organisation_id: False,
            slice_pages=50,
            stopping=threading.Event(),
        )
        with rooms.database.write() as session:
            self.site = rooms.sources.add_site(session, house.operator, site_of_a_test())

    def run(self, media: dict[str, bytes]) -> uuid.UUID:
        """One run that finds these media, from its start to its end."""
        from service.sources import frontier
        from service.sources.frontier import Address

        rooms, system = self.house.rooms, Actor.system("crawl", self.house.organisation_id)
        with rooms.database.write() as session:
            run = rooms.sources.start_run(session, self.house.operator, self.site.id, "monitoring")
            frontier.add(session, run.id, [Address(url, "medium", 1) for url in media])
            rooms.sources.progress.begin(session, system, run.id)
        with rooms.database.read() as session:
            view = rooms.sources.run(session, system, run.id)
            site = rooms.sources.site(session, system, self.site.id)
            scope = rooms.sources.scope(session, system, self.site.id)
            self.eyes.change = rooms.enrolment.gallery.gallery_change(session)
        CrawlLine(self.parts, view, site, scope, "w").run_slice(PlantedChild(media))
        with rooms.database.write() as session:
            rooms.sources.control.cancel(session, self.house.operator, run.id)
        return run.id

    def count(self, table: type, *where: object) -> int:
        with self.house.rooms.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]

    def candidates(self) -> list[Candidate]:
        with self.house.rooms.database.read() as session:
            return list(session.scalars(select(Candidate)))

    def knows(self, content: bytes) -> int:
        digest = hashlib.sha256(content).hexdigest()
        return self.count(MediumSeen, MediumSeen.content_sha256 == digest)


@pytest.fixture
def crawl(house: House) -> Crawl:
    return Crawl(house)


def pdq_of(content: bytes) -> str:
    pdq = hashes_of(content).pdq
    assert pdq is not None
    return pdq


class TestStopping:
    @pytest.mark.parametrize("kind", ["pdq", "sha256", "md5"])
    def test_of_what_may_show_a_minor_only_the_address_is_kept(
        self, house: House, crawl: Crawl, kind: str
    ) -> None:
        _, case = make_person(house)
        content = b"bad"
        crawl.eyes.findings[content] = face_finding(case.person_id)
        value = {
            "pdq": pdq_of(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "md5": hashlib.md5(content).hexdigest(),
        }[kind]
        view = listed(house, "stop", f"{kind} {value}")
        run_id = crawl.run({f"{HOST}/bad.png": content, f"{HOST}/good.png": b"good"})
        assert crawl.candidates() == []
        assert (crawl.knows(content), crawl.knows(b"good")) == (0, 1)
        assert crawl.count(Sighting, Sighting.media_url == f"{HOST}/bad.png") == 0
        # by its file it is known before it is decoded
        assert (content in crawl.eyes.looked) == (kind == "pdq")
        with house.rooms.database.read() as session:
            (hit,) = house.rooms.exchange.hits.to_report(session, house.operator)
            (row,) = session.scalars(select(HashListHit))
            report = house.rooms.reports.build_run_report(session, house.operator, run_id)
        assert (hit.media_url, hit.list_name) == (f"{HOST}/bad.png", view.name)
        assert row.medium_id is None
        assert [(each.list_name, each.addresses) for each in report.listed] == [(view.name, 1)]

    def test_what_was_found_before_the_list_came_is_halted(
        self, house: House, crawl: Crawl
    ) -> None:
        _, case = make_person(house)
        content = b"bad"
        crawl.eyes.findings[content] = face_finding(case.person_id)
        crawl.run({f"{HOST}/bad.png": content})
        (before,) = crawl.candidates()
        assert before.face_crop is not None
        view = listed(house, "stop", f"pdq {pdq_of(content)}")
        crawl.run({f"{HOST}/again.png": content})
        (after,) = crawl.candidates()
        assert (after.state, after.face_crop) == ("halted", None)
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.halted(session, house.operator)
            medium = session.scalars(
                select(MediumSeen).where(MediumSeen.id == after.medium_id)
            ).one()
        assert view.name in item.reason
        assert medium.halted_at is not None

    def test_without_another_crawl_open_finds_follow_a_list_that_changed(
        self, house: House, crawl: Crawl
    ) -> None:
        _, case = make_person(house)
        for content in (b"bad", b"good"):
            crawl.eyes.findings[content] = face_finding(case.person_id)
        crawl.run({f"{HOST}/{content.decode()}.png": content for content in (b"bad", b"good")})
        follow = house.rooms.candidates.follow_lists
        database = house.rooms.database
        assert follow(database) == 0
        listed(house, "stop", f"pdq {pdq_of(b'bad')}")
        assert follow(database) == 1
        assert sorted(row.state for row in crawl.candidates()) == ["halted", "waiting"]
        assert follow(database) == 0


class TestNeverShowing:
    def test_a_find_is_in_words_alone_and_no_crop_is_kept(self, house: House, crawl: Crawl) -> None:
        from service.errors import NotAllowedError

        _, case = make_person(house)
        content = b"hidden"
        crawl.eyes.findings[content] = face_finding(case.person_id)
        view = listed(house, "never_show", f"pdq {pdq_of(content)}")
        crawl.run({f"{HOST}/a.png": content})
        (row,) = crawl.candidates()
        assert (row.state, row.face_crop) == ("waiting", None)
        rooms, reviewer = house.rooms, house.reviewers[0]
        with rooms.database.write() as session:
            shown = rooms.candidates.view(session, reviewer, row.id)
            with pytest.raises(NotAllowedError, match=view.name):
                rooms.candidates.show_face(session, reviewer, row.id)
            evidence = rooms.candidates.evidence_view(session, reviewer, row.id)
        assert (shown.has_face, shown.never_show) == (False, view.name)
        assert evidence.examination is not None
        assert evidence.examination.findings[0].faces[0].face_crop_png == b""

    def test_a_crop_that_was_kept_goes_when_the_list_comes(
        self, house: House, crawl: Crawl
    ) -> None:
        _, case = make_person(house)
        content = b"hidden"
        crawl.eyes.findings[content] = face_finding(case.person_id)
        crawl.run({f"{HOST}/a.png": content})
        assert crawl.candidates()[0].face_crop is not None
        listed(house, "never_show", f"md5 {hashlib.md5(content).hexdigest()}")
        crawl.run({f"{HOST}/b.png": content})
        assert crawl.candidates()[0].face_crop is None

    def test_captures_keep_no_bytes_and_what_was_held_is_captured_anew(
        self, house: House, crawl: Crawl
    ) -> None:
        from service.exhibits.models import Capture
        from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait

        rooms = house.rooms
        with rooms.database.write() as session:
            rooms.accounts.organisations.set_keeps_media_bytes(session, house.operator, True)
        _, case = make_person(house)
        content = b"hidden"
        crawl.eyes.findings[content] = face_finding(case.person_id)
        crawl.run({f"{HOST}/a.png": content})

        def hold() -> bool:
            capturer = MadeUpCapturer()
            with rooms.database.read() as session:
                (wanted,) = rooms.exhibits.captures_to_hold(session)
            assert rooms.exhibits.hold(rooms.database, capturer, NoWait(), wanted).state == "held"
            return capturer.asked[-1][1]

        assert hold() is True
        listed(house, "never_show", f"pdq {pdq_of(content)}")
        assert rooms.candidates.follow_lists(rooms.database) == 1
        assert hold() is False
        with rooms.database.read() as session:
            states = session.scalars(select(Capture.state).order_by(Capture.attempt)).all()
        assert states == ["purged", "held"]


class TestTelling:
    def test_a_listed_medium_is_told_to_advocates_in_words_and_names_nobody(
        self, house: House, crawl: Crawl
    ) -> None:
        view = listed(house, "match", f"pdq {pdq_of(b'known')}")
        first = crawl.run({f"{HOST}/a.png": b"known", f"{HOST}/other.png": b"other"})
        crawl.run({f"{HOST}/a.png": b"known", f"{HOST}/b.png": b"known"})
        assert crawl.candidates() == []
        hits = house.rooms.exchange.hits
        with house.rooms.database.read() as session:
            found = hits.found(session, house.reviewers[0])
            counts = hits.counts(session, house.operator)
            of_first = hits.counts(session, house.operator, first)
        assert sorted(each.media_url for each in found) == [f"{HOST}/a.png", f"{HOST}/b.png"]
        assert {(each.list_name, each.distance) for each in found} == {(view.name, 0)}
        assert [(each.list_name, each.addresses) for each in counts] == [(view.name, 2)]
        assert [each.addresses for each in of_first] == [1]

    def test_media_that_were_looked_at_before_are_looked_at_again_for_a_new_list(
        self, house: House, crawl: Crawl
    ) -> None:
        crawl.run({f"{HOST}/a.png": b"known"})
        crawl.run({f"{HOST}/a.png": b"known"})
        assert crawl.eyes.looked.count(b"known") == 1
        listed(house, "match", f"pdq {pdq_of(b'known')}")
        crawl.run({f"{HOST}/a.png": b"known"})
        assert crawl.count(HashListHit) == 1

    def test_only_advocates_see_addresses_and_only_operators_what_is_to_be_reported(
        self, house: House, crawl: Crawl
    ) -> None:
        from service.errors import NotAllowedError

        hits = house.rooms.exchange.hits
        elsewhere = house.new_staff(house.new_organisation("Elsewhere"))
        listed(house, "match", f"pdq {pdq_of(b'known')}")
        crawl.run({f"{HOST}/a.png": b"known"})
        with house.rooms.database.read() as session:
            with pytest.raises(NotAllowedError):
                hits.found(session, house.operator)
            with pytest.raises(NotAllowedError):
                hits.to_report(session, house.reviewers[0])
            assert hits.found(session, elsewhere) == ()
            assert hits.counts(session, elsewhere) == ()

    def test_a_list_that_was_removed_leaves_what_it_found_with_its_name(
        self, house: House, crawl: Crawl
    ) -> None:
        view = listed(house, "match", f"pdq {pdq_of(b'known')}")
        crawl.run({f"{HOST}/a.png": b"known"})
        rooms = house.rooms
        rooms.exchange.lists.remove(rooms.database, house.operator, view.id)
        with rooms.database.read() as session:
            (found,) = rooms.exchange.hits.found(session, house.reviewers[0])
        assert found.list_name == view.name
        crawl.run({f"{HOST}/b.png": b"known"})
        assert crawl.count(HashListHit) == 1


def test_a_file_that_somebody_brings_is_refused_when_a_list_stops_it(house: House) -> None:
    from service.candidates.errors import ImportInvalidError
    from service.candidates.intake import BroughtFile

    person, case = make_person(house)
    listed(house, "stop", f"md5 {hashlib.md5(b'payload').hexdigest()}")
    with pytest.raises(ImportInvalidError, match="under 18"):
        house.rooms.intake.import_file(
            house.rooms.database,
            person,
            house.eyes,
            case.person_id,
            BroughtFile(
                name="saved.jpg",
                content=b"payload",
                addresses=("http://site.test/1.jpg",),
                captured_by="Ada",
                tool="a browser",
            ),
        )
