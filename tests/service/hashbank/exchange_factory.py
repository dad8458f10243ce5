"""Lists and connections of a test's own, and a peer that answers as an HMA server does.

The peer keeps what it banks in the library's own PDQ index, so that what it finds is what such
servers find.
"""

from __future__ import annotations

import io
import json
import secrets
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from threatexchange.signal_type.pdq.pdq_index2 import PDQIndex2

from indexer.crawl.messages import AddressException
from service.accounts.actor import Actor
from service.hashbank.exchange.connections import ConnectionDraft
from service.hashbank.exchange.list_service import Imported, ListDraft
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.views import ConnectionView, ListView
from tests.service.enrolment.people_factory import House

LOOPBACK = "127.0.0.1"


def list_draft(name: str = "Partners' list", action: str = "match", **changes: Any) -> ListDraft:
    """What an operator would type."""
    typed: dict[str, Any] = {
        "name": name,
        "action": action,
        "given_by": "A partner",
        "terms": "Agreement of 2027-01-02, paragraph 4",
        "signed_by": "Olga O.",
        "agreed": True,
    }
    return ListDraft(**{**typed, **changes})


def add_list(
    house: House, action: str = "match", name: str = "", actor: Actor | None = None, **changes: Any
) -> ListView:
    """A list without hashes."""
    draft = list_draft(name or f"list-{action}-{secrets.token_hex(3)}", action, **changes)
    with house.rooms.database.write() as session:
        return house.rooms.exchange.lists.add(session, actor or house.operator, draft)


def import_lines(
    house: House,
    list_id: uuid.UUID,
    lines: Iterable[str],
    *,
    whole: bool = False,
    actor: Actor | None = None,
    kind: Any = None,
) -> Imported:
    """Import a file of these lines."""
    content = io.BytesIO("\n".join(lines).encode())
    return house.rooms.exchange.lists.import_file(
        house.rooms.database, actor or house.operator, list_id, content, kind=kind, whole=whole
    )


def listed(house: House, action: str, *lines: str, actor: Actor | None = None) -> ListView:
    """A list that has these hashes."""
    view = add_list(house, action, actor=actor)
    import_lines(house, view.id, lines, actor=actor)
    return view


def connection_draft(kind: str, **changes: Any) -> ConnectionDraft:
    """What an operator would type."""
    typed: dict[str, Any] = {
        "name": f"{kind}-{secrets.token_hex(3)}",
        "kind": kind,
        "run_by": "Another organisation",
        "terms": "Agreement of 2027-01-03",
        "signed_by": "Olga O.",
        "agreed": True,
    }
    return ConnectionDraft(**{**typed, **changes})


def connect(house: House, kind: str, actor: Actor | None = None, **changes: Any) -> ConnectionView:
    """A server or programme of the house's organisation."""
    with house.rooms.database.write() as session:
        return house.rooms.exchange.connections.add(
            session, actor or house.operator, connection_draft(kind, **changes)
        )


def flipped(pdq_hex: str, bits: Iterable[int]) -> str:
    """A hash with these bits the other way round."""
    value = int(pdq_hex, 16)
    for bit in bits:
        value ^= 1 << bit
    return f"{value:064x}"


def rules_for(port: int, **changes: Any) -> OutboundRules:
    """Quick rules that let one loopback port through."""
    quick: dict[str, Any] = {
        "exceptions": (AddressException(LOOPBACK, port),),
        "timeout_s": 5.0,
        "first_wait_s": 0.0,
        "attempts": 3,
        "sleep": lambda _seconds: None,
    }
    return OutboundRules(**{**quick, **changes})


@dataclass
class HmaPeer:
    """An HMA-like server: banks of contents with their signals, found by the library's index."""

    port: int
    token: str = ""
    tells_signals: bool = True
    fail_after: int | None = None
    banks: dict[str, dict[int, dict[str, str]]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _next_id: int = 1
    _indexed: list[tuple[str, int]] = field(default_factory=list)
    _index: PDQIndex2[int] = field(default_factory=PDQIndex2)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def bank(self, name: str, *pdq_hex: str) -> list[int]:
        """Put hashes into a bank, as its own operator would."""
        contents = self.banks.setdefault(name, {})
        ids = []
        for one in pdq_hex:
            contents[self._next_id] = {"pdq": one}
            ids.append(self._next_id)
            self._next_id += 1
        return ids

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        self.requests.append((method, parts.path))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.fail_after is not None and len(self.requests) > self.fail_after:
            return 503, {"message": "down"}
        steps = parts.path.strip("/").split("/")
        match (method, steps):
            case ("GET", ["c", "banks"]):
                return 200, [{"name": name, "matching_enabled_ratio": 1.0} for name in self.banks]
            case ("GET", ["m", "index", "status"]):
                size = sum(len(contents) for contents in self.banks.values())
                return 200, {"pdq": {"present": True, "built_to": 1, "size": size}}
            case ("GET", ["m", "raw_lookup"]):
                return 200, {
                    "matches": [
                        {"content_id": content_id, "distance": str(distance)}
                        for content_id, distance in self.found(asked["signal"])
                    ]
                }
            case ("GET", ["m", "lookup"]):
                ids = {content_id for content_id, _ in self.found(asked["signal"])}
                return 200, [name for name, held in self.banks.items() if ids & held.keys()]
            case ("GET", ["c", "bank", name, "content", number]) if name in self.banks:
                return self._content(int(number), asked)
            case ("POST", ["c", "bank", name, "signal"]) if name in self.banks:
                signals = json.loads(body)
                self.bodies.append(signals)
                self.banks[name][self._next_id] = signals
                self._next_id += 1
                return 200, {"id": self._next_id - 1, "signals": signals}
            case ("DELETE", ["c", "bank", name, "content", number]) if name in self.banks:
                gone = self.banks[name].pop(int(number), None)
                return 200, {"deleted": int(gone is not None)}
        return 404, {"message": "not found"}

    def found(self, pdq_hex: str) -> list[tuple[int, int]]:
        """(content, distance) as the library's index finds them."""
        entries = [
            (signals["pdq"], content_id)
            for contents in self.banks.values()
            for content_id, signals in contents.items()
            if "pdq" in signals
        ]
        if self._indexed != entries:
            self._indexed, self._index = entries, PDQIndex2(entries=entries)
        return [
            (match.metadata, int(match.similarity_info.distance))
            for match in self._index.query(pdq_hex)
        ]

    def _content(self, number: int, asked: dict[str, str]) -> tuple[int, Any]:
        for name, contents in self.banks.items():
            if number in contents:
                answer: dict[str, Any] = {
                    "id": number,
                    "disable_until_ts": 0,
                    "collab_metadata": {},
                    "original_media_uri": None,
                    "bank": {"name": name, "matching_enabled_ratio": 1.0},
                }
                if asked.get("include_signals") == "true" and self.tells_signals:
                    answer["signals"] = contents[number]
                return 200, answer
        return 404, {"message": "not found"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        peer = self.server.peer
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        peer.headers.append(dict(self.headers))
        if peer.token and self.headers.get("Authorization") != f"Bearer {peer.token}":
            status, said = 401, {"message": "who are you?"}
        else:
            status, said = peer.answer(self.command, self.path, body)
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    peer: HmaPeer


@contextmanager
def hma_peer(token: str = "") -> Iterator[HmaPeer]:
    """Serve a peer on a free loopback port."""
    server = _Server((LOOPBACK, 0), _Handler)
    server.peer = HmaPeer(server.server_port, token)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
