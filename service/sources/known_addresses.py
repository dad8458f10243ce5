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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec
from sqlalchemy import Insert, delete, select, update
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

    def keep_page(
        self,
        session: Session,
        url: str,
        answer: Answer,
        *,
        reading: str,
        depth: int,
        looked_for: str,
        links: Sequence[FoundLink],
        changes: Changes,
        now: datetime,
    ) -> None:
        """A page was read whole, and named these; `changes` with this look."""
        packed = zlib.compress(msgspec.msgpack.encode(list(links)))
        self._keep(
            session,
            url,
            answer,
            {
                "kind": "page",
                "reading": reading,
                "depth": depth,
                "looked_for": looked_for,
                "links": packed,
                "content_sha256": None,
                **_columns(changes),
            },
            now,
        )

    def keep_medium(
        self,
        session: Session,
        url: str,
        answer: Answer,
        *,
        looked_for: str,
        content_sha256: str,
        now: datetime,
    ) -> None:
        """A medium was fetched whole and examined."""
        self._keep(
            session,
            url,
            answer,
            {
                "kind": "medium",
                "reading": "",
                "depth": 0,
                "looked_for": looked_for,
                "links": None,
                "content_sha256": content_sha256,
            },
            now,
        )

    def count_unchanged(
        self, session: Session, url: str, now: datetime, changes: Changes | None = None
    ) -> None:
        """The server said that nothing changed; `changes` of a page, with this look."""
        session.execute(
            update(KnownAddress)
            .where(KnownAddress.site_id == self._site_id, KnownAddress.url_key == url_key(url))
            .values(
                unchanged_in_a_row=KnownAddress.unchanged_in_a_row + 1,
                seen_at=now,
                **(_columns(changes) if changes is not None else {}),
            )
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
        url: str,
        answer: Answer,
        values: dict[str, object],
        now: datetime,
    ) -> None:
        key = url_key(url)
        if not answer.can_be_asked_again and values["kind"] != "page":
            session.execute(
                delete(KnownAddress).where(
                    KnownAddress.site_id == self._site_id, KnownAddress.url_key == key
                )
            )
            return
        values = {
            **values,
            "answered_url": answer.url,
            "etag": answer.etag,
            "last_modified": answer.last_modified,
            "read_at": now,
            "seen_at": now,
            "unchanged_in_a_row": 0,
        }
        session.execute(_upsert(session, {"site_id": self._site_id, "url_key": key}, values))


def _upsert(session: Session, keys: dict[str, object], values: dict[str, object]) -> Insert:
    if session.get_bind().dialect.name == "postgresql":
        return (
            postgresql_insert(KnownAddress)
            .values(**keys, **values)
            .on_conflict_do_update(index_elements=list(keys), set_=values)
        )
    return (
        sqlite_insert(KnownAddress)
        .values(**keys, **values)
        .on_conflict_do_update(index_elements=list(keys), set_=values)
    )


def _columns(changes: Changes) -> dict[str, object]:
    return {
        "fingerprint": changes.fingerprint,
        "looks": changes.looks,
        "changes": changes.changes,
        "watched_s": changes.watched_s,
        "changed_at": changes.changed_at,
    }


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
