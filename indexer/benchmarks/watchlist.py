"""The watch-list beside FAISS flat: time, memory, and whether all that FAISS finds is found.

1. Each contestant is a process of its own and draws the same templates (`watchlist_data.py`).
2. Rounds, in turns: both are asked for all templates at or above the threshold, with the same
   probes, other ones in every round, in batches of each size. What they found is compared, hit by
   hit: FAISS's flat index of float32 is the exact answer.
3. Ours is also asked as the examiner asks it: probes in, judged matches out.
4. Ours alone: add and remove, a hundred changes, and a second gallery made beside the first.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeVar, cast

import msgspec

from indexer.benchmarks.hash_index import BenchmarkFailedError
from indexer.benchmarks.watchlist_data import Kind
from indexer.benchmarks.watchlist_messages import (
    Answer,
    Build,
    Built,
    Change,
    Changes,
    Question,
    Search,
    Searched,
)
from indexer.errors import WireError
from indexer.wire import Channel

OURS: Final = "likeness"
PEER: Final = "faiss_flat"
AS_EXAMINER: Final = "likeness, judged"
DEFAULT_BATCHES: Final = (1, 64, 256)
BORDER: Final = 5e-4
_FEWEST_ROUNDS: Final = 3
_MOST_ROUNDS: Final = 30
_VERSIONS_OF: Final = ("numpy", "onnxruntime", "faiss-cpu")
_TELLING: Final = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512f", "avx2")

CAVEATS: Final = (
    "Missed and invented are against FAISS's flat index of float32; templates are kept in float16.",
    "At the border is a pair within 0.0005 of the threshold: rounding may put it on either side.",
    "Drawn templates are like faces only in how far apart they are.",
    "Half or more of the probes match somebody; 'judged' compares these twice (look-alikes).",
    "Times are what the machine gave both in turns, whatever else it did meanwhile.",
)

AnswerKind = TypeVar("AnswerKind", bound=Answer)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run. `seconds` bounds the rounds of one batch size, roughly; three at least."""

    size: int
    dimension: int
    batches: tuple[int, ...] = DEFAULT_BATCHES
    kind: Kind = "clustered"
    threshold: float = 0.42
    threads: int = 2
    seed: int = 1
    seconds: float = 60.0
    with_peer: bool = True


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds a probe in batches of `batch`: half were faster, and the best round.

    `processor_ms` is what all threads worked together, half less: on a busy machine it tells more.
    """

    contestant: str
    batch: int
    rounds: int
    median_ms: float
    best_ms: float
    processor_ms: float


class Contest(msgspec.Struct, frozen=True):
    """One contestant: memory of its process in MB, at rest and at its highest."""

    contestant: str
    build_s: float
    memory_mb: float
    peak_mb: float
    first_pass: str


class Exactness(msgspec.Struct, frozen=True):
    """Hits (pairs of probe and template) of ours beside those of FAISS flat, over `probes` probes.

    `missed` and `invented` count all; `at_border` those of them within `BORDER` of the threshold.
    """

    probes: int
    exact_hits: int
    missed: int
    invented: int
    at_border: int

    @property
    def recall(self) -> float:
        """Share of the exact hits that were found; 1 when there were none."""
        return 1 - self.missed / self.exact_hits if self.exact_hits else 1.0


class WatchlistBenchmark(msgspec.Struct, frozen=True):
    """All figures."""

    size: int
    dimension: int
    kind: Kind
    threshold: float
    threads: int
    seed: int
    machine: str
    processor: str
    versions: dict[str, str]
    busy_with: float
    contests: tuple[Contest, ...]
    timings: tuple[Timing, ...]
    exactness: Exactness | None
    recall: float | None
    changes: Changes
    caveats: tuple[str, ...] = CAVEATS


def run_watchlist_benchmark(
    wanted: Wanted, said: Callable[[str, int, int], None] = lambda _words, _done, _total: None
) -> WatchlistBenchmark:
    """Run it. Raises `BenchmarkFailedError` when a contestant breaks."""
    busy_with = os.getloadavg()[0]
    with _Contestant(OURS, wanted) as ours, _Contestant(PEER, wanted) as peer:
        contests = []
        for each in (ours, peer) if wanted.with_peer else (ours,):
            said(f"{each.name} takes in {wanted.size:,} templates", 0, 0)
            contests.append(each.build())
        timings: list[Timing] = []
        compared = Exactness(0, 0, 0, 0, 0)
        for batch in wanted.batches:
            timed, exactness = _rounds(wanted, batch, ours, peer, said)
            timings += timed
            compared = _together(compared, exactness)
        said("adding and removing", 0, 0)
        changes = ours.ask(Change(), Changes)
    exact = compared if wanted.with_peer else None
    return WatchlistBenchmark(
        size=wanted.size,
        dimension=wanted.dimension,
        kind=wanted.kind,
        threshold=wanted.threshold,
        threads=wanted.threads,
        seed=wanted.seed,
        machine=f"{platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        processor=_processor(),
        versions={name: version(name) for name in _VERSIONS_OF},
        busy_with=busy_with,
        contests=tuple(contests),
        timings=tuple(timings),
        exactness=exact,
        recall=exact.recall if exact is not None else None,
        changes=changes,
    )


def _rounds(
    wanted: Wanted,
    batch: int,
    ours: _Contestant,
    peer: _Contestant,
    said: Callable[[str, int, int], None],
) -> tuple[list[Timing], Exactness]:
    """Rounds of one batch size, each contestant once in each, in changing order."""
    asked: list[tuple[str, _Contestant, bool]] = [(OURS, ours, False), (AS_EXAMINER, ours, True)]
    if wanted.with_peer:
        asked.append((PEER, peer, False))
    taken: dict[str, list[float]] = {name: [] for name, _, _ in asked}
    worked: dict[str, list[float]] = {name: [] for name, _, _ in asked}
    compared = Exactness(0, 0, 0, 0, 0)
    deadline = time.monotonic() + wanted.seconds
    number = 0
    while number < _FEWEST_ROUNDS or (number < _MOST_ROUNDS and time.monotonic() < deadline):
        said(f"batches of {batch}", number, 0)
        found: dict[str, dict[tuple[int, int], float]] = {}
        for name, contestant, whole in asked if number % 2 else reversed(asked):
            searched = contestant.ask(Search(batch * 1000 + number, batch, whole), Searched)
            taken[name].append(searched.seconds / batch * 1e3)
            worked[name].append(searched.processor_s / batch * 1e3)
            found[name] = {(hit.probe, hit.row): hit.similarity for hit in searched.hits}
        if wanted.with_peer:
            for name in (OURS, AS_EXAMINER):
                seen = _compared(batch, wanted.threshold, found[name], found[PEER])
                compared = _together(compared, seen)
        number += 1
    return [
        Timing(
            contestant=name,
            batch=batch,
            rounds=number,
            median_ms=statistics.median(times),
            best_ms=min(times),
            processor_ms=statistics.median(worked[name]),
        )
        for name, times in taken.items()
    ], compared


def _compared(
    batch: int,
    threshold: float,
    ours: dict[tuple[int, int], float],
    exact: dict[tuple[int, int], float],
) -> Exactness:
    missed, invented = exact.keys() - ours.keys(), ours.keys() - exact.keys()
    wrong = [exact[pair] for pair in missed] + [ours[pair] for pair in invented]
    at_border = sum(abs(similarity - threshold) < BORDER for similarity in wrong)
    return Exactness(batch, len(exact), len(missed), len(invented), at_border)


def _together(one: Exactness, other: Exactness) -> Exactness:
    return Exactness(
        one.probes + other.probes,
        one.exact_hits + other.exact_hits,
        one.missed + other.missed,
        one.invented + other.invented,
        one.at_border + other.at_border,
    )


class _Contestant:
    """A started contestant."""

    def __init__(self, name: str, wanted: Wanted) -> None:
        self.name = name
        self._wanted = wanted
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel[Question, Answer] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._channel is not None:
            self._channel.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def build(self) -> Contest:
        """Start it and let it take the templates in."""
        # A waiting contestant shall not spin beside the one whose turn it is.
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(self._wanted.threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "indexer.benchmarks.watchlist_contestant", self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchmarkFailedError("a contestant was started without pipes")
        self._channel = Channel(
            cast(BinaryIO, self._process.stdout), cast(BinaryIO, self._process.stdin), Answer
        )
        wanted = self._wanted
        built = self.ask(
            Build(
                wanted.kind,
                wanted.size,
                wanted.dimension,
                wanted.seed,
                wanted.threads,
                wanted.threshold,
            ),
            Built,
        )
        return Contest(self.name, built.build_s, built.memory_mb, built.peak_mb, built.first_pass)

    def ask(self, question: Question, kind: type[AnswerKind]) -> AnswerKind:
        """Ask, and wait for this kind of answer."""
        if self._channel is None:
            raise BenchmarkFailedError(f"{self.name} was not started")
        try:
            self._channel.send(question)
            answer = self._channel.receive()
        except WireError as error:
            raise BenchmarkFailedError(f"{self.name} ended; what it said stands above") from error
        if not isinstance(answer, kind):
            raise BenchmarkFailedError(f"{self.name} gave no answer; what it said stands above")
        return answer


def _processor() -> str:
    """Its name and the instructions that matter here."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    lines: dict[str, str] = {}
    for line in information.read_text().splitlines():
        name, _, value = line.partition(":")
        lines[name.strip()] = value.strip()
    flags = lines.get("flags", "").split()
    known = ", ".join(name for name in _TELLING if name in flags)
    return f"{lines.get('model name', platform.machine())} ({known})"
