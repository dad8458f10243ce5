"""Opens and seals the documents of notices, each bound to its row."""

from __future__ import annotations

import uuid

from service.notices.documents import NoticeDocument
from service.notices.models import Notice
from service.vault import Vault

PDF_CONTEXT = "notice.pdf"
JSON_CONTEXT = "notice.json"


class SealedNotices:
    """The one place that knows where a notice's document is kept."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, person_id: uuid.UUID, notice_id: uuid.UUID, document: NoticeDocument) -> bytes:
        """The document under the person's key."""
        return self._vault.seal_document(person_id, _context(notice_id), document)

    def open(self, row: Notice) -> NoticeDocument:
        """The document of a row."""
        return self._vault.unseal_document(
            row.person_id, _context(row.id), row.document, NoticeDocument
        )


def _context(notice_id: uuid.UUID) -> str:
    return f"notices.document:{notice_id}"
