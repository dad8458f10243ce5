"""Fingerprints that were made on a person's own device, as the page sends them: hashes only.

What is read here is exact: unknown fields, other kinds, other lengths or more than a page makes
are refused. A frame below PDQ's own limit of quality is refused, too: it would match anything flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np

from indexer.hashing import MIN_PDQ_QUALITY, ORIENTATIONS, pdq_codes, turned_hashes
from indexer.hashing.parts import MAX_KNOWN_PARTS
from indexer.observations import PartHash
from service.hashbank.documents import FrameHash
from service.hashbank.errors import NotAHashError

MAX_MEDIA_AT_ONCE: Final = 20
MAX_FRAMES: Final = 300
MAX_FRAMES_OF_A_PICTURE: Final = 2
"""All its pixels, and shrunk as crawled media are before they are hashed."""
MAX_TURNED_OFF: Final = 72
"""A turned picture's hash is 48 bits at most from what its bits make of it (300 photographs), and
another picture's 128 on average."""
_MAX_CHARACTERS: Final = 640 * 1024

Hex256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class GivenFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PDQ of one frame, with its quality."""

    pdq: Hex256
    quality: Annotated[int, msgspec.Meta(ge=MIN_PDQ_QUALITY, le=100)]


_Thousandths = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class GivenPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PDQ of one part of a picture; its edges are in thousandths of the sides."""

    pdq: Hex256
    quality: Annotated[int, msgspec.Meta(ge=MIN_PDQ_QUALITY, le=100)]
    left: _Thousandths
    top: _Thousandths
    right: _Thousandths
    bottom: _Thousandths

    def __post_init__(self) -> None:
        """A part has an inside; msgspec reports the error as one of the field."""
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a part's right and bottom lie beyond its left and top")


class GivenMedium(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture or video; without frames where only exact copies can be recognised."""

    kind: Literal["picture", "video"]
    sha256: Hex256
    frames: Annotated[tuple[GivenFrame, ...], msgspec.Meta(max_length=MAX_FRAMES)]
    parts: Annotated[tuple[GivenPart, ...], msgspec.Meta(max_length=MAX_KNOWN_PARTS)] = ()
    turned: tuple[Hex256, ...] = ()

    def __post_init__(self) -> None:
        """All orientations of a picture that has frames, or none."""
        if self.turned and (self.kind == "video" or not self.frames):
            raise ValueError("only a picture with hashes has orientations")
        if len(self.turned) not in (0, len(ORIENTATIONS)):
            raise ValueError(f"a picture has {len(ORIENTATIONS)} orientations")
        if self.turned and not _is_one_picture(self.turned, self.frames):
            raise ValueError("the orientations are those of another picture")

    def frame_hashes(self) -> tuple[FrameHash, ...]:
        """The frames as they are kept."""
        return tuple(FrameHash(frame.pdq, frame.quality) for frame in self.frames)

    def part_hashes(self) -> tuple[PartHash, ...]:
        """The parts as they are kept."""
        return tuple(
            PartHash(each.pdq, each.quality, each.left, each.top, each.right, each.bottom)
            for each in self.parts
        )


def _is_one_picture(turned: Sequence[str], frames: Sequence[GivenFrame]) -> bool:
    """Nobody here can see the picture; but its hashes must be able to belong together, or one
    picture would ask for eight others.
    """
    if turned[0] not in {frame.pdq for frame in frames}:
        return False
    distances = np.bitwise_count(pdq_codes(turned) ^ pdq_codes(turned_hashes(turned[0])))
    return int(distances.sum(axis=1).max()) <= MAX_TURNED_OFF


_GivenMedia = Annotated[
    tuple[GivenMedium, ...], msgspec.Meta(min_length=1, max_length=MAX_MEDIA_AT_ONCE)
]


def read_given_media(text: str) -> tuple[GivenMedium, ...]:
    """Read the page's field, a JSON list. Raises `NotAHashError`."""
    if not text.strip():
        raise NotAHashError("Please choose a picture or video first.")
    if len(text) > _MAX_CHARACTERS:
        raise NotAHashError("Too many fingerprints at once: please choose fewer files.")
    try:
        media = msgspec.json.decode(text, type=_GivenMedia)
    except msgspec.DecodeError as error:
        raise NotAHashError(
            "These fingerprints cannot be read. Please choose the files again."
        ) from error
    most = MAX_FRAMES_OF_A_PICTURE
    if any(medium.kind == "picture" and len(medium.frames) > most for medium in media):
        raise NotAHashError(f"A picture has at most {most} hashes. Please choose the files again.")
    if any(medium.parts for medium in media if medium.kind == "video"):
        raise NotAHashError("A video has no parts. Please choose the files again.")
    return media
