"""A gallery on its way to the examiner: whole, in parts, or as a difference.

1. A small gallery is one `LoadGallery`. A large one is `BeginGallery`, `GalleryPart`s, and
   `FinishGallery` with the number of templates and a checksum over all of them.
2. A difference is one `ChangeGallery`, or several of which only the last one counts the change.

Templates are taken one by one from where they come, so that the worker never holds them all. The
checksum finds what was lost, doubled or cut on the way; it is no protection against an attacker,
for whom there is no way between two ends of a pipe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol, TypeVar

from indexer.errors import WireError
from indexer.examiner.protocol import (
    BeginGallery,
    ChangeGallery,
    FinishGallery,
    GalleryHash,
    GalleryLoaded,
    GalleryPart,
    GalleryPartTaken,
    GalleryTemplate,
    LoadGallery,
)
from indexer.observations import ModelStamp

Taken = TypeVar("Taken", GalleryLoaded, GalleryPartTaken)

PART_TEMPLATES: Final = 4096
"""Eight megabytes at 512 dimensions."""


class GalleryContent(Protocol):
    """A whole gallery at change number `change`; a `LoadGallery` is one."""

    @property
    def change(self) -> int:
        """The change number that all of it has, at least."""
        ...

    @property
    def model(self) -> ModelStamp | None:
        """What made the templates; None where there are none."""
        ...

    @property
    def templates(self) -> Iterable[GalleryTemplate]:
        """All templates, taken once."""
        ...

    @property
    def hashes(self) -> Sequence[GalleryHash]:
        """All known pictures."""
        ...

    @property
    def chance_matches_per_face(self) -> float:
        """How many chance matches are bearable for each face looked at."""
        ...


@dataclass(frozen=True, slots=True)
class WholeGallery:
    """A `GalleryContent` whose templates come one by one."""

    change: int
    model: ModelStamp | None
    templates: Iterable[GalleryTemplate]
    hashes: Sequence[GalleryHash]
    chance_matches_per_face: float


@dataclass(frozen=True, slots=True)
class GalleryDifference:
    """What leads from the gallery at `change_from` to the one at `change`.

    `removed` are template references; `templates` is how many there are afterwards. `hashes` are
    all known pictures, or None where they are the same as before.
    """

    change_from: int
    change: int
    model: ModelStamp
    added: Sequence[GalleryTemplate]
    removed: Collection[str]
    templates: int
    hashes: Sequence[GalleryHash] | None
    chance_matches_per_face: float

    def __repr__(self) -> str:
        return f"<GalleryDifference from change {self.change_from} to {self.change}>"


@dataclass(slots=True)
class GalleryChecksum:
    """Counts templates and sums them up, in their order."""

    count: int = 0
    _digest: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def add(self, templates: Iterable[GalleryTemplate]) -> None:
        """Go on with these."""
        for template in templates:
            self.count += 1
            for part in (
                template.person_ref.encode(),
                template.template_ref.encode(),
                template.vector,
            ):
                self._digest.update(len(part).to_bytes(4, "big"))
                self._digest.update(part)

    def value(self) -> bytes:
        """The sum so far."""
        return self._digest.digest()


GalleryMessage = LoadGallery | BeginGallery | GalleryPart | FinishGallery


def whole_messages(gallery: GalleryContent) -> Iterator[GalleryMessage]:
    """The messages that load a whole gallery, in order."""
    hashes = tuple(gallery.hashes)
    templates = iter(gallery.templates)
    part = tuple(islice(templates, PART_TEMPLATES))
    following = tuple(islice(templates, PART_TEMPLATES))
    if not following:
        yield LoadGallery(
            gallery.change, gallery.model, part, hashes, gallery.chance_matches_per_face
        )
        return
    yield BeginGallery(gallery.change, gallery.model, gallery.chance_matches_per_face)
    checksum, number = GalleryChecksum(), 0
    while part:
        checksum.add(part)
        yield GalleryPart(number, part)
        part, following = following, tuple(islice(templates, PART_TEMPLATES))
        number += 1
    yield FinishGallery(checksum.count, checksum.value(), hashes)


def change_messages(difference: GalleryDifference) -> Iterator[ChangeGallery]:
    """The messages that lead from one gallery to the next, in order; one at least.

    Before the last one, the examiner has more than before and still the old number.
    """
    each = difference
    starts = range(0, max(1, len(each.added)), PART_TEMPLATES)
    there = each.templates - len(each.added)
    for start in starts:
        part = tuple(each.added[start : start + PART_TEMPLATES])
        there += len(part)
        last = start == starts[-1]
        yield ChangeGallery(
            change_from=each.change_from,
            change=each.change if last else each.change_from,
            model=each.model,
            added=part,
            removed=tuple(each.removed) if start == 0 else (),
            templates=there,
            hashes=tuple(each.hashes) if last and each.hashes is not None else None,
            chance_matches_per_face=each.chance_matches_per_face,
        )


class AskGallery(Protocol):
    """Sends one message and gives the answer, which must be of this kind."""

    def __call__(self, message: GalleryMessage | ChangeGallery, kind: type[Taken]) -> Taken:
        """Raises what the examiner says against it."""
        ...


def send_messages(
    messages: Iterable[GalleryMessage | ChangeGallery], ask: AskGallery
) -> GalleryLoaded:
    """Send a gallery or a difference, in order; the last answer says what is loaded."""
    loaded: GalleryLoaded | None = None
    for message in messages:
        if isinstance(message, BeginGallery | GalleryPart):
            ask(message, GalleryPartTaken)
        else:
            loaded = ask(message, GalleryLoaded)
    if loaded is None:
        raise WireError("a gallery was sent without its end")
    return loaded
