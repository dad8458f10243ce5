"""Photographs that installed packages carry, and ways to copy and alter them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from PIL import Image

from indexer.media import Picture, Pixels

Mask = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def photos() -> dict[str, Pixels]:
    """Ordinary photographs by name."""
    # Found without importing the package, which would load model runtimes.
    package = find_spec("insightface")
    assert package is not None
    assert package.origin is not None
    group = Path(package.origin).parent / "data" / "images" / "t1.jpg"
    left, right, _ = skimage.data.stereo_motorcycle()
    people = np.asarray(Image.open(group).convert("RGB"))
    return {
        "astronaut": skimage.data.astronaut(),
        "coffee": skimage.data.coffee(),
        "chelsea": skimage.data.chelsea(),
        "rocket": skimage.data.rocket(),
        "people": people,
        "motorcycle": left,
        "motorcycle from beside": right,
    }


def picture(pixels: Pixels) -> Picture:
    """A decoded still of these pixels."""
    return Picture(np.ascontiguousarray(pixels))


def saved(pixels: Pixels, quality: int) -> Pixels:
    """Through JPEG and back."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def resized(pixels: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """By area, as sharing platforms do."""
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))


def cropped(pixels: npt.NDArray[np.uint8], share: float) -> npt.NDArray[np.uint8]:
    """Without `share` of the width and height, unevenly from the sides."""
    height, width = pixels.shape[:2]
    cut_y, cut_x = round(share * height), round(share * width)
    return pixels[cut_y // 3 : height - (cut_y - cut_y // 3), cut_x // 2 : width - cut_x // 2]


def watermarked(pixels: Pixels) -> Pixels:
    """A line of white text near the lower edge."""
    marked = np.ascontiguousarray(pixels).copy()
    height, width = marked.shape[:2]
    place = (int(width * 0.05), int(height * 0.92))
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, width // 250)
    cv2.putText(
        marked, "www.example.com", place, font, width / 450, (255, 255, 255), weight, cv2.LINE_AA
    )
    return marked


@dataclass(frozen=True)
class Altered:
    """An altered photo and the true mask (255 is altered)."""

    pixels: Pixels
    mask: Mask


def ellipse(pixels: Pixels, centre: tuple[float, float], radii: tuple[float, float]) -> Mask:
    """A mask, with places given as shares of width and height."""
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), dtype=np.uint8)
    at = (int(centre[0] * width), int(centre[1] * height))
    cv2.ellipse(mask, at, (int(radii[0] * width), int(radii[1] * height)), 20, 0, 360, 255, -1)
    return mask


def painted_over(pixels: Pixels, mask: Mask) -> Altered:
    """The region replaced by a plain, slightly textured colour with a soft edge."""
    chance = np.random.default_rng(4)
    height, width = mask.shape
    grain = cv2.GaussianBlur(chance.normal(0, 1, (height, width)), (0, 0), 2) * 30
    shading = np.linspace(-15, 15, width)[None, :, None]
    fill = np.clip(np.array([205, 165, 140]) + grain[..., None] + shading, 0, 255)
    soft = cv2.GaussianBlur(mask.astype(np.float64) / 255, (0, 0), 1.5)[..., None]
    return Altered((pixels * (1 - soft) + fill * soft).astype(np.uint8), mask)


def blended(pixels: Pixels, other: Pixels, mask: Mask) -> Altered:
    """The region replaced by another photo, blended seamlessly (Poisson)."""
    height, width = mask.shape
    source = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    left, top, across, down = cv2.boundingRect(mask)
    centre = (left + across // 2, top + down // 2)
    target = np.ascontiguousarray(pixels)
    return Altered(
        # OpenCV 5 writes into the mask that it is given.
        np.asarray(cv2.seamlessClone(source, target, mask.copy(), centre, cv2.NORMAL_CLONE)),
        mask,
    )


def overlap_of(map_png: bytes, mask: Mask) -> float:
    """Intersection over union of a reported map and the true mask."""
    reported = np.asarray(Image.open(io.BytesIO(map_png)))
    true = cv2.resize(mask, reported.shape[::-1], interpolation=cv2.INTER_AREA) > 127
    found = reported > 127
    return float((true & found).sum() / (true | found).sum())
