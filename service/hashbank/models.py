"""Tables of known pictures given as hashes, sealed under the person's key, and their matches.

In the clear are ids, times and counts: how often a known picture matched decides whether it is one
of those that are all over the web.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class KnownPicture(Base):
    """Hashes of one picture known to show the person.

    `origin`: "reference" (a reference photo), "given" (hash brought by the person or advocate),
    "confirmed" (a confirmed find). `document` is a sealed `KnownPictureDocument` with the hashes.

    `look_backs` counts how often it was compared with what was seen before since the person may be
    looked for (see `matches.py`), `looked_back_at` is when that was last done. `vouched_at` is when
    an advocate vouched for what the person gave. `similar_wanted` is an advocate's own decision on
    whether similar pictures make candidates; None leaves it to the counts. The counts are of media
    that matched, of their hosts, and of what people decided on them.
    """

    __tablename__ = "known_pictures"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    origin: Mapped[str]
    photo_id: Mapped[uuid.UUID | None]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime]
    looked_back_at: Mapped[datetime | None]
    look_backs: Mapped[int] = mapped_column(default=0, index=True)
    vouched_at: Mapped[datetime | None]
    similar_wanted: Mapped[bool | None]
    media_matched: Mapped[int] = mapped_column(default=0)
    hosts_matched: Mapped[int] = mapped_column(default=0)
    confirmed_count: Mapped[int] = mapped_column(default=0)
    different_count: Mapped[int] = mapped_column(default=0)


class KnownMatch(Base):
    """A known picture matched a medium: how, and how closely. One row for both.

    `kind` is that of the closest match ("sha256", "pdq", ...), `band` how much it says ("strong",
    "moderate", "weak"). `verdict`: "" until people decided, "confirmed", or "different" (a
    collision).
    """

    __tablename__ = "known_matches"
    __table_args__ = (UniqueConstraint("known_id", "medium_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    known_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("known_pictures.id"), index=True)
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"), index=True)
    kind: Mapped[str]
    distance: Mapped[int]
    band: Mapped[str]
    verdict: Mapped[str] = mapped_column(default="")
    matched_at: Mapped[datetime]
