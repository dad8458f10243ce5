"""What is told of sweeps: counts, times and words; nothing of any person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

STATE_WORDS = {
    "waiting": "waits until the visit that goes on there has ended",
    "going_on": "going on",
    "paused": "rests, because the site is paused",
    "done": "finished",
    "blind": "could not look",
    "stopped": "stopped",
}


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """One site's known media, looked at again. `gone`: not there any more, or not to be had."""

    site_id: uuid.UUID
    site_name: str
    state: str
    addresses: int
    looked_at: int
    gone: int
    began_at: datetime | None = None
    finishes_at: datetime | None = None

    @property
    def words(self) -> str:
        """As it stands on a page."""
        return _words(self.looked_at, self.addresses, self.gone)

    @property
    def state_words(self) -> str:
        """The state for people."""
        return STATE_WORDS[self.state]


@dataclass(frozen=True, slots=True)
class PersonSweeps:
    """What is looked at again for one person, on all sites together."""

    sites: tuple[SweepProgress, ...]
    words: str
    blind_words: str = ""
    finishes_at: datetime | None = None

    @property
    def is_going_on(self) -> bool:
        """Whether there is more to come."""
        return any(each.state in ("waiting", "going_on", "paused") for each in self.sites)

    @property
    def is_done(self) -> bool:
        """Whether all of it was looked at."""
        return all(each.state == "done" for each in self.sites)


@dataclass(frozen=True, slots=True)
class SweepEstimate:
    """What a sweep would be now, before anybody joins. `seconds` is how long it takes at least."""

    addresses: int
    sites: int
    seconds: float

    @property
    def words(self) -> str:
        """One sentence for who is about to hand in."""
        if not self.addresses:
            return (
                "Nothing was seen on our sites before now; you are looked for from the next visit."
            )
        return (
            f"{_many(self.addresses, 'picture')} that {_was(self.addresses)} seen before now on "
            f"{_many(self.sites, 'site')} will be looked at again for you, the likeliest first. "
            f"That takes about {duration_words(self.seconds)} once an advocate has checked your "
            "case."
        )


def words_for_person(sites: tuple[SweepProgress, ...]) -> PersonSweeps:
    """All sites in one sentence."""
    looked_at = sum(each.looked_at for each in sites)
    addresses = sum(each.addresses for each in sites)
    words = _words(looked_at, addresses, sum(each.gone for each in sites)) if addresses else ""
    blind = sum(each.state == "blind" for each in sites)
    blind_words = (
        f"On {_many(blind, 'site')} we could not look: that says nothing about what is there. It "
        "is tried again after a day."
        if blind
        else ""
    )
    moments = [each.finishes_at for each in sites if each.finishes_at is not None]
    return PersonSweeps(sites, words, blind_words, max(moments, default=None))


def duration_words(seconds: float) -> str:
    """So that nobody takes it for exact: minutes, hours or days, rounded up."""
    for size, name in ((86400.0, "day"), (3600.0, "hour")):
        if seconds >= 1.5 * size:
            return _many(-int(-seconds // size), name)
    return _many(max(1, -int(-seconds // 60.0)), "minute")


def _words(looked_at: int, addresses: int, gone: int) -> str:
    text = f"Looked at {looked_at:,} of {_many(addresses, 'picture')} again"
    if gone:
        verb = "is" if gone == 1 else "are"
        text += f"; {gone:,} {verb} gone, or could not be fetched"
    return text + "."


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
