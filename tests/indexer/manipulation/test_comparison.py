"""A medium beside a reference photo: altered, a copy, the same occasion, or unrelated."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from indexer.manipulation import compare_with_reference
from indexer.media import Picture, Pixels
from indexer.observations import Box, ReferenceComparison
from tests.indexer.manipulation.conftest import (
    Altered,
    blended,
    cropped,
    ellipse,
    overlap_of,
    painted_over,
    picture,
    resized,
    saved,
    watermarked,
)

FACES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "faces"


def compare(suspect: Pixels, reference: Pixels, face_box: Box | None = None) -> ReferenceComparison:
    return compare_with_reference(
        picture(suspect), picture(reference), face_box=face_box, reference_ref="reference-1"
    )


def altered_copy(photos: dict[str, Pixels], name: str, how: str) -> Altered:
    pixels = photos[name]
    mask = ellipse(pixels, (0.42, 0.62), (0.24, 0.2))
    if how == "painted over":
        return painted_over(pixels, mask)
    other = photos["coffee"] if name != "coffee" else photos["chelsea"]
    return blended(pixels, other, mask)


ALTERED = [
    (name, how)
    for name in ("astronaut", "coffee", "chelsea", "people", "motorcycle")
    for how in ("painted over", "blended")
]


@pytest.mark.parametrize(("name", "how"), ALTERED)
def test_an_altered_region_is_found_and_outlined(
    photos: dict[str, Pixels], name: str, how: str
) -> None:
    altered = altered_copy(photos, name, how)
    found = compare(saved(altered.pixels, 90), photos[name])
    assert found.verdict == "altered", found.reasons
    assert found.map_png is not None
    assert overlap_of(found.map_png, altered.mask) >= 0.8
    assert found.altered_share == pytest.approx((altered.mask > 0).mean(), rel=0.25)
    assert found.agreement_outside >= 0.85
    assert found.overlap_share > 0.95


@pytest.mark.parametrize(("name", "how"), ALTERED)
def test_it_is_still_found_in_a_smaller_cropped_watermarked_copy(
    photos: dict[str, Pixels], name: str, how: str
) -> None:
    altered = altered_copy(photos, name, how)
    suspect = watermarked(resized(cropped(altered.pixels, 0.06), 0.7))
    mask = resized(cropped(altered.mask, 0.06), 0.7)
    found = compare(saved(suspect, 75), photos[name])
    assert found.verdict == "altered", found.reasons
    assert found.map_png is not None
    assert overlap_of(found.map_png, mask) >= 0.75
    assert found.scale == pytest.approx(0.7, abs=0.03)


def test_the_map_lies_in_the_mediums_own_coordinates_even_when_mirrored(
    photos: dict[str, Pixels],
) -> None:
    altered = altered_copy(photos, "astronaut", "painted over")
    suspect = saved(altered.pixels[:, ::-1], 85)
    found = compare(suspect, photos["astronaut"])
    assert found.verdict == "altered"
    assert found.mirrored
    assert found.map_png is not None
    assert overlap_of(found.map_png, np.ascontiguousarray(altered.mask[:, ::-1])) >= 0.8


def test_the_map_is_a_small_greyscale_picture(photos: dict[str, Pixels]) -> None:
    altered = altered_copy(photos, "people", "painted over")
    found = compare(saved(altered.pixels, 90), photos["people"])
    assert found.map_png is not None
    opened = Image.open(io.BytesIO(found.map_png))
    assert opened.mode == "L"
    assert max(opened.size) <= 256


def test_a_changed_face_and_an_untouched_one_are_told_apart(photos: dict[str, Pixels]) -> None:
    face = Box(left_px=180, top_px=60, width_px=90, height_px=110)
    changed = painted_over(
        photos["astronaut"], ellipse(photos["astronaut"], (0.44, 0.22), (0.12, 0.13))
    )
    in_face = compare(saved(changed.pixels, 90), photos["astronaut"], face)
    assert in_face.verdict == "altered"
    assert in_face.altered_in_face_share > 0.7
    body = altered_copy(photos, "astronaut", "painted over")
    elsewhere = compare(saved(body.pixels, 90), photos["astronaut"], face)
    assert elsewhere.altered_in_face_share < 0.1
    assert any("face itself is as in the reference" in reason for reason in elsewhere.reasons)


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "unchanged": lambda p: p,
    "recompressed": lambda p: saved(p, 60),
    "smaller": lambda p: saved(resized(p, 0.5), 80),
    "larger": lambda p: cv2.resize(p, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC),
    "mirrored": lambda p: saved(p[:, ::-1], 85),
    "cropped": lambda p: saved(cropped(p, 0.25), 85),
    "watermarked": lambda p: saved(watermarked(p), 85),
    "brighter": lambda p: np.clip(p.astype(np.float32) * 1.25 + 10, 0, 255).astype(np.uint8),
    "darker by gamma": lambda p: (255 * (p / 255.0) ** 1.5).astype(np.uint8),
    "greyscale": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "blurred": lambda p: cv2.GaussianBlur(p, (0, 0), 1.5),
    "noisy": lambda p: np.clip(p + np.random.default_rng(2).normal(0, 6, p.shape), 0, 255).astype(
        np.uint8
    ),
}


@pytest.mark.parametrize("name", ["astronaut", "coffee", "people", "rocket"])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_the_reference_is_the_same_photo_and_not_altered(
    photos: dict[str, Pixels], name: str, how: str
) -> None:
    found = compare(COPIES[how](np.ascontiguousarray(photos[name])), photos[name])
    assert found.verdict == "same_photo", found.reasons
    assert found.altered_share == 0
    assert found.map_png is None
    assert found.mirrored == (how == "mirrored")


def test_a_photo_pasted_into_a_larger_page_is_the_same_photo(photos: dict[str, Pixels]) -> None:
    page = np.full((900, 1200, 3), 240, dtype=np.uint8)
    page[200:712, 300:812] = photos["astronaut"]
    found = compare(saved(page, 85), photos["astronaut"])
    assert found.verdict == "same_photo"
    assert found.overlap_share == pytest.approx(512 * 512 / (900 * 1200), rel=0.05)


def test_different_photos_are_unrelated(photos: dict[str, Pixels]) -> None:
    names = [name for name in photos if name != "motorcycle from beside"]
    for one, other in combinations(names, 2):
        assert compare(photos[one], photos[other]).verdict == "unrelated", (one, other)


def test_the_same_scene_from_beside_is_not_called_altered(photos: dict[str, Pixels]) -> None:
    found = compare(photos["motorcycle from beside"], photos["motorcycle"])
    assert found.inliers > 100
    assert found.verdict == "same_occasion"


@pytest.mark.parametrize("shift_px", [6, 10, 20])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "people", "motorcycle"])
def test_something_that_moved_before_a_still_camera_is_not_called_altered(
    photos: dict[str, Pixels], name: str, shift_px: int
) -> None:
    pixels = np.ascontiguousarray(photos[name])
    height, width = pixels.shape[:2]
    mask = ellipse(pixels, (0.45, 0.55), (0.22, 0.25))
    behind = cv2.inpaint(pixels, cv2.dilate(mask, np.ones((5, 5))), 5, cv2.INPAINT_TELEA)
    step = shift_px * width / 500
    move = np.array([[1, 0, step], [0, 1, step * 0.4]], dtype=np.float32)
    before = cv2.warpAffine(pixels, move, (width, height))
    soft = cv2.GaussianBlur(cv2.warpAffine(mask, move, (width, height)), (0, 0), 1)[..., None] / 255
    frame = (before * soft + behind * (1 - soft)).astype(np.uint8)
    assert compare(saved(frame, 85), pixels).verdict in {
        "same_occasion",
        "same_photo",
        "not_decidable",
    }


@pytest.mark.parametrize("strength_px", [2, 4, 8])
def test_a_scene_that_gives_way_everywhere_is_not_called_altered(
    photos: dict[str, Pixels], strength_px: int
) -> None:
    chance = np.random.default_rng(strength_px)
    for name in ("astronaut", "coffee", "people"):
        pixels = photos[name]
        height, width = pixels.shape[:2]
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        flows = [
            cv2.GaussianBlur(
                chance.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 0.08 * width
            )
            for _ in range(2)
        ]
        across, down = (flow / np.abs(flow).max() * strength_px * width / 500 for flow in flows)
        bent = cv2.remap(
            pixels, columns + across, rows + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        assert compare(saved(bent, 85), pixels).verdict != "altered", name


def test_plain_and_tiny_pictures_are_not_decided(photos: dict[str, Pixels]) -> None:
    flat = np.full((300, 300, 3), 120, dtype=np.uint8)
    assert compare(flat, photos["astronaut"]).verdict == "not_decidable"
    assert compare(photos["astronaut"], flat).verdict == "not_decidable"
    tiny = compare(resized(photos["astronaut"], 0.1), photos["astronaut"])
    assert tiny.verdict == "not_decidable"
    assert "smaller than" in tiny.reasons[0]


def test_noise_and_repeating_patterns_do_not_fit_on_anything(photos: dict[str, Pixels]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (500, 500, 3), dtype=np.uint8)
    board = np.kron(np.indices((10, 10)).sum(axis=0) % 2, np.ones((50, 50)))
    checks = np.repeat((board * 255).astype(np.uint8)[..., None], 3, axis=2)
    for odd in (noise, checks):
        assert compare(odd, photos["astronaut"]).verdict in {"unrelated", "not_decidable"}


def test_a_scaled_down_decode_gives_the_same_shares(photos: dict[str, Pixels]) -> None:
    altered = altered_copy(photos, "people", "painted over")
    face = Box(left_px=300, top_px=400, width_px=400, height_px=300)
    full = compare_with_reference(
        picture(altered.pixels), picture(photos["people"]), face_box=face, reference_ref="r"
    )
    height, width = altered.pixels.shape[:2]
    half = Picture(resized(altered.pixels, 0.5), full_width_px=width, full_height_px=height)
    scaled = compare_with_reference(
        half, picture(photos["people"]), face_box=face, reference_ref="r"
    )
    assert scaled.verdict == full.verdict == "altered"
    assert scaled.altered_share == pytest.approx(full.altered_share, abs=0.03)
    assert scaled.altered_in_face_share == pytest.approx(full.altered_in_face_share, abs=0.08)


def test_every_verdict_has_reasons_and_names_its_reference(photos: dict[str, Pixels]) -> None:
    for suspect in (photos["astronaut"], photos["coffee"], resized(photos["astronaut"], 0.1)):
        found = compare(suspect, photos["astronaut"])
        assert found.reference_ref == "reference-1"
        assert found.reasons
        assert all("authentic" not in reason for reason in found.reasons)


def test_a_small_crop_at_low_quality_is_still_the_same_photo() -> None:
    small = resized(skimage.data.astronaut()[:400, 60:460], 0.625)
    assert compare(saved(small, 60), skimage.data.astronaut()).verdict == "same_photo"


@pytest.mark.real_faces
@pytest.mark.slow
def test_no_two_press_photos_are_called_an_alteration_of_each_other() -> None:
    people = [sorted(folder.glob("*.jpg")) for folder in sorted(FACES.glob("*"))]
    several = [photos for photos in people if len(photos) >= 2]
    if not several:
        pytest.skip("the real photographs are not on this machine")
    chance = np.random.default_rng(2)
    pairs = [
        tuple(chance.choice(photos, 2, replace=False))
        for photos in chance.permutation(np.array(several, dtype=object))[:150]
    ]
    pairs += list(zip([p[0] for p in several[:100]], [p[0] for p in several[100:200]], strict=True))
    for one, other in pairs:
        verdict = compare(
            np.asarray(Image.open(one).convert("RGB")), np.asarray(Image.open(other).convert("RGB"))
        ).verdict
        assert verdict != "altered", (one, other)
