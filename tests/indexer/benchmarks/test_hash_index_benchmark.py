"""The benchmark of the hash index says true figures of three indexes that really ran."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.benchmarks import hash_index
from indexer.benchmarks.hash_index import BATCHES, CONTESTANTS, run_index_benchmark


def resembling(count: int, groups: int) -> np.ndarray:
    """Hashes whose neighbouring bits agree, as no even ones do."""
    rng = np.random.default_rng(2)
    bits = np.repeat(rng.integers(0, 2, (count, groups)), 256 // groups, axis=1)
    return np.packbits(bits.astype(np.uint8), axis=1)


@pytest.mark.slow
def test_all_contestants_run_and_find_the_same() -> None:
    said: list[str] = []
    result = run_index_benchmark([3000], resembling(300, 64), said=said.append)
    assert [contest.contestant for contest in result.contests] == list(CONTESTANTS)
    assert not result.left_out
    assert "300 real pictures" in result.bits
    for contest in result.contests:
        assert (contest.missed, contest.invented) == (0, 0)
        # half of the questions are changed copies of what is there
        assert contest.hits >= result.questions // 2
        assert [timing.batch for timing in contest.timings] == list(BATCHES)
        assert all(0 < timing.median_ms <= timing.p95_ms for timing in contest.timings)
    ours = result.contests[0]
    assert ours.disk_mb > 0
    assert ours.append_ms
    assert ours.reopen_ms
    assert len(said) == 1 + len(CONTESTANTS)


def test_drawn_hashes_keep_how_the_bits_of_real_ones_go_together() -> None:
    drawn = hash_index._drawer(resembling(2000, 64), np.random.default_rng(3))(4000)
    bits = np.unpackbits(drawn, axis=1)
    together = (bits[:, 0::4] == bits[:, 1::4]).mean()
    apart = (bits[:, 0:252] == bits[:, 4:256]).mean()
    assert together > 0.9
    assert 0.45 < apart < 0.55
    assert 0.48 < bits.mean() < 0.52


def test_with_too_few_real_pictures_the_bits_are_even_and_it_is_said() -> None:
    result = run_index_benchmark([64], resembling(3, 64), contestants=["faiss_flat"])
    assert "too few" in result.bits


def test_a_contestant_for_which_there_is_no_memory_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(hash_index._BYTES_NEEDED, "threatexchange", 1 << 60)
    result = run_index_benchmark([64], resembling(3, 64), contestants=["threatexchange"])
    assert not result.contests
    assert [(each.contestant, each.hashes) for each in result.left_out] == [("threatexchange", 64)]
    assert "MB" in result.left_out[0].reason


def test_what_one_missed_or_invented_is_counted_against_the_exact_comparison(tmp_path) -> None:
    rows = {"faiss_flat": [(0, 1, 2), (0, 2, 5)], "likeness": [(0, 1, 2), (1, 1, 1), (1, 2, 0)]}
    contests = {}
    for name, found in rows.items():
        np.save(tmp_path / f"{name}.npy", np.array(found))
        contests[name] = hash_index.Contest(name, 3, 0.0, 0.0, 0.0, (), len(found))
    exact, ours = hash_index._compared(tmp_path, contests)
    assert (exact.missed, exact.invented) == (0, 0)
    assert (ours.missed, ours.invented) == (1, 2)
