"""Known pictures compared with what was seen before, so that nobody waits for the next crawl.

1. Which known pictures are due: their person may be looked for since, and they were not looked up.
2. Look up their hashes among all that was seen, in any orientation, and their bytes; keep what the
   person's own organisation has seen (design rule 12) and what is not halted.
3. Of each medium judge by the same rules as a crawl does, from the hashes that were kept of it.
4. In a short transaction for each medium: note it, and make a candidate of it with its latest
   addresses, exactly as a crawl would; its capture is asked for, and what is captured is examined.

No face is involved: what was seen before holds none (design rule 1). Only hashes that belong to one
verified case are looked up, and what is found answers in that case alone (design rule 2).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import ORIENTATIONS, KnownHashes, PdqOrientations
from indexer.hashing.turning import TURNED_AS, turned_hashes
from indexer.hashing.video import VideoHashes
from indexer.observations import (
    Examination,
    FrameHash,
    HashMatch,
    ManipulationFinding,
    MediaHashes,
    MediumKind,
    PersonFinding,
)
from service.accounts.actor import Actor
from service.candidates.documents import SeenAt
from service.candidates.findings import FindingRecorder
from service.candidates.outcomes import CandidateOutcomes
from service.database import Database
from service.enrolment.service import EnrolmentService
from service.hashbank.entries import HashesOfOne
from service.hashbank.matches_repository import media_matched_by
from service.hashbank.service import HashBankService
from service.sources.models import MediumSeen
from service.sources.places import SeenPlaces
from service.sources.seen_index import SeenIndex
from service.sources.seen_repository import HashRow, SeenHashRepository

logger = logging.getLogger(__name__)

MAX_MEDIA = 5000
"""More media of one known picture are not looked at: by then it is all over the web."""
MAX_PLACES = 50
"""Latest addresses of one medium that a candidate begins with."""
DUE_AT_ONCE = 200
MAX_WHILE_WAITING = 500
NOTED_AT_ONCE = 100
"""Media in one transaction, while somebody waits: nobody else waits long for the lock."""
NOT_LOOKED_AT = ManipulationFinding(
    "not_assessable",
    ("it was found by the hash that was kept of it; it is looked at when it is captured",),
)
_WORKER = Actor.system("looking back")


@dataclass(frozen=True, slots=True)
class _Found:
    """A medium that was seen before, with what the ledger kept of it."""

    medium_id: uuid.UUID
    examination: Examination
    seen: tuple[SeenAt, ...]
    run_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class _LookUp:
    """What one known picture is compared with."""

    person_id: uuid.UUID
    organisation_id: uuid.UUID
    found: tuple[_Found, ...]


class LookBack:
    """Belongs to workers; opens its own short units of work. Every part may run twice."""

    def __init__(
        self,
        enrolment: EnrolmentService,
        hashbank: HashBankService,
        seen: SeenIndex,
        findings: FindingRecorder,
        outcomes: CandidateOutcomes,
    ) -> None:
        self._enrolment = enrolment
        self._hashbank = hashbank
        self._seen = seen
        self._findings = findings
        self._outcomes = outcomes

    def due(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Known pictures that are to be compared with what was seen before, now."""
        return self._hashbank.matches.due(session, DUE_AT_ONCE)

    def begin_again(self, database: Database) -> int:
        """Who may not be looked for now is looked up from the start when they may be again."""
        with database.write() as session:
            return self._hashbank.matches.begin_again(session)

    def look_back(self, database: Database, known_id: uuid.UUID) -> int:
        """Compare one known picture with all that was seen; returns how many candidates are new.

        Raises `SeenIndexError` while the index is not built yet.
        """
        look_up = self._look_up(database, known_id)
        if look_up is None:
            return 0
        worker = Actor.system(_WORKER.reason or "", look_up.organisation_id)
        made = 0
        for found in look_up.found:
            with database.write() as session:
                made += len(
                    self._findings.record_seen(
                        session,
                        worker,
                        self._outcomes,
                        organisation_id=look_up.organisation_id,
                        medium_id=found.medium_id,
                        examination=found.examination,
                        seen=found.seen,
                        run_id=found.run_id,
                    )
                )
        with database.write() as session:
            self._hashbank.matches.looked_back(session, worker, known_id, is_whole=True)
            self._count(session, worker, known_id)
        return made

    def recount(self, database: Database) -> int:
        """Write down what crawls have noted meanwhile, each in its own transaction; how many."""
        with database.read() as session:
            wanted = [
                (known_id, self._enrolment.organisation_of(session, person_id))
                for known_id, person_id in self._hashbank.matches.to_recount(session, DUE_AT_ONCE)
            ]
        for known_id, organisation_id in wanted:
            worker = Actor.system("counting", organisation_id)
            with database.write() as session:
                self._count(session, worker, known_id)
        return len(wanted)

    def _count(self, session: Session, worker: Actor, known_id: uuid.UUID) -> None:
        if worker.organisation_id is None:
            return
        places = SeenPlaces(session, worker.organisation_id)
        hosts = places.count(media_matched_by(known_id)).hosts
        self._hashbank.matches.set_counts(session, worker, known_id, hosts)

    def look_up(self, database: Database, known_id: uuid.UUID) -> int:
        """Only note what was seen before, for the answer; candidates are a worker's. How many.

        What is all over the web is left to the worker as a whole: somebody waits for this.
        """
        look_up = self._look_up(database, known_id)
        if look_up is None or len(look_up.found) > MAX_WHILE_WAITING:
            return 0
        worker = Actor.system(_WORKER.reason or "", look_up.organisation_id)
        with database.read() as session:
            told = [
                found
                for found in look_up.found
                if not self._findings.is_stopped(
                    session, look_up.organisation_id, found.examination
                )
            ]
        for start in range(0, len(told), NOTED_AT_ONCE):
            with database.write() as session:
                for found in told[start : start + NOTED_AT_ONCE]:
                    (finding,) = found.examination.findings
                    self._hashbank.matches.note(
                        session,
                        worker,
                        look_up.person_id,
                        found.medium_id,
                        finding.hashes,
                        found.examination.hashes.pdq_quality,
                    )
        with database.write() as session:
            self._hashbank.matches.looked_back(session, worker, known_id, is_whole=False)
            self._count(session, worker, known_id)
        return len(told)

    def _look_up(self, database: Database, known_id: uuid.UUID) -> _LookUp | None:
        with database.read() as session:
            known = self._hashbank.hashes_of(session, _WORKER, known_id)
            if known is None or not self._enrolment.is_active(session, known.person_id):
                return None
            person_id = known.person_id
            organisation_id = self._enrolment.organisation_of(session, person_id)
            media = self._media_like(session, organisation_id, known)
            places = SeenPlaces(session, organisation_id)
            index, turned = KnownHashes(known.entries), _TurnedPicture(known)
            found = []
            for medium, rows in media:
                matches = _matches(index, turned, medium, rows)
                if matches:
                    found.append(_found(medium, rows, matches, person_id, places))
        found.sort(key=lambda each: min(m.distance for m in each.examination.findings[0].hashes))
        return _LookUp(person_id, organisation_id, tuple(found))

    def _media_like(
        self, session: Session, organisation_id: uuid.UUID, known: HashesOfOne
    ) -> list[tuple[MediumSeen, list[HashRow]]]:
        """Media near any of these hashes, or of these very bytes, that were seen here."""
        hits = self._seen.search(session, known.orientations)
        digests = [entry.sha256 for entry in known.entries if entry.sha256 is not None]
        repository = SeenHashRepository(session)
        near = dict.fromkeys(
            (*repository.media_of_contents(digests), *(hit.medium_id for hit in hits))
        )
        mine = SeenPlaces(session, organisation_id).seen_media(list(near))
        media = repository.media([each for each in near if each in mine][:MAX_MEDIA])
        rows: dict[uuid.UUID, list[HashRow]] = {medium.id: [] for medium in media}
        for row in repository.of_media(list(rows)):
            rows[row.medium_id].append(row)
        return [(medium, rows[medium.id]) for medium in media]


class _TurnedPicture:
    """The known picture in all eight orientations, for media that cannot be turned any more."""

    def __init__(self, known: HashesOfOne) -> None:
        first = known.entries[0]
        self._known_ref = first.known_ref
        of_pictures = () if first.frames else known.orientations
        self._index = KnownHashes(
            GalleryHash(first.person_ref, turned, None, pdq, None)
            for hashes in of_pictures
            for turned, pdq in zip(TURNED_AS, hashes, strict=True)
        )

    def closest(self, hashes: MediaHashes) -> tuple[HashMatch, ...]:
        """The closest orientation, or nothing."""
        return tuple(
            msgspec.structs.replace(match, known_ref=self._known_ref, orientation=match.known_ref)
            for match in self._index.search(hashes)[:1]
        )


def _matches(
    index: KnownHashes, turned: _TurnedPicture, medium: MediumSeen, rows: Sequence[HashRow]
) -> tuple[HashMatch, ...]:
    """As a crawl would judge the medium, by the hashes that were kept of it."""
    hashes = _hashes(medium)
    if medium.kind == "video" and rows:
        return index.search(hashes, video=_video(rows))
    if hashes.pdq is None or hashes.pdq_quality is None:
        return index.search(hashes)
    by_bits = zip(ORIENTATIONS, turned_hashes(hashes.pdq), strict=True)
    found = index.search(hashes, PdqOrientations(tuple(by_bits), hashes.pdq_quality))
    if any(match.kind == "sha256" for match in found):
        return found
    closest = min((*turned.closest(hashes), *found), key=_distance, default=None)
    return (closest,) if closest is not None else ()


def _distance(match: HashMatch) -> int:
    return match.distance


def _found(
    medium: MediumSeen,
    rows: Sequence[HashRow],
    matches: tuple[HashMatch, ...],
    person_id: uuid.UUID,
    places: SeenPlaces,
) -> _Found:
    finding = PersonFinding(str(person_id), (), matches, NOT_LOOKED_AT)
    examination = Examination(
        hashes=_hashes(medium),
        kind=cast(MediumKind, medium.kind),
        width_px=medium.width_px,
        height_px=medium.height_px,
        frames_examined=0,
        faces_counted=0,
        findings=(finding,),
        frame_hashes=tuple(
            FrameHash(row.at_ms, row.pdq.hex(), row.quality)
            for row in rows
            if medium.kind == "video"
        ),
    )
    seen = places.of_medium(medium.id, MAX_PLACES)
    return _Found(
        medium.id,
        examination,
        tuple(
            SeenAt(
                place.media_url,
                place.page_url,
                place.host,
                place.seen_at.isoformat(),
                str(place.run_id) if place.run_id else "",
            )
            for place in seen
        ),
        seen[0].run_id,
    )


def _hashes(medium: MediumSeen) -> MediaHashes:
    return MediaHashes(medium.content_sha256, medium.pdq, medium.pdq_quality, medium.phash)


def _video(rows: Sequence[HashRow]) -> VideoHashes:
    return VideoHashes.of_frames([FrameHash(row.at_ms, row.pdq.hex(), row.quality) for row in rows])
