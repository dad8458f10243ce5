"""What a decoder process and its owner say to each other over `indexer.wire`.

1. The child is confined, loads its codecs and says `DecoderReady`.
2. `DecodeRequest` is answered by `DecodedFrames` (pixels lie in the shared memory) or by
   `DecodeRefused`.
3. Of a video come `SampledFrames` before that, a handful at a time; each is answered by `GoOn` when
   its pixels have been read, because the next ones take their place.
4. Where faces are looked for, `ShownFrame` comes in between, in colour, one at a time. It may be
   asked for in full size (`ShowInFull`, answered by `InFull`) until `GoOn` says how to go on.
5. After `DecodedFrames` follows `DeclaredFacts`, from the same bytes: a crash while a file's
   statements are read costs the statements, not the pixels.
"""

from __future__ import annotations

import msgspec

from indexer.media.picture import NextShown, VideoLooked
from indexer.observations import DeclaredFact


class ChildSettings(msgspec.Struct, frozen=True, tag=True):
    """First message to a child: its limits, and whether the sandbox already took the network."""

    max_pixels: int
    max_side_px: int
    max_frames: int
    max_animation_pixels: int
    max_video_moments: int
    max_video_pixels: int
    max_video_packets: int
    video_seconds: float
    max_animation_frames: int
    max_shown_frames: int
    faces_seconds: float


class DecodeRequest(msgspec.Struct, frozen=True, tag=True):
    """The bytes of one medium.

    Where `least_side_px` is given, a JPEG may come smaller, by halves, as long as its shorter side
    keeps so many pixels and its longer one a quarter more. With `show_frames` frames of a video are
    shown in colour. `frame_indexes` asks for these frames of an animation or a video alone, in full
    size.
    """

    content: bytes
    least_side_px: int | None = None
    show_frames: bool = False
    frame_indexes: tuple[int, ...] = ()


class FramePlace(msgspec.Struct, frozen=True):
    """Where one frame's RGB rows lie in the shared memory; its full size where it came smaller, its
    time where the file says one.
    """

    frame_index: int
    offset_bytes: int
    width_px: int
    height_px: int
    full_width_px: int = 0
    full_height_px: int = 0
    at_ms: int | None = None


class SamplePlace(msgspec.Struct, frozen=True):
    """Where one small grey frame of a video lies, its number among them and its time."""

    number: int
    at_ms: int
    is_moment: bool
    offset_bytes: int
    width_px: int
    height_px: int


class SampledFrames(msgspec.Struct, frozen=True, tag=True):
    """Small frames are in place."""

    samples: tuple[SamplePlace, ...]


class ShownFrame(msgspec.Struct, frozen=True, tag=True):
    """One frame in colour is in place, at a working size. `number` counts those shown, from 0."""

    number: int
    place: FramePlace


class ShowInFull(msgspec.Struct, frozen=True, tag=True):
    """The frame just shown is wanted in full size."""


class InFull(msgspec.Struct, frozen=True, tag=True):
    """It is in place; None where there is no room for it."""

    place: FramePlace | None


class GoOn(msgspec.Struct, frozen=True, tag=True):
    """They have been read. `next_shown`: which frames are to be shown in colour until the next
    moment.
    """

    next_shown: NextShown = "usual"


class DecoderReady(msgspec.Struct, frozen=True, tag=True):
    """Confined and loaded."""


class DecodedFrames(msgspec.Struct, frozen=True, tag=True):
    """Pixels are in place. Sizes are of the upright first frame; `left_out`: what is missing."""

    format_name: str
    animated: bool
    width_px: int
    height_px: int
    frames_total: int
    frames: tuple[FramePlace, ...]
    video: VideoLooked | None = None
    left_out: str | None = None


class DeclaredFacts(msgspec.Struct, frozen=True, tag=True):
    """What the file says of itself; `cpu_s` is the child's processor time so far."""

    facts: tuple[DeclaredFact, ...]
    cpu_s: float


class DecodeRefused(msgspec.Struct, frozen=True, tag=True):
    """Why there are no pixels. `code` is one of `indexer.media.errors`."""

    code: str
    message: str
    cpu_s: float


ToChild = ChildSettings | DecodeRequest | GoOn | ShowInFull
FromChild = (
    DecoderReady
    | SampledFrames
    | ShownFrame
    | InFull
    | DecodedFrames
    | DeclaredFacts
    | DecodeRefused
)
