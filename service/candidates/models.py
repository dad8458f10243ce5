"""Tables of candidates: finds that wait for people to confirm or dismiss them.

In the clear: ids, kinds, states, times, host. What was seen (addresses, similarity, finding, where
the face crop is) is sealed under the person's key. At most one candidate for a person and a
medium's content.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Candidate(Base):
    """A possible find.

    `kind`: "face", "hash", "name" (the system found it), "pointed" (the person pointed to it).
    `state`: "waiting" (for confirmations), "confirmed", "dismissed", "halted" (may show a minor),
    "expired" (held too long). `document` is a sealed `CandidateDocument`; when halted it is
    replaced by one that holds address, time and reason only.

    `site` is the host of the page it was found on (of the medium, without a page). `event_key` is a
    keyed HMAC that is the same for finds of one person from one page, or of one account there.
    A find by name is a page, no medium: `page_key` is a keyed HMAC of person and page, `name_id`
    the first of the chosen names that were found there.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint("person_id", "medium_id"),
        UniqueConstraint("person_id", "page_key"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    medium_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("media.id"))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    host: Mapped[str]
    site: Mapped[str | None]
    event_key: Mapped[str | None] = mapped_column(index=True)
    page_key: Mapped[str | None]
    name_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    face_crop: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed aligned greyscale crop of the matched face alone; gone once decided (rule 1)."""
    found_at: Mapped[datetime]
    held_until: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Confirmation(Base):
    """One reviewer's, or the person's, own decision on a candidate. Never changed.

    `by`: "reviewer" or "person". `verdict`: "same", "different", "cannot_tell", "minor_sign".
    `document` is a sealed `ConfirmationDocument` (statement, reason, signature).
    """

    __tablename__ = "confirmations"
    __table_args__ = (UniqueConstraint("candidate_id", "account_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    candidate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("candidates.id"), index=True)
    by: Mapped[str]
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    verdict: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    decided_at: Mapped[datetime]


class NeverAgain(Base):
    """This person and this medium's content: never a candidate again."""

    __tablename__ = "never_again"
    __table_args__ = (UniqueConstraint("person_id", "medium_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"))
    decided_at: Mapped[datetime]


class LookAlikeLimit(Base):
    """How similar a face has to be on one site, after reviewers saw somebody else there.

    `site` is a host, or empty for a limit on every site. `document` is a sealed
    `LookAlikeDocument`: similarities of decided candidates and nothing of any stranger. `weaker`
    counts what fell below the limit in the run `counted_in`, `further` what was not made there
    because many from the same page wait to be decided: numbers, and nothing of what they count.
    """

    __tablename__ = "look_alike_limits"
    __table_args__ = (UniqueConstraint("person_id", "site"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    site: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    weaker: Mapped[int] = mapped_column(default=0)
    further: Mapped[int] = mapped_column(default=0)
    counted_in: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"))
    changed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class FaceFlood(Base):
    """Finds of one person by face came in too fast from too many sites: they rest.

    `state`: "open" (asks), "stopped" (decided to rest on), "going_on", "raised" (goes on above a
    limit). While it is open or stopped no find by face is made of this person; `not_made` counts
    them. `finds` and `sites` say what it was when it stopped itself.
    """

    __tablename__ = "face_floods"
    __table_args__ = (
        Index(
            "uq_face_floods_one_rests",
            "person_id",
            unique=True,
            sqlite_where=text("state IN ('open', 'stopped')"),
            postgresql_where=text("state IN ('open', 'stopped')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    state: Mapped[str]
    finds: Mapped[int]
    sites: Mapped[int]
    not_made: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))


class OperatingPointRow(Base):
    """One row: where the search of this installation stands, as the examiner told it last."""

    __tablename__ = "operating_point"

    id: Mapped[int] = mapped_column(primary_key=True)
    chance_matches_a_day: Mapped[float]
    faces_a_day: Mapped[int]
    templates: Mapped[int]
    threshold: Mapped[float]
    expected_a_day: Mapped[float]
    is_measured: Mapped[bool]
    set_at: Mapped[datetime]


# these tables have a file of their own; whoever loads this room's tables loads them, too
from service.candidates import names_models  # noqa: E402, F401
