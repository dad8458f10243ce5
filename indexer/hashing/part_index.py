"""Known pictures by their parts: which of them a medium shows a piece of, and how it lies.

1. Every part of the medium, as it is and mirrored, is looked up among all parts of known pictures.
2. A pair of like parts says where in the medium the known picture lies: the same for all pairs
   that are no accident. Pairs that agree are one likeness.
3. What share of the known picture can be seen, and what share of the medium it fills, tell a
   cut-out from a picture in a frame or a collage.

A likeness is never strong: one part may be a sign or a logo that many pictures show. It is weak
unless the parts that agree make up a good piece of the known picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from indexer.hashing.index import CODE_BYTES, Codes, build_index
from indexer.hashing.parts import PART_ORIENTATIONS, MediumParts
from indexer.observations import Band, Part, PartHash

MAX_PART_DISTANCE: Final = 27
"""Stricter than for wholes: 31 bits find one crop in a hundred more, and at 30 strangers among 66
million pairs of portraits began to agree in a part."""
_MODERATE_DISTANCE: Final = 23
_MODERATE_SHARE: Final = 0.2
"""Of the known picture's area, covered by the parts that agree. Signs and logos that strangers'
pictures had in common were up to a tenth of them."""
_SAME_PLACE: Final = 0.6
"""Overlap, over the area of both, of the places where two pairs say that the known picture lies."""
_VOTERS: Final = 16
"""The closest pairs; an exact copy has hundreds."""
_NEARLY_ALL: Final = 0.9
_BAR_TOLERANCE: Final = 0.05
_THOUSANDTHS: Final = 1000

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PartLikeness:
    """A medium shows a piece of known picture number `picture`.

    `distance` is that of the closest pair of parts. The shares, in [0, 1], are of the area of the
    known picture that can be seen, and of the medium that it fills.
    """

    picture: int
    orientation: str
    distance: int
    part: Part
    known_share: float
    medium_share: float
    band: Band


class _Pair(NamedTuple):
    """One part of the medium that is like one part of a known picture.

    `lies` is where the known picture then lies, in shares of the medium (turned as the known one).
    """

    distance: int
    known_box: Rectangle
    lies: Rectangle


class KnownParts:
    """The parts of all known pictures at one time; `search` is safe from several threads."""

    def __init__(self, pictures: Sequence[Sequence[PartHash]], codes: Codes) -> None:
        """`codes` is (n, 32) uint8: those of all parts of all pictures, one after the other."""
        self._boxes = [
            (
                part.left / _THOUSANDTHS,
                part.top / _THOUSANDTHS,
                part.right / _THOUSANDTHS,
                part.bottom / _THOUSANDTHS,
            )
            for parts in pictures
            for part in parts
        ]
        self._picture_of = [place for place, parts in enumerate(pictures) for _ in parts]
        self._index = build_index(codes, np.arange(len(codes), dtype=np.int64))

    def __len__(self) -> int:
        return len(self._boxes)

    def search(self, medium: MediumParts) -> tuple[PartLikeness, ...]:
        """The known pictures of which the medium shows a piece, at most one likeness for each."""
        if not len(self) or not len(medium):
            return ()
        hits = self._index.search(medium.codes.reshape(-1, CODE_BYTES), MAX_PART_DISTANCE)
        pairs: dict[tuple[int, int], list[_Pair]] = {}
        for query, place, distance in zip(hits.queries, hits.ids, hits.distances, strict=True):
            at, turn = divmod(int(query), len(PART_ORIENTATIONS))
            seen = _turned(_rectangle(medium, at), PART_ORIENTATIONS[turn])
            known = self._boxes[int(place)]
            pair = _Pair(int(distance), known, _where_it_lies(seen, known))
            pairs.setdefault((self._picture_of[int(place)], turn), []).append(pair)
        best: dict[int, PartLikeness] = {}
        for (picture, turn), found in pairs.items():
            likeness = _likeness(picture, PART_ORIENTATIONS[turn], found)
            before = best.get(picture)
            if before is None or likeness.distance < before.distance:
                best[picture] = likeness
        return tuple(best[picture] for picture in sorted(best))


def _rectangle(medium: MediumParts, at: int) -> Rectangle:
    left, top, right, bottom = medium.boxes[at].tolist()
    return left, top, right, bottom


def _turned(box: Rectangle, orientation: str) -> Rectangle:
    """A box of the medium, in the medium turned as the known picture is."""
    left, top, right, bottom = box
    return (1 - right, top, 1 - left, bottom) if orientation == "mirrored" else box


def _where_it_lies(seen: Rectangle, known: Rectangle) -> Rectangle:
    """Where the whole known picture lies when its part `known` is the medium's part `seen`."""
    across = (seen[2] - seen[0]) / (known[2] - known[0])
    down = (seen[3] - seen[1]) / (known[3] - known[1])
    left, top = seen[0] - known[0] * across, seen[1] - known[1] * down
    return left, top, left + across, top + down


def _likeness(picture: int, orientation: str, pairs: Sequence[_Pair]) -> PartLikeness:
    """From all pairs of one known picture: the place that most of them agree on."""
    agreeing = max(
        (
            [pair for pair in pairs if _overlap(pair.lies, first.lies) >= _SAME_PLACE]
            for first in sorted(pairs)[:_VOTERS]
        ),
        key=lambda together: (len(together), -min(pair.distance for pair in together)),
    )
    closest = min(agreeing, key=lambda pair: (pair.distance, -_area(pair.known_box)))
    shown = _area(_common(closest.lies, (0.0, 0.0, 1.0, 1.0)))
    known_share = min(1.0, shown / _area(closest.lies))
    covered = max(_area(pair.known_box) for pair in agreeing)
    is_moderate = closest.distance <= _MODERATE_DISTANCE and covered >= _MODERATE_SHARE
    return PartLikeness(
        picture=picture,
        orientation=orientation,
        distance=closest.distance,
        part=_part(closest.lies, known_share, shown),
        known_share=round(known_share, 3),
        medium_share=round(min(1.0, shown), 3),
        band="moderate" if is_moderate else "weak",
    )


def _part(lies: Rectangle, known_share: float, medium_share: float) -> Part:
    if known_share < _NEARLY_ALL:
        return "cut_out"
    if medium_share >= _NEARLY_ALL:
        return "whole"
    left, top, right, bottom = lies
    # Bars and frames are alike on opposite sides; a panel of a collage has a neighbour on one.
    even = abs(left - (1 - right)) <= _BAR_TOLERANCE and abs(top - (1 - bottom)) <= _BAR_TOLERANCE
    return "inside_border" if even else "panel"


def _overlap(one: Rectangle, other: Rectangle) -> float:
    common = _area(_common(one, other))
    return common / (_area(one) + _area(other) - common)


def _common(one: Rectangle, other: Rectangle) -> Rectangle:
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def _area(box: Rectangle) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
