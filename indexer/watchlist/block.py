"""Templates of one model in columns: what a gallery is made of.

A block never grows. What it holds of a template is overwritten where it lies when that template is
removed, in every snapshot that shares the block; the row stays, marked as gone. Its memory is its
own: kept out of core dumps and forks, zero when the block goes, and then given back to the system.

Small blocks are kept as they are given (float32) and compared one by one; larger ones as halves
(float16), once, with codes for the first pass beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexerError
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.session import Floats
from indexer.watchlist.first_pass import ZERO, Codes, Halves, Scale, coded

BLOCK_ROWS: Final = 32_768
"""A rewritten block of 512 dimensions takes 50 MB and a fifth of a second."""
_MOVED_AT_ONCE: Final = 4096

Rows = NDArray[np.int64]


class GalleryInputError(IndexerError):
    """Templates that no gallery can be made of: lengths or shapes that do not belong together."""

    code = "gallery_input"


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """Templates to be taken in: `vectors` (n, dimension) float32 of unit length, with whose they
    are and what they are called. They are copied: whoever made `vectors` overwrites it.
    """

    people: Sequence[str]
    templates: Sequence[str]
    vectors: Floats

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not (
            len(self.people) == len(self.templates) == len(self.vectors)
        ):
            raise GalleryInputError("each template needs one person, one name and one vector")

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        return f"<NewRows of {len(self)} templates>"


class RefColumn:
    """Texts of about one length, with a number of each to look for it by."""

    __slots__ = ("numbers", "texts")

    def __init__(self, texts: NDArray[np.bytes_], numbers: NDArray[np.int64]) -> None:
        self.texts = texts
        self.numbers = numbers

    @classmethod
    def of(cls, refs: Sequence[str]) -> RefColumn:
        """A column of these texts, in their order."""
        texts = np.array([ref.encode() for ref in refs], dtype=np.bytes_)
        return cls(texts, np.array([hash(ref) for ref in refs], dtype=np.int64))

    def at(self, row: int) -> str:
        """The text of a row; empty when it was overwritten."""
        return bytes(self.texts[row]).decode()

    def rows_of(self, refs: Collection[str]) -> Rows:
        """(m,): where one of these texts stands, ascending."""
        numbers = np.array([hash(ref) for ref in refs], dtype=np.int64)
        rows = np.flatnonzero(np.isin(self.numbers, numbers))
        # Two texts may have one number.
        wanted = {ref.encode() for ref in refs}
        return rows[[bytes(self.texts[row]) in wanted for row in rows]] if len(rows) else rows

    def taken(self, rows: Rows) -> RefColumn:
        """Only these rows."""
        return RefColumn(self.texts[rows], self.numbers[rows])

    def overwrite(self, rows: Rows) -> None:
        """Set these rows to nothing."""
        self.texts[rows] = b""
        self.numbers[rows] = 0

    @classmethod
    def together(cls, columns: Sequence[RefColumn]) -> RefColumn:
        """Several columns as one."""
        return cls(
            np.concatenate([column.texts for column in columns]),
            np.concatenate([column.numbers for column in columns]),
        )


class Block:
    """Up to `BLOCK_ROWS` templates. `vectors` (n, dimension) are unit length, zero where gone."""

    __slots__ = ("_buffers", "codes", "gone", "people", "scale", "templates", "vectors")

    def __init__(
        self,
        people: RefColumn,
        templates: RefColumn,
        vectors: Floats | Halves,
        codes: Codes | None,
        scale: Scale | None,
        buffers: tuple[PrivateBuffer, ...],
    ) -> None:
        """Prefer `as_given` and `quantised`."""
        self.people = people
        self.templates = templates
        self.vectors = vectors
        self.codes = codes
        self.scale = scale
        self.gone = np.zeros(len(vectors), dtype=np.bool_)
        self._buffers = buffers

    @classmethod
    def as_given(cls, parts: Sequence[NewRows | Block]) -> Block:
        """A block that is compared one by one, exactly as the vectors were given."""
        people, templates, count, dimension = _columns(parts)
        buffer = PrivateBuffer(4 * count * dimension)
        vectors = buffer.floats((count, dimension))
        _move(parts, vectors)
        return cls(people, templates, vectors, None, None, (buffer,))

    @classmethod
    def quantised(cls, parts: Sequence[NewRows | Block]) -> Block:
        """A block of halves, with codes for the first pass. Rows that are gone are left out."""
        people, templates, count, dimension = _columns(parts)
        halves, codes_buffer = (
            PrivateBuffer(2 * count * dimension),
            PrivateBuffer(count * dimension),
        )
        vectors = halves.octets((2 * count * dimension,)).view(np.float16)
        vectors = vectors.reshape(count, dimension)
        _move(parts, vectors)
        codes = codes_buffer.octets((count, dimension))
        scale = coded(vectors, codes)
        return cls(people, templates, vectors, codes, scale, (halves, codes_buffer))

    def __len__(self) -> int:
        """How many templates are left."""
        return len(self.gone) - int(np.count_nonzero(self.gone))

    def __repr__(self) -> str:
        return f"<Block of {len(self)} templates>"

    @property
    def rows(self) -> int:
        """How many rows there are, also those that are gone."""
        return len(self.gone)

    @property
    def left(self) -> Rows:
        """(m,): the rows that are not gone."""
        return np.flatnonzero(~self.gone)

    def remove(self, template_refs: Collection[str]) -> int:
        """Overwrite these templates; returns how many there were.

        A search under way sees them as gone before the first number is overwritten.
        """
        rows = self.templates.rows_of(template_refs)
        self.gone[rows] = True
        self.vectors[rows] = 0
        if self.codes is not None:
            self.codes[rows] = ZERO
        self.people.overwrite(rows)
        self.templates.overwrite(rows)
        return len(rows)

    def rows_of_person(self, person_ref: str) -> Rows:
        """(m,): the rows of this person's templates."""
        return self.people.rows_of((person_ref,))


def _columns(parts: Sequence[NewRows | Block]) -> tuple[RefColumn, RefColumn, int, int]:
    people, templates = [], []
    dimensions = {part.vectors.shape[1] for part in parts}
    if len(dimensions) != 1:
        raise GalleryInputError(f"vectors of {len(dimensions)} lengths are no gallery")
    for part in parts:
        if isinstance(part, Block):
            people.append(part.people.taken(part.left))
            templates.append(part.templates.taken(part.left))
        else:
            people.append(RefColumn.of(part.people))
            templates.append(RefColumn.of(part.templates))
    together = RefColumn.together(people)
    return together, RefColumn.together(templates), len(together.numbers), dimensions.pop()


def _move(parts: Iterable[NewRows | Block], into: Floats | Halves) -> None:
    """Copy what is left of the parts, in order."""
    at = 0
    for part in parts:
        if isinstance(part, NewRows):
            into[at : at + len(part)] = part.vectors
            at += len(part)
            continue
        left = part.left
        for start in range(0, len(left), _MOVED_AT_ONCE):
            rows = left[start : start + _MOVED_AT_ONCE]
            some = part.vectors[rows]
            into[at : at + len(rows)] = some
            # It would lie in freed memory after the template was removed.
            some.fill(0)
            at += len(rows)
