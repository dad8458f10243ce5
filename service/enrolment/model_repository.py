"""SQL on models and their changes.

The watch-list is one, and so is the model that searches it: these are queries of the installation
itself. They answer with ids and counts only, of one organisation where it is named.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from indexer.observations import ModelStamp
from service.enrolment.models import (
    ModelChange,
    ModelInUse,
    Person,
    ReferencePhoto,
    StoredTemplate,
    TemplateRefusal,
)
from service.enrolment.visibility import people_with_faces

_ROW = 1
_STATES = ("draft", "waiting", "active", "paused")
_DELETED_AT_ONCE = 2000


class ModelRepository:
    """Models of this installation. `organisations` are those with face matching on."""

    def __init__(
        self, session: Session, at: datetime, organisations: frozenset[uuid.UUID] = frozenset()
    ) -> None:
        self._session = session
        self._at = at
        self._organisations = organisations

    def any_in_use(self, *, to_stay: bool = False) -> ModelInUse | None:
        """The model that searches for everybody; None before the first worker started.

        With `to_stay` it is that until the unit of work ends.
        """
        if to_stay:
            return self._session.get(ModelInUse, _ROW, with_for_update={"read": True})
        return self._session.get(ModelInUse, _ROW)

    def any_put_in_use(self, stamp: ModelStamp, *, licence_accepted: bool) -> None:
        """From now on this model searches, for everybody."""
        row = self.any_in_use()
        if row is None:
            row = ModelInUse(id=_ROW)
            self._session.add(row)
        row.pack, row.digest, row.preprocessing = stamp.pack, stamp.digest, stamp.preprocessing
        row.licence_accepted = licence_accepted
        row.since = self._at
        self._session.flush()

    def any_open_change(self, *, to_move: bool = False) -> ModelChange | None:
        """The open change of the installation; held until the unit of work ends, `to_move` it."""
        query = select(ModelChange).where(ModelChange.open.is_(True))
        return self._session.scalar(query.with_for_update() if to_move else query)

    def any_last_change(self) -> ModelChange | None:
        """The open change, or else the one that was begun last."""
        return self.any_open_change() or self._session.scalar(
            select(ModelChange).order_by(ModelChange.started_at.desc(), ModelChange.id).limit(1)
        )

    def add(self, change: ModelChange) -> None:
        """Write a new change; the database refuses a second one that is open."""
        self._session.add(change)
        self._session.flush()

    def any_has_templates(self, digest: str) -> bool:
        """Whether any template of this model is kept."""
        return (
            self._session.scalar(
                select(StoredTemplate.id).where(StoredTemplate.model_digest == digest).limit(1)
            )
            is not None
        )

    def any_missing(self, digest: str, limit: int) -> Sequence[uuid.UUID]:
        """Photos that this model has not looked at yet, person by person, the oldest first."""
        return self._session.scalars(
            self._missing(digest)
            .order_by(ReferencePhoto.person_id, ReferencePhoto.added_at, ReferencePhoto.id)
            .limit(limit)
        ).all()

    def any_is_missing(self, digest: str) -> bool:
        """Whether there is any photo that this model has not looked at yet."""
        return self._session.scalar(self._missing(digest).limit(1)) is not None

    def any_counts(
        self, digest: str, organisation_id: uuid.UUID | None = None
    ) -> tuple[int, int, int]:
        """(photos, of which templates were made, that were refused) of this model."""
        people = self._people(organisation_id)
        counts = [
            self._session.scalar(select(func.count()).select_from(query.subquery())) or 0
            for query in (
                select(ReferencePhoto.id).where(ReferencePhoto.person_id.in_(people)),
                select(StoredTemplate.id).where(
                    StoredTemplate.person_id.in_(people), StoredTemplate.model_digest == digest
                ),
                select(TemplateRefusal.id).where(
                    TemplateRefusal.person_id.in_(people), TemplateRefusal.model_digest == digest
                ),
            )
        ]
        return counts[0], counts[1], counts[2]

    def any_people_without(
        self,
        digest: str,
        organisation_id: uuid.UUID | None = None,
        *,
        with_templates_of: str | None = None,
    ) -> int:
        """How many people gave photos of which none can be used with this model; with
        `with_templates_of`, how many of them that other model can find.
        """
        query = select(func.count(Person.id)).where(
            Person.id.in_(self._people(organisation_id)),
            exists().where(ReferencePhoto.person_id == Person.id),
            ~exists().where(
                StoredTemplate.person_id == Person.id, StoredTemplate.model_digest == digest
            ),
            ~exists().where(
                ReferencePhoto.person_id == Person.id,
                ~exists().where(
                    TemplateRefusal.photo_id == ReferencePhoto.id,
                    TemplateRefusal.model_digest == digest,
                ),
            ),
        )
        if with_templates_of is not None:
            query = query.where(
                exists().where(
                    StoredTemplate.person_id == Person.id,
                    StoredTemplate.model_digest == with_templates_of,
                )
            )
        return self._session.scalar(query) or 0

    def any_refusals(
        self, digest: str, organisation_id: uuid.UUID | None = None
    ) -> Sequence[TemplateRefusal]:
        """Refusals of this model, to be counted by reason; only counts of them may be shown."""
        return self._session.scalars(
            select(TemplateRefusal).where(
                TemplateRefusal.model_digest == digest,
                TemplateRefusal.person_id.in_(self._people(organisation_id)),
            )
        ).all()

    def any_delete_others(self, digests: Collection[str]) -> int:
        """Delete some templates and refusals of models that are none of these; how many."""
        deleted = 0
        for table in (StoredTemplate, TemplateRefusal):
            some = select(table.id).where(table.model_digest.not_in(digests))
            ids = self._session.scalars(some.limit(_DELETED_AT_ONCE)).all()
            if ids:
                self._session.execute(delete(table).where(table.id.in_(ids)))
            deleted += len(ids)
        return deleted

    def _missing(self, digest: str) -> Select[uuid.UUID]:
        return select(ReferencePhoto.id).where(
            ReferencePhoto.person_id.in_(self._people(None)),
            ~exists().where(
                StoredTemplate.photo_id == ReferencePhoto.id, StoredTemplate.model_digest == digest
            ),
            ~exists().where(
                TemplateRefusal.photo_id == ReferencePhoto.id,
                TemplateRefusal.model_digest == digest,
            ),
        )

    def _people(self, organisation_id: uuid.UUID | None) -> Select[uuid.UUID]:
        """Everybody whose templates may be made, also while their case waits or rests."""
        query = select(Person.id).where(
            Person.state.in_(_STATES),
            Person.id.in_(people_with_faces(self._organisations, self._at)),
        )
        if organisation_id is not None:
            query = query.where(Person.organisation_id == organisation_id)
        return query
