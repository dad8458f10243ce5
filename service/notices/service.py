"""Notices: drafted from exhibits, completed, signed, and recorded as filed. Nothing is sent.

1. `draft` takes exhibits of one person on one host; an unsealed one needs a recorded reason.
2. `change` sets what the law wants in words; `missing` lists what is not there yet.
3. `sign` is refused with the full list while anything is missing. It makes PDF and JSON.
4. An advocate files outside this system; `record_filing` keeps how, when and the proof, and
   receipt starts the clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.collaborators import ErasedCount, StoryEvent
from service.errors import InvalidInputError, NotAllowedError
from service.exhibits.finds import Cases, Organisations
from service.exhibits.service import ExhibitService
from service.notices.choosing import ChosenExhibits, one_host
from service.notices.documents import ContactDocument, ItemDocument, NoticeDocument
from service.notices.elements import MissingElement, missing_elements
from service.notices.errors import (
    NotADraftError,
    NotSignedError,
    UnsealedExhibitError,
)
from service.notices.filing import NoticeFilings
from service.notices.mandates import require_mandate
from service.notices.models import Notice, NoticeItem, Receiver
from service.notices.regimes import US_TAKE_IT_DOWN, regime_of
from service.notices.repository import NoticeRepository
from service.notices.sealed import JSON_CONTEXT, PDF_CONTEXT, SealedNotices
from service.notices.signing import NoticeSigning
from service.notices.views import (
    NoticeLine,
    NoticeView,
    ReceiverView,
    clock_view,
    line_of,
)
from service.vault import Vault

PAGE_SIZE = 50
_MAX_LONG_CHARS = 4000
_MAX_SHORT_CHARS = 300


@dataclass(frozen=True, slots=True)
class ItemDetails:
    """What helps the platform to find one item; both may be empty."""

    uploader: str = ""
    post_id: str = ""


@dataclass(frozen=True, slots=True)
class NoticeChange:
    """New values for a draft's elements; None leaves one as it is."""

    individual: str | None = None
    nonconsent_facts: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    receiver_name: str | None = None
    receiver_contact: str | None = None
    mention_search: bool | None = None
    mention_manipulation: bool | None = None
    items: tuple[ItemDetails, ...] | None = None


class NoticeService:
    """Drafts, completes and shows notices; signing and filing are done by its two parts."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        *,
        exhibits: ExhibitService,
        cases: Cases,
        organisations: Organisations,
        max_proof_bytes: int,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._chosen = ChosenExhibits(exhibits, cases)
        self.choice_groups = self._chosen.groups
        self._cases = cases
        self._sealed = SealedNotices(vault)
        self.signing = NoticeSigning(
            vault, clock, audit, exhibits=exhibits, cases=cases, organisations=organisations
        )
        self.filings = NoticeFilings(vault, clock, audit, max_proof_bytes=max_proof_bytes)
        self.sign = self.signing.sign
        self.record_filing = self.filings.record_filing
        self.record_receipt = self.filings.record_receipt
        self.proof = self.filings.proof

    def draft(
        self,
        session: Session,
        actor: Actor,
        exhibit_ids: Sequence[uuid.UUID],
        regime: str = US_TAKE_IT_DOWN.id,
        *,
        host: str = "",
        unsealed_reason: str = "",
    ) -> uuid.UUID:
        """Draft a notice of these exhibits for one host (empty: the one they were captured on).

        Every address of theirs that is known there becomes an item. No statement is ticked.
        """
        law = regime_of(regime)
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("A notice is drafted by an advocate.")
        exhibits = self._chosen.fitting(session, actor, exhibit_ids)
        first = exhibits[0]
        require_mandate(self._cases, session, actor, first.person_id)
        host = host.strip() or one_host(exhibits)
        items = self._chosen.items(session, actor, exhibits, host)
        unsealed = [one for one in exhibits if not one.is_sealed]
        reason = _text("Reason for unsealed evidence", unsealed_reason, _MAX_LONG_CHARS)
        if unsealed and not reason:
            raise UnsealedExhibitError(
                f"{len(unsealed)} of these exhibits are not sealed "
                f"({unsealed[0].reason or unsealed[0].state}). Wait until they are, or record why "
                "the notice cannot wait."
            )
        notice_id = uuid.uuid4()
        document = NoticeDocument(
            host=host,
            items=items,
            unsealed_reason=reason if unsealed else "",
        )
        repository = self._repository(session, actor)
        receiver = repository.receiver_for(first.organisation_id, host, law.id)
        repository.add(
            Notice(
                id=notice_id,
                organisation_id=first.organisation_id,
                person_id=first.person_id,
                regime=law.id,
                regime_version=law.version,
                host=host,
                receiver_id=receiver.id if receiver else None,
                state="draft",
                document=self._sealed.seal(first.person_id, notice_id, document),
                made_by=actor.account_id,
                made_at=self._clock.now(),
            )
        )
        for exhibit in exhibits:
            repository.add(NoticeItem(notice_id=notice_id, exhibit_id=exhibit.exhibit_id))
        self._audit.record(
            session,
            actor,
            "notice.drafted",
            "notice",
            notice_id,
            items=len(items),
            unsealed=len(unsealed),
        )
        return notice_id

    def change(
        self, session: Session, actor: Actor, notice_id: uuid.UUID, change: NoticeChange
    ) -> NoticeView:
        """Set elements of a draft."""
        row = self._draft(session, actor, notice_id)
        document = self._sealed.open(row)
        contact = document.contact
        changed = msgspec.structs.replace(
            document,
            individual=_new("Individual", change.individual, document.individual),
            nonconsent_facts=_new(
                "Why it is not consensual",
                change.nonconsent_facts,
                document.nonconsent_facts,
                _MAX_LONG_CHARS,
            ),
            contact=ContactDocument(
                name=_new("Contact's name", change.contact_name, contact.name),
                email=_new("E-mail", change.contact_email, contact.email),
                phone=_new("Telephone", change.contact_phone, contact.phone),
            ),
            mention_search=_or(change.mention_search, document.mention_search),
            mention_manipulation=_or(change.mention_manipulation, document.mention_manipulation),
            items=_with_details(document.items, change.items),
        )
        row.document = self._sealed.seal(row.person_id, row.id, changed)
        if change.receiver_name is not None:
            self._set_receiver(
                session, actor, row, change.receiver_name, change.receiver_contact or ""
            )
        self._audit.record(session, actor, "notice.changed", "notice", row.id)
        session.flush()
        return self._view(session, actor, row)

    def notice(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> NoticeView:
        """One notice with what it lacks."""
        return self._view(session, actor, self._repository(session, actor).notice(notice_id))

    def missing(
        self, session: Session, actor: Actor, notice_id: uuid.UUID
    ) -> tuple[MissingElement, ...]:
        """Every element that is not there yet."""
        return self.notice(session, actor, notice_id).missing

    def list_notices(
        self, session: Session, actor: Actor, *, page: int = 1
    ) -> tuple[NoticeLine, ...]:
        """Notices that the caller may see: what is due first comes first."""
        rows = self._repository(session, actor).notices(
            limit=PAGE_SIZE, offset=(max(page, 1) - 1) * PAGE_SIZE
        )
        now = self._clock.now()
        return tuple(line_of(row, self._sealed.open(row), now) for row in rows)

    def pdf(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> bytes:
        """The signed document, to take away and file."""
        return self._file(session, actor, notice_id, PDF_CONTEXT)

    def json(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> bytes:
        """The signed notice as data, to take away and file."""
        return self._file(session, actor, notice_id, JSON_CONTEXT)

    def story(self, session: Session, actor: Actor, person_id: uuid.UUID) -> tuple[StoryEvent, ...]:
        """What happened to a person's notices, in words."""
        events = []
        for row in self._repository(session, actor).notices_of_person(person_id):
            if row.signed_at is not None:
                events.append(StoryEvent(row.signed_at, "A notice was signed."))
            if row.filed_at is not None:
                events.append(StoryEvent(row.filed_at, "A notice was filed with the platform."))
        return tuple(events)

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """Delete every notice of the person; the caller destroys files and key."""
        repository = self._repository(session, Actor.system("erasure"))
        counts = repository.delete_all_of(person_id)
        return tuple(ErasedCount(what, count) for what, count in counts)

    def _set_receiver(
        self, session: Session, actor: Actor, row: Notice, name: str, contact: str
    ) -> None:
        # one row for the whole organisation: it says where everybody's notices to this host go
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Where notices are filed is recorded by an advocate.")
        repository = self._repository(session, actor)
        receiver = repository.receiver_for(row.organisation_id, row.host, row.regime)
        name = _text("Receiver", name, _MAX_SHORT_CHARS)
        contact = _text("Where it is filed", contact, _MAX_SHORT_CHARS)
        if receiver is None:
            receiver = Receiver(
                organisation_id=row.organisation_id, host=row.host, regime=row.regime
            )
        receiver.name, receiver.contact = name, contact
        receiver.changed_at = self._clock.now()
        repository.add(receiver)
        row.receiver_id = receiver.id

    def _draft(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> Notice:
        row = self._repository(session, actor).notice(notice_id, for_update=True)
        if row.state != "draft":
            raise NotADraftError("This notice was signed; it can no longer be changed.")
        return row

    def _file(self, session: Session, actor: Actor, notice_id: uuid.UUID, context: str) -> bytes:
        row = self._repository(session, actor).notice(notice_id)
        file_id = row.pdf_file_id if context == PDF_CONTEXT else row.json_file_id
        if row.signed_at is None or file_id is None:
            raise NotSignedError("This notice is not signed yet.")
        content = self._vault.get_file(row.person_id, context, file_id)
        self._audit.record(session, actor, "notice.exported", "notice", row.id, what=context)
        return content

    def _view(self, session: Session, actor: Actor, row: Notice) -> NoticeView:
        law, document = regime_of(row.regime), self._sealed.open(row)
        receiver = session.get(Receiver, row.receiver_id) if row.receiver_id else None
        is_signed = row.signed_at is not None
        return NoticeView(
            notice_id=row.id,
            organisation_id=row.organisation_id,
            person_id=row.person_id,
            state=row.state,
            host=row.host,
            regime=law,
            receiver=ReceiverView.of(receiver) if receiver else None,
            document=document,
            missing=() if is_signed else missing_elements(law, document, None),
            made_at=row.made_at,
            signed_at=row.signed_at,
            filed_at=row.filed_at,
            received_at=row.received_at,
            clock=clock_view(row, self._clock.now()),
            as_agent=actor.role is not Role.PERSON,
        )

    def _repository(self, session: Session, actor: Actor) -> NoticeRepository:
        return NoticeRepository(session, actor, self._clock.now())


def _with_details(
    items: tuple[ItemDocument, ...], details: tuple[ItemDetails, ...] | None
) -> tuple[ItemDocument, ...]:
    if details is None:
        return items
    if len(details) != len(items):
        raise InvalidInputError(f"Give details for all {len(items)} items, in their order.")
    return tuple(
        msgspec.structs.replace(
            item,
            uploader=_text("Uploader", one.uploader, _MAX_SHORT_CHARS),
            post_id=_text("Post", one.post_id, _MAX_SHORT_CHARS),
        )
        for item, one in zip(items, details, strict=True)
    )


def _new(field: str, value: str | None, old: str, longest: int = _MAX_SHORT_CHARS) -> str:
    return old if value is None else _text(field, value, longest)


def _or(value: bool | None, old: bool) -> bool:
    return old if value is None else value


def _text(field: str, value: str, longest: int) -> str:
    text = value.strip()
    if len(text) > longest:
        raise InvalidInputError(f"{field}: at most {longest} characters, please.")
    if "\x00" in text:
        raise InvalidInputError(f"{field}: it holds a character that is not text.")
    return text
