"""What goes in and out of the JSON API of notices."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from service.notices.documents import ItemDocument
from service.notices.elements import MissingElement
from service.notices.filing import Filing
from service.notices.regimes import Claim, Regime
from service.notices.service import ItemDetails, NoticeChange
from service.notices.views import NoticeLine, NoticeView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MOMENT = "2026-11-23T09:30:00Z"
_MISSING: JsonDict = {
    "id": "contact.reach",
    "title": "How to reach the individual, or who acts for them",
    "words": "an e-mail address or a telephone number",
    "source": "47 U.S.C. 223a(a)(1)(B)(iv)",
}
_ITEM: JsonDict = {
    "exhibit_id": _ID,
    "is_sealed": True,
    "is_captured": True,
    "media_url": "https://site.example/picture.jpg",
    "page_url": "https://site.example/page",
    "sha256": _HASH,
    "uploader": "",
    "post_id": "",
}


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


def _strict_example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class DraftIn(BaseModel):
    """Exhibits of one person, seen on one host (empty: where they were captured).

    Every address of theirs that is known on the host becomes an item. An unsealed exhibit needs a
    reason.
    """

    model_config = _strict_example(
        {
            "exhibit_ids": [_ID],
            "regime": "us-take-it-down",
            "host": "site.example",
            "unsealed_reason": "",
        }
    )

    exhibit_ids: list[uuid.UUID] = Field(min_length=1, max_length=200)
    regime: str = Field(default="us-take-it-down", max_length=60)
    host: str = Field(default="", max_length=300)
    unsealed_reason: str = Field(default="", max_length=4000)


class ItemDetailsIn(BaseModel):
    """What helps to find one item."""

    model_config = _strict_example({"uploader": "someone", "post_id": "12345"})

    uploader: str = Field(default="", max_length=300)
    post_id: str = Field(default="", max_length=300)


class ChangeIn(BaseModel):
    """New values for a draft's elements; what is left out stays. `items`: all, in their order."""

    model_config = _strict_example(
        {
            "individual": "A. B.",
            "nonconsent_facts": "I never agreed that this is published.",
            "contact_name": "Alex Advocate",
            "contact_email": "alex@helpline.example",
        }
    )

    individual: str | None = Field(default=None, max_length=300)
    nonconsent_facts: str | None = Field(default=None, max_length=4000)
    contact_name: str | None = Field(default=None, max_length=300)
    contact_email: str | None = Field(default=None, max_length=300)
    contact_phone: str | None = Field(default=None, max_length=300)
    receiver_name: str | None = Field(default=None, max_length=300)
    receiver_contact: str | None = Field(default=None, max_length=300)
    mention_search: bool | None = None
    mention_manipulation: bool | None = None
    items: list[ItemDetailsIn] | None = None

    def change(self) -> NoticeChange:
        """As the service takes it."""
        return NoticeChange(
            individual=self.individual,
            nonconsent_facts=self.nonconsent_facts,
            contact_name=self.contact_name,
            contact_email=self.contact_email,
            contact_phone=self.contact_phone,
            receiver_name=self.receiver_name,
            receiver_contact=self.receiver_contact,
            mention_search=self.mention_search,
            mention_manipulation=self.mention_manipulation,
            items=None
            if self.items is None
            else tuple(ItemDetails(one.uploader, one.post_id) for one in self.items),
        )


class SignIn(BaseModel):
    """The signer's typed name and the ids of the statements that they make. None is assumed."""

    model_config = _strict_example(
        {
            "signature_name": "Alex Advocate",
            "statements": ["depicted", "not_consensual", "authorised"],
        }
    )

    signature_name: str = Field(max_length=200)
    statements: list[str] = Field(max_length=20)


class FilingIn(BaseModel):
    """How it was filed, outside this system. A proof is handed in on the page."""

    model_config = _strict_example(
        {"how": "form", "filed_at": _MOMENT, "received_at": _MOMENT, "reference": "No. 12"}
    )

    how: Literal["form", "e-mail", "post", "other"]
    filed_at: datetime
    received_at: datetime | None = None
    reference: str = Field(default="", max_length=1000)

    def filing(self) -> Filing:
        """As the service takes it."""
        return Filing(self.how, self.filed_at, self.received_at, self.reference)


class ReceiptIn(BaseModel):
    """When the platform received it: that starts the clock."""

    model_config = _strict_example({"received_at": _MOMENT})

    received_at: datetime


class MissingOut(BaseModel):
    """One element that is not there yet, with the rule that wants it."""

    model_config = _example(_MISSING)

    id: str
    title: str
    words: str
    source: str

    @classmethod
    def of(cls, one: MissingElement) -> MissingOut:
        """From the element."""
        return cls(id=one.id, title=one.title, words=one.words, source=one.source)


class ItemOut(BaseModel):
    """One address of a notice."""

    model_config = _example(_ITEM)

    exhibit_id: str
    is_sealed: bool
    is_captured: bool
    media_url: str | None
    page_url: str | None
    sha256: str | None
    uploader: str
    post_id: str

    @classmethod
    def of(cls, item: ItemDocument) -> ItemOut:
        """From the document."""
        return cls(
            exhibit_id=item.exhibit_id,
            is_sealed=item.is_sealed,
            is_captured=item.is_captured,
            media_url=item.media_url,
            page_url=item.page_url,
            sha256=item.sha256,
            uploader=item.uploader,
            post_id=item.post_id,
        )


class NoticeLineOut(BaseModel):
    """One line of the list."""

    model_config = _example(
        {
            "id": _ID,
            "host": "site.example",
            "regime": "us-take-it-down",
            "state": "filed",
            "items": 2,
            "made_at": _MOMENT,
            "due_at": _MOMENT,
            "is_late": False,
            "due": "Due Wednesday 25 November 2026, 09:30 UTC: 31 h 0 min left.",
        }
    )

    id: uuid.UUID
    host: str
    regime: str
    state: str
    items: int
    made_at: datetime
    due_at: datetime | None
    is_late: bool
    due: str

    @classmethod
    def of(cls, line: NoticeLine) -> NoticeLineOut:
        """From the view."""
        return cls(
            id=line.notice_id,
            host=line.host,
            regime=line.regime.id,
            state=line.state,
            items=line.items,
            made_at=line.made_at,
            due_at=line.clock.ends_at if line.clock else None,
            is_late=line.clock.is_late if line.clock else False,
            due=line.clock.words if line.clock else "",
        )


class NoticeOut(BaseModel):
    """One notice. `statements` maps ids to the sentences that this caller would sign."""

    model_config = _example(
        {
            "id": _ID,
            "person_id": _ID,
            "host": "site.example",
            "regime": "us-take-it-down",
            "regime_version": "2026-11-23",
            "state": "draft",
            "items": [_ITEM],
            "individual": "A. B.",
            "nonconsent_facts": "I never agreed that this is published.",
            "contact_name": "Alex Advocate",
            "contact_email": "",
            "contact_phone": "",
            "receiver": "",
            "mention_search": False,
            "mention_manipulation": False,
            "unsealed_reason": "",
            "statements": {"depicted": "Each item …"},
            "missing": [_MISSING],
            "signed_at": None,
            "filed_at": None,
            "received_at": None,
            "due_at": None,
            "due": "",
        }
    )

    id: uuid.UUID
    person_id: uuid.UUID
    host: str
    regime: str
    regime_version: str
    state: str
    items: list[ItemOut]
    individual: str
    nonconsent_facts: str
    contact_name: str
    contact_email: str
    contact_phone: str
    receiver: str
    mention_search: bool
    mention_manipulation: bool
    unsealed_reason: str
    statements: dict[str, str]
    missing: list[MissingOut]
    signed_at: datetime | None
    filed_at: datetime | None
    received_at: datetime | None
    due_at: datetime | None
    due: str

    @classmethod
    def of(cls, view: NoticeView) -> NoticeOut:
        """From the view."""
        document, contact = view.document, view.document.contact
        return cls(
            id=view.notice_id,
            person_id=view.person_id,
            host=view.host,
            regime=view.regime.id,
            regime_version=view.regime.version,
            state=view.state,
            items=[ItemOut.of(item) for item in document.items],
            individual=document.individual,
            nonconsent_facts=document.nonconsent_facts,
            contact_name=contact.name,
            contact_email=contact.email,
            contact_phone=contact.phone,
            receiver=view.receiver.words if view.receiver else "",
            mention_search=document.mention_search,
            mention_manipulation=document.mention_manipulation,
            unsealed_reason=document.unsealed_reason,
            statements={
                one.id: one.wording(as_agent=view.as_agent) or ""
                for one in view.regime.statements_for(as_agent=view.as_agent)
            },
            missing=[MissingOut.of(one) for one in view.missing],
            signed_at=view.signed_at,
            filed_at=view.filed_at,
            received_at=view.received_at,
            due_at=view.clock.ends_at if view.clock else None,
            due=view.clock.words if view.clock else "",
        )


class ClaimOut(BaseModel):
    """Something said of the law. `verified` is false when it was not read in the primary text."""

    model_config = _example(
        {
            "words": "The platform removes the depiction not later than 48 hours after receiving "
            "the request.",
            "source": "47 U.S.C. 223a(a)(3)(A)",
            "verified": True,
        }
    )

    words: str
    source: str
    verified: bool

    @classmethod
    def of(cls, claim: Claim) -> ClaimOut:
        """From the registry."""
        return cls(words=claim.words, source=claim.source, verified=claim.mark == "V")


class RegimeOut(BaseModel):
    """One law of the registry, dated."""

    model_config = _example(
        {
            "id": "us-take-it-down",
            "version": "2026-11-23",
            "name": "TAKE IT DOWN Act: notice and request for removal",
            "citation": "47 U.S.C. 223a(a)(1)(B)",
            "source": "uscode.house.gov",
            "in_force_from": "2026-05-19",
            "verified_on": "2026-11-23",
            "duty": [],
            "cautions": [],
        }
    )

    id: str
    version: str
    name: str
    citation: str
    source: str
    in_force_from: str
    verified_on: str
    duty: list[ClaimOut]
    cautions: list[ClaimOut]

    @classmethod
    def of(cls, law: Regime) -> RegimeOut:
        """From the registry."""
        return cls(
            id=law.id,
            version=law.version,
            name=law.name,
            citation=law.citation,
            source=law.source,
            in_force_from=law.in_force_from.isoformat(),
            verified_on=law.verified_on.isoformat(),
            duty=[ClaimOut.of(claim) for claim in law.duty],
            cautions=[ClaimOut.of(claim) for claim in law.cautions],
        )
