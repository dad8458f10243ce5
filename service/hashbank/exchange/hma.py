"""A client of a Hasher-Matcher-Actioner server (OpenMediaMatch), as one peer of another.

It asks what such a server answers to anybody whom its operator lets in: which banks it has, how
large its indexes are, which banked content a hash is close to, and what one content's hashes are;
and it adds hashes to a bank and takes them out again. Nothing but hashes is ever sent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote

import msgspec

from service.hashbank.exchange.errors import PeerRefusedError, PeerUnreachableError
from service.hashbank.exchange.outbound import GuardedSession, OutboundRules
from service.hashbank.exchange.signals import HashKind, hash_value, kind_of_name, library_name

_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404
_REFUSALS: Final = {401: "the credentials are not accepted", 403: "access is not allowed"}


class Bank(msgspec.Struct, frozen=True):
    """A bank of the server, and whether it matches with it."""

    name: str
    matching_enabled_ratio: float = 1.0


class IndexStatus(msgspec.Struct, frozen=True):
    """One index of the server: how many hashes it was built of."""

    present: bool = False
    built_to: int = -1
    size: int = 0


class PeerMatch(msgspec.Struct, frozen=True):
    """A banked content that is close to a hash; `distance` in bits where the server says it."""

    content_id: int
    distance: str = ""


class _Matches(msgspec.Struct, frozen=True):
    matches: list[PeerMatch | int]


class _Added(msgspec.Struct, frozen=True):
    id: int


class _Deleted(msgspec.Struct, frozen=True):
    deleted: int


class _Content(msgspec.Struct, frozen=True):
    id: int
    bank: Bank
    disable_until_ts: int = 0
    signals: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BankedContent:
    """One banked content with those of its hashes that we can compare."""

    content_id: int
    bank: str
    hashes: tuple[tuple[HashKind, bytes], ...]


class HmaClient:
    """Asks one server. `token`, if there is one, goes into the Authorization header."""

    def __init__(self, address: str, rules: OutboundRules, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._session = GuardedSession(rules, [address])
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def banks(self) -> tuple[Bank, ...]:
        """The server's banks."""
        return tuple(self._get("c/banks", list[Bank]))

    def index_status(self) -> dict[str, IndexStatus]:
        """The server's indexes by the name of their kind of hash."""
        status: dict[str, IndexStatus] = self._get("m/index/status", dict[str, IndexStatus])
        return status

    def matches(self, kind: HashKind, value: bytes) -> tuple[PeerMatch, ...]:
        """Banked contents that are close to a hash, with their distances (`/m/raw_lookup`)."""
        found = self._get(
            "m/raw_lookup",
            _Matches,
            signal=value.hex(),
            signal_type=library_name(kind),
            include_distance="true",
        )
        return tuple(
            each if isinstance(each, PeerMatch) else PeerMatch(each) for each in found.matches
        )

    def banks_of(self, kind: HashKind, value: bytes) -> tuple[str, ...]:
        """Names of the banks that match a hash (`/m/lookup`)."""
        found = self._get("m/lookup", list[str], signal=value.hex(), signal_type=library_name(kind))
        return tuple(found)

    def content(self, bank: str, content_id: int) -> BankedContent | None:
        """One banked content with its hashes; None when there is none, or it is switched off.

        Servers of before 2025 do not tell hashes: `PeerRefusedError` says so.
        """
        found = self._get(
            f"c/bank/{quote(bank, safe='')}/content/{content_id}",
            _Content,
            missing_is_none=True,
            include_signals="true",
        )
        if found is None or found.disable_until_ts > time.time():
            return None
        if found.signals is None:
            raise PeerRefusedError("The server does not tell the hashes of what it has banked.")
        return BankedContent(found.id, found.bank.name, _known_hashes(found.signals))

    def add(self, bank: str, hashes: dict[HashKind, bytes]) -> int:
        """Add one content's hashes to a bank; returns the server's id of it."""
        signals = {library_name(kind): value.hex() for kind, value in hashes.items()}
        added = self._ask("POST", f"c/bank/{quote(bank, safe='')}/signal", _Added, json=signals)
        if added is None:
            raise PeerRefusedError("The server has no such bank.")
        content_id: int = added.id
        return content_id

    def delete(self, bank: str, content_id: int) -> bool:
        """Take a content out of a bank; False when it was gone."""
        path = f"c/bank/{quote(bank, safe='')}/content/{content_id}"
        deleted = self._ask("DELETE", path, _Deleted)
        return deleted is not None and deleted.deleted > 0

    def _get(
        self, path: str, kind: type[Any], *, missing_is_none: bool = False, **asked: str
    ) -> Any:
        found = self._ask("GET", path, kind, params=asked)
        if found is None and not missing_is_none:
            raise PeerRefusedError("The server does not have what was asked for.")
        return found

    def _ask(self, method: str, path: str, kind: type[Any], **request: Any) -> Any:
        """The answer as `kind`; None when there is no such thing."""
        response = self._session.request(method, f"{self._address}/{path}", **request)
        status = response.status_code
        if status == _NOT_FOUND:
            return None
        if status not in _OK:
            if status in _REFUSALS:
                raise PeerRefusedError(f"The server refused: {_REFUSALS[status]}.")
            if status >= 500:
                raise PeerUnreachableError(f"The server answered {status}; try again later.")
            raise PeerRefusedError(f"The server refused what was asked (it answered {status}).")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise PeerRefusedError(
                "The server's answer is not that of a Hasher-Matcher-Actioner server."
            ) from None


def _known_hashes(signals: dict[str, str]) -> tuple[tuple[HashKind, bytes], ...]:
    known: list[tuple[HashKind, bytes]] = []
    for name, text in sorted(signals.items()):
        kind = kind_of_name(name)
        if kind is None:
            continue
        try:
            known.append((kind, hash_value(kind, text)))
        except ValueError:
            continue
    return tuple(known)
