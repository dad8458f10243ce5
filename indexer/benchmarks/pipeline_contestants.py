"""Who examines the same pictures in the pipeline's benchmark: from bytes to matches.

Every contestant decodes, finds faces, embeds them and compares them with the same enrolled people,
and says how many faces each picture had and who was found. Ours also runs whole, as the service
runs it, with hashes and all else that an examination holds: that is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np

from indexer.examine import Eyes
from indexer.faces import FaceEngine, PhotoRefusedError, SeenFaces
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import RuntimeName
from indexer.looking import LEAST_SIDE_PX
from indexer.media import DecoderPool, MediaError, Medium
from indexer.stream import ExaminationStream, examine_many
from indexer.watchlist import WatchedTemplate, Watchlist

FACE_ANALYSIS: Final = "FaceAnalysis"
_TOGETHER: Final = 4
"""Pictures whose faces are embedded together: about as many faces as a stream waits for."""

_OfOne = tuple[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Of each picture, in order: how many faces, and who of the enrolled people was found."""

    faces: tuple[int, ...]
    found: tuple[frozenset[str], ...]


class Contestant(Protocol):
    """Examines pictures."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def enrol(self, references: Mapping[str, bytes]) -> frozenset[str]:
        """Who of these people could be enrolled, by one photo each; replaces the earlier ones."""
        ...

    def examine(self, contents: Sequence[bytes]) -> Seen:
        """Look at all of them."""
        ...

    def close(self) -> None:
        """End what it runs beside this process."""
        ...


class LikenessContestant:
    """Ours, with one pack, over as many lanes as an examiner has."""

    def __init__(
        self,
        engine: FaceEngine,
        decoders: DecoderPool,
        lanes: int,
        *,
        whole: bool,
        also: str = "",
    ) -> None:
        """`whole` is all of an examination, hashes included; otherwise what the peer does. `also`
        says what else is special, for tables.
        """
        self._also = also
        self._engine = engine
        self._decoders = decoders
        self._stream = ExaminationStream(engine, lanes)
        self._whole = whole
        self._watchlist = Watchlist.empty()

    @property
    def name(self) -> str:
        """With pack and runtime."""
        what = "whole examination" if self._whole else "faces"
        return f"Likeness, {self._engine.pack.name}, {self._engine.runtime}, {what}{self._also}"

    @property
    def runtime(self) -> RuntimeName:
        """What runs its networks."""
        return self._engine.runtime

    def enrol(self, references: Mapping[str, bytes]) -> frozenset[str]:
        """See `Contestant.enrol`."""
        templates: list[WatchedTemplate] = []
        for person, content in references.items():
            try:
                picture = self._decoders.decode(Medium(content)).frames[0]
                template = self._engine.enrol(picture)
            except (PhotoRefusedError, MediaError):
                continue
            templates.append(WatchedTemplate(person, person, template))
        self._watchlist = Watchlist.build(
            templates, model=self._engine.model, calibration=self._engine.pack.calibration
        )
        return frozenset(each.person_ref for each in templates)

    def examine(self, contents: Sequence[bytes]) -> Seen:
        """See `Contestant.examine`."""
        with _opencv_on_one_thread():
            return self._whole_examinations(contents) if self._whole else self._faces_only(contents)

    def _whole_examinations(self, contents: Sequence[bytes]) -> Seen:
        eyes = Eyes(decoder=self._decoders, engine=self._engine)
        found = list(
            examine_many(map(Medium, contents), self._watchlist, eyes=eyes, stream=self._stream)
        )
        return Seen(
            tuple(each.faces_counted for each in found),
            tuple(frozenset(who.person_ref for who in each.findings) for each in found),
        )

    def close(self) -> None:
        """See `Contestant.close`."""
        self._stream.close()

    def _faces_only(self, contents: Sequence[bytes]) -> Seen:
        """The same lanes and steps, without hashes and without what follows a match."""
        futures = [
            self._stream.run(partial(self._faces_of, some))
            for some in _shared_out(contents, self._stream.lanes)
        ]
        seen = [of_one for future in futures for of_one in future.result()]
        return Seen(tuple(faces for faces, _ in seen), tuple(found for _, found in seen))

    def _faces_of(self, contents: Sequence[bytes], engine: FaceEngine | None) -> list[_OfOne]:
        """A lane's: each picture is looked at, and the faces of all are embedded together."""
        if engine is None:
            raise ValueError("a lane without models sees no faces")
        with ExitStack() as seen:
            faces = [seen.enter_context(self._seen(content, engine)) for content in contents]
            return [
                (
                    len(probes),
                    frozenset(match.person_ref for match in self._watchlist.search(probes)),
                )
                for probes in engine.embed(faces)
            ]

    def _seen(self, content: bytes, engine: FaceEngine) -> SeenFaces:
        medium = Medium(content)
        try:
            picture = self._decoders.decode(medium, least_side_px=LEAST_SIDE_PX).frames[0]
        except MediaError:
            return SeenFaces((), (), ())
        in_full = None if picture.scale >= 1 else lambda: self._decoders.decode(medium).frames[0]
        return engine.see(picture, in_full)


def _shared_out(contents: Sequence[bytes], lanes: int) -> Iterator[Sequence[bytes]]:
    """As many together as are worth it, and fewer towards the end, as in a stream, where whoever
    has nothing left to look at waits for nobody.
    """
    at = 0
    while at < len(contents):
        some = min(_TOGETHER, max(1, (len(contents) - at) // (2 * lanes)))
        yield contents[at : at + some]
        at += some


@contextmanager
def _opencv_on_one_thread() -> Iterator[None]:
    """As in an examiner, whose lanes use the cores already; the peer keeps OpenCV's own choice."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class FaceAnalysisContestant:
    """InsightFace's `FaceAnalysis` as its manual shows it: detection and recognition, its own
    sizes, all threads that ONNX Runtime takes by itself; OpenCV decodes.
    """

    def __init__(self, pack: str, root: Path, threshold: float) -> None:
        """Loads `root/models/pack`. `threshold` is the similarity that counts as found."""
        onnxruntime_module()
        from insightface.app import FaceAnalysis  # noqa: PLC0415 - it loads ONNX Runtime

        self._pack = pack
        self._threshold = threshold
        self._app: Any = FaceAnalysis(
            name=pack,
            root=str(root),
            allowed_modules=["detection", "recognition"],
            providers=["CPUExecutionProvider"],
        )
        self._app.prepare(ctx_id=-1)
        self._people: tuple[str, ...] = ()
        self._gallery = np.zeros((0, 1), np.float32)

    @property
    def name(self) -> str:
        """With its pack."""
        return f"{FACE_ANALYSIS}, {self._pack}, onnxruntime"

    def enrol(self, references: Mapping[str, bytes]) -> frozenset[str]:
        """See `Contestant.enrol`; the largest face is the person."""
        people: list[str] = []
        vectors = []
        for person, content in references.items():
            faces = self._faces(content)
            if faces:
                largest = max(faces, key=lambda face: float(np.prod(face.bbox[2:] - face.bbox[:2])))
                people.append(person)
                vectors.append(largest.normed_embedding)
        self._people = tuple(people)
        self._gallery = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
        return frozenset(people)

    def examine(self, contents: Sequence[bytes]) -> Seen:
        """See `Contestant.examine`."""
        seen = [self._one(content) for content in contents]
        return Seen(tuple(faces for faces, _ in seen), tuple(found for _, found in seen))

    def close(self) -> None:
        """See `Contestant.close`: there is nothing."""

    def _one(self, content: bytes) -> _OfOne:
        faces = self._faces(content)
        if not faces or not self._people:
            return len(faces), frozenset()
        similarities = np.stack([face.normed_embedding for face in faces]) @ self._gallery.T
        hits = np.flatnonzero((similarities >= self._threshold).any(axis=0))
        return len(faces), frozenset(self._people[int(hit)] for hit in hits)

    def _faces(self, content: bytes) -> list[Any]:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        return [] if picture is None else list(self._app.get(picture))
