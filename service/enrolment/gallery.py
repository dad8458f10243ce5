"""The watch-list as the service keeps it: sealed templates, opened for the examiner's memory.

1. Who: active people with a live release and search mandate, who opted in, whose organisation has
   its switch on; by those of their photos that an advocate vouched for (design rules 1, 2, 11).
   Templates of another model never go along (rule 14).
2. Of a person with several templates one more goes along, fused of them (`fused_templates.py`).
3. Every change of that set bumps one counter, in the transaction that makes the change; examiners
   follow the counter and load the gallery anew.

No copy of the gallery is ever written in the clear.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryTemplate, Reference
from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.accounts.service import AccountService
from service.clock import Clock
from service.enrolment.fused_templates import (
    PersonWatched,
    TemplateRow,
    in_parts,
    people_watched,
)
from service.enrolment.models import Person
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import PHOTO_FILE, SealedRows
from service.vault import Vault

_SYSTEM = Actor.system("gallery")
_AT_ONCE = 500
"""Ids in one statement: both kinds of database take that many."""


class GallerySource:
    """Templates and references of the people who may be looked for."""

    def __init__(self, vault: Vault, clock: Clock, accounts: AccountService) -> None:
        self._vault = vault
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._accounts = accounts
        self._attested: set[uuid.UUID] = set()

    def template_refs_for_gallery(self, session: Session, model: ModelStamp) -> tuple[str, ...]:
        """The refs of every template that may be compared now, of exactly this model.

        No template is read: a follower asks for those that it lacks with `templates_of_refs`.
        """
        watched = people_watched(self._usable(session, model))
        return tuple(ref for person in watched for ref in person.refs)

    def people_compared(self, session: Session, model: ModelStamp) -> tuple[uuid.UUID, ...]:
        """Everybody of whom a template of this model may be compared now, in order."""
        return tuple(person.person_id for person in people_watched(self._usable(session, model)))

    def templates_of_refs(
        self, session: Session, model: ModelStamp, refs: Collection[str]
    ) -> tuple[GalleryTemplate, ...]:
        """These templates, opened: those of them that may be compared now, of this model."""
        wanted = frozenset(refs)
        watched = people_watched(self._usable(session, model))
        asked = [person for person in watched if not wanted.isdisjoint(person.refs)]
        return tuple(self._opened(session, model, asked, wanted))

    def templates_for_gallery(
        self, session: Session, model: ModelStamp
    ) -> tuple[GalleryTemplate, ...]:
        """Every template that may be compared now, of exactly this model."""
        return tuple(self.each_template(session, model))

    def each_template(self, session: Session, model: ModelStamp) -> Iterator[GalleryTemplate]:
        """As `templates_for_gallery`, one by one: nobody has to hold all of them."""
        yield from self._opened(session, model, people_watched(self._usable(session, model)))

    def _usable(self, session: Session, model: ModelStamp) -> list[TemplateRow]:
        """The templates that may be compared now: wanted by everybody, vouched for."""
        rows = self._repository(session).searchable_templates(
            model.digest,
            model.preprocessing,
            self._accounts.organisations.with_face_matching(session),
        )
        self._learn_attested(session, {photo for _, _, photo in rows} - self._attested)
        return [TemplateRow(*row) for row in rows if row[2] in self._attested]

    def _learn_attested(self, session: Session, photos: Collection[uuid.UUID]) -> None:
        """Whether a photo was vouched for is in its sealed document, and is never taken back: each
        document is opened until it says so, and its id is then remembered.
        """
        repository = self._repository(session)
        for some in _chunks(sorted(photos)):
            for photo in repository.photos_by_id(some):
                if self._sealed.photo(photo).attested_at:
                    self._attested.add(photo.id)

    def _opened(
        self,
        session: Session,
        model: ModelStamp,
        people: Sequence[PersonWatched],
        wanted: frozenset[str] | None = None,
    ) -> Iterator[GalleryTemplate]:
        """The templates of these people, or the wanted ones of them, and the fused ones."""
        for some in in_parts(people, _AT_ONCE):
            ids = [row for person in some for row in person.template_ids_of(wanted)]
            vectors = self._vectors(session, ids)
            to_fuse = [person for person in some if person.is_fused(wanted)]
            figures = self._figures(session, [row for person in to_fuse for row in person.rows])
            for person in some:
                for row in person.rows:
                    if wanted is None or str(row.template_id) in wanted:
                        yield GalleryTemplate(
                            str(person.person_id), str(row.template_id), vectors[row.template_id]
                        )
                if person.is_fused(wanted):
                    yield person.fused(model, vectors, figures)

    def _vectors(self, session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
        repository = self._repository(session)
        return {
            row.id: self._sealed.vector(row)
            for some in _chunks(sorted(ids))
            for row in repository.templates_by_id(some)
        }

    def _figures(
        self, session: Session, rows: Sequence[TemplateRow]
    ) -> dict[uuid.UUID, float | None]:
        """The quality figure of each photo, None where none was made."""
        repository = self._repository(session)
        figures: dict[uuid.UUID, float | None] = {}
        for some in _chunks(sorted(row.photo_id for row in rows)):
            for photo in repository.photos_by_id(some):
                quality = self._sealed.photo(photo).quality
                figures[photo.id] = quality.figure if quality is not None else None
        return figures

    def people_lacking_templates(
        self, session: Session, model: ModelStamp
    ) -> tuple[uuid.UUID, ...]:
        """People who may be compared but have a photo that this model has not looked at yet."""
        repository = self._repository(session)
        lacking = []
        for person_id in repository.searchable_ids():
            person = repository.person(person_id)
            if not self.may_compare_faces(session, repository, person):
                continue
            have = repository.looked_at(person_id, model.digest)
            if any(photo.id not in have for photo in repository.photos(person_id)):
                lacking.append(person_id)
        return tuple(lacking)

    def references_of(self, session: Session, person_id: uuid.UUID) -> tuple[Reference, ...]:
        """The decrypted reference photos of one person, for the whole-picture comparison.

        Used only after a hit for that person, or for media that the person pointed to.
        """
        repository = self._repository(session)
        return tuple(
            Reference(str(row.id), self._vault.get_file(person_id, PHOTO_FILE, row.file_id))
            for row in repository.photos(person_id)
        )

    def gallery_change(self, session: Session) -> int:
        """How often the watch-list has changed so far."""
        return self._repository(session).gallery_change()

    def bump_gallery(self, session: Session) -> int:
        """Count a change of the watch-list; returns the new number."""
        return self._repository(session).bump_gallery()

    def may_find_faces(self, session: Session, person_id: uuid.UUID) -> bool:
        """Whether this person may be found by their face now."""
        return self._switch_is_on(session, person_id)

    def may_compare_faces(
        self, session: Session, repository: EnrolmentRepository, person: Person
    ) -> bool:
        """Whether templates of this person may be made: opted in by a live release, switch on."""
        release = repository.live_release(person.id)
        return (
            person.face_opt_in
            and release is not None
            and release.covers_faces
            and self._accounts.face_matching_on(session, person.organisation_id)
        )

    def _switch_is_on(self, session: Session, person_id: uuid.UUID) -> bool:
        repository = self._repository(session)
        return self.may_compare_faces(session, repository, repository.person(person_id))

    def _repository(self, session: Session) -> EnrolmentRepository:
        return EnrolmentRepository(session, _SYSTEM, self._clock.now())


def _chunks(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
