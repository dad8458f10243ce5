"""One medium in, one `Examination` out: the line through all the rooms.

1. Decode the medium, confined; what cannot be decoded keeps its SHA-256 and says why.
2. Hash it: SHA-256 of the bytes, PDQ and phash of the picture and, where parts of known pictures
   are looked for, of its parts; PDQ of a video's frames, about one
   a second, while it is decoded.
3. Look for known pictures of enrolled people by those hashes: no biometrics.
4. See the faces of each frame, compare them with the watch-list, forget them (design rule 1).
5. Judge each match by what chance would do with this many faces and people.
6. Only for people who were hit: ask for their reference photos and compare the pictures.
7. Put together what was found of each person; of everybody else only the number of faces.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from indexer.examiner.protocol import Reference, ReferenceSource
from indexer.faces.engine import FaceEngine
from indexer.faces.errors import ModelUnusableError
from indexer.hashing import (
    FrameHasher,
    KnownHashes,
    MediumParts,
    PdqOrientations,
    Shrunk,
    VideoHashes,
    hash_medium,
    known_parts,
    large_parts,
    medium_parts,
    pdq_orientations,
    shrink,
)
from indexer.manipulation import (
    PARTS_LOOKED_AT,
    PARTS_NOT_LOOKED_AT,
    Comparable,
    ReferenceShelf,
    assess,
    compare_with_reference,
)
from indexer.media import Decoded, Decoder, MediaError, Medium
from indexer.observations import (
    Box,
    Examination,
    FaceMatch,
    HashMatch,
    ManipulationFinding,
    MediaHashes,
    ModelStamp,
    PersonFinding,
    ReferenceComparison,
)
from indexer.watchlist import Watchlist

Found = TypeVar("Found", FaceMatch, HashMatch)

MAX_FACES_A_PERSON = 3
"""An animation shows one face in many frames: the closest few say it all."""
MAX_REFERENCES = 5
"""The comparison takes about a second a photo."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What `examine` looks with: decoder, models and known hashes.

    Without an engine no face is looked for: hashes and the comparison with references still run.
    Whoever examines more than a few media makes one `Eyes` and passes it each time. `shelf` keeps
    reference photos that were compared: clear it when people or their photos change.
    """

    decoder: Decoder = field(default_factory=Decoder)
    engine: FaceEngine | None = None
    known: KnownHashes = field(default_factory=lambda: KnownHashes(()))
    shelf: ReferenceShelf = field(default_factory=ReferenceShelf)


@lru_cache(maxsize=1)
def eyes_for(model: ModelStamp | None) -> Eyes:
    """Eyes for a watch-list, from the default models folder, opened once.

    Raises `ModelUnusableError` when the pack there is another version than the watch-list's.
    """
    if model is None:
        return Eyes()
    engine = FaceEngine.open(model.pack)
    if engine.model != model:
        raise ModelUnusableError(
            f"the watch-list was made by another version of {model.pack!r} than the one in the "
            "models folder; build it again from the reference photos"
        )
    return Eyes(engine=engine)


def examine(
    medium: Medium,
    watchlist: Watchlist,
    references: ReferenceSource | None = None,
    *,
    eyes: Eyes | None = None,
    only_person: str | None = None,
) -> Examination:
    """Look at one medium for the people of the watch-list and their known pictures.

    `eyes` default to the watch-list's pack in the default models folder, without known hashes.
    `only_person` restricts every comparison to one verified case. A medium that cannot be decoded
    gives an `Examination` with `refusal`; other errors are defects or wrong settings.
    """
    started = time.monotonic()
    eyes = eyes if eyes is not None else eyes_for(watchlist.model)
    model = eyes.engine.model if eyes.engine is not None else None
    # 1. Decode.
    hasher = FrameHasher()
    try:
        decoded = eyes.decoder.decode(medium, hasher.look)
    except MediaError as error:
        hashes = hash_medium(medium.content, None)
        hits = eyes.known.search(hashes, only_person=only_person, hidden=watchlist.masked)
        unseen = ManipulationFinding(
            band="not_assessable",
            reasons=(f"the medium could not be decoded: {error}",),
            parts_not_looked_at=(*PARTS_LOOKED_AT, *PARTS_NOT_LOOKED_AT),
        )
        return Examination(
            hashes=hashes,
            kind="unreadable",
            width_px=0,
            height_px=0,
            frames_examined=0,
            faces_counted=0,
            findings=tuple(
                PersonFinding(person, (), tuple(of_person), unseen)
                for person, of_person in _by_person(hits).items()
            ),
            model=model,
            watchlist_change=watchlist.change,
            refusal=error.refusal,
            seconds=time.monotonic() - started,
        )
    # 2. Hash.
    seen = _hashed(medium, decoded, hasher, with_parts=eyes.known.has_parts)
    # 3. Known pictures.
    hits = eyes.known.search(
        seen.hashes,
        seen.orientations,
        video=seen.video,
        parts=seen.parts,
        only_person=only_person,
        hidden=watchlist.masked,
    )
    # 4. Faces.
    faces, faces_counted = _faces(decoded, watchlist, eyes.engine, only_person)
    # 5. Judge.
    matches = watchlist.restated(faces, faces_counted, only_person)
    # 6. and 7. References and findings, person by person.
    findings = _findings(decoded, matches, hits, references, eyes)
    looked = decoded.video
    return Examination(
        hashes=seen.hashes,
        kind=decoded.kind,
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        frames_examined=looked.samples if looked is not None else len(decoded.frames),
        faces_counted=faces_counted,
        findings=findings,
        model=model,
        watchlist_change=watchlist.change,
        seconds=time.monotonic() - started,
        pdq_orientations=tuple(pdq for _, pdq in seen.orientations.hashes)
        if seen.orientations is not None
        else (),
        frame_hashes=seen.video.frames if seen.video is not None else (),
        frames_total=decoded.frames_total,
        duration_ms=looked.duration_ms if looked is not None else 0,
        looked_ms=looked.looked_ms if looked is not None else 0,
        left_out=decoded.left_out or "",
        parts=large_parts(known_parts(seen.shrunk)) if findings and seen.shrunk else (),
    )


@dataclass(frozen=True, slots=True)
class _Hashed:
    """All hashes of a medium: of a picture turned in every way, or of a video's frames."""

    hashes: MediaHashes
    orientations: PdqOrientations | None = None
    video: VideoHashes | None = None
    parts: MediumParts | None = None
    shrunk: Shrunk | None = None


def _hashed(medium: Medium, decoded: Decoded, hasher: FrameHasher, *, with_parts: bool) -> _Hashed:
    if decoded.kind == "video":
        return _Hashed(hash_medium(medium.content, None), video=hasher.hashes())
    shrunk = shrink(decoded.frames[0])
    orientations = pdq_orientations(shrunk)
    return _Hashed(
        hash_medium(medium.content, shrunk, orientations),
        orientations,
        parts=medium_parts(shrunk) if with_parts else None,
        shrunk=shrunk,
    )


def _faces(
    decoded: Decoded, watchlist: Watchlist, engine: FaceEngine | None, only_person: str | None
) -> tuple[list[FaceMatch], int]:
    """Who was found, and how many faces there were; the faces themselves are gone."""
    found: list[FaceMatch] = []
    counted = 0
    if engine is None:
        return found, counted
    for frame in decoded.frames:
        with engine.probe(frame) as probes:
            counted += len(probes)
            found += watchlist.search(
                probes, frame_index=frame.frame_index, only_person=only_person
            )
    return found, counted


def _findings(
    decoded: Decoded,
    matches: Sequence[FaceMatch],
    hits: Sequence[HashMatch],
    references: ReferenceSource | None,
    eyes: Eyes,
) -> tuple[PersonFinding, ...]:
    faces, pictures = _by_person(matches), _by_person(hits)
    frames = {frame.frame_index: Comparable(frame) for frame in decoded.frames}
    findings: list[PersonFinding] = []
    for person in sorted(faces.keys() | pictures.keys()):
        closest = sorted(faces.get(person, ()), key=lambda match: -match.similarity)
        closest = closest[:MAX_FACES_A_PERSON]
        findings.append(
            PersonFinding(
                person_ref=person,
                faces=tuple(closest),
                hashes=tuple(pictures.get(person, ())),
                manipulation=_manipulation(decoded, frames, person, closest, references, eyes),
            )
        )
    return tuple(findings)


def _manipulation(
    decoded: Decoded,
    frames: Mapping[int, Comparable],
    person: str,
    closest: Sequence[FaceMatch],
    references: ReferenceSource | None,
    eyes: Eyes,
) -> ManipulationFinding:
    """The frame that shows this person best (or the first) beside each of their photos."""
    best = closest[0] if closest else None
    first = frames[decoded.frames[0].frame_index]
    shown = frames.get(best.frame_index, first) if best is not None else first
    photos = references.of(person)[:MAX_REFERENCES] if references is not None else ()
    comparisons = [
        _compared(shown, photo, best.box if best is not None else None, eyes) for photo in photos
    ]
    return assess(decoded.declared, comparisons)


def _compared(
    shown: Comparable, photo: Reference, face_box: Box | None, eyes: Eyes
) -> ReferenceComparison:
    try:
        reference = eyes.shelf.ready(photo.content, eyes.decoder)
    except MediaError as error:
        return ReferenceComparison(
            reference_ref=photo.reference_ref,
            verdict="not_decidable",
            inliers=0,
            overlap_share=0.0,
            altered_share=0.0,
            altered_in_face_share=0.0,
            agreement_outside=0.0,
            mirrored=False,
            scale=0.0,
            reasons=(f"the reference photo could not be read: {error}",),
        )
    return compare_with_reference(
        shown, reference, face_box=face_box, reference_ref=photo.reference_ref
    )


def _by_person(found: Sequence[Found]) -> dict[str, list[Found]]:
    sorted_out: dict[str, list[Found]] = {}
    for each in found:
        sorted_out.setdefault(each.person_ref, []).append(each)
    return sorted_out
