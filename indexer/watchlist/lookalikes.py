"""Siblings and look-alikes: what makes a match weaker than its similarity says.

1. Another enrolled person is nearly as close to the same face. Then chance, or a likeness between
   the two people, explains it as well.
2. Two faces of one picture match one person, or two of a video at the same time. At most one of
   them is that person, unless it is a collage or a mirror.

Either lowers the band by one step and is said in words. Which other person it is, is never said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import msgspec

from indexer.observations import Band, Caution, FaceMatch

CLOSE_BEHIND = 0.10
"""So much less similar, another enrolled person is close behind.

Measured with yunet-sface on 8,138 pictures of 3,176 people (LFW), one template each, at the pack's
threshold: with 1,000 people enrolled the second one is that close behind 3.6 % of true matches and
88 % of chance matches, with 3,000 people 4.6 % and 95 %, with 100 people 0.4 % and 32 %.
"""

_BANDS: tuple[Band, ...] = get_args(Band)


def is_another_close(person: str, similarities: Mapping[str, float]) -> bool:
    """Whether somebody else is close behind this person, or before them.

    `similarities` are of one face with every person who is near it.
    """
    least = similarities[person] - CLOSE_BEHIND
    return any(similarity >= least for other, similarity in similarities.items() if other != person)


def with_cautions(matches: Sequence[FaceMatch]) -> tuple[FaceMatch, ...]:
    """The same matches of one medium; those of a person with two at once are marked."""
    of_person: dict[str, list[FaceMatch]] = {}
    for match in matches:
        of_person.setdefault(match.person_ref, []).append(match)
    return tuple(
        _marked(
            match,
            two_faces=any(
                are_at_once(match, other)
                for other in of_person[match.person_ref]
                if other is not match
            ),
        )
        for match in matches
    )


def are_at_once(one: FaceMatch, other: FaceMatch) -> bool:
    """Whether two faces are seen in one frame, or in a video for a while at the same time."""
    if one.frame_index == other.frame_index:
        return True
    if None in {one.from_ms, one.to_ms, other.from_ms, other.to_ms}:
        return False
    latest_begin = max(one.from_ms or 0, other.from_ms or 0)
    return latest_begin < min(one.to_ms or 0, other.to_ms or 0)


def lowered(band: Band, cautions: Iterable[Caution]) -> Band:
    """One step lower where there is a reason, however many there are."""
    if not tuple(cautions):
        return band
    return _BANDS[min(_BANDS.index(band) + 1, len(_BANDS) - 1)]


def _marked(match: FaceMatch, *, two_faces: bool) -> FaceMatch:
    kept: tuple[Caution, ...] = tuple(each for each in match.cautions if each != "two_faces_match")
    cautions: tuple[Caution, ...] = (*kept, "two_faces_match") if two_faces else kept
    return msgspec.structs.replace(match, cautions=cautions)
