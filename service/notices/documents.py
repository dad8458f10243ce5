"""What is sealed under the person's key for each notice."""

from __future__ import annotations

import msgspec


class ItemDocument(msgspec.Struct, frozen=True):
    """One address, from one exhibit. `found_by` is "face", "hash", "name" or "pointed".

    The exhibit proves the captured address; at the others the same content was seen.
    """

    exhibit_id: str
    exhibit_version: int
    is_sealed: bool
    is_captured: bool
    page_url: str | None
    media_url: str | None
    sha256: str | None
    seen_at: str
    manifest_sha256: str
    found_by: str
    manipulation: tuple[str, ...]
    uploader: str = ""
    post_id: str = ""


class ContactDocument(msgspec.Struct, frozen=True):
    """How the platform reaches the individual, or who acts for them."""

    name: str = ""
    email: str = ""
    phone: str = ""


class AuthorityDocument(msgspec.Struct, frozen=True):
    """By what an authorised person acts: the mandate that the individual signed."""

    organisation: str
    mandate_id: str
    signed_at: str
    expires_at: str


class SignatureDocument(msgspec.Struct, frozen=True):
    """The electronic signature. `authority` is None when the individual signed."""

    name: str
    role: str
    method: str
    account: str
    signed_at: str
    statements: tuple[str, ...]
    authority: AuthorityDocument | None


class FilingDocument(msgspec.Struct, frozen=True):
    """How the advocate filed it, outside this system, and the proof that was kept."""

    how: str
    reference: str
    filed_at: str
    received_at: str | None
    recorded_by: str
    proof_file_id: str | None
    proof_name: str
    proof_sha256: str | None


class NoticeDocument(msgspec.Struct, frozen=True):
    """Everything of a notice that is about the person."""

    host: str
    items: tuple[ItemDocument, ...]
    individual: str = ""
    nonconsent_facts: str = ""
    contact: ContactDocument = ContactDocument()
    mention_search: bool = False
    mention_manipulation: bool = False
    unsealed_reason: str = ""
    signature: SignatureDocument | None = None
    filing: FilingDocument | None = None
