"""Which model the examiner opens: the one that the database names, or none with the reason why.

1. `wanted` reads whether faces are looked for, and the model in use; it names a pack only where
   this machine can give exactly that model (design rule 14).
2. `start` opens it. Where that fails, an examiner without any face model is started instead, so
   that known pictures go on being found; it says so in the log, and is tried again later.

Whoever looks meanwhile finds no model loaded, although faces were wanted, and says that it could
not look (design rule 13).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.errors import IndexerError
from indexer.examiner.client import ExaminerClient, GallerySource
from indexer.examiner.protocol import DEFAULT_MEMORY_BYTES, Hello
from indexer.observations import ModelStamp
from service.enrolment.model_views import UsedModel
from service.settings import Settings
from service.work.installed_models import InstalledModels, problem_words

logger = logging.getLogger(__name__)

TRY_AGAIN_AFTER_S = 60.0
_LOOK_AT_FILES_EVERY_S = 10.0


class ModelNamed(Protocol):
    """What the database says of the model that searches."""

    def in_use(self, session: Session) -> UsedModel | None:
        """The model that searches; None before one was named."""
        ...


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The part of the settings that says what looks. `pack` is that of a new installation."""

    pack: str
    models_dir: Path
    runtime: str
    sandbox: str
    accepted_licences: tuple[str, ...]
    memory_bytes: int = DEFAULT_MEMORY_BYTES

    @classmethod
    def of(cls, settings: Settings) -> ModelChoice:
        """What an installation's settings say."""
        return cls(
            settings.pack,
            settings.models_dir,
            settings.runtime,
            settings.sandbox,
            settings.accepted_licences,
            settings.examiner_memory_mb * 1024 * 1024,
        )

    def hello(self, pack: str | None, licences: tuple[str, ...]) -> Hello:
        """How an examiner is greeted that is to open this pack."""
        return Hello(
            pack=pack,
            models_dir=str(self.models_dir),
            runtime=self.runtime,
            sandbox=self.sandbox,
            accepted_licences=licences,
            memory_bytes=self.memory_bytes,
        )

    @property
    def installed(self) -> InstalledModels:
        """The packs of this machine."""
        return InstalledModels(self.models_dir, self.accepted_licences)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an examiner is to open. `model` is what it has to be then, where one is named.

    `problem` is why no pack is opened although faces are wanted, as a stable code.
    """

    pack: str | None
    model: ModelStamp | None = None
    licences: tuple[str, ...] = ()
    problem: str = ""


NO_FACES = Opening(None)


class Openings:
    """Decides what is opened, and opens it."""

    def __init__(
        self,
        faces_wanted: Callable[[Session], bool],
        choice: ModelChoice,
        named: ModelNamed | None = None,
    ) -> None:
        """Without `named` it is always the pack of the settings."""
        self._faces_wanted = faces_wanted
        self._choice = choice
        self._named = named
        self._looked: tuple[UsedModel, str, float] | None = None
        self._failed: tuple[ModelStamp, str, float] | None = None

    def wanted(self, session: Session) -> Opening:
        """What should be open now."""
        if not self._faces_wanted(session):
            return NO_FACES
        used = self._named.in_use(session) if self._named is not None else None
        if used is None:
            return Opening(self._choice.pack, None, self._choice.accepted_licences)
        problem = self._problem_of(used)
        if problem:
            return Opening(None, used.stamp, (), problem)
        licences = self._choice.installed.licences(
            used.stamp, licence_accepted=used.licence_accepted
        )
        return Opening(used.stamp.pack, used.stamp, licences)

    def start(
        self, opening: Opening, gallery_source: GallerySource
    ) -> tuple[ExaminerClient, Opening]:
        """A running examiner, and what it has really opened."""
        if opening.problem:
            self._say(opening)
        hello = self._choice.hello(opening.pack, opening.licences)
        if opening.pack is None or opening.model is None:
            return ExaminerClient.start(hello, gallery_source=gallery_source), opening
        problem = "wrong_model"
        try:
            client = ExaminerClient.start(hello, gallery_source=gallery_source)
            if client.model == opening.model:
                return client, opening
            client.close()
        except IndexerError as error:
            problem = error.code
        self._failed = (opening.model, problem, time.monotonic() + TRY_AGAIN_AFTER_S)
        instead = replace(opening, pack=None, licences=(), problem=problem)
        self._say(instead)
        without = self._choice.hello(None, ())
        return ExaminerClient.start(without, gallery_source=gallery_source), instead

    def _problem_of(self, used: UsedModel) -> str:
        now = time.monotonic()
        if self._failed is not None and self._failed[0] == used.stamp and now < self._failed[2]:
            return self._failed[1]
        if self._looked is None or self._looked[0] != used or now >= self._looked[2]:
            problem = self._choice.installed.problem_of(
                used.stamp, licence_accepted=used.licence_accepted
            )
            self._looked = (used, problem, now + _LOOK_AT_FILES_EVERY_S)
        return self._looked[1]

    @staticmethod
    def _say(opening: Opening) -> None:
        pack = opening.model.pack if opening.model is not None else ""
        logger.error("faces are NOT looked for with %s: %s", pack, problem_words(opening.problem))
