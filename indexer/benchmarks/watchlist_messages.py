"""What the watch-list benchmark and its contestants, processes of their own, say to each other."""

from __future__ import annotations

import msgspec

from indexer.benchmarks.watchlist_data import Kind


class Build(msgspec.Struct, frozen=True, tag=True):
    """Draw these templates and make a gallery of them."""

    kind: Kind
    size: int
    dimension: int
    seed: int
    threads: int
    threshold: float


class Built(msgspec.Struct, frozen=True, tag=True):
    """It is there. `build_s` is without drawing; memory in MB, the peak since the start."""

    build_s: float
    memory_mb: float
    peak_mb: float
    first_pass: str


class Search(msgspec.Struct, frozen=True, tag=True):
    """Find all at or above the threshold. `whole` asks as the examiner does, where there is that:
    probes in, judged matches out.
    """

    round_number: int
    batch: int
    whole: bool = False


class FoundRow(msgspec.Struct, frozen=True, array_like=True):
    """Template `row` is at least as similar as asked to probe `probe`."""

    probe: int
    row: int
    similarity: float


class Searched(msgspec.Struct, frozen=True, tag=True):
    """What was found, in any order; `processor_s` is what all threads of the process worked."""

    seconds: float
    processor_s: float
    hits: tuple[FoundRow, ...]


class Change(msgspec.Struct, frozen=True, tag=True):
    """Add and remove, and make the gallery anew beside the one in use."""


class Changes(msgspec.Struct, frozen=True, tag=True):
    """Milliseconds of a change, half were faster; `wrong` counts changes that did not take effect.

    `growth_mb` is what 100 changes of 100 templates added and 100 removed left behind;
    `rebuilt_*` are of a second gallery made while the first one is in service.
    """

    add_1_ms: float
    remove_1_ms: float
    add_1000_ms: float
    remove_1000_ms: float
    slowest_ms: float
    wrong: int
    growth_mb: float
    rebuilt_s: float
    rebuilt_peak_mb: float
    after_mb: float


Question = Build | Search | Change
Answer = Built | Searched | Changes
