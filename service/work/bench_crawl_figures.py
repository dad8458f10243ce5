"""The figures of `likeness bench crawl`, as they are written and shown."""

from __future__ import annotations

from typing import Final

import msgspec

CAVEATS: Final = (
    "Site, database and peer take from the same cores: ratios of one run hold, figures do not.",
    "The peer keeps nothing, asks no robots.txt, keeps its connections and checks no address.",
    "Rows are those of the rooms; the engine's own tables (a few rows a slice) are not counted.",
    "With SQLite the database works inside the worker: its time is the worker's.",
)


class CpuSeconds(msgspec.Struct, frozen=True):
    """Seconds of processor time by part; `database` None where its processes cannot be seen."""

    worker: float = 0.0
    crawl_child: float = 0.0
    examiner: float = 0.0
    database: float | None = None


class WorkerFigures(msgspec.Struct, frozen=True):
    """What one worker counted. `looking_s` is from its first look to the end of its last one;
    `kept_busy_s` how much of it the examiner had as many media in its hands as it works on at once.
    """

    transactions: int = 0
    rows_written: int = 0
    looks: int = 0
    looking_s: float = 0.0
    kept_busy_s: float = 0.0


class CrawlFigures(msgspec.Struct, frozen=True):
    """One crawl of the whole site.

    `times_the_peer` is its time over the bare spider's, known once all have been timed.
    """

    database: str
    workers: int
    examining: bool
    seconds: float
    pages: int
    media: int
    pages_a_second: float
    media_a_second: float
    cpu_s: CpuSeconds
    transactions: int
    rows_written: int
    examiner_kept_busy: float | None
    states: dict[str, int]
    times_the_peer: float = 0.0


class PeerFigures(msgspec.Struct, frozen=True):
    """The bare spider: the median of its rounds."""

    seconds: float
    pages: int
    media: int
    pages_a_second: float
    media_a_second: float
    cpu_s: float
    all_seconds: tuple[float, ...]


class CrawlBenchmark(msgspec.Struct, frozen=True):
    """All figures. `mean_kilobytes` is that of a medium."""

    pages: int
    media: int
    hosts: int
    side_px: int
    mean_kilobytes: float
    with_faces: bool
    machine: str
    versions: dict[str, str]
    busy_with: float
    peer: PeerFigures
    crawls: tuple[CrawlFigures, ...]
    left_out: tuple[str, ...]
    caveats: tuple[str, ...] = CAVEATS
