"""The real capture child against a server on loopback: what it writes is held, sealed, verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy.orm import Session

from indexer.crawl.capture_client import CaptureClient
from indexer.crawl.messages import AddressException, Scope
from service.accounts.models import Organisation
from service.database import Database
from service.exhibits.container import read_container
from service.exhibits.finds import Find
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.exhibits.warc_check import check_warc
from service.sources.host_slots import HostSlots
from service.vault import Vault
from tests.fixtures.clock import SettableClock
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
