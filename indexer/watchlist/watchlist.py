"""The watch-list: templates of enrolled people as an immutable FAISS snapshot, searched by probes.

1. `Watchlist.build` takes templates of one model and change number; nothing is added later.
2. `search` compares the probes of one picture with every template (flat inner product: exact),
   keeps what is above the threshold, the best template of each person for each face, and
   overwrites the probes, whatever happens.
3. Each match says how many chance matches as close one would expect; `restated` says it again for
   a medium of many frames, once all of its faces are counted.
4. `mask` hides a person at once, until the next snapshot is built without them.

Only enrolled people are in it (design rule 1); there is no way to ask it with anything but probes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from indexer.errors import IndexerError
from indexer.faces.align import grey_png
from indexer.faces.calibration import Calibration
from indexer.faces.probe import ProbeFaces, _lend, _Lent
from indexer.faces.session import Floats
from indexer.faces.template import Template
from indexer.faiss_threads import threads_for
from indexer.observations import FaceMatch, ModelStamp
from indexer.watchlist.judging import CHANCE_MATCHES_PER_FACE, Judging
from indexer.watchlist.lookalikes import CLOSE_BEHIND, is_another_close


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
        entries: tuple[WatchedTemplate, ...],
        model: ModelStamp | None,
        calibration: Calibration | None,
        change: int,
        chance_matches_per_face: float = CHANCE_MATCHES_PER_FACE,
    ) -> None:
        """Prefer `build` and `empty`."""
        self.model = model
        self.change = change
        self._calibration = calibration
        self._chance_matches_per_face = chance_matches_per_face
        self._people = tuple(entry.person_ref for entry in entries)
        self._templates_of = Counter(self._people)
        self._masked: frozenset[str] = frozenset()
        self._mask_turn = threading.Lock()
        self._index = _index_of(entries)

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
        entries = tuple(templates)
        for entry in entries:
            if entry.template.model != model:
                raise MixedModelsError(
                    f"the template {entry.template_ref!r} was made by another model "
                    f"({entry.template.model.pack}); build it again from the reference photo"
                )
        return cls(entries, model, calibration, change, chance_matches_per_face)

    @classmethod
    def empty(cls, change: int = 0) -> Watchlist:
        """Nobody's face is looked for: face matching is off."""
        return cls((), None, None, change)

    def __len__(self) -> int:
        return len(self._people)

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
        try:
            if self.model is not None and probes.model != self.model:
                raise MixedModelsError(
                    f"these faces were seen by {probes.model.pack}, the watch-list was made by "
                    f"{self.model.pack}; build the watch-list with the model in use"
                )
            with _lend(probes) as lent:
                found = self._compare(lent, frame_index, only_person)
            return self.restated(found, len(probes), only_person)
        finally:
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
            return 0 if only_person in masked else self._templates_of[only_person]
        return len(self._people) - sum(self._templates_of[person] for person in masked)

    def _compare(self, lent: _Lent, frame_index: int, only_person: str | None) -> list[FaceMatch]:
        if not self._people or not lent.boxes:
            return []
        threshold = self.threshold(only_person)
        best = self._closest(lent.vectors, threshold, only_person)
        rivals = self._rivals(lent, threshold, best, only_person)
        return [
            FaceMatch(
                person_ref=person,
                similarity=similarity,
                threshold=threshold,
                expected_chance_matches=1.0,
                band="weak",
                box=lent.boxes[face],
                frame_index=frame_index,
                face_crop_png=grey_png(lent.crops[face]),
                cautions=("another_person_close",) if (face, person) in rivals else (),
            )
            for (face, person), similarity in sorted(best.items(), key=lambda item: -item[1])
        ]

    def _closest(
        self, vectors: Floats, least: float, only_person: str | None
    ) -> dict[tuple[int, str], float]:
        """For each face and person at least this similar: the similarity of the best template."""
        # FAISS answers inner products above the radius; ours are from the least on.
        radius = float(np.nextafter(np.float32(least), np.float32(-1)))
        with threads_for(vectors.nbytes * len(self._people)):
            starts, similarities, rows = self._index.range_search(vectors, radius)
        best: dict[tuple[int, str], float] = {}
        for face in range(len(vectors)):
            for at in range(int(starts[face]), int(starts[face + 1])):
                person = self._people[int(rows[at])]
                if only_person in {None, person}:
                    similarity = min(1.0, float(similarities[at]))
                    best[face, person] = max(similarity, best.get((face, person), -1.0))
        return best

    def _rivals(
        self,
        lent: _Lent,
        threshold: float,
        best: dict[tuple[int, str], float],
        only_person: str | None,
    ) -> frozenset[tuple[int, str]]:
        """Matches (face, person) with another enrolled person close behind.

        Only faces that matched are looked up once more, further down. People who are masked are
        nobody; and when one case alone is asked about, nothing is said of anybody else.
        """
        hits = sorted({face for face, _ in best})
        if not hits or only_person is not None:
            return frozenset()
        again = lent.vectors[hits]
        try:
            near = self._closest(again, threshold - CLOSE_BEHIND, None)
        finally:
            again.fill(0)
        masked = self._masked
        of_face: dict[int, dict[str, float]] = {}
        for (at, person), similarity in near.items():
            if person not in masked:
                of_face.setdefault(hits[at], {})[person] = similarity
        return frozenset(
            (face, person)
            for face, person in best
            if person in of_face.get(face, {}) and is_another_close(person, of_face[face])
        )


def _index_of(entries: tuple[WatchedTemplate, ...]) -> faiss.IndexFlatIP:
    dimension = entries[0].template.vector.shape[0] if entries else 1
    index = faiss.IndexFlatIP(dimension)
    if entries:
        vectors: Floats = np.stack([entry.template.vector for entry in entries])
        index.add(np.ascontiguousarray(vectors, np.float32))
        vectors.fill(0)
    return index
