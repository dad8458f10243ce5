"""Building a model beside the one that searches, in an examiner process of its own.

1. `settle`, now and then: the first model is named; a program that prepares faces in another way
   than the templates in use opens a change by itself.
2. `is_waiting` says whether there is anything to do; `build` does it: photo after photo, each in a
   transaction of its own, not more than so many a second while the other model searches.
3. When none is left the change is moved on; its state and counts are rows, so that a killed worker
   goes on where it was, and everybody sees how far it is.
4. After the switch the old model's templates are made for newcomers too, until it is confirmed.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
from sqlalchemy.orm import Session

from indexer.errors import IndexerError
from indexer.examiner.client import CRASH_CODE, ExaminerClient
from indexer.examiner.protocol import Enrolled
from indexer.observations import ModelStamp
from service.database import Database
from service.enrolment.errors import WrongModelError
from service.enrolment.model_changes import ModelChanges
from service.enrolment.model_views import Beside
from service.enrolment.template_making import Enroller, Made
from service.work.installed_models import problem_words
from service.work.opening import ModelChoice

logger = logging.getLogger(__name__)

ROUND_S = 60.0
PHOTOS_AT_ONCE = 50
TRY_AGAIN_AFTER_S = 30.0
SETTLE_EVERY_S = 30.0


class TemplatesOfPhotos(Protocol):
    """`service.enrolment.template_making.TemplateMaker`."""

    def make(
        self, database: Database, eyes: Enroller, photo_id: uuid.UUID, *, searching: bool
    ) -> Made:
        """Make the template of one photo."""
        ...


class BuildingExaminer:
    """An examiner that only makes templates, with one model; it has no gallery and finds nobody."""

    def __init__(self, choice: ModelChoice, stopping: threading.Event) -> None:
        self._choice = choice
        self._stopping = stopping
        self._lock = threading.Lock()
        self._client: ExaminerClient | None = None

    @property
    def model(self) -> ModelStamp | None:
        """The model that is open."""
        return self._client.model if self._client is not None else None

    def open(self, beside: Beside) -> None:
        """Open exactly this model. Raises `IndexerError` or `WrongModelError`."""
        if self.model == beside.stamp:
            return
        self.close()
        licences = self._choice.installed.licences(
            beside.stamp, licence_accepted=beside.licence_accepted
        )
        hello = self._choice.hello(beside.stamp.pack, licences)
        # it looks at one photo at a time, beside an examiner that has the memory of the settings
        client = ExaminerClient.start(msgspec.structs.replace(hello, memory_bytes=1))
        with self._lock:
            self._client = client
        if client.model != beside.stamp:
            self.close()
            raise WrongModelError(problem_words("wrong_model"))

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        """Make a template; a photo at which the process ended is tried once more in a new one."""
        client = self._client
        if client is None:
            raise WrongModelError("The examiner was closed while templates were made.")
        enrolled = client.enrol(content, others)
        if not _crashed(enrolled):
            return enrolled
        enrolled = client.enrol(content, others)
        if _crashed(enrolled) and self._stopping.is_set():
            raise WrongModelError("The examiner was ended while templates were made.")
        return enrolled

    def close(self) -> None:
        """End the process, if one runs."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


@dataclass(frozen=True, slots=True)
class BuildParts:
    """What builds: `photos_per_s` is the most while another model searches."""

    database: Database
    changes: ModelChanges
    maker: TemplatesOfPhotos
    choice: ModelChoice
    photos_per_s: float


class ModelBuilding:
    """The part of changing a model that workers do."""

    def __init__(self, parts: BuildParts) -> None:
        self._parts = parts
        self._stopping = threading.Event()
        self._examiner = BuildingExaminer(parts.choice, self._stopping)
        self._settle_at = 0.0
        self._try_at = 0.0

    def is_waiting(self) -> bool:
        """Whether there is anything for `build` to do; also settles now and then."""
        now = time.monotonic()
        if now >= self._settle_at:
            self._settle_at = now + SETTLE_EVERY_S
            self.settle()
        if now < self._try_at:
            return False
        with self._parts.database.read() as session:
            changes = self._parts.changes
            if changes.can_advance(session):
                return True
            beside = changes.beside(session)
            return beside is not None and self._is_for_me(session, beside)

    def settle(self) -> None:
        """Name the first model, and begin to follow a program that prepares faces otherwise."""
        parts, installed = self._parts, self._parts.choice.installed
        with parts.database.read() as session:
            used = parts.changes.in_use(session)
        try:
            stamp = installed.newer_form(used.stamp) if used else installed.stamp(parts.choice.pack)
        except IndexerError as error:
            logger.warning("the model pack %s is not known: %s", parts.choice.pack, error.code)
            return
        if stamp is None:
            return
        with parts.database.write() as session:
            if used is None:
                parts.changes.adopt(session, stamp)
            elif parts.changes.follow_program(session, stamp) is not None:
                logger.warning(
                    "this program prepares faces in another way than before: the templates of %s "
                    "are made anew; no face is looked for until then",
                    stamp.pack,
                )

    def build(self) -> int:
        """One round: make templates for a while, then move the change on. How many were made."""
        parts = self._parts
        with parts.database.read() as session:
            beside = parts.changes.beside(session)
        made = 0
        if beside is not None:
            made = self._build(beside)
        with parts.database.write() as session:
            parts.changes.advance(session)
        return made

    def destroy_others(self) -> int:
        """Delete templates that no step needs any more; see `ModelChanges.destroy_others`."""
        return self._parts.changes.destroy_others(self._parts.database)

    def stop(self) -> None:
        """End the round at hand after the photo at hand."""
        self._stopping.set()

    def close(self) -> None:
        """End the examiner."""
        self._examiner.close()

    def _build(self, beside: Beside) -> int:
        parts = self._parts
        with parts.database.read() as session:
            if not parts.changes.missing(session, beside.stamp, 1):
                return 0
        try:
            self._examiner.open(beside)
        except (IndexerError, WrongModelError) as error:
            self._cannot(beside, error.code)
            return 0
        self._note(beside, "")
        try:
            return self._make(beside)
        finally:
            self._close_when_done(beside)

    def _make(self, beside: Beside) -> int:
        parts, made = self._parts, 0
        until = time.monotonic() + ROUND_S
        pause_s = 1.0 / parts.photos_per_s if beside.searching_meanwhile else 0.0
        while time.monotonic() < until:
            with parts.database.read() as session:
                now = parts.changes.beside(session)
                if now is None or now.key != beside.key:
                    return made
                photos = parts.changes.missing(session, beside.stamp, PHOTOS_AT_ONCE)
            if not photos:
                return made
            for photo in photos:
                began = time.monotonic()
                if began >= until or self._stopping.is_set():
                    return made
                try:
                    outcome = parts.maker.make(
                        parts.database, self._examiner, photo, searching=False
                    )
                except WrongModelError:
                    if self._stopping.is_set():
                        return made
                    raise
                made += outcome == "made"
                self._stopping.wait(max(0.0, pause_s - (time.monotonic() - began)))
        return made

    def _is_for_me(self, session: Session, beside: Beside) -> bool:
        """Whether photos are left that this machine can do."""
        if not self._parts.changes.missing(session, beside.stamp, 1):
            return False
        problem = self._parts.choice.installed.problem_of(
            beside.stamp, licence_accepted=beside.licence_accepted
        )
        if problem and beside.is_needed:
            self._cannot(beside, problem)
        return not problem

    def _cannot(self, beside: Beside, code: str) -> None:
        self._try_at = time.monotonic() + TRY_AGAIN_AFTER_S
        if beside.is_needed:
            logger.error(
                "the model %s cannot be built here: %s", beside.stamp.pack, problem_words(code)
            )
        self._note(beside, code)

    def _note(self, beside: Beside, code: str) -> None:
        if beside.is_needed and beside.problem != code:
            with self._parts.database.write() as session:
                self._parts.changes.note_problem(session, beside.change_id, code)

    def _close_when_done(self, beside: Beside) -> None:
        """A second set of models in memory is kept only while it is needed."""
        with self._parts.database.read() as session:
            left = self._parts.changes.missing(session, beside.stamp, 1)
        if not left or self._stopping.is_set():
            self.close()


def _crashed(enrolled: Enrolled) -> bool:
    return enrolled.refusal is not None and enrolled.refusal.code == CRASH_CODE
