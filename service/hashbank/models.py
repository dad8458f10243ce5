"""Tables of known pictures given as hashes, sealed under the person's key."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class KnownPicture(Base):
    """Hashes of one picture known to show the person.

    `origin`: "reference" (a reference photo), "given" (hash brought by the person or advocate),
    "confirmed" (a confirmed find). `document` is a sealed `KnownPictureDocument` with the hashes.
    """

    __tablename__ = "known_pictures"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    origin: Mapped[str]
    photo_id: Mapped[uuid.UUID | None]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime]
