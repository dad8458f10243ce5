"""What known pictures have matched: counted, judged by the counts, and looked up again when due.

1. Each medium that matches is noted once for each known picture, also while no candidate is made.
2. A known picture whose look-alikes are very many, on many sites, may be a logo or a meme; one
   whose look-alikes were dismissed again and again is worth little. Similar pictures then make no
   candidates until an advocate decides; exact copies always do. One confirmation settles it.
3. Known pictures are compared with what was seen before when their person may first be looked for,
   and once more some minutes later, for what was looked at meanwhile without them.

What a person gives as hashes only, nobody here can see: an advocate vouches for it, or nothing is
told of where it was seen until people have agreed on a find (`vouched_at`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy.orm import Session

from indexer.observations import HashMatch
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.collaborators import KnownOrigin
from service.errors import InvalidInputError, NotAllowedError
from service.hashbank.documents import KnownPictureDocument, context_of
from service.hashbank.matches_repository import KnownMatchRepository
from service.hashbank.models import KnownMatch, KnownPicture
from service.hashbank.repository import HashBankRepository
from service.hashbank.strength import weighed
from service.vault import Vault

CATCH_UP_AFTER = timedelta(minutes=5)
"""Far longer than a running examiner takes to follow the watch-list, which is seconds."""

MOST_NOTED = 5000
"""More media of one known picture are not noted: by then it is all over the web."""

VOUCHING_STATEMENT = (
    "The person told me what these pictures are and that they show them. I have no reason to "
    "doubt it."
)

HeldBack = Literal["", "common", "collisions", "left_out"]


@dataclass(frozen=True, slots=True)
class MatchLimits:
    """The part of the settings that says when look-alikes make no candidates by themselves."""

    common_media: int
    common_hosts: int
    collisions: int


@dataclass(frozen=True, slots=True)
class NotedMatch:
    """A match with a known picture that is there, and the lower quality of both.

    `held_back` is what is known without counting; `counts_decide` that it is for the counts to say
    (`KnownMatches.held_back_by`).
    """

    known_id: uuid.UUID
    quality: int
    held_back: HeldBack
    counts_decide: bool


@dataclass(frozen=True, slots=True)
class KnownStanding:
    """What is told of a known picture besides its hashes: counts, times and an advocate's word."""

    known_id: uuid.UUID
    origin: KnownOrigin
    note: str
    added_at: datetime
    looked_back_at: datetime | None
    vouched_at: datetime | None
    media_matched: int
    hosts_matched: int
    confirmed_count: int
    different_count: int
    similar_wanted: bool | None
    held_back: HeldBack

    @property
    def needs_vouching(self) -> bool:
        """Whether it rests on nobody's word but the person's."""
        return self.origin == "given" and self.vouched_at is None


class KnownMatches:
    """Notes matches and keeps the standing of known pictures. Never commits."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail, limits: MatchLimits) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self.limits = limits

    # --- from the workers -----------------------------------------------------------------------

    def note(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        medium_id: uuid.UUID,
        matches: Sequence[HashMatch],
        medium_quality: int | None,
    ) -> Mapping[str, NotedMatch]:
        """Note matches of one medium; those of them whose known picture is still there, by ref.

        No row of a known picture is changed: a crawl's transaction writes many media, and two of
        them must not wait for each other's.
        """
        by_id = {_uuid(match.known_ref): match for match in matches}
        by_id.pop(None, None)
        repository = self._repository(session, actor)
        noted: dict[str, NotedMatch] = {}
        wanted = [known_id for known_id in by_id if known_id is not None]
        for row in repository.known_of(person_id, wanted):
            match = by_id[row.id]
            quality = _quality(match, self._document(row), medium_quality)
            if row.media_matched < MOST_NOTED:
                repository.put(
                    KnownMatch(
                        id=uuid.uuid4(),
                        known_id=row.id,
                        medium_id=medium_id,
                        kind=match.kind,
                        distance=match.distance,
                        band=weighed(match, quality).band,
                        matched_at=self._clock.now(),
                    )
                )
            noted[match.known_ref] = NotedMatch(
                row.id,
                quality,
                self._held_back(row),
                counts_decide=row.similar_wanted is None and not row.confirmed_count,
            )
        session.flush()
        return noted

    def held_back_by(
        self, session: Session, known_id: uuid.UUID, hosts: int, *, with_parts: bool
    ) -> HeldBack:
        """Whether the counts of this moment hold back look-alikes; `hosts` are those by now.

        A logo in somebody's picture may be all over the web without the picture being so: what
        matches as a whole is judged by what matched as a whole.
        """
        repository = self._repository(session, Actor.system("weighing"))
        media = repository.count(known_id, with_parts=with_parts)
        return "common" if self._is_common(media, hosts) else ""

    def set_counts(self, session: Session, actor: Actor, known_id: uuid.UUID, hosts: int) -> None:
        """Write down how many media matched by now, on how many sites."""
        row = HashBankRepository(session, actor, self._clock.now()).known_if_there(known_id)
        if row is not None:
            row.media_matched = self._repository(session, actor).count(known_id)
            row.hosts_matched = hosts

    def to_recount(self, session: Session, limit: int) -> tuple[tuple[uuid.UUID, uuid.UUID], ...]:
        """(known picture, person) where more has matched than was written down."""
        actor = Actor.system("counting")
        return tuple(self._repository(session, actor).with_other_counts(limit))

    def decided(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        medium_id: uuid.UUID,
        verdict: Literal["confirmed", "different"],
    ) -> None:
        """People have decided on a medium that known pictures had matched."""
        repository = self._repository(session, actor)
        matches = {
            match.known_id: match
            for match in repository.of_medium(person_id, medium_id)
            if match.verdict != verdict
        }
        for row in repository.known_of(person_id, list(matches), for_update=True):
            matches[row.id].verdict = verdict
            if verdict == "confirmed":
                row.confirmed_count += 1
            else:
                row.different_count += 1
        session.flush()

    def forget_medium(self, session: Session, medium_id: uuid.UUID) -> None:
        """A medium was halted: it matched nothing any more."""
        KnownMatchRepository(
            session, Actor.system("minor sign"), self._clock.now()
        ).any_forget_medium(medium_id)

    def due(self, session: Session, limit: int) -> tuple[uuid.UUID, ...]:
        """Known pictures that are to be compared with what was seen before, now."""
        now = self._clock.now()
        repository = self._repository(session, Actor.system("looking back"))
        return tuple(repository.due(now - CATCH_UP_AFTER, limit))

    def begin_again(self, session: Session) -> int:
        """See `KnownMatchRepository.begin_again`."""
        return self._repository(session, Actor.system("looking back")).begin_again()

    def looked_back(
        self, session: Session, actor: Actor, known_id: uuid.UUID, *, is_whole: bool
    ) -> None:
        """It was compared with all that was seen until now; `is_whole`: candidates were made, too.

        Forgotten meanwhile is forgotten.
        """
        row = HashBankRepository(session, actor, self._clock.now()).known_if_there(known_id)
        if row is None:
            return
        if is_whole:
            row.look_backs = min(row.look_backs + 1, 2)
        row.looked_back_at = self._clock.now()
        self._audit.record(
            session,
            actor,
            "known_picture.looked_back",
            "known_picture",
            known_id,
            media=row.media_matched,
        )

    # --- for people -----------------------------------------------------------------------------

    def standings(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[KnownStanding, ...]:
        """Every known picture of a visible person, the oldest first."""
        rows = HashBankRepository(session, actor, self._clock.now()).of_person(person_id)
        return tuple(self._standing(row) for row in rows)

    def standing_of(
        self, session: Session, actor: Actor, person_id: uuid.UUID, known_refs: Collection[str]
    ) -> tuple[KnownStanding, ...]:
        """Those of a visible person's known pictures that a find refers to."""
        wanted = [known_id for known_id in map(_uuid, known_refs) if known_id is not None]
        rows = self._repository(session, actor).known_of(person_id, wanted)
        return tuple(self._standing(row) for row in rows)

    def matches_of(
        self, session: Session, actor: Actor, known_ids: Collection[uuid.UUID]
    ) -> Sequence[KnownMatch]:
        """What visible known pictures have matched, but for what people called different."""
        return self._repository(session, actor).of_known(known_ids)

    def vouch(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        known_ids: Collection[uuid.UUID],
        *,
        statement_ticked: bool,
    ) -> int:
        """An advocate vouches for what the person gave; returns for how many."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate may vouch for what a person gave.")
        if not statement_ticked:
            raise InvalidInputError("Please tick the statement if it is true.")
        repository = self._repository(session, actor)
        repository.require_person(person_id)
        rows = [
            row
            for row in repository.known_of(person_id, known_ids)
            if row.origin == "given" and row.vouched_at is None
        ]
        for row in rows:
            row.vouched_at = self._clock.now()
            self._audit.record(session, actor, "known_picture.vouch", "known_picture", row.id)
        return len(rows)

    def want_similar(
        self,
        session: Session,
        actor: Actor,
        known_id: uuid.UUID,
        *,
        wanted: bool | None,
    ) -> uuid.UUID:
        """An advocate decides whether look-alikes make candidates; returns whose picture it is.

        When they should, what was left out until now is looked up again.
        """
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate may decide this.")
        row = HashBankRepository(session, actor, self._clock.now()).known(known_id)
        if wanted is None:
            raise InvalidInputError("Please choose whether look-alikes should become candidates.")
        row.similar_wanted = wanted
        if wanted:
            row.look_backs = 0
        self._audit.record(
            session, actor, "known_picture.similar", "known_picture", known_id, wanted=wanted
        )
        return row.person_id

    def _standing(self, row: KnownPicture) -> KnownStanding:
        return KnownStanding(
            known_id=row.id,
            origin=cast(KnownOrigin, row.origin),
            note=self._document(row).note,
            added_at=row.added_at,
            looked_back_at=row.looked_back_at,
            vouched_at=row.vouched_at,
            media_matched=row.media_matched,
            hosts_matched=row.hosts_matched,
            confirmed_count=row.confirmed_count,
            different_count=row.different_count,
            similar_wanted=row.similar_wanted,
            held_back=self._held_back(row),
        )

    def _held_back(self, row: KnownPicture) -> HeldBack:
        """Why look-alikes make no candidates now; empty when they do."""
        if row.similar_wanted is not None:
            return "" if row.similar_wanted else "left_out"
        if row.confirmed_count:
            return ""
        if row.different_count >= self.limits.collisions:
            return "collisions"
        return "common" if self._is_common(row.media_matched, row.hosts_matched) else ""

    def _is_common(self, media: int, hosts: int) -> bool:
        return media >= self.limits.common_media and hosts >= self.limits.common_hosts

    def _document(self, row: KnownPicture) -> KnownPictureDocument:
        return self._vault.unseal_document(
            row.person_id, context_of(row.id), row.document, KnownPictureDocument
        )

    def _repository(self, session: Session, actor: Actor) -> KnownMatchRepository:
        return KnownMatchRepository(session, actor, self._clock.now())


def _quality(match: HashMatch, document: KnownPictureDocument, medium_quality: int | None) -> int:
    """The lower PDQ quality of both; of equal bytes and of whole videos it says nothing."""
    if match.kind in ("sha256", "vpdq"):
        return 100
    known = document.hashes.pdq_quality
    if known is None:
        known = min((frame.quality for frame in document.frames), default=100)
    return min(known, 100 if medium_quality is None else medium_quality)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


__all__ = [
    "VOUCHING_STATEMENT",
    "KnownMatches",
    "KnownStanding",
    "MatchLimits",
    "NotedMatch",
]
