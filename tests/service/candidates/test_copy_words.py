"""How a copy is put into words: plain, and never as a probability."""

from __future__ import annotations

import pytest

from indexer.observations import Examination, HashMatch, MediaHashes
from service.candidates.words import copy_words, looked_words, moment_words


def match(**changed: object) -> HashMatch:
    usual: dict[str, object] = {
        "person_ref": "p",
        "known_ref": "k",
        "kind": "vpdq",
        "distance": 4,
        "orientation": "upright",
        "band": "strong",
    }
    return HashMatch(**(usual | changed))  # type: ignore[arg-type]


def test_a_video_is_said_to_hold_moments_of_the_known_one() -> None:
    words = copy_words(match(known_share=0.8, medium_share=0.004))
    assert "About 80 of 100 of the known video's sampled moments are in this one" in words
    assert "about 1 of 100 of this one's are in the known video" in words
    assert "%" not in words
    assert "mirrored" in copy_words(match(orientation="mirrored", known_share=1.0))


def test_a_picture_in_a_video_is_said_with_its_place() -> None:
    words = copy_words(match(kind="pdq", at_ms=62_000))
    assert "at 1:02 in the video" in words
    assert "4 of 256 bits differ" in words
    assert "in the video" not in copy_words(match(kind="pdq"))


@pytest.mark.parametrize(
    ("at_ms", "words"), [(0, "0:00"), (59_999, "0:59"), (61_000, "1:01"), (3_725_000, "1:02:05")]
)
def test_moments_are_written_as_players_do(at_ms: int, words: str) -> None:
    assert moment_words(at_ms) == words


def test_what_of_a_video_was_not_looked_at_is_said() -> None:
    seen = Examination(
        MediaHashes("0" * 64),
        "video",
        9,
        9,
        40,
        0,
        frames_total=900,
        duration_ms=60_000,
        looked_ms=30_000,
        left_out="looking at it took too long: only 30 s of 60 s were looked at",
    )
    assert looked_words(seen) == (
        "Looked at 0:30 of 1:00, in 40 of its 900 frames.",
        "Looking at it took too long: only 30 s of 60 s were looked at.",
    )
    assert looked_words(None) == ()
    assert looked_words(Examination(MediaHashes("0" * 64), "still", 9, 9, 1, 0)) == ()
