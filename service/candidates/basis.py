"""What a find by hash is like: which known pictures of the person, and on whose word those rest.

A fingerprint that a person gave shows nobody here what it is of. While nobody has vouched for it,
and no reviewers have agreed that the find is right, the person is told that there is a find, not
where it is: else a verified person could have anybody's picture looked for (design rule 2). So it
is with a name, which others may have: until two reviewers agree that the page means the person.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from indexer.observations import Examination, HashMatch, PersonFinding
from service.accounts.actor import Actor, Role
from service.candidates.documents import CandidateDocument
from service.candidates.models import Candidate
from service.candidates.resolution import Resolution
from service.hashbank.matches import KnownMatches, KnownStanding
from service.hashbank.strength import strongest

UNNAMED_SITE = "a site that your advocates look at first"
UNNAMED_SITES = "sites that your advocates look at first"
FORGOTTEN = "a picture that the person has forgotten meanwhile"
_NOT_VOUCHED = (
    "a picture that the person gave as a fingerprint: nobody here has seen it, and no advocate has "
    "vouched for it"
)


class Basis:
    """Asks the hash bank what finds rest on."""

    def __init__(self, matches: KnownMatches) -> None:
        self._matches = matches

    def words(
        self, session: Session, row: Candidate, document: CandidateDocument
    ) -> tuple[str, ...]:
        """What a find looks like, a line for each known picture; empty if no hash found it."""
        if not copies_of(row, document):
            return ()
        lines = [_words(standing) for standing in self._standings(session, row, document)]
        return tuple(dict.fromkeys(lines)) or (FORGOTTEN,)

    def is_reserved(
        self,
        session: Session,
        actor: Actor,
        row: Candidate,
        document: CandidateDocument,
        resolution: Resolution,
    ) -> bool:
        """Whether the caller may not be told yet where it is."""
        is_undecided = row.state == "waiting" and resolution.needs_reviewer
        if actor.role is not Role.PERSON or not is_undecided:
            return False
        return row.kind == "name" or (
            row.kind == "hash"
            and all(each.needs_vouching for each in self._standings(session, row, document))
        )

    def _standings(
        self, session: Session, row: Candidate, document: CandidateDocument
    ) -> Sequence[KnownStanding]:
        """Of the known pictures that a find is like; the caller may see the find."""
        system = Actor.system("showing a find", row.organisation_id)
        refs = [match.known_ref for match in copies_of(row, document)]
        return self._matches.standing_of(session, system, row.person_id, refs)


def finding_of(row: Candidate, examination: Examination | None) -> PersonFinding | None:
    """What an examination says of the candidate's person."""
    if examination is None:
        return None
    mine = [each for each in examination.findings if each.person_ref == str(row.person_id)]
    return mine[0] if mine else None


def copies_of(row: Candidate, document: CandidateDocument) -> tuple[HashMatch, ...]:
    """By which hashes a find was made; empty where a face or a person's word made it."""
    finding = finding_of(row, document.examination) if row.kind == "hash" else None
    return finding.hashes if finding is not None else ()


def strength_of(row: Candidate, document: CandidateDocument) -> str:
    """How much the best of the hashes says; empty for what was not found by one."""
    return strongest(copies_of(row, document)) or ""


def _words(standing: KnownStanding) -> str:
    if standing.origin == "reference":
        return "a reference photo of the person"
    if standing.origin == "confirmed":
        return f"a find that was confirmed on {standing.added_at:%d %B %Y}"
    if standing.vouched_at is None:
        return _NOT_VOUCHED
    return (
        "a picture that the person gave as a fingerprint; an advocate vouched for it on "
        f"{standing.vouched_at:%d %B %Y}"
    )
