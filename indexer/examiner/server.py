"""The examiner's inside: models, gallery and decoder, and one answer to each request.

1. `Hello` opens the pack and the decoder.
2. `LoadGallery` and its kind give a new watch-list and hash index, swapped in whole
   (`held_gallery.py`).
3. `Examine`, `Enrol` and `Hash` look at one file each, several at a time (`indexer.stream`), and
   are answered when they are done; a file that cannot be looked at is an answer, a wrong setting
   is `Failed`, a defect ends the process.
4. When the pipe closes, the process ends, whatever is under way.

Every probe lives and dies inside `indexer.examine`; what is sent has no field for one.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from indexer.errors import IndexerError, WireError
from indexer.examine import Eyes
from indexer.examiner.errors import BadSettingError
from indexer.examiner.held_gallery import HeldGallery
from indexer.examiner.protocol import (
    BeginGallery,
    ChangeGallery,
    Enrol,
    Enrolled,
    Examine,
    Examined,
    ExaminerInbound,
    ExaminerOutbound,
    Failed,
    FinishGallery,
    GalleryPart,
    Hash,
    Hashed,
    Hello,
    LoadGallery,
    MaskPerson,
    PhotoQuality,
    Ready,
    Reference,
    References,
    ReferenceSource,
    ReferencesWanted,
)
from indexer.faces import FaceEngine, PhotoRefusedError, Template
from indexer.faces.quality import FaceQuality
from indexer.hashing import (
    FrameHasher,
    hash_medium,
    known_parts,
    pdq_orientations,
    shrink,
)
from indexer.lanes import room_for
from indexer.media import DecoderPool, MediaError, Medium, NotAPhotoError
from indexer.observations import Refusal
from indexer.stream import ExaminationStream, Wanted
from indexer.wire import Channel

ExaminerChannel = Channel[ExaminerOutbound, ExaminerInbound]
Done = TypeVar("Done")
DEFECT: Final = 70
"""The exit status of a process that found a defect in itself (sysexits' EX_SOFTWARE)."""


class ExaminerServer:
    """Serves one worker over one channel."""

    def __init__(self, channel: ExaminerChannel) -> None:
        self._channel = channel
        self._eyes: Eyes | None = None
        self._stream: ExaminationStream | None = None
        self._gallery = HeldGallery(None)
        self._asked = _AskedReferences(channel)

    def serve(self) -> None:
        """Answer until the other side closes the pipe."""
        while (message := self._channel.receive()) is not None:
            try:
                answer = self._answer(message)
            except WireError:
                raise
            except IndexerError as error:
                answer = Failed(getattr(message, "request_id", None), error.code, str(error))
            if answer is not None:
                self._channel.send(answer)

    def _answer(self, message: ExaminerInbound) -> ExaminerOutbound | None:
        """The answer, or None where a lane gives it when it is done."""
        if isinstance(message, Hello):
            return self._hello(message)
        if self._eyes is None or self._stream is None:
            return Failed(None, "not_ready", "the first message must be Hello")
        eyes = self._eyes
        match message:
            case (
                LoadGallery()
                | BeginGallery()
                | GalleryPart()
                | FinishGallery()
                | ChangeGallery()
                | MaskPerson()
            ):
                answer = self._gallery.answer(message)
                eyes.shelf.clear()
                self._eyes = replace(eyes, known=self._gallery.known)
                return answer
            case References():
                return self._asked.give(message)
            case Examine():
                self._examine(message, eyes, self._stream)
            case Enrol():
                self._have_done(message, self._stream, lambda with_own: _enrol(message, with_own))
            case Hash():
                self._have_done(message, self._stream, lambda with_own: _hash(message, with_own))
        return None

    def _hello(self, message: Hello) -> Ready:
        if self._stream is not None:
            raise BadSettingError("the models are loaded already; start another examiner")
        engine = None
        if message.pack is not None:
            engine = FaceEngine.open(
                message.pack,
                models_dir=message.models_dir,
                runtime=message.runtime,
                accepted_licences=message.accepted_licences,
                # Media are looked at side by side: no two threads wait for each other on one.
                threads=1,
            )
        room = room_for(message.memory_bytes)
        self._eyes = Eyes(decoder=_decoders(room.decoders, message.sandbox), engine=engine)
        self._stream = ExaminationStream(engine, room.lanes)
        self._gallery = HeldGallery(engine)
        if engine is None:
            return Ready(None, "", room.lanes)
        return Ready(engine.model, engine.runtime, room.lanes)

    def _examine(self, message: Examine, eyes: Eyes, stream: ExaminationStream) -> None:
        wanted = Wanted(
            Medium(message.content, message.declared_type, message.media_url, message.page_url),
            self._gallery.watchlist,
            eyes if message.with_faces else replace(eyes, engine=None),
            self._asked.by(message.request_id),
            message.only_person,
            message.run,
        )
        number = message.request_id
        stream.submit(wanted).add_done_callback(
            lambda done: self._send_when_done(number, done, lambda seen: Examined(number, seen))
        )

    def _have_done(
        self,
        message: Enrol | Hash,
        stream: ExaminationStream,
        do: Callable[[Eyes], ExaminerOutbound],
    ) -> None:
        eyes = self._eyes
        if eyes is None:
            raise BadSettingError("the first message must be Hello")
        number = message.request_id
        stream.run(lambda engine: do(replace(eyes, engine=engine))).add_done_callback(
            lambda done: self._send_when_done(number, done, lambda answer: answer)
        )

    def _send_when_done(
        self,
        request_id: int,
        done: Future[Done],
        as_message: Callable[[Done], ExaminerOutbound],
    ) -> None:
        """In a lane's thread: the answer, or why there is none. A defect ends the process."""
        try:
            error = done.exception()
            if error is None:
                self._channel.send(as_message(done.result()))
            elif isinstance(error, IndexerError) and not isinstance(error, WireError):
                self._channel.send(Failed(request_id, error.code, str(error)))
            elif not isinstance(error, WireError):
                sys.excepthook(type(error), error, error.__traceback__)
                os._exit(DEFECT)
        except WireError:
            # The worker is gone: the main thread reads the end of its pipe.
            return
        except Exception as defect:  # noqa: BLE001 - a future would log it, values and all, and go on
            sys.excepthook(type(defect), defect, defect.__traceback__)
            os._exit(DEFECT)


class _AskedReferences:
    """Asks the worker for the reference photos of people who were hit, for several media."""

    def __init__(self, channel: ExaminerChannel) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[References]] = {}

    def by(self, request_id: int) -> ReferenceSource:
        """A source for one medium; it is asked in a lane's thread."""
        return _OfOneMedium(self, request_id)

    def of(self, request_id: int, person_ref: str) -> Sequence[Reference]:
        """Ask, and wait for the answer."""
        answer: queue.SimpleQueue[References] = queue.SimpleQueue()
        with self._turn:
            self._waiting[request_id] = answer
        try:
            self._channel.send(ReferencesWanted(request_id, person_ref))
            return answer.get().references
        finally:
            with self._turn:
                self._waiting.pop(request_id, None)

    def give(self, message: References) -> Failed | None:
        """What came: to whoever waits for it."""
        with self._turn:
            waiting = self._waiting.get(message.request_id)
        if waiting is None:
            return Failed(message.request_id, "out_of_turn", "no references were asked for")
        waiting.put(message)
        return None


@dataclass(frozen=True, slots=True)
class _OfOneMedium:
    asked: _AskedReferences
    request_id: int

    def of(self, person_ref: str) -> Sequence[Reference]:
        """See `ReferenceSource.of`."""
        return self.asked.of(self.request_id, person_ref)


def _decoders(count: int, sandbox: str) -> DecoderPool:
    if sandbox == "auto":
        return DecoderPool(count, sandbox="auto")
    if sandbox == "require":
        return DecoderPool(count, sandbox="require")
    if sandbox == "off":
        return DecoderPool(count, sandbox="off")
    raise BadSettingError(f"{sandbox!r} is no sandbox setting; choose auto, require or off")


def _enrol(message: Enrol, eyes: Eyes) -> Enrolled:
    try:
        decoded = eyes.decoder.decode(Medium(message.content))
        if decoded.kind == "video":
            raise NotAPhotoError("it is a video; please take a photo instead")
        picture = decoded.frames[0]
    except MediaError as error:
        refusal = Refusal("unreadable", f"The file cannot be read as a photo: {error}")
        return Enrolled(message.request_id, None, None, None, None, refusal)
    shrunk = shrink(picture)
    orientations, parts = pdq_orientations(shrunk), known_parts(shrunk)
    hashes = hash_medium(message.content, shrunk, orientations)
    turned = orientations.in_order
    engine = eyes.engine
    if engine is None:
        refusal = Refusal("face_matching_off", "Face matching is switched off.")
        return Enrolled(
            message.request_id, None, None, hashes, None, refusal, parts=parts, turned=turned
        )
    others = tuple(Template.from_bytes(vector, engine.model) for vector in message.others)
    try:
        enrolment = engine.enrol_with_quality(picture, others)
    except PhotoRefusedError as error:
        quality = _quality(error.quality) if error.quality is not None else None
        refusal = Refusal(error.code, str(error))
        return Enrolled(
            message.request_id,
            None,
            quality,
            hashes,
            engine.model,
            refusal,
            parts=parts,
            turned=turned,
        )
    return Enrolled(
        message.request_id,
        enrolment.template.to_bytes(),
        _quality(enrolment.quality),
        hashes,
        engine.model,
        face_crop_png=enrolment.face_crop_png,
        parts=parts,
        turned=turned,
    )


def _quality(judged: FaceQuality) -> PhotoQuality:
    return PhotoQuality(
        eye_distance_px=judged.eye_distance_px,
        sharpness=judged.sharpness,
        brightness=judged.brightness,
        yaw_degrees=judged.yaw_degrees,
        detection_score=judged.detection_score,
        figure=judged.figure,
        stability=judged.steadiness.small_changes if judged.steadiness is not None else None,
        covered=judged.covered or "",
    )


def _hash(message: Hash, eyes: Eyes) -> Hashed:
    hasher = FrameHasher()
    try:
        decoded = eyes.decoder.decode(Medium(message.content), hasher.look)
    except MediaError as error:
        hashes = hash_medium(message.content, None)
        return Hashed(message.request_id, hashes, error.refusal, kind="unreadable")
    if decoded.kind == "video":
        hashes = hash_medium(message.content, None)
        frames = hasher.hashes().frames
        return Hashed(message.request_id, hashes, kind=decoded.kind, frames=frames)
    shrunk = shrink(decoded.frames[0])
    orientations = pdq_orientations(shrunk)
    return Hashed(
        message.request_id,
        hash_medium(message.content, shrunk, orientations),
        kind=decoded.kind,
        parts=known_parts(shrunk),
        turned=orientations.in_order,
    )
