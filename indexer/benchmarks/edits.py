"""What happens to pictures on the way through the web: a grid of edits, each in several strengths.

Every edit is made with ordinary tools (Pillow, OpenCV) from the picture's pixels and, where chance
is needed, from a generator that its caller seeds: the same picture always becomes the same file.
Answers are files, as they would be fetched: JPEG of quality 85 unless the edit says otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from indexer.benchmarks import frames
from indexer.media.picture import Pixels

JPEG_QUALITY: Final = 85
_CROPPED_SHARES: Final = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Chance:
    """What an edit may draw from: a seeded generator, and other pictures to put beside."""

    rng: np.random.Generator
    others: Sequence[Image.Image]

    def other(self) -> Image.Image:
        """One of the other pictures."""
        return self.others[int(self.rng.integers(len(self.others)))]


Change = Callable[[Image.Image, Chance], Image.Image]


@dataclass(frozen=True, slots=True)
class Edit:
    """One cell of the grid; `file_format` and `quality` say how the result is saved."""

    family: str
    strength: str
    change: Change
    file_format: str = "JPEG"
    quality: int = JPEG_QUALITY

    @property
    def name(self) -> str:
        """Family and strength."""
        return f"{self.family} {self.strength}"

    def apply(self, pixels: Pixels, chance: Chance) -> bytes:
        """The edited file of a (height, width, 3) uint8 RGB picture."""
        edited = self.change(Image.fromarray(pixels), chance).convert("RGB")
        written = io.BytesIO()
        edited.save(written, self.file_format, quality=self.quality)
        return written.getvalue()


def grid() -> tuple[Edit, ...]:
    """All edits, family by family."""
    return (
        *_saved_again(),
        *_geometry(),
        *_crops(),
        *_put_around(),
        *_put_over(),
        *_colours(),
        *_sharpness(),
        *_combined(),
    )


def _saved_again() -> list[Edit]:
    return [
        *(Edit("recompress", f"q{q}", _as_is, quality=q) for q in (90, 70, 50, 30, 10)),
        Edit("format", "WebP 75", _as_is, "WEBP", 75),
        Edit("format", "AVIF 60", _as_is, "AVIF", 60),
        Edit("format", "PNG", _as_is, "PNG"),
    ]


def _geometry() -> list[Edit]:
    turns = {
        "90": Image.Transpose.ROTATE_90,
        "180": Image.Transpose.ROTATE_180,
        "270": Image.Transpose.ROTATE_270,
    }
    mirrors = {
        "left-right": Image.Transpose.FLIP_LEFT_RIGHT,
        "upside down": Image.Transpose.FLIP_TOP_BOTTOM,
    }
    stretched = ((1.1, 1.0), (1.0, 1.1), (1.25, 1.0), (1.0, 1.25))
    return [
        *(Edit("resize", f"x{by:g}", partial(_resized, by=(by, by))) for by in (2, 0.75, 0.5)),
        *(Edit("resize", f"x{by:g}", partial(_resized, by=(by, by))) for by in (0.25, 0.1)),
        *(Edit("stretch", f"{x:g} x {y:g}", partial(_resized, by=(x, y))) for x, y in stretched),
        *(Edit("mirror", name, partial(_transposed, how=how)) for name, how in mirrors.items()),
        *(Edit("turn", name, partial(_transposed, how=how)) for name, how in turns.items()),
        *(Edit("tilt", f"{by} degrees", partial(_tilted, degrees=by)) for by in (2, 5, 10, 45)),
    ]


def _crops() -> list[Edit]:
    ways = {"centre": _centre, "corner": _corner, "edge": _edge, "anywhere": _anywhere}
    return [
        Edit(f"crop {name}", f"{share:.0%} off", partial(_cropped, away=share, window=window))
        for name, window in ways.items()
        for share in _CROPPED_SHARES
    ]


def _put_around() -> list[Edit]:
    bars = {"letterbox": (0.0, 0.15), "pillarbox": (0.15, 0.0), "all round": (0.1, 0.1)}
    shades = ("black", "white", "blurred")
    bordered = [
        Edit("border", f"{name}, {shade}", partial(frames.bordered, rims=rims, shade=shade))
        for name, rims in bars.items()
        for shade in shades
    ]
    memes = ("above", "below", "both")
    collages = [
        Edit("collage", f"{name}, {gutter}", partial(_collage, rows=rows, gutter_px=gutter_px))
        for name, rows in (("2", 1), ("2 x 2", 2))
        for gutter, gutter_px in (("no gutter", 0), ("gutter", 12))
    ]
    return [
        *bordered,
        *(Edit("meme", f"text {where}", partial(_meme, where=where)) for where in memes),
        Edit("screenshot", "phone", _screenshot),
        *collages,
    ]


def _put_over() -> list[Edit]:
    return [
        Edit("text", "caption bar", _without_chance(frames.captioned)),
        Edit("text", "watermark across", _without_chance(frames.watermarked)),
        Edit("text", "shapes over 10%", partial(_with_shapes, share=0.1)),
        Edit("text", "shapes over 25%", partial(_with_shapes, share=0.25)),
    ]


def _colours() -> list[Edit]:
    enhanced = (
        ("brightness", ImageEnhance.Brightness, (0.7, 1.3)),
        ("contrast", ImageEnhance.Contrast, (0.7, 1.4)),
        ("saturation", ImageEnhance.Color, (0.4, 1.8)),
    )
    return [
        *(
            Edit("colour", f"{name} x{by:g}", partial(_enhanced, kind=kind, by=by))
            for name, kind, strengths in enhanced
            for by in strengths
        ),
        *(Edit("colour", f"hue +{by}", partial(_hue, degrees=by)) for by in (20, 90)),
        *(Edit("colour", f"gamma {by:g}", partial(_gamma, gamma=by)) for by in (0.6, 1.6)),
        Edit("colour", "greyscale", _greyscale),
        Edit("colour", "sepia", _sepia),
    ]


def _sharpness() -> list[Edit]:
    return [
        *(Edit("blur", f"{share:.1%} of a side", partial(_blur, share=share)) for share in _BLURS),
        Edit("sharpen", "200%", _sharpen),
        *(Edit("noise", f"{by} levels", partial(_noise, levels=by)) for by in (5, 15, 30)),
    ]


def _combined() -> list[Edit]:
    def small_screenshot_of_a_crop(image: Image.Image, chance: Chance) -> Image.Image:
        return _screenshot(_cropped(image, chance, away=0.2, window=_anywhere), chance)

    def meme_of_a_mirrored_crop(image: Image.Image, chance: Chance) -> Image.Image:
        mirrored = _transposed(image, chance, how=Image.Transpose.FLIP_LEFT_RIGHT)
        return _meme(_cropped(mirrored, chance, away=0.2, window=_edge), chance, where="above")

    def smaller_with_text(image: Image.Image, chance: Chance) -> Image.Image:
        return _resized(frames.captioned(image), chance, by=(0.5, 0.5))

    return [
        Edit("combined", "screenshot of a crop, q40", small_screenshot_of_a_crop, quality=40),
        Edit("combined", "meme of a mirrored crop", meme_of_a_mirrored_crop, quality=70),
        Edit("combined", "caption, x0.5, q50", smaller_with_text, quality=50),
    ]


_BLURS: Final = (0.002, 0.005, 0.01)


def _without_chance(change: Callable[[Image.Image], Image.Image]) -> Change:
    return lambda image, _: change(image)


def _as_is(image: Image.Image, _: Chance) -> Image.Image:
    return image


def _resized(image: Image.Image, _: Chance, *, by: tuple[float, float]) -> Image.Image:
    size = (max(8, round(image.width * by[0])), max(8, round(image.height * by[1])))
    return image.resize(size, Image.Resampling.LANCZOS)


def _transposed(image: Image.Image, _: Chance, *, how: Image.Transpose) -> Image.Image:
    return image.transpose(how)


def _tilted(image: Image.Image, _: Chance, *, degrees: int) -> Image.Image:
    """The whole picture is kept; black shows in the corners."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


Window = tuple[float, float, float, float]


def _centre(kept: float, _: Chance) -> Window:
    side = kept**0.5
    return (1 - side) / 2, (1 - side) / 2, (1 + side) / 2, (1 + side) / 2


def _corner(kept: float, chance: Chance) -> Window:
    side = kept**0.5
    left, top = chance.rng.integers(2, size=2) * (1 - side)
    return left, top, left + side, top + side


def _edge(kept: float, chance: Chance) -> Window:
    edges = ((0.0, 0.0, kept, 1.0), (1 - kept, 0.0, 1.0, 1.0))
    turned = tuple((top, left, bottom, right) for left, top, right, bottom in edges)
    return (*edges, *turned)[int(chance.rng.integers(4))]


def _anywhere(kept: float, chance: Chance) -> Window:
    """Any place, any shape: what a person does with a thumb."""
    across = chance.rng.uniform(kept, 1)
    down = kept / across
    left, top = chance.rng.uniform(0, 1 - across), chance.rng.uniform(0, 1 - down)
    return left, top, left + across, top + down


def _cropped(
    image: Image.Image,
    chance: Chance,
    *,
    away: float,
    window: Callable[[float, Chance], Window],
) -> Image.Image:
    left, top, right, bottom = window(1 - away, chance)
    x, y = round(left * image.width), round(top * image.height)
    return image.crop(
        (x, y, max(x + 8, round(right * image.width)), max(y + 8, round(bottom * image.height)))
    )


def _meme(image: Image.Image, _: Chance, *, where: str) -> Image.Image:
    return frames.meme(image, above=where != "below", below=where != "above")


def _screenshot(image: Image.Image, _: Chance) -> Image.Image:
    return frames.phone_screenshot(image)


def _collage(image: Image.Image, chance: Chance, *, rows: int, gutter_px: int) -> Image.Image:
    """Two a row, in a random place among others; each panel as large as the picture."""
    panels = [chance.other() for _ in range(2 * rows)]
    panels[int(chance.rng.integers(len(panels)))] = image
    return frames.collage(panels, image.size, columns=2, gutter_px=gutter_px)


def _with_shapes(image: Image.Image, chance: Chance, *, share: float) -> Image.Image:
    """Round abstract shapes, like emoji, over a share of the area."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    count = 4
    radius = (share * image.width * image.height / count / np.pi) ** 0.5
    for _ in range(count):
        x, y = chance.rng.uniform(0, image.width), chance.rng.uniform(0, image.height)
        colour = tuple(int(value) for value in chance.rng.integers(60, 255, 3))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        pen.arc(
            (x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2),
            20,
            160,
            fill="black",
            width=max(1, round(radius / 8)),
        )
    return drawn


def _enhanced(
    image: Image.Image,
    _: Chance,
    *,
    kind: type[ImageEnhance.Brightness | ImageEnhance.Contrast | ImageEnhance.Color],
    by: float,
) -> Image.Image:
    return kind(image).enhance(by)


def _hue(image: Image.Image, _: Chance, *, degrees: int) -> Image.Image:
    hsv = np.array(image.convert("HSV"))
    hsv[..., 0] += np.uint8(degrees * 256 // 360)
    return Image.fromarray(hsv, "HSV").convert("RGB")


def _gamma(image: Image.Image, _: Chance, *, gamma: float) -> Image.Image:
    table = [round(255 * (value / 255) ** gamma) for value in range(256)]
    return image.point(table * 3)


def _greyscale(image: Image.Image, _: Chance) -> Image.Image:
    return image.convert("L")


def _sepia(image: Image.Image, _: Chance) -> Image.Image:
    mixed = np.array(
        [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], dtype=np.float32
    )
    toned = cv2.transform(np.asarray(image), mixed)
    return Image.fromarray(np.clip(toned, 0, 255).astype(np.uint8))


def _blur(image: Image.Image, _: Chance, *, share: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(share * max(image.size)))


def _sharpen(image: Image.Image, _: Chance) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(radius=2, percent=200, threshold=2))


def _noise(image: Image.Image, chance: Chance, *, levels: int) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    noisy = pixels + chance.rng.normal(0, levels, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
