"""One contestant of the index benchmark, in a process of its own.

    python -m indexer.benchmarks.hash_index_contestant NAME FOLDER

Reads `codes.npy` and `questions.npy` in FOLDER, writes `NAME.npy` with (question, row, distance)
of all it found, and says its figures on standard output as one JSON object.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import faiss
import msgspec
import numpy as np
import numpy.typing as npt
import psutil

from indexer.benchmarks.hash_index import BATCHES, Contest, Timing
from indexer.hashing.index import MAX_DISTANCE, Codes
from indexer.hashing.store import HashStore

Found = npt.NDArray[np.int64]
"""(m, 3): question, row, distance."""

_MOST_S: Final = 12.0
_AT_LEAST: Final = 5
_APPENDED: Final = 1000


class Contestant(Protocol):
    """An index of rows 0 to n - 1."""

    def look_up(self, questions: Codes) -> Found:
        """All rows within `MAX_DISTANCE` of each question."""
        ...


class _Likeness:
    """Ours, as the service uses it: on disk, mapped. Ids are rows + 1."""

    def __init__(self, codes: Codes, folder: Path) -> None:
        self._store = HashStore(folder / "likeness-store")
        step = 1_000_000
        for at in range(0, len(codes), step):
            some = codes[at : at + step]
            self._store.append(some, np.arange(at + 1, at + 1 + len(some), dtype=np.int64))

    def look_up(self, questions: Codes) -> Found:
        hits = self._store.search(questions)
        return np.stack([hits.queries, hits.ids - 1, hits.distances], axis=1)

    def append_ms(self) -> float:
        """For a thousand more; afterwards the store is another one."""
        first = self._store.checkpoint + 1
        codes = np.random.default_rng(5).integers(0, 256, (_APPENDED, 32), dtype=np.uint8)
        began = time.perf_counter()
        self._store.append(codes, np.arange(first, first + _APPENDED, dtype=np.int64))
        self._store.search(codes[:1])
        return (time.perf_counter() - began) * 1e3


class _FaissFlat:
    def __init__(self, codes: Codes, _folder: Path) -> None:
        self._index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        self._index.add(np.ascontiguousarray(codes))

    def look_up(self, questions: Codes) -> Found:
        starts, distances, rows = self._index.range_search(questions, MAX_DISTANCE + 1)
        asked = np.repeat(np.arange(len(questions)), np.diff(starts.astype(np.int64)))
        return np.stack([asked, rows, distances.astype(np.int64)], axis=1)


class _ThreatExchange:
    """The index class of `threatexchange`'s PDQ signal type."""

    def __init__(self, codes: Codes, _folder: Path) -> None:
        from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415

        self._index = PdqSignal.get_index_cls()(
            (code.tobytes().hex(), row) for row, code in enumerate(codes)
        )

    def look_up(self, questions: Codes) -> Found:
        # It takes one question a call.
        found = [
            (number, match.metadata, match.similarity_info.distance)
            for number, question in enumerate(questions)
            for match in self._index.query(question.tobytes().hex())
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 3)


_MAKERS: Final[dict[str, Callable[[Codes, Path], Contestant]]] = {
    "likeness": _Likeness,
    "faiss_flat": _FaissFlat,
    "threatexchange": _ThreatExchange,
}


def main(arguments: Sequence[str]) -> int:
    """Run one contest; 2 for a wrong call."""
    if len(arguments) == 2 and arguments[0] == "reopen":
        return _reopen(Path(arguments[1]))
    if len(arguments) != 2 or arguments[0] not in _MAKERS:
        sys.stderr.write(f"usage: ({'|'.join(_MAKERS)}|reopen) FOLDER\n")
        return 2
    name, folder = arguments[0], Path(arguments[1])
    codes: Codes = np.load(folder / "codes.npy", mmap_mode="r")
    questions: Codes = np.load(folder / "questions.npy")
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    contestant = _MAKERS[name](codes, folder)
    build_s = time.perf_counter() - began
    found = contestant.look_up(questions)
    timings = tuple(_timed(contestant, questions, batch) for batch in BATCHES)
    # What was read while building lies in the page cache, and counts for nobody.
    del codes
    memory_mb = (process.memory_info().rss - before) / 2**20
    np.save(folder / f"{name}.npy", found)
    append_ms = reopen_ms = None
    if isinstance(contestant, _Likeness):
        reopen_ms = _reopen_ms(folder)
        append_ms = contestant.append_ms()
    kept = sum(path.stat().st_size for path in folder.glob(f"{name}-store/**/*") if path.is_file())
    contest = Contest(
        contestant=name,
        hashes=int(np.load(folder / "codes.npy", mmap_mode="r").shape[0]),
        build_s=build_s,
        memory_mb=memory_mb,
        disk_mb=kept / 2**20,
        timings=timings,
        hits=len(found),
        append_ms=append_ms,
        reopen_ms=reopen_ms,
    )
    sys.stdout.buffer.write(msgspec.json.encode(contest))
    return 0


def _timed(contestant: Contestant, questions: Codes, batch: int) -> Timing:
    """With one thread and with all of FAISS's: the faster. On a busy machine waking a thread can
    cost more than it does.
    """
    most = faiss.omp_get_max_threads()
    timings = []
    for threads in sorted({1, most}):
        faiss.omp_set_num_threads(threads)
        timings.append(_timed_once(contestant, questions, batch, threads))
    faiss.omp_set_num_threads(most)
    return min(timings, key=lambda timing: timing.median_ms)


def _timed_once(contestant: Contestant, questions: Codes, batch: int, threads: int) -> Timing:
    """Milliseconds a question; as many batches as the time allows, five at least."""
    taken: list[float] = []
    deadline = time.perf_counter() + _MOST_S
    for at in range(0, len(questions), batch):
        if len(taken) >= _AT_LEAST and time.perf_counter() > deadline:
            break
        some = questions[at : at + batch]
        began = time.perf_counter()
        contestant.look_up(some)
        taken.append((time.perf_counter() - began) / len(some) * 1e3)
    return Timing(batch, threads, float(np.median(taken)), float(np.percentile(taken, 95)))


def _reopen_ms(folder: Path) -> float:
    """A new process opens what was kept and answers one question."""
    answer = subprocess.run(
        [sys.executable, "-m", "indexer.benchmarks.hash_index_contestant", "reopen", str(folder)],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    return float(answer.stdout)


def _reopen(folder: Path) -> int:
    question: Codes = np.load(folder / "questions.npy")[:1]
    began = time.perf_counter()
    HashStore(folder / "likeness-store").search(question)
    sys.stdout.write(f"{(time.perf_counter() - began) * 1e3:.3f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
