"""The gallery finds exactly what comparing with every template finds, whatever has become of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.watchlist import Gallery, GalleryBuilder, GalleryInputError, NewRows
from indexer.watchlist import gallery as gallery_module
from indexer.watchlist.block import BLOCK_ROWS
from indexer.watchlist.gallery import RECENT_ROWS

DIMENSION = 32


def unit(count: int, seed: int, dimension: int = DIMENSION) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def rows(vectors: np.ndarray, first: int = 0, person: str = "") -> NewRows:
    """Each template its own person, called by its number, unless one is given."""
    names = [f"template {first + number}" for number in range(len(vectors))]
    people = [person or f"person {first + number}" for number in range(len(vectors))]
    return NewRows(people, names, vectors)


def made_of(vectors: np.ndarray, threads: int = 1) -> Gallery:
    return Gallery.build(vectors.shape[1], [rows(vectors)], threads=threads)


def found(gallery: Gallery, probes: np.ndarray, least: float) -> set[tuple[int, str]]:
    return {(hit.face, hit.person_ref) for hit in gallery.search(probes, least)}


def exact(vectors: np.ndarray, probes: np.ndarray, least: float) -> set[tuple[int, str]]:
    kept = vectors.astype(np.float16).astype(np.float32) if len(vectors) > RECENT_ROWS else vectors
    faces, at = np.nonzero(np.einsum("pd,md->pm", probes, kept) >= np.float32(least))
    return {(int(face), f"person {row}") for face, row in zip(faces, at, strict=True)}


@pytest.mark.parametrize("count", [0, 1, 2, RECENT_ROWS, RECENT_ROWS + 1, 9000])
@pytest.mark.parametrize("probes", [1, 5, 200])
def test_it_finds_what_comparing_with_every_template_finds(count: int, probes: int) -> None:
    vectors, asked = unit(count, 1), unit(probes, 2)
    gallery = made_of(vectors, threads=2)
    assert len(gallery) == count
    assert found(gallery, asked, 0.5) == exact(vectors, asked, 0.5)


@pytest.mark.parametrize("dimension", [8, 31, 128, 512])
def test_templates_of_any_length_are_found(dimension: int) -> None:
    vectors = unit(3000, 3, dimension)
    gallery = made_of(vectors)
    assert gallery.first_pass == "integer"
    for face, row in enumerate((0, 1500, 2999)):
        assert (face, f"person {row}") in found(gallery, vectors[[0, 1500, 2999]], 0.99)


def test_similarities_are_those_of_the_templates() -> None:
    vectors = unit(4000, 4)
    asked = unit(1, 5)
    hits = made_of(vectors).search(asked, 0.3)
    assert len(hits) > 50
    for hit in hits:
        row = int(hit.person_ref.split()[1])
        assert hit.similarity == pytest.approx(float(vectors[row] @ asked[0]), abs=5e-4)


def test_each_probe_may_have_a_least_similarity_of_its_own() -> None:
    vectors = unit(3000, 6)
    asked = np.repeat(unit(1, 7), 2, axis=0)
    hits = made_of(vectors).search(asked, np.array([0.3, 0.5], np.float32))
    wide = {hit.person_ref for hit in hits if hit.face == 0}
    narrow = {hit.person_ref for hit in hits if hit.face == 1}
    assert narrow < wide


def test_faces_that_are_all_alike_lose_nobody() -> None:
    """Values far from the mean, sparse vectors, and thousands of candidates at once."""
    common = np.zeros(DIMENSION, np.float32)
    common[3] = 1.0
    alike = common + 0.2 * unit(5000, 8)
    alike /= np.linalg.norm(alike, axis=1, keepdims=True)
    alike[7] = common
    asked = np.stack([common, alike[11]])
    gallery = made_of(np.ascontiguousarray(alike, np.float32))
    for least in (0.90, 0.97, 0.98, 0.99):
        assert found(gallery, asked, least) == exact(alike, asked, least)


def test_the_same_template_twice_is_found_twice_and_leaves_as_one() -> None:
    vectors = unit(2, 9)
    twice = NewRows(["ada", "ada"], ["same", "same"], np.stack([vectors[0], vectors[0]]))
    gallery = Gallery.build(DIMENSION, [twice])
    assert [hit.person_ref for hit in gallery.search(vectors[:1], 0.9)] == ["ada", "ada"]
    assert len(gallery.changed(None, ["same"])) == 0


@pytest.mark.parametrize("count", [10, 3000])
def test_who_is_removed_is_gone_and_may_come_back(count: int) -> None:
    vectors = unit(count, 10)
    gallery = made_of(vectors)
    without = gallery.changed(None, ["template 7"])
    assert found(without, vectors[7:8], 0.9) == set()
    assert len(without) == count - 1
    again = without.changed(rows(vectors[7:8], first=7), ())
    assert found(again, vectors[7:8], 0.9) == {(0, "person 7")}
    assert len(again) == count


@pytest.mark.parametrize("count", [10, 3000])
def test_what_is_removed_is_nowhere_in_the_gallery_any_more(count: int) -> None:
    vectors = unit(count, 11)
    gallery = made_of(vectors)
    blocks = gallery._blocks
    gallery.changed(None, ["template 7"])
    for block in blocks:
        assert not block.vectors[7].any()
        assert block.codes is None or set(block.codes[7].tolist()) == {64}
        assert block.people.at(7) == block.templates.at(7) == ""
    assert found(gallery, vectors[7:8], 0.9) == set(), "the snapshot before shares the block"


def test_a_template_added_under_a_known_name_replaces_it() -> None:
    vectors = unit(3, 12)
    gallery = made_of(vectors[:2]).changed(rows(vectors[2:3], first=1), ())
    assert len(gallery) == 2
    assert found(gallery, vectors[1:2], 0.9) == set()
    assert found(gallery, vectors[2:3], 0.9) == {(0, "person 1")}


def test_a_change_shares_the_base_and_a_grown_rest_joins_it() -> None:
    vectors = unit(6000, 13)
    gallery = made_of(vectors[:3000])
    base = gallery._blocks[0]
    one_more = gallery.changed(rows(vectors[3000:3001], first=3000), ())
    assert one_more._blocks[0] is base
    assert one_more.blocks == 2
    grown = one_more.changed(rows(vectors[3001:], first=3001), ())
    assert grown.blocks == 1
    assert found(grown, vectors[::500], 0.9) == exact(vectors, vectors[::500], 0.9)


def test_after_any_changes_it_finds_what_is_left() -> None:
    rng = np.random.default_rng(14)
    vectors = unit(4000, 15)
    there = set(range(2000))
    gallery = made_of(vectors[:2000])
    coming = 2000
    for _ in range(25):
        leaving = rng.choice(sorted(there), 60, replace=False).tolist()
        joining = list(range(coming, coming + 80))
        coming += 80
        gallery = gallery.changed(
            rows(vectors[joining], first=joining[0]), [f"template {row}" for row in leaving]
        )
        there = (there - set(leaving)) | set(joining)
        assert len(gallery) == len(there)
    asked = vectors[rng.choice(4000, 50)]
    everybody = exact(vectors, asked, 0.6)
    left = {f"person {row}" for row in there}
    assert found(gallery, asked, 0.6) == {hit for hit in everybody if hit[1] in left}


def test_blocks_with_much_gone_are_rewritten_and_small_neighbours_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gallery_module, "BLOCK_ROWS", 2048)
    vectors = unit(6144, 16)
    gallery = made_of(vectors)
    assert gallery.blocks == 3
    left = gallery.changed(None, [f"template {row}" for row in range(6144) if row % 5])
    assert left.blocks < 3
    assert sum(block.rows for block in left._blocks) == len(left) == 1229
    assert found(left, vectors[::5][:20], 0.9) >= {(n, f"person {5 * n}") for n in range(20)}


def test_one_case_alone_is_compared_with_its_own_templates() -> None:
    vectors = unit(3000, 17)
    gallery = made_of(vectors).changed(rows(vectors[:2] * 1.0, first=5000, person="ada"), ())
    hits = gallery.search(vectors[:2], 0.9, only_person="ada")
    assert [(hit.face, hit.person_ref) for hit in hits] == [(0, "ada"), (1, "ada")]
    assert gallery.count_of("ada") == 2
    assert gallery.search(vectors[:2], 0.9, only_person="nobody") == []


def test_names_may_be_in_any_script() -> None:
    gallery = Gallery.build(DIMENSION, [NewRows(["Žofie 漢"], ["ř"], unit(1, 18))])
    assert [hit.person_ref for hit in gallery.search(unit(1, 18), 0.9)] == ["Žofie 漢"]
    assert len(gallery.changed(None, ["ř"])) == 0


def test_what_does_not_belong_together_is_refused_and_nothing_is_lost() -> None:
    gallery = made_of(unit(5, 19))
    with pytest.raises(GalleryInputError, match="dimensions"):
        gallery.changed(rows(unit(1, 20, 16)), ["template 1"])
    assert len(found(gallery, unit(5, 19), 0.9)) == 5
    with pytest.raises(GalleryInputError, match="dimensions"):
        gallery.search(unit(1, 20, 16), 0.5)
    with pytest.raises(GalleryInputError, match="one name"):
        NewRows(["ada"], [], unit(1, 21))
    builder = GalleryBuilder(DIMENSION)
    with pytest.raises(GalleryInputError, match="dimensions"):
        builder.add(rows(unit(1, 22, 16)))


def test_parts_of_any_size_make_the_same_gallery() -> None:
    vectors = unit(2500, 23)
    builder = GalleryBuilder(DIMENSION)
    for start in range(0, 2500, 333):
        builder.add(rows(vectors[start : start + 333], first=start))
    assert len(builder) == 2500
    gallery = builder.done()
    asked = unit(20, 24)
    assert found(gallery, asked, 0.5) == exact(vectors, asked, 0.5)


@pytest.mark.slow
def test_several_blocks_are_searched_by_several_threads() -> None:
    vectors = unit(BLOCK_ROWS + 5000, 25)
    gallery = made_of(vectors, threads=2)
    assert gallery.blocks == 2
    asked = unit(64, 26)
    assert found(gallery, asked, 0.6) == exact(vectors, asked, 0.6)


def test_it_shows_numbers_only() -> None:
    assert repr(made_of(unit(3, 27))) == "<Gallery of 3 templates>"
    assert "person" not in repr(rows(unit(1, 28)))


def test_a_hundred_changes_and_rebuilds_take_no_more_memory_than_one() -> None:
    vectors = unit(5000, 29, 128)

    def resident_kib() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4

    gallery = made_of(vectors)
    before = 0
    for number in range(110):
        if number == 10:
            before = resident_kib()
        gallery = made_of(vectors)
        extra = unit(1200, 30 + number, 128)
        gallery = gallery.changed(rows(extra, first=10_000), ())
        gallery = gallery.changed(None, [f"template {10_000 + row}" for row in range(1200)])
    # A gallery of these takes 2 MiB: a leak would show as some hundred.
    assert resident_kib() - before < 20 * 1024
