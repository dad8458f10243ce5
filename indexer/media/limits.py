"""How much of one medium we are willing to look at.

Every number bounds what a hostile file can cost: bytes read, memory held, seconds burned. They are
checked before pixels are decoded wherever a header tells enough (design section "hostile input").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from indexer.errors import IndexerError

SAMPLE_SIDE_PX: Final = 512
"""Frames of a video are shrunk to this before they are hashed, as `indexer.hashing` does it."""
SAMPLE_BYTES: Final = SAMPLE_SIDE_PX * SAMPLE_SIDE_PX
SAMPLES_AT_ONCE: Final = 32
SHOWN_SIDE_PX: Final = 1280
"""Frames in which faces are looked for are shrunk to this: a frame of 720p comes as it is."""
SHOWN_BYTES: Final = SHOWN_SIDE_PX * SHOWN_SIDE_PX * 3
IN_FULL_SIDE_PX: Final = 1920
"""One that is wanted larger, to this: a face that is small there is of no use to a recogniser."""
IN_FULL_BYTES: Final = IN_FULL_SIDE_PX * IN_FULL_SIDE_PX * 3


class LimitsError(IndexerError):
    """The limits contradict each other or leave no room to decode anything."""

    code = "media_limits"


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits of one medium and of the process that decodes it.

    - `max_content_bytes`: larger than any ordinary still, and five minutes of 720p video as sites
      serve it; longer files are refused unread. Bytes are held up to seven times on their way
      (worker, examiner and decoder, each with a message under way), so this is half a gigabyte.
    - `max_pixels`: 50 megapixels is more than a phone's or a press camera's usual picture; a
      379 KB PNG can announce 400.
    - `max_side_px`: JPEG's own limit; also keeps width times height far from any overflow.
    - `max_frames`: frames of a video that are given in full size, spread evenly; and of any medium
      those that are asked for one by one.
    - `max_animation_frames`: frames of an animation that are looked at, spread evenly; smaller ones
      where so many do not fit into `max_pixels`.
    - `max_animation_pixels`: pixels that may be composed on the way to those frames (animations
      can only be walked, not jumped into); later frames are left out, `frames_total` shows it.
    - `max_video_moments`: moments of a video that are looked at: one a second (and the frames
      between them, see `timeline`) for ten minutes, further apart in a longer one.
    - `max_video_pixels`: pixels of a video that may be decoded on the way to them, about as many as
      a core decodes in half a minute (six minutes of 720p); beyond, key frames stand for the rest.
    - `max_video_packets`: two and a half hours at 30 frames a second; the rest is left out.
    - `max_shown_frames`: frames of a video in which faces are looked for: one for each of those
      moments, and as many again after cuts and closer together where faces are seen.
    - `faces_seconds`: how long faces are looked for in one video or animation, spread over its
      length; one frame a second of ten minutes takes about fifteen.
    - `video_seconds`: how long a decoder works on a video before it gives what it has.
    - `decode_timeout_s`: wall clock for one picture, then the decoder is killed;
      `video_timeout_s`: the same for a video, hashing of its frames and looking for faces included.
    - `address_space_bytes`: a bomb becomes a `MemoryError` instead of a swapping machine.
    - `cpu_lifetime_s`: processor time of one decoder process in all; a fresh one follows at half.
    - `open_files`: a decoder needs its pipes, its memory file and the codecs that it loads.
    """

    max_content_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side_px: int = 65_500
    max_frames: int = 8
    max_animation_frames: int = 32
    max_animation_pixels: int = 1_000_000_000
    max_video_moments: int = 600
    max_video_pixels: int = 12_000_000_000
    max_video_packets: int = 270_000
    max_shown_frames: int = 1200
    faces_seconds: float = 30.0
    video_seconds: float = 40.0
    decode_timeout_s: float = 20.0
    video_timeout_s: float = 100.0
    start_timeout_s: float = 30.0
    address_space_bytes: int = 1024 * 1024 * 1024
    cpu_lifetime_s: int = 1800
    open_files: int = 64

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can be decoded."""
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise LimitsError(f"{name} must be greater than zero")
        # Pillow holds 4 bytes a pixel and may need a second copy while converting or turning.
        needed = self.max_pixels * (3 + 4 + 4) + self.max_content_bytes
        if needed > self.address_space_bytes:
            raise LimitsError(
                f"{self.max_pixels} pixels need about {needed} bytes to decode, more than "
                f"address_space_bytes ({self.address_space_bytes}): raise it or lower max_pixels"
            )

    @property
    def picture_bytes(self) -> int:
        """Size of the memory that decoded RGB pixels come back in."""
        return self.max_pixels * 3

    @property
    def output_bytes(self) -> int:
        """The same, and behind it room for frames of a video: a handful of small grey ones, one in
        colour, and the same one larger.
        """
        return self.picture_bytes + SAMPLES_AT_ONCE * SAMPLE_BYTES + SHOWN_BYTES + IN_FULL_BYTES
