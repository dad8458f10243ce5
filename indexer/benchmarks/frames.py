"""What people put around and over pictures: bars, captions, phone screens, collages.

Text is drawn in Pillow's own font, so that a benchmark draws the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

_PHONE_PX: Final = (1080, 2160)
_LINES: Final = ("nobody asked but here", "it is once again")


def bordered(
    image: Image.Image, _: object, *, rims: tuple[float, float], shade: str
) -> Image.Image:
    """Bars left and right, above and below, as shares of each side; or the picture itself, large
    and blurred, as social networks fill a frame.
    """
    x, y = round(image.width * rims[0]), round(image.height * rims[1])
    size = (image.width + 2 * x, image.height + 2 * y)
    if shade == "blurred":
        filled = image.resize(size, Image.Resampling.BILINEAR)
        canvas = filled.filter(ImageFilter.GaussianBlur(max(size) / 30))
    else:
        canvas = Image.new("RGB", size, shade)
    canvas.paste(image, (x, y))
    return canvas


def captioned(image: Image.Image) -> Image.Image:
    """A dark, see-through bar over a sixth of the picture, with a line of text."""
    height = image.height // 6
    top = image.height - round(1.5 * height)
    veil = Image.new("L", image.size, 0)
    ImageDraw.Draw(veil).rectangle((0, top, image.width, top + height), fill=190)
    drawn = Image.composite(Image.new("RGB", image.size, "black"), image, veil)
    _write(drawn, _LINES[0], (image.width // 20, top + height // 4), height // 2, "white")
    return drawn


def watermarked(image: Image.Image) -> Image.Image:
    """Half see-through text across the whole picture."""
    stamp = Image.new("L", image.size, 0)
    size_px = max(8, image.width // 9)
    for line in range(0, image.height, 3 * size_px):
        place = (line // 3 % size_px, line)
        ImageDraw.Draw(stamp).text(place, "somesite.example", fill=110, font=_font(size_px))
    stamp = stamp.rotate(20, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", image.size, "white"), image, stamp)


def meme(image: Image.Image, *, above: bool, below: bool) -> Image.Image:
    """White bars of a fifth of the height with text in them."""
    bar = image.height // 5
    size = (image.width, image.height + bar * (int(above) + int(below)))
    canvas = Image.new("RGB", size, "white")
    canvas.paste(image, (0, bar if above else 0))
    indent, height = image.width // 20, bar // 2
    if above:
        _write(canvas, _LINES[0], (indent, bar // 4), height, "black")
    if below:
        _write(canvas, _LINES[1], (indent, size[1] - bar + bar // 4), height, "black")
    return canvas


def phone_screenshot(image: Image.Image) -> Image.Image:
    """The picture as wide as a phone's screen, between bars, names and buttons; made smaller."""
    screen = Image.new("RGB", _PHONE_PX, (18, 18, 20))
    width, height = _PHONE_PX
    shown_height = min(round(image.height * width / image.width), height - 500)
    shown = image.resize((round(shown_height * image.width / image.height), shown_height))
    top = (height - shown_height) // 2
    screen.paste(shown, ((width - shown.width) // 2, top))
    pen = ImageDraw.Draw(screen)
    _write(screen, "12:34", (60, 30), 44, "white")
    pen.rectangle((950, 36, 1030, 70), fill="white")
    pen.ellipse((40, top - 110, 120, top - 30), fill=(120, 130, 200))
    _write(screen, "some_name", (150, top - 95), 50, "white")
    for place in range(4):
        left = 60 + place * 150
        pen.ellipse((left, top + shown_height + 30, left + 70, top + shown_height + 100), width=6)
    pen.rectangle((0, height - 130, width, height), fill=(40, 40, 46))
    return screen.resize((width * 3 // 4, height * 3 // 4), Image.Resampling.LANCZOS)


def collage(
    panels: Sequence[Image.Image], size: tuple[int, int], *, columns: int, gutter_px: int
) -> Image.Image:
    """Panels of one size in rows, with white gutters; each is cut to fill its panel."""
    rows = -(-len(panels) // columns)
    width, height = size
    canvas = Image.new(
        "RGB",
        (columns * width + (columns - 1) * gutter_px, rows * height + (rows - 1) * gutter_px),
        "white",
    )
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        place_px = (column * (width + gutter_px), row * (height + gutter_px))
        canvas.paste(ImageOps.fit(panel, size), place_px)
    return canvas


def _write(
    canvas: Image.Image, words: str, place: tuple[int, int], height_px: int, colour: str
) -> None:
    ImageDraw.Draw(canvas).text(place, words, fill=colour, font=_font(max(6, height_px)))


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size_px)
