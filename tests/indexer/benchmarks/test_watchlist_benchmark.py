from __future__ import annotations

import numpy as np
import pytest

from indexer.benchmarks.hash_index import BenchmarkFailedError
from indexer.benchmarks.watchlist import Wanted, run_watchlist_benchmark
from indexer.benchmarks.watchlist_data import DRAWN_AT_ONCE, DrawnGallery


def drawn_rows(drawn: DrawnGallery) -> np.ndarray:
    return np.concatenate([vectors for _, vectors in drawn.blocks()])


@pytest.mark.parametrize("kind", ["random", "clustered"])
def test_a_seed_draws_the_same_again_and_another_seed_something_else(kind) -> None:
    rows = drawn_rows(DrawnGallery(kind, DRAWN_AT_ONCE + 5, 16, 1))
    assert rows.shape == (DRAWN_AT_ONCE + 5, 16)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows, drawn_rows(DrawnGallery(kind, DRAWN_AT_ONCE + 5, 16, 1)))
    assert not np.array_equal(rows, drawn_rows(DrawnGallery(kind, DRAWN_AT_ONCE + 5, 16, 2)))


def test_clustered_templates_are_as_far_apart_as_faces() -> None:
    drawn = DrawnGallery("clustered", 6000, 512, 1)
    rows = drawn_rows(drawn)
    strangers = np.einsum("ad,bd->ab", rows[:100], rows[3000:])
    assert 0.08 < strangers.std() < 0.12
    one_person = np.einsum("nd,nd->n", rows[0:3000:3], rows[1:3000:3])
    family = np.einsum("nd,nd->n", rows[0:3000:12], rows[3:3000:12])
    assert 0.75 < one_person.mean() < 0.85
    assert 0.35 < family.mean() < 0.45


def test_probes_are_enrolled_people_look_alikes_and_strangers() -> None:
    drawn = DrawnGallery("clustered", 6000, 512, 1)
    probes = drawn.probes(300, 1)
    closest = np.einsum("pd,nd->pn", probes, drawn_rows(drawn)).max(axis=1)
    assert closest[0::3].max() > 0.8
    assert (np.abs(closest[1::3] - 0.42) < 0.1).sum() > 30
    assert closest[2::3].max() < 0.55
    assert not np.array_equal(probes, drawn.probes(300, 2))


@pytest.mark.slow
def test_ours_finds_what_faiss_finds_and_says_what_it_costs() -> None:
    result = run_watchlist_benchmark(
        Wanted(4000, 64, batches=(3, 16), seconds=0.0, threads=1, threshold=0.5)
    )
    exact = result.exactness
    assert exact is not None
    assert exact.exact_hits > 20
    assert exact.missed + exact.invented == exact.at_border
    assert result.recall == exact.recall
    assert {(each.contestant, each.batch, each.rounds) for each in result.timings} == {
        (name, batch, 3)
        for name in ("likeness", "likeness, judged", "faiss_flat")
        for batch in (3, 16)
    }
    ours, peer = result.contests
    assert ours.first_pass == "integer"
    assert ours.peak_mb >= ours.memory_mb > 0 < peer.memory_mb
    assert result.changes.wrong == 0
    assert result.changes.add_1_ms > 0


@pytest.mark.slow
def test_a_contestant_that_breaks_is_said() -> None:
    with pytest.raises(BenchmarkFailedError, match="likeness"):
        run_watchlist_benchmark(Wanted(10, 8, kind="unknown", with_peer=False))  # type: ignore[arg-type]
