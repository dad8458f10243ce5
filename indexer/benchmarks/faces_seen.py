"""A labelled folder of faces as the engine sees it: every picture decoded, detected, embedded once.

1. `read_folder` lists `DIR/<person>/*.jpg` (also .png and .webp); the folder is the person.
2. `Eye` looks as an engine does: the pack's own detector, alignment and recogniser, in that order.
3. `see` gives one vector for each picture: of the face that is labelled, by a stated rule.

The vectors are of labelled data that the operator brings, not of scraped media; they are held in
memory for this run and written nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.conditions import Marks, Shot
from indexer.errors import IndexerError
from indexer.faces.align import aligned_face
from indexer.faces.packs import stamp_of
from indexer.faces.parts import Parts
from indexer.faces.quality import yaw_degrees
from indexer.media import Decoder, MediaError, Medium
from indexer.media.picture import Pixels

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Said = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
LABELLED_FACE_RULE: Final = (
    "of several faces the one with the largest area less twice its squared distance from the "
    "middle of the picture"
)
_TOGETHER: Final = 64
_FEWEST_PEOPLE: Final = 2


class NothingToMeasureError(IndexerError):
    """The folder does not hold what this figure needs; the message says what is missing."""

    code = "nothing_to_measure"


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """`people[i]` is a folder's name, `pictures[i]` its files in order."""

    people: tuple[str, ...]
    pictures: tuple[tuple[Path, ...], ...]


def read_folder(folder: Path, limit_people: int | None = None, seed: int = 1) -> LabelledFolder:
    """All people, or some by chance. Raises `NothingToMeasureError`."""
    found = [
        (each.name, tuple(sorted(p for p in each.iterdir() if p.suffix.lower() in SUFFIXES)))
        for each in sorted(folder.iterdir())
        if each.is_dir()
    ]
    found = [(name, files) for name, files in found if files]
    if limit_people is not None and len(found) > limit_people:
        order = np.random.default_rng(seed).permutation(len(found))[:limit_people]
        found = [found[int(place)] for place in sorted(order)]
    if len(found) < _FEWEST_PEOPLE:
        raise NothingToMeasureError(
            f"{folder} holds {len(found)} folders with pictures; it should be DIR/<person>/*.jpg "
            f"of at least {_FEWEST_PEOPLE} people"
        )
    return LabelledFolder(tuple(name for name, _ in found), tuple(files for _, files in found))


@dataclass(frozen=True, slots=True, eq=False)
class SeenSet:
    """What was seen of a labelled folder. Row i of every array is one picture with a face.

    `person` indexes `people`; `vectors` (n, dimension) are of unit length; `boxes_px` (n, 4) and
    `marks_px` (n, 5, 2) say where the labelled face is; `missed[p]` counts the pictures of a person
    in which no face was found.
    """

    people: tuple[str, ...]
    person: Whole
    paths: tuple[Path, ...]
    vectors: Floats
    boxes_px: Floats
    marks_px: Floats
    yaw_degrees: Floats
    missed: Whole
    unreadable: int

    @property
    def pictures_of(self) -> Whole:
        """How many pictures with a face each person has, (people,)."""
        return np.bincount(self.person, minlength=len(self.people)).astype(np.int64)

    def only(self, people: Iterable[int]) -> SeenSet:
        """Some of the people, by their places, counted anew."""
        kept = sorted(set(people))
        renamed = np.full(len(self.people), -1, np.int64)
        renamed[kept] = np.arange(len(kept))
        rows = np.flatnonzero(renamed[self.person] >= 0)
        return SeenSet(
            people=tuple(self.people[place] for place in kept),
            person=renamed[self.person[rows]],
            paths=tuple(self.paths[row] for row in rows),
            vectors=self.vectors[rows],
            boxes_px=self.boxes_px[rows],
            marks_px=self.marks_px[rows],
            yaw_degrees=self.yaw_degrees[rows],
            missed=self.missed[kept],
            unreadable=0,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """The face that was chosen in one picture."""

    box_px: tuple[float, float, float, float]
    marks_px: Marks
    yaw_degrees: float
    crop: Pixels


class Eye:
    """Detects, aligns and embeds with a pack's own parts, as `FaceEngine` does.

    It has parts of its own instead of an accessor in the engine: that would be a way to the vector
    of a probe for everybody who holds an engine (design rule 1); `indexer.faces.parts` can be
    imported by benchmarks only.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.model = stamp_of(parts.pack)
        self.pack = parts.pack
        self.runtime = parts.runtime

    def labelled_face(self, pixels: Pixels) -> SeenFace | None:
        """The face meant by the folder's name, chosen by `LABELLED_FACE_RULE`."""
        height, width = pixels.shape[:2]

        def standing(box: tuple[float, float, float, float]) -> float:
            away = (box[0] + box[2] / 2 - width / 2, box[1] + box[3] / 2 - height / 2)
            return float(box[2] * box[3] - 2 * (away[0] ** 2 + away[1] ** 2))

        found = self._parts.detector.detect(pixels)
        if not found:
            return None
        face = max(found, key=lambda each: standing(each.box_px))
        return SeenFace(
            face.box_px, face.landmarks_px, yaw_degrees(face), aligned_face(pixels, face)
        )

    def face_at(self, shot: Shot) -> SeenFace | None:
        """The face found where the shot's face is: at most half its size away, the nearest."""
        x, y = shot.middle_px
        reach = max(shot.box_px[2:]) / 2

        def away(box: tuple[float, float, float, float]) -> float:
            return float(np.hypot(box[0] + box[2] / 2 - x, box[1] + box[3] / 2 - y))

        near = [
            each for each in self._parts.detector.detect(shot.pixels) if away(each.box_px) <= reach
        ]
        if not near:
            return None
        face = min(near, key=lambda each: away(each.box_px))
        return SeenFace(
            face.box_px, face.landmarks_px, yaw_degrees(face), aligned_face(shot.pixels, face)
        )

    def embed(self, crops: Sequence[Pixels]) -> Floats:
        """(n, dimension) float32 of unit length."""
        vectors = np.zeros((len(crops), self.pack.dimension), np.float32)
        if crops:
            self._parts.recogniser.embed_into(list(crops), vectors)
        return vectors


def pixels_of(path: Path, decoder: Decoder) -> Pixels | None:
    """A picture's upright pixels, or None when it cannot be read."""
    try:
        return decoder.decode(Medium(path.read_bytes())).frames[0].pixels
    except (MediaError, OSError):
        return None


def see(folder: LabelledFolder, eye: Eye, decoder: Decoder, said: Said) -> SeenSet:
    """Look at every picture once. Raises `NothingToMeasureError` when no face is found at all."""
    todo = [(who, path) for who, files in enumerate(folder.pictures) for path in files]
    person: list[int] = []
    paths: list[Path] = []
    faces: list[SeenFace] = []
    vectors: list[Floats] = []
    waiting: list[Pixels] = []
    missed = np.zeros(len(folder.people), np.int64)
    unreadable = 0
    for done, (who, path) in enumerate(todo):
        said("looking", done, len(todo))
        pixels = pixels_of(path, decoder)
        if pixels is None:
            unreadable += 1
            continue
        face = eye.labelled_face(pixels)
        if face is None:
            missed[who] += 1
            continue
        person.append(who)
        paths.append(path)
        # The crop is needed until it is embedded; thousands of them would be gigabytes.
        waiting.append(face.crop)
        faces.append(replace(face, crop=face.crop[:0].copy()))
        if len(waiting) == _TOGETHER:
            vectors.append(eye.embed(waiting))
            waiting.clear()
    vectors.append(eye.embed(waiting))
    said("looking", len(todo), len(todo))
    if not faces:
        raise NothingToMeasureError("no face was found in any of the pictures")
    return SeenSet(
        people=folder.people,
        person=np.array(person, np.int64),
        paths=tuple(paths),
        vectors=np.concatenate(vectors),
        boxes_px=np.array([face.box_px for face in faces], np.float32),
        marks_px=np.array([face.marks_px for face in faces], np.float32),
        yaw_degrees=np.array([face.yaw_degrees for face in faces], np.float32),
        missed=missed,
        unreadable=unreadable,
    )
