"""The benchmark of hashes: every edit does what it says, counts are true, runs can be repeated."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
import skimage.data
from PIL import Image

from indexer.benchmarks import frames
from indexer.benchmarks.edits import Chance, Edit, grid
from indexer.benchmarks.hash_kinds import Shown, all_kinds
from indexer.benchmarks.hash_mistakes import SamePictures, mistakes
from indexer.benchmarks.hashing import (
    ALL_HASHES,
    HashingBenchmark,
    NothingChosenError,
    Wanted,
    run_hashing_benchmark,
)

PHOTOS = {
    "astronaut": skimage.data.astronaut(),
    "chelsea": skimage.data.chelsea(),
    "coffee": skimage.data.coffee(),
    "rocket": skimage.data.rocket(),
}
KINDS = {kind.name: kind for kind in all_kinds()}
EDITS = {edit.name: edit for edit in grid()}
SOME = ("PDQ, upright", "PDQ, 8 orientations and parts", "SHA-256")


def chance(seed: int = 1) -> Chance:
    others = [Image.fromarray(PHOTOS[name]) for name in ("coffee", "rocket")]
    return Chance(np.random.default_rng(seed), others)


def shown(content: bytes) -> Shown:
    with Image.open(io.BytesIO(content)) as image:
        return Shown(content, np.array(image.convert("RGB")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photographs in folders and formats of all sorts, one of them twice, and other files."""
    root = tmp_path / "pictures"
    (root / "below").mkdir(parents=True)
    for name, pixels in PHOTOS.items():
        Image.fromarray(pixels).save(root / "below" / f"{name}.png")
    small = Image.fromarray(PHOTOS["chelsea"]).resize((300, 200))
    small.save(root / "again.jpg", quality=60)
    (root / "notes.txt").write_text("no picture", encoding="utf-8")
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    return root


def test_every_edit_makes_the_same_file_each_time_and_no_two_have_one_name() -> None:
    assert len(EDITS) == len(grid())
    for edit in grid():
        made = edit.apply(PHOTOS["chelsea"], chance())
        assert made == edit.apply(PHOTOS["chelsea"], chance()), edit.name
        with Image.open(io.BytesIO(made)) as image:
            assert image.format == edit.file_format
            assert min(image.size) > 20


@pytest.mark.parametrize("share", [5, 10, 20, 30, 50])
@pytest.mark.parametrize("place", ["centre", "corner", "edge", "anywhere"])
def test_a_crop_takes_away_what_it_says(place: str, share: int) -> None:
    edit = EDITS[f"crop {place} {share}% off"]
    for seed in range(5):
        pixels = shown(edit.apply(PHOTOS["astronaut"], chance(seed))).pixels
        kept = pixels.shape[0] * pixels.shape[1] / (512 * 512)
        assert kept == pytest.approx(1 - share / 100, abs=0.01)


def test_what_is_put_around_a_picture_leaves_it_whole_inside() -> None:
    image = Image.fromarray(PHOTOS["chelsea"])
    bordered = frames.bordered(image, None, rims=(0.1, 0.2), shade="black")
    x, y = round(image.width * 0.1), round(image.height * 0.2)
    assert bordered.size == (image.width + 2 * x, image.height + 2 * y)
    inside = bordered.crop((x, y, x + image.width, y + image.height))
    assert np.array_equal(np.asarray(inside), PHOTOS["chelsea"])
    assert not np.asarray(bordered)[:y].any()


@pytest.mark.parametrize(
    ("edit", "found_by", "missed_by"),
    [
        ("recompress q50", ("PDQ, upright", "ImageHash phash"), ("SHA-256",)),
        ("turn 90", ("PDQ, 8 orientations",), ("PDQ, upright",)),
        ("crop centre 30% off", ("PDQ, 8 orientations and parts",), ("PDQ, 8 orientations",)),
        ("meme text both", ("PDQ, 8 orientations and parts",), ("PDQ, 8 orientations",)),
        ("format PNG", ("pdqhash, full picture", "threatexchange PdqSignal"), ("SHA-256",)),
    ],
)
def test_kinds_find_what_they_are_made_for(
    edit: str, found_by: tuple[str, ...], missed_by: tuple[str, ...]
) -> None:
    written = io.BytesIO()
    Image.fromarray(PHOTOS["astronaut"]).save(written, "JPEG", quality=95)
    original = shown(written.getvalue())
    copy = shown(EDITS[edit].apply(original.pixels, chance()))
    for name in (*found_by, *missed_by):
        kind = KINDS[name]
        apart = kind.distance(kind.known(original), kind.seen(copy))
        assert (apart <= kind.threshold) == (name in found_by), (name, apart)


def test_a_plain_picture_has_no_codes_and_is_never_found() -> None:
    flat = Shown(b"flat", np.full((200, 200, 3), 90, dtype=np.uint8))
    for name in ("PDQ, 8 orientations and parts", "pdqhash, full picture"):
        kind = KINDS[name]
        assert kind.distance(kind.known(flat), kind.seen(flat)) == kind.bits + 1


def test_the_same_picture_twice_is_ambiguous_and_strangers_with_one_code_are_false() -> None:
    pictures = [PHOTOS["chelsea"], PHOTOS["chelsea"][::2, ::2], PHOTOS["coffee"], PHOTOS["rocket"]]
    given = [Shown(b"", np.ascontiguousarray(pixels)) for pixels in pictures]
    kind = KINDS["PDQ, upright"]
    codes = [kind.known(each) for each in given]
    codes[3] = codes[2]
    made = mistakes(kind, ["a", "b", "c", "d"], codes, codes, SamePictures(given.__getitem__))
    assert (made.pictures, made.pairs) == (4, 12)
    assert (made.ambiguous, made.false, made.uncompared) == (2, 2, 0)
    assert {names[:2] for names in made.false_names} == {("c", "d"), ("d", "c")}
    assert dict(made.within)[31] == 4


def test_a_run_counts_everything_and_can_be_repeated(folder: Path) -> None:
    wanted = Wanted(
        folder, limit=3, seed=4, edits=("crop edge", "mirror left", "mirror up", "q10"), kinds=SOME
    )
    said: list[str] = []
    result = run_hashing_benchmark(wanted, lambda words, _done, _total: said.append(words))
    assert (result.pictures, result.unreadable, result.edited) == (5, 2, 3)
    assert {cost.kind for cost in result.costs} == {*SOME, ALL_HASHES}
    assert all(cost.median_ms > 0 and cost.median_decode_ms > 0 for cost in result.costs)
    assert len(result.recalls) == 8 * 3
    for recall in result.recalls:
        assert recall.copies == 3
        counts = [count for _, count in recall.within]
        assert counts == sorted(counts)
        assert recall.found <= recall.copies
    found = {(each.kind, each.family, each.strength): each.found for each in result.recalls}
    assert found["PDQ, upright", "recompress", "q10"] == 3
    assert found["PDQ, upright", "mirror", "left-right"] == 0
    assert found["PDQ, 8 orientations and parts", "mirror", "left-right"] == 3
    assert found["SHA-256", "recompress", "q10"] == 0
    by_parts = next(each for each in result.mistakes if "parts" in each.kind)
    assert (by_parts.pictures, by_parts.pairs, by_parts.ambiguous) == (5, 20, 2)
    assert by_parts.false == 0
    assert {"reading", "timing", "editing", "hashing"} <= set(said)
    again = run_hashing_benchmark(wanted)
    assert (again.recalls, again.mistakes) == (result.recalls, result.mistakes)
    written = msgspec.json.encode(result)
    assert msgspec.json.decode(written, type=HashingBenchmark) == result
    assert result.index is None


def test_too_few_pictures_and_unknown_names_are_said(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NothingChosenError, match="0 pictures"):
        run_hashing_benchmark(Wanted(empty))
    with pytest.raises(NothingChosenError, match=r"there are: .*crop centre"):
        run_hashing_benchmark(Wanted(folder, edits=("no such edit",)))


@pytest.mark.slow
def test_all_kinds_and_all_edits_run_on_real_pictures(folder: Path) -> None:
    result = run_hashing_benchmark(Wanted(folder, limit=2, slow_limit=1))
    assert {each.kind for each in result.mistakes} == set(KINDS)
    recalled = {
        (each.kind, each.strength): each.found / each.copies
        for each in result.recalls
        if each.family == "collage"
    }
    assert recalled["PDQ, 8 orientations", "2 x 2, gutter"] == 0
    assert recalled["PDQ, 8 orientations and parts", "2 x 2, gutter"] == 1


def test_edits_are_named_by_family_and_strength() -> None:
    assert all(isinstance(edit, Edit) and edit.family in edit.name for edit in grid())
