"""What a confirmed find leaves behind to be looked for: its copies are found in the next crawl."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from indexer.hashing import MIN_PDQ_QUALITY
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.hashbank.documents import FrameHash
from service.hashbank.service import HashBankService


def add_confirmed(
    hashbank: HashBankService,
    session: Session,
    actor: Actor,
    person_id: uuid.UUID,
    examination: Examination,
) -> None:
    """The hashes of a confirmed find, and of every frame of a video, join what is looked for."""
    frames = {
        frame.pdq: FrameHash(frame.pdq, frame.quality)
        for frame in examination.frame_hashes
        if frame.quality >= MIN_PDQ_QUALITY
    }
    hashbank.add_known(
        session,
        actor,
        person_id,
        "confirmed",
        examination.hashes,
        frames=tuple(frames.values()),
        parts=examination.parts,
        turned=examination.pdq_orientations,
    )
