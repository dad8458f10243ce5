"""Decoding in the confined child: every format, every mode, upright, and every refusal."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pillow_heif
import pytest
import skimage.data
from PIL import Image

from indexer.media import (
    Decoder,
    EmptyMediumError,
    LimitsError,
    MediaError,
    MediaLimits,
    Medium,
    NotAPictureError,
    TooLargeError,
    TooManyPixelsError,
    TruncatedError,
    UnreadableError,
)

ASTRONAUT = Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as started:
        yield started


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def corners() -> Image.Image:
    """A 60 by 40 picture whose corners tell how it lies: red, green / blue, white."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:20, :30] = (220, 20, 20)
    pixels[:20, 30:] = (20, 220, 20)
    pixels[20:, :30] = (20, 20, 220)
    pixels[20:, 30:] = (235, 235, 235)
    return Image.fromarray(pixels)


def close_to(pixels: np.ndarray, image: Image.Image, tolerance: float = 6.0) -> bool:
    expected = np.asarray(image.convert("RGB"), dtype=np.float32)
    return pixels.shape == expected.shape and float(np.abs(pixels - expected).mean()) <= tolerance


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_every_still_format_becomes_rgb(decoder: Decoder, format_name: str) -> None:
    decoded = decoder.decode(Medium(encoded(ASTRONAUT, format_name)))
    assert decoded.kind == "still"
    assert decoded.format_name == format_name
    assert (decoded.width_px, decoded.height_px) == (512, 512)
    assert decoded.frames_total == 1
    assert close_to(decoded.frames[0].pixels, ASTRONAUT, tolerance=12)


def test_a_phones_heif_becomes_rgb(decoder: Decoder) -> None:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(ASTRONAUT).save(buffer, quality=90)
    decoded = decoder.decode(Medium(buffer.getvalue()))
    assert decoded.format_name == "HEIF"
    assert close_to(decoded.frames[0].pixels, ASTRONAUT, tolerance=8)


def test_pixels_are_read_only(decoder: Decoder) -> None:
    picture = decoder.decode(Medium(encoded(ASTRONAUT, "PNG"))).frames[0]
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0] = 0


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(
    decoder: Decoder, format_name: str, orientation: int
) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = corners() if orientation == 1 else corners().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decoder.decode(Medium(encoded(stored, format_name, exif=exif.tobytes())))
    assert (decoded.width_px, decoded.height_px) == (60, 40)
    assert close_to(decoded.frames[0].pixels, corners(), tolerance=20)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_every_mode_becomes_eight_bit_rgb(decoder: Decoder, mode: str) -> None:
    if mode == "I;16":
        wide = np.asarray(ASTRONAUT.convert("L"), dtype=np.uint16) * 257
        content, expected = encoded(Image.fromarray(wide), "PNG"), ASTRONAUT.convert("L")
    elif mode in {"I", "F"}:
        content = encoded(ASTRONAUT.convert("L").convert(mode), "TIFF")
        expected = ASTRONAUT.convert("L")
    else:
        image = ASTRONAUT.convert(mode)
        content = encoded(image, "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG")
        expected = image.convert("RGB")
    assert close_to(decoder.decode(Medium(content)).frames[0].pixels, expected, tolerance=8)


def test_transparency_lies_on_white(decoder: Decoder) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert (decoder.decode(Medium(encoded(clear, "PNG"))).frames[0].pixels == 255).all()


def test_an_animation_is_sampled_evenly_with_first_and_last_frame(decoder: Decoder) -> None:
    frames = [Image.new("RGB", (32, 24), (4 * i, 0, 0)) for i in range(61)]
    content = encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=50
    )
    decoded = decoder.decode(Medium(content))
    assert decoded.kind == "animation"
    assert decoded.frames_total == 61
    assert decoded.left_out is None
    indexes = [frame.frame_index for frame in decoded.frames]
    assert len(indexes) == MediaLimits().max_animation_frames
    assert indexes[0] == 0
    assert indexes[-1] == 60
    assert max(np.diff(indexes)) - min(np.diff(indexes)) <= 1
    assert [int(frame.pixels[0, 0, 0]) for frame in decoded.frames] == [4 * i for i in indexes]


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "AVIF"])
def test_frames_of_an_animation_say_when_they_are_shown(decoder: Decoder, format_name: str) -> None:
    frames = [Image.new("RGB", (32, 32), (0, 60 * i, 0)) for i in range(4)]
    content = encoded(
        frames[0], format_name, save_all=True, append_images=frames[1:], duration=[100, 300, 50, 80]
    )
    decoded = decoder.decode(Medium(content))
    assert [frame.at_ms for frame in decoded.frames] == [0, 100, 400, 450]
    (third,) = decoder.decode(Medium(content), frame_indexes=(2,)).frames
    assert (third.frame_index, third.at_ms) == (2, 400)


def test_later_frames_of_a_large_animation_come_smaller_and_single_ones_as_they_are() -> None:
    frames = [Image.new("RGB", (900, 1200), (i % 2 * 250, 6 * i, 0)) for i in range(40)]
    content = encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=20, method=0
    )
    with Decoder(MediaLimits(max_pixels=12_000_000)) as sparing:
        decoded = sparing.decode(Medium(content))
        assert len(decoded.frames) == MediaLimits().max_animation_frames
        assert decoded.frames[0].scale == 1, "hashes are made of it"
        assert all(0.5 < frame.scale < 1 for frame in decoded.frames[1:])
        assert all(frame.full_width_px == 900 for frame in decoded.frames)
        wanted = (decoded.frames[3].frame_index, decoded.frames[-1].frame_index)
        again = sparing.decode(Medium(content), frame_indexes=wanted)
    assert [frame.frame_index for frame in again.frames] == list(wanted)
    assert all(frame.scale == 1 for frame in again.frames)


@pytest.mark.parametrize("format_name", ["GIF", "PNG"])
def test_short_animations_are_looked_at_whole(decoder: Decoder, format_name: str) -> None:
    frames = [Image.new("RGB", (16, 16), (0, 80 * i, 0)) for i in range(3)]
    content = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], duration=90)
    decoded = decoder.decode(Medium(content))
    assert [frame.frame_index for frame in decoded.frames] == [0, 1, 2]


def test_nothing_is_said_of_an_empty_medium_but_that(decoder: Decoder) -> None:
    with pytest.raises(EmptyMediumError):
        decoder.decode(Medium(b""))


def test_too_many_bytes_are_refused_unread() -> None:
    with Decoder(MediaLimits(max_content_bytes=1000)) as small, pytest.raises(TooLargeError):
        small.decode(Medium(b"\xff\xd8\xff" + bytes(1000)))


def test_a_small_file_that_announces_400_megapixels_is_refused(decoder: Decoder) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(200_000)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(TooManyPixelsError, match="more pixels than allowed"):
        decoder.decode(Medium(bomb))


def test_a_picture_a_little_over_the_limit_is_told_its_size() -> None:
    with (
        Decoder(MediaLimits(max_pixels=1000)) as small,
        pytest.raises(TooManyPixelsError, match="40 by 30"),
    ):
        small.decode(Medium(encoded(corners().resize((40, 30)), "BMP")))


def test_a_text_is_not_a_picture_whatever_it_is_called(decoder: Decoder) -> None:
    with pytest.raises(NotAPictureError):
        decoder.decode(Medium(b"<html>not a picture</html>", declared_type="image/jpeg"))


def test_the_declared_type_is_not_believed(decoder: Decoder) -> None:
    content = encoded(corners(), "PNG")
    assert decoder.decode(Medium(content, declared_type="video/mp4")).format_name == "PNG"


def test_what_only_begins_like_a_video_is_refused_as_one(decoder: Decoder) -> None:
    with pytest.raises(UnreadableError, match="MP4"):
        decoder.decode(Medium(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(200)))


@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_a_picture_that_breaks_off_is_called_truncated(decoder: Decoder, format_name: str) -> None:
    content = encoded(ASTRONAUT, format_name)
    with pytest.raises(TruncatedError, match="ends before"):
        decoder.decode(Medium(content[: len(content) // 2]))


def test_a_damaged_header_is_unreadable(decoder: Decoder) -> None:
    with pytest.raises(UnreadableError):
        decoder.decode(Medium(b"GIF89a" + b"\xff" * 200))


def test_a_broken_later_frame_costs_the_rest_of_the_animation_only(decoder: Decoder) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (4, 64, 64, 3), dtype=np.uint8)
    frames = [Image.fromarray(each) for each in noise]
    content = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    cut = content.rindex(b"fdAT") + 40
    decoded = decoder.decode(Medium(content[:cut] + bytes(len(content) - cut)))
    assert 1 <= len(decoded.frames) < 4


def test_flipped_and_cut_bytes_only_ever_give_pictures_or_reasons(decoder: Decoder) -> None:
    chance = np.random.default_rng(17)
    sources = [encoded(corners(), name) for name in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF")]
    outcomes = {"decoded": 0, "refused": 0}
    for _ in range(150):
        content = bytearray(sources[chance.integers(len(sources))])
        for _ in range(chance.integers(1, 6)):
            content[chance.integers(len(content))] = chance.integers(256)
        if chance.random() < 0.3:
            del content[chance.integers(1, len(content)) :]
        try:
            decoder.decode(Medium(bytes(content)))
            outcomes["decoded"] += 1
        except MediaError as error:
            assert error.code
            assert error.refusal.message
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10


def test_the_refusal_carries_the_code_and_the_words() -> None:
    refusal = TruncatedError("it ends early").refusal
    assert (refusal.code, refusal.message) == ("truncated", "it ends early")


def test_limits_that_leave_no_room_are_refused() -> None:
    with pytest.raises(LimitsError, match="address_space_bytes"):
        MediaLimits(max_pixels=500_000_000)
    with pytest.raises(LimitsError, match="max_frames"):
        MediaLimits(max_frames=0)
