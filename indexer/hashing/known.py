"""Known pictures of enrolled people, found again by their hashes: no biometrics.

1. SHA-256: the very same file.
2. PDQ: the same picture after resizing, recompression, light edits; also turned or mirrored, by
   looking up all eight orientations of the medium. Exact, nothing is missed.
3. Where the whole is not alike: parts of the two (`part_index.py`), for crops, frames and collages.
4. A video is compared frame by frame: with known pictures, and as a whole with known videos
   (`video.py`). A still that is a frame of a known video is found as well.

An index is an immutable snapshot; flat pictures (quality below 50) are never matched by PDQ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from indexer.errors import IndexerError
from indexer.hashing.hashes import MIN_PDQ_QUALITY, ORIENTATIONS, PdqOrientations
from indexer.hashing.index import (
    MAX_DISTANCE,
    Codes,
    HashIndexError,
    build_index,
    pdq_codes,
)
from indexer.hashing.part_index import KnownParts
from indexer.hashing.parts import MediumParts
from indexer.hashing.video import KnownVideos, VideoHashes, scenes_in
from indexer.observations import Band, HashMatch, MediaHashes, PartHash

MAX_PDQ_DISTANCE: Final = MAX_DISTANCE
# Shrinking to a fifth and quality 70 cost up to 14 bits (21 copies of 7 pictures, 6 on average), as
# much as implementations differ among each other. Further out, edits and chance look more alike.
_STRONG_DISTANCE: Final = 15
_MODERATE_DISTANCE: Final = 23
_SHA256_HEX_CHARS: Final = 64


class KnownHashError(IndexerError):
    """A known hash is not one: not hexadecimal, or of the wrong length."""

    code = "known_hash"


class KnownHash(Protocol):
    """One known picture or video of an enrolled person (the examiner's `GalleryHash`)."""

    @property
    def person_ref(self) -> str:
        """Whose picture it is."""

    @property
    def known_ref(self) -> str:
        """Which picture it is."""

    @property
    def sha256(self) -> str | None:
        """Of the file, lower-case hex, where the file itself is known."""

    @property
    def pdq(self) -> str | None:
        """Of the picture, lower-case hex."""

    @property
    def pdq_quality(self) -> int | None:
        """0 to 100; a hash without its quality is taken as good."""

    @property
    def frames(self) -> Sequence[str]:
        """PDQ of a video's usable frames, lower-case hex; empty for a picture."""

    @property
    def parts(self) -> Sequence[PartHash]:
        """Parts of a picture, as `known_parts` makes them; empty where none are known."""


class _Asked(NamedTuple):
    """PDQ of a medium to look up: (q, 32) codes, how each is turned, where in a video it is."""

    codes: Codes
    orientations: tuple[str, ...]
    at_ms: tuple[int | None, ...]


class KnownHashes:
    """All known hashes at one time; `search` is safe from several threads."""

    def __init__(self, entries: Iterable[KnownHash]) -> None:
        """Build the index. Raises `KnownHashError` on a malformed hash."""
        kept = tuple(entries)
        self._count = len(kept)
        self._by_sha256: dict[str, list[KnownHash]] = {}
        for entry in kept:
            if entry.sha256 is not None:
                self._by_sha256.setdefault(_sha256(entry.sha256), []).append(entry)
        self._pictures = [entry for entry in kept if entry.pdq is not None and _is_good(entry)]
        codes = _codes([entry.pdq for entry in self._pictures if entry.pdq is not None])
        self._by_pdq = build_index(codes, np.arange(len(codes), dtype=np.int64))
        self._parted = [entry for entry in kept if entry.parts]
        parts = [entry.parts for entry in self._parted]
        self._by_parts = KnownParts(
            parts, _codes([part.pdq for of_one in parts for part in of_one])
        )
        self._videos = [entry for entry in kept if entry.frames]
        self._by_frames = KnownVideos([_codes(entry.frames) for entry in self._videos])

    def __len__(self) -> int:
        return self._count

    @property
    def has_parts(self) -> bool:
        """Whether looking at the parts of a medium can find anything."""
        return len(self._by_parts) > 0

    def search(
        self,
        hashes: MediaHashes,
        orientations: PdqOrientations | None = None,
        *,
        video: VideoHashes | None = None,
        parts: MediumParts | None = None,
        only_person: str | None = None,
        hidden: frozenset[str] = frozenset(),
    ) -> tuple[HashMatch, ...]:
        """The known pictures and videos that this medium is, closest first, at most one match each.

        Without `orientations` only the upright PDQ is looked up; `video` holds the frames of a
        medium that is one, `parts` the parts of one that is a picture. `only_person` restricts the
        answer to one person; people in `hidden` are never answered.
        """
        best: dict[tuple[str, str], HashMatch] = {}
        for match in self._matches(hashes, orientations, video, parts):
            if match.person_ref in hidden or only_person not in {None, match.person_ref}:
                continue
            key = (match.person_ref, match.known_ref)
            # Surer kinds come first, and one of distance 0 is never replaced.
            if key not in best or (
                best[key].kind == match.kind and match.distance < best[key].distance
            ):
                best[key] = match
        return tuple(
            sorted(best.values(), key=lambda each: (each.distance, each.person_ref, each.known_ref))
        )

    def _matches(
        self,
        hashes: MediaHashes,
        orientations: PdqOrientations | None,
        video: VideoHashes | None,
        parts: MediumParts | None,
    ) -> Iterator[HashMatch]:
        yield from self._exact(hashes)
        if video is not None:
            yield from self._alike_videos(video)
        asked = _asked(hashes, orientations, video)
        if asked is not None:
            yield from self._similar_pictures(asked)
            if video is None:
                yield from self._stills_of_videos(asked, MAX_PDQ_DISTANCE)
            elif scenes_in(video.upright, at_most=2) == 1:
                # A still picture that was made into a video.
                yield from self._stills_of_videos(asked, _STRONG_DISTANCE)

        if parts is not None:
            yield from self._alike_in_parts(parts)

    def _exact(self, hashes: MediaHashes) -> Iterator[HashMatch]:
        for entry in self._by_sha256.get(hashes.sha256, ()):
            yield HashMatch(
                person_ref=entry.person_ref,
                known_ref=entry.known_ref,
                kind="sha256",
                distance=0,
                orientation="upright",
                band="strong",
            )

    def _similar_pictures(self, asked: _Asked) -> Iterator[HashMatch]:
        hits = self._by_pdq.search(asked.codes, MAX_PDQ_DISTANCE)
        for query, place, distance in zip(hits.queries, hits.ids, hits.distances, strict=True):
            yield _pdq_match(self._pictures[int(place)], asked, int(query), int(distance))

    def _stills_of_videos(self, asked: _Asked, max_distance: int) -> Iterator[HashMatch]:
        for query, place, distance in self._by_frames.frames_like(asked.codes):
            if distance <= max_distance:
                yield _pdq_match(self._videos[place], asked, query, distance)

    def _alike_in_parts(self, parts: MediumParts) -> Iterator[HashMatch]:
        for likeness in self._by_parts.search(parts):
            entry = self._parted[likeness.picture]
            yield HashMatch(
                person_ref=entry.person_ref,
                known_ref=entry.known_ref,
                kind="pdq_part",
                distance=likeness.distance,
                orientation=likeness.orientation,
                band=likeness.band,
                part=likeness.part,
                known_share=likeness.known_share,
                medium_share=likeness.medium_share,
            )

    def _alike_videos(self, video: VideoHashes) -> Iterator[HashMatch]:
        for likeness in self._by_frames.search(video):
            if likeness.is_match:
                entry = self._videos[likeness.video]
                yield HashMatch(
                    person_ref=entry.person_ref,
                    known_ref=entry.known_ref,
                    kind="vpdq",
                    distance=likeness.distance,
                    orientation=likeness.orientation,
                    band=likeness.band,
                    part=likeness.part,
                    known_share=likeness.known_share,
                    medium_share=likeness.medium_share,
                    at_ms=likeness.at_ms,
                )


def _asked(
    hashes: MediaHashes, orientations: PdqOrientations | None, video: VideoHashes | None
) -> _Asked | None:
    """What of the medium is looked up by PDQ; None where nothing of it is usable."""
    if video is not None:
        if not len(video):
            return None
        asked = video.questions()
        return _Asked(
            asked.codes,
            tuple(ORIENTATIONS[turn] for turn in asked.turns),
            tuple(int(at_ms) for at_ms in video.at_ms[asked.rows]),
        )
    if orientations is not None:
        named, quality = orientations.hashes, orientations.quality
    elif hashes.pdq is not None and hashes.pdq_quality is not None:
        named, quality = (("upright", hashes.pdq),), hashes.pdq_quality
    else:
        return None
    if quality < MIN_PDQ_QUALITY:
        return None
    names = tuple(name for name, _ in named)
    return _Asked(_codes([pdq for _, pdq in named]), names, (None,) * len(named))


def _pdq_match(entry: KnownHash, asked: _Asked, query: int, distance: int) -> HashMatch:
    return HashMatch(
        person_ref=entry.person_ref,
        known_ref=entry.known_ref,
        kind="pdq",
        distance=distance,
        orientation=asked.orientations[query],
        band=_band(distance),
        at_ms=asked.at_ms[query],
    )


def _band(distance: int) -> Band:
    if distance <= _STRONG_DISTANCE:
        return "strong"
    return "moderate" if distance <= _MODERATE_DISTANCE else "weak"


def _is_good(entry: KnownHash) -> bool:
    return entry.pdq_quality is None or entry.pdq_quality >= MIN_PDQ_QUALITY


def _codes(hex_hashes: Sequence[str]) -> Codes:
    try:
        return pdq_codes(hex_hashes)
    except HashIndexError as error:
        raise KnownHashError(str(error)) from error


def _sha256(value: str) -> str:
    try:
        digest = bytes.fromhex(value)
    except ValueError as error:
        raise KnownHashError("a hash holds characters that are not hexadecimal") from error
    if len(digest) * 2 != _SHA256_HEX_CHARS:
        raise KnownHashError(
            f"a hash of {len(value)} characters was given; {_SHA256_HEX_CHARS} needed"
        )
    return digest.hex()
