"""Photographs of the usual size, made of a labelled folder of small ones.

Each is a scene (the colours of a small photograph, with grain like a camera's, so that it
compresses as photographs do) on which one to three other photographs lie, enlarged a little: their
faces are then as large as in pictures of groups and of single people. Who is on it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from indexer.media.picture import Pixels

JPEG_QUALITY: Final = 85
_SHAPE: Final = 4 / 3
_MOST_LAID: Final = 3
_ENLARGED: Final = (0.8, 2.4)
_GRAIN: Final = 5.0
_COLOURS: Final = (8, 6)


@dataclass(frozen=True, slots=True)
class Photo:
    """The bytes of a picture, and who is on it."""

    content: bytes
    people: frozenset[str]


def make_photo(
    laid: Sequence[tuple[str, Pixels]], scene: Pixels, pixels: int, rng: np.random.Generator
) -> Photo:
    """One photograph of about so many pixels; `laid` are people and their small photographs."""
    height = round((pixels / _SHAPE) ** 0.5)
    width = round(pixels / height)
    # So small in between that nothing of the scene's own face is left.
    colours = cv2.resize(scene, _COLOURS, interpolation=cv2.INTER_AREA)
    canvas = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    people: set[str] = set()
    column = width // max(1, len(laid))
    for place, (person, small) in enumerate(laid):
        most = min(column / small.shape[1], height / small.shape[0])
        factor = min(most, rng.uniform(*_ENLARGED))
        size = (int(small.shape[1] * factor), int(small.shape[0] * factor))
        enlarged = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
        left = place * column + int(rng.integers(0, max(1, column - size[0] + 1)))
        top = int(rng.integers(0, max(1, height - size[1] + 1)))
        canvas[top : top + size[1], left : left + size[0]] = enlarged
        people.add(person)
    grain = rng.normal(0, _GRAIN, canvas.shape).astype(np.float32)
    grainy = np.clip(canvas.astype(np.float32) + grain, 0, 255).astype(np.uint8)
    return Photo(jpeg_of(grainy), frozenset(people))


def how_many_laid(rng: np.random.Generator) -> int:
    """One person on most photographs, two or three on some."""
    return int(rng.choice(range(1, _MOST_LAID + 1), p=(0.6, 0.25, 0.15)))


def jpeg_of(pixels: Pixels) -> bytes:
    """RGB as JPEG."""
    done, encoded = cv2.imencode(
        ".jpg",
        cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    )
    if not done:
        raise ValueError("a picture could not be written as JPEG")
    return bytes(encoded)
