"""One contestant of the watch-list benchmark, in a process of its own.

    python -m indexer.benchmarks.watchlist_contestant (likeness|faiss_flat)

Speaks `watchlist_messages` on standard input and output, until the other side closes the pipe.
"""

from __future__ import annotations

import contextlib
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import faiss
import numpy as np
import psutil

from indexer.benchmarks.watchlist_data import DrawnGallery, Floats
from indexer.benchmarks.watchlist_messages import (
    Answer,
    Build,
    Built,
    Change,
    Changes,
    FoundRow,
    Question,
    Search,
    Searched,
)
from indexer.faces import ProbeFace, ProbeFaces
from indexer.faces.calibration import Calibration
from indexer.observations import Box, ModelStamp
from indexer.watchlist import Gallery, GalleryBuilder, NewRows, Watchlist
from indexer.wire import Channel

_STAMP: Final = ModelStamp(pack="drawn", digest="0" * 64, preprocessing=1)
_MB: Final = 2**20
_SINGLE_CHANGES: Final = 20
_MANY: Final = 1000
_ROUNDS: Final = 100
_A_ROUND: Final = 100
_UNTIL_THREADS_SLEEP_S: Final = 0.25


class Contestant(Protocol):
    """A gallery of rows 0 to n - 1."""

    def build(self, drawn: DrawnGallery) -> float:
        """Take all in; returns the seconds of it, without drawing."""
        ...

    def search(self, probes: Floats, threshold: float) -> Searched:
        """All at or above the threshold."""
        ...


class FaissFlat:
    """FAISS's flat index of inner products in float32: exact."""

    def __init__(self, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        self._index: faiss.IndexFlatIP | None = None

    def build(self, drawn: DrawnGallery) -> float:
        """See `Contestant`."""
        index = faiss.IndexFlatIP(drawn.dimension)
        self._index = index
        seconds = 0.0
        for _, vectors in drawn.blocks():
            began = time.perf_counter()
            index.add(vectors)
            seconds += time.perf_counter() - began
        return seconds

    def search(self, probes: Floats, threshold: float) -> Searched:
        """See `Contestant`."""
        if self._index is None:
            raise RuntimeError("nothing was built")
        radius = float(np.nextafter(np.float32(threshold), np.float32(-1)))
        clocks = _Clocks()
        starts, similarities, rows = self._index.range_search(probes, radius)
        taken = clocks.taken()
        asked = np.repeat(np.arange(len(probes)), np.diff(starts.astype(np.int64)))
        found = zip(asked.tolist(), rows.tolist(), similarities.tolist(), strict=True)
        return Searched(*taken, tuple(FoundRow(*each) for each in found))


class Likeness:
    """Ours. Each template is a person of its own, called by the number of its row."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._gallery: Gallery | None = None

    @property
    def gallery(self) -> Gallery:
        """What was built."""
        if self._gallery is None:
            raise RuntimeError("nothing was built")
        return self._gallery

    def build(self, drawn: DrawnGallery) -> float:
        """See `Contestant`."""
        self._gallery, seconds = self.built(drawn)
        return seconds

    def built(self, drawn: DrawnGallery) -> tuple[Gallery, float]:
        """A gallery, and the seconds it took."""
        builder = GalleryBuilder(drawn.dimension, threads=self._threads)
        seconds = 0.0
        for first, vectors in drawn.blocks():
            names = [str(row) for row in range(first, first + len(vectors))]
            began = time.perf_counter()
            builder.add(NewRows(names, names, vectors))
            seconds += time.perf_counter() - began
        began = time.perf_counter()
        gallery = builder.done()
        return gallery, seconds + time.perf_counter() - began

    def search(self, probes: Floats, threshold: float) -> Searched:
        """See `Contestant`."""
        clocks = _Clocks()
        hits = self.gallery.search(probes, threshold)
        taken = clocks.taken()
        rows = (FoundRow(hit.face, int(hit.person_ref), hit.similarity) for hit in hits)
        return Searched(*taken, tuple(rows))

    def search_whole(self, probes: Floats, threshold: float) -> Searched:
        """As the examiner asks: a picture a probe; matches are judged, and look-alikes looked for,
        and every probe is overwritten.
        """
        watchlist = Watchlist(self.gallery, _STAMP, _calibration(threshold), 1)
        crop = np.zeros((112, 112, 3), np.uint8)
        pictures = [
            ProbeFaces((ProbeFace(vector, crop, Box(0, 0, 1, 1)),), _STAMP) for vector in probes
        ]
        clocks = _Clocks()
        found = watchlist.search_many(pictures)
        taken = clocks.taken()
        rows = (
            FoundRow(place, int(match.person_ref), match.similarity)
            for place, matches in enumerate(found)
            for match in matches
        )
        return Searched(*taken, tuple(rows))

    def changes(self, drawn: DrawnGallery) -> Changes:
        """See `Changes`; afterwards the gallery is as it was."""
        rng = np.random.default_rng([drawn.seed, 3])
        wrong, slowest = 0, 0.0

        def new(count: int, name: str) -> NewRows:
            vectors = rng.standard_normal((count, drawn.dimension), dtype=np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            names = [f"{name} {number}" for number in range(count)]
            return NewRows(names, names, vectors)

        def change(rows: NewRows, *, adding: bool) -> float:
            nonlocal wrong, slowest
            began = time.perf_counter()
            if adding:
                self._gallery = self.gallery.changed(rows, ())
            else:
                self._gallery = self.gallery.changed(None, rows.templates)
            milliseconds = (time.perf_counter() - began) * 1e3
            slowest = max(slowest, milliseconds)
            found = {hit.person_ref for hit in self.gallery.search(rows.vectors[:1], 0.99)}
            wrong += (rows.people[0] in found) != adding
            return milliseconds

        add_1, remove_1 = [], []
        for number in range(_SINGLE_CHANGES):
            rows = new(1, f"single {number}")
            add_1.append(change(rows, adding=True))
            remove_1.append(change(rows, adding=False))
        many = new(_MANY, "many")
        add_1000 = change(many, adding=True)
        remove_1000 = change(many, adding=False)
        before = _memory_mb()
        for number in range(_ROUNDS):
            rows = new(_A_ROUND, f"round {number}")
            change(rows, adding=True)
            change(rows, adding=False)
        growth = _memory_mb() - before
        _forget_peak()
        other, rebuilt_s = self.built(drawn)
        peak = _peak_mb()
        if len(other) != len(self.gallery):
            wrong += 1
        self._gallery = other
        return Changes(
            add_1_ms=statistics.median(add_1),
            remove_1_ms=statistics.median(remove_1),
            add_1000_ms=add_1000,
            remove_1000_ms=remove_1000,
            slowest_ms=slowest,
            wrong=wrong,
            growth_mb=growth,
            rebuilt_s=rebuilt_s,
            rebuilt_peak_mb=peak,
            after_mb=_memory_mb(),
        )


def main(arguments: Sequence[str]) -> int:
    """Answer until nothing is asked any more; 2 for a wrong call."""
    if len(arguments) != 1 or arguments[0] not in ("likeness", "faiss_flat"):
        sys.stderr.write("usage: (likeness|faiss_flat)\n")
        return 2
    channel: Channel[Answer, Question] = Channel(sys.stdin.buffer, sys.stdout.buffer, Question)
    asked: Build | None = None
    contestant: Likeness | FaissFlat | None = None
    while (question := channel.receive()) is not None:
        if isinstance(question, Build):
            asked = question
            contestant = (Likeness if arguments[0] == "likeness" else FaissFlat)(asked.threads)
            seconds = contestant.build(_drawn(asked))
            pass_used = contestant.gallery.first_pass if isinstance(contestant, Likeness) else ""
            answer: Answer = Built(seconds, _memory_mb(), _peak_mb(), pass_used)
        elif asked is None or contestant is None:
            sys.stderr.write("the first question must be Build\n")
            return 2
        elif isinstance(question, Search):
            answer = _searched(contestant, asked, question)
        elif isinstance(contestant, Likeness):
            answer = contestant.changes(_drawn(asked))
        else:
            sys.stderr.write(f"{arguments[0]} cannot do {Change.__name__}\n")
            return 2
        channel.send(answer)
    return 0


def _searched(contestant: Likeness | FaissFlat, asked: Build, question: Search) -> Searched:
    probes = _drawn(asked).probes(question.batch, question.round_number)
    # NumPy's threads that drew them spin for a while, and would take a core from the search.
    time.sleep(_UNTIL_THREADS_SLEEP_S)
    if question.whole and isinstance(contestant, Likeness):
        return contestant.search_whole(probes, asked.threshold)
    return contestant.search(probes, asked.threshold)


class _Clocks:
    """How long something takes, and how long all threads work on it."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._worked = time.process_time()

    def taken(self) -> tuple[float, float]:
        """Seconds of both since then."""
        return time.perf_counter() - self._began, time.process_time() - self._worked


def _drawn(asked: Build) -> DrawnGallery:
    return DrawnGallery(asked.kind, asked.size, asked.dimension, asked.seed)


def _calibration(threshold: float) -> Calibration:
    """One whose threshold is this, however large the gallery is."""
    return Calibration(
        measured_on="nothing: drawn",
        measured=False,
        points=((threshold - 0.1, 1e-3), (threshold, 1e-4)),
        default_threshold=threshold,
        same_person_threshold=threshold,
    )


def _memory_mb() -> float:
    return float(psutil.Process().memory_info().rss) / _MB


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> None:
    """Where the system can (proc(5), clear_refs), so that the next peak is of what follows."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
