"""What an organisation decided: face matching (off until justified), and keeping media bytes.

Design rule 11: face matching is a switch. It can be turned on only together with a jurisdiction,
a legal basis and an impact assessment; who recorded them and when stays with them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.errors import FaceMatchingRefusedError, NotSetUpError
from service.accounts.repository import (
    AccountRepository,
    any_face_matching,
    any_first_organisation,
    any_organisation,
    any_with_face_matching,
)
from service.accounts.views import OrganisationView
from service.audit import AuditTrail
from service.clock import Clock
from service.errors import NotAllowedError

_MAX_TEXT_CHARACTERS = 20_000


class Organisations:
    """Reads and sets what an organisation decided."""

    def __init__(self, clock: Clock, audit: AuditTrail) -> None:
        self._clock = clock
        self._audit = audit
        self._followers: list[Callable[[Session], object]] = []

    def tell(self, follower: Callable[[Session], object]) -> None:
        """Call `follower` in each unit of work that turns the face-matching switch.

        The watch-list is one: rooms above this one cannot be called by name from here.
        """
        self._followers.append(follower)

    def organisation(self, session: Session, actor: Actor) -> OrganisationView:
        """The actor's own organisation."""
        return OrganisationView.of(AccountRepository(session, actor).organisation())

    def default_organisation(self, session: Session) -> OrganisationView:
        """The organisation that people who enrol here come to; `NotSetUpError` without one."""
        row = any_first_organisation(session)
        if row is None:
            raise NotSetUpError(
                "Likeness is not set up yet: follow the one-time link that `likeness serve` prints."
            )
        return OrganisationView.of(row)

    def face_matching_on(self, session: Session, organisation_id: uuid.UUID) -> bool:
        """Whether the organisation's switch is on, with all that it needs recorded."""
        row = any_organisation(session, organisation_id)
        return row is not None and row.face_matching

    def any_has_face_matching_on(self, session: Session) -> bool:
        """Whether any organisation here has its switch on: only then is a face model loaded."""
        return any_face_matching(session)

    def with_face_matching(self, session: Session) -> frozenset[uuid.UUID]:
        """Ids of all organisations that have their switch on."""
        return any_with_face_matching(session)

    def keeps_media_bytes(self, session: Session, organisation_id: uuid.UUID) -> bool:
        """Whether captures of the organisation may keep the bytes of media."""
        row = any_organisation(session, organisation_id)
        return row is not None and row.keeps_media_bytes

    def set_face_matching(
        self,
        session: Session,
        actor: Actor,
        on: bool,
        jurisdiction: str,
        legal_basis: str,
        impact_assessment: str,
    ) -> OrganisationView:
        """Turn the switch. On is refused while any of the three texts is empty."""
        row = AccountRepository(session, _operator(actor)).organisation()
        texts = {
            "Jurisdiction": jurisdiction.strip(),
            "Legal basis": legal_basis.strip(),
            "Impact assessment": impact_assessment.strip(),
        }
        for field, value in texts.items():
            if on and not value:
                raise FaceMatchingRefusedError(
                    f"{field}: it must be recorded before face matching can be switched on."
                )
            if len(value) > _MAX_TEXT_CHARACTERS:
                raise FaceMatchingRefusedError(
                    f"{field}: at most {_MAX_TEXT_CHARACTERS} characters; refer to your document."
                )
        row.jurisdiction, row.legal_basis, row.impact_assessment = texts.values()
        row.face_matching = on
        row.face_matching_decided_at = self._clock.now()
        row.face_matching_decided_by = actor.account_id
        self._audit.record(
            session, actor, "organisation.set_face_matching", "organisation", row.id, on=on
        )
        session.flush()
        for follower in self._followers:
            follower(session)
        return OrganisationView.of(row)

    def set_keeps_media_bytes(self, session: Session, actor: Actor, on: bool) -> OrganisationView:
        """Allow captures to keep the bytes of media (encrypted), or only hashes and headers."""
        row = AccountRepository(session, _operator(actor)).organisation()
        row.keeps_media_bytes = on
        self._audit.record(
            session, actor, "organisation.set_keeps_media_bytes", "organisation", row.id, on=on
        )
        return OrganisationView.of(row)


def _operator(actor: Actor) -> Actor:
    if actor.role not in {Role.OPERATOR, Role.SYSTEM}:
        raise NotAllowedError("Only an operator may do this.")
    return actor
