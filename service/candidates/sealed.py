"""Opening and sealing the rows of this room: the one place that knows each row's context."""

from __future__ import annotations

import uuid

import msgspec
import rfc8785
from sqlalchemy import event
from sqlalchemy.orm import Session

from service.candidates.documents import (
    Brought,
    CandidateDocument,
    ConfirmationDocument,
    HaltedDocument,
)
from service.candidates.models import Candidate, Confirmation
from service.vault import Vault

BROUGHT_FILE = "brought capture"


class SealedCandidates:
    """Documents, crops and confirmations of candidates, under their people's keys."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def document(self, row: Candidate) -> CandidateDocument:
        """What was seen; not for halted candidates."""
        return self._vault.unseal_document(
            row.person_id, _document_context(row), row.document, CandidateDocument
        )

    def halted(self, row: Candidate) -> HaltedDocument:
        """What is kept of a halted candidate."""
        return self._vault.unseal_document(
            row.person_id, _document_context(row), row.document, HaltedDocument
        )

    def put(self, row: Candidate, document: CandidateDocument | HaltedDocument) -> None:
        """Replace a candidate's document."""
        row.document = self._vault.seal_document(row.person_id, _document_context(row), document)

    def crop(self, row: Candidate) -> bytes | None:
        """The aligned greyscale crop of the matched face (PNG), while it exists."""
        if row.face_crop is None:
            return None
        return self._vault.unseal(row.person_id, f"candidates.face_crop:{row.id}", row.face_crop)

    def put_crop(self, row: Candidate, crop_png: bytes) -> None:
        """Seal the crop of a matched face."""
        row.face_crop = self._vault.seal(row.person_id, f"candidates.face_crop:{row.id}", crop_png)

    def confirmation(self, candidate: Candidate, row: Confirmation) -> ConfirmationDocument:
        """One verdict with its wording."""
        return self._vault.unseal_document(
            candidate.person_id,
            f"confirmations.document:{row.id}",
            row.document,
            ConfirmationDocument,
        )

    def put_confirmation(
        self, candidate: Candidate, row: Confirmation, document: ConfirmationDocument
    ) -> None:
        """Sign a verdict with the organisation's key and seal it."""
        key = self._vault.signing_key(candidate.organisation_id)
        signed = msgspec.structs.replace(
            document,
            public_key=key.public_key().public_bytes_raw().hex(),
            signature=key.sign(signed_form(document)).hex(),
        )
        row.document = self._vault.seal_document(
            candidate.person_id, f"confirmations.document:{row.id}", signed
        )


def signed_form(document: ConfirmationDocument) -> bytes:
    """What the organisation's key signs: canonical JSON without key and signature."""
    plain = msgspec.structs.replace(document, public_key="", signature="")
    content = msgspec.to_builtins(plain)
    canonical: bytes = rfc8785.dumps(content)
    return canonical


def delete_brought_after_commit(
    vault: Vault, session: Session, person_id: uuid.UUID, brought: tuple[Brought, ...]
) -> None:
    """Delete brought files once the unit of work that drops them has been committed."""
    file_ids = [each.file_id for each in brought if each.file_id]
    if not file_ids:
        return

    def delete(_session: Session) -> None:
        for file_id in file_ids:
            vault.delete_file(person_id, file_id)

    event.listen(session, "after_commit", delete, once=True)


def _document_context(row: Candidate) -> str:
    return f"candidates.document:{row.id}"
