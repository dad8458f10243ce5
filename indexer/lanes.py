"""How many media are looked at side by side, so that memory is bounded whatever comes in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from indexer.media import MediaLimits

LANES_A_DECODER: Final = 2


@dataclass(frozen=True, slots=True)
class Room:
    """How many media are looked at side by side, and how many of them may be decoded at a time."""

    lanes: int
    decoders: int


def room_for(memory_bytes: int, limits: MediaLimits | None = None) -> Room:
    """What these cores and this memory allow, one of each at least.

    A decoder process may be at its limit; a lane may hold the largest picture that one gives, and
    two copies of it while it is turned and shrunk. First there is a decoder for each core, so that
    long videos hold up nobody, then lanes up to two for each decoder.
    """
    limits = limits if limits is not None else MediaLimits()
    of_decoder = limits.address_space_bytes + limits.output_bytes
    of_lane = 3 * limits.picture_bytes
    cores = len(os.sched_getaffinity(0))
    decoders = max(1, min(cores, memory_bytes // (of_decoder + of_lane)))
    lanes = (memory_bytes - decoders * of_decoder) // of_lane
    return Room(max(decoders, min(LANES_A_DECODER * decoders, lanes)), decoders)
