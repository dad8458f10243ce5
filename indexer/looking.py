"""The first half of an examination: what one medium shows, before anybody is compared with it.

1. Decode the medium, confined; a JPEG smaller, where that is enough for hashes and most faces.
2. Hash it: SHA-256 of the bytes, PDQ and phash of the picture and, where parts of known pictures
   are looked for, of its parts; PDQ of a video's frames, about one a second, while it is decoded.
3. Look for known pictures of enrolled people by those hashes: no biometrics.
4. See the faces of each frame, in full size where a face is too small otherwise. Those of a video
   are seen while it is decoded; of what moves, each face that goes on is one (`tracking.py`).

A `Look` belongs to one call: its faces are compared and overwritten at once (design rule 1).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from indexer.faces import Appearance, FaceEngine, ProbeFaces, SeenFaces
from indexer.hashing import (
    FrameHasher,
    KnownHashes,
    MediumParts,
    PdqOrientations,
    Shrunk,
    VideoHashes,
    hash_medium,
    medium_parts,
    pdq_orientations,
    shrink,
)
from indexer.media import (
    Decoded,
    Decoder,
    DecoderPool,
    MediaError,
    Medium,
    Picture,
)
from indexer.observations import HashMatch, MediaHashes
from indexer.tracking import FaceWatch

LEAST_SIDE_PX: Final = 512
"""What hashes are made of: PDQ of a half differs from that of the whole by up to six bits of 256,
the two reference implementations by up to sixteen."""


@dataclass(frozen=True, slots=True)
class SeenHashes:
    """All hashes of a medium: of a picture turned in every way, or of a video's frames."""

    hashes: MediaHashes
    orientations: PdqOrientations | None = None
    video: VideoHashes | None = None
    parts: MediumParts | None = None
    shrunk: Shrunk | None = None


class Look:
    """What one medium showed. `refused` says why it could not be decoded, `decoded` is None then.

    `faces` are those of each frame of a still, or of each track of what moves, as (frame index,
    faces); those of a still are embedded later (`to_embed`), with others'. Of tracks, `appearances`
    say for each of them when it was seen. Leaving its `with` block overwrites the faces.
    """

    __slots__ = (
        "__faces",
        "__medium",
        "appearances",
        "decoded",
        "frames",
        "hits",
        "refused",
        "seen",
    )

    def __init__(
        self,
        medium: Medium,
        seen: SeenHashes,
        hits: tuple[HashMatch, ...],
        *,
        decoded: Decoded | None = None,
        faces: tuple[tuple[int, ProbeFaces | SeenFaces], ...] = (),
        appearances: tuple[Appearance, ...] = (),
        refused: MediaError | None = None,
    ) -> None:
        self.__medium = medium
        self.__faces = faces
        self.appearances = appearances
        self.seen = seen
        self.hits = hits
        self.decoded = decoded
        self.refused = refused
        self.frames = len(decoded.frames) if decoded is not None else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, faces in self.__faces:
            faces.overwrite()

    def __repr__(self) -> str:
        return "<Look>"

    @property
    def medium(self) -> Medium:
        """What was looked at."""
        return self.__medium

    @property
    def faces_counted(self) -> int:
        """How many faces were seen; once they are embedded, without what is none."""
        return sum(len(of_frame) for _, of_frame in self.__faces)

    @property
    def faces(self) -> tuple[tuple[int, ProbeFaces], ...]:
        """The faces of each frame that shows any, for one comparison, once they are embedded."""
        return tuple(
            (index, faces) for index, faces in self.__faces if isinstance(faces, ProbeFaces)
        )

    @property
    def to_embed(self) -> tuple[SeenFaces, ...]:
        """The faces that have no vector yet, frame by frame."""
        return tuple(faces for _, faces in self.__faces if isinstance(faces, SeenFaces))

    def embedded(self, probes: Sequence[ProbeFaces]) -> None:
        """Probes in place of `to_embed`, in its order."""
        made = iter(probes)
        self.__faces = tuple(
            (index, next(made) if isinstance(faces, SeenFaces) else faces)
            for index, faces in self.__faces
        )

    @property
    def is_still(self) -> bool:
        """Whether it is one picture, which is decoded again in no time."""
        return self.decoded is not None and self.decoded.kind == "still"

    def without_pixels(self) -> None:
        """Let go of the pixels of a still, while it waits: whoever needs them decodes it again."""
        if self.decoded is not None and self.is_still:
            self.decoded = replace(self.decoded, frames=())

    def frames_in_full(
        self, decoder: Decoder | DecoderPool, indexes: Sequence[int] = ()
    ) -> tuple[Picture, ...]:
        """The frames in full size, those with these numbers among them; the medium is decoded
        again where they are not.

        When that fails, what there is: smaller ones, or none when the pixels were let go.
        """
        frames = self.decoded.frames if self.decoded is not None else ()
        if self.decoded is None:
            return frames
        if not self.is_still:
            return self._and_single(decoder, indexes, frames)
        if not frames or any(frame.scale < 1 for frame in frames):
            with contextlib.suppress(MediaError):
                frames = decoder.decode(self.__medium).frames
                self.decoded = replace(self.decoded, frames=frames)
        return frames

    def _and_single(
        self, decoder: Decoder | DecoderPool, indexes: Sequence[int], frames: tuple[Picture, ...]
    ) -> tuple[Picture, ...]:
        """These frames of what moves, and single ones before them that are not in full among them.

        A decoder gives a few single frames at a time.
        """
        there = {frame.frame_index for frame in frames if frame.scale >= 1}
        missing = tuple(dict.fromkeys(index for index in indexes if index not in there))
        missing = missing[: decoder.limits.max_frames]
        if not missing:
            return frames
        single: tuple[Picture, ...] = ()
        with contextlib.suppress(MediaError):
            single = decoder.decode(self.__medium, frame_indexes=missing).frames
        return (*single, *frames)


def look(
    medium: Medium,
    decoder: Decoder | DecoderPool,
    engine: FaceEngine | None,
    known: KnownHashes,
    *,
    only_person: str | None,
    hidden: frozenset[str],
) -> Look:
    """Look at one medium. Without an engine no face is seen; `hidden` people are not looked for.

    A medium that cannot be decoded is a `Look` that says why; other errors are defects.
    """
    with contextlib.ExitStack() as stack:
        watch = None
        if engine is not None:
            watch = stack.enter_context(FaceWatch(engine, decoder.limits))
        # 1. Decode.
        hasher = FrameHasher()
        try:
            decoded = decoder.decode(
                medium, hasher.look, least_side_px=LEAST_SIDE_PX, watcher=watch
            )
            # 2. Hash.
            seen = _hashed(medium, decoded, hasher, with_parts=known.has_parts)
            # 3. Known pictures.
            hits = known.search(
                seen.hashes,
                seen.orientations,
                video=seen.video,
                parts=seen.parts,
                only_person=only_person,
                hidden=hidden,
            )
            # 4. Faces.
            if watch is not None and decoded.kind != "still":
                return _tracked(medium, seen, tuple(hits), decoded, watch)
            faces = _faces(medium, decoded, decoder, engine)
        except MediaError as error:
            hashes = hash_medium(medium.content, None)
            hits = known.search(hashes, only_person=only_person, hidden=hidden)
            return Look(medium, SeenHashes(hashes), tuple(hits), refused=error)
    return Look(medium, seen, tuple(hits), decoded=decoded, faces=faces)


def _tracked(
    medium: Medium,
    seen: SeenHashes,
    hits: tuple[HashMatch, ...],
    decoded: Decoded,
    watch: FaceWatch,
) -> Look:
    """What moves: each face that goes on is one, with its times."""
    if decoded.kind == "animation":
        for frame in decoded.frames:
            if watch.look(frame) == "none":
                break
    left_out = "; ".join([*filter(None, [decoded.left_out]), *watch.left_out()])
    tracks = watch.done()
    return Look(
        medium,
        seen,
        hits,
        decoded=replace(decoded, left_out=left_out or None),
        faces=tuple((when.best.frame_index, faces) for faces, when in tracks),
        appearances=tuple(when for _, when in tracks),
    )


def _hashed(
    medium: Medium, decoded: Decoded, hasher: FrameHasher, *, with_parts: bool
) -> SeenHashes:
    if decoded.kind == "video":
        return SeenHashes(hash_medium(medium.content, None), video=hasher.hashes())
    shrunk = shrink(decoded.frames[0])
    orientations = pdq_orientations(shrunk)
    return SeenHashes(
        hash_medium(medium.content, shrunk, orientations),
        orientations,
        parts=medium_parts(shrunk) if with_parts else None,
        shrunk=shrunk,
    )


def _faces(
    medium: Medium, decoded: Decoded, decoder: Decoder | DecoderPool, engine: FaceEngine | None
) -> tuple[tuple[int, SeenFaces], ...]:
    if engine is None:
        return ()
    seen: list[tuple[int, SeenFaces]] = []
    try:
        for frame in decoded.frames:
            faces = engine.see(frame, _full_size(medium, frame, decoder))
            if faces:
                seen.append((frame.frame_index, faces))
    except BaseException:
        for _, faces in seen:
            faces.overwrite()
        raise
    return tuple(seen)


def _full_size(
    medium: Medium, frame: Picture, decoder: Decoder | DecoderPool
) -> Callable[[], Picture] | None:
    """How to come by the frame in full size, where it came smaller."""
    if frame.scale >= 1:
        return None

    def full() -> Picture:
        try:
            return decoder.decode(medium).frames[0]
        except MediaError:
            # What was seen smaller is better than nothing: it decoded once.
            return frame

    return full
