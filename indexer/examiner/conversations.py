"""Several conversations with one examiner over one pipe, each with its own waiting thread.

1. A request is sent with its number; whatever comes back with that number is its own.
2. What has no number belongs to the one conversation about the gallery and the models.
3. When the pipe ends, everybody who waits is told, and which they were: with one under way, that
   one ended the examiner; with several, nobody knows which.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import WireError
from indexer.examiner.protocol import ExaminerInbound, ExaminerOutbound
from indexer.wire import Channel


class Conversation:
    """What one request hears."""

    def __init__(self, owner: Conversations) -> None:
        self._owner = owner
        self._heard: queue.SimpleQueue[ExaminerOutbound | None] = queue.SimpleQueue()

    def say(self, message: ExaminerInbound) -> None:
        """Send something. Raises `WireError` when the examiner is gone."""
        self._owner.send(message)

    def hear(self, until_s: float) -> ExaminerOutbound:
        """The next answer. Raises `WireError` when the examiner ended, `TimeoutError` at that
        moment of the monotonic clock.
        """
        try:
            message = self._heard.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("the examiner took longer than it may") from None
        if message is None:
            raise WireError("the examiner ended before it answered")
        return message

    def _tell(self, message: ExaminerOutbound | None) -> None:
        self._heard.put(message)


class Conversations:
    """All that is under way with one examiner process, until that ends."""

    def __init__(self, channel: Channel[ExaminerInbound, ExaminerOutbound]) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._open: dict[int | None, Conversation] = {}
        self._ended = False
        self._under_way_at_end: frozenset[int | None] = frozenset()
        self._listener = threading.Thread(target=self._listen, name="examiner-answers", daemon=True)
        self._listener.start()

    @property
    def ended(self) -> bool:
        """Whether the examiner has ended."""
        return self._ended

    @property
    def under_way_at_end(self) -> frozenset[int | None]:
        """Which requests were under way when it ended; None is one about gallery or models."""
        return self._under_way_at_end

    def send(self, message: ExaminerInbound) -> None:
        """Send something. Raises `WireError` when the examiner is gone."""
        self._channel.send(message)

    def wait_for_end(self) -> None:
        """Until the pipe has been read to its end."""
        self._listener.join()

    @contextmanager
    def about(self, request_id: int | None) -> Iterator[Conversation]:
        """The conversation of one request; None is the one about gallery and models."""
        conversation = Conversation(self)
        with self._turn:
            if self._ended:
                raise WireError("the examiner ended before it was asked")
            self._open[request_id] = conversation
        try:
            yield conversation
        finally:
            with self._turn:
                self._open.pop(request_id, None)

    def _listen(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                number = getattr(message, "request_id", None)
                with self._turn:
                    # One that nobody waits for any more was given up; there is nobody to tell.
                    conversation = self._open.get(number)
                if conversation is not None:
                    conversation._tell(message)
        except WireError:
            pass  # the same as an orderly end, for those who wait
        finally:
            with self._turn:
                self._ended = True
                left = list(self._open.items())
                self._under_way_at_end = frozenset(number for number, _ in left)
            for _, conversation in left:
                conversation._tell(None)
