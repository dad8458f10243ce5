"""Crawl children that live on between slices: one for each run that goes on at the same time.

Starting a child costs a second of processor time; a slice borrows an idle one and brings it back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.crawl.client import CrawlClient


class ChildPool:
    """Lends crawl clients, each to one slice at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[CrawlClient] = []
        self._lent: set[CrawlClient] = set()

    def prepare(self, count: int) -> None:
        """Start children that nobody needs yet: the first slices do not wait for them."""
        with self._lock:
            while len(self._idle) + len(self._lent) < count:
                client = CrawlClient()
                client.start()
                self._idle.append(client)

    @contextmanager
    def child(self) -> Iterator[CrawlClient]:
        """An idle client, or a new one when all are lent."""
        with self._lock:
            client = self._idle.pop() if self._idle else CrawlClient()
            self._lent.add(client)
        try:
            yield client
        finally:
            with self._lock:
                self._lent.discard(client)
                self._idle.append(client)

    def kill_lent(self) -> int:
        """End children in the middle of their slices, which then return their leases."""
        with self._lock:
            process_ids = [client.process_id for client in self._lent]
        killed = 0
        for process_id in process_ids:
            if process_id is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
                    killed += 1
        return killed

    def close(self) -> None:
        """End all idle children in an orderly way."""
        with self._lock:
            clients, self._idle = self._idle, []
        for client in clients:
            client.close()
