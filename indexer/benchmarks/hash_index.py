"""Look-up time, memory and exactness of the index of hashes, beside its peers, at any size.

1. Hashes are drawn that look like real ones: the correlations between the bits of real pictures'
   hashes are kept (a normal distribution cut at zero; Emrich and Piedmonte 1991). Even bits, as
   most benchmarks use them, would flatter an index that sorts by some of the bits.
2. Questions: half of them hashes that are there, changed in 0 to 31 bits; half others.
3. Each contestant runs in a process of its own, over the same files: ours, FAISS's binary flat
   index, and the index of `threatexchange` that its PDQ signal type uses. Each says how long it
   took to build, how much memory it holds, how long a look-up takes alone, in eights (the
   orientations of one picture) and in 64s, and what it found.
4. What they found is compared, hit by hit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import psutil

from indexer.errors import IndexerError
from indexer.hashing.hashes import PDQ_BITS
from indexer.hashing.index import CODE_BYTES, MAX_DISTANCE, Codes

CONTESTANTS: Final = ("likeness", "faiss_flat", "threatexchange")
BATCHES: Final = (1, 8, 64)
_QUESTIONS: Final = 512
_ENOUGH_REAL: Final = 200
"""Fewer pictures than this say too little of how 256 bits go together."""
_BLOCK: Final = 1 << 16
_BYTES_NEEDED: Final = {"likeness": 400, "faiss_flat": 150, "threatexchange": 1400}
"""A hash, while the index is built, generously: threatexchange's took 1,053 MB for a million."""


class BenchmarkFailedError(IndexerError):
    """A contestant ended without a result."""

    code = "benchmark_failed"


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds a look-up, in batches of `batch`: half were faster, 19 of 20 were faster.

    `threads` is how many FAISS was given, where it looks: the faster of one and all.
    """

    batch: int
    threads: int
    median_ms: float
    p95_ms: float


class Contest(msgspec.Struct, frozen=True):
    """What one contestant said of itself at one size.

    `memory_mb` is what its process holds more than before, with the index built and all questions
    asked, shared pages of mapped files included; `disk_mb` what it keeps on disk. `missed` and
    `invented` are hits that the exact comparison has and it has not, and the other way round.
    `append_ms` is for a thousand more hashes, `reopen_ms` from a new process's first look to its
    first answer; None where a contestant keeps nothing.
    """

    contestant: str
    hashes: int
    build_s: float
    memory_mb: float
    disk_mb: float
    timings: tuple[Timing, ...]
    hits: int
    append_ms: float | None = None
    reopen_ms: float | None = None
    missed: int = 0
    invented: int = 0


class LeftOut(msgspec.Struct, frozen=True):
    """A contestant that could not run at a size, and why."""

    contestant: str
    hashes: int
    reason: str


class IndexBenchmark(msgspec.Struct, frozen=True):
    """All contests. `bits` says where the likeness of the hashes comes from."""

    bits: str
    questions: int
    contests: tuple[Contest, ...]
    left_out: tuple[LeftOut, ...]


def run_index_benchmark(
    sizes: Sequence[int],
    real: Codes,
    *,
    seed: int = 1,
    contestants: Sequence[str] = CONTESTANTS,
    said: Callable[[str], None] = lambda _line: None,
) -> IndexBenchmark:
    """Run every contestant at every size, each in its own process, one after the other.

    `real` are (n, 32) hashes of real pictures that the drawn ones shall resemble; `said` is told
    what is being done. Raises `BenchmarkFailedError` when a contestant breaks.
    """
    contests: list[Contest] = []
    left_out: list[LeftOut] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
            said(f"drawing {size:,} hashes")
            _draw(Path(folder), size, real, seed)
            results: dict[str, Contest] = {}
            for name in contestants:
                needed = size * _BYTES_NEEDED[name]
                free = psutil.virtual_memory().available
                if needed > free:
                    reason = f"needs about {needed >> 20} MB, {free >> 20} MB are free"
                    left_out.append(LeftOut(name, size, reason))
                    continue
                said(f"{name} with {size:,} hashes")
                results[name] = _run(Path(folder), name)
            contests += _compared(Path(folder), results)
    return IndexBenchmark(
        bits=(
            f"correlated as those of {len(real)} real pictures"
            if len(real) >= _ENOUGH_REAL
            else "even and independent: too few real pictures were given"
        ),
        questions=_QUESTIONS,
        contests=tuple(contests),
        left_out=tuple(left_out),
    )


def _draw(folder: Path, size: int, real: Codes, seed: int) -> None:
    """`codes.npy` and `questions.npy`."""
    rng = np.random.default_rng(seed)
    drawn = _drawer(real, rng)
    codes = np.lib.format.open_memmap(
        folder / "codes.npy", mode="w+", dtype=np.uint8, shape=(size, CODE_BYTES)
    )
    for at in range(0, size, _BLOCK):
        codes[at : at + _BLOCK] = drawn(min(_BLOCK, size - at))
    near = codes[rng.integers(0, size, _QUESTIONS // 2)]
    for row in near:
        changed = rng.choice(PDQ_BITS, rng.integers(0, MAX_DISTANCE + 1), replace=False)
        np.bitwise_xor.at(row, changed >> 3, (128 >> (changed & 7)).astype(np.uint8))
    questions = np.concatenate([near, drawn(_QUESTIONS - len(near))])
    codes.flush()
    np.save(folder / "questions.npy", questions[rng.permutation(len(questions))])


def _drawer(real: Codes, rng: np.random.Generator) -> Callable[[int], Codes]:
    if len(real) < _ENOUGH_REAL:
        return lambda count: rng.integers(0, 256, (count, CODE_BYTES), dtype=np.uint8)
    bits = np.unpackbits(real, axis=1).astype(np.float64)
    correlation = np.array(np.nan_to_num(np.corrcoef(bits, rowvar=False)))
    np.fill_diagonal(correlation, 1.0)
    # For bits that are set half of the time, Pearson's phi is (2 / pi) asin(rho).
    values, vectors = np.linalg.eigh(np.sin(np.pi / 2 * correlation))
    factor = (vectors * np.sqrt(np.clip(values, 0, None))).T.astype(np.float32)

    def drawn(count: int) -> Codes:
        normal = rng.standard_normal((count, PDQ_BITS), dtype=np.float32)
        return np.packbits(normal @ factor > 0, axis=1)

    return drawn


def _run(folder: Path, contestant: str) -> Contest:
    answer = subprocess.run(
        [sys.executable, "-m", "indexer.benchmarks.hash_index_contestant", contestant, str(folder)],
        stdout=subprocess.PIPE,
        check=False,
    )
    if answer.returncode != 0:
        raise BenchmarkFailedError(
            f"{contestant} ended with {answer.returncode}; what it said stands above"
        )
    return msgspec.json.decode(answer.stdout, type=Contest)


def _compared(folder: Path, results: dict[str, Contest]) -> list[Contest]:
    """Each contest with what it missed and invented beside the exact comparison."""
    found = {name: set(map(tuple, np.load(folder / f"{name}.npy").tolist())) for name in results}
    if "faiss_flat" not in found:
        return list(results.values())
    exact = found["faiss_flat"]
    return [
        msgspec.structs.replace(
            contest,
            missed=len(exact - found[name]),
            invented=len(found[name] - exact),
        )
        for name, contest in results.items()
    ]
