"""Candidates as evidence sees them: implements `Finds` with the rooms below."""

from __future__ import annotations

import uuid
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.candidates.views import ConfirmedFind
from service.exhibits.bundle import Statement
from service.exhibits.finds import Find, SeenAddress
from service.exhibits.manifest import BroughtSummary


class Candidates(Protocol):
    """`service.candidates.service.CandidateService`, as far as evidence needs it."""

    def evidence_view(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> ConfirmedFind:
        """A candidate in any state but halted."""
        ...

    def captured(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        examination: Examination,
        medium_id: uuid.UUID | None = None,
    ) -> None:
        """What was captured has been examined."""
        ...

    def why_not_kept(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        content: bytes,
        examination: Examination | None,
    ) -> str:
        """Why nothing may be kept of what was captured."""
        ...

    def not_kept(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID, reason: str
    ) -> None:
        """Halt a candidate for what was captured of it."""
        ...

    def record_findings(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        medium_id: uuid.UUID,
        examination: Examination,
        media_url: str,
        page_url: str | None,
        host: str,
        run_id: uuid.UUID | None,
    ) -> tuple[uuid.UUID, ...]:
        """Candidates of an examination."""
        ...


class Ledger(Protocol):
    """`service.sources.service.SourcesService`, as far as captures add to the media seen."""

    def know_medium(
        self, session: Session, actor: Actor, examination: Examination, content_bytes: int
    ) -> uuid.UUID:
        """Note a content without any address; its id."""
        ...


class CandidateFinds:
    """Implements `service.exhibits.finds.Finds`."""

    def __init__(self, candidates: Candidates, ledger: Ledger) -> None:
        self._candidates = candidates
        self._ledger = ledger

    def find(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> Find:
        """One candidate; `NotFoundError` when the caller may not see it."""
        view = self._candidates.evidence_view(session, actor, candidate_id)
        return Find(
            candidate_id=view.candidate_id,
            person_id=view.person_id,
            organisation_id=view.organisation_id,
            kind=view.kind,
            state=view.state,
            host=view.host,
            page_url=view.page_url,
            media_url=view.media_url,
            run_id=view.run_id,
            examination=view.examination,
            seen=tuple(
                SeenAddress(
                    one.media_url,
                    one.page_url,
                    one.host,
                    one.seen_at,
                    uuid.UUID(one.run_id) if one.run_id else None,
                    one.again,
                )
                for one in view.addresses
            ),
            brought=tuple(
                BroughtSummary(one.captured_by, one.tool, one.captured_at, one.file_sha256)
                for one in view.brought
            ),
            confirmed_sha256s=frozenset(
                one.hashes.sha256
                for one in (view.examination, view.captured_examination)
                if one is not None and view.state == "confirmed"
            ),
            never_show=bool(view.never_show),
        )

    def statements(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> tuple[Statement, ...]:
        """What reviewers and the person stated when they confirmed it; no names of theirs."""
        view = self._candidates.evidence_view(session, actor, candidate_id)
        return tuple(
            Statement(
                id=str(one.confirmation_id),
                by=one.by,
                account=one.account if one.by == "reviewer" else "",
                verdict=one.verdict,
                wording=one.wording,
                stated_at=one.stated_at,
            )
            for one in view.statements
        )

    def captured(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        examination: Examination,
        content_bytes: int,
    ) -> None:
        """The content joins the media seen, and the candidate learns what it shows."""
        view = self._candidates.evidence_view(session, actor, candidate_id)
        medium_id = None
        if view.media_url is not None:
            medium_id = self._ledger.know_medium(session, actor, examination, content_bytes)
        self._candidates.captured(session, actor, candidate_id, examination, medium_id)

    def why_not_kept(
        self, session: Session, find: Find, content: bytes, examination: Examination | None
    ) -> str:
        """Why nothing may be kept of what was captured; empty when it may."""
        return self._candidates.why_not_kept(session, find.organisation_id, content, examination)

    def not_kept(self, session: Session, actor: Actor, find: Find, reason: str) -> None:
        """The candidate is halted."""
        self._candidates.not_kept(session, actor, find.candidate_id, reason)

    def other_content(
        self,
        session: Session,
        actor: Actor,
        find: Find,
        examination: Examination,
        content_bytes: int,
    ) -> None:
        """The content joins the media seen; it was compared with this person alone."""
        if find.media_url is None:
            return
        medium_id = self._ledger.know_medium(session, actor, examination, content_bytes)
        self._candidates.record_findings(
            session,
            actor,
            organisation_id=find.organisation_id,
            medium_id=medium_id,
            examination=examination,
            media_url=find.media_url,
            page_url=find.page_url,
            host=find.host,
            run_id=find.run_id,
        )
