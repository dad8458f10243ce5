"""The real eyes: the examiner process, started when first needed, its gallery kept up to date.

1. The first question starts the examiner, with the model in use when any organisation has switched
   face matching on, and without one otherwise (`opening`). It is started anew when that changes.
2. `follow_gallery` compares the change number of the watch-list with the loaded one and brings the
   gallery up to date when it moved (`gallery_following.py`); `examine` does so at most twice a
   second by itself, and `keep_up` is called now and then while there is nothing to look at.
3. Reference photos are decrypted only when the examiner asks for those of a person it has found.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.examiner.client import ExaminerClient
from indexer.examiner.errors import ExaminerUnavailableError
from indexer.examiner.gallery_content import WholeGallery
from indexer.examiner.protocol import Enrolled, Hashed, Reference
from indexer.observations import Examination, ModelStamp
from service.database import Database
from service.work.gallery_following import (
    BearableChance,
    GalleryFollower,
    KnownHashes,
    WatchedTemplates,
)
from service.work.opening import NO_FACES, ModelChoice, ModelNamed, Opening, Openings

FOLLOW_EVERY_S = 0.5


class WatchedPeople(WatchedTemplates, Protocol):
    """What enrolment tells of the people to look for."""

    def references_of(self, session: Session, person_id: uuid.UUID) -> tuple[Reference, ...]:
        """Decrypted reference photos of one person."""
        ...


class ExaminerEyes:
    """Implements `Eyes` over one examiner process. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        people: WatchedPeople,
        known: KnownHashes,
        faces_wanted: Callable[[Session], bool],
        choice: ModelChoice,
        bearable: BearableChance,
        named: ModelNamed | None = None,
    ) -> None:
        """`faces_wanted` says whether any organisation has face matching on (design rule 11);
        `named` which model searches, the pack of the settings where it is left out.
        """
        self._database = database
        self._people = people
        self._gallery = GalleryFollower(database, people, known, bearable)
        self._openings = Openings(faces_wanted, choice, named)
        self._opening = NO_FACES
        self._lock = threading.RLock()
        self._client: ExaminerClient | None = None
        self._looked_for_changes_at = 0.0

    @property
    def model(self) -> ModelStamp | None:
        """The loaded pack, half a second old at most, or None when no face can be looked for."""
        self._follow_now_and_then()
        return self._running().model

    @property
    def change(self) -> int:
        """The change number of the gallery that is loaded, half a second old at most."""
        self._follow_now_and_then()
        return self._gallery.change or 0

    @property
    def at_once(self) -> int:
        """How many media are worth handing over at a time: one more for each that is looked at,
        and as many as give enough faces for one comparison.
        """
        return self._running().at_once

    @property
    def lanes(self) -> int:
        """How many media it looks at at a time."""
        return self._running().lanes

    @property
    def process_id(self) -> int | None:
        """The examiner's process id, None while none runs."""
        return self._client.process_id if self._client is not None else None

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        """Make a template of a reference photo; `others` are this person's earlier vectors."""
        return self._running().enrol(content, others)

    def hash(self, content: bytes) -> Hashed:
        """Only the hashes of a picture; no face model is involved."""
        return self._running().hash(content)

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,
        media_url: str | None,
        page_url: str | None,
        only_person: str | None,
        with_faces: bool,
        run: str | None = None,
    ) -> Examination:
        """Look at one medium; `only_person` restricts the comparison to one verified case, and
        `run` says with which others it may be compared (design rule 1).
        """
        self._follow_now_and_then()

        def look(client: ExaminerClient) -> Examination:
            return client.examine(
                content,
                declared_type=declared_type,
                media_url=media_url,
                page_url=page_url,
                only_person=only_person,
                with_faces=with_faces,
                references=self,
                run=run,
            )

        client = self._running()
        try:
            return look(client)
        except ExaminerUnavailableError:
            following = self._in_place_of(client)
            if following is None:
                raise
            return look(following)

    def of(self, person_ref: str) -> Sequence[Reference]:
        """Reference photos of a person whom the examiner has found (and only then)."""
        with self._database.read() as session:
            return self._people.references_of(session, uuid.UUID(person_ref))

    def mask_person(self, person_ref: str) -> None:
        """Never match this person again until the next gallery is loaded."""
        # Without the lock: it may be held while a gallery waits for the medium under way.
        client = self._client
        if client is not None:
            client.mask_person(person_ref)

    def follow_gallery(self) -> None:
        """Bring the examiner's gallery up to date when it has changed since the last time."""
        with self._lock:
            with self._database.read() as session:
                opening = self._openings.wanted(session)
            if self._client is not None and opening != self._opening:
                self._end_client()
            self._gallery.follow(self._start_if_needed(opening))
            self._looked_for_changes_at = time.monotonic()

    def _follow_now_and_then(self) -> None:
        if time.monotonic() - self._looked_for_changes_at > FOLLOW_EVERY_S:
            self.follow_gallery()

    def keep_up(self) -> None:
        """Follow the gallery in an examiner that runs already; none is started for it.

        An examiner with nothing to look at would keep templates of people who left meanwhile.
        """
        if self._client is not None:
            self.follow_gallery()

    def close(self) -> None:
        """End the examiner; the next question would start it again."""
        with self._lock:
            self._end_client()

    def _running(self) -> ExaminerClient:
        with self._lock:
            if self._client is None or self._gallery.change is None:
                self.follow_gallery()
            if self._client is None:
                raise RuntimeError("the examiner was closed while it was being asked")
            return self._client

    def _in_place_of(self, client: ExaminerClient) -> ExaminerClient | None:
        """The examiner that was started since, as when a switch was turned; None without one.

        It is not started for this: where the eyes were closed, nobody waits for an answer.
        """
        with self._lock:
            return self._client if self._client is not client else None

    def _start_if_needed(self, opening: Opening) -> ExaminerClient:
        if self._client is None:
            self._client, self._opening = self._openings.start(opening, self._whole_gallery)
        return self._client

    def _end_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        self._gallery.forget()

    def _whole_gallery(self) -> WholeGallery:
        """For an examiner that was started again after a crash."""
        return self._gallery.whole(self._client.model if self._client is not None else None)
