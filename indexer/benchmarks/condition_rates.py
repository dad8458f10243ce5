"""How many faces are found after something happened to their picture, and how many wrongly.

1. People with two or more pictures are chosen by chance; one picture of each (the probe) is
   altered, others are its references.
2. Every condition alters every probe; the face must be detected where it is, and be at least as
   similar to its one reference as the threshold says. Every person counts the same.
3. The false side: the same altered probes against one reference of everybody else, at the same
   threshold, so that no condition wins by matching everybody.
4. Profiles are not made but taken: of each person the picture that is turned furthest, by its
   landmarks, against the most frontal other one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np

from indexer.benchmarks.condition_grid import Condition
from indexer.benchmarks.conditions import Shot
from indexer.benchmarks.faces_seen import (
    Eye,
    Floats,
    NothingToMeasureError,
    Said,
    SeenSet,
    Whole,
    pixels_of,
)
from indexer.media import Decoder
from indexer.media.picture import Pixels

MAX_REFERENCES: Final = 3
PROFILE_FROM_DEGREES: Final = ((15, 25), (25, 35), (35, 90))
_FEWEST: Final = 2
_Z_95: Final = 1.96


class ConditionRate(msgspec.Struct, frozen=True):
    """One line: shares are means over people, in [0, 1].

    `found` is with one reference, within its 95 % interval over people; `found_several` with up to
    three, of the `people_several` who have them. `false_match_rate` is the share of comparisons
    with other people's references that reach the threshold (each person the same),
    `false_matches` how many of `comparisons` those were.
    """

    family: str
    name: str
    people: int
    detected: float
    found: float
    found_interval: tuple[float, float]
    people_several: int
    found_several: float | None
    false_match_rate: float
    false_matches: int
    comparisons: int


class ConditionsBenchmark(msgspec.Struct, frozen=True):
    """All conditions, on the same people. `people_digest` names who was chosen, without names;
    `people_words` says among whom.
    """

    people: int
    people_digest: str
    strangers: int
    threshold: float
    threshold_words: str
    rates: tuple[ConditionRate, ...]
    people_words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Probes:
    """Chosen rows of a `SeenSet`: one probe of each person, and that person's references."""

    rows: Whole
    references: tuple[Whole, ...]


def measure_conditions(
    seen: SeenSet,
    eye: Eye,
    decoder: Decoder,
    conditions: Sequence[Condition],
    *,
    threshold: float,
    threshold_words: str,
    among: Sequence[int],
    people_words: str,
    limit_people: int,
    seed: int,
    said: Said,
) -> ConditionsBenchmark:
    """Measure them on `limit_people` of the people in `among` (places in `seen.people`).

    Raises `NothingToMeasureError` when fewer than two have two pictures with a face.
    """
    # 1. Choose.
    probes = _choose(seen, among, limit_people, seed)
    pictures = [_picture_of(seen, int(row), decoder) for row in probes.rows]
    strangers = _first_of_each(seen)
    # 2 and 3. Alter, look, compare.
    rates = []
    for done, condition in enumerate(conditions):
        said(f"{condition.family}: {condition.name}", done, len(conditions))
        seen_again, vectors = _look(condition, seen, probes, pictures, eye, seed)
        rates.append(
            _rate(
                condition.family,
                condition.name,
                seen,
                probes,
                seen_again,
                vectors,
                strangers,
                threshold,
            )
        )
    # 4. Profiles.
    rates += _profiles(seen, strangers, threshold)
    names = "\n".join(seen.people[int(seen.person[row])] for row in probes.rows)
    return ConditionsBenchmark(
        people=len(probes.rows),
        people_digest=sha256(names.encode()).hexdigest()[:16],
        strangers=len(strangers),
        threshold=threshold,
        threshold_words=threshold_words,
        rates=tuple(rates),
        people_words=people_words,
    )


def _choose(seen: SeenSet, among: Sequence[int], limit_people: int, seed: int) -> _Probes:
    counts = seen.pictures_of
    able = [who for who in among if counts[who] >= _FEWEST]
    if len(able) < _FEWEST:
        raise NothingToMeasureError(
            "conditions need at least two people with two or more pictures that show a face"
        )
    chance = np.random.default_rng([seed, 7])
    order = chance.permutation(len(able))[:limit_people]
    rows, references = [], []
    for who in sorted(able[int(place)] for place in order):
        own = np.flatnonzero(seen.person == who)
        probe = int(chance.integers(len(own)))
        rows.append(int(own[probe]))
        references.append(np.delete(own, probe)[:MAX_REFERENCES])
    return _Probes(np.array(rows, np.int64), tuple(references))


def _first_of_each(seen: SeenSet) -> Whole:
    """One row of every person: the first."""
    return np.unique(seen.person, return_index=True)[1].astype(np.int64)


def _picture_of(seen: SeenSet, row: int, decoder: Decoder) -> Pixels:
    pixels = pixels_of(seen.paths[row], decoder)
    if pixels is None:
        raise NothingToMeasureError(
            f"{seen.paths[row]} could be read before and cannot be read now; start again"
        )
    return pixels


def _look(
    condition: Condition,
    seen: SeenSet,
    probes: _Probes,
    pictures: Sequence[Pixels],
    eye: Eye,
    seed: int,
) -> tuple[Whole, Floats]:
    """Which probes were detected (places in `probes.rows`), and their vectors."""
    places, crops = [], []
    for place, (row, pixels) in enumerate(zip(probes.rows, pictures, strict=True)):
        name = seen.paths[row].name
        chance = np.random.default_rng(
            [seed, zlib.crc32(name.encode()), zlib.crc32(condition.name.encode())]
        )
        left, top, width, height = (float(value) for value in seen.boxes_px[row])
        shot = Shot(pixels, (left, top, width, height), seen.marks_px[row])
        face = eye.face_at(condition.change(shot, chance))
        if face is not None:
            places.append(place)
            crops.append(face.crop)
    return np.array(places, np.int64), eye.embed(crops)


def _rate(
    family: str,
    name: str,
    seen: SeenSet,
    probes: _Probes,
    detected: Whole,
    vectors: Floats,
    strangers: Whole,
    threshold: float,
) -> ConditionRate:
    found = np.zeros(len(probes.rows))
    found_several = np.zeros(len(probes.rows))
    has_several = np.array([len(rows) > 1 for rows in probes.references])
    for place, vector in zip(detected, vectors, strict=True):
        similar = seen.vectors[probes.references[place]] @ vector
        found[place] = similar[0] >= threshold
        found_several[place] = similar.max() >= threshold
    who = seen.person[probes.rows[detected]]
    false = (vectors @ seen.vectors[strangers].T >= threshold) & (
        seen.person[strangers][None, :] != who[:, None]
    )
    comparisons = len(detected) * (len(strangers) - 1)
    share = float(found.mean())
    half = _Z_95 * float(found.std(ddof=1)) / len(found) ** 0.5 if len(found) > 1 else 1.0
    return ConditionRate(
        family=family,
        name=name,
        people=len(found),
        detected=len(detected) / len(found),
        found=share,
        found_interval=(max(0.0, share - half), min(1.0, share + half)),
        people_several=int(has_several.sum()),
        found_several=float(found_several[has_several].mean()) if has_several.any() else None,
        false_match_rate=float(false.sum()) / comparisons if comparisons else 0.0,
        false_matches=int(false.sum()),
        comparisons=comparisons,
    )


def _profiles(seen: SeenSet, strangers: Whole, threshold: float) -> list[ConditionRate]:
    """Of each person the picture turned furthest against the most frontal other one."""
    rates = []
    turned = np.abs(seen.yaw_degrees)
    pairs = []
    for who in np.flatnonzero(seen.pictures_of >= _FEWEST):
        own = np.flatnonzero(seen.person == who)
        by_turn = own[np.argsort(turned[own], kind="stable")]
        pairs.append((int(by_turn[-1]), by_turn[:-1][:MAX_REFERENCES]))
    for low, high in PROFILE_FROM_DEGREES:
        some = [(row, others) for row, others in pairs if low <= turned[row] < high]
        if len(some) < _FEWEST:
            continue
        probes = _Probes(np.array([row for row, _ in some]), tuple(others for _, others in some))
        rates.append(
            _rate(
                "profile",
                f"{low} to {high} degrees by landmarks",
                seen,
                probes,
                np.arange(len(some)),
                seen.vectors[probes.rows],
                strangers,
                threshold,
            )
        )
    return rates
