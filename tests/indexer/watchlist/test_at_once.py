"""Two faces at once cannot both be one person; one after the other in a video they can."""

from __future__ import annotations

import pytest

from indexer.observations import Box, FaceMatch
from indexer.watchlist.lookalikes import with_cautions


def face(person: str = "ada", *, frame: int = 0, shown: tuple[int, int] | None = None) -> FaceMatch:
    begin, end = shown if shown is not None else (None, None)
    return FaceMatch(
        person_ref=person,
        similarity=0.6,
        threshold=0.4,
        expected_chance_matches=1e-5,
        band="strong",
        box=Box(0, 0, 10, 10),
        frame_index=frame,
        face_crop_png=b"",
        from_ms=begin,
        to_ms=end,
    )


@pytest.mark.parametrize(
    ("one", "other", "cautions"),
    [
        (face(), face(), ("two_faces_match",)),
        (face(frame=3), face(frame=9), ()),
        (face(), face("bea"), ()),
        (face(frame=3, shown=(0, 4000)), face(frame=60, shown=(2000, 9000)), ("two_faces_match",)),
        (face(frame=3, shown=(0, 4000)), face(frame=60, shown=(4000, 9000)), ()),
        (face(frame=3, shown=(0, 4000)), face(frame=60, shown=(7000, 9000)), ()),
        (face(frame=3, shown=(0, 4000)), face("bea", frame=60, shown=(2000, 9000)), ()),
    ],
)
def test_two_faces_at_one_time_are_marked(
    one: FaceMatch, other: FaceMatch, cautions: tuple[str, ...]
) -> None:
    assert [match.cautions for match in with_cautions([one, other])] == [cautions, cautions]
