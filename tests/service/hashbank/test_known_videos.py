"""A known video is kept by its frames, and found again cut and encoded anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.examine import Eyes as LibraryEyes
from indexer.examine import examine
from indexer.examiner.client import ExaminerClient
from indexer.examiner.protocol import Hashed, Hello
from indexer.hashing import KnownHashes
from indexer.media import Decoder, Medium
from indexer.observations import Examination
from indexer.watchlist import Watchlist
from service.accounts.actor import Actor
from service.database import Database
from service.hashbank.given import GivenFrame, GivenMedium
from service.sources.media_ledger import Place
from tests.fixtures.clips import PARK, STREET, encoded, moving, plain
from tests.service.enrolment.people_factory import House, MadeUpEyes, make_person


class EyesWithVideo(MadeUpEyes):
    """As a worker's eyes, with the examiner's own hashing."""

    def __init__(self, client: ExaminerClient) -> None:
        super().__init__()
        self.client = client

    def hash(self, content: bytes) -> Hashed:
        return self.client.hash(content)


@pytest.fixture(scope="module")
def client() -> Iterator[ExaminerClient]:
    with ExaminerClient.start(Hello(pack=None, models_dir="")) as started:
        yield started


@pytest.fixture(scope="module")
def clip() -> bytes:
    return encoded(moving(STREET, seconds=10))


def looked_at(house: House, database: Database, content: bytes) -> Examination:
    with database.read() as session:
        known = KnownHashes(house.rooms.hashbank.hashes_for_gallery(session))
    with Decoder() as decoder:
        return examine(
            Medium(content), Watchlist.empty(1), eyes=LibraryEyes(decoder=decoder, known=known)
        )


def test_a_given_video_is_kept_by_its_frames_and_forgotten(
    house: House, database: Database, client: ExaminerClient, clip: bytes
) -> None:
    person, case = make_person(house, photos=())
    view = house.rooms.hashbank.add_given_picture(
        database, person, EyesWithVideo(client), case.person_id, clip, "from my phone"
    )
    assert (view.kind, view.frames, view.has_perceptual_hash) == ("video", 10, True)
    with database.read() as session:
        (entry,) = house.rooms.hashbank.hashes_for_gallery(session)
    assert entry.pdq is None
    assert entry.sha256
    assert len(entry.frames) == 10, "as one known video"
    copy = encoded(moving(STREET, seconds=8.7, begin_s=1.3), "libvpx-vp9", "webm", crf=40)
    (finding,) = looked_at(house, database, copy).findings
    (match,) = finding.hashes
    assert (match.kind, match.known_ref) == ("vpdq", str(view.known_id))
    assert (match.medium_share or 0) > 0.6


def test_frames_below_the_limit_of_quality_are_never_looked_for(
    house: House, database: Database, client: ExaminerClient
) -> None:
    person, case = make_person(house, photos=())
    blank = encoded(plain(0, seconds=3))
    view = house.rooms.hashbank.add_given_picture(
        database, person, EyesWithVideo(client), case.person_id, blank
    )
    assert (view.kind, view.frames, view.has_perceptual_hash) == ("video", 0, False)
    assert looked_at(house, database, encoded(plain(0, seconds=4))).findings == ()
    (finding,) = looked_at(house, database, blank).findings
    assert [match.kind for match in finding.hashes] == ["sha256"]


def test_a_video_given_from_a_device_makes_a_candidate_of_its_copy(
    house: House, database: Database, client: ExaminerClient, clip: bytes
) -> None:
    person, case = make_person(house, photos=(), faces=False)
    hashed = client.hash(clip)
    assert hashed.hashes is not None
    frames = tuple(GivenFrame(frame.pdq, frame.quality) for frame in hashed.frames)
    with database.write() as session:
        house.rooms.hashbank.add_given_media(
            session,
            person,
            case.person_id,
            [GivenMedium("video", hashed.hashes.sha256, frames)],
        )
    longer = (*moving(PARK, seconds=6), *moving(STREET, seconds=10))
    examination = looked_at(house, database, encoded(longer, crf=32))
    assert examination.kind == "video"
    worker = Actor.system("crawl", house.organisation_id)
    url, page_url = "http://site.test/v.mp4", "http://site.test/"
    place = Place(house.organisation_id, url, page_url)
    with database.write() as session:
        record = house.rooms.sources.record_examined(session, worker, place, examination, 9)
        made = house.rooms.candidates.record_findings(
            session,
            worker,
            organisation_id=house.organisation_id,
            medium_id=record.medium_id,
            examination=examination,
            media_url=url,
            page_url=page_url,
            host=record.host,
            run_id=None,
        )
    assert len(made) == 1
    with database.read() as session:
        (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        view = house.rooms.candidates.view(session, house.reviewers[0], item.candidate_id)
    assert (view.kind, view.medium) == ("hash", "video")
