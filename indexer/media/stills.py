"""Bytes of a picture to upright RGB pixels. Runs inside the decoder process only.

1. The format by magic bytes; only that codec is opened.
2. Size from the header, before any pixel is decoded.
3. Which frames: all of a short animation, otherwise some spread evenly; or those asked for.
4. Each frame: decoded (a JPEG by halves smaller, where that is enough; later frames of an animation
   where not all fit), brought to 8-bit RGB on white, turned upright, written to the output.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pillow_heif
import simplejpeg
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from indexer.media.animations import AnimationWalk, fitting
from indexer.media.errors import (
    MediaError,
    TooManyPixelsError,
    TooMuchMemoryError,
    TruncatedError,
    UnreadableError,
)
from indexer.media.messages import ChildSettings, DecodedFrames, FramePlace
from indexer.media.picture import Pixels

# Formats whose further frames are frames of an animation (a JPEG's are thumbnails or depth maps).
_ANIMATED_FORMATS = frozenset({"GIF", "PNG", "WEBP", "AVIF", "TIFF"})

# These codecs turn the picture upright themselves while loading.
_TURNED_BY_CODEC = frozenset({"HEIF", "TIFF"})

# What Pillow's codecs raise on broken input; anything else is a defect and ends the process.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    RuntimeError,
    Image.DecompressionBombError,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_FIRST_ON_ITS_SIDE = 5
_MOST_SHRUNK = 8
"""libjpeg-turbo's transform makes halves, quarters and eighths as fast as it decodes; the sizes
between take longer than decoding all of it.
"""


_LEAST_SHARE_PIXELS = 250_000
"""Frames of an animation that do not fit come smaller, but not smaller than this: then fewer."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame of the file: its upright pixels, its upright full size, and when it is shown."""

    index: int
    pixels: Pixels
    full_size: tuple[int, int]
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    format_name: str
    width_px: int
    height_px: int
    frames_total: int
    orientation: int
    least_side_px: int | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height once it is turned upright."""
        size = (self.width_px, self.height_px)
        return (size[1], size[0]) if self.orientation >= _FIRST_ON_ITS_SIDE else size

    @property
    def shrunk_by(self) -> int:
        """1, 2, 4 or 8: by how much a JPEG may come smaller."""
        if self.least_side_px is None:
            return 1
        long_side, short_side = max(self.upright_size), min(self.upright_size)
        by = 1
        while (
            by < _MOST_SHRUNK
            and short_side // (2 * by) >= self.least_side_px
            and long_side // (2 * by) >= self.least_side_px * 5 // 4
        ):
            by *= 2
        return by


def prepare_codecs(limits: ChildSettings) -> None:
    """Load the codecs and set their own limits, once for each process."""
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("ignore")
    Image.init()


def decode_into(
    content: bytes,
    format_name: str,
    output: memoryview,
    limits: ChildSettings,
    least_side_px: int | None = None,
    frame_indexes: tuple[int, ...] = (),
) -> DecodedFrames:
    """Decode `content` by Pillow's codec `format_name` and write its frames' RGB rows one after
    another into `output`; `least_side_px` and `frame_indexes` as `DecodeRequest` says.

    Raises a `MediaError` with the reason when the medium cannot be looked at.
    """
    try:
        return _decode(content, format_name, output, limits, least_side_px, frame_indexes)
    except MediaError:
        raise
    except MemoryError as error:
        raise TooMuchMemoryError(
            "decoding this picture needs more memory than a decoder may have"
        ) from error
    except UnidentifiedImageError as error:
        raise UnreadableError(
            f"it begins like a {format_name} picture, but its header cannot be read"
        ) from error
    except _BROKEN as error:
        raise _broken(format_name, error) from error


def _decode(
    content: bytes,
    format_name: str,
    output: memoryview,
    limits: ChildSettings,
    least_side_px: int | None,
    frame_indexes: tuple[int, ...],
) -> DecodedFrames:
    with Image.open(io.BytesIO(content), formats=[format_name]) as image:
        _check_size(image.size, limits)
        header = _read_header(image, format_name, least_side_px)
        wanted = _frames_to_decode(header, limits, frame_indexes)
        places: list[FramePlace] = []
        offset = 0
        for frame in _frames(content, image, header, wanted, limits):
            pixels = frame.pixels
            end = offset + pixels.nbytes
            if end > limits.max_pixels * 3:
                break
            target = np.frombuffer(output[offset:end], dtype=np.uint8).reshape(pixels.shape)
            np.copyto(target, pixels)
            place = FramePlace(
                frame.index,
                offset,
                pixels.shape[1],
                pixels.shape[0],
                *frame.full_size,
                at_ms=frame.at_ms,
            )
            places.append(place)
            offset = end
    if not places:
        raise UnreadableError("the picture holds no frame that can be decoded")
    return DecodedFrames(
        format_name=format_name,
        animated=header.frames_total > 1,
        width_px=places[0].full_width_px,
        height_px=places[0].full_height_px,
        frames_total=header.frames_total,
        frames=tuple(places),
        left_out=_left_out(header, limits),
    )


def _left_out(header: _Header, limits: ChildSettings) -> str | None:
    walkable = _walkable(header, limits)
    if walkable == header.frames_total:
        return None
    return (
        f"it is long: only the first {walkable} of its {header.frames_total} frames were looked at"
    )


def _check_size(size: tuple[int, int], limits: ChildSettings) -> None:
    width, height = size
    if width <= 0 or height <= 0:
        raise UnreadableError("the picture says that it has no width or no height")
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise TooManyPixelsError(
            f"the picture says that it is {width} by {height} pixels, more than the "
            f"{limits.max_pixels} allowed"
        )


def _read_header(image: Image.Image, format_name: str, least_side_px: int | None) -> _Header:
    frames_total = 1
    if format_name in _ANIMATED_FORMATS:
        frames_total = max(1, int(getattr(image, "n_frames", 1)))
    orientation = 1
    if format_name not in _TURNED_BY_CODEC:
        try:
            orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except _BROKEN:
            orientation = 1  # broken EXIF: the pixels are still worth looking at
    return _Header(
        format_name,
        image.width,
        image.height,
        frames_total,
        orientation if orientation in _TURNS else 1,
        least_side_px,
    )


def _walkable(header: _Header, limits: ChildSettings) -> int:
    """How many frames of an animation may be composed on the way."""
    frame_pixels = header.width_px * header.height_px
    return min(header.frames_total, max(1, limits.max_animation_pixels // frame_pixels))


def _frames_to_decode(
    header: _Header, limits: ChildSettings, frame_indexes: tuple[int, ...]
) -> tuple[int, ...]:
    """Indexes spread evenly over those frames that may be walked, first and last among them; or
    those that were asked for, as far as they may be walked.
    """
    frame_pixels = header.width_px * header.height_px
    walkable = _walkable(header, limits)
    if frame_indexes:
        asked = sorted({index for index in frame_indexes if 0 <= index < walkable})
        return tuple(asked[: limits.max_frames]) or (0,)
    others = (limits.max_pixels - frame_pixels) // min(frame_pixels, _LEAST_SHARE_PIXELS)
    count = max(1, min(limits.max_animation_frames, walkable, 1 + others))
    if count == 1:
        return (0,)
    return tuple(round(place * (walkable - 1) / (count - 1)) for place in range(count))


def _frames(
    content: bytes,
    image: Image.Image,
    header: _Header,
    wanted: tuple[int, ...],
    limits: ChildSettings,
) -> Iterator[_Frame]:
    if header.format_name == "JPEG":
        pixels = _fast_jpeg(content, header)
        if pixels is not None:
            yield _Frame(0, pixels, header.upright_size)
            return
    walk = AnimationWalk(image)
    room_pixels = limits.max_pixels
    for place, index in enumerate(wanted):
        try:
            walk.seek(index)
            if index:
                _check_size(image.size, limits)
            frame = _upright(_to_rgb(image), header.orientation)
            full_size = frame.size
            if place:
                frame = fitting(frame, room_pixels // (len(wanted) - place))
        except MediaError:
            raise
        except _BROKEN:
            # A broken later frame costs the rest of the animation, not what was already seen.
            if place == 0:
                raise
            return
        room_pixels -= frame.width * frame.height
        at_ms = walk.at_ms if header.frames_total > 1 else None
        yield _Frame(index, np.asarray(frame), full_size, at_ms)


def _fast_jpeg(content: bytes, header: _Header) -> Pixels | None:
    """Decode by libjpeg-turbo directly, twice as fast; None where Pillow has to do it.

    simplejpeg refuses some valid files (unusual subsampling) and, being strict, every damaged one;
    Pillow then decides what it is.
    """
    by = header.shrunk_by
    # Its sizes are rounded up, and it takes the smallest one that is not below what is asked for.
    wanted = (-(-header.height_px // by), -(-header.width_px // by))
    try:
        _, _, colour_space, _ = simplejpeg.decode_jpeg_header(content)
        if colour_space not in {"YCbCr", "Gray"}:
            return None
        pixels: Pixels = (
            simplejpeg.decode_jpeg(content, colorspace="RGB")
            if by == 1
            else simplejpeg.decode_jpeg(
                content, colorspace="RGB", min_height=wanted[0], min_width=wanted[1]
            )
        )
    except ValueError:
        return None
    return _turned(pixels, header.orientation) if pixels.shape[:2] == wanted else None


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """The same as `_upright`, of pixels."""
    if orientation >= _FIRST_ON_ITS_SIDE:
        pixels = pixels.transpose(1, 0, 2)
    rows = -1 if orientation in {3, 4, 7, 8} else 1
    columns = -1 if orientation in {2, 3, 6, 7} else 1
    return pixels[::rows, ::columns]


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode to 8-bit RGB: more bits are scaled down, transparency lies on white."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I;16"):
        sixteen = np.asarray(image)
        return Image.fromarray((sixteen >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in {"I", "F"}:
        return _from_wide_grey(np.asarray(image, dtype=np.float32))
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        on_white = Image.new("RGB", with_alpha.size, (255, 255, 255))
        on_white.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return on_white
    return image.convert("RGB")


def _from_wide_grey(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    """32-bit grey: no format says its range, so the smallest usual one that holds the values."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(finite.max(initial=0.0))
    full_scale = next((scale for scale in (1.0, 255.0, 65535.0) if highest <= scale), highest)
    grey = np.clip(finite * (255.0 / full_scale), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _broken(format_name: str, error: Exception) -> MediaError:
    if isinstance(error, Image.DecompressionBombError):
        return TooManyPixelsError("the picture says that it has more pixels than allowed")
    text = str(error).lower()
    if "truncated" in text or "unexpected end" in text or isinstance(error, EOFError):
        return TruncatedError(
            f"the {format_name} picture ends before it is complete: fetch it again"
        )
    return UnreadableError(f"the {format_name} picture is damaged and cannot be decoded")
