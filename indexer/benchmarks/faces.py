"""How well a pack recognises people: verification, identification, groups, conditions.

1. Every picture of `DIR/<person>/*.jpg` is decoded, confined as crawled media are, and looked at
   once, as the engine looks (`faces_seen.py`).
2. Verification: all pairs (`impostors.py`, `verification.py`), and listed ones (`pairs.py`).
3. Identification, open set (`identification.py`).
4. Errors by group, where a label file says who is in which (`face_groups.py`).
5. Conditions: what is still found, on people whom the calibration never saw (`condition_rates.py`).
6. A calibration of the pack, where one is asked for (`calibrating.py`).

Everything stays in memory; what is given back are figures, and the names of folders that probably
show one person twice.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from indexer.benchmarks.calibrating import DEFAULT_HELD_OUT_SHARE, RULE, calibrate, is_held_out
from indexer.benchmarks.condition_grid import chosen_conditions
from indexer.benchmarks.condition_rates import ConditionsBenchmark, measure_conditions
from indexer.benchmarks.face_groups import Groups, measure_groups, read_labels
from indexer.benchmarks.faces_seen import (
    LABELLED_FACE_RULE,
    Eye,
    NothingToMeasureError,
    Said,
    SeenSet,
    read_folder,
    see,
)
from indexer.benchmarks.identification import Identification, identify
from indexer.benchmarks.impostors import compare_impostors
from indexer.benchmarks.pairs import PairsAccuracy, measure_pairs, read_pairs
from indexer.benchmarks.verification import Verification, compare_genuine, verify
from indexer.faces.calibration_file import CalibrationFile
from indexer.faces.packs import DEFAULT_PACK
from indexer.faces.parts import open_parts
from indexer.media import Decoder
from indexer.observations import ModelStamp

_VERSIONS_OF: Final = ("opencv-python", "numpy", "onnxruntime", "openvino", "insightface", "av")
FEWEST_HELD_OUT: Final = 30
"""Fewer people than that say too little about conditions."""
CAVEATS: Final = (
    f"The labelled face of a picture is, {LABELLED_FACE_RULE}.",
    "By person: every person, and for false matches every pair of people, counts the same.",
    "Intervals are of 95 % over people (over folds for listed pairs).",
    "A picture without a found face is no part of verification; elsewhere it counts as missed.",
    "Wrong labels count as errors, except for pairs of people that are said to be left out.",
    "Conditions are made by programs from pictures in which the face is found upright.",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run. `conditions` are parts of names (all when empty, none when None); `threshold`
    the similarity for groups and conditions (the pack's own when None).
    """

    folder: Path
    pack: str = DEFAULT_PACK
    models_dir: Path | None = None
    accepted_licences: tuple[str, ...] = ()
    runtime: str = "auto"
    threads: int = 2
    limit_people: int | None = None
    seed: int = 1
    pairs: Path | None = None
    gallery: int | None = None
    labels: Path | None = None
    conditions: tuple[str, ...] | None = None
    condition_people: int = 150
    threshold: float | None = None
    calibrate: bool = False
    held_out_share: float = DEFAULT_HELD_OUT_SHARE
    set_name: str = ""


class PicturesSeen(msgspec.Struct, frozen=True):
    """How many there were. `missed_by_person` is a mean over people."""

    people: int
    pictures: int
    unreadable: int
    missed: int
    missed_by_person: float


class FacesBenchmark(msgspec.Struct, frozen=True):
    """One run, with all that it takes to read it and to repeat it."""

    set_name: str
    model: ModelStamp
    runtime: str
    calibration: str
    threads: int
    seed: int
    machine: str
    versions: dict[str, str]
    seen: PicturesSeen
    verification: Verification
    identification: Identification | None = None
    identification_left_out: str = ""
    pairs: PairsAccuracy | None = None
    groups: Groups | None = None
    conditions: ConditionsBenchmark | None = None
    caveats: tuple[str, ...] = CAVEATS


@dataclass(frozen=True, slots=True)
class FacesRun:
    """The figures, and the calibration where one was asked for."""

    figures: FacesBenchmark
    calibration: CalibrationFile | None


def run_faces_benchmark(
    wanted: Wanted, said: Said = lambda _words, _done, _total: None
) -> FacesRun:
    """Run it.

    Raises `NothingToMeasureError`, `PairsUnreadableError`, `LabelsUnreadableError`, and whatever
    loading a pack raises.
    """
    # Lists are read first: who mistyped one should not wait for minutes.
    pairs = read_pairs(wanted.pairs) if wanted.pairs is not None else ()
    labels = read_labels(wanted.labels) if wanted.labels is not None else {}
    conditions = chosen_conditions(wanted.conditions or ())
    if not conditions:
        raise NothingToMeasureError(f"no condition is called {', '.join(wanted.conditions or ())}")
    folder = read_folder(wanted.folder, wanted.limit_people, wanted.seed)
    said("loading the models", 0, 0)
    parts = open_parts(
        wanted.pack,
        models_dir=wanted.models_dir,
        runtime=wanted.runtime,
        accepted_licences=wanted.accepted_licences,
        threads=wanted.threads,
    )
    eye = Eye(parts)
    with Decoder() as decoder:
        # 1. Look.
        seen = see(folder, eye, decoder, said)
        # 2. Verification.
        said("comparing everybody with everybody", 0, 0)
        genuine, impostors = compare_genuine(seen), compare_impostors(seen)
        verification = verify(seen, genuine, impostors, wanted.seed)
        stems = frozenset(path.stem for files in folder.pictures for path in files)
        accuracy = measure_pairs(seen, pairs, stems) if pairs else None
        # 3. Identification.
        said("searching", 0, 0)
        identification, left_out = _identification(seen, impostors.suspects, wanted)
        # 4. Groups.
        calibration = parts.pack.calibration
        threshold = wanted.threshold
        words = "given by hand"
        if threshold is None:
            threshold, words = calibration.default_threshold, f"the pack's own, {calibration.words}"
        groups = measure_groups(seen, labels, threshold) if labels else None
        # 5. Conditions.
        altered = None
        if wanted.conditions is not None:
            among, people_words = _never_calibrated_on(seen, wanted.held_out_share)
            altered = measure_conditions(
                seen,
                eye,
                decoder,
                conditions,
                threshold=threshold,
                threshold_words=words,
                among=among,
                people_words=people_words,
                limit_people=wanted.condition_people,
                seed=wanted.seed,
                said=said,
            )
    set_name = wanted.set_name or wanted.folder.name
    # 6. Calibration.
    made = None
    if wanted.calibrate:
        said("calibrating", 0, 0)
        made = calibrate(
            seen,
            eye.model,
            runtime=eye.runtime,
            set_name=set_name,
            held_out_share=wanted.held_out_share,
            today=dt.datetime.now(dt.UTC).date(),
        )
    figures = FacesBenchmark(
        set_name=set_name,
        model=eye.model,
        runtime=eye.runtime,
        calibration=calibration.words,
        threads=wanted.threads,
        seed=wanted.seed,
        machine=f"{platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        versions={name: version(name) for name in _VERSIONS_OF},
        seen=_pictures_seen(seen),
        verification=verification,
        identification=identification,
        identification_left_out=left_out,
        pairs=accuracy,
        groups=groups,
        conditions=altered,
    )
    return FacesRun(figures, made)


def _identification(
    seen: SeenSet, suspects: frozenset[tuple[int, int]], wanted: Wanted
) -> tuple[Identification | None, str]:
    """Not every set has people to enrol and others: then it is said, and the rest is measured."""
    try:
        return identify(seen, suspects, gallery=wanted.gallery, seed=wanted.seed), ""
    except NothingToMeasureError as error:
        return None, str(error)


def _never_calibrated_on(seen: SeenSet, share: float) -> tuple[list[int], str]:
    """People whom a calibration on this very set holds out, or all of a small set; and in words."""
    held_out = [who for who, name in enumerate(seen.people) if is_held_out(name, share)]
    several = int((seen.pictures_of[held_out] > 1).sum())
    if several >= FEWEST_HELD_OUT:
        return held_out, f"people who are held out of calibrations: those for whom, {RULE}"
    words = (
        "all people, also those whom a calibration on this set would see: of those it holds out "
        f"only {several} have two pictures"
    )
    return list(range(len(seen.people))), words


def _pictures_seen(seen: SeenSet) -> PicturesSeen:
    counts = seen.pictures_of + seen.missed
    looked_at = counts > 0
    return PicturesSeen(
        people=int(looked_at.sum()),
        pictures=int(counts.sum()),
        unreadable=seen.unreadable,
        missed=int(seen.missed.sum()),
        missed_by_person=float((seen.missed[looked_at] / counts[looked_at]).mean()),
    )
