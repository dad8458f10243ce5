"""Photos of labelled people as they are and spoiled in known ways, with every sign of quality.

1. Of each person some pictures are looked at as they are; the first few also spoiled, each in some
   ways that chance chooses, as strongly as chance says.
2. Of each face found: its vector, what `FaceEngine` would judge of it, and why it would refuse it.

Labelled data that the operator brings: vectors stay in memory for this run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks import conditions as made
from indexer.benchmarks.condition_codecs import saved_as_jpeg
from indexer.benchmarks.conditions import Chance, Change, Shot, in_order
from indexer.benchmarks.faces_seen import (
    Floats,
    LabelledFolder,
    NothingToMeasureError,
    Said,
    Whole,
    pixels_of,
)
from indexer.faces.align import aligned_face
from indexer.faces.errors import PhotoRefusedError
from indexer.faces.found import FoundFace
from indexer.faces.parts import Parts
from indexer.faces.quality import FaceQuality, judge
from indexer.faces.quality_figure import quality_of_pack
from indexer.faces.refusals import refuse_if_poor
from indexer.faces.steadiness import CHANGES, changed, steadiness
from indexer.media import Decoder
from indexer.media.picture import Pixels

AS_IT_IS: Final = "as it is"
Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Spoiling:
    """One way to spoil a photo: `of` gives the change for a strength in [0, 1]."""

    name: str
    of: Callable[[float], Change]


def _between(low: float, high: float, strength: float) -> float:
    """From low to high in equal ratios."""
    return float(low * (high / low) ** strength)


SPOILINGS: Final = (
    Spoiling("blurred", lambda s: partial(made.blurred, sigma_px=_between(1, 6, s))),
    Spoiling("moved", lambda s: partial(made.motion_blurred, length_px=3 + 2 * round(10 * s))),
    Spoiling("dark", lambda s: partial(made.dark, light=_between(0.4, 0.05, s))),
    Spoiling("overexposed", lambda s: partial(made.overexposed, light=_between(1.5, 6, s))),
    Spoiling("low contrast", lambda s: partial(made.low_contrast, share=_between(0.5, 0.06, s))),
    Spoiling("small", lambda s: partial(made.face_of, width_px=_between(70, 20, s))),
    Spoiling(
        "compressed",
        lambda s: in_order(
            partial(made.face_of, width_px=56),
            partial(saved_as_jpeg, quality=round(_between(40, 4, s))),
        ),
    ),
    Spoiling("eyes covered", lambda _: made.eyes_covered),
    Spoiling("lower face covered", lambda _: made.lower_face_covered),
    Spoiling("one side covered", lambda _: made.half_covered),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """How much is looked at of each person."""

    pictures_a_person: int = 6
    spoiled_pictures: int = 3
    ways_a_picture: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Row i of everything is one face. `person` and `picture` number people and pictures, `kind` is
    `AS_IT_IS` or a spoiling's name, `strength` in [0, 1], `refusal` a code or "".
    `missed[kind]` is (looked for, not found).
    """

    people: tuple[str, ...]
    person: Whole
    picture: Whole
    kind: Texts
    strength: Floats
    vectors: Floats
    qualities: tuple[FaceQuality, ...]
    refusal: Texts
    missed: dict[str, tuple[int, int]]

    def only(self, rows: NDArray[np.bool_]) -> Views:
        """Some of the rows."""
        return Views(
            people=self.people,
            person=self.person[rows],
            picture=self.picture[rows],
            kind=self.kind[rows],
            strength=self.strength[rows],
            vectors=self.vectors[rows],
            qualities=tuple(
                quality for quality, keep in zip(self.qualities, rows, strict=True) if keep
            ),
            refusal=self.refusal[rows],
            missed=self.missed,
        )


def look(
    folder: LabelledFolder, parts: Parts, decoder: Decoder, sample: Sample, seed: int, said: Said
) -> Views:
    """All views of a folder. Raises `NothingToMeasureError` where nobody has two pictures."""
    chosen = [
        (who, files[: sample.pictures_a_person])
        for who, files in enumerate(folder.pictures)
        if len(files) > 1
    ]
    if len(chosen) < 4:
        raise NothingToMeasureError("quality needs people with two pictures or more, of 4 at least")
    rows: list[_Row] = []
    counted: dict[str, list[int]] = {}
    number = 0
    for done, (who, files) in enumerate(chosen):
        said("looking", done, len(chosen))
        for place, path in enumerate(files):
            ways = sample.ways_a_picture if place < sample.spoiled_pictures else 0
            chance = np.random.default_rng([seed, who, place])
            for kind, found in _views_of(path, parts, decoder, ways, chance):
                looked_for = counted.setdefault(kind, [0, 0])
                looked_for[0] += 1
                looked_for[1] += found is None
                if found is not None:
                    rows.append(replace(found, person=who, picture=number))
            number += 1
    said("looking", len(chosen), len(chosen))
    if not rows:
        raise NothingToMeasureError("no face was found in any of the pictures")
    return Views(
        people=folder.people,
        person=np.array([row.person for row in rows], np.int64),
        picture=np.array([row.picture for row in rows], np.int64),
        kind=np.array([row.kind for row in rows]),
        strength=np.array([row.strength for row in rows], np.float32),
        vectors=np.stack([row.vector for row in rows]),
        qualities=tuple(row.quality for row in rows),
        refusal=np.array([row.refusal for row in rows]),
        missed={kind: (both[0], both[1]) for kind, both in counted.items()},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    kind: str
    strength: float
    vector: Floats
    quality: FaceQuality
    refusal: str
    person: int = -1
    picture: int = -1


def _views_of(
    path: Path, parts: Parts, decoder: Decoder, ways: int, chance: Chance
) -> Iterator[tuple[str, _Row | None]]:
    pixels = pixels_of(path, decoder)
    if pixels is None:
        return
    face = _labelled(parts, pixels)
    yield AS_IT_IS, None if face is None else _row(parts, pixels, face, AS_IT_IS, 0.0)
    if face is None or not ways:
        return
    shot = Shot(pixels, face.box_px, face.landmarks_px)
    for at in chance.permutation(len(SPOILINGS))[:ways]:
        spoiling, strength = SPOILINGS[int(at)], float(chance.random())
        spoiled = spoiling.of(strength)(shot, chance)
        again = _face_at(parts, spoiled)
        yield (
            spoiling.name,
            None if again is None else _row(parts, spoiled.pixels, again, spoiling.name, strength),
        )


def _row(parts: Parts, pixels: Pixels, face: FoundFace, kind: str, strength: float) -> _Row:
    """As `FaceEngine.enrol_with_quality` judges a face."""
    crop = aligned_face(pixels, face)
    vectors = np.empty((1 + CHANGES, parts.pack.dimension), np.float32)
    lengths = np.empty(1 + CHANGES, np.float32)
    parts.recogniser.embed_into([crop, *changed(crop)], vectors, lengths)
    quality = quality_of_pack(parts.pack.name).judged(
        judge(
            face,
            crop,
            vector_length=float(lengths[0]),
            steadiness=steadiness(vectors[0], vectors[1:]),
        )
    )
    try:
        refuse_if_poor(quality)
        refusal = ""
    except PhotoRefusedError as refused:
        refusal = refused.code
    return _Row(kind, strength, vectors[0].copy(), quality, refusal)


def _labelled(parts: Parts, pixels: Pixels) -> FoundFace | None:
    """The face that the folder's name means, by the rule of `faces_seen.LABELLED_FACE_RULE`."""
    height, width = pixels.shape[:2]

    def standing(face: FoundFace) -> float:
        left, top, across, down = face.box_px
        away = (left + across / 2 - width / 2, top + down / 2 - height / 2)
        return float(across * down - 2 * (away[0] ** 2 + away[1] ** 2))

    return max(parts.detector.detect(pixels), key=standing, default=None)


def _face_at(parts: Parts, shot: Shot) -> FoundFace | None:
    """The face found where the shot's is: at most half its size away, the nearest."""
    x, y = shot.middle_px

    def away(face: FoundFace) -> float:
        left, top, across, down = face.box_px
        return float(np.hypot(left + across / 2 - x, top + down / 2 - y))

    near = min(parts.detector.detect(shot.pixels), key=away, default=None)
    return near if near is not None and away(near) <= max(shot.box_px[2:]) / 2 else None
