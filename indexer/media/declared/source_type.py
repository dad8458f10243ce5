"""IPTC's vocabulary of how a picture came about, and which of its words say "generated"."""

from __future__ import annotations

from typing import Final

# https://cv.iptc.org/newscodes/digitalsourcetype/ : the terms whose definition says that the
# picture, or a part of it, was made by an algorithm. Retouching and screen captures are not there.
GENERATED_TERMS: Final = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
        "compositeSynthetic",
    }
)


def source_term(value: str) -> str:
    """The last part of a term's address; the vocabulary is written with and without it."""
    return value.strip().rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def says_generated(value: str) -> bool:
    """Whether this DigitalSourceType says that an algorithm made the picture or a part of it."""
    return source_term(value) in GENERATED_TERMS
