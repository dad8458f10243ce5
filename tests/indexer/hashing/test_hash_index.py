"""The index of hashes finds exactly what comparing with every hash finds."""

from __future__ import annotations

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from indexer.hashing import index as hash_index
from indexer.hashing.index import (
    CODE_BYTES,
    Codes,
    FlatIndex,
    HashIndexError,
    Hits,
    MultiIndex,
    build_index,
    multi_tables,
    pdq_codes,
)
from indexer.hashing.turning import TURNED_AS, turned_hashes


def random_codes(rng: np.random.Generator, count: int) -> Codes:
    return rng.integers(0, 256, (count, CODE_BYTES), dtype=np.uint8)


def with_bits_changed(rng: np.random.Generator, code: Codes, bits: int) -> Codes:
    changed = np.unpackbits(code)
    changed[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(changed)


def by_comparing_all(codes: Codes, ids: np.ndarray, queries: Codes, most: int) -> Hits:
    found = []
    for number, query in enumerate(queries):
        distances = np.bitwise_count(codes ^ query).sum(axis=1)
        found += [(number, ids[row], distances[row]) for row in np.flatnonzero(distances <= most)]
    columns = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return Hits.ordered(*columns)


def same(one: Hits, other: Hits) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("queries", "ids", "distances")
    )


def multi_index(codes: Codes, ids: np.ndarray) -> MultiIndex:
    return MultiIndex(codes, ids, *multi_tables(codes))


@pytest.fixture(scope="module", params=[hash_index._CHUNKS_FEW, hash_index._CHUNKS_MANY])
def made(request: pytest.FixtureRequest) -> tuple[MultiIndex, Codes, np.ndarray]:
    """A multi-index of each layout over 3,000 hashes, 1,000 of them in a few tight groups."""
    patch = pytest.MonkeyPatch()
    rng = np.random.default_rng(7)
    codes = random_codes(rng, 3000)
    for row in range(1000):
        codes[row] = with_bits_changed(rng, codes[2000 + row % 5], int(rng.integers(0, 20)))
    ids = np.arange(3000, dtype=np.int64) * 3 + 5
    patch.setattr(hash_index, "chunks_for", lambda _count: request.param)
    try:
        index = multi_index(codes, ids)
    finally:
        patch.undo()
    return index, codes, ids


class TestMultiIndex:
    def test_it_finds_exactly_what_comparing_with_all_finds(self, made) -> None:
        index, codes, ids = made
        rng = np.random.default_rng(11)
        queries = np.array(
            [with_bits_changed(rng, codes[rng.integers(0, 3000)], bits % 40) for bits in range(160)]
        )
        for most in (0, 1, 15, 23, 30, 31):
            assert same(index.search(queries, most), by_comparing_all(codes, ids, queries, most)), (
                most
            )

    @settings(max_examples=200, deadline=None)
    @given(
        row=st.integers(0, 2999),
        bits=st.sets(st.integers(0, 255), min_size=31, max_size=31),
    )
    def test_no_choice_of_31_bits_hides_a_hash(self, made, row: int, bits: set[int]) -> None:
        index, codes, ids = made
        query = np.unpackbits(codes[row])
        query[list(bits)] ^= 1
        hits = index.search(np.packbits(query)[None])
        assert ids[row] in hits.ids

    def test_31_bits_that_fall_into_the_narrowly_searched_chunks_hide_nothing(self, made) -> None:
        # The worst case of the pigeonhole argument: as many bits as possible in each chunk.
        index, codes, ids = made
        chunks = len(index._layout.chunk_bits)
        for first in range(chunks):
            order = [*range(first, chunks), *range(first)]
            bits = [chunk + chunks * place for place in range(3) for chunk in order][:31]
            query = np.unpackbits(codes[17])
            query[bits] ^= 1
            assert ids[17] in index.search(np.packbits(query)[None]).ids

    def test_very_full_buckets_are_looked_through_in_pieces(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hash_index, "_CANDIDATES_AT_ONCE", 100)
        rng = np.random.default_rng(3)
        codes = np.repeat(random_codes(rng, 2), 700, axis=0)
        ids = np.arange(1400, dtype=np.int64)
        index = multi_index(codes, ids)
        queries = np.array([codes[0], codes[-1], with_bits_changed(rng, codes[0], 31)])
        hits = index.search(queries)
        assert np.array_equal(np.bincount(hits.queries), [700, 700, 700])
        assert same(hits, by_comparing_all(codes, ids, queries, 31))

    def test_no_query_finds_nothing(self, made) -> None:
        assert len(made[0].search(np.empty((0, CODE_BYTES), np.uint8))) == 0


class TestBuildIndex:
    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_the_smallest_indexes_work(self, count: int) -> None:
        codes = random_codes(np.random.default_rng(1), count)
        index = build_index(codes, np.arange(count, dtype=np.int64) + 9)
        assert len(index) == count
        if count:
            assert index.search(codes[:1]).ids.tolist() == [9]
        else:
            assert len(index.search(random_codes(np.random.default_rng(2), 1))) == 0

    def test_size_decides_how_it_is_kept_and_changes_no_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hash_index, "FLAT_BELOW", 500)
        rng = np.random.default_rng(5)
        codes, ids = random_codes(rng, 600), np.arange(600, dtype=np.int64)
        small, large = build_index(codes[:499], ids[:499]), build_index(codes, ids)
        assert isinstance(small, FlatIndex)
        assert isinstance(large, MultiIndex)
        queries = np.array([with_bits_changed(rng, codes[row], 31) for row in range(0, 400, 9)])
        assert same(small.search(queries), by_comparing_all(codes[:499], ids[:499], queries, 31))
        assert same(large.search(queries), by_comparing_all(codes, ids, queries, 31))

    @pytest.mark.parametrize(
        ("codes", "ids"),
        [
            (np.zeros((2, 31), np.uint8), np.zeros(2, np.int64)),
            (np.zeros((2, 32), np.int8), np.zeros(2, np.int64)),
            (np.zeros((2, 32), np.uint8), np.zeros(3, np.int64)),
            (np.zeros((2, 32), np.uint8), np.zeros(2, np.float64)),
            (np.zeros(32, np.uint8), np.zeros(1, np.int64)),
        ],
    )
    def test_other_shapes_are_refused(self, codes: np.ndarray, ids: np.ndarray) -> None:
        with pytest.raises(HashIndexError):
            build_index(codes, ids)

    @pytest.mark.parametrize("most", [-1, 32, 256])
    def test_a_distance_that_it_could_not_answer_exactly_is_refused(self, made, most: int) -> None:
        with pytest.raises(HashIndexError, match="0 to 31"):
            made[0].search(np.zeros((1, CODE_BYTES), np.uint8), most)


class TestPdqCodes:
    def test_hex_becomes_bytes(self) -> None:
        assert pdq_codes(["00" * 31 + "fF"])[0].tolist() == [0] * 31 + [255]
        assert pdq_codes([]).shape == (0, CODE_BYTES)

    @pytest.mark.parametrize("wrong", ["", "0" * 63, "0" * 62, "g" * 64, "0" * 66])
    def test_what_is_no_hash_is_refused(self, wrong: str) -> None:
        with pytest.raises(HashIndexError):
            pdq_codes([wrong])


class TestTurnedHashes:
    @pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
    def test_they_are_close_to_those_of_the_turned_picture(self, name: str) -> None:
        all_bits, quality = pdqhash.compute_dihedral(np.ascontiguousarray(getattr(data, name)()))
        assert quality >= 50
        true = [np.packbits(bits.astype(np.uint8)) for bits in all_bits]
        turned = pdq_codes(turned_hashes(true[0].tobytes().hex()))
        distances = [
            int(np.bitwise_count(one ^ other).sum())
            for one, other in zip(true, turned, strict=True)
        ]
        assert distances[0] == 0
        assert distances[TURNED_AS.index("transposed")] == 0
        assert max(distances) <= 20
        # and far from the hashes of the other orientations
        others = [
            int(np.bitwise_count(true[one] ^ turned[other]).sum())
            for one in range(8)
            for other in range(8)
            if one != other
        ]
        assert min(others) > 60

    def test_their_names_say_how_the_known_picture_was_turned(self) -> None:
        picture = np.ascontiguousarray(data.astronaut())
        turns = {"rotated_90": 1, "rotated_180": 2, "rotated_270": 3}
        known = np.packbits(pdqhash.compute(picture)[0].astype(np.uint8)).tobytes().hex()
        codes = pdq_codes(turned_hashes(known))
        for name, quarter_turns in turns.items():
            turned = np.ascontiguousarray(np.rot90(picture, quarter_turns))
            medium = np.packbits(pdqhash.compute(turned)[0].astype(np.uint8))
            nearest = int(np.bitwise_count(codes ^ medium).sum(axis=1).argmin())
            assert TURNED_AS[nearest] == name

    @settings(max_examples=50, deadline=None)
    @given(code=st.binary(min_size=32, max_size=32))
    def test_turning_four_times_comes_back(self, code: bytes) -> None:
        once = code.hex()
        for _ in range(4):
            once = turned_hashes(once)[1]
        assert once == code.hex()
