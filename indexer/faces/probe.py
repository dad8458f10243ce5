"""A face just seen: it lives inside one call, is compared, and is overwritten (design rule 1).

`ProbeFace` keeps vector and aligned crop in a private buffer. It has no accessor, shows nothing,
and cannot be copied, stored, sent, iterated or seen as an array. `ProbeFaces` are those of one
picture; leaving their `with` block overwrites them.

`SeenFaces` come before: aligned faces of one picture without a vector yet, which wait for those of
other pictures because a network embeds several faces at a time for less. They are guarded alike.

`_lend` is the one way in, for `indexer.watchlist`, and for `indexer.faces.tracks`, which makes one
probe of the faces of one moving face: it hands the vectors of one or several pictures out for one
comparison and overwrites probes and matrix when that ends. A test looks for any other user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Self, SupportsIndex

from indexer.faces.errors import ProbeGuardedError, ProbeSpentError
from indexer.faces.found import FoundFace
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.session import Floats
from indexer.media.picture import Pixels
from indexer.observations import Box, ModelStamp

_CROP_SHAPE = (112, 112, 3)
_CROP_BYTES = 112 * 112 * 3


class _Guarded:
    """Refuses every way that Python offers to copy, store, send or look into an object."""

    __slots__ = ("__weakref__",)
    __array_ufunc__ = None
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        self._refuse()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        self._refuse()

    def __getstate__(self) -> NoReturn:
        self._refuse()

    def __copy__(self) -> NoReturn:
        self._refuse()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self._refuse()

    def __array__(self, dtype: object = None, copy: object = None) -> NoReturn:
        # Without it, NumPy would make an array that holds a reference to the probe.
        self._refuse()

    def __iter__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ProbeGuardedError(
            "a face seen in media is compared and overwritten; it is never copied, stored or sent"
        )


class _Spendable(_Guarded):
    """Guarded, for one `with` block, at whose end it is overwritten."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.overwrite()

    def overwrite(self) -> None:
        """Set all that is known of what was seen to nothing."""
        raise NotImplementedError


class ProbeFace(_Spendable):
    """One face just seen. Made by `FaceEngine.probe`, consumed by `Watchlist.search`."""

    __slots__ = ("__box", "__buffer", "__dimension")

    def __init__(self, vector: Floats, crop: Pixels, box: Box, weight: float = 1.0) -> None:
        """Takes copies of `vector` (dimension,) and `crop` (112, 112, 3) into its own memory.

        `weight` is its quality figure: how much this view is worth beside others of the same face.
        """
        self.__dimension = vector.shape[0]
        self.__buffer = PrivateBuffer((vector.shape[0] + 1) * 4 + _CROP_BYTES)
        self.__box = box
        self.__vector()[:] = vector
        self.__numbers()[-1] = weight
        self.__crop()[...] = crop

    def __init_subclass__(cls) -> None:
        raise ProbeGuardedError("ProbeFace cannot be extended")

    def overwrite(self) -> None:
        """Set vector, crop and place to nothing."""
        self.__buffer.wipe()
        self.__box = Box(0, 0, 0, 0)

    def _lend_one(self) -> tuple[Floats, Pixels, Box]:
        return self.__vector(), self.__crop(), self.__box

    def _lend_weight(self) -> float:
        return float(self.__numbers()[-1])

    def __numbers(self) -> Floats:
        return self.__buffer.floats((self.__dimension + 1,))

    def __vector(self) -> Floats:
        return self.__numbers()[:-1]

    def __crop(self) -> Pixels:
        before = (self.__dimension + 1) * 4
        return self.__buffer.octets((before + _CROP_BYTES,))[before:].reshape(_CROP_SHAPE)


class ProbeFaces(_Spendable):
    """The faces of one picture, for one comparison. `len` is how many there were."""

    __slots__ = ("__count", "__faces", "__model")

    def __init__(self, faces: tuple[ProbeFace, ...], model: ModelStamp) -> None:
        self.__faces = faces
        self.__count = len(faces)
        self.__model = model

    def __init_subclass__(cls) -> None:
        raise ProbeGuardedError("ProbeFaces cannot be extended")

    @property
    def model(self) -> ModelStamp:
        """Which model looked."""
        return self.__model

    @property
    def spent(self) -> bool:
        """Whether they were compared or overwritten already."""
        return self.__count > 0 and not self.__faces

    def __len__(self) -> int:
        return self.__count

    def overwrite(self) -> None:
        """Overwrite every face; only the count stays."""
        for face in self.__faces:
            face.overwrite()
        self.__faces = ()

    def _lend_all(self) -> tuple[ProbeFace, ...]:
        if self.spent:
            raise ProbeSpentError("these probes were already compared; look at the picture again")
        return self.__faces


class SeenFaces(_Spendable):
    """The aligned faces of one picture, until `FaceEngine.embed` makes probes of them. `len` is how
    many there were.
    """

    __slots__ = ("__boxes", "__buffer", "__count", "__found")

    def __init__(
        self, crops: Sequence[Pixels], found: Sequence[FoundFace], boxes: Sequence[Box]
    ) -> None:
        """Takes copies of the (112, 112, 3) `crops` into its own memory; the caller overwrites
        them. `found` and `boxes` say where each is.
        """
        self.__count = len(crops)
        self.__found = tuple(found)
        self.__boxes = tuple(boxes)
        self.__buffer = PrivateBuffer(self.__count * _CROP_BYTES)
        for place, crop in zip(self.__crops(), crops, strict=True):
            place[...] = crop

    def __init_subclass__(cls) -> None:
        raise ProbeGuardedError("SeenFaces cannot be extended")

    @property
    def spent(self) -> bool:
        """Whether they were embedded or overwritten already."""
        return self.__count > 0 and not self.__found

    def __len__(self) -> int:
        return self.__count

    def overwrite(self) -> None:
        """Set every crop and place to nothing; only the count stays."""
        self.__buffer.wipe()
        self.__found = ()
        self.__boxes = ()

    def _lend_aligned(self) -> tuple[tuple[Pixels, FoundFace, Box], ...]:
        if self.spent:
            raise ProbeSpentError("these faces were already embedded; look at the picture again")
        return tuple(zip(self.__crops(), self.__found, self.__boxes, strict=True))

    def __crops(self) -> Pixels:
        size = self.__count * _CROP_BYTES
        return self.__buffer.octets((size,)).reshape(self.__count, *_CROP_SHAPE)


@dataclass(frozen=True, slots=True)
class _Lent:
    """What one comparison sees: `vectors` (n, dimension), and each face's crop, place, weight."""

    vectors: Floats
    crops: tuple[Pixels, ...]
    boxes: tuple[Box, ...]
    weights: tuple[float, ...]

    def __reduce__(self) -> NoReturn:
        raise ProbeGuardedError("what was lent for one comparison is never copied, stored or sent")

    def __repr__(self) -> str:
        return "<Lent>"


@contextmanager
def _lend(pictures: Sequence[ProbeFaces]) -> Iterator[_Lent]:
    """For the watch-list and for tracks: the vectors for one comparison; all is overwritten after.

    The faces come picture after picture. The arrays are views of private buffers: they are zero
    when the block ends. Raises `ProbeSpentError` when one picture's probes were compared already;
    the others are then overwritten too.
    """
    buffer = PrivateBuffer(0)
    try:
        faces = [face for probes in pictures for face in probes._lend_all()]
        parts = [face._lend_one() for face in faces]
        dimension = parts[0][0].shape[0] if parts else 0
        buffer = PrivateBuffer(len(parts) * dimension * 4)
        vectors = buffer.floats((len(parts), dimension))
        for place, (vector, _, _) in enumerate(parts):
            vectors[place] = vector
        yield _Lent(
            vectors,
            tuple(crop for _, crop, _ in parts),
            tuple(box for _, _, box in parts),
            tuple(face._lend_weight() for face in faces),
        )
    finally:
        buffer.wipe()
        for probes in pictures:
            probes.overwrite()
