"""Known pictures of enrolled people, found again by their hashes: no biometrics.

1. SHA-256: the very same file.
2. PDQ: the same picture after resizing, recompression, light edits; also turned or mirrored, by
   looking up all eight orientations of the medium. Exact (FAISS binary flat), nothing is missed.

An index is an immutable snapshot; flat pictures (quality below 50) are never matched by PDQ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import faiss
import numpy as np

from indexer.errors import IndexerError
from indexer.faiss_threads import threads_for
from indexer.hashing.hashes import MIN_PDQ_QUALITY, PDQ_BITS, PdqOrientations
from indexer.observations import Band, HashMatch, MediaHashes

# 31 of 256 bits is the threshold that PDQ's authors give for "the same picture".
MAX_PDQ_DISTANCE: Final = 31
# Shrinking to a fifth and quality 70 cost up to 14 bits (21 copies of 7 pictures, 6 on average), as
# much as implementations differ among each other. Further out, edits and chance look more alike.
_STRONG_DISTANCE: Final = 15
_MODERATE_DISTANCE: Final = 23
_PDQ_HEX_CHARS: Final = PDQ_BITS // 4


class KnownHashError(IndexerError):
    """A known hash is not one: not hexadecimal, or of the wrong length."""

    code = "known_hash"


class KnownHash(Protocol):
    """One known picture of an enrolled person, as hashes (the examiner's `GalleryHash`)."""

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


class KnownHashes:
    """All known hashes at one time; `search` is safe from several threads."""

    def __init__(self, entries: Iterable[KnownHash]) -> None:
        """Build the index. Raises `KnownHashError` on a malformed hash."""
        kept = tuple(entries)
        self._by_sha256: dict[str, list[KnownHash]] = {}
        self._by_pdq: list[KnownHash] = []
        rows: list[bytes] = []
        for entry in kept:
            if entry.sha256 is not None:
                digest = _hex_bytes(entry.sha256, 64).hex()
                self._by_sha256.setdefault(digest, []).append(entry)
            good = entry.pdq_quality is None or entry.pdq_quality >= MIN_PDQ_QUALITY
            if entry.pdq is not None and good:
                rows.append(_hex_bytes(entry.pdq, _PDQ_HEX_CHARS))
                self._by_pdq.append(entry)
        self._count = len(kept)
        self._index = faiss.IndexBinaryFlat(PDQ_BITS)
        if rows:
            self._index.add(np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1))

    def __len__(self) -> int:
        return self._count

    def search(
        self,
        hashes: MediaHashes,
        orientations: PdqOrientations | None = None,
        *,
        only_person: str | None = None,
        hidden: frozenset[str] = frozenset(),
    ) -> tuple[HashMatch, ...]:
        """The known pictures that this medium is, closest first, at most one match for each.

        Without `orientations` only the upright PDQ is looked up. `only_person` restricts the
        answer to one person; people in `hidden` are never answered.
        """
        best: dict[tuple[str, str], HashMatch] = {}
        for match in (*self._exact(hashes), *self._similar(hashes, orientations)):
            if match.person_ref in hidden or only_person not in {None, match.person_ref}:
                continue
            key = (match.person_ref, match.known_ref)
            # Exact matches come first and have distance 0: a PDQ match never replaces one.
            if key not in best or match.distance < best[key].distance:
                best[key] = match
        return tuple(
            sorted(best.values(), key=lambda each: (each.distance, each.person_ref, each.known_ref))
        )

    def _exact(self, hashes: MediaHashes) -> list[HashMatch]:
        return [
            HashMatch(
                person_ref=entry.person_ref,
                known_ref=entry.known_ref,
                kind="sha256",
                distance=0,
                orientation="upright",
                band="strong",
            )
            for entry in self._by_sha256.get(hashes.sha256, ())
        ]

    def _similar(
        self, hashes: MediaHashes, orientations: PdqOrientations | None
    ) -> list[HashMatch]:
        if not self._by_pdq:
            return []
        if orientations is not None:
            named, quality = orientations.hashes, orientations.quality
        elif hashes.pdq is not None and hashes.pdq_quality is not None:
            named, quality = (("upright", hashes.pdq),), hashes.pdq_quality
        else:
            return []
        if quality < MIN_PDQ_QUALITY:
            return []
        queries = np.frombuffer(
            b"".join(_hex_bytes(pdq, _PDQ_HEX_CHARS) for _, pdq in named), dtype=np.uint8
        ).reshape(len(named), -1)
        # FAISS answers distances strictly below the radius.
        with threads_for(queries.nbytes * len(self._by_pdq)):
            starts, distances, places = self._index.range_search(queries, MAX_PDQ_DISTANCE + 1)
        found = []
        for row, (orientation, _) in enumerate(named):
            for at in range(int(starts[row]), int(starts[row + 1])):
                entry = self._by_pdq[int(places[at])]
                distance = int(distances[at])
                found.append(
                    HashMatch(
                        person_ref=entry.person_ref,
                        known_ref=entry.known_ref,
                        kind="pdq",
                        distance=distance,
                        orientation=orientation,
                        band=_band(distance),
                    )
                )
        return found


def _band(distance: int) -> Band:
    if distance <= _STRONG_DISTANCE:
        return "strong"
    return "moderate" if distance <= _MODERATE_DISTANCE else "weak"


def _hex_bytes(value: str, length_chars: int) -> bytes:
    if len(value) != length_chars:
        raise KnownHashError(f"a hash of {len(value)} characters was given; {length_chars} needed")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise KnownHashError("a hash holds characters that are not hexadecimal") from error
