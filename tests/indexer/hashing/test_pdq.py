"""Our PDQ beside the library's own: the same bits, for every size and of every turned picture."""

from __future__ import annotations

import cv2
import numpy as np
import pdqhash
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.hashing import pdq
from indexer.media import Pixels

PICTURES = {
    "astronaut": skimage.data.astronaut(),
    "chelsea": skimage.data.chelsea(),
    "coffee": skimage.data.coffee(),
    "rocket": skimage.data.rocket(),
}


def grey(name: str, width_px: int, height_px: int) -> Pixels:
    light = cv2.cvtColor(PICTURES[name], cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(light, (width_px, height_px), interpolation=cv2.INTER_AREA))


def ours(light: Pixels) -> tuple[Pixels, int]:
    sampled = pdq.samples(light.astype(np.float32))[np.newaxis]
    return pdq.turned_codes(light.astype(np.float32)), int(pdq.qualities(sampled)[0])


def theirs(light: Pixels) -> tuple[Pixels, int]:
    """Of the picture really turned: what was done to it stands in the order of `ORIENTATIONS`."""
    turned = (
        light,
        np.rot90(light),
        np.rot90(light, 2),
        np.rot90(light, 3),
        light[::-1],
        light[:, ::-1],
        light.T,
        np.rot90(light, 2).T,
    )
    found = [pdqhash.compute(np.ascontiguousarray(np.dstack([each] * 3))) for each in turned]
    codes = np.packbits(np.array([bits for bits, _ in found], dtype=np.uint8), axis=1)
    return codes, int(found[0][1])


def bits_apart(one: Pixels, other: Pixels) -> list[int]:
    return [int(count) for count in np.atleast_1d(np.bitwise_count(one ^ other).sum(axis=-1))]


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size_px", [(512, 512), (512, 341), (64, 64), (129, 301), (63, 200)])
def test_all_eight_hashes_are_those_that_pdqhash_gives_of_the_turned_picture(
    name: str, size_px: tuple[int, int]
) -> None:
    light = grey(name, *size_px)
    (codes, quality), (expected, expected_quality) = ours(light), theirs(light)
    assert max(bits_apart(codes, expected)) <= 2
    assert abs(quality - expected_quality) <= 1


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(PICTURES)),
    st.integers(min_value=30, max_value=512),
    st.integers(min_value=30, max_value=512),
)
def test_any_size_agrees_with_pdqhash(name: str, width_px: int, height_px: int) -> None:
    light = grey(name, width_px, height_px)
    assert max(bits_apart(ours(light)[0], theirs(light)[0])) <= 4


@pytest.mark.parametrize("size_px", [(1, 1), (4, 400), (400, 4)])
def test_a_sliver_has_no_quality_as_with_pdqhash(size_px: tuple[int, int]) -> None:
    light = grey("chelsea", *size_px)
    assert ours(light)[1] == theirs(light)[1] == 0


def test_area_means_are_near_enough_to_the_filter_to_be_told_from_other_pictures() -> None:
    codes = {}
    for name in PICTURES:
        light = grey(name, 512, 512).astype(np.float32)
        sampled = np.stack([pdq.samples(light), pdq.area_samples(light)])
        codes[name] = pdq.codes(pdq.frequencies(sampled))
        assert bits_apart(codes[name][0], codes[name][1])[0] <= 24
    others = [bits_apart(codes["chelsea"][0], codes[name][1]) for name in ("coffee", "rocket")]
    assert min(min(each) for each in others) > 80
