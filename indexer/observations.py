"""What comes out of `indexer`: an `Examination` and its parts.

Everything here may cross a process border as msgpack and may be stored. It therefore holds, for
faces that match nobody, a count and nothing else: never a vector, never a stranger's box
(design rule 1).
"""

from __future__ import annotations

from typing import Literal

import msgspec

MediumKind = Literal["still", "animation", "video", "unreadable"]
HashKind = Literal["sha256", "pdq", "pdq_part", "vpdq"]
Part = Literal["whole", "inside_border", "panel", "cut_out"]
Band = Literal["strong", "moderate", "weak"]
Caution = Literal["another_person_close", "two_faces_match"]


class Box(msgspec.Struct, frozen=True):
    """A face's place in the upright, full-size picture, in pixels."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


class ModelStamp(msgspec.Struct, frozen=True):
    """Which model pack looked: design rule 14. `digest` covers all files and the preprocessing."""

    pack: str
    digest: str
    preprocessing: int


class FaceMatch(msgspec.Struct, frozen=True):
    """A face of the medium that is close to an enrolled person.

    `similarity` is a cosine in [-1, 1]. `expected_chance_matches` is how many matches at least
    this close one would expect by chance in this one medium, at this gallery's size;
    `chance_is_extrapolated` when the similarity lies outside of what was measured: then it is the
    most that there may be. `chance_is_provisional` when nobody measured the model's figures.
    `cautions` have lowered the band: another enrolled person is nearly as close, or two faces of
    one frame match this person.
    `face_crop_png` is the aligned, greyscale 112x112 crop of this face alone; the only thing of a
    probe that outlives its call.
    `quality` is the share of genuine comparisons that a face like this one is expected to pass, in
    [0, 1].
    In an animation or a video it is a face that goes on for a while, seen in `frames` of the frames
    looked at: first at `from_ms`, last at `to_ms`, and best at `at_ms`, which is where box, crop
    and `frame_index` are from. Times are None where the file says none.
    """

    person_ref: str
    similarity: float
    threshold: float
    expected_chance_matches: float
    band: Band
    box: Box
    frame_index: int
    face_crop_png: bytes
    chance_is_extrapolated: bool = False
    chance_is_provisional: bool = False
    cautions: tuple[Caution, ...] = ()
    at_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    frames: int = 1
    quality: float = 1.0


class HashMatch(msgspec.Struct, frozen=True):
    """The medium is, by a hash, a picture that is known to belong to an enrolled person.

    `distance` is 0 for `sha256` and the Hamming distance (of 256 bits) for `pdq` and `pdq_part`;
    for `vpdq` the smallest one between frames. `orientation` names which of the eight turns and
    mirrorings of the known picture matched ("upright" first). `part` says how they lie: "whole" on
    each other; "inside_border": the known picture inside of bars or a frame; "panel": as a part of
    a larger picture, such as a collage; "cut_out": a part of the known picture is the medium, or
    in it. The shares, in [0, 1], say how much of each is in the other: for `vpdq` of a video's
    frames, for `pdq_part` of the area. `at_ms` is where a medium that is a video shows its closest
    frame.
    """

    person_ref: str
    known_ref: str
    kind: HashKind
    distance: int
    orientation: str
    band: Band
    part: Part = "whole"
    known_share: float | None = None
    medium_share: float | None = None
    at_ms: int | None = None


class MediaHashes(msgspec.Struct, frozen=True):
    """Hashes of the medium itself; no biometrics. PDQ and ImageHash values are lower-case hex."""

    sha256: str
    pdq: str | None = None
    pdq_quality: int | None = None
    phash: str | None = None


class FrameHash(msgspec.Struct, frozen=True):
    """PDQ of one frame of a video, lower-case hex; quality 0 to 100; `at_ms` from its beginning."""

    at_ms: int
    pdq: str
    quality: int


class PartHash(msgspec.Struct, frozen=True):
    """PDQ of one part of a known picture, lower-case hex; quality 0 to 100.

    The part's edges are in thousandths of the picture's width and height, from left and top.
    """

    pdq: str
    quality: int
    left: int
    top: int
    right: int
    bottom: int


FactKind = Literal["c2pa", "xmp", "iptc", "png_text", "exif"]


class DeclaredFact(msgspec.Struct, frozen=True):
    """Something that the file says of itself: reported as said by the file, never scored."""

    kind: FactKind
    name: str
    value: str
    says_generated: bool
    validation: str | None = None


ComparisonVerdict = Literal["altered", "same_photo", "same_occasion", "unrelated", "not_decidable"]


class ReferenceComparison(msgspec.Struct, frozen=True):
    """The medium beside one reference photo of the matched person (whole-picture comparison).

    Shares are of the overlapping area, in [0, 1]. `map_png` is a small greyscale mask (white is
    altered) in the medium's coordinates; present only when the verdict is "altered".
    """

    reference_ref: str
    verdict: ComparisonVerdict
    inliers: int
    overlap_share: float
    altered_share: float
    altered_in_face_share: float
    agreement_outside: float
    mirrored: bool
    scale: float
    reasons: tuple[str, ...]
    map_png: bytes | None = None


ManipulationBand = Literal[
    "strong_signs",
    "moderate_signs",
    "weak_signs",
    "inconclusive",
    "no_trace_found",
    "not_assessable",
]


class ManipulationFinding(msgspec.Struct, frozen=True):
    """Declared facts and reference findings, with the band that words are chosen by.

    It gates nothing (design rule 5). `parts_looked_at` names which kinds of evidence this version
    looked for, `parts_not_looked_at` those that it does not have, so that a reader sees the gap.
    """

    band: ManipulationBand
    reasons: tuple[str, ...]
    declared: tuple[DeclaredFact, ...] = ()
    comparisons: tuple[ReferenceComparison, ...] = ()
    parts_looked_at: tuple[str, ...] = ()
    parts_not_looked_at: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """Why a medium could not be looked at. `code` is stable, `message` is for people."""

    code: str
    message: str


class Shown(msgspec.Struct, frozen=True):
    """From when to when a video or an animation shows somebody, as far as it was looked at."""

    from_ms: int
    to_ms: int


class PersonFinding(msgspec.Struct, frozen=True):
    """All that one medium showed of one enrolled person.

    `faces` are the closest few; `shown` are the times of all of them, in order, those that touch
    put together.
    """

    person_ref: str
    faces: tuple[FaceMatch, ...]
    hashes: tuple[HashMatch, ...]
    manipulation: ManipulationFinding
    shown: tuple[Shown, ...] = ()


class Examination(msgspec.Struct, frozen=True):
    """The one answer of `examine`: what was looked at, how, and which enrolled people it shows.

    `faces_counted` is the number of faces that were compared: of a still all that were detected, of
    what moves each one that goes on for a while once. Nothing else of unmatched faces exists.
    `model` is None when face matching was switched off.
    `refusal` is set when the medium could not be decoded; hashes of its bytes are there even then.
    `pdq_orientations` are the eight PDQ hashes of a picture, as `indexer.hashing.ORIENTATIONS`
    orders them; `frame_hashes` those of a video's sampled frames, upright, usable ones only and
    equal ones once. `frames_examined` counts those that were looked at of `frames_total`;
    `duration_ms` and `looked_ms` how long a video is and up to where it was looked at. `left_out`
    says in words what of the medium was not looked at, and why. `parts` are the large ones of a
    picture that shows somebody who is looked for: its own copies are found by them once it is
    confirmed.
    """

    hashes: MediaHashes
    kind: MediumKind
    width_px: int
    height_px: int
    frames_examined: int
    faces_counted: int
    findings: tuple[PersonFinding, ...] = ()
    model: ModelStamp | None = None
    watchlist_change: int = 0
    refusal: Refusal | None = None
    seconds: float = 0.0
    pdq_orientations: tuple[str, ...] = ()
    frame_hashes: tuple[FrameHash, ...] = ()
    frames_total: int = 0
    duration_ms: int = 0
    looked_ms: int = 0
    left_out: str = ""
    parts: tuple[PartHash, ...] = ()
