"""The ledger of media seen: by content, once; by address and time, each sighting.

Of a medium that matches nobody this is all that is kept: address, hashes, times, and which models
looked (design rule 1). Its perceptual hashes go into `seen_hashes`, where a picture that somebody
gives later is looked up. Of what people brought only the content is noted: its address is theirs,
and sealed under their key.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from indexer.crawl.scope import BadAddressError, canonical_address, place_of
from indexer.observations import Examination, ModelStamp
from service.accounts.actor import Actor
from service.clock import Clock
from service.errors import ConflictError
from service.sources.frontier import url_key
from service.sources.models import MediumSeen, Sighting
from service.sources.repository import SourcesRepository
from service.sources.seen_repository import SeenHashRepository
from service.sources.views import ExaminedBefore, KnownMedium, MediumRecord

CRASHED = "examiner_crashed"
"""A medium during which the examiner ended was not looked at: the next run tries again."""

_HOSTS_IN_MEMORY = 4096
_NOT_LOOKED: Final = {"examined_model": None, "examined_change": 0, "refusal_code": None}

# Written for every medium: the ORM's bookkeeping would cost more than the statement.
_MEDIA: Table = MediumSeen.metadata.tables[MediumSeen.__tablename__]
_SIGHTINGS: Table = Sighting.metadata.tables[Sighting.__tablename__]

_EXAMINED = select(
    _MEDIA.c.content_sha256,
    _MEDIA.c.id,
    _MEDIA.c.refusal_code,
    _MEDIA.c.examined_model,
    _MEDIA.c.examined_change,
    _MEDIA.c.examined_at,
)

NO_HOST = "brought"
"""Host of a medium that somebody handed over as a file, without an address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run saw a medium."""

    organisation_id: uuid.UUID
    media_url: str
    page_url: str | None
    site_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A medium that was looked at, and where. `for_one`: it was compared with one person alone."""

    place: Place
    examination: Examination
    content_bytes: int
    for_one: bool = False


class MediaLedger:
    """Writes media and sightings in the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record_all(
        self, session: Session, actor: Actor, media: Sequence[Seen]
    ) -> tuple[MediumRecord, ...]:
        """Write what examinations looked at, and the sightings, in few statements.

        The same one twice is one row. One that was compared with one person alone does not count
        as examined: a run that meets the content looks at it for everybody.
        """
        if not media:
            return ()
        new = self._insert_missing(session, media)
        records: dict[int, MediumRecord] = {}
        sightings: list[dict[str, object]] = []
        noted: list[tuple[uuid.UUID, Examination]] = []
        # Known ones are changed in one order, too, whatever the order in which a run met them.
        in_order = sorted(enumerate(media), key=lambda each: each[1].examination.hashes.sha256)
        for place, seen in in_order:
            medium_id = new.pop(seen.examination.hashes.sha256, None)
            if medium_id is None:
                # Of what these very media brought, what follows must be there.
                self._write(session, sightings, noted)
                records[place] = self._again(session, actor, seen)
                continue
            row = self._sighting_row(seen.place, medium_id)
            sightings.append(row)
            noted.append((medium_id, seen.examination))
            records[place] = _record(row, is_new=True)
        self._write(session, sightings, noted)
        return tuple(records[place] for place in range(len(media)))

    def record(
        self,
        session: Session,
        actor: Actor,
        place: Place,
        examination: Examination,
        content_bytes: int,
        *,
        for_one: bool = False,
    ) -> MediumRecord:
        """The same for one."""
        seen = Seen(place, examination, content_bytes, for_one)
        return self.record_all(session, actor, (seen,))[0]

    def know(
        self,
        session: Session,
        actor: Actor,
        examination: Examination,
        content_bytes: int,
    ) -> uuid.UUID:
        """Note a content without any address; its id.

        It was compared with one person alone: it does not count as examined, and a run that meets
        it looks at it for everybody.
        """
        row = self._medium_row(examination, content_bytes, counts=False)
        medium_id = _insert_ignoring(session, [row]).get(examination.hashes.sha256)
        return medium_id or self._known(session, actor, examination).id

    def record_again(
        self, session: Session, actor: Actor, place: Place, content_sha256: str
    ) -> MediumRecord | None:
        """Only a sighting, of content that was examined before; None when it was not."""
        medium = SourcesRepository(session, actor).any_medium(content_sha256)
        if medium is None:
            return None
        return self._sighting(session, actor, place, medium)

    def examined_before(
        self, session: Session, content_sha256: Collection[str]
    ) -> dict[str, ExaminedBefore]:
        """The contents among these that were ever examined, by SHA-256 in hex."""
        rows = session.execute(_EXAMINED.where(_MEDIA.c.content_sha256.in_(content_sha256)))
        return {
            row.content_sha256: ExaminedBefore(
                row.id, row.refusal_code, row.examined_model, row.examined_change, row.examined_at
            )
            for row in rows
        }

    def examined_already(
        self,
        session: Session,
        actor: Actor,
        organisation_id: uuid.UUID,
        before: ExaminedBefore,
        model: ModelStamp | None,
        change: int,
    ) -> KnownMedium | None:
        """The medium, when this model looked at it with this very watch-list for the organisation.

        An examination made meanwhile for another organisation does not count: what it found of
        this organisation's people was not recorded here.
        """
        if before.refusal_code == CRASHED:
            return None
        if before.model != model_name(model) or before.change != change:
            return None
        repository = SourcesRepository(session, actor)
        seen_at = repository.latest_sighting_at(organisation_id, before.medium_id)
        if seen_at is None or seen_at < before.examined_at:
            return None
        return KnownMedium(before.medium_id, before.refusal_code)

    def _known(self, session: Session, actor: Actor, examination: Examination) -> MediumSeen:
        medium = SourcesRepository(session, actor).any_medium(examination.hashes.sha256)
        if medium is None:
            raise ConflictError("the medium was removed while it was being written; try again")
        return medium

    def _insert_missing(self, session: Session, media: Sequence[Seen]) -> dict[str, uuid.UUID]:
        rows = [
            self._medium_row(seen.examination, seen.content_bytes, counts=not seen.for_one)
            for seen in media
        ]
        return _insert_ignoring(session, rows)

    def _medium_row(
        self, examination: Examination, content_bytes: int, *, counts: bool
    ) -> dict[str, object]:
        now = self._clock.now()
        return {
            "id": uuid.uuid4(),
            "content_sha256": examination.hashes.sha256,
            "content_bytes": content_bytes,
            "examined_at": now,
            "first_seen_at": now,
            **_described(examination),
            **(_looked(examination) if counts else _NOT_LOOKED),
        }

    def _again(self, session: Session, actor: Actor, seen: Seen) -> MediumRecord:
        """Of content that was known: it was looked at once more, or by somebody else just now."""
        medium = self._known(session, actor, seen.examination)
        if not seen.for_one:
            described = {
                **_described(seen.examination),
                **_looked(seen.examination),
                "examined_at": self._clock.now(),
            }
            for column, value in described.items():
                setattr(medium, column, value)
            session.flush()
        # what people brought, or could not be read before, has none yet
        SeenHashRepository(session).note(medium.id, seen.examination, self._clock.now())
        return self._sighting(session, actor, seen.place, medium)

    def _write(
        self,
        session: Session,
        sightings: list[dict[str, object]],
        noted: list[tuple[uuid.UUID, Examination]],
    ) -> None:
        """Write what was gathered of new media, and empty both lists."""
        if sightings:
            session.execute(insert(_SIGHTINGS), sightings)
            SeenHashRepository(session).note_new(noted, self._clock.now())
        sightings.clear()
        noted.clear()

    def _sighting(
        self, session: Session, actor: Actor, place: Place, medium: MediumSeen
    ) -> MediumRecord:
        """Of content that was known: perhaps this very sighting was, too."""
        key = url_key(place.media_url)
        sighting = SourcesRepository(session, actor).sighting(place.run_id, medium.id, key)
        if sighting is not None:
            return MediumRecord(medium.id, sighting.id, False, host_of(place.media_url))
        row = self._sighting_row(place, medium.id)
        session.execute(insert(_SIGHTINGS), [row])
        return _record(row, is_new=False)

    def _sighting_row(self, place: Place, medium_id: uuid.UUID) -> dict[str, object]:
        return {
            "id": uuid.uuid4(),
            "organisation_id": place.organisation_id,
            "medium_id": medium_id,
            "site_id": place.site_id,
            "run_id": place.run_id,
            "media_url": place.media_url,
            "media_url_key": url_key(place.media_url),
            "page_url": place.page_url,
            "host": host_of(place.media_url),
            "seen_at": self._clock.now(),
        }


def _record(sighting: Mapping[str, Any], *, is_new: bool) -> MediumRecord:
    return MediumRecord(sighting["medium_id"], sighting["id"], is_new, sighting["host"])


def _insert_ignoring(session: Session, rows: Sequence[dict[str, object]]) -> dict[str, uuid.UUID]:
    """Ids of the new rows by content: two workers may meet the same content at the same moment,
    and the database decides.
    """
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    inserting = (postgresql_insert if is_postgresql else sqlite_insert)(_MEDIA)
    # All in one order, so that two workers with the same contents never wait for each other.
    in_order = sorted(rows, key=lambda row: str(row["content_sha256"]))
    found = session.execute(
        inserting.on_conflict_do_nothing(index_elements=["content_sha256"]).returning(
            _MEDIA.c.content_sha256, _MEDIA.c.id
        ),
        in_order,
    )
    return {digest: medium_id for digest, medium_id in found}  # noqa: C416 - rows are no mapping


def _described(examination: Examination) -> dict[str, object]:
    """The columns that say what a medium is."""
    return {
        "pdq": examination.hashes.pdq,
        "pdq_quality": examination.hashes.pdq_quality,
        "phash": examination.hashes.phash,
        "kind": examination.kind,
        "width_px": examination.width_px,
        "height_px": examination.height_px,
    }


def _looked(examination: Examination) -> dict[str, object]:
    """The columns that say what looked at it."""
    return {
        "examined_model": model_name(examination.model),
        "examined_change": examination.watchlist_change,
        "refusal_code": examination.refusal.code if examination.refusal else None,
    }


def model_name(model: ModelStamp | None) -> str | None:
    """How a model is written into the ledger: all that makes two models different ones."""
    return f"{model.pack}/{model.digest}/{model.preprocessing}" if model else None


def host_of(url: str) -> str:
    """The host (and port, unless the default one) of an address; `NO_HOST` for a file's name."""
    scheme, separator, rest = url.partition("://")
    return _host_at(f"{scheme}{separator}{rest.partition('/')[0]}/")


@lru_cache(_HOSTS_IN_MEMORY)
def _host_at(start: str) -> str:
    """Asked for every medium: those of a site have few hosts."""
    try:
        address = canonical_address(start)
    except BadAddressError:
        return NO_HOST
    return address.split("/", 3)[2] if place_of(address).host else NO_HOST
