"""Why a face makes no good reference photo, in words for the person who chose it.

The limits were measured on spoiled photos of LFW: each is about where every fifth comparison with a
good photo fails, and refuses less than one good photo in a hundred (docs/face-quality.md). They are
for reference photos only. A poor reference does more harm than a poor probe: two poor faces of
strangers match up to two hundred times as often as good ones.
"""

from __future__ import annotations

from indexer.faces.errors import PhotoRefusedError
from indexer.faces.quality import FaceQuality

MIN_EYE_DISTANCE_PX = 16.0
"""Recognition loses little down to 12; the people who confirm a find have to see the face too."""
MIN_BRIGHTNESS = 25.0
MAX_BRIGHTNESS = 225.0
MIN_SHARPNESS = 25.0
"""In the light of an average photo: a dark face has small edges however sharp it is."""
AVERAGE_BRIGHTNESS = 130.0
MAX_YAW_DEGREES = 45.0
"""LFW shows nothing lost up to 60 degrees but has hardly any face beyond 45."""
MIN_FIGURE = 0.5
"""Every second comparison with a good photo of the same person would fail."""


def refuse_if_poor(quality: FaceQuality) -> None:
    """Raise `PhotoRefusedError` with the reason why this face makes no good reference.

    The plainest reason goes first: what somebody can do something about.
    """
    reason = _of_signs(quality) or _of_covering(quality)
    if reason is None and quality.figure < MIN_FIGURE:
        reason = _of_figure(quality)
    if reason is not None:
        code, words = reason
        raise PhotoRefusedError(code, words, quality)


def sharpness_in_average_light(quality: FaceQuality) -> float:
    """Variance of the Laplacian, had the face been as bright as an average one; never less."""
    lighter = AVERAGE_BRIGHTNESS / max(quality.brightness, 1.0)
    return quality.sharpness * max(1.0, lighter) ** 2


def _of_signs(quality: FaceQuality) -> tuple[str, str] | None:
    if quality.eye_distance_px < MIN_EYE_DISTANCE_PX:
        return (
            "too_small",
            (
                f"The face is too small: {quality.eye_distance_px:.0f} pixels between the eyes, "
                f"{MIN_EYE_DISTANCE_PX:.0f} are needed. Choose a photo in which it is larger."
            ),
        )
    if quality.brightness < MIN_BRIGHTNESS:
        return "too_dark", "The face is too dark. Choose a photo with more light on it."
    if quality.brightness > MAX_BRIGHTNESS:
        return "too_bright", "The face is overexposed. Choose a photo with softer light."
    if abs(quality.yaw_degrees) > MAX_YAW_DEGREES:
        return (
            "turned_away",
            "The face is turned far to the side. Choose a photo that looks into the camera.",
        )
    if sharpness_in_average_light(quality) < MIN_SHARPNESS:
        return "blurred", "The face is blurred. Choose a sharper photo."
    return None


def _of_covering(quality: FaceQuality) -> tuple[str, str] | None:
    if quality.covered is None:
        return None
    part = {
        "upper": "The eyes or the forehead seem to be covered",
        "lower": "Mouth and nose seem to be covered",
        "side": "One side of the face seems to be covered or in deep shadow",
    }[quality.covered]
    return "covered", f"{part}. Choose a photo that shows the whole face."


_DARKISH = 60.0
_BRIGHTISH = 195.0
_SOFTISH = 45.0
"""Beyond them one of a hundred good photos is: the likeliest reason why a figure is low."""


def _of_figure(quality: FaceQuality) -> tuple[str, str]:
    if quality.brightness < _DARKISH:
        return "too_dark", "The face is too dark to be made out. Choose a photo with more light."
    if quality.brightness > _BRIGHTISH:
        return "too_bright", "The face is too bright to be made out. Choose one in softer light."
    if sharpness_in_average_light(quality) < _SOFTISH:
        return "blurred", "The face is too blurred to be made out. Choose a sharper photo."
    return (
        "unclear",
        (
            "The face cannot be made out well enough. Choose a photo from the front, in daylight, "
            "with nothing before the face."
        ),
    )
