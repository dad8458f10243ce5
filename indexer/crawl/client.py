"""The worker's side of the crawl: starts the child, gives it leased addresses, answers its slots.

1. `run_slice` opens a slice and sends at most `max_open` fetches at a time.
2. Each `SlotWanted` is answered from the one lease of the host.
3. Results are yielded as they come; each makes room for the next fetch.
4. When there is nothing left to fetch the slice is closed and the child waits for the next one.

A child that dies, breaks the wire or stays silent too long becomes one error, `CrawlChildDied`,
which names the tickets that have no answer; the next slice starts a new child.
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import BinaryIO, cast

from indexer.crawl.child import start_child
from indexer.crawl.messages import (
    ChildMessage,
    CloseSlice,
    Fetch,
    FetchRefused,
    MediumFetched,
    OpenSlice,
    PageSeen,
    Scope,
    SliceClosed,
    SlotGranted,
    SlotWanted,
    Unchanged,
    WorkerMessage,
)
from indexer.errors import IndexerError, WireError
from indexer.wire import Channel

MAX_OPEN_FETCHES = 16
GRACE_S = 60.0

Result = PageSeen | MediumFetched | Unchanged | FetchRefused
Slots = Callable[[str, float], float]
"""`(host and port, delay in seconds) -> seconds to wait`: the one lease of a host."""
FetchSource = Callable[[int], Sequence[Fetch]]
"""Asked for at most that many more addresses. An empty answer while some are open means "none
yet": it is asked again after the next result; with none open it ends the slice."""


StartChild = Callable[[], subprocess.Popen[bytes]]


def _start_crawl_child() -> subprocess.Popen[bytes]:
    return start_child("indexer.crawl")


class CrawlChildDied(IndexerError):  # noqa: N818 (says what happened)
    """The crawl child ended in the middle of a slice; its open tickets were not answered."""

    code = "crawl_child_died"

    def __init__(self, open_tickets: tuple[str, ...], reason: str) -> None:
        self.open_tickets = open_tickets
        super().__init__(
            f"the crawl child ended ({reason}); give these tickets back to the frontier: "
            f"{', '.join(open_tickets) or 'none'}"
        )


class CrawlClient:
    """One crawl child and the conversation with it. Belongs to one thread at a time.

    `start` gives a new child process with pipes on its standard input and output. `grace_s` is
    how long the child may be silent beyond what timeouts and waits explain.
    """

    def __init__(
        self,
        *,
        max_open: int = MAX_OPEN_FETCHES,
        grace_s: float = GRACE_S,
        start: StartChild = _start_crawl_child,
    ) -> None:
        self._start = start
        self._max_open = max_open
        self._grace_s = grace_s
        self._child: _Child | None = None

    def __enter__(self) -> CrawlClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The running child's process id, None when none runs."""
        return self._child.process.pid if self._child else None

    def start(self) -> None:
        """Start the child now, so that the first slice does not wait for it; returns at once."""
        self._running_child()

    def run_slice(
        self,
        slice_id: str,
        scope: Scope,
        fetches: Iterable[Fetch] | FetchSource,
        slots: Slots,
    ) -> Iterator[Result]:
        """Fetch everything that `fetches` gives, under `scope`; yield one result for each.

        Results come in any order. Giving up in the middle (closing the iterator) ends the child;
        tickets without a result are then the caller's to return. Raises `CrawlChildDied`.
        """
        source = fetches if callable(fetches) else _from_iterable(fetches)
        child = self._running_child()
        conversation = _Slice(
            child,
            slice_id,
            scope,
            source=source,
            slots=slots,
            max_open=self._max_open,
            grace_s=self._grace_s,
        )
        finished = False
        try:
            child_goes_on = yield from conversation.results()
            finished = True
        except (WireError, queue.Empty) as error:
            reason = self._end_child(error)
            raise CrawlChildDied(tuple(conversation.open_tickets), reason) from error
        finally:
            if not finished:
                self._end_child(None)
        if not child_goes_on:
            self.close()

    def close(self) -> None:
        """End the child in an orderly way: it stops when its pipe closes."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _running_child(self) -> _Child:
        if self._child is not None and self._child.process.poll() is not None:
            self._end_child(None)
        if self._child is None:
            self._child = _Child(self._start())
        return self._child

    def _end_child(self, error: BaseException | None) -> str:
        if self._child is None:
            return "it was ended"
        silent = isinstance(error, queue.Empty)
        child, self._child = self._child, None
        status = child.kill()
        return "it was silent for too long and was ended" if silent else f"status {status}: {error}"


class _Child:
    """The process, the channel, and a thread that reads, so that waiting can have an end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.channel: Channel[WorkerMessage, ChildMessage] = Channel(
            cast(BinaryIO, self.process.stdout), cast(BinaryIO, self.process.stdin), ChildMessage
        )
        # Two waiting messages are enough to keep the pipe busy; more would only hold media.
        self._inbox: queue.Queue[ChildMessage | WireError] = queue.Queue(maxsize=2)
        self._gone = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name="crawl-reader")
        self._reader.start()

    def receive(self, timeout_s: float) -> ChildMessage:
        """The next message; raises `WireError`, or `queue.Empty` after `timeout_s`."""
        message = self._inbox.get(timeout=timeout_s)
        if isinstance(message, WireError):
            raise message
        return message

    def close(self, timeout_s: float = 5.0) -> None:
        self._gone.set()
        cast(BinaryIO, self.process.stdin).close()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._join()

    def kill(self) -> int:
        self._gone.set()
        self.process.kill()
        self._join()
        return self.process.returncode

    def _join(self) -> None:
        self.process.wait()
        while self._reader.is_alive():
            self._empty_inbox()
            self._reader.join(0.05)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def _empty_inbox(self) -> None:
        while not self._inbox.empty():
            self._inbox.get_nowait()

    def _read(self) -> None:
        while not self._gone.is_set():
            try:
                message = self.channel.receive()
            except WireError as error:
                self._inbox.put(error)
                return
            if message is None:
                self._inbox.put(WireError("it closed the pipe"))
                return
            self._inbox.put(message)


class _Slice:
    """One slice's state: what is open, and until when silence is normal."""

    def __init__(
        self,
        child: _Child,
        slice_id: str,
        scope: Scope,
        *,
        source: FetchSource,
        slots: Slots,
        max_open: int,
        grace_s: float,
    ) -> None:
        self._child = child
        self._slice_id = slice_id
        self._scope = scope
        self._source = source
        self._slots = slots
        self._max_open = max_open
        self._grace_s = grace_s
        self._last_leave = time.monotonic()
        self.open_tickets: dict[str, Fetch] = {}

    def results(self) -> Generator[Result, None, bool]:
        """Yield every answer; at the end, whether the child can take another slice."""
        self._child.channel.send(OpenSlice(self._slice_id, self._scope))
        while self._send_more():
            while True:
                message = self._child.receive(self._patience_s())
                if isinstance(message, SlotWanted):
                    self._grant(message)
                    continue
                break
            if isinstance(message, SliceClosed):
                raise WireError("the child closed a slice that still had open tickets")
            if self.open_tickets.pop(message.ticket, None) is None:
                raise WireError("the child answered a ticket that is not open")
            yield message
        self._child.channel.send(CloseSlice(self._slice_id))
        closed = self._child.receive(self._grace_s)
        if not isinstance(closed, SliceClosed) or closed.slice_id != self._slice_id:
            raise WireError("the child sent more after its last answer")
        return not closed.ending

    def _send_more(self) -> bool:
        room = self._max_open - len(self.open_tickets)
        for fetch in self._source(room) if room > 0 else ():
            if fetch.ticket in self.open_tickets:
                raise ValueError(f"ticket {fetch.ticket!r} is already open in this slice")
            self.open_tickets[fetch.ticket] = fetch
            self._child.channel.send(fetch)
        return bool(self.open_tickets)

    def _grant(self, wanted: SlotWanted) -> None:
        wait_s = max(0.0, self._slots(wanted.host, wanted.delay_s))
        self._last_leave = max(self._last_leave, time.monotonic() + wait_s)
        self._child.channel.send(SlotGranted(wanted.request_id, wait_s))

    def _patience_s(self) -> float:
        """Until the last granted request has left and timed out, silence is normal."""
        until_last_leaves_s = max(0.0, self._last_leave - time.monotonic())
        timeout_s = max(self._scope.timeout_s, self._scope.medium_timeout_s)
        return until_last_leaves_s + timeout_s + self._grace_s


def _from_iterable(fetches: Iterable[Fetch]) -> FetchSource:
    remaining = iter(fetches)

    def more(room: int) -> Sequence[Fetch]:
        return [fetch for _, fetch in zip(range(room), remaining, strict=False)]

    return more
