"""Evidence of manipulation: what a file declares, and what a reference photo shows was changed.

The declared facts are read in the decoder process and arrive as `Decoded.declared`.
"""

from __future__ import annotations

from indexer.manipulation.alignment import Comparable
from indexer.manipulation.comparison import compare_with_reference
from indexer.manipulation.finding import PARTS_LOOKED_AT, PARTS_NOT_LOOKED_AT, assess
from indexer.manipulation.shelf import ReferenceShelf
from indexer.media.declared import declared_facts

__all__ = [
    "PARTS_LOOKED_AT",
    "PARTS_NOT_LOOKED_AT",
    "Comparable",
    "ReferenceShelf",
    "assess",
    "compare_with_reference",
    "declared_facts",
]
