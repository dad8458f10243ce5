"""The answer that needs no crawl: where a person's known pictures were seen before, in words.

1. Only a verified case is answered; before that the person reads when the answer will come.
2. Addresses, sites and the month of the first sighting are counted, of the person's own
   organisation alone; no address and no site is named here. What was found becomes candidates, for
   people to judge, and where it is stands there once they may be told.
3. Exact copies, look-alikes and weak likenesses are told apart.
4. "Not seen" goes with how much was looked at, and is no proof (design rule 13).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.candidates.looking_back import LookBack
from service.database import Database
from service.enrolment.service import EnrolmentService
from service.hashbank.matches import KnownMatches, KnownStanding
from service.hashbank.matches_repository import media_matched_within
from service.hashbank.models import KnownMatch
from service.hashbank.seen_answer import SeenBeforeView, SeenCounts, SeenPicture
from service.hashbank.strength import order_of
from service.sources.errors import SeenIndexError
from service.sources.places import LookedSoFar, SeenPlaces

NOT_VERIFIED = (
    "Whether these pictures were seen before is answered once an advocate has verified who you "
    "are. The answer then appears here by itself."
)
PENDING = "It is being compared with what was seen before. The answer will be here in a moment."
NOTHING_LOOKED_AT = "No site has been looked at yet, so there is no answer."
_AT_ONCE = 4
"""So many are looked up while the person waits; a worker does the others within seconds."""


class SeenBefore:
    """Answers for people, their advocates, and nobody else."""

    def __init__(
        self, enrolment: EnrolmentService, matches: KnownMatches, look_back: LookBack
    ) -> None:
        self._enrolment = enrolment
        self._matches = matches
        self._look_back = look_back

    def view(self, session: Session, actor: Actor, person_id: uuid.UUID) -> SeenBeforeView:
        """The answer, for those who may see the case; else `NotFoundError`."""
        person = self._enrolment.person_view(session, actor, person_id)
        standings = [
            each
            for each in self._matches.standings(session, actor, person_id)
            if each.origin != "confirmed"
        ]
        to_vouch = tuple(each.known_id for each in standings if each.needs_vouching)
        if person.state not in ("active", "paused"):
            words = NOT_VERIFIED if standings else ""
            return SeenBeforeView(False, False, words, "", (), to_vouch)
        places = SeenPlaces(session, person.organisation_id)
        looked = places.looked_so_far()
        pictures = tuple(
            self._picture(session, actor, places, looked, standing) for standing in standings
        )
        answered = bool(pictures) and all(each.is_answered for each in pictures)
        known_ids = [each.known_id for each in standings]
        return SeenBeforeView(
            is_verified=True,
            is_answered=answered,
            words=self._together(session, actor, places, looked, known_ids, answered=answered),
            looked=looked_words(looked),
            pictures=pictures,
            to_vouch=to_vouch,
        )

    def answer_now(self, database: Database, actor: Actor, person_id: uuid.UUID) -> None:
        """Look up what the person has just given, so that the next page has the answer.

        Of a case that is not verified nothing is looked up. What cannot be looked up now is left
        to the workers.
        """
        with database.read() as session:
            new = [
                each.known_id
                for each in self._matches.standings(session, actor, person_id)
                if each.looked_back_at is None
            ]
        for known_id in new[-_AT_ONCE:]:
            try:
                self._look_back.look_up(database, known_id)
            except SeenIndexError:
                return

    def _picture(
        self,
        session: Session,
        actor: Actor,
        places: SeenPlaces,
        looked: LookedSoFar,
        standing: KnownStanding,
    ) -> SeenPicture:
        known_ids = [standing.known_id]
        counts = _counts(places, known_ids, self._matches.matches_of(session, actor, known_ids))
        answered = standing.looked_back_at is not None
        words = seen_words(counts, looked) if answered else PENDING
        return SeenPicture(standing, answered, counts, words, held_back_words(standing, counts))

    def _together(
        self,
        session: Session,
        actor: Actor,
        places: SeenPlaces,
        looked: LookedSoFar,
        known_ids: Collection[uuid.UUID],
        *,
        answered: bool,
    ) -> str:
        if not known_ids:
            return ""
        counts = _counts(places, known_ids, self._matches.matches_of(session, actor, known_ids))
        if not answered and not counts.addresses:
            return PENDING
        return seen_words(counts, looked)


def _counts(
    places: SeenPlaces, known_ids: Collection[uuid.UUID], matches: Sequence[KnownMatch]
) -> SeenCounts:
    """Each medium once, by the best of its matches."""
    best: dict[uuid.UUID, int] = {}
    for match in matches:
        rank = 0 if match.kind == "sha256" else 1 + order_of(match.band)
        best[match.medium_id] = min(rank, best.get(match.medium_id, rank))
    ranks = list(best.values())
    seen = places.count(media_matched_within(known_ids))
    return SeenCounts(
        seen.addresses,
        seen.hosts,
        seen.since,
        exact=ranks.count(0),
        alike=ranks.count(1) + ranks.count(2),
        weak=ranks.count(3),
    )


def seen_words(counts: SeenCounts, looked: LookedSoFar) -> str:
    """The answer in words."""
    if not counts.addresses or counts.since is None:
        if not looked.media:
            return NOTHING_LOOKED_AT
        return "Not seen so far in what was looked at."
    where = (
        f"{_many(counts.addresses, 'address', 'addresses')} on "
        f"{_many(counts.sites, 'site', 'sites')} since {_month(counts.since)}"
    )
    if not counts.exact and not counts.alike:
        return f"Something with a weak likeness was seen at {where}. It may be something else."
    kinds = [
        _many(counts.exact, "exact copy", "exact copies"),
        _many(counts.alike, "that looks the same or nearly so", "that look the same or nearly so"),
        _many(counts.weak, "with a weak likeness", "with a weak likeness"),
    ]
    told = ", ".join(words for words in kinds if words)
    return f"Seen at {where}: {told}."


def looked_words(looked: LookedSoFar) -> str:
    """How much was looked at, and that it proves nothing; empty when nothing was."""
    if not looked.media or looked.since is None:
        return ""
    words = (
        f"Looked at since {_month(looked.since)}: "
        f"{_many(looked.media, 'picture or video', 'pictures and videos')} on "
        f"{_many(looked.sites, 'site', 'sites')}, counted at every visit. "
        "What was not seen there may still be elsewhere, or be there now."
    )
    if looked.sites_blind:
        words += (
            f" {_many(looked.sites_blind, 'site', 'sites')} could not be looked at the last time: "
            "what is there, we do not know."
        )
    return words


def held_back_words(standing: KnownStanding, counts: SeenCounts) -> str:
    """Why look-alikes make no candidates; empty when they do."""
    seen = (
        f"{_many(counts.addresses, 'address', 'addresses')} on "
        f"{_many(counts.sites, 'site', 'sites')}"
    )
    if standing.held_back == "common":
        return (
            f"So much looks like this picture (seen at {seen}) that it may be one that many sites "
            "show, such as a logo."
        )
    if standing.held_back == "collisions":
        return (
            f"What looked like this picture was something else "
            f"{_many(standing.different_count, 'time', 'times')}, and never it."
        )
    if standing.held_back == "left_out":
        return "An advocate decided that look-alikes of this picture are left out."
    return ""


def _month(moment: datetime) -> str:
    return f"{moment:%B %Y}"


def _many(count: int, one: str, many: str) -> str:
    if not count:
        return ""
    return f"{count:,} {one if count == 1 else many}"
