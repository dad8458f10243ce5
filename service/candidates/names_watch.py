"""The names that are looked for, in a worker's memory, and pages compared with them.

1. `look_for` is asked once a slice, outside any transaction: which names are in force, under which
   change number. Names are decrypted once and compiled; the same set is used by further slices.
2. `NameLook.find` compares a page: its title, its text, its address and the addresses of its media,
   decoded. Every `FRESH_S` seconds it asks whether all names are still in force, and forgets those
   that are not.
3. What no slice used for a while is forgotten (`forget_idle`).

Nothing here is written down, logged or sent anywhere: a name leaves as an id.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import idna

from indexer.crawl.messages import PageSeen
from service.candidates.names_finds import FoundName, NamesOnPage
from service.candidates.names_matching import MATCHING, NameIndex, Sought
from service.database import Database
from service.enrolment.names import NameInForce, NamesService

FRESH_S: Final = 60.0
IDLE_S: Final = 120.0
MAX_MEDIA_NAMED: Final = 2_000
_PAGES_LOOKED_FOR: Final = "links"


class _Compiled:
    """The names of one set, compiled. Made anew when the set changes."""

    def __init__(self, names: Sequence[NameInForce]) -> None:
        self.ids = frozenset(name.name_id for name in names)
        self._names = [(name.name_id, name.person_id) for name in names]
        self._index = NameIndex(
            Sought(at, name.text, name.is_handle) for at, name in enumerate(names)
        )

    def places(self, texts: Iterable[tuple[str, str]]) -> tuple[FoundName, ...]:
        found: dict[int, list[str]] = defaultdict(list)
        for place, text in texts:
            for key in self._index.find(text):
                found[key].append(place)
        return tuple(
            FoundName(*self._names[key], tuple(where)) for key, where in sorted(found.items())
        )


class NameLook:
    """What one slice compares its pages with."""

    def __init__(
        self,
        change: int,
        compiled: _Compiled | None,
        renew: Callable[[], _Compiled | None],
        *,
        of_one: bool,
    ) -> None:
        self._change = change
        self._of_one = of_one
        self._compiled = compiled
        self._renew = renew
        self._asked_at = time.monotonic()

    @property
    def is_wanted(self) -> bool:
        """Whether pages have to come with what they say."""
        return self._compiled is not None

    @property
    def looked_for(self) -> str:
        """What is looked for in pages now: an earlier page that was read for less is read again."""
        return _looked_for(self._change)

    def was_looked_for(self, left_out: int) -> str:
        """What a page has been read for: not for names where not all finds could be made, nor in a
        run for one person alone.
        """
        return _PAGES_LOOKED_FOR if left_out or self._of_one else self.looked_for

    def find(self, page: PageSeen) -> NamesOnPage | None:
        """The names on a page; None where there are none. Slow: never in a transaction."""
        if self._compiled is None:
            return None
        if time.monotonic() - self._asked_at > FRESH_S:
            self._compiled = self._renew()
            self._asked_at = time.monotonic()
            if self._compiled is None:
                return None
        names = self._compiled.places(_texts_of(page))
        return NamesOnPage(page.final_url, names) if names else None


class NameWatch:
    """Keeps what is compiled for each organisation. Safe to share between slices' threads."""

    def __init__(self, database: Database, names: NamesService) -> None:
        self._database = database
        self._names = names
        self._lock = threading.Lock()
        self._compiled: dict[uuid.UUID, tuple[_Compiled, float]] = {}

    def look_for(self, organisation_id: uuid.UUID, only_person: str | None) -> NameLook:
        """The names in force, or those of one person for a run that is theirs alone."""
        self._settle(organisation_id)
        with self._database.read() as session:
            change = self._names.change(session, organisation_id)

        def renew() -> _Compiled | None:
            # who may not be looked for now is noted: when they may be again, pages are read again
            self._settle(organisation_id)
            return self._current(organisation_id, only_person)

        compiled = self._current(organisation_id, only_person)
        return NameLook(change, compiled, renew, of_one=only_person is not None)

    def forget_idle(self) -> int:
        """Forget what no slice used for a while; called by a schedule. Returns how many sets."""
        now = time.monotonic()
        with self._lock:
            idle = [key for key, (_, used) in self._compiled.items() if now - used > IDLE_S]
            for organisation_id in idle:
                del self._compiled[organisation_id]
        return len(idle)

    def _settle(self, organisation_id: uuid.UUID) -> None:
        with self._database.read() as session:
            settled = self._names.is_settled(session, organisation_id)
        if not settled:
            with self._database.write() as session:
                self._names.settle(session, organisation_id)

    def _current(self, organisation_id: uuid.UUID, only_person: str | None) -> _Compiled | None:
        with self._database.read() as session:
            ids = self._names.ids_in_force(session, organisation_id)
            with self._lock:
                kept = self._compiled.get(organisation_id)
            if kept is not None and kept[0].ids == ids and only_person is None:
                compiled = kept[0]
            else:
                opened = self._names.open_names(session, organisation_id, ids).values()
                compiled = _Compiled([n for n in opened if only_person in (None, str(n.person_id))])
        if only_person is None:
            with self._lock:
                self._compiled[organisation_id] = (compiled, time.monotonic())
        return compiled if compiled.ids else None


def _looked_for(change: int) -> str:
    """Where no name was ever chosen it says what it said before there were names."""
    return f"{_PAGES_LOOKED_FOR}, names {MATCHING}.{change}" if change else _PAGES_LOOKED_FOR


def _texts_of(page: PageSeen) -> Iterable[tuple[str, str]]:
    """(place, text) of everything in which names are looked for."""
    if page.words is not None:
        yield "title", page.words.title
        yield "text", page.words.text
    yield "address", "\n".join(dict.fromkeys(map(_address_words, (page.url, page.final_url))))
    media = [link.url for link in page.links if link.kind == "medium"][:MAX_MEDIA_NAMED]
    yield "media_address", "\n".join(_file_words(url) for url in media)


def _address_words(url: str) -> str:
    """Host, path and fields of an address, decoded, each on a line of its own."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    fields = " \n".join(f"{name} {value}" for name, value in parse_qsl(parts.query))
    labels = ".".join(map(_decoded_label, host.split(".")))
    return f"{labels}\n{unquote(parts.path)}\n{fields}\n{unquote(parts.fragment)}"


def _decoded_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except idna.IDNAError:
        # a label that no registry gives out is read as it stands
        return label


def _file_words(url: str) -> str:
    """The last part of a medium's address: the name of its file."""
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""
