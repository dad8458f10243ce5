"""Parts of pictures: found again in crops, frames and collages, and in nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import insightface
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import (
    KnownHashError,
    KnownHashes,
    hash_medium,
    known_parts,
    medium_parts,
    pdq_orientations,
    shrink,
)
from indexer.hashing.parts import MAX_KNOWN_PARTS, MAX_MEDIUM_PARTS
from indexer.media import Picture, Pixels
from indexer.observations import HashMatch, PartHash

ASTRONAUT = skimage.data.astronaut()
CHELSEA = skimage.data.chelsea()
COFFEE = skimage.data.coffee()
ROCKET = skimage.data.rocket()
CAMERA = np.dstack([skimage.data.camera()] * 3)
PAGE = np.dstack([skimage.data.page()] * 3)
GROUP = cv2.cvtColor(
    cv2.imread(str(Path(insightface.__file__).parent / "data" / "images" / "t1.jpg")),
    cv2.COLOR_BGR2RGB,
)
PHOTOS = {"astronaut": ASTRONAUT, "coffee": COFFEE, "chelsea": CHELSEA, "group": GROUP}


def picture(pixels: Pixels) -> Picture:
    return Picture(np.ascontiguousarray(pixels))


def known(*named: str) -> KnownHashes:
    return KnownHashes(
        GalleryHash("ann", name, None, None, None, parts=known_parts(picture(PHOTOS[name])))
        for name in named
    )


EVERYTHING = known(*PHOTOS)


def found(pixels: Pixels, among: KnownHashes = EVERYTHING) -> tuple[HashMatch, ...]:
    shown = shrink(picture(pixels))
    return among.search(
        hash_medium(b"x", shown), pdq_orientations(shown), parts=medium_parts(shown)
    )


def recompressed(pixels: Pixels, quality: int = 75) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def cropped(pixels: Pixels, left: float, top: float, right: float, bottom: float) -> Pixels:
    height, width = pixels.shape[:2]
    return pixels[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]


def with_bars(pixels: Pixels, above_px: int, below_px: int, beside_px: int, shade: int) -> Pixels:
    sides = ((above_px, below_px), (beside_px, beside_px), (0, 0))
    return np.pad(pixels, sides, constant_values=shade)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(
    "window",
    [(0.2, 0, 1, 1), (0, 0, 1, 0.75), (0.1, 0.15, 0.95, 0.9), (0, 0.2, 0.8, 1)],
)
def test_a_crop_is_found_as_a_cut_out_of_its_picture(
    name: str, window: tuple[float, float, float, float]
) -> None:
    (match,) = found(recompressed(cropped(PHOTOS[name], *window)))
    assert (match.known_ref, match.kind, match.part) == (name, "pdq_part", "cut_out")
    assert match.band in {"moderate", "weak"}
    left, top, right, bottom = window
    assert match.known_share == pytest.approx((right - left) * (bottom - top), abs=0.06)
    assert match.medium_share == pytest.approx(1.0, abs=0.03)


def test_the_whole_is_a_surer_match_than_its_parts() -> None:
    among = KnownHashes(
        GalleryHash(
            "ann",
            name,
            None,
            hash_medium(b"", picture(pixels)).pdq,
            100,
            parts=known_parts(picture(pixels)),
        )
        for name, pixels in PHOTOS.items()
    )
    (match,) = found(recompressed(ASTRONAUT), among)
    assert (match.kind, match.part, match.known_share) == ("pdq", "whole", None)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("shade", [0, 255, 40])
def test_a_picture_between_bars_is_found_inside_them(name: str, shade: int) -> None:
    height, width = PHOTOS[name].shape[:2]
    framed = with_bars(PHOTOS[name], height // 3, height // 3, width // 20, shade)
    (match,) = found(recompressed(framed))
    assert (match.known_ref, match.kind, match.part) == (name, "pdq_part", "inside_border")
    assert match.known_share == pytest.approx(1.0, abs=0.02)
    assert match.medium_share == pytest.approx(PHOTOS[name].size / framed.size, abs=0.05)


def test_all_pictures_of_a_collage_are_found_as_panels() -> None:
    panels = [cv2.resize(each, (400, 300)) for each in PHOTOS.values()]
    collage = np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])])
    matches = found(recompressed(collage))
    assert {match.known_ref for match in matches} == set(PHOTOS)
    assert {match.part for match in matches} == {"panel"}
    assert all(match.medium_share == pytest.approx(0.25, abs=0.04) for match in matches)


def test_a_crop_in_a_meme_frame_is_found_mirrored_too() -> None:
    piece = cropped(ASTRONAUT, 0.1, 0, 1, 0.8)[:, ::-1]
    (match,) = found(recompressed(with_bars(piece, 120, 0, 0, 255)))
    assert (match.known_ref, match.orientation, match.part) == (
        "astronaut",
        "mirrored",
        "cut_out",
    )


@pytest.mark.parametrize("stranger", [ROCKET, CAMERA, PAGE])
def test_strangers_are_not_found(stranger: Pixels) -> None:
    assert found(stranger) == ()
    assert found(with_bars(stranger, 60, 60, 0, 255)) == ()


@pytest.mark.parametrize(
    "plain",
    [
        np.full((300, 400, 3), 200, dtype=np.uint8),
        with_bars(np.full((200, 400, 3), 90, dtype=np.uint8), 80, 80, 0, 255),
        np.where(np.tri(300, dtype=bool)[..., None], 20, 220).astype(np.uint8).repeat(3, axis=2),
    ],
)
def test_plain_pictures_and_single_edges_have_no_parts(plain: Pixels) -> None:
    assert known_parts(picture(plain)) == ()
    assert len(medium_parts(picture(plain))) == 0


def test_without_known_parts_nothing_of_a_medium_is_looked_up() -> None:
    nothing = KnownHashes([GalleryHash("ann", "a", None, "0" * 64, 100)])
    assert not nothing.has_parts
    assert EVERYTHING.has_parts
    assert found(ASTRONAUT, nothing) == ()


def test_hidden_people_are_not_answered_by_parts_either() -> None:
    shown = shrink(picture(cropped(ASTRONAUT, 0.2, 0, 1, 1)))
    hashes, parts = hash_medium(b"", shown), medium_parts(shown)
    assert EVERYTHING.search(hashes, parts=parts)
    assert EVERYTHING.search(hashes, parts=parts, hidden=frozenset({"ann"})) == ()
    assert EVERYTHING.search(hashes, parts=parts, only_person="bea") == ()


def test_parts_are_usable_inside_the_picture_and_the_whole_comes_first() -> None:
    for pixels in PHOTOS.values():
        parts = known_parts(picture(pixels))
        assert 5 < len(parts) <= MAX_KNOWN_PARTS
        first = parts[0]
        assert (first.left, first.top, first.right, first.bottom) == (0, 0, 1000, 1000)
        for part in parts:
            assert 0 <= part.left < part.right <= 1000
            assert 0 <= part.top < part.bottom <= 1000
            assert 50 <= part.quality <= 100


def test_a_malformed_part_is_refused() -> None:
    part = PartHash("zz", 100, 0, 0, 1000, 1000)
    with pytest.raises(KnownHashError):
        KnownHashes([GalleryHash("ann", "a", None, None, None, parts=(part,))])


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from(sorted(PHOTOS)),
    st.floats(min_value=0, max_value=0.15),
    st.floats(min_value=0, max_value=0.15),
    st.floats(min_value=0.85, max_value=1),
    st.floats(min_value=0.85, max_value=1),
)
def test_parts_of_any_crop_are_the_same_each_time_and_find_no_other_picture(
    name: str, left: float, top: float, right: float, bottom: float
) -> None:
    piece = cropped(PHOTOS[name], left, top, right, bottom)
    one, again = medium_parts(picture(piece)), medium_parts(picture(piece))
    assert np.array_equal(one.codes, again.codes)
    assert np.array_equal(one.boxes, again.boxes)
    assert len(one) <= MAX_MEDIUM_PARTS
    assert known_parts(picture(piece)) == known_parts(picture(piece))
    assert {match.known_ref for match in found(piece)} == {name}


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (900, 2, 3), (17, 19, 3)])
def test_slivers_have_few_parts_and_break_nothing(shape: tuple[int, int, int]) -> None:
    odd = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert len(known_parts(picture(odd))) <= MAX_KNOWN_PARTS
    assert len(medium_parts(picture(odd))) <= MAX_MEDIUM_PARTS


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: np.clip(p.astype(int) + 25, 0, 255).astype(np.uint8),
        lambda p: cv2.resize(p, (200, 200), interpolation=cv2.INTER_AREA),
        lambda p: recompressed(p, 30),
        lambda p: cv2.GaussianBlur(p, (0, 0), 1.5),
    ],
)
def test_a_crop_is_found_through_everyday_edits(edit: Callable[[Pixels], Pixels]) -> None:
    matches = found(edit(np.ascontiguousarray(cropped(ASTRONAUT, 0.12, 0, 1, 0.88))))
    assert [match.known_ref for match in matches] == ["astronaut"]
