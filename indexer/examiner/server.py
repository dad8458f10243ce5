"""The examiner's inside: models, gallery and decoder, and one answer to each request.

1. `Hello` opens the pack and the decoder.
2. `LoadGallery` and its kind give a new watch-list and hash index, swapped in whole
   (`held_gallery.py`).
3. `Examine`, `Enrol` and `Hash` look at one file each; a file that cannot be looked at is an
   answer, a wrong setting is `Failed`, a defect ends the process.
4. When the pipe closes, the process ends.

Every probe lives and dies inside `indexer.examine`; what is sent has no field for one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from indexer.errors import IndexerError, WireError
from indexer.examine import Eyes, examine
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
from indexer.media import Decoder, MediaError, Medium, NotAPhotoError
from indexer.observations import Refusal
from indexer.wire import Channel

ExaminerChannel = Channel[ExaminerOutbound, ExaminerInbound]
MAX_THREADS = 2


class ExaminerServer:
    """Serves one worker over one channel, one request after the other."""

    def __init__(self, channel: ExaminerChannel) -> None:
        self._channel = channel
        self._eyes: Eyes | None = None
        self._gallery = HeldGallery(None)

    def serve(self) -> None:
        """Answer until the other side closes the pipe."""
        try:
            while (message := self._channel.receive()) is not None:
                self._channel.send(self._answered(message))
        finally:
            if self._eyes is not None:
                self._eyes.decoder.close()

    def _answered(self, message: ExaminerInbound) -> ExaminerOutbound:
        try:
            return self._answer(message)
        except WireError:
            raise
        except IndexerError as error:
            return Failed(getattr(message, "request_id", None), error.code, str(error))

    def _answer(self, message: ExaminerInbound) -> ExaminerOutbound:
        if isinstance(message, Hello):
            return self._hello(message)
        if self._eyes is None:
            return Failed(None, "not_ready", "the first message must be Hello")
        match message:
            case (
                LoadGallery()
                | BeginGallery()
                | GalleryPart()
                | FinishGallery()
                | ChangeGallery()
                | MaskPerson()
            ):
                answer: ExaminerOutbound = self._gallery.answer(message)
                self._eyes.shelf.clear()
                self._eyes = replace(self._eyes, known=self._gallery.known)
            case Examine():
                answer = self._examine(message, self._eyes)
            case Enrol():
                answer = _enrol(message, self._eyes)
            case Hash():
                answer = _hash(message, self._eyes)
            case References():
                answer = Failed(message.request_id, "out_of_turn", "no references were asked for")
        return answer

    def _hello(self, message: Hello) -> Ready:
        engine = None
        if message.pack is not None:
            engine = FaceEngine.open(
                message.pack,
                models_dir=message.models_dir,
                runtime=message.runtime,
                accepted_licences=message.accepted_licences,
                threads=_inference_threads(),
            )
        self._eyes = Eyes(decoder=_decoder(message.sandbox), engine=engine)
        self._gallery = HeldGallery(engine)
        if engine is None:
            return Ready(None, "")
        return Ready(engine.model, engine.runtime)

    def _examine(self, message: Examine, eyes: Eyes) -> Examined:
        medium = Medium(message.content, message.declared_type, message.media_url, message.page_url)
        references = _AskedReferences(self._channel, message.request_id)
        return Examined(
            message.request_id,
            examine(
                medium,
                self._gallery.watchlist,
                references,
                eyes=eyes if message.with_faces else replace(eyes, engine=None),
                only_person=message.only_person,
            ),
        )


class _AskedReferences:
    """Asks the worker for the reference photos of a person who was hit."""

    def __init__(self, channel: ExaminerChannel, request_id: int) -> None:
        self._channel = channel
        self._request_id = request_id

    def of(self, person_ref: str) -> Sequence[Reference]:
        """See `ReferenceSource.of`."""
        self._channel.send(ReferencesWanted(self._request_id, person_ref))
        answer = self._channel.receive()
        if not isinstance(answer, References) or answer.request_id != self._request_id:
            raise WireError("references were asked for and something else came")
        return answer.references


def _inference_threads() -> int:
    """One on small machines: the worker, the crawl child and the decoder need the other core, and
    two threads that wait for each other on a busy machine take longer than one.
    """
    return 1 if len(os.sched_getaffinity(0)) <= 2 else MAX_THREADS


def _decoder(sandbox: str) -> Decoder:
    if sandbox == "auto":
        return Decoder(sandbox="auto")
    if sandbox == "require":
        return Decoder(sandbox="require")
    if sandbox == "off":
        return Decoder(sandbox="off")
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
