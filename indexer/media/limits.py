"""How much of one medium we are willing to look at.

Every number bounds what a hostile file can cost: bytes read, memory held, seconds burned. They are
checked before pixels are decoded wherever a header tells enough (design section "hostile input").
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer.errors import IndexerError


class LimitsError(IndexerError):
    """The limits contradict each other or leave no room to decode anything."""

    code = "media_limits"


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits of one medium and of the process that decodes it.

    - `max_content_bytes`: larger than any ordinary still; longer files are refused unread.
    - `max_pixels`: 50 megapixels is more than a phone's or a press camera's usual picture; a
      379 KB PNG can announce 400.
    - `max_side_px`: JPEG's own limit; also keeps width times height far from any overflow.
    - `max_frames`: frames of an animation that are looked at, spread evenly.
    - `max_animation_pixels`: pixels that may be composed on the way to those frames (animations
      can only be walked, not jumped into); later frames are left out, `frames_total` shows it.
    - `decode_timeout_s`: wall clock for one medium, then the decoder is killed.
    - `address_space_bytes`: a bomb becomes a `MemoryError` instead of a swapping machine.
    - `cpu_lifetime_s`: processor time of one decoder process in all; a fresh one follows at half.
    - `open_files`: a decoder needs its pipes, its memory file and the codecs that it loads.
    """

    max_content_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side_px: int = 65_500
    max_frames: int = 8
    max_animation_pixels: int = 1_000_000_000
    decode_timeout_s: float = 20.0
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
    def output_bytes(self) -> int:
        """Size of the memory that decoded RGB pixels come back in."""
        return self.max_pixels * 3
