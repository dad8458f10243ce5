"""Drawn templates and probes: unit vectors at random, or like faces in clusters.

`random`: every direction is as likely as any other. Strangers are then far further apart than
strangers' faces are: good for cost, too easy for exactness.

`clustered`: most of the variation lies in few of the dimensions, turned in space, so that strangers
are as close as faces of strangers are (standard deviation of their similarity about 0.1). Three
templates a person; four people a family, who look alike. Probes are, in turns: an enrolled person
at a similarity of 0.3 to 0.9 to one of the templates; somebody of an enrolled family who is not
enrolled, near the threshold; a stranger.

All is drawn block by block from a seed: processes that shall have the same draw the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Kind = Literal["random", "clustered"]

DRAWN_AT_ONCE: Final = 8192
_TEMPLATES_A_PERSON: Final = 3
_PEOPLE_A_FAMILY: Final = 4
_FAMILY_SHARE: Final = 0.40
_PERSON_SHARE: Final = 0.40
"""Of a template's variance; the rest differs from photo to photo. Two templates of one person are
then about 0.8 alike, two of one family 0.4, the spread of strangers added."""
_GENUINE: Final = (0.3, 0.9)
_ALIKE: Final = (0.45, 0.75)
"""Similarity to the mean of a family: to single templates of it that is 0.3 to 0.5."""
_FALLING_OFF: Final = 0.12
_EFFECTIVE_DIMENSIONS: Final = 90
"""So many even ones would spread strangers as far: their similarity has a deviation of 0.1."""


@dataclass(frozen=True, slots=True)
class DrawnGallery:
    """`size` templates of `dimension`, all decided by the seed. Template n is row n."""

    kind: Kind
    size: int
    dimension: int
    seed: int

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """(first row, (n, dimension) unit vectors), until all rows are drawn."""
        shape = self._shape()
        for start in range(0, self.size, DRAWN_AT_ONCE):
            yield start, self._block(start, shape)

    def probes(self, count: int, round_number: int) -> Floats:
        """(count, dimension): other ones in each round."""
        rng = np.random.default_rng([self.seed, 2, round_number])
        shape = self._shape()
        block = self._block(int(rng.integers(0, self.size)) // DRAWN_AT_ONCE * DRAWN_AT_ONCE, shape)
        drawn = self._free(rng, count, shape)
        if self.kind == "random":
            enrolled = np.arange(0, count, 2)
            alike = enrolled[:0]
        else:
            enrolled, alike = np.arange(0, count, 3), np.arange(1, count, 3)
        chosen = block[rng.integers(0, len(block), len(enrolled))]
        drawn[enrolled] = _near(chosen, drawn[enrolled], rng.uniform(*_GENUINE, len(enrolled)))
        family = _TEMPLATES_A_PERSON * _PEOPLE_A_FAMILY
        means = [
            block[first : first + family].mean(axis=0)
            for first in rng.integers(0, max(1, len(block) // family), len(alike)) * family
        ]
        if means:
            middle = _unit(np.stack(means))
            drawn[alike] = _near(middle, drawn[alike], rng.uniform(*_ALIKE, len(alike)))
        return drawn

    def _block(self, start: int, shape: Floats) -> Floats:
        rng = np.random.default_rng([self.seed, 1, start])
        rows = min(DRAWN_AT_ONCE, self.size - start)
        if self.kind == "random":
            return self._free(rng, rows, shape)
        person = np.arange(rows) // _TEMPLATES_A_PERSON
        family = person // _PEOPLE_A_FAMILY
        mixed = (
            np.sqrt(_FAMILY_SHARE) * self._free(rng, int(family[-1]) + 1, shape)[family]
            + np.sqrt(_PERSON_SHARE) * self._free(rng, int(person[-1]) + 1, shape)[person]
            + np.sqrt(1 - _FAMILY_SHARE - _PERSON_SHARE) * self._free(rng, rows, shape)
        )
        return _unit(mixed)

    def _shape(self) -> Floats:
        """(dimension, dimension): how what is drawn is stretched and turned."""
        if self.kind == "random":
            return np.empty((0, 0), np.float32)
        rng = np.random.default_rng([self.seed, 0])
        spread = _spread(self.dimension)
        turned, _ = np.linalg.qr(rng.standard_normal((self.dimension, self.dimension)))
        return np.asarray(spread[:, None] * turned, dtype=np.float32)

    def _free(self, rng: np.random.Generator, count: int, shape: Floats) -> Floats:
        drawn = rng.standard_normal((count, self.dimension), dtype=np.float32)
        return _unit(drawn if self.kind == "random" else drawn @ shape)


def _spread(dimension: int) -> NDArray[np.float64]:
    """(dimension,): how far each direction varies."""
    falling = np.exp(-np.arange(dimension) / dimension / _FALLING_OFF)
    tried = []
    for floor in np.geomspace(1e-3, 10, 60):
        variances = falling + floor
        effective = variances.sum() ** 2 / (variances**2).sum()
        tried.append((abs(effective - _EFFECTIVE_DIMENSIONS), np.sqrt(variances)))
    spread: NDArray[np.float64] = min(tried, key=lambda each: each[0])[1]
    return spread


def _near(vectors: Floats, others: Floats, similarity: NDArray[np.float64]) -> Floats:
    """Unit vectors at these similarities to `vectors`, in the directions of `others`."""
    across = others - np.einsum("nd,nd->n", vectors, others)[:, None] * vectors
    wanted = similarity[:, None].astype(np.float32)
    return np.asarray(wanted * vectors + np.sqrt(1 - wanted**2) * _unit(across), np.float32)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
