"""Reference photos made ready for comparing, kept between media: decoded, their points found.

A person who was found once is often found again soon. Photos are known by their content, so that
a changed one is never taken for the old; what was not used for longest goes first; `clear` forgets
all of them, as soon as the gallery changes or somebody is hidden (design rule 7).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from indexer.manipulation.alignment import Comparable
from indexer.media import Decoder, Medium

MAX_BYTES = 192 * 1024 * 1024
"""Five photos of twelve megapixels, or a hundred of the size that people send each other."""
_POINTS_BYTES = 2 * 1024 * 1024


class ReferenceShelf:
    """Belongs to one thread, like the engine beside it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """`max_bytes` bounds pixels and points together; a larger photo is not kept at all."""
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, Comparable] = OrderedDict()
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def held_bytes(self) -> int:
        """What the photos on the shelf take in memory."""
        return self._held_bytes

    def ready(self, content: bytes, decoder: Decoder) -> Comparable:
        """The photo, ready to be compared. Raises `MediaError` when it cannot be decoded."""
        key = hashlib.sha256(content).digest()
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        photo = Comparable(decoder.decode(Medium(content)).frames[0])
        self._held_bytes += _size(photo)
        self._kept[key] = photo
        while self._held_bytes > self._max_bytes:
            _, gone = self._kept.popitem(last=False)
            self._held_bytes -= _size(gone)
        return photo

    def clear(self) -> None:
        """Forget every photo."""
        self._kept.clear()
        self._held_bytes = 0


def _size(photo: Comparable) -> int:
    return photo.picture.pixels.nbytes + _POINTS_BYTES
