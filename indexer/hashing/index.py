"""An exact index of PDQ hashes: everything within a distance is found, at ten million in a
millisecond.

1. Few hashes are compared one by one (FAISS binary flat): nothing is faster below 200,000.
2. Many are kept in a multi-index (Norouzi, Punjani, Fleet: "Fast exact search in Hamming space with
   multi-index hashing", 2014): the 256 bits are dealt out to m chunks. Two hashes that differ in at
   most r bits differ, by the pigeonhole principle, in at most floor(r / m) bits in one of the
   chunks (one bit less in some of them, see `_radii`). So for each chunk only the buckets so close
   to the query's are visited, and what is in them is compared in full.
3. Both give exactly what comparing with all would give; they differ in cost alone.

An index is immutable and safe from several threads; its arrays may lie in files that many processes
map into their memory (`store.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from indexer.errors import IndexerError
from indexer.faiss_threads import threads_for
from indexer.hashing.hashes import PDQ_BITS

Codes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int64]

CODE_BYTES: Final = PDQ_BITS // 8
MAX_DISTANCE: Final = 31
"""31 of 256 bits is the threshold that PDQ's authors give for "the same picture"; a multi-index is
laid out for it and answers no larger one."""
FLAT_BELOW: Final = 200_000
"""Below this, comparing one by one is as fast, and needs no tables."""
_FEW_BELOW: Final = 2_000_000
_CHUNKS_FEW: Final = 12
_CHUNKS_MANY: Final = 11
"""Measured: at a million 12 chunks are as fast as 11 with half of the memory; at ten million 11 are
twice as fast as 12 and as fast as 10, which need three times the tables."""
_ROWS_AT_ONCE: Final = 1 << 16
_CANDIDATES_AT_ONCE: Final = 1 << 20
_QUERIES_AT_ONCE: Final = 16
_MAX_ROWS: Final = (1 << 32) // _CHUNKS_MANY


class HashIndexError(IndexerError):
    """Hashes, ids or distances that an index cannot be made of or asked for."""

    code = "hash_index"


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found: (m,) int64 each, ordered by query, distance and id."""

    queries: npt.NDArray[np.int64]
    ids: Ids
    distances: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def ordered(
        cls,
        queries: npt.NDArray[np.integer],
        ids: npt.NDArray[np.integer],
        distances: npt.NDArray[np.integer],
    ) -> Hits:
        """Hits in any order, put in order."""
        order = np.lexsort((ids, distances, queries))
        return cls(
            queries[order].astype(np.int64),
            ids[order].astype(np.int64),
            distances[order].astype(np.int64),
        )

    @classmethod
    def together(cls, parts: Sequence[Hits]) -> Hits:
        """The hits of several indexes for the same queries."""
        if len(parts) == 1:
            return parts[0]
        return cls.ordered(
            np.concatenate([part.queries for part in parts] or [np.empty(0, np.int64)]),
            np.concatenate([part.ids for part in parts] or [np.empty(0, np.int64)]),
            np.concatenate([part.distances for part in parts] or [np.empty(0, np.int64)]),
        )


class HashIndex(Protocol):
    """Hashes with ids, at one time."""

    codes: Codes
    ids: Ids

    def search(self, queries: Codes, max_distance: int = MAX_DISTANCE) -> Hits:
        """All ids whose hash is within `max_distance` bits of a query.

        `queries` is (q, 32) uint8. Raises `HashIndexError` on another shape, and on a distance
        below 0 or above `MAX_DISTANCE`.
        """
        ...

    def __len__(self) -> int: ...


def build_index(codes: Codes, ids: Ids) -> HashIndex:
    """The index that suits so many hashes: (n, 32) uint8 with (n,) int64 ids.

    Raises `HashIndexError` when the shapes do not fit, or for more than one index can hold.
    """
    checked = check_rows(codes, ids)
    if len(checked[0]) < FLAT_BELOW:
        return FlatIndex(*checked)
    return MultiIndex(*checked, *multi_tables(checked[0]))


def check_rows(codes: Codes, ids: Ids) -> tuple[Codes, Ids]:
    """Codes and ids as contiguous arrays. Raises `HashIndexError`."""
    if codes.ndim != 2 or codes.shape[1] != CODE_BYTES or codes.dtype != np.uint8:
        raise HashIndexError(f"hashes must be (n, {CODE_BYTES}) uint8, not {codes.shape}")
    if ids.shape != (len(codes),) or not np.issubdtype(ids.dtype, np.integer):
        raise HashIndexError(f"{len(codes)} hashes need as many whole numbers as ids")
    if len(codes) > _MAX_ROWS:
        raise HashIndexError(f"one index holds at most {_MAX_ROWS} hashes; use several")
    return np.ascontiguousarray(codes), np.ascontiguousarray(ids, dtype=np.int64)


def pdq_codes(hex_hashes: Sequence[str]) -> Codes:
    """Hashes as lower- or upper-case hex into (n, 32) uint8. Raises `HashIndexError`."""
    rows = []
    for value in hex_hashes:
        try:
            row = bytes.fromhex(value)
        except ValueError as error:
            raise HashIndexError("a hash holds characters that are not hexadecimal") from error
        if len(row) != CODE_BYTES:
            raise HashIndexError(f"a PDQ hash has {CODE_BYTES * 2} digits, not {len(value)}")
        rows.append(row)
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), CODE_BYTES)


class FlatIndex:
    """Compares with every hash."""

    def __init__(self, codes: Codes, ids: Ids) -> None:
        """`codes` and `ids` as `check_rows` gives them; the codes are copied."""
        self.codes = codes
        self.ids = ids
        self._flat = faiss.IndexBinaryFlat(PDQ_BITS)
        if len(codes):
            self._flat.add(codes)

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: Codes, max_distance: int = MAX_DISTANCE) -> Hits:
        """See `HashIndex`."""
        _check_question(queries, max_distance)
        if not len(self.ids) or not len(queries):
            return Hits.together(())
        with threads_for(queries.nbytes * len(self.ids)):
            # FAISS answers distances strictly below the radius.
            starts, distances, rows = self._flat.range_search(
                np.ascontiguousarray(queries), max_distance + 1
            )
        asked = np.repeat(np.arange(len(queries)), np.diff(starts.astype(np.int64)))
        return Hits.ordered(asked, self.ids[rows], distances.astype(np.int64))


class MultiIndex:
    """Visits, chunk by chunk, only the buckets that can hold a hash within the distance."""

    def __init__(
        self,
        codes: Codes,
        ids: Ids,
        starts: npt.NDArray[np.uint32],
        rows: npt.NDArray[np.uint32],
    ) -> None:
        """`starts` and `rows` are those of `multi_tables(codes)`; all may be mapped files."""
        self.codes = codes
        self.ids = ids
        self._words = codes.view(np.uint64)
        self._starts = starts
        self._rows = rows
        self._layout = _layout(chunks_for(len(codes)))

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: Codes, max_distance: int = MAX_DISTANCE) -> Hits:
        """See `HashIndex`."""
        _check_question(queries, max_distance)
        found = [
            self._search_few(queries[at : at + _QUERIES_AT_ONCE], at, max_distance)
            for at in range(0, len(queries), _QUERIES_AT_ONCE)
        ]
        return Hits.together(found)

    def _search_few(self, queries: Codes, first: int, max_distance: int) -> Hits:
        layout = self._layout
        keys = layout.keys(np.ascontiguousarray(queries))
        # (q, probes): where in `starts` each bucket stands that has to be visited.
        places = (keys[:, layout.probe_chunk] ^ layout.probe_mask) + layout.probe_base
        starts = self._starts[places]
        counts = self._starts[places + 1] - starts
        asked, probe = np.nonzero(counts)
        starts_at = starts[asked, probe].astype(np.int64)
        sizes = counts[asked, probe].astype(np.int64)
        ends = np.cumsum(sizes)
        words = np.ascontiguousarray(queries).view(np.uint64)
        parts = []
        # A bucket of hashes that are very common is looked through in pieces.
        for begin, end in _pieces(ends, _CANDIDATES_AT_ONCE):
            size = sizes[begin:end]
            ends_here = np.cumsum(size)
            total = int(ends_here[-1])
            offsets = np.arange(total) + np.repeat(starts_at[begin:end] - ends_here + size, size)
            rows = self._rows[offsets]
            query = np.repeat(asked[begin:end], size)
            distances = np.bitwise_count(self._words[rows] ^ words[query]).sum(axis=1)
            close = np.flatnonzero(distances <= max_distance)
            parts.append((query[close], rows[close].astype(np.int64), distances[close]))
        if not parts:
            return Hits.together(())
        query, row, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
        # Hashes that are close meet in several chunks.
        _, once = np.unique(query * len(self.ids) + row, return_index=True)
        return Hits.ordered(query[once] + first, self.ids[row[once]], distance[once])


@dataclass(frozen=True, slots=True)
class _Layout:
    """How bits are dealt out, and which buckets have to be visited.

    `places` (m * 32,) are bit numbers for the padded keys, 256 being a bit that is never set;
    `chunk_bits` (m,) how many bits a chunk has; the probes' arrays have one entry for each bucket
    to visit: its chunk, what the key is XORed with, and where the chunk's buckets begin.
    """

    places: npt.NDArray[np.int64]
    chunk_bits: tuple[int, ...]
    chunk_base: tuple[int, ...]
    probe_chunk: npt.NDArray[np.int64]
    probe_mask: npt.NDArray[np.int64]
    probe_base: npt.NDArray[np.int64]

    def keys(self, codes: Codes) -> npt.NDArray[np.int64]:
        """(n, 32) uint8 -> (n, m) int64: the bits of each chunk as a number."""
        return _numbers(codes, self.places).astype(np.int64)


def chunks_for(count: int) -> int:
    """Into how many chunks the bits of so many hashes are dealt out."""
    return _CHUNKS_FEW if count < _FEW_BELOW else _CHUNKS_MANY


def multi_tables(
    codes: Codes,
    starts_out: npt.NDArray[np.uint32] | None = None,
    rows_out: npt.NDArray[np.uint32] | None = None,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The tables of a `MultiIndex`, written into the given arrays if there are any.

    `starts`, of `table_sizes(n)[0]`: for each chunk and bucket where its rows begin in `rows`;
    `rows`, of `table_sizes(n)[1]`: the row numbers, chunk by chunk, ordered by bucket.
    """
    count = len(codes)
    layout = _layout(chunks_for(count))
    sizes = table_sizes(count)
    starts = starts_out if starts_out is not None else np.empty(sizes[0], dtype=np.uint32)
    rows = rows_out if rows_out is not None else np.empty(sizes[1], dtype=np.uint32)
    for chunk, bits in enumerate(layout.chunk_bits):
        keys = np.empty(count, dtype=np.uint32)
        for at in range(0, count, _ROWS_AT_ONCE):
            some = codes[at : at + _ROWS_AT_ONCE]
            places = layout.places[chunk * 32 : (chunk + 1) * 32]
            keys[at : at + len(some)] = _numbers(some, places)[:, 0]
        base = layout.chunk_base[chunk]
        filled = np.bincount(keys, minlength=1 << bits)
        starts[base] = chunk * count
        starts[base + 1 : base + 1 + (1 << bits)] = np.cumsum(filled) + chunk * count
        rows[chunk * count : (chunk + 1) * count] = np.argsort(keys, kind="stable")
    return starts, rows


def table_sizes(count: int) -> tuple[int, int]:
    """How many numbers the two tables of so many hashes have."""
    chunk_bits = _layout(chunks_for(count)).chunk_bits
    return sum((1 << bits) + 1 for bits in chunk_bits), count * len(chunk_bits)


def _numbers(codes: Codes, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """(n, 32) uint8 and (32 k,) bit numbers -> (n, k): every 32 of these bits as a number."""
    bits = np.zeros((len(codes), PDQ_BITS + 1), dtype=np.uint8)
    bits[:, :PDQ_BITS] = np.unpackbits(codes, axis=1)
    packed = np.packbits(np.take(bits, places, axis=1), axis=1)
    return packed.view(">u4").astype(np.uint32)


def _layout(chunks: int) -> _Layout:
    # Neighbouring bits of PDQ are neighbouring frequencies and go together: dealing them out like
    # cards gives each chunk bits from everywhere, and fuller and emptier buckets even out.
    dealt = [list(range(chunk, PDQ_BITS, chunks)) for chunk in range(chunks)]
    places = np.full((chunks, 32), PDQ_BITS, dtype=np.int64)
    for chunk, bits in enumerate(dealt):
        places[chunk, 32 - len(bits) :] = bits
    sizes = tuple(len(bits) for bits in dealt)
    bases = tuple(itertools.accumulate(((1 << size) + 1 for size in sizes[:-1]), initial=0))
    masks = [_masks(size, radius) for size, radius in zip(sizes, _radii(sizes), strict=True)]
    return _Layout(
        places=places.reshape(-1),
        chunk_bits=sizes,
        chunk_base=bases,
        probe_chunk=np.repeat(np.arange(chunks), [len(mask) for mask in masks]),
        probe_mask=np.concatenate(masks),
        probe_base=np.repeat(np.array(bases), [len(mask) for mask in masks]),
    )


def _radii(sizes: Sequence[int]) -> list[int]:
    """How many bits may differ in each chunk, so that no pair within `MAX_DISTANCE` is missed.

    With r = a * m + b it is enough to look within a in b + 1 of the m chunks and within a - 1 in
    the others: a pair missed by all of them would differ in (b + 1)(a + 1) + (m - b - 1) a = r + 1
    bits at least. The largest chunks get the smaller radius: they have the most buckets.
    """
    wide, rest = divmod(MAX_DISTANCE, len(sizes))
    narrow = sorted(range(len(sizes)), key=lambda chunk: -sizes[chunk])[: len(sizes) - rest - 1]
    return [wide - 1 if chunk in narrow else wide for chunk in range(len(sizes))]


def _masks(bits: int, radius: int) -> npt.NDArray[np.int64]:
    """Every number of `bits` bits with at most `radius` of them set."""
    return np.array(
        [
            sum(1 << bit for bit in chosen)
            for weight in range(radius + 1)
            for chosen in itertools.combinations(range(bits), weight)
        ],
        dtype=np.int64,
    )


def _pieces(ends: npt.NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Runs [begin, end) of buckets with at most about `most` entries together."""
    pieces, begin, done = [], 0, 0
    while begin < len(ends):
        end = max(int(np.searchsorted(ends, done + most, side="right")), begin + 1)
        pieces.append((begin, end))
        begin, done = end, int(ends[end - 1])
    return pieces


def _check_question(queries: Codes, max_distance: int) -> None:
    if queries.ndim != 2 or queries.shape[1] != CODE_BYTES or queries.dtype != np.uint8:
        raise HashIndexError(f"hashes to look up must be (q, {CODE_BYTES}) uint8")
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise HashIndexError(f"a distance is 0 to {MAX_DISTANCE}, not {max_distance}")
