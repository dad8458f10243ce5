"""A PDQ hash turned and mirrored by its bits alone, where there is no picture to turn.

PDQ's 256 bits say of 16 x 16 frequencies of the picture (DCT-II) whether they are above the median.
Turning or mirroring the picture transposes the frequencies and changes the sign of every second
row or column of them (the DCT's symmetry), and a frequency of the other sign is on the other side
of a median near zero. Transposing is exact. The others are 20 bits (mirrored, a quarter turn) or 30
(upside down) from the hash of the turned picture in the median of 300 photographs, because PDQ's
filter lies off the middle: so a mirrored copy is found by bits alone only where little else was
changed. Whoever has the picture makes the hashes of all eight from it (`pdq_orientations`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from indexer.hashing.hashes import ORIENTATIONS, PDQ_BITS
from indexer.hashing.index import pdq_codes
from indexer.hashing.pdq import TURNS

_SIDE: Final = 16
_SECOND: Final = (np.arange(_SIDE) % 2).astype(np.uint8)


def turned_hashes(pdq: str) -> tuple[str, ...]:
    """The hash (64 hex digits) of a picture turned and mirrored in all eight ways.

    In the order in which `pdq_orientations` gives those of a picture. Raises `HashIndexError`.
    """
    bits = np.unpackbits(pdq_codes([pdq])[0]).reshape(_SIDE, _SIDE)
    turned = []
    for transposed, rows, columns in TURNS:
        each = bits.T.copy() if transposed else bits.copy()
        if rows:
            each ^= _SECOND[:, None]
        if columns:
            each ^= _SECOND[None, :]
        turned.append(np.packbits(each.reshape(PDQ_BITS)).tobytes().hex())
    return tuple(turned)


# A medium that is the known picture as turned by step k: named by what was done to the known
# picture, where `ORIENTATIONS` names what undoes step k. Only the quarter turns differ.
TURNED_AS: Final = tuple(
    {"rotated_90": "rotated_270", "rotated_270": "rotated_90"}.get(name, name)
    for name in ORIENTATIONS
)
