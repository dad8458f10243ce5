"""Capture against a real site: what the WARC holds, what is refused, what is marked."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from indexer.crawl.capture import capture
from indexer.crawl.capture_client import CaptureChildDied, CaptureClient
from indexer.crawl.capture_messages import Captured, CaptureRequest
from indexer.crawl.messages import AddressException, Scope
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import LOOPBACK, PNG, HostileSite, hostile_site
from tests.fixtures.local_tls import LocalTls, make_local_tls

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Record(NamedTuple):
    kind: str
    url: str | None
    headers: dict[str, str]
    block: bytes
    """For requests and responses: everything after the WARC header, as on the wire."""

    @property
    def fields(self) -> dict[str, str]:
        """The lines of an `application/warc-fields` block."""
        lines = self.block.decode().splitlines()
        return dict(line.split(": ", 1) for line in lines)  # type: ignore[misc]


def records_of(warc: bytes) -> list[Record]:
    found = []
    # Without parsing HTTP: the block as it stands.
    for record in ArchiveIterator(io.BytesIO(warc), no_record_parse=True):
        headers = dict(record.rec_headers.headers)
        url = headers.get("WARC-Target-URI")
        found.append(Record(record.rec_type, url, headers, record.raw_stream.read()))
    return found


def warcio_accepts(warc: bytes, folder: Path) -> bool:
    path = folder / "checked.warc.gz"
    path.write_bytes(warc)
    checker = Checker(SimpleNamespace(inputs=[str(path)], verbose=True))
    return checker.process_all() == 0


def take(
    site: HostileSite,
    *urls: str,
    keep_bodies: bool = True,
    slots: Any = lambda host, delay_s: 0.0,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> Captured:
    request = CaptureRequest(7, urls, site.scope(**changes), keep_bodies)
    return capture(request, slots, lambda: NOW, **(options or {}))


class TestWhatIsRecorded:
    def test_a_page_and_its_medium_are_recorded_as_they_were_on_the_wire(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        page = site.put("/page", hostile.page("<img src=/a.png>"))
        medium = site.put("/a.png", hostile.picture())
        captured = take(site, page, medium)
        info, *rest = records_of(captured.warc_gz)
        assert info.kind == "warcinfo"
        assert info.fields["http-header-user-agent"] == "Likeness"
        assert [(record.kind, record.url) for record in rest] == [
            (kind, url) for url in (page, medium) for kind in ("response", "request", "metadata")
        ]
        response, request, _ = rest[3:]
        assert response.block.startswith(b"HTTP/1.1 200 OK\r\n")
        assert response.block.endswith(b"\r\n\r\n" + PNG)
        assert request.block.startswith(b"GET /a.png HTTP/1.1\r\nHost: " + site.host.encode())
        assert request.headers["WARC-Concurrent-To"] == response.headers["WARC-Record-ID"]
        assert response.headers["WARC-IP-Address"] == LOOPBACK
        assert response.headers["WARC-Date"] == "2026-01-02T03:04:05.678901Z"
        assert response.headers["WARC-Payload-Digest"].startswith("sha256:")
        assert response.headers["WARC-Block-Digest"].startswith("sha256:")
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_the_summary_tells_what_came(self, site: HostileSite) -> None:
        page = site.put("/page", hostile.page("<p>x"))
        medium = site.put("/a.png", hostile.picture())
        captured = take(site, page, medium)
        assert captured.request_id == 7
        assert captured.warc_sha256 == hashlib.sha256(captured.warc_gz).hexdigest()
        assert captured.medium_content == PNG
        assert captured.started_at == captured.finished_at == "2026-01-02T03:04:05.678+00:00"
        _, resource = captured.resources
        assert (resource.url, resource.final_url, resource.status) == (medium, medium, 200)
        assert resource.content_type == "image/png"
        assert resource.body_sha256 == hashlib.sha256(PNG).hexdigest()
        assert resource.body_bytes == len(PNG)
        assert resource.server_address == LOOPBACK
        assert not resource.truncated
        assert resource.refusal is None

    def test_every_record_is_compressed_by_itself(self, site: HostileSite) -> None:
        warc = take(site, site.put("/a.png", hostile.picture())).warc_gz
        members = 0
        while warc:
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            assert member.decompress(warc).startswith(b"WARC/1.1\r\n")
            warc = member.unused_data
            members += 1
        assert members == 4

    def test_a_chunked_answer_stays_chunked_in_the_record_and_whole_in_the_summary(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        wire = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: image/png\r\n\r\n"
            b"5;ext=1\r\nhello\r\n4\r\n you\r\n0\r\nX-Trailer: t\r\n\r\n"
        )
        captured = take(site, site.put("/a", hostile.raw(wire)))
        assert records_of(captured.warc_gz)[1].block == wire
        assert captured.medium_content == b"hello you"
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_compressed_answer_stays_compressed_in_the_record(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        packed = gzip.compress(PNG) + gzip.compress(b"second member")
        answer = hostile.body(packed, "image/png", Content_Encoding="gzip")
        captured = take(site, site.put("/a", answer))
        assert records_of(captured.warc_gz)[1].block.endswith(packed)
        assert captured.medium_content == PNG + b"second member"
        assert not captured.resources[0].truncated
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_coding_that_we_cannot_undo_is_kept_as_it_is_and_marked(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        answer = hostile.body(b"opaque", "image/png", Content_Encoding="rot13")
        captured = take(site, site.put("/a", answer))
        assert records_of(captured.warc_gz)[1].block.endswith(b"opaque")
        assert captured.resources[0].truncated
        assert captured.medium_content is None
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_odd_but_readable_headers_are_kept_byte_for_byte(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        wire = b"HTTP/1.1 200 \r\nX-ODD:   spaced  \r\nx-odd: \xe9\r\nContent-Length: 2\r\n\r\nok"
        captured = take(site, site.put("/a", hostile.raw(wire)))
        assert records_of(captured.warc_gz)[1].block == wire
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_bytes_after_the_message_are_not_part_of_it(self, site: HostileSite) -> None:
        wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        captured = take(site, site.put("/a", hostile.raw(wire + b"smuggled")))
        assert records_of(captured.warc_gz)[1].block == wire

    def test_an_error_page_is_an_answer_too(self, site: HostileSite) -> None:
        captured = take(site, site.at("/gone"))
        assert captured.resources[0].status == 404
        assert captured.resources[0].refusal is None
        assert captured.medium_content == b"<html>not here</html>"

    def test_nothing_that_identifies_us_beyond_the_user_agent_is_sent(
        self, site: HostileSite
    ) -> None:
        take(site, site.put("/a", hostile.picture()))
        assert set(site.requests[0].headers) == {
            "Host",
            "User-Agent",
            "Accept",
            "Accept-Encoding",
            "Connection",
        }


class TestBodiesWithheld:
    def test_no_body_is_in_the_file_but_its_digest_is(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        secret = PNG + os.urandom(64)
        packed = hostile.body(gzip.compress(secret), "image/png", Content_Encoding="gzip")
        urls = [site.put("/a", hostile.picture(secret)), site.put("/b", packed)]
        captured = take(site, *urls, keep_bodies=False)
        for record in records_of(captured.warc_gz):
            assert secret not in record.block
            assert secret[-20:] not in record.block
            assert gzip.compress(secret)[-20:] not in record.block
            if record.kind == "response":
                assert record.block.endswith(b"\r\n\r\n")
                assert record.headers["WARC-Truncated"] == "unspecified"
            if record.kind == "metadata":
                assert record.fields["bodyWithheld"] == "yes"
                assert record.fields["bodySha256"] == hashlib.sha256(secret).hexdigest()
                assert record.fields["bodyBytes"] == str(len(secret))
        assert captured.resources[0].body_sha256 == hashlib.sha256(secret).hexdigest()
        assert captured.medium_content == secret
        assert warcio_accepts(captured.warc_gz, tmp_path)


class TestRedirectsAndRefusals:
    def test_every_hop_is_recorded(self, site: HostileSite, tmp_path: Path) -> None:
        site.put("/2", hostile.picture())
        captured = take(site, site.put("/1", hostile.redirect("/2")))
        responses = [r.url for r in records_of(captured.warc_gz) if r.kind == "response"]
        assert responses == [site.at("/1"), site.at("/2")]
        assert captured.resources[0].final_url == site.at("/2")
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_every_hop_takes_a_lease_and_waits(self, site: HostileSite) -> None:
        site.put("/2", hostile.picture())
        url = site.put("/1", hostile.redirect("/2"))
        asked: list[tuple[str, float]] = []
        slept: list[float] = []

        def slots(host: str, delay_s: float) -> float:
            asked.append((host, delay_s))
            return 0.5

        take(site, url, slots=slots, delay_s=3.0, options={"sleep": slept.append})
        assert asked == [(site.host, 3.0)] * 2
        assert slept == [0.5, 0.5]

    @pytest.mark.parametrize(
        ("location", "code"),
        [
            ("http://192.0.2.1/x", "address_not_public"),
            ("http://127.0.0.1:1/x", "address_not_public"),
            ("http://2130706433:1/x", "address_not_public"),
            ("http://elsewhere.test/x", "out_of_scope"),
            ("http://inside.test/x", "address_not_public"),
            ("ftp://inside.test/x", "bad_address"),
            ("http://[", "bad_address"),
        ],
    )
    def test_a_refused_hop_is_recorded_with_its_reason_and_nothing_leaves(
        self, site: HostileSite, tmp_path: Path, location: str, code: str
    ) -> None:
        url = site.put("/1", hostile.redirect(location))
        hosts = (site.host, "192.0.2.1", "127.0.0.1:1", "inside.test")
        asked: list[str] = []

        def slots(host: str, delay_s: float) -> float:
            asked.append(host)
            return 0.0

        captured = take(
            site,
            url,
            slots=slots,
            allowed_hosts=hosts,
            options={"resolve": lambda host, port: ["10.0.0.1"]},
        )
        (resource,) = captured.resources
        assert (resource.refusal or "").startswith(f"{code}: ")
        assert captured.medium_content is None
        last = records_of(captured.warc_gz)[-1]
        assert last.kind == "metadata"
        assert last.fields["refusal"] == code
        assert last.fields["via"] == url
        assert asked == [site.host]
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_circle_ends(self, site: HostileSite) -> None:
        site.put("/2", hostile.redirect("/1"))
        captured = take(site, site.put("/1", hostile.redirect("/2")))
        assert (captured.resources[0].refusal or "").startswith("too_many_redirects: ")
        assert site.paths == ["/1", "/2"]

    def test_the_name_is_resolved_once_for_each_request(self, site: HostileSite) -> None:
        site.put("/a", hostile.picture())
        answers = [[LOOPBACK], ["192.0.2.1"]]
        host = f"rebind.test:{site.port}"
        url = f"http://{host}/a"
        captured = take(
            site,
            url,
            url,
            allowed_hosts=(host,),
            options={"resolve": lambda name, port: answers.pop(0)},
        )
        first, second = captured.resources
        assert (first.refusal, first.server_address) == (None, LOOPBACK)
        assert (second.refusal or "").startswith("address_not_public: ")
        assert site.paths == ["/a"]

    def test_a_header_cannot_add_lines_to_a_record_of_ours(self, site: HostileSite) -> None:
        url = site.put("/1", hostile.redirect("http://x.test:\x85refusal: none"))
        record = records_of(take(site, url).warc_gz)[-1]
        assert set(record.fields) == {"refusal", "reason", "via"}


class TestCutShort:
    def test_a_body_over_the_limit_is_cut_and_marked(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        url = site.put("/a", hostile.endless())
        captured = take(site, url, max_page_bytes=1000, max_medium_bytes=100_000)
        response = records_of(captured.warc_gz)[1]
        assert response.headers["WARC-Truncated"] == "length"
        assert captured.resources[0].truncated
        assert captured.resources[0].body_bytes == 100_000
        assert len(response.block) < 200_000
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_chunks_that_are_mostly_framing_are_cut_too(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        chunk = b"1;" + b"x" * 4000 + b"\r\n\x00\r\n"
        wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 1000
        url = site.put("/a", hostile.raw(wire))
        captured = take(site, url, max_page_bytes=1000, max_medium_bytes=10_000)
        assert captured.resources[0].truncated
        assert records_of(captured.warc_gz)[1].headers["WARC-Truncated"] == "length"
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_slow_body_is_cut_and_marked(self, site: HostileSite, tmp_path: Path) -> None:
        captured = take(site, site.put("/a", hostile.drip(0.05)), timeout_s=0.5)
        assert records_of(captured.warc_gz)[1].headers["WARC-Truncated"] == "time"
        assert captured.resources[0].truncated
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_video_may_take_longer_than_a_page(self, site: HostileSite) -> None:
        def slowly(handler: hostile.Handler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "video/mp4")
            handler.send_header("Content-Length", "4")
            handler.end_headers()
            for _ in range(4):
                handler.server.site.stopping.wait(0.3)
                handler.wfile.write(b"v")
                handler.wfile.flush()

        url = site.put("/a", slowly)
        captured = take(site, url, timeout_s=0.6, medium_timeout_s=20.0)
        assert (captured.medium_content, captured.resources[0].truncated) == (b"vvvv", False)
        captured = take(site, url, timeout_s=0.6, medium_timeout_s=0.7)
        assert captured.resources[0].truncated

    def test_a_body_that_ends_early_is_marked(self, site: HostileSite, tmp_path: Path) -> None:
        captured = take(site, site.put("/a", hostile.truncated()))
        assert records_of(captured.warc_gz)[1].headers["WARC-Truncated"] == "disconnect"
        assert captured.resources[0].truncated
        assert captured.medium_content == PNG
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_bomb_is_not_unpacked_beyond_the_limit(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        url = site.put("/a", hostile.gzip_bomb(50_000_000))
        captured = take(site, url, max_page_bytes=1000, max_medium_bytes=100_000)
        assert captured.resources[0].truncated
        assert captured.resources[0].body_bytes == 100_000
        assert "WARC-Truncated" not in records_of(captured.warc_gz)[1].headers
        assert warcio_accepts(captured.warc_gz, tmp_path)

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (hostile.silence(), "timeout"),
            (hostile.raw(b""), "connection"),
            (hostile.raw(b"what?\r\n\r\n"), "connection"),
            (hostile.raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 400_000), "connection"),
            (hostile.raw(b"HTTP/1.1 200 OK\r\nContent-Len"), "connection"),
        ],
    )
    def test_no_answer_is_a_refusal_with_its_reason(
        self, site: HostileSite, tmp_path: Path, answer: hostile.Answer, code: str
    ) -> None:
        captured = take(site, site.put("/a", answer), timeout_s=0.5)
        assert (captured.resources[0].refusal or "").startswith(f"{code}: ")
        assert [r.kind for r in records_of(captured.warc_gz)] == ["warcinfo", "metadata"]
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_host_that_is_down_is_a_refusal(self) -> None:
        with hostile_site() as gone:
            pass
        captured = take(gone, gone.at("/a"))
        assert (captured.resources[0].refusal or "").startswith("connection: ")


@pytest.fixture(scope="module")
def local_tls(tmp_path_factory: pytest.TempPathFactory) -> LocalTls:
    return make_local_tls(tmp_path_factory.mktemp("tls"))


class TestTls:
    def test_the_certificate_is_recorded(self, local_tls: LocalTls, tmp_path: Path) -> None:
        with hostile_site(local_tls.wrap) as site:
            url = site.put("/a", hostile.picture())
            captured = take(site, url, options={"tls_context": local_tls.trusting()})
        (resource,) = captured.resources
        assert resource.refusal is None
        assert resource.tls_certificate_sha256 == hashlib.sha256(local_tls.leaf_der).hexdigest()
        fields = records_of(captured.warc_gz)[-1].fields
        assert fields["tlsVersion"].startswith("TLSv1.")
        assert fields["tlsCertificateSha256"] == resource.tls_certificate_sha256
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_an_unknown_authority_is_refused_before_a_request_is_sent(
        self, local_tls: LocalTls
    ) -> None:
        with hostile_site(local_tls.wrap) as site:
            captured = take(site, site.put("/a", hostile.picture()))
            assert site.requests == []
        assert (captured.resources[0].refusal or "").startswith("tls: ")

    def test_a_certificate_for_another_host_is_refused(self, local_tls: LocalTls) -> None:
        with hostile_site(local_tls.wrap) as site:
            host = f"other.test:{site.port}"
            captured = take(
                site,
                f"https://{host}/a",
                allowed_hosts=(host,),
                options={
                    "tls_context": local_tls.trusting(),
                    "resolve": lambda name, port: [LOOPBACK],
                },
            )
            assert site.requests == []
        assert (captured.resources[0].refusal or "").startswith("tls: ")

    def test_plain_text_on_a_tls_port_is_refused(self, site: HostileSite) -> None:
        url = f"https://{site.host}/a"
        assert (take(site, url).resources[0].refusal or "").startswith(("tls: ", "connection: "))


class TestChild:
    def test_the_child_captures_and_asks_for_leases(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        asked: list[tuple[str, float]] = []

        def slots(host: str, delay_s: float) -> float:
            asked.append((host, delay_s))
            return 0.0

        page = site.put("/page", hostile.page("x"))
        medium = site.put("/a.png", hostile.picture())
        with CaptureClient() as client:
            captured = client.capture((page, medium), site.scope(delay_s=1.5), True, slots)
            again = client.capture((medium,), site.scope(delay_s=1.5), False, slots)
        assert captured.medium_content == again.medium_content == PNG
        assert captured.request_id != again.request_id
        assert asked == [(site.host, 1.5)] * 3
        assert warcio_accepts(captured.warc_gz, tmp_path)

    def test_a_dead_child_is_a_clear_error_and_the_next_capture_works(
        self, site: HostileSite
    ) -> None:
        url = site.put("/a.png", hostile.picture())
        with CaptureClient() as client:

            def killing(host: str, delay_s: float) -> float:
                assert client.process_id is not None
                os.kill(client.process_id, signal.SIGKILL)
                return 0.0

            with pytest.raises(CaptureChildDied, match="ask again"):
                client.capture((url,), site.scope(), True, killing)
            captured = client.capture((url,), site.scope(), True, lambda host, delay_s: 0.0)
        assert captured.resources[0].status == 200

    def test_several_threads_take_turns(self, site: HostileSite) -> None:
        urls = [site.put(f"/{n}", hostile.picture(PNG + bytes([n]))) for n in range(8)]
        with CaptureClient() as client, ThreadPoolExecutor(2) as threads:
            captured = list(
                threads.map(
                    lambda url: client.capture(
                        (url,), site.scope(), True, lambda host, delay_s: 0.0
                    ),
                    urls,
                )
            )
        assert [one.resources[0].url for one in captured] == urls
        assert [one.medium_content for one in captured] == [PNG + bytes([n]) for n in range(8)]

    def test_an_error_of_the_caller_stays_itself(self, site: HostileSite) -> None:
        def failing(host: str, delay_s: float) -> float:
            raise LookupError("no lease")

        with CaptureClient() as client:
            with pytest.raises(LookupError):
                client.capture((site.at("/"),), site.scope(), True, failing)
            assert client.process_id is None

    def test_what_is_captured_crosses_the_wire_unchanged(self, site: HostileSite) -> None:
        captured = take(site, site.put("/a.png", hostile.picture()))
        sent = msgspec.msgpack.encode(captured)
        assert msgspec.msgpack.decode(sent, type=Captured) == captured


def test_a_scope_of_no_hosts_captures_nothing() -> None:
    scope = Scope(allowed_hosts=(), address_exceptions=(AddressException(LOOPBACK, 80),))
    captured = capture(CaptureRequest(1, (f"http://{LOOPBACK}/",), scope), lambda h, d: 0.0)
    assert (captured.resources[0].refusal or "").startswith("out_of_scope: ")
