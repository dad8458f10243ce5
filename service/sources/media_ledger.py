"""The ledger of media seen: by content, once; by address and time, each sighting.

Of a medium that matches nobody this is all that is kept: address, hashes, times, and which models
looked (design rule 1). Its perceptual hashes go into `seen_hashes`, where a picture that somebody
gives later is looked up. Of what people brought only the content is noted: its address is theirs,
and sealed under their key.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
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
from service.sources.seen_repository import SeenHashRepository
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
        *,
        for_one: bool = False,
    ) -> MediumRecord:
        """Write what an examination looked at, and the sighting. The same one twice is one row.

        One that compared with one person alone (`for_one`) does not count as examined: a run that
        meets the content looks at it for everybody.
        """
        looked = (
            {}
            if for_one
            else {
                "examined_model": model_name(examination.model),
                "examined_change": examination.watchlist_change,
                "refusal_code": examination.refusal.code if examination.refusal else None,
            }
        )
        medium_id = self._insert_if_missing(session, examination, content_bytes, looked)
        if medium_id is not None:
            self._note_hashes(session, medium_id, examination)
            return self._new_sighting(session, place, medium_id, is_new=True)
        medium = self._known(session, actor, examination)
        if not for_one:
            described = {**_described(examination), **looked, "examined_at": self._clock.now()}
            for column, value in described.items():
                setattr(medium, column, value)
            session.flush()
        # what people brought, or could not be read before, has none yet
        self._note_hashes(session, medium.id, examination)
        return self._sighting(session, actor, place, medium)

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
        medium_id = self._insert_if_missing(session, examination, content_bytes, {})
        return medium_id or self._known(session, actor, examination).id

    def record_again(
        self, session: Session, actor: Actor, place: Place, content_sha256: str
    ) -> MediumRecord | None:
        """Only a sighting, of content that was examined before; None when it was not."""
        medium = SourcesRepository(session, actor).any_medium(content_sha256)
        if medium is None:
            return None
        return self._sighting(session, actor, place, medium)

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

    def _note_hashes(
        self, session: Session, medium_id: uuid.UUID, examination: Examination
    ) -> None:
        SeenHashRepository(session).note(medium_id, examination, self._clock.now())

    def _known(self, session: Session, actor: Actor, examination: Examination) -> MediumSeen:
        medium = SourcesRepository(session, actor).any_medium(examination.hashes.sha256)
        if medium is None:
            raise ConflictError("the medium was removed while it was being written; try again")
        return medium

    def _insert_if_missing(
        self,
        session: Session,
        examination: Examination,
        content_bytes: int,
        looked: Mapping[str, object],
    ) -> uuid.UUID | None:
        """The new row's id; None when it was there: two workers may meet the same content at the
        same moment, and the database decides.
        """
        is_postgresql = session.get_bind().dialect.name == "postgresql"
        insert = postgresql_insert if is_postgresql else sqlite_insert
        now = self._clock.now()
        statement = (
            insert(MediumSeen)
            .values(
                id=uuid.uuid4(),
                content_sha256=examination.hashes.sha256,
                content_bytes=content_bytes,
                examined_at=now,
                first_seen_at=now,
                **_described(examination),
                **looked,
            )
            .on_conflict_do_nothing(index_elements=["content_sha256"])
            .returning(MediumSeen.id)
        )
        return session.execute(statement).scalar_one_or_none()

    def _sighting(
        self, session: Session, actor: Actor, place: Place, medium: MediumSeen
    ) -> MediumRecord:
        """Of content that was known: perhaps this very sighting was, too."""
        key = url_key(place.media_url)
        sighting = SourcesRepository(session, actor).sighting(place.run_id, medium.id, key)
        if sighting is None:
            return self._new_sighting(session, place, medium.id, is_new=False)
        return MediumRecord(medium.id, sighting.id, False, host_of(place.media_url))

    def _new_sighting(
        self, session: Session, place: Place, medium_id: uuid.UUID, *, is_new: bool
    ) -> MediumRecord:
        host = host_of(place.media_url)
        sighting = Sighting(
            organisation_id=place.organisation_id,
            medium_id=medium_id,
            site_id=place.site_id,
            run_id=place.run_id,
            media_url=place.media_url,
            media_url_key=url_key(place.media_url),
            page_url=place.page_url,
            host=host,
            seen_at=self._clock.now(),
        )
        session.add(sighting)
        session.flush()
        return MediumRecord(medium_id, sighting.id, is_new, host)


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
