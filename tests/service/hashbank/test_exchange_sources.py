"""The library's exchanges, asked through our door: what they give, take back, and must not leak.

NCMEC's and Meta's addresses are fixed: their answers come from an adapter of the test's own. The
one of StopNCII is served on loopback.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from service.errors import InvalidInputError
from service.hashbank.exchange import programmes
from service.hashbank.exchange.errors import PeerRefusedError, PeerUnreachableError
from service.hashbank.exchange.models import HashList
from service.hashbank.exchange.outbound import OutboundRules, quiet_library
from service.hashbank.exchange.programmes import Fetched, ListSource, Step, source_of
from tests.fixtures.hostile_site import HostileSite, body, hostile_site
from tests.service.enrolment.people_factory import House
from tests.service.hashbank.exchange_factory import add_list, connect, rules_for
from tests.service.hashbank.test_hash_lists import seen, similar, some_pdq

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
TOKEN = "1234567890|secret-part-of-a-token-0123"
KEYS = {"subscription_key": "sub-key-secret", "fetch_function_key": "fun-key-secret"}

Answer = Callable[[requests.PreparedRequest], tuple[int, bytes]]


class CannedAdapter(requests.adapters.BaseAdapter):
    """Answers every request by a function."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, content = self._answer(request)
        response.raw = io.BytesIO(content)
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Have every session of a source answered by a function."""

    def put(answer: Answer) -> None:
        class Session(requests.Session):
            def __init__(self, rules: OutboundRules, origins: list[str]) -> None:
                super().__init__()
                for prefix in ("http://", "https://"):
                    requests.Session.mount(self, prefix, CannedAdapter(answer))

            def mount(self, *_: Any) -> None:
                """Ours stays."""

        monkeypatch.setattr(programmes, "GuardedSession", Session)

    return put


def steps_of(source: ListSource, checkpoint: str | None = None) -> list[Step]:
    return list(source.steps(checkpoint, Fetched()))


def hashes_of(steps: list[Step]) -> set[tuple[str, str]]:
    return {(entry.kind, entry.value.hex()) for step in steps for entry in step.entries}


def stopncii_page(records: list[tuple[str, str, str]], more: bool = False) -> bytes:
    return json.dumps(
        {
            "count": len(records),
            "nextPageToken": "next" if more else None,
            "nextSetTimestamp": 77,
            "hasMoreRecords": more,
            "hashRecords": [
                {
                    "lastModtimestamp": 1,
                    "signalType": kind,
                    "hashValue": value,
                    "hashStatus": status,
                    "caseNumbers": {"case-4711": status},
                }
                for kind, value, status in records
            ],
        }
    ).encode()


class TestStopNCII:
    @pytest.fixture
    def site(self) -> Iterator[HostileSite]:
        with hostile_site() as serving:
            yield serving

    def source(self, site: HostileSite) -> ListSource:
        return source_of("stopncii", site.at("/v1"), "", KEYS, rules_for(site.port))

    def put(self, site: HostileSite, page: bytes, start: int = 10, token: str = "") -> None:
        more = f"&nextPageToken={token}" if token else ""
        path = f"/v1/FetchHashes?startTimestamp={start}&pageSize=800{more}"
        site.put(path, body(page, "application/json"))

    def test_pictures_and_videos_are_taken_and_withdrawn_ones_given_back(
        self, site: HostileSite
    ) -> None:
        one, two = some_pdq(2)
        self.put(site, stopncii_page([("ImagePDQ", one.upper(), "Active")], more=True))
        self.put(
            site,
            stopncii_page(
                [
                    ("VideoMD5", MD5, "Received"),
                    ("ImagePDQ", two, "Withdrawn"),
                    ("Text", "x", "Active"),
                ]
            ),
            token="next",
        )
        steps = steps_of(self.source(site))
        assert hashes_of(steps) == {("pdq", one), ("md5", MD5)}
        gone = {each.value.hex() for step in steps for each in step.gone if each.value}
        assert two in gone
        assert site.requests[0].headers["x-functions-key"] == KEYS["fetch_function_key"]

    def test_it_goes_on_from_its_checkpoint(self, site: HostileSite) -> None:
        self.put(site, stopncii_page([]))
        self.put(site, stopncii_page([("ImagePDQ", some_pdq(1)[0], "Active")]), start=77)
        (first,) = steps_of(self.source(site))
        assert len(hashes_of(steps_of(self.source(site), first.checkpoint))) == 1
        old = json.loads(first.checkpoint) | {"last_fetch_time": int(time.time()) - 40 * 86400}
        assert not self.source(site).is_stale(first.checkpoint)
        assert self.source(site).is_stale(json.dumps(old))

    def test_a_list_follows_it_also_when_it_is_fetched_whole_again(
        self, any_house: House, site: HostileSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = any_house
        over = connect(house, "stopncii", credentials=KEYS)
        view = add_list(house, connection_id=over.id)
        lists, database = house.rooms.exchange.lists, house.rooms.database
        monkeypatch.setattr(
            "service.hashbank.exchange.list_service.source_of",
            lambda *_: self.source(site),
        )
        one, two, three = some_pdq(3)
        self.put(site, stopncii_page([("ImagePDQ", one, "Active"), ("ImagePDQ", two, "Active")]))
        assert lists.fetch(database, house.operator, view.id).changed.added == 2
        self.put(site, stopncii_page([("ImagePDQ", one, "Deleted")]), start=77)
        assert lists.fetch(database, house.operator, view.id).changed.removed == 1
        assert not similar(house, seen(one)).matches
        with database.write() as session:
            row = session.get(HashList, view.id)
            assert row is not None
            stale = json.loads(row.checkpoint or "") | {"last_fetch_time": 1}
            row.checkpoint = json.dumps(stale)
        self.put(site, stopncii_page([("ImagePDQ", three, "Active")]))
        changed = lists.fetch(database, house.operator, view.id).changed
        assert (changed.added, changed.removed, changed.entries) == (1, 1, 1)
        assert not similar(house, seen(two)).matches
        assert similar(house, seen(three)).matches

    def test_neither_cases_nor_hashes_nor_keys_come_into_the_log(
        self, site: HostileSite, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        (one,) = some_pdq(1)
        self.put(
            site, stopncii_page([("ImagePDQ", one, "NoSuchStatus"), ("NoType", one, "Active")])
        )
        assert hashes_of(steps_of(self.source(site))) == set()
        for secret in (one, "case-4711", *KEYS.values()):
            assert secret not in caplog.text

    @pytest.mark.parametrize(("status", "words"), [(401, "credentials"), (418, "answered 418")])
    def test_a_refusal_is_told_without_its_words(
        self, site: HostileSite, status: int, words: str
    ) -> None:
        path = "/v1/FetchHashes?startTimestamp=10&pageSize=800"
        site.put(path, body(b"sub-key-secret is wrong", "text/plain", status))
        with pytest.raises((PeerRefusedError, PeerUnreachableError), match=words) as raised:
            steps_of(self.source(site))
        assert raised.value.__suppress_context__
        assert "secret" not in str(raised.value)
        site.put(path, body(b'{"hashRecords": 7}', "application/json"))
        with pytest.raises(PeerUnreachableError, match="could not be understood"):
            steps_of(self.source(site))


NCMEC_XML = """<?xml version="1.0"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <images count="2" maxTimestamp="2027-01-01T00:00:00Z">
  <image><member id="42">Example</member><timestamp>2027-01-01T00:00:00Z</timestamp><id>one</id>
   <classification>A1</classification>
   <fingerprints><md5>{md5}</md5><pdq>{pdq}</pdq></fingerprints></image>
  <deletedImage><member id="42">Example</member><id>two</id>
   <timestamp>2027-01-01T00:00:00Z</timestamp></deletedImage>
 </images>
 <videos count="1" maxTimestamp="2027-01-01T00:00:00Z">
  <video><member id="43">Other</member><timestamp>2027-01-01T00:00:00Z</timestamp><id>three</id>
   <classification>A2</classification><fingerprints><md5>{md5}</md5></fingerprints></video>
 </videos>
 <paging><next></next></paging>
</queryResult>"""


class TestNCMEC:
    CREDENTIALS = {"user": "user", "password": "pass-secret"}  # noqa: RUF012

    def test_pictures_videos_and_deletions_are_read(self, canned: Callable[[Answer], None]) -> None:
        (one,) = some_pdq(1)
        asked: list[requests.PreparedRequest] = []

        def answer(request: requests.PreparedRequest) -> tuple[int, bytes]:
            asked.append(request)
            return 200, NCMEC_XML.format(pdq=one.upper(), md5=MD5).encode()

        canned(answer)
        source = source_of("ncmec", "NGO", "", self.CREDENTIALS, OutboundRules())
        steps = steps_of(source)
        assert hashes_of(steps) == {("pdq", one), ("md5", MD5)}
        assert {each.source_key for step in steps for each in step.gone} == {
            "42-one",
            "42-two",
            "43-three",
        }
        assert urlsplit(str(asked[0].url)).hostname == "hashsharing.ncmec.org"
        assert "Authorization" in asked[0].headers
        assert not source.is_stale(steps[-1].checkpoint)

    def test_it_asks_for_no_time_that_is_still_to_come_wherever_this_machine_is(
        self, canned: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[dict[str, list[str]]] = []

        def answer(request: requests.PreparedRequest) -> tuple[int, bytes]:
            asked.append(parse_qs(urlsplit(str(request.url)).query))
            return 200, NCMEC_XML.format(pdq=some_pdq(1)[0], md5=MD5).encode()

        canned(answer)
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        try:
            steps_of(source_of("ncmec", "NGO", "", self.CREDENTIALS, OutboundRules()))
        finally:
            monkeypatch.undo()
            time.tzset()
        assert asked[0]["to"][0] <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert asked[0]["from"] == ["1970-01-01T00:00:00Z"]

    def test_lists_about_children_can_only_stop(self, house: House) -> None:
        over = connect(house, "ncmec", address="NGO", credentials=self.CREDENTIALS)
        with pytest.raises(InvalidInputError, match='only "stop"'):
            add_list(house, "match", connection_id=over.id)
        view = add_list(house, "stop", connection_id=over.id)
        with (
            house.rooms.database.write() as session,
            pytest.raises(InvalidInputError, match='only "stop"'),
        ):
            house.rooms.exchange.lists.set_action(session, house.operator, view.id, "match")

    def test_another_environment_is_refused(self, house: House) -> None:
        with pytest.raises(InvalidInputError, match="Environment"):
            connect(house, "ncmec", address="https://elsewhere.example")


def descriptor(kind: str, value: str, status: str = "MALICIOUS", **changes: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "indicator": value,
        "type": kind,
        "last_updated": 50,
        "should_delete": False,
        "descriptors": {
            "data": [{"id": "9", "owner": {"id": "5"}, "status": status, "tags": {"data": []}}]
        },
        **changes,
    }


class TestThreatExchange:
    def test_a_privacy_group_is_followed_page_by_page_with_its_deletions(
        self, canned: Callable[[Answer], None]
    ) -> None:
        one, two, three = some_pdq(3)
        asked: list[str] = []
        pages = [
            [descriptor("HASH_PDQ", one.upper()), descriptor("HASH_PDQ", two, "NON_MALICIOUS")],
            [],
            [
                descriptor("HASH_PDQ", three, should_delete=True),
                descriptor("HASH_VIDEO_MD5", MD5),
                descriptor("DOMAIN", "example.org"),
            ],
        ]

        def answer(request: requests.PreparedRequest) -> tuple[int, bytes]:
            number = len(asked)
            asked.append(str(request.url))
            following = f"https://graph.facebook.com/v26.0/next?page={number + 1}"
            paging = {"next": following} if number + 1 < len(pages) else {}
            return 200, json.dumps({"data": pages[number], "paging": paging}).encode()

        canned(answer)
        credentials = {"api_token": TOKEN}
        source = source_of("fb_threatexchange", "", "303", credentials, OutboundRules())
        fetched = Fetched()
        steps = list(source.steps(None, fetched))
        assert hashes_of(steps) == {("pdq", one), ("md5", MD5)}
        gone = {each.value.hex() for step in steps for each in step.gone if each.value}
        assert {two, three} <= gone
        assert fetched.left_out >= 1
        assert "/303/threat_updates" in asked[0]
        assert parse_qs(urlsplit(asked[0]).query)["access_token"] == [TOKEN]

    def test_the_token_is_in_no_error_and_no_log(
        self, canned: Callable[[Answer], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        canned(lambda request: (500, b"{}"))
        source = source_of("fb_threatexchange", "", "303", {"api_token": TOKEN}, OutboundRules())
        with pytest.raises(PeerUnreachableError) as raised:
            steps_of(source)
        assert TOKEN.partition("|")[2] not in f"{raised.value} {caplog.text}"

    def test_a_token_or_group_of_another_form_is_refused(self) -> None:
        for token, group in (("nonsense", "303"), (TOKEN, "group")):
            with pytest.raises((PeerRefusedError, InvalidInputError)):
                source_of("fb_threatexchange", "", group, {"api_token": token}, OutboundRules())


def test_importing_the_library_contacts_nobody_and_leaves_logging_alone() -> None:
    import subprocess
    import sys

    program = """
import logging, socket
def refuse(*_, **__): raise SystemExit("it tried to leave the machine")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
before = list(logging.getLogger().handlers), logging.getLogger().level
from service.hashbank.exchange.signals import library_types
from threatexchange.exchanges.impl import fb_threatexchange_api, ncmec_api, stop_ncii_api
library_types()
assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_web_application_does_not_load_the_library() -> None:
    import subprocess
    import sys

    program = "import sys, service.app; assert 'threatexchange' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_other_log_lines_pass_while_the_library_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with quiet_library():
        logging.getLogger().warning("ours")
    assert "ours" in caplog.text
