"""Reference photos made ready for comparing, kept between media: decoded, their points found.

A person who was found once is often found again soon. Photos are known by their content, so that
a changed one is never taken for the old; what was not used for longest goes first; `clear` forgets
all of them, as soon as the gallery changes or somebody is hidden (design rule 7).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from indexer.manipulation.alignment import Comparable
from indexer.media import Decoder, DecoderPool, Medium

MAX_BYTES = 192 * 1024 * 1024
"""Five photos of twelve megapixels, or a hundred of the size that people send each other."""
_POINTS_BYTES = 2 * 1024 * 1024


class ReferenceShelf:
    """Safe to share between threads: a photo that two want at a time may be made ready twice."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """`max_bytes` bounds pixels and points together; a larger photo is not kept at all."""
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, Comparable] = OrderedDict()
        self._held_bytes = 0
        self._cleared = 0
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def held_bytes(self) -> int:
        """What the photos on the shelf take in memory."""
        return self._held_bytes

    @property
    def clearings(self) -> int:
        """How often it was cleared: a photo that was asked for before is not kept after."""
        return self._cleared

    def ready(
        self, content: bytes, decoder: Decoder | DecoderPool, *, asked_at: int | None = None
    ) -> Comparable:
        """The photo, ready to be compared. Raises `MediaError` when it cannot be decoded.

        `asked_at` is what `clearings` was when somebody was asked for the photo; now if left out.
        """
        key = hashlib.sha256(content).digest()
        with self._turn:
            cleared = self._cleared if asked_at is None else asked_at
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        photo = Comparable(decoder.decode(Medium(content)).frames[0])
        with self._turn:
            # What was asked for before it was cleared is not put back.
            if key not in self._kept and cleared == self._cleared:
                self._held_bytes += _size(photo)
                self._kept[key] = photo
            while self._held_bytes > self._max_bytes:
                _, gone = self._kept.popitem(last=False)
                self._held_bytes -= _size(gone)
        return photo

    def clear(self) -> None:
        """Forget every photo."""
        with self._turn:
            self._cleared += 1
            self._kept.clear()
            self._held_bytes = 0


def _size(photo: Comparable) -> int:
    return photo.picture.pixels.nbytes + _POINTS_BYTES
