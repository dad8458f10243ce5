"""Settles what is a face the right way up: at which roll, from 0 to 360 degrees, and where exactly.

Detectors learned upright faces. They also answer at turned ones, but then they see the landmarks
of an upright face where there is none: at 30 degrees they are off, and one that is upside down gets
eyes where its mouth is. So:

1. The picture was looked at from four sides. What overlaps is one place, seen best from one side.
2. The orientation network says of each place how it is rolled. What the detector saw the right way
   up stays as it was found.
3. Any other that may be a face is cut out, turned upright by that roll, and looked at again; where
   the network is not sure, also by its second thought and by what the detector's landmarks show,
   and from all round when none of these convinces.
4. Its landmarks say how far it is still off, and it is looked at once more if that is much.
5. It is a face if it then scores enough and has the landmarks of one. If it does not, what scored
   as an upright face stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from indexer.faces.cut_out import in_picture
from indexer.faces.found import Seen, apart, distinct, nothing, together
from indexer.faces.landmarks import misfit, roll_degrees
from indexer.faces.levels import Levels
from indexer.faces.orientation import OrientationNetwork, Orientations
from indexer.faces.session import Floats
from indexer.media.picture import Pixels

MAX_PLACES: Final = 64
MAX_FACES: Final = 256
"""A picture with more is a crowd or a trick; the best ones are kept."""
SIDE_PX: Final = 160
SHARE: Final = 2.2
"""A cut-out's side in sides of the face: it shows a face of 73 pixels, with room for being off."""
LIKELY_FACE: Final = -0.5
MAYBE_FACE: Final = -2.0
"""Log odds from which a place is looked at again: one that is turned, and one that is upright."""
_SMALL_PX: Final = 32.0
"""A face that is smaller in a picture that was decoded smaller is looked at in full size."""
_UPRIGHT_RATHER: Final = 0.1
_STRAIGHT_DEGREES: Final = 12.0
_UPRIGHT_DEGREES: Final = 35.0
_SURE: Final = 0.8
_AGAINST_DEGREES: Final = 60.0
_APART_DEGREES: Final = 20.0
_CONVINCING: Final = 0.9
_SURELY_FACE: Final = 5.0
_ALL_ROUND: Final = tuple(45.0 * step for step in range(8))
_STILL_CROOKED_DEGREES: Final = 9.0
_WORSE_BY: Final = 0.1
_LEAST_SCORE: Final = 0.3
_MISFIT_COSTS: Final = 0.02
_MOST_MISFIT: Final = 14.0
"""Of faces in profile it is 8."""
_OFF_CENTRE: Final = 0.2
_SMALLEST, _LARGEST = 0.2, 0.95

LookAt = Callable[[Sequence[Pixels]], list[Seen]]
"""Cut-outs of (SIDE_PX, SIDE_PX, 3) RGB -> what is seen in each, in its own pixels."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where faces may be. `shown_at` (n,): the roll in degrees at which the detector took each for
    an upright face: 0, or 90 for each quarter by which the picture was turned against the clock.
    """

    seen: Seen
    shown_at: Floats

    def beside(self, boxes_px: Floats) -> Places:
        """Those that are not where one of `boxes_px` (n, 4) is."""
        beside = ~_shares_a_middle(self.seen.boxes_px, boxes_px)
        return Places(self.seen.only(beside), self.shown_at[beside])


@dataclass(frozen=True, slots=True)
class Demands:
    """What a detector's scores mean.

    `upright`: least score of an upright face; `again`: of one that had less, looked at again;
    `turned`: of any other, because things look like a face from some side more often than from one;
    `hint`: of what may turn out to be a small face in a larger look;
    `turned_for_each_seen`: landmarks lean towards an upright face's: how much turn one degree of
    theirs means.
    """

    upright: float
    again: float
    turned: float
    hint: float
    turned_for_each_seen: float


def places_of(from_sides: Sequence[Seen], demands: Demands) -> Places:
    """One place for each face, out of looks at the picture turned by 0, 1, 2, ... quarters.

    What scores as an upright face goes first: nothing seen from another side takes its place.
    """
    each = [distinct(seen, MAX_PLACES) for seen in from_sides]
    seen = together(each)
    sides = np.arange(0, 90 * len(each), 90, dtype=np.float32)
    shown_at = np.repeat(sides, [len(of_side) for of_side in each])
    first = (shown_at == 0) & (seen.scores >= demands.upright)
    order = np.lexsort((-seen.scores - _UPRIGHT_RATHER * (shown_at == 0), ~first))
    which = apart(seen.boxes_px, order, MAX_PLACES)
    return Places(seen.only(which), shown_at[which])


@dataclass(frozen=True, slots=True)
class _View:
    """A face as it looked in a cut-out that was turned by `degrees` against the clock."""

    degrees: float
    seen: Seen
    to_cut_out: Floats
    misfit: float

    @property
    def score(self) -> float:
        return float(self.seen.scores[0])

    @property
    def roll_degrees(self) -> float:
        return _about_zero(self.degrees)

    @property
    def worth(self) -> float:
        return self.score - _MISFIT_COSTS * self.misfit


def settle(
    picture: Levels,
    places: Places,
    orientation: OrientationNetwork,
    look: LookAt,
    demands: Demands,
) -> Seen:
    """The faces at these places, with the landmarks that they have the right way up."""
    if not len(places.seen):
        return nothing()
    thought = orientation.look(picture, places.seen.boxes_px)
    off = np.abs(_about_zero(thought.roll_degrees - places.shown_at))
    scores, as_upright = places.seen.scores, places.shown_at == 0
    as_upright &= scores >= demands.upright
    least = np.where((places.shown_at == 0) & (off < _UPRIGHT_DEGREES), MAYBE_FACE, LIKELY_FACE)
    likely = thought.faces >= least
    stays = as_upright | (likely & (scores >= demands.turned))
    stays &= off < _STRAIGHT_DEGREES
    again = np.flatnonzero(~stays & (likely | (scores >= demands.upright))).tolist()
    views = _best_views(picture, places, again, thought, look, demands)
    settled = [places.seen.only(stays)]
    doubtful: list[int] = []
    for at in again:
        view = views.get(at)
        as_found = places.seen.only(np.array([at])) if as_upright[at] else None
        sure = bool(thought.sureness[at] >= _SURE)
        if (
            view is not None
            and _is_face(view, as_found is not None, demands)
            and _is_better(view, as_found, sure)
        ):
            settled.append(in_picture(view.seen, view.to_cut_out))
        elif as_found is not None:
            doubtful.append(at)
    faces = together(settled)
    by_score = np.argsort(-faces.scores, kind="stable")
    faces = faces.only(apart(faces.boxes_px, by_score, MAX_FACES))
    left = places.seen.only(np.array(doubtful, np.intp))
    faces = together([faces, left.only(~_shares_a_middle(left.boxes_px, faces.boxes_px))])
    return faces.only(np.argsort(-faces.scores, kind="stable")[:MAX_FACES])


def _best_views(
    picture: Levels,
    places: Places,
    again: Sequence[int],
    thought: Orientations,
    look: LookAt,
    demands: Demands,
) -> dict[int, _View]:
    """Each turned upright by what is thought, then by what its own landmarks show then."""
    against = np.abs(_about_zero(thought.roll_degrees - places.shown_at)) > _AGAINST_DEGREES
    scores = places.seen.scores
    against &= scores >= demands.upright
    unsure = [at for at in again if thought.sureness[at] < _SURE or against[at]]
    asked = [(at, float(thought.roll_degrees[at])) for at in again]
    for at in unsure:
        first, other = float(thought.roll_degrees[at]), float(thought.other_roll_degrees[at])
        shown = _shown_roll(places, at, demands)
        if abs(_about_zero(shown - first)) > _APART_DEGREES:
            asked.append((at, shown))
        if scores[at] >= demands.upright and abs(_about_zero(shown - other)) > _APART_DEGREES:
            asked.append((at, other))
    best: dict[int, _View] = {}

    def take_better(asked: Sequence[tuple[int, float]], at_most_worse: float) -> None:
        for (at, _), view in zip(asked, _views(picture, asked, thought, look), strict=True):
            if view is None:
                continue
            better = at not in best or view.worth > best[at].worth
            if better or view.score >= best[at].score - at_most_worse:
                best[at] = view

    take_better(asked, -1.0)
    doubtful = [
        at
        for at in unsure
        if (at not in best or best[at].score < _CONVINCING)
        and thought.faces[at] >= (0 if scores[at] >= demands.upright else _SURELY_FACE)
    ]
    take_better([(at, degrees) for at in doubtful for degrees in _ALL_ROUND], -1.0)
    crooked = []
    for at, view in best.items():
        still = demands.turned_for_each_seen * roll_degrees(view.seen.landmarks_px[0])
        if abs(still) >= _STILL_CROOKED_DEGREES:
            crooked.append((at, view.degrees + still))
    take_better(crooked, _WORSE_BY)
    return best


def _shown_roll(places: Places, at: int, demands: Demands) -> float:
    """How a face is rolled by the side that it was seen from, and by its landmarks there."""
    side = float(places.shown_at[at])
    shown = float(_about_zero(roll_degrees(places.seen.landmarks_px[at]) - side))
    return side + demands.turned_for_each_seen * shown


def _views(
    picture: Levels, asked: Sequence[tuple[int, float]], thought: Orientations, look: LookAt
) -> list[_View | None]:
    """Each place turned by so many degrees, as the detector sees it; None where it sees no face."""
    if not asked:
        return []
    cuts = [
        picture.cut_out(
            thought.middles_px[at],
            SHARE * float(thought.sides_px[at]),
            degrees,
            SIDE_PX,
            in_full_size=bool(thought.sides_px[at] < _SMALL_PX),
        )
        for at, degrees in asked
    ]
    views: list[_View | None] = []
    for (_, degrees), (_, to_cut_out), seen in zip(
        asked, cuts, look([cut for cut, _ in cuts]), strict=True
    ):
        face = distinct(_central(seen), 1)
        off = misfit(face.landmarks_px[0]) if len(face) else 0.0
        views.append(_View(degrees, face, to_cut_out, off) if len(face) else None)
    for cut, _ in cuts:
        cut.fill(0)
    return views


def _central(seen: Seen) -> Seen:
    middles = seen.boxes_px[:, :2] + seen.boxes_px[:, 2:] / 2
    heights = seen.boxes_px[:, 3]
    return seen.only(
        (np.abs(middles - SIDE_PX / 2).max(axis=1, initial=0) <= _OFF_CENTRE * SIDE_PX)
        & (heights >= _SMALLEST * SIDE_PX)
        & (heights <= _LARGEST * SIDE_PX)
        & (seen.scores >= _LEAST_SCORE)
    )


def _is_face(view: _View, found_upright: bool, demands: Demands) -> bool:
    least = demands.upright if found_upright else demands.again
    if abs(view.roll_degrees) >= _UPRIGHT_DEGREES:
        least = demands.turned
    return view.score >= least and view.misfit < _MOST_MISFIT


def _is_better(view: _View, as_found: Seen | None, sure: bool) -> bool:
    """Whether a face looks better turned than as it was found. Turned by a little it need not: the
    landmarks then lean to where there are none.
    """
    if as_found is None or abs(view.roll_degrees) < _UPRIGHT_DEGREES:
        return True
    score = float(as_found.scores[0])
    if sure and view.score >= score:
        return True
    return view.worth > score - _MISFIT_COSTS * misfit(as_found.landmarks_px[0])


def _shares_a_middle(boxes_px: Floats, others_px: Floats) -> NDArray[np.bool_]:
    """Which of `boxes_px` (n, 4) have their middle in one of the others, or the middle of one in
    them: a face that is upside down may look like an upright one that begins at its nose.
    """
    mine, theirs = (boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (boxes_px, others_px))
    apart_by = np.abs(mine[:, None] - theirs[None])
    in_theirs = np.all(apart_by < others_px[None, :, 2:] / 2, axis=2)
    in_mine = np.all(apart_by < boxes_px[:, None, 2:] / 2, axis=2)
    return np.asarray(np.any(in_theirs | in_mine, axis=1), np.bool_)


@overload
def _about_zero(degrees: float) -> float: ...
@overload
def _about_zero(degrees: Floats) -> Floats: ...
def _about_zero(degrees: float | Floats) -> float | Floats:
    """The same direction, from -180 to 180."""
    return (degrees + 180) % 360 - 180
