"""Enrolment: a case from its first page to its end.

1. `begin` makes the case and the person's key; number and deletion-only code are shown once.
2. `confirm_number`, `sign_release`, `sign_mandate`, photos (see `photos.py`), then `hand_in`.
3. `attest`: an advocate says how they checked who this is; only then is anybody looked for (see
   `attestation.py`).
4. `pause`, `resume`, `close`; erasing is in `erasure.py`.

Nothing here commits. Signing in is in `signing_in.py`, consent in `consent.py`, the watch-list in
`gallery.py`, lent reviewers in `loans.py`, acute danger in `acute.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.passwords import hash_secret
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.acute import AcuteSigns
from service.enrolment.attestation import AttestationService
from service.enrolment.case_numbers import (
    checked_passphrase,
    lookup_of_case_number,
    new_case_number,
    new_deletion_code,
)
from service.enrolment.consent import ConsentService
from service.enrolment.documents import PersonDocument
from service.enrolment.errors import (
    AdultsOnlyError,
    CaseNumberMismatchError,
    ReleaseNeededError,
    WrongStateError,
)
from service.enrolment.face_standing import Searching, faces_of_person
from service.enrolment.gallery import GallerySource
from service.enrolment.loans import ReviewerLoans
from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_views import PersonFaces
from service.enrolment.models import Person
from service.enrolment.names import NamesService
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.enrolment.signing_in import PersonSignIn
from service.enrolment.views import BegunCase, CaseCount, CaseLine, PersonView
from service.enrolment.views_of import line_of_case, view_of_person
from service.errors import InvalidInputError, NotAllowedError, NotFoundError
from service.vault import Vault

_MAX_SHORT_TEXT = 200
_MAX_REASON = 2000


class EnrolmentService:
    """Cases: begun, handed in, attested, paused, closed, and seen by those who may see them."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        accounts: AccountService,
        *,
        mandate_days: int = 365,
        held_days: int = 14,
    ) -> None:
        self._vault = vault
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit
        self._accounts = accounts
        self.gallery = GallerySource(vault, clock, accounts)
        self.consent = ConsentService(
            vault, clock, audit, accounts, mandate_days=mandate_days, held_days=held_days
        )
        self.signing_in = PersonSignIn(vault, clock, audit, accounts)
        self.loans = ReviewerLoans(clock, audit, accounts)
        self.acute = AcuteSigns(clock, audit, self._sealed)
        self.names = NamesService(vault, clock, audit)
        self.attest = AttestationService(vault, clock, audit).attest
        self.templates_for_gallery = self.gallery.templates_for_gallery
        self.references_of = self.gallery.references_of
        self.gallery_change = self.gallery.gallery_change
        self.bump_gallery = self.gallery.bump_gallery
        self.sign_in = self.signing_in.sign_in
        self.sign_release = self.consent.sign_release
        self.sign_mandate = self.consent.sign_mandate

    # --- beginning ------------------------------------------------------------------------------

    def begin(
        self,
        session: Session,
        *,
        adult_now: bool,
        adult_in_pictures: bool,
        passphrase: str,
        display_name: str = "",
        country: str = "",
        contact: str = "",
        organisation_id: uuid.UUID | None = None,
    ) -> BegunCase:
        """Begin a case. Refuses minors before anything is kept (design rule 6).

        Hashing takes about a tenth of a second and is done before the first statement.
        """
        if not (adult_now and adult_in_pictures):
            raise AdultsOnlyError(
                "This service is for adults who were adults in the pictures. "
                "There are services made for you; we show you where."
            )
        number, code = new_case_number(), new_deletion_code()
        hashed_passphrase = hash_secret(checked_passphrase(passphrase))
        hashed_code = hash_secret(code)
        if organisation_id is None:
            organisation_id = self._accounts.default_organisation(session).id
        now = self._clock.now()
        person = Person(
            id=uuid.uuid4(),
            organisation_id=organisation_id,
            state="draft",
            case_number_lookup=self._lookup(number),
            passphrase_hash=hashed_passphrase,
            deletion_code_hash=hashed_code,
            face_opt_in=False,
            created_at=now,
            changed_at=now,
        )
        self._vault.create_person_key(person.id)
        document = PersonDocument(
            display_name=_short("Name", display_name) or "No name given",
            case_number=number,
            country=_short("Country", country),
            contact=_short("Contact", contact),
            adult_now=adult_now,
            adult_in_pictures=adult_in_pictures,
        )
        self._sealed.put_person(person, document)
        system = Actor.system("enrolment", organisation_id)
        EnrolmentRepository(session, system, now).add(person)
        self._audit.record(session, system, "case.begin", "person", person.id)
        return BegunCase(person.id, organisation_id, number, code)

    def count_handed_over_minor(self, session: Session) -> None:
        """Somebody under 18 came and was shown where to go: a count in the audit trail, no more."""
        organisation = self._accounts.default_organisation(session).id
        self._audit.record(
            session,
            Actor.system("enrolment", organisation),
            "case.minor_handed_over",
            "organisation",
            organisation,
        )

    def confirm_number(
        self, session: Session, actor: Actor, person_id: uuid.UUID, typed: str
    ) -> None:
        """The person typed their case number again; `CaseNumberMismatchError` when it differs."""
        repository = self._repository(session, actor)
        person = repository.person(person_id)
        if self._lookup(typed) != person.case_number_lookup:
            raise CaseNumberMismatchError(
                "That is not the number that was shown. Please compare it sign by sign with what "
                "you wrote down; if you did not write it down, begin again."
            )
        document = self._sealed.person(person)
        self._sealed.put_person(person, msgspec.structs.replace(document, number_confirmed=True))

    def describe(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        *,
        display_name: str,
        country: str,
        contact: str,
    ) -> None:
        """Correct what the person told of themselves."""
        if actor.role is not Role.PERSON:
            raise NotAllowedError("Only the person may change this.")
        person = self._repository(session, actor).person(person_id)
        document = self._sealed.person(person)
        self._sealed.put_person(
            person,
            msgspec.structs.replace(
                document,
                display_name=_short("Name", display_name) or document.display_name,
                country=_short("Country", country),
                contact=_short("Contact", contact),
            ),
        )
        person.changed_at = self._clock.now()
        self._audit.record(session, actor, "case.describe", "person", person_id)

    def hand_in(self, session: Session, actor: Actor, person_id: uuid.UUID) -> None:
        """From draft to waiting: the advocates see the case. Needs release and mandate."""
        repository = self._repository(session, actor)
        person = repository.person(person_id)
        if person.state in ("waiting", "active"):
            return
        if person.state != "draft":
            raise WrongStateError("This case cannot be handed in now.")
        if repository.live_release(person_id) is None or repository.live_mandate(person_id) is None:
            raise ReleaseNeededError("Please sign the release and the mandate first.")
        self._set_state(person, "waiting")
        self._audit.record(session, actor, "case.hand_in", "person", person_id)

    # --- resting and ending ---------------------------------------------------------------

    def pause(self, session: Session, actor: Actor, person_id: uuid.UUID, reason: str) -> None:
        """Stop looking until somebody has thought about it (a flood of finds, a question)."""
        self._move(session, actor, person_id, {"active"}, "paused", "case.pause", reason)

    def resume(self, session: Session, actor: Actor, person_id: uuid.UUID) -> None:
        """Look again."""
        _require_staff(actor)
        self._move(session, actor, person_id, {"paused"}, "active", "case.resume", "")

    def close(self, session: Session, actor: Actor, person_id: uuid.UUID, reason: str) -> None:
        """End a case: templates are deleted, the rest stays until the person erases it."""
        if not reason.strip():
            raise InvalidInputError("Reason: say in a few words why the case is closed.")
        states = {"draft", "waiting", "active", "paused"}
        self._move(session, actor, person_id, states, "closed", "case.close", reason)
        self._repository(session, actor).delete_templates(person_id)

    # --- looking --------------------------------------------------------------------------------

    def person_view(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonView:
        """The case, for those who may see it; else `NotFoundError`."""
        repository = self._repository(session, actor)
        person = repository.person(person_id)
        faces = self._faces(session, repository, person, self._searching(session))
        return view_of_person(repository, self._sealed, person, faces)

    def list_cases(self, session: Session, actor: Actor) -> list[CaseLine]:
        """The cases the caller may see; those in acute danger first, then those that wait for an
        advocate.
        """
        repository, searching = self._repository(session, actor), self._searching(session)
        lines = [
            line_of_case(
                repository, self._sealed, row, self._faces(session, repository, row, searching)
            )
            for row in repository.people()
            if row.state != "erased"
        ]
        order = {"waiting": 0, "paused": 1, "active": 2, "draft": 3, "closed": 4}
        return sorted(lines, key=lambda line: (not line.acute_until, order.get(line.state, 9)))

    def label(self, session: Session, actor: Actor, person_id: uuid.UUID) -> str | None:
        """What the person is called on a list; None for a case that is only lent to the caller."""
        repository = self._repository(session, actor)
        person = repository.person_if_visible(person_id)
        return self._sealed.person(person).display_name if person is not None else None

    def case_counts(self, session: Session, actor: Actor) -> list[CaseCount]:
        """For operators: ids, states and times alone."""
        return [
            CaseCount(row.id, row.state, row.created_at, row.changed_at)  # type: ignore[arg-type]
            for row in self._repository(session, actor).states()
        ]

    def find_case(self, session: Session, actor: Actor, case_number: str) -> uuid.UUID:
        """The person of a case number, for those who may see them; else `NotFoundError`."""
        lookup = self._lookup(case_number)
        found = self._repository(session, actor).person_of_case_number(lookup)
        if found is None:
            raise NotFoundError("There is no case with this number that you may see.")
        return found.id

    def open_case_ids(self, session: Session, organisation_id: uuid.UUID) -> list[uuid.UUID]:
        """The cases that a run of this organisation may serve now."""
        actor = Actor.system("open cases", organisation_id)
        return list(self._repository(session, actor).searchable_ids())

    def is_active(
        self, session: Session, person_id: uuid.UUID, organisation_id: uuid.UUID | None = None
    ) -> bool:
        """Whether the person may be looked for now: active, release and search mandate live.

        With `organisation_id`, also whether they belong to that organisation.
        """
        actor = Actor.system("worker", organisation_id)
        return self._repository(session, actor).is_searchable(person_id)

    def keep_there(
        self, session: Session, person_ids: Collection[uuid.UUID], organisation_id: uuid.UUID | None
    ) -> None:
        """Before finds of people are written, and before any other row is locked: that they may
        be looked for (`is_active`) is then true until the find is there, or false.
        """
        self._repository(session, Actor.system("worker", organisation_id)).keep_there(person_ids)

    def faces_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonFaces:
        """Whether a person can be found by their face now, or what is in the way."""
        repository = self._repository(session, actor)
        person = repository.person(person_id)
        return self._faces(session, repository, person, self._searching(session))

    def people_not_searched(self, session: Session, organisation_id: uuid.UUID) -> int:
        """How many people of an organisation want their face to be looked for, and have no photo
        that can be used with the model that searches.
        """
        switched_on = self._accounts.organisations.with_face_matching(session)
        models = ModelRepository(session, self._clock.now(), switched_on)
        used = models.any_in_use()
        return 0 if used is None else models.any_people_without(used.digest, organisation_id)

    def organisation_of(self, session: Session, person_id: uuid.UUID) -> uuid.UUID:
        """Whose case this is; for workers."""
        return self._repository(session, Actor.system("worker")).person(person_id).organisation_id

    def may_act_for(self, session: Session, person_id: uuid.UUID) -> bool:
        """Whether the organisation may act on what the person brought: attested, consent live."""
        repository = self._repository(session, Actor.system("worker"))
        person = repository.person(person_id)
        return (
            person.state in ("active", "paused")
            and repository.live_release(person_id) is not None
            and repository.live_mandate(person_id) is not None
        )

    # --- parts ----------------------------------------------------------------------------------

    def _move(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        states: set[str],
        to: str,
        action: str,
        reason: str,
    ) -> None:
        repository = self._repository(session, actor)
        person = repository.person(person_id)
        if person.state not in states:
            raise WrongStateError(f"This is not possible while the case is {person.state}.")
        document = self._sealed.person(person)
        self._sealed.put_person(
            person, msgspec.structs.replace(document, pause_reason=reason.strip()[:_MAX_REASON])
        )
        self._set_state(person, to)
        repository.bump_gallery()
        self._audit.record(session, actor, action, "person", person_id)

    def _set_state(self, person: Person, state: str) -> None:
        person.state = state
        person.changed_at = self._clock.now()

    def _searching(self, session: Session) -> Searching:
        return Searching.read(ModelRepository(session, self._clock.now()))

    def _faces(
        self,
        session: Session,
        repository: EnrolmentRepository,
        person: Person,
        searching: Searching,
    ) -> PersonFaces:
        return faces_of_person(
            searching,
            repository,
            self._sealed,
            person,
            may_compare=self.gallery.may_compare_faces(session, repository, person),
        )

    def _lookup(self, case_number: str) -> str:
        return lookup_of_case_number(self._vault, case_number)

    def _repository(self, session: Session, actor: Actor) -> EnrolmentRepository:
        return EnrolmentRepository(session, actor, self._clock.now())


def _short(field: str, text: str) -> str:
    tidy = " ".join(text.split())
    if len(tidy) > _MAX_SHORT_TEXT:
        raise InvalidInputError(f"{field}: at most {_MAX_SHORT_TEXT} characters.")
    return tidy


def _require_staff(actor: Actor) -> None:
    if actor.role not in (Role.ADVOCATE, Role.SYSTEM):
        raise NotAllowedError("Only an advocate may do this.")
