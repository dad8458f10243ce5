"""The ledger of media seen: by content, once; by address and time, each sighting.

Of a medium that matches nobody this is all that is kept: address, hashes, times, and which models
looked (design rule 1). Of what people brought only the content is noted: its address is theirs, and
sealed under their key.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

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
from service.sources.views import MediumRecord

CRASHED = "examiner_crashed"
"""A medium during which the examiner ended was not looked at: the next run tries again."""

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


class MediaLedger:
    """Writes media and sightings in the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        session: Session,
        actor: Actor,
        place: Place,
        examination: Examination,
        content_bytes: int,
    ) -> MediumRecord:
        """Write what an examination looked at, and the sighting. The same one twice is one row."""
        repository = SourcesRepository(session, actor)
        now = self._clock.now()
        is_new = self._insert_if_missing(session, examination, content_bytes)
        medium = repository.any_medium(examination.hashes.sha256)
        if medium is None:
            raise ConflictError("the medium was removed while it was being written; try again")
        medium.pdq = examination.hashes.pdq
        medium.pdq_quality = examination.hashes.pdq_quality
        medium.phash = examination.hashes.phash
        medium.kind = examination.kind
        medium.width_px = examination.width_px
        medium.height_px = examination.height_px
        medium.refusal_code = examination.refusal.code if examination.refusal else None
        medium.examined_model = model_name(examination.model)
        medium.examined_change = examination.watchlist_change
        medium.examined_at = now
        session.flush()
        return self._sighting(session, actor, place, medium, is_new=is_new)

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
        is_new = self._insert_if_missing(session, examination, content_bytes)
        medium = SourcesRepository(session, actor).any_medium(examination.hashes.sha256)
        if medium is None:
            raise ConflictError("the medium was removed while it was being written; try again")
        if is_new:
            medium.pdq = examination.hashes.pdq
            medium.pdq_quality = examination.hashes.pdq_quality
            medium.phash = examination.hashes.phash
            session.flush()
        return medium.id

    def record_again(
        self, session: Session, actor: Actor, place: Place, content_sha256: str
    ) -> MediumRecord | None:
        """Only a sighting, of content that was examined before; None when it was not."""
        medium = SourcesRepository(session, actor).any_medium(content_sha256)
        if medium is None:
            return None
        return self._sighting(session, actor, place, medium, is_new=False)

    def examined_already(
        self,
        session: Session,
        actor: Actor,
        organisation_id: uuid.UUID,
        content_sha256: str,
        model: ModelStamp | None,
        change: int,
    ) -> MediumSeen | None:
        """The medium, when this model looked at it with this very watch-list for the organisation.

        An examination made meanwhile for another organisation does not count: what it found of
        this organisation's people was not recorded here.
        """
        repository = SourcesRepository(session, actor)
        medium = repository.any_medium(content_sha256)
        if medium is None or medium.refusal_code == CRASHED:
            return None
        if medium.examined_model != model_name(model) or medium.examined_change != change:
            return None
        seen_at = repository.latest_sighting_at(organisation_id, medium.id)
        return medium if seen_at is not None and seen_at >= medium.examined_at else None

    def _insert_if_missing(
        self, session: Session, examination: Examination, content_bytes: int
    ) -> bool:
        """Two workers may meet the same content at the same moment: the database decides."""
        is_postgresql = session.get_bind().dialect.name == "postgresql"
        insert = postgresql_insert if is_postgresql else sqlite_insert
        now = self._clock.now()
        statement = (
            insert(MediumSeen)
            .values(
                id=uuid.uuid4(),
                content_sha256=examination.hashes.sha256,
                content_bytes=content_bytes,
                kind=examination.kind,
                width_px=examination.width_px,
                height_px=examination.height_px,
                examined_at=now,
                first_seen_at=now,
            )
            .on_conflict_do_nothing(index_elements=["content_sha256"])
            .returning(MediumSeen.id)
        )
        return session.execute(statement).first() is not None

    def _sighting(
        self, session: Session, actor: Actor, place: Place, medium: MediumSeen, *, is_new: bool
    ) -> MediumRecord:
        key = url_key(place.media_url)
        host = host_of(place.media_url)
        sighting = SourcesRepository(session, actor).sighting(place.run_id, medium.id, key)
        if sighting is None:
            sighting = Sighting(
                organisation_id=place.organisation_id,
                medium_id=medium.id,
                site_id=place.site_id,
                run_id=place.run_id,
                media_url=place.media_url,
                media_url_key=key,
                page_url=place.page_url,
                host=host,
                seen_at=self._clock.now(),
            )
            session.add(sighting)
            session.flush()
        return MediumRecord(medium.id, sighting.id, is_new, host)


def model_name(model: ModelStamp | None) -> str | None:
    """How a model is written into the ledger: all that makes two models different ones."""
    return f"{model.pack}/{model.digest}/{model.preprocessing}" if model else None


def host_of(url: str) -> str:
    """The host (and port, unless the default one) of an address; `NO_HOST` for a file's name."""
    try:
        address = canonical_address(url)
    except BadAddressError:
        return NO_HOST
    return address.split("/", 3)[2] if place_of(address).host else NO_HOST
