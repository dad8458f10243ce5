"""Walking through an animation: when each frame is shown, and frames that fit where there is room.

An animation can only be walked, not jumped into. Runs inside the decoder process.
"""

from __future__ import annotations

import math

from PIL import Image

_UNSAID_DURATION_MS = 100
"""How long browsers show a frame of an animation that says no time."""
_SAY_DURATIONS = frozenset({"GIF", "PNG"})
"""Formats whose frames say how long they are shown; others say when, or nothing."""


class AnimationWalk:
    """Goes from frame to frame of an opened animation and adds up their times."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self._passed_ms = 0

    def seek(self, index: int) -> None:
        """Go on to a frame."""
        for following in range(self._image.tell() + 1, index + 1):
            self._passed_ms += self._duration_ms()
            self._image.seek(following)

    @property
    def at_ms(self) -> int | None:
        """When the frame is shown that was loaded; None where its format says nothing of times."""
        said = self._image.info.get("timestamp")
        if isinstance(said, (int, float)) and math.isfinite(said):
            return max(0, round(said))
        return self._passed_ms if self._image.format in _SAY_DURATIONS else None

    def _duration_ms(self) -> int:
        said = self._image.info.get("duration", 0)
        is_said = isinstance(said, (int, float)) and math.isfinite(said) and said > 0
        return round(said) if is_said else _UNSAID_DURATION_MS


def fitting(frame: Image.Image, room_pixels: int) -> Image.Image:
    """The frame, smaller where it has more pixels than there is room for."""
    share = room_pixels / (frame.width * frame.height)
    if share >= 1:
        return frame
    side = math.sqrt(share)
    size = (max(1, int(frame.width * side)), max(1, int(frame.height * side)))
    return frame.resize(size, Image.Resampling.BOX)
