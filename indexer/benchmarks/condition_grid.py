"""Which conditions are measured: every one with its family, its name and how it is made.

Shapes and paint are put on the upright face first, light and blur come next, then size, then
turning, and saving last: the order in which they happen to pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from indexer.benchmarks import conditions as made
from indexer.benchmarks.condition_codecs import frame_of_video, saved_as_jpeg
from indexer.benchmarks.conditions import Change, in_order

TURNS_DEGREES: Final = (
    *(0, 10, 20, 30, 45, 60, 75, 90, 105, 120, 135, 150),
    *(165, 180, 210, 225, 240, 270, 300, 315, 330, 345),
)
LARGE_PICTURE_PX: Final = (1600, 1200)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the table."""

    family: str
    name: str
    change: Change


def all_conditions() -> tuple[Condition, ...]:
    """Family by family, turning first."""
    return (*_turned(), *_small(), *_covered(), *_light(), *_sharpness(), *_saved(), *_combined())


def chosen_conditions(parts: Sequence[str]) -> tuple[Condition, ...]:
    """Those whose family or name holds one of the parts; all without parts."""
    wanted = [part.lower() for part in parts]
    return tuple(
        each
        for each in all_conditions()
        if not wanted or any(part in f"{each.family} {each.name}".lower() for part in wanted)
    )


def _turned() -> list[Condition]:
    return [
        *(
            Condition("turned", f"{degrees} degrees", partial(made.turned, degrees=degrees))
            for degrees in TURNS_DEGREES
        ),
        Condition("turned", "mirrored", made.mirrored),
    ]


def _small() -> list[Condition]:
    def far_away(width_px: int) -> Change:
        return in_order(
            partial(made.face_of, width_px=width_px),
            partial(made.within_large_picture, size_px=LARGE_PICTURE_PX),
        )

    large = f"in {LARGE_PICTURE_PX[0]} x {LARGE_PICTURE_PX[1]}"
    return [
        *(
            Condition("small", f"{px} px wide", partial(made.face_of, width_px=px))
            for px in (64, 40, 24)
        ),
        *(Condition("small", f"{px} px wide, {large}", far_away(px)) for px in (40, 24)),
    ]


def _covered() -> list[Condition]:
    return [
        Condition("covered", "eyes, black bar", made.eyes_covered),
        Condition("covered", "lower face", made.lower_face_covered),
        Condition("covered", "one side", made.half_covered),
        Condition("covered", "emoji over part", made.emoji_over_part),
        Condition("covered", "watermark", made.watermarked),
        Condition("covered", "strong make-up", made.made_up),
    ]


def _light() -> list[Condition]:
    return [
        Condition("light", "dark, 15 %", partial(made.dark, light=0.15)),
        Condition("light", "dark, 6 %", partial(made.dark, light=0.06)),
        Condition("light", "overexposed, x2.5", partial(made.overexposed, light=2.5)),
        Condition("light", "low contrast, 25 %", partial(made.low_contrast, share=0.25)),
        Condition("light", "greyscale", made.greyscale),
    ]


def _sharpness() -> list[Condition]:
    return [
        Condition("blurred", "motion, 13 px", partial(made.motion_blurred, length_px=13)),
        Condition("blurred", "motion, 21 px", partial(made.motion_blurred, length_px=21)),
        Condition("blurred", "Gaussian, 3 px", partial(made.blurred, sigma_px=3.0)),
        Condition("blurred", "Gaussian, 5 px", partial(made.blurred, sigma_px=5.0)),
    ]


def _saved() -> list[Condition]:
    return [
        Condition("saved", "JPEG q30", partial(saved_as_jpeg, quality=30)),
        Condition("saved", "JPEG q10", partial(saved_as_jpeg, quality=10)),
        Condition("saved", "240p video", frame_of_video),
    ]


def _combined() -> list[Condition]:
    q30 = partial(saved_as_jpeg, quality=30)
    at_40 = partial(made.face_of, width_px=40)
    is_dark = partial(made.dark, light=0.15)
    moved = partial(made.motion_blurred, length_px=13)

    def turn(degrees: float) -> Change:
        return partial(made.turned, degrees=degrees)

    combined: dict[str, Change] = {
        "40 px, 30 degrees, q30": in_order(at_40, turn(30), q30),
        "40 px, 90 degrees, q30": in_order(at_40, turn(90), q30),
        "dark, 45 degrees": in_order(is_dark, turn(45)),
        "dark, 40 px": in_order(is_dark, at_40),
        "eyes covered, 90 degrees": in_order(made.eyes_covered, turn(90)),
        "lower face covered, 45 degrees": in_order(made.lower_face_covered, turn(45)),
        "make-up, 60 degrees": in_order(made.made_up, turn(60)),
        "motion 13 px, 180 degrees": in_order(moved, turn(180)),
        "240p video, 90 degrees": in_order(turn(90), frame_of_video),
        "mirrored, watermark, q30": in_order(made.mirrored, made.watermarked, q30),
        "greyscale, emoji, 135 degrees": in_order(made.greyscale, made.emoji_over_part, turn(135)),
    }
    return [Condition("combined", name, change) for name, change in combined.items()]
