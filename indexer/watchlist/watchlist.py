"""The watch-list: templates of enrolled people as an immutable snapshot, searched by probes.

1. `Watchlist.build` takes templates of one model and change number; `changed` gives the next
   snapshot from what was added and removed since, and shares all else (`gallery.py`).
2. `search` compares the probes of one picture, `search_many` those of several, with every template,
   exactly; it keeps what is above the threshold, the best template of each person for each face,
   and overwrites the probes, whatever happens.
3. Each match says how many chance matches as close one would expect; `restated` says it again for
   a medium of many frames, once all of its faces are counted.
4. `mask` hides a person at once, until the next snapshot is made.

Only enrolled people are in it (design rule 1); there is no way to ask it with anything but probes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from indexer.errors import IndexerError
from indexer.faces.align import grey_png
from indexer.faces.calibration import Calibration
from indexer.faces.probe import ProbeFaces, _lend, _Lent
from indexer.faces.session import Floats
from indexer.faces.template import Template
from indexer.observations import FaceMatch, ModelStamp
from indexer.watchlist.block import GalleryInputError, NewRows
from indexer.watchlist.comparing import Hit
from indexer.watchlist.gallery import Gallery, GalleryBuilder
from indexer.watchlist.judging import CHANCE_MATCHES_PER_FACE, Judging
from indexer.watchlist.lookalikes import CLOSE_BEHIND, is_another_close

MAX_THREADS: Final = 4
_TAKEN_AT_ONCE: Final = 4096

_Closest = dict[tuple[int, str], float]
"""For each face and person: the similarity of the best template."""


class MixedModelsError(IndexerError):
    """Templates or probes of different models met: they are never compared (design rule 14)."""

    code = "mixed_models"


@dataclass(frozen=True, slots=True)
class WatchedTemplate:
    """One enrolled template and whose it is. References are opaque here."""

    person_ref: str
    template_ref: str
    template: Template


class Watchlist:
    """An immutable snapshot of the gallery of one model."""

    def __init__(
        self,
        gallery: Gallery | None,
        model: ModelStamp | None,
        calibration: Calibration | None,
        change: int,
        chance_matches_per_face: float = CHANCE_MATCHES_PER_FACE,
    ) -> None:
        """Prefer `build` and `empty`."""
        self.model = model
        self.change = change
        self._gallery = gallery
        self._calibration = calibration
        self._chance_matches_per_face = chance_matches_per_face
        self._counts: dict[str, int] = {}
        self._masked: frozenset[str] = frozenset()
        self._mask_turn = threading.Lock()

    @classmethod
    def build(
        cls,
        templates: Iterable[WatchedTemplate],
        *,
        model: ModelStamp,
        calibration: Calibration,
        change: int = 0,
        chance_matches_per_face: float = CHANCE_MATCHES_PER_FACE,
    ) -> Watchlist:
        """A snapshot of these templates at this change number; none is fine.

        `calibration` is the pack's (`engine.pack.calibration`); `chance_matches_per_face` what is
        bearable of the expected chance matches, for each face looked at. Raises
        `MixedModelsError` when a template was made by another model than `model`.
        """
        builder = WatchlistBuilder(model, calibration, chance_matches_per_face)
        builder.add(templates)
        return builder.done(change)

    @classmethod
    def empty(cls, change: int = 0) -> Watchlist:
        """Nobody's face is looked for: face matching is off."""
        return cls(None, None, None, change)

    def changed(
        self,
        added: Iterable[WatchedTemplate],
        removed_template_refs: Collection[str],
        change: int,
        *,
        chance_matches_per_face: float | None = None,
    ) -> Watchlist:
        """The next snapshot: without the removed templates, with those added; nobody is masked.

        What is removed is overwritten in memory before this returns, also for this snapshot; all
        else is shared with it. A template added under a ref that is there replaces it. Raises
        `MixedModelsError`, also when face matching is off, and nothing has changed then.
        """
        if self.model is None or self._calibration is None:
            raise MixedModelsError("face matching is off: there is no model for these templates")
        chance = (
            self._chance_matches_per_face
            if chance_matches_per_face is None
            else chance_matches_per_face
        )
        entries = tuple(_of_model(added, self.model))
        if self._gallery is None:
            return Watchlist.build(
                entries,
                model=self.model,
                calibration=self._calibration,
                change=change,
                chance_matches_per_face=chance,
            )
        rows = _rows(entries) if entries else None
        try:
            gallery = self._gallery.changed(rows, removed_template_refs)
        finally:
            if rows is not None:
                rows.vectors.fill(0)
        return Watchlist(gallery, self.model, self._calibration, change, chance)

    def __len__(self) -> int:
        return len(self._gallery) if self._gallery is not None else 0

    def __repr__(self) -> str:
        return f"<Watchlist of {len(self)} templates at change {self.change}>"

    @property
    def masked(self) -> frozenset[str]:
        """People who are hidden until the next snapshot."""
        return self._masked

    def mask(self, person_ref: str) -> None:
        """Never match this person again: at once, also for a search that is under way."""
        with self._mask_turn:
            self._masked = self._masked | {person_ref}

    def threshold(self, only_person: str | None = None) -> float:
        """The similarity from which on a face is a match, for the gallery that is searched.

        It rises with the number of templates, because each face is compared with every one of
        them, and with the number of faces looked at: see `indexer.watchlist.judging`.
        """
        return self.judging(only_person).threshold

    def search(
        self, probes: ProbeFaces, *, frame_index: int = 0, only_person: str | None = None
    ) -> tuple[FaceMatch, ...]:
        """Who of the enrolled people is in this picture: best first. The probes are overwritten.

        Expected chance matches are for this picture's faces. `only_person` restricts the
        comparison to one verified case. Raises `MixedModelsError`, and `ProbeSpentError` for
        probes that were compared already.
        """
        (found,) = self.search_many(
            (probes,), frame_indexes=(frame_index,), only_person=only_person
        )
        return found

    def search_many(
        self,
        pictures: Sequence[ProbeFaces],
        *,
        frame_indexes: Sequence[int] | None = None,
        only_person: str | None = None,
    ) -> list[tuple[FaceMatch, ...]]:
        """As `search` for each picture, in one comparison: in order, with `frame_indexes` if given.

        Some tens of faces at once cost little more than one of them alone. All probes are
        overwritten, also those after one that was refused.
        """
        try:
            if frame_indexes is not None and len(frame_indexes) != len(pictures):
                raise ValueError("each picture needs its frame's number")
            for probes in pictures:
                if self.model is not None and probes.model != self.model:
                    raise MixedModelsError(
                        f"these faces were seen by {probes.model.pack}, the watch-list was made by "
                        f"{self.model.pack}; build the watch-list with the model in use"
                    )
            indexes = frame_indexes if frame_indexes is not None else [0] * len(pictures)
            places = [place for place, probes in enumerate(pictures) for _ in range(len(probes))]
            with _lend(pictures) as lent:
                frames = [indexes[place] for place in places]
                found = self._compare(lent, frames, only_person)
            matches: list[list[FaceMatch]] = [[] for _ in pictures]
            for face, match in found:
                matches[places[face]].append(match)
            return [
                self.restated(of_picture, len(probes), only_person)
                for of_picture, probes in zip(matches, pictures, strict=True)
            ]
        finally:
            for probes in pictures:
                probes.overwrite()

    def restated(
        self, matches: Sequence[FaceMatch], faces_in_medium: int, only_person: str | None = None
    ) -> tuple[FaceMatch, ...]:
        """The same matches, with what chance would do among all faces of the medium.

        People masked in the meantime are left out.
        """
        return self.judging(only_person).restated(matches, faces_in_medium, self._masked)

    def judging(self, only_person: str | None = None) -> Judging:
        """Who judges a search. One case alone is asked about few media: the default bears that."""
        if only_person is not None:
            return Judging(self._calibration, self._size(only_person))
        return Judging(self._calibration, self._size(None), self._chance_matches_per_face)

    def _size(self, only_person: str | None) -> int:
        masked = self._masked
        if only_person is not None:
            return 0 if only_person in masked else self._count_of(only_person)
        return len(self) - sum(self._count_of(person) for person in masked)

    def _count_of(self, person_ref: str) -> int:
        if self._gallery is None:
            return 0
        if person_ref not in self._counts:
            self._counts[person_ref] = self._gallery.count_of(person_ref)
        return self._counts[person_ref]

    def _compare(
        self, lent: _Lent, frames: Sequence[int], only_person: str | None
    ) -> list[tuple[int, FaceMatch]]:
        """(face, match) of all faces, best first."""
        if self._gallery is None or not lent.boxes:
            return []
        threshold = self.threshold(only_person)
        best = _closest(self._gallery.search(lent.vectors, threshold, only_person=only_person))
        rivals = self._rivals(self._gallery, lent.vectors, threshold, best, only_person)
        # Some faces match several people: their crop is encoded once.
        crops = {face: grey_png(lent.crops[face]) for face in {face for face, _ in best}}
        found = []
        for (face, person), similarity in sorted(best.items(), key=lambda item: -item[1]):
            match = FaceMatch(
                person_ref=person,
                similarity=similarity,
                threshold=threshold,
                expected_chance_matches=1.0,
                band="weak",
                box=lent.boxes[face],
                frame_index=frames[face],
                face_crop_png=crops[face],
                quality=lent.weights[face],
                cautions=("another_person_close",) if (face, person) in rivals else (),
            )
            found.append((face, match))
        return found

    def _rivals(
        self,
        gallery: Gallery,
        vectors: Floats,
        threshold: float,
        best: _Closest,
        only_person: str | None,
    ) -> frozenset[tuple[int, str]]:
        """Matches (face, person) with another enrolled person close behind.

        People who are masked are nobody; and when one case alone is asked about, nothing is said of
        anybody else. A face is looked up once more, further down, only where that can tell: its
        one match is so near the threshold that somebody close behind would be below it.
        """
        if only_person is not None:
            return frozenset()
        masked = self._masked
        of_face: dict[int, dict[str, float]] = {}
        for (face, person), similarity in best.items():
            if person not in masked:
                of_face.setdefault(face, {})[person] = similarity
        # A little further down: similarities are rounded, and judged by `is_another_close`.
        least = {
            face: similarity - CLOSE_BEHIND - 1e-4
            for face, people in of_face.items()
            for similarity in people.values()
            if len(people) == 1 and similarity - CLOSE_BEHIND < threshold
        }
        if least:
            faces = sorted(least)
            again = vectors[faces]
            try:
                near = gallery.search(again, np.array([least[face] for face in faces]))
            finally:
                again.fill(0)
            for (at, person), similarity in _closest(near).items():
                if person not in masked:
                    of_face[faces[at]].setdefault(person, similarity)
        return frozenset(
            (face, person)
            for face, people in of_face.items()
            for person in people
            if (face, person) in best and is_another_close(person, people)
        )


class WatchlistBuilder:
    """Takes templates in part by part, for a watch-list larger than what is sent at once."""

    def __init__(
        self,
        model: ModelStamp,
        calibration: Calibration,
        chance_matches_per_face: float = CHANCE_MATCHES_PER_FACE,
    ) -> None:
        """As `Watchlist.build`."""
        self._model = model
        self._calibration = calibration
        self._chance_matches_per_face = chance_matches_per_face
        self._gallery: GalleryBuilder | None = None

    def __len__(self) -> int:
        return len(self._gallery) if self._gallery is not None else 0

    def add(self, templates: Iterable[WatchedTemplate]) -> None:
        """Take these in. Raises `MixedModelsError` when one was made by another model, and
        `GalleryInputError` when one is of another length: nothing can be built then.
        """
        entries = _of_model(templates, self._model)
        while some := tuple(islice(entries, _TAKEN_AT_ONCE)):
            rows = _rows(some)
            if self._gallery is None:
                self._gallery = GalleryBuilder(rows.vectors.shape[1], threads=_threads())
            self._gallery.add(rows)
            rows.vectors.fill(0)

    def done(self, change: int) -> Watchlist:
        """The watch-list at this change number."""
        gallery = self._gallery.done() if self._gallery is not None else None
        return Watchlist(
            gallery, self._model, self._calibration, change, self._chance_matches_per_face
        )


def _closest(hits: Iterable[Hit]) -> _Closest:
    best: _Closest = {}
    for hit in hits:
        place = (hit.face, hit.person_ref)
        best[place] = max(hit.similarity, best.get(place, -1.0))
    return best


def _of_model(templates: Iterable[WatchedTemplate], model: ModelStamp) -> Iterator[WatchedTemplate]:
    for entry in templates:
        if entry.template.model != model:
            raise MixedModelsError(
                f"the template {entry.template_ref!r} was made by another model "
                f"({entry.template.model.pack}); build it again from the reference photo"
            )
        yield entry


def _rows(entries: Sequence[WatchedTemplate]) -> NewRows:
    """A copy of their vectors: whoever asked for it overwrites it."""
    dimensions = {entry.template.vector.shape for entry in entries}
    if len(dimensions) != 1:
        raise GalleryInputError("templates of one model have vectors of one length")
    return NewRows(
        [entry.person_ref for entry in entries],
        [entry.template_ref for entry in entries],
        np.stack([entry.template.vector for entry in entries]).astype(np.float32, copy=False),
    )


def _threads() -> int:
    return min(MAX_THREADS, len(os.sched_getaffinity(0)))
