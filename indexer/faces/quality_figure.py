"""One figure of a face's quality: the share of genuine comparisons that it is expected to pass.

A logistic of few signs, each with a weight that is not negative: a better sign never lowers the
figure. The weights were fitted by `likeness bench quality` on one half of the people of LFW, on
photos as they are and spoiled in known ways, and tested on the other half; `docs/face-quality.md`
has what else was tried. "Pass" means: at the pack's threshold for one false match in 10,000.

All of it holds for the network that it was measured with (tried: another one's vectors have other
lengths and lose other parts): of faces of a pack that nobody measured, nothing is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from indexer.faces.found import FoundFace
from indexer.faces.quality import FaceQuality, judge
from indexer.faces.steadiness import CoveredLimits
from indexer.media.picture import Pixels

LEAST_FIGURE: Final = 0.01

Sign = Literal["vector_length", "detection_score", "log_sharpness", "small_changes"]


@dataclass(frozen=True, slots=True)
class FigureModel:
    """1 / (1 + exp(-(intercept + sum of weight times sign))). Weights are not negative."""

    intercept: float
    weights: tuple[tuple[Sign, float], ...]

    def __post_init__(self) -> None:
        if any(weight < 0 for _, weight in self.weights):
            raise ValueError("a better sign never lowers the figure: weights are not negative")

    def figure(self, quality: FaceQuality) -> float | None:
        """The figure in [0, 1], or None where a sign was not looked for."""
        total = self.intercept
        for sign, weight in self.weights:
            value = sign_of(quality, sign)
            if value is None:
                return None
            total += weight * value
        return 1 / (1 + math.exp(-min(50.0, max(-50.0, total))))


@dataclass(frozen=True, slots=True)
class PackQuality:
    """What is known of a pack's faces: its figure, when a part is covered, and from which vector
    length on it is a face.

    `models` are tried in order: the first whose signs are all there says the figure.
    """

    models: tuple[FigureModel, ...] = ()
    covered: CoveredLimits | None = None
    face_from_length: float = 0.0

    def judged(self, quality: FaceQuality) -> FaceQuality:
        """The same with its figure and the part that is covered."""
        figures = (model.figure(quality) for model in self.models)
        found = next((figure for figure in figures if figure is not None), quality.figure)
        covered = None
        if self.covered is not None and quality.steadiness is not None:
            covered = self.covered.part(quality.steadiness)
        return replace(quality, figure=found, covered=covered)

    def figure_of(self, face: FoundFace, crop: Pixels, vector_length: float) -> float:
        """The figure of a face seen in passing, in [`LEAST_FIGURE`, 1]: it is a weight as well."""
        quality = self.judged(judge(face, crop, vector_length=vector_length))
        return max(LEAST_FIGURE, quality.figure)

    def is_a_face(self, vector_length: float) -> bool:
        """Whether something that a detector found is a face that anybody could be known by."""
        return vector_length >= self.face_from_length


UNMEASURED: Final = PackQuality()

_OF_PACKS: Final = {
    "yunet-sface": PackQuality(
        models=(
            FigureModel(
                -26.338,
                (
                    ("vector_length", 0.9528),
                    ("small_changes", 13.582),
                    ("detection_score", 5.442),
                    ("log_sharpness", 0.0868),
                ),
            ),
            FigureModel(-15.345, (("vector_length", 1.124), ("detection_score", 5.742))),
        ),
        # Beyond each of them are about three in 1,000 photos of LFW (sunglasses, hands and
        # microphones among them), and of faces with a bar, a mask or a board drawn over most of
        # that part 55 %, 80 % and 70 %.
        covered=CoveredLimits(upper=-0.05, lower=0.67, side=0.46),
        # See "What is no face" in docs/face-quality.md.
        face_from_length=5.0,
    ),
}


def quality_of_pack(pack: str) -> PackQuality:
    """What is known of this pack; of one that nobody measured, nothing."""
    return _OF_PACKS.get(pack, UNMEASURED)


def sign_of(quality: FaceQuality, sign: Sign) -> float | None:
    """One sign's value, None where it was not looked for."""
    match sign:
        case "vector_length":
            return quality.vector_length
        case "detection_score":
            return quality.detection_score
        case "log_sharpness":
            return math.log1p(max(0.0, quality.sharpness))
        case "small_changes":
            return quality.steadiness.small_changes if quality.steadiness is not None else None
    assert_never(sign)
