"""Every condition does what its name says, moves the landmarks along, and can be repeated."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from indexer.benchmarks import conditions as made
from indexer.benchmarks.condition_codecs import frame_of_video, saved_as_jpeg
from indexer.benchmarks.condition_grid import (
    TURNS_DEGREES,
    Condition,
    all_conditions,
    chosen_conditions,
)
from indexer.benchmarks.conditions import Shot

CONDITIONS = all_conditions()
MARKS = np.array([(80, 90), (120, 90), (100, 112), (84, 132), (116, 132)], np.float32)
COLOURS = [(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 0), (255, 0, 255)]


def make_shot() -> Shot:
    """A soft picture of 220 x 200 pixels with a dot of its own colour on every landmark."""
    ramp = np.linspace(60, 190, 220)[None, :, None] + np.linspace(-30, 30, 200)[:, None, None]
    pixels = np.repeat(np.clip(ramp, 0, 255), 3, axis=2).astype(np.uint8)
    for (x, y), colour in zip(MARKS, COLOURS, strict=True):
        cv2.circle(pixels, (int(x), int(y)), 4, colour, -1)
    return Shot(pixels, (60.0, 60.0, 80.0, 100.0), MARKS.copy())


def chance(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def colours_at_marks(shot: Shot) -> list[int]:
    """Which of the five colours is nearest at each landmark."""
    found = []
    for x, y in np.round(shot.marks_px).astype(int):
        colour = shot.pixels[y, x].astype(int)
        found.append(int(np.argmin([np.abs(colour - each).sum() for each in COLOURS])))
    return found


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda each: f"{each.family} {each.name}")
def test_a_condition_gives_the_same_picture_for_the_same_seed(condition: Condition) -> None:
    shot = make_shot()
    before = shot.pixels.copy()
    one, other = condition.change(shot, chance()), condition.change(shot, chance())
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.marks_px, other.marks_px)
    assert np.array_equal(shot.pixels, before), "the original was changed"
    assert one.pixels.dtype == np.uint8
    assert one.pixels.ndim == 3
    x, y = one.middle_px
    assert 0 <= x < one.pixels.shape[1]
    assert 0 <= y < one.pixels.shape[0]
    if condition.name != "0 degrees":
        assert one.pixels.shape != before.shape or not np.array_equal(one.pixels, before)


def test_names_are_unique_and_can_be_chosen_by_a_part() -> None:
    names = [(each.family, each.name) for each in CONDITIONS]
    assert len(set(names)) == len(names)
    assert {each.family for each in chosen_conditions(["TURNED"])} == {"turned"}
    assert [each.name for each in chosen_conditions(["make-up"])] == [
        "strong make-up",
        "make-up, 60 degrees",
    ]
    assert len(chosen_conditions([])) == len(CONDITIONS)
    assert chosen_conditions(["no such thing"]) == ()


@pytest.mark.parametrize("degrees", TURNS_DEGREES)
def test_turning_takes_the_landmarks_along(degrees: int) -> None:
    shot = make_shot()
    turned = made.turned(shot, chance(), degrees=degrees)
    assert colours_at_marks(turned) == [0, 1, 2, 3, 4]
    eyes = turned.marks_px[1] - turned.marks_px[0]
    angle = np.degrees(np.arctan2(eyes[1], eyes[0])) % 360
    assert angle == pytest.approx(degrees % 360, abs=0.5)
    assert turned.eyes_apart_px == pytest.approx(shot.eyes_apart_px, abs=0.1)
    # The face stays inside its box.
    left, top, width, height = turned.box_px
    assert left < turned.marks_px[2, 0] < left + width
    assert top < turned.marks_px[2, 1] < top + height


def test_a_face_that_is_turned_freely_is_in_the_middle_of_a_picture_of_the_same_size() -> None:
    turned = made.turned(make_shot(), chance(), degrees=30)
    assert turned.pixels.shape == (200, 220, 3)
    assert turned.middle_px == pytest.approx((109.5, 99.5), abs=0.6)


def test_a_mirrored_face_has_its_landmarks_left_to_right_again() -> None:
    mirrored = made.mirrored(make_shot(), chance())
    assert colours_at_marks(mirrored) == [1, 0, 2, 4, 3]
    assert mirrored.marks_px[0, 0] < mirrored.marks_px[1, 0]


@pytest.mark.parametrize("width_px", [64, 40, 24])
def test_a_smaller_face_is_as_wide_as_it_should_be(width_px: int) -> None:
    small = made.face_of(make_shot(), chance(), width_px=width_px)
    assert small.box_px[2] == pytest.approx(width_px, rel=0.03)
    assert small.pixels.shape[1] == round(220 * width_px / 80)
    assert small.marks_px[2] == pytest.approx(MARKS[2] * width_px / 80, abs=1)


def test_a_face_is_never_made_larger() -> None:
    shot = make_shot()
    assert made.face_of(shot, chance(), width_px=500) is shot


def test_a_picture_within_a_large_one_is_there_unchanged() -> None:
    shot = make_shot()
    within = made.within_large_picture(shot, chance(), size_px=(800, 600))
    assert within.pixels.shape == (600, 800, 3)
    assert colours_at_marks(within) == [0, 1, 2, 3, 4]
    left, top = np.round(within.marks_px[0] - MARKS[0]).astype(int)
    assert np.array_equal(within.pixels[top : top + 200, left : left + 220], shot.pixels)


def test_a_bar_covers_both_eyes_and_nothing_else() -> None:
    covered = made.eyes_covered(make_shot(), chance()).pixels
    for x, y in MARKS[:2].astype(int):
        assert covered[y, x].tolist() == [0, 0, 0]
    assert colours_at_marks(Shot(covered, make_shot().box_px, MARKS))[2:] == [2, 3, 4]


def test_the_lower_face_is_covered_and_the_eyes_are_not() -> None:
    shot = made.lower_face_covered(make_shot(), chance())
    for x, y in MARKS[2:].astype(int):
        assert shot.pixels[y, x].tolist() == [150, 190, 210]
    assert colours_at_marks(shot)[:2] == [0, 1]


def test_one_side_is_covered_and_the_other_is_not() -> None:
    sides = set()
    for seed in range(8):
        shot = made.half_covered(make_shot(), chance(seed))
        left, right = (shot.pixels[90, x].tolist() == [90, 80, 70] for x in (80, 120))
        assert left != right
        sides.add(left)
    assert sides == {True, False}


def test_an_emoji_covers_one_part_of_the_face() -> None:
    places = set()
    for seed in range(60):
        shot = made.emoji_over_part(make_shot(), chance(seed))
        changed = np.argwhere((shot.pixels != make_shot().pixels).any(axis=2))
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
        assert right - left == pytest.approx(40, abs=3)
        assert bottom - top == pytest.approx(40, abs=3)
        places.add((int(top), int(left)))
    assert len(places) == 5


def test_a_watermark_is_seen_through_and_stays_near_the_face() -> None:
    shot = make_shot()
    marked = made.watermarked(shot, chance()).pixels.astype(int)
    brighter = marked - shot.pixels
    assert brighter.min() >= 0, "white words only lighten"
    changed = np.argwhere(brighter.any(axis=2))
    inside = (np.abs(changed - np.array([110, 100])) <= (100, 80)).all(axis=1)
    assert inside.all()
    assert 0.02 < len(changed) / (160 * 200) < 0.5
    assert marked[changed[:, 0], changed[:, 1]].min() < 250


def test_make_up_colours_lids_cheeks_and_lips_and_leaves_the_rest() -> None:
    shot = make_shot()
    painted = made.made_up(shot, chance()).pixels.astype(int)
    changed = np.abs(painted - shot.pixels).sum(axis=2)
    for x, y in ((80, 84), (120, 84), (73, 115), (127, 115), (100, 132)):
        assert changed[y, x] > 60, (x, y)
    assert changed[:60].max() == 0
    assert changed[170:].max() == 0


def test_light_goes_up_and_down_as_it_says() -> None:
    shot = make_shot()
    mean = float(shot.pixels.mean())
    assert made.dark(shot, chance(), light=0.15).pixels.mean() == pytest.approx(
        0.15 * mean, rel=0.05
    )
    bright = made.overexposed(shot, chance(), light=2.5).pixels
    assert (bright == 255).mean() > 0.5
    flat = made.low_contrast(shot, chance(), share=0.25).pixels
    assert float(flat.std()) == pytest.approx(0.25 * float(shot.pixels.std()), rel=0.05)
    grey = made.greyscale(shot, chance()).pixels
    assert np.array_equal(grey[:, :, 0], grey[:, :, 2])


def test_motion_blur_reaches_as_far_as_it_says_and_in_any_direction() -> None:
    pixels = np.zeros((101, 101, 3), np.uint8)
    pixels[50, 50] = 255
    shot = Shot(pixels, (40.0, 40.0, 20.0, 20.0), MARKS)
    angles = set()
    for seed in range(6):
        spread = np.argwhere(made.motion_blurred(shot, chance(seed), length_px=13).pixels[:, :, 0])
        reach = np.linalg.norm(spread.max(axis=0) - spread.min(axis=0))
        assert 11 <= reach <= 14
        assert len(spread) <= 26, "a line, not a disc"
        angles.add(tuple(spread[0]))
    assert len(angles) > 3


def test_stronger_blur_leaves_less() -> None:
    shot = make_shot()
    sharp = [
        float(cv2.Laplacian(picture.pixels, cv2.CV_64F).var())
        for picture in (
            shot,
            made.blurred(shot, chance(), sigma_px=3),
            made.blurred(shot, chance(), sigma_px=5),
        )
    ]
    assert sharp[0] > sharp[1] > sharp[2]


def test_a_lower_quality_of_jpeg_loses_more() -> None:
    shot = make_shot()
    errors = [
        float(
            np.abs(
                saved_as_jpeg(shot, chance(), quality=quality).pixels.astype(int) - shot.pixels
            ).mean()
        )
        for quality in (90, 30, 10)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_a_frame_of_a_video_shows_the_picture_at_240_lines_where_it_says() -> None:
    shot = frame_of_video(make_shot(), chance())
    assert shot.pixels.shape == (240, 426, 3)
    assert shot.box_px[2] == pytest.approx(80 * 240 / 200)
    # Colours are kept at a quarter of the resolution: the bright dots are still where they were.
    for place in (0, 1, 3):
        x, y = np.round(shot.marks_px[place]).astype(int)
        near = shot.pixels[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(axis=0)
        found = int(np.argmin([np.abs(near - colour).sum() for colour in COLOURS]))
        assert found == place
    assert shot.pixels[:, :40].max() < 30, "black beside it"


def test_changes_follow_each_other_in_order() -> None:
    change = made.in_order(
        lambda shot, rng: made.face_of(shot, rng, width_px=40),
        lambda shot, rng: made.turned(shot, rng, degrees=90),
    )
    shot = change(make_shot(), chance())
    assert shot.pixels.shape == (110, 100, 3)
    assert shot.box_px[2:] == pytest.approx((50, 40), rel=0.03)
