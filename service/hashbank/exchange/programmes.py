"""Where a list can be fetched from, step by step: exchanges of the library, and HMA servers.

Each source gives steps: records that are gone or replaced, hashes that are new, and a checkpoint to
go on from. The library's own classes do the talking and the reading; here they are given our door
(`outbound`), and put right in four places:

- StopNCII: the library (1.2.17) compares the hash instead of the status with "withdrawn", so that
  what a person withdrew would stay listed for ever. Here it is taken off.
- NCMEC: the library writes this machine's local time and calls it UTC. East of Greenwich it would
  ask for a time that is still to come, go on from there, and never see what came meanwhile.
- ThreatExchange: the library asks without a time limit, and stops at an empty page.
- All: hashes in capitals are read, not dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from service.errors import InvalidInputError
from service.hashbank.exchange.entries import Entry, Gone
from service.hashbank.exchange.errors import PeerRefusedError, PeerUnreachableError
from service.hashbank.exchange.hma import HmaClient
from service.hashbank.exchange.outbound import GuardedSession, OutboundRules, quiet_library
from service.hashbank.exchange.signals import HashKind, hash_value, kind_of_name, library_types

if TYPE_CHECKING:
    from threatexchange.exchanges.fetch_state import FetchDelta

_MAX_MISSING_IN_A_ROW: Final = 200
"""Ids of an HMA server's contents ascend with gaps; after so many missing ones its end is there."""
_MAX_IDS_AT_ONCE: Final = 200_000
_IDS_A_STEP: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fetch; `checkpoint` is where to go on when it has been written."""

    gone: tuple[Gone, ...]
    entries: tuple[Entry, ...]
    checkpoint: str


@dataclass(slots=True)
class Fetched:
    """What a fetch has counted by the way."""

    left_out: int = 0


class ListSource(Protocol):
    """Something that a list can be fetched from."""

    def is_stale(self, checkpoint: str) -> bool:
        """Whether so much time has passed that the whole list must be fetched again."""
        ...

    def steps(self, checkpoint: str | None, fetched: Fetched) -> Iterator[Step]:
        """What changed since `checkpoint` (everything without one)."""
        ...


@dataclass(slots=True)
class LibrarySource:
    """A `SignalExchangeAPI` of the library, ready to be asked."""

    api: Any
    collab: Any
    prepared: Callable[[Any, Any], tuple[Any, Any]] = field(default=lambda key, value: (key, value))

    def is_stale(self, checkpoint: str) -> bool:
        """As the library judges it."""
        stale: bool = self._checkpoint(checkpoint).is_stale()
        return stale

    def steps(self, checkpoint: str | None, fetched: Fetched) -> Iterator[Step]:
        """Ask, page by page."""
        from threatexchange.utils.dataclass_json import dataclass_dumps  # noqa: PLC0415 - big

        before = self._checkpoint(checkpoint) if checkpoint is not None else None
        types = list(library_types().values())
        with quiet_library(), _told_plainly():
            deltas: Iterator[FetchDelta[Any, Any, Any]] = self.api.fetch_iter(types, before)
            for delta in deltas:
                gone: list[Gone] = []
                entries: list[Entry] = []
                for raw_key, raw_value in delta.updates.items():
                    key, value = self.prepared(raw_key, raw_value)
                    self._one(key, value, gone, entries, fetched)
                yield Step(tuple(gone), tuple(entries), dataclass_dumps(delta.checkpoint))

    def _one(
        self, key: Any, value: Any, gone: list[Gone], entries: list[Entry], fetched: Fetched
    ) -> None:
        record = _record_key(key)
        if record is None:
            fetched.left_out += 1
            return
        gone.append(record)
        kept = self.api.fetch_value_merge(None, value) if value is not None else None
        if kept is None:
            return
        found = self.api.naive_convert_to_signal_type(
            list(library_types().values()), self.collab, {key: kept}
        )
        usable = 0
        for signal_type, signals in found.items():
            kind = kind_of_name(signal_type.get_name())
            for text, metadata in signals.items():
                if kind is None or _is_called_wrong(metadata):
                    continue
                try:
                    entries.append(Entry(kind, hash_value(kind, text), record.source_key))
                except ValueError:
                    continue
                usable += 1
        fetched.left_out += not usable

    def _checkpoint(self, text: str) -> Any:
        from threatexchange.utils.dataclass_json import dataclass_loads  # noqa: PLC0415 - big

        return dataclass_loads(text, self.api.get_checkpoint_cls())


class _Walk(msgspec.Struct, frozen=True):
    """How far the contents of a server were read: the highest id, and the one to go on with."""

    highest: int = 0
    following: int = 1


@dataclass(slots=True)
class HmaSource:
    """A bank of an HMA server, read content by content: it has no list of a bank's contents.

    Every content that is there already is asked for again, so that deletions are honoured.
    """

    client: HmaClient
    bank: str

    def is_stale(self, checkpoint: str) -> bool:  # noqa: ARG002 - never: everything is read again
        """Never."""
        return False

    def steps(self, checkpoint: str | None, fetched: Fetched) -> Iterator[Step]:
        """Contents from the first id on."""
        with self.client:
            yield from self._contents(checkpoint, fetched)

    def _contents(self, checkpoint: str | None, fetched: Fetched) -> Iterator[Step]:
        if self.bank not in {bank.name for bank in self.client.banks()}:
            raise PeerRefusedError(f'The server has no bank "{self.bank}".')
        stood = msgspec.json.decode(checkpoint, type=_Walk) if checkpoint else _Walk()
        highest = stood.highest
        missing = 0
        gone: list[Gone] = []
        entries: list[Entry] = []
        for content_id in range(stood.following, _MAX_IDS_AT_ONCE + 1):
            content = self.client.content(self.bank, content_id)
            mine = content is not None and content.bank == self.bank
            missing = 0 if content is not None else missing + 1
            gone.append(Gone(str(content_id)))
            if content is not None and mine:
                highest = max(highest, content_id)
                entries += [Entry(kind, value, str(content_id)) for kind, value in content.hashes]
                fetched.left_out += not content.hashes
            is_end = content_id > highest and missing >= _MAX_MISSING_IN_A_ROW
            if len(gone) == _IDS_A_STEP or is_end:
                walk = _Walk(highest, 1 if is_end else content_id + 1)
                yield Step(tuple(gone), tuple(entries), msgspec.json.encode(walk).decode())
                gone, entries = [], []
            if is_end:
                return
        raise PeerRefusedError(
            f"The server has more than {_MAX_IDS_AT_ONCE} contents: too many to be read one by "
            "one. Ask its operator for a file, and import that."
        )


def source_of(
    kind: str,
    address: str,
    selection: str,
    credentials: Mapping[str, str],
    rules: OutboundRules,
) -> ListSource:
    """The source of one list. Raises `InvalidInputError` for what is no source."""
    match kind:
        case "hma":
            client = HmaClient(address, rules, credentials.get("token", ""))
            return HmaSource(client, selection)
        case "ncmec":
            return _ncmec(address, credentials, rules)
        case "stopncii":
            return _stopncii(address, credentials, rules)
        case "fb_threatexchange":
            return _threatexchange(address, selection, credentials, rules)
    raise InvalidInputError("Nothing can be fetched from this connection.")


def _ncmec(address: str, credentials: Mapping[str, str], rules: OutboundRules) -> ListSource:
    from threatexchange.exchanges.clients.ncmec import hash_api  # noqa: PLC0415 - big
    from threatexchange.exchanges.impl import ncmec_api  # noqa: PLC0415

    environment = hash_api.NCMECEnvironment[address]

    class Client(hash_api.NCMECHashAPI):
        def _get_session(self) -> GuardedSession:
            session = GuardedSession(rules, [environment.value])
            session.auth = (self.username, self.password)
            return session

        def get_entries(
            self, *, start_timestamp: int = 0, end_timestamp: int = 0, next_: str = ""
        ) -> hash_api.GetEntriesResponse:
            now = int(time.time())
            asked = {"from": _utc(start_timestamp), "to": _utc(end_timestamp or now)}
            root = self._get(hash_api.NCMECEndpoint.entries, next_=next_, **asked)
            return hash_api.GetEntriesResponse.from_xml(hash_api._XMLWrapper(root), now)

    class Api(ncmec_api.NCMECSignalExchangeAPI):
        def get_client(self, environment: hash_api.NCMECEnvironment) -> Client:
            return Client(credentials["user"], credentials["password"], environment)

    collab = ncmec_api.NCMECCollabConfig(environment=environment, name="list")
    api = Api(collab, credentials["user"], credentials["password"])
    return LibrarySource(api, collab, _small_fingerprints)


def _stopncii(address: str, credentials: Mapping[str, str], rules: OutboundRules) -> ListSource:
    from threatexchange.exchanges.clients.stopncii import api as client_api  # noqa: PLC0415 - big
    from threatexchange.exchanges.collab_config import CollaborationConfigBase  # noqa: PLC0415
    from threatexchange.exchanges.fetch_state import FetchDelta  # noqa: PLC0415
    from threatexchange.exchanges.impl import stop_ncii_api  # noqa: PLC0415

    base = address or client_api.StopNCIIAPI.BASE_URL

    class Client(client_api.StopNCIIAPI):
        def _get_session(self, endpoint: client_api.StopNCIIEndpoint) -> GuardedSession:
            session = GuardedSession(rules, [base])
            plain = super()._get_session(endpoint)
            session.headers.update(plain.headers)
            plain.close()
            return session

    class Api(stop_ncii_api.StopNCIISignalExchangeAPI):
        def fetch_iter(self, _types: Any, checkpoint: Any) -> Iterator[Any]:
            start = client_api.StopNCIIAPI.DEFAULT_START_TIME
            if checkpoint is not None:
                start = checkpoint.update_time
            over = (client_api.StopNCIICaseStatus.Withdrawn, client_api.StopNCIICaseStatus.Deleted)
            for page in self.api.fetch_hashes_iter(start_timestamp=start):
                updates: dict[tuple[str, str], Any] = {}
                for record in page.hashRecords:
                    name = _STOPNCII_NAMES.get(record.signalType.value, record.signalType.value)
                    metadata = stop_ncii_api.StopNCIISignalMetadata(record.CSPFeedbacks)
                    is_over = record.hashStatus in over
                    updates[name, record.hashValue] = None if is_over else metadata
                yield FetchDelta(
                    updates, stop_ncii_api.StopNCIICheckpoint.from_stopncii_fetch(page)
                )

    collab = CollaborationConfigBase(name="list", api="stopncii", enabled=True)
    client = Client(
        credentials["subscription_key"],
        credentials["fetch_function_key"],
        base_url_override=base,
    )
    return LibrarySource(Api(collab, client), collab, _small_pair)


def _threatexchange(
    address: str, selection: str, credentials: Mapping[str, str], rules: OutboundRules
) -> ListSource:
    from threatexchange.exchanges.clients.fb_threatexchange import api as client_api  # noqa: PLC0415
    from threatexchange.exchanges.impl import fb_threatexchange_api as impl  # noqa: PLC0415

    if not client_api.is_valid_app_token(credentials["api_token"]):
        raise PeerRefusedError("The access token does not have the form of an app's token.")
    if not selection.isdigit():
        raise InvalidInputError("Privacy group: its number.")

    class Client(client_api.ThreatExchangeAPI):
        def get_json_from_url(
            self, url: str, params: Any = None, *, json_obj_hook: Any = None
        ) -> Any:
            with GuardedSession(rules, [self._base_url]) as session:
                response = session.get(url, params=params or {})
            response.raise_for_status()
            return response.json(object_hook=json_obj_hook)

        def get_threat_updates(self, *arguments: Any, **named: Any) -> Any:
            pages = super().get_threat_updates(*arguments, **named)
            return (page for page in pages if page)

    client = Client(credentials["api_token"], endpoint_override=address or None)
    collab = impl.FBThreatExchangeCollabConfig(privacy_group=int(selection), name="list")
    return LibrarySource(
        impl.FBThreatExchangeSignalExchangeAPI(client, collab), collab, _small_pair
    )


def _utc(timestamp_s: int) -> str:
    """A moment as NCMEC's interface wants it."""
    return datetime.fromtimestamp(timestamp_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_STOPNCII_NAMES: Final = {"ImagePDQ": "pdq", "VideoMD5": "video_md5"}


def _small_pair(key: tuple[str, str], value: Any) -> tuple[tuple[str, str], Any]:
    """Keys that are hashes, in small letters."""
    name, text = key
    return (name, text.strip().lower()), value


def _small_fingerprints(key: str, value: Any) -> tuple[str, Any]:
    """Records with fingerprints, in small letters."""
    if value is not None:
        prints = {name: text.strip().lower() for name, text in value.fingerprints.items()}
        value.fingerprints = prints
    return key, value


def _record_key(key: object) -> Gone | None:
    """The record that a library's key names; None when it is of a kind that we cannot compare."""
    if isinstance(key, tuple):
        name, text = key
        kind: HashKind | None = kind_of_name(name)
        if kind is None:
            return None
        try:
            return Gone(name, kind, hash_value(kind, text))
        except ValueError:
            return None
    return Gone(str(key))


def _is_called_wrong(metadata: Any) -> bool:
    """Whether everybody who has an opinion says that it is a mistake."""
    from threatexchange.exchanges.fetch_state import AggregateSignalOpinionCategory  # noqa: PLC0415

    category = metadata.get_as_aggregate_opinion().category
    return bool(category == AggregateSignalOpinionCategory.NEGATIVE_CLASS)


@contextmanager
def _told_plainly() -> Iterator[None]:
    """What the library raises, without its words: they hold addresses with keys, and hashes."""
    import requests  # noqa: PLC0415 - only those who fetch need it

    try:
        yield
    except (PeerRefusedError, PeerUnreachableError):
        raise
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise PeerRefusedError("The server does not accept the credentials.") from None
        raise PeerUnreachableError(f"The server answered {status}.") from None
    except Exception as error:  # noqa: BLE001 - what a foreign reader raises is not ours to list
        raise PeerUnreachableError(
            f"The server's answer could not be understood ({type(error).__name__})."
        ) from None
