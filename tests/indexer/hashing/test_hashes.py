"""PDQ, phash and SHA-256 of pictures: against the references, and through everyday edits."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
import pytest
import skimage.data
from PIL import Image, ImageOps

from indexer.hashing import MIN_PDQ_QUALITY, ORIENTATIONS, hash_medium, pdq_orientations
from indexer.media import Picture, Pixels

REFERENCES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "hashing" / "pdq"
ASTRONAUT = skimage.data.astronaut()


def picture(pixels: Pixels) -> Picture:
    return Picture(np.ascontiguousarray(pixels))


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def pdq(pixels: Pixels) -> str:
    value = hash_medium(b"", picture(pixels)).pdq
    assert value is not None
    return value


def recompressed(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def references() -> list[tuple[str, Path]]:
    table = REFERENCES / "dihedral_expected_from_cpp_README.csv"
    if not table.exists():
        return []
    found = []
    for expected, name in csv.reader(table.read_text(encoding="utf-8").splitlines()):
        path = REFERENCES / "data" / "reg-test-input" / Path(name).parent.name / Path(name).name
        if path.exists():
            found.append((expected, path))
    return found


def test_hashes_agree_with_the_newer_reference_implementation() -> None:
    table = REFERENCES / "wasm" / "test" / "TestData" / "PDQMD5TestData.csv"
    if not table.exists():
        pytest.skip("the reference vectors are not on this machine")
    compared = 0
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
        path = REFERENCES / "data" / "misc-images" / Path(row["FilePath"]).name
        if path.exists():
            with Image.open(path) as image:
                value = pdq(np.asarray(image.convert("RGB")))
            assert distance(value, row["Hash"]) <= 10, path.name
            compared += 1
    assert compared


def test_hashes_stay_within_reach_of_the_older_reference_implementation() -> None:
    vectors = references()
    if not vectors:
        pytest.skip("the reference vectors are not on this machine")
    assert len(vectors) >= 8
    for expected, path in vectors:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        assert distance(pdq(np.asarray(upright)), expected) <= 16, path.name


def test_all_eight_orientations_of_one_picture_find_the_references_of_the_turned_ones() -> None:
    vectors = references()
    if not vectors:
        pytest.skip("the reference vectors are not on this machine")
    with Image.open(vectors[0][1]) as image:
        turned = pdq_orientations(picture(np.asarray(image.convert("RGB"))))
    for expected, path in vectors:
        nearest = min(distance(value, expected) for _, value in turned.hashes)
        assert nearest <= 16, path.name


def test_sha256_is_that_of_the_bytes_and_stands_alone_without_a_picture() -> None:
    hashes = hash_medium(b"abc", None)
    assert hashes.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (hashes.pdq, hashes.pdq_quality, hashes.phash) == (None, None, None)


def test_hashes_are_lower_case_hex_of_the_right_length() -> None:
    hashes = hash_medium(b"abc", picture(ASTRONAUT))
    assert hashes.pdq is not None
    assert hashes.phash is not None
    assert len(hashes.pdq) == 64
    assert len(hashes.phash) == 16
    assert hashes.pdq == hashes.pdq.lower()
    assert hashes.pdq_quality == 100


def test_shrinking_first_stays_near_the_hash_of_the_full_picture() -> None:
    large = np.asarray(Image.fromarray(ASTRONAUT).resize((1800, 1200), Image.Resampling.BICUBIC))
    bits, _ = pdqhash.compute(large)
    full = np.packbits(bits.astype(np.uint8)).tobytes().hex()
    assert distance(pdq(large), full) <= 14


@pytest.mark.parametrize(
    ("edit", "at_most"),
    [
        (lambda p: recompressed(p, 90), 8),
        (lambda p: recompressed(p, 40), 14),
        (lambda p: np.asarray(Image.fromarray(p).resize((200, 200))), 14),
        (lambda p: np.asarray(Image.fromarray(p).resize((900, 900))), 8),
        (lambda p: np.clip(p.astype(int) + 20, 0, 255).astype(np.uint8), 16),
    ],
)
def test_everyday_edits_stay_close(edit: Callable[[Pixels], Pixels], at_most: int) -> None:
    assert distance(pdq(edit(ASTRONAUT)), pdq(ASTRONAUT)) <= at_most


def test_other_pictures_are_far_away() -> None:
    others = [skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    assert min(distance(pdq(other), pdq(ASTRONAUT)) for other in others) > 80


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("upright", lambda p: p),
        ("rotated_90", np.rot90),
        ("rotated_180", lambda p: np.rot90(p, 2)),
        ("rotated_270", lambda p: np.rot90(p, 3)),
        ("mirrored", lambda p: p[:, ::-1]),
        ("flipped_vertically", lambda p: p[::-1]),
        ("transposed", lambda p: p.transpose(1, 0, 2)),
        ("transversed", lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
    ],
)
def test_an_orientation_names_how_the_known_picture_was_turned(
    name: str, turn: Callable[[Pixels], Pixels]
) -> None:
    known = pdq(ASTRONAUT[:400])
    seen = pdq_orientations(picture(turn(ASTRONAUT[:400])))
    nearest = min(seen.hashes, key=lambda each: distance(each[1], known))
    assert nearest[0] == name
    assert distance(nearest[1], known) <= 23


def test_orientations_come_in_fixed_order_and_spare_a_second_hash() -> None:
    turned = pdq_orientations(picture(ASTRONAUT))
    assert tuple(name for name, _ in turned.hashes) == ORIENTATIONS
    hashes = hash_medium(b"", picture(ASTRONAUT), turned)
    assert hashes == hash_medium(b"", picture(ASTRONAUT))


def test_a_flat_picture_has_no_usable_hash() -> None:
    flat = np.full((300, 300, 3), 180, dtype=np.uint8)
    quality = hash_medium(b"", picture(flat)).pdq_quality
    assert quality is not None
    assert quality < MIN_PDQ_QUALITY


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 700, 3), (900, 3, 3)])
def test_odd_shapes_are_hashed_too(shape: tuple[int, int, int]) -> None:
    odd = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert hash_medium(b"", picture(odd)).pdq is not None


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_phash_is_imagehashs_or_next_to_it(name: str) -> None:
    pixels = getattr(skimage.data, name)()
    value = hash_medium(b"", picture(pixels)).phash
    assert value is not None
    expected = imagehash.phash(Image.fromarray(pixels))
    assert imagehash.hex_to_hash(value) - expected <= 4
