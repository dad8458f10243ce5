"""A known picture or video as what finds it: entries of the gallery, and all eight orientations."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import MIN_PDQ_QUALITY, turned_hashes
from service.hashbank.documents import KnownPictureDocument
from service.hashbank.models import KnownPicture


@dataclass(frozen=True, slots=True)
class HashesOfOne:
    """What finds one known picture or video.

    `orientations` holds, for each PDQ of it, that of all eight orientations, as `ORIENTATIONS`
    orders them: for media of which only a hash is left, which cannot be turned any more.
    """

    person_id: uuid.UUID
    entries: tuple[GalleryHash, ...]
    orientations: tuple[tuple[str, ...], ...]


def hashes_of_one(row: KnownPicture, document: KnownPictureDocument) -> HashesOfOne:
    """All that finds one known picture."""
    entries = tuple(gallery_entries(row, document))
    return HashesOfOne(row.person_id, entries, _in_all_orientations(entries, document))


def gallery_entries(row: KnownPicture, document: KnownPictureDocument) -> Iterator[GalleryHash]:
    """A video is one entry with all its frames; a picture one for each hash that it has."""
    person_ref, known_ref, hashes = str(row.person_id), str(row.id), document.hashes
    is_video = document.kind == "video"
    usable = tuple(frame.pdq for frame in document.frames if frame.quality >= MIN_PDQ_QUALITY)
    yield GalleryHash(
        person_ref,
        known_ref,
        hashes.sha256 or None,
        hashes.pdq,
        hashes.pdq_quality,
        usable if is_video else (),
        document.parts,
    )
    if not is_video:
        for frame in document.frames:
            yield GalleryHash(person_ref, known_ref, None, frame.pdq, frame.quality)


def _in_all_orientations(
    entries: Sequence[GalleryHash], document: KnownPictureDocument
) -> tuple[tuple[str, ...], ...]:
    """Turned where the picture itself was turned; by the bits alone where only a hash is known."""
    by_hash = {
        pdq: turned_hashes(pdq)
        for entry in entries
        for pdq in ((entry.pdq,) if _is_usable(entry) else ()) + entry.frames
        if pdq is not None
    }
    if document.turned and document.turned[0] in by_hash:
        by_hash[document.turned[0]] = document.turned
    return tuple(by_hash.values())


def _is_usable(entry: GalleryHash) -> bool:
    return entry.pdq_quality is None or entry.pdq_quality >= MIN_PDQ_QUALITY
