"""The real capture child against a server on loopback: what it writes is held, sealed, verified."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from indexer.crawl.capture_client import CaptureClient
from indexer.crawl.messages import AddressException, Scope
from service.accounts.models import Organisation
from service.candidates.outcomes import CandidateRef
from service.database import Database
from service.exhibits.container import read_container
from service.exhibits.finds import Find
from service.exhibits.holding import MAX_ATTEMPTS, HoldOutcome
from service.exhibits.manifest import Manifest
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.exhibits.warc_check import check_warc
from service.sources.host_slots import HostSlots
from service.vault import Vault
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import moving
from tests.fixtures.clock import SettableClock
from tests.fixtures.hostile_site import HostileSite, hostile_site
from tests.fixtures.streams import put_folder, write_stream
from tests.service.exhibits.evidence_factory import Evidence, examination_of

PICTURE = b"\xff\xd8 not really a picture \xff\xd9"


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body, kind = (b"<html>page</html>", "text/html")
        if self.path.startswith("/picture"):
            body, kind = PICTURE, "image/jpeg"
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


class LoopbackScope:
    def __init__(self, port: int) -> None:
        self.port = port

    def of_find(self, session: Session, find: Find) -> Scope:
        return Scope(
            allowed_hosts=(f"127.0.0.1:{self.port}",),
            delay_s=0.0,
            address_exceptions=(AddressException("127.0.0.1", self.port),),
        )


@pytest.mark.parametrize("keeps", [True, False])
def test_what_the_child_captures_is_held_sealed_and_verified(
    sqlite_database: Database, vault: Vault, clock: SettableClock, port: int, keeps: bool
) -> None:
    evidence = Evidence(sqlite_database, vault, clock)
    with sqlite_database.write() as session:
        row = session.get(Organisation, evidence.organisation_id)
        assert row is not None
        row.keeps_media_bytes = keeps
    evidence.exhibits._holder._scopes = LoopbackScope(port)
    candidate = evidence.make_candidate(
        page_url=f"http://127.0.0.1:{port}/page",
        media_url=f"http://127.0.0.1:{port}/picture.jpg",
        host=f"127.0.0.1:{port}",
        examination=examination_of(PICTURE),
    )
    with CaptureClient() as client:
        outcome = evidence.exhibits.hold(
            sqlite_database, client, HostSlots(sqlite_database, clock), evidence.want(candidate)
        )
    assert outcome.state == "held", outcome
    assert evidence.eyes.looked == []
    exhibit_id = evidence.confirm(candidate)
    assert evidence.exhibits.seal(sqlite_database, exhibit_id).state == "sealed"
    with sqlite_database.write() as session:
        content = evidence.exhibits.bundle(session, evidence.advocate, exhibit_id)
        fingerprint = evidence.exhibits.signer(session, evidence.advocate).fingerprint
    verification = verify_bundle(content, Trust(frozenset({fingerprint})))
    assert verification.outcome is Outcome.TRUSTED, verification.defects
    warc = read_container(content).files["capture.warc.gz"]
    assert check_warc(warc).records >= 7
    manifest = verification.manifest
    assert manifest is not None
    assert [one.server_address for one in manifest.capture.resources] == ["127.0.0.1"] * 2
    assert any("Bodies were not kept" in note for note in manifest.notes) is not keeps


def test_a_medium_that_is_gone_is_a_failed_capture(
    sqlite_database: Database, vault: Vault, clock: SettableClock, port: int
) -> None:
    evidence = Evidence(sqlite_database, vault, clock)
    evidence.exhibits._holder._scopes = LoopbackScope(port)
    candidate = evidence.make_candidate(media_url=f"http://127.0.0.1:{port}/gone.jpg")
    with CaptureClient() as client:
        outcome = evidence.exhibits.hold(
            sqlite_database, client, HostSlots(sqlite_database, clock), evidence.want(candidate)
        )
    assert (outcome.state, outcome.reason) == ("failed", "http_404")


PIECES = ("media0.ts", "media1.ts", "media2.ts")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stream")
    frames = moving(("astronaut",), seconds=len(PIECES))
    write_stream(folder, "media.m3u8", frames, "hls", hls_time="1", hls_list_size="0")
    return folder


@pytest.fixture
def site(stream: Path) -> Iterator[HostileSite]:
    with hostile_site() as running:
        running.put("/watch", hostile.page('<video src="/media.m3u8">'))
        put_folder(running, stream)
        yield running


def held_stream(
    evidence: Evidence, site: HostileSite, found: bytes
) -> tuple[HoldOutcome, CandidateRef]:
    """The outcome of capturing a find that was `found` in the site's stream, and the candidate."""
    evidence.exhibits._holder._scopes = LoopbackScope(site.port)
    candidate = evidence.make_candidate(
        page_url=site.at("/watch"),
        media_url=site.at("/media.m3u8"),
        host=site.host,
        examination=examination_of(found),
    )
    database = evidence.database
    with CaptureClient() as client:
        slots = HostSlots(database, evidence.clock)
        outcome = evidence.exhibits.hold(database, client, slots, evidence.want(candidate))
    return outcome, candidate


def sealed_manifest(evidence: Evidence, candidate: CandidateRef) -> Manifest:
    """The manifest of the candidate's exhibit, verified like a receiver would."""
    exhibit_id = evidence.confirm(candidate)
    assert evidence.exhibits.seal(evidence.database, exhibit_id).state == "sealed"
    with evidence.database.write() as session:
        content = evidence.exhibits.bundle(session, evidence.advocate, exhibit_id)
        fingerprint = evidence.exhibits.signer(session, evidence.advocate).fingerprint
    verification = verify_bundle(content, Trust(frozenset({fingerprint})))
    assert verification.outcome is Outcome.TRUSTED, verification.defects
    assert verification.manifest is not None
    return verification.manifest


class TestStreams:
    def test_the_exhibit_holds_the_pieces_and_the_hash_of_the_whole_video(
        self,
        sqlite_database: Database,
        vault: Vault,
        clock: SettableClock,
        site: HostileSite,
        stream: Path,
    ) -> None:
        evidence = Evidence(sqlite_database, vault, clock)
        video = b"".join((stream / name).read_bytes() for name in PIECES)
        outcome, candidate = held_stream(evidence, site, video)
        assert outcome.state == "held", outcome
        # It is byte for byte what was examined when it was found: nobody looks again.
        assert evidence.eyes.looked == []
        manifest = sealed_manifest(evidence, candidate)
        medium = manifest.capture.resources[-1]
        assert medium.stream is not None
        assert medium.stream.sha256 == hashlib.sha256(video).hexdigest()
        assert medium.stream.content_bytes == len(video)
        assert [piece.url for piece in medium.stream.pieces] == [site.at(f"/{n}") for n in PIECES]
        assert medium.role == "medium"
        assert any("came in 3 pieces" in note for note in manifest.notes)
        assert [one.of for one in manifest.examinations] == ["found"]

    def test_a_piece_that_is_another_one_now_is_examined_again_and_both_are_recorded(
        self,
        sqlite_database: Database,
        vault: Vault,
        clock: SettableClock,
        site: HostileSite,
        stream: Path,
    ) -> None:
        evidence = Evidence(sqlite_database, vault, clock)
        video = b"".join((stream / name).read_bytes() for name in PIECES)
        site.put("/media1.ts", hostile.body((stream / PIECES[2]).read_bytes(), "video/mp2t"))
        outcome, candidate = held_stream(evidence, site, video)
        assert outcome.state == "held", outcome
        first, _, last = ((stream / name).read_bytes() for name in PIECES)
        assert evidence.eyes.contents == [first + last + last]
        manifest = sealed_manifest(evidence, candidate)
        assert [one.of for one in manifest.examinations] == ["found", "captured"]
        assert any("not byte for byte" in note for note in manifest.notes)

    def test_pieces_that_are_gone_are_tried_again_and_at_last_the_playlist_is_held(
        self, sqlite_database: Database, vault: Vault, clock: SettableClock, site: HostileSite
    ) -> None:
        evidence = Evidence(sqlite_database, vault, clock)
        for name in PIECES:
            site.put(f"/{name}", hostile.body(b"", "text/plain", 503))
        outcome, candidate = held_stream(evidence, site, b"what was found")
        assert (outcome.state, outcome.reason) == ("failed", "http_status")
        for _ in range(MAX_ATTEMPTS - 1):
            clock.advance(hours=13)
            with sqlite_database.read() as session:
                (wanted,) = evidence.exhibits.captures_to_hold(session)
            with CaptureClient() as client:
                slots = HostSlots(sqlite_database, clock)
                outcome = evidence.exhibits.hold(sqlite_database, client, slots, wanted)
        assert outcome.state == "held"
        manifest = sealed_manifest(evidence, candidate)
        assert any("only its playlist was captured" in note for note in manifest.notes)


def test_a_signed_address_that_expired_before_the_capture_is_taken_from_its_page(
    sqlite_database: Database, vault: Vault, clock: SettableClock
) -> None:
    evidence = Evidence(sqlite_database, vault, clock)
    with hostile_site() as site:
        site.put("/page", hostile.page('<img src="/a.jpg?token=new">'))
        site.put("/a.jpg?token=old", hostile.body(b"", "text/plain", 403))
        site.put("/a.jpg?token=new", hostile.picture(PICTURE, "image/jpeg"))
        evidence.exhibits._holder._scopes = LoopbackScope(site.port)
        candidate = evidence.make_candidate(
            page_url=site.at("/page"),
            media_url=site.at("/a.jpg?token=old"),
            host=site.host,
            examination=examination_of(PICTURE),
        )
        with CaptureClient() as client:
            slots = HostSlots(sqlite_database, clock)
            outcome = evidence.exhibits.hold(
                sqlite_database, client, slots, evidence.want(candidate)
            )
    assert outcome.state == "held", outcome
    assert evidence.eyes.looked == []
    manifest = sealed_manifest(evidence, candidate)
    medium = manifest.capture.resources[-1]
    assert (medium.role, medium.renewed) == ("medium", True)
    assert any("signed and had expired" in note for note in manifest.notes)
