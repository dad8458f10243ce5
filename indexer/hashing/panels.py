"""Where a picture was put between bars, or beside others: its inside, and panels of a collage.

1. Rims of one shade (bars, frames, gutters) are trimmed off.
2. A seam is a straight line across the whole along which most pixels differ from those beyond it,
   more than along the lines beside it. What is left is cut at its surest seam.
3. Each of the two pieces is treated likewise, until there is no seam.

A door frame may look like a seam: a panel too many costs a hash, and is like nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indexer.media.picture import Pixels

MAX_PANELS: Final = 16
_MIN_PANEL_PX: Final = 20
_DIFFERENT: Final = 10
"""Levels of grey between the two sides of a seam."""
_MIN_SHARE: Final = 0.6
"""Of a seam's length. Two photographs that lie on each other's border differ in 0.8 of it."""
_MIN_AHEAD: Final = 0.3
"""How much more of its length a seam differs in than the lines a little beside it do."""
_BESIDE_PX: Final = 4
_ONE_SHADE: Final = 12
"""Levels of grey between the darkest and the lightest pixel of a rim's line."""

Edges = tuple[int, int, int, int]


def panels_of(small: Pixels) -> tuple[Edges, ...]:
    """Insides and panels of a small (height, width) uint8 grey picture: left, top, right, bottom.

    None where nothing is to be trimmed or cut. A panel is given with its rims as well (they may be
    its own), and pieces that are cut further are panels, too.
    """
    height, width = small.shape
    whole = (0, 0, width, height)
    found: dict[Edges, None] = {}
    waiting = [whole]
    while waiting and len(found) < MAX_PANELS:
        piece = waiting.pop(0)
        inside = _trimmed(small, piece)
        if inside is not None:
            found |= {piece: None, inside: None}
            waiting += _halves(small, inside)
    found.pop(whole, None)
    return tuple(found)


def _trimmed(small: Pixels, edges: Edges) -> Edges | None:
    """Without rims of one shade; None when nothing worth looking at is left."""
    left, top, right, bottom = edges
    piece = small[top:bottom, left:right]
    rows = np.flatnonzero(np.ptp(piece, axis=1) > _ONE_SHADE)
    columns = np.flatnonzero(np.ptp(piece, axis=0) > _ONE_SHADE)
    if min(len(rows), len(columns)) < _MIN_PANEL_PX:
        return None
    return (
        left + int(columns[0]),
        top + int(rows[0]),
        left + int(columns[-1]) + 1,
        top + int(rows[-1]) + 1,
    )


def _halves(small: Pixels, edges: Edges) -> list[Edges]:
    """The two pieces on both sides of the surest seam."""
    left, top, right, bottom = edges
    piece = small[top:bottom, left:right].astype(np.int16)
    across, at_x = _surest_seam(piece)
    down, at_y = _surest_seam(piece.T)
    if not max(across, down):
        return []
    if across >= down:
        return [(left, top, left + at_x, bottom), (left + at_x, top, right, bottom)]
    return [(left, top, right, top + at_y), (left, top + at_y, right, bottom)]


def _surest_seam(piece: npt.NDArray[np.int16]) -> tuple[float, int]:
    """How sure the surest seam from top to bottom is (0.0: there is none), and left of which
    column it runs.
    """
    height, width = piece.shape
    if width < 2 * _MIN_PANEL_PX or height < _MIN_PANEL_PX:
        return 0.0, 0
    # shrinking blurs a seam over two pixels
    differs = np.abs(piece[:, 2:] - piece[:, :-2]) >= _DIFFERENT
    share = differs.mean(axis=0)
    beside = np.pad(share, _BESIDE_PX, mode="edge")
    # their mean: on one side there may be the other edge of a gutter
    ahead = share - (beside[: -2 * _BESIDE_PX] + beside[2 * _BESIDE_PX :]) / 2
    sure = np.where((share >= _MIN_SHARE) & (ahead >= _MIN_AHEAD), share, 0.0)
    sure[: _MIN_PANEL_PX - 1] = 0.0
    sure[width - _MIN_PANEL_PX - 1 :] = 0.0
    at = int(np.argmax(sure))
    # of two equal lines the seam is between them
    last = at + 1 if at + 1 < len(share) and share[at + 1] >= 0.9 * share[at] else at
    return float(sure[at]), (at + last + 2) // 2 + (at + last) % 2
