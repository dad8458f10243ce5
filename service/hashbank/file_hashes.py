"""Hashes of files that somebody lawfully holds: computed here, and nothing of the file is kept.

1. The file is read, or refused where it is larger than anything that is looked at.
2. It is decoded, confined as crawled media are.
3. SHA-256 of the file, PDQ of the picture in all orientations and of its parts, or of a video's
   frames. A file that cannot be decoded still has its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from indexer.hashing import (
    MIN_PDQ_QUALITY,
    FrameHasher,
    hash_medium,
    known_parts,
    pdq_orientations,
    shrink,
)
from indexer.media import Decoder, MediaError, Medium
from indexer.observations import FrameHash, PartHash
from service.hashbank.given import MAX_FRAMES

_PIECE_BYTES: Final = 1 << 20


class FileHashes(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hashes of one file. `problem` says why some are missing; without SHA-256 it was not read.

    PDQ below quality 50 is shown and not `usable`: flat pictures all look alike. `note` says so.
    """

    file: str
    kind: Literal["picture", "video", "unreadable"] = "unreadable"
    sha256: str = ""
    pdq: str = ""
    quality: int = 0
    usable: bool = False
    orientations: tuple[tuple[str, str], ...] = ()
    frames: tuple[FrameHash, ...] = ()
    parts: tuple[PartHash, ...] = ()
    problem: str = ""
    note: str = ""

    def fingerprint(self) -> dict[str, object]:
        """As `POST /api/v1/my/known/fingerprints` takes it, in its list `media`."""
        frames = self.frames
        if self.kind == "picture" and self.usable:
            frames = (FrameHash(0, self.pdq, self.quality),)
        every = -(-len(frames) // MAX_FRAMES) or 1
        return {
            "kind": "video" if self.kind == "video" else "picture",
            "sha256": self.sha256,
            "frames": [{"pdq": each.pdq, "quality": each.quality} for each in frames[::every]],
            "parts": msgspec.to_builtins(self.parts),
        }


class FileHasher:
    """Hashes one file after the other with one confined decoder."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def hashed(self, path: Path) -> FileHashes:
        """Hashes of a file; never raises for what is wrong with it."""
        try:
            with path.open("rb") as opened:
                return self.hashed_stream(str(path), opened)
        except OSError as error:
            return FileHashes(str(path), problem=f"cannot be read: {error.strerror}")

    def hashed_stream(self, name: str, stream: BinaryIO) -> FileHashes:
        """Hashes of what comes out of an open file, called `name`. Raises `OSError`."""
        most = self._decoder.limits.max_content_bytes
        content = stream.read(most + 1)
        if not content:
            return FileHashes(name, problem="is empty")
        if len(content) > most:
            return FileHashes(
                name,
                sha256=_digest(content, stream),
                problem=f"is larger than {most >> 20} MB: only exact copies can be recognised",
            )
        return self._decoded(name, content)

    def _decoded(self, name: str, content: bytes) -> FileHashes:
        frames = FrameHasher()
        try:
            decoded = self._decoder.decode(Medium(content), frames.look)
        except MediaError as error:
            sha256 = hash_medium(content, None).sha256
            return FileHashes(name, sha256=sha256, problem=f"cannot be decoded: {error}")
        if decoded.kind == "video":
            found = frames.hashes().frames
            return FileHashes(
                name,
                "video",
                hash_medium(content, None).sha256,
                usable=bool(found),
                frames=found,
                note="" if found else _too_plain("no frame has the quality; "),
            )
        small = shrink(decoded.frames[0])
        orientations = pdq_orientations(small)
        usable = orientations.quality >= MIN_PDQ_QUALITY
        return FileHashes(
            name,
            "picture",
            hash_medium(content, small, orientations).sha256,
            orientations.upright,
            orientations.quality,
            usable,
            orientations.hashes,
            parts=known_parts(small) if usable else (),
            note="" if usable else _too_plain(f"quality {orientations.quality}; "),
        )


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves; of folders all files in them, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(inside for inside in path.rglob("*") if inside.is_file())
        else:
            yield path


def _too_plain(quality: str) -> str:
    return (
        f"there is too little detail in it ({quality}{MIN_PDQ_QUALITY} of 100 are needed): only "
        "exact copies can be recognised"
    )


def _digest(read: bytes, stream: BinaryIO) -> str:
    digest = hashlib.sha256(read)
    while piece := stream.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()
