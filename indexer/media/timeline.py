"""When each frame of a video is shown, whatever its file says, and which moments are looked at.

1. Every packet gets a moment on one clock that never leaps: where a file's own times jump back,
   jump far ahead or are missing, the clock goes on from where it was, so that no part of a video
   can hide behind another one's time.
2. Packets fall into groups that begin with a key frame and can be decoded by themselves.
3. Moments are spread evenly over the whole, one a second, and more between them: a copy that was
   cut shows its frames at other parts of a second. A group is decoded up to its last wanted frame,
   or, where the budget does not reach that far, its key frame alone stands for it.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_GAP_MS = 30_000
"""A picture that stands still for longer than this stands for this long on our clock."""
MAX_BACK_MS = 1_000
"""Frames are stored out of their order by less than this; more is a new beginning."""
MAX_RATE_PER_S = 300
"""Faster than any camera: such a file's times are not those of what it shows."""
USUAL_FRAME_MS = 40
STEP_MS = 1_000
MIN_MOMENTS = 5
"""One moment a second, and five of a shorter clip, as a person's browser takes them."""
FRAMES_A_MOMENT = 8
"""Frames looked at for each moment. A camera that moves fast shows another picture, by its hash,
after a tenth of a second (measured on ThreatExchange's sample clips)."""
MAX_GROUP_MS = 30_000
"""A key frame alone stands for a group up to this long; a longer one is decoded."""


class PacketTime(NamedTuple):
    """What a container says of one packet: milliseconds, where it says any."""

    shown_ms: float | None
    decoded_ms: float | None
    is_key: bool


class Wanted(NamedTuple):
    """What is shown at this time is looked at; `is_moment` for one of those a second apart."""

    at_ms: int
    is_moment: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Packets [first, end) by their number in the file, and what is wanted of them."""

    first: int
    end: int
    begins_ms: int
    ends_ms: int
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments of all packets of a video, in the order of the file; `shown_ms` in that of showing.

    `duration_ms` is how long the pictures that are there are shown.
    """

    moments_ms: tuple[int, ...]
    shown_ms: tuple[int, ...]
    key_packets: tuple[int, ...]
    duration_ms: int

    @classmethod
    def of(cls, packets: Iterable[PacketTime]) -> Timeline:
        """Put every packet on one clock."""
        listed = tuple(packets)
        moments = tuple(_moments(listed))
        duration_ms = _duration(moments)
        if len(moments) * 1000 > MAX_RATE_PER_S * max(duration_ms, 1000):
            moments = tuple(USUAL_FRAME_MS * place for place in range(len(moments)))
            duration_ms = USUAL_FRAME_MS * len(moments)
        keys = tuple(place for place, packet in enumerate(listed) if packet.is_key)
        if listed and (not keys or keys[0] != 0):
            keys = (0, *keys)
        return cls(moments, tuple(sorted(moments)), keys, duration_ms)

    def __len__(self) -> int:
        return len(self.moments_ms)

    def groups(self, max_moments: int) -> tuple[Group, ...]:
        """The groups, with what is wanted of them: a moment a second and frames between them; in a
        longer video than `max_moments` seconds they are further apart, in a short one closer.
        """
        if not self.moments_ms:
            return ()
        count = max(MIN_MOMENTS, math.ceil(self.duration_ms / STEP_MS))
        spread = count > max_moments or self.duration_ms < MIN_MOMENTS * STEP_MS
        count = min(count, max_moments)
        step_ms = self.duration_ms / count if spread else float(STEP_MS)
        step_ms /= FRAMES_A_MOMENT
        times = [round(place * step_ms) for place in range(count * FRAMES_A_MOMENT)]
        return self._groups_of(
            [Wanted(at, place % FRAMES_A_MOMENT == 0) for place, at in enumerate(times)]
        )

    def groups_of_frames(self, indexes: Sequence[int]) -> tuple[Group, ...]:
        """The groups, with what is wanted of them: just these frames, by their number in the order
        in which they are shown. Numbers that there are not are left out.
        """
        times = sorted({self.shown_ms[at] for at in indexes if 0 <= at < len(self)})
        return self._groups_of([Wanted(at_ms, is_moment=True) for at_ms in times])

    def index_at(self, at_ms: int) -> int:
        """The number of the frame that is shown from then on, in the order of showing."""
        return bisect.bisect_left(self.shown_ms, at_ms)

    def _groups_of(self, wanted: Sequence[Wanted]) -> tuple[Group, ...]:
        times = [each.at_ms for each in wanted]
        begins = [self.moments_ms[key] for key in self.key_packets]
        # A group's own clock may begin before its predecessor's ends: moments go to the last group
        # that has begun.
        for place in range(1, len(begins)):
            begins[place] = max(begins[place], begins[place - 1])
        ends = [*self.key_packets[1:], len(self.moments_ms)]
        groups = []
        for place, first in enumerate(self.key_packets):
            until = begins[place + 1] if place + 1 < len(begins) else self.duration_ms + 1
            low = 0 if place == 0 else bisect.bisect_left(times, begins[place])
            high = bisect.bisect_left(times, until)
            group = Group(first, ends[place], begins[place], until, tuple(wanted[low:high]))
            groups.append(group)
        return tuple(groups)


_AHEAD = 0.1


@dataclass(slots=True)
class Pace:
    """How much of a budget (of decoded pixels, of time) may be spent by a moment of the video.

    A tenth of it may be spent ahead of time; what is saved early is there later, and some is left
    for the end.
    """

    budget: float
    duration_ms: int
    spent: float = 0.0

    def reaches(self, cost: float, until_ms: int) -> bool:
        """Whether `cost` more may be spent by `until_ms`."""
        share = min(1.0, _AHEAD + (1 - _AHEAD) * until_ms / max(1, self.duration_ms))
        return self.spent + cost <= self.budget * share

    def spend(self, cost: float) -> None:
        """Take note of what was spent."""
        self.spent += cost


def _moments(packets: Iterable[PacketTime]) -> Iterator[int]:
    offset_ms = 0.0
    base_ms: float | None = None
    order_before_ms: float | None = None
    latest_ms = 0.0
    for packet in packets:
        shown = packet.shown_ms if packet.shown_ms is not None else packet.decoded_ms
        order = packet.decoded_ms if packet.decoded_ms is not None else shown
        if shown is None or order is None or not math.isfinite(shown) or not math.isfinite(order):
            latest_ms += USUAL_FRAME_MS
            base_ms = order_before_ms = None
            offset_ms = latest_ms
            yield round(latest_ms)
            continue
        leaps = order_before_ms is not None and not (
            -MAX_BACK_MS <= order - order_before_ms <= MAX_GAP_MS
        )
        if base_ms is None or order_before_ms is None:
            offset_ms = latest_ms + USUAL_FRAME_MS if latest_ms else 0.0
            base_ms = shown
        elif leaps:
            offset_ms = latest_ms + (MAX_GAP_MS if order > order_before_ms else USUAL_FRAME_MS)
            base_ms = shown
        order_before_ms = order
        # A shown time far from the decoding time is no better than a leap.
        moment = max(0.0, offset_ms + min(shown - base_ms, latest_ms - offset_ms + MAX_GAP_MS))
        latest_ms = max(latest_ms, moment)
        yield round(moment)


def _duration(moments: tuple[int, ...]) -> int:
    """The last frame is shown as long as frames are on average."""
    if not moments:
        return 0
    last = max(moments)
    return last + (round(last / (len(moments) - 1)) if len(moments) > 1 else USUAL_FRAME_MS)
