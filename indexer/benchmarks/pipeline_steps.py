"""What each step of an examination costs alone, on one thread, one picture after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import numpy as np

from indexer.faces.align import aligned_face
from indexer.faces.parts import open_parts
from indexer.hashing import hash_medium, pdq_orientations, shrink
from indexer.looking import LEAST_SIDE_PX
from indexer.media import DecoderPool, Medium

_AT_MOST: Final = 48


class Step(msgspec.Struct, frozen=True):
    """Median and mean milliseconds of one step for one picture."""

    name: str
    median_ms: float
    mean_ms: float


def time_steps(
    contents: Sequence[bytes],
    decoders: DecoderPool,
    pack: str,
    *,
    models_dir: Path | None,
    runtime: str,
    accepted_licences: tuple[str, ...],
) -> tuple[Step, ...]:
    """Each step of some of the pictures, in the order in which they are taken."""
    parts = open_parts(
        pack,
        models_dir=models_dir,
        runtime=runtime,
        accepted_licences=accepted_licences,
        threads=1,
    )
    spent: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        spent.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    for content in contents[:_AT_MOST]:
        medium = Medium(content)
        with timed("decode in full size"):
            decoders.decode(medium)
        with timed("decode as small as is enough"):
            picture = decoders.decode(medium, least_side_px=LEAST_SIDE_PX).frames[0]
        with timed("shrink for hashes"):
            shrunk = shrink(picture)
        with timed("PDQ in eight ways"):
            turned = pdq_orientations(shrunk)
        with timed("SHA-256 and phash"):
            hash_medium(content, shrunk, turned)
        with timed("detect"):
            found = parts.detector.detect(picture.pixels)
        with timed("align"):
            crops = [aligned_face(picture.pixels, face) for face in found]
        vectors = np.empty((len(crops), parts.pack.dimension), np.float32)
        with timed("embed"):
            parts.recogniser.embed_into(crops, vectors)
        vectors.fill(0)
        for crop in crops:
            crop.fill(0)
    return tuple(
        Step(name, median(taken), sum(taken) / len(contents[:_AT_MOST]))
        for name, taken in spent.items()
    )
