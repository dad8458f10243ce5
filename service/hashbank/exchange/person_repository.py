"""All SQL of what people agreed to and what was handed over for them, for one caller."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.enrolment.visibility import visible_people
from service.errors import NotAllowedError, NotFoundError
from service.hashbank.exchange.models import (
    BankRemoval,
    HandOver,
    HashConnection,
    ProgrammeConsent,
    ProgrammeExport,
)


class PersonExchangeRepository:
    """Consents, exports and hand-overs of the people whom `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def require_visible(self, person_id: uuid.UUID) -> None:
        """`NotFoundError` for a person whom the caller may not see."""
        visible = visible_people(self._actor, self._at).subquery()
        if self._session.scalar(select(visible.c.id).where(visible.c.id == person_id)) is None:
            raise NotFoundError("There is no such case, or you may not see it.")

    def add(self, row: ProgrammeConsent | ProgrammeExport | HandOver) -> None:
        """Write a new row of a visible person."""
        self.require_visible(row.person_id)
        self._session.add(row)
        self._session.flush()

    def consents(self, person_id: uuid.UUID) -> Sequence[ProgrammeConsent]:
        """Consents of a visible person, the latest first."""
        return self._session.scalars(
            select(ProgrammeConsent)
            .where(
                ProgrammeConsent.person_id == person_id,
                ProgrammeConsent.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(ProgrammeConsent.given_at.desc(), ProgrammeConsent.id)
        ).all()

    def live_consent(
        self, person_id: uuid.UUID, connection_id: uuid.UUID
    ) -> ProgrammeConsent | None:
        """The consent for one programme that is neither withdrawn nor of somebody else."""
        return self._session.scalar(
            select(ProgrammeConsent)
            .where(
                ProgrammeConsent.person_id == person_id,
                ProgrammeConsent.person_id.in_(visible_people(self._actor, self._at)),
                ProgrammeConsent.connection_id == connection_id,
                ProgrammeConsent.withdrawn_at.is_(None),
            )
            .with_for_update()
        )

    def exports(self, person_id: uuid.UUID) -> Sequence[ProgrammeExport]:
        """Exports of a visible person, the latest first."""
        return self._session.scalars(
            select(ProgrammeExport)
            .where(
                ProgrammeExport.person_id == person_id,
                ProgrammeExport.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(ProgrammeExport.made_at.desc(), ProgrammeExport.id)
        ).all()

    def export(self, export_id: uuid.UUID) -> ProgrammeExport:
        """One export of a visible person."""
        found = self._session.scalar(
            select(ProgrammeExport).where(
                ProgrammeExport.id == export_id,
                ProgrammeExport.person_id.in_(visible_people(self._actor, self._at)),
            )
        )
        if found is None:
            raise NotFoundError("There is no such export, or you may not see it.")
        return found

    def any_withdrawn_pushes(self) -> Sequence[ProgrammeExport]:
        """Of everybody: what was put into a bank and has to be taken out, consent being gone."""
        self._require_system()
        return self._session.scalars(
            select(ProgrammeExport)
            .join(ProgrammeConsent, ProgrammeConsent.id == ProgrammeExport.consent_id)
            .where(
                ProgrammeConsent.withdrawn_at.is_not(None),
                ProgrammeExport.form == "push",
                ProgrammeExport.state.in_(("done", "part")),
            )
            .order_by(ProgrammeExport.made_at, ProgrammeExport.id)
        ).all()

    def leave_removals(self, contents: Collection[tuple[uuid.UUID, int]]) -> int:
        """Note (connection, content) that have to be taken out of banks; returns how many."""
        self._require_system()
        for connection_id, content_id in contents:
            self._session.add(BankRemoval(connection_id=connection_id, content_id=content_id))
        self._session.flush()
        return len(contents)

    def any_removals(self) -> Sequence[BankRemoval]:
        """What has to be taken out of banks for people who were erased."""
        self._require_system()
        return self._session.scalars(
            select(BankRemoval).order_by(BankRemoval.connection_id, BankRemoval.content_id)
        ).all()

    def forget_removal(self, removal_id: uuid.UUID) -> None:
        """It is out of the bank."""
        self._require_system()
        self._session.execute(delete(BankRemoval).where(BankRemoval.id == removal_id))

    def _require_system(self) -> None:
        if self._actor.role is not Role.SYSTEM:
            raise NotAllowedError("Only the installation itself does this.")

    def programmes(self, organisation_id: uuid.UUID) -> Sequence[HashConnection]:
        """Programmes that the organisation hands hashes to, by name."""
        return self._session.scalars(
            select(HashConnection)
            .where(
                HashConnection.organisation_id == organisation_id,
                HashConnection.takes_exports.is_(True),
            )
            .order_by(HashConnection.name)
        ).all()

    def hand_overs(self, person_id: uuid.UUID) -> Sequence[HandOver]:
        """Where a visible person went by themselves."""
        return self._session.scalars(
            select(HandOver)
            .where(
                HandOver.person_id == person_id,
                HandOver.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(HandOver.service)
        ).all()

    def delete(self, row: HandOver) -> None:
        """Delete a note that one of these methods gave."""
        self._session.delete(row)
        self._session.flush()

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[int, int, int]:
        """Delete everything of a visible person: consents, exports, hand-overs, counted."""
        self.require_visible(person_id)
        exports = self._session.scalars(
            delete(ProgrammeExport)
            .where(ProgrammeExport.person_id == person_id)
            .returning(ProgrammeExport.id)
        ).all()
        consents = self._session.scalars(
            delete(ProgrammeConsent)
            .where(ProgrammeConsent.person_id == person_id)
            .returning(ProgrammeConsent.id)
        ).all()
        hand_overs = self._session.scalars(
            delete(HandOver).where(HandOver.person_id == person_id).returning(HandOver.id)
        ).all()
        return len(consents), len(exports), len(hand_overs)
