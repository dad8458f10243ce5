"""The built-in pictures, made at run time from photographs that installed packages carry.

The person is the astronaut of scikit-image (a NASA photograph in the public domain); the other
people are in InsightFace's sample pictures. Nothing of them is part of this project; what is made
of them stays in memory and in the demo's output folder. Alterations are abstract: a region is
replaced by noise or stripes.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
from PIL import Image, ImageOps

from service.demo.clips import encoded, mime_type, wandering
from service.demo.planned import ALTERED, Expected, Planned, Shows

_UNALTERED_BANDS = frozenset({"no_trace_found", "inconclusive"})
BY_FACE = Expected(found_by=frozenset({"face"}))
BY_HASH = Expected(found_by=frozenset({"hash"}))
SAME_PHOTO = Expected(found_by=frozenset({"face", "hash"}), bands=_UNALTERED_BANDS)
PART_OF_PHOTO = Expected(found_by=frozenset({"face"}), bands=_UNALTERED_BANDS)
ALTERED_FIND = Expected(found_by=frozenset({"face"}), bands=ALTERED)
NOTHING = Expected()
JPEG = "image/jpeg"
BOMB_SIDE_PX = 20_000
LARGE, SMALL = (480, 360), (320, 240)
"""Sizes of the clip that is known, and of its copy."""
_RESAMPLE = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class PersonPictures:
    """What the demo's person brings: reference photos, and what is known only by its hashes: a
    picture and a clip.
    """

    references: tuple[tuple[str, bytes], ...]
    known: bytes
    known_clip: bytes


def person_pictures() -> PersonPictures:
    """Two reference photos and one known picture without a face."""
    photo = _photo()
    closer = photo.crop((90, 0, 402, 330))
    return PersonPictures(
        references=(("portrait.jpg", jpeg(photo, 92)), ("portrait-closer.jpg", jpeg(closer, 92))),
        known=jpeg(_sample("skimage", "data/rocket.jpg"), 90),
        known_clip=encoded(wandering(_things(), LARGE), "mp4", LARGE, 2_000_000),
    )


def pictures_of_the_person() -> tuple[Planned, ...]:
    """The same photo again, as it travels: other sizes, cut, mirrored, recompressed, altered."""
    photo = _photo()
    width, height = photo.size
    cut = photo.crop((110, 10, 360, 290))
    return (
        _jpeg("again", photo, 85, "the same photo", SAME_PHOTO),
        _jpeg("small", _scaled(photo, 0.5), 85, "half its size", SAME_PHOTO),
        _jpeg("large", _scaled(photo, 1.75), 85, "1.75 times its size", SAME_PHOTO),
        _jpeg("recompressed", photo, 25, "recompressed at quality 25", SAME_PHOTO),
        _jpeg("mirrored", ImageOps.mirror(photo), 85, "mirrored", SAME_PHOTO),
        _jpeg("cut", cut, 85, "cut to head and shoulders", PART_OF_PHOTO),
        _jpeg("cut-small", _scaled(cut, 0.6), 60, "cut, smaller, recompressed", PART_OF_PHOTO),
        _jpeg("grey", ImageOps.grayscale(photo).convert("RGB"), 80, "in greys", SAME_PHOTO),
        _turned_by_exif("turned", photo),
        _jpeg("pasted", _pasted(photo), 85, "pasted into another picture", BY_FACE),
        _jpeg("beside", _beside_others(photo), 85, "put beside other people", BY_FACE),
        _jpeg("altered", _altered(photo), 90, "a region replaced by noise", ALTERED_FIND),
        _jpeg(
            "altered-small",
            _scaled(_altered(photo, stripes=True), 0.7),
            75,
            "a region replaced by stripes, then smaller",
            ALTERED_FIND,
        ),
        _animation("moving", photo.resize((width // 2, height // 2), _RESAMPLE)),
    )


def known_picture_again(known: bytes) -> Planned:
    """The picture that is known only by its hashes, smaller and recompressed."""
    with Image.open(io.BytesIO(known)) as picture:
        again = _scaled(picture.convert("RGB"), 0.8)
    return Planned(
        "/media/known.jpg",
        jpeg(again, 70),
        JPEG,
        "known_picture",
        "a known picture without a face, smaller and recompressed",
        BY_HASH,
    )


def known_clip_again() -> Planned:
    """The clip that is known only by its hashes: its beginning cut off, smaller, encoded anew."""
    again = encoded(wandering(_things(), SMALL, from_s=2), "avi", SMALL, 400_000)
    return Planned(
        "/media/known-clip.avi",
        again,
        mime_type("avi"),
        "known_picture",
        "a known clip, cut, smaller and encoded anew",
        BY_HASH,
    )


def pictures_of_others() -> tuple[Planned, ...]:
    """Other people and things: nothing may be found in them."""
    group = _sample("insightface", "data/images/t1.jpg")
    width, height = group.size
    left, right = (0, 0, width // 2, height), (width // 2, 0, width, height)
    portrait = _sample("insightface", "data/images/Tom_Hanks_54745.png")
    return (
        _other("group", group, "a group of other people"),
        _other("group-left", group.crop(left), "a part of that group"),
        _other("group-right", group.crop(right), "another part of that group"),
        _other("group-mirrored", ImageOps.mirror(group), "the group mirrored"),
        _other("group-small", _scaled(group, 0.4), "the group, small"),
        _other("portrait", _scaled(portrait, 2.0), "somebody else's portrait"),
        _other("cat", _sample("skimage", "data/chelsea.png"), "a cat"),
        _other("coffee", _sample("skimage", "data/coffee.png"), "a cup of coffee"),
        _other("text", _sample("skimage", "data/page.png"), "a page of text"),
        _other("texture", _sample("skimage", "data/brick.png"), "a wall"),
    )


def hostile_pictures() -> tuple[Planned, ...]:
    """Things that pretend to be pictures: each must be refused, with its reason, and harmlessly."""
    whole = jpeg(_scaled(_sample("skimage", "data/coffee.png"), 1.0), 90)
    return (
        Planned(
            "/media/not-a-picture.jpg",
            b"<!doctype html><title>Not a picture</title><p>Plain text.</p>",
            JPEG,
            "unreadable",
            "a page that calls itself a picture",
            Expected(refusals=frozenset({"not_media", "not_a_picture"})),
        ),
        Planned(
            "/media/bomb.png",
            decompression_bomb(BOMB_SIDE_PX),
            "image/png",
            "unreadable",
            f"a small file that unpacks to {BOMB_SIDE_PX}x{BOMB_SIDE_PX} pixels",
            Expected(refusals=frozenset({"too_many_pixels"})),
        ),
        Planned(
            "/media/cut-off.jpg",
            whole[: len(whole) // 2],
            JPEG,
            "unreadable",
            "a picture whose second half is missing",
            Expected(refusals=frozenset({"truncated"})),
        ),
    )


def decompression_bomb(side_px: int) -> bytes:
    """A valid PNG of `side_px` squared black pixels, some hundred kilobytes long."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    packer = zlib.compressobj(9)
    row = bytes(1 + side_px)
    packed = b"".join([*(packer.compress(row) for _ in range(side_px)), packer.flush()])
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """The picture as JPEG bytes."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def _things() -> list[Image.Image]:
    names = ("coffee.png", "rocket.jpg", "chelsea.png", "retina.jpg")
    return [_sample("skimage", f"data/{name}") for name in names]


def _photo() -> Image.Image:
    return _sample("skimage", "data/astronaut.png")


def _sample(package: str, path: str) -> Image.Image:
    """A picture that an installed package carries; nothing of the package is imported or run."""
    place: Traversable = resources.files(package).joinpath(path)
    with Image.open(io.BytesIO(place.read_bytes())) as picture:
        return picture.convert("RGB")


def _scaled(picture: Image.Image, factor: float) -> Image.Image:
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, _RESAMPLE)


def _jpeg(name: str, picture: Image.Image, quality: int, what: str, expected: Expected) -> Planned:
    path = f"/media/{name}.jpg"
    return Planned(path, jpeg(picture, quality), JPEG, "person", what, expected)


def _other(name: str, picture: Image.Image, what: str) -> Planned:
    shows: Shows = "somebody_else" if name.startswith(("group", "portrait")) else "nobody"
    return Planned(f"/media/{name}.jpg", jpeg(picture, 85), JPEG, shows, what, NOTHING)


def _turned_by_exif(name: str, picture: Image.Image) -> Planned:
    """Stored on its side with an orientation mark, as telephones do."""
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=85, exif=exif)
    what = "stored on its side, with the mark that says so"
    return Planned(f"/media/{name}.jpg", out.getvalue(), JPEG, "person", what, SAME_PHOTO)


def _animation(name: str, picture: Image.Image) -> Planned:
    plain = Image.new("RGB", picture.size, (90, 120, 150))
    out = io.BytesIO()
    plain.save(out, "WEBP", save_all=True, append_images=[picture], duration=400, quality=85)
    what = "an animation whose second frame is the photo"
    return Planned(f"/media/{name}.webp", out.getvalue(), "image/webp", "person", what, BY_FACE)


def _pasted(picture: Image.Image) -> Image.Image:
    scene = _scaled(_sample("skimage", "data/coffee.png"), 1.5)
    scene.paste(_scaled(picture.crop((110, 10, 360, 290)), 0.9), (60, 180))
    return scene


def _beside_others(picture: Image.Image) -> Image.Image:
    group = _sample("insightface", "data/images/t1.jpg")
    beside = ImageOps.contain(picture, (group.height, group.height))
    together = Image.new("RGB", (group.width + beside.width, group.height))
    together.paste(group, (0, 0))
    together.paste(beside, (group.width, 0))
    return together


def _altered(picture: Image.Image, *, stripes: bool = False) -> Image.Image:
    """Replace a region below the face by noise, or by stripes; its border is softened."""
    pixels = np.asarray(picture, np.float32).copy()
    top, bottom, left, right = 300, 500, 130, 400
    shape = (bottom - top, right - left, 3)
    if stripes:
        waves = 128 + 90 * np.sin(np.arange(shape[1]) / 6.0)[None, :, None]
        patch = np.broadcast_to(waves * np.array([1.0, 0.8, 0.4]), shape)
    else:
        coarse = np.random.default_rng(7).uniform(40, 215, (20, 27, 3)).astype(np.uint8)
        patch = np.asarray(
            Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC),
            np.float32,
        )
    soft = 12
    rows = np.clip(np.minimum(np.arange(shape[0]), np.arange(shape[0])[::-1]) / soft, 0, 1)
    columns = np.clip(np.minimum(np.arange(shape[1]), np.arange(shape[1])[::-1]) / soft, 0, 1)
    share = (rows[:, None] * columns[None, :])[:, :, None]
    region = pixels[top:bottom, left:right]
    pixels[top:bottom, left:right] = region * (1 - share) + patch * share
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
