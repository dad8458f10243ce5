"""One medium in, one `Examination` out: the line through all the rooms.

1. Look at the medium (`looking.py`): decode, hash, known pictures, faces.
2. Compare its faces with the watch-list; they are overwritten (design rule 1).
3. Judge each match by what chance would do with this many faces and people.
4. Only for people who were hit: ask for their reference photos and compare the pictures.
5. Put together what was found of each person; of everybody else only the number of faces.

`stream.py` takes the same steps for many media at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from typing import TypeVar

import msgspec

from indexer.examiner.protocol import MAX_REFERENCES, Reference, ReferenceSource
from indexer.faces import Appearance, FaceEngine
from indexer.faces.errors import ModelUnusableError
from indexer.hashing import KnownHashes, known_parts, large_parts
from indexer.looking import Look, look
from indexer.manipulation import (
    PARTS_LOOKED_AT,
    PARTS_NOT_LOOKED_AT,
    Comparable,
    ReferenceShelf,
    assess,
    compare_with_reference,
)
from indexer.media import Decoded, Decoder, DecoderPool, MediaError, Medium
from indexer.observations import (
    Box,
    Examination,
    FaceMatch,
    HashMatch,
    ManipulationFinding,
    ModelStamp,
    PersonFinding,
    ReferenceComparison,
    Shown,
)
from indexer.watchlist import Watchlist

Found = TypeVar("Found", FaceMatch, HashMatch)

MAX_FACES_A_PERSON = 3
"""An animation shows one face in many frames: the closest few say it all."""
ONE_APPEARANCE_MS = 2_000
"""Somebody who turns away for so long is shown all the while."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What `examine` looks with: decoder, models and known hashes.

    Without an engine no face is looked for: hashes and the comparison with references still run.
    Whoever examines more than a few media makes one `Eyes` and passes it each time. `shelf` keeps
    reference photos that were compared: clear it when people or their photos change.
    """

    decoder: Decoder | DecoderPool = field(default_factory=Decoder)
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
    # 1. Look.
    with look(
        medium,
        eyes.decoder,
        eyes.engine,
        eyes.known,
        only_person=only_person,
        hidden=watchlist.masked,
    ) as looked:
        # 2. Compare.
        (matches,) = compare([looked], watchlist, only_person, eyes.engine)
    # 3. to 5. Judge, and put together.
    return conclude(looked, matches, watchlist, references, eyes, only_person, started)


def compare(
    looks: Sequence[Look],
    watchlist: Watchlist,
    only_person: str | None,
    engine: FaceEngine | None,
) -> list[list[FaceMatch]]:
    """Who was found in each of several media, in one comparison; their faces are gone after.

    Faces of stills are embedded before, all together, by `engine`.
    """
    if engine is not None:
        _embed(looks, engine)
    places = [
        (at, index, faces, when)
        for at, each in enumerate(looks)
        for (index, faces), when in zip_longest(each.faces, each.appearances)
    ]
    found: list[list[FaceMatch]] = [[] for _ in looks]
    answers = watchlist.search_many(
        [faces for _, _, faces, _ in places],
        frame_indexes=[index for _, index, _, _ in places],
        only_person=only_person,
    )
    for (at, _, _, when), matches in zip(places, answers, strict=True):
        found[at] += [_with_times(match, when) for match in matches]
    return found


def _embed(looks: Sequence[Look], engine: FaceEngine) -> None:
    waiting = [each.to_embed for each in looks]
    probes = iter(engine.embed([faces for of_look in waiting for faces in of_look]))
    for each, of_look in zip(looks, waiting, strict=True):
        each.embedded([next(probes) for _ in of_look])


def _with_times(match: FaceMatch, when: Appearance | None) -> FaceMatch:
    if when is None:
        return match
    return msgspec.structs.replace(
        match,
        at_ms=when.best.at_ms,
        from_ms=when.first.at_ms,
        to_ms=when.last.at_ms,
        frames=when.frames,
    )


def conclude(
    looked: Look,
    found: Sequence[FaceMatch],
    watchlist: Watchlist,
    references: ReferenceSource | None,
    eyes: Eyes,
    only_person: str | None,
    started: float,
) -> Examination:
    """The examination of a medium whose faces were compared. `started`: on the monotonic clock."""
    model = eyes.engine.model if eyes.engine is not None else None
    if looked.decoded is None:
        return _unreadable(looked, watchlist, model, started)
    # 3. Judge.
    matches = watchlist.restated(found, looked.faces_counted, only_person)
    # 4. and 5. References and findings, person by person.
    seen, decoded, video = looked.seen, looked.decoded, looked.decoded.video
    findings = (
        _findings(looked, decoded, matches, references, eyes) if matches or looked.hits else ()
    )
    findings = _of_the_unmasked(findings, watchlist)
    return Examination(
        hashes=seen.hashes,
        kind=decoded.kind,
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        frames_examined=video.samples if video is not None else looked.frames,
        faces_counted=looked.faces_counted,
        findings=findings,
        model=model,
        watchlist_change=watchlist.change,
        seconds=time.monotonic() - started,
        pdq_orientations=tuple(pdq for _, pdq in seen.orientations.hashes)
        if seen.orientations is not None
        else (),
        frame_hashes=seen.video.frames if seen.video is not None else (),
        frames_total=decoded.frames_total,
        duration_ms=video.duration_ms if video is not None else 0,
        looked_ms=video.looked_ms if video is not None else 0,
        left_out=decoded.left_out or "",
        parts=large_parts(known_parts(seen.shrunk)) if findings and seen.shrunk else (),
    )


def _unreadable(
    looked: Look, watchlist: Watchlist, model: ModelStamp | None, started: float
) -> Examination:
    unseen = ManipulationFinding(
        band="not_assessable",
        reasons=(f"the medium could not be decoded: {looked.refused}",),
        parts_not_looked_at=(*PARTS_LOOKED_AT, *PARTS_NOT_LOOKED_AT),
    )
    return Examination(
        hashes=looked.seen.hashes,
        kind="unreadable",
        width_px=0,
        height_px=0,
        frames_examined=0,
        faces_counted=0,
        findings=_of_the_unmasked(
            [
                PersonFinding(person, (), tuple(of_person), unseen)
                for person, of_person in _by_person(looked.hits).items()
            ],
            watchlist,
        ),
        model=model,
        watchlist_change=watchlist.change,
        refusal=looked.refused.refusal if looked.refused is not None else None,
        seconds=time.monotonic() - started,
    )


def _findings(
    looked: Look,
    decoded: Decoded,
    matches: Sequence[FaceMatch],
    references: ReferenceSource | None,
    eyes: Eyes,
) -> tuple[PersonFinding, ...]:
    faces, pictures = _by_person(matches), _by_person(looked.hits)
    for of_person in faces.values():
        of_person.sort(key=lambda match: -match.similarity)
    best = [of_person[0].frame_index for of_person in faces.values()]
    people = sorted(faces.keys() | pictures.keys())
    asked_at = eyes.shelf.clearings
    photos = {
        person: references.of(person)[:MAX_REFERENCES] if references is not None else ()
        for person in people
    }
    # In full size only for what is compared: it may have to be decoded again for that.
    frames: tuple[Comparable, ...] = ()
    if any(photos.values()):
        frames = tuple(map(Comparable, looked.frames_in_full(eyes.decoder, best)))
    findings: list[PersonFinding] = []
    for person in people:
        closest = faces.get(person, [])[:MAX_FACES_A_PERSON]
        findings.append(
            PersonFinding(
                person_ref=person,
                faces=tuple(closest),
                hashes=tuple(pictures.get(person, ())),
                manipulation=_manipulation(
                    decoded, frames, photos[person], closest, eyes, asked_at
                ),
                shown=shown_times(faces.get(person, ())),
            )
        )
    return tuple(findings)


def _of_the_unmasked(
    findings: Sequence[PersonFinding], watchlist: Watchlist
) -> tuple[PersonFinding, ...]:
    """Without people who were masked since the medium was looked at: that may be seconds ago."""
    masked = watchlist.masked
    return tuple(finding for finding in findings if finding.person_ref not in masked)


def shown_times(matches: Sequence[FaceMatch]) -> tuple[Shown, ...]:
    """When one person is shown, in order; times that touch, or nearly, are one."""
    times: list[Shown] = []
    for match in sorted(matches, key=lambda match: (match.from_ms or 0, match.to_ms or 0)):
        if match.from_ms is None or match.to_ms is None:
            continue
        if times and match.from_ms <= times[-1].to_ms + ONE_APPEARANCE_MS:
            times[-1] = Shown(times[-1].from_ms, max(times[-1].to_ms, match.to_ms))
        else:
            times.append(Shown(match.from_ms, match.to_ms))
    return tuple(times)


def _manipulation(
    decoded: Decoded,
    frames: Sequence[Comparable],
    photos: Sequence[Reference],
    closest: Sequence[FaceMatch],
    eyes: Eyes,
    asked_at: int,
) -> ManipulationFinding:
    """The frame that shows this person best (or the first) beside each of their photos."""
    if not photos:
        return assess(decoded.declared, ())
    if not frames:
        return ManipulationFinding(
            band="not_assessable",
            reasons=("the medium could not be decoded a second time",),
            declared=decoded.declared,
            parts_not_looked_at=(*PARTS_LOOKED_AT, *PARTS_NOT_LOOKED_AT),
        )
    best = closest[0] if closest else None
    shown = frames[0]
    if best is not None:
        of_best = [each for each in frames if each.picture.frame_index == best.frame_index]
        shown = of_best[0] if of_best else shown
    box = best.box if best is not None else None
    comparisons = [_compared(shown, photo, box, eyes, asked_at) for photo in photos]
    return assess(decoded.declared, comparisons)


def _compared(
    shown: Comparable, photo: Reference, face_box: Box | None, eyes: Eyes, asked_at: int
) -> ReferenceComparison:
    try:
        reference = eyes.shelf.ready(photo.content, eyes.decoder, asked_at=asked_at)
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
