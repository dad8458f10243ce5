"""Videos found again by the PDQ of their frames (vPDQ, as ThreatExchange specifies it).

1. Known videos are kept as one frame a second. A medium is looked at eight times a second, because
   a copy that was cut shows its frames at other parts of a second; every frame is looked up as it
   is and mirrored, one a second in all eight orientations; what lies inside plain bars is looked up
   by itself, too. Frames of low quality (fades, titles, nothing) and repetitions are left out.
2. Two frames are alike within 31 bits. Counted both ways: the share of the known video's frames
   that are in the medium, and the share of the medium's seconds that are in the known video. A clip
   inside a longer one shows in the first, an excerpt of it in the second.
3. Frames that look alike are one scene. One scene alone proves little (every video of a site may
   begin with the same sign): it counts where it is all that the known video holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from indexer.hashing import pdq
from indexer.hashing.hashes import MIN_PDQ_QUALITY, ORIENTATIONS
from indexer.hashing.index import CODE_BYTES, Codes, HashIndex, build_index, pdq_codes
from indexer.hashing.turning import turned_hashes
from indexer.media.picture import Pixels, Sample
from indexer.observations import Band, FrameHash, Part

MAX_FRAME_DISTANCE: Final = 31
"""As for pictures, and as vPDQ's authors give it."""
MIN_SHARE: Final = 0.2
"""Of either video's frames. Measured on clips of half a minute, of a camera moving over photographs
(six each): copies that were recompressed, shrunk, mirrored, turned, cut by a part of a second, sped
up by a quarter, put between bars or into a longer one have a larger share of 0.83 or more, an
excerpt of eight seconds inside two minutes 0.27; other clips have no frame in common. An opening
sign of five seconds that two clips of 45 seconds begin with makes 0.11. ThreatExchange's sample
clips (16 of a chair, 10 of a pattern, as hashes): 0.38 or more, but 0.16 or less where a border was
added."""
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
_PLAIN_DEVIATION: Final = 6.0
"""Grey levels that a bar's rows may differ by within: recompression leaves two or three."""
_INSIDE_SHARE: Final = 0.95
_BAR_STEP: Final = 4
_ALWAYS_ASKED: Final = (ORIENTATIONS.index("upright"), ORIENTATIONS.index("mirrored"))
_SAME_BITS: Final = 4
"""A frame between two moments so close to the one before it says nothing new."""
_QUESTIONS_AT_ONCE: Final = 64
"""Still videos are alike in every frame: this bounds how many pairs are held at a time."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class VideoHashes:
    """Usable, distinct frames of a video that was looked at.

    `codes` is (n, 8, 32) uint8, PDQ in the order of `ORIENTATIONS`; `at_ms`, `qualities` and
    `moments` are (n,) int64, `is_moment` and `is_inside` are (n,) bool. Frames lie close together;
    `moments` numbers the moment (a second, usually) that each belongs to, `is_moment` marks the one
    frame that stands for it wherever the video is compared later. `is_inside` marks what a frame
    shows inside its bars, which is a row of its own. `sampled` counts all frames looked at.
    """

    at_ms: Numbers
    codes: npt.NDArray[np.uint8]
    qualities: Numbers
    moments: Numbers
    is_moment: npt.NDArray[np.bool_]
    is_inside: npt.NDArray[np.bool_]
    sampled: int

    def __len__(self) -> int:
        return len(self.at_ms)

    @classmethod
    def of_frames(cls, frames: Sequence[FrameHash]) -> VideoHashes:
        """From what was kept of a video, turned by the bits alone: its pixels are not there."""
        usable = [frame for frame in frames if frame.quality >= MIN_PDQ_QUALITY]
        codes = [pdq_codes(turned_hashes(frame.pdq)) for frame in usable]
        return cls(
            at_ms=np.array([frame.at_ms for frame in usable], dtype=np.int64),
            codes=np.array(codes, dtype=np.uint8).reshape(len(codes), len(ORIENTATIONS), -1)
            if codes
            else np.empty((0, len(ORIENTATIONS), CODE_BYTES), dtype=np.uint8),
            qualities=np.array([frame.quality for frame in usable], dtype=np.int64),
            moments=np.arange(len(usable), dtype=np.int64),
            is_moment=np.ones(len(usable), dtype=bool),
            is_inside=np.zeros(len(usable), dtype=bool),
            sampled=len(frames),
        )

    @property
    def upright(self) -> Codes:
        """(n, 32) uint8: the frames as they are shown."""
        return np.ascontiguousarray(self.codes[:, 0])

    @property
    def frames(self) -> tuple[FrameHash, ...]:
        """The frame of each moment, as observations; equal ones once."""
        distinct: dict[bytes, FrameHash] = {}
        for row in np.flatnonzero(self.is_moment):
            code = self.codes[row, 0].tobytes()
            frame = FrameHash(int(self.at_ms[row]), code.hex(), int(self.qualities[row]))
            distinct.setdefault(code, frame)
        return tuple(distinct.values())

    def questions(self) -> Questions:
        """What is looked up: every frame as it is and mirrored, moments in all eight turns."""
        asked = np.zeros((len(self), len(ORIENTATIONS)), dtype=bool)
        asked[:, _ALWAYS_ASKED] = True
        asked[self.is_moment] = True
        rows, turns = np.nonzero(asked)
        return Questions(np.ascontiguousarray(self.codes[rows, turns]), rows, turns)


class Questions(NamedTuple):
    """(q, 32) uint8 codes to look up; of which row of the video, turned how: (q,) int64 each."""

    codes: Codes
    rows: Numbers
    turns: Numbers


class _Row(NamedTuple):
    at_ms: int
    codes: npt.NDArray[np.uint8]
    quality: int
    moment: int
    is_moment: bool
    is_inside: bool


class FrameHasher:
    """Hashes small frames as the decoder shows them (`Decoder.decode(medium, hasher.look)`)."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._last: dict[bool, _Row] = {}
        self._sampled = 0
        self._moment = 0

    def look(self, sample: Sample) -> None:
        """Hash one frame; number 0 begins a video."""
        if sample.number == 0:
            self._rows.clear()
            self._last.clear()
            self._sampled = self._moment = 0
        self._sampled += 1
        self._moment += sample.is_moment
        self._hash(sample, sample.grey, is_inside=False)
        inside = _inside_bars(sample.grey)
        if inside is not None:
            self._hash(sample, inside, is_inside=True)

    def _hash(self, sample: Sample, grey: Pixels, *, is_inside: bool) -> None:
        light = grey.astype(np.float32)
        sampled = pdq.samples(light)[np.newaxis]
        quality = int(pdq.qualities(sampled)[0])
        if quality < MIN_PDQ_QUALITY:
            return
        codes = pdq.turned_codes(light)
        is_moment = sample.is_moment and not is_inside
        row = _Row(sample.at_ms, codes, quality, self._moment, is_moment, is_inside)
        last = self._last.get(is_inside)
        if is_moment or last is None or _bits_apart(last, row) > _SAME_BITS:
            self._rows.append(row)
            self._last[is_inside] = row

    def hashes(self) -> VideoHashes:
        """What was hashed since the last beginning."""
        rows = self._rows
        return VideoHashes(
            at_ms=np.array([row.at_ms for row in rows], dtype=np.int64),
            codes=np.array([row.codes for row in rows], dtype=np.uint8).reshape(
                len(rows), len(ORIENTATIONS), CODE_BYTES
            ),
            qualities=np.array([row.quality for row in rows], dtype=np.int64),
            moments=np.array([row.moment for row in rows], dtype=np.int64),
            is_moment=np.array([row.is_moment for row in rows], dtype=bool),
            is_inside=np.array([row.is_inside for row in rows], dtype=bool),
            sampled=self._sampled,
        )


def _inside_bars(grey: Pixels) -> Pixels | None:
    """The part of a frame inside plain bars above and below or at its sides; None without any."""
    top, bottom = _inside(grey[:, ::_BAR_STEP].std(axis=1))
    left, right = _inside(grey[::_BAR_STEP].std(axis=0))
    inside = grey[top:bottom, left:right]
    return inside if 0 < inside.size < _INSIDE_SHARE * grey.size else None


def _inside(deviations: npt.NDArray[np.floating]) -> tuple[int, int]:
    """From the first to the last row (or column) with something on it, never less than half."""
    shows = np.flatnonzero(deviations > _PLAIN_DEVIATION)
    length = len(deviations)
    if not len(shows) or shows[-1] + 1 - shows[0] < length / 2:
        return 0, length
    return int(shows[0]), int(shows[-1]) + 1


def _bits_apart(one: _Row, other: _Row) -> int:
    return int(np.bitwise_count(one.codes[0] ^ other.codes[0]).sum())


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
    part: Part = "whole"

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
        asked = medium.questions()
        for first in range(0, len(asked.codes), _QUESTIONS_AT_ONCE):
            for pair, part in self._common(asked, slice(first, first + _QUESTIONS_AT_ONCE)):
                common[pair] = part if pair not in common else common[pair].with_more(part)
        best: dict[int, Likeness] = {}
        for pair, found in common.items():
            likeness = self._likeness(medium, pair, found)
            before = best.get(likeness.video)
            if before is None or _rank(likeness) > _rank(before):
                best[likeness.video] = likeness
        return tuple(best[video] for video in sorted(best))

    def _common(self, asked: Questions, some: slice) -> Iterator[tuple[int, _InCommon]]:
        """For some of the questions: by video and orientation, what is alike."""
        hits = self._index.search(asked.codes[some], MAX_FRAME_DISTANCE)
        rows, turns = asked.rows[some][hits.queries], asked.turns[some][hits.queries]
        pairs = self._video_of[hits.ids] * len(ORIENTATIONS) + turns
        order = np.argsort(pairs, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(pairs[order])) + 1):
            if not len(places):
                continue
            closest = places[int(np.argmin(hits.distances[places]))]
            yield (
                int(pairs[closest]),
                _InCommon(
                    known=np.unique(hits.ids[places]),
                    medium=np.unique(rows[places]),
                    distance=int(hits.distances[closest]),
                    row=int(rows[closest]),
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
            medium_share=_count(medium.moments[found.medium]) / _count(medium.moments),
            scenes=scenes,
            distance=found.distance,
            at_ms=int(medium.at_ms[found.row]),
            known_is_one_scene=scenes_in(all_of_it, at_most=2) == 1,
            part="inside_border" if medium.is_inside[found.row] else "whole",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _InCommon:
    """Rows of the known video's and the medium's frames that are alike, and the closest."""

    known: Numbers
    medium: Numbers
    distance: int
    row: int

    def with_more(self, other: _InCommon) -> _InCommon:
        closer = self if self.distance <= other.distance else other
        return _InCommon(
            known=np.union1d(self.known, other.known),
            medium=np.union1d(self.medium, other.medium),
            distance=closer.distance,
            row=closer.row,
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


def _count(numbers: Numbers) -> int:
    return len(np.unique(numbers))


def _rank(likeness: Likeness) -> tuple[float, int, int]:
    share = max(likeness.known_share, likeness.medium_share)
    return (share, likeness.scenes, -likeness.distance)
