"""What an operator sets of chance, look-alikes and floods, for this room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """So many events on so many sites within this time stop by themselves."""

    within: timedelta
    events: int
    sites: int


@dataclass(frozen=True, slots=True)
class ChanceRules:
    """How long weaker look-alikes are only counted, and what a flood is."""

    look_alike_days: int
    flood: FloodLimits
