"""What may have happened to a picture of a face: plain, abstract alterations, drawn by programs.

Each takes a `Shot` (a picture, and where the face is in it) and a seeded generator, and gives a new
one; the same seed gives the same picture. What covers or paints a face is placed by its landmarks;
what turns or shrinks the picture moves them along. Which of them are measured, in which strength
and in which combinations, is said in `condition_grid.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from indexer.media.picture import Pixels

Marks = NDArray[np.float32]
Chance = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A picture and the face in it that is labelled.

    `pixels` is (height, width, 3) uint8 RGB. `box_px` is (left, top, width, height), `marks_px`
    (5, 2): the eye, nose and mouth landmarks as detectors give them, left to right in an upright
    picture.
    """

    pixels: Pixels
    box_px: tuple[float, float, float, float]
    marks_px: Marks

    @property
    def middle_px(self) -> tuple[float, float]:
        """The middle of the face's box."""
        left, top, width, height = self.box_px
        return left + width / 2, top + height / 2

    @property
    def eyes_apart_px(self) -> float:
        """Distance between the eyes."""
        return float(np.linalg.norm(self.marks_px[1] - self.marks_px[0]))


Change = Callable[[Shot, Chance], Shot]


def in_order(*changes: Change) -> Change:
    """One change after the other."""

    def all_of_them(shot: Shot, chance: Chance) -> Shot:
        for change in changes:
            shot = change(shot, chance)
        return shot

    return all_of_them


# Place: the face's box and landmarks move along.


def turned(shot: Shot, _: Chance, *, degrees: float) -> Shot:
    """Turned clockwise. Quarter turns turn the whole picture; others turn about the face, which is
    then in the middle of a picture of the same size, whose edges are drawn out into the corners.
    """
    height, width = shot.pixels.shape[:2]
    quarters, rest = divmod(degrees % 360, 90)
    if rest == 0:
        pixels = np.ascontiguousarray(np.rot90(shot.pixels, -int(quarters)))
        size = (width - 1, height - 1)
        by = {
            0: [[1, 0, 0], [0, 1, 0]],
            1: [[0, -1, size[1]], [1, 0, 0]],
            2: [[-1, 0, size[0]], [0, -1, size[1]]],
            3: [[0, 1, 0], [-1, 0, size[0]]],
        }[int(quarters)]
        return _moved(shot, pixels, np.array(by, np.float64))
    turn = cv2.getRotationMatrix2D(shot.middle_px, -degrees, 1.0)
    turn[:, 2] += np.array([(width - 1) / 2, (height - 1) / 2]) - np.array(shot.middle_px)
    pixels = cv2.warpAffine(
        shot.pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return _moved(shot, pixels, turn)


def mirrored(shot: Shot, _: Chance) -> Shot:
    """Left and right exchanged; landmarks are left to right again."""
    width = shot.pixels.shape[1]
    by = np.array([[-1, 0, width - 1], [0, 1, 0]], np.float64)
    moved = _moved(shot, np.ascontiguousarray(shot.pixels[:, ::-1]), by)
    return replace(moved, marks_px=moved.marks_px[[1, 0, 2, 4, 3]])


def face_of(shot: Shot, _: Chance, *, width_px: float) -> Shot:
    """The whole picture smaller, so that the face is that wide; never larger."""
    scale = width_px / max(shot.box_px[2], 1e-6)
    if scale >= 1:
        return shot
    height, width = shot.pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = cv2.resize(shot.pixels, size, interpolation=cv2.INTER_AREA)
    by = np.array([[size[0] / width, 0, 0], [0, size[1] / height, 0]], np.float64)
    return _moved(shot, pixels, by)


def within_large_picture(shot: Shot, chance: Chance, *, size_px: tuple[int, int]) -> Shot:
    """The picture as a small part, anywhere, of a large one of soft colours."""
    height, width = shot.pixels.shape[:2]
    canvas_width, canvas_height = max(size_px[0], width), max(size_px[1], height)
    clouds = chance.integers(40, 216, (7, 9, 3), dtype=np.uint8)
    canvas = cv2.resize(clouds, (canvas_width, canvas_height), interpolation=cv2.INTER_CUBIC)
    left = int(chance.integers(0, canvas_width - width + 1))
    top = int(chance.integers(0, canvas_height - height + 1))
    canvas[top : top + height, left : left + width] = shot.pixels
    return _moved(shot, canvas, np.array([[1, 0, left], [0, 1, top]], np.float64))


def _moved(shot: Shot, pixels: Pixels, by: NDArray[np.float64]) -> Shot:
    """The same face after an affine move (2, 3); its box becomes the one around the moved box."""
    left, top, width, height = shot.box_px
    corners = np.array([(left, top), (left + width, top), (left, top + height)])
    corners = np.vstack([corners, (left + width, top + height)])
    moved = corners @ by[:, :2].T + by[:, 2]
    middle = moved.mean(axis=0)
    # A turned face's box keeps its area: the box around the corners would grow.
    scale = math.sqrt(abs(float(np.linalg.det(by[:, :2]))))
    turned_sideways = abs(by[0, 1]) > abs(by[0, 0])
    new_width, new_height = (height, width) if turned_sideways else (width, height)
    box = (
        float(middle[0] - new_width * scale / 2),
        float(middle[1] - new_height * scale / 2),
        float(new_width * scale),
        float(new_height * scale),
    )
    marks = (shot.marks_px @ by[:, :2].T + by[:, 2]).astype(np.float32)
    return Shot(pixels, box, marks)


# Cover: shapes over parts of the face.


def eyes_covered(shot: Shot, _: Chance) -> Shot:
    """A black bar over both eyes, as pictures are made anonymous."""
    left, right = shot.marks_px[0], shot.marks_px[1]
    along = (right - left) / max(shot.eyes_apart_px, 1e-6)
    return _with_polygon(shot, _bar(left, right, along, 0.45, 0.28, shot), (0, 0, 0))


def lower_face_covered(shot: Shot, _: Chance) -> Shot:
    """A light blue shape from the bridge of the nose to below the chin, as a mask covers it."""
    left_eye, right_eye, nose, left_mouth, right_mouth = shot.marks_px
    eyes = (left_eye + right_eye) / 2
    mouth = (left_mouth + right_mouth) / 2
    across = (right_eye - left_eye) * np.float32(0.95)
    down = mouth - eyes
    bridge = eyes + (nose - eyes) * np.float32(0.55)
    cheek = eyes + down * np.float32(0.6)
    chin = mouth + down * np.float32(0.75)
    outline = [
        bridge,
        cheek + across,
        mouth + across * np.float32(0.8),
        chin + across * np.float32(0.3),
        chin - across * np.float32(0.3),
        mouth - across * np.float32(0.8),
        cheek - across,
    ]
    return _with_polygon(shot, np.array(outline), (150, 190, 210))


def half_covered(shot: Shot, chance: Chance) -> Shot:
    """One side of the face, left or right of its middle, behind a plain surface."""
    left_eye, right_eye, _, left_mouth, right_mouth = shot.marks_px
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    down = mouth - eyes
    side = (right_eye - left_eye) * np.float32(1 if chance.random() < 0.5 else -1)
    top, bottom = eyes - down * np.float32(1.6), mouth + down * np.float32(1.2)
    outline = np.array([top, top + 2 * side, bottom + 2 * side, bottom])
    return _with_polygon(shot, outline, (90, 80, 70))


def emoji_over_part(shot: Shot, chance: Chance) -> Shot:
    """A yellow smiling disc over one eye, one cheek or the mouth."""
    left_eye, right_eye, _nose, left_mouth, right_mouth = shot.marks_px
    places = [
        left_eye,
        right_eye,
        (left_eye + left_mouth) / 2,
        (right_eye + right_mouth) / 2,
        (left_mouth + right_mouth) / 2,
    ]
    x, y = (float(value) for value in places[int(chance.integers(len(places)))])
    reach = 0.5 * shot.eyes_apart_px
    image = Image.fromarray(shot.pixels)
    pen = ImageDraw.Draw(image)
    pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(255, 204, 50))
    eye = reach * 0.13
    for side in (-1, 1):
        middle = (x + side * reach * 0.38, y - reach * 0.25)
        around = (middle[0] - eye, middle[1] - eye, middle[0] + eye, middle[1] + eye)
        pen.ellipse(around, fill=(70, 50, 20))
    smile = (x - reach * 0.55, y - reach * 0.5, x + reach * 0.55, y + reach * 0.6)
    pen.arc(smile, 25, 155, fill=(70, 50, 20), width=max(1, round(reach * 0.12)))
    return _repainted(shot, np.array(image))


def watermarked(shot: Shot, _: Chance) -> Shot:
    """Half see-through white words across the face, in several lines, slightly slanted."""
    left, top, width, height = shot.box_px
    size_px = max(6, round(height / 6))
    stamp = Image.new("L", (max(1, round(2 * width)), max(1, round(2 * height))), 0)
    pen = ImageDraw.Draw(stamp)
    for line in range(0, stamp.height, round(1.6 * size_px)):
        words = "somesite.example  somesite.example"
        pen.text((-(line % 37), line), words, fill=140, font=ImageFont.load_default(size=size_px))
    stamp = stamp.rotate(15, Image.Resampling.BILINEAR)
    image = Image.fromarray(shot.pixels)
    veil = Image.new("L", image.size, 0)
    veil.paste(stamp, (round(left - width / 2), round(top - height / 2)))
    return _repainted(
        shot, np.array(Image.composite(Image.new("RGB", image.size, "white"), image, veil))
    )


def made_up(shot: Shot, _: Chance) -> Shot:
    """Strong make-up: lids, brows, cheeks and lips painted in colours, half see-through."""
    left_eye, right_eye, _nose, left_mouth, right_mouth = shot.marks_px
    apart = shot.eyes_apart_px
    across = (right_eye - left_eye) / max(apart, 1e-6)
    up = np.array([across[1], -across[0]], np.float32)
    angle = math.degrees(math.atan2(float(across[1]), float(across[0])))
    mouth = (left_mouth + right_mouth) / 2
    lips = float(np.linalg.norm(right_mouth - left_mouth)) / 2
    spots: list[tuple[Marks, tuple[float, float], tuple[int, int, int], float]] = []
    for eye, side in ((left_eye, -1.0), (right_eye, 1.0)):
        lid = eye + up * np.float32(0.14 * apart)
        brow = eye + up * np.float32(0.32 * apart)
        cheek = eye - up * np.float32(0.62 * apart) + across * np.float32(side * 0.18 * apart)
        spots += [
            (lid, (0.28 * apart, 0.13 * apart), (60, 30, 120), 0.75),
            (brow, (0.32 * apart, 0.05 * apart), (30, 18, 12), 0.85),
            (cheek, (0.26 * apart, 0.18 * apart), (214, 60, 90), 0.5),
        ]
    spots.append((mouth, (1.12 * lips, 0.45 * lips), (150, 10, 40), 0.8))
    painted = shot.pixels.astype(np.float32)
    for middle, radii, colour, strength in spots:
        painted = _painted(painted, middle, radii, angle, colour, strength)
    return _repainted(shot, np.clip(painted, 0, 255).astype(np.uint8))


def _painted(
    pixels: NDArray[np.float32],
    middle: Marks,
    radii: tuple[float, float],
    angle_degrees: float,
    colour: tuple[int, int, int],
    strength: float,
) -> NDArray[np.float32]:
    """An ellipse of colour with soft edges, `strength` of 1 hides what is below."""
    mask = np.zeros(pixels.shape[:2], np.float32)
    centre = (round(float(middle[0])), round(float(middle[1])))
    axes = (max(1, round(radii[0])), max(1, round(radii[1])))
    cv2.ellipse(mask, centre, axes, angle_degrees, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, radii[1] / 4)) * np.float32(strength)
    paint = np.array(colour, np.float32)
    return np.asarray(pixels + mask[:, :, None] * (paint - pixels), np.float32)


def _bar(
    left: Marks, right: Marks, along: Marks, beyond: float, half_height: float, shot: Shot
) -> Marks:
    apart = shot.eyes_apart_px
    out = along * np.float32(beyond * apart)
    up = np.array([along[1], -along[0]], np.float32) * np.float32(half_height * apart)
    return np.array([left - out + up, right + out + up, right + out - up, left - out - up])


def _with_polygon(shot: Shot, outline: Marks, colour: tuple[int, int, int]) -> Shot:
    pixels = shot.pixels.copy()
    cv2.fillPoly(pixels, [np.round(outline).astype(np.int32)], colour, lineType=cv2.LINE_AA)
    return _repainted(shot, pixels)


def _repainted(shot: Shot, pixels: Pixels) -> Shot:
    return replace(shot, pixels=pixels)


_HALF_LEVEL: Final = 127.5


# Light and sharpness, in the pixels of the shot as it comes.


def motion_blurred(shot: Shot, chance: Chance, *, length_px: int) -> Shot:
    """Moved along a straight line, in any direction, while it was taken."""
    kernel = np.zeros((length_px, length_px), np.float32)
    angle = float(chance.random()) * math.pi
    reach = (length_px - 1) / 2
    steps = np.linspace(-reach, reach, 8 * length_px)
    for step in steps:
        column = round(reach + step * math.cos(angle))
        row = round(reach + step * math.sin(angle))
        kernel[row, column] += 1
    kernel /= kernel.sum()
    return _repainted(shot, cv2.filter2D(shot.pixels, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def blurred(shot: Shot, _: Chance, *, sigma_px: float) -> Shot:
    """Out of focus, as a Gaussian blur."""
    return _repainted(shot, cv2.GaussianBlur(shot.pixels, (0, 0), sigma_px))


def dark(shot: Shot, chance: Chance, *, light: float) -> Shot:
    """That share of the light, with the noise of a sensor."""
    noise = chance.normal(0, 3.0, shot.pixels.shape)
    darker = shot.pixels.astype(np.float32) * light + noise
    return _repainted(shot, np.clip(np.round(darker), 0, 255).astype(np.uint8))


def overexposed(shot: Shot, _: Chance, *, light: float) -> Shot:
    """That many times the light; what is too bright is white."""
    brighter = shot.pixels.astype(np.float32) * light
    return _repainted(shot, np.clip(brighter, 0, 255).astype(np.uint8))


def low_contrast(shot: Shot, _: Chance, *, share: float) -> Shot:
    """That share of the distance from middle grey, as in haze."""
    nearer = _HALF_LEVEL + (shot.pixels.astype(np.float32) - _HALF_LEVEL) * share
    return _repainted(shot, np.clip(np.round(nearer), 0, 255).astype(np.uint8))


def greyscale(shot: Shot, _: Chance) -> Shot:
    """Without colour."""
    grey = cv2.cvtColor(shot.pixels, cv2.COLOR_RGB2GRAY)
    return _repainted(shot, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
