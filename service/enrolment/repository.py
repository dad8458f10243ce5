"""All SQL of enrolment, for one caller: every query starts from whom they may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.enrolment.models import (
    Attestation,
    ErasureReceipt,
    GalleryChange,
    Mandate,
    Person,
    ReferencePhoto,
    Release,
    ReviewerLoan,
    StoredTemplate,
    TemplateRefusal,
)
from service.enrolment.visibility import (
    RELEASE_TERM,
    live_release,
    people_with_faces,
    reviewable_people,
    searchable_people,
    visible_people,
)
from service.errors import NotAllowedError, NotFoundError

PersonRow = TypeVar(
    "PersonRow", Release, Mandate, Attestation, ReferencePhoto, ReviewerLoan, TemplateRefusal
)
_GALLERY_ROW = 1


class EnrolmentRepository:
    """What `actor` may see of people at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: object) -> None:
        """Write a new row."""
        self._session.add(row)
        self._session.flush()

    def person(self, person_id: uuid.UUID) -> Person:
        """The person, or `NotFoundError` when there is none that the caller may see."""
        found = self.person_if_visible(person_id)
        if found is None:
            raise NotFoundError("There is no such case, or you may not see it.")
        return found

    def person_if_visible(self, person_id: uuid.UUID) -> Person | None:
        """The person, or None when there is none that the caller may see."""
        return self._session.scalar(
            select(Person).where(
                Person.id == person_id, Person.id.in_(visible_people(self._actor, self._at))
            )
        )

    def hold(self, person_id: uuid.UUID) -> Person:
        """A visible person, whom nobody else changes before this unit of work ends: what is made
        of them and their leaving then have an order.
        """
        self.person(person_id)
        held = select(Person).where(Person.id == person_id).with_for_update()
        return self._session.scalars(held.execution_options(populate_existing=True)).one()

    def keep_there(self, person_ids: Collection[uuid.UUID]) -> None:
        """Visible people of whom nobody is erased before this unit of work ends; who is being
        erased now is by the time that this returns. Others may write of them all the while.
        """
        self._session.execute(
            select(Person.id)
            .where(
                Person.id.in_(person_ids),
                Person.id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(Person.id)
            .with_for_update(of=Person, read=True, key_share=True)
        )

    def people(self) -> Sequence[Person]:
        """All people the caller may see, the latest change first."""
        return self._session.scalars(
            select(Person)
            .where(Person.id.in_(visible_people(self._actor, self._at)))
            .order_by(Person.changed_at.desc())
        ).all()

    def acute_until(self, row: Person) -> datetime | None:
        """Until when what is done for a person goes first; None when that is over."""
        is_over = row.state == "closed" or row.acute_until is None or row.acute_until <= self._at
        return None if is_over else row.acute_until

    def states(self) -> Sequence[Person]:
        """Rows for an operator's or the system's list: only ids, states and times may be used."""
        if self._actor.role not in (Role.OPERATOR, Role.SYSTEM):
            raise NotAllowedError("Only an operator sees the list of cases by number.")
        query = select(Person).order_by(Person.created_at)
        if self._actor.organisation_id is not None:
            query = query.where(Person.organisation_id == self._actor.organisation_id)
        elif self._actor.role is Role.OPERATOR:
            raise NotAllowedError("An operator belongs to an organisation.")
        return self._session.scalars(query).all()

    def person_of_case_number(self, lookup: str) -> Person | None:
        """The visible person whose case number has this keyed HMAC."""
        return self._session.scalar(
            select(Person).where(
                Person.case_number_lookup == lookup,
                Person.id.in_(visible_people(self._actor, self._at)),
            )
        )

    def any_person_of_case_number(self, lookup: str) -> Person | None:
        """For signing in: nobody is known yet, the case number itself says whose row it is."""
        return self._session.scalar(
            select(Person).where(Person.case_number_lookup == lookup, Person.state != "erased")
        )

    def live_release(self, person_id: uuid.UUID) -> Release | None:
        """The release that counts now: the latest one, unless withdrawn or past its term."""
        return self._session.scalars(
            self._of(Release, person_id)
            .where(Release.withdrawn_at.is_(None), Release.signed_at > self._at - RELEASE_TERM)
            .order_by(Release.signed_at.desc())
            .limit(1)
        ).first()

    def live_mandate(self, person_id: uuid.UUID) -> Mandate | None:
        """The mandate that counts now."""
        return self._session.scalars(
            self._of(Mandate, person_id)
            .where(Mandate.withdrawn_at.is_(None), Mandate.expires_at > self._at)
            .order_by(Mandate.signed_at.desc())
            .limit(1)
        ).first()

    def releases(self, person_id: uuid.UUID) -> Sequence[Release]:
        """All releases ever signed, the oldest first."""
        return self._session.scalars(self._of(Release, person_id).order_by(Release.signed_at)).all()

    def mandates(self, person_id: uuid.UUID) -> Sequence[Mandate]:
        """All mandates ever signed, the oldest first."""
        return self._session.scalars(self._of(Mandate, person_id).order_by(Mandate.signed_at)).all()

    def attestations(self, person_id: uuid.UUID) -> Sequence[Attestation]:
        """All attestations, the oldest first."""
        return self._session.scalars(
            self._of(Attestation, person_id).order_by(Attestation.attested_at)
        ).all()

    def photos(self, person_id: uuid.UUID) -> Sequence[ReferencePhoto]:
        """Reference photos, the oldest first."""
        return self._session.scalars(
            self._of(ReferencePhoto, person_id).order_by(ReferencePhoto.added_at, ReferencePhoto.id)
        ).all()

    def photo(self, photo_id: uuid.UUID) -> ReferencePhoto:
        """One reference photo of a person the caller may see."""
        found = self._session.scalar(
            select(ReferencePhoto).where(
                ReferencePhoto.id == photo_id,
                ReferencePhoto.person_id.in_(visible_people(self._actor, self._at)),
            )
        )
        if found is None:
            raise NotFoundError("There is no such photo, or you may not see it.")
        return found

    def reviewable_photos(self, person_id: uuid.UUID) -> Sequence[ReferencePhoto]:
        """Reference photos of a person whose candidates the caller may review."""
        return self._session.scalars(
            select(ReferencePhoto)
            .where(
                ReferencePhoto.person_id == person_id,
                ReferencePhoto.person_id.in_(reviewable_people(self._actor, self._at)),
            )
            .order_by(ReferencePhoto.added_at, ReferencePhoto.id)
        ).all()

    def reviewable_photo(self, photo_id: uuid.UUID) -> ReferencePhoto:
        """One reference photo of a person whose candidates the caller may review."""
        found = self._session.scalar(
            select(ReferencePhoto).where(
                ReferencePhoto.id == photo_id,
                ReferencePhoto.person_id.in_(reviewable_people(self._actor, self._at)),
            )
        )
        if found is None:
            raise NotFoundError("There is no such photo, or you may not see it.")
        return found

    def templates(self, person_id: uuid.UUID) -> Sequence[StoredTemplate]:
        """Templates of one visible person."""
        return self._session.scalars(
            select(StoredTemplate).where(
                StoredTemplate.person_id == person_id,
                StoredTemplate.person_id.in_(visible_people(self._actor, self._at)),
            )
        ).all()

    def searchable_templates(
        self, model_digest: str, preprocessing: int, organisations: frozenset[uuid.UUID]
    ) -> Sequence[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]:
        """(template, person, photo) ids of one model, of everybody in these organisations who may
        be looked for by their face now; no template is read.
        """
        by_face = select(Person.id).where(
            Person.id.in_(visible_people(self._actor, self._at)),
            Person.id.in_(searchable_people(self._at)),
            Person.id.in_(people_with_faces(organisations, self._at)),
        )
        found = self._session.execute(
            select(StoredTemplate.id, StoredTemplate.person_id, StoredTemplate.photo_id)
            .where(
                StoredTemplate.model_digest == model_digest,
                StoredTemplate.model_preprocessing == preprocessing,
                StoredTemplate.person_id.in_(by_face),
            )
            .order_by(StoredTemplate.id)
        )
        return [(row.id, row.person_id, row.photo_id) for row in found]

    def templates_by_id(self, ids: Sequence[uuid.UUID]) -> Sequence[StoredTemplate]:
        """These templates, of visible people; some hundreds at a time."""
        return self._session.scalars(
            select(StoredTemplate)
            .where(
                StoredTemplate.id.in_(ids),
                StoredTemplate.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(StoredTemplate.id)
        ).all()

    def photos_by_id(self, ids: Sequence[uuid.UUID]) -> Sequence[ReferencePhoto]:
        """These reference photos, of visible people; some hundreds at a time."""
        return self._session.scalars(
            select(ReferencePhoto).where(
                ReferencePhoto.id.in_(ids),
                ReferencePhoto.person_id.in_(visible_people(self._actor, self._at)),
            )
        ).all()

    def searchable_ids(self) -> Sequence[uuid.UUID]:
        """Ids of the visible people who may be looked for now."""
        return self._session.scalars(
            select(Person.id)
            .where(
                Person.id.in_(visible_people(self._actor, self._at)),
                Person.id.in_(searchable_people(self._at)),
            )
            .order_by(Person.created_at)
        ).all()

    def is_searchable(self, person_id: uuid.UUID) -> bool:
        """Whether a visible person may be looked for now."""
        return (
            self._session.scalar(
                select(Person.id).where(
                    Person.id == person_id,
                    Person.id.in_(visible_people(self._actor, self._at)),
                    Person.id.in_(searchable_people(self._at)),
                )
            )
            is not None
        )

    def without_release_but_templates(self) -> Sequence[uuid.UUID]:
        """Visible people whose templates have outlived every release."""
        return self._session.scalars(
            select(Person.id).where(
                Person.id.in_(visible_people(self._actor, self._at)),
                Person.id.in_(select(StoredTemplate.person_id)),
                ~exists().where(live_release(Person.id, self._at)),
            )
        ).all()

    def drafts_before(self, moment: datetime) -> Sequence[uuid.UUID]:
        """Visible drafts that nobody touched since `moment`."""
        return self._session.scalars(
            select(Person.id).where(
                Person.state == "draft",
                Person.changed_at < moment,
                Person.id.in_(visible_people(self._actor, self._at)),
            )
        ).all()

    def delete_templates(self, person_id: uuid.UUID) -> int:
        """Delete all templates of a visible person, of every model; returns how many."""
        rows = self.templates(person_id)
        for row in rows:
            self._session.delete(row)
        for refusal in self.refusals(person_id):
            self._session.delete(refusal)
        self._session.flush()
        return len(rows)

    def refusals(self, person_id: uuid.UUID) -> Sequence[TemplateRefusal]:
        """Photos of a visible person of which some model could make no template."""
        return self._session.scalars(self._of(TemplateRefusal, person_id)).all()

    def looked_at(self, person_id: uuid.UUID, model_digest: str) -> frozenset[uuid.UUID]:
        """Photos of a visible person that this model made a template of, or refused."""
        made = (
            row.photo_id for row in self.templates(person_id) if row.model_digest == model_digest
        )
        refused = (
            row.photo_id for row in self.refusals(person_id) if row.model_digest == model_digest
        )
        return frozenset((*made, *refused))

    def forget_refusals(self, person_id: uuid.UUID) -> None:
        """Let the photos of a visible person be tried again: other ones stand beside them now."""
        for refusal in self.refusals(person_id):
            self._session.delete(refusal)
        self._session.flush()

    def delete(self, row: object) -> None:
        """Delete a row that one of these methods gave."""
        self._session.delete(row)
        self._session.flush()

    def loans(self, person_id: uuid.UUID) -> Sequence[ReviewerLoan]:
        """Reviewers lent to a visible person's case whose time is not over."""
        return self._session.scalars(
            self._of(ReviewerLoan, person_id).where(ReviewerLoan.expires_at > self._at)
        ).all()

    def loans_to(self, person_id: uuid.UUID, account_id: uuid.UUID) -> Sequence[ReviewerLoan]:
        """Loans of one reviewer to a visible person's case, also those that are over."""
        return self._session.scalars(
            self._of(ReviewerLoan, person_id).where(ReviewerLoan.account_id == account_id)
        ).all()

    def gallery_change(self) -> int:
        """How often the watch-list has changed so far."""
        row = self._session.get(GalleryChange, _GALLERY_ROW)
        return row.change if row else 0

    def bump_gallery(self) -> int:
        """Count one more change of the watch-list; returns the new number."""
        changed = self._session.execute(
            update(GalleryChange)
            .where(GalleryChange.id == _GALLERY_ROW)
            .values(change=GalleryChange.change + 1)
            .returning(GalleryChange.change)
        ).scalar_one_or_none()
        if changed is None:
            self._session.add(GalleryChange(id=_GALLERY_ROW, change=1))
            self._session.flush()
            return 1
        return changed

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[tuple[str, int], ...]:
        """Delete every row of a visible person but the tombstone; counts by what it was."""
        self.person(person_id)
        counts: list[tuple[str, int]] = []
        for what, table in (
            ("templates", StoredTemplate),
            ("refusals of templates", TemplateRefusal),
            ("reference photos", ReferencePhoto),
            ("releases", Release),
            ("mandates", Mandate),
            ("attestations", Attestation),
            ("loans of reviewers", ReviewerLoan),
        ):
            count = self._session.scalar(
                select(func.count()).select_from(table).where(table.person_id == person_id)
            )
            self._session.execute(delete(table).where(table.person_id == person_id))
            counts.append((what, count or 0))
        return tuple(counts)

    def receipt(self, receipt_id: uuid.UUID) -> ErasureReceipt | None:
        """A receipt by its own unguessable id: it holds nothing of a person."""
        return self._session.get(ErasureReceipt, receipt_id)

    def any_unfinished_erasures(self) -> Sequence[ErasureReceipt]:
        """Erasures of every organisation that a crash interrupted, to be finished at start."""
        return self._session.scalars(
            select(ErasureReceipt).where(ErasureReceipt.finished_at.is_(None))
        ).all()

    def _of(self, table: type[PersonRow], person_id: uuid.UUID) -> Select[PersonRow]:
        return select(table).where(
            table.person_id == person_id,
            table.person_id.in_(visible_people(self._actor, self._at)),
        )
