"""The worker's side of the examiner: start it, load its gallery, hand it media.

1. `start` begins the process and waits until the models are loaded.
2. `load_gallery`, `change_gallery` and `mask_person` say who is looked for.
3. `examine`, `enrol` and `hash` are one conversation each; those of several threads run side by
   side, as many as `MOST_BYTES_UNDER_WAY` allows.
4. When the examiner dies or hangs, a file that it looked at alone is one failed medium
   (`examiner_crashed`), never tried again here; where it looked at several, each is tried once
   more, alone. The next call starts a new examiner and loads the gallery anew.

The client keeps no template and no probe: after a crash it asks `gallery_source` again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from types import TracebackType
from typing import Self, TypeVar

from indexer.errors import WireError
from indexer.examiner.asking import ask, look_at
from indexer.examiner.company import Company
from indexer.examiner.errors import ExaminerRefusedError, ExaminerUnavailableError
from indexer.examiner.gallery_content import (
    GalleryContent,
    GalleryDifference,
    WholeGallery,
    change_messages,
    send_messages,
    whole_messages,
)
from indexer.examiner.masks import Masks, without_people
from indexer.examiner.process import ExaminerProcess
from indexer.examiner.protocol import (
    Enrol,
    Enrolled,
    Examine,
    Examined,
    ExaminerInbound,
    ExaminerOutbound,
    Failed,
    GalleryHash,
    GalleryLoaded,
    GalleryTemplate,
    Hash,
    Hashed,
    Hello,
    MaskPerson,
    PersonMasked,
    Ready,
    ReferenceSource,
)
from indexer.observations import Examination, MediaHashes, ModelStamp, Refusal

logger = logging.getLogger(__name__)

GallerySource = Callable[[], GalleryContent]
DEFAULT_TIMEOUT_S = 300.0
MOST_BYTES_UNDER_WAY = 256 * 1024 * 1024
"""Of files that wait in the examiner or are looked at: some hundred pictures, or four videos."""
TRIES_ALONE = 3
CRASH_CODE = "examiner_crashed"
CRASH_MESSAGE = "The examiner ended while it looked at this; it is not tried again."

Answer = TypeVar("Answer", bound=ExaminerOutbound)


class ExaminerClient:
    """One examiner process, restarted when it dies. Safe to share between threads."""

    def __init__(
        self,
        hello: Hello,
        gallery_source: GallerySource | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """Prefer `start`. `timeout_s` bounds each single request, loading included."""
        self._hello = hello
        self._gallery_source = gallery_source
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._process: ExaminerProcess | None = None
        self._ready: Ready | None = None
        self._gallery_wanted = False
        self._gallery_missing = False
        self._masks = Masks()
        self._requests = count(1)
        self._compared_together = 0
        self._company = Company(MOST_BYTES_UNDER_WAY)
        self._closed = False

    @classmethod
    def start(
        cls,
        hello: Hello,
        gallery_source: GallerySource | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> ExaminerClient:
        """Start the process and wait until it is ready.

        `gallery_source` gives the whole gallery again after a crash; without it the new examiner
        looks for nobody, and `examine` raises `ExaminerUnavailableError` until `load_gallery`.
        Raises `ExaminerRefusedError` (for instance "pack_missing", "licence_not_accepted").
        """
        client = cls(hello, gallery_source, timeout_s)
        with client._turn:
            client._running()
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def model(self) -> ModelStamp | None:
        """The loaded pack, or None when face matching is off."""
        return self._ready.model if self._ready is not None else None

    @property
    def runtime(self) -> str:
        """The inference runtime in use; empty when face matching is off."""
        return self._ready.runtime if self._ready is not None else ""

    @property
    def lanes(self) -> int:
        """How many media it looks at at a time."""
        return self._ready.lanes if self._ready is not None else 1

    @property
    def at_once(self) -> int:
        """How many media are worth handing over at a time: one more for each that is looked at,
        and as many as give enough faces for one comparison.
        """
        return 2 * self.lanes + self._compared_together

    @property
    def process_id(self) -> int | None:
        """The running examiner's process id."""
        return self._process.process_id if self._process is not None else None

    def load_gallery(
        self,
        change: int,
        model: ModelStamp | None,
        templates: Iterable[GalleryTemplate],
        hashes: Sequence[GalleryHash],
        *,
        chance_matches_per_face: float = 1e-3,
        masks_ended: frozenset[str] | None = None,
    ) -> GalleryLoaded:
        """Replace the gallery by this snapshot; templates are taken one by one.

        `chance_matches_per_face` is how many chance matches are bearable for each face looked at.
        People of `masks_ended` are no longer masked: what `masked` was before the gallery was read
        from where it is kept (left out: at this call). Those masked later are. What does not come
        whole is refused (`ExaminerRefusedError`), and the old gallery stays.
        """
        gallery = WholeGallery(change, model, templates, hashes, chance_matches_per_face)
        return self._set_gallery(lambda: self._send_whole(gallery), masks_ended)

    def change_gallery(
        self, difference: GalleryDifference, *, masks_ended: frozenset[str] | None = None
    ) -> GalleryLoaded:
        """Bring the gallery from one change to the next; masks end as with `load_gallery`.

        Raises `ExaminerRefusedError` when it does not fit the gallery that is loaded
        ("gallery_out_of_step"): load it whole.
        """
        return self._set_gallery(lambda: self._send_difference(difference), masks_ended)

    @property
    def masked(self) -> frozenset[str]:
        """Everybody who is masked now."""
        return self._masks.hidden

    def mask_person(self, person_ref: str) -> None:
        """Never match this person again until the next gallery is loaded.

        At once: it waits for no medium. What a medium under way finds of this person is left out
        of its examination, and the examiner itself is told before the next one.
        """
        self._masks.hide(person_ref)
        if self._turn.acquire(blocking=False):
            try:
                if self._process is not None and self._process.is_alive():
                    # An examiner that just died is told when it is started again.
                    with contextlib.suppress(ExaminerUnavailableError):
                        self._send_masks()
            finally:
                self._turn.release()

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None = None,
        media_url: str | None = None,
        page_url: str | None = None,
        only_person: str | None = None,
        with_faces: bool = True,
        references: ReferenceSource | None = None,
        run: str | None = None,
    ) -> Examination:
        """Look at one medium. `references` is asked only for people who were hit.

        Without `with_faces` the loaded face model is not used on it. Faces of media of one `run`
        (an opaque key) may be compared together; those of a medium without one are not.
        """
        started = time.monotonic()
        request_id = self._next_request()
        message = Examine(
            request_id, content, declared_type, media_url, page_url, only_person, with_faces, run
        )
        with self._masks.under_way() as under_way:
            answer = self._looked_at(message, Examined, references)
            masked = self._masks.of(under_way)
        if answer is None:
            return Examination(
                hashes=MediaHashes(sha256=hashlib.sha256(content).hexdigest()),
                kind="unreadable",
                width_px=0,
                height_px=0,
                frames_examined=0,
                faces_counted=0,
                model=self.model,
                refusal=Refusal(CRASH_CODE, CRASH_MESSAGE),
                seconds=time.monotonic() - started,
            )
        return without_people(answer.examination, masked)

    def enrol(self, content: bytes, others: Sequence[bytes] = ()) -> Enrolled:
        """A template of a reference photo, or why not. `others` are the person's vectors so far."""
        request_id = self._next_request()
        answer = self._looked_at(Enrol(request_id, content, tuple(others)), Enrolled)
        if answer is None:
            refusal = Refusal(CRASH_CODE, CRASH_MESSAGE)
            return Enrolled(request_id, None, None, None, self.model, refusal)
        return answer

    def hash(self, content: bytes) -> Hashed:
        """Only the hashes of a picture."""
        request_id = self._next_request()
        answer = self._looked_at(Hash(request_id, content), Hashed)
        if answer is None:
            return Hashed(request_id, None, Refusal(CRASH_CODE, CRASH_MESSAGE))
        return answer

    def close(self) -> None:
        """End the process; the client cannot be used again."""
        with self._turn:
            self._closed = True
            self._drop()

    def _running(self, *, load: bool = True) -> None:
        """Make sure that a ready examiner runs and, with `load`, that it has its gallery."""
        if self._closed:
            raise ExaminerUnavailableError("this examiner client was closed")
        if self._process is not None and (
            self._process.conversations.ended or not self._process.is_alive()
        ):
            self._drop()
        if self._process is None:
            self._process = ExaminerProcess()
            self._ready = self._ask_or_unavailable(self._hello, Ready)
            self._gallery_missing = self._gallery_wanted
            self._masks.send_again()
        if load and self._gallery_missing:
            self._load_again()
        self._send_masks()

    def _load_again(self) -> None:
        if self._gallery_source is None:
            raise ExaminerUnavailableError(
                "the examiner was restarted after a crash and has no gallery; load it again"
            )
        self._send_whole(self._gallery_source())
        self._gallery_missing = False
        # A new snapshot knows no mask.
        self._masks.send_again()

    def _set_gallery(
        self, send: Callable[[], GalleryLoaded], masks_ended: frozenset[str] | None
    ) -> GalleryLoaded:
        ended = self._masks.hidden if masks_ended is None else masks_ended
        with self._turn:
            self._running(load=False)
            loaded = send()
            self._compared_together = loaded.compared_together
            self._gallery_wanted, self._gallery_missing = True, False
            self._masks.end(ended)
            self._send_masks()
            return loaded

    def _send_whole(self, gallery: GalleryContent) -> GalleryLoaded:
        return send_messages(whole_messages(gallery), self._ask_or_unavailable)

    def _send_difference(self, difference: GalleryDifference) -> GalleryLoaded:
        return send_messages(change_messages(difference), self._ask_or_unavailable)

    def _send_masks(self) -> None:
        while not self._masks.is_sent:
            for person_ref in sorted(self._masks.take_unsent()):
                self._ask_or_unavailable(MaskPerson(person_ref), PersonMasked)

    def _ask_or_unavailable(self, message: ExaminerInbound, kind: type[Answer]) -> Answer:
        try:
            return self._ask(message, kind)
        except WireError as error:
            raise ExaminerUnavailableError(
                "the examiner process ended while it was being set up; see its log output"
            ) from error

    def _ask(self, message: ExaminerInbound, kind: type[Answer]) -> Answer:
        """About models and gallery. Raises `WireError` when the examiner died, which is then gone.

        Only with the turn, because such an answer has no number.
        """
        process = self._process
        if process is None:
            raise WireError("the examiner is not running")
        try:
            with process.conversations.about(None) as conversation:
                answer = ask(process, conversation, message, self._timeout_s)
        except BaseException:
            # Whatever broke the conversation, the next one must not read its remains.
            self._drop()
            raise
        if isinstance(answer, Failed):
            if isinstance(message, Hello):
                self._drop()
            raise ExaminerRefusedError(answer.code, answer.message)
        if not isinstance(answer, kind):
            self._drop()
            raise WireError(f"the examiner answered out of turn: {type(answer).__name__}")
        return answer

    def _looked_at(
        self,
        message: Examine | Enrol | Hash,
        kind: type[Answer],
        references: ReferenceSource | None = None,
    ) -> Answer | None:
        """The answer to one file, looked at beside others; None when it ended the examiner.

        When an examiner ends that looked at several, each of them is tried once more, alone: the
        one that ended it does so again, and costs the others only time. So is one that the
        examiner never got, or that was beside a gallery on its way.
        """
        size = len(message.content)
        with self._company.among_others(size):
            answer, was_alone = self._tried(message, kind, references)
        tries = TRIES_ALONE
        while answer is None and not was_alone and tries:
            tries -= 1
            with self._company.alone():
                answer, was_alone = self._tried(message, kind, references)
        if answer is None:
            logger.warning("the examiner ended during a file of %d bytes", size)
        return answer

    def _tried(
        self,
        message: Examine | Enrol | Hash,
        kind: type[Answer],
        references: ReferenceSource | None,
    ) -> tuple[Answer | None, bool]:
        """The answer, or None and whether the examiner had only this to do when it ended."""
        process = self._process_for(message)
        try:
            return look_at(
                process, message, kind, references, lambda: self.masked, self._timeout_s
            ), True
        except WireError as error:
            # Whatever was heard last, this process is at its end: the next call finds a new one.
            process.kill()
            process.conversations.wait_for_end()
            if self._closed:
                raise ExaminerUnavailableError(
                    "this examiner client was closed while a file was looked at"
                ) from error
            return None, process.conversations.under_way_at_end == {message.request_id}

    def _process_for(self, message: Examine | Enrol | Hash) -> ExaminerProcess:
        with self._turn:
            self._running(load=isinstance(message, Examine))
            if self._process is None:
                raise ExaminerUnavailableError("the examiner ended while it was being started")
            return self._process

    def _next_request(self) -> int:
        return next(self._requests)

    def _drop(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None
