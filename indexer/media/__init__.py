"""Bytes to pictures: what a medium is, how much of it we look at, and the confined decoder."""

from __future__ import annotations

from indexer.media.decoder import Decoder
from indexer.media.decoder_pool import DecoderPool
from indexer.media.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    DecoderUnavailableError,
    EmptyMediumError,
    MediaError,
    NoPicturesInVideoError,
    NotAPhotoError,
    NotAPictureError,
    SandboxUnavailableError,
    TooLargeError,
    TooManyPixelsError,
    TooMuchMemoryError,
    TruncatedError,
    UnreadableError,
)
from indexer.media.limits import LimitsError, MediaLimits
from indexer.media.medium import Medium
from indexer.media.picture import Decoded, NextShown, Picture, Pixels, Sample, VideoLooked
from indexer.media.sniff import Sniffed, sniff
from indexer.media.watching import FrameWatcher
from indexer.sandbox import SandboxSetting, SandboxState

__all__ = [
    "Decoded",
    "Decoder",
    "DecoderCrashedError",
    "DecoderPool",
    "DecoderTimeoutError",
    "DecoderUnavailableError",
    "EmptyMediumError",
    "FrameWatcher",
    "LimitsError",
    "MediaError",
    "MediaLimits",
    "Medium",
    "NextShown",
    "NoPicturesInVideoError",
    "NotAPhotoError",
    "NotAPictureError",
    "Picture",
    "Pixels",
    "Sample",
    "SandboxSetting",
    "SandboxState",
    "SandboxUnavailableError",
    "Sniffed",
    "TooLargeError",
    "TooManyPixelsError",
    "TooMuchMemoryError",
    "TruncatedError",
    "UnreadableError",
    "VideoLooked",
    "sniff",
]
