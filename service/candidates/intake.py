"""Intake: links and captures that a person or their advocate brings into a verified case.

1. Check every link first; one wrong link refuses them all.
2. A link that is there already is not made twice.
3. Each becomes a candidate of kind "pointed", and its capture is asked for at once.
4. The person's declaration ("This shows me…", ticked and typed by themselves) counts as their word;
   one advocate then confirms. Without it, the candidate waits for the person too.

No crawl and no face matching is needed, and what is brought is compared with that person's own
references and hashes only (design rule 2).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.brought_files import CapturedItem, items_of_file
from service.candidates.csv_import import links_of_csv
from service.candidates.documents import Brought, CandidateDocument, Declaration, SeenAt
from service.candidates.errors import ImportInvalidError, TooManyLinksError
from service.candidates.findings import without_crops
from service.candidates.links import CheckedLink, GivenLink, refuse_never_public
from service.candidates.listed import MAY_SHOW_A_MINOR, HashLists, refuse_listed
from service.candidates.models import Candidate
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import BROUGHT_FILE, SealedCandidates
from service.candidates.service import CandidateService
from service.candidates.statements import DECLARATION
from service.clock import Clock
from service.database import Database
from service.enrolment.errors import FileTooLargeError, ReleaseNeededError, StatementNotTickedError
from service.enrolment.eyes import Eyes
from service.enrolment.service import EnrolmentService
from service.errors import InvalidInputError, NotAllowedError
from service.sources.service import SourcesService
from service.vault import Vault

MAX_UNDECIDED_LINKS = 2000
MAX_UNDECIDED_LINKS_BEFORE_ATTESTATION = 100
MAX_COPIES_BYTES = 500 * 1024 * 1024
_SHOWN_ADDRESSES = 30


@dataclass(frozen=True, slots=True)
class GivenDeclaration:
    """The person's declaration as they gave it: ticked by themselves, their name typed."""

    signature_name: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class BroughtFile:
    """A capture that somebody else made, and which of its addresses it is about."""

    name: str
    content: bytes
    captured_by: str
    tool: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """One item of a brought file that becomes part of a candidate."""

    link: CheckedLink
    brought: Brought
    examination: Examination | None


class IntakeService:
    """Takes links and captures into cases."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        candidates: CandidateService,
        sources: SourcesService,
        lists: HashLists,
        *,
        held_days: int,
        max_upload_bytes: int,
    ) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._candidates = candidates
        self._sources = sources
        self._lists = lists
        self._held = timedelta(days=held_days)
        self._max_upload_bytes = max_upload_bytes

    def add_links(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        links: Sequence[GivenLink | str],
        declaration: GivenDeclaration | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Take links in; returns the candidates' ids, new and known ones, in the links' order."""
        given = [GivenLink(link) if isinstance(link, str) else link for link in links]
        checked = [CheckedLink.of(link) for link in given]
        refuse_never_public(checked, self._sources.address_exceptions)
        if not checked:
            raise InvalidInputError("Links: paste at least one, each on a line of its own.")
        declared = self._declared(actor, declaration)
        may_capture = self._check_case(session, actor, person_id, len(checked))
        repository = self._repository(session, actor)
        known = self._known(repository, person_id)
        ids: dict[uuid.UUID, None] = {}
        for link in checked:
            row = known.get(link.url)
            if row is None:
                row = self._new(session, actor, repository, person_id, link, declared, may_capture)
                known[link.url] = row
            elif declared is not None:
                self._declare_known(session, actor, repository, row, declared)
            ids[row.id] = None
        self._audit.record(session, actor, "links.add", "person", person_id, links=len(checked))
        return tuple(ids)

    def import_csv(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        content: bytes,
        declaration: GivenDeclaration | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Take a CSV file of links in, wholly or not at all."""
        return self.add_links(session, actor, person_id, links_of_csv(content), declaration)

    def import_file(
        self,
        database: Database,
        actor: Actor,
        eyes: Eyes | None,
        person_id: uuid.UUID,
        file: BroughtFile,
        declaration: GivenDeclaration | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Take a capture in that somebody else made. Slow: unpacks, and asks the examiner.

        `eyes` is None where no examiner runs: then what it shows is not looked at.
        """
        if not 0 < len(file.content) <= self._max_upload_bytes:
            raise FileTooLargeError(
                f"File: between 1 byte and {self._max_upload_bytes // 1024 // 1024} MB."
            )
        if len(file.content) * len(file.addresses) > MAX_COPIES_BYTES:
            raise ImportInvalidError(
                "The file is too large for so many addresses, each of which keeps a copy of its "
                "own: bring it again with fewer addresses at a time."
            )
        if not file.captured_by.strip() or not file.tool.strip():
            raise InvalidInputError("Captured by, and with which tool: both are needed.")
        with database.read() as session:
            self._check_case(session, actor, person_id, len(file.addresses))
            organisation_id = self._enrolment.person_view(session, actor, person_id).organisation_id
            with_faces = self._enrolment.gallery.may_find_faces(session, person_id)
        links = tuple(CheckedLink.of(GivenLink(address)) for address in file.addresses)
        items = items_of_file(file.name, file.content, frozenset(link.url for link in links))
        self._refuse_halted(database, items)
        refuse_listed(self._lists, organisation_id, items, ())
        pieces = self._pieces(eyes, person_id, file, links, items, with_faces=with_faces)
        examinations = [piece.examination for piece in pieces if piece.examination is not None]
        refuse_listed(self._lists, organisation_id, (), examinations)
        self._refuse_look_alikes(database, examinations)
        stored: list[str] = []
        try:
            for index, piece in enumerate(pieces):
                # a copy for each candidate: halting one destroys its bytes and nobody else's
                file_id = self._vault.put_file(person_id, BROUGHT_FILE, file.content)
                stored.append(file_id)
                pieces[index] = _with_file(piece, file_id)
            with database.write() as session:
                ids = self.add_links(
                    session, actor, person_id, [_given(piece) for piece in pieces], declaration
                )
                repository = self._repository(session, actor)
                known = self._known(repository, person_id)
                for piece in pieces:
                    self._attach(session, actor, known[piece.link.url], piece)
        except BaseException:
            for file_id in stored:
                self._vault.delete_file(person_id, file_id)
            raise
        return ids

    def _refuse_halted(self, database: Database, items: Sequence[CapturedItem]) -> None:
        """Bytes that were destroyed after a sign of a minor do not come back in a file."""
        with database.read() as session:
            digests = [item.payload_sha256 for item in items]
            if self._sources.halted.stops_contents(session, digests):
                raise ImportInvalidError(MAY_SHOW_A_MINOR)

    def _refuse_look_alikes(self, database: Database, examinations: Sequence[Examination]) -> None:
        """Nor do they encoded anew."""
        with database.read() as session:
            if any(self._sources.halted.stops(session, each) for each in examinations):
                raise ImportInvalidError(MAY_SHOW_A_MINOR)

    def _pieces(
        self,
        eyes: Eyes | None,
        person_id: uuid.UUID,
        file: BroughtFile,
        links: tuple[CheckedLink, ...],
        items: Sequence[CapturedItem],
        *,
        with_faces: bool,
    ) -> list[_Piece]:
        by_address = {item.url: item for item in items if item.url}
        if len(items) == 1 and not items[0].url:
            if len(links) != 1:
                raise ImportInvalidError(
                    "A saved file says nothing of where it was: give the one address it came from."
                )
            by_address = {links[0].url: items[0]}
        missing = [link.url for link in links if link.url not in by_address]
        if missing or not links:
            media = [item.url for item in items if item.is_medium and item.url]
            shown = "; ".join(media[:_SHOWN_ADDRESSES]) or "no picture or video"
            asked = f"not in the file: {'; '.join(missing)}. " if missing else ""
            raise ImportInvalidError(
                f"Say which addresses of the file it is about. {asked}The file holds: {shown}."
            )
        return [
            self._piece(eyes, person_id, file, link, by_address[link.url], with_faces=with_faces)
            for link in links
        ]

    def _piece(
        self,
        eyes: Eyes | None,
        person_id: uuid.UUID,
        file: BroughtFile,
        link: CheckedLink,
        item: CapturedItem,
        *,
        with_faces: bool,
    ) -> _Piece:
        examination = None
        if eyes is not None and item.content is not None:
            examination = eyes.examine(
                item.content,
                declared_type=item.content_type or None,
                media_url=link.url,
                page_url=link.page_url,
                only_person=str(person_id),
                with_faces=with_faces,
            )
        brought = Brought(
            captured_by=" ".join(file.captured_by.split())[:200],
            tool=" ".join(file.tool.split())[:200],
            file_name=file.name[-200:],
            file_sha256=hashlib.sha256(file.content).hexdigest(),
            file_id="",
            captured_at=item.captured_at[:40],
            payload_sha256=item.payload_sha256,
        )
        return _Piece(link, brought, examination)

    def _attach(self, session: Session, actor: Actor, row: Candidate, piece: _Piece) -> None:
        document = self._sealed.document(row)
        seen = document.captured_examination
        if piece.examination is not None and seen is None:
            mine = [
                finding
                for finding in piece.examination.findings
                if finding.person_ref == str(row.person_id)
            ]
            seen = without_crops(piece.examination, mine[0] if mine else None)
        self._sealed.put(
            row,
            msgspec.structs.replace(
                document,
                brought=(*document.brought, piece.brought),
                captured_examination=seen,
            ),
        )
        self._audit.record(session, actor, "capture.brought", "candidate", row.id)

    def _check_case(
        self, session: Session, actor: Actor, person_id: uuid.UUID, adding: int
    ) -> bool:
        """Whether a capture may be asked for; refuses cases that may take nothing in."""
        if actor.role not in (Role.PERSON, Role.ADVOCATE, Role.SYSTEM):
            raise NotAllowedError("Only the person or their advocate may bring links.")
        view = self._enrolment.person_view(session, actor, person_id)
        if view.release is None or view.state in ("closed", "erased"):
            raise ReleaseNeededError("The person has to sign the release before links are taken.")
        repository = self._repository(session, actor)
        undecided = sum(row.kind == "pointed" for row in repository.of_person(person_id, "waiting"))
        attested = view.attestation is not None and view.attestation.accepted
        most = MAX_UNDECIDED_LINKS if attested else MAX_UNDECIDED_LINKS_BEFORE_ATTESTATION
        if undecided + adding > most:
            raise TooManyLinksError(
                f"At most {most} links may wait in this case now; {undecided} do already."
            )
        return view.mandate is not None and view.mandate.may_capture

    def _declared(self, actor: Actor, declaration: GivenDeclaration | None) -> Declaration | None:
        if declaration is None:
            return None
        if actor.role is not Role.PERSON:
            raise NotAllowedError(
                "Only the person can declare that something shows them; they will be asked."
            )
        if not declaration.agreed:
            raise StatementNotTickedError("Please tick the declaration if it is true.")
        name = " ".join(declaration.signature_name.split())[:200]
        if not name:
            raise InvalidInputError("Signature: type your name, as you would sign a letter.")
        return Declaration(DECLARATION, name, self._clock.now().isoformat())

    def _new(
        self,
        session: Session,
        actor: Actor,
        repository: CandidateRepository,
        person_id: uuid.UUID,
        link: CheckedLink,
        declared: Declaration | None,
        may_capture: bool,
    ) -> Candidate:
        now = self._clock.now()
        view = self._enrolment.person_view(session, actor, person_id)
        row = Candidate(
            id=uuid.uuid4(),
            organisation_id=view.organisation_id,
            person_id=person_id,
            medium_id=None,
            run_id=None,
            kind="pointed",
            state="waiting",
            host=link.host,
            found_at=now,
            held_until=now + self._held,
        )
        seen = SeenAt(link.url, link.page_url, link.host, link.seen_at or now.isoformat())
        self._sealed.put(row, CandidateDocument((seen,), declaration=declared, note=link.note))
        repository.add(row)
        if declared is not None:
            self._candidates.review.declare(
                session, actor, row, declared.statement, declared.signature_name
            )
        if may_capture:
            self._candidates.outcomes.wanted(session, actor, reference_to(row, (seen,)))
        self._audit.record(session, actor, "candidate.point", "candidate", row.id)
        return row

    def _declare_known(
        self,
        session: Session,
        actor: Actor,
        repository: CandidateRepository,
        row: Candidate,
        declared: Declaration,
    ) -> None:
        """The person declares what their advocate, or they themselves, brought before."""
        document = self._sealed.document(row)
        said = any(each.by == "person" for each in repository.confirmations(row.id))
        if row.state != "waiting" or row.kind != "pointed" or said:
            return
        self._sealed.put(row, msgspec.structs.replace(document, declaration=declared))
        self._candidates.review.declare(
            session, actor, row, declared.statement, declared.signature_name
        )
        self._candidates.review.follow(session, actor, self._candidates.outcomes, row)

    def _known(self, repository: CandidateRepository, person_id: uuid.UUID) -> dict[str, Candidate]:
        known: dict[str, Candidate] = {}
        for row in repository.of_person(person_id, "waiting", "confirmed"):
            for seen in self._sealed.document(row).addresses:
                if seen.media_url is not None:
                    known.setdefault(seen.media_url, row)
        return known

    def _repository(self, session: Session, actor: Actor) -> CandidateRepository:
        return CandidateRepository(session, actor, self._clock.now())


def _given(piece: _Piece) -> GivenLink:
    return GivenLink(piece.link.url, piece.link.page_url or "")


def _with_file(piece: _Piece, file_id: str) -> _Piece:
    return _Piece(
        piece.link, msgspec.structs.replace(piece.brought, file_id=file_id), piece.examination
    )
