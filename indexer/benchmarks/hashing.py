"""Which edits each kind of hash sees through, what it mistakes, and what it costs.

1. Every picture of a folder is decoded, confined as crawled media are; what cannot be is counted.
2. Cost: on some of them, the time of decoding and of each kind of hash, one after the other.
3. Recall: some of them are edited in every way of the grid (`edits.py`), and looked up.
4. Mistakes: all are compared with all others (`hash_mistakes.py`).
5. Where sizes are given: the index of hashes beside its peers (`hash_index.py`).

Nothing is kept of the pictures but numbers and, for mistakes, their names.
"""

from __future__ import annotations

import io
import os
import platform
import statistics
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

import cv2
import msgspec
import numpy as np
from PIL import Image

from indexer.benchmarks.edits import Chance, Edit, grid
from indexer.benchmarks.hash_index import IndexBenchmark, run_index_benchmark
from indexer.benchmarks.hash_kinds import Groups, Kind, Shown, all_hashes, all_kinds
from indexer.benchmarks.hash_mistakes import Mistakes, SamePictures, mistakes
from indexer.errors import IndexerError
from indexer.hashing import pdq_codes, pdq_orientations
from indexer.hashing.index import Codes
from indexer.media import Decoder, MediaError, Medium
from indexer.media.picture import Pixels

Named = TypeVar("Named", Kind, Edit)
Given = TypeVar("Given", Shown, Medium)

ALL_HASHES: Final = "all that the examiner computes"
MAX_EDITED_SIDE_PX: Final = 1080
_MAX_TIMED: Final = 100
_MAX_SLOW_MISTAKES: Final = 100
_OTHERS: Final = 24
_FEWEST: Final = 2
_VERSIONS_OF: Final = (
    "opencv-python",
    "pillow",
    "numpy",
    "pdqhash",
    "ImageHash",
    "threatexchange",
    "faiss-cpu",
)
CAVEATS: Final = (
    "Recall counts copies within the kind's threshold of their own original.",
    "The edits are made by programs: what people do is worse in places and milder in others.",
    f"Pictures of more than {MAX_EDITED_SIDE_PX} pixels a side are shrunk before they are edited.",
    "Mistakes hold for pictures like those of this folder; one sort alone is harder.",
    "Ambiguous: a good piece of both pictures is the same by local features: it may be right.",
    "Times are of one thread; decoding is the confined decoder's, of the same pictures.",
)


class NothingChosenError(IndexerError):
    """There is nothing to measure: too few pictures, or no edit or kind of that name."""

    code = "nothing_chosen"


class Recall(msgspec.Struct, frozen=True):
    """How many copies of one edit one kind found: `within` counts them at each distance."""

    kind: str
    family: str
    strength: str
    copies: int
    found: int
    within: tuple[tuple[int, int], ...]


class Cost(msgspec.Struct, frozen=True):
    """Median milliseconds of one kind a picture, and of decoding the same pictures."""

    kind: str
    pictures: int
    median_ms: float
    median_decode_ms: float


class HashingBenchmark(msgspec.Struct, frozen=True):
    """One run, with all that it takes to read it and to repeat it."""

    pictures: int
    unreadable: int
    edited: int
    median_megapixels: float
    seed: int
    machine: str
    versions: dict[str, str]
    costs: tuple[Cost, ...]
    recalls: tuple[Recall, ...]
    mistakes: tuple[Mistakes, ...]
    index: IndexBenchmark | None = None
    caveats: tuple[str, ...] = CAVEATS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run. `limit` bounds the pictures that are edited, `compared` those compared with all
    others; `edits` and `kinds` are parts of names (all when empty).
    """

    folder: Path
    limit: int = 100
    compared: int = 10_000
    seed: int = 1
    edits: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    slow_limit: int | None = None
    index_sizes: tuple[int, ...] = ()


Said = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


def run_hashing_benchmark(
    wanted: Wanted, said: Said = lambda _words, _done, _total: None
) -> HashingBenchmark:
    """Run it. Raises `NothingChosenError`."""
    kinds, edits = _chosen(all_kinds(), wanted.kinds), _chosen(grid(), wanted.edits)
    # 1. Decode.
    with Decoder() as decoder:
        files, unreadable = _readable(wanted, decoder, said)
        order = np.random.default_rng(wanted.seed).permutation(len(files)).tolist()
        edited = [files[place] for place in order[: wanted.limit]]
        # 2. Cost.
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        costs, megapixels = _costs(edited[:_MAX_TIMED], kinds, decoder, said)
        cv2.setNumThreads(threads)
        # 3. Recall.
        recalls = _recalls(edited, edits, kinds, wanted, decoder, said)
        # 4. Mistakes.
        made, real = _mistakes(files, order, kinds, decoder, wanted, said)
    # 5. Index.
    index = None
    if wanted.index_sizes:
        index = run_index_benchmark(
            wanted.index_sizes, real, seed=wanted.seed, said=lambda words: said(words, 0, 0)
        )
    return HashingBenchmark(
        pictures=len(files),
        unreadable=unreadable,
        edited=len(edited),
        median_megapixels=megapixels,
        seed=wanted.seed,
        machine=f"{platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        versions={name: version(name) for name in _VERSIONS_OF},
        costs=costs,
        recalls=recalls,
        mistakes=made,
        index=index,
    )


def _chosen(all_of: Sequence[Named], names: Iterable[str]) -> list[Named]:
    parts = [name.lower() for name in names]
    chosen = [one for one in all_of if not parts or any(part in one.name.lower() for part in parts)]
    if not chosen:
        known = ", ".join(sorted({one.name for one in all_of}))
        raise NothingChosenError(f"nothing is called {' or '.join(parts)}; there are: {known}")
    return chosen


def _readable(wanted: Wanted, decoder: Decoder, said: Said) -> tuple[list[Path], int]:
    """All files that are pictures, and how many are none; videos are left out of both."""
    files = sorted(path for path in wanted.folder.rglob("*") if path.is_file())
    if len(files) > wanted.compared:
        order = np.random.default_rng(wanted.seed).permutation(len(files))[: wanted.compared]
        files = [files[int(place)] for place in sorted(order)]
    readable, unreadable = [], 0
    for done, path in enumerate(files):
        said("reading", done, len(files))
        try:
            decoded = decoder.decode(Medium(path.read_bytes()))
        except (MediaError, OSError):
            unreadable += 1
            continue
        if decoded.kind != "video":
            readable.append(path)
    if len(readable) < _FEWEST:
        raise NothingChosenError(
            f"{wanted.folder} holds {len(readable)} pictures that can be read; at least {_FEWEST} "
            "are needed"
        )
    return readable, unreadable


def _show(path: Path, decoder: Decoder) -> Shown:
    content = path.read_bytes()
    return Shown(content, decoder.decode(Medium(content)).frames[0].pixels)


def _costs(
    files: Sequence[Path], kinds: Sequence[Kind], decoder: Decoder, said: Said
) -> tuple[tuple[Cost, ...], float]:
    """Every kind beside decoding, on the same pictures; and how large they are."""
    times: dict[str, list[float]] = {name: [] for name in (*(k.name for k in kinds), ALL_HASHES)}
    decoding: list[float] = []
    megapixels: list[float] = []
    for done, path in enumerate(files):
        said("timing", done, len(files))
        medium = Medium(path.read_bytes())
        shown = Shown(medium.content, decoder.decode(medium).frames[0].pixels)
        decoding.append(_milliseconds(decoder.decode, medium))
        megapixels.append(shown.pixels.shape[0] * shown.pixels.shape[1] / 1e6)
        all_hashes(shown)  # whoever comes first would pay for memory that all the others use
        times[ALL_HASHES].append(_milliseconds(all_hashes, shown))
        for kind in kinds:
            if kind.at_most is None or done < kind.at_most:
                times[kind.name].append(_milliseconds(kind.timed, shown))
    costs = tuple(
        Cost(
            kind=name,
            pictures=len(taken),
            median_ms=round(statistics.median(taken), 3),
            median_decode_ms=round(statistics.median(decoding[: len(taken)]), 3),
        )
        for name, taken in times.items()
    )
    return costs, round(statistics.median(megapixels), 3)


def _milliseconds(work: Callable[[Given], object], given: Given) -> float:
    started = time.perf_counter()
    work(given)
    return (time.perf_counter() - started) * 1000


def _recalls(
    files: Sequence[Path],
    edits: Sequence[Edit],
    kinds: Sequence[Kind],
    wanted: Wanted,
    decoder: Decoder,
    said: Said,
) -> tuple[Recall, ...]:
    """Every edit of every picture, looked up among the hashes of its original."""
    distances: dict[tuple[str, str], list[int]] = {
        (kind.name, edit.name): [] for kind in kinds for edit in edits
    }
    others = [Image.fromarray(_bounded(_show(path, decoder).pixels)) for path in files[-_OTHERS:]]
    for done, path in enumerate(files):
        said("editing", done, len(files))
        shown = _show(path, decoder)
        used = [kind for kind in kinds if done < _limit_of(kind, wanted)]
        known = {kind.name: kind.known(shown) for kind in used}
        pixels = _bounded(shown.pixels)
        for edit in edits:
            seed = [wanted.seed, zlib.crc32(path.name.encode()), zlib.crc32(edit.name.encode())]
            copy = _opened(edit.apply(pixels, Chance(np.random.default_rng(seed), others)))
            for kind in used:
                apart = kind.distance(known[kind.name], kind.seen(copy))
                distances[kind.name, edit.name].append(apart)
    return tuple(
        _recall(kind, edit, distances[kind.name, edit.name]) for kind in kinds for edit in edits
    )


def _limit_of(kind: Kind, wanted: Wanted) -> int:
    if kind.at_most is None:
        return wanted.limit
    return kind.at_most if wanted.slow_limit is None else wanted.slow_limit


def _recall(kind: Kind, edit: Edit, distances: Sequence[int]) -> Recall:
    return Recall(
        kind=kind.name,
        family=edit.family,
        strength=edit.strength,
        copies=len(distances),
        found=sum(apart <= kind.threshold for apart in distances),
        within=tuple((at, sum(apart <= at for apart in distances)) for at in kind.curve),
    )


def _bounded(pixels: Pixels) -> Pixels:
    """At most as large as pictures are when they are shared."""
    height, width = pixels.shape[:2]
    by = MAX_EDITED_SIDE_PX / max(height, width)
    if by >= 1:
        return pixels
    size = (max(1, round(width * by)), max(1, round(height * by)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _opened(content: bytes) -> Shown:
    """A file that this benchmark itself has written."""
    with Image.open(io.BytesIO(content)) as image:
        return Shown(content, np.array(image.convert("RGB")))


def _mistakes(
    files: Sequence[Path],
    order: Sequence[int],
    kinds: Sequence[Kind],
    decoder: Decoder,
    wanted: Wanted,
    said: Said,
) -> tuple[tuple[Mistakes, ...], Codes]:
    """All with all, kind by kind; and the upright PDQ of all pictures, for the index."""
    known: dict[str, list[Groups]] = {kind.name: [] for kind in kinds}
    seen: dict[str, list[Groups]] = {kind.name: [] for kind in kinds}
    shuffled = [files[place] for place in order]
    upright = []
    for done, path in enumerate(shuffled):
        said("hashing", done, len(shuffled))
        shown = _show(path, decoder)
        upright.append(pdq_orientations(shown.shrunk).upright)
        for kind in kinds:
            if kind.at_most is None or done < _MAX_SLOW_MISTAKES:
                kept = kind.known(shown)
                known[kind.name].append(kept)
                seen[kind.name].append(kept if kind.seen is kind.known else kind.seen(shown))
    likeness = SamePictures(lambda place: _show(shuffled[place], decoder))
    names = [str(path.relative_to(wanted.folder)) for path in shuffled]
    made = []
    for done, kind in enumerate(kinds):
        said(f"comparing by {kind.name}", done, len(kinds))
        count = len(known[kind.name])
        made.append(
            mistakes(
                kind,
                names[:count],
                known[kind.name],
                seen[kind.name],
                likeness,
            )
        )
    return tuple(made), pdq_codes(upright)
