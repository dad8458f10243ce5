"""Whether a faster runtime sees what float32 sees: the same faces, and the same people in them.

Asked on the group photograph that InsightFace's package carries, as it is and made dark, blurred
and small, so that no other picture is needed. Embeddings must agree to `LEAST_COSINE`, and no
similarity between two faces may move by more than `MOST_SIMILARITY_MOVES`, a third of what lies
between the thresholds of one chance match in 1,000 and one in 10,000 (bfloat16 moved those of 400
faces by .015 at most). That they agreed is remembered beside the models, for this very pack,
runtime and processor; that they did not is asked again at every start.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from indexer.faces.align import aligned_face
from indexer.faces.atomic_file import write_atomically
from indexer.faces.detect import Detector
from indexer.faces.embed import Recogniser
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import Floats
from indexer.media.picture import Pixels

logger = logging.getLogger(__name__)

LEAST_COSINE: Final = 0.998
MOST_SIMILARITY_MOVES: Final = 0.02
LANDMARKS_MOVE: Final = 0.02
MOST_LANDMARKS_MOVE: Final = 0.15
"""Of the distance between the eyes, in the middle and at most. A face that is tilted a little may
be looked at once more by one and not by the other: that moved one by .065, and what is recognised
in it to a cosine of .97 (the same photograph saved again as JPEG moves it as much)."""
BOUNDS: Final = f"{LEAST_COSINE} {MOST_SIMILARITY_MOVES} {MOST_LANDMARKS_MOVE}"
"""What was agreed to by other bounds is asked again."""


class Disagreement(Exception):  # noqa: N818 - an answer to a question, not a failure
    """How far the two are apart, in words."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was measured: the least cosine, by how much a similarity moved at most, and landmarks in
    the middle and at most.
    """

    faces: int
    least_cosine: float
    most_similarity_moved: float
    landmarks_moved: float
    most_landmarks_moved: float


def compare_with_float32(
    fast: tuple[Detector, Recogniser], exact: tuple[Detector, Recogniser], dimension: int
) -> Agreement:
    """Measure how far they are apart. Raises `Disagreement` when it is beyond the bounds."""
    crops: list[Pixels] = []
    moved: list[float] = []
    for picture in _pictures():
        by_exact, by_fast = exact[0].detect(picture), fast[0].detect(picture)
        if len(by_exact) != len(by_fast):
            raise Disagreement(f"it finds {len(by_fast)} faces where float32 finds {len(by_exact)}")
        places = np.array([face.box_px[:2] for face in by_fast], np.float32).reshape(-1, 2)
        for face in by_exact:
            corner = np.array(face.box_px[:2], np.float32)
            nearest = int(np.abs(places - corner).sum(axis=1).argmin())
            off = by_fast[nearest].landmarks_px - face.landmarks_px
            eyes = float(np.linalg.norm(face.landmarks_px[1] - face.landmarks_px[0]))
            moved.append(float(np.linalg.norm(off, axis=1).mean()) / max(eyes, 1e-6))
            crops.append(aligned_face(picture, face))
    one, other = (_embedded(recogniser, crops, dimension) for recogniser in (fast[1], exact[1]))
    agreement = Agreement(
        faces=len(crops),
        least_cosine=float((one * other).sum(axis=1).min(initial=1.0)),
        most_similarity_moved=float(np.abs(one @ one.T - other @ other.T).max(initial=0.0)),
        landmarks_moved=median(moved) if moved else 0.0,
        most_landmarks_moved=max(moved, default=0.0),
    )
    if agreement.least_cosine < LEAST_COSINE:
        raise Disagreement(
            f"one of {agreement.faces} faces has a cosine of {agreement.least_cosine:.4f} with its "
            f"float32 embedding, less than {LEAST_COSINE}"
        )
    if agreement.most_similarity_moved > MOST_SIMILARITY_MOVES:
        raise Disagreement(
            f"the similarity of two faces moves by {agreement.most_similarity_moved:.3f}, more "
            f"than {MOST_SIMILARITY_MOVES}"
        )
    if (
        agreement.landmarks_moved > LANDMARKS_MOVE
        or agreement.most_landmarks_moved > MOST_LANDMARKS_MOVE
    ):
        raise Disagreement(
            f"landmarks move by {agreement.landmarks_moved:.3f} of the distance between the eyes "
            f"in the middle and {agreement.most_landmarks_moved:.3f} at most, more than "
            f"{LANDMARKS_MOVE} and {MOST_LANDMARKS_MOVE}"
        )
    return agreement


def agreed_before(folder: Path, of_what: str) -> bool:
    """Whether `of_what` (pack, runtime, version and processor, in words) agreed here once."""
    try:
        return _record(folder, of_what).read_text(encoding="utf-8") == of_what
    except (OSError, UnicodeDecodeError):
        return False


def remember_agreement(folder: Path, of_what: str) -> None:
    """Spare the next start the comparison; where the folder cannot be written, it compares anew."""
    try:
        write_atomically(_record(folder, of_what), of_what.encode())
    except OSError as error:
        logger.info("the agreement of runtimes is not remembered: %s", error.strerror)


def _record(folder: Path, of_what: str) -> Path:
    return folder / f"agreement-{hashlib.sha256(of_what.encode()).hexdigest()[:32]}.txt"


def _embedded(recogniser: Recogniser, crops: list[Pixels], dimension: int) -> Floats:
    vectors = np.empty((len(crops), dimension), np.float32)
    if crops:
        recogniser.embed_into(crops, vectors)
    return vectors


@cache
def _pictures() -> tuple[Pixels, ...]:
    onnxruntime_module()
    from insightface.data import get_image  # noqa: PLC0415 - it loads ONNX Runtime

    group: Pixels = np.ascontiguousarray(get_image("t1")[:, :, ::-1])
    height, width = group.shape[:2]
    dark = (group.astype(np.float32) * 0.35).astype(np.uint8)
    blurred: Pixels = np.asarray(cv2.GaussianBlur(group, (0, 0), 2.0), np.uint8)
    half = cv2.resize(blurred, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return (group, dark, np.asarray(half, np.uint8))
