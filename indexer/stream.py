"""Many media at a time: the steps of `examine`, spread over the cores, with one comparison for all.

1. A lane is a thread with a detector and recogniser of its own and, while it decodes, a decoder
   process. There are up to twice as many lanes as cores: while one waits for its decoder, or to be
   woken, another works.
2. A lane takes a medium and looks at it. One that moves is compared at once, and one without faces
   goes on to the findings.
3. Its faces wait, in memory alone and without the picture, until there are enough of the same run
   to be embedded together (`EMBEDDED_TOGETHER`) and, where the watch-list is large, compared
   together (`BATCH_FACES`), or nothing else is left to look at, or `MAX_WAIT_S` have passed
   (`waiting.py`); then one lane embeds all of them and compares them in one search, which
   overwrites them (design rule 1).
4. What matched goes on to the findings, on any lane, before new media.

Memory is bounded by the numbers of lanes and decoders (`lanes.py`), whatever comes in: a lane holds
one medium.
Whoever submits bounds what waits.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from indexer.errors import IndexerError
from indexer.examine import Eyes, compare, conclude
from indexer.examiner.protocol import ReferenceSource
from indexer.faces.engine import FaceEngine
from indexer.looking import Look, look
from indexer.media import Medium
from indexer.observations import Examination, FaceMatch
from indexer.recently_seen import LookedWith, RecentlySeen
from indexer.waiting import BATCH_FACES, Together, WaitingFaces
from indexer.watchlist import Watchlist

EMBEDDED_TOGETHER: Final = 8
"""Alone, a face takes half as long again: the weights come from memory each time."""
BATCHED_FROM_TEMPLATES: Final = 20_000
"""A search of fewer takes less time than is lost by waiting for others."""
AHEAD_OF_EACH_LANE: Final = 2

Answer = TypeVar("Answer")


class StreamClosedError(IndexerError):
    """The stream was closed before this was looked at."""

    code = "stream_closed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One medium to be examined, and with what; as the arguments of `examine`.

    `run` is an opaque key: faces of media are only ever compared together with those of the same
    run, and those of a medium without one alone (design rule 1).
    """

    medium: Medium
    watchlist: Watchlist
    eyes: Eyes
    references: ReferenceSource | None = None
    only_person: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Something that a lane does whole. The future is the one that `step` settles."""

    step: Callable[[FaceEngine | None], None]
    future: Future[Any]


@dataclass(slots=True, eq=False)
class _Job:
    """A medium on its way."""

    wanted: Wanted
    key: bytes
    future: Future[Examination]
    started: float = 0.0
    looked: Look | None = None
    found: Sequence[FaceMatch] = ()

    @property
    def together(self) -> Together:
        """With whom its faces may be compared in one search."""
        return Together(self.wanted.watchlist, self.wanted.only_person, self.wanted.run)

    @property
    def faces_counted(self) -> int:
        """How many faces it shows."""
        return self.looked.faces_counted if self.looked is not None else 0


class ExaminationStream:
    """Lanes that examine media side by side. Safe to use from any number of threads."""

    def __init__(self, engine: FaceEngine | None, lanes: int) -> None:
        """`engine` is the first lane's; each further one has its own over the same weights."""
        if lanes < 1:
            raise ValueError("a stream has at least one lane")
        self.lanes = lanes
        self._changed = threading.Condition()
        self._waiting: deque[_Job | _Task] = deque()
        self._to_compare: WaitingFaces[_Job] = WaitingFaces(worth_comparing)
        self._compared: deque[_Job] = deque()
        self._looking = 0
        self._closed = False
        self._recent = RecentlySeen()
        engines = [engine] + [
            engine.another() if engine is not None else None for _ in range(lanes - 1)
        ]
        self._threads = [
            threading.Thread(target=self._lane, args=(each,), name=f"lane-{at}", daemon=True)
            for at, each in enumerate(engines)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, wanted: Wanted) -> Future[Examination]:
        """Have a medium examined. Its future raises what `examine` would.

        The same content is not looked at again while the same people are looked for, when it
        showed none of them: content that is equal to the byte, never only alike (a swapped face
        hardly moves a perceptual hash).
        """
        future: Future[Examination] = Future()
        key = sha256(wanted.medium.content).digest()
        known = self._recent.find(key, _looked_with(wanted))
        if known is not None:
            future.set_result(known)
            return future
        self._add(_Job(wanted, key, future))
        return future

    def run(self, do: Callable[[FaceEngine | None], Answer]) -> Future[Answer]:
        """Have a lane do something else, with its own engine, when its turn comes."""
        future: Future[Answer] = Future()

        def step(engine: FaceEngine | None) -> None:
            if future.set_running_or_notify_cancel():
                _settle(future, lambda: do(engine))

        self._add(_Task(step, future))
        return future

    def close(self) -> None:
        """End the lanes. What is left fails with `StreamClosedError`; its faces are overwritten."""
        with self._changed:
            self._closed = True
            left = [*self._waiting, *self._to_compare, *self._compared]
            self._waiting.clear()
            self._to_compare.clear()
            self._compared.clear()
            self._changed.notify_all()
        for each in left:
            _forget(each)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _add(self, each: _Job | _Task) -> None:
        with self._changed:
            if self._closed:
                raise StreamClosedError("the examination stream was closed")
            self._waiting.append(each)
            self._changed.notify()

    # Lanes

    def _lane(self, engine: FaceEngine | None) -> None:
        while (step := self._next_step()) is not None:
            try:
                step(engine)
            finally:
                with self._changed:
                    self._looking -= 1
                    self._changed.notify_all()

    def _next_step(self) -> Callable[[FaceEngine | None], None] | None:
        """What this lane does next: what is nearly done comes first. None when there is an end."""
        with self._changed:
            while not self._closed:
                step = self._choose()
                if step is not None:
                    self._looking += 1
                    return step
                self._changed.wait(self._to_compare.patience_s())
        return None

    def _choose(self) -> Callable[[FaceEngine | None], None] | None:
        if self._compared:
            job = self._compared.popleft()
            return lambda engine: self._conclude(job, engine)
        jobs = self._to_compare.take(nothing_else=not self._waiting and self._looking == 0)
        if jobs:
            return lambda engine: self._compare(jobs, engine)
        if self._waiting:
            first = self._waiting.popleft()
            if isinstance(first, _Job):
                return lambda engine: self._look(first, engine)
            return first.step
        return None

    # Steps

    def _look(self, job: _Job, engine: FaceEngine | None) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        wanted = job.wanted
        job.started = time.monotonic()
        eyes = wanted.eyes
        try:
            looked = job.looked = look(
                wanted.medium,
                eyes.decoder,
                engine if eyes.engine is not None else None,
                eyes.known,
                only_person=wanted.only_person,
                hidden=wanted.watchlist.masked,
            )
            waits = looked.faces_counted > 0 and looked.is_still
            if waits:
                looked.without_pixels()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
            if job.looked is not None:
                with job.looked:
                    pass
            job.future.set_exception(error)
            return
        if waits:
            if not self._hand_over(self._to_compare.add, [job]):
                _forget(job)
            return
        if self._found([job], engine):
            self._conclude(job, engine)

    def _compare(self, jobs: Sequence[_Job], engine: FaceEngine | None) -> None:
        if self._found(jobs, engine) and not self._hand_over(self._compared.extend, jobs):
            for job in jobs:
                _forget(job)

    def _found(self, jobs: Sequence[_Job], engine: FaceEngine | None) -> bool:
        """Compare them; False when that failed, which whoever waits is then told."""
        looks = [job.looked for job in jobs if job.looked is not None]
        wanted = jobs[0].wanted
        try:
            with ExitStack() as faces:
                for each in looks:
                    faces.enter_context(each)
                found = compare(looks, wanted.watchlist, wanted.only_person, engine)
        except BaseException as error:  # noqa: BLE001 - whoever waits for a future is told
            for job in jobs:
                job.future.set_exception(error)
            return False
        for job, of_job in zip(jobs, found, strict=True):
            job.found = of_job
        return True

    def _hand_over(self, to: Callable[[Sequence[_Job]], None], jobs: Sequence[_Job]) -> bool:
        """False when the stream was closed meanwhile: nobody would take them."""
        with self._changed:
            if not self._closed:
                to(jobs)
                self._changed.notify_all()
            return not self._closed

    def _conclude(self, job: _Job, engine: FaceEngine | None) -> None:
        wanted, looked = job.wanted, job.looked
        if looked is None:
            raise RuntimeError("a medium was to be concluded before it was looked at")
        eyes = replace(wanted.eyes, engine=engine if wanted.eyes.engine is not None else None)

        def concluded() -> Examination:
            examination = conclude(
                looked,
                job.found,
                wanted.watchlist,
                wanted.references,
                eyes,
                wanted.only_person,
                job.started,
            )
            self._recent.keep(job.key, _looked_with(wanted), examination)
            return examination

        _settle(job.future, concluded)


def examine_many(
    media: Iterable[Medium],
    watchlist: Watchlist,
    references: ReferenceSource | None = None,
    *,
    eyes: Eyes,
    stream: ExaminationStream,
    only_person: str | None = None,
) -> Iterator[Examination]:
    """Examine media of one run side by side; their examinations come in the order of the media.

    `media` is taken as it is needed: a few for each lane, or enough faces for one comparison with
    a large watch-list. The first error ends it. `eyes` should hold a decoder for each lane of the
    stream (`DecoderPool(lanes)`).
    """
    ahead = stream.lanes * AHEAD_OF_EACH_LANE + worth_comparing(watchlist)
    waiting: deque[Future[Examination]] = deque()
    source = iter(media)
    run = uuid.uuid4().hex

    def submit(medium: Medium) -> Future[Examination]:
        return stream.submit(Wanted(medium, watchlist, eyes, references, only_person, run))

    try:
        for medium in islice(source, ahead):
            waiting.append(submit(medium))
        while waiting:
            examination = waiting.popleft().result()
            following = next(source, None)
            if following is not None:
                waiting.append(submit(following))
            yield examination
    finally:
        for future in waiting:
            future.cancel()


def worth_comparing(watchlist: Watchlist) -> int:
    """How many faces are worth waiting for."""
    return BATCH_FACES if len(watchlist) >= BATCHED_FROM_TEMPLATES else EMBEDDED_TOGETHER


def _looked_with(wanted: Wanted) -> LookedWith:
    eyes = wanted.eyes
    return LookedWith.of(
        wanted.watchlist,
        eyes.known,
        with_faces=eyes.engine is not None,
        only_person=wanted.only_person,
    )


def _settle(future: Future[Answer], do: Callable[[], Answer]) -> None:
    try:
        future.set_result(do())
    except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
        future.set_exception(error)


def _forget(each: _Job | _Task) -> None:
    """Overwrite the faces that wait, and tell whoever waits for them."""
    if isinstance(each, _Job) and each.looked is not None:
        with each.looked:
            each.looked.without_pixels()
    if each.future.running() or each.future.set_running_or_notify_cancel():
        each.future.set_exception(StreamClosedError("the stream was closed before this was done"))
