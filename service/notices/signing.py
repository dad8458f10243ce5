"""Signing a notice: by an advocate under a live mandate, or by the person themselves.

1. Read the draft, the mandate and the receiver; refuse with the full list while anything
   is missing, and refuse what stands on an exhibit that was withdrawn.
2. Make PDF and JSON of exactly what was read.
3. Name the files in the row, write them encrypted, then in one unit of work: signed, if the
   draft is still the one that was read.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.errors import InvalidInputError, NotAllowedError
from service.exhibits.custody import custody_name, moment
from service.exhibits.finds import Cases, Organisations
from service.exhibits.service import ExhibitService
from service.notices.documents import AuthorityDocument, NoticeDocument, SignatureDocument
from service.notices.elements import Signing, missing_elements
from service.notices.errors import (
    IncompleteNoticeError,
    NotADraftError,
    WithdrawnExhibitError,
)
from service.notices.form import NoticeForm, notice_form, signed_json
from service.notices.mandates import live_mandate
from service.notices.models import Notice, Receiver
from service.notices.pdf import notice_pdf
from service.notices.regimes import Regime, regime_of
from service.notices.repository import NoticeRepository
from service.notices.sealed import JSON_CONTEXT, PDF_CONTEXT, SealedNotices
from service.notices.views import ReceiverView
from service.vault import Vault

METHOD = "electronic signature: the signer typed their name and ticked each statement, signed in"
AGENT_ROLE = "authorised person acting on behalf of the identifiable individual"
SELF_ROLE = "the identifiable individual"
_MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class _Ready:
    sealed_draft: bytes
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    organisation: str
    document: NoticeDocument
    form: NoticeForm
    signed_at: datetime


class NoticeSigning:
    """Makes a complete draft into a signed notice."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        *,
        exhibits: ExhibitService,
        cases: Cases,
        organisations: Organisations,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._exhibits = exhibits
        self._cases = cases
        self._organisations = organisations
        self._sealed = SealedNotices(vault)

    def sign(
        self,
        database: Database,
        actor: Actor,
        notice_id: uuid.UUID,
        *,
        signature_name: str,
        statements: Collection[str],
    ) -> None:
        """Sign with the signer's typed name and the statements that they ticked, no others.

        Raises `IncompleteNoticeError` with everything that is missing, `NotADraftError` when it
        was signed or changed meanwhile.
        """
        if actor.role not in (Role.ADVOCATE, Role.PERSON):
            raise NotAllowedError("A notice is signed by the person or by their advocate.")
        name = signature_name.strip()
        if len(name) > _MAX_NAME_CHARS:
            raise InvalidInputError(f"Name: at most {_MAX_NAME_CHARS} characters, please.")
        with database.read() as session:
            ready = self._ready(session, actor, notice_id, name, frozenset(statements))
        pdf = notice_pdf(ready.form, ready.signed_at)
        key = self._vault.signing_key(ready.organisation_id)
        data = signed_json(ready.form, key, ready.organisation)
        pdf_id, json_id = self._vault.new_file_id(), self._vault.new_file_id()
        self._claim(database, actor, notice_id, ready, pdf_id, json_id)
        self._vault.put_file(ready.person_id, PDF_CONTEXT, pdf, pdf_id)
        self._vault.put_file(ready.person_id, JSON_CONTEXT, data, json_id)
        with database.write() as session:
            row = self._same_draft(session, actor, notice_id, ready)
            if row.pdf_file_id != pdf_id:
                raise NotADraftError("This notice is being signed by somebody else just now.")
            row.state, row.signed_at = "signed", ready.signed_at
            row.document = self._sealed.seal(row.person_id, row.id, ready.document)
            self._audit.record(
                session, actor, "notice.signed", "notice", row.id, items=len(ready.form.items)
            )

    def _ready(
        self,
        session: Session,
        actor: Actor,
        notice_id: uuid.UUID,
        name: str,
        ticked: frozenset[str],
    ) -> _Ready:
        row = self._repository(session, actor).notice(notice_id)
        if row.state != "draft":
            raise NotADraftError("This notice was signed already.")
        self._refuse_withdrawn(session, actor, row)
        law, document = regime_of(row.regime), self._sealed.open(row)
        _refuse_unknown(law, ticked)
        organisation = self._organisations.organisation(session, actor)
        authority = self._authority(session, actor, row, organisation.name)
        as_agent = actor.role is not Role.PERSON
        missing = missing_elements(
            law, document, Signing(name, as_agent, ticked, authority is not None)
        )
        if missing:
            raise IncompleteNoticeError(missing)
        now = self._clock.now()
        wanted = law.statements_for(as_agent=as_agent)
        signature = SignatureDocument(
            name=name,
            role=AGENT_ROLE if as_agent else SELF_ROLE,
            method=METHOD,
            account=custody_name(actor),
            signed_at=moment(now),
            statements=tuple(one.id for one in wanted if one.id in ticked),
            authority=authority,
        )
        receiver = session.get(Receiver, row.receiver_id) if row.receiver_id else None
        words = ReceiverView.of(receiver).words if receiver else ""
        return _Ready(
            sealed_draft=row.document,
            person_id=row.person_id,
            organisation_id=row.organisation_id,
            organisation=organisation.name,
            document=msgspec.structs.replace(document, signature=signature),
            form=notice_form(row.id, law, document, signature, words or row.host),
            signed_at=now,
        )

    def _authority(
        self, session: Session, actor: Actor, row: Notice, organisation: str
    ) -> AuthorityDocument | None:
        if actor.role is Role.PERSON:
            return None
        mandate = live_mandate(self._cases, session, actor, row.person_id)
        if mandate is None:
            return None
        return AuthorityDocument(
            organisation=organisation,
            mandate_id=str(mandate.mandate_id),
            signed_at=moment(mandate.signed_at),
            expires_at=moment(mandate.expires_at),
        )

    def _claim(
        self,
        database: Database,
        actor: Actor,
        notice_id: uuid.UUID,
        ready: _Ready,
        pdf_id: str,
        json_id: str,
    ) -> None:
        with database.write() as session:
            row = self._same_draft(session, actor, notice_id, ready)
            left_over = [one for one in (row.pdf_file_id, row.json_file_id) if one]
            row.pdf_file_id, row.json_file_id = pdf_id, json_id
        for file_id in left_over:
            self._vault.delete_file(ready.person_id, file_id)

    def _same_draft(
        self, session: Session, actor: Actor, notice_id: uuid.UUID, ready: _Ready
    ) -> Notice:
        row = self._repository(session, actor).notice(notice_id, for_update=True)
        if row.state != "draft" or row.document != ready.sealed_draft:
            raise NotADraftError("The notice was changed meanwhile; read it again before signing.")
        self._refuse_withdrawn(session, actor, row)
        return row

    def _refuse_withdrawn(self, session: Session, actor: Actor, row: Notice) -> None:
        """What was halted is reported by the operator, and by nobody in a notice (rule 6)."""
        for exhibit_id in self._repository(session, actor).exhibit_ids(row):
            if self._exhibits.exhibit(session, actor, exhibit_id).state == "withdrawn":
                raise WithdrawnExhibitError(
                    "An exhibit of this notice was withdrawn meanwhile, so it cannot be signed. "
                    "Draft a new one without it."
                )

    def _repository(self, session: Session, actor: Actor) -> NoticeRepository:
        return NoticeRepository(session, actor, self._clock.now())


def _refuse_unknown(law: Regime, ticked: frozenset[str]) -> None:
    unknown = ticked - {one.id for one in law.statements}
    if unknown:
        raise InvalidInputError(f"No such statement: {', '.join(sorted(unknown))}.")
