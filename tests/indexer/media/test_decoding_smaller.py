"""A JPEG may come smaller where that is enough; nothing else of it changes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageOps

from indexer.hashing import pdq_orientations, shrink
from indexer.media import Decoder, DecoderPool, Medium


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as started:
        yield started


def photograph(width_px: int, height_px: int) -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).resize((width_px, height_px))


def encoded(image: Image.Image, format_name: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "by"),
    [
        ((1279, 1023), 1),
        ((1280, 1024), 2),
        ((1281, 1025), 2),
        ((1200, 1200), 1),
        ((4000, 1023), 1),
        ((2559, 2047), 2),
        ((2560, 2048), 4),
        ((640, 640), 1),
    ],
)
def test_a_jpeg_is_halved_as_long_as_both_sides_keep_enough(
    decoder: Decoder, size: tuple[int, int], by: int
) -> None:
    decoded = decoder.decode(Medium(encoded(photograph(*size))), least_side_px=512)
    (frame,) = decoded.frames
    assert (decoded.width_px, decoded.height_px) == size
    assert (frame.full_width_px, frame.full_height_px) == size
    assert (frame.width_px, frame.height_px) == (-(-size[0] // by), -(-size[1] // by))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("least_side_px", [None, 256])
def test_a_turned_jpeg_comes_upright_in_full_and_in_half(
    decoder: Decoder, orientation: int, least_side_px: int | None
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photograph(901, 600), quality=95, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert expected is not None
    (frame,) = decoder.decode(Medium(content), least_side_px=least_side_px).frames
    assert (frame.full_width_px, frame.full_height_px) == expected.size
    as_expected = expected.resize((frame.width_px, frame.height_px), Image.Resampling.BOX)
    off = np.asarray(as_expected, np.float32) - frame.pixels
    assert np.abs(off).mean() < (4 if least_side_px else 0.01)


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "GIF"])
def test_other_formats_always_come_in_full(decoder: Decoder, format_name: str) -> None:
    content = encoded(photograph(1400, 1400), format_name)
    (frame,) = decoder.decode(Medium(content), least_side_px=512).frames
    assert (frame.width_px, frame.height_px) == (1400, 1400)
    assert frame.scale == 1


def test_a_jpeg_that_only_pillow_reads_comes_in_full(decoder: Decoder) -> None:
    content = encoded(photograph(1400, 1400).convert("CMYK"))
    (frame,) = decoder.decode(Medium(content), least_side_px=512).frames
    assert (frame.width_px, frame.full_width_px) == (1400, 1400)


def test_a_picture_that_came_smaller_hashes_like_itself(decoder: Decoder) -> None:
    for name in ("astronaut", "coffee", "chelsea"):
        content = encoded(Image.fromarray(getattr(skimage.data, name)()).resize((2100, 1600)))
        full, half = (
            pdq_orientations(shrink(decoder.decode(Medium(content), least_side_px=side).frames[0]))
            for side in (None, 512)
        )
        apart = int(full.upright, 16) ^ int(half.upright, 16)
        assert apart.bit_count() <= 6
        assert abs(full.quality - half.quality) <= 3


def test_a_pool_decodes_several_media_at_a_time_and_starts_no_child_for_nothing() -> None:
    content = encoded(photograph(800, 800))
    with DecoderPool(3) as pool:
        for _ in range(4):
            assert pool.decode(Medium(content)).width_px == 800
        assert [decoder._child is not None for decoder in pool._all] == [True, False, False]
        with ThreadPoolExecutor(6) as threads:
            futures = [threads.submit(pool.decode, Medium(content)) for _ in range(12)]
            assert {future.result().height_px for future in futures} == {800}
        assert len(pool._idle) == 3
    assert all(decoder._child is None for decoder in pool._all)
    with pytest.raises(ValueError, match="at least one"):
        DecoderPool(0)
