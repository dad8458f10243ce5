"""A decoded medium: upright RGB pixels, and what they were taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.observations import DeclaredFact

Pixels = npt.NDArray[np.uint8]
DecodedKind = Literal["still", "animation", "video"]
NextShown = Literal["usual", "closer", "none"]
"""Which frames of a video are shown next: one a moment and after each cut, more, or none at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One frame, upright (EXIF orientation applied), on white where it was transparent.

    `pixels` is (height, width, 3) uint8 RGB, read-only. `full_width_px` and `full_height_px` are
    the size of the upright frame in the file; a decoder that scales down keeps them, so a place in
    the picture is always given in full-size pixels (see `scale`). `at_ms` is when an animation or a
    video shows it, from its beginning, where that is known.
    """

    pixels: Pixels
    frame_index: int = 0
    full_width_px: int = 0
    full_height_px: int = 0
    at_ms: int | None = None

    def __post_init__(self) -> None:
        """Freeze the pixels and fill in the full size where it was not given."""
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError("a picture is an (height, width, 3) uint8 array of RGB")
        self.pixels.flags.writeable = False
        if not self.full_width_px:
            object.__setattr__(self, "full_width_px", int(self.pixels.shape[1]))
        if not self.full_height_px:
            object.__setattr__(self, "full_height_px", int(self.pixels.shape[0]))

    @property
    def width_px(self) -> int:
        """Width of `pixels`."""
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        """Height of `pixels`."""
        return int(self.pixels.shape[0])

    @property
    def scale(self) -> float:
        """Pixels held for each full-size pixel: 1.0 unless it was decoded smaller."""
        return self.width_px / self.full_width_px


class VideoLooked(msgspec.Struct, frozen=True):
    """How much of a video was looked at: up to which moment of its pictures, in how many frames."""

    duration_ms: int
    looked_ms: int
    samples: int


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One small frame of a video, upright, as it is handed out while the video is decoded.

    `grey` is (height, width) uint8, shrunk as pictures are before they are hashed. `number` counts
    from 0; it begins anew when a video is tried again. `is_moment` marks one frame a second, at the
    moments that a person's browser looks at, too.
    """

    number: int
    at_ms: int
    is_moment: bool
    grey: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What one medium holds: its frames, and what the file says of itself.

    `frames_total` counts the frames in the file, `frames` are those that were decoded in full size,
    spread evenly. `declared_unread` says why the file's own statements could not be read, if so;
    `left_out` which part of the medium was not looked at, and why. `video` is set for videos.
    """

    kind: DecodedKind
    format_name: str
    width_px: int
    height_px: int
    frames: tuple[Picture, ...]
    frames_total: int
    declared: tuple[DeclaredFact, ...] = ()
    declared_unread: str | None = None
    video: VideoLooked | None = None
    left_out: str | None = None
