"""Pictures in, templates of enrolled people or probes out.

1. `FaceEngine.open` finds the pack, checks licence and digests, loads detector and recogniser.
2. `enrol` gives a `Template` of a reference photo, or raises `PhotoRefusedError` with the reason.
3. `probe` gives the faces of a scraped picture for one comparison (design rule 1); `see` and
   `embed` are its two halves, for several pictures together.

An engine is used by one thread at a time; `another` is for the next thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.faces.align import aligned_face, eye_distance_px, grey_png
from indexer.faces.detect import face_box
from indexer.faces.errors import PhotoRefusedError
from indexer.faces.found import FoundFace
from indexer.faces.packs import DEFAULT_PACK, ModelPack, stamp_of
from indexer.faces.parts import Parts, open_parts
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.probe import ProbeFace, ProbeFaces, SeenFaces
from indexer.faces.quality import FaceQuality, judge
from indexer.faces.quality_figure import quality_of_pack
from indexer.faces.refusals import refuse_if_poor
from indexer.faces.session import RuntimeName
from indexer.faces.steadiness import CHANGES, changed, steadiness
from indexer.faces.template import Template
from indexer.media.picture import Picture, Pixels
from indexer.observations import ModelStamp

BYSTANDER_SHARE = 0.5
"""Someone in the background of a reference photo: eyes less than half as far apart as those of
the person in front. Anyone larger makes the photo ambiguous."""

EYES_APART_ENOUGH_PX = 20.0
"""With so many pixels between the eyes a larger picture finds nobody more. An aligned face has 35;
of 450 people as many are found with 19 as with 43 (.971), and .967 with 16."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A reference photo that was accepted: its template and what was judged of the face.

    `face_crop_png` is the aligned greyscale face, for people to put beside a candidate's.
    """

    template: Template
    quality: FaceQuality
    face_crop_png: bytes


class FaceEngine:
    """A loaded model pack."""

    def __init__(self, parts: Parts) -> None:
        """Prefer `open`."""
        self.pack: ModelPack = parts.pack
        self.model: ModelStamp = stamp_of(parts.pack)
        self.runtime: RuntimeName = parts.runtime
        self.passed_over = parts.passed_over
        """Which better runtimes were not taken, and why."""
        self._parts = parts
        self._detector = parts.detector
        self._recogniser = parts.recogniser
        self._quality_of_pack = quality_of_pack(parts.pack.name)

    @classmethod
    def open(
        cls,
        name: str = DEFAULT_PACK,
        *,
        models_dir: Path | str | None = None,
        runtime: str = "auto",
        accepted_licences: tuple[str, ...] = (),
        threads: int = 2,
    ) -> FaceEngine:
        """Load a pack whose files are already there.

        Raises `UnknownPackError`, `LicenceNotAcceptedError`, `PackMissingError`,
        `PackDamagedError`, `RuntimeUnavailableError` or `ModelUnusableError`; each message says
        what to do.
        """
        parts = open_parts(
            name,
            models_dir=models_dir,
            runtime=runtime,
            accepted_licences=accepted_licences,
            threads=threads,
        )
        return cls(parts)

    def another(self) -> FaceEngine:
        """The same for one more thread, over the same weights."""
        return FaceEngine(self._parts.another())

    def enrol(self, picture: Picture, others: tuple[Template, ...] = ()) -> Template:
        """The template of the one face in a reference photo; see `enrol_with_quality`."""
        return self.enrol_with_quality(picture, others).template

    def enrol_with_quality(self, picture: Picture, others: tuple[Template, ...] = ()) -> Enrolment:
        """A template and what was judged of the face.

        `picture` is upright, as `Decoder` gives it; `others` are earlier templates of the
        same person. Raises `PhotoRefusedError` with "no_face", "several_faces", "too_small",
        "too_dark", "too_bright", "turned_away", "blurred", "covered", "unclear" or
        "not_same_person".
        """
        face = self._only_face(picture)
        crop = aligned_face(picture.pixels, face)
        vectors = np.empty((1 + CHANGES, self.pack.dimension), np.float32)
        lengths = np.empty(1 + CHANGES, np.float32)
        self._recogniser.embed_into([crop, *changed(crop)], vectors, lengths)
        steady = steadiness(vectors[0], vectors[1:])
        quality = self._quality_of_pack.judged(
            judge(face, crop, vector_length=float(lengths[0]), steadiness=steady)
        )
        refuse_if_poor(quality)
        template = Template(vectors[0].copy(), self.model)
        if others:
            closest = max(template.similarity(other) for other in others)
            if closest < self.pack.calibration.same_person_threshold:
                raise PhotoRefusedError(
                    "not_same_person",
                    "This face does not look like the one in the other photos. Choose a photo of "
                    "the same person.",
                    quality,
                )
        return Enrolment(template, quality, grey_png(crop))

    def probe(
        self,
        picture: Picture,
        full_size: Callable[[], Picture] | None = None,
        *,
        at_most: int | None = None,
    ) -> ProbeFaces:
        """All faces of an upright picture, for one comparison: use it in a `with` block.

        The arguments are those of `see`. What is found and is no face is left out.
        """
        (probes,) = self.embed([self.see(picture, full_size, at_most=at_most)])
        return probes

    def see(
        self,
        picture: Picture,
        full_size: Callable[[], Picture] | None = None,
        *,
        at_most: int | None = None,
    ) -> SeenFaces:
        """The aligned faces of an upright picture, for `embed`: use them in a `with` block.

        `full_size` gives the same picture in full size, where it came smaller: it is asked only
        when a face is so small here that there is more to see of it there. With `at_most`
        only so many are taken, the surest ones.
        """
        full = _FullSize(full_size) if full_size is not None else None
        looked = self._detector.detect(picture.pixels, full.pixels if full is not None else None)
        found = looked[:at_most]
        if full is not None and (full.was_asked or any(map(_gains_by_size, found))):
            picture, found = _in_full_size(picture, found, full.picture())
        crops: list[Pixels] = []
        try:
            for face in found:
                crops.append(aligned_face(picture.pixels, face))
            return SeenFaces(crops, found, [face_box(face, picture) for face in found])
        finally:
            for crop in crops:
                crop.fill(0)

    def embed(self, pictures: Sequence[SeenFaces]) -> list[ProbeFaces]:
        """Probes of each picture's faces, which are overwritten; several pictures' cost less
        together. What is no face by its vector is left out.

        Raises `ProbeSpentError` when one picture's faces were embedded already; the others are
        then overwritten too.
        """
        buffer = PrivateBuffer(0)
        lengths = np.zeros(sum(map(len, pictures)), np.float32)
        made: list[ProbeFace] = []
        try:
            lent = [seen._lend_aligned() for seen in pictures]
            crops = [crop for of_picture in lent for crop, _, _ in of_picture]
            buffer = PrivateBuffer(len(crops) * self.pack.dimension * 4)
            vectors = buffer.floats((len(crops), self.pack.dimension))
            if crops:
                self._recogniser.embed_into(crops, vectors, lengths)
            probes: list[ProbeFaces] = []
            at = 0
            for of_picture in lent:
                faces = []
                for crop, face, box in of_picture:
                    length = float(lengths[at])
                    if self._quality_of_pack.is_a_face(length):
                        figure = self._quality_of_pack.figure_of(face, crop, length)
                        faces.append(ProbeFace(vectors[at], crop, box, figure))
                        made.append(faces[-1])
                    at += 1
                probes.append(ProbeFaces(tuple(faces), self.model))
        except BaseException:
            for face_made in made:
                face_made.overwrite()
            raise
        else:
            return probes
        finally:
            buffer.wipe()
            lengths.fill(0)
            for seen in pictures:
                seen.overwrite()

    def _only_face(self, picture: Picture) -> FoundFace:
        found = sorted(self._detector.detect(picture.pixels), key=eye_distance_px, reverse=True)
        if not found:
            raise PhotoRefusedError(
                "no_face",
                "No face was found. Choose a photo that shows the face from the front, upright.",
            )
        if len(found) > 1 and eye_distance_px(found[1]) > BYSTANDER_SHARE * eye_distance_px(
            found[0]
        ):
            raise PhotoRefusedError(
                "several_faces",
                "There are several faces. Choose or crop a photo that shows only this person.",
            )
        return found[0]


def _gains_by_size(face: FoundFace) -> bool:
    return eye_distance_px(face) < EYES_APART_ENOUGH_PX


def _in_full_size(
    picture: Picture, found: tuple[FoundFace, ...], full: Picture
) -> tuple[Picture, tuple[FoundFace, ...]]:
    """The larger picture, and the same faces in its pixels."""
    across = full.width_px / picture.width_px
    down = full.height_px / picture.height_px
    return full, tuple(face.scaled(across, down) for face in found)


class _FullSize:
    """A picture in full size: asked for once, by whoever needs it first."""

    def __init__(self, ask: Callable[[], Picture]) -> None:
        self._ask = ask
        self._picture: Picture | None = None

    @property
    def was_asked(self) -> bool:
        return self._picture is not None

    def picture(self) -> Picture:
        if self._picture is None:
            self._picture = self._ask()
        return self._picture

    def pixels(self) -> Pixels:
        return self.picture().pixels
