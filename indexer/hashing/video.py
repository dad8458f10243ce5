"""Videos found again by the PDQ of their frames (vPDQ, as ThreatExchange specifies it).

1. A frame about every second is hashed in all eight orientations; frames of low quality (fades,
   titles, nothing) and repetitions are left out.
2. Two frames are alike within 31 bits. Counted both ways: the share of the known video's frames
   that are in the medium, and the share of the medium's that are in the known video. A clip inside
   a longer one shows in the first, an excerpt of it in the second.
3. Frames that look alike are one scene. One scene alone proves little (every video of a site may
   begin with the same sign): it counts where it is all that the known video holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pdqhash

from indexer.hashing.hashes import MIN_PDQ_QUALITY, ORIENTATIONS
from indexer.hashing.index import Codes, HashIndex, build_index
from indexer.media.picture import Sample
from indexer.observations import Band, FrameHash

MAX_FRAME_DISTANCE: Final = 31
"""As for pictures, and as vPDQ's authors give it."""
MIN_SHARE: Final = 0.2
"""Of either video's frames. Measured on clips that were recompressed, shrunk, cut, mirrored and put
into longer ones: the larger share was never below 0.6, that of other clips never above 0.0; an
opening sign of six seconds in clips of a minute makes 0.1."""
STRONG_SHARE: Final = 0.8
MODERATE_SHARE: Final = 0.5
MIN_SCENES: Final = 2
STRONG_SCENES: Final = 3
MANY_SCENES: Final = 8
"""So many different scenes in common are no opening sign, whatever share of two long videos they
are: an excerpt of one inside the other."""
SAME_FRAME_DISTANCE: Final = 15
"""Where one scene is all there is, it must be this close; recompression and shrinking cost less."""
STATIC_SHARE: Final = 0.5
_FRAMES_AT_ONCE: Final = 16
"""Still videos are alike in every frame: this bounds how many pairs are held at a time."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class VideoHashes:
    """Usable, distinct frames of a video that was looked at.

    `codes` is (n, 8, 32) uint8, PDQ in the order of `ORIENTATIONS`; `at_ms` and `qualities` are
    (n,) int64. `sampled` counts all frames that were looked at.
    """

    at_ms: Numbers
    codes: npt.NDArray[np.uint8]
    qualities: Numbers
    sampled: int

    def __len__(self) -> int:
        return len(self.at_ms)

    @property
    def upright(self) -> Codes:
        """(n, 32) uint8: the frames as they are shown."""
        return np.ascontiguousarray(self.codes[:, 0])

    @property
    def frames(self) -> tuple[FrameHash, ...]:
        """The same as observations."""
        rows = zip(self.at_ms, self.upright, self.qualities, strict=True)
        return tuple(FrameHash(int(at), code.tobytes().hex(), int(q)) for at, code, q in rows)


class FrameHasher:
    """Hashes small frames as the decoder shows them (`Decoder.decode(medium, hasher.look)`)."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, npt.NDArray[np.uint8], int]] = []

    def look(self, sample: Sample) -> None:
        """Hash one frame; number 0 begins a video."""
        if sample.number == 0:
            self._rows.clear()
        bits, quality = pdqhash.compute_dihedral(np.ascontiguousarray(sample.pixels))
        codes = np.packbits(np.asarray(bits, dtype=np.uint8), axis=1)
        self._rows.append((sample.at_ms, codes, int(quality)))

    def hashes(self) -> VideoHashes:
        """What was hashed since the last beginning."""
        kept: dict[bytes, tuple[int, npt.NDArray[np.uint8], int]] = {}
        for at_ms, codes, quality in self._rows:
            if quality >= MIN_PDQ_QUALITY:
                kept.setdefault(codes[0].tobytes(), (at_ms, codes, quality))
        rows = list(kept.values())
        return VideoHashes(
            at_ms=np.array([row[0] for row in rows], dtype=np.int64),
            codes=np.array([row[1] for row in rows], dtype=np.uint8).reshape(
                len(rows), len(ORIENTATIONS), -1
            ),
            qualities=np.array([row[2] for row in rows], dtype=np.int64),
            sampled=len(self._rows),
        )


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a medium is like one known video, in the orientation that has most in common.

    `known_share` and `medium_share` in [0, 1]; `scenes` counts different scenes in common;
    `distance` is the smallest one between two frames, `at_ms` where the medium shows that frame.
    """

    video: int
    orientation: str
    known_share: float
    medium_share: float
    scenes: int
    distance: int
    at_ms: int
    known_is_one_scene: bool

    @property
    def is_match(self) -> bool:
        """Whether so much in common is no accident."""
        share = max(self.known_share, self.medium_share)
        if self.scenes >= MIN_SCENES:
            return share >= MIN_SHARE or self.scenes >= MANY_SCENES
        return (
            self.known_is_one_scene
            and self.known_share >= STATIC_SHARE
            and self.distance <= SAME_FRAME_DISTANCE
        )

    @property
    def band(self) -> Band:
        """How well it is supported."""
        share = max(self.known_share, self.medium_share)
        if share >= STRONG_SHARE and self.scenes >= STRONG_SCENES:
            return "strong"
        if share >= MODERATE_SHARE and self.distance <= SAME_FRAME_DISTANCE:
            return "moderate"
        return "weak"


class KnownVideos:
    """Frames of known videos, each video's kept together; `search` is safe from several threads."""

    def __init__(self, videos: Sequence[Codes]) -> None:
        """`videos` are (n, 32) uint8 each: the usable frames of each known video."""
        distinct = [np.unique(codes, axis=0) for codes in videos]
        self._counts = np.array([len(codes) for codes in distinct], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
        self._video_of = np.repeat(np.arange(len(distinct), dtype=np.int64), self._counts)
        rows = np.concatenate(distinct) if distinct else np.empty((0, 32), dtype=np.uint8)
        self._index: HashIndex = build_index(rows, np.arange(len(rows), dtype=np.int64))

    def __len__(self) -> int:
        """How many videos there are."""
        return len(self._counts)

    def frames_like(self, codes: Codes) -> tuple[tuple[int, int, int], ...]:
        """(query, video, distance) of the closest frame of each video to each of the (q, 32)."""
        hits = self._index.search(codes, MAX_FRAME_DISTANCE)
        closest: dict[tuple[int, int], int] = {}
        rows = zip(hits.queries, self._video_of[hits.ids], hits.distances, strict=True)
        for query, video, distance in rows:
            # Hits of a query come in the order of their distance.
            closest.setdefault((int(query), int(video)), int(distance))
        return tuple((query, video, distance) for (query, video), distance in closest.items())

    def search(self, medium: VideoHashes) -> tuple[Likeness, ...]:
        """Every known video that has a frame in common with the medium, in its best orientation."""
        if not len(medium) or not len(self):
            return ()
        common: dict[int, _InCommon] = {}
        for first in range(0, len(medium), _FRAMES_AT_ONCE):
            for pair, part in self._common(medium, first):
                common[pair] = part if pair not in common else common[pair].with_more(part)
        best: dict[int, Likeness] = {}
        for pair, found in common.items():
            likeness = self._likeness(medium, pair, found)
            before = best.get(likeness.video)
            if before is None or _rank(likeness) > _rank(before):
                best[likeness.video] = likeness
        return tuple(best[video] for video in sorted(best))

    def _common(self, medium: VideoHashes, first: int) -> Iterator[tuple[int, _InCommon]]:
        """For a few frames of the medium: by video and orientation, what is alike."""
        turns = len(ORIENTATIONS)
        codes = medium.codes[first : first + _FRAMES_AT_ONCE]
        hits = self._index.search(codes.reshape(len(codes) * turns, -1), MAX_FRAME_DISTANCE)
        frames, turned = np.divmod(hits.queries, turns)
        pairs = self._video_of[hits.ids] * turns + turned
        order = np.argsort(pairs, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(pairs[order])) + 1):
            if not len(places):
                continue
            closest = places[int(np.argmin(hits.distances[places]))]
            yield (
                int(pairs[places[0]]),
                _InCommon(
                    known=np.unique(hits.ids[places]),
                    medium=np.unique(frames[places]) + first,
                    distance=int(hits.distances[closest]),
                    frame=int(frames[closest]) + first,
                ),
            )

    def _likeness(self, medium: VideoHashes, pair: int, found: _InCommon) -> Likeness:
        video, turned = divmod(pair, len(ORIENTATIONS))
        all_of_it = self._index.codes[self._starts[video] : self._starts[video + 1]]
        scenes = min(
            scenes_in(self._index.codes[found.known]), scenes_in(medium.upright[found.medium])
        )
        return Likeness(
            video=video,
            orientation=ORIENTATIONS[turned],
            known_share=len(found.known) / int(self._counts[video]),
            medium_share=len(found.medium) / len(medium),
            scenes=scenes,
            distance=found.distance,
            at_ms=int(medium.at_ms[found.frame]),
            known_is_one_scene=scenes_in(all_of_it, at_most=2) == 1,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _InCommon:
    """Numbers of the known video's and the medium's frames that are alike, and the closest."""

    known: Numbers
    medium: Numbers
    distance: int
    frame: int

    def with_more(self, other: _InCommon) -> _InCommon:
        closer = self if self.distance <= other.distance else other
        return _InCommon(
            known=np.union1d(self.known, other.known),
            medium=np.union1d(self.medium, other.medium),
            distance=closer.distance,
            frame=closer.frame,
        )


def scenes_in(codes: Codes, at_most: int = MANY_SCENES) -> int:
    """How many frames, of (n, 32), are unlike all before them; counting ends at `at_most`."""
    scenes = np.empty((0, codes.shape[1]), dtype=np.uint8)
    for code in codes:
        if len(scenes) >= at_most:
            break
        distances = np.bitwise_count(scenes ^ code).sum(axis=1)
        if not (distances <= MAX_FRAME_DISTANCE).any():
            scenes = np.vstack([scenes, code])
    return len(scenes)


def _rank(likeness: Likeness) -> tuple[float, int, int]:
    share = max(likeness.known_share, likeness.medium_share)
    return (share, likeness.scenes, -likeness.distance)
