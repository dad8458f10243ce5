"""The examiner's gallery: what is in service, and a load that is on its way.

1. A whole gallery comes in one message, or in parts that are taken in as they come. Only when the
   last one fits in number, order and checksum does it take the old one's place.
2. A difference gives the next snapshot of what is in service.
3. What does not fit is refused with a reason: what was in service stays, and the worker loads the
   whole gallery again from the encrypted templates. Nothing of it is ever on disk in the clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from indexer.examiner.errors import GalleryDamagedError, GalleryOutOfStepError
from indexer.examiner.gallery_content import GalleryChecksum
from indexer.examiner.protocol import (
    BeginGallery,
    ChangeGallery,
    FinishGallery,
    GalleryLoaded,
    GalleryPart,
    GalleryPartTaken,
    GalleryTemplate,
    LoadGallery,
    MaskPerson,
    PersonMasked,
)
from indexer.faces import FaceEngine, Template
from indexer.hashing import KnownHashes
from indexer.observations import ModelStamp
from indexer.stream import worth_comparing
from indexer.watchlist import MixedModelsError, WatchedTemplate, Watchlist, WatchlistBuilder

GalleryRequest = (
    LoadGallery | BeginGallery | GalleryPart | FinishGallery | ChangeGallery | MaskPerson
)
GalleryAnswer = GalleryLoaded | GalleryPartTaken | PersonMasked


class HeldGallery:
    """Who and what is looked for. One thread asks at a time."""

    def __init__(self, engine: FaceEngine | None) -> None:
        """`engine` None means that face matching is off: there are known pictures only."""
        self.watchlist = Watchlist.empty()
        self.known = KnownHashes(())
        self._engine = engine
        self._coming: _Coming | None = None

    def answer(self, message: GalleryRequest) -> GalleryAnswer:
        """Do what the message says. What it raises has left what is in service as it was."""
        match message:
            case MaskPerson():
                self.watchlist.mask(message.person_ref)
                return PersonMasked(message.person_ref)
            case LoadGallery():
                self._coming = None
                return self._load(message)
            case ChangeGallery():
                self._coming = None
                return self._change(message)
            case BeginGallery():
                self._coming = _Coming(message, self._engine)
                return GalleryPartTaken(0)
            case GalleryPart():
                return GalleryPartTaken(self._half_loaded().take(message))
            case FinishGallery():
                coming = self._half_loaded()
                self._coming = None
                return self._serve(coming.finish(message), KnownHashes(message.hashes))

    def _half_loaded(self) -> _Coming:
        if self._coming is None:
            raise GalleryDamagedError("a part of a gallery came without its beginning")
        if self._coming.damaged:
            raise GalleryDamagedError("a part of this gallery was damaged; begin again")
        return self._coming

    def _load(self, message: LoadGallery) -> GalleryLoaded:
        coming = _Coming(
            BeginGallery(message.change, message.model, message.chance_matches_per_face),
            self._engine,
        )
        coming.take(GalleryPart(0, message.templates))
        return self._serve(coming.watchlist(), KnownHashes(message.hashes))

    def _change(self, message: ChangeGallery) -> GalleryLoaded:
        if message.change_from != self.watchlist.change:
            raise GalleryOutOfStepError(
                f"the gallery in service is at change {self.watchlist.change}, "
                f"not at {message.change_from}; load it whole"
            )
        known = self.known if message.hashes is None else KnownHashes(message.hashes)
        model = _checked(self._engine, message.model).model
        watchlist = self.watchlist.changed(
            _watched(message.added, model),
            message.removed,
            message.change,
            chance_matches_per_face=message.chance_matches_per_face,
        )
        if len(watchlist) != message.templates:
            raise GalleryOutOfStepError(
                f"there would be {len(watchlist)} templates, not {message.templates}; "
                "load the gallery whole"
            )
        return self._serve(watchlist, known)

    def _serve(self, watchlist: Watchlist, known: KnownHashes) -> GalleryLoaded:
        self.watchlist, self.known = watchlist, known
        judging = watchlist.judging()
        return GalleryLoaded(
            watchlist.change,
            len(watchlist),
            len(known),
            judging.threshold,
            judging.expected_chance_matches(judging.threshold, faces=1) if len(watchlist) else 0.0,
            judging.is_measured,
            worth_comparing(watchlist),
        )


class _Coming:
    """A gallery of which not all has come yet."""

    def __init__(self, begun: BeginGallery, engine: FaceEngine | None) -> None:
        self._begun = begun
        self._engine = engine
        self._checksum = GalleryChecksum()
        self._next_part = 0
        self._builder: WatchlistBuilder | None = None
        self.damaged = False
        if engine is not None:
            self._builder = WatchlistBuilder(
                engine.model, engine.pack.calibration, begun.chance_matches_per_face
            )

    def take(self, part: GalleryPart) -> int:
        """Take a part in; returns how many templates came so far."""
        # Until it is in: what breaks off in the middle of a part has broken the whole.
        self.damaged = True
        if part.number != self._next_part:
            raise GalleryDamagedError(f"part {self._next_part} of the gallery is missing")
        if part.templates:
            engine = _checked(self._engine, self._begun.model)
            if self._builder is not None:
                self._builder.add(_watched(part.templates, engine.model))
        self._checksum.add(part.templates)
        self._next_part += 1
        self.damaged = False
        return self._checksum.count

    def finish(self, message: FinishGallery) -> Watchlist:
        """The watch-list, when all that was sent has come. Raises `GalleryDamagedError`."""
        if message.templates != self._checksum.count:
            raise GalleryDamagedError(
                f"{self._checksum.count} of {message.templates} templates came"
            )
        if message.checksum != self._checksum.value():
            raise GalleryDamagedError("the templates that came are not those that were sent")
        return self.watchlist()

    def watchlist(self) -> Watchlist:
        """What has come, as a watch-list."""
        if self._builder is None:
            return Watchlist.empty(self._begun.change)
        return self._builder.done(self._begun.change)


def _checked(engine: FaceEngine | None, model: ModelStamp | None) -> FaceEngine:
    if engine is None:
        raise MixedModelsError("face matching is off: there is no model for these templates")
    if model != engine.model:
        raise MixedModelsError(
            "the gallery's templates were made by another model than the one loaded; "
            "build them again from the reference photos"
        )
    return engine


def _watched(templates: Iterable[GalleryTemplate], model: ModelStamp) -> Iterator[WatchedTemplate]:
    for each in templates:
        yield WatchedTemplate(
            each.person_ref, each.template_ref, Template.from_bytes(each.vector, model)
        )
