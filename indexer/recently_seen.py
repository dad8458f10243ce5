"""Examinations of media that showed nobody, so that the same content is not looked at twice.

Content that is equal to the byte, never only alike: a swapped face hardly moves a perceptual hash.
They hold as long as the very same people and pictures are looked for; a medium that showed somebody
is never kept, and neither is anything of a face (design rule 1).
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from indexer.hashing import KnownHashes
from indexer.observations import Examination
from indexer.watchlist import Watchlist

MOST: Final = 4096


@dataclass(frozen=True, slots=True)
class LookedWith:
    """What decides an examination beside the content. It keeps neither of them alive."""

    watchlist: weakref.ref[Watchlist]
    known: weakref.ref[KnownHashes]
    with_faces: bool
    only_person: str | None

    @classmethod
    def of(
        cls,
        watchlist: Watchlist,
        known: KnownHashes,
        *,
        with_faces: bool,
        only_person: str | None,
    ) -> LookedWith:
        """These very objects, not others that are equal."""
        return cls(weakref.ref(watchlist), weakref.ref(known), with_faces, only_person)


class RecentlySeen:
    """The latest ones, by SHA-256. Safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        """`most` are kept: about a kilobyte each."""
        self._most = most
        self._turn = threading.Lock()
        self._looked_with: LookedWith | None = None
        self._of_content: OrderedDict[bytes, Examination] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of_content)

    def find(self, content_sha256: bytes, looked_with: LookedWith) -> Examination | None:
        """What was seen of this content, if the same was looked for."""
        with self._turn:
            if self._looked_with != looked_with:
                return None
            found = self._of_content.get(content_sha256)
            if found is not None:
                self._of_content.move_to_end(content_sha256)
            return found

    def keep(
        self, content_sha256: bytes, looked_with: LookedWith, examination: Examination
    ) -> None:
        """Keep what was seen, unless it showed somebody, could not be decoded or is large."""
        if examination.findings or examination.refusal or examination.kind == "video":
            return
        with self._turn:
            if self._looked_with != looked_with:
                self._of_content.clear()
                self._looked_with = looked_with
            self._of_content[content_sha256] = examination
            while len(self._of_content) > self._most:
                self._of_content.popitem(last=False)
