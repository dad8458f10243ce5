"""The gallery: an immutable snapshot of all templates of one model, and the next one made from it.

1. A snapshot is a base of large blocks, each kept once, and a small block of what came last
   ("recent"), which is compared exactly as given. A small gallery is its recent block alone.
2. `changed` gives the next snapshot: it shares the base. What is removed is overwritten at once,
   in the old snapshot too; what is added goes to the recent block.
3. When the recent block has grown, or a quarter of a block is gone, blocks are rewritten one by
   one: no more than one of them exists twice at any time.

One writer; searches may go on meanwhile, in the old snapshot and in the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np

from indexer.faces.session import Floats
from indexer.watchlist.block import BLOCK_ROWS, Block, GalleryInputError, NewRows
from indexer.watchlist.comparing import Comparer, Hit

RECENT_ROWS: Final = 1024
"""So many are compared one by one: a tenth of a millisecond a probe at 512 dimensions."""
_GONE_SHARE: Final = 4


class Gallery:
    """Templates of one dimension, at one time. Small or large, what it finds is exact."""

    __slots__ = ("_base", "_comparer", "_count", "_recent")

    def __init__(self, base: tuple[Block, ...], recent: Block | None, comparer: Comparer) -> None:
        """Prefer `build`."""
        self._base = base
        self._recent = recent
        self._comparer = comparer
        self._count = sum(len(block) for block in self._blocks)

    @classmethod
    def build(cls, dimension: int, parts: Iterable[NewRows], *, threads: int = 1) -> Gallery:
        """A gallery of these templates; `parts` are taken in one by one and may be of any size."""
        builder = GalleryBuilder(dimension, threads=threads)
        for part in parts:
            builder.add(part)
        return builder.done()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Gallery of {len(self)} templates>"

    @property
    def dimension(self) -> int:
        """How many numbers a template has."""
        return self._comparer.dimension

    @property
    def first_pass(self) -> str:
        """See `Comparer.first_pass`."""
        return self._comparer.first_pass

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._blocks)

    def count_of(self, person_ref: str) -> int:
        """How many templates this person has."""
        return sum(len(block.rows_of_person(person_ref)) for block in self._blocks)

    def search(
        self, vectors: Floats, least: float | Floats, *, only_person: str | None = None
    ) -> list[Hit]:
        """Every template at least so similar, for each of (n, dimension) `vectors`, in any order.

        `least` is for all of them, or (n,) for each. `only_person` restricts the comparison to
        that person's templates. The vectors are lent by the caller from a private buffer. Raises
        `GalleryInputError` on vectors of another length.
        """
        if not len(vectors) or not self._count:
            return []
        if vectors.shape[1] != self.dimension:
            raise GalleryInputError(
                f"probes of {vectors.shape[1]} dimensions meet templates of {self.dimension}"
            )
        # Float32 as similarities are: what equals the least is at it.
        each = np.broadcast_to(np.asarray(least, dtype=np.float32), (len(vectors),))
        if only_person is None:
            return self._comparer.search(self._blocks, vectors, each)
        found: list[Hit] = []
        for block in self._blocks:
            rows = block.rows_of_person(only_person)
            found += self._comparer.search_rows(block, rows, vectors, each)
        return found

    def changed(self, added: NewRows | None, removed: Collection[str]) -> Gallery:
        """The next snapshot: without the templates `removed` by name, with those `added`.

        One that is added under a name that is there replaces it. What is removed is overwritten
        before this returns. Raises `GalleryInputError` on vectors of another length; the gallery is
        then as it was.
        """
        if added is not None and len(added) and added.vectors.shape[1] != self.dimension:
            raise GalleryInputError(
                f"templates of {added.vectors.shape[1]} dimensions join those of {self.dimension}"
            )
        leaving = {*removed, *(added.templates if added is not None else ())}
        if leaving:
            for block in self._blocks:
                block.remove(leaving)
        recent, base = self._recent, self._base
        if added is not None and len(added):
            parts = [part for part in (recent, added) if part is not None]
            if sum(len(part) for part in parts) <= RECENT_ROWS:
                recent = Block.as_given(parts)
            else:
                base, recent = self._grown(base, parts), None
        elif recent is not None and recent.rows > len(recent):
            recent = Block.as_given((recent,)) if len(recent) else None
        return Gallery(self._compacted(base), recent, self._comparer)

    @property
    def _blocks(self) -> tuple[Block, ...]:
        return (*self._base, self._recent) if self._recent is not None else self._base

    def _grown(
        self, base: tuple[Block, ...], parts: Sequence[NewRows | Block]
    ) -> tuple[Block, ...]:
        """The base with these at its end: the last block is filled up first."""
        builder = _BaseBuilder(self._comparer)
        kept = list(base)
        if kept and len(kept[-1]) < BLOCK_ROWS:
            builder.add(kept.pop())
        for part in parts:
            builder.add(part)
        return (*kept, *builder.done())

    def _compacted(self, base: tuple[Block, ...]) -> tuple[Block, ...]:
        """The base without blocks of which a quarter is gone, and without small neighbours."""
        kept: list[Block] = []
        for block in base:
            before = kept[-1] if kept else None
            if not len(block):
                continue
            if before is not None and len(before) + len(block) <= BLOCK_ROWS // 2:
                kept[-1] = self._rewritten((before, block))
            elif (block.rows - len(block)) * _GONE_SHARE >= block.rows:
                kept.append(self._rewritten((block,)))
            else:
                kept.append(block)
        return tuple(kept)

    def _rewritten(self, blocks: Sequence[Block]) -> Block:
        block = Block.quantised(blocks)
        self._comparer.check(block)
        return block


class GalleryBuilder:
    """Takes templates in part by part, for a gallery that is larger than what is sent at once."""

    def __init__(self, dimension: int, *, threads: int = 1) -> None:
        self._comparer = Comparer(dimension, threads)
        self._base = _BaseBuilder(self._comparer)
        self._first: Block | None = None

    def __len__(self) -> int:
        return len(self._base) + (len(self._first) if self._first is not None else 0)

    def add(self, part: NewRows) -> None:
        """Take these in: they are copied. Raises `GalleryInputError` on another dimension."""
        if not len(part):
            return
        if part.vectors.shape[1] != self._comparer.dimension:
            raise GalleryInputError(
                f"templates have {self._comparer.dimension} dimensions, "
                f"some {part.vectors.shape[1]}"
            )
        if len(self._base) == 0 and len(self) + len(part) <= RECENT_ROWS:
            parts = [each for each in (self._first, part) if each is not None]
            self._first = Block.as_given(parts)
            return
        if self._first is not None:
            self._base.add(self._first)
            self._first = None
        self._base.add(part)

    def done(self) -> Gallery:
        """The gallery. The builder is empty afterwards."""
        first, self._first = self._first, None
        return Gallery(self._base.done(), first, self._comparer)


class _BaseBuilder:
    """Puts parts of any size together to blocks of `BLOCK_ROWS`."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._blocks: list[Block] = []
        self._waiting: list[Block | NewRows] = []
        self._count = 0

    def __len__(self) -> int:
        return sum(len(block) for block in self._blocks) + self._count

    def add(self, part: Block | NewRows) -> None:
        """Take this in. Up to a block of what was given is kept until the block is full."""
        if isinstance(part, Block):
            self._wait(part)
            return
        start = 0
        while start < len(part):
            count = min(len(part) - start, BLOCK_ROWS - self._count)
            end = start + count
            vectors = np.ascontiguousarray(part.vectors[start:end], np.float32)
            some = NewRows(part.people[start:end], part.templates[start:end], vectors)
            # A copy of its own: what was given is overwritten by whoever gave it.
            self._wait(Block.as_given((some,)))
            start = end

    def done(self) -> tuple[Block, ...]:
        """All blocks."""
        self._flush()
        blocks, self._blocks = self._blocks, []
        return tuple(blocks)

    def _wait(self, part: Block) -> None:
        if self._count + len(part) > BLOCK_ROWS:
            self._flush()
        self._waiting.append(part)
        self._count += len(part)
        if self._count >= BLOCK_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._count:
            block = Block.quantised(self._waiting)
            self._comparer.check(block)
            self._blocks.append(block)
        self._waiting, self._count = [], 0
