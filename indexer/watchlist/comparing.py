"""Probes compared with the blocks of a gallery: all that is at least so similar, exactly.

1. Blocks without codes are compared one by one.
2. Of the others, tiles of codes go through the first pass; what may reach the threshold is compared
   again with the halves themselves. Nothing at or above the threshold is lost.
3. Where the first pass is not sound on this machine, every half is compared.

Tiles are shared out among a few threads where there is enough to do. Similarities to people whose
templates are known would tell what the probe was: they are written to private buffers, and
overwritten with all else before a search returns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.session import Floats
from indexer.watchlist.block import Block, Rows
from indexer.watchlist.first_pass import (
    BoundProduct,
    Codes,
    FirstPassUnsoundError,
    Halves,
    IntegerProduct,
    ProbeCodes,
    Products,
    Scale,
    check_codes,
)

TILE_ROWS: Final = 4096
"""Products of 64 probes then stay in a core's own cache until they are looked through."""
PROBES_AT_ONCE: Final = 128
_PAIRS_AT_ONCE: Final = 1024
_EXACT_ROWS: Final = 1024
_FOLDED: Final = 32
_WORTH_THREADS: Final = 1 << 26
"""From this many multiplications on, waking a second thread is repaid."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One template at or above the threshold: `face` is the probe's place in the search."""

    face: int
    person_ref: str
    similarity: float


@dataclass(frozen=True, slots=True)
class _Tile:
    block: Block
    codes: Codes
    scale: Scale
    start: int
    limits: NDArray[np.int64]


class _Workspace:
    """What one thread writes to while it compares; grows as needed, zero between searches."""

    def __init__(self, dimension: int) -> None:
        self._products = PrivateBuffer(0)
        self._room = 0
        pairs = _PAIRS_AT_ONCE * dimension
        # Two sets of vectors as float32, one as halves, and the similarities.
        self._buffer = PrivateBuffer(10 * pairs + 4 * _PAIRS_AT_ONCE)
        octets = self._buffer.octets((10 * pairs + 4 * _PAIRS_AT_ONCE,))
        shape = (_PAIRS_AT_ONCE, dimension)
        self.rows: Floats = octets[: 4 * pairs].view(np.float32).reshape(shape)
        self.probes: Floats = octets[4 * pairs : 8 * pairs].view(np.float32).reshape(shape)
        self.halves: Halves = octets[8 * pairs : 10 * pairs].view(np.float16).reshape(shape)
        self.similarities: Floats = octets[10 * pairs :].view(np.float32)
        self.used_pairs = 0

    def products(self, rows: int, probes: int) -> NDArray[np.int32]:
        """(rows, probes) to write to."""
        if 4 * rows * probes > self._room:
            self._room = 4 * rows * probes
            self._products = PrivateBuffer(self._room)
        octets = self._products.octets((4 * rows * probes,))
        return octets.view(np.int32).reshape(rows, probes)

    def overwrite(self) -> None:
        """Set to nothing what was used."""
        used = min(self.used_pairs, _PAIRS_AT_ONCE)
        for array in (self.rows, self.probes, self.halves, self.similarities):
            array[:used] = 0
        self.used_pairs = 0


class Comparer:
    """Compares probes of one dimension with blocks. Shared by all snapshots of a gallery.

    Safe to use from several threads: searches wait for one another.
    """

    def __init__(self, dimension: int, threads: int = 1) -> None:
        """`threads` is how many may compare at the same time."""
        self.dimension = dimension
        self._threads = max(1, threads)
        self._turn = threading.Lock()
        self._spaces = [_Workspace(dimension) for _ in range(self._threads)]
        self._pool: ThreadPoolExecutor | None = None
        self._product: IntegerProduct | None = None
        self._sound: bool | None = None

    def __repr__(self) -> str:
        return f"<Comparer of {self.dimension} dimensions, first pass: {self.first_pass}>"

    @property
    def first_pass(self) -> str:
        """Which first pass large blocks go through: "integer", "none", or "unused" until one was
        checked.
        """
        return {None: "unused", True: "integer", False: "none"}[self._sound]

    def check(self, block: Block) -> None:
        """Look whether this block's first pass is sound on this machine; without it from then on,
        if not.
        """
        if block.codes is None or block.scale is None or self._sound is False:
            return
        try:
            if self._product is None:
                self._product = IntegerProduct.open(self.dimension)
            with self._turn:
                check_codes(self._product, block.vectors, block.codes, block.scale)
        except FirstPassUnsoundError:
            self._sound = False
        else:
            self._sound = True

    def search(self, blocks: Sequence[Block], vectors: Floats, least: Floats) -> list[Hit]:
        """All templates at least so similar: `least` (n,) for each of (n, dimension) `vectors`.

        The caller lends `vectors` from a private buffer and overwrites it afterwards.
        """
        found: list[Hit] = []
        with self._turn:
            try:
                for start in range(0, len(vectors), PROBES_AT_ONCE):
                    end = start + PROBES_AT_ONCE
                    found += self._search_some(blocks, vectors[start:end], least[start:end], start)
            finally:
                for space in self._spaces:
                    space.overwrite()
        return found

    def search_rows(self, block: Block, rows: Rows, vectors: Floats, least: Floats) -> list[Hit]:
        """As `search`, over these rows of one block alone."""
        found: list[Hit] = []
        space = self._spaces[0]
        with self._turn:
            try:
                for face in range(len(vectors)):
                    faces = np.full(len(rows), face)
                    found += _compared(block, rows, faces, vectors, least, space)
            finally:
                space.overwrite()
        return found

    def _search_some(
        self, blocks: Sequence[Block], vectors: Floats, least: Floats, first_face: int
    ) -> list[Hit]:
        found: list[Hit] = []
        coded_blocks = []
        for block in blocks:
            if block.codes is not None and self._sound and self._product is not None:
                coded_blocks.append(block)
            else:
                found += _compared_all(block, vectors, least, self._spaces[0])
        if coded_blocks and self._product is not None:
            probes = ProbeCodes(vectors)
            try:
                tiles = list(_tiles(coded_blocks, probes, least))
                found += self._first_pass(self._product, tiles, probes, vectors, least)
            finally:
                probes.overwrite()
        return [Hit(first_face + hit.face, hit.person_ref, hit.similarity) for hit in found]

    def _first_pass(
        self,
        product: IntegerProduct,
        tiles: list[_Tile],
        probes: ProbeCodes,
        vectors: Floats,
        least: Floats,
    ) -> list[Hit]:
        def share(number: int, of: int) -> list[Hit]:
            space = self._spaces[number]
            found: list[Hit] = []
            out = space.products(TILE_ROWS, len(vectors))
            bound = product.bound(probes.codes, out)
            try:
                for tile in tiles[number::of]:
                    found += _through(tile, bound, vectors, least, space)
            finally:
                product.overwrite(len(vectors), out)
            return found

        work = len(tiles) * TILE_ROWS * self.dimension * len(vectors)
        threads = min(self._threads, len(tiles)) if work > _WORTH_THREADS else 1
        if threads == 1:
            return share(0, 1)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "watchlist")
        shares = [self._pool.submit(share, number, threads) for number in range(threads)]
        # Every share is waited for before an error of one of them is raised.
        for each in shares:
            each.exception()
        return [hit for each in shares for hit in each.result()]


def _tiles(blocks: Sequence[Block], probes: ProbeCodes, least: Floats) -> Iterator[_Tile]:
    for block in blocks:
        if block.codes is None or block.scale is None:
            continue
        limits = probes.limits(block.scale, least)
        for start in range(0, block.rows, TILE_ROWS):
            codes = block.codes[start : start + TILE_ROWS]
            yield _Tile(block, codes, block.scale, start, limits)


def _through(
    tile: _Tile, product: BoundProduct, vectors: Floats, least: Floats, space: _Workspace
) -> list[Hit]:
    """First pass over one tile, second pass over what may reach the threshold."""
    products = product.multiply(tile.codes)
    near = np.flatnonzero(_largest(products) >= tile.limits)
    if not len(near):
        return []
    columns = products[:, near]
    rows, places = np.nonzero(columns >= tile.limits[near])
    columns.fill(0)
    return _compared(tile.block, rows + tile.start, near[places], vectors, least, space)


def _largest(products: Products) -> Products:
    """(m, n) -> (n,): the largest of each column."""
    if len(products) % _FOLDED == 0:
        # NumPy goes row by row, and is slow where rows are short: these are 32 times as long.
        folded = products.reshape(len(products) // _FOLDED, -1).max(axis=0)
        products = folded.reshape(_FOLDED, -1)
    largest: Products = products.max(axis=0)
    return largest


def _compared(
    block: Block,
    rows: Rows,
    faces: Rows,
    vectors: Floats,
    least: Floats,
    space: _Workspace,
) -> list[Hit]:
    """Rows of a block with one probe each, exactly."""
    found: list[Hit] = []
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        some = rows[start : start + _PAIRS_AT_ONCE]
        count = len(some)
        asked = faces[start : start + count]
        space.used_pairs = max(space.used_pairs, count)
        # "clip" lets numpy write to `out` itself, without a copy of its own.
        if block.vectors.dtype == np.float16:
            np.take(block.vectors, some, axis=0, out=space.halves[:count], mode="clip")
            space.rows[:count] = space.halves[:count]
        else:
            np.take(block.vectors, some, axis=0, out=space.rows[:count], mode="clip")
        np.take(vectors, asked, axis=0, out=space.probes[:count], mode="clip")
        similarities = space.similarities[:count]
        np.einsum("pd,pd->p", space.rows[:count], space.probes[:count], out=similarities)
        found += _hits(block, some, asked, similarities, least)
    return found


def _compared_all(block: Block, vectors: Floats, least: Floats, space: _Workspace) -> list[Hit]:
    """Every row of a block with every probe, exactly."""
    found: list[Hit] = []
    for start in range(0, block.rows, _EXACT_ROWS):
        rows = np.arange(start, min(block.rows, start + _EXACT_ROWS))
        some = block.vectors[start : start + len(rows)]
        space.used_pairs = max(space.used_pairs, len(rows))
        if some.dtype == np.float16:
            space.rows[: len(rows)] = some
            some = space.rows[: len(rows)]
        similarities = space.similarities[: len(rows)]
        for face in range(len(vectors)):
            np.einsum("md,d->m", some, vectors[face], out=similarities)
            found += _hits(block, rows, np.full(len(rows), face), similarities, least)
    return found


def _hits(block: Block, rows: Rows, faces: Rows, similarities: Floats, least: Floats) -> list[Hit]:
    kept = np.flatnonzero(similarities >= least[faces])
    return [
        Hit(int(faces[at]), block.people.at(int(rows[at])), min(1.0, float(similarities[at])))
        for at in kept
        if not block.gone[rows[at]]
    ]
