"""Which hashes of a case may leave: of given pictures and confirmed finds, and of nothing else.

Left out are what is, or looks like, a reference photo (an ordinary photo of the person), what looks
like something that was halted, and what a "stop" list names (design rule 6).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final, Protocol

from sqlalchemy.orm import Session

from indexer.hashing import MAX_PDQ_DISTANCE, MIN_PDQ_QUALITY, turned_hashes
from indexer.observations import MediaHashes
from service.accounts.actor import Actor
from service.clock import Clock
from service.database import Database
from service.enrolment.service import EnrolmentService
from service.hashbank.documents import KnownPictureDocument, context_of
from service.hashbank.exchange.documents import ExportedHash
from service.hashbank.exchange.list_index import ListIndex
from service.hashbank.exchange.signals import HashKind
from service.hashbank.repository import HashBankRepository
from service.vault import Vault

_MOST: Final = 1000


class HaltedHashes(Protocol):
    """Which hashes are those of something that was halted (the sources' room, design rule 6)."""

    def stops_hashes(
        self, session: Session, hashes: MediaHashes, frames: Iterable[tuple[str, int]] = ()
    ) -> bool:
        """Whether these hashes are those of a halted medium, or near them."""
        ...


class ShareableHashes:
    """Reads; it decides nothing about consent."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        enrolment: EnrolmentService,
        index: ListIndex,
        halted: HaltedHashes,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._enrolment = enrolment
        self._index = index
        self._halted = halted

    def of_case(
        self, database: Database, actor: Actor, person_id: uuid.UUID, takes: Iterable[HashKind]
    ) -> tuple[ExportedHash, ...]:
        """The hashes that may leave, of the kinds that a programme takes."""
        with database.read() as session:
            documents = self._documents(session, actor, person_id)
            view = self._enrolment.person_view(session, actor, person_id)
        wanted = frozenset(takes)
        found: dict[tuple[str, str], ExportedHash] = {}
        for document in documents:
            if self._index.by_sha256(view.organisation_id, document.hashes.sha256).stop:
                continue
            asked = (*_pdqs(document), *document.turned)
            if self._index.turned(view.organisation_id, asked).stop:
                continue
            for each in _hashes_of(document, wanted):
                found.setdefault((each.kind, each.value), each)
        return tuple(found.values())[:_MOST]

    def is_halted(self, session: Session, each: ExportedHash) -> bool:
        """Whether this hash is that of something that was halted, or near it."""
        is_pdq = each.kind == "pdq"
        hashes = MediaHashes("" if is_pdq else each.value, each.value if is_pdq else None)
        return self._halted.stops_hashes(session, hashes)

    def _documents(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> list[KnownPictureDocument]:
        """Given pictures and confirmed finds that are no reference photo and were not halted."""
        rows = HashBankRepository(session, actor, self._clock.now()).of_person(person_id)
        opened = [
            (
                row.origin,
                self._vault.unseal_document(
                    person_id, context_of(row.id), row.document, KnownPictureDocument
                ),
            )
            for row in rows
        ]
        references = [document for origin, document in opened if origin == "reference"]
        return [
            document
            for origin, document in opened
            if origin in ("given", "confirmed")
            and not any(_is_copy(document, reference) for reference in references)
            and not self._halted.stops_hashes(
                session,
                document.hashes,
                [(frame.pdq, frame.quality) for frame in document.frames],
            )
        ]


def _hashes_of(
    document: KnownPictureDocument, wanted: frozenset[HashKind]
) -> Iterable[ExportedHash]:
    is_video = document.kind == "video"
    hashes = document.hashes
    quality = 100 if hashes.pdq_quality is None else hashes.pdq_quality
    if "pdq" in wanted and hashes.pdq is not None and quality >= MIN_PDQ_QUALITY and not is_video:
        yield ExportedHash("pdq", hashes.pdq)
    if "sha256" in wanted and hashes.sha256:
        yield ExportedHash("sha256", hashes.sha256, is_video)


def _is_copy(one: KnownPictureDocument, other: KnownPictureDocument) -> bool:
    """Whether they are of the same bytes, or of the same picture, however one of them is turned."""
    if one.hashes.sha256 and one.hashes.sha256 == other.hashes.sha256:
        return True
    mine = [int(pdq, 16) for pdq in (*_pdqs(one), *one.turned)]
    theirs = [int(turned, 16) for pdq in _pdqs(other) for turned in turned_hashes(pdq)] + [
        int(pdq, 16) for pdq in other.turned
    ]
    return any(
        (each ^ reference).bit_count() <= MAX_PDQ_DISTANCE for each in mine for reference in theirs
    )


def _pdqs(document: KnownPictureDocument) -> list[str]:
    own = [document.hashes.pdq] if document.hashes.pdq else []
    return own + [frame.pdq for frame in document.frames]
