"""Which pictures of a folder a kind of hash takes for copies of each other, and whether they are.

1. Every picture is known and every picture is seen: all ordered pairs of two different ones.
2. The pairs within the largest distance of the kind's curve are counted at each distance.
3. Folders of real photographs hold a picture twice, cut another way or with another press agency's
   stamp. Pairs within the kind's threshold are therefore compared by local features (SIFT, one
   similarity transform): where a good piece of both pictures is the same, the pair is called
   ambiguous, and not false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import faiss
import msgspec
import numpy as np
import numpy.typing as npt

from indexer.benchmarks.hash_kinds import Groups, Kind, Shown

_QUERIES_AT_ONCE: Final = 2048
_MAX_COMPARED: Final = 2000
_RATIO: Final = 0.75
_MIN_INLIERS: Final = 15
_MIN_COVERED: Final = 0.2
"""Of both pictures' areas: a sign that is in both is a mistake, a picture inside another is not."""
_RANSAC_PX: Final = 3.0


class Mistakes(msgspec.Struct, frozen=True):
    """What one kind takes for the same among different pictures of the folder.

    `pairs` are ordered (known, seen). `within` counts pairs at each distance of the curve, of every
    sort; of those within `threshold`, `ambiguous` show the same picture, `false` do not, and
    `uncompared` were too many to look at. `false_names` are some of the false ones.
    """

    kind: str
    pictures: int
    pairs: int
    threshold: int
    within: tuple[tuple[int, int], ...]
    false: int
    ambiguous: int
    uncompared: int
    false_names: tuple[tuple[str, str, int], ...] = ()


class SamePictures:
    """Whether two pictures of the folder show the same; each pair is looked at once."""

    def __init__(self, show: Callable[[int], Shown]) -> None:
        """`show` gives picture number n again."""
        self._show = show
        self._known: dict[tuple[int, int], bool] = {}

    def are(self, one: int, other: int) -> bool:
        """Whether a good piece of both is the same, up to size, turn, place and mirroring."""
        pair = (min(one, other), max(one, other))
        if pair not in self._known:
            grey, beside = (self._show(place).shrunk.grey for place in pair)
            mirrored = np.ascontiguousarray(grey[:, ::-1])
            self._known[pair] = any(_agree(each, beside) for each in (grey, mirrored))
        return self._known[pair]


def mistakes(
    kind: Kind,
    names: Sequence[str],
    known: Sequence[Groups],
    seen: Sequence[Groups],
    same: SamePictures,
) -> Mistakes:
    """Compare all with all."""
    nearest: dict[tuple[int, int], int] = {}
    for group in range(len(known[0]) if known else 0):
        _collect([each[group] for each in known], [each[group] for each in seen], kind, nearest)
    pairs = {pair: apart for pair, apart in nearest.items() if apart <= kind.threshold}
    together = sorted({(min(pair), max(pair)) for pair in pairs})[:_MAX_COMPARED]
    is_same = {pair: same.are(*pair) for pair in together}
    looked = {pair: is_same.get((min(pair), max(pair))) for pair in pairs}
    false = sorted((pairs[pair], pair) for pair, alike in looked.items() if alike is False)
    return Mistakes(
        kind=kind.name,
        pictures=len(names),
        pairs=len(names) * (len(names) - 1),
        threshold=kind.threshold,
        within=tuple((at, sum(apart <= at for apart in nearest.values())) for at in kind.curve),
        false=len(false),
        ambiguous=sum(alike is True for alike in looked.values()),
        uncompared=sum(alike is None for alike in looked.values()),
        false_names=tuple((names[a], names[b], apart) for apart, (a, b) in false[:20]),
    )


def _collect(
    known: Sequence[npt.NDArray[np.uint8]],
    seen: Sequence[npt.NDArray[np.uint8]],
    kind: Kind,
    nearest: dict[tuple[int, int], int],
) -> None:
    """The smallest distance of each pair of pictures within the curve, in one group of codes."""
    known_of = np.repeat(np.arange(len(known)), [len(codes) for codes in known])
    seen_of = np.repeat(np.arange(len(seen)), [len(codes) for codes in seen])
    if not len(known_of) or not len(seen_of):
        return
    index = faiss.IndexBinaryFlat(kind.bits)
    index.add(np.ascontiguousarray(np.concatenate(known)))
    queries = np.ascontiguousarray(np.concatenate(seen))
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        # FAISS answers distances strictly below the radius
        starts, distances, places = index.range_search(
            queries[start : start + _QUERIES_AT_ONCE], kind.curve[-1] + 1
        )
        counts = np.diff(starts.astype(np.int64))
        rows = start + np.repeat(np.arange(len(counts)), counts)
        for a, b, apart in zip(known_of[places], seen_of[rows], distances, strict=True):
            pair = (int(a), int(b))
            if a != b and int(apart) < nearest.get(pair, kind.bits + 1):
                nearest[pair] = int(apart)


def _agree(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> bool:
    sift = cv2.SIFT.create(nfeatures=2000)
    points, features = sift.detectAndCompute(one, None)
    other_points, other_features = sift.detectAndCompute(other, None)
    if features is None or other_features is None or min(len(points), len(other_points)) < 2:
        return False
    matched = cv2.BFMatcher().knnMatch(features, other_features, k=2)
    pairs = [two for two in matched if len(two) == 2]
    good = [best for best, second in pairs if best.distance < _RATIO * second.distance]
    if len(good) < _MIN_INLIERS:
        return False
    here = np.array([points[each.queryIdx].pt for each in good], dtype=np.float32)
    there = np.array([other_points[each.trainIdx].pt for each in good], dtype=np.float32)
    cv2.setRNGSeed(1)
    _, inliers = cv2.estimateAffine2D(here, there, ransacReprojThreshold=_RANSAC_PX)
    if inliers is None:
        return False
    kept = inliers.reshape(-1).astype(bool)
    return int(kept.sum()) >= _MIN_INLIERS and all(
        cv2.contourArea(cv2.convexHull(spots[kept])) >= _MIN_COVERED * grey.size
        for spots, grey in ((here, one), (there, other))
    )
