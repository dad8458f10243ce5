"""Faces of successive frames that are one face become one probe: a track.

1. A face belongs to the track that it is most like among those seen just before: so like that
   hardly anybody else is, or at nearly the same place and not unlike.
2. A track that was not seen any more ends. The same face later is another track: appearances are
   linked, people are not (design rule 1).
3. Of each track the best views are kept, in private buffers, and the crop and place of the best.
4. In the end each track is one probe: the mean of its views, weighted by how well they show a face,
   and a little shorter, so that chance does what it does with one face. So a face that is shown for
   a minute is compared once, and chance has one chance with it.

`FaceTracks` lives inside one call, as probes do; leaving its `with` block overwrites everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np

from indexer.faces.calibration import Calibration
from indexer.faces.errors import ProbeGuardedError
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.probe import ProbeFace, ProbeFaces, _Guarded, _lend
from indexer.faces.session import Floats
from indexer.media.picture import Pixels
from indexer.observations import Box, ModelStamp

MAX_TRACKS: Final = 256
"""A medium with more appearances is a crowd or a trick; those that come first are kept."""
VIEWS_KEPT: Final = 8
ENOUGH_VIEWS: Final = 6
"""So many views of a face are enough: more looks at it bring little."""
WEIGHT_POWER: Final = 4
"""Of weights in the mean. At a false-match rate of 1e-4 this finds 87 in 100 of tracks of bad
views, the mean alone 81, the best view alone 79 (300 people of LFW, eight photos made small and
blurred); powers from 2 to 6 differ by less than chance."""
SHORTER_BY: Final = 0.04
SHORTER_FROM_VIEWS: Final = 4
"""Means are less noisy, and so nearer to strangers, too: at 0.4132, which one face in 10,000
reaches by chance, 2.3 tracks of different photos do, and 1.2 of views of one photo (510,000 pairs).
Made so much shorter, from four views on, no more do than single faces of good photos."""
SAME_FACE_FMR: Final = 1e-3
LIKELY_FACE_FMR: Final = 0.05
"""How like faces of successive frames are: nobody else is, or at the same place few others are."""
NEAR_OVERLAP: Final = 0.3
NEAR_MS: Final = 1_500
"""So long a face stays about where it was."""
GONE_AFTER_MS: Final = 2_500
GONE_AFTER_LOOKS: Final = 2
"""A track ends when it was not seen for so long, and in so many looks: both."""
_UNSAID_STEP_MS: Final = 100
_CROP_SHAPE: Final = (112, 112, 3)
_CROP_BYTES: Final = 112 * 112 * 3


@dataclass(frozen=True, slots=True)
class FrameMoment:
    """A frame that was looked at: its number in the medium and its time, where that is known."""

    frame_index: int
    at_ms: int | None = None

    @property
    def clock_ms(self) -> int:
        """A time to go by, known or not."""
        return self.frame_index * _UNSAID_STEP_MS if self.at_ms is None else self.at_ms


@dataclass(frozen=True, slots=True)
class Appearance:
    """When one face was seen: in `frames` of those looked at, from `first` to `last`; in `best` it
    is seen best.
    """

    first: FrameMoment
    last: FrameMoment
    best: FrameMoment
    frames: int


@dataclass(frozen=True, slots=True)
class _View:
    """One face of one frame, lent."""

    vector: Floats
    crop: Pixels
    box: Box
    weight: float


class _Track(_Guarded):
    """One face, seen in one or more frames."""

    __slots__ = (
        "__best_box",
        "__buffer",
        "__dimension",
        "__weights",
        "best",
        "first",
        "frames",
        "last",
        "last_box",
        "look",
    )

    def __init__(self, view: _View, frame: FrameMoment, look: int) -> None:
        self.__dimension = view.vector.shape[0]
        # The views that are kept, the last one, and the crop of the best.
        floats = (VIEWS_KEPT + 1) * self.__dimension
        self.__buffer = PrivateBuffer(floats * 4 + _CROP_BYTES)
        self.__weights: list[float] = []
        self.first = self.last = self.best = frame
        self.frames = 0
        self.take(view, frame, look)

    def take(self, view: _View, frame: FrameMoment, look: int) -> None:
        """One more view of it."""
        vectors = self.__vectors()
        if not self.__weights or view.weight > max(self.__weights):
            self.best, self.__best_box = frame, view.box
            self.__crop()[...] = view.crop
        if len(self.__weights) < VIEWS_KEPT:
            place = len(self.__weights)
            self.__weights.append(view.weight)
            vectors[place] = view.vector
        elif view.weight > min(self.__weights):
            place = self.__weights.index(min(self.__weights))
            self.__weights[place] = view.weight
            vectors[place] = view.vector
        vectors[VIEWS_KEPT] = view.vector
        self.last, self.last_box, self.look = frame, view.box, look
        self.frames += 1

    def likeness(self, vectors: Floats) -> Floats:
        """Cosines (n,) of faces (n, dimension) with its last view, or all together if higher."""
        with self.__together() as whole:
            likeness: Floats = np.maximum(vectors @ self.__vectors()[VIEWS_KEPT], vectors @ whole)
            return likeness

    def fused(self) -> ProbeFace:
        """One face of all views that are kept."""
        more_views = min(len(self.__weights), SHORTER_FROM_VIEWS) - 1
        with self.__together() as whole:
            np.multiply(whole, 1 - SHORTER_BY * more_views / (SHORTER_FROM_VIEWS - 1), out=whole)
            return ProbeFace(whole, self.__crop(), self.__best_box, max(self.__weights))

    @contextmanager
    def __together(self) -> Iterator[Floats]:
        """The mean of its views (dimension,), of unit length, in a buffer that is wiped after."""
        buffer = PrivateBuffer(self.__dimension * 4)
        try:
            whole = buffer.floats((self.__dimension,))
            weights = np.array(self.__weights, np.float32) / max(*self.__weights, 1e-12)
            np.dot(weights**WEIGHT_POWER, self.__vectors()[: len(weights)], out=whole)
            whole /= max(float(np.linalg.norm(whole)), 1e-12)
            yield whole
        finally:
            buffer.wipe()

    def overwrite(self) -> None:
        """Nothing of the face is left."""
        self.__buffer.wipe()
        self.__best_box = self.last_box = Box(0, 0, 0, 0)

    def __vectors(self) -> Floats:
        return self.__buffer.floats((VIEWS_KEPT + 1, self.__dimension))

    def __crop(self) -> Pixels:
        before = (VIEWS_KEPT + 1) * self.__dimension * 4
        return self.__buffer.octets((before + _CROP_BYTES,))[before:].reshape(_CROP_SHAPE)


class FaceTracks(_Guarded):
    """The faces of one medium, frame after frame. Nothing of them can be had before `done`."""

    __slots__ = ("__closed", "__likely", "__look", "__model", "__open", "__same", "left_out")

    def __init__(self, model: ModelStamp, calibration: Calibration) -> None:
        """`calibration` is the model's: it says how like two faces of one person are."""
        self.__model = model
        self.__same = calibration.similarity_at(SAME_FACE_FMR)
        self.__likely = min(self.__same, calibration.similarity_at(LIKELY_FACE_FMR))
        self.__open: list[_Track] = []
        self.__closed: list[_Track] = []
        self.__look = 0
        self.left_out = 0
        """Faces of frames that were left out, because there were too many tracks already."""

    def __init_subclass__(cls) -> None:
        raise ProbeGuardedError("FaceTracks cannot be extended")

    def __len__(self) -> int:
        return len(self.__open) + len(self.__closed)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.overwrite()

    @property
    def wants_more(self) -> bool:
        """Whether a face of the last frame has not been seen often enough."""
        return any(
            track.look == self.__look and track.frames < ENOUGH_VIEWS for track in self.__open
        )

    def add(self, faces: ProbeFaces, frame: FrameMoment) -> None:
        """The faces of the next frame, none too. They are overwritten."""
        self.__look += 1
        self.__close(frame)
        if not faces:
            return
        with _lend((faces,)) as lent:
            views = [
                _View(vector, crop, box, weight)
                for vector, crop, box, weight in zip(
                    lent.vectors, lent.crops, lent.boxes, lent.weights, strict=True
                )
            ]
            linked = self.__linked(lent.vectors, views, frame)
            for place, view in enumerate(views):
                if place in linked:
                    linked[place].take(view, frame, self.__look)
                elif len(self) < MAX_TRACKS:
                    self.__open.append(_Track(view, frame, self.__look))
                else:
                    self.left_out += 1

    def done(self) -> tuple[tuple[ProbeFaces, Appearance], ...]:
        """Each track as one face for one comparison, in order of appearance; no track is left."""
        made: list[tuple[ProbeFaces, Appearance]] = []
        tracks = sorted([*self.__closed, *self.__open], key=lambda track: track.first.clock_ms)
        try:
            for track in tracks:
                when = Appearance(track.first, track.last, track.best, track.frames)
                made.append((ProbeFaces((track.fused(),), self.__model), when))
        except BaseException:
            for faces, _ in made:
                faces.overwrite()
            raise
        finally:
            self.overwrite()
        return tuple(made)

    def overwrite(self) -> None:
        """Overwrite every track; it may begin again."""
        for track in (*self.__open, *self.__closed):
            track.overwrite()
        self.__open, self.__closed = [], []
        self.__look = 0
        self.left_out = 0

    def __close(self, frame: FrameMoment) -> None:
        """End those that were not seen any more before this frame."""
        still: list[_Track] = []
        for track in self.__open:
            missed = self.__look - 1 - track.look
            gone_ms = frame.clock_ms - track.last.clock_ms
            is_gone = missed >= GONE_AFTER_LOOKS and gone_ms > GONE_AFTER_MS
            (self.__closed if is_gone else still).append(track)
        self.__open = still

    def __linked(
        self, vectors: Floats, views: Sequence[_View], frame: FrameMoment
    ) -> dict[int, _Track]:
        """Which track each face belongs to, surest pairs first; each face and track once."""
        pairs: list[tuple[float, int, int]] = []
        for number, track in enumerate(self.__open):
            is_near_in_time = frame.clock_ms - track.last.clock_ms <= NEAR_MS
            for place, likeness in enumerate(track.likeness(vectors).tolist()):
                shared = overlap(views[place].box, track.last_box) if is_near_in_time else 0.0
                is_near = shared >= NEAR_OVERLAP
                if likeness >= self.__same or (is_near and likeness >= self.__likely):
                    pairs.append((likeness + shared, place, number))
        linked: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, place, number in sorted(pairs, reverse=True):
            if place not in linked and number not in taken:
                linked[place] = self.__open[number]
                taken.add(number)
        return linked


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two places."""
    across = min(one.left_px + one.width_px, other.left_px + other.width_px) - max(
        one.left_px, other.left_px
    )
    down = min(one.top_px + one.height_px, other.top_px + other.height_px) - max(
        one.top_px, other.top_px
    )
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    either = one.width_px * one.height_px + other.width_px * other.height_px - both
    return both / either
