"""The notice as data: what is signed, exported as JSON, and set as PDF. One form, versioned.

`notice_form` holds no picture, no similarity, and no more of the person than they chose to give.
`signed_json` wraps it with the organisation's Ed25519 signature over its canonical JSON.
"""

from __future__ import annotations

import uuid

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.exhibits.bundle import signer_of
from service.exhibits.manifest import (
    MATCH_WORDING,
    NAME_WORDING,
    POINTED_WORDING,
    Signer,
    canonical_json,
    wording_of,
)
from service.exhibits.readme_text import MANIPULATION_WORDING
from service.notices.documents import (
    AuthorityDocument,
    ContactDocument,
    ItemDocument,
    NoticeDocument,
    SignatureDocument,
)
from service.notices.regimes import Regime

FORMAT = "likeness-notice/1"
UNNAMED = "the identifiable individual (not named in this notice)"


class FormItem(msgspec.Struct, frozen=True):
    """One address. `captured`: the exhibit proves it; else the same content was seen there.

    `manipulation` is there only when the person wanted it in the notice.
    """

    number: int
    media_url: str | None
    page_url: str | None
    sha256: str | None
    uploader: str | None
    post_id: str | None
    seen_at: str
    exhibit_id: str
    exhibit_version: int
    captured: bool
    exhibit_manifest_sha256: str | None
    manipulation: tuple[str, ...]


class FormStatement(msgspec.Struct, frozen=True):
    """One sentence that the signer ticked, with the rule that asks for it."""

    id: str
    wording: str
    source: str


class FormSignature(msgspec.Struct, frozen=True):
    """The electronic signature."""

    name: str
    role: str
    method: str
    signed_at: str
    authority: AuthorityDocument | None


class FormRegime(msgspec.Struct, frozen=True):
    """The law that the notice is made under, as of when the registry was checked."""

    id: str
    version: str
    name: str
    citation: str
    source: str
    verified_on: str


class NoticeForm(msgspec.Struct, frozen=True):
    """The whole notice."""

    format: str
    notice_id: str
    regime: FormRegime
    receiver: str
    host: str
    individual: str
    request: str
    items: tuple[FormItem, ...]
    nonconsent_facts: str
    contact: ContactDocument
    statements: tuple[FormStatement, ...]
    signature: FormSignature
    how_found: str | None
    on_manipulation: str | None


class SignedNotice(msgspec.Struct, frozen=True):
    """The JSON file: the form, and the organisation's signature over its canonical bytes (hex)."""

    notice: NoticeForm
    signer: Signer
    signature: str


def notice_form(
    notice_id: uuid.UUID,
    regime: Regime,
    document: NoticeDocument,
    signature: SignatureDocument,
    receiver: str,
) -> NoticeForm:
    """The form of a complete notice with this signature."""
    as_agent = signature.authority is not None
    return NoticeForm(
        format=FORMAT,
        notice_id=str(notice_id),
        regime=FormRegime(
            regime.id,
            regime.version,
            regime.name,
            regime.citation,
            regime.source,
            regime.verified_on.isoformat(),
        ),
        receiver=receiver,
        host=document.host,
        individual=document.individual.strip() or UNNAMED,
        request=regime.request,
        items=tuple(
            _item(number, item, document.mention_manipulation)
            for number, item in enumerate(document.items, start=1)
        ),
        nonconsent_facts=document.nonconsent_facts.strip(),
        contact=document.contact,
        statements=tuple(
            FormStatement(one.id, one.wording(as_agent=as_agent) or "", one.source)
            for one in regime.statements_for(as_agent=as_agent)
            if one.id in signature.statements
        ),
        signature=FormSignature(
            signature.name,
            signature.role,
            signature.method,
            signature.signed_at,
            signature.authority,
        ),
        how_found=how_found(document) if document.mention_search else None,
        on_manipulation=MANIPULATION_WORDING if document.mention_manipulation else None,
    )


def how_found(document: NoticeDocument) -> str:
    """The fixed words on how the items were found."""
    said = {wording_of(item.found_by) for item in document.items}
    return " ".join(one for one in (MATCH_WORDING, NAME_WORDING, POINTED_WORDING) if one in said)


def signed_json(form: NoticeForm, key: Ed25519PrivateKey, organisation: str) -> bytes:
    """The JSON file's canonical bytes."""
    signature = key.sign(canonical_json(form)).hex()
    return canonical_json(SignedNotice(form, signer_of(key, organisation), signature))


def _item(number: int, item: ItemDocument, with_manipulation: bool) -> FormItem:
    return FormItem(
        number=number,
        media_url=item.media_url,
        page_url=item.page_url,
        sha256=item.sha256,
        uploader=item.uploader.strip() or None,
        post_id=item.post_id.strip() or None,
        seen_at=item.seen_at,
        exhibit_id=item.exhibit_id,
        exhibit_version=item.exhibit_version,
        captured=item.is_captured,
        exhibit_manifest_sha256=item.manifest_sha256 or None,
        manipulation=item.manipulation if with_manipulation else (),
    )
