"""Reference photos on the shelf are decoded once, bounded in memory, and forgotten when told."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from indexer.manipulation import Comparable, ReferenceShelf, compare_with_reference
from indexer.media import Decoder, MediaError

SIDE_PX = 200


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(sandbox="off") as decoder:
        yield decoder


def photo(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (25, 25, 3), np.uint8)
    picture = Image.fromarray(noise).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def test_the_same_photo_is_made_ready_once(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    first = shelf.ready(photo(1), decoder)
    assert shelf.ready(photo(1), decoder) is first
    assert first.features is first.features
    assert len(shelf) == 1


def test_another_photo_is_never_taken_for_it(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    one, other = (shelf.ready(photo(seed), decoder) for seed in (1, 2))
    assert not np.array_equal(one.picture.pixels, other.picture.pixels)


def test_what_was_not_used_for_longest_goes_first(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    shelf.ready(photo(1), decoder)
    one_photo_bytes = shelf.held_bytes
    shelf = ReferenceShelf(max_bytes=2 * one_photo_bytes)
    kept = shelf.ready(photo(1), decoder)
    gone = shelf.ready(photo(2), decoder)
    shelf.ready(photo(1), decoder)
    shelf.ready(photo(3), decoder)
    assert len(shelf) == 2
    assert shelf.held_bytes <= 2 * one_photo_bytes
    assert shelf.ready(photo(1), decoder) is kept
    assert shelf.ready(photo(2), decoder) is not gone


def test_a_photo_larger_than_the_shelf_is_used_but_not_kept(decoder: Decoder) -> None:
    shelf = ReferenceShelf(max_bytes=1)
    assert shelf.ready(photo(1), decoder).picture.width_px == SIDE_PX
    assert len(shelf) == 0
    assert shelf.held_bytes == 0


def test_clearing_forgets_every_photo(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    before = shelf.ready(photo(1), decoder)
    shelf.clear()
    assert (len(shelf), shelf.held_bytes) == (0, 0)
    assert shelf.ready(photo(1), decoder) is not before


def test_a_broken_photo_says_so_and_takes_no_place(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    with pytest.raises(MediaError):
        shelf.ready(b"no picture at all", decoder)
    assert len(shelf) == 0


def test_a_picture_made_ready_compares_like_one_that_was_not(decoder: Decoder) -> None:
    shelf = ReferenceShelf()
    reference, other = shelf.ready(photo(1), decoder), shelf.ready(photo(2), decoder)
    suspect = Comparable(reference.picture)
    for each in (reference, other):
        ready = compare_with_reference(suspect, each, reference_ref="r")
        fresh = compare_with_reference(suspect.picture, each.picture, reference_ref="r")
        assert ready == fresh
