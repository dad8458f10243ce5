"""How many threads a FAISS search gets: one for a small search, FAISS's own number for a large one.

FAISS wakes its threads for any search and waits for them: milliseconds on a busy machine, for a
comparison that takes one thread microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import faiss

WORTH_MORE_BYTES = 16_000_000
"""From about a millisecond of work on one thread."""


@contextmanager
def threads_for(compared_bytes: int) -> Iterator[None]:
    """For a search that goes through that many bytes: those of the index, for each query."""
    threads = faiss.omp_get_max_threads()
    if compared_bytes < WORTH_MORE_BYTES:
        faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
