"""Finds and what happened, gathered so that many do not overwhelm: for a person and for reviewers.

1. Finds that advocates have confirmed come first, the person's own turn before all.
2. Within a part, finds of one site stand together, in the order in which the sites first appear.
3. Equal lines of one day become one that says how many.
4. In the queue, finds of one event (one page, or one account) stand together at the first one's
   place. Each is still looked at and decided by itself (design rule 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from service.candidates.views import PersonFind, QueueItem
from service.enrolment.collaborators import StoryEvent


@dataclass(frozen=True, slots=True)
class SiteFinds:
    """The finds of one site within a part of the page."""

    host: str
    finds: tuple[PersonFind, ...]


@dataclass(frozen=True, slots=True)
class GroupedFinds:
    """The parts of the page: each find is in exactly one."""

    your_turn: tuple[SiteFinds, ...]
    """Advocates have confirmed them; the person's own word is missing."""
    confirmed: tuple[SiteFinds, ...]
    still_looked_at: tuple[SiteFinds, ...]
    """Advocates have not confirmed them yet."""


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """Lines of the queue that are one event; most have one line."""

    items: tuple[QueueItem, ...]


def grouped_queue(items: Iterable[QueueItem]) -> tuple[QueueEvent, ...]:
    """The lines in the order given, those of one event together."""
    events: dict[str, list[QueueItem]] = {}
    for item in items:
        events.setdefault(item.event or str(item.candidate_id), []).append(item)
    return tuple(QueueEvent(tuple(lines)) for lines in events.values())


def grouped_finds(finds: Sequence[PersonFind]) -> GroupedFinds:
    """Put each find into its part and to its site."""
    your_turn: list[PersonFind] = []
    confirmed: list[PersonFind] = []
    others: list[PersonFind] = []
    for find in finds:
        if find.state == "confirmed":
            confirmed.append(find)
        elif find.waits_for_me and not find.waits_for_advocates:
            your_turn.append(find)
        else:
            others.append(find)
    return GroupedFinds(_by_site(your_turn), _by_site(confirmed), _by_site(others))


def grouped_story(events: Iterable[StoryEvent]) -> tuple[StoryEvent, ...]:
    """The events, the latest first; equal ones of one day (UTC) as one, at the latest's time."""
    days: dict[tuple[date, str], list[StoryEvent]] = {}
    for event in sorted(events, key=lambda event: event.at, reverse=True):
        days.setdefault((event.at.astimezone(UTC).date(), event.words), []).append(event)
    return tuple(StoryEvent(same[0].at, _words(same)) for same in days.values())


def _words(same: Sequence[StoryEvent]) -> str:
    if len(same) == 1:
        return same[0].words
    if same[0].several:
        return same[0].several.replace("{count}", str(len(same)))
    return f"{same[0].words} ({len(same)} times)"


def _by_site(finds: Sequence[PersonFind]) -> tuple[SiteFinds, ...]:
    sites: dict[str, list[PersonFind]] = {}
    for find in finds:
        sites.setdefault(find.host, []).append(find)
    return tuple(SiteFinds(host, tuple(of_site)) for host, of_site in sites.items())
