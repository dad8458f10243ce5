"""Whether a person can be found by their face now, and what they can do about it.

1. `Searching.read` takes, once for a page, which model searches and which is being built.
2. `faces_of_person` compares it with the templates and refusals of one person.
The words are in `face_words.py`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_rows import view_of
from service.enrolment.model_views import (
    NOTHING_COUNTED,
    ChangeView,
    FaceState,
    PersonFaces,
    RefusedPhoto,
)
from service.enrolment.models import Person
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows


@dataclass(frozen=True, slots=True)
class Searching:
    """The digest of the model that searches (None: not named yet), and the open change."""

    in_use: str | None
    change: ChangeView | None

    @classmethod
    def read(cls, repository: ModelRepository) -> Searching:
        """As it is now."""
        row, opened = repository.any_in_use(), repository.any_open_change()
        change = view_of(opened, NOTHING_COUNTED) if opened is not None else None
        return cls(row.digest if row is not None else None, change)

    @property
    def coming(self) -> str | None:
        """The digest of the model that is built and does not search yet."""
        waits = self.change is not None and self.change.state in ("building", "ready")
        return self.change.after.digest if self.change is not None and waits else None


def faces_of_person(
    searching: Searching,
    repository: EnrolmentRepository,
    sealed: SealedRows,
    person: Person,
    *,
    may_compare: bool,
) -> PersonFaces:
    """How it stands for one person whom the repository's caller may see."""
    if not may_compare:
        return PersonFaces("off")
    photos = {photo.id for photo in repository.photos(person.id)}
    if not photos:
        return PersonFaces("no_photo")
    with_template: dict[str, set[uuid.UUID]] = {}
    for template in repository.templates(person.id):
        with_template.setdefault(template.model_digest, set()).add(template.photo_id)
    refused: dict[str, list[RefusedPhoto]] = {}
    for row in repository.refusals(person.id):
        said = RefusedPhoto(row.photo_id, sealed.refusal(row).code)
        refused.setdefault(row.model_digest, []).append(said)
    in_use, coming = searching.in_use, searching.coming
    if in_use is None:
        searched_with = set().union(*with_template.values())
    else:
        searched_with = with_template.get(in_use, set())
    if searching.change is not None and searching.change.stops_searching:
        in_use, searched_with = coming, set()

    def refused_all(digest: str | None) -> bool:
        return {one.photo_id for one in refused.get(digest or "", ())} == photos

    state: FaceState = "searched"
    looked = in_use
    if refused_all(in_use):
        state = "no_usable_photo"
    elif not searched_with:
        state = "being_prepared"
    elif refused_all(coming):
        state, looked = "soon_no_usable_photo", coming
    return PersonFaces(state, tuple(refused.get(looked or "", ())), frozenset(searched_with))
