"""What `likeness bench quality` runs: what each sign of a face's quality is worth, on your data.

1. Look at labelled photos as they are and spoiled in known ways (`quality_views.py`).
2. Fit the figure anew on one half of the people; everything else is measured on the other half.
3. Error versus reject: which sign, leaving out the worst, leaves the fewest misses.
4. Whether the figure keeps its word; how often strangers match at each figure; what refusing a
   reference photo costs and spares.
5. Several photos of a person as one decision (`fusing.py`).

Thresholds are those of the pack's own calibration, at one false match in 1,000 and in 10,000.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.calibrating import is_held_out
from indexer.benchmarks.faces_seen import NothingToMeasureError, Said, read_folder
from indexer.benchmarks.fusing import FusingRate, measure_fusing
from indexer.benchmarks.quality_checks import (
    Kept,
    KindMissed,
    LeftOut,
    Refusals,
    Strangers,
    kept_of,
    kinds_of,
    left_out_of,
    refusals_of,
    strangers_of,
)
from indexer.benchmarks.quality_curves import (
    REJECTED,
    Genuine,
    area_under,
    fitted,
    genuine_of,
    reject_curve,
    signs_of,
)
from indexer.benchmarks.quality_views import AS_IT_IS, Sample, Views, look
from indexer.faces.packs import DEFAULT_PACK, stamp_of
from indexer.faces.parts import open_parts
from indexer.faces.quality import FaceQuality
from indexer.faces.quality_figure import FigureModel, PackQuality, Sign, quality_of_pack
from indexer.media import Decoder
from indexer.observations import ModelStamp

Reals = NDArray[np.float64]

TESTED_SHARE: Final = 0.5
RATES: Final = (1e-3, 1e-4)
FITTED: Final[dict[str, tuple[Sign, ...]]] = {
    "of a face in passing": ("vector_length", "detection_score"),
    "of a reference photo": ("vector_length", "small_changes", "detection_score", "log_sharpness"),
    "without the vector's length": ("small_changes", "detection_score", "log_sharpness"),
}

CAVEATS: Final = (
    "photos were spoiled by programs: real blur and darkness differ",
    "LFW's photos were chosen because a detector found the face: profiles are hardly there",
    "people whose photos are mislabelled count as missed whatever their quality",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    folder: Path
    pack: str = DEFAULT_PACK
    models_dir: Path | None = None
    accepted_licences: tuple[str, ...] = ()
    runtime: str = "auto"
    threads: int = 2
    limit_people: int | None = None
    sample: Sample = field(default_factory=Sample)
    seed: int = 1


class Curve(msgspec.Struct, frozen=True):
    """Error versus reject by one sign. `missed` is FNMR at each of `REJECTED`, `area` that under it
    up to 30 %, as a share of rejecting nothing; both at one false match in 10,000, `area_looser` at
    one in 1,000.
    """

    sign: str
    set: str
    missed: tuple[float, ...]
    area: float
    area_looser: float


class FittedFigure(msgspec.Struct, frozen=True):
    """Weights found on the half that is not tested: to be compared with those that are used."""

    name: str
    intercept: float
    weights: dict[str, float]


class QualityBenchmark(msgspec.Struct, frozen=True):
    """One run, with all that it takes to read it and to repeat it."""

    set_name: str
    model: ModelStamp
    runtime: str
    seed: int
    machine: str
    people_fitted: int
    people_tested: int
    views: int
    thresholds: tuple[float, ...]
    rejected: tuple[float, ...]
    curves: tuple[Curve, ...]
    fits: tuple[FittedFigure, ...]
    kept: tuple[Kept, ...]
    strangers: tuple[Strangers, ...]
    refusals: tuple[Refusals, ...]
    kinds: tuple[KindMissed, ...]
    left_out: LeftOut
    fusing: tuple[FusingRate, ...]
    caveats: tuple[str, ...] = CAVEATS


def run_quality_benchmark(
    wanted: Wanted, said: Said = lambda _words, _done, _total: None
) -> QualityBenchmark:
    """Run it. Raises `NothingToMeasureError`, and whatever loading a pack raises."""
    folder = read_folder(wanted.folder, wanted.limit_people, wanted.seed)
    said("loading the models", 0, 0)
    parts = open_parts(
        wanted.pack,
        models_dir=wanted.models_dir,
        runtime=wanted.runtime,
        accepted_licences=wanted.accepted_licences,
        threads=wanted.threads,
    )
    with Decoder() as decoder:
        views = look(folder, parts, decoder, wanted.sample, wanted.seed, said)
    tested_people = np.array([is_held_out(name, TESTED_SHARE) for name in views.people])
    is_tested = tested_people[views.person]
    learning, tested = views.only(~is_tested), views.only(is_tested)
    for half in (learning, tested):
        if not len(genuine_of(half, wanted.seed, spoiled=True).view):
            raise NothingToMeasureError(
                "people are divided into two halves by their names, and one of them has nobody "
                "with two pictures in which the face is found: quality needs more people"
            )
    calibration = parts.pack.calibration
    thresholds = tuple(calibration.similarity_at(rate) for rate in RATES)
    said("fitting", 0, 0)
    models = _fits(learning, thresholds[-1], wanted.seed)
    said("rejecting", 0, 0)
    spoiled = genuine_of(tested, wanted.seed, spoiled=True)
    as_they_are = genuine_of(tested, wanted.seed, spoiled=False)
    said("comparing strangers", 0, 0)
    strangers = strangers_of(tested, thresholds[-1], wanted.seed)
    said("putting photos together", 0, 0)
    return QualityBenchmark(
        set_name=wanted.folder.name,
        model=stamp_of(parts.pack),
        runtime=parts.runtime,
        seed=wanted.seed,
        machine=f"{platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        people_fitted=len(np.unique(learning.person)),
        people_tested=len(np.unique(tested.person)),
        views=len(views.person),
        thresholds=thresholds,
        rejected=REJECTED,
        curves=(
            *_curves(tested, spoiled, "spoiled", models, thresholds),
            *_curves(tested, as_they_are, AS_IT_IS, models, thresholds),
        ),
        fits=tuple(
            FittedFigure(name, model.intercept, {str(sign): w for sign, w in model.weights})
            for name, model in models.items()
        ),
        kept=kept_of(tested, spoiled, thresholds[-1]),
        strangers=strangers,
        refusals=refusals_of(tested, spoiled, thresholds[-1]),
        kinds=kinds_of(tested, spoiled, thresholds[-1]),
        left_out=left_out_of(
            views, quality_of_pack(parts.pack.name).face_from_length, thresholds[0]
        ),
        fusing=measure_fusing(tested, wanted.seed),
    )


def _fits(views: Views, threshold: float, seed: int) -> dict[str, FigureModel]:
    """Fitted on spoiled photos and those as they are together, which weigh the same."""
    both = [genuine_of(views, seed, spoiled=spoiled) for spoiled in (True, False)]
    rows = np.concatenate([each.view for each in both])
    passed = np.concatenate([each.similarity >= threshold for each in both])
    weight = np.concatenate([each.weight / each.weight.sum() for each in both])
    qualities = [views.qualities[row] for row in rows]
    return {
        name: fitted(signs_of(qualities, signs), passed, weight, signs)
        for name, signs in FITTED.items()
    }


def _curves(
    views: Views,
    genuine: Genuine,
    which: str,
    models: dict[str, FigureModel],
    thresholds: Sequence[float],
) -> list[Curve]:
    def by_view(of: Sequence[float]) -> Reals:
        return np.array(of, np.float64)[genuine.view]

    qualities = views.qualities
    signs: dict[str, Reals] = {
        "the figure as it is used": by_view([each.figure for each in qualities]),
        **{
            f"fitted, {name}": by_view([PackQuality((model,)).judged(each).figure
                                        for each in qualities])
            for name, model in models.items()
        },
        **{name: by_view([of(each) for each in qualities]) for name, of in _SIGNS.items()},
        "the similarity itself (nothing can be better)": genuine.similarity,
    }  # fmt: skip
    return [
        Curve(
            name,
            which,
            tuple(reject_curve(genuine, sign, thresholds[-1])),
            area_under(genuine, sign, thresholds[-1]),
            area_under(genuine, sign, thresholds[0]),
        )
        for name, sign in signs.items()
    ]


def _of_steadiness(name: str, quality: FaceQuality) -> float:
    return float(getattr(quality.steadiness, name)) if quality.steadiness is not None else 0.0


_SIGNS: Final[dict[str, Callable[[FaceQuality], float]]] = {
    "length of the vector": lambda quality: quality.vector_length or 0.0,
    "steady when changed a little": lambda quality: _of_steadiness("small_changes", quality),
    "steady without the lower face": lambda quality: _of_steadiness("without_lower", quality),
    "steady without the upper face": lambda quality: _of_steadiness("without_upper", quality),
    "the detector's score": lambda quality: quality.detection_score,
    "sharpness": lambda quality: quality.sharpness,
    "size": lambda quality: quality.eye_distance_px,
    "looking ahead": lambda quality: -abs(quality.yaw_degrees),
    "light": lambda quality: -abs(quality.brightness - 130),
}
