"""Candidates: what the search found or a person pointed to, until people have decided.

The parts: `findings.py` writes candidates, `review.py` takes verdicts and follows them,
`showing.py` opens them for those who may see them. Nothing here commits.
"""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.candidates.aftermath import Aftermath
from service.candidates.basis import UNNAMED_SITE, UNNAMED_SITES
from service.candidates.chance_repository import ChanceRepository
from service.candidates.chance_rules import ChanceRules
from service.candidates.errors import AdvocatesFirstError
from service.candidates.evidence_showing import EvidenceShowing
from service.candidates.findings import FindingRecorder
from service.candidates.floods import FaceFloods
from service.candidates.halting import Halting
from service.candidates.listed import HashLists, ListedCandidates
from service.candidates.look_alikes import LookAlikes
from service.candidates.names_finds import MorePages, NameFinds, NamesOnPage, NamesWritten
from service.candidates.names_floods import NameFloods
from service.candidates.names_repository import NameFindsRepository
from service.candidates.operating_point import operating_point
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution
from service.candidates.restraint import FaceRestraint
from service.candidates.review import Review
from service.candidates.sealed import SealedCandidates
from service.candidates.showing import Showing
from service.candidates.statements import Verdict
from service.candidates.views import (
    CandidateView,
    ConfirmedFind,
    FindsHeldBack,
    HaltedItem,
    HeldBack,
    PersonFind,
    QueueItem,
)
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, StoryEvent
from service.enrolment.photos import PhotoService
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.hashbank.service import HashBankService
from service.sources.halted_media import HaltedMedia
from service.vault import Vault

_SCHEDULE = Actor.system("candidates' time")


class CandidateService:
    """The room's one door. `outcomes` is the room above that keeps evidence."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        accounts: AccountService,
        enrolment: EnrolmentService,
        photos: PhotoService,
        hashbank: HashBankService,
        outcomes: CandidateOutcomes,
        halted: HaltedMedia,
        lists: HashLists,
        chance: ChanceRules,
        *,
        held_days: int = 14,
    ) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self.look_alikes = LookAlikes(vault, clock, audit, enrolment, days=chance.look_alike_days)
        halting = Halting(vault, clock, audit, hashbank, halted, self.look_alikes)
        self._listed = ListedCandidates(vault, clock, audit, lists, halting, halted)
        self.floods = FaceFloods(vault, clock, audit, enrolment, self.look_alikes, chance.flood)
        self.findings = FindingRecorder(
            vault,
            clock,
            audit,
            enrolment,
            hashbank,
            halted,
            halting,
            self._listed,
            FaceRestraint(vault, self.look_alikes, self.floods),
            held_days=held_days,
        )
        self.name_floods = NameFloods(clock, audit, enrolment, chance.flood)
        self.name_finds = NameFinds(
            vault, clock, audit, enrolment, self.name_floods, held_days=held_days
        )
        aftermath = Aftermath(vault, self.look_alikes)
        self.review = Review(
            vault, clock, audit, accounts, enrolment, hashbank, halting, aftermath, self.name_finds
        )
        self._evidence = EvidenceShowing(vault, clock)
        self._showing = Showing(vault, clock, enrolment, photos, hashbank.matches)
        self.outcomes = outcomes

    # --- from the workers -----------------------------------------------------------------------

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
        held_back: FindsHeldBack | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Candidates of an examination, in the worker's transaction; ids of the new ones."""
        return self.findings.record_findings(
            session,
            actor,
            self.outcomes,
            organisation_id=organisation_id,
            medium_id=medium_id,
            examination=examination,
            media_url=media_url,
            page_url=page_url,
            host=host,
            run_id=run_id,
            held_back=held_back,
        )

    def record_names(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        on_page: NamesOnPage,
        run_id: uuid.UUID | None,
    ) -> NamesWritten:
        """Candidates of names on a page, in the worker's transaction; see `NameFinds.record`."""
        return self.name_finds.record(session, self.outcomes, organisation_id, on_page, run_id)

    def captured(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        examination: Examination,
        medium_id: uuid.UUID | None = None,
    ) -> None:
        """What was captured has been examined, against this person only.

        `medium_id` is the row of the content, written by the sources: what was pointed to becomes
        known content here.
        """
        self.findings.captured(session, actor, self.outcomes, candidate_id, examination, medium_id)

    def why_not_kept(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        content: bytes,
        examination: Examination | None,
    ) -> str:
        """See `FindingRecorder.why_not_kept`."""
        return self.findings.why_not_kept(session, organisation_id, content, examination)

    def not_kept(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID, reason: str
    ) -> None:
        """See `FindingRecorder.not_kept`."""
        self.findings.not_kept(session, actor, self.outcomes, candidate_id, reason)

    def has_candidates(self, session: Session, actor: Actor, medium_id: uuid.UUID) -> bool:
        """Whether anybody whom the caller may see was found in this content before."""
        return self._repository(session, actor).exists_for_medium(medium_id)

    def stop_listed(self, session: Session, actor: Actor, content_sha256: str, reason: str) -> int:
        """A list of the actor's organisation stops a content: halt what is there of it."""
        return self._listed.stop(session, actor, self.outcomes, content_sha256, reason)

    def conceal_listed(
        self, session: Session, actor: Actor, medium_id: uuid.UUID, names: str
    ) -> int:
        """A list of the actor's organisation says that no picture of a content is ever shown."""
        return self._listed.conceal_medium(session, actor, self.outcomes, medium_id, names)

    def follow_lists(self, database: Database) -> int:
        """Look at open candidates again when lists have changed; called by a schedule."""
        return self._listed.follow(database, self.outcomes)

    def end_look_alikes(self, database: Database) -> int:
        """Forget limits for look-alikes whose time is over; called by a schedule."""
        with database.write() as session:
            return self.look_alikes.end_expired(session, _SCHEDULE)

    def expire_due(self, session: Session, actor: Actor | None = None) -> int:
        """End what nobody decided in time; called by a schedule. Returns how many."""
        return self.review.expire_due(session, actor or _SCHEDULE, self.outcomes)

    # --- deciding -------------------------------------------------------------------------------

    def decide(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        verdict: Verdict,
        reason: str = "",
        statements: tuple[str, ...] = (),
        *,
        never_again: bool = False,
        never_on_site: bool = False,
    ) -> Resolution:
        """A reviewer's verdict; `statements` are the ticked ones, in the words of `view`."""
        return self.review.decide(
            session,
            actor,
            self.outcomes,
            candidate_id,
            verdict,
            reason,
            statements,
            never_again=never_again,
            never_on_site=never_on_site,
        )

    def person_decides(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        verdict: Verdict,
        statements: tuple[str, ...] = (),
        signature_name: str = "",
    ) -> Resolution:
        """The person's own word; `statements` are the ticked ones, in the words of `view`.

        On what they are not told where it is they may say that it shows a minor, and no more yet.
        """
        if verdict != "minor_sign" and self._showing.is_reserved(session, actor, candidate_id):
            raise AdvocatesFirstError("Your advocates look at this first; then it is your turn.")
        return self.review.person_decides(
            session, actor, self.outcomes, candidate_id, verdict, statements, signature_name
        )

    def report_minor_sign(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID, reason: str = ""
    ) -> Resolution:
        """Halt at once (design rule 6), also what was decided already."""
        return self.review.report_minor_sign(session, actor, self.outcomes, candidate_id, reason)

    # --- looking --------------------------------------------------------------------------------

    def queue(self, session: Session, actor: Actor) -> list[QueueItem]:
        """What waits for reviewers, what is due first on top."""
        return self._showing.queue(session, actor)

    def view(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> CandidateView:
        """One candidate, as the caller may see it now."""
        return self._showing.view(session, actor, candidate_id)

    def finds_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> list[PersonFind]:
        """A person's finds, in words."""
        return self._showing.finds_of(session, actor, person_id)

    def evidence_view(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> ConfirmedFind:
        """A candidate as evidence needs it, in any state but halted."""
        return self._evidence.evidence(session, actor, candidate_id)

    def confirmed_view(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> ConfirmedFind:
        """The same, of a confirmed candidate; `ConflictError` while it is not."""
        found = self._evidence.evidence(session, actor, candidate_id)
        if found.state != "confirmed":
            raise ConflictError("This find is not confirmed.")
        return found

    def halted(self, session: Session, actor: Actor) -> list[HaltedItem]:
        """For operators: what has to be reported, and nothing else."""
        return self._showing.halted(session, actor)

    def counts(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[tuple[str, int], ...]:
        """How many candidates of a person are in which state."""
        return self._repository(session, actor).count_states(person_id)

    def counts_of_run(
        self, session: Session, actor: Actor, run_id: uuid.UUID
    ) -> tuple[tuple[str, str, int], ...]:
        """(kind, state, count) of what one run found, for its report."""
        return self._repository(session, actor).any_count_of_run(run_id)

    def held_back(
        self, session: Session, actor: Actor, organisation_id: uuid.UUID, run_id: uuid.UUID
    ) -> HeldBack:
        """What of finds by face a run did not make, for its report."""
        return HeldBack(
            self.floods.count_resting(session, actor, organisation_id),
            self.look_alikes.counted_in(session, actor, run_id),
        )

    def face_search_rests(self, session: Session, actor: Actor, person_id: uuid.UUID) -> bool:
        """Whether the search for one person's face rests for review."""
        return self.floods.rests(session, actor, person_id)

    def more_pages(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[tuple[str, int], ...]:
        """(site, pages) with a name of a person that were counted and not shown."""
        return self.name_finds.more_pages(session, actor, person_id)

    def all_more_pages(self, session: Session, actor: Actor) -> tuple[MorePages, ...]:
        """The same of everybody whom the caller may see."""
        return self.name_finds.all_more_pages(session, actor)

    def only_closer_on(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[int, bool]:
        """On how many sites weaker likenesses are only counted; and whether on every site."""
        views = self.look_alikes.of_person(session, actor, person_id)
        sites = [view.site for view in views if view.is_limit]
        return sum(map(bool, sites)), not all(sites)

    def chance_remark(self, session: Session) -> str:
        """Whether more chance matches must be expected than the operator bears."""
        point = operating_point(session)
        return point.remark if point is not None else ""

    def show_face(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> bytes:
        """The aligned greyscale crop of the matched face (PNG); the view is audited (rule 8)."""
        if actor.role not in (Role.ADVOCATE, Role.PERSON):
            raise NotAllowedError("Only reviewers and the person may see the face.")
        row = self._repository(session, actor).candidate(candidate_id)
        if row.state in ("waiting", "confirmed"):
            names = self._sealed.document(row).never_show
            if names:
                raise NotAllowedError(
                    f"No picture of this is ever shown: it is on the list “{names}”."
                )
        crop = self._sealed.crop(row) if row.state == "waiting" else None
        if crop is None:
            raise NotFoundError("There is no face picture of this find (any more).")
        self._audit.record(session, actor, "candidate.show_face", "candidate", candidate_id)
        return crop

    def story(self, session: Session, actor: Actor, person_id: uuid.UUID) -> tuple[StoryEvent, ...]:
        """See `StorySource`: what was found and decided, in words."""
        events = []
        for row in self._repository(session, actor).of_person(person_id, "waiting", "confirmed"):
            how = "You pointed us to" if row.kind == "pointed" else "We found"
            host = self._showing.host_for(session, actor, row)
            events.append(
                StoryEvent(
                    row.found_at,
                    f"{how} something on {host or UNNAMED_SITE}.",
                    f"{how} {{count}} things on {host or UNNAMED_SITES}.",
                )
            )
            if row.state == "confirmed" and row.decided_at is not None:
                events.append(
                    StoryEvent(
                        row.decided_at,
                        f"Something on {row.host} was confirmed.",
                        f"{{count}} things on {row.host} were confirmed.",
                    )
                )
        return tuple(events)

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """See `PersonEraser`."""
        actor = Actor.system("erasure")
        candidates, confirmations = self._repository(session, actor).delete_all_of(person_id)
        chance = ChanceRepository(session, actor, self._clock.now())
        limits, floods = chance.delete_all_of(person_id)
        names = NameFindsRepository(session, actor, self._clock.now())
        settled, counted, resting = names.delete_all_of(person_id)
        return (
            ErasedCount("candidates", candidates),
            ErasedCount("confirmations", confirmations),
            ErasedCount("limits of look-alikes", limits),
            ErasedCount("floods of finds", floods + resting),
            ErasedCount("pages and sites settled for a name", settled),
            ErasedCount("counts of pages with a name", counted),
        )

    def _repository(self, session: Session, actor: Actor) -> CandidateRepository:
        return CandidateRepository(session, actor, self._clock.now())
