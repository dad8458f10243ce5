"""What is known of a site's addresses from earlier runs, so that a visit without news costs little.

1. A page is kept with what it named and how often that changed; a medium whose answer had an ETag
   or a date with the content's hash; both with what was looked for then.
2. The next run sends ETag and date back, where there were some. "Unchanged" (304) then stands for
   what was kept: a page's links go into the frontier again, so that nothing below it is lost, and a
   medium is one more sighting.
3. A page that was read otherwise (scope, depth, a crawler that finds more) is read again, whole; so
   is every address after `MAX_UNCHANGED` answers in a row, whatever its server says.

What was not seen for `FORGOTTEN_AFTER` is forgotten. Nothing here says anything of a person.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal

import msgspec
from sqlalchemy import Insert, Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from indexer.crawl.messages import Condition, FoundLink
from service.sources.frontier import url_key
from service.sources.models import KnownAddress
from service.sources.page_changes import Changes

MAX_UNCHANGED: Final = 10
FORGOTTEN_AFTER: Final = timedelta(days=120)
_KEYS_A_STATEMENT = 500

# Written for every address: the ORM's bookkeeping would cost more than the statement.
_TABLE: Table = KnownAddress.metadata.tables[KnownAddress.__tablename__]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of its answer: `url` is the address that gave it, after redirects."""

    url: str
    etag: str | None
    last_modified: str | None

    @property
    def can_be_asked_again(self) -> bool:
        """Whether a later request can be made conditional."""
        return self.etag is not None or self.last_modified is not None


@dataclass(frozen=True, slots=True)
class PageKept:
    """A page that was read whole `depth` links from the start, and what it named; `changes` with
    this look.
    """

    url: str
    answer: Answer
    depth: int
    links: Sequence[FoundLink]
    changes: Changes


@dataclass(frozen=True, slots=True)
class MediumKept:
    """A medium that was fetched whole and examined; `looked_for` as it was before looking."""

    url: str
    answer: Answer
    looked_for: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Known:
    """One address as it was. `links` of a page, `content_sha256` of a medium.

    `looked_for` says what was looked for in it; the caller compares it with what is now. Without
    a `condition` it can only be asked for whole. `changes` are those of a page.
    """

    kind: Literal["page", "medium"]
    condition: Condition | None
    reading: str
    depth: int
    looked_for: str
    content_sha256: str | None
    packed_links: bytes | None
    unchanged_in_a_row: int
    seen_at: datetime
    changes: Changes

    @property
    def links(self) -> tuple[FoundLink, ...]:
        """What the page named."""
        if self.packed_links is None:
            return ()
        unpacked = zlib.decompress(self.packed_links)
        return msgspec.msgpack.decode(unpacked, type=tuple[FoundLink, ...])

    def links_hold(self, reading: str, depth: int, looked_for: str) -> bool:
        """Whether reading the page now, at this depth and for this, could find nothing else."""
        is_read_so = self.reading == reading and self.looked_for == looked_for
        return self.kind == "page" and is_read_so and self.depth <= depth


class KnownAddresses:
    """The addresses of one site, in the caller's transaction."""

    def __init__(self, site_id: uuid.UUID) -> None:
        self._site_id = site_id

    def of(self, session: Session, urls: Sequence[str]) -> dict[str, Known]:
        """What is known of these addresses, by address."""
        keys = {url_key(url): url for url in urls}
        found: dict[str, Known] = {}
        for start in range(0, len(keys), _KEYS_A_STATEMENT):
            rows = session.scalars(
                select(KnownAddress).where(
                    KnownAddress.site_id == self._site_id,
                    KnownAddress.url_key.in_(list(keys)[start : start + _KEYS_A_STATEMENT]),
                )
            )
            found |= {keys[row.url_key]: _known(row) for row in rows}
        return found

    def keep_pages(
        self,
        session: Session,
        pages: Sequence[PageKept],
        *,
        reading: str,
        looked_for: str,
        now: datetime,
    ) -> None:
        """Pages were read whole, in this manner and for this."""
        self._keep(
            session,
            [
                (
                    page.url,
                    page.answer,
                    {
                        "kind": "page",
                        "reading": reading,
                        "depth": page.depth,
                        "looked_for": looked_for,
                        "links": _packed(page.links),
                        "content_sha256": None,
                        **_columns(page.changes),
                    },
                )
                for page in pages
            ],
            now,
        )

    def keep_media(self, session: Session, media: Sequence[MediumKept], now: datetime) -> None:
        """Media were fetched whole and examined."""
        self._keep(
            session,
            [
                (
                    medium.url,
                    medium.answer,
                    {
                        "kind": "medium",
                        "reading": "",
                        "depth": 0,
                        "looked_for": medium.looked_for,
                        "links": None,
                        "content_sha256": medium.content_sha256,
                    },
                )
                for medium in media
            ],
            now,
        )

    def count_unchanged(self, session: Session, urls: Sequence[str], now: datetime) -> None:
        """The server said that nothing changed."""
        for keys in _some_keys(urls):
            session.execute(
                update(_TABLE)
                .where(_TABLE.c.site_id == self._site_id, _TABLE.c.url_key.in_(keys))
                .values(unchanged_in_a_row=_TABLE.c.unchanged_in_a_row + 1, seen_at=now)
            )

    def count_unchanged_pages(
        self, session: Session, pages: Sequence[tuple[str, Changes]], now: datetime
    ) -> None:
        """The same of pages, with what is known of their changes now."""
        rows = [{"of_key": url_key(url), **_columns(changes)} for url, changes in pages]
        if rows:
            session.connection().execute(
                update(_TABLE)
                .where(_TABLE.c.site_id == self._site_id, _TABLE.c.url_key == bindparam("of_key"))
                .values(unchanged_in_a_row=_TABLE.c.unchanged_in_a_row + 1, seen_at=now),
                rows,
            )

    def forget_old(self, session: Session, now: datetime) -> None:
        """Forget what was not seen for long: addresses that are new each time would fill the
        table.
        """
        session.execute(
            delete(KnownAddress).where(
                KnownAddress.site_id == self._site_id, KnownAddress.seen_at < now - FORGOTTEN_AFTER
            )
        )

    def _keep(
        self,
        session: Session,
        answers: Sequence[tuple[str, Answer, dict[str, object]]],
        now: datetime,
    ) -> None:
        for keys in _some_keys(
            [url for url, answer, values in answers if not _is_kept(answer, values)]
        ):
            session.execute(
                delete(_TABLE).where(_TABLE.c.site_id == self._site_id, _TABLE.c.url_key.in_(keys))
            )
        rows = [
            {
                "site_id": self._site_id,
                "url_key": url_key(url),
                **values,
                "answered_url": answer.url,
                "etag": answer.etag,
                "last_modified": answer.last_modified,
                "read_at": now,
                "seen_at": now,
                "unchanged_in_a_row": 0,
            }
            for url, answer, values in answers
            if _is_kept(answer, values)
        ]
        if rows:
            session.execute(_upsert(session.get_bind().dialect.name, tuple(sorted(rows[0]))), rows)


def _is_kept(answer: Answer, values: Mapping[str, object]) -> bool:
    """A medium is of use only when its server can be asked again; a page also by its changes."""
    return answer.can_be_asked_again or values["kind"] == "page"


def _some_keys(urls: Sequence[str]) -> Iterator[list[str]]:
    keys = [url_key(url) for url in urls]
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        yield keys[start : start + _KEYS_A_STATEMENT]


@cache
def _upsert(database: str, columns: tuple[str, ...]) -> Insert:
    """Made once for each kind of row: making it takes longer than running it."""
    keys = ("site_id", "url_key")
    insert = (postgresql_insert if database == "postgresql" else sqlite_insert)(_TABLE)
    excluded = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: excluded[name] for name in columns if name not in keys},
    )


def _columns(changes: Changes) -> dict[str, object]:
    return {
        "fingerprint": changes.fingerprint,
        "looks": changes.looks,
        "changes": changes.changes,
        "watched_s": changes.watched_s,
        "changed_at": changes.changed_at,
    }


def _packed(links: Sequence[FoundLink]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(list(links)))


def _known(row: KnownAddress) -> Known:
    answer = Answer(row.answered_url, row.etag, row.last_modified)
    return Known(
        kind="page" if row.kind == "page" else "medium",
        condition=Condition(answer.url, answer.etag, answer.last_modified)
        if answer.can_be_asked_again
        else None,
        reading=row.reading,
        depth=row.depth,
        looked_for=row.looked_for,
        content_sha256=row.content_sha256,
        packed_links=row.links,
        unchanged_in_a_row=row.unchanged_in_a_row,
        seen_at=row.seen_at,
        changes=Changes(row.fingerprint, row.looks, row.changes, row.watched_s, row.changed_at),
    )
