"""The conversation between the worker and the examiner (`python -m indexer.examiner`).

The examiner holds the models and the gallery and owns every probe. In: bytes of media, encrypted
nothing. Out: `Examination`, templates of enrolled people's own photos, counts; never a probe.

1. `Hello` names the pack to load (or none: face matching is off); answered by `Ready`.
2. `LoadGallery` replaces the gallery by an immutable snapshot; answered by `GalleryLoaded`. A large
   one comes in parts: `BeginGallery` and each `GalleryPart` are answered by `GalleryPartTaken`,
   `FinishGallery` by `GalleryLoaded`. `ChangeGallery` says what is new and what is gone; answered
   by `GalleryLoaded`. `MaskPerson` hides a person at once; answered by `PersonMasked`.
3. `Examine` is answered by `Examined`, or first by `ReferencesWanted`, which the worker answers
   with `References` (only after a face or hash hit, and only for that person).
   Several may be under way, and are answered as they are done; `request_id` tells them apart.
4. `Enrol` is answered by `Enrolled`: a template, or why not.
5. `Hash` is answered by `Hashed` (no face model involved).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from indexer.observations import (
    Examination,
    FrameHash,
    MediaHashes,
    MediumKind,
    ModelStamp,
    PartHash,
    Refusal,
)


class GalleryTemplate(msgspec.Struct, frozen=True):
    """One enrolled embedding: `vector` is little-endian float32, unit length."""

    person_ref: str
    template_ref: str
    vector: bytes


class GalleryHash(msgspec.Struct, frozen=True):
    """One known picture of an enrolled person, as hashes (lower-case hex); or one known video, with
    the PDQ of its usable frames in `frames`. `parts` are those of a picture.
    """

    person_ref: str
    known_ref: str
    sha256: str | None
    pdq: str | None
    pdq_quality: int | None
    frames: tuple[str, ...] = ()
    parts: tuple[PartHash, ...] = ()


DEFAULT_MEMORY_BYTES = 4 * 1024**3
MAX_REFERENCES = 5
"""Photos of a person that one medium is compared with: that takes about a second a photo."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Start with this pack from this folder; `pack` None means that no face model is loaded.

    `memory_bytes` bounds what looking at media may take, beside models and gallery, and with it how
    many are looked at at a time.
    """

    pack: str | None
    models_dir: str
    runtime: str = "auto"
    sandbox: str = "auto"
    accepted_licences: tuple[str, ...] = ()
    memory_bytes: int = DEFAULT_MEMORY_BYTES


class LoadGallery(msgspec.Struct, frozen=True, tag=True):
    """The whole gallery at change number `change`; `model` must be the loaded pack's stamp.

    `chance_matches_per_face` is how many chance matches are bearable for each face looked at.
    """

    change: int
    model: ModelStamp | None
    templates: tuple[GalleryTemplate, ...]
    hashes: tuple[GalleryHash, ...]
    chance_matches_per_face: float = 1e-3


class BeginGallery(msgspec.Struct, frozen=True, tag=True):
    """As `LoadGallery`, for a gallery that follows in parts. The one in service stays meanwhile."""

    change: int
    model: ModelStamp | None
    chance_matches_per_face: float


class GalleryPart(msgspec.Struct, frozen=True, tag=True):
    """Some templates; the first part has number 0."""

    number: int
    templates: tuple[GalleryTemplate, ...]


class FinishGallery(msgspec.Struct, frozen=True, tag=True):
    """All parts were sent: so many templates, with this checksum (`GalleryChecksum`)."""

    templates: int
    checksum: bytes
    hashes: tuple[GalleryHash, ...]


class ChangeGallery(msgspec.Struct, frozen=True, tag=True):
    """What leads from the gallery at `change_from` to the one at `change`.

    `removed` are template references, overwritten in memory before the answer; `templates` is how
    many there are afterwards. `hashes` None leaves the known pictures as they are.
    """

    change_from: int
    change: int
    model: ModelStamp
    added: tuple[GalleryTemplate, ...]
    removed: tuple[str, ...]
    templates: int
    hashes: tuple[GalleryHash, ...] | None
    chance_matches_per_face: float


class MaskPerson(msgspec.Struct, frozen=True, tag=True):
    """Never match this person again until the next gallery is loaded."""

    person_ref: str


class Examine(msgspec.Struct, frozen=True, tag=True):
    """Look at one medium. `only_person` restricts the comparison to one verified case.

    Without `with_faces` no face model touches the medium, although one is loaded. `run` is an
    opaque key: faces are compared together with those of the same run alone, without one by
    themselves.
    """

    request_id: int
    content: bytes
    declared_type: str | None
    media_url: str | None
    page_url: str | None
    only_person: str | None = None
    with_faces: bool = True
    run: str | None = None


class Reference(msgspec.Struct, frozen=True):
    """One reference photo of a person, for the whole-picture comparison."""

    reference_ref: str
    content: bytes


class ReferenceSource(Protocol):
    """Gives the reference photos of a person, asked only after a face or hash hit."""

    def of(self, person_ref: str) -> Sequence[Reference]:
        """This person's reference photos, best first; none is fine."""
        ...


class References(msgspec.Struct, frozen=True, tag=True):
    """The answer to `ReferencesWanted`."""

    request_id: int
    references: tuple[Reference, ...]


class Enrol(msgspec.Struct, frozen=True, tag=True):
    """Make a template of a reference photo. `others` are this person's earlier vectors."""

    request_id: int
    content: bytes
    others: tuple[bytes, ...] = ()


class Hash(msgspec.Struct, frozen=True, tag=True):
    """Only the hashes of a picture or video, without looking for faces."""

    request_id: int
    content: bytes


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Loaded. `model` is None when face matching is off; `lanes` media are looked at at a time."""

    model: ModelStamp | None
    runtime: str
    lanes: int = 1


class GalleryLoaded(msgspec.Struct, frozen=True, tag=True):
    """The snapshot is in place.

    `threshold` is the similarity from which on a face is a match, `chance_matches_per_face` how
    many chance matches a face causes there, by the pack's figures; `chance_is_measured` is false
    for figures that nobody measured. Without face matching there is none. So many faces are worth
    waiting for, to be `compared_together`: hand over as many media more.
    """

    change: int
    templates: int
    hashes: int
    threshold: float = 1.0
    chance_matches_per_face: float = 0.0
    chance_is_measured: bool = True
    compared_together: int = 0


class GalleryPartTaken(msgspec.Struct, frozen=True, tag=True):
    """So many templates of the coming gallery are there."""

    templates: int


class PersonMasked(msgspec.Struct, frozen=True, tag=True):
    """The person can no longer be matched."""

    person_ref: str


class ReferencesWanted(msgspec.Struct, frozen=True, tag=True):
    """The medium `request_id` matched this person: their reference photos are needed."""

    request_id: int
    person_ref: str


class Examined(msgspec.Struct, frozen=True, tag=True):
    """The one answer to `Examine`."""

    request_id: int
    examination: Examination


class PhotoQuality(msgspec.Struct, frozen=True):
    """What was judged of a reference photo's face: pixels between the eyes, sharpness
    (variance of the Laplacian of the aligned face), mean brightness 0-255, yaw in degrees.

    `figure` is the share of genuine comparisons that a face like this one is expected to pass, in
    [0, 1]; `stability` the cosine of its vector with those of the face mirrored and moved a little;
    `covered` the part of it that seems to be covered: "upper", "lower", "side", or empty. All three
    are None or empty in what was stored before they were judged.
    """

    eye_distance_px: float
    sharpness: float
    brightness: float
    yaw_degrees: float
    detection_score: float
    figure: float | None = None
    stability: float | None = None
    covered: str = ""


class Enrolled(msgspec.Struct, frozen=True, tag=True):
    """A template (`vector`, float32 little-endian, unit length), or `refusal`.

    Refusal codes: "no_face", "several_faces", "too_small", "too_dark", "too_bright", "blurred",
    "turned_away", "covered", "unclear", "not_same_person", "unreadable", "face_matching_off".
    """

    request_id: int
    vector: bytes | None
    quality: PhotoQuality | None
    hashes: MediaHashes | None
    model: ModelStamp | None
    refusal: Refusal | None = None
    face_crop_png: bytes | None = None
    """The photo's own aligned greyscale face, for reviewers to put beside a candidate's."""
    parts: tuple[PartHash, ...] = ()
    turned: tuple[str, ...] = ()
    """PDQ of the photo turned and mirrored in all eight ways, as `ORIENTATIONS` orders them."""


class Hashed(msgspec.Struct, frozen=True, tag=True):
    """The one answer to `Hash`; `frames` are a video's usable, distinct ones, `parts` those of a
    picture; `turned` is its PDQ in all eight orientations, as `ORIENTATIONS` orders them.
    """

    request_id: int
    hashes: MediaHashes | None
    refusal: Refusal | None = None
    kind: MediumKind = "still"
    frames: tuple[FrameHash, ...] = ()
    parts: tuple[PartHash, ...] = ()
    turned: tuple[str, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A request could not be served (a defect or a wrong setting, not a bad picture)."""

    request_id: int | None
    code: str
    message: str


ExaminerInbound = (
    Hello
    | LoadGallery
    | BeginGallery
    | GalleryPart
    | FinishGallery
    | ChangeGallery
    | MaskPerson
    | Examine
    | References
    | Enrol
    | Hash
)
ExaminerOutbound = (
    Ready
    | GalleryLoaded
    | GalleryPartTaken
    | PersonMasked
    | ReferencesWanted
    | Examined
    | Enrolled
    | Hashed
    | Failed
)
